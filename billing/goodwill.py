"""What staff gave away of a transaction: it costs nothing, and says why.

A start by staff carries a billing decision. With `token` the driver's token pays as usual; with
`free` nobody pays, so that it is the operator's own affair: internal, a line of price 0. Billing
that was stopped while the vehicle charged (`until:MOMENT`) leaves the price of what was used up
to that moment, and a line of price 0 from then on.
"""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from msgspec.structs import replace

from billing.cdr import ChargeClass
from billing.rating import Explanation, LineKind, PricedLine, Rating, Unit
from billing.terms import Sharing
from billing.usage import Usage
from foundation.events import TransactionEnded, UsagePoint
from foundation.money import Money

FREE: Final = "free"
"""The billing decision that gives a transaction away."""

UNTIL: Final = "until:"
"""What the decision begins with that stops the billing; the moment follows, with its zone."""

_ONE: Final = Decimal(1)
_MILLI: Final = Decimal("0.001")


def is_given(ended: TransactionEnded) -> bool:
    """Tell whether staff decided that the transaction costs nothing."""
    return ended.billing_decision == FREE


def billed_until(ended: TransactionEnded) -> datetime | None:
    """Return from when on nothing is charged; None if all of it is."""
    decision = ended.billing_decision
    if decision is None or not decision.startswith(UNTIL):
        return None
    at = datetime.fromisoformat(decision.removeprefix(UNTIL))
    assert at.tzinfo is not None, "a decision names its zone"
    return at if at < ended.ended_at else None


def usage_of(ended: TransactionEnded) -> Usage:
    """Return the usage that is charged: all of it, or what came before the billing was stopped.

    Between two readings the energy is taken as used evenly, in mWh, rounded half up.
    """
    usage = Usage.of(ended)
    until = billed_until(ended)
    if until is None:
        return usage
    before = [point for point in usage.points if point.at <= until] or [usage.points[0]]
    after = next((point for point in usage.points if point.at > until), None)
    last = before[-1]
    if after is not None and last.at < until:
        share = Decimal((until - last.at) / (after.at - last.at))
        energy_wh = last.energy_wh + (after.energy_wh - last.energy_wh) * share
        energy_wh = energy_wh.quantize(_MILLI, rounding=ROUND_HALF_UP)
        before.append(UsagePoint(until, energy_wh, last.charging))
    return Usage(tuple(before))


def with_explanation(rating: Rating, ended: TransactionEnded) -> Rating:
    """Return the rating with a line of nothing for what was used after the billing was stopped."""
    until = billed_until(ended)
    if until is None:
        return rating
    line = _line_of_nothing(LineKind.NOT_BILLED, until, ended, rating.net.currency)
    return Rating((*rating.lines, line), rating.net, rating.vat, rating.gross)


def rating_of(ended: TransactionEnded, currency: str) -> Rating:
    """Return the price of what was given away: one line of nothing, with its explanation."""
    zero = Money.zero(currency)
    line = _line_of_nothing(LineKind.BY_STAFF, ended.started_at, ended, currency)
    return Rating((line,), zero, zero, zero)


def rating_of_ghost(ended: TransactionEnded, currency: str) -> Rating:
    """Return the price of a transaction that took no energy: one line of nothing."""
    zero = Money.zero(currency)
    line = _line_of_nothing(LineKind.GHOST, ended.started_at, ended, currency)
    return Rating((line,), zero, zero, zero)


def _line_of_nothing(
    kind: LineKind, from_at: datetime, ended: TransactionEnded, currency: str
) -> PricedLine:
    zero = Money.zero(currency)
    return PricedLine(
        kind=kind,
        quantity=_ONE,
        unit=Unit.ONCE,
        unit_price=zero,
        step_size=None,
        exact=zero,
        net=zero,
        vat_rate=None,
        vat=zero,
        from_at=from_at,
        to_at=ended.ended_at,
        explanation=Explanation(kind=kind, measured=_ONE, element=None, restrictions=None),
    )


def sharing_of(ended: TransactionEnded, frozen: Sharing) -> Sharing:
    """Return whose transaction it is for the books: internal and nobody's if it was given away."""
    if not is_given(ended):
        return frozen
    return replace(frozen, charge_class=ChargeClass.INTERNAL, payer=None)
