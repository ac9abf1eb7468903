"""Standing orders: actions that a customer's service contract orders once for all."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field

from accounts import directory
from accounts.permissions import Permission
from foundation.identifiers import OrganisationKey
from portal import standing_order_doors
from portal.api.models import Answer, Body, Moment, Since, moment_of
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now
from support import standing_orders
from support.standing_orders import StandingOrder

router = APIRouter(prefix="/standing-orders", tags=["change orders"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.CHANGE_ORDERS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.ORGANISATIONS_WRITE))]
"""Administrators: a contract is put on file like the organisation that concluded it."""


class StandingOrderModel(Answer):
    """A standing order; `number` is what a command names in `change_order`."""

    number: str
    organisation: OrganisationKey
    action: str
    reference: str
    valid_from: Moment
    valid_to: Moment | None
    created_at: Moment
    revoked_at: Moment | None


class NewStandingOrder(Body):
    """What a contract orders: an action at all stations of the organisation, any payload."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "organisation": "stadtwerke-nord",
                "action": "SendLocalList",
                "reference": "Service contract 17 of 2026-01-07, § 4",
                "valid_from": "2026-02-01",
                "valid_to": "2028-02-01",
            }
        }
    )

    organisation: str
    action: str = Field(max_length=100, description="OCPP's own, of any version.")
    reference: str = Field(max_length=500, description="Where the contract says so.")
    valid_from: Since | None = Field(default=None, description="Now, if it is left out.")
    valid_to: Since | None = None


@router.get("", summary="List standing orders")
async def list_standing_orders(
    db: Db,
    now: Now,
    caller: Reader,
    valid: Annotated[bool, Query(description="Only those that hold now.")] = False,
) -> Page[StandingOrderModel]:
    """All of the organisations in scope, by number; there are few, so there is one page."""
    found = await standing_orders.standing_orders(db, caller.scope, valid_at=now if valid else None)
    return Page(items=[_shown(each) for each in found])


@router.post("", status_code=201, summary="Put a standing order on file")
async def create_standing_order(
    db: Db, now: Now, caller: Writer, body: NewStandingOrder
) -> StandingOrderModel:
    """What needs no order cannot be ordered; the reference says where the contract is."""
    zone = (await directory.organisation(db, caller.principal.organisation)).time_zone
    made = await standing_order_doors.create(
        db,
        caller,
        OrganisationKey(body.organisation),
        body.action,
        reference=body.reference,
        valid_from=now if body.valid_from is None else moment_of(body.valid_from, zone),
        valid_to=None if body.valid_to is None else moment_of(body.valid_to, zone),
        now=now,
    )
    return _shown(made)


@router.delete("/{number:segment}", summary="Revoke a standing order")
async def revoke_standing_order(
    db: Db, now: Now, caller: Writer, number: str
) -> StandingOrderModel:
    """It covers nothing from now on; what was done under it stays done."""
    return _shown(await standing_order_doors.revoke(db, caller, number, now=now))


def _shown(order: StandingOrder) -> StandingOrderModel:
    return StandingOrderModel(
        number=order.number,
        organisation=order.organisation,
        action=order.action,
        reference=order.reference,
        valid_from=order.valid_from,
        valid_to=order.valid_to,
        created_at=order.created_at,
        revoked_at=order.revoked_at,
    )
