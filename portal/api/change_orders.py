"""Change orders: what owners of stations want changed, in writing."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import audit
from accounts.permissions import Permission
from csms.known_settings import known_settings
from foundation.errors import Unavailable
from foundation.identifiers import StationId
from portal import masking, paging
from portal.api.change_order_models import (
    ChangeOrderModel,
    Confirmation,
    DifferenceModel,
    DoneBody,
    NewChangeOrder,
    Withdrawal,
    described,
    item_of,
    read,
    shown,
    written_order,
)
from portal.context import context_of
from portal.guard import Caller, PermissionMissing, require, signed_in
from portal.orders import confirmer, mail_answer
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now
from support import change_orders
from support.change_orders import ChangeOrder
from support.correspondence import Correspondence
from support.orders import Item, ItemKind, OrderState, differences

router = APIRouter(prefix="/change-orders", tags=["change orders"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.CHANGE_ORDERS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.CHANGE_ORDERS_WRITE))]


@router.get("", summary="List change orders")
async def list_change_orders(
    db: Db,
    caller: Reader,
    station: Annotated[str | None, Query(max_length=48)] = None,
    state: OrderState | None = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[ChangeOrderModel]:
    """The newest first."""
    before = paging.decoded(cursor, int)
    found = await change_orders.change_orders(
        db,
        caller.scope,
        station=station,
        states=() if state is None else (state,),
        before=None if before is None else before[0],
        limit=limit + 1,
    )
    return paging.page(
        found,
        limit,
        shown=lambda each: shown(masking.change_order(caller, each)),
        key=lambda each: (each.id,),
    )


@router.post(
    "",
    status_code=201,
    summary="Draft a change order",
    openapi_extra=described(NewChangeOrder, required=True),
)
async def create_change_order(
    request: Request, response: Response, db: Db, now: Now, caller: Writer
) -> ChangeOrderModel:
    """A draft has no effect. It becomes an order by its confirmation; that needs the mail, unless
    an authorised person of the organisation that owns the stations confirms it.
    """
    body, mail = await read(request, NewChangeOrder)
    items = [item_of(each) for each in body.changes]
    if body.action is not None or body.payload is not None:
        items.append(Item(ItemKind.COMMAND, body.action, body.payload))
    stations = [*body.stations, *([] if body.station is None else [body.station])]
    made = await change_orders.draft(
        db,
        caller.scope,
        [StationId(each) for each in dict.fromkeys(stations)],
        items,
        title=body.title or _title(items),
        reference=body.reference,
        valid_to=body.valid_to,
        repeatable=body.repeatable,
        written=written_order(mail or body.mail, body.reference),
        by=caller.actor,
        now=now,
    )
    await _record(db, caller, "change_order.draft", made, now=now)
    response.headers["location"] = f"/api/v1/change-orders/{made.id}"
    return await _with_differences(db, caller, made)


@router.get("/{order_id:segment}", summary="Get a change order")
async def get_change_order(db: Db, caller: Reader, order_id: str) -> ChangeOrderModel:
    """By its id or its number, with the difference that it makes."""
    found = await change_orders.change_order(db, caller.scope, order_id)
    return await _with_differences(db, caller, found)


@router.get(
    "/{order_id:segment}/mail",
    summary="Get the mail of a change order",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "As it came."}},
)
async def get_mail(db: Db, caller: Reader, order_id: str) -> Response:
    """The file as it was put on file, always as a download; who wrote it cannot be masked."""
    found = await change_orders.change_order(db, caller.scope, order_id)
    caller.must_have(Permission.CRM_READ)
    return mail_answer(await change_orders.mail_on_file(db, found.id))


@router.post(
    "/{order_id:segment}/confirm",
    summary="Confirm a change order",
    openapi_extra=described(Confirmation, required=False),
)
async def confirm_change_order(
    request: Request,
    db: Db,
    now: Now,
    caller: Annotated[Caller, Depends(signed_in)],
    order_id: str,
) -> ChangeOrderModel:
    """Make a draft an order, and give it its number.

    An authorised person of the organisation that owns the stations needs nothing else. For
    anybody else the customer's mail and its reference are needed.
    """
    if not caller.may(Permission.CHANGE_ORDERS_WRITE) and not caller.may(
        Permission.CHANGE_ORDERS_CONFIRM
    ):
        raise PermissionMissing(Permission.CHANGE_ORDERS_CONFIRM)
    body, mail = await read(request, Confirmation)
    before = await change_orders.change_order(db, caller.scope, order_id)
    made = await change_orders.confirm(
        db,
        before.id,
        confirmer(caller),
        written_order(mail or body.mail, body.reference or before.reference),
        by=caller.actor,
        now=now,
    )
    await _record(db, caller, "change_order.confirm", made, before, now=now)
    return await _with_differences(db, caller, made)


@router.post("/{order_id:segment}/withdraw", summary="Withdraw a change order")
async def withdraw_change_order(
    db: Db,
    now: Now,
    caller: Annotated[Caller, Depends(signed_in)],
    order_id: str,
    body: Withdrawal,
) -> ChangeOrderModel:
    """Take a draft or an order back; what was done stays done."""
    if not caller.may(Permission.CHANGE_ORDERS_WRITE) and not caller.may(
        Permission.CHANGE_ORDERS_CONFIRM
    ):
        raise PermissionMissing(Permission.CHANGE_ORDERS_WRITE)
    before = await change_orders.change_order(db, caller.scope, order_id)
    made = await change_orders.withdraw(db, before.id, reason=body.reason, by=caller.actor, now=now)
    await _record(db, caller, "change_order.withdraw", made, before, now=now)
    return await _with_differences(db, caller, made)


@router.post("/{order_id:segment}/request", summary="Ask the customer for the written order")
async def request_change_order(
    request: Request, db: Db, now: Now, caller: Writer, order_id: str
) -> ChangeOrderModel:
    """Send the mail that asks for the written order; nothing else happens by it."""
    before = await change_orders.change_order(db, caller.scope, order_id)
    mails = context_of(request).mails
    if mails is None:
        raise Unavailable("Mails cannot be written at the moment.")
    made = await Correspondence(mails).ask_for_order(db, before.id, by=caller.actor, now=now)
    await _record(db, caller, "change_order.request", made, before, now=now)
    return await _with_differences(db, caller, made)


@router.post(
    "/{order_id:segment}/changes/{change}/done", summary="Note what came of a described change"
)
async def note_change_done(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    order_id: str,
    change: Annotated[int, Path(ge=0, le=1000)],
    body: DoneBody,
) -> ChangeOrderModel:
    """A change that is no command is noted by whoever made it; commands tell by themselves."""
    before = await change_orders.change_order(db, caller.scope, order_id)
    made = await change_orders.note_done(
        db, before.id, change, done=body.done, result=body.result, now=now
    )
    await _record(db, caller, "change_order.done", made, before, now=now)
    mails = context_of(request).mails
    if made.ended_at is not None and mails is not None:
        await Correspondence(mails).tell_result(db, made, now=now)
    return await _with_differences(db, caller, made)


# ----------------------------------------------------------------------------- parts


def _title(items: list[Item]) -> str:
    return ", ".join(dict.fromkeys(each.action or each.text or "" for each in items))[:200]


async def _record(
    db: AsyncSession,
    caller: Caller,
    deed: str,
    made: ChangeOrder,
    before: ChangeOrder | None = None,
    *,
    now: datetime,
) -> None:
    await audit.record(
        db,
        caller.actor,
        deed,
        f"change_order/{made.id}",
        organisation=made.organisation,
        before=None if before is None else {"state": before.state, "number": before.number},
        after={
            "state": made.state,
            "number": made.number,
            **({} if before is not None else {"title": made.title, "stations": made.stations}),
        },
        order=made.number,
        now=now,
    )


async def _with_differences(
    db: AsyncSession, caller: Caller, order: ChangeOrder
) -> ChangeOrderModel:
    order = masking.change_order(caller, order)
    known = await known_settings(db, order.stations)
    found = [
        DifferenceModel(station=station, change=place, name=each.name, old=each.old, new=each.new)
        for station in order.stations
        for place, item in enumerate(order.items)
        for each in differences(item, known.get(station, {}))
    ]
    return shown(order).model_copy(update={"differences": found})
