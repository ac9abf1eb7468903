"""`change-order`: what owners of stations want changed in writing, listed, shown and confirmed."""

import getpass
import mimetypes
from pathlib import Path
from typing import Annotated

import typer

from accounts import audit, directory
from accounts.audit import Actor
from accounts.directory import WHOLE
from app.cli.frame import Json, Opened, group, run, show, show_json
from support import change_orders
from support.change_orders import ChangeOrder
from support.orders import Confirmer, OrderState, WrittenOrder

commands = group("Change orders: what owners of stations want changed, in writing.")

_COLUMNS = ("id", "number", "state", "organisation", "title", "stations", "valid_to")
_MAIL_TYPES = {".eml": "message/rfc822", ".msg": "application/vnd.ms-outlook"}
_MOST = 1000

Which = Annotated[str, typer.Argument(help="Its number, as in CO-000123, or its id.")]


@commands.command("list")
def list_orders(
    state: Annotated[OrderState | None, typer.Option(help="Only those in this state.")] = None,
    station: Annotated[str | None, typer.Option(help="Only those about this station.")] = None,
    json: Json = False,
) -> None:
    """List change orders and drafts, the newest first."""

    async def work(opened: Opened) -> list[ChangeOrder]:
        async with opened.unit_of_work() as (db, _):
            states = () if state is None else (state,)
            return await change_orders.change_orders(
                db, WHOLE, station=station, states=states, limit=_MOST
            )

    show(run(work), _COLUMNS, json=json)


@commands.command("show")
def show_order(order: Which, json: Json = False) -> None:
    """Show a change order with what it changes and what was done."""

    async def work(opened: Opened) -> ChangeOrder:
        async with opened.unit_of_work() as (db, _):
            return await change_orders.change_order(db, WHOLE, order)

    found = run(work)
    if json:
        show_json(found)
        return
    print(f"{found.number or 'draft'} ({found.state}): {found.title}")
    print(f"for {found.organisation}, stations {', '.join(found.stations)}")
    for place, item in enumerate(found.items):
        print(f"{place}: {item.action or item.kind} {item.payload or item.text or ''}")
    for each in found.executions:
        print(f"{each.place} at {each.station}: {each.state} {each.result or ''}".rstrip())


@commands.command("confirm")
def confirm(
    order: Which,
    mail: Annotated[
        Path | None, typer.Option(help="The customer's mail as a file.", dir_okay=False)
    ] = None,
    reference: Annotated[str | None, typer.Option(help="By what the mail is found again.")] = None,
    json: Json = False,
) -> None:
    """Make a draft an order; for another organisation's stations only with its mail."""
    user = getpass.getuser()
    by = Actor(f"cli/{user}", user, "cli", None)
    content = None if mail is None else mail.read_bytes()

    async def work(opened: Opened) -> ChangeOrder:
        async with opened.unit_of_work() as (db, now):
            before = await change_orders.change_order(db, WHOLE, order)
            written = None
            if mail is not None and content is not None:
                said = reference or before.reference or ""
                written = WrittenOrder(mail.name, _media_type(mail), content, said)
            root = await directory.root(db)
            made = await change_orders.confirm(
                db,
                before.id,
                Confirmer(root.key, may_confirm=True, may_write=True),
                written,
                by=by,
                now=now,
            )
            await audit.record(
                db,
                by,
                "change_order.confirm",
                f"change_order/{made.id}",
                organisation=made.organisation,
                before={"state": before.state, "number": before.number},
                after={"state": made.state, "number": made.number},
                order=made.number,
                now=now,
            )
            return made

    made = run(work)
    if json:
        show_json(made)
    else:
        print(f"The draft is order {made.number} now.")


def _media_type(path: Path) -> str:
    known = _MAIL_TYPES.get(path.suffix.lower())
    return known or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
