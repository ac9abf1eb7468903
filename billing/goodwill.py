"""A transaction that staff started and gave away: it costs nothing, and says why.

A start by staff carries a billing decision. With `token` the driver's token pays as usual; with
`free` nobody pays, so that it is the operator's own affair: internal, a line of price 0.
"""

from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from billing.cdr import ChargeClass
from billing.rating import Explanation, LineKind, PricedLine, Rating, Unit
from billing.terms import Sharing
from foundation.events import TransactionEnded
from foundation.money import Money

FREE: Final = "free"
"""The billing decision that gives a transaction away."""

_ONE: Final = Decimal(1)


def is_given(ended: TransactionEnded) -> bool:
    """Tell whether staff decided that the transaction costs nothing."""
    return ended.billing_decision == FREE


def rating_of(ended: TransactionEnded, currency: str) -> Rating:
    """Return the price of what was given away: one line of nothing, with its explanation."""
    zero = Money.zero(currency)
    kind = LineKind.BY_STAFF
    line = PricedLine(
        kind=kind,
        quantity=_ONE,
        unit=Unit.ONCE,
        unit_price=zero,
        step_size=None,
        exact=zero,
        net=zero,
        vat_rate=None,
        vat=zero,
        from_at=ended.started_at,
        to_at=ended.ended_at,
        explanation=Explanation(kind=kind, measured=_ONE, element=None, restrictions=None),
    )
    return Rating((line,), zero, zero, zero)


def sharing_of(ended: TransactionEnded, frozen: Sharing) -> Sharing:
    """Return whose transaction it is for the books: internal and nobody's if it was given away."""
    if not is_given(ended):
        return frozen
    return replace(frozen, charge_class=ChargeClass.INTERNAL, payer=None)
