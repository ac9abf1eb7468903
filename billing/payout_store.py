"""The statements to the database about payouts: what is open, runs, payments and their steps."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, case, delete, exists, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing import ledger, ledger_store, receipt_store, receipts
from billing.document_tables import DocumentRow, DocumentStateRow
from billing.documents import DocumentKind
from billing.payout_tables import (
    OtherPaymentRow,
    PayoutPaymentRow,
    PayoutReturnRow,
    PayoutRunRow,
    PayoutStatementRow,
    PayoutStepRow,
)
from billing.payouts import (
    Confirmation,
    Hindrance,
    OpenStatement,
    OtherPayment,
    PaidPart,
    Part,
    Payment,
    PayoutState,
    Returned,
    Run,
    RunHead,
    StepTaken,
    payable_now,
    to_pay,
)
from billing.sepa import Account
from billing.statements import StatementState
from billing.tables import StatementRow
from foundation.identifiers import OrganisationKey
from foundation.money import Money

_ACCOUNTS = (ledger.payable, ledger.uncredited)


async def lock(db: AsyncSession) -> None:
    """Let nobody else prepare, release or pay a run until this unit of work ends."""
    await db.execute(text("select pg_advisory_xact_lock(hashtext('payouts'))"))


async def open_statements(
    db: AsyncSession, currency: str, payees: Collection[str] | None
) -> list[OpenStatement]:
    """Return, locked, the statements that are neither paid nor in a run, by payee and day.

    Args:
        db: A unit of work.
        currency: Of the statements.
        payees: None for all.
    """
    in_run = _under_way()
    query = (
        select(StatementRow, _is_taken_back())
        .where(
            StatementRow.currency == currency,
            StatementRow.state != StatementState.PAID,
            StatementRow.statement_id.not_in(in_run),
        )
        .order_by(StatementRow.payee, StatementRow.due_on, StatementRow.statement_id)
        .with_for_update(of=StatementRow)
    )
    if payees is not None:
        query = query.where(StatementRow.payee.in_(payees))
    found = [
        OpenStatement(
            statement_id=row.statement_id,
            payee=OrganisationKey(row.payee),
            gross=Money.from_minor(row.payout_gross_minor, row.currency),
            due_on=row.due_on,
            issued_at=row.issued_at,
            is_taken_back=is_taken_back,
        )
        for row, is_taken_back in await db.execute(query)
    ]
    waits = await receipt_store.waiting(db, {each.payee for each in found}, currency)
    paid = await receipt_store.paid_before(db, [each.statement_id for each in found])
    nothing = Money.zero(currency)
    return [
        receipts.open_part(
            each,
            paid=Money.from_minor(paid.get(each.statement_id, 0), currency),
            waiting=waits.get(each.statement_id, nothing),
        )
        for each in found
    ]


async def is_taken_back(db: AsyncSession, statement_id: str) -> bool:
    """Tell whether a statement's credit note was taken back and not written again."""
    query = select(_is_taken_back()).where(StatementRow.statement_id == statement_id)
    return bool(await db.scalar(query))


async def owed(
    db: AsyncSession,
    payees: Collection[OrganisationKey],
    currency: str,
    *,
    besides: int | None = None,
) -> dict[OrganisationKey, Money]:
    """Return what payees are owed beyond what runs that are under way will pay them.

    Args:
        db: A unit of work.
        payees: Who.
        currency: Of what is owed.
        besides: As if the run with this number were none.
    """
    accounts = [account(each) for each in payees for account in _ACCOUNTS]
    balances = await ledger_store.balances(db, accounts)
    waiting = await _taken_back(db, currency, payees, besides=besides)
    awaited = await _awaited(db, currency, payees, besides=besides)
    promised = await under_way(db, currency, payees, besides=besides)
    nothing = Money.zero(currency)
    return {
        payee: payable_now(
            ledger.owed(balances, ledger.payable(payee), currency),
            ledger.owed(balances, ledger.uncredited(payee), currency),
            waiting.get(payee, nothing),
        )
        - promised.get(payee, nothing)
        - awaited.get(payee, nothing)
        for payee in payees
    }


