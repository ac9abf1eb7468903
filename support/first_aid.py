"""First aid: what is tried by itself when a watch finds something, from the harmless on.

A playbook says which steps are tried in which order for what a watch finds at stations of a kind.
It is off until somebody switches it on, and holds where a service package gives first aid. A step
is never tried while anybody charges at the station, nor more often in a day than the playbook
allows, and each waits until it is known whether the one before helped.

A playbook that would loop is refused: steps only grow stronger, none comes twice and none takes
back another; nothing is cured by what itself brings it about; and no two that are on take turns at
the same thing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final

from alerts.detections import Detection
from alerts.steps import HARMLESS_TO_SESSIONS as HARMLESS_TO_SESSIONS
from alerts.steps import LONGEST_OUT, STRENGTH, USUALLY_OUT
from alerts.steps import RESETS as RESETS
from alerts.steps import Step as Step
from foundation.errors import Conflict, InvalidInput
from foundation.identifiers import OrganisationKey, StationId

MOST_PER_DAY: Final = 20
MOST_CAUSES: Final = 50
LONGEST_NAME: Final = 100
SETTLES_MIN: Final = 2
"""Minutes after a step at which we look whether the fault is still there, unless it is said."""
LONGEST_SETTLING: Final = 60
LOOKS_EVERY: Final = timedelta(minutes=1)
LASTS: Final = timedelta(hours=24)
"""How long first aid goes on waiting for its moment."""


_BY_RESETS: Final = frozenset({"StartupOfTheDevice", "ResetOrReboot", "PowerLoss", "Reboot"})
"""Causes that a reset brings about."""
_BY_REST: Final = frozenset({"no_session"})
"""Causes that a station out of service brings about."""
_OURS: Final = frozenset({Detection.BACKLOG, Detection.CERTIFICATE, Detection.JOB, Detection.RULE})
"""Watches whose findings no step at a station cures."""


class WouldLoop(InvalidInput):
    """The playbook would go round and round."""

    code = "would_loop"


class TakesTurns(Conflict):
    """Another playbook that is on is about the same thing."""

    code = "takes_turns"

    def __init__(self, other: int) -> None:
        self.other = other
        super().__init__(f"Playbook {other} is on for the same thing; the two would take turns.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """What is tried for what, where.

    Attributes:
        id: 0 until it is stored.
        organisation: For its stations and those below it.
        causes: Which of the watch's; none: all.
        vendor: Of the stations, in any case of letters; empty: any.
        model: Likewise.
        per_day: How many steps a station gets in a day of its own time zone.
        settles_min: How many minutes after a step we look whether the fault is still there.
        out_hours: After how many hours a station that is put out of service is put back.
    """

    id: int = 0
    organisation: OrganisationKey
    name: str
    detection: Detection
    causes: tuple[str, ...] = ()
    vendor: str = ""
    model: str = ""
    steps: tuple[Step, ...]
    per_day: int
    settles_min: int = SETTLES_MIN
    out_hours: int = USUALLY_OUT
    is_on: bool = False


def checked(playbook: Playbook) -> Playbook:
    """Return a playbook in order.

    Raises:
        InvalidInput: If it is none.
        WouldLoop: If it would go round and round.
    """
    name = playbook.name.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise InvalidInput("Give it a name of 1 to 100 characters.", field="name")
    if playbook.model.strip() and not playbook.vendor.strip():
        raise InvalidInput("Name the vendor of the model.", field="vendor")
    causes = tuple(sorted({each.strip() for each in playbook.causes if each.strip()}))
    if len(causes) > MOST_CAUSES:
        raise InvalidInput("At most 50 causes.", field="causes")
    if not playbook.steps:
        raise InvalidInput("Say what is tried.", field="steps")
    if not 1 <= playbook.per_day <= MOST_PER_DAY:
        raise InvalidInput("A station gets 1 to 20 steps a day.", field="per_day")
    if not 1 <= playbook.settles_min <= LONGEST_SETTLING:
        raise InvalidInput("It waits 1 to 60 minutes for the effect.", field="settles_min")
    if not 1 <= playbook.out_hours <= LONGEST_OUT:
        raise InvalidInput("Out of service is 1 to 168 hours.", field="out_hours")
    if playbook.detection in _OURS:
        raise InvalidInput("No step at a station cures what this watch finds.", field="detection")
    strengths = [STRENGTH[each] for each in playbook.steps]
    if any(later <= earlier for earlier, later in pairwise(strengths)):
        raise WouldLoop(
            "It would loop: each step is tried once, and the next one is stronger.", field="steps"
        )
    if RESETS & set(playbook.steps):
        by_resets = playbook.detection is Detection.SECURITY and not causes
        if by_resets or _BY_RESETS & set(causes):
            raise WouldLoop(
                "It would loop: a restart brings about what it is to cure.", field="steps"
            )
        if playbook.detection is Detection.OFFLINE:
            raise WouldLoop("It would loop: a station that restarts is silent.", field="steps")
    if Step.OUT_OF_SERVICE in playbook.steps:
        if Step.IN_SERVICE in playbook.steps:
            raise WouldLoop("It would loop: one step takes back another.", field="steps")
        if playbook.detection is Detection.FAILING and (not causes or _BY_REST & set(causes)):
            raise WouldLoop(
                "It would loop: where it is out of service, nobody charges.", field="steps"
            )
    return replace(
        playbook,
        name=name,
        causes=causes,
        vendor=playbook.vendor.strip(),
        model=playbook.model.strip(),
    )


def must_not_take_turns(playbook: Playbook, others: Iterable[Playbook]) -> None:
    """Refuse to have two on that are about the same thing.

    Raises:
        TakesTurns: Naming the other.
    """
    for each in others:
        same_causes = set(each.causes) & set(playbook.causes) or each.causes == playbook.causes
        if (
            each.is_on
            and playbook.is_on
            and each.id != playbook.id
            and each.organisation == playbook.organisation
            and each.detection is playbook.detection
            and same_causes
            and _same(each.vendor, playbook.vendor)
            and _same(each.model, playbook.model)
        ):
            raise TakesTurns(each.id)


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def is_about(playbook: Playbook, *, vendor: str | None, model: str | None) -> bool:
    """Tell whether a playbook is for stations of a make."""
    return (not playbook.vendor or _same(playbook.vendor, vendor or "")) and (
        not playbook.model or _same(playbook.model, model or "")
    )


def chosen(
    playbooks: Iterable[Playbook],
    *,
    organisations: Sequence[OrganisationKey],
    detection: str,
    cause: str,
    vendor: str | None,
    model: str | None,
) -> Playbook | None:
    """Return the playbook for a fault: of the nearest organisation, the one that says most.

    Args:
        playbooks: Those that there are.
        organisations: The station's, then the ones above it.
        detection: Which watch found it.
        cause: What.
        vendor: Of the station.
        model: Of the station.
    """
    found = [
        each
        for each in playbooks
        if each.is_on
        and each.organisation in organisations
        and each.detection == detection
        and (not each.causes or cause in each.causes)
        and is_about(each, vendor=vendor, model=model)
    ]
    return min(
        found,
        key=lambda each: (
            organisations.index(each.organisation),
            not each.model,
            not each.vendor,
            not each.causes,
            each.id,
        ),
        default=None,
    )


# ---------------------------------------------------------------------------------- a run


class Outcome(StrEnum):
    """How first aid ended."""

    CURED = "cured"
    BY_ITSELF = "by_itself"
    """The fault went before anything was tried."""
    NOT_CURED = "not_cured"
    """All was tried, and it is still there."""
    BUDGET_SPENT = "budget_spent"
    TAKEN_ON = "taken_on"
    """A person takes care of it."""
    SWITCHED_OFF = "switched_off"
    """The playbook was switched off, or the package ended."""
    GIVEN_UP = "given_up"
    """The moment never came."""


class WaitsFor(StrEnum):
    """Why nothing is done at the moment."""

    ANSWER = "answer"
    EFFECT = "effect"
    SESSION = "session"
    WINDOW = "window"
    CONNECTION = "connection"
    OTHER = "other"
    """Another fault of the station is being seen to."""


class Result(StrEnum):
    """What came of a step."""

    EFFECTIVE = "effective"
    REJECTED = "rejected"
    FAILED = "failed"
    NOT_SENT = "not_sent"
    NOT_POSSIBLE = "not_possible"
    """It means nothing there: no connector is known to be unlocked, say."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A step that was tried; without a result its command is under way."""

    step: Step
    asked_at: datetime
    result: Result | None = None
    ended_at: datetime | None = None
    command_id: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What must be known before a step is tried.

    Attributes:
        is_present: The fault is still there, and its alert open.
        is_taken: A person took the alert on.
        is_allowed: The playbook is on, and the package gives first aid.
        is_charging: Somebody charges at the station.
        is_worked_at: A maintenance window runs there.
        is_connected: It can be asked.
        is_busy: A step of another fault of the station is under way.
        used_today: How many steps the station had today.
    """

    is_present: bool
    is_taken: bool
    is_allowed: bool
    is_charging: bool
    is_worked_at: bool
    is_connected: bool
    is_busy: bool
    used_today: int


@dataclass(frozen=True, slots=True)
class Try:
    """Try this step now."""

    step: Step


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing until then."""

    why: WaitsFor
    until: datetime


@dataclass(frozen=True, slots=True)
class End:
    """First aid is over."""

    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """First aid for one fault: the playbook's steps as they were when it began."""

    id: int
    alert: int
    organisation: OrganisationKey
    station: StationId
    evse_id: int | None
    connector_id: int | None
    playbook: int
    steps: tuple[Step, ...]
    per_day: int
    settles_min: int = SETTLES_MIN
    out_hours: int = USUALLY_OUT
    began_at: datetime
    due_at: datetime
    waits_for: WaitsFor | None = None
    outcome: Outcome | None = None
    over_at: datetime | None = None
    tried: tuple[Tried, ...] = ()


def next_deed(run: Run, facts: Facts, now: datetime) -> Try | Wait | End:
    """Return what is to be done for a run that is not over."""
    soon = now + LOOKS_EVERY
    last = run.tried[-1] if run.tried else None
    if last is not None and last.result is None:
        return Wait(WaitsFor.ANSWER, soon)  # whatever happens: its outcome belongs to the trail
    if not facts.is_present:
        helped = any(each.result is Result.EFFECTIVE for each in run.tried)
        return End(Outcome.CURED if helped else Outcome.BY_ITSELF)
    if facts.is_taken:
        return End(Outcome.TAKEN_ON)
    if not facts.is_allowed:
        return End(Outcome.SWITCHED_OFF)
    if last is not None and last.result is Result.EFFECTIVE:
        assert last.ended_at is not None
        if now < (until := last.ended_at + timedelta(minutes=run.settles_min)):
            return Wait(WaitsFor.EFFECT, until)
    if len(run.tried) >= len(run.steps):
        return End(Outcome.NOT_CURED)
    if now - run.began_at >= LASTS:
        return End(Outcome.GIVEN_UP)
    if facts.used_today >= run.per_day:
        return End(Outcome.BUDGET_SPENT)
    for is_so, why in (
        (facts.is_worked_at, WaitsFor.WINDOW),
        (facts.is_charging, WaitsFor.SESSION),
        (facts.is_busy, WaitsFor.OTHER),
        (not facts.is_connected, WaitsFor.CONNECTION),
    ):
        if is_so:
            return Wait(why, soon)
    return Try(run.steps[len(run.tried)])


