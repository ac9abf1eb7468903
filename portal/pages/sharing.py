"""With whom a station is shared: a tab of its data sheet, for the owner's side."""

from datetime import date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory, shares
from accounts.permissions import Permission
from csms.registry import Station
from foundation.database import savepoint
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey
from portal import people
from portal.guard import Caller, require
from portal.pages.refusals import form_errors
from portal.pages.station_sheets import found_station, tabs_of
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, segment
from portal.routes import Db, Now, PageRoute

router = APIRouter(route_class=PageRoute)

Sharer = Annotated[Caller, Depends(require(Permission.STATIONS_SHARE))]
Text = Annotated[str, Form(max_length=100)]


@router.get("/stations/{identity:segment}/sharing")
async def sharing(request: Request, db: Db, now: Now, caller: Sharer, identity: str) -> Response:
    """Show with whom a station is shared."""
    return await _show(request, db, now, caller, await _own(request, db, now, caller, identity))


@router.post("/stations/{identity:segment}/sharing")
async def share(
    request: Request,
    db: Db,
    now: Now,
    caller: Sharer,
    identity: str,
    organisation: Text = "",
    level: Text = "",
    first: Annotated[str, Form(alias="from", max_length=10)] = "",
    last: Annotated[str, Form(alias="to", max_length=10)] = "",
) -> Response:
    """Share a station from the beginning of a day to the end of another, in its zone."""
    station = await _own(request, db, now, caller, identity)
    zone = ZoneInfo(station.time_zone)
    try:
        async with await savepoint(db):
            await people.share_station(
                db,
                caller,
                station.identity,
                station.organisation,
                organisation=organisation.strip(),
                level=level,
                valid_from=_midnight(first, zone, "from"),
                valid_to=_midnight(last, zone, "to", days=1),
                now=now,
            )
    except InvalidInput as error:
        said = (await frame_of(request, db, caller)).words
        errors = form_errors(error, said, otherwise="organisation")
        given = {"organisation": organisation, "level": level, "from": first, "to": last}
        return await _show(request, db, now, caller, station, errors, given, 422)
    return went(f"/stations/{segment(station.identity)}/sharing", done="shared")


@router.post("/stations/{identity:segment}/sharing/end")
async def end(
    request: Request,
    db: Db,
    now: Now,
    caller: Sharer,
    identity: str,
    organisation: Text = "",
) -> Response:
    """End a share at once."""
    station = await _own(request, db, now, caller, identity)
    await people.end_share(
        db, caller, station.identity, station.organisation, organisation, now=now
    )
    return went(f"/stations/{segment(station.identity)}/sharing", done="unshared")


async def _own(
    request: Request, db: AsyncSession, now: datetime, caller: Caller, identity: str
) -> Station:
    station = await found_station(request, db, caller.scope, identity, now)
    caller.must_see(station.organisation, "station", identity)
    return station


def _midnight(text: str, zone: ZoneInfo, field: str, *, days: int = 0) -> datetime | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text) + timedelta(days=days)
    except (ValueError, OverflowError):
        raise InvalidInput(f"{field} is no day.", field=field) from None
    return datetime.combine(day, time(), zone)


async def _show(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    station: Station,
    errors: FormErrors | None = None,
    given: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    frame = await frame_of(request, db, caller)
    found = await shares.shares_of(db, station.identity, OrganisationKey(station.organisation))
    names = {each.key: each.name for each in await directory.organisations(db, caller.scope)}
    values = {
        "station": station,
        "tabs": tabs_of(station, caller, frame.words),
        "shares": [
            {
                "organisation": names.get(each.organisation, each.organisation),
                "key": each.organisation,
                "level": each.level,
                "valid_from": each.valid_from,
                "valid_to": each.valid_to,
                "state": "valid"
                if each.is_valid(now)
                else ("coming" if each.valid_from > now else "over"),
            }
            for each in found
        ],
        "given": {"organisation": "", "level": "read", "from": "", "to": "", **(given or {})},
        "errors": errors or FormErrors(),
    }
    return page(frame, "sharing.html", values, status=status)