def _under_way() -> Select[str]:
    """Select the statements in runs that do not leave anything of them for another run."""
    return select(PayoutStatementRow.statement_id).where(~PayoutStatementRow.is_over)


async def _awaited(
    db: AsyncSession, currency: str, payees: Collection[str], *, besides: int | None
) -> dict[str, Money]:
    """Return what waits for providers' money, by payee, without statements that wait whole."""
    waits = await receipt_store.waiting(db, payees, currency)
    if not waits:
        return {}
    rows = await db.execute(
        select(StatementRow.statement_id, StatementRow.payee).where(
            StatementRow.statement_id.in_(waits), ~_waits_whole(besides)
        )
    )
    found: dict[str, Money] = {}
    for statement_id, payee in rows:
        found[payee] = found.get(payee, Money.zero(currency)) + waits[statement_id]
    return found


async def _taken_back(
    db: AsyncSession, currency: str, payees: Collection[str], *, besides: int | None
) -> dict[OrganisationKey, Money]:
    """Return what is left to pay of statements that wait whole, by payee."""
    rows = list(
        await db.execute(
            select(StatementRow.statement_id, StatementRow.payee, StatementRow.payout_gross_minor)
            .where(StatementRow.payee.in_(payees), StatementRow.currency == currency)
            .where(StatementRow.state != StatementState.PAID, _waits_whole(besides))
        )
    )
    paid = await receipt_store.paid_before(db, [statement_id for statement_id, _, _ in rows])
    found: dict[OrganisationKey, Money] = {}
    for statement_id, payee, minor in rows:
        key = OrganisationKey(payee)
        left = Money.from_minor(minor - paid.get(statement_id, 0), currency)
        found[key] = found.get(key, Money.zero(currency)) + left
    return found


def _waits_whole(besides: int | None) -> ColumnElement[bool]:
    """Tell of a statement that it was taken back and that no run under way is about to pay it."""
    in_run = _under_way().where(PayoutStatementRow.run_id != (0 if besides is None else besides))
    return _is_taken_back() & StatementRow.statement_id.not_in(in_run)


def _is_taken_back() -> ColumnElement[bool]:
    """Tell of a statement that credit notes were written over it, and that none of them stands."""
    notes = (
        exists()
        .where(
            DocumentRow.statement_id == StatementRow.statement_id,
            DocumentRow.kind == DocumentKind.CREDIT_NOTE,
            DocumentStateRow.number == DocumentRow.number,
        )
        .correlate(StatementRow)
    )
    standing = notes.where(DocumentStateRow.cancelled_at.is_(None))
    return notes & ~standing


async def add_run(
    db: AsyncSession,
    *,
    currency: str,
    execute_on: date,
    debtor: Account,
    payments: Sequence[tuple[Account, OrganisationKey, str, Sequence[Part]]],
    left_out: Mapping[OrganisationKey, Hindrance],
    now: datetime,
) -> int:
    """Write a draft with its payments (to whom, whose, what for, of which statements)."""
    run_id = (
        await db.execute(
            insert(PayoutRunRow)
            .values(
                state=PayoutState.DRAFT,
                currency=currency,
                execute_on=execute_on,
                created_at=now,
                debtor_name=debtor.name,
                debtor_iban=debtor.iban,
                debtor_bic=debtor.bic,
                left_out=[
                    {"payee": payee, "hindrance": each} for payee, each in sorted(left_out.items())
                ],
            )
            .returning(PayoutRunRow.id)
        )
    ).scalar_one()
    await db.execute(
        insert(PayoutPaymentRow).values(
            [
                {
                    "run_id": run_id,
                    "payee": payee,
                    "name": to.name,
                    "iban": to.iban,
                    "bic": to.bic,
                    "amount_minor": sum(part.paid.minor for part in parts),
                    "remittance": remittance,
                }
                for to, payee, remittance, parts in payments
            ]
        )
    )
    await db.execute(
        insert(PayoutStatementRow).values(
            [
                {
                    "statement_id": part.statement.statement_id,
                    "run_id": run_id,
                    "payee": payee,
                    "position": position,
                    "due_on": part.statement.due_on,
                    "gross_minor": part.statement.gross.minor,
                    "paid_minor": part.paid.minor,
                    "is_last": part.is_last,
                }
                for _, payee, _, parts in payments
                for position, part in enumerate(parts, start=1)
            ]
        )
    )
    return run_id


