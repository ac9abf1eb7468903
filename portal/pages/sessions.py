"""Sessions: the list, and one with its timeline, curve, price and the raw messages behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.directory import Scope
from accounts.permissions import Permission
from billing import books, validity
from billing.books import BilledTransaction, BillingState
from billing.closing import AlreadySettled, NotOnHold, NotPayable
from billing.validity import AlreadyBilled, NotTheIssuer
from csms import charging, correcting, loose_ends, registry
from csms.charging import Transaction
from foundation.errors import ExpectedError, InvalidInput, NotFound
from portal import masking
from portal.context import context_of
from portal.guard import Caller, require
from portal.pages import findings, stories
from portal.pages.counts import forget_counts, silence_limits
from portal.pages.logs import LONGEST_TEXT, frame_of_report
from portal.pages.session_money import money_card
from portal.pages.signed import signed_card
from portal.pages.states import hold_reasons, session_state
from portal.pages.surroundings import frame_of, page, went
from portal.pages.telling import telling
from portal.pages.views import (
    Frame,
    SessionLine,
    SessionSheet,
    StateCount,
)
from portal.paging import decoded, encoded
from portal.rendering import FormErrors, Turn, link
from portal.routes import Db, Now, PageRoute
from portal.words import Words

router = APIRouter(route_class=PageRoute)

PER_PAGE = 50
_REPORTS_SHOWN = 24

Reader = Annotated[Caller, Depends(require(Permission.TRANSACTIONS_READ))]
Decider = Annotated[Caller, Depends(require(Permission.TRANSACTIONS_DECIDE))]

_OPEN_STATES = ("active", "ended_waiting_for_queue", "inferred_end")
_HOLD_STATES = {"held": BillingState.HELD, "void": BillingState.VOID}
_UNDECIDED = frozenset({BillingState.RATED})
"""In which a session can still be set invalid, beside those that wait for a person anyway."""
FILTERS = ("active", "held", "inferred_end", "void")


# ------------------------------------------------------------------------------------- lists


async def session_lines(
    db: AsyncSession, found: Sequence[Transaction], now: datetime, caller: Caller
) -> tuple[SessionLine, ...]:
    """Transactions as lines of a list, with what billing made of them, by one bulk call."""
    known = await books.billed(db, [each.transaction_id for each in found])
    billed = masking.billed(caller, found, known)
    return tuple(
        _line(masking.transaction(caller, each), billed.get(each.transaction_id), now)
        for each in found
    )


def _line(each: Transaction, billed: BilledTransaction | None, now: datetime) -> SessionLine:
    reasons = hold_reasons(each, billed)
    return SessionLine(
        transaction_id=str(each.transaction_id),
        station=each.station,
        evse_id=each.evse_id,
        state=session_state(each, billed),
        hold_reason=reasons[0] if reasons else "",
        started_at=each.started_at,
        lasted=(each.ended_at or now) - each.started_at,
        energy_wh=each.energy_wh,
        token=each.id_token or "",
        charge_class="" if billed is None else billed.cdr.charge_class.value,
        net=None if billed is None else billed.cdr.net,
    )


def session_turn(
    path: str,
    query: Mapping[str, object],
    found: Sequence[Transaction],
    *,
    first: int,
) -> tuple[Sequence[Transaction], Turn]:
    """The part of what was found that a page shows, and where the list goes on."""
    kept = found[:PER_PAGE]
    on = None
    if len(found) > PER_PAGE:
        last = kept[-1]
        before = encoded(last.started_at.isoformat(), last.transaction_id)
        on = link(path, {**query, "before": before, "n": first + len(kept)})
    back = link(path, query) if first > 1 else None
    return kept, Turn(first, first + len(kept) - 1, None, back, on)


def place_before(cursor: str) -> tuple[datetime, int] | None:
    """Where a page of sessions begins, from its cursor.

    Raises:
        WrongCursor: The cursor is none of ours.
        InvalidInput: It holds no moment.
    """
    key = decoded(cursor or None, str, int)
    if key is None:
        return None
    try:
        at = datetime.fromisoformat(key[0])
    except ValueError:
        raise InvalidInput("This cursor is not one that this list gave out.") from None
    if at.tzinfo is None:
        raise InvalidInput("This cursor is not one that this list gave out.")
    return at, key[1]


@router.get("/sessions")
async def sessions(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    station: Annotated[str, Query(max_length=48)] = "",
    state: Annotated[str, Query(max_length=30)] = "",
    wanted_from: Annotated[str, Query(alias="from", max_length=10)] = "",
    wanted_to: Annotated[str, Query(alias="to", max_length=10)] = "",
    before: Annotated[str, Query(max_length=500)] = "",
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """List sessions, the newest start first."""
    frame = await frame_of(request, db, caller, live="sessions")
    first, last = day_of(wanted_from), day_of(wanted_to)
    held = await books.transactions_in(db, [BillingState.HELD], caller.scope)
    ids: Sequence[int] | None = None
    if state in _HOLD_STATES:
        chosen = _HOLD_STATES[state]
        ids = sorted(
            held
            if chosen is BillingState.HELD
            else await books.transactions_in(db, [chosen], caller.scope)
        )
    query = {
        "station": station,
        "from": first.isoformat() if first else "",
        "to": last.isoformat() if last else "",
    }
    found = await charging.transactions(
        db,
        caller.scope,
        station=station.strip() or None,
        started_from=midnight(first, frame.zone),
        started_to=midnight(last + timedelta(days=1) if last else None, frame.zone),
        states=[state] if state in _OPEN_STATES else [],
        ids=ids,
        before=place_before(before),
        limit=PER_PAGE + 1,
    )
    kept, turn = session_turn("/sessions", {**query, "state": state}, found, first=n)
    values = {
        "lines": await session_lines(db, kept, now, caller),
        "turn": turn,
        "show_station": True,
        "state": state,
        "query": query,
        "filtered": bool(state or any(query.values())),
        "counts": [
            StateCount(
                each,
                len(held) if each == "held" else -1,
                link("/sessions", {**query, "state": each}),
                each == state,
            )
            for each in FILTERS
        ],
    }
    return page(frame, "sessions.html", values)


def day_of(text: str) -> date | None:
    """Return the day of a filter; None where there is none, or none that can be."""
    try:
        found = date.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is None or 2000 <= found.year <= 9000 else None


def midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    """Return when a day of a filter begins."""
    return None if day is None else datetime.combine(day, time(0), zone)


# --------------------------------------------------------------------------------------- one


@router.get("/sessions/{number:segment}")
async def session(request: Request, db: Db, now: Now, caller: Reader, number: str) -> Response:
    """Show one session."""
    found = await _transaction(db, caller.scope, number)
    return await _show(request, db, now, caller, found)


@router.post("/sessions/{number:segment}/release")
async def release(
    request: Request,
    db: Db,
    now: Now,
    caller: Decider,
    number: str,
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Let a held session be paid after all."""
    return await _decide(request, db, now, caller, number, reason, "release")


