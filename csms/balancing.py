"""Load balancing of a location: how much each may draw, why, and what to tell the stations next.

Pure. A grid connection carries so much current in each phase; a network operator may allow less for
a time, in watts over all phases (as for controllable consumers). What is left after the building
is shared out in whole amperes. Nobody is told to draw less than a vehicle needs to charge at all:
who would get less waits, and has his turn.

It never counts on what no station has confirmed: what was told and not answered is reckoned with
the larger of the old and the new, a station without a connection with what it was last told until
that lapses, and then with what it falls back to.

Sources: OCPP 1.6 edition 2, section 3.13; OCPP 2.0.1 edition 3, part 2, K01; IEC 61851-1, annex A
(6 A is the least that a vehicle is offered).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from math import ceil
from zoneinfo import ZoneInfo

from foundation.errors import InvalidInput
from foundation.identifiers import StationId

NOMINAL_V = 230
"""Between a phase and neutral; what watts are turned into amperes by."""

LEAST_A = 6
PHASES = frozenset({1, 2, 3})
ROTATIONS = {"RST": (1, 2, 3), "STR": (2, 3, 1), "TRS": (3, 1, 2)}
"""Which phases of the location a point's L1, L2 and L3 are (ConnectorPhaseRotation of 1.6)."""

TURN = timedelta(minutes=15)
"""How long whoever charges goes on before somebody who waits may have his place."""

LASTS = timedelta(minutes=30)
"""How long a station holds to what it was told; told again after half of it."""

HEADROOM_A = 2
"""What a vehicle that takes less than it may is left above what it takes, so that it can rise."""

_MINUTES_A_DAY = 24 * 60
_TOTAL = 0  # the resource that all phases share, in amperes times phases


class Strategy(StrEnum):
    """How what is left is shared out."""

    FAIR = "fair"
    """All alike; who waits is next after whoever got the most energy."""
    PRIORITY = "priority"
    """The higher priority has all it can take first; the least that others need is kept."""


class LimitReason(StrEnum):
    """What makes the limit what it is."""

    CONNECTION = "connection"
    TIME_TABLE = "time_table"
    SIGNAL = "signal"


class Why(StrEnum):
    """Why somebody may draw just so much."""

    ALL = "all"
    """All that charge point and vehicle can take."""
    TAKES_LESS = "takes_less"
    """The vehicle takes less than it may; others have the rest."""
    SHARED = "shared"
    WAITS = "waits"
    """There is not the least for everybody; it is another one's turn."""
    IGNORES = "ignores"
    """The station said yes, and the vehicle takes more all the same."""
    AWAY = "away"
    """Without a connection: what it was told last, and what it falls back to after that."""


