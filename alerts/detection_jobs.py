"""Error-detection jobs: what one looks at, and what it makes of what it sees.

A job runs once a day and looks at the last hours of its charge points. Each check is a pure
function of their facts. What a job finds at a place in one run is one finding, whatever number of
checks it failed: a job is one detection, and two jobs are always two.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Final

from alerts.detections import Detection, Finding, Severity
from alerts.job_schedule import HOURS_MAX
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey, StationId

ENERGY_MIN_WH: Final = Decimal(1)
"""From how much energy on a charge point counts as having given some."""
USUAL_WEEKS: Final = 8
"""How many weeks back it is looked whether a charge point is usually used."""
USUAL_KNOWN_MIN: Final = 4
"""How many of these weeks must be known before anything is called usual."""
USUAL_MISSED_MAX: Final = 8
"""One known week in so many may have been without energy, and its use is usual all the same."""
STARTS_MIN: Final = 5
"""From how many starts on a success rate says something."""
NAME_MAX: Final = 100
TOLERANCE: Final = 50
METER_TOLERANCE: Final = 5
"""In per cent, unless a job says otherwise."""


class Check(StrEnum):
    """What a job looks for."""

    NO_MESSAGE = "no_message"
    """A station that said nothing at all."""
    NO_ENERGY = "no_energy"
    """A charge point that gave no energy, although it usually does in these hours."""
    COMPARISON = "comparison"
    """A charge point that falls behind the others of its group."""
    METER = "meter"
    """Meters that do not agree with what the sessions say."""


@dataclass(frozen=True, slots=True)
class Point:
    """A charge point; `evse_id` 0 stands for every one of its station."""

    station: StationId
    evse_id: int = 0

    def covers(self, station: StationId, evse_id: int | None) -> bool:
        """Tell whether it is, or has, a charge point."""
        return self.station == station and self.evse_id in (0, evse_id)


@dataclass(frozen=True, slots=True)
class Group:
    """Charge points that are compared with each other, and with no others."""

    id: int
    organisation: OrganisationKey
    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An error-detection job.

    Attributes:
        execute_at: Every day at this time where the stations stand.
        hours: It looks at the last so many hours.
        checks: At least one.
        groups: Whose charge points it looks at; empty: all of the organisation and those below it.
        location: Only there.
        site_meter: The station whose main meter (EVSE 0) measures the whole site.
        tolerance_percent: How far a charge point may fall behind its group.
        meter_tolerance_percent: How far meters may be apart.
    """

    id: int = 0
    organisation: OrganisationKey
    name: str
    execute_at: time
    hours: int
    checks: frozenset[Check]
    groups: tuple[Group, ...] = ()
    location: str | None = None
    site_meter: StationId | None = None
    tolerance_percent: int = TOLERANCE
    meter_tolerance_percent: int = METER_TOLERANCE
    is_active: bool = True

    @property
    def cause(self) -> str:
        """Of all that it finds."""
        return cause_of(self.id)


def cause_of(job: int) -> str:
    """Return the cause of what a job finds."""
    return f"job/{job}"


class NoCheck(InvalidInput):
    """A job that looks for nothing."""

    code = "no_check"

    def __init__(self) -> None:
        super().__init__(
            "Choose at least one check: a job without one finds nothing.", field="checks"
        )


class NothingToCompare(InvalidInput):
    """A comparison needs groups of at least two charge points each."""

    code = "nothing_to_compare"

    def __init__(self, group: str | None, points: int = 0) -> None:
        if group is None:
            text = "Choose at least one group: only charge points of a group are compared."
        else:
            text = f"The group {group!r} has {points} charge point(s): a comparison needs two."
        super().__init__(text, field="groups")


def checked(job: Job, sizes: Mapping[int, int]) -> Job:
    """Return a job that makes sense.

    Args:
        job: As somebody wants it.
        sizes: How many charge points each of its groups has now.

    Raises:
        InvalidInput: If it has no name, no check, no such span or tolerance.
        NothingToCompare: If it compares, and has no group, or one of less than two.
    """
    name = job.name.strip()
    if not 1 <= len(name) <= NAME_MAX:
        raise InvalidInput(f"A name has 1 to {NAME_MAX} characters.", field="name")
    if not 1 <= job.hours <= HOURS_MAX:
        raise InvalidInput(f"A job looks at the last 1 to {HOURS_MAX} hours.", field="hours")
    if not job.checks:
        raise NoCheck
    for field_name in ("tolerance_percent", "meter_tolerance_percent"):
        if not 1 <= getattr(job, field_name) <= 99:
            raise InvalidInput("A tolerance is 1 to 99 per cent.", field=field_name)
    if Check.COMPARISON in job.checks:
        if not job.groups:
            raise NothingToCompare(None)
        for group in job.groups:
            if sizes.get(group.id, 0) < 2:
                raise NothingToCompare(group.name, sizes.get(group.id, 0))
    return job


