"""Standing orders: what a customer's service contract orders once for all, listed and ended."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.permissions import Permission
from csms.queue import needs_order
from foundation.database import savepoint
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey
from portal import standing_order_doors
from portal.guard import Caller, require
from portal.pages.refusals import form_errors
from portal.pages.support_parts import support_tabs
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors
from portal.routes import Db, Now, PageRoute
from portal.words import marked
from support import standing_orders

router = APIRouter(prefix="/support/standing-orders", route_class=PageRoute)

Reader = Annotated[Caller, Depends(require(Permission.CHANGE_ORDERS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.ORGANISATIONS_WRITE))]

_FIELDS = ("organisation", "action", "reference", "valid_from", "valid_to")
_SENTENCES = (
    marked("Name where the contract says so."),
    marked("It ends after it begins: give a later end."),
)
"""What is refused here, to be translated."""


@router.get("")
async def orders(request: Request, db: Db, now: Now, caller: Reader) -> Response:
    """List the standing orders in scope, with the form for another one."""
    return await _show(request, db, now, caller, dict.fromkeys(_FIELDS, ""))


@router.post("")
async def create(request: Request, db: Db, now: Now, caller: Writer) -> Response:
    """Put a standing order on file; what is refused is told beside its field."""
    sent = await request.form(max_fields=20)
    given = {name: str(sent.get(name, ""))[:500] for name in _FIELDS}
    try:
        home = await directory.organisation(db, caller.principal.organisation)
        zone = ZoneInfo(home.time_zone)
        async with await savepoint(db):
            await standing_order_doors.create(
                db,
                caller,
                OrganisationKey(given["organisation"]),
                given["action"],
                reference=given["reference"],
                valid_from=_day(given["valid_from"], "valid_from", zone) or now,
                valid_to=_day(given["valid_to"], "valid_to", zone),
                now=now,
            )
    except InvalidInput as error:
        said = (await frame_of(request, db, caller)).words
        errors = form_errors(error, said, otherwise="reference")
        return await _show(request, db, now, caller, given, errors)
    return went("/support/standing-orders", done="saved")


@router.post("/{number:segment}/end")
async def end(db: Db, now: Now, caller: Writer, number: str) -> Response:
    """End one now; what was done under it stays done."""
    await standing_order_doors.revoke(db, caller, number, now=now)
    return went("/support/standing-orders", done="standing-ended")


def _day(text: str, field: str, zone: ZoneInfo) -> datetime | None:
    if not text:
        return None
    try:
        day = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput("Give a day.", field=field) from None
    if not 1971 <= day.year <= 9000:
        raise InvalidInput("Give a day.", field=field)
    return day.replace(tzinfo=zone)


async def _show(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    given: dict[str, str],
    errors: FormErrors | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    organisations = await directory.organisations(db, caller.scope)
    names = {each.key: each.name for each in organisations}
    found = await standing_orders.standing_orders(db, caller.scope)
    home = await directory.organisation(db, caller.principal.organisation)
    values = {
        "tabs": support_tabs(caller, frame.words),
        "given": given,
        "errors": errors or FormErrors({}),
        "zone": ZoneInfo(home.time_zone),
        "now": now,
        "found": found,
        "names": names,
        "choices": sorted(names.items(), key=lambda each: each[1]),
        "actions": [
            (each, each)
            for each in sorted(standing_order_doors.ACTIONS)
            if each == "ChangeAvailability" or needs_order(each, {}, acts_for_own=False)
        ],
        "may_write": caller.may(Permission.ORGANISATIONS_WRITE)
        and caller.may(Permission.CHANGE_ORDERS_WRITE),
    }
    return page(frame, "standing_orders.html", values, status=422 if errors else 200)
