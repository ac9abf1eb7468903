"""`account`: accounts with licence, datapoints and term, applications for them, and prices."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import approvals, directory, licence_prices, licensing
from accounts.applications import (
    DEFAULT_MONTHS,
    LEAST_DATAPOINTS,
    Application,
    NewAccount,
    OtherDatapoints,
    OtherLicence,
    PointLicences,
    Renewal,
    Sector,
    State,
    Wanted,
    as_json,
)
from accounts.entitlements import AccountState
from accounts.licence_costs import PlannedPoints, calculate, planned
from accounts.licences import Licence
from accounts.periods import today
from accounts.tiers import Energy, LicenceKind, LicenceModel, PointKind, Tier
from app.cli.frame import Json, Opened, group, note, operator, run, show, show_json
from csms.metering_points import StationPoints
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey
from foundation.money import Money

commands = group("Accounts: licence, datapoints and term of organisations, and applications.")

Key = Annotated[str, typer.Argument(help="The organisation's key.")]
Number = Annotated[int, typer.Argument(help="The application's number.")]

_COLUMNS = (
    "organisation",
    "name",
    "state",
    "licence",
    "datapoints",
    "datapoints_used",
    "tier",
    "ends_on",
)
_ASKED = ("id", "organisation", "kind", "state", "applicant", "applied_at", "reason")


@dataclass(frozen=True, slots=True)
class Line:
    """An account as it is listed."""

    organisation: OrganisationKey
    name: str
    state: AccountState
    licence: Licence
    datapoints: int
    datapoints_used: int
    tier: Tier
    starts_on: date
    ends_on: date


@dataclass(frozen=True, slots=True)
class Asked:
    """An application as it is listed."""

    id: int
    organisation: OrganisationKey
    kind: str
    state: State
    wanted: dict[str, Any]
    applicant: str
    applied_at: datetime
    reason: str | None


def _asked(made: Application) -> Asked:
    return Asked(
        made.id,
        made.organisation,
        made.kind.value,
        made.state,
        as_json(made.wanted),
        made.applicant,
        made.applied_at,
        made.reason,
    )


@commands.command("list")
def list_accounts(json: Json = False) -> None:
    """List all accounts with their datapoints as they were counted last."""

    async def work(opened: Opened) -> list[Line]:
        async with opened.unit_of_work() as (db, now):
            return [
                Line(
                    each.organisation,
                    each.name,
                    each.state(now),
                    each.licence,
                    each.datapoints,
                    each.datapoints_used,
                    each.tier,
                    each.term.starts_on,
                    each.term.ends_on,
                )
                for each in await licensing.accounts(db)
            ]

    show(run(work), _COLUMNS, json=json)


@commands.command("applications")
def list_applications(
    state: Annotated[State | None, typer.Option(help="Only these.")] = None, json: Json = False
) -> None:
    """List applications, the newest first."""

    async def work(opened: Opened) -> list[Asked]:
        async with opened.unit_of_work() as (db, _):
            return [_asked(each) for each in await licensing.applications(db, state=state)]

    show(run(work), _ASKED, json=json)


def _apply(key: str, wanted: Wanted, *, json: bool) -> None:
    async def work(opened: Opened) -> Asked:
        async with opened.unit_of_work() as (db, now):
            made = await licensing.apply(
                db, StationPoints(), OrganisationKey(key), wanted, by=operator(), now=now
            )
            await _noted(db, "account.apply", made, now)
            return _asked(made)

    _tell(run(work), "is applied for", json=json)


async def _noted(db: AsyncSession, deed: str, made: Application, now: datetime) -> None:
    await note(
        db,
        deed,
        f"account_application/{made.id}",
        organisation=made.organisation,
        after={"kind": made.kind, "wanted": as_json(made.wanted), "reason": made.reason},
        now=now,
    )


def _tell(made: Asked, what: str, *, json: bool) -> None:
    if json:
        show_json(made)
    else:
        print(f"Application {made.id} for {made.organisation} ({made.kind}) {what}.")


@commands.command("apply")
def apply(
    organisation: Key,
    name: Annotated[str, typer.Option(help="The account's name.")],
    customer: Annotated[str, typer.Option(help="The customer's name.")],
    licence: Annotated[Licence, typer.Option(help="The edition.")] = Licence.BUSINESS,
    datapoints: Annotated[int, typer.Option(help="At least 20.")] = LEAST_DATAPOINTS,
    months: Annotated[int, typer.Option(help="The period.")] = DEFAULT_MONTHS,
    sector: Annotated[Sector, typer.Option(help="What the customer does.")] = Sector.CHARGING,
    rtc_lines: Annotated[int, typer.Option(help="In Spain only.")] = 0,
    mail_domain: Annotated[str | None, typer.Option(help="Mails leave from it.")] = None,
    comment: Annotated[str, typer.Option(help="For whoever decides.")] = "",
    json: Json = False,
) -> None:
    """Apply for an account; somebody else approves it."""
    wanted = NewAccount(
        name, customer, licence, datapoints, months, sector, rtc_lines, mail_domain, comment
    )
    _apply(organisation, wanted, json=json)


@commands.command("change")
def change(
    organisation: Key,
    datapoints: Annotated[int | None, typer.Option(help="Other datapoints.")] = None,
    licence: Annotated[Licence | None, typer.Option(help="Another edition.")] = None,
    renew: Annotated[int | None, typer.Option(help="A further term of so many months.")] = None,
    licences: Annotated[int | None, typer.Option(help="Licences for metering points.")] = None,
    kind: Annotated[LicenceKind, typer.Option(help="Of the licences.")] = LicenceKind.ALL,
    model: Annotated[LicenceModel, typer.Option(help="Of the licences.")] = LicenceModel.MONTHLY,
    json: Json = False,
) -> None:
    """Apply for a change of an account: one at a time."""
    wanted: list[Wanted] = []
    if datapoints is not None:
        wanted.append(OtherDatapoints(datapoints))
    if licence is not None:
        wanted.append(OtherLicence(licence))
    if renew is not None:
        wanted.append(Renewal(renew))
    if licences is not None:
        wanted.append(PointLicences(kind, model, licences))
    if len(wanted) != 1:
        raise typer.BadParameter("Choose one of --datapoints, --licence, --renew, --licences.")
    _apply(organisation, wanted[0], json=json)


@commands.command("approve")
def approve(number: Number, json: Json = False) -> None:
    """Approve an application that somebody else made."""

    async def work(opened: Opened) -> Asked:
        async with opened.unit_of_work() as (db, now):
            made = await approvals.approve(db, StationPoints(), number, by=operator(), now=now)
            await _noted(db, "account.approve", made, now)
            return _asked(made)

    _tell(run(work), "is approved", json=json)


@commands.command("reject")
def reject(
    number: Number,
    reason: Annotated[str, typer.Option(help="Why.")],
    json: Json = False,
) -> None:
    """Reject an application that somebody else made."""

    async def work(opened: Opened) -> Asked:
        async with opened.unit_of_work() as (db, now):
            made = await licensing.reject(db, number, reason, by=operator(), now=now)
            await _noted(db, "account.reject", made, now)
            return _asked(made)

    _tell(run(work), "is rejected", json=json)


@commands.command("withdraw")
def withdraw(number: Number, json: Json = False) -> None:
    """Take an application back."""

    async def work(opened: Opened) -> Asked:
        async with opened.unit_of_work() as (db, now):
            made = await licensing.withdraw(db, number, by=operator(), now=now)
            await _noted(db, "account.withdraw", made, now)
            return _asked(made)

    _tell(run(work), "is withdrawn", json=json)


@commands.command("archive")
def archive(organisation: Key) -> None:
    """Archive an account whose grace time is over; its data stays."""

    async def work(opened: Opened) -> None:
        async with opened.unit_of_work() as (db, now):
            key = OrganisationKey(organisation)
            days = opened.settings.account_grace_days
            made = await licensing.archive(db, key, grace_days=days, now=now)
            await note(
                db,
                "account.archive",
                f"account/{key}",
                organisation=key,
                after={"ended_on": made.term.ends_on},
                now=now,
            )

    run(work)
    print(f"The account of {organisation} is archived.")


@commands.command("price")
def price(
    item: Annotated[str, typer.Argument(help="As in point/all/monthly.")],
    amount: Annotated[str, typer.Argument(help="A month, without tax.")],
    currency: Annotated[str, typer.Option(help="ISO 4217.")] = "EUR",
    valid_from: Annotated[str | None, typer.Option(help="A day. [default: today]")] = None,
) -> None:
    """Set a price of the list, from a day on."""
    try:
        exact = Decimal(amount)
        first = None if valid_from is None else date.fromisoformat(valid_from)
    except (ArithmeticError, ValueError):
        raise typer.BadParameter("Write the amount as 4.20 and the day as 2026-11-01.") from None
    if not exact.is_finite():
        raise InvalidInput("price must be a number.", field="price")

    async def work(opened: Opened) -> date:
        async with opened.unit_of_work() as (db, now):
            on = today(now, (await directory.root(db)).time_zone)
            begins = first or on
            await licence_prices.set_price(
                db,
                item,
                exact,
                currency,
                valid_from=begins,
                today=on,
                by=operator().id,
                now=now,
            )
            await note(
                db,
                "licence_price.set",
                f"licence_price/{item}",
                organisation=None,
                after={"price": exact, "currency": currency, "valid_from": begins},
                now=now,
            )
            return begins

    print(f"{item} costs {amount} {currency} a month from {run(work)} on.")


@dataclass(frozen=True, slots=True)
class Way:
    """A way to buy licences."""

    heat_water_gas: int
    all: int
    heat_water_gas_model: LicenceModel | None
    other_model: LicenceModel | None
    cost: Money


@commands.command("calculate")
def calculate_licences(
    points: Annotated[
        list[str],
        typer.Argument(help="As in three_phase_meter=3 or mbus_meter/heat=3, several."),
    ],
    solar_plants: Annotated[int, typer.Option(help="Of a shared supply.")] = 0,
    months: Annotated[int, typer.Option(help="For how long.")] = 12,
    json: Json = False,
) -> None:
    """Calculate how many licences metering points need, and what they cost, cheapest first."""
    wanted = [_planned(each) for each in points]

    async def work(opened: Opened) -> list[Way]:
        async with opened.unit_of_work() as (db, now):
            root = await directory.root(db)
            on = today(now, root.time_zone)
            prices = await licence_prices.price_list(db, root.currency, on)
            found = calculate(planned(wanted, solar_plants=solar_plants), prices, months=months)
            return [
                Way(
                    each.licences.heat_water_gas,
                    each.licences.all,
                    each.narrow,
                    each.wide,
                    each.cost,
                )
                for each in found.offers
            ]

    columns = ("heat_water_gas", "all", "heat_water_gas_model", "other_model", "cost")
    show(run(work), columns, json=json)


def _planned(written: str) -> PlannedPoints:
    what, _, count = written.partition("=")
    kind, _, energy = what.partition("/")
    known = {*PointKind}, {*Energy}
    if kind not in known[0] or (energy or "electricity") not in known[1] or not count.isdecimal():
        raise typer.BadParameter(f"{written!r} is not written as three_phase_meter=3.")
    return PlannedPoints(PointKind(kind), Energy(energy or "electricity"), int(count))
