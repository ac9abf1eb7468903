"""The face of the books: balances, entries, statements, and what became of transactions."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import WHOLE, Scope
from billing import (
    book_store,
    ledger,
    ledger_store,
    payout_store,
    payouts,
    receipt_store,
    statement_store,
    store,
)
from billing.book_store import DayFigures, HeldTransaction
from billing.cdr import Cdr
from billing.ledger import JournalEntry, LedgerAccount
from billing.months import Month
from billing.payouts import CreditNoteTakenBack, InPayoutRun, ReceiptAwaited
from billing.statement_forms import moment_text, number
from billing.statement_store import Settlement
from billing.statements import Statement, StatementState
from billing.tables import StatementRow
from billing.terms import Basis
from foundation.errors import Conflict, NotFound
from foundation.identifiers import OrganisationKey, TransactionId
from foundation.money import Money

# ------------------------------------------------------------------------------------ ledger


async def balances(
    db: AsyncSession, accounts: Sequence[LedgerAccount] | None = None
) -> dict[LedgerAccount, dict[str, Money]]:
    """Return the balances of some accounts, or of all, by currency; debits are positive."""
    return await ledger_store.balances(db, accounts)


async def owed_to(db: AsyncSession, payee: OrganisationKey) -> dict[str, Money]:
    """Return what statements say that a payee is owed, by currency; negative is carried forward."""
    account = ledger.payable(payee)
    found = (await ledger_store.balances(db, [account])).get(account, {})
    return {currency: -money for currency, money in found.items()}


async def entries(
    db: AsyncSession, account: LedgerAccount, *, after: int = 0, limit: int = 100
) -> dict[int, JournalEntry]:
    """Return an account's entries with all their postings, by number, oldest first."""
    return await ledger_store.entries_of_account(db, account, after=after, limit=limit)


async def entries_of(db: AsyncSession, transaction_id: TransactionId) -> dict[int, JournalEntry]:
    """Return all entries about a transaction, by number, oldest first."""
    return await ledger_store.entries_of_transactions(db, [transaction_id])


# -------------------------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementHead:
    """A statement in a list."""

    statement_id: str
    payee: OrganisationKey
    month: str
    currency: str
    issued_at: datetime
    due_on: date
    state: StatementState
    payout_net: Money
    payout_gross: Money


async def statements(
    db: AsyncSession,
    scope: Scope = WHOLE,
    *,
    payee: OrganisationKey | None = None,
    month: str | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> list[StatementHead]:
    """Return the statements of the payees in scope, newest month first.

    Args:
        db: A unit of work.
        scope: Whose statements may be seen.
        payee: Only this one's.
        month: Only of this month.
        after: From behind the statement with this id.
        limit: At most so many.
    """
    payees = scope.organisations
    if payee is not None:
        payees = frozenset({payee}) if scope.covers(payee) else frozenset()
    last = None if after is None else await statement_store.statement_row(db, after)
    rows = await statement_store.statements(
        db,
        payees,
        month=month,
        after=None if last is None else (last.month, last.payee, last.currency),
        limit=limit,
    )
    return [_head(row) for row in rows]


async def statement(db: AsyncSession, statement_id: str, scope: Scope = WHOLE) -> Statement:
    """Return a statement as it was printed, with its present state.

    Raises:
        NotFound: If there is none with this id in scope.
    """
    row = await statement_store.statement_row(db, statement_id)
    if row is None or not scope.covers(OrganisationKey(row.payee)):
        raise NotFound("statement", statement_id)
    return await statement_store.whole(db, row)


async def mark_sent(db: AsyncSession, statement_id: str, *, now: datetime) -> None:
    """Note that a statement was handed to its payee; one that is paid stays so.

    Raises:
        NotFound: If there is none with this id.
    """
    row = await _locked(db, statement_id)
    if row.state == StatementState.OPEN:
        row.state = StatementState.SENT
        row.sent_at = now
        await db.flush()


async def awaiting_receipt(db: AsyncSession, statement: Statement) -> Money | None:
    """Return what of a statement waits now for providers to pay, with its tax; None for nothing."""
    found = await receipt_store.waiting(db, [statement.payee.key], statement.currency)
    return found.get(statement.statement_id)


class AlreadyPaid(Conflict):
    """The statement is paid already."""

    code = "already_paid"

    def __init__(self, statement_id: str) -> None:
        super().__init__(f"Statement {statement_id} is paid already.")


async def to_pay(db: AsyncSession, statement_id: str) -> Money:
    """Return what is to be paid on a statement, which stays locked until the unit of work ends.

    What the payee owes from earlier statements is taken off first; a statement that comes to
    nothing or less is settled by being carried forward.

    Raises:
        NotFound: If there is none with this id.
        AlreadyPaid: If it is paid.
        InPayoutRun: If a payout run that is under way pays it.
        CreditNoteTakenBack: If no credit note over it stands any more.
        ReceiptAwaited: If part of it is due when a provider has paid.
    """
    row = await _locked(db, statement_id)
    if row.state == StatementState.PAID:
        raise AlreadyPaid(statement_id)
    run_id = await payout_store.run_of_statement(db, statement_id)
    if run_id is not None:
        raise InPayoutRun(statement_id, run_id)
    if await payout_store.is_taken_back(db, statement_id):
        raise CreditNoteTakenBack(statement_id)
    payee = OrganisationKey(row.payee)
    if statement_id in await receipt_store.waiting(db, [payee], row.currency):
        raise ReceiptAwaited(statement_id)
    owed = (await payout_store.owed(db, [payee], row.currency))[payee]
    paid = (await receipt_store.paid_before(db, [statement_id])).get(statement_id, 0)
    rest = Money.from_minor(row.payout_gross_minor - paid, row.currency)
    return payouts.to_pay(rest, owed)


async def mark_paid(db: AsyncSession, statement_id: str, *, now: datetime) -> Money:
    """Book a statement as paid, and return what was paid: see `to_pay` for what is refused.

    Where it comes to nothing, nothing is booked.
    """
    amount = await to_pay(db, statement_id)
    row = await _locked(db, statement_id)
    payee = OrganisationKey(row.payee)
    await ledger_store.add_entries(
        db,
        [
            ledger.payment_entry(
                payee=payee, amount=amount, statement_id=statement_id, booked_at=now
            )
        ],
    )
    row.state = StatementState.PAID
    row.paid_at = now
    await db.flush()
    return amount


async def _locked(db: AsyncSession, statement_id: str) -> StatementRow:
    row = await statement_store.statement_row(db, statement_id, locked=True)
    if row is None:
        raise NotFound("statement", statement_id)
    return row


def _head(row: StatementRow) -> StatementHead:
    return StatementHead(
        statement_id=row.statement_id,
        payee=OrganisationKey(row.payee),
        month=row.month,
        currency=row.currency,
        issued_at=row.issued_at,
        due_on=row.due_on,
        state=StatementState(row.state),
        payout_net=Money.from_minor(row.payout_net_minor, row.currency),
        payout_gross=Money.from_minor(row.payout_gross_minor, row.currency),
    )


# ------------------------------------------------------------------- what became of transactions


class BillingState(StrEnum):
    """What billing has made of a transaction that ended."""

    RATED = "rated"
    """Booked, and waiting for a statement."""
    HELD = "held"
    """Waiting for a person."""
    CLOSED = "closed"
    """On a statement."""
    VOID = "void"
    """Nobody is paid for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledTransaction:
    """A transaction as billing sees it.

    Attributes:
        cdr: The current record, with class, payer, share and the priced lines.
        basis: What the share is taken of.
        tariff: The tariff's id and version; None if there was none.
        hold_reason: Why nobody is paid for it; None if it is rated or closed.
        decision: What a person decided, who, when and why, if somebody did.
        settlements: The statements it stands on, oldest first.
    """

    cdr: Cdr
    basis: Basis
    tariff: tuple[str, int] | None
    state: BillingState
    hold_reason: str | None
    decision: HeldTransaction | None
    settlements: tuple[Settlement, ...]


async def billed(
    db: AsyncSession, transaction_ids: Iterable[TransactionId]
) -> dict[TransactionId, BilledTransaction]:
    """Return what became of transactions; those that billing has not rated are missing."""
    ids = list(transaction_ids)
    records = await store.current_records(db, ids)
    holds = await book_store.holds_of(db, ids)
    settled = await statement_store.settlements(db, ids)
    numbers = {each.cdr.tariff_id for each in records.values() if each.cdr.tariff_id is not None}
    tariffs = await book_store.tariff_names(db, numbers)
    result = {}
    for transaction_id, record in records.items():
        hold = holds.get(transaction_id)
        settlements = tuple(settled.get(transaction_id, ()))
        state, reason = _state(hold, is_settled=bool(settlements))
        number_ = record.cdr.tariff_id
        result[transaction_id] = BilledTransaction(
            cdr=record.cdr,
            basis=record.basis,
            tariff=None if number_ is None else tariffs[number_],
            state=state,
            hold_reason=reason,
            decision=hold if hold is not None and hold.decided_at is not None else None,
            settlements=settlements,
        )
    return result


async def state_of(
    db: AsyncSession, transaction_ids: Iterable[TransactionId]
) -> dict[TransactionId, BillingState]:
    """Return what billing has made of transactions; those not rated yet are missing."""
    ids = list(transaction_ids)
    holds = await book_store.holds_of(db, ids)
    settled = await statement_store.settlements(db, ids)
    rated = await store.current_revisions(db, ids)
    return {
        transaction_id: _state(holds.get(transaction_id), is_settled=transaction_id in settled)[0]
        for transaction_id in rated
    }


def _state(hold: HeldTransaction | None, *, is_settled: bool) -> tuple[BillingState, str | None]:
    if hold is not None and hold.decision == "voided":
        return BillingState.VOID, "by_hand"
    if hold is not None and hold.decision is None:
        return BillingState.HELD, hold.reason
    return (BillingState.CLOSED if is_settled else BillingState.RATED), None


async def transactions_in(
    db: AsyncSession, states: Iterable[BillingState], scope: Scope = WHOLE
) -> frozenset[TransactionId]:
    """Return the transactions in scope that wait for a person, or were voided.

    Only `HELD` and `VOID` can be asked for: these lists are short, the others are not.
    """
    wanted = frozenset(states)
    assert wanted <= {BillingState.HELD, BillingState.VOID}
    return frozenset(
        each.transaction_id
        for each in await book_store.open_holds(
            db, scope.organisations, with_voided=BillingState.VOID in wanted, limit=None
        )
        if _state(each, is_settled=False)[0] in wanted
    )


async def held(
    db: AsyncSession, scope: Scope = WHOLE, *, limit: int | None = None
) -> list[HeldTransaction]:
    """Return the transactions in scope that wait for a person, the oldest end first."""
    return await book_store.open_holds(db, scope.organisations, with_voided=False, limit=limit)


async def daily(
    db: AsyncSession, scope: Scope, zone: ZoneInfo, *, first: date, last: date
) -> list[DayFigures]:
    """Return energy, number and net revenue of ended transactions by day in a zone, voids left out.

    Args:
        db: A unit of work.
        scope: Whose stations.
        zone: Whose days.
        first: The first day.
        last: The last day, included; days without a transaction are missing.
    """
    start = datetime(first.year, first.month, first.day, tzinfo=zone)
    after = last + timedelta(days=1)
    end = datetime(after.year, after.month, after.day, tzinfo=zone)
    return await book_store.daily(db, scope.organisations, str(zone), start, end)


# ----------------------------------------------------------------------------- transactions.csv


TRANSACTION_COLUMNS: Final = (
    "transaction_id",
    "station",
    "evse_id",
    "id_token",
    "payee",
    "class",
    "started_at",
    "ended_at",
    "meter_start_wh",
    "meter_stop_wh",
    "energy_wh",
    "energy_basis",
    "net_amount",
    "currency",
    "share_bps",
    "payout_amount",
    "statement_id",
    "hold_reason",
)
"""The columns of `transactions.csv`."""


def transaction_row(billed: BilledTransaction, settlement: Settlement | None) -> Mapping[str, str]:
    """Return a transaction as a row of `transactions.csv`.

    One that nobody is paid for comes to 0.00, so that the rows add up; one that is rated and on no
    statement yet has no payout.
    """
    cdr = billed.cdr
    nothing = Money.zero(cdr.net.currency).text
    net, payout, share = cdr.net.text, "", cdr.share_bps
    if settlement is not None:
        net, payout = settlement.net.text, settlement.payout.text
    elif billed.hold_reason is not None:
        net, payout = nothing, nothing
    return {
        "transaction_id": str(cdr.transaction_id),
        "station": cdr.station,
        "evse_id": str(cdr.evse_id),
        "id_token": "" if cdr.id_token is None else cdr.id_token.value,
        "payee": cdr.payee,
        "class": cdr.charge_class,
        "started_at": moment_text(cdr.started_at),
        "ended_at": moment_text(cdr.ended_at),
        "meter_start_wh": _plain(cdr.meter_start_wh),
        "meter_stop_wh": _plain(cdr.meter_stop_wh),
        "energy_wh": _plain(cdr.energy_wh),
        "energy_basis": cdr.energy_basis,
        "net_amount": net,
        "currency": cdr.net.currency,
        "share_bps": str(share),
        "payout_amount": payout,
        "statement_id": "" if settlement is None else settlement.statement_id,
        "hold_reason": billed.hold_reason or "",
    }


async def transactions_of(
    db: AsyncSession,
    month: str,
    scope: Scope = WHOLE,
    *,
    payee: OrganisationKey | None = None,
) -> AsyncIterator[Mapping[str, str]]:
    """Yield a row of `transactions.csv` for each transaction of a month, by payee and number.

    That is each that ended in the month in its payee's zone, or stands on a statement of it.

    Raises:
        InvalidInput: If the month is none.
    """
    wanted = Month.parse(month)
    for each in await directory.organisations(db, scope):
        if payee is not None and each.key != payee:
            continue
        zone = ZoneInfo(each.time_zone)
        ids = await book_store.transactions_of(
            db, each.key, month, start=wanted.start(zone), end=wanted.end(zone)
        )
        for found in _chunks(ids):
            transactions = await billed(db, found)
            months = await book_store.statement_ids(db, each.key, month)
            for transaction_id in found:
                transaction = transactions[transaction_id]
                yield transaction_row(transaction, _shown(transaction.settlements, months))


def _shown(settlements: Sequence[Settlement], of_month: frozenset[str]) -> Settlement | None:
    """Return the month's own settlement, else the one that paid it first."""
    own = [each for each in settlements if each.statement_id in of_month]
    return own[0] if own else next(iter(settlements), None)


def _chunks(ids: Sequence[TransactionId]) -> Iterable[Sequence[TransactionId]]:
    return (ids[start : start + 2000] for start in range(0, len(ids), 2000))


def _plain(value: Decimal | None) -> str:
    return "" if value is None else str(number(value))
