"""What a transaction costs: usage and a tariff in, priced lines with their explanation out."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from billing.tariffs import Restrictions
from foundation.money import Money


class LineKind(StrEnum):
    """What a line is for, in the order in which lines stand."""

    RESERVATION_FLAT = "reservation_flat"
    RESERVATION_TIME = "reservation_time"
    FLAT = "flat"
    ENERGY = "energy"
    TIME = "time"
    PARKING_TIME = "parking_time"
    MIN_PRICE = "min_price"
    MAX_PRICE = "max_price"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a line is what it is, as values that can be told in any language.

    Attributes:
        measured: What was measured, in the line's unit, before rounding up to steps.
        element: Index of the tariff element that gave the price; None for a minimum or maximum.
        restrictions: Under which the element held; None if it has none.
        limit: The minimum or maximum price that the line brings the sum to, excluding VAT.
    """

    kind: LineKind
    measured: Decimal
    element: int | None
    restrictions: Restrictions | None
    limit: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedLine:
    """One line of a CDR.

    Attributes:
        quantity: What is billed, in `unit` (kWh, h or 1), whole steps included.
        unit_price: Excluding VAT, exact.
        step_size: In Wh or s if the billed quantity was rounded up to it, else None.
        exact: quantity × unit_price, excluding VAT.
        net: `exact`, rounded once.
        vat_rate: Percentage; None where no VAT applies or several rates are mixed.
        vat: Rounded.
    """

    kind: LineKind
    quantity: Decimal
    unit: str
    unit_price: Money
    step_size: int | None
    exact: Money
    net: Money
    vat_rate: Decimal | None
    vat: Money
    from_at: datetime
    to_at: datetime
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class Rating:
    """What a usage costs; the sums are those of the rounded lines."""

    lines: tuple[PricedLine, ...]
    net: Money
    vat: Money
    gross: Money
