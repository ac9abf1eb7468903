"""The purse: balances and append-only bookings, and credits that are set aside while used.

Whoever changes a wallet locks its row first, so an account's changes come one after the other: of
two who want the last credit the second is refused. What must have happened before it is charged
(a message that was really sent) is reserved, handed over, then captured, or released on failure.

Credits never expire, and a balance is never below zero: the rules say so, this code keeps to them,
and the table refuses anything else.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from sqlalchemy import ARRAY, Text, and_, any_, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.credit_tables import CreditBookingRow, CreditReservationRow, CreditWalletRow
from billing.credits import CreditService, NotEnoughCredits
from foundation.errors import Conflict, NotFound
from foundation.identifiers import OrganisationKey

FORGOTTEN_AFTER: Final = timedelta(days=1)
"""A reservation that nobody captured for so long belongs to work that died: it is released."""


class ReservationOver(Conflict):
    """The reservation was released meanwhile; its credits may be spent already."""

    code = "reservation_over"

    def __init__(self, reference: str) -> None:
        super().__init__(f"The reservation {reference!r} was released.")


@dataclass(frozen=True, slots=True)
class Wallet:
    """What an account has; `reserved` of it is set aside."""

    account: OrganisationKey
    balance: int
    reserved: int

    @property
    def available(self) -> int:
        return self.balance - self.reserved


@dataclass(frozen=True, slots=True)
class Booking:
    """Credits that came (positive) or went (negative), with the balance after them."""

    id: int
    account: OrganisationKey
    booked_at: datetime
    service: CreditService
    about: str | None
    quantity: int
    balance_after: int
    reference: str
    by: str

    @classmethod
    def of(cls, row: CreditBookingRow) -> Self:
        """Return what the row says."""
        return cls(
            id=row.id,
            account=OrganisationKey(row.account),
            booked_at=row.booked_at,
            service=CreditService(row.service),
            about=row.about,
            quantity=row.quantity,
            balance_after=row.balance_after,
            reference=row.reference,
            by=row.by,
        )


class ReservationState(StrEnum):
    """What became of credits that were set aside."""

    OPEN = "open"
    CAPTURED = "captured"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Reservation:
    """Credits that are set aside for one thing, known by its reference."""

    account: OrganisationKey
    quantity: int
    reference: str
    state: ReservationState


# ------------------------------------------------------------------------------------ reading


async def wallet(db: AsyncSession, account: OrganisationKey) -> Wallet:
    """Return an account's wallet; who never bought credits has an empty one."""
    row = await db.get(CreditWalletRow, account, populate_existing=True)
    return Wallet(account, 0, 0) if row is None else Wallet(account, row.balance, row.reserved)


async def wallets(
    db: AsyncSession, accounts: Collection[OrganisationKey] | None
) -> dict[OrganisationKey, Wallet]:
    """Return the wallets of some accounts, or of all, by account; empty ones may be missing."""
    statement = select(CreditWalletRow)
    if accounts is not None:
        statement = statement.where(CreditWalletRow.account.in_(accounts))
    found = await db.execute(statement.order_by(CreditWalletRow.account))
    return {
        OrganisationKey(each.account): Wallet(
            OrganisationKey(each.account), each.balance, each.reserved
        )
        for each in found.scalars()
    }


async def bookings(
    db: AsyncSession,
    account: OrganisationKey,
    *,
    before: int | None = None,
    limit: int | None = None,
) -> list[Booking]:
    """Return an account's bookings, the newest first, from before one of them on."""
    statement = select(CreditBookingRow).where(CreditBookingRow.account == account)
    if before is not None:
        statement = statement.where(CreditBookingRow.id < before)
    found = await db.execute(statement.order_by(CreditBookingRow.id.desc()).limit(limit))
    return [Booking.of(each) for each in found.scalars()]


async def booking_of(db: AsyncSession, reference: str) -> Booking | None:
    """Return what was booked under a reference."""
    found = await db.execute(
        select(CreditBookingRow).where(CreditBookingRow.reference == reference)
    )
    row = found.scalar_one_or_none()
    return None if row is None else Booking.of(row)


# ------------------------------------------------------------------------------------ booking


