"""What a session's station said of money: limits, its own cost beside ours, settlements."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from csms import payments
from csms.charging import Transaction
from csms.payments import Counted, Limits, Settlement
from foundation.charging_limits import ChargingLimits
from portal.words import Words


@dataclass(frozen=True, slots=True)
class LimitLine:
    """One limit, by the station, by us, and what holds; empty where there is none."""

    name: str
    stations: str
    ours: str
    holds: str


@dataclass(frozen=True, slots=True)
class MoneyCard:
    """What is shown; `difference` is the station's cost less ours, None where both agree."""

    lines: tuple[LimitLine, ...]
    counted: Counted | None
    difference: Decimal | None
    settlements: tuple[Settlement, ...]


async def money_card(
    db: AsyncSession, found: Transaction, gross: Decimal | None, said: Words
) -> MoneyCard | None:
    """Return what the station said of money with a session; None where it said nothing.

    Args:
        db: A unit of work.
        found: The session, which the caller may see.
        gross: What it comes to by our own rating, which is what is billed; None: not rated yet.
        said: The reader's language.
    """
    limits = await payments.limits(db, found.transaction_id)
    counted = await payments.counted(db, found.transaction_id)
    settled = await payments.settlements(db, transaction=found.transaction_id)
    if limits is None and counted is None and not settled:
        return None
    difference = None
    if counted is not None and counted.is_final and counted.failure is None:
        theirs = counted.incl_tax
        if theirs is not None and gross is not None and theirs != gross:
            difference = theirs - gross
    lines = () if limits is None else _lines(limits, said)
    return MoneyCard(lines, counted, difference, tuple(settled))


def _lines(limits: Limits, said: Words) -> tuple[LimitLine, ...]:
    names = {
        "max_cost": said.gettext("Cost"),
        "max_energy_wh": said.gettext("Energy (Wh)"),
        "max_time_s": said.gettext("Time (s)"),
        "max_soc": said.gettext("State of charge (%)"),
    }

    def shown(each: ChargingLimits, name: str) -> str:
        value = getattr(each, name)
        return "" if value is None else f"{value}"

    return tuple(
        LimitLine(
            title, shown(limits.stations, name), shown(limits.ours, name), shown(holding, name)
        )
        for holding in (limits.holding,)
        for name, title in names.items()
        if shown(holding, name)
    )
