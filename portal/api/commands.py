"""Remote commands: ask a station for something, follow what becomes of it, cancel what waits.

Any action that a central system may send can be asked for, in the words of the station's version.
Whether the thing asked for happened is what the final state says.
"""

import json
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from accounts.permissions import Permission
from csms import outcomes, remote
from csms.queue import AVAILABILITY, Command, CommandState, Failure, needs_order
from foundation.identifiers import StationId
from portal import asking, masking, paging
from portal.api.models import Answer, Body, Moment, Since, moment_of
from portal.context import context_of
from portal.guard import Caller, caller_or_none, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Handler, Now

LONGEST_WAIT_S = 60.0


class CommandRoute(ApiRoute):
    """A call that may wait for the station's answer: after its commit, and without the database."""

    shares_trips = frozenset({"POST"})

    def get_route_handler(self) -> Handler:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            response = await inner(request)
            seconds = _wait_s(request)
            if response.status_code != 202 or seconds <= 0:
                return response
            command_id = json.loads(bytes(response.body))["id"]
            database = context_of(request).database
            found = await outcomes.wait_for(database, command_id, timeout_s=seconds)
            kept = {
                name: value
                for name, value in response.headers.items()
                if name not in ("content-length", "content-type")
            }
            caller = caller_or_none(request)
            assert caller is not None, "who was answered 202 was let in"
            return JSONResponse(shown_to(caller, found).model_dump(mode="json"), 202, headers=kept)

        return handle


def _wait_s(request: Request) -> float:
    """Return how long the call may wait; a value that is none was refused by then."""
    try:
        return min(float(request.query_params.get("wait", 0)), LONGEST_WAIT_S)
    except ValueError:
        return 0


router = APIRouter(tags=["commands"], route_class=CommandRoute)

Reader = Annotated[Caller, Depends(require(Permission.COMMANDS_READ))]
Sender = Annotated[Caller, Depends(require(Permission.COMMANDS_SEND))]


class CommandBody(Body):
    """What a station is asked for."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "action": "RemoteStartTransaction",
                "payload": {"connectorId": 1, "idTag": "04A2B3C4"},
                "expires_in_s": 300,
                "when_offline": "refuse",
            }
        }
    )

    action: Annotated[str, Field(min_length=1, max_length=50)] = Field(
        description="OCPP's own, of the station's version: any that a central system may send."
    )
    payload: dict[str, Any] = Field(default={}, description="OCPP's own.")
    expires_in_s: Annotated[int, Field(ge=1, le=7 * 24 * 3600)] = Field(
        default=300, description="What is not sent by then is never sent."
    )
    when_offline: Literal["refuse", "queue"] = Field(
        default="refuse",
        description="A station without a connection: refused at once, or sent when it is back."
        " Starts, stops and reservations never wait.",
    )
    priority: Annotated[int, Field(ge=-100, le=100)] = Field(
        default=0, description="Of a station's waiting commands the highest is sent first."
    )
    reference: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="What it is asked for: a call, a ticket, a case of your own."
    )
    change_order: Annotated[str, Field(max_length=100)] | None = Field(
        default=None, description="The written order, where the command needs one."
    )
    raw: bool = Field(
        default=False, description="Skip the schema; needs the permission commands.raw."
    )
    billing_decision: Literal["token", "free"] | None = Field(
        default=None, description="Of a start: who pays, the token's holder or nobody."
    )
    ends_in_s: Annotated[int, Field(ge=1, le=7 * 24 * 3600)] | None = Field(
        default=None, description="Of a change of availability: when it is set back by itself."
    )
    until_ended: bool = Field(
        default=False, description="Of a stop: asked again until its transaction has ended."
    )


class TransitionModel(Answer):
    """A state that the command came into."""

    state: CommandState
    at: Moment
    note: str | None


class AskedByModel(Answer):
    """Who asked."""

    id: str
    name: str
    door: str = Field(description="portal, api, mqtt, cli or system.")
    organisation: str


class CommandModel(Answer):
    """A command and what became of it."""

    id: str
    station: str
    ocpp_version: str
    action: str
    payload: dict[str, Any] = Field(description="Secrets are masked.")
    state: CommandState = Field(
        description="queued, sent, accepted; final are rejected, effective, failed, expired and"
        " cancelled."
    )
    reason: Failure | None = Field(description="Why it failed; late evidence may turn it.")
    is_final: bool
    asked_at: Moment
    asked_by: AskedByModel
    why: str = Field(description="call, ticket, schedule, api, page, campaign or system.")
    reference: str | None
    change_order: str | None
    billing_decision: Literal["token", "free"] | None
    raw: bool
    priority: int
    when_offline: Literal["refuse", "queue"]
    expires_at: Moment
    set_back_at: Moment | None = Field(
        description="When a change of availability is taken back by itself."
    )
    attempts: int
    sent_at: Moment | None
    answered_at: Moment | None
    answer: dict[str, Any] | None = Field(description="The station's own; of a CALLERROR its code.")
    transaction_id: str | None = Field(
        description="The transaction that a start led to, or that a stop ended."
    )
    transitions: list[TransitionModel]


class RateModel(Answer):
    """How one action's commands ended at one kind of station."""

    action: str
    vendor: str | None
    model: str | None
    firmware: str | None
    asked: int
    effective: int
    rejected: int
    call_error: int
    no_answer: int
    no_effect: int
    outcome_unknown: int
    not_sent: int
    success: float | None = Field(description="Effective ones of those that were sent, 0 to 1.")


