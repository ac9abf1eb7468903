"""The journal: what happened, in an order that never shows a gap that fills later."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from accounts.permissions import Permission
from foundation import outbox
from foundation.database import Database
from foundation.errors import InvalidInput, Unavailable
from foundation.events import EVENTS
from foundation.outbox import Cursor, JournalEntry
from portal import paging
from portal.api.models import Answer, Moment
from portal.guard import Caller, require
from portal.live import present
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, StreamRoute

router = APIRouter(tags=["events"])
_calls = APIRouter(prefix="/events", route_class=ApiRoute)
_streams = APIRouter(prefix="/events", route_class=StreamRoute)

Reader = Annotated[Caller, Depends(require(Permission.EVENTS_READ))]
Kinds = Annotated[
    list[str] | None,
    Query(alias="kind", description="Only events of these kinds; may be repeated."),
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
"""A stream ends after so long; whoever reads it comes back with the last event's id."""


class EventModel(Answer):
    """Something that happened."""

    cursor: str = Field(description="Send it as `after` to read on behind this event.")
    event_id: str
    kind: str
    subject: str = Field(description="What the order of events is kept for.")
    happened_at: Moment
    recorded_at: Moment
    payload: dict[str, Any]


@_calls.get("", summary="Read the journal")
async def list_events(
    db: Db,
    _caller: Reader,
    after: After = None,
    kinds: Kinds = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
) -> Page[EventModel]:
    """The oldest first. `next` is null at the present end; ask again with the last `cursor`."""
    found = await outbox.journal_after(db, _place(after), kinds=_known(kinds), limit=limit + 1)
    return paging.page(found, limit, shown=_shown, key=_key)


@_streams.get(
    "/stream",
    summary="Follow the journal",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {
                "text/event-stream": {
                    "example": "id: WzEyLDM0XQ\nevent: station_booted\ndata: {…}\n\n"
                }
            }
        }
    },
)
async def stream_events(
    context: Context, _caller: Reader, request: Request, after: After = None, kinds: Kinds = None
) -> Response:
    """Server-sent events, from now on unless `after` or `Last-Event-ID` says where to begin.
    `id` is the event's cursor, `event` its kind, `data` the same as in the list."""
    place = _place(after or request.headers.get("last-event-id"))
    return StreamingResponse(
        stream(context.database, place, _known(kinds)),
        media_type="text/event-stream",
        headers={"x-accel-buffering": "no"},
    )


router.include_router(_streams)
router.include_router(_calls)


async def stream(
    database: Database,
    place: Cursor | None,
    kinds: Sequence[str],
    *,
    poll_s: float = POLL_S,
    quiet_s: float = QUIET_S,
    life_s: float = LIFE_S,
) -> AsyncGenerator[str, None]:
    """Yield the stream's text until its life is over or the database is away.

    Args:
        database: Each look has a unit of work of its own.
        place: Behind which event to begin; None: from now on.
        kinds: Which events; none: all.
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
                place = await present(db)
        while loop.time() - began < life_s:
            async with database.unit_of_work() as db:
                found = await outbox.journal_after(db, place, kinds=kinds, limit=100)
            for each in found:
                place = each.cursor
                told = loop.time()
                yield _message(each)
            if loop.time() - told >= quiet_s:
                told = loop.time()
                yield ": still here\n\n"
            if not found:
                await asyncio.sleep(poll_s)
    except Unavailable:
        return


def _place(after: str | None) -> Cursor | None:
    try:
        key = paging.decoded(after or None, int, int)
    except paging.WrongCursor:
        raise InvalidInput("This is no cursor of the journal.", field="after") from None
    return None if key is None else Cursor(*key)


def _known(kinds: Sequence[str] | None) -> Sequence[str]:
    for each in kinds or ():
        if each not in EVENTS:
            raise InvalidInput(f"There is no kind of event {each!r}.", field="kind")
    return kinds or ()


def _key(entry: JournalEntry) -> tuple[int, int]:
    return entry.cursor.xid, entry.cursor.event_id


def _shown(entry: JournalEntry) -> EventModel:
    return EventModel(
        cursor=paging.encoded(*_key(entry)),
        event_id=str(entry.cursor.event_id),
        kind=entry.kind,
        subject=entry.subject,
        happened_at=entry.happened_at,
        recorded_at=entry.recorded_at,
        payload=entry.payload,
    )


def _message(entry: JournalEntry) -> str:
    data = json.dumps(_shown(entry).model_dump(mode="json"), ensure_ascii=False)
    return f"id: {paging.encoded(*_key(entry))}\nevent: {entry.kind}\ndata: {data}\n\n"
