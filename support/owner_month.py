"""An owner's month: what happened to his stations, what was done, what it cost and earned."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Organisation, Scope
from alerts import alerting
from alerts.alerting import Filter
from alerts.life import AlertState
from billing import books, service_costs
from billing.months import Month
from csms import registry
from csms.connectivity import SilenceLimits
from foundation.identifiers import StationId
from foundation.money import Money, total
from support import performance, tickets
from support.performance import Performance
from support.tickets import TicketState
from support.uptime import Span

MOST: int = 500
"""So many stations, alerts and tickets are looked at."""


@dataclass(frozen=True, slots=True)
class StationMonth:
    """A station in the month."""

    station: StationId
    name: str
    did: Performance


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerMonth:
    """What there is to say of a month.

    Attributes:
        period: In the owner's zone; up to now for the month that runs.
        is_over: Whether the month is over.
        together: What all his stations did.
        stations: Each of them, the longest down first.
        alerts: How many were raised, by detection.
        still_open: How many of these are open.
        tickets_opened: In the month.
        tickets_closed: In the month.
        earned: Net revenue of the sessions that ended in the month, by currency.
        payouts: What the month's statements pay, gross, by currency; empty before the close.
        costs: Net, of services and what else is charged, by currency.
    """

    organisation: Organisation
    month: Month
    period: Span
    is_over: bool
    together: Performance
    stations: Sequence[StationMonth]
    alerts: Mapping[str, int]
    still_open: int
    tickets_opened: int
    tickets_closed: int
    earned: Sequence[Money]
    payouts: Sequence[Money]
    costs: Sequence[Money]


def period_of(month: Month, zone: ZoneInfo, now: datetime) -> Span:
    """Return the month's moments in a zone, up to now at most."""
    start, end = month.start(zone), month.end(zone)
    return Span(start, max(start, min(end, now)))


async def owner_month(
    db: AsyncSession,
    organisation: Organisation,
    month: Month,
    *,
    now: datetime,
) -> OwnerMonth:
    """Return what there is to say of an owner's month; one to come is empty.

    Args:
        db: The unit of work.
        organisation: The owner.
        month: Which.
        now: The moment.
    """
    scope = Scope(frozenset({organisation.key}))
    zone = ZoneInfo(organisation.time_zone)
    period = period_of(month, zone, now)
    found = await registry.stations(
        db, scope, now, limits=SilenceLimits(), admission="accepted", limit=MOST
    )
    names = {each.identity: each.name or "" for each in found}
    read = await performance.measured(db, scope, sorted(names), period)
    raised = await alerting.alerts(
        db, scope, Filter(raised_from=period.start, raised_before=period.end), limit=MOST
    )
    told = await tickets.tickets(db, scope, limit=MOST)
    earned: dict[str, list[Money]] = {}
    last = month.next.first_day - timedelta(days=1)
    for each in await books.daily(db, scope, zone, first=month.first_day, last=last):
        earned.setdefault(each.currency, []).append(each.net)
    statements = await books.statements(db, scope, payee=organisation.key, month=str(month))
    costs = await service_costs.month_costs(
        db, organisation.key, month, currency=organisation.currency, now=now
    )
    stations = [StationMonth(each, name, read.of([each])) for each, name in names.items()]
    return OwnerMonth(
        organisation=organisation,
        month=month,
        period=period,
        is_over=month.end(zone) <= now,
        together=read.of(names),
        stations=sorted(stations, key=lambda each: (-each.did.uptime.down, each.station)),
        alerts=Counter(each.alert.detection.value for each in raised),
        still_open=sum(each.alert.state is AlertState.OPEN for each in raised),
        tickets_opened=sum(period.start <= each.opened_at < period.end for each in told),
        tickets_closed=sum(
            each.state is TicketState.CLOSED
            and each.closed_at is not None
            and period.start <= each.closed_at < period.end
            for each in told
        ),
        earned=[total(amounts, currency) for currency, amounts in sorted(earned.items())],
        payouts=[each.payout_gross for each in statements],
        costs=costs.totals,
    )