async def run_row(db: AsyncSession, run_id: int, *, locked: bool = False) -> PayoutRunRow | None:
    """Return a run's row."""
    return await db.get(PayoutRunRow, run_id, with_for_update=locked or None)


async def set_state(
    db: AsyncSession,
    row: PayoutRunRow,
    state: PayoutState,
    *,
    by: str,
    by_name: str,
    now: datetime,
) -> None:
    """Write the state that a run reached, and who brought it there."""
    row.state = state
    await db.flush()
    values = {"run_id": row.id, "state": state, "at": now, "by": by, "by_name": by_name}
    await db.execute(insert(PayoutStepRow).values(values))


async def let_go(db: AsyncSession, run_id: int, *, payee: OrganisationKey | None = None) -> None:
    """Set the statements of a run free: all, or those of a payee."""
    statement = delete(PayoutStatementRow).where(PayoutStatementRow.run_id == run_id)
    if payee is not None:
        statement = statement.where(PayoutStatementRow.payee == payee)
    await db.execute(statement)


async def set_over(db: AsyncSession, run_id: int) -> None:
    """Let the statements of a paid run go whose rest comes with another one."""
    await db.execute(
        update(PayoutStatementRow)
        .where(PayoutStatementRow.run_id == run_id, ~PayoutStatementRow.is_last)
        .values(is_over=True)
    )


async def reopen(db: AsyncSession, statement_ids: Collection[str]) -> None:
    """Let no run be the last one of statements of which a payment came back."""
    paid = select(PayoutRunRow.id).where(PayoutRunRow.state == PayoutState.PAID)
    await db.execute(
        update(PayoutStatementRow)
        .where(PayoutStatementRow.statement_id.in_(statement_ids))
        .values(is_last=False, is_over=PayoutStatementRow.run_id.in_(paid))
    )


async def add_return(db: AsyncSession, payment: Payment, *, returned: Returned, by: str) -> None:
    """Keep that the bank sent a payment back."""
    await db.execute(
        insert(PayoutReturnRow).values(
            payment_id=payment.id,
            payee=payment.payee,
            iban=returned.iban,
            returned_on=returned.returned_on,
            reason=returned.reason,
            at=returned.at,
            by=by,
            by_name=returned.by_name,
        )
    )


async def last_returns(
    db: AsyncSession, payees: Collection[str]
) -> dict[OrganisationKey, Returned]:
    """Return the last payment of each payee that came back, where one did."""
    rows = await db.execute(
        select(PayoutReturnRow)
        .where(PayoutReturnRow.payee.in_(payees))
        .order_by(PayoutReturnRow.at, PayoutReturnRow.payment_id)
    )
    return {OrganisationKey(row.payee): _returned(row) for row in rows.scalars()}


def _returned(row: PayoutReturnRow) -> Returned:
    return Returned(
        iban=row.iban,
        returned_on=row.returned_on,
        reason=row.reason,
        at=row.at,
        by_name=row.by_name,
    )


async def set_unpaid(db: AsyncSession, statement_ids: Collection[str]) -> None:
    """Note statements as paid no more."""
    await db.execute(
        update(StatementRow)
        .where(StatementRow.statement_id.in_(statement_ids))
        .values(
            state=case(
                (StatementRow.sent_at.is_(None), StatementState.OPEN.value),
                else_=StatementState.SENT.value,
            ),
            paid_at=None,
        )
    )


async def set_paid(db: AsyncSession, statement_ids: Collection[str], now: datetime) -> int:
    """Note statements as paid; return how many were not before."""
    found = await db.execute(
        update(StatementRow)
        .where(
            StatementRow.statement_id.in_(statement_ids), StatementRow.state != StatementState.PAID
        )
        .values(state=StatementState.PAID, paid_at=now)
        .returning(StatementRow.statement_id)
    )
    return len(list(found.scalars()))


