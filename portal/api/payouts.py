"""Payouts: runs that are prepared, released by two people, sent and paid; who may be paid."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field
from starlette.responses import Response

from accounts.permissions import Permission
from billing import paying, self_billing
from billing.payouts import (
    REMEDIES,
    Hindrance,
    Payment,
    PayoutState,
    Run,
    RunHead,
    Step,
    StepTaken,
    steps_of,
)
from billing.self_billing import Standing
from billing.sepa import CURRENCY
from foundation.identifiers import OrganisationKey
from portal import paging, payout_doors
from portal.api.models import Answer, Body, Moment, MoneyModel
from portal.guard import Caller, require, signed_in
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now

router = APIRouter(prefix="/payout-runs", tags=["payouts"], route_class=ApiRoute)
other = APIRouter(prefix="/statements", tags=["payouts"], route_class=ApiRoute)
consent = APIRouter(prefix="/self-billing", tags=["payouts"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.PAYOUTS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.PAYOUTS_WRITE))]
Releaser = Annotated[Caller, Depends(require(Permission.PAYOUTS_RELEASE))]
Owner = Annotated[Caller, Depends(signed_in)]


# -------------------------------------------------------------------------------------- models


class PartModel(Answer):
    """A statement in a payment, and what of the payment is booked on it."""

    statement_id: str
    due_on: date
    gross: MoneyModel
    paid: MoneyModel


class ReturnedModel(Answer):
    """That the bank sent a payment back."""

    returned_on: date
    reason: str
    noted_at: Moment
    noted_by: str


class PaymentModel(Answer):
    """What a payee is paid."""

    id: int
    payee: OrganisationKey
    name: str
    iban: str | None
    bic: str | None
    amount: MoneyModel
    remittance: str
    reference: str = Field(description="Given through to the payee (end-to-end id).")
    statements: list[PartModel] = Field(description="Empty when it came back: they wait again.")
    returned: ReturnedModel | None = Field(description="If the bank sent it back.")


class LeftOutModel(Answer):
    """A payee with an open statement that the run does not pay."""

    payee: OrganisationKey
    reason: Hindrance
    remedy: str = Field(description="What is to be done about it.")


class StepModel(Answer):
    """A state that the run reached."""

    state: PayoutState
    at: Moment
    by: str
    by_name: str


class RunHeadModel(Answer):
    """A payout run in a list."""

    id: int
    state: PayoutState
    execute_on: date
    created_at: Moment
    payments: int
    total: MoneyModel


class RunModel(RunHeadModel):
    """A payout run."""

    debtor: str
    debtor_iban: str | None
    details: list[PaymentModel]
    left_out: list[LeftOutModel]
    steps: list[StepModel] = Field(description="How it came here, oldest first.")
    possible: list[Step] = Field(description="What may be done with it now.")
    file_sha256: str | None = Field(description="Of the pain.001, from the second release on.")


class NewRun(Body):
    """What is to be paid."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"execute_on": "2026-11-03", "due_until": "2026-11-16", "payees": None}
        }
    )

    execute_on: date = Field(description="When the bank is to pay.")
    currency: str = Field(default=CURRENCY, min_length=3, max_length=3)
    due_until: date | None = Field(
        default=None, description="Only what is due by that day; everything open if left out."
    )
    payees: Annotated[list[str], Field(min_length=1, max_length=1000)] | None = Field(
        default=None, description="Only these; everybody who can be paid if left out."
    )


class ReturnBody(Body):
    """When and why the bank sent a payment back."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"returned_on": "2026-11-04", "reason": "AC04 account closed"}
        }
    )

    returned_on: date
    reason: Annotated[str, Field(min_length=1, max_length=140)]


class OtherPaymentModel(Answer):
    """A statement that was paid without a run."""

    statement_id: str
    amount: MoneyModel
    first_by: str = Field(description="Who was the first of two to say so.")
    is_booked: bool = Field(description="Whether the second one did, so that it is booked.")


class AcceptanceModel(Answer):
    """An owner's consent to self-billing."""

    accepted_at: Moment
    accepted_by: str
    terms: str
    language: str
    iban: str | None
    vat_id: str | None


class StandingModel(Answer):
    """How an owner stands to being paid."""

    payee: OrganisationKey
    name: str
    can_be_paid: bool
    reason: Hindrance | None = Field(description="Why not.")
    remedy: str | None
    acceptance: AcceptanceModel | None
    sentences: dict[str, str] = Field(description="What is accepted, by language.")


