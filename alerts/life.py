"""The life of faults and alerts: when one begins, which alert it belongs to, when it is over.

A *fault* is one thing that is wrong at one place; it is known by its key. An *alert* is what people
hear of: the faults of one watch with one cause at one site that came within an hour of each other.
So a router that takes ten stations along is one alert, and what happens a week later at the same
site is another, of which somebody hears although the first is still open. Reports that tell of one
cause by several names (`alerts.same_cause`) go into one alert, whichever came first.

Damping: a fault that is gone must stay away for a while before it counts as over, and the longer
the more often it came back. Repeats are told at most every quarter of an hour. When a watch raises
too many alerts at once, the rest of what it finds goes into one alert, the *storm*.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from alerts import same_cause
from alerts.detections import Detection, Finding, Severity, key_of, worst
from foundation.errors import Conflict, InvalidInput
from foundation.identifiers import OrganisationKey, StationId

GROUPING: Final = timedelta(hours=1)
"""How long after its last growth an alert takes up more faults."""
REPEAT_EVERY: Final = timedelta(minutes=15)
"""How often at most a repeat is told."""
STORM_ALERTS: Final = 20
"""How many alerts of one watch an organisation gets within `STORM_WITHIN` before it is a storm."""
STORM_WITHIN: Final = timedelta(minutes=10)
STORM: Final = "storm"
"""The cause of an alert that holds what came in a storm."""
FLAPS_KEPT: Final = timedelta(hours=24)
"""How long it is remembered that a fault came back again and again."""
LONGEST_CALM: Final = timedelta(hours=2)
NOTE_MAX: Final = 1000
"""Characters of a person's note."""

_CALM: Final[Mapping[Detection, timedelta]] = MappingProxyType(
    {
        Detection.OFFLINE: timedelta(minutes=15),
        Detection.FAULT: timedelta(minutes=5),
        Detection.WARNING: timedelta(minutes=10),
        Detection.BACKLOG: timedelta(minutes=10),
        Detection.RULE: timedelta(minutes=5),
    }
)
"""How long a fault must be gone the first time; the other watches look at long spans anyway."""


class AlertState(StrEnum):
    """Whether an alert still wants somebody."""

    OPEN = "open"
    RECOVERED = "recovered"
    """All its faults went away."""
    CLOSED = "closed"
    """A person said that it is over."""


class Change(StrEnum):
    """What happens to an alert: the words of `foundation.events.AlertChanged.change`."""

    RAISED = "raised"
    REPEATED = "repeated"
    GROWN = "grown"
    """It is about more, or it is worse than it was."""
    ACKNOWLEDGED = "acknowledged"
    ESCALATED = "escalated"
    RECOVERED = "recovered"
    CLOSED = "closed"


class StillThere(InvalidInput):
    """An alert is closed although a fault is still there, and nobody says why."""

    code = "still_there"

    def __init__(self) -> None:
        super().__init__(
            "The fault is still there. Say why the alert is closed all the same.", field="note"
        )


class AlertOver(Conflict):
    """The alert recovered or was closed already."""

    code = "alert_over"

    def __init__(self, alert: int) -> None:
        super().__init__(f"Alert {alert} is over.")


class AlreadyAcknowledged(Conflict):
    """Somebody took the alert on before."""

    code = "already_acknowledged"

    def __init__(self, alert: int, by: str) -> None:
        super().__init__(f"{by} takes care of alert {alert} already.")