@router.post("/sessions/{number:segment}/void")
async def void(
    request: Request,
    db: Db,
    now: Now,
    caller: Decider,
    number: str,
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Let nobody pay for a session."""
    return await _decide(request, db, now, caller, number, reason, "void")


async def _decide(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    number: str,
    reason: str,
    decision: str,
) -> Response:
    found = await _transaction(db, caller.scope, number)
    decide = validity.set_valid if decision == "release" else validity.set_invalid
    field = "reason" if decision == "release" else "void-reason"
    said = (await frame_of(request, db, caller)).words
    if not reason.strip():
        errors = {field: said.gettext("Say why, in a few words. It is kept with the session.")}
    else:
        try:
            await decide(
                db,
                context_of(request).closing,
                found.transaction_id,
                organisation=caller.principal.organisation,
                reason=reason.strip(),
                by=caller.principal.id,
                now=now,
            )
        except _REFUSALS as error:
            errors = {field: _refusal(error, said)}
        else:
            await caller.note(
                db,
                f"transaction.{decision}",
                f"transaction/{found.transaction_id}",
                organisation=found.owner,
                after={"reason": reason.strip()},
                now=now,
            )
            forget_counts(request)
            done = "released" if decision == "release" else "voided"
            return went(f"/sessions/{found.transaction_id}", done=done)
    return await _show(
        request,
        db,
        now,
        caller,
        found,
        errors=FormErrors(errors),
        chosen=decision,
        reason=reason,
        status=422,
    )


_REFUSALS = (NotOnHold, NotPayable, AlreadySettled, AlreadyBilled, NotTheIssuer, NotFound)


def _refusal(error: ExpectedError, said: Words) -> str:
    if isinstance(error, NotPayable):
        return said.gettext(
            "It cannot be released yet: there is no price for it, or nobody who pays. "
            "Enter that with a date before its start, then release it again; or void it."
        )
    if isinstance(error, AlreadySettled | AlreadyBilled):
        return said.gettext("It is billed already. Correct it: the next paper shows that.")
    if isinstance(error, NotTheIssuer):
        return said.gettext("Only the operator, who issues the papers, sets sessions valid.")
    if isinstance(error, NotOnHold):
        return said.gettext("It is not held any more: somebody decided it already.")
    return said.gettext("Billing has not seen this session yet. Try again in a moment.")


async def _transaction(db: AsyncSession, scope: Scope, number: str) -> Transaction:
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise NotFound("transaction", number)
    return await charging.transaction(db, scope, int(number))


async def _show(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    found: Transaction,
    *,
    errors: FormErrors | None = None,
    chosen: str = "",
    reason: str = "",
    status: int = 200,
) -> Response:
    number = found.transaction_id
    known = await books.billed(db, [number])
    billed = masking.billed(caller, [found], known).get(number)
    found = masking.transaction(caller, found)
    frame = await frame_of(request, db, caller, live=f"session/{number}")
    said = frame.words
    readings = await charging.readings(db, number)
    names = {each.key: each.name for each in await directory.organisations(db)}
    points = stories.curve_points(found, readings)
    emi3_id = await _emi3_id(request, db, found, now)
    frames: tuple[Frame, ...] = ()
    if caller.may(Permission.FRAMES_READ) and caller.scope.covers(found.owner):
        frames = await _frames(db, caller, number)
    view = SessionSheet(
        transaction_id=str(number),
        station=found.station,
        evse_id=found.evse_id,
        emi3_id=emi3_id,
        state=session_state(found, billed),
        zone=ZoneInfo(found.time_zone),
        started_at=found.started_at,
        ended_at=found.ended_at,
        lasted=(found.ended_at or now) - found.started_at,
        energy_wh=found.energy_wh
        if found.energy_wh is not None
        else (points[-1].energy_wh if points else None),
        token=found.id_token or "",
        charge_class="" if billed is None else billed.cdr.charge_class.value,
        share_bps=None if billed is None else billed.cdr.share_bps,
        payee="" if billed is None else names.get(billed.cdr.payee, billed.cdr.payee),
        payer=stories.payer(billed, names),
        statement_id=""
        if billed is None or not billed.settlements
        else billed.settlements[0].statement_id,
        hold_reasons=hold_reasons(found, billed),
        decided=stories.decided(billed, said),
        timeline=stories.timeline(found, readings, billed, said),
        curve=stories.curve(found, points, said) if len(points) > 1 else None,
        price=stories.priced(billed, said),
        facts=stories.facts(found, billed, names, said),
        frames=frames,
        can_be_decided=billed is not None and billed.state is BillingState.HELD,
    )
    found_of = [] if billed is None else await validity.findings_of(db, number)
    is_open = billed is not None and billed.state in _UNDECIDED
    values = {
        "view": view,
        "evidence": {each.reason.value: findings.evidence(each, caller, said) for each in found_of},
        "can_be_invalid": is_open,
        "is_loose": view.can_be_decided and loose_ends.is_loose(found),
        "can_be_valid": billed is not None and billed.state is BillingState.VOID,
        "corrections": await correcting.corrections_of(db, number),
        "signed": await signed_card(db, caller, found, said),
        "telling": await telling(db, caller, found, said),
        "money": await money_card(
            db, found, None if view.price is None else view.price.gross.amount, said
        ),
        "errors": errors or FormErrors(),
        "chosen": chosen,
        "reason": reason,
    }
    return page(frame, "session.html", values, status=status)


async def _emi3_id(request: Request, db: AsyncSession, found: Transaction, now: datetime) -> str:
    """The EVSE ID on the sticker; the station may be somebody else's by now, so any scope."""
    limits = silence_limits(context_of(request).settings)
    station = await registry.station(db, Scope(None), found.station, now, limits=limits)
    for evse in station.evses:
        if evse.evse_id == found.evse_id:
            return evse.emi3_id or ""
    return ""


async def _frames(db: AsyncSession, caller: Caller, number: int) -> tuple[Frame, ...]:
    """The raw messages that made the session: the first and the last of many."""
    reports = await charging.reports(db, number)
    if len(reports) > _REPORTS_SHOWN:
        half = _REPORTS_SHOWN // 2
        reports = [*reports[:half], *reports[-half:]]
    return tuple(
        replace(each, text=masking.frame(caller, each.text))
        for each in (frame_of_report(report, longest=LONGEST_TEXT) for report in reports)
    )
