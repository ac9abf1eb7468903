"""What the charging profiles of a station come to together: the composite schedule. Pure.

Within a purpose the highest stack level that says something leads, moment by moment. TxProfile
takes the place of TxDefaultProfile for its transaction, PriorityCharging that of both while it is
on. What an EVSE may draw is the lowest of that, of the station's own limit and of the limits of
others; local generation raises the latter two. Decision 0026 tells what the standard leaves open.

Sources: OCPP 1.6 edition 2, sections 3.13.1 to 3.13.4 and 5.7; OCPP 2.0.1 edition 3 and 2.1,
part 2, block K (stacking, combining purposes, K08).
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from csms.balancing import NOMINAL_V
from csms.charging_profiles import (
    Hindrance,
    Profile,
    Purpose,
    Span,
    UncomputableProfile,
    Unit,
    hindrance_of,
    periods_of,
    spans,
)
from csms.ocpp.moments import parse

LONGEST_S: Final = 7 * 24 * 3600
"""Of how long a composite schedule is computed at most."""

_AC_PHASES: Final = 3
"""K01 and ChargingSchedulePeriodType: where numberPhases is absent."""
_TENTH: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Charging:
    """The transaction that runs at an EVSE; `is_priority`: priority charging is on."""

    ref: str
    started_at: datetime
    is_priority: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What may be drawn from so many seconds on; None: no profile limits it.

    `profiles` are the numbers of those that it follows from.
    """

    start_s: int
    limit: Decimal | None
    phases: int | None = None
    profiles: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Composite:
    """What may be drawn over `duration_s` seconds; the first step starts at 0."""

    evse_id: int
    starts_at: datetime
    duration_s: int
    unit: Unit
    steps: tuple[Step, ...]
    minimum: Decimal | None = None
    """The highest minChargingRate among the profiles that it follows from."""

    @property
    def ends_at(self) -> datetime:
        """When it ends."""
        return self.starts_at + timedelta(seconds=self.duration_s)

    def at(self, moment: datetime) -> Step | None:
        """Return the step that holds at a moment; None outside."""
        if not self.starts_at <= moment < self.ends_at:
            return None
        seconds = (moment - self.starts_at).total_seconds()
        place = bisect_right([each.start_s for each in self.steps], seconds) - 1
        return self.steps[place] if place >= 0 else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Station:
    """What must be known of a station besides its profiles.

    `evses` are its EVSEs with what runs there; `direct` those of direct current, where watts and
    amperes are not each other's.
    """

    evses: Mapping[int, Charging | None]
    zone: ZoneInfo
    direct: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Leading:
    """What leads at a moment, in the unit that is asked for."""

    limit: Decimal
    phases: int | None
    profiles: tuple[str, ...]


