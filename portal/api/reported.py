"""What a station holds and told beside its sessions, in the standard's own words."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from accounts.permissions import Permission
from csms import equipment, records
from csms.records import Held, Record, Telling, Told
from foundation.identifiers import StationId
from portal import paging
from portal.api.models import Answer, Moment
from portal.guard import Caller, require
from portal.paging import Page, WrongCursor
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
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[RecordModel]:
    """By its last word: monitors, DER controls, event streams, needs of vehicles and so on."""
    await _must_see(db, caller, identity)
    behind = paging.decoded(cursor, str)
    found = await records.held(
        db, StationId(identity), kind, after=behind[0] if behind else None, most=limit + 1
    )
    return paging.page(found, limit, shown=_record, key=lambda each: (each.key,))


def _record(found: Record) -> RecordModel:
    return RecordModel(
        kind=found.kind,
        key=found.key,
        state=found.state,
        content=dict(found.content),
        told_at=found.told_at,
    )


@router.get("/{identity:segment}/tellings", summary="List what a station told")
async def list_tellings(
    db: Db,
    caller: Reader,
    identity: str,
    kind: Annotated[Told, Query(description="What of.")],
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[TellingModel]:
    """The newest first: values of streams, alarms, exchanged batteries, charging first."""
    await _must_see(db, caller, identity)
    behind = paging.decoded(cursor, str, int)
    found = await records.tellings(
        db,
        StationId(identity),
        kind,
        behind=None if behind is None else (_moment(behind[0]), behind[1]),
        most=limit + 1,
    )
    return paging.page(
        found, limit, shown=_telling, key=lambda each: (each.told_at.isoformat(), each.id)
    )


def _telling(found: Telling) -> TellingModel:
    return TellingModel(
        kind=found.kind, ref=found.ref, content=dict(found.content), told_at=found.told_at
    )


def _moment(written: str) -> datetime:
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        raise WrongCursor from None
    if at.tzinfo is None:
        raise WrongCursor
    return at


async def _must_see(db: Db, caller: Caller, identity: str) -> None:
    owner = await equipment.owner_seen(db, caller.scope, identity)
    caller.must_see(owner, "station", identity)
