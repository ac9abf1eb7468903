"""How well stations did: uptime, energy, sessions, starts that worked, how busy the week is.

The numbers of the data sheet's statistics and of the owner's month, from what is on record.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from csms import outages, usage
from foundation import outbox
from foundation.events import StationCameBack, StationWentOffline
from foundation.identifiers import StationId
from support.maintenance_tables import MaintenanceWindowRow
from support.starts import ENOUGH_WH, Asked, Began, StartOutcome, last_starts, success_rate
from support.uptime import (
    EvseRecord,
    Span,
    StatusSpan,
    Uptime,
    merged,
    records_of,
    uptime,
    week_of,
)

OFFLINE_LOOKED_BACK: Final = timedelta(days=400)
"""How long before a period a station may have gone offline and still be known as such in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """What some stations did in a period.

    Attributes:
        stations: How many.
        evses: How many of their EVSEs have an uptime.
        uptime: Of those.
        sessions: Those that began in the period and have ended.
        energy_wh: Of these.
        starts: Sessions and starts by us whose outcome is known; refused tokens are no failure of
            a station and are left out.
        worked: How many of them led to charging.
    """

    stations: int
    evses: int
    uptime: Uptime
    sessions: int
    energy_wh: Decimal
    starts: int
    worked: int

    @property
    def worked_basis_points(self) -> int | None:
        """How many of the starts worked, in 0.01 %, rounded down; None if there was none."""
        return self.worked * 10_000 // self.starts if self.starts else None

    @property
    def energy_per_station_wh(self) -> Decimal:
        """The mean energy of a station, in Wh; 0 without any."""
        return self.energy_wh / self.stations if self.stations else Decimal(0)

    @property
    def sessions_per_station(self) -> Decimal:
        """The mean number of sessions of a station; 0 without any."""
        return Decimal(self.sessions) / self.stations if self.stations else Decimal(0)


@dataclass(slots=True)
class _Tally:
    sessions: int = 0
    energy_wh: Decimal = Decimal(0)
    starts: int = 0
    worked: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """What was read of stations for a period; sums of any of them need no database."""

    period: Span
    records: Mapping[StationId, Sequence[EvseRecord]]
    _tallies: Mapping[StationId, _Tally] = field(repr=False)

    def of(self, stations: Iterable[StationId]) -> Performance:
        """Return what these stations did together."""
        wanted = list(stations)
        records = [record for each in wanted for record in self.records.get(each, ())]
        tallies = [self._tallies[each] for each in wanted if each in self._tallies]
        return Performance(
            stations=len(wanted),
            evses=len(records),
            uptime=uptime(records, self.period),
            sessions=sum(each.sessions for each in tallies),
            energy_wh=sum((each.energy_wh for each in tallies), Decimal(0)),
            starts=sum(each.starts for each in tallies),
            worked=sum(each.worked for each in tallies),
        )

    def by_day(self, station: StationId, days: Sequence[Span]) -> list[Uptime]:
        """Return a station's uptime on each of some days."""
        return [uptime(self.records.get(station, ()), each) for each in days]


async def measured(
    db: AsyncSession, scope: Scope, stations: Sequence[StationId], period: Span
) -> Measured:
    """Return what is on record of stations in a period that is not in the future; set-based.

    The caller checked that he sees the stations; of their sessions only those in scope count.
    """
    return Measured(
        period,
        await _records(db, stations, period),
        await _tallies(db, scope, stations, period),
    )


async def _records(
    db: AsyncSession, stations: Sequence[StationId], period: Span
) -> dict[StationId, list[EvseRecord]]:
    found = await outages.unusable(db, stations, period.start, period.end)
    offline = await _offline(db, stations, period)
    planned = await _planned(db, stations, period)
    return {
        station: records_of(
            station,
            {place: each.first_status_at for place, each in places.items()},
            [
                StatusSpan(*place, Span(began_at, ended_at))
                for place, each in places.items()
                for began_at, ended_at in each.unusable
            ],
            offline=offline.get(station, ()),
            planned=planned.get(station, ()),
        )
        for station, places in found.items()
    }


async def _offline(
    db: AsyncSession, stations: Sequence[StationId], period: Span
) -> dict[StationId, list[Span]]:
    told = await outbox.told_of(
        db,
        [f"station/{each}" for each in stations],
        kinds=[StationWentOffline.kind, StationCameBack.kind],
        since=period.start - OFFLINE_LOOKED_BACK,
    )
    by_station: dict[StationId, list[tuple[bool, datetime]]] = {}
    for each in told:
        station = StationId(each.subject.removeprefix("station/"))
        is_away = each.kind == StationWentOffline.kind
        at = datetime.fromisoformat(each.payload["last_heard_at"]) if is_away else each.happened_at
        by_station.setdefault(station, []).append((is_away, at))
    return {
        station: offline_spans(changes, until=period.end) for station, changes in by_station.items()
    }


