"""Display messages: what a station shows drivers beside its own words, by its last word."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from accounts.permissions import Permission
from csms import equipment, records
from csms.records import Held, Record
from foundation.identifiers import StationId
from portal.api.models import Answer, Moment
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db

router = APIRouter(prefix="/stations", tags=["stations"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]


class DisplayTextModel(Answer):
    """A text in one language."""

    language: str | None
    format: str = Field(description="OCPP's word: UTF8, ASCII, HTML, URI or QRCODE.")
    content: str


class DisplayMessageModel(Answer):
    """A message that a station holds."""

    message_id: int
    priority: str = Field(description="NormalCycle, InFront or AlwaysFront.")
    state: str | None = Field(description="During which it is shown; null: always.")
    shown_from: str | None = Field(description="As the station or we said it.")
    shown_until: str | None
    transaction_ref: str | None = Field(description="The station's own id of the session.")
    texts: list[DisplayTextModel]
    told_at: Moment = Field(description="When the station last said so.")


@router.get("/{identity:segment}/display-messages", summary="List messages of a display")
async def list_display_messages(db: Db, caller: Reader, identity: str) -> Page[DisplayMessageModel]:
    """What the station holds. Ask it by the command GetDisplayMessages, which it answers with
    reports; SetDisplayMessage and ClearDisplayMessage change it (OCPP 2.0.1, block O)."""
    owner = await equipment.owner_seen(db, caller.scope, identity)
    caller.must_see(owner, "station", identity)
    found = await records.held(db, StationId(identity), Held.DISPLAY_MESSAGE)
    return Page(items=[_shown(each) for each in found])


def _shown(record: Record) -> DisplayMessageModel:
    said = record.content
    return DisplayMessageModel(
        message_id=int(record.key),
        priority=said["priority"],
        state=record.state,
        shown_from=said.get("startDateTime"),
        shown_until=said.get("endDateTime"),
        transaction_ref=said.get("transactionId"),
        texts=[
            DisplayTextModel(
                language=each.get("language"), format=each["format"], content=each["content"]
            )
            for each in [said["message"], *said.get("messageExtra", ())]
        ],
        told_at=record.told_at,
    )