async def lock(db: AsyncSession, account: OrganisationKey) -> None:
    """Let nobody else change the account's wallet, and what is bought with it, meanwhile."""
    await _locked(db, account)


async def add(
    db: AsyncSession,
    account: OrganisationKey,
    quantity: int,
    *,
    reference: str,
    by: str,
    now: datetime,
) -> Booking:
    """Book credits that were bought; a reference that was booked before books nothing."""
    assert quantity > 0, "credits that were bought are more than none"
    held = await _locked(db, account)
    known = await booking_of(db, reference)
    if known is not None:
        return known
    return await _book(
        db, held, CreditService.PURCHASE, quantity, about=None, reference=reference, by=by, now=now
    )


async def spend(
    db: AsyncSession,
    account: OrganisationKey,
    service: CreditService,
    quantity: int,
    *,
    reference: str,
    by: str,
    now: datetime,
    about: str | None = None,
) -> Booking | None:
    """Book credits that are used up at once; a reference that was booked before books nothing.

    Args:
        db: The unit of work; the wallet stays locked until it ends.
        account: Who pays.
        service: For what.
        quantity: How many; for none nothing is booked.
        reference: Natural and unique, such as `remote/north/CS-1/2026-10-15`.
        by: Who did it, as the audit names him.
        now: When.
        about: The plant or station, such as `station/CS-1`.

    Raises:
        NotEnoughCredits: If fewer are free.
    """
    assert quantity >= 0, "use takes credits, it gives none"
    held = await _locked(db, account)
    known = await booking_of(db, reference)
    if known is not None or quantity == 0:
        return known
    _must_have(held, quantity)
    return await _book(
        db, held, service, -quantity, about=about, reference=reference, by=by, now=now
    )


async def reserve(
    db: AsyncSession,
    account: OrganisationKey,
    service: CreditService,
    quantity: int,
    *,
    reference: str,
    by: str,
    now: datetime,
    about: str | None = None,
) -> Reservation:
    """Set credits aside for something that is about to be handed over.

    Work that is done again asks again: a reservation that is open or captured is returned as it
    is (captured means that it was done), one that was released is made once more.

    Raises:
        NotEnoughCredits: If fewer are free; the caller falls back to mail.
    """
    assert quantity > 0, "nothing needs no reservation"
    held = await _locked(db, account)
    found = await db.execute(
        select(CreditReservationRow)
        .where(CreditReservationRow.reference == reference)
        .with_for_update()
    )
    row = found.scalar_one_or_none()
    if row is not None and row.state != ReservationState.RELEASED:
        assert row.account == account, f"{reference} belongs to another account"
        return _reservation(row)
    _must_have(held, quantity)
    if row is None:
        row = CreditReservationRow(reference=reference)
        db.add(row)
    row.account, row.service, row.about, row.quantity = account, service.value, about, quantity
    row.by, row.state = by, ReservationState.OPEN.value
    row.reserved_at, row.settled_at = now, None
    held.reserved += quantity
    await db.flush()
    return _reservation(row)


async def capture(db: AsyncSession, reference: str, *, now: datetime) -> Booking:
    """Book what was reserved, since it was really used; the second time books nothing.

    Raises:
        NotFound: If nothing was reserved under the reference.
        ReservationOver: If it was released.
    """
    row, held = await _reserved(db, reference)
    if row.state == ReservationState.RELEASED:
        raise ReservationOver(reference)
    if row.state == ReservationState.CAPTURED:
        known = await booking_of(db, _booked_as(reference, row))
        assert known is not None, "what was captured was booked"
        return known
    row.state, row.settled_at = ReservationState.CAPTURED.value, now
    held.reserved -= row.quantity
    return await _book(
        db,
        held,
        CreditService(row.service),
        -row.quantity,
        about=row.about,
        reference=_booked_as(reference, row),
        by=row.by,
        now=now,
    )


async def release(db: AsyncSession, reference: str, *, now: datetime) -> None:
    """Give back what was reserved, since it was not used; the second time does nothing.

    Raises:
        NotFound: If nothing was reserved under the reference.
        Conflict: If it was captured: what was used is not given back.
    """
    row, held = await _reserved(db, reference)
    if row.state == ReservationState.CAPTURED:
        raise Conflict(f"The reservation {reference!r} was captured.")
    if row.state == ReservationState.OPEN:
        row.state, row.settled_at = ReservationState.RELEASED.value, now
        held.reserved -= row.quantity
        await db.flush()


