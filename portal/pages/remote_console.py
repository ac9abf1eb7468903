"""Remote access to a station: a tab of its data sheet, to buy it and to use it.

The console shows what the station and we say to each other. Access is asked for whenever the page
is, and by the page's own stream, which ends with it. Support's own commands do not need it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from accounts import directory
from accounts.permissions import Permission
from billing import credit_prices, credit_store, remote_access
from billing.credit_mails import recipient_of
from billing.credits import RUNTIMES, first_term
from billing.credits import remote_access as service_of
from billing.remote_access import NoRemoteAccess
from foundation.errors import Conflict, InvalidInput
from portal import credit_doors, guard, masking, tunnel_doors
from portal.context import context_of
from portal.guard import Caller, require
from portal.pages.logs import LONGEST_TEXT, frame_of_log
from portal.pages.station_sheets import found_station, tabs_of
from portal.pages.surroundings import frame_of, page, went
from portal.pages.views import Frame as LogLine
from portal.pages.wallet import said_of
from portal.rendering import FormErrors, segment
from portal.routes import Db, Now, PageRoute, StreamRoute
from portal.tunnel_doors import Opened
from support import remote_pages

router = APIRouter(route_class=PageRoute)
streams = APIRouter(route_class=StreamRoute)

LINES = 40
POLL_S = 2.0
LIFE_S = 600.0

Seer = Annotated[Caller, Depends(require(Permission.CREDITS_READ))]
Ender = Annotated[Caller, Depends(require(Permission.CREDITS_ORDER, ends_costs=True))]
"""Of what may end costs; the doors ask again for what does not."""


@router.get("/stations/{identity:segment}/remote")
async def remote(request: Request, db: Db, now: Now, caller: Seer, identity: str) -> Response:
    """Show the remote access of the reader's organisation, and the console while it is open."""
    return await show(request, db, now, caller, identity)


@router.post("/stations/{identity:segment}/remote")
async def change(
    request: Request,
    db: Db,
    now: Now,
    caller: Ender,
    identity: str,
    do: Annotated[str, Form(max_length=10)] = "",
    months: Annotated[str, Form(max_length=2)] = "",
    renews: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Buy remote access, switch it, or say whether it is renewed."""
    path = f"/stations/{segment(identity)}/remote"
    try:
        async with db.begin_nested():
            if do == "buy":
                runtime = int(months) if months in ("1", "12") else 0
                await credit_doors.buy(
                    db, caller, identity, runtime, renews=renews == "yes", now=now
                )
            elif do in ("on", "off"):
                await credit_doors.switch(
                    db, caller, identity, is_on=do == "on", renews=None, now=now
                )
            elif do in ("renew", "end"):
                await credit_doors.switch(
                    db, caller, identity, is_on=None, renews=do == "renew", now=now
                )
            else:
                raise InvalidInput("Say what to do with the remote access.", field="do")
    except (InvalidInput, Conflict) as error:
        said = (await frame_of(request, db, caller)).words
        errors = FormErrors({"months": said_of(error, said)})
        status = 422 if isinstance(error, InvalidInput) else 409
        return await show(request, db, now, caller, identity, errors=errors, status=status)
    return went(path, done="remote-bought" if do == "buy" else "remote-switched")


@streams.get("/stations/{identity:segment}/remote/live")
async def live(request: Request, caller: Seer, identity: str) -> Response:
    """Stream whenever something was said, until the access ends."""
    context = context_of(request)
    async with context.database.unit_of_work() as db:
        await credit_doors.use(db, caller, context, identity, now=context.clock.now())
    return StreamingResponse(
        credit_doors.console(
            context,
            lambda db, now: guard.identify(request, db, now),
            identity,
            poll_s=POLL_S,
            life_s=LIFE_S,
        ),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def show(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    identity: str,
    *,
    errors: FormErrors | None = None,
    sent: Mapping[str, str] | None = None,
    opened: Opened | None = None,
    status: int = 200,
) -> Response:
    """Show the tab; with what was typed and is wrong, or with the page that was just opened."""
    await credit_doors.station_seen(db, caller, identity)
    station = await found_station(request, db, caller.scope, identity, now)
    account = caller.principal.organisation
    try:
        await credit_doors.use(db, caller, context_of(request), identity, now=now)
        is_open = True
    except NoRemoteAccess:
        is_open = False
    path = f"/stations/{segment(identity)}/remote"
    frame = await frame_of(request, db, caller, live=f"{path}/live" if is_open else "")
    found = await remote_access.access_to(db, account, identity)
    zone = ZoneInfo((await directory.organisation(db, account)).time_zone)
    held = await credit_store.wallet(db, account)
    costs = await credit_prices.prices(db, now)
    told = await recipient_of(db, account, caller.principal.person_id)
    values = {
        "station": station,
        "tabs": tabs_of(station, caller, frame.words),
        "access": found,
        "is_open": is_open,
        "may_end": caller.may(Permission.CREDITS_ORDER, ends_costs=True),
        "runs": found is not None and found.runs(now),
        "state": "open" if is_open else "off" if found and found.runs(now) else "over",
        "next_cost": None if found is None else costs[service_of(found.months)],
        "terms": list(reversed(await remote_access.terms(db, account, identity))),
        "wallet": held,
        "offers": [
            {
                "months": months,
                "until": first_term(now, months, zone).valid_to,
                "cost": costs[service_of(months)],
                "left": held.available - costs[service_of(months)],
            }
            for months in RUNTIMES
        ],
        "told": "" if told is None else told.address,
        "lines": await _lines(db, caller, identity) if is_open else (),
        "pages": await remote_pages.pages(db, station.identity),
        "openings": await remote_pages.openings(db, station.identity, account=account),
        "has_tunnel": tunnel_doors.is_set_up(context_of(request).settings),
        "may_enter": tunnel_doors.may_enter(caller),
        "networks": ", ".join(context_of(request).settings.tunnel_networks),
        "opened": opened,
        "sent": sent or {},
        "person": caller.personal,
        "zone": ZoneInfo(station.time_zone),
        "errors": errors or FormErrors(),
    }
    return page(frame, "remote.html", values, status=status)


async def _lines(db: AsyncSession, caller: Caller, identity: str) -> tuple[LogLine, ...]:
    found = await credit_doors.console_lines(
        db, caller.principal.organisation, identity, limit=LINES
    )
    shown = (frame_of_log(each, longest=LONGEST_TEXT) for each in found)
    return tuple(
        LogLine(each.at, each.sent, each.action, masking.frame(caller, each.text), each.note)
        for each in shown
    )