def composite(
    profiles: Iterable[Profile],
    station: Station,
    evse_id: int,
    *,
    starts_at: datetime,
    duration_s: int,
    unit: Unit,
) -> Composite:
    """Return what an EVSE may draw; EVSE 0: the whole station at its grid connection.

    The order of the profiles does not matter. Where no transaction runs, what would hold for one
    that began now. Amperes are those of a phase; watts become amperes and amperes watts at 230 V
    and the period's phases, rounded half up to a tenth.

    Args:
        profiles: All that are known of the station.
        station: What else is known of it.
        evse_id: Of the station.
        starts_at: The first moment, whole seconds.
        duration_s: 1 to `LONGEST_S`.
        unit: In which it is asked for.

    Raises:
        UncomputableProfile: A profile that counts here is no plain limit, or stands in the other
            unit at an EVSE of direct current.
    """
    assert 0 < duration_s <= LONGEST_S
    ends_at = starts_at + timedelta(seconds=duration_s)
    known = sorted(profiles, key=lambda each: (-each.level, each.evse_id == 0, each.number))
    asked = sorted(set(station.evses) - {0}) if evse_id == 0 else [evse_id]
    counting = [each for each in known if _counts(each, station, evse_id, asked)]
    said: dict[int, _Unfolded] = {}
    for number in asked:
        charging = station.evses.get(number)
        said[number] = _Unfolded(
            [each for each in counting if _is_of(each, number, charging)],
            partial(_in_unit, unit, is_direct=number in station.direct),
            _window(starts_at, ends_at, charging, station.zone),
        )
    whole = _Unfolded(
        [each for each in counting if each.evse_id == 0 and each.purpose in _OF_STATION],
        partial(_in_unit, unit, is_direct=bool(station.direct)),
        _window(starts_at, ends_at, None, station.zone),
    )
    moments = {starts_at}.union(whole.moments, *(each.moments for each in said.values()))
    steps: list[Step] = []
    led_by: set[str] = set()
    for moment in sorted(moments):
        if evse_id == 0:
            led = _lowest(whole.capacity(moment), _together(said, moment, station))
        else:
            led = _of_evse(said[evse_id], moment, station.evses.get(evse_id))
        seconds = int((moment - starts_at).total_seconds())
        step = Step(seconds, None) if led is None else Step(seconds, *_values(led))
        led_by.update(step.profiles)
        if steps and steps[-1].start_s == seconds:
            steps.pop()  # begun within the same second
        if not steps or (steps[-1].limit, steps[-1].phases, steps[-1].profiles) != (
            step.limit,
            step.phases,
            step.profiles,
        ):
            steps.append(step)
    least = [
        _in_unit(unit, each.minimum, each, None, is_direct=False)
        for each in counting
        if each.minimum is not None and each.number in led_by
    ]
    return Composite(
        evse_id=evse_id,
        starts_at=starts_at,
        duration_s=duration_s,
        unit=unit,
        steps=tuple(steps),
        minimum=max(least, default=None),
    )


_OF_STATION: Final = frozenset(
    {Purpose.STATION_MAX, Purpose.EXTERNAL, Purpose.NOTIFIED, Purpose.LOCAL_GENERATION}
)
_OF_TRANSACTION: Final = frozenset({Purpose.TX, Purpose.PRIORITY})


def _counts(profile: Profile, station: Station, evse_id: int, asked: Sequence[int]) -> bool:
    """Tell whether a profile has a say in what is asked for."""
    if profile.purpose in _OF_STATION and profile.evse_id == 0:
        return True
    return any(_is_of(profile, number, station.evses.get(number)) for number in asked)


def _is_of(profile: Profile, evse_id: int, charging: Charging | None) -> bool:
    """Tell whether a profile has a say at an EVSE."""
    if profile.evse_id not in (0, evse_id):
        return False
    if profile.purpose in _OF_TRANSACTION:
        if charging is None or (profile.purpose is Purpose.PRIORITY and not charging.is_priority):
            return False
        return profile.transaction in (None, charging.ref)
    return True


@dataclass(frozen=True, slots=True)
class _Window:
    begins_at: datetime
    ends_at: datetime
    charging_since: datetime | None
    zone: ZoneInfo


def _window(
    begins_at: datetime, ends_at: datetime, charging: Charging | None, zone: ZoneInfo
) -> _Window:
    return _Window(begins_at, ends_at, None if charging is None else charging.started_at, zone)


