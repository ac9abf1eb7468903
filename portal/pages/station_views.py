"""What is known of a station beside its technology: tabs of its data sheet that only show.

Errors, place, messages in words, tickets.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.permissions import Permission
from alerts import alerting
from alerts.alerting import Filter
from alerts.fault_codes import explained
from alerts.life import AlertState
from csms import administration, fault_history, registry
from csms.administration import LocationSettings
from csms.registry import Location, Station
from foundation import outbox
from foundation.errors import InvalidInput, NotFound
from foundation.events import StationBooted, StationCameBack, StationWentOffline
from foundation.identifiers import OrganisationKey
from portal import decimals, masking
from portal.guard import Caller, require
from portal.message_words import sentence
from portal.pages.alerts import shown as shown_alerts
from portal.pages.logs import action_of
from portal.pages.refusals import form_errors
from portal.pages.states import shown_station_state
from portal.pages.station_sheets import found_station, tabs_of
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, link, segment
from portal.routes import Db, Now, PageRoute
from portal.words import Words, marked
from support import tickets

router = APIRouter(route_class=PageRoute, prefix="/stations/{identity:segment}")

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
LogReader = Annotated[Caller, Depends(require(Permission.FRAMES_READ))]
TicketReader = Annotated[Caller, Depends(require(Permission.TICKETS_READ))]
PlaceWriter = Annotated[Caller, Depends(require(Permission.LOCATIONS_WRITE))]
Text = Annotated[str, Form(max_length=300)]

MESSAGES_PER_PAGE: Final = 100
_TICKETS: Final = 50
_ERRORS: Final = 100
_DAYS: Final = 90
_CONNECTION: Final = {
    StationWentOffline.kind: marked("Offline"),
    StationCameBack.kind: marked("Back again"),
    StationBooted.kind: marked("Started"),
}


async def own_station(
    request: Request, db: AsyncSession, now: datetime, caller: Caller, identity: str
) -> Station:
    """Return a station of the caller's own side.

    Raises:
        NotFound: If it is not, even if it is shared.
    """
    station = await found_station(request, db, caller.scope, identity, now)
    caller.must_see(station.organisation, "station", identity)
    return station


async def tab_of(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    station: Station,
    tab: str,
    more: dict[str, Any],
    errors: FormErrors | None = None,
) -> Response:
    """Show a tab of a data sheet by its template, `station_<tab>.html`."""
    frame = await frame_of(request, db, caller)
    values = {
        "station": station,
        "state": shown_station_state(station),
        "zone": ZoneInfo(station.time_zone),
        "tabs": tabs_of(station, caller, frame.words),
        "tab": tab,
        "path": f"/stations/{segment(station.identity)}/{tab}",
        "may_write": caller.may(Permission.STATIONS_WRITE),
        "errors": errors or FormErrors(),
        **more,
    }
    return page(frame, f"station_{tab}.html", values, status=422 if errors else 200)


async def _said(request: Request, db: AsyncSession, caller: Caller) -> Words:
    return (await frame_of(request, db, caller)).words


@router.get("/errors")
async def errors(request: Request, db: Db, now: Now, caller: Reader, identity: str) -> Response:
    """Show the faults and warnings that the station reported, and when it was away."""
    station = await own_station(request, db, now, caller, identity)
    said = await _said(request, db, caller)
    found = await fault_history.faults(db, station.identity, now=now, days=_DAYS)
    told = await outbox.told_of(
        db,
        [f"station/{station.identity}"],
        kinds=list(_CONNECTION),
        since=now - timedelta(days=_DAYS),
    )
    raised = await alerting.alerts(
        db, caller.scope, Filter(states=(AlertState.OPEN,), station=station.identity), limit=_ERRORS
    )
    more = {
        "lines": await shown_alerts(db, caller.scope, raised, said),
        "faults": found[:_ERRORS],
        "left_out": max(0, len(found) - _ERRORS),
        "is_open": any(each.ended_at is None for each in found),
        "meanings": [
            explained(
                each.vendor_error_code, each.info, vendor=station.vendor, language=said.language
            )
            for each in found[:_ERRORS]
        ],
        "connection": [
            (each.happened_at, said.gettext(_CONNECTION[each.kind]))
            for each in reversed(told[-_ERRORS:])
        ],
        "days": _DAYS,
    }
    return await tab_of(request, db, caller, station, "errors", more)


@router.get("/messages")
async def messages(
    request: Request,
    db: Db,
    now: Now,
    caller: LogReader,
    identity: str,
    until: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """Show what the station and we said to each other, as sentences."""
    station = await own_station(request, db, now, caller, identity)
    said = await _said(request, db, caller)
    found = await registry.frames(
        db, station.identity, end=_moment(until), limit=MESSAGES_PER_PAGE + 1
    )
    kept = found[:MESSAGES_PER_PAGE]
    lines = [
        (each.at, each.direction != "in", text, action_of(each.raw))
        for each in kept
        if (text := sentence(each.raw, said, sent=each.direction != "in")) is not None
    ]
    path = f"/stations/{segment(station.identity)}/messages"
    on = None
    if len(found) > MESSAGES_PER_PAGE:
        on = link(path, {"until": kept[-1].at.isoformat()})
    more = {"lines": lines, "on": on, "back": path if until else None}
    return await tab_of(request, db, caller, station, "messages", more)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo is not None else None


@router.get("/tickets")
async def station_tickets(
    request: Request, db: Db, now: Now, caller: TicketReader, identity: str
) -> Response:
    """Show the tickets about the station, the newest first."""
    station = await own_station(request, db, now, caller, identity)
    found = await tickets.tickets(db, caller.scope, station=station.identity, limit=_TICKETS)
    people = {each.id: each.name for each in await directory.people(db, caller.scope)}
    more = {
        "found": [masking.ticket(caller, each) for each in found],
        "people": {number: caller.personal(name) for number, name in people.items()},
    }
    return await tab_of(request, db, caller, station, "tickets", more)


# ------------------------------------------------------------------------------- geolocation


@router.get("/geolocation")
async def geolocation(
    request: Request, db: Db, now: Now, caller: Reader, identity: str
) -> Response:
    """Show address and position, as drivers' apps show them."""
    station = await own_station(request, db, now, caller, identity)
    return await _geolocation(request, db, caller, station)


