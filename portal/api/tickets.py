"""Tickets: what somebody has to put right, from hand to hand until it is closed."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import ConfigDict, Field

from accounts import directory
from accounts.permissions import Permission
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey, StationId
from portal import masking, paging, support_deeds
from portal.api.models import Answer, Body, Moment, Number
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now
from support import tickets
from support.tickets import LONGEST_TEXT, Ticket, TicketNoteKind, TicketState

router = APIRouter(prefix="/tickets", tags=["support"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.TICKETS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.TICKETS_WRITE))]


class TicketNoteModel(Answer):
    """One line of a ticket's history; of an assignment the text is the name."""

    at: Moment
    by: str
    kind: TicketNoteKind
    text: str


class TicketModel(Answer):
    """Something that somebody has to put right."""

    id: int
    organisation: OrganisationKey
    station: StationId | None
    evse_id: int | None
    call: int | None = Field(description="The call that it came from.")
    title: str
    text: str
    state: TicketState
    opened_at: Moment
    opened_by: str
    assigned_to: int | None = Field(description="The person who has it.")
    closed_at: Moment | None
    outcome: str | None
    notes: list[TicketNoteModel] = Field(description="Empty in lists.")


class NewTicket(Body):
    """What is wrong; without a station it is about the organisation as a whole."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "title": "Display is dark",
                "text": "Since the storm of last night.",
                "station": "DE-HN-014",
                "evse_id": 1,
            }
        }
    )

    title: str = Field(min_length=1, max_length=200)
    text: str = Field(default="", max_length=LONGEST_TEXT)
    station: str | None = Field(default=None, max_length=48)
    evse_id: Annotated[int, Field(ge=1, le=10**6)] | None = None
    organisation: str | None = Field(
        default=None, description="Where it is about no station; the caller's own by default."
    )


class NoteBody(Body):
    """A line for the history."""

    model_config = ConfigDict(json_schema_extra={"example": {"text": "Spare part is ordered."}})

    text: str = Field(min_length=1, max_length=LONGEST_TEXT)


class Assignment(Body):
    """Who has to do it."""

    model_config = ConfigDict(json_schema_extra={"example": {"person": 7}})

    person: Annotated[int, Field(ge=1, le=2**62)] | None = Field(description="Null: nobody.")


class Outcome(Body):
    """What came of it."""

    model_config = ConfigDict(json_schema_extra={"example": {"outcome": "Fuse replaced."}})

    outcome: str = Field(min_length=1, max_length=LONGEST_TEXT)


class Reason(Body):
    """Why it is open again."""

    model_config = ConfigDict(json_schema_extra={"example": {"reason": "Dark again."}})

    reason: str = Field(min_length=1, max_length=LONGEST_TEXT)


@router.get("", summary="List tickets")
async def list_tickets(
    db: Db,
    caller: Reader,
    state: TicketState | None = None,
    station: Annotated[str | None, Query(max_length=48)] = None,
    assigned_to: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    q: Annotated[str | None, Query(max_length=100)] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[TicketModel]:
    """The newest first, without their history."""
    before = paging.decoded(cursor, int)
    found = await tickets.tickets(
        db,
        caller.scope,
        state=state,
        station=station,
        assigned_to=assigned_to,
        q=q,
        before=None if before is None else before[0],
        limit=limit + 1,
    )
    return paging.page(
        found, limit, shown=lambda each: _shown(caller, each), key=lambda each: (each.id,)
    )


@router.post("", status_code=201, summary="Open a ticket")
async def open_ticket(
    response: Response, db: Db, now: Now, caller: Writer, body: NewTicket
) -> TicketModel:
    """The owner of the station is whose ticket it is."""
    made = await tickets.open_ticket(
        db,
        caller.scope,
        title=body.title,
        text=body.text,
        station=None if body.station is None else StationId(body.station),
        organisation=(
            caller.principal.organisation
            if body.organisation is None
            else OrganisationKey(body.organisation)
        ),
        evse_id=body.evse_id,
        by=caller.actor,
        now=now,
    )
    await support_deeds.ticket_changed(db, caller, "ticket.open", made, now)
    response.headers["location"] = f"/api/v1/tickets/{made.id}"
    return _shown(caller, made)


@router.get("/{number}", summary="Get a ticket")
async def get_ticket(db: Db, caller: Reader, number: Number) -> TicketModel:
    """With its whole history."""
    return _shown(caller, await tickets.ticket(db, caller.scope, number))


@router.post("/{number}/notes", status_code=201, summary="Write to a ticket")
async def write_ticket_note(
    db: Db, now: Now, caller: Writer, number: Number, body: NoteBody
) -> TicketModel:
    """Also to a closed one, which stays closed."""
    before = await tickets.ticket(db, caller.scope, number)
    return _shown(caller, await tickets.note(db, before.id, body.text, by=caller.actor, now=now))


@router.put("/{number}/assignee", summary="Give a ticket to somebody")
async def assign_ticket(
    db: Db, now: Now, caller: Writer, number: Number, body: Assignment
) -> TicketModel:
    """Somebody whom the caller sees, or nobody."""
    before = await tickets.ticket(db, caller.scope, number)
    if body.person is not None:
        known = {each.id for each in await directory.people(db, caller.scope)}
        if body.person not in known:
            raise InvalidInput("There is no such person.", field="person")
    made = await tickets.assign(db, before.id, body.person, by=caller.actor, now=now)
    await support_deeds.ticket_changed(db, caller, "ticket.assign", made, now, before)
    return _shown(caller, made)


@router.post("/{number}/close", summary="Close a ticket")
async def close_ticket(
    db: Db, now: Now, caller: Writer, number: Number, body: Outcome
) -> TicketModel:
    """Saying what came of it."""
    before = await tickets.ticket(db, caller.scope, number)
    made = await tickets.close(db, before.id, body.outcome, by=caller.actor, now=now)
    await support_deeds.ticket_changed(db, caller, "ticket.close", made, now, before)
    return _shown(caller, made)


@router.post("/{number}/reopen", summary="Open a closed ticket again")
async def reopen_ticket(
    db: Db, now: Now, caller: Writer, number: Number, body: Reason
) -> TicketModel:
    """Saying why; the outcome stays in its history."""
    before = await tickets.ticket(db, caller.scope, number)
    made = await tickets.reopen(db, before.id, body.reason, by=caller.actor, now=now)
    await support_deeds.ticket_changed(db, caller, "ticket.reopen", made, now, before)
    return _shown(caller, made)


def _shown(caller: Caller, found: Ticket) -> TicketModel:
    ticket = masking.ticket(caller, found)
    return TicketModel(
        id=ticket.id,
        organisation=ticket.organisation,
        station=ticket.station,
        evse_id=ticket.evse_id,
        call=ticket.call_id,
        title=ticket.title,
        text=ticket.text,
        state=ticket.state,
        opened_at=ticket.opened_at,
        opened_by=ticket.opened_by_name,
        assigned_to=ticket.assigned_to,
        closed_at=ticket.closed_at,
        outcome=ticket.outcome,
        notes=[
            TicketNoteModel(at=each.at, by=each.by_name, kind=each.kind, text=each.text)
            for each in ticket.notes
        ],
    )
