"""Uptime of recharging points: for which part of the time a vehicle could be charged there.

The European regulation on the infrastructure for alternative fuels, AFIR (EU) 2023/1804, names
uptime in a recital alone and gives no formula. What it does define is counted here: per recharging
point, which charges one vehicle at a time whatever its connectors (our EVSE); up is while its
operational status is operational, be it in use or free (article 20 and the implementing regulation
(EU) 2025/655: operational status and availability are two data). The arithmetic is that of the
rules that have one:

    uptime = (measured - (outage - excluded)) / measured

(23 CFR 680.116(b)(3), there over 525,600 minutes, month by month for the last twelve). Available,
charging and reserved count as up, inoperative and out of order as down (The Public Charge Point
Regulations 2023 of the United Kingdom, regulation 7). Hence:

- Down is an EVSE none of whose connectors can be used: Faulted with an error, or Unavailable. One
  usable connector is enough. What the station says of itself as a whole is said of each EVSE.
- Down is an EVSE of a station that is offline, from when it was last heard. A shorter silence than
  its limit is no outage: it goes on charging meanwhile.
- "Faulted" without an error is no fault, and an error without "Faulted" prevents no charging.
- Excluded are maintenance windows, planned before. Every other cause counts, a cut cable and the
  grid as well: no station tells reliably why it was dark.
- Measured is from an EVSE's first status on; who was never heard has no uptime, not one of 0 %.

Several EVSEs together are counted by their times, so that one that is new weighs less. Shares are
rounded down to 0.01 %: nothing reads as 100 % that was not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Self

_NONE: Final = timedelta(0)
_WHOLE: Final = 10_000


class Span(NamedTuple):
    """A time: [start, end)."""

    start: datetime
    end: datetime


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return the same times in order, those that touch or overlap as one; empty ones are left out.

    >>> from datetime import UTC
    >>> at = [datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in range(4)]
    >>> merged([Span(at[1], at[3]), Span(at[0], at[2])]) == [Span(at[0], at[3])]
    True
    """
    found: list[Span] = []
    for each in sorted(span for span in spans if span.end > span.start):
        if found and each.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, each.end))
        else:
            found.append(each)
    return found


def both(one: Iterable[Span], other: Iterable[Span]) -> list[Span]:
    """Return the times that lie in both."""
    left, right = merged(one), merged(other)
    found: list[Span] = []
    first = second = 0
    while first < len(left) and second < len(right):
        start = max(left[first].start, right[second].start)
        end = min(left[first].end, right[second].end)
        if start < end:
            found.append(Span(start, end))
        if left[first].end <= right[second].end:
            first += 1
        else:
            second += 1
    return found


