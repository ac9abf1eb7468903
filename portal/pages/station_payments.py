"""The tab "Payments" of a station's data sheet: the tariff it holds, payments, open claims."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from billing import direct_payments
from csms import held_tariffs, payments
from foundation.errors import NotFound
from portal import payment_doors
from portal.guard import Caller, require
from portal.pages.station_views import own_station, tab_of
from portal.pages.surroundings import went
from portal.rendering import segment
from portal.routes import Db, Now, PageRoute

router = APIRouter(route_class=PageRoute, prefix="/stations/{identity:segment}")

Reader = Annotated[Caller, Depends(require(Permission.TRANSACTIONS_READ))]
Decider = Annotated[Caller, Depends(require(Permission.TRANSACTIONS_DECIDE))]


@router.get("/payments")
async def station_payments(
    request: Request, db: Db, now: Now, caller: Reader, identity: str
) -> Response:
    """Show which tariffs the station holds, what was paid there, and what is still owed."""
    station = await own_station(request, db, now, caller, identity)
    more = {
        "tariffs": await held_tariffs.held(db, station.identity),
        "readings": await held_tariffs.readings(db, station.identity),
        "claims": await payments.settlements(db, station=station.identity, only_claims=True),
        "settlements": await payments.settlements(db, station=station.identity),
        "direct": await direct_payments.at_station(db, station.identity),
    }
    return await tab_of(request, db, caller, station, "payments", more)


@router.post("/payments/{number}/close")
async def close_claim(
    request: Request,
    db: Db,
    now: Now,
    caller: Decider,
    identity: str,
    number: int,
    note: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Close a claim, with a word about why.

    Raises:
        NotFound: It is none of this station's.
        InvalidInput: Nothing is said about why.
    """
    station = await own_station(request, db, now, caller, identity)
    settlement = await payments.settlement(db, number)
    if settlement.station != station.identity:
        raise NotFound("settlement", str(number))
    await payment_doors.close_claim(
        db, caller, settlement, station.organisation, note=note, now=now
    )
    return went(f"/stations/{segment(station.identity)}/payments")
