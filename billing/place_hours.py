"""The face of opening and operating hours: what a place has, dated, and giving it others."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from billing import tariff_store as store
from billing.assignments import Place
from billing.hours import LONGEST_TRANSITION, Hours, HoursKind, PlaceHours
from foundation.errors import Conflict, InvalidInput


class HoursExist(Conflict):
    """The place has hours from that moment on or later; history is not rewritten."""

    code = "hours_exist"

    def __init__(self, place: Place, valid_from: datetime) -> None:
        super().__init__(
            f"{place} has hours from {valid_from.isoformat()} on; others must begin later."
        )


async def put_hours(
    db: AsyncSession,
    place: Place,
    kind: HoursKind,
    hours: Hours | None,
    *,
    transition: timedelta = timedelta(0),
    stops: bool = False,
    valid_from: datetime | None = None,
    now: datetime,
) -> PlaceHours:
    """Give a place hours from a moment on (None: now); the same again changes nothing.

    Args:
        db: A unit of work.
        place: Which; the most specific that has hours counts.
        kind: Opening or operating.
        hours: None: it has none of its own any more.
        transition: Whole minutes, which belong to the open time before and after it.
        stops: Whether a session that is for the open or closed time is stopped at its end. The
            end of the operating time stops always.
        valid_from: From when.
        now: The moment of asking.

    Raises:
        InvalidInput: If the transition is none.
        HoursExist: If the place has some from that moment on or later.
    """
    if not timedelta(0) <= transition <= LONGEST_TRANSITION:
        raise InvalidInput("The transition time is 0 to 720 minutes.", field="transition_minutes")
    await store.lock_place(db, place)
    existing = [each for each in await hours_of(db, [place]) if each.kind is kind]
    latest = existing[-1] if existing else None
    if latest is not None and valid_from is None:
        held = (latest.hours, latest.transition, latest.stops)
        if latest.valid_from <= now and held == (hours, transition, stops):
            return latest
    begins = now if valid_from is None else valid_from
    if latest is not None and begins <= latest.valid_from:
        raise HoursExist(place, latest.valid_from)
    made = PlaceHours(
        place=place,
        kind=kind,
        hours=hours,
        transition=transition,
        stops=stops,
        valid_from=begins,
    )
    await store.add_hours(db, made, now=now)
    return made


async def hours_of(db: AsyncSession, places: Collection[Place] | None) -> Sequence[PlaceHours]:
    """Return the hours of some places, or of all, by place, oldest first."""
    found = await store.hours_on(db, places)
    return [each for place in sorted(found) for each in found[place]]
