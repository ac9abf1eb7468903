"""Face: error-detection jobs and their groups: read, set up, taken away; and what runs them.

A job is due once a day in each time zone in which it has stations. What fell due while the program
was away runs once on its return, with the hours before the moment at which it was due, and only
when stations had the time to come back: so nobody is blamed for our own absence.
"""

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.audit import Actor
from accounts.directory import Scope
from alerts import detection_jobs, raising
from alerts import job_store as store
from alerts.detection_jobs import USUAL_WEEKS, Check, Group, Job, Point, PointFacts, cause_of
from alerts.detections import Detection, Finding, Severity
from alerts.job_schedule import latest_due, next_due, same_span_before
from alerts.job_store import OpenFault, Turn
from alerts.job_store import Run as Run
from foundation.clock import Clock
from foundation.database import Database, Joint
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId

CRON: Final = "* * * * *"
"""Every minute it is looked which jobs are due."""
SETTLING: Final = timedelta(minutes=15)
"""How long after the program's start what fell due before it waits for stations to come back."""
POINTS_MAX: Final = 1000
"""How many charge points a group has at most."""
JOBS_MAX_PER_ROUND: Final = 200

_JOINED: Final[Joint["ChargePoints"]] = Joint("alerts.charge_points")

Span = tuple[datetime, datetime]


class Facts(Protocol):
    """A charge point in the hours that a job looks at: `detection_jobs.PointFacts` explains."""

    @property
    def station(self) -> StationId: ...
    @property
    def evse_id(self) -> int | None: ...
    @property
    def organisation(self) -> OrganisationKey: ...
    @property
    def location(self) -> str | None: ...
    @property
    def rated_power_w(self) -> Decimal | None: ...
    @property
    def last_heard_at(self) -> datetime | None: ...
    @property
    def known_since(self) -> datetime: ...
    @property
    def energy_wh(self) -> Decimal | None: ...
    @property
    def starts(self) -> int: ...
    @property
    def worked(self) -> int: ...
    @property
    def usual_known(self) -> int: ...
    @property
    def usual_used(self) -> int: ...
    @property
    def register_wh(self) -> Decimal | None: ...
    @property
    def sessions_wh(self) -> Decimal: ...
    @property
    def main_meter_wh(self) -> Decimal | None: ...


class ChargePoints(Protocol):
    """What charge points did; fulfilled by csms, joined in `app/compose.py`."""

    async def time_zones(
        self,
        db: AsyncSession,
        organisations: Collection[OrganisationKey],
        *,
        location: str | None,
        points: Sequence[tuple[StationId, int]] | None,
    ) -> Sequence[str]:
        """Return the time zones in which charge points stand."""
        ...

    async def sizes(
        self,
        db: AsyncSession,
        organisations: Collection[OrganisationKey],
        points: Sequence[tuple[int, StationId, int]],
    ) -> Mapping[int, int]:
        """Return how many charge points of the organisations groups have, by their number."""
        ...

    async def heard_at(self, db: AsyncSession) -> datetime | None:
        """Return when any station was heard last."""
        ...

    async def facts(
        self,
        db: AsyncSession,
        organisations: Collection[OrganisationKey],
        *,
        location: str | None,
        points: Sequence[tuple[StationId, int]] | None,
        time_zone: str,
        span: Span,
        usual: Sequence[Span],
    ) -> Sequence[Facts]:
        """Return the facts of the charge points that are chosen, by one statement."""
        ...


def join(database: Database, points: ChargePoints) -> None:
    """Say for a database who knows what charge points did."""
    _JOINED.join(database, points)


def _charge_points(db: AsyncSession) -> ChargePoints:
    joined = _JOINED.of(db)
    assert joined is not None, "nobody joined who knows what charge points did"
    return joined


# ------------------------------------------------------------------------------------- reading


@dataclass(frozen=True, slots=True)
class JobSheet:
    """A job with when it runs next, the earliest zone first, and its newest run."""

    job: Job
    turns: Sequence[Turn]
    last: Run | None

    @property
    def next_at(self) -> datetime | None:
        """When it runs next anywhere; None: it is switched off."""
        return self.turns[0].due_at if self.turns else None


async def jobs(
    db: AsyncSession, scope: Scope, *, after: int = 0, limit: int = 50
) -> list[JobSheet]:
    """Return jobs by number, those behind `after`."""
    found = await store.jobs(db, scope, after=after, limit=limit)
    numbers = [each.id for each in found]
    turns = await store.turns_of(db, numbers)
    last = await store.last_runs(db, numbers)
    return [JobSheet(each, turns.get(each.id, []), last.get(each.id)) for each in found]


async def job(db: AsyncSession, scope: Scope, number: int) -> JobSheet:
    """Return a job.

    Raises:
        NotFound: If there is none of this number in scope.
    """
    found = await store.job(db, number)
    if found is None or not scope.covers(found.organisation):
        raise NotFound("detection job", str(number))
    turns = await store.turns_of(db, [number])
    last = await store.last_runs(db, [number])
    return JobSheet(found, turns.get(number, []), last.get(number))


async def runs(
    db: AsyncSession, number: int, *, before: int | None = None, limit: int = 50
) -> list[Run]:
    """Return the runs of a job, the newest first."""
    return await store.runs(db, number, before=before, limit=limit)


async def groups(db: AsyncSession, scope: Scope) -> list[Group]:
    """Return groups by name."""
    return await store.groups(db, scope)


async def group(db: AsyncSession, scope: Scope, number: int) -> Group:
    """Return a group.

    Raises:
        NotFound: If there is none of this number in scope.
    """
    found = await store.groups(db, scope, [number])
    if not found:
        raise NotFound("detection group", str(number))
    return found[0]


# ------------------------------------------------------------------------------------ changing


class GroupNameTaken(Conflict):
    """The organisation has a group of this name."""

    code = "group_name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is a group {name!r} already.")


class GroupInUse(Conflict):
    """Jobs or if/then rules look at the group."""

    code = "group_in_use"

    def __init__(self, jobs: Sequence[str]) -> None:
        super().__init__(f"These jobs or rules look at the group: {', '.join(jobs)}.")


class UnknownChargePoint(InvalidInput):
    """A station of a group is not one of the organisation or those below it."""

    code = "unknown_charge_point"

    def __init__(self, station: str) -> None:
        super().__init__(f"There is no station {station!r} here.", field="points")


async def set_group(db: AsyncSession, wanted: Group, *, by: Actor, now: datetime) -> Group:
    """Make a group (number 0), or change it.

    Raises:
        InvalidInput: If its name is none, or it has no charge point or too many.
        UnknownChargePoint: If a station is not the organisation's or of one below it.
        NothingToCompare: If a job compares by it, and it has less than two charge points.
        GroupNameTaken: If there is one of this name.
    """
    name = wanted.name.strip()
    if not 1 <= len(name) <= detection_jobs.NAME_MAX:
        raise InvalidInput(f"A name has 1 to {detection_jobs.NAME_MAX} characters.", field="name")
    if not 1 <= len(wanted.points) <= POINTS_MAX:
        raise InvalidInput(f"A group has 1 to {POINTS_MAX} charge points.", field="points")
    points = tuple(sorted(set(wanted.points), key=lambda each: (each.station, each.evse_id)))
    side = await directory.below(db, wanted.organisation)
    known = await raising.sites(db, {each.station for each in points})
    for each in points:
        site = known.get(each.station)
        if site is None or site.organisation not in side:
            raise UnknownChargePoint(each.station)
    same = await store.group_named(db, wanted.organisation, name)
    if same is not None and same.id != wanted.id:
        raise GroupNameTaken(name)
    made = replace(wanted, name=name, points=points)
    made = replace(made, id=await store.save_group(db, made, by=by.id, now=now))
    if wanted.id:
        for each_job in await store.jobs(db, Scope(side), limit=10_000):
            if any(each.id == made.id for each in each_job.groups):
                detection_jobs.checked(each_job, await _sizes(db, each_job))
                await _schedule(db, each_job, now)
    return made


