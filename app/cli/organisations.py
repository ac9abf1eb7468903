"""`organisation`: the owners of stations and payees of statements."""

from enum import StrEnum
from typing import Annotated, cast

import typer

from accounts import directory
from accounts.directory import OrganisationFacts
from app.cli.frame import Json, Opened, chosen, group, note, run, show, show_json

commands = group("Organisations: who owns stations, issues tokens and is paid.")

_COLUMNS = ("key", "name", "parent", "time_zone", "currency", "tax_status", "language", "email")


class TaxStatus(StrEnum):
    """What decides the VAT on what an organisation is paid."""

    STANDARD = "standard"
    SMALL_BUSINESS = "small_business"
    REVERSE_CHARGE = "reverse_charge"
    PRIVATE = "private"


class Language(StrEnum):
    """The languages of papers and pages."""

    ENGLISH = "en"
    GERMAN = "de"


@commands.command("create")
def create(
    key: Annotated[str, typer.Argument(help="Slug that never changes, as in stadtwerke-nord.")],
    name: Annotated[str, typer.Option(help="Its name on papers.")],
    parent: Annotated[
        str | None, typer.Option(help="The one above it. [default: the root]")
    ] = None,
    time_zone: Annotated[str | None, typer.Option(help="IANA. [default: its parent's]")] = None,
    currency: Annotated[str | None, typer.Option(help="ISO 4217. [default: its parent's]")] = None,
    country: Annotated[str | None, typer.Option(help="ISO 3166. [default: its parent's]")] = None,
    tax_status: Annotated[TaxStatus, typer.Option(help="Decides the VAT.")] = TaxStatus.STANDARD,
    vat_id: Annotated[str | None, typer.Option(help="VAT number.")] = None,
    language: Annotated[
        Language | None, typer.Option(help="Of its papers. [default: its parent's]")
    ] = None,
    email: Annotated[str | None, typer.Option(help="Where statements are sent.")] = None,
    iban: Annotated[str | None, typer.Option(help="Where it is paid.")] = None,
    address: Annotated[str | None, typer.Option(help="Its address on papers.")] = None,
    json: Json = False,
) -> None:
    """Create an organisation."""
    facts = chosen(
        {
            "name": name,
            "parent": parent,
            "time_zone": time_zone,
            "currency": currency,
            "country": country,
            "tax_status": str(tax_status),
            "vat_id": vat_id,
            "language": None if language is None else str(language),
            "email": email,
            "iban": iban,
            "address": address,
        }
    )

    async def work(opened: Opened) -> directory.Organisation:
        async with opened.unit_of_work() as (db, now):
            made = await directory.create_organisation(
                db, key, cast("OrganisationFacts", facts), now=now
            )
            await note(
                db,
                "organisation.create",
                f"organisation/{made.key}",
                organisation=made.key,
                after=made,
                now=now,
            )
            return made

    made = run(work)
    if json:
        show_json(made)
    else:
        print(f"Organisation {made.key} was created below {made.parent}.")


@commands.command("list")
def list_organisations(json: Json = False) -> None:
    """List all organisations."""

    async def work(opened: Opened) -> list[directory.Organisation]:
        async with opened.unit_of_work() as (db, _):
            return await directory.organisations(db)

    show(run(work), _COLUMNS, json=json)
