"""Orders of credits: placed at the price of the day, invoiced, and booked once, by their number.

Credits are booked when the order is paid, or when staff releases it before. Orders of a shop carry
the buyer's user name; one whose name nobody has waits in the queue for a person to match it.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, Self
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import charges, credit_invoices, credit_prices, credit_store
from billing.charges import Charge, ChargeKind
from billing.credit_invoices import charged_as
from billing.credit_mails import Letters
from billing.credit_tables import CreditOrderRow
from billing.credits import CURRENCY, LARGEST_ORDER, Offer, offer
from foundation.clock import Clock
from foundation.database import Database
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from foundation.money import Money

_OWN_NUMBERS: Final = re.compile(r"CR-[0-9]+")
_SHOP_NUMBER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/#-]{0,39}")


class OrderState(StrEnum):
    """Where an order stands."""

    UNMATCHED = "unmatched"
    """A shop's order whose user name nobody has; it waits for a person."""
    OPEN = "open"
    """Its credits are not booked yet."""
    BOOKED = "booked"
    CANCELLED = "cancelled"


class OrderPaidTwice(Conflict):
    """The order was paid before; nothing was changed."""

    code = "order_paid_twice"

    def __init__(self, number: str) -> None:
        self.number = number
        super().__init__(f"The order {number!r} was paid before. Nothing was booked.")


class OrderAlreadyBooked(Conflict):
    """The order's credits were booked before; nothing was changed."""

    code = "order_already_booked"

    def __init__(self, number: str) -> None:
        self.number = number
        super().__init__(f"The credits of the order {number!r} were booked before.")


class OrderNotOpen(Conflict):
    """The order is in a state in which this cannot be done; nothing was changed."""

    code = "order_not_open"

    def __init__(self, number: str, state: OrderState) -> None:
        self.state = state
        super().__init__(f"The order {number!r} is {state.value}.")


class OrderDiffers(Conflict):
    """An order with this number is known, and it is another one."""

    code = "order_differs"

    def __init__(self, number: str) -> None:
        super().__init__(f"There is another order {number!r} already.")


@dataclass(frozen=True, slots=True)
class Order:
    """An order of credits; `account` is None while nobody knows whose it is."""

    id: int
    number: str
    account: OrganisationKey | None
    user_name: str | None
    person_id: int | None
    source: str
    quantity: int
    unit_price_micro: int
    list_price_micro: int
    net: Money
    is_invoiced_elsewhere: bool
    state: OrderState
    ordered_at: datetime
    ordered_by: str
    booked_at: datetime | None
    booked_by: str | None
    paid_at: datetime | None
    payment: str | None

    @property
    def offer(self) -> Offer:
        """The price as it was when the order was placed."""
        return Offer(self.quantity, self.unit_price_micro, self.list_price_micro, self.net)

    @classmethod
    def of(cls, row: CreditOrderRow) -> Self:
        """Return what the row says."""
        return cls(
            id=row.id,
            number=row.number,
            account=None if row.account is None else OrganisationKey(row.account),
            user_name=row.user_name,
            person_id=row.person_id,
            source=row.source,
            quantity=row.quantity,
            unit_price_micro=row.unit_price_micro,
            list_price_micro=row.list_price_micro,
            net=Money.from_minor(row.net_minor, row.currency),
            is_invoiced_elsewhere=row.is_invoiced_elsewhere,
            state=OrderState(row.state),
            ordered_at=row.ordered_at,
            ordered_by=row.ordered_by,
            booked_at=row.booked_at,
            booked_by=row.booked_by,
            paid_at=row.paid_at,
            payment=row.payment,
        )


@dataclass(frozen=True, slots=True)
class ShopOrder:
    """An order as a shop has it.

    Args:
        number: The shop's, unique among all orders; none of ours (`CR-…`).
        user_name: What the buyer wrote into the comment field.
        quantity: How many credits.
        net: What he pays, without tax, in euros.
        ordered_at: When.
        payment: The payment's reference, if it is paid; None if it is not yet.
        is_invoiced: Whether the shop wrote the invoice; otherwise we do.
    """

    number: str
    user_name: str
    quantity: int
    net: Money
    ordered_at: datetime
    payment: str | None
    is_invoiced: bool


