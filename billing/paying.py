"""The face of payouts: runs are prepared, released by two people, sent to the bank, and paid.

What is paid is booked once, when the bank has carried it out: per statement, against the payable of
its payee. Before each release everything is compared with the books and the accounts again, so that
a run that was overtaken by something else is not released any more.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import Organisation, Scope
from billing import (
    books,
    contacts,
    ledger,
    ledger_store,
    payout_store,
    self_billing,
    statement_store,
)
from billing.contacts import checked_iban
from billing.ledger import EntryKind
from billing.payout_tables import PayoutRunRow
from billing.payouts import (
    Confirmation,
    DayOver,
    Hindrance,
    NoDebtorAccount,
    NothingToPay,
    NotReturnable,
    NotSepaCurrency,
    OpenStatement,
    OtherPayment,
    PaidByRun,
    Part,
    PayeeNotPayable,
    Payment,
    PayoutOutdated,
    PayoutState,
    Returned,
    Run,
    RunHead,
    Step,
    after,
    check_confirmation,
    check_release,
    check_return,
    due_by,
    parts_of,
)
from billing.self_billing import Standing
from billing.sepa import CURRENCY, Account, Transfer, TransferFile, pain_001
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey
from foundation.money import Money, total


@dataclass(frozen=True, slots=True)
class By:
    """Who does something: `id` as in `person/7`."""

    id: str
    name: str


async def prepare(
    db: AsyncSession,
    *,
    execute_on: date,
    by: By,
    now: datetime,
    currency: str = CURRENCY,
    due_until: date | None = None,
    payees: Collection[OrganisationKey] | None = None,
) -> Run:
    """Make a draft of what is to be paid: one payment for each payee who can be paid.

    Who cannot be paid is left out and named in the run with the reason; somebody who was asked for
    by name is refused instead.

    Args:
        db: A unit of work.
        execute_on: When the bank is to pay; not before today in the operator's zone.
        by: Who prepares it.
        now: When.
        currency: Of the statements; SEPA moves euro only.
        due_until: Only what is due by that day; what is to be taken off counts always.
        payees: Only these.

    Raises:
        NotSepaCurrency: If the currency is another than the euro.
        DayOver: If the day is over.
        NoDebtorAccount: If the operator's own IBAN is missing or wrong.
        PayeeNotPayable: If one of those named cannot be paid.
        NothingToPay: If nobody is to be paid.
    """
    if currency != CURRENCY:
        raise NotSepaCurrency(currency)
    operator = await directory.root(db)
    _check_day(operator, execute_on, now)
    debtor = await _debtor(db, operator.key)
    await payout_store.lock(db)
    found = await payout_store.open_statements(db, currency, payees)
    by_payee: defaultdict[OrganisationKey, list[OpenStatement]] = defaultdict(list)
    for each in found:
        by_payee[each.payee].append(each)
    owed = await payout_store.owed(db, list(by_payee), currency)
    standings = await _standings(db, by_payee)
    payments: list[tuple[Account, OrganisationKey, str, Sequence[Part]]] = []
    left_out: dict[OrganisationKey, Hindrance] = {}
    for payee, statements in by_payee.items():
        standing = standings[payee]
        parts = parts_of(due_by(statements, due_until), owed[payee])
        hindrance = _hindrance(operator.key, standing, statements, parts, owed[payee])
        if hindrance is None:
            to = _account(standing)
            payments.append((to, payee, _remittance(standing, parts), parts))
        elif payees is not None:
            raise PayeeNotPayable(payee, hindrance)
        else:
            left_out[payee] = hindrance
    if not payments:
        raise NothingToPay(left_out)
    run_id = await payout_store.add_run(
        db,
        currency=currency,
        execute_on=execute_on,
        debtor=debtor,
        payments=payments,
        left_out=left_out,
        now=now,
    )
    row = await _locked(db, run_id)
    await payout_store.set_state(db, row, PayoutState.DRAFT, by=by.id, by_name=by.name, now=now)
    return await payout_store.whole(db, row)


async def release(db: AsyncSession, run_id: int, *, by: By, now: datetime) -> Run:
    """Release a run; the second release, by somebody else, makes its file.

    Raises:
        NotFound: If there is no such run.
        WrongPayoutState: If it was released twice, or discarded.
        PersonNeeded: If a program releases it.
        ReleasedBySamePerson: If he released it before.
        DayOver: If the day on which the bank is to pay is over: another run is prepared.
        PayoutOutdated: If the books or an account are other ones since it was prepared.
    """
    await payout_store.lock(db)
    row = await _locked(db, run_id)
    run = await payout_store.whole(db, row)
    state = after(run_id, run.head.state, Step.RELEASE)
    check_release(run_id, run.released_by, by.id)
    _check_day(await directory.root(db), row.execute_on, now)
    await _check_still_right(db, run)
    if state is PayoutState.RELEASED:
        file = pain_001(
            TransferFile(
                message_id=f"LEITSTAND-{run_id}",
                created_at=now,
                execute_on=row.execute_on,
                debtor=run.debtor,
                transfers=[
                    Transfer(
                        reference=each.reference,
                        to=each.to,
                        amount=each.amount,
                        remittance=each.remittance,
                    )
                    for each in run.payments
                ],
            )
        )
        row.file = file.decode()
        row.file_sha256 = hashlib.sha256(file).hexdigest()
    await payout_store.set_state(db, row, state, by=by.id, by_name=by.name, now=now)
    return await payout_store.whole(db, row)


async def mark_sent(db: AsyncSession, run_id: int, *, by: By, now: datetime) -> Run:
    """Note that the bank has the file; once more changes nothing.

    Raises:
        NotFound: If there is no such run.
        WrongPayoutState: If it is not released, or is paid.
    """
    row = await _locked(db, run_id)
    if row.state != PayoutState.SENT:
        state = after(run_id, PayoutState(row.state), Step.SEND)
        await payout_store.set_state(db, row, state, by=by.id, by_name=by.name, now=now)
    return await payout_store.whole(db, row)


async def hand_over(db: AsyncSession, run_id: int, *, by: By, now: datetime) -> Run:
    """Return a run with its file for the bank, and count it as sent.

    Whoever has the file can send it at any time: from then on the run is not discarded, so that
    nobody is paid by it and by another one.

    Raises:
        NotFound: If there is no such run, or no file of it: it was not released twice, or is
            discarded.
    """
    row = await _locked(db, run_id)
    if row.file is None or row.state == PayoutState.DISCARDED:
        raise NotFound("file of payout run", run_id)
    if row.state == PayoutState.RELEASED:
        return await mark_sent(db, run_id, by=by, now=now)
    return await payout_store.whole(db, row)


async def mark_paid(db: AsyncSession, run_id: int, *, by: By, now: datetime) -> Run:
    """Book a run that the bank has carried out, once: each statement as it was prepared.

    What came back before is not booked.

    Raises:
        NotFound: If there is no such run.
        WrongPayoutState: If it was not sent, or is paid.
    """
    await payout_store.lock(db)
    row = await _locked(db, run_id)
    state = after(run_id, PayoutState(row.state), Step.PAY)
    run = await payout_store.whole(db, row)
    parts = [part for payment in run.payments for part in payment.parts]
    await ledger_store.add_entries(
        db,
        [
            ledger.payment_entry(
                payee=part.payee, amount=part.paid, statement_id=part.statement_id, booked_at=now
            )
            for part in parts
        ],
    )
    last = [part.statement_id for part in parts if part.is_last]
    changed = await payout_store.set_paid(db, last, now)
    assert changed == len(last), "a statement of the run was paid by something else"
    await payout_store.set_over(db, run_id)
    await payout_store.set_state(db, row, state, by=by.id, by_name=by.name, now=now)
    return await payout_store.whole(db, row)


async def mark_returned(
    db: AsyncSession,
    run_id: int,
    payment_id: int,
    *,
    returned_on: date,
    reason: str,
    by: By,
    now: datetime,
) -> Run:
    """Note that the bank sent a payment of a run back: what it paid is owed again.

    What was booked is taken back, and its statements wait for another run. Nothing is paid to the
    account any more until the owner accepts it again, or another one.

    Args:
        db: A unit of work.
        run_id: Of the run.
        payment_id: Of the payment.
        returned_on: When the bank sent it back.
        reason: As the bank says.
        by: Who notes it.
        now: When.

    Raises:
        NotFound: If there is no such run, or no such payment in it.
        NotReturnable: If the bank does not have it, or it came back before.
        InvalidInput: If the day is to come, or the reason is none.
    """
    await payout_store.lock(db)
    row = await _locked(db, run_id)
    run = await payout_store.whole(db, row)
    found = [each for each in run.payments if each.id == payment_id]
    if not found:
        raise NotFound("payment of the payout run", payment_id)
    [payment] = found
    if run.head.state not in (PayoutState.SENT, PayoutState.PAID) or payment.returned is not None:
        raise NotReturnable(payment.reference)
    today = now.astimezone(ZoneInfo((await directory.root(db)).time_zone)).date()
    returned = Returned(
        iban=payment.to.iban,
        returned_on=returned_on,
        reason=check_return(returned_on, reason, today),
        at=now,
        by_name=by.name,
    )
    if run.head.state is PayoutState.PAID:
        await _book_back(db, payment, now)
    await payout_store.let_go(db, run_id, payee=payment.payee)
    await payout_store.reopen(db, [part.statement_id for part in payment.parts])
    await payout_store.add_return(db, payment, returned=returned, by=by.id)
    return await payout_store.whole(db, row)


async def _book_back(db: AsyncSession, payment: Payment, now: datetime) -> None:
    """Take what a payment booked back, and set its statements unpaid."""
    entries = []
    for part in payment.parts:
        of = await ledger_store.entries_of_statement(db, part.statement_id)
        corrected = {each.corrects for each in of.values()}
        booked = [
            ledger.returned_entry(entry, entry_id=each, booked_at=now)
            for each, entry in of.items()
            if entry.kind is EntryKind.PAYMENT
            and entry.corrects is None
            and each not in corrected
            and entry.postings[:1] == (ledger.Posting(ledger.payable(part.payee), part.paid),)
        ]
        # Another run may have paid as much of it: which of the two is taken back is all one.
        entries += booked[-1:]
    back = total((each.postings[0].amount for each in entries), payment.amount.currency)
    assert back == -payment.amount, "what comes back is what was booked"
    await ledger_store.add_entries(db, entries)
    await payout_store.set_unpaid(db, [part.statement_id for part in payment.parts])


async def mark_paid_otherwise(
    db: AsyncSession, statement_id: str, *, by: By, now: datetime
) -> OtherPayment:
    """Say that a statement which SEPA cannot pay was paid; the second who says so books it.

    Both are people, and two different ones, as with a run. What the first said counts as long as
    the statement still comes to the same amount.

    Raises:
        NotFound: If there is none with this id.
        PaidByRun: If it is in euro.
        AlreadyPaid: If it is paid.
        CreditNoteTakenBack: If no credit note over it stands any more.
        PersonNeeded: If a program says so.
        ConfirmedBySamePerson: If he said so before.
    """
    await payout_store.lock(db)
    row = await statement_store.statement_row(db, statement_id)
    if row is None:
        raise NotFound("statement", statement_id)
    if row.currency == CURRENCY:
        raise PaidByRun(statement_id)
    amount = await books.to_pay(db, statement_id)
    first = await payout_store.first_confirmation(db, statement_id, row.currency)
    if first is not None and first.amount != amount:
        first = None
    check_confirmation(first, statement_id, by.id)
    is_booked = first is not None
    if first is None:
        first = Confirmation(amount=amount, at=now, by=by.id, by_name=by.name)
        await payout_store.confirm(db, statement_id, first)
    else:
        await books.mark_paid(db, statement_id, now=now)
    return OtherPayment(
        statement_id=statement_id,
        payee=OrganisationKey(row.payee),
        due_on=row.due_on,
        amount=amount,
        first=first,
        is_booked=is_booked,
    )


async def to_pay_otherwise(db: AsyncSession, scope: Scope) -> list[OtherPayment]:
    """Return the open statements of payees in scope that SEPA cannot pay."""
    found = await payout_store.statements_otherwise(db, CURRENCY)
    return [each for each in found if scope.covers(each.payee)]


async def discard(db: AsyncSession, run_id: int, *, by: By, now: datetime) -> Run:
    """Give up a run that was not sent; its statements wait for another one.

    Raises:
        NotFound: If there is no such run.
        WrongPayoutState: If the bank has it, or it was discarded.
    """
    row = await _locked(db, run_id)
    state = after(run_id, PayoutState(row.state), Step.DISCARD)
    await payout_store.let_go(db, run_id)
    await payout_store.set_state(db, row, state, by=by.id, by_name=by.name, now=now)
    return await payout_store.whole(db, row)


async def run(db: AsyncSession, run_id: int) -> Run:
    """Return a run.

    Raises:
        NotFound: If there is none with this number.
    """
    row = await payout_store.run_row(db, run_id)
    if row is None:
        raise NotFound("payout run", run_id)
    return await payout_store.whole(db, row)


async def runs(
    db: AsyncSession,
    *,
    state: PayoutState | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> list[RunHead]:
    """Return the runs, the newest first."""
    return await payout_store.runs(db, state=state, before=before, limit=limit)


# ---------------------------------------------------------------------------------- preparing


def _check_day(operator: Organisation, execute_on: date, now: datetime) -> None:
    """Refuse a day that is over in the operator's zone.

    Raises:
        DayOver: If it is.
    """
    if execute_on < now.astimezone(ZoneInfo(operator.time_zone)).date():
        raise DayOver


async def _debtor(db: AsyncSession, operator: OrganisationKey) -> Account:
    party = await contacts.payees_details(db, operator)
    if self_billing.account_hindrance(party) is not None:
        raise NoDebtorAccount
    assert party.iban is not None
    return Account(name=party.name, iban=checked_iban(party.iban), bic=self_billing.bic_of(party))


async def _standings(
    db: AsyncSession, payees: Collection[OrganisationKey]
) -> dict[OrganisationKey, Standing]:
    organisations = await directory.organisations(db, Scope(frozenset(payees)))
    return await self_billing.standings(db, organisations)


def _hindrance(
    operator: OrganisationKey,
    standing: Standing,
    statements: Sequence[OpenStatement],
    parts: Sequence[Part],
    owed: Money,
) -> Hindrance | None:
    if standing.organisation.key == operator:
        return Hindrance.OWN
    if not parts:
        if parts_of(due_by(statements, None), owed):
            return Hindrance.NOT_DUE
        if any(each.is_taken_back for each in statements):
            return Hindrance.TAKEN_BACK
        if any(each.waiting for each in statements):
            return Hindrance.AWAITING_RECEIPT
        return Hindrance.CARRIED_FORWARD
    return standing.hindrance


def _account(standing: Standing) -> Account:
    party = standing.party
    assert party.iban is not None
    return Account(name=party.name, iban=checked_iban(party.iban), bic=self_billing.bic_of(party))


def _remittance(standing: Standing, parts: Sequence[Part]) -> str:
    """Return what the payment is for, in the payee's language: its statements."""
    word = "Abrechnung" if standing.organisation.language == "de" else "Statement"
    return f"{word} {', '.join(part.statement.statement_id for part in parts)}"


async def _check_still_right(db: AsyncSession, found: Run) -> None:
    """Make sure that nothing was booked or changed since the run was prepared."""
    payees = [each.payee for each in found.payments]
    owed = await payout_store.owed(db, payees, found.head.currency, besides=found.head.id)
    standings = await _standings(db, payees)
    outdated = []
    for payment in found.payments:
        standing = standings[payment.payee]
        is_right = (
            standing.hindrance is None
            and _account(standing).iban == payment.to.iban
            and payment.amount <= owed[payment.payee]
        )
        if not is_right:
            outdated.append(payment.payee)
    if outdated:
        raise PayoutOutdated(found.head.id, outdated)


async def _locked(db: AsyncSession, run_id: int) -> PayoutRunRow:
    row = await payout_store.run_row(db, run_id, locked=True)
    if row is None:
        raise NotFound("payout run", run_id)
    return row
