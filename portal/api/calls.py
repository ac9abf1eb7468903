"""Calls at the hotline: who called about what, what was done, and how it ended."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import ConfigDict, Field

from accounts.permissions import Permission
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey, StationId
from portal import masking, paging, support_deeds
from portal.api.models import Answer, Body, Moment, Number
from portal.guard import Caller, PermissionMissing, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now
from support import calls
from support.calls import LONGEST_TEXT, Call, CallOutcome, NoteKind

router = APIRouter(prefix="/calls", tags=["support"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.CALLS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.CALLS_WRITE))]


class CallNoteModel(Answer):
    """One line of a call's record."""

    at: Moment
    by: str
    kind: NoteKind
    text: str
    subject: str | None = Field(description="What it led to: a command's, ticket's or order's id.")


class CallModel(Answer):
    """A call; `closed_at` is null while it runs."""

    id: int
    organisation: OrganisationKey
    station: StationId | None
    evse_id: int | None
    emi3_id: str | None = Field(description="The number on the sticker, as it was found.")
    caller: str | None = Field(description="Name or number; **** without the right to see it.")
    concern: str | None
    opened_at: Moment
    opened_by: str
    closed_at: Moment | None
    outcome: CallOutcome | None
    outcome_text: str | None
    notes: list[CallNoteModel] = Field(description="Empty in lists.")


class NewCall(Body):
    """What is known when the telephone rings."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "station": "DE-HN-014",
                "evse_id": 1,
                "caller": "+49 30 1234567",
                "concern": "The cable is stuck.",
            }
        }
    )

    station: str | None = Field(default=None, max_length=48)
    evse_id: Annotated[int, Field(ge=1, le=10**6)] | None = None
    emi3_id: str | None = Field(default=None, max_length=48)
    caller: str | None = Field(default=None, max_length=LONGEST_TEXT)
    concern: str | None = Field(default=None, max_length=LONGEST_TEXT)


class CallChange(Body):
    """What turned out while the call runs; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"example": {"concern": "Display is dark."}})

    caller: str | None = Field(default=None, max_length=LONGEST_TEXT)
    concern: str | None = Field(default=None, max_length=LONGEST_TEXT)


class NoteBody(Body):
    """A line for the record."""

    model_config = ConfigDict(json_schema_extra={"example": {"text": "Tried another card."}})

    text: str = Field(min_length=1, max_length=LONGEST_TEXT)


class CallEnd(Body):
    """How the call ended."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"outcome": "solved", "text": "Unlocked, cable free."}}
    )

    outcome: CallOutcome
    text: str | None = Field(default=None, max_length=LONGEST_TEXT)


@router.get("", summary="List calls")
async def list_calls(
    db: Db,
    caller: Reader,
    station: Annotated[str | None, Query(max_length=48)] = None,
    q: Annotated[
        str | None,
        Query(
            max_length=100,
            description="A part of station, EVSE ID, concern, outcome, or of the caller for those"
            " who may see him.",
        ),
    ] = None,
    mine: Annotated[bool, Query(description="Only the caller's own that still run.")] = False,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[CallModel]:
    """The newest first, without their notes."""
    before = paging.decoded(cursor, int)
    found = await calls.calls(
        db,
        caller.scope,
        station=station,
        q=q,
        by_caller=caller.may(Permission.CRM_READ),
        open_by=caller.principal.id if mine else None,
        before=None if before is None else before[0],
        limit=limit + 1,
    )
    return paging.page(
        found, limit, shown=lambda each: _shown(caller, each), key=lambda each: (each.id,)
    )


@router.post("", status_code=201, summary="Begin the record of a call")
async def open_call(
    response: Response, db: Db, now: Now, caller: Writer, body: NewCall
) -> CallModel:
    """The owner of the station is whose call it is; without a station it is the caller's own."""
    _may_name(caller, body.caller)
    made = await calls.open_call(
        db,
        caller.scope,
        station=None if body.station is None else StationId(body.station),
        organisation=caller.principal.organisation,
        evse_id=body.evse_id,
        emi3_id=body.emi3_id,
        caller=body.caller,
        concern=body.concern,
        by=caller.actor,
        now=now,
    )
    await support_deeds.call_opened(db, caller, made, now)
    response.headers["location"] = f"/api/v1/calls/{made.id}"
    return _shown(caller, made)


@router.get("/{number}", summary="Get a call")
async def get_call(db: Db, caller: Reader, number: Number) -> CallModel:
    """With every line of its record."""
    return _shown(caller, await calls.call(db, caller.scope, number))


@router.patch("/{number}", summary="Change a call that runs")
async def change_call(
    db: Db, now: Now, caller: Writer, number: Number, body: CallChange
) -> CallModel:
    """Who calls and what about; what is on record of a closed call stays as it is."""
    before = await calls.call(db, caller.scope, number)
    facts = body.model_dump(exclude_unset=True)
    _may_name(caller, facts.get("caller"))
    made = await calls.change_call(db, before.id, facts, now=now)
    await support_deeds.call_changed(db, caller, before, made, now)
    return _shown(caller, made)


@router.post("/{number}/notes", status_code=201, summary="Write to a call that runs")
async def write_call_note(
    db: Db, now: Now, caller: Writer, number: Number, body: NoteBody
) -> CallModel:
    """A line of the record; it is never changed."""
    before = await calls.call(db, caller.scope, number)
    await calls.note(db, before.id, NoteKind.NOTE, body.text, by=caller.actor, now=now)
    return _shown(caller, await calls.call(db, caller.scope, number))


@router.post("/{number}/close", summary="End a call")
async def close_call(db: Db, now: Now, caller: Writer, number: Number, body: CallEnd) -> CallModel:
    """With its outcome; a call that is over stays over."""
    before = await calls.call(db, caller.scope, number)
    made = await calls.close_call(
        db, before.id, body.outcome, text=body.text, by=caller.actor, now=now
    )
    await support_deeds.call_closed(db, caller, made, now)
    return _shown(caller, made)


def _may_name(caller: Caller, name: str | None) -> None:
    """Refuse a name from whom names are masked: he would write the mask over it."""
    if name is None:
        return
    if not caller.may(Permission.CRM_READ):
        raise PermissionMissing(Permission.CRM_READ)
    if name.strip() == "****":
        raise InvalidInput("**** is what a hidden name reads as, not a name.", field="caller")


def _shown(caller: Caller, found: Call) -> CallModel:
    call = masking.call(caller, found)
    return CallModel(
        id=call.id,
        organisation=call.organisation,
        station=call.station,
        evse_id=call.evse_id,
        emi3_id=call.emi3_id,
        caller=call.caller,
        concern=call.concern,
        opened_at=call.opened_at,
        opened_by=call.opened_by_name,
        closed_at=call.closed_at,
        outcome=call.outcome,
        outcome_text=call.outcome_text,
        notes=[
            CallNoteModel(
                at=each.at, by=each.by_name, kind=each.kind, text=each.text, subject=each.subject
            )
            for each in call.notes
        ],
    )
