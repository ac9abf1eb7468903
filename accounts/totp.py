"""One-time codes of a second factor: six digits, another every thirty seconds.

Source: RFC 6238 (TOTP) with RFC 4226 (HOTP), HMAC-SHA-1, six digits, steps of 30 s, which is what
the common authenticator programs take.
"""

import base64
import hashlib
import hmac
from datetime import datetime
from urllib.parse import quote, urlencode

STEP_S = 30
DIGITS = 6
SECRET_BYTES = 20
"""As long as the hash, which RFC 4226, section 4 recommends."""
_DRIFT_STEPS = 1
"""A code of the step before or behind is taken: clocks differ, and people type slowly."""


def step_at(moment: datetime) -> int:
    """Return the number of the time step."""
    return int(moment.timestamp()) // STEP_S


def code(secret: bytes, step: int) -> str:
    """Return the code of a time step."""
    digest = hmac.digest(secret, step.to_bytes(8), hashlib.sha1)
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def accepted_step(secret: bytes, given: str, now: datetime, *, last_step: int) -> int | None:
    """Return the step whose code was given; None if it is wrong, too old, or was used before.

    Args:
        secret: The shared secret.
        given: As typed; spaces do not matter.
        now: The moment of the try.
        last_step: The newest step that a code was taken of: no code is taken twice.
    """
    typed = given.replace(" ", "")
    current = step_at(now)
    found = None
    for step in range(current - _DRIFT_STEPS, current + _DRIFT_STEPS + 1):
        # All are compared, and in constant time, so that the time taken tells nothing.
        is_same = hmac.compare_digest(code(secret, step).encode(), typed.encode("utf-8", "replace"))
        if is_same and step > last_step:
            found = step
    return found


def as_text(secret: bytes) -> str:
    """Return the secret as people type it into their program."""
    return base64.b32encode(secret).decode().rstrip("=")


def from_text(text: str) -> bytes:
    """Return the secret that people typed, spaces and case aside.

    Raises:
        ValueError: If it is no base 32.
    """
    plain = text.replace(" ", "").upper()
    return base64.b32decode(plain + "=" * (-len(plain) % 8))


def address(secret: bytes, *, person: str, issuer: str) -> str:
    """Return the `otpauth` address that a QR code carries.

    Source: the key URI format of Google Authenticator, which others took over.
    """
    label = quote(f"{issuer}:{person}", safe="")
    query = urlencode({"secret": as_text(secret), "issuer": issuer}, quote_via=quote)
    return f"otpauth://totp/{label}?{query}"