def length(spans: Iterable[Span]) -> timedelta:
    """Return how long times last together, overlaps counted once."""
    return sum((each.end - each.start for each in merged(spans)), _NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseRecord:
    """What is on record of an EVSE.

    Attributes:
        station: The station's identity.
        evse_id: Its number there.
        since: Its first status.
        unusable: By connector, when it could not be used; every connector that ever had a status.
        station_down: When its station said so of itself as a whole, or was offline.
        planned: Its maintenance windows.
    """

    station: str
    evse_id: int
    since: datetime
    unusable: Mapping[int, Sequence[Span]]
    station_down: Sequence[Span] = ()
    planned: Sequence[Span] = ()

    def outages(self, period: Span) -> list[Span]:
        """Return when nobody could charge there, in a period."""
        measured = [Span(max(self.since, period.start), period.end)]
        closed: list[Span] | None = None
        for spans in self.unusable.values():
            closed = merged(spans) if closed is None else both(closed, spans)
        return both(measured, [*(closed or []), *self.station_down])


@dataclass(frozen=True, slots=True)
class Uptime:
    """What was counted; sums of several add up.

    Attributes:
        measured: For how long anything is known.
        outage: For how much of it nobody could charge.
        excluded: How much of that was planned.
    """

    measured: timedelta = _NONE
    outage: timedelta = _NONE
    excluded: timedelta = _NONE

    def __add__(self, other: Self) -> "Uptime":
        return Uptime(
            self.measured + other.measured,
            self.outage + other.outage,
            self.excluded + other.excluded,
        )

    @property
    def down(self) -> timedelta:
        """The outage that counts."""
        return self.outage - self.excluded

    @property
    def basis_points(self) -> int | None:
        """The uptime in 0.01 %, rounded down; None if nothing was measured."""
        if not self.measured:
            return None
        return (self.measured - self.down) * _WHOLE // self.measured


def uptime_of(record: EvseRecord, period: Span) -> Uptime:
    """Return what counts of one EVSE in a period."""
    outages = record.outages(period)
    return Uptime(
        measured=max(_NONE, period.end - max(record.since, period.start)),
        outage=length(outages),
        excluded=length(both(outages, record.planned)),
    )


def uptime(records: Iterable[EvseRecord], period: Span) -> Uptime:
    """Return the uptime of some EVSEs together in a period."""
    return sum((uptime_of(each, period) for each in records), Uptime())


@dataclass(frozen=True, slots=True)
class StatusSpan:
    """For how long a connector was unusable, as the record has it; EVSE 0 is the station itself."""

    evse_id: int
    connector_id: int
    span: Span


def records_of(
    station: str,
    first_statuses: Mapping[tuple[int, int], datetime],
    unusable: Iterable[StatusSpan],
    *,
    offline: Sequence[Span],
    planned: Iterable[tuple[int | None, Span]],
) -> list[EvseRecord]:
    """Return the records of a station's EVSEs.

    Args:
        station: Its identity.
        first_statuses: Of each connector, by EVSE and connector.
        unusable: When connectors were unusable.
        offline: When it was offline.
        planned: Maintenance windows: of one EVSE, or of the whole station (None).
    """
    spans: dict[tuple[int, int], list[Span]] = {place: [] for place in first_statuses}
    for each in unusable:
        spans.setdefault((each.evse_id, each.connector_id), []).append(each.span)
    whole = [span for (evse_id, _), found in spans.items() if evse_id == 0 for span in found]
    windows = list(planned)
    evses = sorted({evse_id for evse_id, _ in first_statuses if evse_id != 0})
    return [
        EvseRecord(
            station=station,
            evse_id=evse_id,
            since=min(at for place, at in first_statuses.items() if place[0] == evse_id),
            unusable={place[1]: found for place, found in spans.items() if place[0] == evse_id},
            station_down=merged([*whole, *offline]),
            planned=merged(span for number, span in windows if number in (None, evse_id)),
        )
        for evse_id in evses
    ]


# ------------------------------------------------------------------------------- how busy it was


WEEK_HOURS: Final = 7 * 24


def week_of(spans: Iterable[Span], hours: Iterable[tuple[int, Span]]) -> list[int | None]:
    """Return how busy each hour of the week was, in per mille of its time.

    Args:
        spans: The sessions; two at once count twice.
        hours: Each hour of the period with its place in the week, 0 (Monday, 0:00) to 167; hours
            that a clock change doubles come twice, those that it skips not at all.

    Returns:
        By place in the week; None where the period has no such hour. The mean number of sessions,
        so that 1000 is one session all the time.
    """
    total = [_NONE] * WEEK_HOURS
    busy = [_NONE] * WEEK_HOURS
    waiting = sorted(span for span in spans if span.end > span.start)
    running: list[Span] = []
    at = 0
    for place, hour in sorted(hours, key=lambda each: each[1]):
        while at < len(waiting) and waiting[at].start < hour.end:
            running.append(waiting[at])
            at += 1
        running = [span for span in running if span.end > hour.start]
        total[place] += hour.end - hour.start
        for span in running:
            busy[place] += min(span.end, hour.end) - max(span.start, hour.start)
    return [
        None if not time else (taken * 2000 // time + 1) // 2
        for taken, time in zip(busy, total, strict=True)
    ]
