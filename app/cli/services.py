"""`service`: price lists of services, who has which, and booking a month of them."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import typer

from app.cli.frame import (
    Json,
    Opened,
    group,
    moment_from,
    named_organisation,
    note,
    operator,
    run,
    show,
    show_json,
)
from billing import charges, service_costs, service_months, service_prices
from billing.months import Month
from billing.service_costs import MonthCosts
from billing.services import Per, Policy, Subscription
from foundation.errors import InvalidInput
from portal import subscriptions
from portal.subscriptions import Debtor, SubscribedNow

commands = group("Services: what monitoring, invoicing and roaming cost.")

PriceListKey = Annotated[str, typer.Argument(metavar="LIST", help="The price list's key.")]
OrganisationKeyArgument = Annotated[str, typer.Argument(help="The organisation's key.")]
MonthArgument = Annotated[str, typer.Argument(metavar="YYYY-MM", help="The month.")]


@commands.command("create-list")
def create_list(
    price_list: PriceListKey,
    name: Annotated[str, typer.Option(help="What people call it.")],
    currency: Annotated[str, typer.Option(help="ISO 4217.")] = "EUR",
) -> None:
    """Create an empty price list."""

    async def work(opened: Opened) -> None:
        async with opened.unit_of_work() as (db, now):
            await service_prices.create(db, price_list, name, currency, by=operator().id, now=now)
            await _note(db, "service_price_list.create", price_list, {"name": name}, now)

    run(work)
    print(f"Price list {price_list} was created.")


@commands.command("price")
def price(
    price_list: PriceListKey,
    kind: Annotated[str, typer.Argument(help="monitoring, roaming_base, maintenance …")],
    amount: Annotated[str, typer.Argument(help="Net, as in 9.90.")],
    per: Annotated[Per | None, typer.Option(help="The unit. [default: the usual one]")] = None,
    policy: Annotated[
        Policy, typer.Option(help="What a month costs in which it is switched off.")
    ] = Policy.LITERAL,
    valid_from: Annotated[
        str | None, typer.Option(help="A day or a moment to come. [default: now]")
    ] = None,
) -> None:
    """Set a price from a moment on; a month that has begun keeps its own."""
    try:
        exact = Decimal(amount)
    except InvalidOperation:
        raise InvalidInput(f"{amount!r} is no amount.", field="amount") from None

    async def work(opened: Opened) -> None:
        async with opened.unit_of_work() as (db, now):
            zone = (await named_organisation(db, None)).time_zone
            await service_prices.add_price(
                db,
                price_list,
                kind,
                exact,
                per=per,
                policy=policy,
                valid_from=None
                if valid_from is None
                else moment_from(valid_from, zone, field="valid_from"),
                by=operator().id,
                now=now,
            )
            told = {"kind": kind, "price": amount, "valid_from": valid_from}
            await _note(db, "service_price.add", price_list, told, now)

    run(work)
    print(f"{kind} costs {amount} by {price_list}.")


@commands.command("assign-list")
def assign_list(price_list: PriceListKey, organisation: OrganisationKeyArgument) -> None:
    """Let an organisation, and those below it, pay by a price list from now on."""

    async def work(opened: Opened) -> None:
        async with opened.unit_of_work() as (db, now):
            owner = await named_organisation(db, organisation)
            debtor = charges.organisation(owner.key)
            await service_prices.assign(
                db, debtor, price_list, valid_from=None, by=operator().id, now=now
            )
            await _note(db, "service_price_list.assign", price_list, {"debtor": debtor}, now)

    run(work)
    print(f"{organisation} pays by {price_list}.")


@commands.command("switch")
def switch(
    state: Annotated[str, typer.Argument(metavar="on|off", help="On or off.")],
    service: Annotated[Subscription, typer.Argument(help="Which service.")],
    organisation: OrganisationKeyArgument,
    json: Json = False,
) -> None:
    """Switch automated invoicing, credit notes or roaming on or off; prints what it costs."""
    if state not in ("on", "off"):
        raise typer.BadParameter("Say on or off.")

    async def work(opened: Opened) -> SubscribedNow:
        async with opened.unit_of_work() as (db, now):
            owner = await named_organisation(db, organisation)
            debtor = await Debtor.of_organisation(db, owner.key)
            done = subscriptions.switch_on if state == "on" else subscriptions.switch_off
            return await done(db, debtor, service, by=operator(), now=now)

    done = run(work)
    if json:
        show_json(done)
        return
    if done.waits:
        print("A second person has to release it.")
    cost = done.cost.this_month
    print(f"{service} is {'on' if done.since else 'off'}: {cost.text} {cost.currency} a month.")


@commands.command("costs")
def costs(organisation: OrganisationKeyArgument, month: MonthArgument, json: Json = False) -> None:
    """Show what an organisation will pay for a month, and by which rule."""
    wanted = Month.parse(month)

    async def work(opened: Opened) -> MonthCosts:
        async with opened.unit_of_work() as (db, now):
            owner = await named_organisation(db, organisation)
            return await service_costs.month_costs(
                db, owner.key, wanted, currency=owner.currency, now=now
            )

    found = run(work)
    rows = [
        {
            "kind": each.line.kind,
            "subject": each.line.subject,
            "charged": each.line.month.charged,
            "rule": each.line.month.rule,
            "outlook": each.outlook,
            "first_day": each.line.month.first_day,
            "last_day": each.line.month.last_day,
        }
        for each in found.lines
    ]
    show(rows, ("kind", "subject", "charged", "rule", "outlook"), json=json)


@commands.command("book-month")
def book_month(
    organisation: OrganisationKeyArgument, month: MonthArgument, json: Json = False
) -> None:
    """Book what services cost in a month that is over; what is booked is not booked again."""

    async def work(opened: Opened) -> service_months.BookedMonth:
        async with opened.unit_of_work() as (db, now):
            owner = await named_organisation(db, organisation)
            return await service_months.book_month(db, owner.key, month, now=now)

    done = run(work)
    if json:
        show_json({"month": str(done.month), "booked": len(done.booked), "net": done.net})
        return
    sums = ", ".join(f"{each.text} {each.currency}" for each in done.net) or "nothing"
    print(f"{len(done.booked)} charges were booked for {done.month}; it comes to {sums}.")


async def _note(db: Any, deed: str, key: str, after: dict[str, Any], now: Any) -> None:
    await note(db, deed, f"service_price_list/{key}", organisation=None, after=after, now=now)