class AcceptBody(Body):
    """In which language the sentences were read."""

    model_config = ConfigDict(json_schema_extra={"example": {"language": "en"}})

    language: Annotated[str, Field(pattern="^(en|de)$")] = "en"


# ---------------------------------------------------------------------------------------- runs


@router.get("", summary="List payout runs")
async def list_payout_runs(
    db: Db,
    caller: Reader,
    state: PayoutState | None = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[RunHeadModel]:
    """The newest first."""
    before = paging.decoded(cursor, int)
    found = await paying.runs(
        db, state=state, before=None if before is None else before[0], limit=limit + 1
    )
    return paging.page(found, limit, shown=_head, key=lambda each: (each.id,))


@router.post("", status_code=201, summary="Prepare a payout run")
async def prepare_payout_run(
    response: Response, db: Db, now: Now, caller: Writer, body: NewRun
) -> RunModel:
    """One payment for each payee: all his open statements, less what he owes. Who cannot be paid is
    left out with the reason; one of the named payees is refused instead. Never more is paid than
    the ledger owes; a negative balance is carried forward."""
    made = await payout_doors.prepare(
        db,
        caller,
        execute_on=body.execute_on,
        currency=body.currency,
        due_until=body.due_until,
        payees=None if body.payees is None else [OrganisationKey(each) for each in body.payees],
        now=now,
    )
    response.headers["location"] = f"/api/v1/payout-runs/{made.head.id}"
    return _run(caller, made)


@router.get(
    "/{run_id}/pain.001.xml",
    summary="Get the bank's file of a payout run",
    response_class=Response,
    responses={200: {"content": {"application/xml": {}}, "description": "pain.001.001.09"}},
)
async def get_payout_file(db: Db, now: Now, caller: Writer, run_id: str) -> Response:
    """From the second release on, always the same. Fetching it is kept and counts as sending it:
    from then on the run cannot be discarded."""
    found = await payout_doors.file_of(db, caller, payout_doors.number_of(run_id), now=now)
    return Response(
        found.content,
        headers={
            "content-type": "application/xml",
            "content-disposition": f'attachment; filename="{found.name}"',
        },
    )


@router.get("/{run_id}", summary="Get a payout run")
async def get_payout_run(db: Db, caller: Reader, run_id: str) -> RunModel:
    """With its payments, who was left out, and who did what when."""
    return _run(caller, await paying.run(db, payout_doors.number_of(run_id)))


@router.post("/{run_id}/release", summary="Release a payout run")
async def release_payout_run(db: Db, now: Now, caller: Releaser, run_id: str) -> RunModel:
    """Two different people do, signed in; whoever prepared it may be one of them. The second
    release makes the bank's file."""
    return await _take(db, caller, run_id, Step.RELEASE, now=now)


@router.post("/{run_id}/sent", summary="Note that the bank has the file")
async def send_payout_run(db: Db, now: Now, caller: Writer, run_id: str) -> RunModel:
    """From then on the run cannot be discarded. Fetching the file has said so already."""
    return await _take(db, caller, run_id, Step.SEND, now=now)


@router.post("/{run_id}/paid", summary="Book a payout run as paid")
async def pay_payout_run(db: Db, now: Now, caller: Writer, run_id: str) -> RunModel:
    """When the bank has carried it out. It is booked once, and its statements are paid."""
    return await _take(db, caller, run_id, Step.PAY, now=now)


@router.post("/{run_id}/discard", summary="Discard a payout run")
async def discard_payout_run(db: Db, now: Now, caller: Writer, run_id: str) -> RunModel:
    """Before it is sent; its statements wait for another one."""
    return await _take(db, caller, run_id, Step.DISCARD, now=now)


@router.post("/{run_id}/payments/{payment_id}/returned", summary="Note a payment that came back")
async def return_payment(
    db: Db, now: Now, caller: Writer, run_id: str, payment_id: str, body: ReturnBody
) -> RunModel:
    """When the bank has sent a payment back: what was booked is taken back, its statements wait for
    another run, and nothing is paid to the account until the owner accepts it again."""
    run = await payout_doors.send_back(
        db,
        caller,
        payout_doors.number_of(run_id),
        payout_doors.number_of(payment_id),
        returned_on=body.returned_on,
        reason=body.reason,
        now=now,
    )
    return _run(caller, run)


@other.post("/{statement_id:segment}/paid", summary="Book a statement as paid otherwise")
async def pay_statement(db: Db, now: Now, caller: Releaser, statement_id: str) -> OtherPaymentModel:
    """For statements in other currencies than the euro, which SEPA does not move. Two different
    people say so, signed in, as with a run; the second one books it, once: what the statement comes
    to, less what the payee owes."""
    said = await payout_doors.pay_otherwise(db, caller, statement_id, now=now)
    assert said.first is not None, "somebody has just said so"
    return OtherPaymentModel(
        statement_id=said.statement_id,
        amount=MoneyModel.of(said.amount),
        first_by=caller.personal(said.first.by_name) or "",
        is_booked=said.is_booked,
    )


# --------------------------------------------------------------------------------- self-billing


@consent.get("/{payee:segment}", summary="Get how an owner stands to being paid")
async def get_self_billing(db: Db, caller: Owner, payee: str) -> StandingModel:
    """Consent to self-billing, VAT id and account: what is there, and what is missing."""
    return _standing(caller, await payout_doors.standing(db, caller, payee))


@consent.post("/{payee:segment}", summary="Accept self-billing")
async def accept_self_billing(
    db: Db, now: Now, caller: Owner, payee: str, body: AcceptBody
) -> StandingModel:
    """Only an authorised person of the owner does, signed in. It holds for the account that is on
    file now; another one has to be accepted again."""
    accepted = await payout_doors.accept(db, caller, payee, language=body.language, now=now)
    return _standing(caller, accepted)


# --------------------------------------------------------------------------------------- shapes


async def _take(db: Db, caller: Caller, run_id: str, step: Step, *, now: Now) -> RunModel:
    number = payout_doors.number_of(run_id)
    return _run(caller, await payout_doors.take(db, caller, number, step, now=now))


def _head(head: RunHead) -> RunHeadModel:
    return RunHeadModel(
        id=head.id,
        state=head.state,
        execute_on=head.execute_on,
        created_at=head.created_at,
        payments=head.payments,
        total=MoneyModel.of(head.total),
    )


def _run(caller: Caller, run: Run) -> RunModel:
    return RunModel(
        **_head(run.head).model_dump(),
        debtor=caller.personal(run.debtor.name) or "",
        debtor_iban=caller.personal(run.debtor.iban),
        details=[_payment(caller, each) for each in run.payments],
        left_out=[
            LeftOutModel(payee=payee, reason=each, remedy=REMEDIES[each])
            for payee, each in run.left_out.items()
        ],
        steps=[_step(caller, each) for each in run.steps],
        possible=sorted(
            step for step in steps_of(run.head.state) if caller.may(payout_doors.right_for(step))
        ),
        file_sha256=run.file_sha256,
    )


def _payment(caller: Caller, payment: Payment) -> PaymentModel:
    back = payment.returned
    return PaymentModel(
        id=payment.id,
        returned=None
        if back is None
        else ReturnedModel(
            returned_on=back.returned_on,
            reason=back.reason,
            noted_at=back.at,
            noted_by=caller.personal(back.by_name) or "",
        ),
        payee=payment.payee,
        name=caller.personal(payment.to.name) or "",
        iban=caller.personal(payment.to.iban),
        bic=payment.to.bic,
        amount=MoneyModel.of(payment.amount),
        remittance=payment.remittance,
        reference=payment.reference,
        statements=[
            PartModel(
                statement_id=each.statement_id,
                due_on=each.due_on,
                gross=MoneyModel.of(each.gross),
                paid=MoneyModel.of(each.paid),
            )
            for each in payment.parts
        ],
    )


def _step(caller: Caller, step: StepTaken) -> StepModel:
    by_name = caller.personal(step.by_name) or ""
    return StepModel(state=step.state, at=step.at, by=step.by, by_name=by_name)


def _standing(caller: Caller, found: Standing) -> StandingModel:
    acceptance = found.acceptance
    return StandingModel(
        payee=found.organisation.key,
        name=caller.personal(found.party.name) or "",
        can_be_paid=found.hindrance is None,
        reason=found.hindrance,
        remedy=None if found.hindrance is None else REMEDIES[found.hindrance],
        acceptance=None
        if acceptance is None
        else AcceptanceModel(
            accepted_at=acceptance.accepted_at,
            accepted_by=caller.personal(acceptance.accepted_by_name) or "",
            terms=acceptance.terms,
            language=acceptance.language,
            iban=caller.personal(acceptance.iban),
            vat_id=caller.personal(acceptance.vat_id),
        ),
        sentences=dict(self_billing.SENTENCES),
    )
