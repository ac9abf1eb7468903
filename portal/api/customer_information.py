"""What a station told of a customer when a command asked it."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from accounts.permissions import Permission
from csms import outcomes
from portal import customer_doors
from portal.api.models import Answer, Moment
from portal.guard import Caller, require
from portal.routes import ApiRoute, Db, Now

router = APIRouter(prefix="/commands", tags=["commands"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.CRM_READ))]


class CustomerInformationModel(Answer):
    """What a station told of a customer, as far as it has come."""

    station: str
    data: str = Field(description="Its parts in their order, put together; empty: it has nothing.")
    parts: int
    is_whole: bool = Field(description="Every part up to the last has come.")
    received_at: Moment = Field(description="When the newest part came.")


@router.get("/{command_id:segment}/customer-information", summary="Read what it told of a customer")
async def get_customer_information(
    db: Db, now: Now, caller: Reader, command_id: str
) -> CustomerInformationModel:
    """Personal data that a station told for a CustomerInformation command (OCPP 2.x, N09, N10).
    Each reading is noted in the audit; the data are forgotten after
    LEITSTAND_CUSTOMER_DATA_KEPT_DAYS."""
    command = await outcomes.command(db, command_id, caller.scope)
    report = await customer_doors.read(db, caller, command, now=now)
    return CustomerInformationModel(
        station=command.station,
        data=report.data,
        parts=report.parts,
        is_whole=report.is_whole,
        received_at=report.received_at,
    )
