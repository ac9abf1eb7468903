"""Change orders: drafted from a call, asked for by mail, confirmed, carried out, answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Query, UploadFile
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import audit, directory
from accounts.permissions import Permission
from csms import registry
from csms.known_settings import known_settings
from foundation.errors import ExpectedError, InvalidInput
from foundation.identifiers import OrganisationKey, StationId
from portal import asking, command_words, masking
from portal.context import context_of
from portal.guard import Caller, PermissionMissing, require
from portal.orders import confirmer, mail_answer
from portal.pages.counts import silence_limits
from portal.pages.support_parts import support_tabs
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, Turn, link
from portal.routes import Db, Now, PageRoute
from portal.support_words import ORDER_STATES
from portal.words import Words
from support import change_orders
from support.change_orders import ChangeOrder
from support.correspondence import Correspondence, NoContact
from support.orders import (
    FINAL,
    LARGEST_MAIL,
    NotAuthorised,
    OrderState,
    UseState,
    WrittenOrder,
    WrittenOrderMissing,
    WrongOrderState,
    differences,
)

router = APIRouter(route_class=PageRoute)

Reader = Annotated[Caller, Depends(require(Permission.CHANGE_ORDERS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.CHANGE_ORDERS_WRITE))]

PER_PAGE = 50
_WAITS_FOR_S = 24 * 3600
_TYPES = {".eml": "message/rfc822", ".msg": "application/vnd.ms-outlook"}


# ----------------------------------------------------------------------------------- list


@router.get("/support/orders")
async def order_list(
    request: Request,
    db: Db,
    caller: Reader,
    state: Annotated[str, Query(max_length=20)] = "",
    station: Annotated[str, Query(max_length=48)] = "",
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """List change orders, the newest first."""
    chosen = OrderState(state) if state in set(OrderState) else None
    found = await change_orders.change_orders(
        db,
        caller.scope,
        station=station or None,
        states=() if chosen is None else (chosen,),
        before=before,
        limit=PER_PAGE + 1,
    )
    kept = found[:PER_PAGE]
    query = {"state": chosen or "", "station": station}
    on = None
    if len(found) > PER_PAGE:
        on = link("/support/orders", {**query, "before": kept[-1].id, "n": n + len(kept)})
    back = link("/support/orders", query) if before else None
    frame = await frame_of(request, db, caller)
    values = {
        "tabs": support_tabs(caller, frame.words),
        "tab": "orders",
        "found": [masking.change_order(caller, each) for each in kept],
        "states": ORDER_STATES,
        "state": chosen or "",
        "station": station,
        "owners": await _names(db, caller),
        "turn": Turn(n, n + len(kept) - 1, None, back, on),
    }
    return page(frame, "orders.html", values)


async def _names(db: AsyncSession, caller: Caller) -> dict[OrganisationKey, str]:
    return {each.key: each.name for each in await directory.organisations(db, caller.scope)}


# ----------------------------------------------------------------------------------- one


@dataclass(frozen=True, slots=True)
class Changed:
    """One line of the preview: `stations` differ in what they have now."""

    place: int
    name: str
    old: str | None
    new: str
    stations: tuple[StationId, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A command of an order at a station: what came of it, and whether it may be sent now."""

    place: int
    station: StationId
    action: str
    state: UseState | None
    command_id: str | None
    result: str | None
    can_be_sent: bool


@router.get("/support/orders/{number:segment}")
async def one_order(request: Request, db: Db, now: Now, caller: Reader, number: str) -> Response:
    """Show an order: what it changes, who ordered it, what was done."""
    found = await change_orders.change_order(db, caller.scope, number)
    return await _show(request, db, now, caller, found)


async def _show(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    found: ChangeOrder,
    errors: Mapping[str, str] | None = None,
    sent: Mapping[str, str] | None = None,
    refusals: Sequence[tuple[str, str]] = (),
    status: int = 422,
) -> Response:
    frame = await frame_of(request, db, caller)
    shown = masking.change_order(caller, found)
    names = await _names(db, caller)
    is_own = caller.principal.organisation == found.organisation
    may_confirm = found.is_draft and (
        caller.may(Permission.CHANGE_ORDERS_WRITE)
        or (is_own and caller.may(Permission.CHANGE_ORDERS_CONFIRM))
    )
    values = {
        "tabs": support_tabs(caller, frame.words),
        "tab": "orders",
        "order": shown,
        "owner": names.get(found.organisation, found.organisation),
        "changes": await _changes(db, shown),
        "steps": _steps(found, now),
        "may_confirm": may_confirm,
        "confirms_himself": is_own and caller.may(Permission.CHANGE_ORDERS_CONFIRM),
        "may_execute": caller.may(Permission.COMMANDS_CONFIGURE),
        "may_withdraw": found.state not in FINAL
        and (
            caller.may(Permission.CHANGE_ORDERS_WRITE)
            or (is_own and caller.may(Permission.CHANGE_ORDERS_CONFIRM))
        ),
        "may_call": caller.may(Permission.CALLS_READ),
        "errors": FormErrors(errors or {}),
        "sent": sent or {},
        "refusals": refusals,
        "largest": LARGEST_MAIL // 2**20,
    }
    code = status if errors or refusals else 200
    return page(frame, "order.html", values, status=code)