async def used(db: AsyncSession, references: Collection[str]) -> set[str]:
    """Return which of the reservations were booked, or are still open."""
    if not references:
        return set()
    row = CreditReservationRow
    found = await db.scalars(
        select(row.reference).where(
            row.reference == any_(literal(list(references), ARRAY(Text))),
            row.state != ReservationState.RELEASED.value,
        )
    )
    return set(found)


async def release_forgotten(db: AsyncSession, *, now: datetime) -> int:
    """Release what work that died left behind; return how many reservations that were."""
    is_forgotten = and_(
        CreditReservationRow.state == ReservationState.OPEN.value,
        CreditReservationRow.reserved_at <= now - FORGOTTEN_AFTER,
    )
    # The wallets first and in order, as everybody locks them.
    owners = select(CreditReservationRow.account).where(is_forgotten)
    locked = await db.execute(
        select(CreditWalletRow)
        .where(CreditWalletRow.account.in_(owners))
        .order_by(CreditWalletRow.account)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    held = {each.account: each for each in locked.scalars()}
    gone = await db.execute(
        update(CreditReservationRow)
        .where(is_forgotten, CreditReservationRow.account.in_(held))
        .values(state=ReservationState.RELEASED.value, settled_at=now)
        .returning(CreditReservationRow.account, CreditReservationRow.quantity)
    )
    given_back = [(account, quantity) for account, quantity in gone]
    for account, quantity in given_back:
        held[account].reserved -= quantity
    await db.flush()
    return len(given_back)


# ------------------------------------------------------------------------------------- within


async def _locked(db: AsyncSession, account: OrganisationKey) -> CreditWalletRow:
    """Return the account's wallet, which is this unit of work's alone until it ends."""
    statement = (
        select(CreditWalletRow)
        .where(CreditWalletRow.account == account)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    row = (await db.execute(statement)).scalar_one_or_none()
    if row is None:
        await db.execute(
            insert(CreditWalletRow)
            .values(account=account, balance=0, reserved=0)
            .on_conflict_do_nothing(index_elements=["account"])
        )
        row = (await db.execute(statement)).scalar_one()
    return row


async def _reserved(
    db: AsyncSession, reference: str
) -> tuple[CreditReservationRow, CreditWalletRow]:
    """Return a reservation and its wallet, both locked, the wallet first as always."""
    account = await db.scalar(
        select(CreditReservationRow.account).where(CreditReservationRow.reference == reference)
    )
    if account is None:
        raise NotFound("reservation", reference)
    held = await _locked(db, OrganisationKey(account))
    found = await db.execute(
        select(CreditReservationRow)
        .where(CreditReservationRow.reference == reference)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.scalar_one(), held


def _must_have(held: CreditWalletRow, quantity: int) -> None:
    available = held.balance - held.reserved
    if quantity > available:
        raise NotEnoughCredits(needed=quantity, available=available)


async def _book(
    db: AsyncSession,
    held: CreditWalletRow,
    service: CreditService,
    quantity: int,
    *,
    about: str | None,
    reference: str,
    by: str,
    now: datetime,
) -> Booking:
    """Write one line; the wallet is locked."""
    held.balance += quantity
    assert held.balance >= held.reserved >= 0, "a wallet is never below what is set aside"
    row = CreditBookingRow(
        account=held.account,
        booked_at=now,
        service=service.value,
        about=about,
        quantity=quantity,
        balance_after=held.balance,
        reference=reference,
        by=by,
    )
    db.add(row)
    await db.flush()
    return Booking.of(row)


def _reservation(row: CreditReservationRow) -> Reservation:
    return Reservation(
        OrganisationKey(row.account), row.quantity, row.reference, ReservationState(row.state)
    )


def _booked_as(reference: str, row: CreditReservationRow) -> str:
    """Return the booking's reference: the reservation's own."""
    return f"{row.service}/{reference}"
