"""What was used of which price component, restrictions taken into account; no money yet.

How OCPI is read:

- At every moment, each dimension has the price of the first element that names the dimension and
  whose restrictions all hold. The usage is cut wherever that can change: at clock times and dates
  in the station's zone, at durations, at energies (the moment is interpolated), and at every
  reading, since power is that of the span between two readings.
- FLAT is used once, by the first element that holds at some moment.
- An expired reservation has the prices of RESERVATION_EXPIRES, and for a dimension that these do
  not name, those of RESERVATION.

Source: OCPI 2.2.1, 11 (Tariffs), bug-fix edition.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from billing.tariffs import (
    DayOfWeek,
    Dimension,
    Elements,
    Match,
    PriceComponent,
    Restrictions,
    Tariff,
)
from foundation.errors import ExpectedError
from foundation.events import TransactionEnded, UsagePoint
from foundation.quantities import WH_PER_KWH, mean_power_w, seconds

MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)

_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_NANO: Final = Decimal("1e-9")
_DAYS: Final = tuple(DayOfWeek)
_MIDNIGHT: Final = time(0)


class UnratableUsage(ExpectedError):
    """The usage contradicts itself, so that no price can be right; a person has to look at it."""

    code = "unratable_usage"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"This usage cannot be rated: {reason}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """The reservation that preceded a transaction, or that expired without one."""

    reserved_at: datetime
    ended_at: datetime
    expired: bool


class Usage(msgspec.Struct, frozen=True, gc=False):
    """What was used: readings in the order of time, the energy counted from the start.

    Attributes:
        points: As in `TransactionEnded.usage`; two points at one moment are a jump of the energy.
            Empty only for a reservation that expired.
    """

    points: tuple[UsagePoint, ...]
    reservation: Reservation | None = None

    @classmethod
    def of(cls, ended: TransactionEnded) -> "Usage":
        """Return the usage of an ended transaction.

        Energy that the transaction has beyond its last point (an end before the start, say) is
        taken as used at that point.
        """
        last = ended.usage[-1]
        if last.energy_wh == ended.energy_wh:
            return cls(ended.usage)
        return cls((*ended.usage, UsagePoint(last.at, ended.energy_wh, last.charging)))


@dataclass(slots=True)
class Amount:
    """How much of a dimension one price component covers: Wh, microseconds, or 1 for FLAT.

    `element` is None for a price that stands in no element.
    """

    element: int | None
    restrictions: Restrictions | None
    component: PriceComponent
    from_at: datetime
    to_at: datetime
    measured: Decimal


class Used:
    """Amounts by component, and which component of energy and of time was used last."""

    __slots__ = ("amounts", "last_energy", "last_time")

    def __init__(self) -> None:
        self.amounts: dict[tuple[Dimension, int], Amount] = {}
        self.last_energy: Amount | None = None
        self.last_time: Amount | None = None

    def add(
        self,
        match: Match,
        quantity: Decimal,
        from_at: datetime,
        to_at: datetime,
    ) -> None:
        index, element, component = match
        key = (component.type, index)
        amount = self.amounts.get(key)
        if amount is None:
            amount = Amount(index, element.restrictions, component, from_at, to_at, quantity)
            self.amounts[key] = amount
        else:
            amount.measured += quantity
            amount.to_at = to_at
        if component.type is Dimension.ENERGY:
            self.last_energy = amount
        elif component.type is not Dimension.FLAT:
            self.last_time = amount


def used_by(usage: Usage, tariff: Tariff, time_zone: str) -> Used:
    """Return what the charging itself used of the tariff's components.

    Raises:
        UnratableUsage: If energy or time run backwards, or the time zone is none.
    """
    points = usage.points
    _check(points)
    if not points:
        return Used()
    elements = tariff.of_charging
    zone = zone_of(time_zone) if elements.times else None
    timed_from = points[0].at
    if tariff.additions.free_minutes is not None:
        timed_from += timedelta(minutes=tariff.additions.free_minutes)
    holding = _holding_throughout(points, elements, zone)
    if holding is not None:
        return _used_evenly(points, elements.prices(holding), timed_from)
    return _used(points, elements, zone, timed_from)


def used_by_reservation(usage: Usage, tariff: Tariff, time_zone: str) -> Used:
    """Return what the reservation before the charging used; nothing without one."""
    reservation = usage.reservation
    if reservation is None:
        return Used()
    if reservation.ended_at < reservation.reserved_at:
        raise UnratableUsage("the reservation ends before it starts")
    points = (
        UsagePoint(reservation.reserved_at, _ZERO, charging=True),
        UsagePoint(reservation.ended_at, _ZERO, charging=True),
    )
    elements = tariff.of_reservation(expired=reservation.expired)
    zone = zone_of(time_zone) if elements.times else None
    return _used(points, elements, zone, points[0].at)


def _check(points: Sequence[UsagePoint]) -> None:
    """Refuse what no price can be right for."""
    if not points:
        return
    at = points[0].at
    energy_wh = points[0].energy_wh
    if energy_wh < 0:
        raise UnratableUsage(f"energy is negative: {energy_wh} Wh")
    for point in points:
        if point.at < at:
            raise UnratableUsage(f"time runs backwards at {point.at}")
        if point.energy_wh < energy_wh:
            raise UnratableUsage(f"energy falls to {point.energy_wh} Wh")
        at = point.at
        energy_wh = point.energy_wh


def _holding_throughout(
    points: Sequence[UsagePoint], elements: Elements, zone: ZoneInfo | None
) -> Sequence[bool] | None:
    """Say which elements hold all the time; None if that may change on the way, or at its end."""
    if elements.is_plain:
        return (True,) * len(elements.items)
    first, last = points[0], points[-1]
    since = None
    if elements.asks_power or any(
        0 < threshold <= last.energy_wh for threshold in elements.thresholds_wh
    ):
        return None
    if zone is not None:
        cuts = clock_moments(elements.times, first.at.astimezone(zone), last.at, zone)
        place = bisect_right(cuts, first.at)
        if bisect_right(cuts, last.at) > place:
            return None
        since = cuts[place - 1]
    if elements.durations_s:
        span_s = (last.at - first.at).total_seconds()
        if any(0 < duration_s <= span_s for duration_s in elements.durations_s):
            return None
    return _holding_since(elements, zone, since)


@lru_cache(maxsize=1000)  # between two times of day the same elements hold for everybody
def _holding_since(
    elements: Elements, zone: ZoneInfo | None, since: datetime | None
) -> tuple[bool, ...]:
    """Say which elements hold at the start of a charging that begins after one of their times.

    Args:
        elements: None of them looks at the power.
        zone: Where clock and calendar are looked at; None: none of them does.
        since: The latest of their times before the start.
    """
    at = since or _ANY_TIME
    local = None if zone is None else at.astimezone(zone)
    start = _Part(at, at, local, _ZERO, _ZERO, None, True, _ZERO)
    return tuple(
        each.restrictions is None or _holds(each.restrictions, start) for _, each in elements.items
    )


_ANY_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)


def _used_evenly(
    points: Sequence[UsagePoint], prices: Mapping[Dimension, Match], timed_from: datetime
) -> Used:
    """Return what `_used` does, at once, where the same prices hold all the time."""
    used = Used()
    start = points[0]
    flat = prices.get(Dimension.FLAT)
    if flat is not None:
        used.add(flat, _ONE, start.at, start.at)
    energy = prices.get(Dimension.ENERGY)
    whole = points[-1].energy_wh
    if energy is not None and whole > 0:
        # Two points hold all of it; the moments are those between which it flowed.
        from_at = to_at = start.at
        for point in points:
            if not point.energy_wh:
                from_at = point.at
            elif point.energy_wh == whole:
                to_at = point.at
                break
        used.add(energy, whole, from_at, to_at)
    time_price, parking_price = prices.get(Dimension.TIME), prices.get(Dimension.PARKING_TIME)
    if time_price is not None or parking_price is not None:
        for earlier, later in pairwise(points):
            match = time_price if earlier.charging else parking_price
            from_at = max(earlier.at, timed_from)
            if match is not None and later.at > from_at:
                micros = Decimal((later.at - from_at) // MICROSECOND)
                used.add(match, micros, from_at, later.at)
    return used


def _used(
    points: Sequence[UsagePoint],
    elements: Elements,
    zone: ZoneInfo | None,
    timed_from: datetime,
) -> Used:
    """Return how much of which component was used, restrictions taken into account.

    Time counts from `timed_from` on.
    """
    used = Used()
    flat_done = False
    for part in _parts(points, elements, zone, timed_from):
        prices = elements.prices(
            [
                each.restrictions is None or _holds(each.restrictions, part)
                for _, each in elements.items
            ]
        )
        if not flat_done:
            flat = prices.get(Dimension.FLAT)
            if flat is not None:
                used.add(flat, _ONE, part.from_at, part.from_at)
                flat_done = True
        if part.energy_wh:
            energy = prices.get(Dimension.ENERGY)
            if energy is not None:
                used.add(energy, part.energy_wh, part.from_at, part.to_at)
        if part.micros and part.from_at >= timed_from:
            match = prices.get(Dimension.TIME if part.charging else Dimension.PARKING_TIME)
            if match is not None:
                used.add(match, Decimal(part.micros), part.from_at, part.to_at)
    return used


# ------------------------------------------------------------------------------- when it holds


@dataclass(slots=True)
class _Part:
    """A span in which nothing that a restriction looks at changes."""

    from_at: datetime
    to_at: datetime
    local: datetime | None
    before_wh: Decimal
    energy_wh: Decimal
    power_w: Decimal | None
    charging: bool
    elapsed_s: Decimal

    @property
    def micros(self) -> int:
        return (self.to_at - self.from_at) // MICROSECOND


def _holds(restrictions: Restrictions, part: _Part) -> bool:
    """Say whether all of the restrictions hold throughout the part, as at its start."""
    return (
        _in_range(part.before_wh, _wh(restrictions.min_kwh), _wh(restrictions.max_kwh))
        and _in_range(part.elapsed_s, restrictions.min_duration, restrictions.max_duration)
        and _holds_power(restrictions, part.power_w)
        and (part.local is None or _holds_calendar(restrictions, part.local))
    )


def _holds_power(restrictions: Restrictions, power_w: Decimal | None) -> bool:
    if restrictions.min_power is None and restrictions.max_power is None:
        return True
    return power_w is not None and _in_range(
        power_w / WH_PER_KWH, restrictions.min_power, restrictions.max_power
    )


def _holds_calendar(restrictions: Restrictions, local: datetime) -> bool:
    today = local.date()
    if restrictions.start_date is not None and today < restrictions.start_date:
        return False
    if restrictions.end_date is not None and today >= restrictions.end_date:
        return False
    if restrictions.day_of_week and _DAYS[local.weekday()] not in restrictions.day_of_week:
        return False
    start = restrictions.start_time or _MIDNIGHT
    end = restrictions.end_time or _MIDNIGHT
    return in_times_of_day(local.time(), start, end)


def in_times_of_day(now: time, start: time, end: time) -> bool:
    """Say whether a time of day lies from `start` to `end`, over midnight if that is earlier."""
    if start < end:
        return start <= now < end
    return now >= start or now < end  # over midnight; equal times are the whole day


def _in_range(value: Decimal, low: Decimal | int | None, high: Decimal | int | None) -> bool:
    return (low is None or value >= low) and (high is None or value < high)


def _wh(kwh: Decimal | None) -> Decimal | None:
    return None if kwh is None else kwh * WH_PER_KWH


def _parts(
    points: Sequence[UsagePoint],
    elements: Elements,
    zone: ZoneInfo | None,
    timed_from: datetime,
) -> Iterator[_Part]:
    """Cut the usage wherever a restriction can begin or cease to hold, and where time begins."""
    started_at = points[0].at
    moments = {started_at + timedelta(seconds=each) for each in elements.durations_s}
    moments.add(timed_from)
    if zone is not None:
        local = started_at.astimezone(zone)
        moments.update(clock_moments(elements.times, local, points[-1].at, zone))
    cuts = sorted(moments)
    thresholds = elements.thresholds_wh

    # The energy of the first point counts as well: it was there at the very first moment.
    jump = UsagePoint(started_at, _ZERO, points[0].charging)
    spans = [
        (earlier, later)
        for earlier, later in pairwise([jump, *points])
        if earlier.at < later.at or earlier.energy_wh < later.energy_wh
    ]
    for earlier, later in spans or [(jump, jump)]:
        span_s = seconds(later.at - earlier.at)
        gain_wh = later.energy_wh - earlier.energy_wh
        power_w = mean_power_w(gain_wh, span_s) if span_s else None
        marks = _marks(earlier, later, cuts, thresholds)
        for (from_at, from_wh), (to_at, to_wh) in pairwise(marks):
            yield _Part(
                from_at=from_at,
                to_at=to_at,
                local=None if zone is None else from_at.astimezone(zone),
                before_wh=from_wh,
                energy_wh=to_wh - from_wh,
                power_w=power_w,
                charging=earlier.charging,
                elapsed_s=seconds(from_at - started_at),
            )


def _marks(
    earlier: UsagePoint,
    later: UsagePoint,
    cuts: Sequence[datetime],
    thresholds: Sequence[Decimal],
) -> list[tuple[datetime, Decimal]]:
    """Return the ends of a span and the cuts in it, each as a moment and the energy by then.

    In between the energy rises evenly. It is interpolated to a billionth of a Wh, so that the
    parts add up exactly to the whole, and moments to the microsecond.
    """
    span = later.at - earlier.at
    gain_wh = later.energy_wh - earlier.energy_wh
    marks = [(earlier.at, earlier.energy_wh), (later.at, later.energy_wh)]
    for at in cuts[bisect_right(cuts, earlier.at) : bisect_left(cuts, later.at)]:
        share = Decimal((at - earlier.at) // MICROSECOND) / (span // MICROSECOND)
        marks.append((at, (earlier.energy_wh + gain_wh * share).quantize(_NANO)))
    low = bisect_right(thresholds, earlier.energy_wh)
    for energy_wh in thresholds[low : bisect_left(thresholds, later.energy_wh)]:
        share = (energy_wh - earlier.energy_wh) / gain_wh
        micros = int((share * (span // MICROSECOND)).to_integral_value())
        marks.append((earlier.at + micros * MICROSECOND, energy_wh))
    marks.sort()
    return marks


@lru_cache(maxsize=1000)
def zone_of(time_zone: str) -> ZoneInfo:
    """Return a zone of the IANA database.

    Raises:
        UnratableUsage: If there is none of this name.
    """
    try:
        return ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UnratableUsage(f"there is no time zone {time_zone!r}") from error


def clock_moments(
    times: frozenset[time], from_local: datetime, to_at: datetime, zone: ZoneInfo
) -> Sequence[datetime]:
    """Return the moments between at which a clock in the zone shows one of the times, and more.

    They rise, and begin and end a day or more outside.
    """
    return _moments_of_days(times, from_local.date(), (to_at - from_local).days, zone)


@lru_cache(maxsize=1000)  # thousands of transactions share their tariff and their day
def _moments_of_days(
    times: frozenset[time], first: date, days: int, zone: ZoneInfo
) -> tuple[datetime, ...]:
    """Return the moments at which a clock in the zone shows one of the times, and a bit around.

    On the day that clocks are put back a time of day comes twice, so both are cuts; so is the
    change of the clocks itself, after which another time of day holds.
    """
    day, end = first - _DAY, first + (days + 2) * _DAY
    moments = []
    while day <= end:
        for at in times:
            for fold in (0, 1):
                moments.append(  # noqa: PERF401 - a day and its change belong together
                    datetime.combine(day, at, zone).replace(fold=fold).astimezone(UTC)
                )
        midnight = datetime.combine(day, _MIDNIGHT, UTC)
        following = midnight + timedelta(days=1)
        if midnight.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
            moments.append(_clock_change(midnight, following, zone))
        day += _DAY
    return tuple(sorted(moments))


def _clock_change(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """Return the first second after `low` at which the zone has the offset of `high`."""
    offset = high.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return high