async def _changes(db: AsyncSession, order: ChangeOrder) -> list[Changed]:
    known = await known_settings(db, order.stations)
    found: dict[tuple[int, str, str | None, str], list[StationId]] = {}
    for place, item in enumerate(order.items):
        for station in order.stations:
            for each in differences(item, known.get(station, {})):
                key = (place, each.name, each.old, each.new)
                found.setdefault(key, []).append(station)
    return [
        Changed(place, name, old, new, tuple(stations))
        for (place, name, old, new), stations in sorted(found.items(), key=lambda each: each[0][0])
    ]


def _steps(order: ChangeOrder, now: datetime) -> list[Step]:
    """Return every command of an order at every station, in the order of what is to change."""
    last = {(each.place, each.station): each for each in order.executions}
    is_valid = order.state is OrderState.CONFIRMED and (
        order.valid_to is None or order.valid_to > now
    )
    steps = []
    for place, item in enumerate(order.items):
        for station in order.stations:
            use = last.get((place, station))
            is_free = use is None or use.state is UseState.UNUSED
            again = order.repeatable and use is not None and use.state is not UseState.OPEN
            steps.append(
                Step(
                    place,
                    station,
                    item.action or "",
                    None if use is None else use.state,
                    None if use is None else use.command_id,
                    None if use is None else use.result,
                    is_valid and item.action is not None and (is_free or again),
                )
            )
    return steps


@router.get("/support/orders/{number:segment}/mail")
async def order_mail(db: Db, caller: Reader, number: str) -> Response:
    """Give the mail on file as a download; who wrote it cannot be masked."""
    found = await change_orders.change_order(db, caller.scope, number)
    caller.must_have(Permission.CRM_READ)
    return mail_answer(await change_orders.mail_on_file(db, found.id))


@router.post("/support/orders/{number:segment}/ask")
async def ask_for_order(
    request: Request, db: Db, now: Now, caller: Writer, number: str
) -> Response:
    """Send the mail that asks the customer for the written order."""
    found = await change_orders.change_order(db, caller.scope, number)
    return await ask_customer(request, db, caller, found, now)


async def ask_customer(
    request: Request, db: AsyncSession, caller: Caller, found: ChangeOrder, now: datetime
) -> Response:
    """Send the mail that asks for the written order, and show the draft."""
    said = (await frame_of(request, db, caller)).words
    mails = context_of(request).mails
    problem = said.gettext("Mails cannot be written at the moment. The draft is kept.")
    if mails is not None:
        try:
            made = await Correspondence(mails).ask_for_order(db, found.id, by=caller.actor, now=now)
        except NoContact:
            problem = said.gettext(
                "The owner has no mail address. Enter one at the organisation, then ask again."
            )
        except WrongOrderState:
            problem = said.gettext("It is no draft any more.")
        else:
            await record(db, caller, "change_order.request", made, now, found)
            return went(f"/support/orders/{found.id}", done="order-asked")
    return await _show(request, db, now, caller, found, {"ask": problem})


