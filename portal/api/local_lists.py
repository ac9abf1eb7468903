"""Local authorisation lists: what a station holds, what it should hold, and bringing it there."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts.permissions import Permission
from csms.list_updates import LocalList, State, Update
from csms.local_lists import UNSUPPORTED
from foundation.identifiers import OrganisationKey
from portal import certificate_doors, local_list_doors, paging
from portal.api.models import Answer, Body, Moment
from portal.guard import Caller, require
from portal.local_list_doors import Line, Place
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, Now

router = APIRouter(prefix="/stations", tags=["stations"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.COMMANDS_CONFIGURE))]


class UpdateBody(Body):
    """A standing order for SendLocalList, where the station is somebody else's."""

    model_config = ConfigDict(json_schema_extra={"example": {"change_order": None}})

    change_order: Annotated[str, Field(max_length=50)] | None = None


class BegunModel(Answer):
    """The command by which an update begins: the question for the list's version."""

    command: str
    state: str


class UpdateModel(Answer):
    """An update of a station's list."""

    update_id: int
    asked_at: Moment
    asked_by: str | None
    state: State
    messages: int = Field(description="How many messages with entries were sent.")
    outcome: str | None = Field(description="Why it is not done, by the station's word or ours.")
    ended_at: Moment | None
    command: str = Field(description="The one that is waited for, or was the last.")


class LocalListModel(Answer):
    """What a station holds by our books, and what it should hold."""

    version: int | None = Field(description="Null: nobody knows. 0: it has none.")
    is_supported: bool = Field(description="False: the station says that it knows no lists.")
    is_known: bool = Field(description="Whether it is known what is on it.")
    is_up_to_date: bool
    held: int | None = Field(description="Entries on it; null: nobody knows.")
    wanted: int = Field(description="Entries that should be on it.")
    added: int | None = Field(description="What it lacks; null: nobody knows.")
    changed: int | None
    removed: int | None
    unfit: int = Field(description="Tokens that the station's version cannot write.")
    too_many: int = Field(description="Tokens beyond the length of its list.")
    most_entries: int | None = Field(description="Null: the station never said.")
    most_per_message: int | None
    changed_at: Moment | None
    updates: list[UpdateModel] = Field(description="The newest ten.")


class EntryModel(Answer):
    """A token on a station's list, or one that should be there."""

    id_token: str | None
    type: str | None = Field(description="Null in OCPP 1.6.")
    status: str
    group_id: str | None
    expires_at: Moment | None
    place: Place = Field(
        description="right; missing, differs or too_much: what an update changes; unknown: nobody"
        " knows what the station holds."
    )


@router.get("/{identity:segment}/local-list", summary="Get a station's local list")
async def get_local_list(
    db: Db, now: Now, context: Context, caller: Reader, identity: str
) -> LocalListModel:
    """Which version it has by our books, and how that differs from what it should hold."""
    station = await certificate_doors.found(db, now, context, caller, identity)
    return _shown(await local_list_doors.shown(db, now, station), caller)


@router.get("/{identity:segment}/local-list/entries", summary="List the tokens of a local list")
async def list_local_list_entries(
    db: Db,
    now: Now,
    context: Context,
    caller: Reader,
    identity: str,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[EntryModel]:
    """Those on it and those that should be, what differs first."""
    station = await certificate_doors.found(db, now, context, caller, identity)
    told = list(enumerate(local_list_doors.lines(await local_list_doors.shown(db, now, station))))
    after = paging.decoded(cursor, int)
    start = 0 if after is None else after[0] + 1
    return paging.page(
        told[start : start + limit + 1],
        limit,
        shown=lambda each: _entry(each[1], caller, station.organisation),
        key=lambda each: (each[0],),
    )


@router.post(
    "/{identity:segment}/local-list/updates",
    status_code=202,
    summary="Bring a station's local list up to date",
)
async def update_local_list(
    db: Db, now: Now, context: Context, caller: Writer, identity: str, body: UpdateBody
) -> BegunModel:
    """It is asked for its version; then it is sent what it lacks, or the whole list."""
    station = await certificate_doors.found(db, now, context, caller, identity)
    command = await local_list_doors.bring_up_to_date(
        db, now, caller, station, change_order=body.change_order
    )
    return BegunModel(command=command.id, state=command.state)


def _shown(found: LocalList, caller: Caller) -> LocalListModel:
    differs = found.differs
    return LocalListModel(
        version=None if found.held.version == UNSUPPORTED else found.held.version,
        is_supported=found.held.version != UNSUPPORTED,
        is_known=found.held.is_known,
        is_up_to_date=found.is_up_to_date,
        held=len(found.held.entries) if found.held.is_known else None,
        wanted=len(found.wanted.entries),
        added=None if differs is None else len(differs.added),
        changed=None if differs is None else len(differs.changed),
        removed=None if differs is None else len(differs.removed),
        unfit=found.wanted.unfit,
        too_many=found.wanted.too_many,
        most_entries=found.limits.entries,
        most_per_message=found.limits.items,
        changed_at=found.changed_at,
        updates=[_update(each, caller) for each in found.updates],
    )


def _update(each: Update, caller: Caller) -> UpdateModel:
    return UpdateModel(
        update_id=each.id,
        asked_at=each.asked_at,
        asked_by=caller.personal(each.asked_by_name),
        state=each.state,
        messages=each.messages,
        outcome=each.outcome,
        ended_at=each.ended_at,
        command=str(each.command),
    )


def _entry(line: Line, caller: Caller, owner: OrganisationKey) -> EntryModel:
    return EntryModel(
        id_token=caller.personal(line.entry.id_token, owner),
        type=line.entry.type,
        status=line.entry.status,
        group_id=caller.personal(line.entry.group_id, owner),
        expires_at=line.entry.expires_at,
        place=line.place,
    )
