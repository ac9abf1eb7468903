"""Maintenance windows: a time in which a station, or some of its EVSEs, is being worked at.

While it lasts, errors there are stored and nobody is told; what is still wrong at its end is
raised then. A window may lock: nobody charges there, or only the test cards that it names. It is
not made in the past, and one that is past is never changed.

Source: rules of the business, 1.6 (maintenance window) and 7.9 (during a maintenance window).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from foundation.errors import Conflict, InvalidInput
from foundation.identifiers import OrganisationKey, StationId

SLACK: Final = timedelta(minutes=2)
"""How long ago a window may begin all the same: a form takes time to fill in."""
LONGEST: Final = timedelta(days=366)
LONGEST_LOCK: Final = timedelta(days=7)
"""Whoever takes a station out of service for longer needs a written order."""
LONGEST_COMMENT: Final = 1000
MOST_TEST_TOKENS: Final = 20
_LONGEST_TOKEN: Final = 255


class WindowState(StrEnum):
    """Where a window is in time."""

    COMING = "coming"
    RUNNING = "running"
    PAST = "past"
    WITHDRAWN = "withdrawn"
    """Taken back before it began."""


class NoSuchTime(InvalidInput):
    """The clocks were put forward over this time of day: it does not exist."""

    code = "no_such_time"

    def __init__(self, wanted: datetime, zone: ZoneInfo, *, field: str) -> None:
        super().__init__(
            f"{wanted:%Y-%m-%d %H:%M} does not exist in {zone.key}: the clocks are put forward.",
            field=field,
        )


class WindowIsPast(Conflict):
    """A window that is over, or was taken back, is not changed."""

    code = "window_past"

    def __init__(self) -> None:
        super().__init__("This maintenance window is over; it cannot be changed.")


class WindowsContradict(Conflict):
    """Another window says something of the same time and the same EVSE."""

    code = "windows_contradict"

    def __init__(self, other: int) -> None:
        self.other = other
        super().__init__(f"Maintenance window {other} is about the same time and EVSE.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What somebody wants: when, where, and what may go on meanwhile.

    Attributes:
        evses: The numbers of the EVSEs, in order; none: the whole station.
        starts_at: Included.
        ends_at: Not included.
        locks: Whether nobody may charge there meanwhile.
        test_tokens: The keys of tokens that may charge although it locks; in order.
        comment: For people.
    """

    evses: tuple[int, ...] = ()
    starts_at: datetime
    ends_at: datetime
    locks: bool = False
    test_tokens: tuple[str, ...] = ()
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A maintenance window as it stands.

    Attributes:
        organisation: Whose station it was when the window was made.
        locked_evses: The EVSEs that were taken out of service for it; None: not yet.
        unlocked_at: When they were put back into service.
    """

    id: int
    station: StationId
    organisation: OrganisationKey
    plan: Plan
    created_at: datetime
    created_by: str
    created_by_name: str
    withdrawn_at: datetime | None = None
    locked_evses: tuple[int, ...] | None = None
    unlocked_at: datetime | None = None

    def state(self, now: datetime) -> WindowState:
        """Return where it is in time."""
        if self.withdrawn_at is not None:
            return WindowState.WITHDRAWN
        if now >= self.plan.ends_at:
            return WindowState.PAST
        return WindowState.RUNNING if now >= self.plan.starts_at else WindowState.COMING


# ------------------------------------------------------------------------------- what may be


def checked(plan: Plan, *, evses: Collection[int], now: datetime) -> Plan:
    """Return what somebody wants, in order, or say what is wrong with it.

    Args:
        plan: For a new window.
        evses: The EVSEs that the station has.
        now: The moment.

    Raises:
        InvalidInput: If it begins in the past, ends before it begins, lasts too long, or names
            what there is not.
    """
    if plan.starts_at < now - SLACK:
        raise InvalidInput("A maintenance window cannot begin in the past.", field="starts_at")
    return _checked(plan, evses=evses)


def changed(window: Window, plan: Plan, *, evses: Collection[int], now: datetime) -> Window:
    """Return a window with another plan.

    One that runs keeps its start and where it is; it may end otherwise, from now on.

    Raises:
        WindowIsPast: If it is over or was taken back.
        InvalidInput: If the plan is none.
    """
    state = window.state(now)
    if state in (WindowState.PAST, WindowState.WITHDRAWN):
        raise WindowIsPast
    if state is WindowState.COMING:
        return replace(window, plan=checked(plan, evses=evses, now=now))
    if plan.starts_at != window.plan.starts_at:
        raise InvalidInput("It has begun: its start stays.", field="starts_at")
    if plan.ends_at < now:
        raise InvalidInput("It cannot end in the past.", field="ends_at")
    after = _checked(plan, evses=evses)
    for name in ("evses", "locks"):
        if getattr(after, name) != getattr(window.plan, name):
            raise InvalidInput("It has begun: end it and make another one.", field=name)
    if bool(after.test_tokens) != bool(window.plan.test_tokens):
        raise InvalidInput("It has begun: end it and make another one.", field="test_tokens")
    return replace(window, plan=after)


def ended(window: Window, now: datetime) -> Window:
    """Return a window that ends now, or was taken back if it has not begun.

    Raises:
        WindowIsPast: If it is over or was taken back.
    """
    state = window.state(now)
    if state in (WindowState.PAST, WindowState.WITHDRAWN):
        raise WindowIsPast
    if state is WindowState.COMING:
        return replace(window, withdrawn_at=now)
    at = max(now, window.plan.starts_at + timedelta(microseconds=1))
    return replace(window, plan=replace(window.plan, ends_at=at))


def _checked(plan: Plan, *, evses: Collection[int]) -> Plan:
    if plan.ends_at <= plan.starts_at:
        raise InvalidInput("It ends before it begins.", field="ends_at")
    lasts = plan.ends_at - plan.starts_at
    if lasts > LONGEST:
        raise InvalidInput("It lasts 366 days at most.", field="ends_at")
    if plan.locks and lasts > LONGEST_LOCK:
        raise InvalidInput(
            "A window that locks lasts 7 days at most; for longer, a written order is needed.",
            field="ends_at",
        )
    if not set(plan.evses) <= set(evses):
        raise InvalidInput("The station has no such EVSE.", field="evses")
    if plan.test_tokens and not plan.locks:
        raise InvalidInput("Test cards only mean something where it locks.", field="test_tokens")
    if plan.test_tokens and plan.evses:
        # A station asks about a card before it says at which EVSE.
        raise InvalidInput(
            "Cards are checked for the station as a whole: with test cards the window is about all"
            " EVSEs.",
            field="test_tokens",
        )
    if len(plan.test_tokens) > MOST_TEST_TOKENS:
        raise InvalidInput("At most 20 test cards.", field="test_tokens")
    if any(not 0 < len(each) <= _LONGEST_TOKEN for each in plan.test_tokens):
        raise InvalidInput("A card's number has 1 to 255 characters.", field="test_tokens")
    comment = plan.comment.strip()
    if len(comment) > LONGEST_COMMENT:
        raise InvalidInput("At most 1,000 characters.", field="comment")
    return replace(
        plan,
        evses=tuple(sorted(set(plan.evses))),
        test_tokens=tuple(sorted(set(plan.test_tokens))),
        comment=comment,
    )


def must_not_contradict(window: Window, others: Iterable[Window]) -> None:
    """Refuse a window that shares a time and an EVSE with another one of its station.

    Raises:
        WindowsContradict: Naming the other.
    """
    mine = window.plan
    for each in others:
        its = each.plan
        if each.id == window.id or each.withdrawn_at is not None:
            continue
        at_once = mine.starts_at < its.ends_at and its.starts_at < mine.ends_at
        same_place = not mine.evses or not its.evses or set(mine.evses) & set(its.evses)
        if at_once and same_place:
            raise WindowsContradict(each.id)


def moment_of(wanted: datetime, zone: ZoneInfo, *, field: str) -> datetime:
    """Return the moment of a local time; of an hour that comes twice, the first.

    Raises:
        NoSuchTime: If the clocks were put forward over it.
    """
    assert wanted.tzinfo is None
    moment = wanted.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != wanted:
        raise NoSuchTime(wanted, zone, field=field)
    return moment


# --------------------------------------------------------------------------- what it does


def silenced(
    windows: Iterable[Window], now: datetime
) -> dict[tuple[StationId, int | None], datetime]:
    """Return until when which stations (None) and EVSEs are silenced by windows that run now."""
    found: dict[tuple[StationId, int | None], datetime] = {}
    for each in windows:
        if each.state(now) is not WindowState.RUNNING:
            continue
        for evse_id in each.plan.evses or (None,):
            key = (each.station, evse_id)
            found[key] = max(each.plan.ends_at, found.get(key, each.plan.ends_at))
    return found


class Lock(NamedTuple):
    """That a station as a whole lets in test cards alone, in [starts_at, ends_at)."""

    starts_at: datetime
    ends_at: datetime
    test_tokens: Sequence[str]


def verdict(
    locks: Mapping[str, Sequence[Lock]], station: str, token: str, at: datetime
) -> bool | None:
    """Say whether a card may charge by the locks of stations; None: no lock says anything."""
    running = [each for each in locks.get(station, ()) if each.starts_at <= at < each.ends_at]
    if not running:
        return None
    return any(token in each.test_tokens for each in running)
