"""What bodies of the API have in common: strict fields, exact money, moments in UTC."""

import json
import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Path
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)
from starlette.requests import Request

from foundation.errors import InvalidInput
from foundation.money import Money
from portal.problems import MEDIA_TYPE


def iso(moment: datetime) -> str:
    """Return ISO 8601 in UTC with `Z`, with microseconds only where there are some."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _written(value: Any) -> Any:
    """Refuse numbers, also as text, which the parser would take for seconds since 1970."""
    if isinstance(value, int | float) or (
        isinstance(value, str) and not re.match(r"\s*\d{4,}-\d\d-\d\d", value)
    ):
        raise ValueError("write it as ISO 8601, as in 2026-10-15T12:00:00Z")
    return value


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("it lies outside of the years 1 to 9999") from None


Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_written),
    AfterValidator(_in_utc),
    PlainSerializer(iso, return_type=str, when_used="json"),
]
"""ISO 8601 with a zone on the way in, UTC with `Z` on the way out."""


Number = Annotated[int, Path(ge=1, le=2**62)]
"""A number in a path, as the database counts."""


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


Quantity = Annotated[
    Decimal,
    PlainSerializer(_number, return_type=int | float, when_used="json"),
]
"""Energy in Wh or power in W: exact inside, a JSON number outside."""


class Answer(BaseModel):
    """The base of what the API answers."""

    model_config = ConfigDict(frozen=True)


class Body(BaseModel):
    """The base of what the API takes: unknown fields are refused, so no typing error is lost."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unstorable(cls, body: Any) -> Any:
        if not is_storable(body):
            raise ValueError("a text holds a character that is no text (NUL or half a pair)")
        return body

    def given(self) -> dict[str, Any]:
        """Return what was sent, by name: what a PATCH changes."""
        return {name: getattr(self, name) for name in type(self).model_fields if self.has(name)}

    def has(self, name: str) -> bool:
        """Tell whether a field was sent, be it null."""
        return name in self.model_fields_set


def is_storable(value: Any) -> bool:
    """Tell whether the database can hold every text in a decoded JSON value."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            if not is_storable_text(part):
                return False
        elif isinstance(part, dict):
            waiting.extend(part.keys())
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return True


def is_storable_text(text: str) -> bool:
    """Tell whether the database can hold the text: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= each <= "\udfff" for each in text)


async def json_object(request: Request) -> dict[str, Any]:
    """Return a body that is read by a room itself; numbers stay exact.

    Raises:
        InvalidInput: If it is no JSON object, or holds what is no text or no number.
    """
    try:
        body = json.loads(await request.body(), parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise InvalidInput("The body is not JSON.") from None
    if not isinstance(body, dict) or not is_storable(body):
        raise InvalidInput("The body must be a JSON object whose texts are texts.")
    return body


def _no_number(word: str) -> None:
    raise ValueError(word)


class MoneyModel(Answer):
    """An amount of money."""

    model_config = ConfigDict(
        frozen=True, json_schema_extra={"example": {"amount": "12.34", "currency": "EUR"}}
    )

    amount: str
    currency: str

    @classmethod
    def of(cls, value: Money) -> "MoneyModel":
        """Return a rounded amount with all the digits of its currency."""
        return cls(amount=value.text, currency=value.currency)

    @classmethod
    def of_exact(cls, value: Money) -> "MoneyModel":
        """Return an amount that is not rounded, such as a unit price."""
        return cls(amount=format(value.amount, "f"), currency=value.currency)

    @classmethod
    def of_optional(cls, value: Money | None) -> "MoneyModel | None":
        """Return the amount, or nothing for nothing."""
        return None if value is None else cls.of(value)


PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "Refused: a problem document (RFC 9457) with a stable `code`.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}
"""What every call may answer besides its own."""

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "Why a call was refused (RFC 9457).",
    "required": ["status", "code", "title", "detail"],
    "properties": {
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; what programs decide by."},
        "title": {"type": "string"},
        "detail": {"type": "string", "description": "For a person."},
        "field": {"type": "string", "description": "The path of what is wrong."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string"},
                    "message": {"type": "string"},
                    "line": {"type": "integer", "description": "Of the file that was sent."},
                },
            },
        },
        "tier": {"type": "string", "description": "The account's, where it is the reason."},
        "stops": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The functions that would stop, where one has to agree to it.",
        },
        "incident": {"type": "string", "description": "Name it when you ask us about it."},
    },
    "example": {
        "status": 422,
        "code": "invalid_input",
        "title": "Invalid input",
        "detail": "iban has wrong check digits; look for a typing error.",
        "field": "iban",
    },
}


Since = Annotated[
    Moment | Annotated[date, BeforeValidator(_written)],
    Field(
        union_mode="left_to_right",
        description="A moment, or a day: then its beginning in the organisation's time zone.",
    ),
]
"""When something begins or ends to hold."""


def moment_of(since: datetime | date, time_zone: str) -> datetime:
    """Return the moment that was meant: a day begins at its midnight in the time zone.

    Raises:
        InvalidInput: If that lies outside of the years that there are.
    """
    if isinstance(since, datetime):
        return since
    try:
        return datetime.combine(since, time(), ZoneInfo(time_zone)).astimezone(UTC)
    except OverflowError:
        raise InvalidInput("The day lies outside of the years 1 to 9999.") from None
