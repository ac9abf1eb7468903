"""Face: prepaid cards: money comes onto a card, charging takes it off.

A card's token belongs to a provider of its own, so what it charges is booked on that provider's
account, and what was paid for it stands against it there: the account's balance is always the
money on all cards, with the sign turned. A card without money is answered NoCredit.

Source: OCPP 2.1 part 2, C17.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Protocol

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing import ledger, ledger_store, store
from billing.payment_tables import PrepaidBookingRow, PrepaidCardRow
from foundation.database import Database, Joint
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import PartyId, TransactionId, normalised_token
from foundation.money import MINOR_DIGITS, Money

PROVIDER: Final = PartyId("PRE*PAID")
"""Who answers for the tokens of prepaid cards."""

MOST_TOP_UP: Final = Decimal(1000)
_ACCOUNT: Final = ledger.receivable(PROVIDER)
_CREDIT: Final[Joint["Credit"]] = Joint("billing.prepaid")


class Credit(Protocol):
    """Lets tokens charge, or answers NoCredit for them; fulfilled by csms."""

    async def set_credit(
        self, db: AsyncSession, token_key: str, *, has_credit: bool, now: datetime
    ) -> None:
        """Say whether there is money on a card."""
        ...

    async def issue(self, db: AsyncSession, token: str, provider: PartyId, now: datetime) -> bool:
        """Make a token of the provider's that cannot charge yet; False: there is such a token."""
        ...

    async def set_blocked(
        self, db: AsyncSession, token_key: str, *, is_blocked: bool, has_credit: bool, now: datetime
    ) -> bool:
        """Let a card charge no more, or again as far as there is money; tell whether it changed."""
        ...

    async def sessions(self, db: AsyncSession, token_key: str) -> Mapping[int, int | None]:
        """Return a card's transactions with their revision; None: the end is not known yet."""
        ...


def join(database: Database, credit: Credit) -> None:
    """Say for a database who answers for tokens."""
    _CREDIT.join(database, credit)


class CardExists(Conflict):
    """The token is a prepaid card already."""

    code = "card_exists"

    def __init__(self, token: str) -> None:
        super().__init__(f"{token} is a prepaid card already.")


class OtherTopUp(Conflict):
    """The key stands for other money already: another amount, or on another card."""

    code = "other_top_up"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"{key} stands for another amount, or another card, already: look its booking up."
        )


class TokenTaken(Conflict):
    """There is such a token, which somebody else may answer for."""

    code = "token_taken"

    def __init__(self, token: str) -> None:
        super().__init__(f"{token} is a token already: a new card needs one of its own.")


class NothingLeft(Conflict):
    """There is nothing on the card that could be paid out."""

    code = "nothing_left"

    def __init__(self, token: str) -> None:
        super().__init__(f"Nothing is left on {token}.")


class StillCharges(Conflict):
    """What the card charges is not known yet."""

    code = "still_charges"

    def __init__(self, token: str) -> None:
        super().__init__(f"A session of {token} is not billed yet: its rest is not known before.")


@dataclass(frozen=True, slots=True)
class Card:
    """A prepaid card with the money that is on it."""

    token_key: str
    balance: Money


@dataclass(frozen=True, slots=True)
class Booking:
    """Money that came onto a card (above zero) or went off it, and the balance after."""

    kind: str
    amount: Money
    balance: Money
    transaction_id: int | None
    booked_at: datetime
    booked_by: str


async def make_card(db: AsyncSession, token: str, currency: str, *, by: str, now: datetime) -> Card:
    """Make a token a prepaid card without money; it belongs to `PROVIDER` already.

    Raises:
        CardExists: It is one.
    """
    key = normalised_token(token)
    made = await db.scalar(
        insert(PrepaidCardRow)
        .values(token_key=key, currency=currency, balance_minor=0, made_at=now, made_by=by)
        .on_conflict_do_nothing()
        .returning(PrepaidCardRow.token_key)
    )
    if made is None:
        raise CardExists(token)
    await _tell(db, key, 0, now)
    return Card(key, Money.zero(currency))


async def issue(db: AsyncSession, token: str, currency: str, *, by: str, now: datetime) -> Card:
    """Issue a card: its token is made at `PROVIDER`, and it is a card without money at once.

    Raises:
        CardExists: It is a card already.
        TokenTaken: It is a token already, and none of a card.
        InvalidInput: It cannot be a token, or there is no such currency.
    """
    if currency not in MINOR_DIGITS:
        raise InvalidInput("currency is one of ISO 4217.", field="currency")
    key = normalised_token(token)
    if await db.get(PrepaidCardRow, key) is not None:
        raise CardExists(token)
    if not await _credit(db).issue(db, token, PROVIDER, now):
        raise TokenTaken(token)
    return await make_card(db, token, currency, by=by, now=now)


