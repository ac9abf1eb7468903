"""What the translations of all versions share: texts, numbers and moments made safe to keep.

The database's types are narrower than JSON's: a text there has no NUL, an integer has 64 or 32
bits. What does not fit is None here, or the value that means "unusable" in its place.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import UnsetType

from csms.ocpp.errors import ErrorCode, MessageError
from csms.ocpp.fields import Message
from csms.ocpp.moments import in_utc
from csms.reports import KeptReport, Origin
from foundation.identifiers import EvseId, IdToken

_LARGEST_64 = 2**63 - 1
_LARGEST_32 = 2**31 - 1

UNUSABLE_NUMBER = -1
"""What stations without an id send as 1.6's transactionId, and what we make of a larger one."""


def text(value: str | UnsetType) -> str | None:
    """Return a text without surrounding space; None if it is missing, empty or "null" (P12)."""
    if not value:
        return None
    cleaned = value.replace("\0", "").strip()
    return None if cleaned in ("", "null") else cleaned


def id_token(value: str | UnsetType, kind: str = "ISO14443") -> IdToken | None:
    """Return an id token; None if there is nothing in it to compare (I31).

    One of type NoAuthorization says all by its type, and is empty by the standard (C01, C02).
    """
    token = IdToken(value.replace("\0", "") if value else "", kind)
    return token if token.key or kind == "NoAuthorization" else None


def reported_at(value: datetime | UnsetType, origin: Origin) -> datetime:
    """Return the reported moment in UTC; the time of receipt where the station named none (T28)."""
    return in_utc(value) if isinstance(value, datetime) else origin.received_at


def integer(value: int | UnsetType) -> int | None:
    """Return an integer of at most 64 bits; None if it is missing or larger."""
    if isinstance(value, int) and -_LARGEST_64 <= value <= _LARGEST_64:
        return value
    return None


def transaction_number(value: int | UnsetType) -> int | None:
    """Return 1.6's transactionId, whatever it is; larger than 64 bits it is unusable (X34)."""
    if not isinstance(value, int):
        return None
    return value if -_LARGEST_64 <= value <= _LARGEST_64 else UNUSABLE_NUMBER


def evse_number(value: int | UnsetType) -> EvseId | None:
    """Return the number of an EVSE or connector; None if it is missing or cannot be one."""
    if isinstance(value, int) and 0 <= value <= _LARGEST_32:
        return EvseId(value)
    return None


def register_wh(value: int | UnsetType) -> Decimal | None:
    """Return 1.6's meterStart or meterStop; None if it is missing."""
    return Decimal(value) if isinstance(value, int) else None


def kept(message: Message, origin: Origin) -> KeptReport:
    """Return the report on a message that decides nothing: its payload as the schema names it."""
    payload: dict[str, Any] = _with_numbers(msgspec.to_builtins(message, builtin_types=(Decimal,)))
    return KeptReport(origin, payload)


def _with_numbers(value: Any) -> Any:
    """Return builtins whose numbers are numbers as JSON has them, and no texts of their digits."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _with_numbers(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_with_numbers(each) for each in value]
    return value


def without_nul(value: Any) -> Any:
    """Return what is to be kept as JSON without NULs in its texts, which no text can hold."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {without_nul(name): without_nul(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_nul(each) for each in value]
    return value


def not_supported(action: str) -> MessageError:
    """Return the refusal of an action whose answer would be a decision that nobody here takes."""
    return MessageError(ErrorCode.NOT_SUPPORTED, "$", f"{action} is not served here")
