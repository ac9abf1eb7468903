"""The price for an EVSE, a token and a moment: which tariffs were looked at, and what one pays.

The preview decides by the same functions as the bill, so that what it says is what is charged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from billing import pricing
from billing.applying import applied, name_contacts, places_of_charge, who_charges
from billing.assignments import PLAIN, Assignment, assignment_at, lanes_of
from billing.conditions import holds
from billing.hours import HoursKind, Standing, hours_at, standing
from billing.pricing import TariffVersion
from billing.rating import Rating, rate
from billing.tariff_calendar import Check, DayShown, Span, checks, single_days, spans
from billing.usage import Usage
from foundation.errors import InvalidInput
from foundation.events import TransactionEvent, UsagePoint

MOST_KWH = Decimal(10_000)
MOST_MINUTES = 60 * 24 * 7
LONGEST_CALENDAR_DAYS = 366


class Verdict(StrEnum):
    """Why a tariff that is assigned to one of the places holds, or not."""

    HOLDS = "holds"
    OUTRANKED = "outranked"
    """Another has a higher priority, a more specific place or more conditions."""
    CONDITIONS = "conditions"
    """It is not for whoever charges, or not for that time."""
    NOT_YET = "not_yet"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Considered:
    """An assignment that was looked at."""

    assignment: Assignment
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Price:
    """What a sample session comes to by a tariff."""

    version: TariffVersion
    rating: Rating


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The price of a sample session that starts at a moment.

    Attributes:
        sale: What is paid; None where no tariff is assigned (the session would be held).
        purchase: What the owner's share is taken of; None: of what is paid.
        is_free: Whether the station gives its energy away.
        stop_at: When the session would be stopped.
        opening: How the opening hours stand at the start; None where there are none.
        operating: How the operating hours stand.
        considered: All that is assigned to the places, what holds first.
    """

    sale: Price | None
    purchase: Price | None
    is_free: bool
    stop_at: datetime | None
    opening: Standing | None
    operating: Standing
    considered: tuple[Considered, ...]


def sample(start: datetime, kwh: Decimal, minutes: int, idle_minutes: int) -> Usage:
    """Return a session that charges evenly, then stands there without charging.

    Raises:
        InvalidInput: If energy or time are below 0 or too much, or there is energy without time.
    """
    if not 0 <= kwh <= MOST_KWH:
        raise InvalidInput(f"kwh is 0 to {MOST_KWH}.", field="kwh")
    for field, value in (("minutes", minutes), ("idle_minutes", idle_minutes)):
        if not 0 <= value <= MOST_MINUTES:
            raise InvalidInput(f"{field} is 0 to {MOST_MINUTES}.", field=field)
    if kwh and not minutes:
        raise InvalidInput("Energy takes time: give minutes.", field="minutes")
    energy_wh = kwh * 1000
    charged = start + timedelta(minutes=minutes)
    points = [UsagePoint(start, Decimal(0), charging=minutes > 0)]
    if minutes:
        points.append(UsagePoint(charged, energy_wh, charging=False))
    if idle_minutes:
        points.append(
            UsagePoint(charged + timedelta(minutes=idle_minutes), energy_wh, charging=False)
        )
    return Usage(tuple(points))


async def preview(db: AsyncSession, event: TransactionEvent, usage: Usage) -> Preview:
    """Return the price of a usage that begins as the event says.

    Args:
        db: A unit of work.
        event: With the place, the token and its holder, and the moment.
        usage: What is used; of `sample`.
    """
    parents = await pricing.parents_of_all(db)
    places = places_of_charge(event, parents)
    assignments, hours, history = await pricing.known_at(db, places)
    named = name_contacts(assignments.values())
    [contact] = await pricing.contacts_at(db, [event], named=named)
    who = who_charges(event, parents, contact)
    found = pricing.found_of(event, applied(event, places, who, assignments, hours), history)
    at, zone = event.started_at, event.time_zone
    opening = hours_at(places, hours, HoursKind.OPENING, at)
    stands = standing(opening, at, zone)
    considered = [
        Considered(each, _verdict(each, lane, at, found.applied.sale, found.applied.purchase, ok))
        for place in places
        for lane in lanes_of(assignments.get(place, ())).values()
        for each in lane
        for ok in (holds(each.conditions, who, is_open=stands.is_open),)
    ]

    def price(version: TariffVersion | None) -> Price | None:
        if version is None or event.free_vend:
            return None
        return Price(version, rate(usage, version.tariff, zone, stop_at=found.stop_at))

    return Preview(
        sale=price(found.sale),
        purchase=price(found.purchase),
        is_free=event.free_vend,
        stop_at=found.stop_at,
        opening=None if opening is None else stands,
        operating=found.applied.operating,
        considered=tuple(sorted(considered, key=lambda each: list(Verdict).index(each.verdict))),
    )


def _verdict(
    each: Assignment,
    lane: Sequence[Assignment],
    at: datetime,
    sale: Assignment | None,
    purchase: Assignment | None,
    conditions_hold: bool,
) -> Verdict:
    if each in (sale, purchase):
        return Verdict.HOLDS
    if each.valid_from > at:
        return Verdict.NOT_YET
    if assignment_at(lane, at) != each:
        return Verdict.OVER
    return Verdict.OUTRANKED if conditions_hold else Verdict.CONDITIONS


@dataclass(frozen=True, slots=True)
class Calendar:
    """What holds at a place over a time, for an ad-hoc driver and for each that is named."""

    spans: tuple[Span, ...]
    checks: tuple[Check, ...]
    others: tuple[Assignment, ...]
    """What is assigned there under conditions or for the purchase side."""
    versions: Mapping[str, Sequence[TariffVersion]]
    days: tuple[DayShown, ...]
    """Single days of the place's opening and operating hours."""


async def calendar(
    db: AsyncSession, event: TransactionEvent, *, start: datetime, end: datetime
) -> Calendar:
    """Return the calendar of the place that an event names.

    Raises:
        InvalidInput: If the time is none, or longer than a year.
    """
    if not start < end <= start + timedelta(days=LONGEST_CALENDAR_DAYS):
        raise InvalidInput(f"A calendar shows 1 to {LONGEST_CALENDAR_DAYS} days.", field="days")
    parents = await pricing.parents_of_all(db)
    places = places_of_charge(event, parents)
    assignments, hours, history = await pricing.known_at(db, places)
    zone = event.time_zone
    tariffs = {key: versions[-1].tariff for key, versions in history.items()}
    found = spans(places, assignments, hours, time_zone=zone, start=start, end=end)
    shown = [each.assignment for each in found]
    others = tuple(
        each
        for place in places
        for each in assignments.get(place, ())
        if each.lane != PLAIN
        and each not in shown
        and (each.valid_to is None or each.valid_to > start)
    )
    return Calendar(
        tuple(found),
        tuple(checks(places, assignments, hours, tariffs, time_zone=zone, start=start, end=end)),
        others,
        history,
        tuple(single_days(places, hours, time_zone=zone, start=start, end=end)),
    )
