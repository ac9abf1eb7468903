"""Campaigns: the same command to many stations, one after the other at a rate.

The dry run says what would become of each station; the campaign itself asks by the queue's own
rules, and notes what that refuses.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import JSONResponse, Response

from accounts.permissions import Permission
from csms import campaigns, remote
from csms.campaigns import Campaign, Item, NewCampaign, Wish
from csms.queue import CommandState
from csms.remote import Addressee
from foundation.database import savepoint
from foundation.errors import ExpectedError
from foundation.identifiers import OrganisationKey, StationId
from portal import asking, campaign_doors, paging
from portal.api.commands import must_have_rights
from portal.api.models import Answer, Body, Moment, Number
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now

router = APIRouter(prefix="/campaigns", tags=["commands"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.COMMANDS_READ))]
Expert = Annotated[Caller, Depends(require(Permission.COMMANDS_EXPERT))]

_MOST = 2000
"""How many stations one call names at most."""


class NewCampaignBody(Body):
    """The same command to these stations."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "title": "Soft reset after the update",
                "stations": ["DE-HN-014", "DE-HN-015"],
                "action": "Reset",
                "payload": {"type": "Soft"},
                "per_minute": 30,
                "dry_run": True,
            }
        }
    )

    title: str = Field(min_length=1, max_length=200, description="What it is about.")
    stations: list[str] = Field(min_length=1, max_length=_MOST)
    action: str = Field(
        min_length=1, max_length=50, description="OCPP's own, of the stations' version."
    )
    payload: dict[str, Any] = Field(default={}, description="OCPP's own.")
    per_minute: int = Field(default=60, ge=1, le=campaigns.PER_MINUTE_MOST)
    when_offline: Literal["refuse", "queue"] = "refuse"
    expires_in_s: Annotated[int, Field(ge=1, le=7 * 24 * 3600)] = 24 * 3600
    ends_in_s: Annotated[int, Field(ge=1, le=7 * 24 * 3600)] | None = None
    change_order: Annotated[str, Field(max_length=100)] | None = None
    dry_run: bool = Field(default=False, description="Only say what would become of each station.")


class CampaignModel(Answer):
    """A campaign and how far it is."""

    id: int
    title: str
    organisation: OrganisationKey
    asked_at: Moment
    asked_by: str
    change_order: str | None
    per_minute: int
    stations: int
    waiting: int = Field(description="How many are still to be asked.")
    commands: dict[str, int] = Field(description="How many commands are in which state.")
    refused: dict[str, int] = Field(description="Stations that were not asked, by the reason.")
    is_asking: bool
    stopped_at: Moment | None
    stopped_by: str | None


class PreviewItem(Answer):
    """A station of a dry run; `refusal` is the code of why it would not be asked."""

    station: str
    refusal: str | None
    detail: str | None


class PreviewModel(Answer):
    """What a campaign would mean."""

    dry_run: Literal[True] = True
    items: list[PreviewItem]
    asked: int = Field(description="How many would be asked, as things are now.")


class ItemModel(Answer):
    """One station of a campaign."""

    station: StationId
    asked_at: Moment | None
    command: str | None
    state: CommandState | None
    refusal: str | None


@router.get("", summary="List campaigns")
async def list_campaigns(
    db: Db,
    caller: Reader,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[CampaignModel]:
    """The newest first."""
    after = paging.decoded(cursor, int)
    found = await campaigns.campaigns(
        db, caller.scope, after=None if after is None else after[0], limit=limit + 1
    )
    return paging.page(
        found, limit, shown=lambda each: _shown(caller, each), key=lambda each: (each.id,)
    )


@router.post(
    "",
    status_code=201,
    response_model=CampaignModel,
    summary="Ask many stations for the same",
    responses={200: {"model": PreviewModel, "description": "A dry run: nothing was asked."}},
)
async def start_campaign(
    db: Db, now: Now, caller: Expert, response: Response, body: NewCampaignBody
) -> Any:
    """The first station is asked at once, the others at the rate."""
    caller.must_have(Permission.COMMANDS_SEND)
    must_have_rights(caller, body.action, body.payload, raw=False)
    names = list(dict.fromkeys(body.stations))
    if body.dry_run:
        wishes = [Wish(StationId(each), body.action, body.payload) for each in names]
        campaign = _campaign(caller, body, wishes)
        items = [await _preview(db, caller, each, campaign, now) for each in names]
        preview = PreviewModel(items=items, asked=sum(each.refusal is None for each in items))
        return JSONResponse(preview.model_dump(mode="json"), 200)
    stations = [await _addressee(db, caller, each) for each in names]
    wishes = [Wish(each.identity, body.action, body.payload) for each in stations]
    campaign = _campaign(caller, body, wishes)
    number = await campaign_doors.start(db, caller, campaign, command=body.action, now=now)
    response.headers["location"] = f"/api/v1/campaigns/{number}"
    return _shown(caller, await campaigns.campaign(db, caller.scope, number))


@router.get("/{number}", summary="Get a campaign")
async def get_campaign(db: Db, caller: Reader, number: Number) -> CampaignModel:
    """How far it is, and what became of its commands."""
    return _shown(caller, await campaigns.campaign(db, caller.scope, number))


@router.get("/{number}/stations", summary="List the stations of a campaign")
async def list_campaign_stations(
    db: Db,
    caller: Reader,
    number: Number,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[ItemModel]:
    """In the order in which they are asked, each with its command or why it was not asked."""
    after = paging.decoded(cursor, int)
    found = await campaigns.items(
        db, caller.scope, number, after=None if after is None else after[0], limit=limit + 1
    )
    return paging.page(found, limit, shown=_item, key=lambda each: (each.position,))


@router.post("/{number}/stop", summary="Stop a campaign")
async def stop_campaign(db: Db, now: Now, caller: Expert, number: Number) -> CampaignModel:
    """No further station is asked; what was asked by then goes its way."""
    await campaign_doors.stop(db, caller, number, now=now)
    return _shown(caller, await campaigns.campaign(db, caller.scope, number))


async def _addressee(db: AsyncSession, caller: Caller, identity: str) -> Addressee:
    station = await remote.addressee(db, caller.scope, identity)
    if not caller.scope.may_command(station.organisation, station.identity):
        raise asking.SharedForReading(station.identity)
    return station


async def _preview(
    db: AsyncSession, caller: Caller, identity: str, campaign: NewCampaign, now: datetime
) -> PreviewItem:
    """Say what the queue would say, by asking it and taking that back."""
    undo = await savepoint(db)
    try:
        station = await _addressee(db, caller, identity)
        wish = Wish(station.identity, campaign.wishes[0].action, campaign.wishes[0].payload)
        await remote.ask(db, campaigns.request(campaign, wish), now=now)
    except ExpectedError as refused:
        return PreviewItem(station=identity, refusal=refused.code, detail=str(refused))
    finally:
        await undo.rollback()
    return PreviewItem(station=identity, refusal=None, detail=None)


def _campaign(caller: Caller, body: NewCampaignBody, wishes: list[Wish]) -> NewCampaign:
    return campaign_doors.asked(
        caller,
        body.title,
        wishes,
        per_minute=body.per_minute,
        when_offline=body.when_offline,
        expires_in_s=body.expires_in_s,
        ends_in_s=body.ends_in_s,
        change_order=body.change_order,
    )


def _shown(caller: Caller, campaign: Campaign) -> CampaignModel:
    return CampaignModel(
        id=campaign.id,
        title=campaign.title,
        organisation=campaign.organisation,
        asked_at=campaign.asked_at,
        asked_by=caller.personal(campaign.asked_by_name) or "",
        change_order=campaign.change_order,
        per_minute=campaign.per_minute,
        stations=campaign.stations,
        waiting=campaign.waiting,
        commands=dict(campaign.counts),
        refused=dict(campaign.refused),
        is_asking=campaign.is_asking,
        stopped_at=campaign.stopped_at,
        stopped_by=caller.personal(campaign.stopped_by_name),
    )


def _item(item: Item) -> ItemModel:
    return ItemModel(
        station=item.station,
        asked_at=item.asked_at,
        command=item.command_id,
        state=None if item.state is None else CommandState(item.state),
        refusal=item.refusal,
    )
