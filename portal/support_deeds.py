"""What the audit is told of calls and tickets, whatever door they came through."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import audit
from portal.guard import Caller
from support.calls import Call
from support.tickets import Ticket
from support.visits import Visit


async def call_opened(db: AsyncSession, caller: Caller, call: Call, now: datetime) -> None:
    """Record that somebody began a call's record."""
    await audit.record(
        db,
        caller.actor,
        "call.open",
        f"call/{call.id}",
        organisation=call.organisation,
        after={"station": call.station},
        now=now,
    )


async def call_changed(
    db: AsyncSession, caller: Caller, before: Call, made: Call, now: datetime
) -> None:
    """Record what was changed of a call that runs: who calls, or what about."""
    if (before.caller, before.concern) == (made.caller, made.concern):
        return
    await audit.record(
        db,
        caller.actor,
        "call.change",
        f"call/{made.id}",
        organisation=made.organisation,
        before={"caller": before.caller, "concern": before.concern},
        after={"caller": made.caller, "concern": made.concern},
        now=now,
    )


async def call_closed(db: AsyncSession, caller: Caller, call: Call, now: datetime) -> None:
    """Record how a call ended."""
    await audit.record(
        db,
        caller.actor,
        "call.close",
        f"call/{call.id}",
        organisation=call.organisation,
        after={"outcome": call.outcome},
        now=now,
    )


async def ticket_changed(
    db: AsyncSession,
    caller: Caller,
    deed: str,
    made: Ticket,
    now: datetime,
    before: Ticket | None = None,
) -> None:
    """Record what somebody did to a ticket.

    Args:
        db: The unit of work of the change.
        caller: Who did it.
        deed: `ticket.open`, `ticket.assign`, `ticket.close` or `ticket.reopen`.
        made: The ticket as it is now.
        now: The moment.
        before: The ticket as it was, unless it is new.
    """
    await audit.record(
        db,
        caller.actor,
        deed,
        f"ticket/{made.id}",
        organisation=made.organisation,
        before=None if before is None else _told(before),
        after=_told(made),
        now=now,
    )


def _told(ticket: Ticket) -> dict[str, object]:
    return {
        "title": ticket.title,
        "station": ticket.station,
        "state": ticket.state,
        "assigned_to": ticket.assigned_to,
        "outcome": ticket.outcome,
    }


async def visit_changed(
    db: AsyncSession,
    caller: Caller,
    deed: str,
    made: Visit,
    now: datetime,
    before: Visit | None = None,
    *,
    word: str = "",
) -> None:
    """Record what somebody did to a visit.

    Args:
        db: The unit of work of the change.
        caller: Who did it.
        deed: Such as `visit.plan`, `visit.cover`, `visit.dispatch` or `visit.close`.
        made: The visit as it is now.
        now: The moment.
        before: The visit as it was, unless it is new.
        word: Who of the station's operator agreed, where that was needed.
    """
    await audit.record(
        db,
        caller.actor,
        deed,
        f"visit/{made.id}",
        organisation=made.organisation,
        before=None if before is None else told_of_visit(before),
        after=told_of_visit(made) | ({"word": word} if word else {}),
        now=now,
    )


def told_of_visit(visit: Visit) -> dict[str, object]:
    """Return what the audit keeps of a visit."""
    return {
        "ticket": visit.ticket_id,
        "station": visit.station,
        "state": visit.state,
        "cover": None if visit.cover is None else visit.cover.cover,
        "cover_reason": None if visit.cover is None else visit.cover.reason,
        "wanted_cover": None if visit.wanted is None else visit.wanted.cover,
        "outcome": visit.outcome,
        "work_minor": visit.work_minor,
        "parts_minor": visit.parts_minor,
    }
