"""How messages to programs are signed, so that these know who sent them.

Source: Standard Webhooks 1.0 (headers, signature, secrets).
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

OLD_SECRET_LASTS: Final = timedelta(hours=24)
"""How long messages are signed with the secret before the present one, too."""

_SECRET_BYTES: Final = 32


def new_secret() -> bytes:
    """Return a secret that nobody can guess."""
    return secrets.token_bytes(_SECRET_BYTES)


def shown_secret(secret: bytes) -> str:
    """Return a secret as receivers configure it."""
    return f"whsec_{base64.b64encode(secret).decode()}"


def signature(secret: bytes, message_id: str, at: datetime, body: bytes) -> str:
    """Return the signature of a message, as in the header `webhook-signature`."""
    signed = f"{message_id}.{round(at.timestamp())}.".encode() + body
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def signed_headers(
    keys: Iterable[bytes], message_id: str, at: datetime, body: bytes
) -> dict[str, str]:
    """Return the headers that a receiver checks.

    Args:
        keys: The secrets that hold now: one, or for a day two.
        message_id: The same for every try of a message.
        at: When it is sent; receivers refuse what is some minutes off.
        body: As it is sent.
    """
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(round(at.timestamp())),
        "webhook-signature": " ".join(signature(each, message_id, at, body) for each in keys),
    }