class _Unfolded:
    """Profiles, those that lead first, over a window."""

    def __init__(self, profiles: Sequence[Profile], in_unit: Any, window: _Window) -> None:
        self._in_unit = in_unit
        self._spans: list[tuple[Profile, list[Span], list[datetime]]] = []
        self.moments: set[datetime] = set()
        for each in profiles:
            if not _may_hold(each, window):
                continue
            if each.hindrance is not None:
                raise UncomputableProfile(each.number, each.hindrance)
            found = spans(
                each,
                window.begins_at,
                window.ends_at,
                charging_since=window.charging_since,
                zone=window.zone,
            )
            self._spans.append((each, found, [span.begins_at for span in found]))
            for span in found:
                self.moments.add(span.begins_at)
                if span.ends_at < window.ends_at:
                    self.moments.add(span.ends_at)

    def leading(self, moment: datetime, purpose: Purpose, evse_id: int | None) -> _Leading | None:
        """Return what the highest stack level of a purpose says that says something."""
        for profile, found, begins in self._spans:
            if profile.purpose is purpose and evse_id in (None, profile.evse_id):
                said = self._said(profile, found, begins, moment)
                if said is not None:
                    return said
        return None

    def _said(
        self, profile: Profile, found: list[Span], begins: list[datetime], moment: datetime
    ) -> _Leading | None:
        place = bisect_right(begins, moment) - 1
        if place < 0 or moment >= found[place].ends_at:
            return None
        span = found[place]
        limit = self._in_unit(span.limit, profile, span.phases)
        return _Leading(limit, span.phases, (profile.number,))

    def own_evses(self, purpose: Purpose) -> set[int]:
        """Return the EVSE, if it has limits of a purpose to itself."""
        return {
            each.evse_id for each, *_ in self._spans if each.purpose is purpose and each.evse_id
        }

    def capacity(self, moment: datetime) -> _Leading | None:
        """Return what the station as a whole may draw, with what it generates itself."""
        lowest = _lowest(
            self.leading(moment, Purpose.STATION_MAX, 0),
            self.leading(moment, Purpose.EXTERNAL, 0),
            *self.notified(moment, 0),
        )
        more = self.leading(moment, Purpose.LOCAL_GENERATION, None)
        if lowest is None or more is None:
            return lowest
        return _Leading(lowest.limit + more.limit, lowest.phases, lowest.profiles + more.profiles)

    def notified(self, moment: datetime, evse_id: int) -> list[_Leading]:
        """Return the limits of others: each stands for itself, whatever the others say."""
        told = [
            self._said(profile, found, begins, moment)
            for profile, found, begins in self._spans
            if profile.purpose is Purpose.NOTIFIED and profile.evse_id == evse_id
        ]
        return [each for each in told if each is not None]


def _may_hold(profile: Profile, window: _Window) -> bool:
    """Tell whether a profile is valid at any moment of a window."""
    return not (
        (profile.valid_from is not None and profile.valid_from >= window.ends_at)
        or (profile.valid_to is not None and profile.valid_to <= window.begins_at)
    )


def _own(said: _Unfolded, moment: datetime, charging: Charging | None) -> _Leading | None:
    """Return what an EVSE may draw by itself, whatever the station may."""
    found = None
    if charging is not None:
        found = said.leading(moment, Purpose.PRIORITY, None)
        found = found or said.leading(moment, Purpose.TX, None)
    return found or said.leading(moment, Purpose.TX_DEFAULT, None)


def _of_evse(said: _Unfolded, moment: datetime, charging: Charging | None) -> _Leading | None:
    return _lowest(_bounded(said, moment, charging), said.capacity(moment))


def _bounded(said: _Unfolded, moment: datetime, charging: Charging | None) -> _Leading | None:
    """Return what an EVSE may draw within the limits that others set to itself alone."""
    # The profiles of one EVSE alone are unfolded: whatever is not 0 is its own.
    external = [
        said.leading(moment, Purpose.EXTERNAL, each) for each in said.own_evses(Purpose.EXTERNAL)
    ]
    notified = [
        each
        for number in said.own_evses(Purpose.NOTIFIED)
        for each in said.notified(moment, number)
    ]
    return _lowest(_own(said, moment, charging), *external, *notified)


def _together(said: Mapping[int, _Unfolded], moment: datetime, station: Station) -> _Leading | None:
    """Return what all EVSEs may draw together; None where one of them has no limit."""
    found = [_bounded(each, moment, station.evses.get(number)) for number, each in said.items()]
    known = [each for each in found if each is not None]
    if not known or len(known) < len(found):
        return None
    numbers = dict.fromkeys(number for each in known for number in each.profiles)
    phases = {each.phases for each in known}
    return _Leading(
        sum((each.limit for each in known), Decimal(0)),
        phases.pop() if len(phases) == 1 else None,
        tuple(numbers),
    )