class RatesModel(Answer):
    """Success rates of commands that are over."""

    items: list[RateModel]


@router.post(
    "/stations/{identity:segment}/commands",
    status_code=202,
    response_model=CommandModel,
    summary="Ask a station for something",
    responses={202: {"headers": {"Location": {"schema": {"type": "string"}}}}},
)
async def ask_station(
    db: Db,
    now: Now,
    caller: Sender,
    request: Request,
    identity: str,
    body: CommandBody,
    wait: Annotated[
        float, Query(ge=0, le=LONGEST_WAIT_S, description="Seconds to wait for its answer.")
    ] = 0,
) -> Response:
    """Answered as soon as the command is stored, or with the station's answer (`wait`)."""
    must_have_rights(caller, body.action, body.payload, raw=body.raw)
    station = await remote.addressee(db, caller.scope, identity, asked_by=caller.principal.id)
    command = await asking.ask(
        db,
        caller,
        station,
        body.action,
        body.payload,
        now=now,
        reason="api",
        reference=body.reference,
        once=request.headers.get("idempotency-key"),
        when_offline=body.when_offline,
        expires_in_s=body.expires_in_s,
        billing_decision=body.billing_decision,
        change_order=body.change_order,
        ends_in_s=body.ends_in_s,
        raw=body.raw,
        priority=body.priority,
        until_ended=body.until_ended,
    )
    # Written at once: the framework would check it once more, and write it by way of dicts.
    return Response(
        shown_to(caller, command).model_dump_json(),
        202,
        {"location": f"/api/v1/commands/{command.id}"},
        "application/json",
    )


def must_have_rights(caller: Caller, action: str, payload: dict[str, Any], *, raw: bool) -> None:
    """Refuse who may not ask for this kind of command, with or without an order.

    Raises:
        PermissionMissing: He lacks `commands.configure` or `commands.raw`.
    """
    has_end = action == AVAILABILITY
    if needs_order(action, payload, acts_for_own=False, has_end=has_end):
        caller.must_have(Permission.COMMANDS_CONFIGURE)
    if raw:
        caller.must_have(Permission.COMMANDS_RAW)


