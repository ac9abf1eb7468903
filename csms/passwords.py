"""Passwords of stations: long and random, checked by a salted HMAC.

A station's password is a machine's secret of 16 to 40 characters, not a person's word: guessing is
out of reach, and ten thousand stations that return at once must be let in within seconds. So a
fast keyed hash is enough here (0.6 µs); people's passwords are argon2 (`accounts.passwords`).
"""

import hmac
import secrets
from collections.abc import Mapping
from typing import Any

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


OVER_THE_WIRE = {True: (16, 20), False: (16, 40)}
"""Characters that a password may have which a 1.6 (2.x) station is told over the wire."""


def new_password_over_the_wire(*, is_16: bool) -> str:
    """Return a fresh random password that a station can be told by its own protocol."""
    return secrets.token_hex(OVER_THE_WIRE[is_16][1] // 2)


def telling(password: str, *, is_16: bool) -> tuple[str, dict[str, Any]]:
    """Return the action and payload by which a station is told its Basic password.

    Sources: OCPP 1.6 security whitepaper edition 3, AuthorizationKey (the bytes as hex text); OCPP
    2.0.1, A01.FR.02, SecurityCtrlr.BasicAuthPassword.
    """
    if is_16:
        value = password.encode().hex()
        return "ChangeConfiguration", {"key": "AuthorizationKey", "value": value}
    entry = {
        "attributeValue": password,
        "component": {"name": "SecurityCtrlr"},
        "variable": {"name": "BasicAuthPassword"},
    }
    return "SetVariables", {"setVariableData": [entry]}


def told_in(action: str, payload: Mapping[str, Any]) -> bytes | None:
    """Return the Basic password that a command tells a station; None if it tells none.

    In 1.6 the bytes stand as hex text; one that is no hex text is taken as it stands, as stations
    of the whitepaper's first edition do.
    """
    if action == "ChangeConfiguration":
        if str(payload.get("key")).lower() != "authorizationkey":
            return None
        value = str(payload.get("value", ""))
        try:
            return bytes.fromhex(value)
        except ValueError:
            return value.encode()
    if action == "SetVariables":
        entry = _password_entry(payload)
        return None if entry is None else str(entry.get("attributeValue", "")).encode()
    if action == "SetNetworkProfile":
        connection = payload.get("connectionData")
        told = connection.get("basicAuthPassword") if isinstance(connection, Mapping) else None
        return told.encode() if isinstance(told, str) else None
    return None


def tells_password(action: str, payload: Mapping[str, Any]) -> bool:
    """Tell whether a command tells a station its password; the value itself may be masked."""
    return told_in(action, payload) is not None


def _password_entry(payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
    entries = payload.get("setVariableData")
    for each in entries if isinstance(entries, list | tuple) else ():
        variable = each.get("variable") if isinstance(each, Mapping) else None
        if isinstance(variable, Mapping):
            name = str(variable.get("name")).lower()
            if name == "basicauthpassword":
                return each if isinstance(each, Mapping) else None
    return None
