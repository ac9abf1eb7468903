"""`document`: make a month's papers, verify beforehand, take one back; record contacts."""

from datetime import datetime
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from app.cli.frame import Json, Opened, group, named_organisation, note, run, show, show_json
from billing import contacts, counter_documents, invoicing, papers
from billing.documents import Document
from billing.invoicing import Finding, Result
from billing.papers import DocumentHead
from foundation.identifiers import OrganisationKey

commands = group("Documents: invoices, credit notes, and what takes them back.")

MonthArgument = Annotated[str, typer.Argument(metavar="YYYY-MM", help="The month.")]


@commands.command("run")
def make(month: MonthArgument, json: Json = False) -> None:
    """Make the month's invoices and credit notes, also where the switches are off."""

    async def work(opened: Opened) -> Result:
        async with opened.unit_of_work() as (db, now):
            made = await invoicing.run(db, month, now=now, by_hand=True)
            await _note(db, "invoicing.run", f"month/{month}", {"documents": made.numbers}, now)
            return made

    done = run(work)
    if json:
        show_json({"numbers": done.numbers, "not_issued": done.not_issued})
        return
    for number in done.numbers:
        print(number)
    for each in done.not_issued:
        print(f"not issued: {each.recipient}: {each.said}")


@commands.command()
def verify(month: MonthArgument, json: Json = False) -> None:
    """Tell what would keep the month's documents from being made or sent; make nothing."""

    async def work(opened: Opened) -> list[Finding]:
        async with opened.unit_of_work() as (db, now):
            return await invoicing.verify(db, month, now=now)

    show(run(work), ("code", "recipient", "said"), json=json)


@commands.command("list")
def list_documents(
    month: Annotated[str | None, typer.Option(help="Only this month's, YYYY-MM.")] = None,
    json: Json = False,
) -> None:
    """List the documents, the newest first."""

    async def work(opened: Opened) -> list[DocumentHead]:
        async with opened.unit_of_work() as (db, _):
            return await papers.documents(db, month=month, limit=500)

    show(run(work), ("number", "kind", "state", "recipient", "issued_on", "gross"), json=json)


@commands.command()
def cancel(
    number: Annotated[str, typer.Argument(help="The document's number.")],
    reason: Annotated[str, typer.Option(help="Why; it stands on the counter-document.")],
    again: Annotated[bool, typer.Option(help="What stands on it waits for a new document.")] = True,
) -> None:
    """Take a document back by a counter-document."""

    async def work(opened: Opened) -> Document:
        async with opened.unit_of_work() as (db, now):
            made = await counter_documents.cancel(db, number, reason=reason, again=again, now=now)
            after = {"by": made.number, "why": reason}
            await _note(db, "document.cancel", f"document/{number}", after, now)
            return made

    print(f"{number} was taken back by {run(work).number}.")


@commands.command("record-contact")
def record_contact(
    organisation: Annotated[str, typer.Argument(help="The organisation's key.")],
) -> None:
    """Record an organisation as a contact with what it says of itself, so that it gets papers."""

    async def work(opened: Opened) -> int:
        async with opened.unit_of_work() as (db, now):
            owner = await named_organisation(db, organisation)
            made = await contacts.record_organisation(db, owner.key, now=now)
            if made.created_at == now:
                after = {"represents": made.represents}
                await _note(db, "contact.create", f"contact/{made.id}", after, now, owner.key)
            return made.id

    print(f"Contact {run(work)} stands for {organisation}.")


async def _note(
    db: AsyncSession,
    deed: str,
    subject: str,
    after: object,
    now: datetime,
    organisation: OrganisationKey | None = None,
) -> None:
    await note(db, deed, subject, organisation=organisation, after=after, now=now)
