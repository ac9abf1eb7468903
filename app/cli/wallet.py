"""`credits`: the prepaid wallet: balances, prices, orders and their booking."""

import csv
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from app.cli.frame import (
    Json,
    Opened,
    group,
    moment_from,
    named_organisation,
    note,
    operator,
    run,
    say,
    show,
    show_json,
)
from billing import credit_orders, credit_prices, credit_store, remote_access
from billing.credit_mails import Letters
from billing.credit_orders import Order, OrderState, ShopOrder
from billing.credit_store import Booking
from billing.credits import CreditService, Offer, Tier, euros, offer
from billing.remote_access import RemoteAccess
from foundation.errors import ExpectedError, InvalidInput
from foundation.identifiers import OrganisationKey
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.money import Money

commands = group("Credits: the prepaid wallet, its prices and orders.")

_ORDERS = ("number", "account", "user_name", "quantity", "net", "state", "ordered_at", "paid_at")
_BOOKINGS = ("booked_at", "service", "about", "quantity", "balance_after", "reference")
_ACCESSES = ("account", "station", "is_on", "renews", "months", "until")
_COLUMNS = ("number", "user_name", "quantity", "net", "ordered_at", "payment", "is_invoiced")
_MOST = 1000

Whose = Annotated[str | None, typer.Option(help="The organisation's key. [default: the root]")]
Number = Annotated[str, typer.Argument(help="The order's number, as in CR-000123.")]
From = Annotated[
    str | None, typer.Option(help="From which day or moment on. [default: now]", metavar="MOMENT")
]


@dataclass(frozen=True, slots=True)
class _Balance:
    organisation: OrganisationKey
    balance: int
    reserved: int
    available: int


@commands.command("balance")
def balance(organisation: Whose = None, json: Json = False) -> None:
    """Show what an account has."""

    async def work(opened: Opened) -> _Balance:
        async with opened.unit_of_work() as (db, _):
            account = (await named_organisation(db, organisation)).key
            held = await credit_store.wallet(db, account)
            return _Balance(account, held.balance, held.reserved, held.available)

    show([run(work)], ("organisation", "balance", "reserved", "available"), json=json)


@commands.command("bookings")
def bookings(organisation: Whose = None, json: Json = False) -> None:
    """List an account's bookings, the newest first."""

    async def work(opened: Opened) -> list[Booking]:
        async with opened.unit_of_work() as (db, _):
            account = (await named_organisation(db, organisation)).key
            return await credit_store.bookings(db, account, limit=_MOST)

    show(run(work), _BOOKINGS, json=json)


@commands.command("remote-access")
def accesses(json: Json = False) -> None:
    """List all remote accesses, the one that ends next first."""

    async def work(opened: Opened) -> list[RemoteAccess]:
        async with opened.unit_of_work() as (db, _):
            return await remote_access.accesses(db)

    show(run(work), _ACCESSES, json=json)


# -------------------------------------------------------------------------------------- prices


@commands.command("prices")
def prices(json: Json = False) -> None:
    """Show what credits cost by quantity, and services in credits, now."""

    async def work(opened: Opened) -> tuple[tuple[Tier, ...], dict[CreditService, int]]:
        async with opened.unit_of_work() as (db, now):
            return await credit_prices.tiers(db, now), await credit_prices.prices(db, now)

    tiers, costs = run(work)
    listed = [
        {
            "from": each.quantity,
            "unit_price": format(euros(each.unit_price_micro).amount, "f"),
            "discount": format(offer(each.quantity, tiers).discount, "f"),
        }
        for each in tiers
    ]
    if json:
        show_json({"tiers": listed, "services": costs})
        return
    show(listed, ("from", "unit_price", "discount"), json=False)
    services = [{"service": service.value, "credits": cost} for service, cost in costs.items()]
    show(services, ("service", "credits"), json=False)


