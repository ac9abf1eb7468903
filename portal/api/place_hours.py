"""Opening and operating hours of places, and where cards may charge: what tariffs go by."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field

from accounts.permissions import Permission
from billing import access, place_hours, pricing
from billing.access import AccessControl
from billing.assignments import TariffScope
from billing.conditions import conditions_json, parse_conditions
from billing.hours import HoursKind, PlaceHours, hours_json, parse_hours
from portal import place_doors
from portal.api.models import Answer, Body, Moment, Since, moment_of
from portal.api.stations import limits
from portal.api.tariffs import ConditionsModel
from portal.guard import Caller, require
from portal.priced_places import zone_of_place
from portal.routes import ApiRoute, Context, Db, Now

router = APIRouter(tags=["tariffs"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.TARIFFS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.TARIFFS_WRITE))]
Named = Annotated[str, Query(alias="id", max_length=300)]

_WEEKDAYS: dict[str, Any] = {
    "twentyfourseven": False,
    "regular_hours": [
        {"weekday": day, "period_begin": "08:00", "period_end": "18:00"} for day in range(1, 7)
    ],
    "single_days": [
        {
            "date": "2026-12-24",
            "periods": [{"period_begin": "08:00", "period_end": "13:00"}],
        },
        {"date": "2026-12-25", "periods": []},
    ],
}


class HoursModel(Answer):
    """The hours of a place from `valid_from` on, until the next ones of the same kind."""

    scope: TariffScope
    id: str
    kind: HoursKind
    hours: dict[str, Any] | None = Field(
        description="OCPI's Hours, and `single_days`; null: none of its own."
    )
    transition_minutes: int
    stops: bool
    valid_from: Moment


class HoursBody(Body):
    """Hours that a place shall have; the most specific place that has any counts.

    Opening hours are those of the shop: `conditions.hours` of a tariff's assignment goes by them.
    Operating hours are when charging is possible: outside of them tokens are refused, and sessions
    stopped. The transition time belongs to the open time before and after it.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "scope": "station",
                "id": "ADR-1",
                "kind": "opening",
                "hours": _WEEKDAYS,
                "transition_minutes": 30,
                "stops": True,
            }
        }
    )

    scope: TariffScope
    id: Annotated[str, Field(max_length=300)]
    kind: HoursKind
    hours: dict[str, Any] | None = Field(
        description="OCPI's Hours; null takes the place's own hours away. `single_days` are dates"
        " of the place's clock that have other periods than their weekday: none is closed. What"
        " contradicts itself is refused."
    )
    transition_minutes: Annotated[int, Field(ge=0, le=720)] = 0
    stops: bool = Field(
        default=False,
        description="Of opening hours: stop a session, whose tariff is for the open or closed time"
        " only, at the end of that.",
    )
    valid_from: Since | None = Field(default=None, description="Now, if it is left out.")


class HoursList(Answer):
    """All hours of one place."""

    items: list[HoursModel]


@router.get("/hours", summary="List the hours of a place")
async def list_hours(
    db: Db, now: Now, context: Context, caller: Reader, scope: TariffScope, named: Named
) -> HoursList:
    """The oldest first."""
    place = pricing.place_from(scope, named)
    await zone_of_place(db, caller, place, now, limits=limits(context))
    return HoursList(items=[_shown(each) for each in await place_hours.hours_of(db, [place])])


@router.post("/hours", status_code=201, summary="Give a place hours")
async def put_hours(
    db: Db, now: Now, context: Context, caller: Writer, body: HoursBody
) -> HoursModel:
    """Nothing is edited: what starts before `valid_from` keeps the hours of its start."""
    place = pricing.place_from(body.scope, body.id)
    zone = await zone_of_place(db, caller, place, now, limits=limits(context))
    made = await place_doors.give_hours(
        db,
        now,
        caller,
        place,
        body.kind,
        None if body.hours is None else parse_hours(body.hours),
        transition=timedelta(minutes=body.transition_minutes),
        stops=body.stops,
        valid_from=None if body.valid_from is None else moment_of(body.valid_from, zone),
        zone=zone,
    )
    return _shown(made)


def _shown(hours: PlaceHours) -> HoursModel:
    return HoursModel(
        scope=hours.place.scope,
        id=hours.place.id,
        kind=hours.kind,
        hours=None if hours.hours is None else hours_json(hours.hours),
        transition_minutes=int(hours.transition.total_seconds()) // 60,
        stops=hours.stops,
        valid_from=hours.valid_from,
    )


# ----------------------------------------------------------------------------- access control


class AllowedPlace(Body):
    """A station, or all of a location or organisation."""

    scope: TariffScope
    id: Annotated[str, Field(max_length=300)]


class AccessBody(Body):
    """Where the cards may charge that the conditions are about; at all other stations not."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "is_on": True,
                "conditions": {"token_groups": ["FLEET"]},
                "allowed": [{"scope": "location", "id": "depot"}],
            }
        }
    )

    is_on: bool = True
    conditions: dict[str, Any]
    allowed: Annotated[list[AllowedPlace], Field(max_length=access.MOST_PLACES)]


class AllowedPlaceModel(Answer):
    """A station, or all of a location or organisation."""

    scope: TariffScope
    id: str


class AccessModel(Answer):
    """Where the cards may charge that the conditions are about."""

    key: str
    is_on: bool
    conditions: ConditionsModel
    allowed: list[AllowedPlaceModel]


class AccessList(Answer):
    """All access controls in scope."""

    items: list[AccessModel]


@router.get("/access-controls", summary="List access controls")
async def list_access_controls(db: Db, caller: Reader) -> AccessList:
    """By their keys. Without any, every card works at every station."""
    return AccessList(items=[_control(each) for each in await access.controls(db, caller.scope)])


@router.put("/access-controls/{key}", summary="Set an access control")
async def put_access_control(
    db: Db, now: Now, context: Context, caller: Writer, key: str, body: AccessBody
) -> AccessModel:
    """Counts at once. A station may have to forget the cards it remembers (ClearCache)."""
    made = await place_doors.set_access(
        db,
        now,
        limits(context),
        caller,
        key,
        conditions=parse_conditions(body.conditions),
        allowed=[pricing.place_from(each.scope, each.id) for each in body.allowed],
        is_on=body.is_on,
    )
    return _control(made)


def _control(control: AccessControl) -> AccessModel:
    return AccessModel(
        key=control.key,
        is_on=control.is_on,
        conditions=ConditionsModel.model_validate(conditions_json(control.conditions)),
        allowed=[AllowedPlaceModel(scope=each.scope, id=each.id) for each in control.allowed],
    )