async def block(db: AsyncSession, token: str, *, is_blocked: bool, now: datetime) -> bool:
    """Let a card charge no more, or again; tell whether that changed anything.

    Its money stays; one that is let charge again without money is answered NoCredit.

    Raises:
        NotFound: There is no such card.
    """
    row = await _locked(db, normalised_token(token))
    return await _credit(db).set_blocked(
        db, row.token_key, is_blocked=is_blocked, has_credit=row.balance_minor > 0, now=now
    )


async def pay_out(db: AsyncSession, token: str, *, key: str, by: str, now: datetime) -> Booking:
    """Pay out all that is left on a card, when it has paid what it charged; once by the key.

    Args:
        db: A unit of work.
        token: The card's.
        key: Natural, such as the receipt's number; the same again returns the same booking.
        by: Who paid it out.
        now: The moment.

    Raises:
        NotFound: There is no such card.
        OtherTopUp: The key stands for money of another card.
        StillCharges: A session of it goes on, is not rated, or is held: the rest is not known.
        NothingLeft: There is nothing on it.
    """
    row = await _locked(db, normalised_token(token))
    name = f"pay-out/{key}"
    before = await db.scalar(select(PrepaidBookingRow).where(PrepaidBookingRow.key == name))
    if before is not None:
        if before.token_key != row.token_key:
            raise OtherTopUp(key)
        return _booking(before, row.currency)
    if not await _is_settled(db, row.token_key):
        raise StillCharges(token)
    await _take_off(db, row.token_key, now)
    if row.balance_minor <= 0:
        raise NothingLeft(token)
    rest = Money.from_minor(row.balance_minor, row.currency)
    made = await _book(db, row, "paid_out", name, -rest.minor, None, by=by, now=now)
    assert made, "nobody books on a locked card"
    entry = ledger.advance_entry(
        account=_ACCOUNT, amount=-rest, booked_at=now, narration=f"pay-out {key}"
    )
    await ledger_store.add_entries(db, [entry])
    return Booking("paid_out", -rest, Money.zero(row.currency), None, now, by)


async def top_up(
    db: AsyncSession, token: str, amount: Money, *, key: str, by: str, now: datetime
) -> Card:
    """Put money on a card; the same key again puts it there once.

    Args:
        db: A unit of work.
        token: The card's.
        amount: Above zero, rounded, in the card's currency.
        key: Natural, such as the receipt's number.
        by: Who took the money.
        now: The moment.

    Raises:
        NotFound: There is no such card.
        InvalidInput: The amount cannot be put there.
        OtherTopUp: The key stands for another amount, or for another card.
    """
    row = await _locked(db, normalised_token(token))
    if amount.currency != row.currency:
        raise InvalidInput(f"The card has {row.currency}.", field="currency")
    if not amount.is_rounded or not 0 < amount.amount <= MOST_TOP_UP:
        raise InvalidInput(f"amount is above 0, at most {MOST_TOP_UP}.", field="amount")
    name = f"top-up/{key}"
    if not await _book(db, row, "top_up", name, amount.minor, None, by=by, now=now):
        booked = select(PrepaidBookingRow.token_key, PrepaidBookingRow.amount_minor)
        its = (await db.execute(booked.where(PrepaidBookingRow.key == name))).one()
        if tuple(its) != (row.token_key, amount.minor):
            raise OtherTopUp(key)
    else:
        entry = ledger.advance_entry(
            account=_ACCOUNT, amount=amount, booked_at=now, narration=f"top-up {key}"
        )
        await ledger_store.add_entries(db, [entry])
    return Card(row.token_key, Money.from_minor(row.balance_minor, row.currency))


async def card(db: AsyncSession, token: str) -> Card:
    """Return a card.

    Raises:
        NotFound: There is none with this token.
    """
    row = await db.get(PrepaidCardRow, normalised_token(token), populate_existing=True)
    if row is None:
        raise NotFound("prepaid card", token)
    return Card(row.token_key, Money.from_minor(row.balance_minor, row.currency))


async def cards(db: AsyncSession, *, after: str | None = None, limit: int = 50) -> list[Card]:
    """Return all cards by their tokens' keys, those behind one of them."""
    query = select(PrepaidCardRow).order_by(PrepaidCardRow.token_key).limit(limit)
    if after is not None:
        query = query.where(PrepaidCardRow.token_key > after)
    rows = await db.scalars(query.execution_options(populate_existing=True))
    return [Card(row.token_key, Money.from_minor(row.balance_minor, row.currency)) for row in rows]


async def bookings(db: AsyncSession, token: str, *, limit: int = 100) -> list[Booking]:
    """Return what came onto a card and went off it, newest first."""
    key = normalised_token(token)
    found = await card(db, token)
    rows = await db.scalars(
        select(PrepaidBookingRow)
        .where(PrepaidBookingRow.token_key == key)
        .order_by(PrepaidBookingRow.id.desc())
        .limit(limit)
    )
    return [_booking(row, found.balance.currency) for row in rows]