async def run_of_statement(db: AsyncSession, statement_id: str) -> int | None:
    """Return the run that a statement is in, if it is in one."""
    query = select(PayoutStatementRow.run_id).where(
        PayoutStatementRow.statement_id == statement_id, ~PayoutStatementRow.is_over
    )
    return (await db.execute(query)).scalar_one_or_none()


async def statements_otherwise(db: AsyncSession, currency: str) -> list[OtherPayment]:
    """Return the open statements in all currencies but one, by payee and day, with who says what.

    Those whose credit note was taken back, or of which something is due on receipt, wait and are
    missing.
    """
    rows = list(
        await db.execute(
            select(StatementRow, OtherPaymentRow)
            .outerjoin(OtherPaymentRow, OtherPaymentRow.statement_id == StatementRow.statement_id)
            .where(
                StatementRow.currency != currency,
                StatementRow.state != StatementState.PAID,
                ~_is_taken_back(),
            )
            .order_by(StatementRow.payee, StatementRow.due_on, StatementRow.statement_id)
        )
    )
    payees: defaultdict[str, set[OrganisationKey]] = defaultdict(set)
    for row, _ in rows:
        payees[row.currency].add(OrganisationKey(row.payee))
    due = {each: await owed(db, its, each) for each, its in payees.items()}
    waits = {each: await receipt_store.waiting(db, its, each) for each, its in payees.items()}
    found = []
    for row, said in rows:
        if row.statement_id in waits[row.currency]:
            continue
        payee = OrganisationKey(row.payee)
        gross = Money.from_minor(row.payout_gross_minor, row.currency)
        amount = to_pay(gross, due[row.currency][payee])
        first = None if said is None else _confirmation(said, row.currency)
        found.append(
            OtherPayment(
                statement_id=row.statement_id,
                payee=payee,
                due_on=row.due_on,
                amount=amount,
                first=first if first is not None and first.amount == amount else None,
                is_booked=False,
            )
        )
    return found


async def first_confirmation(
    db: AsyncSession, statement_id: str, currency: str
) -> Confirmation | None:
    """Return who was the first to say that a statement was paid without a run."""
    row = await db.get(OtherPaymentRow, statement_id)
    return None if row is None else _confirmation(row, currency)


async def confirm(db: AsyncSession, statement_id: str, said: Confirmation) -> None:
    """Keep who was the first to say that a statement was paid without a run."""
    values = {
        "amount_minor": said.amount.minor,
        "at": said.at,
        "by": said.by,
        "by_name": said.by_name,
    }
    await db.execute(
        insert(OtherPaymentRow)
        .values(statement_id=statement_id, **values)
        .on_conflict_do_update(index_elements=["statement_id"], set_=values)
    )


def _confirmation(row: OtherPaymentRow, currency: str) -> Confirmation:
    amount = Money.from_minor(row.amount_minor, currency)
    return Confirmation(amount=amount, at=row.at, by=row.by, by_name=row.by_name)


async def under_way(
    db: AsyncSession, currency: str, payees: Collection[str], *, besides: int | None = None
) -> dict[OrganisationKey, Money]:
    """Return what runs will pay that are neither paid nor discarded, by payee.

    What came back is owed again.

    Args:
        db: A unit of work.
        currency: Of the runs.
        payees: Whose payments.
        besides: Without the run with this number.
    """
    rows = await db.execute(
        select(PayoutPaymentRow.payee, func.sum(PayoutPaymentRow.amount_minor))
        .join(PayoutRunRow, PayoutRunRow.id == PayoutPaymentRow.run_id)
        .outerjoin(PayoutReturnRow, PayoutReturnRow.payment_id == PayoutPaymentRow.id)
        .where(
            PayoutReturnRow.payment_id.is_(None),
            PayoutPaymentRow.payee.in_(payees),
            PayoutRunRow.currency == currency,
            PayoutRunRow.state.not_in((PayoutState.PAID, PayoutState.DISCARDED)),
            PayoutRunRow.id != (0 if besides is None else besides),
        )
        .group_by(PayoutPaymentRow.payee)
    )
    return {OrganisationKey(payee): Money.from_minor(int(minor), currency) for payee, minor in rows}