class AlreadyEscalated(Conflict):
    """The alert is marked as escalated: it is not escalated again."""

    code = "already_escalated"

    def __init__(self, alert: int) -> None:
        super().__init__(f"Alert {alert} is marked as escalated already.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong at one place, from when it was first seen.

    Attributes:
        id: 0 until it is stored.
        alert: Which alert it belongs to; None: it was not raised.
        seen: How often it was seen.
        flaps: How often it came back lately after it had been gone.
        calm_since: Since when it is gone; None: it is present.
        calm_until: When it counts as over, unless it comes back before.
        over_at: When it was found to be over.
    """

    id: int = 0
    key: str
    alert: int | None = None
    organisation: OrganisationKey
    detection: Detection
    cause: str
    location: str | None
    station: StationId | None
    evse_id: int | None
    connector_id: int | None
    severity: Severity
    evidence: Mapping[str, str] = field(hash=False)
    first_seen_at: datetime
    last_seen_at: datetime
    seen: int = 1
    flaps: int = 0
    calm_since: datetime | None = None
    calm_until: datetime | None = None
    over_at: datetime | None = None

    @property
    def witness(self) -> str | None:
        """Who tells of it, where several may: `Finding.witness`."""
        bare = key_of(
            self.detection,
            self.cause,
            organisation=self.organisation,
            location=self.location,
            station=self.station,
            evse_id=self.evse_id,
            connector_id=self.connector_id,
        )
        return self.key.removeprefix(bare).removeprefix("#") or None

    @property
    def is_present(self) -> bool:
        """Whether it is there at this moment; one that is gone may still not count as over."""
        return self.calm_since is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What people hear of.

    Attributes:
        id: Negative until it is stored.
        location: Where its faults are; None: at `station`, or at none.
        repeats: How often one of its faults was seen again.
        repeated_at: When that was told last.
    """

    id: int
    organisation: OrganisationKey
    detection: Detection
    cause: str
    location: str | None
    station: StationId | None
    severity: Severity
    state: AlertState = AlertState.OPEN
    raised_at: datetime
    grown_at: datetime
    repeated_at: datetime
    repeats: int = 0
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    acknowledged_by_name: str | None = None
    escalated_at: datetime | None = None
    escalated_by: str | None = None
    escalated_by_name: str | None = None
    over_at: datetime | None = None
    closed_by: str | None = None
    closed_by_name: str | None = None


# ---------------------------------------------------------------------------------- one fault


def calm_needed(detection: Detection, flaps: int) -> timedelta:
    """Return how long a fault must be gone to be over: twice as long for each time it came back."""
    first = _CALM.get(detection, timedelta(0))
    return min(LONGEST_CALM, first * (1 << min(flaps, 10)))


def begun(finding: Finding, *, location: str | None, flaps: int) -> Fault:
    """Return the fault that a finding begins.

    Args:
        finding: Of something present.
        location: Where the station stands, if the finding does not say where.
        flaps: How often the same fault came back lately, this time included.
    """
    assert finding.is_present
    return Fault(
        key=finding.key,
        organisation=finding.organisation,
        detection=finding.detection,
        cause=finding.cause,
        location=finding.location if finding.location is not None else location,
        station=finding.station,
        evse_id=finding.evse_id,
        connector_id=finding.connector_id,
        severity=finding.severity,
        evidence=dict(finding.evidence),
        first_seen_at=finding.seen_at,
        last_seen_at=finding.seen_at,
        flaps=flaps,
    )


def seen_again(fault: Fault, finding: Finding) -> Fault:
    """Return a fault that was found present again; if it had been gone, it flaps.

    What is older than its going tells nothing new.
    """
    assert finding.is_present
    if fault.calm_since is not None and finding.seen_at < fault.calm_since:
        return fault
    return replace(
        fault,
        severity=worst(fault.severity, finding.severity),
        evidence=dict(finding.evidence),
        last_seen_at=max(fault.last_seen_at, finding.seen_at),
        seen=fault.seen + 1,
        flaps=fault.flaps + (not fault.is_present),
        calm_since=None,
        calm_until=None,
    )


def gone(fault: Fault, finding: Finding) -> Fault:
    """Return a fault that was found gone: it is over once it stayed away for long enough.

    What is older than the last sight of the fault tells nothing, and being gone twice is being
    gone since the first time.
    """
    assert not finding.is_present
    if not fault.is_present or finding.seen_at < fault.last_seen_at:
        return fault
    return replace(
        fault,
        calm_since=finding.seen_at,
        calm_until=finding.seen_at + calm_needed(fault.detection, fault.flaps),
    )


def settled(fault: Fault, now: datetime) -> Fault:
    """Return the fault, over if it stayed away until now."""
    if fault.calm_until is None or fault.calm_until > now:
        return fault
    return replace(fault, over_at=now)


# ------------------------------------------------------------------------------ which alert


@dataclass(frozen=True, slots=True)
class Group:
    """What one alert is about: the watch, the cause, and the site."""

    organisation: OrganisationKey
    detection: Detection
    cause: str
    location: str | None
    station: StationId | None

    @classmethod
    def of(cls, about: Fault | Alert) -> "Group":
        """Return the group; what has a location is grouped by that, not by its station."""
        station = about.station if about.location is None else None
        return cls(about.organisation, about.detection, about.cause, about.location, station)

    @property
    def place(self) -> tuple[OrganisationKey, Detection, str | None, StationId | None]:
        """The watch and the site, whatever the cause."""
        return self.organisation, self.detection, self.location, self.station

    @property
    def storm(self) -> "Group":
        """The group of all that comes in a storm of the same watch."""
        return Group(self.organisation, self.detection, STORM, None, None)


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody is told: how an alert is now, and what happened to it."""

    alert: Alert
    change: Change


def raise_alerts(
    faults: Sequence[Fault],
    known: Iterable[Alert],
    *,
    beside: Mapping[int, Sequence[Fault]] = MappingProxyType({}),
    raised_lately: Mapping[tuple[OrganisationKey, Detection], int],
    now: datetime,
) -> tuple[list[Fault], list[Told]]:
    """Put faults that belong to no alert into open ones, or into new ones.

    Args:
        faults: What is to be raised.
        known: The open alerts of the organisations concerned.
        beside: What is in those of them that may be about the same causes.
        raised_lately: How many alerts each watch raised within `STORM_WITHIN`.
        now: When they are raised.

    Returns:
        The faults, each with its alert, and what became of alerts, each once: raised or grown. A
        new alert has a negative number until it is stored.
    """
    by_number = {each.id: each for each in sorted(known, key=lambda each: each.grown_at)}
    open_alerts = {Group.of(each): each for each in by_number.values()}
    counts = dict(raised_lately)
    inside = {number: list(its) for number, its in beside.items() if number in by_number}
    told: dict[int, Told] = {}
    placed: list[Fault] = []
    for fault in faults:
        group = Group.of(fault)
        watch = (fault.organisation, fault.detection)
        home = _of_same_cause(fault, by_number, inside, now)
        if home is not None:
            group = Group.of(home)
        else:
            home = _takes_more(open_alerts.get(group), now, GROUPING)
        if home is None and (storm := _storm(open_alerts, group, counts.get(watch, 0), now)):
            group, home = storm
        if home is None:
            number = -1 - sum(each < 0 for each in told)
            home = _raised(fault, group, number, now)
            counts[watch] = counts.get(watch, 0) + 1
            told[home.id] = Told(home, Change.RAISED)
        else:
            severity = worst(home.severity, fault.severity)
            home = replace(home, severity=severity, grown_at=now)
            if home.id in inside and home.cause != STORM:
                cause = same_cause.name_of([*inside[home.id], fault], home.cause)
                home = replace(home, cause=cause)
            change = told[home.id].change if home.id in told else Change.GROWN
            told[home.id] = Told(home, change)
        if home.cause != group.cause:  # it has its right name now
            if (before := open_alerts.get(group)) is not None and before.id == home.id:
                del open_alerts[group]
            group = Group.of(home)
        open_alerts[group] = by_number[home.id] = home
        if home.id < 0 or home.id in inside:
            inside.setdefault(home.id, []).append(fault)
        placed.append(replace(fault, alert=home.id))
    return placed, list(told.values())


def _of_same_cause(
    fault: Fault,
    alerts: Mapping[int, Alert],
    inside: Mapping[int, Sequence[Fault]],
    now: datetime,
) -> Alert | None:
    """Return the alert of another report of the same cause, which still takes up more."""
    open_ones = {
        number: its
        for number, its in inside.items()
        if alerts[number].cause != STORM
        and alerts[number].organisation == fault.organisation
        and _takes_more(alerts[number], now, GROUPING) is not None
    }
    number = same_cause.home_of(fault, open_ones)
    return None if number is None else alerts[number]


def _takes_more(alert: Alert | None, now: datetime, within: timedelta) -> Alert | None:
    return None if alert is None or now - alert.grown_at > within else alert


def _storm(
    open_alerts: Mapping[Group, Alert], group: Group, raised: int, now: datetime
) -> tuple[Group, Alert | None] | None:
    """Return the storm that a fault belongs to, and its alert if there is one already."""
    alert = open_alerts.get(group.storm)
    if _takes_more(alert, now, STORM_WITHIN) is None and raised < STORM_ALERTS:
        return None
    return group.storm, _takes_more(alert, now, GROUPING)


def _raised(fault: Fault, group: Group, number: int, now: datetime) -> Alert:
    return Alert(
        id=number,
        organisation=group.organisation,
        detection=group.detection,
        cause=group.cause,
        location=group.location,
        station=group.station,
        severity=fault.severity,
        raised_at=now,
        grown_at=now,
        repeated_at=now,
    )


def repeated(
    alert: Alert, severity: Severity, times: int, now: datetime
) -> tuple[Alert, Change | None]:
    """Return an alert of which faults were seen again, and what somebody is told, if anything.

    Args:
        alert: An open one.
        severity: The worst of what was seen.
        times: How many findings there were.
        now: When.
    """
    assert alert.state is AlertState.OPEN
    change: Change | None = None
    if severity.rank > alert.severity.rank:
        change = Change.GROWN
    elif now - alert.repeated_at >= REPEAT_EVERY:
        change = Change.REPEATED
    after = replace(
        alert,
        severity=worst(alert.severity, severity),
        repeats=alert.repeats + times,
        repeated_at=now if change is Change.REPEATED else alert.repeated_at,
    )
    return after, change


def recovered(alert: Alert, now: datetime) -> Alert:
    """Return an alert whose last fault is over."""
    return replace(alert, state=AlertState.RECOVERED, over_at=now)


# ---------------------------------------------------------------------------------- by people


def acknowledged(alert: Alert, *, by: str, by_name: str, now: datetime) -> Alert:
    """Return an alert that somebody takes care of.

    Raises:
        AlertOver: If it is over.
        AlreadyAcknowledged: If somebody took it on before.
    """
    _must_be_open(alert)
    if alert.acknowledged_by_name is not None:
        raise AlreadyAcknowledged(alert.id, alert.acknowledged_by_name)
    return replace(alert, acknowledged_at=now, acknowledged_by=by, acknowledged_by_name=by_name)


def escalated(alert: Alert, *, by: str, by_name: str, now: datetime) -> Alert:
    """Return an alert that is marked as escalated: it is not solved, only not escalated again.

    Raises:
        AlertOver: If it is over.
        AlreadyEscalated: If it was escalated before.
    """
    _must_be_open(alert)
    if alert.escalated_at is not None:
        raise AlreadyEscalated(alert.id)
    return replace(alert, escalated_at=now, escalated_by=by, escalated_by_name=by_name)


def closed(
    alert: Alert, *, by: str, by_name: str, note: str | None, is_present: bool, now: datetime
) -> Alert:
    """Return an alert that a person declares over.

    Args:
        alert: An open one.
        by: Who.
        by_name: His name.
        note: Why.
        is_present: Whether any of its faults is still there; then a reason is needed.
        now: When.

    Raises:
        AlertOver: If it is over.
        StillThere: If a fault is still there and no reason is given.
    """
    _must_be_open(alert)
    if is_present and not note:
        raise StillThere
    return replace(
        alert, state=AlertState.CLOSED, over_at=now, closed_by=by, closed_by_name=by_name
    )


def checked_note(note: str | None) -> str | None:
    """Return a person's note without blanks around it; None if nothing is left.

    Raises:
        InvalidInput: If it is too long.
    """
    text = (note or "").strip()
    if len(text) > NOTE_MAX:
        raise InvalidInput(f"A note has at most {NOTE_MAX} characters.", field="note")
    return text or None


def _must_be_open(alert: Alert) -> None:
    if alert.state is not AlertState.OPEN:
        raise AlertOver(alert.id)
