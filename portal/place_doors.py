"""Doors of a place's hours and of access control, which the API and the pages share."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from billing import access, place_hours
from billing.access import AccessControl
from billing.assignments import Place, TariffScope
from billing.conditions import Conditions, conditions_json
from billing.hours import Hours, HoursKind, PlaceHours, check, hours_json
from csms.connectivity import SilenceLimits
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from portal.guard import Caller
from portal.priced_places import zone_of_place


async def give_hours(
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    place: Place,
    kind: HoursKind,
    hours: Hours | None,
    *,
    transition: timedelta,
    stops: bool,
    valid_from: datetime | None,
    zone: str,
) -> PlaceHours:
    """Give a place, which the caller sees, hours, and note it.

    Raises:
        InvalidInput: If the transition is none, or the hours contradict themselves in the zone
            of the place.
        HoursExist: If the place has some from that moment on or later.
    """
    if hours is not None:
        check(hours, zone)
    made = await place_hours.put_hours(
        db, place, kind, hours, transition=transition, stops=stops, valid_from=valid_from, now=now
    )
    await caller.note(
        db,
        "hours.put",
        f"hours/{place.scope}/{place.id}",
        organisation=caller.principal.organisation,
        after={
            "scope": place.scope,
            "id": place.id,
            "kind": made.kind,
            "hours": None if made.hours is None else hours_json(made.hours),
            "transition_minutes": int(made.transition.total_seconds()) // 60,
            "stops": made.stops,
            "valid_from": made.valid_from,
        },
        now=now,
    )
    return made


async def set_access(
    db: AsyncSession,
    now: datetime,
    limits: SilenceLimits,
    caller: Caller,
    key: str,
    *,
    conditions: Conditions,
    allowed: Sequence[Place],
    is_on: bool,
) -> AccessControl:
    """Set where cards may charge, and note it; the caller must see every place he names.

    Raises:
        NotFound: If the control is another organisation's.
        InvalidInput: If a place is no whole station, or not seen, or what `access.put` refuses.
    """
    known = {each.key: each for each in await access.controls(db)}
    before = known.get(key)
    if before is not None and before.organisation is not None:
        caller.must_see(OrganisationKey(before.organisation), "access control", key)
    for number, place in enumerate(allowed):
        if place.scope in (TariffScope.EVSE, TariffScope.CONNECTOR):
            raise InvalidInput("Access is for whole stations.", field=f"allowed.{number}.scope")
        try:
            await zone_of_place(db, caller, place, now, limits=limits)
        except (InvalidInput, NotFound) as error:
            raise InvalidInput(str(error), field=f"allowed.{number}.id") from error
    made = await access.put(
        db,
        key,
        organisation=caller.principal.organisation if before is None else before.organisation,
        conditions=conditions,
        allowed=allowed,
        is_on=is_on,
        now=now,
    )
    await caller.note(
        db,
        "access_control.put",
        f"access_control/{key}",
        organisation=caller.principal.organisation,
        before=None if before is None else _told(before),
        after=_told(made),
        now=now,
    )
    return made


def _told(control: AccessControl) -> dict[str, Any]:
    return {
        "key": control.key,
        "is_on": control.is_on,
        "conditions": conditions_json(control.conditions),
        "allowed": [{"scope": each.scope, "id": each.id} for each in control.allowed],
    }