async def runs(
    db: AsyncSession,
    *,
    state: PayoutState | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> list[RunHead]:
    """Return the runs, the newest first.

    Args:
        db: A unit of work.
        state: Only those in it.
        before: From behind the run with this number.
        limit: At most so many.
    """
    query = select(PayoutRunRow).order_by(PayoutRunRow.id.desc()).limit(limit)
    if state is not None:
        query = query.where(PayoutRunRow.state == state)
    if before is not None:
        query = query.where(PayoutRunRow.id < before)
    rows = list((await db.execute(query)).scalars())
    sums = await db.execute(
        select(
            PayoutPaymentRow.run_id,
            func.count(),
            func.sum(PayoutPaymentRow.amount_minor),
        )
        .where(PayoutPaymentRow.run_id.in_([row.id for row in rows]))
        .group_by(PayoutPaymentRow.run_id)
    )
    counted = {run_id: (count, int(minor)) for run_id, count, minor in sums}
    return [_head(row, *counted[row.id]) for row in rows]


async def whole(db: AsyncSession, row: PayoutRunRow) -> Run:
    """Return a run with its payments and steps."""
    payments = list(
        (
            await db.execute(
                select(PayoutPaymentRow)
                .where(PayoutPaymentRow.run_id == row.id)
                .order_by(PayoutPaymentRow.id)
            )
        ).scalars()
    )
    parts: defaultdict[str, list[PaidPart]] = defaultdict(list)
    for each in (
        await db.execute(
            select(PayoutStatementRow)
            .where(PayoutStatementRow.run_id == row.id)
            .order_by(PayoutStatementRow.payee, PayoutStatementRow.position)
        )
    ).scalars():
        parts[each.payee].append(
            PaidPart(
                statement_id=each.statement_id,
                payee=OrganisationKey(each.payee),
                due_on=each.due_on,
                gross=Money.from_minor(each.gross_minor, row.currency),
                paid=Money.from_minor(each.paid_minor, row.currency),
                is_last=each.is_last,
            )
        )
    steps = (
        await db.execute(
            select(PayoutStepRow).where(PayoutStepRow.run_id == row.id).order_by(PayoutStepRow.at)
        )
    ).scalars()
    order = list(PayoutState)
    returns = await db.execute(
        select(PayoutReturnRow).where(
            PayoutReturnRow.payment_id.in_([each.id for each in payments])
        )
    )
    returned = {each.payment_id: _returned(each) for each in returns.scalars()}
    return Run(
        head=_head(row, len(payments), sum(each.amount_minor for each in payments)),
        debtor=Account(name=row.debtor_name, iban=row.debtor_iban, bic=row.debtor_bic),
        payments=tuple(
            Payment(
                id=each.id,
                payee=OrganisationKey(each.payee),
                to=Account(name=each.name, iban=each.iban, bic=each.bic),
                amount=Money.from_minor(each.amount_minor, row.currency),
                remittance=each.remittance,
                reference=f"LEITSTAND-{row.id}-{each.id}",
                parts=tuple(parts[each.payee]),
                returned=returned.get(each.id),
            )
            for each in payments
        ),
        left_out={
            OrganisationKey(each["payee"]): Hindrance(each["hindrance"]) for each in row.left_out
        },
        steps=tuple(
            sorted(
                (
                    StepTaken(
                        state=PayoutState(each.state), at=each.at, by=each.by, by_name=each.by_name
                    )
                    for each in steps
                ),
                key=lambda one: (one.at, order.index(one.state)),
            )
        ),
        file=row.file,
        file_sha256=row.file_sha256,
    )


def _head(row: PayoutRunRow, payments: int, total_minor: int) -> RunHead:
    return RunHead(
        id=row.id,
        state=PayoutState(row.state),
        currency=row.currency,
        execute_on=row.execute_on,
        created_at=row.created_at,
        payments=payments,
        total=Money.from_minor(total_minor, row.currency),
    )
