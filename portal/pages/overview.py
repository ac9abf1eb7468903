"""The overview: what needs somebody, today, thirty days, and the stations by state."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts.directory import Scope
from accounts.permissions import Permission
from alerts import alerting
from billing import books
from billing.statements import StatementState
from csms import charging, registry
from csms.registry import StationCounts
from foundation.money import Money, total
from portal import vocabulary
from portal.charts import (
    Chart,
    ChartWords,
    DayFigure,
    Part,
    columns_and_line,
    states_bar,
)
from portal.context import context_of
from portal.guard import Caller, require
from portal.pages.counts import silence_limits
from portal.pages.sessions import session_lines
from portal.pages.stations import state_counts
from portal.pages.surroundings import frame_of, page
from portal.pages.views import DayAmount, MonthSoFar, Need, Overview, Today
from portal.rendering import link
from portal.routes import Db, Now, PageRoute
from portal.words import Words

router = APIRouter(route_class=PageRoute)

DAYS = 30
LATEST = 6
_ACTIVE_AT_MOST = 5000
_WEEK = timedelta(days=7)


@router.get("/")
async def overview(
    request: Request,
    db: Db,
    now: Now,
    caller: Annotated[Caller, Depends(require(Permission.STATIONS_READ))],
) -> Response:
    """Show what needs somebody and what came in."""
    frame = await frame_of(request, db, caller, live="overview")
    said = frame.words
    limits = silence_limits(context_of(request).settings)
    counted = await registry.station_counts(db, caller.scope, now, limits=limits)
    today = now.astimezone(frame.zone).date()
    first = min(today - timedelta(days=DAYS - 1), today.replace(day=1))
    daily = await amounts_by_day(db, caller.scope, frame.zone, first, today)
    shown = [each for each in daily if each.day > today - timedelta(days=DAYS)]
    latest = await charging.transactions(db, caller.scope, limit=LATEST)
    view = Overview(
        needs=await _needs(db, caller, counted, said),
        today=await _today(db, caller.scope, frame.zone, now, daily),
        month=None if caller.scope.is_whole else await _month(db, caller.scope, today, daily),
        days=_days(shown, today, said),
        states=_states(counted, said),
        stations=sum(counted.by_state.values()),
        counts=state_counts(counted),
        latest=await session_lines(db, latest, now, caller),
    )
    return page(frame, "overview.html", {"view": view})


async def amounts_by_day(
    db: AsyncSession, scope: Scope, zone: ZoneInfo, first: date, last: date
) -> list[DayAmount]:
    """Return what came in each day of a zone, the last one included."""
    return [
        DayAmount(each.day, each.currency, each.sessions, each.energy_wh, each.net)
        for each in await books.daily(db, scope, zone, first=first, last=last)
    ]


async def _needs(
    db: AsyncSession, caller: Caller, counted: StationCounts, said: Words
) -> tuple[Need, ...]:
    """What waits for this person, the most urgent first; nothing that he could not act on."""
    held = await books.held(db, caller.scope)
    raised = await alerting.count(db, caller.scope)
    silent = sum(number for state, number in counted.by_state.items() if state.value == "offline")
    found = [
        Need(
            raised,
            "fault",
            said.ngettext("Alert is open", "Alerts are open", raised),
            "/alerts",
        ),
        Need(
            counted.faulted,
            "fault",
            said.ngettext("Station reports a fault", "Stations report a fault", counted.faulted),
            link("/stations", {"state": "faulted"}),
        ),
        Need(
            silent,
            "off",
            said.ngettext("Station is offline", "Stations are offline", silent),
            link("/stations", {"state": "offline"}),
        ),
        Need(
            len(held),
            "warning",
            said.ngettext("Session is held", "Sessions are held", len(held)),
            link("/sessions", {"state": "held"}),
        ),
    ]
    if caller.may(Permission.STATIONS_WRITE):
        title = said.ngettext(
            "New station waits for acceptance",
            "New stations wait for acceptance",
            counted.waiting,
        )
        found.append(Need(counted.waiting, "info", title, "/new-stations"))
    if caller.may(Permission.STATEMENTS_CLOSE):
        unsent = [
            each
            for each in await books.statements(db, caller.scope, limit=200)
            if each.state is StatementState.OPEN
        ]
        title = said.ngettext(
            "Statement was not sent yet", "Statements were not sent yet", len(unsent)
        )
        found.append(Need(len(unsent), "info", title, "/statements"))
    return tuple(each for each in found if each.count)


async def _today(
    db: AsyncSession, scope: Scope, zone: ZoneInfo, now: datetime, daily: Sequence[DayAmount]
) -> Today:
    """The day so far, against the same weekday before up to the same time of day."""
    today = now.astimezone(zone).date()
    morning = datetime.combine(today, time(0), zone)
    a_week_ago = datetime.combine(today - _WEEK, time(0), zone)
    same_time = (now.astimezone(zone) - _WEEK).replace(fold=0)
    these = await charging.energy_by_day(db, scope, morning, now, zone.key)
    those = await charging.energy_by_day(db, scope, a_week_ago, same_time, zone.key)
    active = await charging.transactions(db, scope, states=["active"], limit=_ACTIVE_AT_MOST)
    return Today(
        on=today,
        energy_wh=sum((each.energy_wh for each in these), Decimal(0)),
        energy_before_wh=sum((each.energy_wh for each in those), Decimal(0)),
        sessions=sum(each.transactions for each in these),
        sessions_before=sum(each.transactions for each in those),
        revenue=tuple(each.net for each in daily if each.day == today),
        charging=len(active),
    )


async def _month(
    db: AsyncSession, scope: Scope, today: date, daily: Sequence[DayAmount]
) -> MonthSoFar:
    """This month so far, and the last statement."""
    by_currency: dict[str, list[Money]] = {}
    for each in daily:
        if (each.day.year, each.day.month) == (today.year, today.month):
            by_currency.setdefault(each.currency, []).append(each.net)
    last = await books.statements(db, scope, limit=1)
    return MonthSoFar(
        month=f"{today:%Y-%m}",
        net=tuple(total(amounts, currency) for currency, amounts in sorted(by_currency.items())),
        last_statement=last[0].statement_id if last else None,
        last_statement_month=last[0].month if last else None,
        last_payout=last[0].payout_gross if last else None,
    )


def _days(daily: Sequence[DayAmount], today: date, said: Words) -> Chart:
    days = [today - timedelta(days=DAYS - 1 - index) for index in range(DAYS)]
    title = said.gettext("Energy and revenue of the last 30 days")
    return energy_and_revenue(daily, days, title, said, today)


def energy_and_revenue(
    daily: Sequence[DayAmount], days: Sequence[date], title: str, said: Words, today: date
) -> Chart:
    """Draw energy of every currency together, revenue in the one most sessions are priced in."""
    sessions: Counter[str] = Counter()
    for each in daily:
        sessions[each.currency] += each.sessions
    currency = sessions.most_common(1)[0][0] if sessions else "EUR"
    energy: Counter[date] = Counter()
    revenue: dict[date, Decimal] = {}
    for each in daily:
        energy[each.day] += each.energy_wh  # type: ignore[assignment]
        if each.currency == currency:
            revenue[each.day] = each.net.amount
    figures = [
        DayFigure(day, Decimal(energy.get(day, 0)), revenue.get(day, Decimal(0))) for day in days
    ]
    texts = ChartWords(
        title=title,
        description=said.gettext("Columns show the energy of each day, the line its revenue."),
        first=said.gettext("Energy"),
        second=said.gettext("Revenue"),
        moment=said.gettext("Day"),
    )
    return columns_and_line("days", figures, currency, texts, said.locale, today)


def _states(counted: StationCounts, said: Words) -> Chart:
    """Stations by state; a station with a fault is among those that are heard of."""
    tones = {"online": "ok", "pending": "warning", "offline": "off", "never_connected": "off"}
    parts = [
        Part(said.gettext(vocabulary.STATION_STATES[state.value].word), number, tones[state.value])
        for state, number in counted.by_state.items()
    ]
    texts = ChartWords(
        title=said.gettext("Stations by state"),
        description=said.gettext("How many stations are in each state."),
        first=said.gettext("Stations"),
        second=said.gettext("Part"),
        moment=said.gettext("State"),
    )
    return states_bar("states", parts, texts, said.locale)