async def remove_group(db: AsyncSession, number: int) -> None:
    """Take a group away.

    Raises:
        GroupInUse: If jobs look at it.
    """
    using = await store.jobs_with(db, number)
    if using:
        raise GroupInUse(using)
    await store.remove_group(db, number)


async def set_job(db: AsyncSession, wanted: Job, *, by: Actor, now: datetime) -> JobSheet:
    """Make a job (number 0), or change it: from then on it is due at the next time it names.

    What it had found stays until its next run shows that it is gone; a job that is switched off
    finds nothing any more.

    Raises:
        InvalidInput: As `detection_jobs.checked` says.
        NotFound: If a group is not of the organisation.
    """
    for each in wanted.groups:
        if each.organisation != wanted.organisation:
            raise NotFound("detection group", str(each.id))
    if wanted.site_meter is not None:
        side = await directory.below(db, wanted.organisation)
        site = (await raising.sites(db, [wanted.site_meter])).get(wanted.site_meter)
        if site is None or site.organisation not in side:
            raise InvalidInput(
                f"There is no station {wanted.site_meter!r} here.", field="site_meter"
            )
    job = detection_jobs.checked(wanted, await _sizes(db, wanted))
    number = await store.save_job(db, job, by=by.id, now=now)
    job = replace(job, id=number)
    await _schedule(db, job, now)
    if not job.is_active:
        await _forget(db, job.id, now)
    turns = await store.turns_of(db, [number])
    last = await store.last_runs(db, [number])
    return JobSheet(job, turns.get(number, []), last.get(number))


async def remove_job(db: AsyncSession, number: int, *, by: Actor, now: datetime) -> None:
    """Take a job away, and what it found; its runs are kept."""
    await store.remove_job(db, number, by=by.id, now=now)
    await _forget(db, number, now)


async def _sizes(db: AsyncSession, job: Job) -> Mapping[int, int]:
    side = await directory.below(db, job.organisation)
    points = [
        (each.id, point.station, point.evse_id) for each in job.groups for point in each.points
    ]
    return await _charge_points(db).sizes(db, side, points) if points else {}


def _points(job: Job) -> list[tuple[StationId, int]] | None:
    if not job.groups:
        return None
    return sorted({(each.station, each.evse_id) for group in job.groups for each in group.points})


async def _schedule(db: AsyncSession, job: Job, now: datetime) -> None:
    """Say when a job is due next, wherever it has stations; without any, where its people are."""
    zones: set[str] = set()
    if job.is_active:
        side = await directory.below(db, job.organisation)
        zones.update(
            await _charge_points(db).time_zones(
                db, side, location=job.location, points=_points(job)
            )
        )
        if not zones:
            zones.add((await directory.organisation(db, job.organisation)).time_zone)
    await store.set_turns(
        db, job.id, {zone: next_due(now, job.execute_at, ZoneInfo(zone)) for zone in zones}
    )


async def _forget(db: AsyncSession, job: int, now: datetime) -> None:
    """End what a job found: nobody looks any more."""
    known = await store.open_faults(db, Detection.JOB, [cause_of(job)])
    await raising.report(db, [gone(Detection.JOB, each, now) for each in known], now=now)


def gone(detection: Detection, fault: OpenFault, now: datetime) -> Finding:
    """Return a fault of a watch as found to be over."""
    return Finding(
        detection=detection,
        cause=fault.cause,
        organisation=fault.organisation,
        station=fault.station,
        evse_id=fault.evse_id,
        connector_id=fault.connector_id,
        location=None if fault.station is not None else fault.location,
        severity=Severity.INFO,
        seen_at=now,
        is_present=False,
    )


# ------------------------------------------------------------------------------------- running


class Rounds:
    """Runs the jobs that are due, each in a unit of work of its own.

    Args:
        database: Where they are.
        clock: By which they are due.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._since = clock.now()

    async def __call__(self) -> None:
        """Run what is due now; what fell due before the start waits until all is settled."""
        now = self._clock.now()
        async with self._database.unit_of_work() as db:
            due = await store.due(db, now)
        for turn in due[:JOBS_MAX_PER_ROUND]:
            if turn.due_at < self._since and now < self._since + SETTLING:
                continue
            async with self._database.unit_of_work() as db:
                await run(db, turn, now=now)


def rounds(database: Database, clock: Clock) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return the round as periodic work."""
    return Rounds(database, clock).__call__