def command_for(
    step: Step, version: str | None, *, evse_id: int | None, connector_id: int | None
) -> tuple[str, dict[str, Any]] | None:
    """Return the action and payload of a step; None where it means nothing.

    Args:
        step: Which.
        version: The station's, as in 1.6 or 2.0.1.
        evse_id: Where the fault is; 0 or None: the station itself.
        connector_id: Its connector; None: unknown.
    """
    is_16 = version == "1.6"
    if step is Step.CLEAR_CACHE:
        return "ClearCache", {}
    if step in _AVAILABILITIES:
        wanted_now = _AVAILABILITIES[step]
        if is_16:
            return "ChangeAvailability", {"connectorId": evse_id or 0, "type": wanted_now}
        where = {"evse": {"id": evse_id}} if evse_id else {}
        return "ChangeAvailability", {"operationalStatus": wanted_now, **where}
    if step in RESETS:
        kinds = ("Soft", "Hard") if is_16 else ("OnIdle", "Immediate")
        return "Reset", {"type": kinds[step is Step.HARD_RESET]}
    if step is Step.UNLOCK:
        if not evse_id:
            return None
        if is_16:
            return "UnlockConnector", {"connectorId": evse_id}
        return "UnlockConnector", {"evseId": evse_id, "connectorId": connector_id or 1}
    wanted: dict[str, Any] = {"requestedMessage": "StatusNotification"}
    if is_16:
        if evse_id:
            wanted["connectorId"] = evse_id
    elif evse_id:
        wanted["evse"] = {"id": evse_id, "connectorId": connector_id or 1}
    else:
        wanted["requestedMessage"] = "Heartbeat"
    return "TriggerMessage", wanted


_AVAILABILITIES: Final[Mapping[Step, str]] = MappingProxyType(
    {Step.IN_SERVICE: "Operative", Step.OUT_OF_SERVICE: "Inoperative"}
)


def result_of(state: str) -> Result | None:
    """Return what came of a step by its command's state; None while that is not known."""
    return _RESULTS.get(state)


_RESULTS: Final[Mapping[str, Result]] = MappingProxyType(
    {
        "effective": Result.EFFECTIVE,
        "rejected": Result.REJECTED,
        "failed": Result.FAILED,
        "expired": Result.NOT_SENT,
        "cancelled": Result.NOT_SENT,
    }
)