def _booking(row: PrepaidBookingRow, currency: str) -> Booking:
    return Booking(
        row.kind,
        Money.from_minor(row.amount_minor, currency),
        Money.from_minor(row.balance_minor, currency),
        row.transaction_id,
        row.booked_at,
        row.booked_by,
    )


async def balances(db: AsyncSession, token_keys: Sequence[str]) -> dict[str, Money]:
    """Return what is on the cards among some tokens."""
    rows = await db.scalars(select(PrepaidCardRow).where(PrepaidCardRow.token_key.in_(token_keys)))
    return {row.token_key: Money.from_minor(row.balance_minor, row.currency) for row in rows}


async def take_off(db: AsyncSession, *, now: datetime) -> int:
    """Take off the cards what the ledger says that they charged; return how many bookings.

    Of each transaction the difference between the provider's account and what was taken off so
    far: a corrected, released or voided one is put right, and nothing is taken twice.
    """
    return await _take_off(db, None, now)


async def _take_off(db: AsyncSession, only: str | None, now: datetime) -> int:
    """Take off all cards, or only one that the caller has locked: never a second one beside it."""
    narrowed = "" if only is None else " where token_key = :only"
    rows = await db.execute(
        text(f"select transaction_id, token_key from ({_OWED}) o{narrowed}"),  # noqa: S608
        _NAMED if only is None else _NAMED | {"only": only},
    )
    made = 0
    for number, token_key in sorted(rows.all(), key=lambda each: (str(each[1]), each[0])):
        row = await db.get(PrepaidCardRow, token_key, with_for_update=True, populate_existing=True)
        if row is None:
            continue
        # Asked again under the lock: another round may have taken it off meanwhile.
        owed = await db.execute(
            text(f"select owed, count, currency from ({_OWED}) o where transaction_id = :number"),  # noqa: S608
            _NAMED | {"number": number},
        )
        for minor, count, currency in owed.all():
            # What another currency came to stays owed on the provider's account, to be seen there.
            if currency == row.currency:
                key = f"transaction/{number}/{count}"
                made += await _book(db, row, "charged", key, -minor, number, by="system", now=now)
    return made


async def _is_settled(db: AsyncSession, token_key: str) -> bool:
    """Tell whether all that a card charged is rated, and nothing of it waits for a person."""
    sessions = await _credit(db).sessions(db, token_key)
    records = await store.current_records(db, sessions)
    voided = await store.voided(db, list(sessions))
    for number, revision in sessions.items():
        record = records.get(TransactionId(number))
        if revision is None or record is None or record.cdr.revision < revision:
            return False
        if record.cdr.hold_reason is not None and number not in voided:
            return False
    return True


_OWED: Final = """
    select a.transaction_id, a.token_key, a.currency, a.charged - coalesce(b.taken, 0) as owed,
        coalesce(b.count, 0) as count
    from (
        select e.transaction_id, t.facts->>'id_token' as token_key, p.currency,
            sum(p.amount_minor)::bigint as charged
        from ledger_postings p join ledger_entries e on e.id = p.entry_id
        join transaction_terms t on t.transaction_id = e.transaction_id
        where p.account = :account
        group by 1, 2, 3
    ) a left join lateral (
        select -sum(k.amount_minor)::bigint as taken, count(*) as count from prepaid_bookings k
        where k.transaction_id = a.transaction_id
    ) b on true
    where a.charged <> coalesce(b.taken, 0)
"""
"""What transactions came to by the ledger, less what was taken off the cards."""

_NAMED: Final = {"account": _ACCOUNT.name}


def _credit(db: AsyncSession) -> Credit:
    credit = _CREDIT.of(db)
    assert credit is not None, "app/compose.py joins who answers for tokens"
    return credit


async def _locked(db: AsyncSession, key: str) -> PrepaidCardRow:
    row = await db.get(PrepaidCardRow, key, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("prepaid card", key)
    return row


async def _book(
    db: AsyncSession,
    row: PrepaidCardRow,
    kind: str,
    key: str,
    amount_minor: int,
    transaction: int | None,
    *,
    by: str,
    now: datetime,
) -> bool:
    """Book on a locked card, once by the key; return whether it was new."""
    balance = row.balance_minor + amount_minor
    made = await db.scalar(
        insert(PrepaidBookingRow)
        .values(
            token_key=row.token_key,
            key=key,
            kind=kind,
            amount_minor=amount_minor,
            balance_minor=balance,
            transaction_id=transaction,
            booked_at=now,
            booked_by=by,
        )
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(PrepaidBookingRow.id)
    )
    if made is None:
        return False
    row.balance_minor = balance
    await db.flush()
    await _tell(db, row.token_key, balance, now)
    return True


async def _tell(db: AsyncSession, token_key: str, balance_minor: int, now: datetime) -> None:
    credit = _CREDIT.of(db)
    if credit is not None:
        await credit.set_credit(db, token_key, has_credit=balance_minor > 0, now=now)
