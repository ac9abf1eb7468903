"""What the generated messages are made of: their base class, and numbers as exact decimals.

`msgspec` decodes `Decimal` from a JSON string as well as from a JSON number, and knows no bounds
for it, whereas the schemas say `number`. So a number is a type of our own, decoded by
`decode_number`; whoever decodes messages passes it as `dec_hook`, and `Decimal` as `float_hook`
(see `csms.ocpp.codec`).
"""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from msgspec import Meta, Struct

Moment: TypeAlias = Annotated[datetime, Meta(tz=True)]
"""A date-time by RFC 3339 with a zone; the zone is the sender's, so not always UTC."""


class Message(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", gc=False
):
    """A payload, or a part of one; a field that was not sent is `UNSET`, never None."""


if TYPE_CHECKING:
    Number: TypeAlias = Decimal
    Tenths: TypeAlias = Decimal
    NumberTo0: TypeAlias = Decimal
    NumberFrom0To100: TypeAlias = Decimal
else:

    class _FiniteDecimal(type):
        """`isinstance(x, Number)` asks whether x is finite, in C: a third of an ABC's price."""

        __instancecheck__ = staticmethod(Decimal.is_finite)

    class Number(metaclass=_FiniteDecimal):
        """A JSON number, read digit by digit."""

    class Tenths(Number):
        """A number with at most one decimal (the schemas' `multipleOf: 0.1`)."""

    class NumberTo0(Number):
        """A number that is zero or negative."""

    class NumberFrom0To100(Number):
        """A number from 0 to 100, both included."""


_JSON_NAMES: dict[type, str] = {
    str: "str",
    bool: "bool",
    type(None): "null",
    list: "array",
    dict: "object",
}


def decode_number(kind: type, value: Any) -> Decimal:
    """Return the value of a number field, exact; `kind` is one of the types above.

    A number beyond 10^±40 is refused, too: nothing that OCPP measures is as large, and somebody's
    arithmetic with 1E+999999999 would never end.

    Raises:
        ValueError: If the JSON value is no number or out of bounds; `msgspec` adds the path.
    """
    if value.__class__ is Decimal and kind is Number and -40 <= value.adjusted() <= 40:
        return value
    if value.__class__ is not Decimal:
        if value.__class__ is not int:
            raise ValueError(f"Expected `number`, got `{_JSON_NAMES[type(value)]}`")
        value = Decimal(value)
    if not -40 <= value.adjusted() <= 40:
        raise ValueError("Expected `number` between 1e-40 and 1e40")
    if kind is not Number:
        _check_bounds(kind, value)
    return value  # type: ignore[no-any-return]  # decided above


def _check_bounds(kind: type, value: Decimal) -> None:
    if kind is Tenths and (value.normalize().as_tuple().exponent or 0) < -1:  # type: ignore[operator]  # finite
        raise ValueError("Expected `number` that's a multiple of 0.1")
    if kind is NumberTo0 and value > 0:
        raise ValueError("Expected `number` <= 0")
    if kind is NumberFrom0To100 and not 0 <= value <= 100:
        raise ValueError("Expected `number` >= 0 and <= 100")
