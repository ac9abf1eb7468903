"""The face of calls: who called about what, what was done, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.audit import Actor
from accounts.directory import Scope
from csms import stickers
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId
from support.tables import CallNoteRow, CallRow

LONGEST_TEXT = 4000


class CallOutcome(StrEnum):
    """How a call ended."""

    SOLVED = "solved"
    """What the caller wanted works now."""
    ANSWERED = "answered"
    """A question was answered; nothing had to be done."""
    TICKET = "ticket"
    """Somebody has to look into it."""
    ORDER = "order"
    """The written order was asked for."""
    NOT_SOLVED = "not_solved"
    BROKEN_OFF = "broken_off"
    """The caller hung up or drove off."""
    NOT_OURS = "not_ours"


class NoteKind(StrEnum):
    """What was said or done during a call; `subject` of the note names what it led to."""

    NOTE = "note"
    COMMAND = "command"
    """Subject: the command's id."""
    TOKEN = "token"  # noqa: S105 - an id token was checked
    PRICE = "price"
    BILL = "bill"
    """Subject: the transaction."""
    TICKET = "ticket"
    """Subject: the ticket."""
    ORDER = "order"
    """Subject: the change order's id."""
    INSTRUCTION = "instruction"
    """Subject: the topic."""


@dataclass(frozen=True, slots=True)
class Note:
    """One line of a call's record."""

    at: datetime
    by: str
    by_name: str
    kind: NoteKind
    text: str
    subject: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call; `closed_at` is None while it runs. `caller` is personal data."""

    id: int
    opened_at: datetime
    opened_by: str
    opened_by_name: str
    organisation: OrganisationKey
    station: StationId | None
    evse_id: int | None
    emi3_id: str | None
    caller: str | None
    concern: str | None
    outcome: CallOutcome | None
    outcome_text: str | None
    closed_at: datetime | None
    notes: tuple[Note, ...] = field(default=())

    @property
    def is_open(self) -> bool:
        """Whether it still runs."""
        return self.closed_at is None


class CallIsOver(Conflict):
    """The call was closed; what is on record stays as it is."""

    code = "call_is_over"

    def __init__(self) -> None:
        super().__init__("This call is closed already.")


# ------------------------------------------------------------------------------- writing


async def open_call(
    db: AsyncSession,
    scope: Scope,
    *,
    station: StationId | None,
    organisation: OrganisationKey,
    evse_id: int | None = None,
    emi3_id: str | None = None,
    caller: str | None = None,
    concern: str | None = None,
    by: Actor,
    now: datetime,
) -> Call:
    """Begin the record of a call.

    Args:
        db: A unit of work.
        scope: What the agent may see.
        station: The station it is about; None while nobody knows.
        organisation: Whose call it is where no station is known: the agent's own.
        evse_id: The EVSE's number at the station.
        emi3_id: The number on the sticker, as it was found.
        caller: Name or number, if the caller gave it.
        concern: What he wants, in his words.
        by: The agent.
        now: The beginning.

    Raises:
        NotFound: If the station is not in scope.
        InvalidInput: If a text is too long.
    """
    owner = organisation
    if station is not None:
        found = (await stickers.owners(db, [station])).get(station)
        if found is None or not scope.covers(found):
            raise NotFound("station", station)
        owner = found
    row = CallRow(
        opened_at=now,
        opened_by=by.id,
        opened_by_name=by.name,
        organisation=owner,
        station=station,
        evse_id=evse_id,
        emi3_id=emi3_id,
        caller=_text(caller, "caller"),
        concern=_text(concern, "concern"),
        outcome=None,
        outcome_text=None,
        closed_at=None,
        closed_by=None,
    )
    db.add(row)
    await db.flush()
    return _call(row, ())


async def change_call(
    db: AsyncSession, call_id: int, facts: Mapping[str, str | None], *, now: datetime
) -> Call:
    """Change `caller` or `concern` of a call that runs.

    Raises:
        NotFound: If there is no such call.
        CallIsOver: If it is closed.
        InvalidInput: If a text is too long.
    """
    row = await _running(db, call_id)
    for name in ("caller", "concern"):
        if name in facts:
            setattr(row, name, _text(facts[name], name))
    await db.flush()
    return await _with_notes(db, row)


async def note(
    db: AsyncSession,
    call_id: int,
    kind: NoteKind,
    text: str,
    *,
    subject: str | None = None,
    by: Actor,
    now: datetime,
) -> None:
    """Write what was said or done during a call that runs.

    Raises:
        NotFound: If there is no such call.
        CallIsOver: If it is closed.
        InvalidInput: If the text is missing or too long.
    """
    await _running(db, call_id)
    written = _text(text, "text")
    if written is None:
        raise InvalidInput("Write something.", field="text")
    db.add(
        CallNoteRow(
            call_id=call_id,
            at=now,
            by=by.id,
            by_name=by.name,
            kind=kind,
            text=written,
            subject=subject,
        )
    )
    await db.flush()


async def close_call(
    db: AsyncSession,
    call_id: int,
    outcome: str,
    *,
    text: str | None = None,
    by: Actor,
    now: datetime,
) -> Call:
    """End a call with its outcome.

    Raises:
        NotFound: If there is no such call.
        CallIsOver: If it is closed already.
        InvalidInput: If the outcome is none.
    """
    row = await _running(db, call_id)
    if outcome not in set(CallOutcome):
        raise InvalidInput(f"outcome is one of {', '.join(CallOutcome)}.", field="outcome")
    row.outcome, row.outcome_text = outcome, _text(text, "text")
    row.closed_at, row.closed_by = now, by.id
    await db.flush()
    return await _with_notes(db, row)


def _text(text: str | None, name: str) -> str | None:
    written = (text or "").strip() or None
    if written is not None and len(written) > LONGEST_TEXT:
        raise InvalidInput(f"{name} has at most {LONGEST_TEXT} characters.", field=name)
    return written


# ------------------------------------------------------------------------------- reading


async def call(db: AsyncSession, scope: Scope, call_id: int) -> Call:
    """Return a call with its notes.

    Raises:
        NotFound: If there is none in scope.
    """
    row = await db.get(CallRow, call_id)
    if row is None or not scope.covers(OrganisationKey(row.organisation)):
        raise NotFound("call", call_id)
    return await _with_notes(db, row)


async def calls(
    db: AsyncSession,
    scope: Scope,
    *,
    station: str | None = None,
    since: datetime | None = None,
    open_by: str | None = None,
    q: str | None = None,
    by_caller: bool = False,
    before: int | None = None,
    limit: int = 50,
) -> list[Call]:
    """Return calls without their notes, the newest first.

    Args:
        db: A unit of work.
        scope: Whose calls.
        station: Only those about this station.
        since: Only those that began then or later.
        open_by: Only those of this agent that still run.
        q: A part of station, EVSE ID, concern or outcome.
        by_caller: Whether `q` looks at callers too, who are personal data: else searching would
            tell, bit by bit, what the mask hides.
        before: Only those below this number: the next page.
        limit: How many at most.
    """
    query = _in_scope(scope)
    if station is not None:
        query = query.where(CallRow.station == station)
    if since is not None:
        query = query.where(CallRow.opened_at >= since)
    if open_by is not None:
        query = query.where(CallRow.opened_by == open_by, CallRow.closed_at.is_(None))
    if q:
        texts: list[Any] = [
            CallRow.station,
            CallRow.emi3_id,
            CallRow.concern,
            CallRow.outcome_text,
            *([CallRow.caller] if by_caller else ()),
        ]
        query = query.where(or_(*(each.icontains(q, autoescape=True) for each in texts)))
    if before is not None:
        query = query.where(CallRow.id < before)
    rows = await db.scalars(query.order_by(CallRow.id.desc()).limit(limit))
    return [_call(row, ()) for row in rows]


def _in_scope(scope: Scope) -> Select[CallRow]:
    query = select(CallRow)
    if scope.organisations is not None:
        query = query.where(CallRow.organisation.in_(scope.organisations))
    return query


async def _running(db: AsyncSession, call_id: int) -> CallRow:
    row = await db.get(CallRow, call_id, with_for_update=True)
    if row is None:
        raise NotFound("call", call_id)
    if row.closed_at is not None:
        raise CallIsOver
    return row


async def _with_notes(db: AsyncSession, row: CallRow) -> Call:
    notes = await db.scalars(
        select(CallNoteRow).where(CallNoteRow.call_id == row.id).order_by(CallNoteRow.id)
    )
    return _call(
        row,
        tuple(
            Note(each.at, each.by, each.by_name, NoteKind(each.kind), each.text, each.subject)
            for each in notes
        ),
    )


def _call(row: CallRow, notes: tuple[Note, ...]) -> Call:
    return Call(
        id=row.id,
        opened_at=row.opened_at,
        opened_by=row.opened_by,
        opened_by_name=row.opened_by_name,
        organisation=OrganisationKey(row.organisation),
        station=None if row.station is None else StationId(row.station),
        evse_id=row.evse_id,
        emi3_id=row.emi3_id,
        caller=row.caller,
        concern=row.concern,
        outcome=None if row.outcome is None else CallOutcome(row.outcome),
        outcome_text=row.outcome_text,
        closed_at=row.closed_at,
        notes=notes,
    )
