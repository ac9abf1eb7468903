"""What a station holds and told beside its sessions, in the standard's own words."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from accounts.permissions import Permission
from csms import equipment, records
from csms.records import Held, Told
from foundation.identifiers import StationId
from portal import paging
from portal.api.models import Answer, Moment
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db

router = APIRouter(prefix="/stations", tags=["stations"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]


class RecordModel(Answer):
    """Something that a station holds until it says otherwise."""

    kind: Held
    key: str = Field(description="What the station knows it by.")
    state: str | None = Field(description="What it does with it, by its last word.")
    content: dict[str, Any]
    told_at: Moment


class TellingModel(Answer):
    """Something that a station told once."""

    kind: Told
    ref: str = Field(description="What it is about: the stream, the control, the request.")
    content: dict[str, Any]
    told_at: Moment


@router.get("/{identity:segment}/records", summary="List what a station holds")
async def list_records(
    db: Db,
    caller: Reader,
    identity: str,
    kind: Annotated[Held, Query(description="What of.")],
) -> Page[RecordModel]:
    """By its last word: monitors, DER controls, event streams, needs of vehicles and so on."""
    await _must_see(db, caller, identity)
    return Page(
        items=[
            RecordModel(
                kind=kind,
                key=each.key,
                state=each.state,
                content=dict(each.content),
                told_at=each.told_at,
            )
            for each in await records.held(db, StationId(identity), kind)
        ]
    )


@router.get("/{identity:segment}/tellings", summary="List what a station told")
async def list_tellings(
    db: Db,
    caller: Reader,
    identity: str,
    kind: Annotated[Told, Query(description="What of.")],
    limit: paging.Limit = paging.DEFAULT_LIMIT,
) -> Page[TellingModel]:
    """The newest first: values of streams, alarms, exchanged batteries, charging first."""
    await _must_see(db, caller, identity)
    return Page(
        items=[
            TellingModel(kind=kind, ref=each.ref, content=dict(each.content), told_at=each.told_at)
            for each in await records.tellings(db, StationId(identity), kind, most=limit)
        ]
    )


async def _must_see(db: Db, caller: Caller, identity: str) -> None:
    owner = await equipment.owner_seen(db, caller.scope, identity)
    caller.must_see(owner, "station", identity)
