"""Face: read alerts; take one on, mark it as escalated, close it.

What a watch found is not changed here: an alert that is acknowledged or escalated is as wrong as
before, and recovers by itself. Who may do it, and the audit, are the door's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.audit import Actor
from accounts.directory import Scope
from alerts import alert_store as store
from alerts import life, raising
from alerts.alert_store import Happening as Happening
from alerts.alert_store import Wanted
from alerts.detections import Detection, Severity
from alerts.life import Alert, AlertState, Change, Fault, Told
from foundation.errors import NotFound
from foundation.identifiers import StationId


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which alerts a list shows; what is empty or None does not limit it.

    Attributes:
        station: About this station, among others.
        monitored: About a station that is monitored now: what the provider's support sees to.
        acknowledged: Whether somebody took it on.
    """

    states: Sequence[AlertState] = ()
    detections: Sequence[Detection] = ()
    severities: Sequence[Severity] = ()
    station: str | None = None
    location: str | None = None
    monitored: bool | None = None
    acknowledged: bool | None = None
    escalated: bool | None = None
    raised_from: datetime | None = None
    raised_before: datetime | None = None


EVERYTHING = Filter()
OPEN = Filter(states=(AlertState.OPEN,))


@dataclass(frozen=True, slots=True)
class AlertSheet:
    """An alert with what it is about, what happened to it, and whether it is watched now."""

    alert: Alert
    faults: Sequence[Fault]
    history: Sequence[Happening]
    monitored: bool

    @property
    def stations(self) -> list[StationId]:
        """The stations it is or was about."""
        return sorted({each.station for each in self.faults if each.station is not None})

    @property
    def is_present(self) -> bool:
        """Whether anything of it is still there at this moment."""
        return any(each.is_present and each.over_at is None for each in self.faults)


@dataclass(frozen=True, slots=True)
class AlertLine:
    """An alert in a list."""

    alert: Alert
    stations: Sequence[StationId]
    """What it is about: the stations of open faults, of all once it is over."""
    monitored: bool


async def alerts(
    db: AsyncSession,
    scope: Scope,
    wanted: Filter = EVERYTHING,
    *,
    after: int | None = None,
    limit: int = 50,
) -> list[AlertLine]:
    """Return alerts, the newest first.

    Args:
        db: The unit of work.
        scope: Whose.
        wanted: Which.
        after: Only those older than this one.
        limit: How many at most.
    """
    found = await store.alerts(db, _wanted(scope, wanted), after=after, limit=limit)
    numbers = [each.id for each in found]
    faults = await store.faults_of(db, numbers)
    watched = await store.monitored(db, numbers)
    return [AlertLine(each, _about(each, faults[each.id]), each.id in watched) for each in found]


async def count(db: AsyncSession, scope: Scope, wanted: Filter = OPEN) -> int:
    """Return how many alerts there are; by default the open ones."""
    return await store.counted(db, _wanted(scope, wanted))


async def alert(db: AsyncSession, scope: Scope, number: int) -> AlertSheet:
    """Return an alert.

    Raises:
        NotFound: If there is none of this number in scope.
    """
    found = await store.alert(db, number)
    if found is None or not scope.covers(found.organisation):
        raise NotFound("alert", str(number))
    faults = await store.faults_of(db, [number])
    watched = await store.monitored(db, [number])
    return AlertSheet(found, faults[number], await store.history(db, number), bool(watched))


async def faults_at(
    db: AsyncSession,
    scope: Scope,
    station: str,
    *,
    is_open: bool | None = None,
    after: int | None = None,
    limit: int = 50,
) -> list[Fault]:
    """Return the faults of a station, the newest first: what its data sheet shows as errors."""
    keys = None if scope.organisations is None else sorted(scope.organisations)
    return await store.faults_at(
        db, station, organisations=keys, is_open=is_open, after=after, limit=limit
    )