# ------------------------------------------------------------------------------------ reading


async def order(db: AsyncSession, number: str) -> Order:
    """Return one order.

    Raises:
        NotFound: If there is none of this number.
    """
    found = await db.execute(select(CreditOrderRow).where(CreditOrderRow.number == number))
    row = found.scalar_one_or_none()
    if row is None:
        raise NotFound("order", number)
    return Order.of(row)


async def orders(
    db: AsyncSession,
    accounts: Collection[OrganisationKey] | None = None,
    *,
    states: Collection[OrderState] = (),
    is_unpaid: bool = False,
    before: int | None = None,
    limit: int | None = None,
) -> list[Order]:
    """Return orders of some accounts, or all, the newest first.

    Args:
        db: The unit of work.
        accounts: Only theirs, so none that nobody was matched to; None: all.
        states: Only those in these; none: in any.
        is_unpaid: Only those that nobody paid yet.
        before: Only those behind this number of the list.
        limit: At most so many.
    """
    statement = select(CreditOrderRow)
    if accounts is not None:
        statement = statement.where(CreditOrderRow.account.in_(accounts))
    if states:
        statement = statement.where(CreditOrderRow.state.in_([each.value for each in states]))
    if is_unpaid:
        statement = statement.where(CreditOrderRow.paid_at.is_(None))
    if before is not None:
        statement = statement.where(CreditOrderRow.id < before)
    found = await db.execute(statement.order_by(CreditOrderRow.id.desc()).limit(limit))
    return [Order.of(each) for each in found.scalars()]


async def offered(db: AsyncSession, quantity: int, *, now: datetime) -> Offer:
    """Return what so many credits cost now.

    Raises:
        InvalidInput: If nobody can order so many.
    """
    return offer(quantity, await credit_prices.tiers(db, now))


# ------------------------------------------------------------------------------------ ordering


async def place(
    db: AsyncSession,
    account: OrganisationKey,
    quantity: int,
    *,
    by: str,
    person_id: int | None,
    source: str,
    now: datetime,
) -> Order:
    """Order credits at the price of now; their invoice is issued at once.

    Raises:
        InvalidInput: If nobody can order so many.
    """
    priced = await offered(db, quantity, now=now)
    number = await db.scalar(text("select nextval('credit_order_numbers')"))
    row = CreditOrderRow(
        number=f"CR-{number:06d}",
        account=account,
        person_id=person_id,
        source=source,
        quantity=quantity,
        unit_price_micro=priced.unit_price_micro,
        list_price_micro=priced.list_price_micro,
        net_minor=priced.net.minor,
        currency=CURRENCY,
        is_invoiced_elsewhere=False,
        state=OrderState.OPEN.value,
        ordered_at=now,
        ordered_by=by,
    )
    db.add(row)
    await db.flush()
    made = Order.of(row)
    await _charge(db, made, now=now)
    return made


async def take_in(
    db: AsyncSession, given: ShopOrder, *, by: str, letters: Letters | None, now: datetime
) -> Order:
    """Take in an order of a shop: the same one twice is one.

    The user name is matched exactly, as it was written; an order whose name nobody active has waits
    in the queue. One that is paid and matched is booked at once.

    Raises:
        InvalidInput: If a fact of it is malformed.
        OrderDiffers: If another order has the number.
    """
    _check(given)
    buyer = await directory.person_named(db, given.user_name)
    if buyer is not None and not buyer.active:
        buyer = None
    listed = (await credit_prices.tiers(db, given.ordered_at))[0].unit_price_micro
    each_micro = int((given.net.amount * 1_000_000 / given.quantity).to_integral_value())
    made = await db.execute(
        insert(CreditOrderRow)
        .values(
            number=given.number,
            account=None if buyer is None else buyer.organisation,
            user_name=given.user_name,
            person_id=None if buyer is None else buyer.id,
            source="shop",
            quantity=given.quantity,
            unit_price_micro=each_micro,
            list_price_micro=max(listed, each_micro),
            net_minor=given.net.minor,
            currency=CURRENCY,
            is_invoiced_elsewhere=given.is_invoiced,
            state=(OrderState.UNMATCHED if buyer is None else OrderState.OPEN).value,
            ordered_at=given.ordered_at,
            ordered_by=by,
            paid_at=None if given.payment is None else now,
            payment=given.payment,
        )
        .on_conflict_do_nothing(index_elements=["number"])
        .returning(CreditOrderRow.id)
    )
    is_new = made.scalar_one_or_none() is not None
    row = await _locked(db, given.number)
    if not is_new:
        if _said(row) != (given.user_name, given.quantity, given.net.minor, given.is_invoiced):
            raise OrderDiffers(given.number)
        if given.payment is not None and row.paid_at is None:
            return await pay(db, given.number, given.payment, by=by, letters=letters, now=now)
        return Order.of(row)
    await _charge(db, Order.of(row), now=now)
    if row.account is not None and row.paid_at is not None:
        await credit_invoices.settle(db, row, now=now)
        await _book(db, row, by=by, letters=letters, now=now)
    return Order.of(row)