@dataclass(frozen=True, slots=True, kw_only=True)
class PointFacts:
    """What is known of a charge point in the hours that a job looks at.

    Attributes:
        evse_id: None: its station has no charge point yet.
        rated_power_w: What its connectors can give at most, if known.
        last_heard_at: Of the station, whatever it said; None: it was never heard.
        known_since: When the station was set up here.
        energy_wh: What was given in the span; None: something runs whose meter is not known.
        starts: Begun in the span and over; those that did not come about included.
        worked: Those of them that gave energy.
        usual_known: In how many of the same spans of weeks before it was in use already.
        usual_used: In how many of those it gave energy.
        register_wh: What its own register rose from its first session to the end of its last;
            None: that cannot be said.
        sessions_wh: What these sessions say that they took.
        main_meter_wh: What the main meter of its station rose in the span; None: it has none.
    """

    station: StationId
    evse_id: int | None
    organisation: OrganisationKey
    location: str | None
    rated_power_w: Decimal | None = None
    last_heard_at: datetime | None = None
    known_since: datetime
    energy_wh: Decimal | None = Decimal(0)
    starts: int = 0
    worked: int = 0
    usual_known: int = 0
    usual_used: int = 0
    register_wh: Decimal | None = None
    sessions_wh: Decimal = Decimal(0)
    main_meter_wh: Decimal | None = None

    @property
    def success_rate(self) -> float | None:
        """The share of starts that worked; None: too few to say."""
        return self.worked / self.starts if self.starts >= STARTS_MIN else None

    @property
    def full_load_hours(self) -> float | None:
        """The energy per kW of rated power, in hours; None where either is not known."""
        if not self.rated_power_w or self.energy_wh is None:
            return None
        return float(self.energy_wh / self.rated_power_w)


class RemarkKind(StrEnum):
    """Why a check said nothing."""

    NOTHING_HEARD = "nothing_heard"
    """No station at all was heard: that is our own silence."""
    TOO_FEW = "too_few"
    """A group in which less than two can be compared now."""
    NO_RATED_POWER = "no_rated_power"
    """A charge point whose rated power is not known."""
    NO_SITE_METER = "no_site_meter"
    """The site meter said nothing."""


@dataclass(frozen=True, slots=True)
class Remark:
    """A check that could not be made, and of what."""

    kind: RemarkKind
    about: str


@dataclass(frozen=True, slots=True)
class Found:
    """A place where a run found something, with the checks and what shows them."""

    station: StationId | None
    evse_id: int | None
    organisation: OrganisationKey
    location: str | None
    checks: tuple[Check, ...]
    evidence: Mapping[str, str] = field(hash=False)

    @property
    def place(self) -> tuple[StationId | None, int | None, str | None]:
        """Where: what tells it apart within a run."""
        return self.station, self.evse_id, None if self.station else self.location


@dataclass(frozen=True, slots=True)
class Result:
    """What a run found, and what it could not say."""

    found: tuple[Found, ...]
    remarks: tuple[Remark, ...]


def evaluate(
    job: Job, facts: Sequence[PointFacts], start: datetime, *, heard_at: datetime | None
) -> Result:
    """Return what a job makes of its hours.

    Args:
        job: Which.
        facts: Of all charge points that it looks at.
        start: When its hours began.
        heard_at: When any station of the installation was heard last.
    """
    run = _Run(job, start)
    if Check.NO_MESSAGE in job.checks:
        run.silence(facts, heard_at)
    if Check.NO_ENERGY in job.checks:
        run.idleness(facts)
    if Check.COMPARISON in job.checks:
        for group in job.groups:
            run.comparison(group, facts)
    if Check.METER in job.checks:
        run.meters(facts)
    return run.result()


def findings(job: Job, found: Iterable[Found], at: datetime) -> list[Finding]:
    """Return what a run found as the watch takes it."""
    return [
        Finding(
            detection=Detection.JOB,
            cause=job.cause,
            organisation=each.organisation,
            station=each.station,
            evse_id=each.evse_id,
            location=each.location,
            severity=Severity.FAULT if Check.NO_MESSAGE in each.checks else Severity.WARNING,
            seen_at=at,
            evidence={"job": job.name, **each.evidence},
        )
        for each in found
    ]


