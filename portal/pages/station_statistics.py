"""The tab "Statistics" of a station's data sheet: uptime, energy, sessions, starts, the week."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts.directory import Scope
from accounts.permissions import Permission
from csms import registry, usage
from csms.registry import Station
from foundation.identifiers import StationId
from portal import formats
from portal.charts import Chart, ChartWords, DayFigure, columns_and_line
from portal.context import context_of
from portal.guard import Caller, require
from portal.pages.counts import silence_limits
from portal.pages.station_views import own_station, tab_of
from portal.pages.surroundings import frame_of
from portal.rendering import segment
from portal.routes import Db, Now, PageRoute
from portal.statistic_charts import Pair, WeekWords, compared, heat_map
from portal.words import Words, marked
from support import performance
from support.performance import Measured, Performance, days_of
from support.uptime import Span, Uptime

router = APIRouter(route_class=PageRoute, prefix="/stations/{identity:segment}")

Reader = Annotated[Caller, Depends(require(Permission.TRANSACTIONS_READ))]

SPANS: Final = (30, 90, 365)
"""The periods to choose from, in days that are over or run."""
GROUP_AT_MOST: Final = 500
_WEEK: Final = 7


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the station as it is written, and what it is compared with."""

    title: str
    value: str
    unit: str
    beside: str


@router.get("/statistics")
async def statistics(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    identity: str,
    days: Annotated[int, Query(ge=1, le=10**6)] = SPANS[0],
) -> Response:
    """Show how well the station did in the last days, beside the owner's stations together."""
    station = await own_station(request, db, now, caller, identity)
    said = (await frame_of(request, db, caller)).words
    days = days if days in SPANS else SPANS[0]
    zone = ZoneInfo(station.time_zone)
    today = now.astimezone(zone).date()
    first = today - timedelta(days=days - 1)
    period = Span(datetime.combine(first, time(0), zone).astimezone(UTC), now)
    of_owner = Scope(frozenset({station.organisation}))
    group = await _group(request, db, of_owner, now)
    read = await performance.measured(db, of_owner, sorted({*group, station.identity}), period)
    own, all_ = read.of([station.identity]), read.of(group)
    week = await performance.busy_week(db, of_owner, station.identity, period, zone)
    places = sum(1 for each in station.evses if each.evse_id != 0)
    path = f"/stations/{segment(station.identity)}/statistics"
    more = {
        "days": days,
        "spans": [(each, f"{path}?days={each}") for each in SPANS],
        "first": first,
        "figures": _figures(own, said),
        "uptime": own.uptime,
        "group": len(group),
        "course": await _course(db, of_owner, station, read, first, today, said),
        "compared": _compared(own, all_, days, said) if len(group) > 1 else None,
        "week": _week_chart(week, places, said),
    }
    return await tab_of(request, db, caller, station, "statistics", more)


async def _group(
    request: Request, db: AsyncSession, of_owner: Scope, now: datetime
) -> list[StationId]:
    """Return the stations of the same owner: what a station is compared with."""
    found = await registry.stations(
        db,
        of_owner,
        now,
        limits=silence_limits(context_of(request).settings),
        admission="accepted",
        limit=GROUP_AT_MOST,
    )
    return [each.identity for each in found]


# ----------------------------------------------------------------------------------- figures


def percent(basis_points: int | None, said: Words) -> str:
    """Write a share with two decimals at most; a dash where nothing is known."""
    return "–" if basis_points is None else formats.share(basis_points, said.locale)


def _figures(own: Performance, said: Words) -> list[Figure]:
    locale = said.locale
    down = own.uptime.down
    if own.uptime.basis_points is None:
        beside = said.gettext("no status yet")
    elif down:
        beside = said.gettext("%(span)s down") % {"span": formats.duration(down, locale)}
    else:
        beside = said.gettext("never down")
    return [
        Figure(said.gettext("Uptime"), percent(own.uptime.basis_points, said), "", beside),
        Figure(
            said.gettext("Starts that worked"),
            percent(own.worked_basis_points, said),
            "",
            said.gettext("%(worked)s of %(starts)s")
            % {
                "worked": formats.number(own.worked, locale),
                "starts": formats.number(own.starts, locale),
            }
            if own.starts
            else said.gettext("no start yet"),
        ),
        Figure(
            said.gettext("Energy"),
            formats.kwh(own.energy_wh, locale),
            "kWh",
            said.gettext("%(energy)s kWh per session")
            % {"energy": formats.kwh(own.energy_wh / own.sessions, locale)}
            if own.sessions
            else "",
        ),
        Figure(said.gettext("Sessions"), formats.number(own.sessions, locale), "", ""),
    ]


# ------------------------------------------------------------------------------------ charts


@dataclass(frozen=True, slots=True)
class Bucket:
    """Some days that stand together in the chart."""

    first: date
    days: int


