"""Face: what an organisation's services will cost, and why: for any day, and day by day.

A forecast says for each line which rule produced it and what can still become of it; what was
booked already (licences, credits, jobs, corrections) stands beside it. Nothing is booked here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from billing import charges, service_prices, service_store
from billing.charges import BookedCharge
from billing.months import Month
from billing.service_facts import (
    Facts,
    ServiceLine,
    bounds_of,
    charge_points,
    daily_totals,
    facts,
    service_lines,
)
from billing.services import (
    Bounds,
    MonthOf,
    Outlook,
    Policy,
    Rule,
    ServicePrice,
    Span,
    month_of,
    outlook,
    spans,
)
from foundation.identifiers import OrganisationKey, StationId
from foundation.money import Money

_TICK: Final = timedelta(microseconds=1)
MONTHS_AT_MOST: Final = 36
"""How many months a report of waived months spans at most."""


@dataclass(frozen=True, slots=True)
class CostLine:
    """One line of a forecast.

    Attributes:
        line: The service in the month.
        outlook: What can still become of it.
        until: The last day on which switching off waives it, where that is so.
    """

    line: ServiceLine
    outlook: Outlook
    until: date | None


@dataclass(frozen=True, kw_only=True, slots=True)
class MonthCosts:
    """What an organisation will pay for a month, as it is known on a day.

    Attributes:
        bounds: The month, in the organisation's zone.
        day: What is known at its end; of a day that runs or is to come, now.
        lines: Of services, charged or waived.
        booked: What was booked already that is none of these lines.
        totals: What is to be paid by both, net, by currency.
        days: What services would come to by the end of each day, up to now, in `currency`.
    """

    bounds: Bounds
    day: date
    lines: tuple[CostLine, ...]
    booked: tuple[BookedCharge, ...]
    totals: tuple[Money, ...]
    currency: str
    days: tuple[tuple[date, Money], ...]


async def month_costs(
    db: AsyncSession,
    organisation: OrganisationKey,
    month: Month,
    *,
    day: date | None = None,
    currency: str,
    now: datetime,
) -> MonthCosts:
    """Return what an organisation will pay for a month.

    Args:
        db: The unit of work.
        organisation: Who pays.
        month: Which; one to come is told as if nothing changed until then.
        day: As it was known at the end of this day; the last one of the month if left out.
        currency: Of the totals by day.
        now: The moment.

    Raises:
        NotFound: If there is no such organisation.
    """
    known = await facts(db, organisation, month)
    bounds = known.bounds
    asked = bounds.last_day if day is None else min(max(day, month.first_day), bounds.last_day)
    until = min(known.day_ends[asked.day - 1], now + _TICK)
    found = service_lines(known, until=until)
    is_over = until >= bounds.end
    lines = tuple(_line(each, bounds, is_over=is_over) for each in found)
    keys = {each.key for each in found}
    booked = tuple(
        each
        for each in await charges.of_period(db, known.debtor, month.first_day, bounds.last_day)
        if each.charge.key not in keys
    )
    amounts = [each.line.month.charged for each in lines]
    return MonthCosts(
        bounds=bounds,
        day=asked,
        lines=lines,
        booked=booked,
        totals=_totals([*amounts, *(each.charge.net for each in booked)]),
        currency=currency,
        days=_days(known, currency, now),
    )


def _line(line: ServiceLine, bounds: Bounds, *, is_over: bool) -> CostLine:
    still = outlook(line.month, is_over=is_over)
    return CostLine(line, still, bounds.last_day if still is Outlook.IF_STILL_ACTIVE else None)


def _totals(amounts: Sequence[Money | None]) -> tuple[Money, ...]:
    sums: dict[str, Decimal] = {}
    for each in amounts:
        if each is not None:
            sums[each.currency] = sums.get(each.currency, Decimal(0)) + each.amount
    return tuple(Money(amount, currency) for currency, amount in sorted(sums.items()))


def _days(known: Facts, currency: str, now: datetime) -> tuple[tuple[date, Money], ...]:
    first = known.bounds.month.first_day
    begun = sum(each <= now for each in known.day_ends) + 1 if now >= known.bounds.start else 0
    totals = daily_totals(known, currency)
    return tuple(
        (first + timedelta(days=index), Money(amount, currency))
        for index, amount in enumerate(totals[:begun])
    )


# ------------------------------------------------------------------------------ one station


@dataclass(frozen=True, slots=True)
class ActivationCost:
    """What switching a station's monitoring on costs, and what its month comes to.

    Attributes:
        this_month: If it is active on the last day of this month; zero if no price was agreed.
        per_month: Each month; zero if no price was agreed.
        per_year: Twelve of them.
        price: By which; None: none was agreed.
        is_again: It was switched off in this month, which then is charged again.
        charged_in_any_case: By the list's policy, also if it is switched off within the month.
        last_day: The last day of this month, on which it counts.
    """

    this_month: Money
    per_month: Money
    per_year: Money
    price: ServicePrice | None
    is_again: bool
    charged_in_any_case: bool
    last_day: date


async def activation_cost(
    db: AsyncSession,
    station: StationId,
    organisation: OrganisationKey,
    known: Sequence[Span],
    *,
    currency: str,
    now: datetime,
) -> ActivationCost:
    """Return what a station's monitoring costs from now on.

    Args:
        db: The unit of work.
        station: Which.
        organisation: Its owner, who pays.
        known: When it was monitored, as `alerts.monitoring` has it; one that is active counts.
        currency: The organisation's, for a cost of nothing.
        now: The moment of the click.
    """
    bounds = await current_bounds(db, organisation, now)
    prices = await service_prices.price_book(db, organisation)
    points = (await charge_points(db, prices, [station])).get(station, 0)
    active = bool(known) and known[-1].end is None and known[-1].organisation == organisation
    times = [*known] if active else [*known, Span(organisation, now)]
    line = month_of(organisation, times, bounds, prices, charge_points=points)
    before = month_of(organisation, known, bounds, prices, charge_points=points)
    assert line is not None, "what is active now is active in this month"
    zero = Money.zero(currency)
    this_month = line.net or zero
    following = prices.price(line.price.kind, bounds.end) if line.price is not None else None
    per_month = this_month
    if following is not None:
        count = line.quantity
        per_month = (following.price * count).rounded()
    return ActivationCost(
        this_month=this_month,
        per_month=per_month,
        per_year=per_month * 12,
        price=line.price,
        is_again=not active and before is not None and before.rule is Rule.WAIVED,
        charged_in_any_case=_is_bound(line),
        last_day=bounds.last_day,
    )


def _is_bound(line: MonthOf) -> bool:
    policy = None if line.price is None else line.price.policy
    return policy is Policy.FIRST_MONTH and line.is_first


async def current_bounds(db: AsyncSession, organisation: OrganisationKey, now: datetime) -> Bounds:
    """Return the month that runs for an organisation: the first one that is not over.

    After a change of zone hours may lie between two months; they are told as the later one's.
    """
    month = Month(now.year, now.month).previous
    while (bounds := await bounds_of(db, organisation, month)).end <= now:
        month = month.next
    return bounds


# ------------------------------------------------------------------------------ waived months


@dataclass(frozen=True, slots=True)
class Waived:
    """A month that a station's monitoring was not charged for, because it was switched off."""

    station: StationId
    month: Month
    ended_on: date
    net: Money | None


async def waived_months(
    db: AsyncSession, organisation: OrganisationKey, first: Month, last: Month
) -> list[Waived]:
    """Return the months waived by deactivation, by station and month, from first to last."""
    begin = await bounds_of(db, organisation, first)
    end = await bounds_of(db, organisation, last)
    all_spans = spans(await service_store.switches(db, organisation, begin.start, end.end))
    prices = await service_prices.price_book(db, organisation)
    ended = {
        station: known
        for station, known in sorted(all_spans.items())
        if any(each.end is not None for each in known)
    }
    points = await charge_points(db, prices, list(ended))
    found: list[Waived] = []
    month = first
    months: list[Bounds] = []
    while month.first_day <= last.first_day:
        months.append(await bounds_of(db, organisation, month))
        month = month.next
    for station, known in ended.items():
        for bounds in months:
            line = month_of(
                organisation, known, bounds, prices, charge_points=points.get(station, 0)
            )
            if line is not None and line.rule is Rule.WAIVED:
                found.append(Waived(station, bounds.month, line.last_day, line.net))
    return found