def _lowest(*found: _Leading | None) -> _Leading | None:
    known = [each for each in found if each is not None]
    return min(known, key=lambda each: each.limit, default=None)


def _values(led: _Leading) -> tuple[Decimal, int | None, tuple[str, ...]]:
    limit = led.limit.quantize(_TENTH, ROUND_HALF_UP)
    return limit, led.phases, led.profiles


def _in_unit(
    unit: Unit, value: Decimal, profile: Profile, phases: int | None, *, is_direct: bool
) -> Decimal:
    """Return a limit in a unit.

    Raises:
        UncomputableProfile: It stands in the other one, and the current is direct.
    """
    if profile.unit is unit:
        return value
    if is_direct:
        raise UncomputableProfile(profile.number, Hindrance.OTHER_UNIT)
    volts = NOMINAL_V * (phases or _AC_PHASES)
    return value * volts if unit is Unit.W else value / volts


# ----------------------------------------------------------------------------------- comparing

TOLERANCE: Final = Decimal("0.01")
"""Which part of the higher limit may lie between ours and the station's."""
_LEAST: Final = {Unit.A: Decimal("0.2"), Unit.W: Decimal(50)}
"""What rounding may come to, however low the limit is."""
_SHORTEST: Final = timedelta(seconds=10)
"""Whoever cuts seconds otherwise, or whose clock is a little off, does not differ."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The station would charge otherwise than by our figures in [starts_at, ends_at)."""

    starts_at: datetime
    ends_at: datetime
    theirs: Decimal
    ours: Decimal


def answered_schedule(
    answer: Mapping[str, Any], *, evse_id: int, duration_s: int, at: datetime
) -> Composite | None:
    """Return the schedule of a GetCompositeSchedule's answer; None where there is none to compare.

    Args:
        answer: Of any version.
        evse_id: That was asked for.
        duration_s: That was asked for; holds where the station names none.
        at: When it answered; holds where it names no start.
    """
    told = answer.get("schedule") or answer.get("chargingSchedule")
    if answer.get("status") != "Accepted" or not told or hindrance_of(told) is not None:
        return None
    named = told.get("scheduleStart") or answer.get("scheduleStart") or told.get("startSchedule")
    start = parse(str(named)) if named else None
    return Composite(
        evse_id=evse_id,
        starts_at=(start.at if start else at).replace(microsecond=0),
        duration_s=min(max(int(told.get("duration") or duration_s), 1), LONGEST_S),
        unit=Unit(told["chargingRateUnit"]),
        steps=tuple(Step(each.start_s, each.limit, each.phases) for each in periods_of(told)),
    )


def differences(theirs: Composite, ours: Composite) -> list[Difference]:
    """Return where the station's schedule is another than ours, by more than a little.

    Where no profile limits anything by our figures, the station names what it can, and differs
    in nothing.
    """
    assert theirs.unit is ours.unit
    begins, ends = max(theirs.starts_at, ours.starts_at), min(theirs.ends_at, ours.ends_at)
    moments = {begins} | {
        moment
        for each in (theirs, ours)
        for step in each.steps
        if begins < (moment := each.starts_at + timedelta(seconds=step.start_s)) < ends
    }
    found: list[Difference] = []
    borders = [*sorted(moments), ends]
    for moment, until in pairwise(borders):
        one, other = theirs.at(moment), ours.at(moment)
        if one is None or other is None or one.limit is None or other.limit is None:
            continue
        if not _differ(one.limit, other.limit, ours.unit):
            continue
        last = found[-1] if found else None
        if last is not None and (last.ends_at, last.theirs, last.ours) == (
            moment,
            one.limit,
            other.limit,
        ):
            found[-1] = Difference(last.starts_at, until, one.limit, other.limit)
        else:
            found.append(Difference(moment, until, one.limit, other.limit))
    return [each for each in found if each.ends_at - each.starts_at >= _SHORTEST]


def _differ(one: Decimal, other: Decimal, unit: Unit) -> bool:
    return abs(one - other) > max(_LEAST[unit], TOLERANCE * max(one, other))
