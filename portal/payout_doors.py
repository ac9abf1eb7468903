"""What people do with payouts, for API and pages alike: asked for, done, and kept in the audit."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.permissions import Permission
from billing import books, paying, self_billing
from billing.paying import By
from billing.payouts import OtherPayment, Run, Step
from billing.self_billing import Standing
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey
from portal.guard import Caller

_LONGEST_NUMBER = 18

_DEEDS = {
    Step.RELEASE: "payout.release",
    Step.SEND: "payout.sent",
    Step.PAY: "payout.paid",
    Step.DISCARD: "payout.discard",
}


@dataclass(frozen=True, slots=True)
class PayoutFile:
    """The bank's file of a run."""

    name: str
    content: bytes
    sha256: str


def number_of(text: str) -> int:
    """Read a run's number from a path.

    Raises:
        NotFound: If it is no number that we could have given.
    """
    if not text.isascii() or not text.isdecimal() or len(text) > _LONGEST_NUMBER:
        raise NotFound("payout run", text)
    return int(text)


def right_for(step: Step) -> Permission:
    """Return the right that a step needs."""
    return Permission.PAYOUTS_RELEASE if step is Step.RELEASE else Permission.PAYOUTS_WRITE


async def prepare(
    db: AsyncSession,
    caller: Caller,
    *,
    execute_on: date,
    currency: str,
    due_until: date | None,
    payees: Collection[OrganisationKey] | None,
    now: datetime,
) -> Run:
    """Prepare a run; see `paying.prepare` for what is refused.

    Raises:
        NotFound: If a payee is none.
    """
    caller.must_have(Permission.PAYOUTS_WRITE)
    for payee in payees or ():
        caller.must_see(payee, "organisation", payee)
        await directory.organisation(db, payee)
    made = await paying.prepare(
        db,
        execute_on=execute_on,
        by=_by(caller),
        now=now,
        currency=currency,
        due_until=due_until,
        payees=payees,
    )
    await _note(db, caller, "payout.prepare", made, now)
    return made


async def take(db: AsyncSession, caller: Caller, run_id: int, step: Step, *, now: datetime) -> Run:
    """Bring a run a step further; see `paying` for what is refused."""
    caller.must_have(right_for(step))
    do = {
        Step.RELEASE: paying.release,
        Step.SEND: paying.mark_sent,
        Step.PAY: paying.mark_paid,
        Step.DISCARD: paying.discard,
    }[step]
    run = await do(db, run_id, by=_by(caller), now=now)
    await _note(db, caller, _DEEDS[step], run, now)
    return run


async def send_back(
    db: AsyncSession,
    caller: Caller,
    run_id: int,
    payment_id: int,
    *,
    returned_on: date,
    reason: str,
    now: datetime,
) -> Run:
    """Note that the bank sent a payment back; see `paying.mark_returned` for what is refused."""
    caller.must_have(Permission.PAYOUTS_WRITE)
    run = await paying.mark_returned(
        db,
        run_id,
        payment_id,
        returned_on=returned_on,
        reason=reason,
        by=_by(caller),
        now=now,
    )
    [payment] = [each for each in run.payments if each.id == payment_id]
    assert payment.returned is not None, "it has just come back"
    await caller.note(
        db,
        "payout.returned",
        f"payout_run/{run_id}",
        organisation=payment.payee,
        after={
            "payment": payment.reference,
            "amount": payment.amount.text,
            "currency": payment.amount.currency,
            "returned_on": returned_on.isoformat(),
            "reason": payment.returned.reason,
        },
        now=now,
    )
    return run


async def pay_otherwise(
    db: AsyncSession, caller: Caller, statement_id: str, *, now: datetime
) -> OtherPayment:
    """Say that a statement in another currency was paid; see `paying.mark_paid_otherwise`."""
    caller.must_have(Permission.PAYOUTS_RELEASE)
    await books.statement(db, statement_id, caller.scope)
    said = await paying.mark_paid_otherwise(db, statement_id, by=_by(caller), now=now)
    await caller.note(
        db,
        "statement.paid" if said.is_booked else "statement.paid_first",
        f"statement/{statement_id}",
        organisation=said.payee,
        after={"paid": said.amount.text, "currency": said.amount.currency},
        now=now,
    )
    return said


async def file_of(db: AsyncSession, caller: Caller, run_id: int, *, now: datetime) -> PayoutFile:
    """Return the bank's file; whoever fetches it has the run count as sent, and that is kept.

    It names payees and their accounts, and cannot be masked.

    Raises:
        NotPermitted: If the caller may not pay, or not see personal data.
        NotFound: If there is no such run, or no file of it: see `paying.hand_over`.
    """
    caller.must_have(Permission.PAYOUTS_WRITE)
    caller.must_have(Permission.CRM_READ)
    run = await paying.hand_over(db, run_id, by=_by(caller), now=now)
    assert run.file is not None, "a run that is handed over has its file"
    assert run.file_sha256 is not None, "a file is stored with its checksum"
    await _note(db, caller, "payout.file", run, now)
    return PayoutFile(f"payout-{run_id}.xml", run.file.encode(), run.file_sha256)


async def standing(db: AsyncSession, caller: Caller, payee: str) -> Standing:
    """Return how an owner in the caller's scope stands to being paid.

    Raises:
        NotFound: If he does not see it.
    """
    if not caller.may(Permission.PAYOUTS_READ):
        caller.must_have(Permission.SELF_BILLING_ACCEPT)
    key = OrganisationKey(payee)
    caller.must_see(key, "organisation", payee)
    return await self_billing.standing(db, key)


def may_accept(caller: Caller, found: Standing) -> bool:
    """Tell whether the caller is a person of the owner, or of one above it that is no operator."""
    return (
        caller.may(Permission.SELF_BILLING_ACCEPT)
        and caller.principal.person_id is not None
        and not caller.scope.is_whole
        and caller.scope.covers(found.organisation.key)
    )


async def accept(
    db: AsyncSession, caller: Caller, payee: str, *, language: str, now: datetime
) -> Standing:
    """Accept self-billing for an owner; see `self_billing.accept` for what is refused.

    Raises:
        NotFound: If the caller does not see the owner.
    """
    caller.must_have(Permission.SELF_BILLING_ACCEPT)
    key = OrganisationKey(payee)
    caller.must_see(key, "organisation", payee)
    before = await self_billing.standing(db, key)
    accepted = await self_billing.accept(
        db,
        key,
        language=language,
        by=caller.principal.id,
        by_name=caller.principal.name,
        of=caller.principal.organisation,
        now=now,
    )
    if accepted.acceptance is not None and accepted.acceptance != before.acceptance:
        await caller.note(
            db,
            "self_billing.accept",
            f"organisation/{key}",
            organisation=key,
            before=None if before.acceptance is None else {"iban": before.acceptance.iban},
            after={
                "terms": accepted.acceptance.terms,
                "iban": accepted.acceptance.iban,
                "vat_id": accepted.acceptance.vat_id,
            },
            now=now,
        )
    return accepted


def _by(caller: Caller) -> By:
    return By(caller.principal.id, caller.principal.name)


async def _note(db: AsyncSession, caller: Caller, deed: str, run: Run, now: datetime) -> None:
    await caller.note(
        db,
        deed,
        f"payout_run/{run.head.id}",
        organisation=None,
        after={
            "state": run.head.state.value,
            "payments": run.head.payments,
            "total": run.head.total.text,
            "currency": run.head.currency,
        },
        now=now,
    )