async def match(
    db: AsyncSession,
    number: str,
    account: OrganisationKey,
    *,
    by: str,
    letters: Letters | None,
    now: datetime,
) -> Order:
    """Say whose an order of the queue is; one that is paid is booked at once.

    Raises:
        NotFound: If there is no such order, or no such organisation.
        OrderNotOpen: If it is not in the queue.
    """
    row = await _locked(db, number)
    if row.state != OrderState.UNMATCHED:
        raise OrderNotOpen(number, OrderState(row.state))
    row.account = (await directory.organisation(db, account)).key
    row.state = OrderState.OPEN.value
    await db.flush()
    await _charge(db, Order.of(row), now=now)
    if row.paid_at is not None:
        await credit_invoices.settle(db, row, now=now)
        await _book(db, row, by=by, letters=letters, now=now)
    return Order.of(row)


# ------------------------------------------------------------------------------------- booking


async def pay(
    db: AsyncSession,
    number: str,
    payment: str,
    *,
    by: str,
    letters: Letters | None,
    now: datetime,
) -> Order:
    """Note that an order is paid, and book its credits unless they were released before.

    Raises:
        NotFound: If there is no such order.
        OrderPaidTwice: If it was paid before; nothing changes.
        OrderNotOpen: If it was cancelled; nothing changes.
    """
    if not payment.strip():
        raise InvalidInput("A payment has a reference.", field="payment")
    row = await _locked(db, number)
    if row.paid_at is not None:
        raise OrderPaidTwice(number)
    if row.state == OrderState.CANCELLED:
        raise OrderNotOpen(number, OrderState.CANCELLED)
    row.paid_at, row.payment = now, payment.strip()
    await db.flush()
    await credit_invoices.settle(db, row, now=now)
    if row.state == OrderState.OPEN:
        await _book(db, row, by=by, letters=letters, now=now)
    return Order.of(row)


async def release(
    db: AsyncSession, number: str, *, by: str, letters: Letters | None, now: datetime
) -> Order:
    """Book an order's credits before it is paid.

    Raises:
        NotFound: If there is no such order.
        OrderAlreadyBooked: If that was done; nothing changes.
        OrderNotOpen: If it waits in the queue or was cancelled; nothing changes.
    """
    row = await _locked(db, number)
    if row.state == OrderState.BOOKED:
        raise OrderAlreadyBooked(number)
    if row.state != OrderState.OPEN:
        raise OrderNotOpen(number, OrderState(row.state))
    await _book(db, row, by=by, letters=letters, now=now)
    return Order.of(row)


async def cancel(db: AsyncSession, number: str, *, now: datetime) -> Order:
    """Cancel an order that was neither booked nor paid.

    Its invoice is taken back by a counter-document; a charge that waits for one, or stands on one
    among others, by a counter-charge.

    Raises:
        NotFound: If there is no such order.
        OrderNotOpen: If it was booked, paid or cancelled; nothing changes.
    """
    row = await _locked(db, number)
    state = OrderState(row.state)
    if state not in (OrderState.OPEN, OrderState.UNMATCHED) or row.paid_at is not None:
        raise OrderNotOpen(number, state)
    row.state = OrderState.CANCELLED.value
    await db.flush()
    booked = await charges.charge_of(db, charged_as(number))
    if booked is not None and not await credit_invoices.take_back(db, number, now=now):
        await charges.book(db, [_counter(booked.charge, number)], now=now)
    return Order.of(row)


