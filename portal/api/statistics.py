"""How well stations did: of one station by days, and of an owner's stations in a month."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from accounts import directory
from accounts.directory import Scope
from accounts.permissions import Permission
from billing.months import Month
from csms import registry, usage
from csms.connectivity import SilenceLimits
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey, StationId
from portal.api.models import Answer, Moment, MoneyModel, Quantity
from portal.guard import Caller, require
from portal.routes import ApiRoute, Db, Now
from support import owner_month, performance
from support.performance import Performance
from support.uptime import Span, Uptime

router = APIRouter(tags=["statistics"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Earner = Annotated[Caller, Depends(require(Permission.STATEMENTS_READ))]

DAYS_AT_MOST = 366
_EARLIEST = 2000
_NOTHING = (0, Decimal(0))


class UptimeModel(Answer):
    """Uptime as AFIR counts it: planned maintenance is no outage. Times in seconds."""

    percent: float | None = Field(
        description="In steps of 0.01, rounded down; null if nothing was measured."
    )
    measured_s: int
    outage_s: int = Field(description="How long nobody could charge.")
    excluded_s: int = Field(description="How much of that was planned.")


class PerformanceModel(Answer):
    """What some stations did in a period."""

    stations: int
    evses: int = Field(description="How many of them have an uptime.")
    uptime: UptimeModel
    sessions: int
    energy_wh: Quantity
    starts: int = Field(description="Whose outcome is known; refused tokens are left out.")
    starts_worked: int


class DayModel(Answer):
    """A day of the station's own time zone."""

    day: date
    uptime: UptimeModel
    sessions: int
    energy_wh: Quantity


class StationStatistics(Answer):
    """What a station did, beside all of its owner's stations."""

    station: StationId
    start: Moment
    end: Moment
    time_zone: str
    own: PerformanceModel
    group: PerformanceModel
    days: list[DayModel]
    week: list[int | None] = Field(
        description="How busy it was in each hour of the week from Monday at 0:00, in 0.01 % of"
        " the time; null where there was no such hour."
    )


class StationOfMonth(Answer):
    """A station in the month."""

    station: StationId
    name: str
    performance: PerformanceModel


class OwnerMonthModel(Answer):
    """What happened to an owner's stations in a month, what was done, what it earned and cost."""

    organisation: OrganisationKey
    month: str
    start: Moment
    end: Moment
    is_over: bool
    together: PerformanceModel
    stations: list[StationOfMonth] = Field(description="The longest down first.")
    alerts: dict[str, int] = Field(description="How many were raised, by detection.")
    alerts_open: int
    tickets_opened: int
    tickets_closed: int
    earned: list[MoneyModel] = Field(description="Net revenue of the month's sessions.")
    payouts: list[MoneyModel] = Field(description="Gross, of the month's statements.")
    costs: list[MoneyModel] = Field(description="Net, of services and what else is charged.")


@router.get("/stations/{identity:segment}/statistics", summary="Get statistics of a station")
async def get_station_statistics(
    db: Db,
    now: Now,
    caller: Reader,
    identity: str,
    first: Annotated[
        date | None, Query(description="The first day; 30 days up to `last` if left out.")
    ] = None,
    last: Annotated[date | None, Query(description="The last day; today if left out.")] = None,
) -> StationStatistics:
    """Days are those of the station's time zone; at most 366, none in the future."""
    caller.must_have(Permission.TRANSACTIONS_READ)
    station = await registry.station(db, caller.scope, identity, now, limits=SilenceLimits())
    caller.must_see(station.organisation, "station", identity)
    zone = ZoneInfo(station.time_zone)
    days, period = _period(first, last, zone, now)
    scope = Scope(frozenset({station.organisation}))
    group = await registry.stations(
        db, scope, now, limits=SilenceLimits(), admission="accepted", limit=owner_month.MOST
    )
    names = [each.identity for each in group]
    read = await performance.measured(db, scope, sorted({*names, station.identity}), period)
    spans = [(day, Span(*_cut(span, period))) for day, span in days]
    charged = await usage.days(
        db, scope, station.identity, period.start, period.end, station.time_zone
    )
    ups = read.by_day(station.identity, [span for _, span in spans])
    return StationStatistics(
        station=station.identity,
        start=period.start,
        end=period.end,
        time_zone=station.time_zone,
        own=_performance(read.of([station.identity])),
        group=_performance(read.of(names)),
        days=[
            DayModel(
                day=day,
                uptime=_uptime(up),
                sessions=charged.get(day, _NOTHING)[0],
                energy_wh=charged.get(day, _NOTHING)[1],
            )
            for (day, _), up in zip(spans, ups, strict=True)
        ],
        week=await performance.busy_week(db, scope, station.identity, period, zone),
    )