@router.get("/commands", summary="List commands, the newest first")
async def list_commands(
    db: Db,
    caller: Reader,
    station: Annotated[str | None, Query(max_length=200)] = None,
    state: CommandState | None = None,
    reference: Annotated[str | None, Query(max_length=200)] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[CommandModel]:
    """Those of the stations that the caller sees, with what became of them."""
    after = paging.decoded(cursor, int)
    found = await outcomes.commands(
        db,
        caller.scope,
        station=None if station is None else StationId(station),
        state=state,
        reference=reference,
        after=after[0] if after else None,
        limit=limit + 1,
    )
    return paging.page(
        found, limit, shown=lambda each: shown_to(caller, each), key=lambda each: (int(each.id),)
    )


@router.get("/commands/rates", summary="Success rates of commands")
async def command_rates(
    db: Db,
    now: Now,
    caller: Reader,
    first: Annotated[
        Since | None, Query(alias="from", description="Included; 30 days ago by default.")
    ] = None,
    last: Annotated[Since | None, Query(alias="to", description="Not included.")] = None,
    by: Annotated[
        list[Literal["vendor", "model", "firmware"]] | None,
        Query(description="What is told apart besides the action; all by default."),
    ] = None,
) -> RatesModel:
    """Of the commands that were asked for in this time and are over."""
    since = now - timedelta(days=30) if first is None else moment_of(first, "UTC")
    until = now if last is None else moment_of(last, "UTC")
    wanted: list[Literal["vendor", "model", "firmware"]] = by or ["vendor", "model", "firmware"]
    found = await outcomes.rates(db, caller.scope, since=since, until=until, by=wanted)
    return RatesModel(
        items=[
            RateModel(
                action=each.action,
                vendor=each.vendor,
                model=each.model,
                firmware=each.firmware,
                asked=each.asked,
                effective=each.effective,
                rejected=each.rejected,
                call_error=each.call_error,
                no_answer=each.no_answer,
                no_effect=each.no_effect,
                outcome_unknown=each.outcome_unknown,
                not_sent=each.not_sent,
                success=each.success,
            )
            for each in found
        ]
    )


@router.get("/commands/{command_id:segment}", summary="Get a command")
async def get_command(db: Db, caller: Reader, command_id: str) -> CommandModel:
    """Every state that it came into, the station's answer, and who asked."""
    return shown_to(caller, await outcomes.command(db, command_id, caller.scope))


@router.delete("/commands/{command_id:segment}", summary="Cancel a command that waits")
async def cancel_command(db: Db, now: Now, caller: Sender, command_id: str) -> CommandModel:
    """Only a queued one: what was sent cannot be taken back."""
    command = await outcomes.command(db, command_id, caller.scope)
    await asking.cancel(db, caller, command, now=now)
    return shown_to(caller, await outcomes.command(db, command_id, caller.scope))


def shown_to(caller: Caller, command: Command) -> CommandModel:
    """Return a command as the API shows it to the caller."""
    return shown(masking.command(caller, command))


def shown(command: Command) -> CommandModel:
    """Return a command by the names of the API."""
    return CommandModel.model_validate(
        {
            "id": command.id,
            "station": command.station,
            "ocpp_version": command.version,
            "action": command.action,
            "payload": command.payload,
            "state": command.state,
            "reason": command.failure,
            "is_final": command.is_final,
            "asked_at": command.asked_at,
            "asked_by": {
                "id": command.asked_by,
                "name": command.asked_by_name,
                "door": command.door,
                "organisation": command.asker_organisation,
            },
            "why": command.reason,
            "reference": command.reference,
            "change_order": command.change_order,
            "billing_decision": command.billing_decision,
            "raw": command.raw,
            "priority": command.priority,
            "when_offline": command.when_offline,
            "expires_at": command.expires_at,
            "set_back_at": command.set_back_at,
            "attempts": command.attempts,
            "sent_at": command.sent_at,
            "answered_at": command.answered_at,
            "answer": command.answer,
            "transaction_id": (
                None if command.transaction_id is None else str(command.transaction_id)
            ),
            "transitions": [
                {"state": each.state, "at": each.at, "note": each.note}
                for each in command.transitions
            ],
        }
    )