async def book_paid(database: Database, clock: Clock, letters: Letters) -> int:
    """Book the orders whose invoices were paid, each in a unit of work of its own.

    The other way round too: an invoice that was made after its order was paid is paid by it.

    Returns:
        How many were booked, or noted as paid if they were released before.
    """
    async with database.unit_of_work() as db:
        found = await credit_invoices.paid_orders(db)
        invoiced = await credit_invoices.invoiced_orders(db)
    for number in invoiced:
        async with database.unit_of_work() as db:
            await credit_invoices.settle(db, await _locked(db, number), now=clock.now())
    done = 0
    for number, document in found:
        async with database.unit_of_work() as db:
            try:
                await pay(db, number, document, by="system", letters=letters, now=clock.now())
            except OrderPaidTwice:  # somebody was faster
                continue
        done += 1
    return done


async def _book(
    db: AsyncSession, row: CreditOrderRow, *, by: str, letters: Letters | None, now: datetime
) -> None:
    """Book an order's credits: its row is locked and open."""
    assert row.account is not None, "an order is booked to an account"
    assert row.state == OrderState.OPEN, "an order is booked once"
    account = OrganisationKey(row.account)
    row.state, row.booked_at, row.booked_by = OrderState.BOOKED.value, now, by
    booked = await credit_store.add(
        db, account, row.quantity, reference=f"order/{row.number}", by=by, now=now
    )
    if letters is not None:
        await letters.booked(
            db,
            account,
            row.person_id,
            number=row.number,
            quantity=row.quantity,
            balance=booked.balance_after,
        )


async def _charge(db: AsyncSession, made: Order, *, now: datetime) -> None:
    """Have an order invoiced, unless the shop did that or nobody knows whose it is yet."""
    if made.account is None or made.is_invoiced_elsewhere:
        return
    zone = ZoneInfo((await directory.organisation(db, made.account)).time_zone)
    day = made.ordered_at.astimezone(zone).date()
    charge = Charge(
        key=charged_as(made.number),
        kind=ChargeKind.CREDITS,
        debtor=charges.organisation(made.account),
        quantity=Decimal(made.quantity),
        unit="C62",
        net=made.net,
        first_day=day,
        last_day=day,
        about=f"order/{made.number}",
        details={
            "name": made.number,
            "credits": made.quantity,
            "unit_price_micro": made.unit_price_micro,
            "list_price_micro": made.list_price_micro,
        },
    )
    await charges.book(db, [charge], now=now)
    await credit_invoices.issue(db, made.number, now=now)


def _counter(charge: Charge, number: str) -> Charge:
    return Charge(
        key=f"{charged_as(number)}/cancelled",
        kind=charge.kind,
        debtor=charge.debtor,
        quantity=-charge.quantity,
        unit=charge.unit,
        net=-charge.net,
        first_day=charge.first_day,
        last_day=charge.last_day,
        about=charge.about,
        details={**charge.details, "cancels": charge.key},
    )


async def _locked(db: AsyncSession, number: str) -> CreditOrderRow:
    found = await db.execute(
        select(CreditOrderRow)
        .where(CreditOrderRow.number == number)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    row = found.scalar_one_or_none()
    if row is None:
        raise NotFound("order", number)
    return row


def _said(row: CreditOrderRow) -> tuple[str | None, int, int, bool]:
    return row.user_name, row.quantity, row.net_minor, row.is_invoiced_elsewhere


def _check(given: ShopOrder) -> None:
    """Refuse what no shop's order can be.

    Raises:
        InvalidInput: With the field that is wrong.
    """
    if _OWN_NUMBERS.fullmatch(given.number) or not _SHOP_NUMBER.fullmatch(given.number):
        raise InvalidInput(f"{given.number!r} is no number of a shop's order.", field="number")
    if not 1 <= given.quantity <= LARGEST_ORDER:
        raise InvalidInput(f"An order has 1 to {LARGEST_ORDER} credits.", field="quantity")
    if given.net.currency != CURRENCY:
        raise InvalidInput(f"Credits are paid in {CURRENCY}.", field="net")
    if not given.net.is_rounded or given.net.amount <= 0:
        raise InvalidInput("The price is above zero, in whole cents.", field="net")
