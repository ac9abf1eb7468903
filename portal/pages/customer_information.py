"""What a station told of a customer when a command asked it: shown to few, and never without a
trace."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from csms import outcomes
from portal import customer_doors
from portal.guard import Caller, require
from portal.pages.surroundings import frame_of, page
from portal.routes import Db, Now, PageRoute

router = APIRouter(route_class=PageRoute)

Reader = Annotated[Caller, Depends(require(Permission.CRM_READ))]


@router.get("/commands/{command_id:segment}/customer")
async def customer(request: Request, db: Db, now: Now, caller: Reader, command_id: str) -> Response:
    """Show it, and note who read it."""
    command = await outcomes.command(db, command_id, caller.scope)
    report = await customer_doors.read(db, caller, command, now=now)
    frame = await frame_of(request, db, caller)
    return page(frame, "customer.html", {"command": command, "report": report})
