"""Payouts: runs from the draft to the booking, and who accepted self-billing."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.permissions import Permission
from billing import paying, self_billing
from billing.payouts import Hindrance, PayoutState, Step, steps_of
from billing.self_billing import Standing
from billing.sepa import CURRENCY
from foundation.database import savepoint
from foundation.errors import Conflict, ExpectedError, InvalidInput, NotFound, NotPermitted
from portal import payout_doors
from portal.guard import Caller, require, signed_in
from portal.pages.surroundings import frame_of, page, went
from portal.payout_words import NO_DAY, hindrance_advice, hindrance_name, refusal
from portal.rendering import FormErrors, Frame, Turn, link, segment
from portal.routes import Db, Now, PageRoute

router = APIRouter(route_class=PageRoute)

PER_PAGE = 50
_FRIDAY = 5

Reader = Annotated[Caller, Depends(require(Permission.PAYOUTS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.PAYOUTS_WRITE))]
Owner = Annotated[Caller, Depends(signed_in)]
Day = Annotated[str, Form(max_length=10)]


@router.get("/payouts")
async def payouts(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    before: Annotated[int | None, Query()] = None,
) -> Response:
    """List payout runs, the newest first."""
    return await _list(request, db, now, caller, before=before)


@router.post("/payouts")
async def prepare(
    request: Request, db: Db, now: Now, caller: Writer, execute_on: Day = "", due_until: Day = ""
) -> Response:
    """Prepare a run and go to it."""
    try:
        async with await savepoint(db):
            made = await payout_doors.prepare(
                db,
                caller,
                execute_on=_day(execute_on, "execute_on"),
                currency=CURRENCY,
                due_until=_day(due_until, "due_until") if due_until else None,
                payees=None,
                now=now,
            )
    except (InvalidInput, Conflict) as error:
        given = {"execute_on": execute_on, "due_until": due_until}
        return await _list(request, db, now, caller, given=given, refused=error)
    return went(f"/payouts/{made.head.id}", done="payout-prepare")


async def _list(
    request: Request,
    db: AsyncSession,
    now: Now,
    caller: Caller,
    *,
    before: int | None = None,
    given: dict[str, str] | None = None,
    refused: ExpectedError | None = None,
    not_done: ExpectedError | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    names = {each.key: each.name for each in await directory.organisations(db, caller.scope)}
    found = await paying.runs(db, before=before, limit=PER_PAGE + 1)
    kept = found[:PER_PAGE]
    on = link("/payouts", {"before": kept[-1].id}) if len(found) > PER_PAGE else None
    errors = FormErrors()
    if refused is not None:
        field = refused.field if isinstance(refused, InvalidInput) else None
        errors = FormErrors({field or "execute_on": refusal(refused, frame.words)})
    values = {
        "runs": kept,
        "turn": Turn(1, len(kept), None, "/payouts" if before else None, on),
        "given": given
        or {"execute_on": _next_working_day(now.date()).isoformat(), "due_until": ""},
        "errors": errors,
        "others": [
            {
                "id": each.statement_id,
                "name": caller.personal(names.get(each.payee, each.payee)),
                "due_on": each.due_on,
                "amount": each.amount,
                "first_by": None if each.first is None else caller.personal(each.first.by_name),
                "is_by_me": each.first is not None and each.first.by == caller.principal.id,
            }
            for each in await paying.to_pay_otherwise(db, caller.scope)
        ],
        "refused": None if not_done is None else refusal(not_done, frame.words),
    }
    status = 422 if refused is not None else 409 if not_done is not None else 200
    return page(frame, "payouts.html", values, status=status)


@router.post("/payouts/otherwise/{statement_id:segment}")
async def pay_otherwise(
    request: Request, db: Db, now: Now, caller: Reader, statement_id: str
) -> Response:
    """Say that a statement which SEPA cannot pay was paid; the second who says so books it."""
    try:
        async with await savepoint(db):
            said = await payout_doors.pay_otherwise(db, caller, statement_id, now=now)
    except (Conflict, NotPermitted) as error:
        caller.must_have(Permission.PAYOUTS_RELEASE)
        return await _list(request, db, now, caller, not_done=error)
    return went("/payouts", done="payout-otherwise" if said.is_booked else "payout-said")


@router.get("/payouts/{run_id:segment}")
async def payout(request: Request, db: Db, caller: Reader, run_id: str) -> Response:
    """Show a run: what is paid to whom, who was left out, and what can be done with it."""
    return await _show(request, db, caller, run_id)


@router.post("/payouts/{run_id:segment}/returned")
async def send_back(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    run_id: str,
    payment: Annotated[str, Form(max_length=20)] = "",
    returned_on: Day = "",
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Note that the bank sent a payment back."""
    number = payout_doors.number_of(run_id)
    try:
        async with await savepoint(db):
            await payout_doors.send_back(
                db,
                caller,
                number,
                payout_doors.number_of(payment),
                returned_on=_day(returned_on, "returned_on"),
                reason=reason,
                now=now,
            )
    except (Conflict, InvalidInput) as error:
        return await _show(request, db, caller, run_id, refused=error)
    return went(f"/payouts/{number}", done="payout-returned")


@router.post("/payouts/{run_id:segment}/{step}")
async def take(
    request: Request, db: Db, now: Now, caller: Reader, run_id: str, step: str
) -> Response:
    """Bring a run a step further."""
    if step not in set(Step):
        raise NotFound("step of a payout run", step)
    number = payout_doors.number_of(run_id)
    try:
        async with await savepoint(db):
            await payout_doors.take(db, caller, number, Step(step), now=now)
    except (Conflict, InvalidInput, NotPermitted) as error:
        caller.must_have(payout_doors.right_for(Step(step)))
        return await _show(request, db, caller, run_id, refused=error)
    return went(f"/payouts/{number}", done=f"payout-{step}")


