"""Drafting change orders: what is to change, at which stations, from a form or a call."""

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from csms import registry
from csms.registry import Station
from foundation.errors import InvalidInput, NotFound
from portal import buttons
from portal.buttons import Wish
from portal.context import context_of
from portal.guard import Caller, require
from portal.pages.change_orders import ask_customer, record
from portal.pages.counts import silence_limits
from portal.pages.support_parts import support_tabs
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors
from portal.routes import Db, Now, PageRoute
from portal.support_words import CHANGE_KINDS
from portal.words import Words
from support import calls, change_orders
from support.calls import NoteKind
from support.orders import Item, ItemKind

router = APIRouter(route_class=PageRoute)

Writer = Annotated[Caller, Depends(require(Permission.CHANGE_ORDERS_WRITE))]

DESCRIBED = tuple(each for each in CHANGE_KINDS if each != "command")
"""What is changed by hand, and so described in words."""


@router.get("/support/orders/new")
async def new_order(
    request: Request,
    db: Db,
    caller: Writer,
    station: Annotated[str, Query(max_length=48)] = "",
    call: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Show the form of a new draft."""
    return await _form(request, db, caller, {"stations": station, "call": call, "what": "setting"})


async def _form(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    sent: Mapping[str, str],
    errors: FormErrors | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    values = {
        "tabs": support_tabs(caller, frame.words),
        "tab": "orders",
        "sent": sent,
        "kinds": DESCRIBED,
        "may_expert": caller.may(Permission.COMMANDS_EXPERT),
        "errors": errors or FormErrors(),
    }
    return page(frame, "order_new.html", values, status=422 if errors else 200)


@router.post("/support/orders")
async def draft_order(request: Request, db: Db, now: Now, caller: Writer) -> Response:
    """Write the draft; with `then` "ask" the customer is asked for the order at once."""
    form = await request.form()
    sent = {name: value[:9000] for name, value in form.items() if isinstance(value, str)}
    said = (await frame_of(request, db, caller)).words
    problem: dict[str, str] = {}
    identities = [each for each in sent.get("stations", "").replace(",", " ").split() if each]
    stations = await _stations(request, db, caller, identities, now, problem, said)
    items: list[Item] = []
    if stations:
        items = _items(sent, stations[0], now, problem, said)
    title = sent.get("title", "").strip()
    if not title:
        problem["title"] = said.gettext("Say in a few words what is to change.")
    if problem:
        return await _form(request, db, caller, sent, FormErrors(problem))
    call_id = await _call(db, caller, sent.get("call", ""))
    try:
        made = await change_orders.draft(
            db,
            caller.scope,
            [each.identity for each in stations],
            items,
            title=title[:200],
            repeatable=sent.get("repeatable") == "yes",
            call_id=call_id,
            by=caller.actor,
            now=now,
        )
    except InvalidInput as error:
        name = "stations" if error.field == "stations" else "title"
        return await _form(request, db, caller, sent, FormErrors({name: _why(error, said)}))
    await record(db, caller, "change_order.draft", made, now)
    if call_id is not None:
        await calls.note(
            db, call_id, NoteKind.ORDER, made.title, subject=str(made.id), by=caller.actor, now=now
        )
    if sent.get("then") == "ask":
        return await ask_customer(request, db, caller, made, now)
    return went(f"/support/orders/{made.id}", done="order-drafted")


async def _call(db: AsyncSession, caller: Caller, written: str) -> int | None:
    """Return the number of the call that a draft comes from, if it is one that still runs."""
    if not (written.isascii() and written.isdecimal() and len(written) < 19):
        return None
    if not caller.may(Permission.CALLS_WRITE):
        return None
    found = await calls.call(db, caller.scope, int(written))
    return found.id if found.is_open else None


async def _stations(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    identities: Sequence[str],
    now: datetime,
    problem: dict[str, str],
    said: Words,
) -> list[Station]:
    limits = silence_limits(context_of(request).settings)
    found = []
    for each in dict.fromkeys(identities):
        try:
            found.append(await registry.station(db, caller.scope, each, now, limits=limits))
        except NotFound:
            text = said.gettext("There is no station %(identity)s.") % {"identity": each[:60]}
            problem["stations"] = text
    if not identities:
        problem["stations"] = said.gettext("Name the station, or several.")
    elif "stations" not in problem:
        if len({each.organisation for each in found}) > 1:
            problem["stations"] = said.gettext(
                "These stations belong to several owners. Each gives an order of his own."
            )
        elif len({each.ocpp_version for each in found}) > 1:
            problem["stations"] = said.gettext(
                "These stations speak several versions of OCPP. Draft an order for each version."
            )
    return [] if "stations" in problem else found


def _items(
    sent: Mapping[str, str],
    station: Station,
    now: datetime,
    problem: dict[str, str],
    said: Words,
) -> list[Item]:
    """Return what is to change, as the form says it; what is wrong goes into `problem`."""
    what = sent.get("what", "")
    if what in DESCRIBED:
        text = sent.get("text", "").strip()
        if not text:
            problem["text"] = said.gettext("Describe the change.")
        return [Item(ItemKind(what), text=text[:4000])]
    if what == "action":
        return _action(sent, problem, said)
    key = {"setting": "change_configuration", "firmware_update": "update_firmware"}.get(what)
    if key is None:
        problem["what"] = said.gettext("Choose what is to change.")
        return []
    if station.ocpp_version is None:
        problem["stations"] = said.gettext("The station has never connected.")
        return []
    wish = Wish(
        now=now,
        new_id=1 + secrets.randbelow(2**31 - 1),
        component=sent.get("component", "").strip(),
        variable=sent.get("variable", "").strip(),
        value=sent.get("value", ""),
        fetch_from=sent.get("location", "").strip(),
    )
    try:
        action, payload = buttons.ask(key, station.ocpp_version, wish)
    except InvalidInput as error:
        problem[error.field or "what"] = said.gettext("Fill this in.")
        return []
    return [Item(ItemKind.COMMAND, action, payload)]


def _action(sent: Mapping[str, str], problem: dict[str, str], said: Words) -> list[Item]:
    action = sent.get("action", "").strip()
    if not action.isascii() or not action.isalnum():
        problem["action"] = said.gettext("Name the OCPP action, for example SendLocalList.")
    payload: Any = None
    try:
        payload = json.loads(sent.get("payload", "") or "{}", parse_constant=_no_number)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        problem["payload"] = said.gettext("This is no JSON object.")
    if "action" in problem or "payload" in problem:
        return []
    return [Item(ItemKind.COMMAND, action, payload)]


def _no_number(word: str) -> None:
    raise ValueError(word)


def _why(error: InvalidInput, said: Words) -> str:
    if error.field == "stations":
        return said.gettext("One of these stations cannot be in the order.")
    return said.gettext("This draft cannot be written: %(why)s") % {"why": str(error)}
