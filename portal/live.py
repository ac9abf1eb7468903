"""Live pages: a stream of server-sent events that only says "something changed".

The page then asks for itself again and replaces the values that differ, so what is shown live is
shown by the very code that showed it first. The stream carries no facts, so nothing can leak by
it; still, an owner only hears of what is his. Readings do not pass through the journal: every
page is told to look again from time to time.

Source: WHATWG HTML, section 9.2 (server-sent events).
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from accounts.directory import Scope
from foundation import events, outbox
from foundation.database import Database
from foundation.errors import InvalidInput, Unavailable
from foundation.events import Event
from foundation.identifiers import OrganisationKey
from foundation.outbox import Cursor, JournalEntry
from portal.context import context_of
from portal.guard import Caller, signed_in
from portal.routes import StreamRoute

router = APIRouter(route_class=StreamRoute)

POLL_S = 2.0
"""How long a change may wait until it is told."""
LOOK_AGAIN_S = 20.0
"""After so long every page looks again, whether or not we know of a change."""
LIFE_S = 600.0
"""A stream ends after so long; the browser comes back by itself, and is asked who it is."""

_FARTHEST_ID = 2**63 - 1


def _kinds(base: type[Event], *more: type[Event]) -> frozenset[str]:
    return frozenset(
        kind for kind, event in events.EVENTS.items() if issubclass(event, (base, *more))
    )


_COMMANDS = _kinds(events.CommandChanged)
_STATIONS = _kinds(events.StationEvent, events.EvseEvent)
_SESSIONS = _kinds(events.TransactionEvent, events.CdrIssued)
_STATEMENTS = _kinds(events.StatementIssued)
_ALERTS = _kinds(events.AlertChanged)
_EVERYTHING = frozenset(events.EVENTS)

_LISTS: dict[str, frozenset[str]] = {
    "overview": _EVERYTHING,
    "stations": _STATIONS | _SESSIONS,
    "sessions": _SESSIONS,
    "statements": _STATEMENTS,
    "commands": _COMMANDS,
    "alerts": _ALERTS,
}
_THINGS = {
    "station": (_STATIONS | _SESSIONS | _COMMANDS, "station"),
    "session": (_SESSIONS, "transaction_id"),
    "alert": (_ALERTS, "alert_id"),
}
"""What of one thing is told, and what in an event names it."""


@dataclass(frozen=True, slots=True)
class About:
    """What a page wants to hear of: kinds of events, and of one thing only if it has a key."""

    kinds: frozenset[str]
    thing: str = ""
    key: str = ""

    @classmethod
    def parse(cls, written: str) -> "About":
        """Read the name of a list, or `station/KEY`, `session/KEY` or `alert/KEY`.

        Raises:
            InvalidInput: If it is none of these.
        """
        if written in _LISTS:
            return cls(_LISTS[written])
        thing, _, key = written.partition("/")
        if thing not in _THINGS or not key:
            raise InvalidInput("There is nothing live by this name.", field="about")
        return cls(_THINGS[thing][0], thing, key)

    def concerns(self, entry: JournalEntry, scope: Scope) -> bool:
        """Tell whether an event changes the page, for somebody who sees this much."""
        if entry.kind not in self.kinds:
            return False
        if self.thing and str(entry.payload.get(_THINGS[self.thing][1])) != self.key:
            return False
        if scope.is_whole:
            return True
        if entry.payload.get("station") in scope.shared:
            return True
        owner = entry.payload.get("owner") or entry.payload.get("payee")
        if entry.kind in _ALERTS:
            owner = entry.payload.get("organisation")
        # An event of a station does not say whose it is: its owner sees it at the next look.
        return isinstance(owner, str) and scope.covers(OrganisationKey(owner))


async def present(db: AsyncSession) -> Cursor:
    """The place in the journal behind which only what happens from now on is shown."""
    open_xid = await db.scalar(text("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))
    assert isinstance(open_xid, int)
    return Cursor(open_xid - 1, _FARTHEST_ID)


async def changes(
    database: Database,
    about: About,
    scope: Scope,
    *,
    poll_s: float = POLL_S,
    look_again_s: float = LOOK_AGAIN_S,
    life_s: float = LIFE_S,
) -> AsyncIterator[str]:
    """Yield the lines of the stream until its life is over or the database is away.

    Bursts are told once: whatever happened within one poll is one change.
    """
    yield "retry: 3000\n\n"
    loop = asyncio.get_running_loop()
    begun = told = loop.time()
    try:
        async with database.unit_of_work() as db:
            place = await present(db)
        yield ": listening\n\n"
        while loop.time() - begun < life_s:
            await asyncio.sleep(poll_s)
            async with database.unit_of_work() as db:
                entries = await outbox.journal_after(
                    db, place, kinds=sorted(about.kinds), limit=500
                )
            if entries:
                place = entries[-1].cursor
            if any(about.concerns(entry, scope) for entry in entries) or (
                loop.time() - told >= look_again_s
            ):
                told = loop.time()
                yield "event: changed\ndata:\n\n"
            else:
                yield ":\n\n"  # so that a lost connection is noticed by both sides
    except Unavailable:
        return


@router.get("/live")
async def live(
    request: Request,
    caller: Annotated[Caller, Depends(signed_in)],
    about: Annotated[str, Query(max_length=200)],
) -> Response:
    """Stream changes of what a page shows."""
    wanted = About.parse(about)
    database = context_of(request).database
    return StreamingResponse(
        changes(database, wanted, caller.scope),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )
