"""Face: payments of drivers without a contract, through the payment port.

A driver names a limit and has it authorised at a payment provider; then a transaction is started
with a token of type DirectPayment that is his payment's alone. What it came to is captured, the
rest released. What the provider tells is kept once, however often it is told, and what moved money
is booked once. Nobody is the provider until somebody joins one: then nothing can be begun.

Source: OCPP 2.1 part 2, C24 and C25.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from secrets import token_hex
from typing import Final, Protocol

import structlog
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing import ledger, ledger_store, store
from billing.payment_tables import DirectPaymentRow, PaymentFactRow
from foundation.clock import Clock
from foundation.database import Database, Joint
from foundation.errors import Conflict, ExpectedError, InvalidInput, NotFound, Unavailable
from foundation.events import SettlementReported
from foundation.identifiers import IdToken, PartyId, TransactionId, normalised_token
from foundation.money import Money
from foundation.outbox import Delivery, Subscription

log = structlog.get_logger(__name__)

PROVIDER: Final = PartyId("AD*HOC")
"""Who answers for the tokens of those who pay at once."""

READER: Final = "payments"
STARTS_WITHIN: Final = timedelta(minutes=15)
"""An authorised payment whose charging has not begun by then is released."""

_ACCOUNT: Final = ledger.receivable(PROVIDER)
_PORT: Final[Joint["PaymentPort"]] = Joint("billing.direct_payments")


class FactKind(StrEnum):
    """What happens to money at a provider."""

    AUTHORISED = "authorised"
    CAPTURED = "captured"
    RELEASED = "released"
    FAILED = "failed"
    SETTLED = "settled"
    """At a station's own terminal."""


class PaymentState(StrEnum):
    """How far a payment is."""

    BEGUN = "begun"
    """The driver is at the provider's."""
    AUTHORISED = "authorised"
    STARTING = "starting"
    """The station was asked to start."""
    PAID = "paid"
    """Captured; the rest is released."""
    RELEASED = "released"
    """Nothing was taken."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PaymentFact:
    """Something that a provider tells of a payment; `id` is its own for it, the same each time."""

    ref: str
    kind: FactKind
    id: str
    amount: Money
    happened_at: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """What a driver is to pay; `key` names it, `back_url` is where he returns to."""

    key: str
    amount: Money
    station: str
    evse_id: int
    back_url: str


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the driver pays, and how the provider calls the payment."""

    ref: str
    url: str


class PaymentPort(Protocol):
    """A payment provider. Asked outside of units of work; each method may be called again."""

    @property
    def name(self) -> str:
        """How it is called in facts and on pages."""
        ...

    async def begin(self, order: Order) -> Begun:
        """Open a payment; the same order again gives the same.

        Raises:
            ExpectedError: It is not there, or does not want to.
        """
        ...

    async def facts(self, ref: str) -> Sequence[PaymentFact]:
        """Return all that happened to a payment so far.

        Raises:
            ExpectedError: It is not there.
        """
        ...

    async def capture(self, ref: str, amount: Money) -> None:
        """Take so much of what is authorised, once.

        Raises:
            ExpectedError: It is not there, or cannot.
        """
        ...

    async def release(self, ref: str) -> None:
        """Give back what is authorised and was not captured.

        Raises:
            ExpectedError: It is not there, or cannot.
        """
        ...


class NoProvider(Unavailable):
    """No payment provider is set."""

    code = "no_payment_provider"

    def __init__(self) -> None:
        super().__init__("No payment provider is set: drivers cannot pay here directly.")


class CodeUsed(Conflict):
    """The one-time code has begun a payment already."""

    code = "code_used"

    def __init__(self) -> None:
        super().__init__("This code was used already. Scan the one that the station shows now.")


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment as it stands."""

    key: str
    station: str
    evse_id: int
    state: PaymentState
    reason: str | None
    wanted: Money
    authorised: Money
    captured: Money
    released: Money
    due: Money | None
    max_energy_wh: Decimal | None
    max_time_s: int | None
    provider_ref: str | None
    transaction_id: int | None
    begun_at: datetime

    @property
    def missing(self) -> Money | None:
        """What the transaction cost beyond what could be taken; None for nothing."""
        if self.state is not PaymentState.PAID or self.due is None:
            return None
        missing = self.due - self.captured
        return missing if missing.amount > 0 else None


def join(database: Database, port: PaymentPort) -> None:
    """Say for a database who the payment provider is."""
    _PORT.join(database, port)


def port_of(db: AsyncSession) -> PaymentPort | None:
    """Return the payment provider; None where nobody joined one."""
    return _PORT.of(db)


# ----------------------------------------------------------------------------------- beginning


async def open_payment(
    db: AsyncSession,
    station: str,
    evse_id: int,
    wanted: Money,
    *,
    code_mark: str | None,
    now: datetime,
    max_energy_wh: Decimal | None = None,
    max_time_s: int | None = None,
) -> str:
    """Open a payment of a driver; return its key.

    Args:
        db: A unit of work.
        station: Where he stands.
        evse_id: Before which EVSE.
        wanted: The most that it may cost.
        code_mark: The one-time code of the station, which begins one payment; None: a static code.
        now: The moment.
        max_energy_wh: The most that he wants to take.
        max_time_s: The longest that he wants to stay.

    Raises:
        NoProvider: Nobody takes payments.
        CodeUsed: The code has begun one.
        InvalidInput: The amount cannot be.
    """
    port = port_of(db)
    if port is None:
        raise NoProvider
    if wanted.amount <= 0 or not wanted.is_rounded:
        raise InvalidInput("The amount is above 0.", field="maxCost")
    key = token_hex(16)
    made = await db.scalar(
        insert(DirectPaymentRow)
        .values(
            key=key,
            station=station,
            evse_id=evse_id,
            provider=port.name,
            code_mark=code_mark,
            state=PaymentState.BEGUN,
            currency=wanted.currency,
            wanted_minor=wanted.minor,
            authorised_minor=0,
            captured_minor=0,
            released_minor=0,
            max_energy_wh=max_energy_wh,
            max_time_s=max_time_s,
            begun_at=now,
            changed_at=now,
        )
        .on_conflict_do_nothing(index_elements=["code_mark"])
        .returning(DirectPaymentRow.key)
    )
    if made is None:
        raise CodeUsed
    return key


async def note_ref(db: AsyncSession, key: str, ref: str, *, now: datetime) -> None:
    """Note how the provider calls a payment."""
    row = await _locked(db, key)
    row.provider_ref, row.changed_at = ref, now
    await db.flush()


async def begin(database: Database, key: str, *, back_url: str, clock: Clock) -> str:
    """Open a payment at the provider; return where the driver pays.

    Raises:
        NoProvider: Nobody takes payments.
        ExpectedError: The provider is not there.
    """
    async with database.unit_of_work() as db:
        port, payment = port_of(db), await by_key(db, key)
    if port is None:
        raise NoProvider
    order = Order(key, payment.wanted, payment.station, payment.evse_id, back_url)
    begun = await port.begin(order)
    async with database.unit_of_work() as db:
        await note_ref(db, key, begun.ref, now=clock.now())
    return begun.url


async def look(database: Database, key: str, clock: Clock) -> Payment:
    """Ask the provider what became of a payment, and take it in; return how it stands.

    Raises:
        NotFound: There is no such payment.
        ExpectedError: The provider is not there.
    """
    async with database.unit_of_work() as db:
        port, payment = port_of(db), await by_key(db, key)
    if port is None or payment.provider_ref is None:
        return payment
    facts = await port.facts(payment.provider_ref)
    async with database.unit_of_work() as db:
        for fact in facts:
            await take(db, port.name, fact, now=clock.now())
        return await by_key(db, key)


async def claim_start(db: AsyncSession, key: str, *, now: datetime) -> IdToken | None:
    """Return the token that an authorised payment starts with; None: it was asked for before.

    Raises:
        NotFound: There is no such payment.
    """
    row = await _locked(db, key)
    if row.state != PaymentState.AUTHORISED or row.provider_ref is None:
        return None
    # OCPP: the token of a direct payment is the provider's reference for it (C25).
    token = IdToken(row.provider_ref, "DirectPayment")
    row.state, row.token_key, row.changed_at = PaymentState.STARTING, token.key, now
    await db.flush()
    return token


async def not_started(db: AsyncSession, key: str, reason: str, *, now: datetime) -> None:
    """Note that the station does not start: the payment is to be released."""
    row = await _locked(db, key)
    row.due_minor, row.reason, row.changed_at = 0, reason, now
    await db.flush()


# -------------------------------------------------------------------------------------- facts


async def take(db: AsyncSession, provider: str, fact: PaymentFact, *, now: datetime) -> bool:
    """Keep what a provider tells, and book what moved money; return whether it was new.

    What is told again changes nothing; money that comes later than its payment's end counts.
    """
    row = await db.scalar(
        select(DirectPaymentRow)
        .where(DirectPaymentRow.provider == provider, DirectPaymentRow.provider_ref == fact.ref)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound("payment", fact.ref)
    if fact.amount.currency != row.currency or fact.amount.amount < 0:
        raise InvalidInput("A payment keeps its currency.", field="currency")
    key = f"{provider}/{fact.ref}/{fact.kind}/{fact.id}"
    if not await _keep(db, key, row.key, fact, now):
        return False
    minor = fact.amount.minor
    match fact.kind:
        case FactKind.AUTHORISED:
            row.authorised_minor += minor
            if row.state == PaymentState.BEGUN:
                row.state = PaymentState.AUTHORISED
        case FactKind.CAPTURED:
            row.captured_minor += minor
            row.state = PaymentState.PAID
            await _book(db, key, fact, f"direct payment {row.key}", now)
        case FactKind.RELEASED:
            row.released_minor += minor
            if not row.captured_minor:
                row.state = PaymentState.RELEASED
        case FactKind.FAILED if row.state == PaymentState.BEGUN:
            row.state, row.reason = PaymentState.FAILED, fact.id
    row.changed_at = now
    await db.flush()
    return True


async def _keep(
    db: AsyncSession, key: str, payment: str | None, fact: PaymentFact, now: datetime
) -> bool:
    made = await db.scalar(
        insert(PaymentFactRow)
        .values(
            key=key,
            payment=payment,
            kind=fact.kind,
            amount_minor=fact.amount.minor,
            currency=fact.amount.currency,
            happened_at=fact.happened_at,
            taken_at=now,
        )
        .on_conflict_do_nothing()
        .returning(PaymentFactRow.key)
    )
    return made is not None


async def _book(
    db: AsyncSession, key: str, fact: PaymentFact, narration: str, now: datetime
) -> None:
    entry = ledger.advance_entry(
        account=_ACCOUNT, amount=fact.amount, booked_at=now, narration=narration
    )
    numbers = await ledger_store.add_entries(db, [entry])
    row = await db.get_one(PaymentFactRow, key)
    row.entry_id = next(iter(numbers), None)
    await db.flush()


async def take_settlements(db: AsyncSession, deliveries: Sequence[Delivery]) -> None:
    """Book what was paid at stations' terminals, each payment once.

    A payment that went through our own port is booked by its capture, whoever else tells of it.
    """
    for each in deliveries:
        event = each.event
        assert isinstance(event, SettlementReported)
        if event.status != "Settled" or event.amount_minor <= 0:
            continue
        ours = await db.scalar(
            select(DirectPaymentRow.key).where(DirectPaymentRow.provider_ref == event.psp_ref)
        )
        if ours is not None:
            continue
        amount = Money.from_minor(event.amount_minor, event.currency)
        fact = PaymentFact(
            event.psp_ref, FactKind.SETTLED, event.station, amount, event.happened_at
        )
        key = f"terminal/{event.station}/{event.psp_ref}"
        if await _keep(db, key, None, fact, each.recorded_at):
            narration = f"settlement {event.settlement_id}"
            await _book(db, key, fact, narration, each.recorded_at)


def subscription() -> Subscription:
    """Return the reader for the program."""
    return Subscription(READER, (SettlementReported.kind,), take_settlements)


# ------------------------------------------------------------------------------------ settling


async def settle(database: Database, clock: Clock) -> int:
    """Capture what is due, and release what is not taken; return how many payments were seen to.

    What the provider cannot do now is tried again with the next round.
    """
    async with database.unit_of_work() as db:
        port = port_of(db)
        await _find_due(db, now=clock.now())
        waiting = await _waiting(db, clock.now())
    if port is None:
        return 0
    for payment in waiting:
        assert payment.provider_ref is not None
        try:
            due = payment.due or Money.zero(payment.wanted.currency)
            taken = min(due, payment.authorised - payment.released, key=lambda each: each.amount)
            if taken.amount > 0 and not payment.captured.amount:
                await port.capture(payment.provider_ref, taken)
            if taken.amount < payment.authorised.amount and not payment.released.amount:
                await port.release(payment.provider_ref)
            await look(database, payment.key, clock)
        except ExpectedError as error:
            log.warning("payment.not_settled", payment=payment.key, reason=str(error))
    return len(waiting)


async def _find_due(db: AsyncSession, *, now: datetime) -> None:
    """Find the transactions of payments, and what they came to once it is booked."""
    started = await db.scalars(
        select(DirectPaymentRow)
        .where(
            DirectPaymentRow.state == PaymentState.STARTING,
            DirectPaymentRow.due_minor.is_(None),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for row in started:
        number = await db.scalar(
            text(
                "select transaction_id from transaction_terms"
                " where facts->>'station' = :station and facts->>'id_token' = :token"
                " order by transaction_id limit 1"
            ),
            {"station": row.station, "token": row.token_key},
        )
        if number is None:
            if row.begun_at + STARTS_WITHIN <= now:
                row.due_minor, row.reason, row.changed_at = 0, "not_started", now
            continue
        row.transaction_id = number
        found = await store.current_records(db, [number])
        record = found.get(TransactionId(number))
        # One that is held waits for whoever decides about it: nothing is taken before.
        if record is not None and record.cdr.hold_reason is None:
            row.due_minor, row.changed_at = record.cdr.gross.minor, now
    await db.flush()


async def _waiting(db: AsyncSession, now: datetime) -> list[Payment]:
    rows = await db.scalars(
        select(DirectPaymentRow)
        .where(
            DirectPaymentRow.provider_ref.is_not(None),
            DirectPaymentRow.state.in_((PaymentState.AUTHORISED, PaymentState.STARTING)),
        )
        .order_by(DirectPaymentRow.begun_at)
        .limit(100)
    )
    return [
        payment_of(row)
        for row in rows
        if row.due_minor is not None
        or (row.state == PaymentState.AUTHORISED and row.begun_at + STARTS_WITHIN <= now)
    ]


# ------------------------------------------------------------------------------------- reading


async def by_key(db: AsyncSession, key: str) -> Payment:
    """Return a payment.

    Raises:
        NotFound: There is none with this key.
    """
    row = await db.get(DirectPaymentRow, key, populate_existing=True)
    if row is None:
        raise NotFound("payment", key)
    return payment_of(row)


async def at_station(db: AsyncSession, station: str, *, limit: int = 20) -> list[Payment]:
    """Return the payments at a station, newest first; the caller checked the scope."""
    rows = await db.scalars(
        select(DirectPaymentRow)
        .where(DirectPaymentRow.station == station)
        .order_by(DirectPaymentRow.begun_at.desc())
        .limit(limit)
    )
    return [payment_of(row) for row in rows]


async def running(db: AsyncSession, token_keys: Sequence[str]) -> dict[str, Payment]:
    """Return the payments whose transactions run, by their tokens' keys."""
    rows = await db.scalars(
        select(DirectPaymentRow).where(
            DirectPaymentRow.token_key.in_([normalised_token(each) for each in token_keys]),
            DirectPaymentRow.state == PaymentState.STARTING,
        )
    )
    return {str(row.token_key): payment_of(row) for row in rows}


async def _locked(db: AsyncSession, key: str) -> DirectPaymentRow:
    row = await db.get(DirectPaymentRow, key, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("payment", key)
    return row


def payment_of(row: DirectPaymentRow) -> Payment:
    """Return a stored payment as a value."""

    def money(minor: int) -> Money:
        return Money.from_minor(minor, row.currency)

    return Payment(
        row.key,
        row.station,
        row.evse_id,
        PaymentState(row.state),
        row.reason,
        money(row.wanted_minor),
        money(row.authorised_minor),
        money(row.captured_minor),
        money(row.released_minor),
        None if row.due_minor is None else money(row.due_minor),
        row.max_energy_wh,
        row.max_time_s,
        row.provider_ref,
        row.transaction_id,
        row.begun_at,
    )
