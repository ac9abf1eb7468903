"""The service clock of a ticket: what was promised, how it stands, and when it stands still."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts.permissions import Permission
from foundation.errors import InvalidInput
from portal.api.models import Answer, Body, Moment, Number
from portal.guard import Caller, require
from portal.routes import ApiRoute, Db, Now
from support import ticket_clock, tickets
from support.service_times import Standing
from support.ticket_clock import LONGEST_WAIT_TEXT, Target

router = APIRouter(prefix="/tickets/{number}/clock", tags=["support"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.TICKETS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.TICKETS_WRITE))]


class PromiseModel(Answer):
    """A promised time; what the customer took is added to it already."""

    target: Target
    due_at: Moment
    met_at: Moment | None
    standing: Standing


class ClockModel(Answer):
    """What was promised for a ticket."""

    promises: list[PromiseModel] = Field(
        description="Of a visit only once one is planned; empty where nothing was promised."
    )
    package: str | None = Field(description="Null: the shipped times, or none.")
    waits_for: str | None = Field(
        description="What the customer has to do: until then the clock stands."
    )
    waits_since: Moment | None


class ClockBody(Body):
    """Stop the clock, let it run again, or note that somebody reacted; the first time counts."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"deed": "stop", "waits_for": "Let us into the garage."}}
    )

    deed: Literal["stop", "resume", "remote", "answer"]
    waits_for: Annotated[str, Field(max_length=LONGEST_WAIT_TEXT)] = Field(
        default="", description="What the customer has to do, where the clock is stopped."
    )


@router.get("", summary="Get the service clock of a ticket")
async def get_ticket_clock(db: Db, now: Now, caller: Reader, number: Number) -> ClockModel:
    """By the service package of the station at the moment of the report."""
    found = await tickets.ticket(db, caller.scope, number)
    return await _shown(db, found.id, now)


@router.post("", summary="Move the service clock of a ticket")
async def move_ticket_clock(
    db: Db, now: Now, caller: Writer, number: Number, body: ClockBody
) -> ClockModel:
    """A technician's arrival is noted at the visit."""
    found = await tickets.ticket(db, caller.scope, number)
    if body.waits_for and body.deed != "stop":
        raise InvalidInput("Only a clock that is stopped waits for something.", field="waits_for")
    if body.deed == "stop":
        await ticket_clock.stop(db, found.id, body.waits_for, by=caller.actor, now=now)
    elif body.deed == "resume":
        await ticket_clock.resume(db, found.id, by=caller.actor, now=now)
    else:
        await ticket_clock.met(db, found.id, Target(body.deed), now)
    await caller.note(
        db,
        "ticket.clock",
        f"ticket/{found.id}",
        organisation=found.organisation,
        after={"deed": body.deed, "waits_for": body.waits_for.strip() or None},
        now=now,
    )
    return await _shown(db, found.id, now)


async def _shown(db: Db, number: int, now: Now) -> ClockModel:
    clock = await ticket_clock.read(db, number, now)
    return ClockModel(
        promises=[
            PromiseModel(
                target=each.target,
                due_at=each.due_at,
                met_at=each.met_at,
                standing=each.standing,
            )
            for each in clock.promises
        ],
        package=clock.package,
        waits_for=clock.waits_for,
        waits_since=clock.waits_since,
    )
