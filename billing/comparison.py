"""A shadow statement beside the one that was issued in the end: what changed between, and why.

Each transaction whose payout differs is named, so that the changes add up to the difference of the
payouts, to the cent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from billing.statements import Statement
from foundation.identifiers import TransactionId
from foundation.money import Money


class Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a statement pays for a transaction, all its lines together, in minor units."""

    transaction_id: TransactionId
    net_minor: int
    payout_minor: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What of a statement is kept to be compared later.

    `unpaid` tells the reason for each transaction that was listed without being paid.
    """

    currency: str
    sessions: int
    payout_net_minor: int
    payout_gross_minor: int
    lines: tuple[Line, ...]
    unpaid: dict[str, str]


def figures_of(statement: Statement) -> Figures:
    """Return what of a statement is compared."""
    sums: dict[TransactionId, tuple[int, int]] = {}
    for line in statement.lines:
        net, payout = sums.get(line.transaction_id, (0, 0))
        sums[line.transaction_id] = (net + line.net.minor, payout + line.payout.minor)
    return Figures(
        currency=statement.currency,
        sessions=len(statement.lines),
        payout_net_minor=statement.payout_net.minor,
        payout_gross_minor=statement.payout_gross.minor,
        lines=tuple(Line(key, *sums[key]) for key in sorted(sums)),
        unpaid={str(each.transaction_id): each.reason for each in statement.unpaid},
    )


def nothing(currency: str) -> Figures:
    """Return the figures of a statement that was never issued."""
    return Figures(
        currency=currency,
        sessions=0,
        payout_net_minor=0,
        payout_gross_minor=0,
        lines=(),
        unpaid={},
    )


class ChangeKind(StrEnum):
    """What became of a transaction between the shadow and the statement."""

    ADDED = "added"
    """It came after the shadow was drawn."""
    RELEASED = "released"
    """It was held then, and is paid."""
    HELD = "held"
    """It was paid then, and is listed as unpaid."""
    GONE = "gone"
    """It was paid then, and does not stand on the statement."""
    PRICED = "priced"
    """Its revenue differs: a later revision, a recalculation."""
    SHARED = "shared"
    """Its revenue is the same, its share is not: another share, or the rounding of its group."""


@dataclass(frozen=True, slots=True)
class Change:
    """A transaction that is paid otherwise than the shadow said."""

    transaction_id: TransactionId
    kind: ChangeKind
    before: Money
    after: Money
    reason: str | None = None
    """Why it is not paid now, or was not then."""

    @property
    def difference(self) -> Money:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that differs; the differences of the changes add up to `after` less `before`."""

    before: Money
    after: Money
    gross_before: Money
    gross_after: Money
    changes: tuple[Change, ...]

    @property
    def difference(self) -> Money:
        return self.after - self.before


def compare(shadow: Figures, final: Figures) -> Comparison:
    """Return what differs between a shadow and the statement, both of one currency."""
    assert shadow.currency == final.currency, "a shadow of another currency"
    currency = final.currency
    then = {line.transaction_id: line for line in shadow.lines}
    now = {line.transaction_id: line for line in final.lines}
    changes = [
        _change(key, then.get(key), now.get(key), shadow.unpaid, final.unpaid, currency)
        for key in sorted({*then, *now})
        if then.get(key) != now.get(key)
    ]
    compared = Comparison(
        before=Money.from_minor(shadow.payout_net_minor, currency),
        after=Money.from_minor(final.payout_net_minor, currency),
        gross_before=Money.from_minor(shadow.payout_gross_minor, currency),
        gross_after=Money.from_minor(final.payout_gross_minor, currency),
        changes=tuple(changes),
    )
    told = sum((each.difference for each in changes), Money.zero(currency))
    assert told == compared.difference, "the changes do not add up"
    return compared


def _change(
    key: TransactionId,
    then: Line | None,
    now: Line | None,
    unpaid_then: Mapping[str, str],
    unpaid_now: Mapping[str, str],
    currency: str,
) -> Change:
    reason = None
    if then is None:
        reason = unpaid_then.get(str(key))
        kind = ChangeKind.ADDED if reason is None else ChangeKind.RELEASED
    elif now is None:
        reason = unpaid_now.get(str(key))
        kind = ChangeKind.GONE if reason is None else ChangeKind.HELD
    else:
        kind = ChangeKind.SHARED if then.net_minor == now.net_minor else ChangeKind.PRICED
    return Change(
        key,
        kind,
        Money.from_minor(0 if then is None else then.payout_minor, currency),
        Money.from_minor(0 if now is None else now.payout_minor, currency),
        reason,
    )