async def _show(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    run_id: str,
    *,
    refused: ExpectedError | None = None,
) -> Response:
    run = await paying.run(db, payout_doors.number_of(run_id))
    frame = await frame_of(request, db, caller)
    said = frame.words
    names = {each.key: each.name for each in await directory.organisations(db, caller.scope)}
    states = (PayoutState.RELEASED_ONCE, PayoutState.RELEASED)
    values = {
        "run": run,
        "possible": {
            step.value
            for step in steps_of(run.head.state)
            if caller.may(payout_doors.right_for(step))
        },
        "may_come_back": run.head.state in (PayoutState.SENT, PayoutState.PAID)
        and any(each.returned is None for each in run.payments)
        and caller.may(Permission.PAYOUTS_WRITE),
        "is_released_by_me": caller.principal.id in run.released_by,
        "releases": [each for each in run.steps if each.state in states],
        "left_out": [
            {
                "name": names.get(payee, payee),
                "payee": payee,
                "why": hindrance_name(each, said),
                "advice": hindrance_advice(each, said),
            }
            for payee, each in sorted(run.left_out.items())
        ],
        "show_iban": caller.may(Permission.CRM_READ),
        "personal": caller.personal,
        "refused": None if refused is None else refusal(refused, said),
    }
    return page(frame, "payout.html", values, status=200 if refused is None else 409)


# -------------------------------------------------------------------------------- self-billing


@router.get("/self-billing")
async def self_billing_list(
    request: Request, db: Db, caller: Owner, first: Annotated[int, Query(ge=1)] = 1
) -> Response:
    """Show who can be paid; an owner sees his own page at once."""
    if not caller.may(Permission.PAYOUTS_READ):
        caller.must_have(Permission.SELF_BILLING_ACCEPT)
    operator = await directory.root(db)
    organisations = [
        each for each in await directory.organisations(db, caller.scope) if each.key != operator.key
    ]
    frame = await frame_of(request, db, caller)
    if len(organisations) == 1:
        found = await self_billing.standing(db, organisations[0].key)
        return await _standing(frame, caller, found)
    shown = organisations[first - 1 : first - 1 + PER_PAGE]
    standings = await self_billing.standings(db, shown)
    last = first - 1 + len(shown)
    values = {
        "owners": [
            {
                "key": each.key,
                "name": each.name,
                "acceptance": standings[each.key].acceptance,
                "accepted_by": _accepted_by(caller, standings[each.key]),
                "why": _name(standings[each.key].hindrance, frame),
            }
            for each in shown
        ],
        "turn": Turn(
            first,
            last,
            len(organisations),
            "/self-billing" if first > 1 else None,
            link("/self-billing", {"first": last + 1}) if last < len(organisations) else None,
        ),
    }
    return page(frame, "self_billing_list.html", values)


@router.get("/self-billing/{payee:segment}")
async def standing(request: Request, db: Db, caller: Owner, payee: str) -> Response:
    """Show how an owner stands to being paid."""
    found = await payout_doors.standing(db, caller, payee)
    return await _standing(await frame_of(request, db, caller), caller, found)


@router.post("/self-billing/{payee:segment}")
async def accept(request: Request, db: Db, now: Now, caller: Owner, payee: str) -> Response:
    """Accept self-billing, in the language in which the sentences were read."""
    frame = await frame_of(request, db, caller)
    try:
        async with await savepoint(db):
            await payout_doors.accept(db, caller, payee, language=frame.language, now=now)
    except (Conflict, NotPermitted) as error:
        caller.must_have(Permission.SELF_BILLING_ACCEPT)
        found = await payout_doors.standing(db, caller, payee)
        return await _standing(frame, caller, found, refused=error)
    return went(f"/self-billing/{segment(payee)}", done="self-billing")


async def _standing(
    frame: Frame, caller: Caller, found: Standing, *, refused: ExpectedError | None = None
) -> Response:
    said = frame.words
    may_be_accepted = found.hindrance in self_billing.ACCEPTABLE
    values = {
        "standing": found,
        "name": caller.personal(found.party.name),
        "vat_id": caller.personal(found.party.vat_id),
        "iban": caller.personal(found.party.iban),
        "accepted_by": _accepted_by(caller, found),
        "accepted_iban": None
        if found.acceptance is None
        else caller.personal(found.acceptance.iban),
        "why": _name(found.hindrance, frame),
        "advice": None if found.hindrance is None else hindrance_advice(found.hindrance, said),
        "sentences": self_billing.SENTENCES[frame.language],
        "may_accept": may_be_accepted and payout_doors.may_accept(caller, found),
        "refused": None if refused is None else refusal(refused, said),
    }
    return page(frame, "self_billing.html", values, status=200 if refused is None else 409)


def _accepted_by(caller: Caller, found: Standing) -> str | None:
    by = found.acceptance
    return None if by is None else caller.personal(by.accepted_by_name)


def _name(hindrance: Hindrance | None, frame: Frame) -> str | None:
    return None if hindrance is None else hindrance_name(hindrance, frame.words)


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(NO_DAY, field=field) from None


def _next_working_day(day: date) -> date:
    """Return the next day from Monday to Friday: banks rest at the weekend."""
    following = day + timedelta(days=1)
    if following.isoweekday() > _FRIDAY:
        following += timedelta(days=8 - following.isoweekday())
    return following