class _Run:
    """Collects what one run finds."""

    def __init__(self, job: Job, start: datetime) -> None:
        self._job = job
        self._start = start
        self._found: dict[tuple[StationId | None, int | None, str | None], Found] = {}
        self._remarks: dict[Remark, None] = {}

    def result(self) -> Result:
        """Return it in a total order."""
        order = sorted(self._found.values(), key=lambda each: tuple(map(str, each.place)))
        return Result(tuple(order), tuple(self._remarks))

    def silence(self, facts: Sequence[PointFacts], heard_at: datetime | None) -> None:
        """Find stations that said nothing at all."""
        if heard_at is None or heard_at < self._start:
            self._remark(RemarkKind.NOTHING_HEARD, "")
            return
        stations = {each.station: each for each in facts}
        for each in stations.values():
            last = each.last_heard_at
            if each.known_since > self._start or (last is not None and last >= self._start):
                continue
            evidence = {} if last is None else {"last_heard_at": last.isoformat()}
            self._add(each, None, Check.NO_MESSAGE, evidence)

    def idleness(self, facts: Sequence[PointFacts]) -> None:
        """Find charge points that gave nothing, although they usually do."""
        for each in facts:
            if each.evse_id is None or each.energy_wh is None or each.energy_wh >= ENERGY_MIN_WH:
                continue
            missed = each.usual_known - each.usual_used
            if each.usual_known < USUAL_KNOWN_MIN or missed * USUAL_MISSED_MAX > each.usual_known:
                continue
            usual = f"{each.usual_used}/{each.usual_known}"
            self._add(each, each.evse_id, Check.NO_ENERGY, {"energy_kwh": "0", "usual": usual})

    def comparison(self, group: Group, facts: Sequence[PointFacts]) -> None:
        """Find charge points of a group that fall behind the others of it."""
        members = [
            each
            for each in facts
            if each.evse_id is not None
            and any(point.covers(each.station, each.evse_id) for point in group.points)
        ]
        for each in members:
            if not each.rated_power_w:
                self._remark(RemarkKind.NO_RATED_POWER, f"{each.station}/{each.evse_id}")
        rates = [(each, rate) for each in members if (rate := each.success_rate) is not None]
        loads = [(each, load) for each in members if (load := each.full_load_hours) is not None]
        if len(loads) < 2 and len(rates) < 2:
            self._remark(RemarkKind.TOO_FEW, group.name)
        for each, rate, others in self._behind(rates):
            evidence = {"success_rate": f"{rate:.0%}", "success_rate_of_group": f"{others:.0%}"}
            self._add(each, each.evse_id, Check.COMPARISON, {"group": group.name, **evidence})
        for each, load, others in self._behind(loads):
            evidence = {"kwh_per_kw": f"{load:.2f}", "kwh_per_kw_of_group": f"{others:.2f}"}
            self._add(each, each.evse_id, Check.COMPARISON, {"group": group.name, **evidence})

    def _behind(
        self, values: Sequence[tuple[PointFacts, float]]
    ) -> list[tuple[PointFacts, float, float]]:
        """Return who is below the middle of the others by more than the tolerance, with both."""
        found = []
        for number, (each, value) in enumerate(values):
            others = [other for place, (_, other) in enumerate(values) if place != number]
            if not others:
                continue
            middle = statistics.median(others)
            if value < middle * (100 - self._job.tolerance_percent) / 100:
                found.append((each, value, middle))
        return found

    def meters(self, facts: Sequence[PointFacts]) -> None:
        """Find meters that do not agree with the sessions."""
        if self._job.site_meter is not None:
            self._site_meter(facts, self._job.site_meter)
            return
        by_station: dict[StationId, list[PointFacts]] = {}
        for each in facts:
            by_station.setdefault(each.station, []).append(each)
        for points in by_station.values():
            main = points[0].main_meter_wh
            if main is not None:
                sums = _sum(points)
                if sums is not None and self._are_apart(main, sums):
                    self._add(points[0], None, Check.METER, _two(main, sums))
                continue
            for each in points:
                register = each.register_wh
                if register is not None and self._are_apart(register, each.sessions_wh):
                    evidence = _two(register, each.sessions_wh)
                    self._add(each, each.evse_id, Check.METER, evidence)

    def _site_meter(self, facts: Sequence[PointFacts], station: StationId) -> None:
        measured = next((each for each in facts if each.station == station), None)
        main = None if measured is None else measured.main_meter_wh
        sums = _sum(facts)
        if measured is None or main is None:
            self._remark(RemarkKind.NO_SITE_METER, station)
        elif sums is not None and self._are_apart(main, sums):
            self._add(measured, None, Check.METER, _two(main, sums))

    def _are_apart(self, meter_wh: Decimal, sessions_wh: Decimal) -> bool:
        larger = max(meter_wh, sessions_wh)
        difference = abs(meter_wh - sessions_wh)
        return difference * 100 > larger * self._job.meter_tolerance_percent and difference >= 1000

    def _add(
        self,
        facts: PointFacts,
        evse_id: int | None,
        check: Check,
        evidence: Mapping[str, str],
    ) -> None:
        found = Found(facts.station, evse_id, facts.organisation, facts.location, (check,), {})
        before = self._found.get(found.place, found)
        checks = tuple(dict.fromkeys((*before.checks, check)))
        self._found[found.place] = Found(
            facts.station,
            evse_id,
            facts.organisation,
            facts.location,
            checks,
            {**before.evidence, "checks": ", ".join(checks), **evidence},
        )

    def _remark(self, kind: RemarkKind, about: str) -> None:
        self._remarks[Remark(kind, about)] = None


def _sum(facts: Iterable[PointFacts]) -> Decimal | None:
    """Return what charge points gave; None where something runs whose meter is not known."""
    total = Decimal(0)
    for each in facts:
        if each.energy_wh is None:
            return None
        total += each.energy_wh
    return total


def _two(meter_wh: Decimal, sessions_wh: Decimal) -> dict[str, str]:
    return {"meter_kwh": _kwh(meter_wh), "sessions_kwh": _kwh(sessions_wh)}


def _kwh(energy_wh: Decimal) -> str:
    return f"{energy_wh / 1000:.1f}"
