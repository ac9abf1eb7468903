"""Locations: where stations stand together."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts import directory
from accounts.permissions import Permission
from csms import administration, registry
from csms.administration import LocationSettings
from csms.registry import Location
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from portal import paging
from portal.api.models import Answer, Body, Quantity
from portal.api.organisations import facts_from
from portal.decimals import Bounded
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now

router = APIRouter(prefix="/locations", tags=["locations"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.LOCATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.LOCATIONS_WRITE))]

Latitude = Annotated[Bounded, Field(ge=-90, le=90, description="Degrees, north is positive.")]
Longitude = Annotated[Bounded, Field(ge=-180, le=180, description="Degrees, east is positive.")]
Text = Annotated[str, Field(max_length=200)]


class LocationModel(Answer):
    """A location."""

    key: str
    organisation: OrganisationKey
    name: str
    time_zone: str = Field(description="IANA; that of its stations and of their tariffs' times.")
    address: str | None
    postal_code: str | None
    city: str | None
    country: str | None
    latitude: Quantity | None
    longitude: Quantity | None


class LocationChange(Body):
    """What of a location may change: everything but its key."""

    organisation: str | None = None
    name: Text | None = None
    time_zone: str | None = None
    address: Text | None = None
    postal_code: Text | None = None
    city: Text | None = None
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None


class NewLocation(LocationChange):
    """A location; the time zone is its organisation's unless said otherwise."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "key": "heilbronn-zob",
                "name": "Heilbronn ZOB",
                "organisation": "stadtwerke-nord",
                "time_zone": "Europe/Berlin",
                "address": "Bahnhofstr. 1",
                "postal_code": "74072",
                "city": "Heilbronn",
                "country": "DE",
                "latitude": 49.1427,
                "longitude": 9.2109,
            }
        }
    )

    key: str = Field(description="It never changes.")
    name: Text


_CLEARABLE = frozenset({"address", "postal_code", "city", "country", "latitude", "longitude"})


@router.get("", summary="List locations")
async def list_locations(
    db: Db, caller: Reader, limit: paging.Limit = paging.DEFAULT_LIMIT, cursor: paging.Cursor = None
) -> Page[LocationModel]:
    """In the order of their keys."""
    after = paging.decoded(cursor, str)
    found = await registry.locations(
        db, caller.scope, after=after[0] if after else None, limit=limit + 1
    )
    return paging.page(found, limit, shown=_shown, key=lambda each: (each.key,))


@router.post("", status_code=201, summary="Create a location")
async def create_location(db: Db, now: Now, caller: Writer, body: NewLocation) -> LocationModel:
    """The organisation is the caller's own unless the body names one."""
    facts = facts_from(body, clearable=_CLEARABLE)
    facts.setdefault("organisation", caller.principal.organisation)
    owner = await seen_organisation(db, caller, facts["organisation"])
    facts.setdefault("time_zone", owner.time_zone)
    await administration.set_location(db, LocationSettings(**facts), create=True)
    made = await seen_location(db, caller, body.key)
    await caller.note(
        db,
        "location.create",
        f"location/{made.key}",
        organisation=OrganisationKey(made.organisation),
        after=made,
        now=now,
    )
    return _shown(made)


@router.get("/{key:segment}", summary="Get a location")
async def get_location(db: Db, caller: Reader, key: str) -> LocationModel:
    """Where stations stand together; its time zone is that of their tariffs."""
    return _shown(await seen_location(db, caller, key))


@router.patch("/{key:segment}", summary="Change a location")
async def change_location(
    db: Db, now: Now, caller: Writer, key: str, body: LocationChange
) -> LocationModel:
    """Only what is sent changes."""
    present = await seen_location(db, caller, key)
    facts = facts_from(body, clearable=_CLEARABLE)
    if "organisation" in facts:
        await seen_organisation(db, caller, facts["organisation"])
    settings = LocationSettings(
        key=present.key,
        organisation=present.organisation,
        name=present.name,
        time_zone=present.time_zone,
        address=present.address,
        postal_code=present.postal_code,
        city=present.city,
        country=present.country,
        latitude=present.latitude,
        longitude=present.longitude,
    )
    await administration.set_location(db, replace(settings, **facts), create=False)
    changed = await seen_location(db, caller, key)
    await caller.note(
        db,
        "location.change",
        f"location/{key}",
        organisation=OrganisationKey(present.organisation),
        before=present,
        after=changed,
        now=now,
    )
    return _shown(changed)


async def seen_location(db: Db, caller: Caller, key: str) -> Location:
    """Return a location of the caller's.

    Raises:
        NotFound: If there is none with this key in his scope.
    """
    found = await registry.locations(db, caller.scope, key=key, limit=1)
    if not found:
        raise NotFound("location", key)
    return found[0]


async def seen_organisation(
    db: Db, caller: Caller, key: str, *, field: str = "organisation"
) -> directory.Organisation:
    """Return an organisation of the caller's that a body names.

    Raises:
        InvalidInput: If there is none with this key in his scope.
    """
    try:
        caller.must_see(OrganisationKey(key), "organisation", key)
        return await directory.organisation(db, OrganisationKey(key))
    except NotFound as error:
        raise InvalidInput(f"There is no organisation {key!r}.", field=field) from error


def _shown(location: Location) -> LocationModel:
    return LocationModel(
        key=location.key,
        organisation=location.organisation,
        name=location.name,
        time_zone=location.time_zone,
        address=location.address,
        postal_code=location.postal_code,
        city=location.city,
        country=location.country,
        latitude=location.latitude,
        longitude=location.longitude,
    )
