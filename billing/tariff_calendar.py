"""Which tariff holds when at a place, and what is wrong with that: gaps, and what never applies.

Overlaps need no check here: they are refused where a tariff is assigned. Pure: whoever asks has
looked up what is assigned, and the hours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from billing.applying import Assigned, HoursByPlace
from billing.assignments import Assignment, Place, most_specific, periods
from billing.conditions import NOBODY, Side, Who
from billing.hours import STABLE_FOR, HoursKind, SingleDay, hours_at, standing
from billing.tariffs import Restrictions, Tariff
from foundation.identifiers import OrganisationKey

LONGEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which one assignment holds for sessions that start in it; None: none does."""

    from_at: datetime
    to_at: datetime
    assignment: Assignment | None


class CheckKind(StrEnum):
    """What a check found."""

    GAP = "gap"
    """No tariff is assigned: sessions that start then are held."""
    NEVER_APPLIES = "never_applies"
    """Others go first whenever an assignment could hold."""
    ELEMENT_NEVER_APPLIES = "element_never_applies"
    """An earlier element of the tariff names the same prices whenever this one could hold."""
    OVER = "over"
    """All of a tariff's elements have ended before the time that is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Something for a person to look at; which of the facts are given depends on the kind."""

    kind: CheckKind
    from_at: datetime | None = None
    to_at: datetime | None = None
    assignment: Assignment | None = None
    tariff_id: str | None = None
    element: int | None = None


def spans(
    places: Sequence[Place],
    assignments: Assigned,
    hours: HoursByPlace,
    *,
    time_zone: str,
    start: datetime,
    end: datetime,
    who: Who = NOBODY,
    side: Side = Side.SALE,
) -> list[Span]:
    """Return what holds for somebody from a moment to another, without a gap between the spans.

    Args:
        places: Those of a connector or EVSE, the most specific first.
        assignments: What is assigned to them.
        hours: Their opening hours.
        time_zone: The station's.
        start: Included.
        end: Not included; at most a year later.
        who: Who charges; without: an ad-hoc driver.
        side: Which price is asked for.
    """
    assert start < end <= start + LONGEST, "a calendar of a year at most"
    found: list[Span] = []
    moments = sorted({start, *_changes(places, assignments, hours, time_zone, start, end)})
    for from_at, to_at in zip(moments, [*moments[1:], end], strict=True):
        opening = hours_at(places, hours, HoursKind.OPENING, from_at)
        is_open = standing(opening, from_at, time_zone).is_open
        held = most_specific(places, assignments, from_at, who, side=side, is_open=is_open)
        if found and found[-1].assignment == held:
            found[-1] = Span(found[-1].from_at, to_at, held)
        else:
            found.append(Span(from_at, to_at, held))
    return found


def _changes(
    places: Sequence[Place],
    assignments: Assigned,
    hours: HoursByPlace,
    time_zone: str,
    start: datetime,
    end: datetime,
) -> set[datetime]:
    """Return the moments at which something can begin or cease to hold."""
    moments: set[datetime] = set()
    by_hours = False
    for place in places:
        for each in assignments.get(place, ()):
            moments.add(each.valid_from)
            if each.valid_to is not None:
                moments.add(each.valid_to)
            by_hours = by_hours or each.conditions.hours is not None
        moments.update(each.valid_from for each in hours.get(place, ()))
    kept = {at.astimezone(UTC) for at in moments if start < at < end}
    if by_hours:
        at = start
        while at < end:
            until = standing(hours_at(places, hours, HoursKind.OPENING, at), at, time_zone).until
            following = until or at + STABLE_FOR
            at = min(following, *(each for each in kept if each > at), end)
            if start < at < end and at == until:
                kept.add(at)
    return kept


@dataclass(frozen=True, slots=True)
class DayShown:
    """A single day of a place's hours, as it holds at an EVSE."""

    kind: HoursKind
    day: SingleDay


def single_days(
    places: Sequence[Place],
    hours: HoursByPlace,
    *,
    time_zone: str,
    start: datetime,
    end: datetime,
) -> list[DayShown]:
    """Return the single days from a moment to another, in their order, of both kinds of hours."""
    zone = ZoneInfo(time_zone)
    found = []
    on = start.astimezone(zone).date()
    while (begins := datetime.combine(on, time(0), zone)) < end:
        for kind in HoursKind:
            held = hours_at(places, hours, kind, max(begins, start))
            days = () if held is None or held.hours is None else held.hours.days
            found += [DayShown(kind, each) for each in days if each.on == on]
        on += timedelta(days=1)
    return found


