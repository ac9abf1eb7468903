"""The journal: what happened, in an order that never shows a gap that fills later."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from accounts.permissions import Permission
from foundation.database import Database
from foundation.errors import InvalidInput, Unavailable
from foundation.events import EVENTS
from foundation.identifiers import OrganisationKey
from foundation.outbox import Cursor
from portal import journal, paging
from portal.api.models import Answer, Moment
from portal.guard import Caller, require
from portal.journal import Audience, Told
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, StreamRoute

router = APIRouter(tags=["events"])
_calls = APIRouter(prefix="/events", route_class=ApiRoute)
_streams = APIRouter(prefix="/events", route_class=StreamRoute)

Reader = Annotated[Caller, Depends(require(Permission.EVENTS_READ))]
Kinds = Annotated[
    list[str] | None,
    Query(
        alias="kind",
        max_length=len(EVENTS),
        description="Only events of these kinds; may be repeated.",
    ),
]
After = Annotated[
    str | None,
    Query(max_length=500, description="The `cursor` of the last event seen; begins behind it."),
]

POLL_S = 1.0
"""How long an event may wait until a stream tells it."""
QUIET_S = 15.0
"""After so long without an event a stream says that it is still there."""
LIFE_S = 3600.0
"""A stream ends after so long; whoever reads it comes back with the last event's id, and is asked
who he is."""
_LONGEST_CURSOR = 500

_EXAMPLE: dict[str, Any] = {
    "cursor": "WzEyLDM0XQ",
    "event_id": "34",
    "kind": "connector_status_changed",
    "subject": "evse/DE-HN-014/1",
    "station": "DE-HN-014",
    "organisation": "stadtwerke-nord",
    "happened_at": "2026-10-15T12:00:00Z",
    "recorded_at": "2026-10-15T12:00:01Z",
    "payload": {
        "happened_at": "2026-10-15T12:00:00Z",
        "station": "DE-HN-014",
        "evse_id": 1,
        "connector_id": 1,
        "status": "Occupied",
        "charging_state": "Charging",
    },
}


class EventModel(Answer):
    """Something that happened."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"example": _EXAMPLE})

    cursor: str = Field(description="Send it as `after` to read on behind this event.")
    event_id: str
    kind: str
    subject: str = Field(description="What the order of events is kept for.")
    station: str | None = Field(description="The station that it concerns.")
    organisation: OrganisationKey | None = Field(
        description="Whose it is; null: it concerns the whole installation."
    )
    happened_at: Moment
    recorded_at: Moment
    payload: dict[str, Any]


@_calls.get("", summary="Read the journal")
async def list_events(
    db: Db,
    caller: Reader,
    after: After = None,
    kinds: Kinds = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
) -> Page[EventModel]:
    """What concerns the caller's organisations, the oldest first. `next` is null at the present
    end; ask again with the last `cursor`. A page may be short, or empty, although there is a next
    one."""
    place = place_of(after)
    found, reached = await journal.read_for(
        db, audience(caller), place, kinds=_known(kinds), limit=limit + 1
    )
    kept = found[:limit]
    following = None
    if len(found) > limit:
        following = cursor_of(kept[-1].cursor)
    elif not found and reached is not None and reached != place:
        following = cursor_of(reached)  # much happened to others: go on behind that
    return Page(items=[shown_event(each) for each in kept], next=following)


@_streams.get(
    "/stream",
    summary="Follow the journal",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": "id: WzEyLDM0XQ\nevent: station_booted\ndata: {…}\n\n",
                }
            }
        }
    },
)
async def stream_events(
    context: Context, caller: Reader, request: Request, after: After = None, kinds: Kinds = None
) -> Response:
    """Server-sent events, from now on unless `after` or `Last-Event-ID` says where to begin.
    `id` is the event's cursor, `event` its kind, `data` the same as in the list. A comment comes
    when nothing else does for 15 seconds; after an hour the stream ends: come back."""
    place = place_of(after or request.headers.get("last-event-id"))
    return StreamingResponse(
        stream(context.database, audience(caller), place, _known(kinds)),
        media_type="text/event-stream",
        headers={"x-accel-buffering": "no"},
    )


router.include_router(_streams)
router.include_router(_calls)


def audience(caller: Caller) -> Audience:
    """Return what a caller may hear of."""
    return Audience(
        caller.scope,
        journal.permitted_kinds(caller.may),
        sees_personal=caller.may(Permission.CRM_READ),
    )


async def stream(
    database: Database,
    audience: Audience,
    place: Cursor | None,
    kinds: Collection[str],
    *,
    poll_s: float = POLL_S,
    quiet_s: float = QUIET_S,
    life_s: float = LIFE_S,
) -> AsyncGenerator[str, None]:
    """Yield the stream's text until its life is over or the database is away.

    Args:
        database: Each look has a unit of work of its own.
        audience: Who listens.
        place: Behind which event to begin; None: from now on.
        kinds: Which events; none: all that he may hear of.
        poll_s: Pause between two looks.
        quiet_s: After so long without an event a comment is sent.
        life_s: How long the stream lasts.
    """
    loop = asyncio.get_running_loop()
    began = told = loop.time()
    yield "retry: 3000\n\n"
    try:
        if place is None:
            async with database.unit_of_work() as db:
                place = await journal.present(db)
        while loop.time() - began < life_s:
            async with database.unit_of_work() as db:
                found, reached = await journal.read_for(db, audience, place, kinds=kinds)
            for each in found:
                told = loop.time()
                yield _message(each)
            if loop.time() - told >= quiet_s:
                told = loop.time()
                yield ": still here\n\n"
            if reached == place:
                await asyncio.sleep(poll_s)
            place = reached
    except Unavailable:
        return


def cursor_of(place: Cursor) -> str:
    """Return a place in the journal as it is told outside."""
    return paging.encoded(place.xid, place.event_id)


def shown_event(told: Told) -> EventModel:
    """Return an event as outsiders see it."""
    return EventModel(
        cursor=cursor_of(told.cursor),
        event_id=str(told.cursor.event_id),
        kind=told.kind,
        subject=told.subject,
        station=told.station,
        organisation=told.organisation,
        happened_at=told.happened_at,
        recorded_at=told.recorded_at,
        payload=told.payload,
    )


def written_event(told: Told) -> bytes:
    """Return an event as JSON: the body of a webhook's message, and the feed's."""
    return shown_event(told).model_dump_json().encode()


def known_kinds(kinds: Sequence[str], *, field: str) -> Sequence[str]:
    """Return the kinds of events that were named.

    Raises:
        InvalidInput: If there is no such kind.
    """
    for each in kinds:
        if each not in EVENTS:
            raise InvalidInput(f"There is no kind of event {each!r}.", field=field)
    return kinds


def _known(kinds: Sequence[str] | None) -> Sequence[str]:
    return known_kinds(kinds or (), field="kind")


def place_of(after: str | None) -> Cursor | None:
    """Return the place in the journal that `after` names; None if it names none.

    Raises:
        InvalidInput: If it is no cursor of the journal.
    """
    try:
        if after is not None and len(after) > _LONGEST_CURSOR:
            raise paging.WrongCursor
        key = paging.decoded(after or None, int, int)
    except paging.WrongCursor:
        raise InvalidInput("This is no cursor of the journal.", field="after") from None
    if key is None:
        return None
    if min(key) < 0:
        raise InvalidInput("This is no cursor of the journal.", field="after")
    return Cursor(*key)


def _message(told: Told) -> str:
    data = shown_event(told).model_dump_json()
    return f"id: {cursor_of(told.cursor)}\nevent: {told.kind}\ndata: {data}\n\n"
