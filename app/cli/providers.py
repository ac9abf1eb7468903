"""`provider`: EMPs, whose tokens charge externally."""

from typing import Annotated, cast

import typer

from accounts import directory
from app.cli.frame import Json, Opened, chosen, group, note, run, show, show_json
from roaming import administration
from roaming.administration import Provider, ProviderFacts

commands = group("Providers (EMPs): who answers for tokens that are not ours.")

_COLUMNS = ("party_id", "name", "email", "vat_id", "terms_days")


@commands.command("create")
def create(
    party_id: Annotated[str, typer.Argument(help="Country and party, as in DE*XYZ.")],
    name: Annotated[str, typer.Option(help="Its name on papers.")],
    email: Annotated[str | None, typer.Option(help="Where invoices are sent.")] = None,
    vat_id: Annotated[str | None, typer.Option(help="VAT number.")] = None,
    terms_days: Annotated[
        int | None, typer.Option(min=0, max=365, help="Days to pay. [default: 30]")
    ] = None,
    json: Json = False,
) -> None:
    """Create a provider."""
    facts = chosen({"name": name, "email": email, "vat_id": vat_id, "terms_days": terms_days})

    async def work(opened: Opened) -> Provider:
        async with opened.unit_of_work() as (db, now):
            made = await administration.create_provider(
                db, party_id, cast("ProviderFacts", facts), now=now
            )
            await note(
                db,
                "provider.create",
                f"provider/{made.party_id}",
                organisation=(await directory.root(db)).key,
                after=made,
                now=now,
            )
            return made

    made = run(work)
    if json:
        show_json(made)
    else:
        print(f"Provider {made.party_id} was created.")


@commands.command("list")
def list_providers(json: Json = False) -> None:
    """List all providers."""

    async def work(opened: Opened) -> list[Provider]:
        async with opened.unit_of_work() as (db, _):
            return await administration.providers(db)

    show(run(work), _COLUMNS, json=json)