def checks(
    places: Sequence[Place],
    assignments: Assigned,
    hours: HoursByPlace,
    tariffs: Mapping[str, Tariff],
    *,
    time_zone: str,
    start: datetime,
    end: datetime,
) -> list[Check]:
    """Return all there is to look at from a moment to another, the gaps first.

    A gap is one for an ad-hoc driver, whom no condition names: everybody else may have a tariff.
    """

    def seen(who: Who, side: Side) -> list[Span]:
        return spans(
            places,
            assignments,
            hours,
            time_zone=time_zone,
            start=start,
            end=end,
            who=who,
            side=side,
        )

    found = [
        Check(kind=CheckKind.GAP, from_at=span.from_at, to_at=span.to_at)
        for span in seen(NOBODY, Side.SALE)
        if span.assignment is None
    ]
    in_force = _in_force(places, assignments, start, end)
    found += [
        Check(kind=CheckKind.NEVER_APPLIES, assignment=each)
        for each in in_force
        if all(span.assignment != each for span in seen(_witness(each), each.side))
    ]
    for tariff_id in dict.fromkeys(each.tariff_id for each in in_force):
        tariff = tariffs.get(tariff_id)
        if tariff is not None:
            found += _tariff_checks(tariff, start)
    return found


def _in_force(
    places: Sequence[Place], assignments: Assigned, start: datetime, end: datetime
) -> list[Assignment]:
    """Return what is assigned at some moment of a time."""
    lanes: dict[object, list[Assignment]] = {}
    for place in places:
        for each in sorted(assignments.get(place, ()), key=lambda each: each.valid_from):
            lanes.setdefault((place, each.lane), []).append(each)
    return [
        each
        for lane in lanes.values()
        for each, begins, ends in periods(lane)
        if begins < end and (ends is None or ends > start)
    ]


def _witness(assignment: Assignment) -> Who:
    """Return somebody whom an assignment is for, and no other conditions than its own."""
    conditions = assignment.conditions
    return Who(
        customers=tuple(OrganisationKey(each) for each in conditions.customers[:1]),
        contact=next(iter(conditions.contacts), None),
        token_group=next(iter(conditions.token_groups), None),
        provider=next(iter(conditions.providers), None),
    )


def _tariff_checks(tariff: Tariff, start: datetime) -> list[Check]:
    """Return which elements of a tariff nothing will ever be priced by."""
    found = [
        Check(kind=CheckKind.ELEMENT_NEVER_APPLIES, tariff_id=tariff.id, element=index)
        for index in unreachable(tariff)
    ]
    today = start.date()
    ends = [each.restrictions.end_date if each.restrictions else None for each in tariff.elements]
    if all(each is not None and each <= today for each in ends):
        found.append(Check(kind=CheckKind.OVER, tariff_id=tariff.id))
    return found


def unreachable(tariff: Tariff) -> list[int]:
    """Return the elements whose every price an earlier one names whenever they could hold."""
    found = []
    limit = tariff.additions.session_limit_minutes
    for index, element in enumerate(tariff.elements):
        held = element.restrictions or Restrictions()
        too_late = (
            limit is not None
            and held.min_duration is not None
            and held.min_duration >= limit * 60
            and held.reservation is None
        )
        covered = all(
            any(
                component.type in {each.type for each in earlier.price_components}
                and _covers(earlier.restrictions or Restrictions(), held)
                for earlier in tariff.elements[:index]
            )
            for component in element.price_components
        )
        if covered or too_late:
            found.append(index)
    return found


def _covers(wider: Restrictions, narrower: Restrictions) -> bool:
    """Say whether one surely holds whenever the other does."""
    if wider.reservation is not narrower.reservation:
        return False
    times = (wider.start_time, wider.end_time)
    if times != (None, None) and times != (narrower.start_time, narrower.end_time):
        return False
    if wider.day_of_week and not (
        narrower.day_of_week and set(narrower.day_of_week) <= set(wider.day_of_week)
    ):
        return False
    return all(
        _no_later(getattr(wider, low), getattr(narrower, low))
        and _no_later(getattr(narrower, high), getattr(wider, high), open_end=True)
        for low, high in (
            ("start_date", "end_date"),
            ("min_kwh", "max_kwh"),
            ("min_power", "max_power"),
            ("min_duration", "max_duration"),
        )
    )


def _no_later(one: object, other: object, *, open_end: bool = False) -> bool:
    """Say whether a bound is not above another; None is no bound."""
    if open_end:
        return other is None or (one is not None and bool(one <= other))  # type: ignore[operator]
    return one is None or (other is not None and bool(one <= other))  # type: ignore[operator]
