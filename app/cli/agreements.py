"""`agreement`: which share of the proceeds a payee receives, and from when."""

from typing import Annotated, Any, cast

import typer

from app.cli.frame import (
    Json,
    Opened,
    chosen,
    group,
    moment_from,
    named_organisation,
    note,
    run,
    show,
    show_json,
)
from billing.terms import Basis
from foundation.quantities import BASIS_POINTS
from roaming import administration
from roaming.administration import AgreementFacts
from roaming.agreements import Agreement, InternalScope

commands = group("Agreements: which share of the proceeds a payee receives.")

_COLUMNS = (
    "agreement_id",
    "payee",
    "internal_bps",
    "external_bps",
    "basis",
    "internal_scope",
    "valid_from",
    "valid_to",
)


@commands.command("create")
def create(
    payee: Annotated[str, typer.Argument(help="The organisation's key.")],
    internal_bps: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=BASIS_POINTS,
            help="Share of internal revenue in basis points. [default: 10000]",
        ),
    ] = None,
    external_bps: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=BASIS_POINTS,
            help="Share of external revenue in basis points. [default: 9000]",
        ),
    ] = None,
    basis: Annotated[
        Basis | None, typer.Option(help="What the share is taken of. [default: net]")
    ] = None,
    internal_scope: Annotated[
        InternalScope | None,
        typer.Option(help="Whose tokens count as internal. [default: owner]"),
    ] = None,
    valid_from: Annotated[
        str | None, typer.Option(help="A day in the payee's zone, or a moment. [default: now]")
    ] = None,
    valid_to: Annotated[str | None, typer.Option(help="Not included. [default: no end]")] = None,
    json: Json = False,
) -> None:
    """Create an agreement; it is never edited, only followed by another."""
    facts = chosen(
        {
            "internal_bps": internal_bps,
            "external_bps": external_bps,
            "basis": basis,
            "internal_scope": internal_scope,
        }
    )

    async def work(opened: Opened) -> Agreement:
        async with opened.unit_of_work() as (db, now):
            organisation = await named_organisation(db, payee)
            zone = organisation.time_zone
            made = await administration.create_agreement(
                db,
                organisation.key,
                cast("AgreementFacts", facts),
                valid_from=(
                    now if valid_from is None else moment_from(valid_from, zone, field="valid_from")
                ),
                valid_to=None
                if valid_to is None
                else moment_from(valid_to, zone, field="valid_to"),
                now=now,
            )
            await note(
                db,
                "agreement.create",
                f"agreement/{made.agreement_id}",
                organisation=made.payee,
                after=_row(made),
                now=now,
            )
            return made

    made = run(work)
    if json:
        show_json(_row(made))
    else:
        print(f"Agreement {made.agreement_id} with {made.payee} was created.")


@commands.command("list")
def list_agreements(json: Json = False) -> None:
    """List all agreements, by payee, oldest first."""

    async def work(opened: Opened) -> list[Agreement]:
        async with opened.unit_of_work() as (db, _):
            return await administration.agreements(db)

    show([_row(each) for each in run(work)], _COLUMNS, json=json)


def _row(agreement: Agreement) -> dict[str, Any]:
    """Return the agreement as the REST API writes it."""
    terms = agreement.terms
    return {
        "agreement_id": str(agreement.agreement_id),
        "payee": agreement.payee,
        "internal_bps": terms.internal_bps,
        "external_bps": terms.external_bps,
        "basis": terms.basis,
        "internal_scope": terms.internal_scope,
        "valid_from": agreement.valid_from,
        "valid_to": agreement.valid_to,
    }