@router.post("/support/orders/{number:segment}/confirm")
async def confirm_order(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    number: str,
    reference: Annotated[str, Form(max_length=500)] = "",
    mail: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Make a draft an order: by the customer's mail, or because he confirms it himself."""
    if not caller.may(Permission.CHANGE_ORDERS_WRITE) and not caller.may(
        Permission.CHANGE_ORDERS_CONFIRM
    ):
        raise PermissionMissing(Permission.CHANGE_ORDERS_CONFIRM)
    found = await change_orders.change_order(db, caller.scope, number)
    said = (await frame_of(request, db, caller)).words
    written = None
    if mail is not None and mail.filename:
        content = await mail.read()
        written = WrittenOrder(mail.filename, _type_of(mail), content, reference)
    try:
        made = await change_orders.confirm(
            db, found.id, confirmer(caller), written, by=caller.actor, now=now
        )
    except (InvalidInput, WrongOrderState, NotAuthorised) as error:
        problem = _confirm_problem(error, said)
        return await _show(request, db, now, caller, found, problem, {"reference": reference})
    await record(db, caller, "change_order.confirm", made, now, found)
    return went(f"/support/orders/{made.id}", done="order-confirmed")


def _type_of(mail: UploadFile) -> str:
    name = (mail.filename or "").lower()
    for ending, media_type in _TYPES.items():
        if name.endswith(ending):
            return media_type
    return (mail.content_type or "").partition(";")[0].strip()


def _confirm_problem(error: ExpectedError, said: Words) -> dict[str, str]:
    if isinstance(error, WrongOrderState):
        return {"mail": said.gettext("It is no draft any more.")}
    if isinstance(error, NotAuthorised):
        return {"mail": said.gettext("Only people of the owner's organisation can confirm it.")}
    if isinstance(error, WrittenOrderMissing):
        return {"mail": said.gettext("Attach the owner's mail, and name its reference.")}
    assert isinstance(error, InvalidInput)
    if error.field == "reference":
        return {"reference": said.gettext("Name the reference: by what is the mail found again?")}
    if error.field == "valid_to":
        return {"mail": said.gettext("Its validity is over. Draft it again.")}
    return {"mail": said.gettext("Attach the mail itself, a PDF, a picture or a text; not empty.")}


@router.post("/support/orders/{number:segment}/withdraw")
async def withdraw_order(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    number: str,
    reason: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Take a draft or an order back."""
    if not caller.may(Permission.CHANGE_ORDERS_WRITE) and not caller.may(
        Permission.CHANGE_ORDERS_CONFIRM
    ):
        raise PermissionMissing(Permission.CHANGE_ORDERS_WRITE)
    found = await change_orders.change_order(db, caller.scope, number)
    said = (await frame_of(request, db, caller)).words
    try:
        made = await change_orders.withdraw(db, found.id, reason=reason, by=caller.actor, now=now)
    except InvalidInput:
        problem = {"reason": said.gettext("Say why, in a few words.")}
    except WrongOrderState:
        problem = {"reason": said.gettext("It is under way, or over already.")}
    else:
        await record(db, caller, "change_order.withdraw", made, now, found)
        return went(f"/support/orders/{made.id}")
    return await _show(request, db, now, caller, found, problem)


@router.post("/support/orders/{number:segment}/done")
async def note_done(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    number: str,
    place: Annotated[int, Form(ge=0, le=1000)],
    result: Annotated[str, Form(max_length=1000)] = "",
    done: Annotated[str, Form(max_length=5)] = "yes",
) -> Response:
    """Note what came of a change that is no command."""
    found = await change_orders.change_order(db, caller.scope, number)
    said = (await frame_of(request, db, caller)).words
    try:
        made = await change_orders.note_done(
            db, found.id, place, done=done == "yes", result=result, now=now
        )
    except InvalidInput:
        problem = {f"result-{place}": said.gettext("Say what was done.")}
        return await _show(request, db, now, caller, found, problem)
    await record(db, caller, "change_order.done", made, now, found)
    mails = context_of(request).mails
    if made.ended_at is not None and mails is not None:
        await Correspondence(mails).tell_result(db, made, now=now)
    return went(f"/support/orders/{made.id}")


@router.post("/support/orders/{number:segment}/execute")
async def execute(
    request: Request,
    db: Db,
    now: Now,
    caller: Annotated[Caller, Depends(require(Permission.COMMANDS_CONFIGURE))],
    number: str,
    place: Annotated[int, Form(ge=-1, le=1000)] = -1,
    station: Annotated[str, Form(max_length=48)] = "",
    wait: Annotated[str, Form(max_length=5)] = "",
) -> Response:
    """Send what an order names, to one station or to all that are left."""
    caller.must_have(Permission.CHANGE_ORDERS_READ)
    found = await change_orders.change_order(db, caller.scope, number)
    said = (await frame_of(request, db, caller)).words
    steps = [
        each
        for each in _steps(found, now)
        if each.can_be_sent and place in (-1, each.place) and station in ("", each.station)
    ]
    refusals: list[tuple[str, str]] = []
    limits = silence_limits(context_of(request).settings)
    for step in steps:
        try:
            payload = await change_orders.payload_of(db, found.id, step.place)
            where = await registry.station(db, caller.scope, step.station, now, limits=limits)
            await asking.ask(
                db,
                caller,
                where,
                step.action,
                payload,
                now=now,
                reason="page",
                reference=found.number,
                change_order=found.number,
                when_offline="queue" if wait == "yes" else "refuse",
                expires_in_s=_WAITS_FOR_S if wait == "yes" else 300,
            )
        except ExpectedError as error:
            refusals.append((step.station, _refused(error, said)))
    if refusals or not steps:
        if not steps:
            refusals.append((found.title, said.gettext("Nothing of it is left to be done.")))
        fresh = await change_orders.change_order(db, caller.scope, number)
        return await _show(request, db, now, caller, fresh, refusals=refusals, status=409)
    return went(f"/support/orders/{found.id}", done="order-sent")


def _refused(error: ExpectedError, said: Words) -> str:
    known = command_words.REFUSALS.get(error.code)
    if known is None or error.code == "change_order_needed":
        return str(error)
    return f"{said.gettext(known.name)}. {said.gettext(known.advice)}"


async def record(
    db: AsyncSession,
    caller: Caller,
    deed: str,
    made: ChangeOrder,
    now: datetime,
    before: ChangeOrder | None = None,
) -> None:
    """Write what was done to an order into the audit."""
    await audit.record(
        db,
        caller.actor,
        deed,
        f"change_order/{made.id}",
        organisation=made.organisation,
        before=None if before is None else {"state": before.state, "number": before.number},
        after={"state": made.state, "number": made.number, "title": made.title},
        order=made.number,
        now=now,
    )