async def _geolocation(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    station: Station,
    errors: FormErrors | None = None,
    given: dict[str, str] | None = None,
) -> Response:
    place = await _place(db, caller, station)
    held = {
        name: "" if place is None else str(getattr(place, name) or "")
        for name in ("address", "postal_code", "city", "country", "latitude", "longitude")
    }
    has_position = place is not None and place.latitude is not None and place.longitude is not None
    more = {
        "place": place,
        "given": given or held,
        "has_position": has_position,
        "may_change": place is not None and caller.may(Permission.LOCATIONS_WRITE),
    }
    return await tab_of(request, db, caller, station, "geolocation", more, errors)


async def _place(db: AsyncSession, caller: Caller, station: Station) -> Location | None:
    if station.location is None:
        return None
    found = await registry.locations(db, caller.scope, key=station.location, limit=1)
    return found[0] if found else None


@router.post("/geolocation")
async def change_place(
    request: Request,
    db: Db,
    now: Now,
    caller: PlaceWriter,
    identity: str,
    address: Text = "",
    postal_code: Text = "",
    city: Text = "",
    country: Text = "",
    latitude: Text = "",
    longitude: Text = "",
) -> Response:
    """Change the address and the position of the station's location, for all that stand there."""
    station = await own_station(request, db, now, caller, identity)
    before = await _place(db, caller, station)
    if before is None:
        raise NotFound("location", station.location)
    given = {
        "address": address,
        "postal_code": postal_code,
        "city": city,
        "country": country,
        "latitude": latitude,
        "longitude": longitude,
    }
    try:
        after = _located(before, given)
    except InvalidInput as error:
        wrong = form_errors(error, await _said(request, db, caller), otherwise="latitude")
        return await _geolocation(request, db, caller, station, wrong, given)
    await administration.set_location(db, after, create=False)
    await caller.note(
        db,
        "location.change",
        f"location/{before.key}",
        organisation=OrganisationKey(before.organisation),
        before=before,
        after=after,
        now=now,
    )
    return went(f"/stations/{segment(station.identity)}/geolocation", done="saved")


_NO_COUNTRY: Final = marked("The country is two letters, as in DE.")
_NO_LATITUDE: Final = marked("The latitude is a number from -90 to 90.")
_NO_LONGITUDE: Final = marked("The longitude is a number from -180 to 180.")
_NO_PAIR: Final = marked("Give both latitude and longitude, or none of them.")


def _located(before: Location, given: dict[str, str]) -> LocationSettings:
    """Return the location with what was typed.

    Raises:
        InvalidInput: If a coordinate or the country is none.
    """
    text = {name: value.strip() or None for name, value in given.items()}
    country = None if text["country"] is None else text["country"].upper()
    if country is not None and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise InvalidInput(_NO_COUNTRY, field="country")
    latitude = _coordinate(text["latitude"], "latitude", 90, _NO_LATITUDE)
    longitude = _coordinate(text["longitude"], "longitude", 180, _NO_LONGITUDE)
    if (latitude is None) != (longitude is None):
        raise InvalidInput(_NO_PAIR, field="latitude" if latitude is None else "longitude")
    return LocationSettings(
        key=before.key,
        organisation=before.organisation,
        name=before.name,
        time_zone=before.time_zone,
        address=text["address"],
        postal_code=text["postal_code"],
        city=text["city"],
        country=country,
        latitude=latitude,
        longitude=longitude,
    )


def _coordinate(text: str | None, field: str, most: int, otherwise: str) -> Decimal | None:
    if text is None:
        return None
    return decimals.written(text, field, least=-most, most=most, otherwise=otherwise)