async def open_by_station(
    db: AsyncSession, scope: Scope, stations: Sequence[str]
) -> Mapping[StationId, int]:
    """Return how many faults are open at each of the stations; those without are missing."""
    keys = None if scope.organisations is None else sorted(scope.organisations)
    return await store.open_by_station(db, stations, organisations=keys)


# ---------------------------------------------------------------------------------- by people


async def acknowledge(
    db: AsyncSession, number: int, *, by: Actor, note: str | None = None, now: datetime
) -> Alert:
    """Take an alert on: nobody else has to, and it is not told again and again.

    Raises:
        NotFound: If there is no such alert.
        AlertOver: If it is over.
        AlreadyAcknowledged: If somebody took it on before.
        InvalidInput: If the note is too long.
    """
    text = life.checked_note(note)
    before = await _locked(db, number)
    after = life.acknowledged(before, by=by.id, by_name=by.name, now=now)
    return await _changed(db, Told(after, Change.ACKNOWLEDGED), by=by, note=text, now=now)


async def mark_as_escalated(
    db: AsyncSession, number: int, *, by: Actor, note: str | None = None, now: datetime
) -> Alert:
    """Mark an alert as escalated: it is not escalated again, and not solved by it.

    Raises:
        NotFound: If there is no such alert.
        AlertOver: If it is over.
        AlreadyEscalated: If it was marked before.
        InvalidInput: If the note is too long.
    """
    text = life.checked_note(note)
    before = await _locked(db, number)
    after = life.escalated(before, by=by.id, by_name=by.name, now=now)
    return await _changed(db, Told(after, Change.ESCALATED), by=by, note=text, now=now)


async def close(
    db: AsyncSession, number: int, *, by: Actor, note: str | None, now: datetime
) -> Alert:
    """Declare an alert over; what is found again is a new alert.

    Raises:
        NotFound: If there is no such alert.
        AlertOver: If it is over.
        InvalidInput: If the note is too long, or missing while a fault is still there.
    """
    text = life.checked_note(note)
    before = await _locked(db, number)
    faults = (await store.faults_of(db, [number]))[number]
    open_ones = [each for each in faults if each.over_at is None]
    after = life.closed(
        before,
        by=by.id,
        by_name=by.name,
        note=text,
        is_present=any(each.is_present for each in open_ones),
        now=now,
    )
    told = await _changed(db, Told(after, Change.CLOSED), by=by, note=text, now=now)
    await store.save_faults(db, [replace(each, over_at=now) for each in open_ones])
    return told


async def _locked(db: AsyncSession, number: int) -> Alert:
    """Return an alert that nobody else changes until the unit of work ends."""
    found = await store.alert(db, number)
    if found is None:
        raise NotFound("alert", str(number))
    await store.lock(db, [found.organisation])
    again = await store.alert(db, number)
    assert again is not None
    return again


async def _changed(
    db: AsyncSession, told: Told, *, by: Actor, note: str | None, now: datetime
) -> Alert:
    await store.save_alerts(db, [told.alert])
    await raising.tell(db, [told], now=now, by=by.id, by_name=by.name, note=note)
    return told.alert


def _about(found: Alert, faults: Sequence[Fault]) -> list[StationId]:
    its = faults
    if found.state is AlertState.OPEN:
        its = [each for each in faults if each.over_at is None] or faults
    return sorted({each.station for each in its if each.station is not None})


def _wanted(scope: Scope, wanted: Filter) -> Wanted:
    keys = None if scope.organisations is None else sorted(scope.organisations)
    return Wanted(
        organisations=keys,
        states=wanted.states,
        detections=wanted.detections,
        severities=wanted.severities,
        station=wanted.station,
        location=wanted.location,
        monitored=wanted.monitored,
        acknowledged=wanted.acknowledged,
        escalated=wanted.escalated,
        raised_from=wanted.raised_from,
        raised_before=wanted.raised_before,
    )
