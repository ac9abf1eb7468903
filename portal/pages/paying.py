"""Pages for drivers without a contract: pay at a charging station, see how it stands, the receipt.

Anybody may open them, as often as `portal.visits` allows; an address leads to a payment only as
`portal.direct_payment_doors` says.
"""

from urllib.parse import parse_qs

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from billing import direct_payments
from csms import payments
from foundation.errors import ExpectedError
from portal import direct_payment_doors as doors
from portal.context import context_of
from portal.direct_payment_doors import Entrance, Turned
from portal.pages.refusals import in_words
from portal.pages.surroundings import bare_frame, count_visit, page
from portal.routes import PublicRoute

router = APIRouter(route_class=PublicRoute)

_NONE = dict.fromkeys(("refused", "entrance", "action", "url", "back", "payment", "receipt"))
"""What the page may show: one of them, or two."""


async def _entered(request: Request, identity: str, evse: str, code: str, version: str) -> Entrance:
    context = context_of(request)
    parameters = parse_qs(request.url.query, keep_blank_values=True)
    async with context.database.unit_of_work() as db:
        return await doors.enter(
            db,
            identity,
            evse,
            parameters,
            code=code,
            version=version,
            now=context.clock.now(),
        )


def _turned(request: Request, error: ExpectedError) -> Response:
    """Say why not, in the driver's language."""
    frame = bare_frame(request)
    if isinstance(error, Turned):
        refused = frame.words.gettext(error.said) % {"names": error.names}
    else:
        refused = in_words(error, frame.words)
    return page(frame, "pay.html", _NONE | {"refused": refused}, status=422)


@router.get("/pay/{identity:segment}/{evse:segment}")
@router.get("/pay/{identity:segment}/{evse:segment}/{code:segment}/{version:segment}")
async def pay_page(
    request: Request, identity: str, evse: str, code: str = "", version: str = "v1"
) -> Response:
    """What a driver agrees to before he pays; an address that is no good is refused here.

    Raises:
        TooManyVisits: The visitor opened too many pages in a minute.
    """
    count_visit(request)
    try:
        entrance = await _entered(request, identity, evse, code, version)
    except Turned as error:
        return _turned(request, error)
    values = _NONE | {"entrance": entrance, "action": _path(request)}
    return page(bare_frame(request), "pay.html", values)


def _path(request: Request) -> str:
    """This very address, without the host."""
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


@router.post("/pay/{identity:segment}/{evse:segment}")
@router.post("/pay/{identity:segment}/{evse:segment}/{code:segment}/{version:segment}")
async def pay(
    request: Request, identity: str, evse: str, code: str = "", version: str = "v1"
) -> Response:
    """Open the payment, and show the way to the provider.

    Raises:
        TooManyVisits: The visitor opened too many pages in a minute; no payment is opened.
    """
    count_visit(request)
    context = context_of(request)
    try:
        entrance = await _entered(request, identity, evse, code, version)
        async with context.database.unit_of_work() as db:
            key = await doors.open_payment(db, entrance, now=context.clock.now())
        back = f"{context.settings.reached_at}/paid/{key}"
        url = await direct_payments.begin(context.database, key, back_url=back, clock=context.clock)
    except ExpectedError as error:
        return _turned(request, error)
    values = _NONE | {"entrance": entrance, "url": url, "back": f"/paid/{key}"}
    return page(bare_frame(request), "pay.html", values)


@router.get("/paid/{key:segment}")
async def paid_page(request: Request, key: str) -> Response:
    """How a payment stands; once it is authorised the station is asked to start.

    Raises:
        NotFound: There is no such payment.
        TooManyVisits: The visitor opened too many pages in a minute.
    """
    count_visit(request)
    context = context_of(request)
    payment = await doors.go_on(context.database, key, context.clock)
    return page(bare_frame(request), "pay.html", _NONE | {"payment": payment})


@router.get("/receipts/{name:segment}")
async def receipt_page(request: Request, name: str) -> Response:
    """What was paid at a station's terminal.

    Raises:
        NotFound: There is no such receipt.
        TooManyVisits: The visitor opened too many pages in a minute.
    """
    count_visit(request)
    async with context_of(request).database.unit_of_work() as db:
        receipt = await payments.receipt(db, name)
    return page(bare_frame(request), "pay.html", _NONE | {"receipt": receipt})