def buckets(first: date, last: date) -> list[Bucket]:
    """Return what one column stands for: a day up to 31 of them, then a week, then a month."""
    count = (last - first).days + 1
    if count <= 31:
        return [Bucket(first + timedelta(days=number), 1) for number in range(count)]
    if count <= 31 * _WEEK:
        monday = first - timedelta(days=first.weekday())
        starts = [monday + timedelta(days=number) for number in range(0, count + _WEEK, _WEEK)]
    else:
        months = range((last.year - first.year) * 12 + last.month - first.month + 1)
        starts = [
            date(first.year + (first.month - 1 + each) // 12, (first.month - 1 + each) % 12 + 1, 1)
            for each in months
        ]
    starts = [max(first, each) for each in starts if each <= last]
    ends = [*starts[1:], last + timedelta(days=1)]
    return [
        Bucket(start, (end - start).days)
        for start, end in zip(starts, ends, strict=True)
        if end > start
    ]


async def _course(
    db: AsyncSession,
    scope: Scope,
    station: Station,
    read: Measured,
    first: date,
    last: date,
    said: Words,
) -> Chart:
    zone = ZoneInfo(station.time_zone)
    energy = await usage.days(
        db, scope, station.identity, read.period.start, read.period.end, zone.key
    )
    days = days_of(first, last, zone)
    ups = read.by_day(
        station.identity, [Span(span.start, min(span.end, read.period.end)) for _, span in days]
    )
    by_day = dict(zip([day for day, _ in days], ups, strict=True))
    figures = [
        _day_figure(each, by_day, {day: found for day, (_, found) in energy.items()})
        for each in buckets(first, last)
    ]
    is_by_day = (last - first).days < 31
    texts = ChartWords(
        title=said.gettext("Energy and uptime"),
        description=said.gettext("Columns show the energy, the line the uptime."),
        first=said.gettext("Energy"),
        second=said.gettext("Uptime"),
        moment=said.gettext("Day") if is_by_day else said.gettext("From"),
    )
    return columns_and_line(
        "course",
        figures,
        "%",
        texts,
        said.locale,
        last if is_by_day else None,
        written=lambda value: formats.share(int(value * 100), said.locale),
    )


def _day_figure(bucket: Bucket, ups: dict[date, Uptime], energy: dict[date, Decimal]) -> DayFigure:
    days = [bucket.first + timedelta(days=number) for number in range(bucket.days)]
    share = sum((ups[each] for each in days), Uptime()).basis_points
    return DayFigure(
        bucket.first,
        sum((energy.get(each, Decimal(0)) for each in days), Decimal(0)),
        None if share is None else Decimal(share) / 100,
    )


def _compared(own: Performance, all_: Performance, days: int, said: Words) -> Chart:
    locale = said.locale

    def shares(name: str, one: int | None, other: int | None) -> Pair:
        return Pair(
            name, percent(one, said), percent(other, said), (one or 0) / 1e4, (other or 0) / 1e4
        )

    def amounts(name: str, one: Decimal, other: Decimal, digits: int) -> Pair:
        most = float(max(one, other)) or 1.0
        return Pair(
            name,
            formats.number(one, locale, digits),
            formats.number(other, locale, digits),
            float(one) / most,
            float(other) / most,
        )

    pairs: Sequence[Pair] = (
        shares(said.gettext("Uptime"), own.uptime.basis_points, all_.uptime.basis_points),
        shares(
            said.gettext("Starts that worked"), own.worked_basis_points, all_.worked_basis_points
        ),
        amounts(
            said.gettext("Energy per day (kWh)"),
            own.energy_per_station_wh / 1000 / days,
            all_.energy_per_station_wh / 1000 / days,
            1,
        ),
        amounts(
            said.gettext("Sessions per day"),
            own.sessions_per_station / days,
            all_.sessions_per_station / days,
            2,
        ),
    )
    texts = ChartWords(
        title=said.gettext("Compared with your stations"),
        description=said.gettext("This station beside the mean of all stations of its owner."),
        first=said.gettext("This station"),
        second=said.gettext("Mean of all"),
        moment=said.gettext("Figure"),
    )
    return compared("compared", pairs, texts)


_BUSIEST: Final = marked("%(day)s: busiest from %(hour)s, %(part)s")
_IDLE: Final = marked("%(day)s: no session")


def _week_chart(week: Sequence[int | None], places: int, said: Words) -> Chart:
    texts = ChartWords(
        title=said.gettext("How busy the week is"),
        description=said.gettext(
            "Each field is an hour of the week: the darker, the more of the time its charge points"
            " were in use."
        ),
        first="",
        second="",
        moment="",
    )
    words = WeekWords(
        texts, said.gettext("Hour (in use in %)"), said.gettext(_BUSIEST), said.gettext(_IDLE)
    )
    return heat_map("week", week, places, words, said.locale)