def offline_spans(changes: Iterable[tuple[bool, datetime]], *, until: datetime) -> list[Span]:
    """Return when a station was offline.

    Args:
        changes: In order: whether it went offline, with when it was last heard, or came back.
        until: The end of what is asked for; who did not come back before was away until then.
    """
    found: list[Span] = []
    since: datetime | None = None
    for is_away, at in changes:
        if is_away:
            since = at if since is None else since
        elif since is not None:
            found.append(Span(since, at))
            since = None
    if since is not None:
        found.append(Span(since, until))
    return merged(found)


async def _planned(
    db: AsyncSession, stations: Sequence[StationId], period: Span
) -> dict[StationId, list[tuple[int | None, Span]]]:
    row = MaintenanceWindowRow
    windows = await db.execute(
        select(row.station, row.evses, row.starts_at, row.ends_at).where(
            row.station.in_(stations),
            row.withdrawn_at.is_(None),
            row.starts_at < period.end,
            row.ends_at > period.start,
        )
    )
    found: dict[StationId, list[tuple[int | None, Span]]] = {}
    for station, evses, starts_at, ends_at in windows:
        places: list[int | None] = [*evses] or [None]
        found.setdefault(StationId(station), []).extend(
            (place, Span(starts_at, ends_at)) for place in places
        )
    return found


async def _tallies(
    db: AsyncSession, scope: Scope, stations: Sequence[StationId], period: Span
) -> dict[StationId, _Tally]:
    found: dict[StationId, _Tally] = {}
    for each in await usage.ended(
        db, scope, stations, period.start, period.end, enough_wh=ENOUGH_WH
    ):
        tally = found.setdefault(each.station, _Tally())
        tally.sessions += each.transactions
        tally.energy_wh += each.energy_wh
        worked, decided = _judged(
            began=[
                Began(
                    transaction_id=0,
                    evse_id=0,
                    started_at=period.start,
                    ended=True,
                    energy_wh=ENOUGH_WH if each.has_energy else Decimal(0),
                    authorization_status=each.authorization_status,
                    stop_reason=each.stop_reason,
                )
            ]
        )
        tally.worked += worked * each.transactions
        tally.starts += decided * each.transactions
    for asked in await usage.unstarted(db, scope, stations, period.start, period.end):
        tally = found.setdefault(asked.station, _Tally())
        worked, decided = _judged(
            asked=[
                Asked(
                    command_id="",
                    evse_id=None,
                    asked_at=period.start,
                    state=asked.state,
                    failure=asked.failure,
                    transaction_id=None,
                )
            ]
        )
        tally.worked += worked * asked.commands
        tally.starts += decided * asked.commands
    return found


def _judged(*, began: Sequence[Began] = (), asked: Sequence[Asked] = ()) -> tuple[int, int]:
    """Return how many worked, of how many that tell something about the station."""
    starts = last_starts(began, asked, now=datetime.max.replace(tzinfo=UTC))
    return success_rate([each for each in starts if each.outcome != StartOutcome.TOKEN_REFUSED])


# ------------------------------------------------------------------------------------ the time


def days_of(first: date, last: date, zone: ZoneInfo) -> list[tuple[date, Span]]:
    """Return the days of a zone from the first to the last, each with its moments."""
    found = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        start, end = (
            datetime.combine(each, time(0), zone).astimezone(UTC)
            for each in (day, day + timedelta(days=1))
        )
        found.append((day, Span(start, end)))
    return found


def hours_of(period: Span, zone: ZoneInfo) -> list[tuple[int, Span]]:
    """Return each hour of a period with its place in the local week, 0 is Monday at 0:00.

    Hours are an hour long and begin at a full hour of UTC; in zones that are half an hour off they
    count for the hour in which they begin.
    """
    found = []
    at = period.start
    while at < period.end:
        end = min(at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1), period.end)
        local = at.astimezone(zone)
        found.append((local.weekday() * 24 + local.hour, Span(at, end)))
        at = end
    return found


async def busy_week(
    db: AsyncSession, scope: Scope, station: str, period: Span, zone: ZoneInfo
) -> list[int | None]:
    """Return how busy a station was in each hour of the week, as `support.uptime.week_of`."""
    spans = await usage.session_spans(db, scope, station, period.start, period.end)
    return week_of([Span(*each) for each in spans], hours_of(period, zone))