@commands.command("set-prices")
def set_prices(
    tiers: Annotated[
        list[str],
        typer.Argument(help="The whole list, as in 1=0.119 1000=0.099, in euros without tax."),
    ],
    valid_from: From = None,
) -> None:
    """Have another price list of credits hold from a moment on."""
    listed = [_tier(each) for each in tiers]

    async def work(opened: Opened) -> None:
        async with opened.unit_of_work() as (db, now):
            begins = await _begins(db, valid_from, now)
            await credit_prices.set_tiers(db, listed, valid_from=begins, now=now)
            changed = {str(each.quantity): each.unit_price_micro for each in listed}
            await _note_prices(db, {"tiers": changed, "valid_from": begins.isoformat()}, now)

    run(work)


@commands.command("set-cost")
def set_cost(
    service: Annotated[CreditService, typer.Argument()],
    cost: Annotated[int, typer.Argument(min=0, help="In credits.")],
    valid_from: From = None,
) -> None:
    """Have a service cost so many credits from a moment on."""

    async def work(opened: Opened) -> None:
        async with opened.unit_of_work() as (db, now):
            begins = await _begins(db, valid_from, now)
            await credit_prices.set_price(db, service, cost, valid_from=begins, now=now)
            changed = {service.value: cost, "valid_from": begins.isoformat()}
            await _note_prices(db, changed, now)

    run(work)


def _tier(written: str) -> Tier:
    quantity, _, price = written.partition("=")
    try:
        micro = Decimal(price).scaleb(6)
        if micro != micro.to_integral_value():
            raise InvalidInput("A price has six decimals at most.", field="tiers")
        return Tier(int(quantity), int(micro))
    except (ValueError, InvalidOperation):
        raise InvalidInput(f"A line is written 1000=0.099, not {written!r}.") from None


async def _begins(db: AsyncSession, written: str | None, now: datetime) -> datetime:
    if written is None:
        return now
    return moment_from(written, (await directory.root(db)).time_zone, field="valid_from")


async def _note_prices(db: AsyncSession, after: object, now: datetime) -> None:
    root = await directory.root(db)
    await note(db, "credits.prices", "credits/prices", organisation=root.key, after=after, now=now)


# -------------------------------------------------------------------------------------- orders


@commands.command("order")
def order(
    quantity: Annotated[int, typer.Argument(min=1)],
    organisation: Whose = None,
    json: Json = False,
) -> None:
    """Order credits at the price of now; they are booked when the order is paid."""

    async def work(opened: Opened) -> tuple[Order, Offer | None]:
        async with opened.unit_of_work() as (db, now):
            account = (await named_organisation(db, organisation)).key
            priced = await credit_orders.offered(db, quantity, now=now)
            made = await credit_orders.place(
                db,
                account,
                quantity,
                by=operator().id,
                person_id=None,
                source="cli",
                now=now,
            )
            await _note_order(db, "credits.order", made, now)
            return made, priced.cheaper

    made, cheaper = run(work)
    if cheaper is not None:
        say(f"{cheaper.quantity} credits would cost less: {cheaper.net.text} EUR.")
    show([made], _ORDERS, json=json)


@commands.command("orders")
def orders(
    state: Annotated[OrderState | None, typer.Option(help="Only those in this state.")] = None,
    json: Json = False,
) -> None:
    """List orders, the newest first."""

    async def work(opened: Opened) -> list[Order]:
        async with opened.unit_of_work() as (db, _):
            states = () if state is None else (state,)
            return await credit_orders.orders(db, states=states, limit=_MOST)

    show(run(work), _ORDERS, json=json)


@commands.command("pay")
def pay(
    number: Number,
    payment: Annotated[str, typer.Option(help="The payment's reference.")],
    json: Json = False,
) -> None:
    """Note that an order is paid, and book its credits, once."""

    async def change(db: AsyncSession, letters: Letters, now: datetime) -> Order:
        by = operator().id
        return await credit_orders.pay(db, number, payment, by=by, letters=letters, now=now)

    _changed("credits.pay", change, json=json)


@commands.command("release")
def release(number: Number, json: Json = False) -> None:
    """Book an order's credits before it is paid."""

    async def change(db: AsyncSession, letters: Letters, now: datetime) -> Order:
        return await credit_orders.release(db, number, by=operator().id, letters=letters, now=now)

    _changed("credits.release", change, json=json)