async def run(db: AsyncSession, turn: Turn, *, now: datetime) -> Run | None:
    """Run a job that is due in a time zone: once, however often it was missed.

    Returns:
        The run; None if the job was taken away or changed meanwhile.
    """
    job = await store.job(db, turn.job, locked=True)
    if job is None or not job.is_active:
        return None
    turns = (await store.turns_of(db, [job.id])).get(job.id, [])
    if not any(each.time_zone == turn.time_zone and each.due_at <= now for each in turns):
        return None
    zone = ZoneInfo(turn.time_zone)
    due_at = latest_due(now, job.execute_at, zone)
    start = due_at - timedelta(hours=job.hours)
    side = await directory.below(db, job.organisation)
    known = _charge_points(db)
    usual = []
    if Check.NO_ENERGY in job.checks:
        usual = same_span_before(start, due_at, zone, USUAL_WEEKS)
    facts = [
        _taken(each)
        for each in await known.facts(
            db,
            side,
            location=job.location,
            points=_points(job),
            time_zone=turn.time_zone,
            span=(start, due_at),
            usual=usual,
        )
    ]
    result = detection_jobs.evaluate(job, facts, start, heard_at=await known.heard_at(db))
    made = Run(
        0,
        job.id,
        turn.time_zone,
        due_at,
        now,
        start,
        due_at,
        sum(each.evse_id is not None for each in facts),
        result.found,
        result.remarks,
    )
    await store.add_run(db, made)
    looked_at = {each.station for each in facts}
    found = detection_jobs.findings(job, result.found, due_at)
    keys = {each.key for each in found}
    elsewhere = {each.time_zone for each in turns} - {turn.time_zone}
    over = [
        finding
        for each in await store.open_faults(db, Detection.JOB, [job.cause])
        if (finding := gone(Detection.JOB, each, now)).key not in keys
        and (not elsewhere or each.station in looked_at)
    ]
    await raising.report(db, [*found, *over], now=now)
    await _schedule_next(db, job, turns, turn.time_zone, now)
    return made


async def _schedule_next(
    db: AsyncSession, job: Job, turns: Sequence[Turn], ran_in: str, now: datetime
) -> None:
    """Put off the turn that was taken; the others stay as they are, and new zones are added."""
    before = {each.time_zone: each.due_at for each in turns if each.time_zone != ran_in}
    await _schedule(db, job, now)
    after = {each.time_zone for each in (await store.turns_of(db, [job.id])).get(job.id, [])}
    kept = {zone: due_at for zone, due_at in before.items() if zone in after}
    fresh = {
        zone: next_due(now, job.execute_at, ZoneInfo(zone)) for zone in after if zone not in kept
    }
    await store.set_turns(db, job.id, {**kept, **fresh})


def _taken(facts: Facts) -> PointFacts:
    return PointFacts(
        station=facts.station,
        evse_id=facts.evse_id,
        organisation=facts.organisation,
        location=facts.location,
        rated_power_w=facts.rated_power_w,
        last_heard_at=facts.last_heard_at,
        known_since=facts.known_since,
        energy_wh=facts.energy_wh,
        starts=facts.starts,
        worked=facts.worked,
        usual_known=facts.usual_known,
        usual_used=facts.usual_used,
        register_wh=facts.register_wh,
        sessions_wh=facts.sessions_wh,
        main_meter_wh=facts.main_meter_wh,
    )


def point_of(text: str) -> Point:
    """Return a charge point written as `STATION` or `STATION/EVSE`.

    A station whose identity holds a slash before a number is written with its EVSE.
    """
    station, slash, number = text.strip().rpartition("/")
    if slash and number.isascii() and number.isdecimal() and 0 < len(number) <= 6 and station:
        return Point(StationId(station), int(number))
    return Point(StationId(text.strip()))