@router.get("/owner-months/{month}", summary="Get an owner's month")
async def get_owner_month(
    db: Db,
    now: Now,
    caller: Earner,
    month: Annotated[str, Path(max_length=10, examples=["2026-10"])],
    organisation: Annotated[
        str | None, Query(max_length=40, description="Your own if it is left out.")
    ] = None,
) -> OwnerMonthModel:
    """As the owner gets it by mail; of the month that runs, up to now."""
    caller.must_have(Permission.TRANSACTIONS_READ)
    key = OrganisationKey(organisation or caller.principal.organisation)
    caller.must_see(key, "organisation", key)
    owner = await directory.organisation(db, key)
    wanted = Month.parse(month)
    if not _EARLIEST <= wanted.first_day.year <= now.year + 1:
        raise InvalidInput("Nothing is known of this month.", field="month")
    report = await owner_month.owner_month(db, owner, wanted, now=now)
    return OwnerMonthModel(
        organisation=owner.key,
        month=str(report.month),
        start=report.period.start,
        end=report.period.end,
        is_over=report.is_over,
        together=_performance(report.together),
        stations=[
            StationOfMonth(station=each.station, name=each.name, performance=_performance(each.did))
            for each in report.stations
        ],
        alerts=dict(report.alerts),
        alerts_open=report.still_open,
        tickets_opened=report.tickets_opened,
        tickets_closed=report.tickets_closed,
        earned=[MoneyModel.of(each) for each in report.earned],
        payouts=[MoneyModel.of(each) for each in report.payouts],
        costs=[MoneyModel.of(each) for each in report.costs],
    )


def _period(
    first: date | None, last: date | None, zone: ZoneInfo, now: datetime
) -> tuple[list[tuple[date, Span]], Span]:
    """Return the days that were asked for, and their moments up to now.

    Raises:
        InvalidInput: If they end before they begin, are too many, or lie in the future.
    """
    today = now.astimezone(zone).date()
    until = last or today
    if until > today:
        raise InvalidInput("Nothing is known of days to come.", field="last")
    if until.year < _EARLIEST or (first is not None and first.year < _EARLIEST):
        raise InvalidInput(f"Nothing is known of days before {_EARLIEST}.", field="first")
    begin = first or until - timedelta(days=29)
    if begin > until:
        raise InvalidInput("The days end before they begin.", field="first")
    if (until - begin).days >= DAYS_AT_MOST:
        raise InvalidInput(f"At most {DAYS_AT_MOST} days.", field="first")
    days = performance.days_of(begin, until, zone)
    start = datetime.combine(begin, time(0), zone).astimezone(UTC)
    return days, Span(start, min(now, days[-1][1].end))


def _cut(span: Span, period: Span) -> tuple[datetime, datetime]:
    return max(span.start, period.start), min(span.end, period.end)


def _performance(did: Performance) -> PerformanceModel:
    return PerformanceModel(
        stations=did.stations,
        evses=did.evses,
        uptime=_uptime(did.uptime),
        sessions=did.sessions,
        energy_wh=did.energy_wh,
        starts=did.starts,
        starts_worked=did.worked,
    )


def _uptime(up: Uptime) -> UptimeModel:
    points = up.basis_points
    return UptimeModel(
        percent=None if points is None else points / 100,
        measured_s=int(up.measured.total_seconds()),
        outage_s=int(up.outage.total_seconds()),
        excluded_s=int(up.excluded.total_seconds()),
    )