@commands.command("cancel")
def cancel(number: Number, json: Json = False) -> None:
    """Cancel an order that is neither booked nor paid."""

    async def change(db: AsyncSession, _letters: Letters, now: datetime) -> Order:
        return await credit_orders.cancel(db, number, now=now)

    _changed("credits.cancel", change, json=json)


@commands.command("match")
def match(
    number: Number,
    organisation: Annotated[str, typer.Argument(help="The organisation's key.")],
    json: Json = False,
) -> None:
    """Say whose an order of the queue is."""

    async def change(db: AsyncSession, letters: Letters, now: datetime) -> Order:
        account = (await named_organisation(db, organisation)).key
        by = operator().id
        return await credit_orders.match(db, number, account, by=by, letters=letters, now=now)

    _changed("credits.match", change, json=json)


def _changed(
    deed: str,
    change: Callable[[AsyncSession, Letters, datetime], Awaitable[Order]],
    *,
    json: bool,
) -> None:
    async def work(opened: Opened) -> Order:
        async with opened.unit_of_work() as (db, now):
            made = await change(db, _letters(opened), now)
            await _note_order(db, deed, made, now)
            return made

    show([run(work)], _ORDERS, json=json)


@commands.command("import")
def take_in(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help=f"CSV with {', '.join(_COLUMNS)}."),
    ],
    json: Json = False,
) -> None:
    """Take in orders of a shop; names that nobody has wait in the queue (`unmatched`)."""
    with file.open(newline="", encoding="utf-8-sig") as source:
        rows = list(csv.DictReader(source))

    async def work(opened: Opened) -> tuple[list[Order], list[str]]:
        taken, problems = [], []
        for line, row in enumerate(rows, start=2):
            try:
                async with opened.unit_of_work() as (db, now):
                    made = await credit_orders.take_in(
                        db,
                        _shop_order(row),
                        by=operator().id,
                        letters=_letters(opened),
                        now=now,
                    )
                    await _note_order(db, "credits.take_in", made, now)
                    taken.append(made)
            except ExpectedError as error:
                problems.append(f"line {line}: {error}")
        return taken, problems

    taken, problems = run(work)
    show(taken, _ORDERS, json=json)
    for each in problems:
        say(each)
    if problems:
        raise typer.Exit(1)


def _shop_order(row: dict[str, str | None]) -> ShopOrder:
    """Read a line of the shop's file.

    Raises:
        InvalidInput: If a column is missing or malformed.
    """
    missing = [name for name in _COLUMNS if row.get(name) is None]
    if missing:
        raise InvalidInput(f"{missing[0]} is missing.", field=missing[0])
    given = {name: row[name] or "" for name in _COLUMNS}
    if given["is_invoiced"] not in ("yes", "no"):
        raise InvalidInput("is_invoiced is yes or no.", field="is_invoiced")
    try:
        quantity, net = int(given["quantity"]), Decimal(given["net"])
    except (ValueError, InvalidOperation):
        raise InvalidInput("quantity or net is no number.", field="quantity") from None
    return ShopOrder(
        number=given["number"],
        user_name=given["user_name"],
        quantity=quantity,
        net=Money(net, "EUR"),
        ordered_at=moment_from(given["ordered_at"], "UTC", field="ordered_at"),
        payment=given["payment"] or None,
        is_invoiced=given["is_invoiced"] == "yes",
    )


def _letters(opened: Opened) -> Letters:
    mails = Mails(
        database=opened.database,
        jobs=Jobs(opened.database.url),
        clock=opened.clock,
        settings=opened.settings,
    )
    return Letters(mails, opened.settings.reached_at)


async def _note_order(db: AsyncSession, deed: str, made: Order, now: datetime) -> None:
    await note(
        db,
        deed,
        f"order/{made.number}",
        organisation=made.account or (await directory.root(db)).key,
        after={"state": made.state.value, "quantity": made.quantity, "payment": made.payment},
        now=now,
    )
