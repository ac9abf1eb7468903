"""Passwords of stations: long and random, checked by a salted HMAC.

A station's password is a machine's secret of 16 to 40 characters, not a person's word: guessing is
out of reach, and ten thousand stations that return at once must be let in within seconds. So a
fast keyed hash is enough here (0.6 µs); people's passwords are argon2 (`accounts.passwords`).
"""

import hmac
import secrets

_SALT_BYTES = 16


def password_record(password: bytes) -> bytes:
    """Return what is stored of a password: a fresh salt and the HMAC-SHA-256 under it."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return salt + hmac.digest(salt, password, "sha256")


def matches(record: bytes, offered: bytes) -> bool:
    """Tell whether an offered password is the recorded one; takes the same time either way."""
    salt, digest = record[:_SALT_BYTES], record[_SALT_BYTES:]
    return hmac.compare_digest(hmac.digest(salt, offered, "sha256"), digest)


def matches_in_hex(record: bytes, offered: bytes) -> bool:
    """Tell whether the password was offered as hex text, or recorded as such and offered raw.

    Some stations send the bytes that their hex password stands for, others the hex text of the
    bytes (OCPP 1.6 security whitepaper, section 3.2 leaves room for both).
    """
    if matches(record, offered.hex().encode()) or matches(record, offered.hex().upper().encode()):
        return True
    try:
        return matches(record, bytes.fromhex(offered.decode("ascii")))
    except ValueError:
        return False


def new_password() -> str:
    """Return a fresh random password: 40 characters that every station accepts."""
    return secrets.token_hex(20)
