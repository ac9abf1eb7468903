"""What a tariff's additions to OCPI look at: free minutes, blocked time, the end by a limit.

No money yet; `billing.rating` makes lines of it.

- Free minutes: a session that ends within them is free, as an aborted start; in a longer one, time
  counts from their end on, energy and the start fee in whole.
- Blocked time: from the end of the last charging, plus the grace, to the end of the session, less
  the hours in which the fee is not due. Of a session that never charged it begins at its start.
- The end by a limit: what is used after it may be free.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final, NamedTuple

from billing.tariffs import Additions, BlockingFee, Excess, Tariff
from billing.usage import MICROSECOND, Usage, clock_moments, in_times_of_day, zone_of
from foundation.events import UsagePoint

_NANO: Final = Decimal("1e-9")
_ZERO: Final = Decimal(0)


def is_aborted(usage: Usage, additions: Additions) -> bool:
    """Say whether the session ended within the free minutes."""
    if additions.free_minutes is None or not usage.points:
        return False
    lasted = usage.points[-1].at - usage.points[0].at
    return lasted <= timedelta(minutes=additions.free_minutes)


class Blocked(NamedTuple):
    """The time for which a blocking fee is due, in microseconds, and from when to when it lies."""

    from_at: datetime
    to_at: datetime
    micros: Decimal


def blocked(usage: Usage, fee: BlockingFee, time_zone: str) -> Blocked | None:
    """Return the time that a blocking fee is for; None if there is none.

    Raises:
        UnratableUsage: If the time zone is none.
    """
    if not usage.points:
        return None
    begin = _charged_until(usage.points) + timedelta(minutes=fee.grace_minutes or 0)
    end = usage.points[-1].at
    if begin >= end:
        return None
    spans = _due(fee, begin, end, time_zone)
    micros = sum((Decimal((to_at - from_at) // MICROSECOND) for from_at, to_at in spans), _ZERO)
    return Blocked(spans[0][0], spans[-1][1], micros) if micros else None


def _charged_until(points: Sequence[UsagePoint]) -> datetime:
    """Return the end of the last span in which energy flowed; the start if there is none."""
    for earlier, later in reversed(list(pairwise(points))):
        if earlier.charging or later.energy_wh > earlier.energy_wh:
            return later.at
    return points[0].at


def _due(
    fee: BlockingFee, begin: datetime, end: datetime, time_zone: str
) -> list[tuple[datetime, datetime]]:
    """Return the parts of a span at whose time of day the fee is due."""
    if fee.exempt_from is None or fee.exempt_to is None:
        return [(begin, end)]
    zone = zone_of(time_zone)
    local = begin.astimezone(zone)
    moments = clock_moments(frozenset((fee.exempt_from, fee.exempt_to)), local, end, zone)
    cuts = moments[bisect_right(moments, begin) : bisect_left(moments, end)]
    return [
        (from_at, to_at)
        for from_at, to_at in pairwise([begin, *cuts, end])
        if not in_times_of_day(from_at.astimezone(zone).time(), fee.exempt_from, fee.exempt_to)
    ]


def billed(usage: Usage, tariff: Tariff, stop_at: datetime | None) -> Usage:
    """Return what is paid of a usage: up to the moment at which it was to stop, if excess is free.

    Args:
        usage: The whole.
        tariff: By which it is paid.
        stop_at: When the session was to be stopped by its tariff or the place's hours.
    """
    if stop_at is None or tariff.additions.excess is not Excess.FREE:
        return usage
    return up_to(usage, stop_at)


def up_to(usage: Usage, until: datetime) -> Usage:
    """Return the usage up to a moment; in between two points the energy rises evenly."""
    points = usage.points
    if not points or points[-1].at <= until:
        return usage
    before = [point for point in points if point.at <= until] or [points[0]]
    last = before[-1]
    after = points[len(before)] if len(before) < len(points) else None
    if after is not None and last.at < until:
        share = Decimal((until - last.at) // MICROSECOND) / ((after.at - last.at) // MICROSECOND)
        gain_wh = (after.energy_wh - last.energy_wh) * share
        energy_wh = last.energy_wh + gain_wh.quantize(_NANO)
        before.append(UsagePoint(until, energy_wh, last.charging))
    return Usage(tuple(before), usage.reservation)
