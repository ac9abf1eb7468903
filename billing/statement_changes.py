"""What differs between a statement and the payee's last one: by class, and in all.

Every form of the statement shows what this module returns, so that none can say anything else.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from billing.cdr import ChargeClass
from billing.statements import ClassTotal, Earlier, Statement
from foundation.money import Money, total
from foundation.quantities import BASIS_POINTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a class, or all of them together, came to before and comes to now.

    `charge_class` is None for all of them.
    """

    charge_class: ChargeClass | None
    before: ClassTotal
    now: ClassTotal

    @property
    def sessions(self) -> int:
        return self.now.sessions - self.before.sessions

    @property
    def energy_wh(self) -> Decimal:
        return self.now.energy_wh - self.before.energy_wh

    @property
    def net(self) -> Money:
        return self.now.net - self.before.net

    @property
    def payout(self) -> Money:
        return self.now.payout - self.before.payout

    @property
    def share_bps(self) -> int | None:
        """By how much the share rose or fell; None where one of the two has none."""
        before, now = share_of(self.before), share_of(self.now)
        return None if before is None or now is None else now - before


def share_of(sums: ClassTotal) -> int | None:
    """Return what part of the net revenue is paid out, in basis points, rounded half up.

    A class may hold sessions of several shares: this is what they come to together. None where
    there is no revenue to take a share of.
    """
    if sums.net.amount <= 0:
        return None
    part = sums.payout.amount * BASIS_POINTS / sums.net.amount
    return int(part.to_integral_value(ROUND_HALF_UP))


def all_of(statement: Statement | Earlier, currency: str) -> ClassTotal:
    """Return the sums of all classes together."""
    sums = statement.totals.values()
    return ClassTotal(
        sessions=sum(each.sessions for each in sums),
        energy_wh=sum((each.energy_wh for each in sums), Decimal(0)),
        net=total((each.net for each in sums), currency),
        payout=total((each.payout for each in sums), currency),
    )


def changes(statement: Statement) -> tuple[Change, ...]:
    """Return what changed since the payee's last statement: by class, then all together.

    Empty where there was no statement before, or where none was looked for when this one was
    written.
    """
    earlier = statement.earlier
    if earlier is None or earlier.statement_id is None:
        return ()
    currency = statement.currency
    return (
        *(
            Change(charge_class=each, before=earlier.totals[each], now=statement.totals[each])
            for each in ChargeClass
        ),
        Change(
            charge_class=None, before=all_of(earlier, currency), now=all_of(statement, currency)
        ),
    )