@dataclass(frozen=True, slots=True)
class Window:
    """A limit of its own on some days of the week; past midnight where it ends before it begins.

    `days` are 1 (Monday) to 7; the minutes are of the day in the location's zone, the end excluded.
    """

    days: frozenset[int]
    from_minute: int
    to_minute: int
    limit_a: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How a location is balanced; amperes for each phase.

    `fallback_a` is what each charge point keeps to without us; 0: it does not charge then.
    """

    limit_a: int
    strategy: Strategy = Strategy.FAIR
    minimum_a: int = LEAST_A
    fallback_a: int = 0
    change_every: timedelta = timedelta(seconds=60)
    windows: Sequence[Window] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """What somebody outside says for a time: the network operator, or the building's meter.

    `limit_a` and `used_a` are for each phase, `limit_w` for all charging together; `used_a` is
    what else hangs on the connection.
    """

    starts_at: datetime
    ends_at: datetime
    limit_a: Decimal | None = None
    limit_w: Decimal | None = None
    used_a: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """What charging may draw at a moment: amperes for each phase, and watts over all, if said."""

    per_phase_a: Decimal
    total_w: Decimal | None
    reason: LimitReason


@dataclass(frozen=True, slots=True)
class Place:
    """A charge point."""

    station: StationId
    evse_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Draw:
    """Somebody charges, or wants to.

    `phases` are the location's; `most_a` is what point and cable carry; `takes_a` what the vehicle
    takes while it may take more, None while that is not known; `takes_more` that it takes more than
    it was told although it had time to come down. `told_since` is when it was told
    last; None: never yet.
    """

    place: Place
    phases: frozenset[int]
    most_a: int
    priority: int
    energy_wh: Decimal
    started_at: datetime
    takes_a: Decimal | None = None
    is_charging: bool = False
    takes_more: bool = False
    told_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """What one may draw, in whole amperes for each of its phases."""

    place: Place
    limit_a: int
    why: Why


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """What a point is known to keep to, and what it was told without an answer yet.

    `until` is None where that is for good: nobody has to tell it again.
    `measured_a` is what it really takes, where that is measured; `may_be_told` is False for a
    while after it refused.
    """

    place: Place
    phases: frozenset[int]
    limit_a: int
    until: datetime | None
    pending_a: int | None = None
    measured_a: Decimal | None = None
    changed_at: datetime | None = None
    is_connected: bool = True
    may_be_told: bool = True


@dataclass(frozen=True, slots=True)
class Order:
    """A point is to be told what it may draw until a moment."""

    place: Place
    limit_a: int
    until: datetime


def check(settings: Settings, *, points: int) -> None:
    """Refuse settings that cannot hold.

    Args:
        settings: What somebody wants.
        points: How many charge points there are at the location.

    Raises:
        InvalidInput: With the field that is wrong.
    """
    if not LEAST_A <= settings.limit_a <= 10_000:
        raise InvalidInput(f"The limit is {LEAST_A} to 10000 amperes.", field="limit_a")
    if not LEAST_A <= settings.minimum_a <= 32:
        raise InvalidInput(f"The least is {LEAST_A} to 32 amperes.", field="minimum_a")
    if settings.fallback_a != 0 and not LEAST_A <= settings.fallback_a <= 500:
        raise InvalidInput(
            f"Without a connection it is 0, or {LEAST_A} to 500 amperes.", field="fallback_a"
        )
    if not timedelta(seconds=10) <= settings.change_every <= timedelta(hours=1):
        raise InvalidInput("Changes are 10 to 3600 seconds apart.", field="change_every_s")
    for number, window in enumerate(settings.windows):
        _check_window(window, f"windows.{number}")
    for first, one in enumerate(settings.windows):
        for other in settings.windows[first + 1 :]:
            if _minutes(one) & _minutes(other):
                raise InvalidInput("Two limits hold at one time.", field="windows")
    lowest = min([settings.limit_a, *(each.limit_a for each in settings.windows)])
    if settings.fallback_a * points > lowest:
        raise InvalidInput(
            "All charge points together would fall back to more than the lowest limit allows."
            " Choose less, or 0.",
            field="fallback_a",
        )


def _check_window(window: Window, field: str) -> None:
    if not window.days or not window.days <= frozenset(range(1, 8)):
        raise InvalidInput("Name one or more days, 1 (Monday) to 7.", field=f"{field}.days")
    for name, minute in (("from", window.from_minute), ("to", window.to_minute)):
        if not 0 <= minute <= _MINUTES_A_DAY:
            raise InvalidInput("A time of day is 00:00 to 24:00.", field=f"{field}.{name}")
    if window.from_minute == window.to_minute:
        raise InvalidInput("It ends when it begins.", field=f"{field}.to")
    if not 0 <= window.limit_a <= 10_000:
        raise InvalidInput("A limit is 0 to 10000 amperes.", field=f"{field}.limit_a")


def _minutes(window: Window) -> set[int]:
    """Return the minutes of the week, from Monday 0:00, in which a window holds."""
    length = (window.to_minute - window.from_minute) % _MINUTES_A_DAY or _MINUTES_A_DAY
    return {
        ((day - 1) * _MINUTES_A_DAY + window.from_minute + minute) % (7 * _MINUTES_A_DAY)
        for day in window.days
        for minute in range(length)
    }


def _holds(window: Window, local: datetime) -> bool:
    day, minute = local.isoweekday(), local.hour * 60 + local.minute
    if window.from_minute < window.to_minute:
        return day in window.days and window.from_minute <= minute < window.to_minute
    if minute >= window.from_minute:
        return day in window.days
    yesterday = 7 if day == 1 else day - 1
    return minute < window.to_minute and yesterday in window.days


def limit_at(settings: Settings, signals: Sequence[Signal], now: datetime, zone: ZoneInfo) -> Limit:
    """Return what charging may draw now: the lowest of all that holds, the building taken off."""
    lowest, reason = Decimal(settings.limit_a), LimitReason.CONNECTION
    local = now.astimezone(zone)
    for window in settings.windows:
        if _holds(window, local) and window.limit_a < lowest:
            lowest, reason = Decimal(window.limit_a), LimitReason.TIME_TABLE
    holding = [each for each in signals if each.starts_at <= now < each.ends_at]
    used = [each.used_a for each in holding if each.used_a is not None]
    left = lowest - max(used, default=Decimal(0))
    for signal in holding:
        if signal.limit_a is not None and signal.limit_a < left:
            left, reason = signal.limit_a, LimitReason.SIGNAL
    watts = [each.limit_w for each in holding if each.limit_w is not None]
    total = min(watts, default=None)
    if total is not None and total < left * 3 * NOMINAL_V:
        reason = LimitReason.SIGNAL
    return Limit(max(left, Decimal(0)), total, reason)


def shared(
    settings: Settings, limit: Limit, draws: Sequence[Draw], others: Sequence[Held], now: datetime
) -> list[Share]:
    """Share out what is left among those who charge, in whole amperes.

    Args:
        settings: Of the location.
        limit: Of now.
        draws: Who charges, or waits; stations with a connection only.
        others: Points that cannot be told anything; what they may draw is kept for them.
        now: By the Clock.

    Returns:
        One share for each draw, in their order. Who takes more than he was told is told the least,
        and what he takes is kept from the others.
    """
    left = _room(limit, others, now, settings.fallback_a)
    granted: dict[Place, int] = {}
    for each in draws:
        if each.takes_more:
            granted[each.place] = min(settings.minimum_a, each.most_a)
            _take(left, each.phases, each.takes_a or Decimal(each.most_a))
    obeying = [each for each in draws if not each.takes_more]
    queue = sorted(obeying, key=lambda each: _turn(settings.strategy, each, now))
    for each in queue:
        least = min(settings.minimum_a, each.most_a)
        if least >= LEAST_A and _fits(left, each.phases, least):
            granted[each.place] = least
            _take(left, each.phases, least)
        else:
            granted[each.place] = 0
    classes: dict[int, list[Draw]] = {}
    for each in queue:
        if granted[each.place]:
            is_ranked = settings.strategy is Strategy.PRIORITY
            classes.setdefault(-each.priority if is_ranked else 0, []).append(each)
    for rank in sorted(classes):
        _raise(classes[rank], granted, left)
    return [
        Share(each.place, granted[each.place], _why(each, granted[each.place])) for each in draws
    ]


def _turn(strategy: Strategy, draw: Draw, now: datetime) -> tuple[object, ...]:
    """Return what decides who comes first: rank, who is in his turn, who got least, who came."""
    is_in_turn = draw.is_charging and draw.told_since is not None and now - draw.told_since < TURN
    rank = -draw.priority if strategy is Strategy.PRIORITY else 0
    return (
        rank,
        not is_in_turn,
        draw.energy_wh,
        draw.started_at,
        draw.place.station,
        draw.place.evse_id,
    )


def _raise(draws: Sequence[Draw], granted: dict[Place, int], left: dict[int, Decimal]) -> None:
    """Give everybody an ampere in turn until nobody can take one more."""
    rising = list(draws)
    while rising:
        still = []
        for each in rising:
            if granted[each.place] < _ceiling(each) and _fits(left, each.phases, 1):
                granted[each.place] += 1
                _take(left, each.phases, 1)
                still.append(each)
        rising = still


def _ceiling(draw: Draw) -> int:
    """Return the most that is of use to it."""
    if draw.takes_a is None:
        return draw.most_a
    return min(draw.most_a, ceil(draw.takes_a) + HEADROOM_A)


def _why(draw: Draw, limit_a: int) -> Why:
    if draw.takes_more:
        return Why.IGNORES
    if limit_a == 0:
        return Why.WAITS
    if limit_a >= draw.most_a:
        return Why.ALL
    return Why.TAKES_LESS if limit_a >= _ceiling(draw) else Why.SHARED


def _room(limit: Limit, held: Sequence[Held], now: datetime, fallback_a: int) -> dict[int, Decimal]:
    """Return what is left of each phase, and of all together, beside what others keep."""
    left = dict.fromkeys(sorted(PHASES), limit.per_phase_a)
    whole = limit.per_phase_a * 3
    if limit.total_w is not None:
        whole = min(whole, limit.total_w / NOMINAL_V)
    left[_TOTAL] = whole
    for each in held:
        _take(left, each.phases, occupied(each, now, fallback_a))
    return left


def occupied(held: Held, now: datetime, fallback_a: int) -> Decimal:
    """Return what must be reckoned with at a point, in amperes for each of its phases."""
    kept = held.limit_a if held.until is None or now < held.until else fallback_a
    return max(
        Decimal(kept),
        Decimal(held.pending_a or 0),
        Decimal(fallback_a) if not held.is_connected else Decimal(0),
        held.measured_a or Decimal(0),
    )


def _fits(left: Mapping[int, Decimal], phases: frozenset[int], amperes: Decimal | int) -> bool:
    whole = left[_TOTAL] >= amperes * len(phases)
    return whole and all(left[phase] >= amperes for phase in phases)


def _take(left: dict[int, Decimal], phases: frozenset[int], amperes: Decimal | int) -> None:
    for phase in phases:
        left[phase] -= amperes
    left[_TOTAL] -= amperes * len(phases)


def orders(
    settings: Settings,
    limit: Limit,
    shares: Sequence[Share],
    held: Mapping[Place, Held],
    others: Sequence[Held],
    now: datetime,
) -> list[Order]:
    """Return what to tell whom now: less first, more only once there is room for it.

    Args:
        settings: Of the location.
        limit: Of now.
        shares: Of `shared`.
        held: What each of them keeps to now.
        others: As for `shared`.
        now: By the Clock.
    """
    left = _room(limit, [*held.values(), *others], now, settings.fallback_a)
    is_over = any(room < 0 for room in left.values())
    told: list[Order] = []
    rising: list[tuple[Share, Held, bool]] = []
    for share in shares:
        present = held[share.place]
        if present.pending_a is not None or not present.may_be_told:
            continue
        may_change = present.changed_at is None or now - present.changed_at >= settings.change_every
        lapses = present.until is not None and present.until - now <= LASTS / 2
        if share.limit_a > present.limit_a and may_change:
            rising.append((share, present, lapses))
        elif share.limit_a < present.limit_a and (is_over or may_change):
            told.append(Order(share.place, share.limit_a, now + LASTS))
        elif lapses:
            told.append(Order(share.place, present.limit_a, now + LASTS))
    for share, present, lapses in rising:
        more = max(share.limit_a - occupied(present, now, settings.fallback_a), Decimal(0))
        if _fits(left, present.phases, more):
            _take(left, present.phases, more)
            told.append(Order(share.place, share.limit_a, now + LASTS))
        elif lapses:
            told.append(Order(share.place, present.limit_a, now + LASTS))
    return told


def phases_of(phases: int | None, rotation: str) -> frozenset[int]:
    """Return the location's phases that a point's vehicle uses; all where that is not known."""
    turned = ROTATIONS[rotation]
    return frozenset(turned[: phases or 3])


def amperes_of(watts: Decimal) -> int:
    """Return the amperes of each of three phases that watts are, to the nearest: 22 kW is 32 A."""
    return int((watts / (3 * NOMINAL_V)).to_integral_value(rounding=ROUND_HALF_UP))
