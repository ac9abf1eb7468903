"""Webhooks: listed, made, their secret shown once; what was sent, and sending it once more."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.permissions import Permission
from foundation.database import savepoint
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.events import EVENTS
from portal import hooks, journal, webhooks
from portal.guard import Caller, require
from portal.pages.refusals import form_errors
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, Turn, link
from portal.routes import Context, Db, Now, PageRoute
from portal.webhooks import DeliveryState, Webhook
from portal.words import Words, marked

router = APIRouter(prefix="/webhooks", route_class=PageRoute)

PER_PAGE = 50
Reader = Annotated[Caller, Depends(require(Permission.WEBHOOKS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.WEBHOOKS_WRITE))]
Text = Annotated[str, Form(max_length=200)]
Url = Annotated[str, Form(max_length=2000)]

KIND_WORDS: dict[str, str] = {
    "station_booted": marked("A station started"),
    "station_connected": marked("A station connected"),
    "station_disconnected": marked("A station's connection closed"),
    "station_went_offline": marked("A station went offline"),
    "station_came_back": marked("A station came back"),
    "security_event_reported": marked("A station reported a security event"),
    "connector_status_changed": marked("A connector's status changed"),
    "fault_reported": marked("A fault was reported"),
    "fault_cleared": marked("A fault was cleared"),
    "transaction_started": marked("A session began"),
    "transaction_ended": marked("A session ended"),
    "reservation_ended": marked("A reservation ended"),
    "variables_reported": marked("A station reported its settings"),
    "log_status_changed": marked("A station's log is on its way or there"),
    "firmware_status_changed": marked("A station's firmware update went on"),
    "station_file_received": marked("A file of a station arrived"),
    "alert_changed": marked("An alert was raised or changed"),
    "monitoring_activated": marked("A station's monitoring was switched on"),
    "monitoring_deactivated": marked("A station's monitoring ended"),
    "command_changed": marked("A command came into another state"),
    "cdr_issued": marked("A session was priced"),
    "driver_concerned": marked("A driver is told about his session"),
    "settlement_reported": marked("What became of a payment at a station was told"),
    "statement_issued": marked("A statement was issued"),
    "account_approved": marked("An application for an account was approved"),
    "licence_month_began": marked("A month of licences began"),
    "document_issued": marked("A document was issued"),
}
"""Kinds of events as people read them; one without a word is shown by its name."""


@router.get("")
async def list_webhooks(
    request: Request,
    db: Db,
    caller: Reader,
    after: Annotated[int, Query(ge=0, lt=2**62)] = 0,
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """List the webhooks of the caller's scope, the oldest first."""
    frame = await frame_of(request, db, caller)
    found = await webhooks.webhooks(db, caller.scope, after=after, limit=PER_PAGE + 1)
    kept = found[:PER_PAGE]
    names = {each.key: each.name for each in await directory.organisations(db, caller.scope)}
    on = None
    if len(found) > PER_PAGE:
        on = link("/webhooks", {"after": kept[-1].id, "n": n + len(kept)})
    values = {
        "webhooks": [
            {
                "id": each.id,
                "name": each.name,
                "state": _state(each),
                "url": each.url,
                "kinds": len(each.kinds),
                "organisation": names.get(each.organisation, each.organisation),
            }
            for each in kept
        ],
        "turn": Turn(n, n + len(kept) - 1, None, "/webhooks" if after else None, on),
    }
    return page(frame, "webhooks.html", values)


@router.get("/new")
async def new_webhook(request: Request, db: Db, caller: Writer) -> Response:
    """Ask for a new webhook's facts."""
    return await _form(request, db, caller, {}, journal.permitted_kinds(caller.may))


@router.post("/new")
async def create_webhook(
    request: Request,
    db: Db,
    now: Now,
    context: Context,
    caller: Writer,
    name: Text = "",
    url: Url = "",
    organisation: Text = "",
    kind: Annotated[list[str], Form(max_length=200)] = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """Make a webhook, and show its secret once."""
    given = {"name": name, "url": url, "organisation": organisation}
    try:
        async with await savepoint(db):
            made, secret = await hooks.create(
                db,
                caller,
                context.webhooks_or_refuse(),
                name=name,
                url=url.strip(),
                kinds=kind,
                organisation=organisation or None,
                now=now,
            )
    except (InvalidInput, Conflict) as error:
        frame = await frame_of(request, db, caller)
        errors = form_errors(error, frame.words, otherwise="name")
        return await _form(request, db, caller, given, frozenset(kind), errors, 422)
    return await _with_secret(request, db, caller, made, secret)


@router.get("/{webhook_id}")
async def show_webhook(
    request: Request,
    db: Db,
    caller: Reader,
    webhook_id: str,
    before: Annotated[int | None, Query(ge=1, lt=2**62)] = None,
    state: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Show a webhook and what was sent to it, the newest first."""
    found = await hooks.seen(db, caller, _number(webhook_id))
    frame = await frame_of(request, db, caller)
    wanted = DeliveryState(state) if state in set(DeliveryState) else None
    listed = await webhooks.deliveries(
        db, found.id, state=wanted, before=before, limit=PER_PAGE + 1
    )
    kept = listed[:PER_PAGE]
    path = f"/webhooks/{found.id}"
    on = None
    if len(listed) > PER_PAGE:
        on = link(path, {"before": kept[-1].id, "state": state})
    values = {
        "webhook": found,
        "state": _state(found),
        "kinds": [_word(each, frame.words) for each in sorted(found.kinds)],
        "deliveries": [(each, _word(each.kind, frame.words)) for each in kept],
        "chosen": "" if wanted is None else wanted.value,
        "back": link(path, {"state": state}) if before else None,
        "on": on,
    }
    return page(frame, "webhook.html", values)


@router.post("/{webhook_id}/active")
async def switch_webhook(
    db: Db,
    now: Now,
    context: Context,
    caller: Writer,
    webhook_id: str,
    active: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Switch a webhook on or off."""
    number = _number(webhook_id)
    is_on = active == "yes"
    await hooks.change(db, caller, context.webhooks_or_refuse(), number, {"active": is_on}, now=now)
    return went(f"/webhooks/{number}", done="saved")


@router.post("/{webhook_id}/secret")
async def rotate_secret(
    request: Request, db: Db, now: Now, context: Context, caller: Writer, webhook_id: str
) -> Response:
    """Make a fresh secret, and show it once."""
    made, secret = await hooks.rotate_secret(
        db, caller, context.webhooks_or_refuse(), _number(webhook_id), now=now
    )
    return await _with_secret(request, db, caller, made, secret)


@router.post("/{webhook_id}/replay")
async def replay(
    db: Db,
    now: Now,
    context: Context,
    caller: Writer,
    webhook_id: str,
    event_id: Annotated[str, Form(max_length=18)] = "",
) -> Response:
    """Send an event once more."""
    number = _number(webhook_id)
    if not event_id.isascii() or not event_id.isdecimal():
        raise NotFound("event", event_id)
    await hooks.replay(
        db,
        caller,
        context.webhooks_or_refuse(),
        number,
        event_id=int(event_id),
        after=None,
        limit=1,
        now=now,
    )
    return went(f"/webhooks/{number}", done="sent-again")


@router.post("/{webhook_id}/remove")
async def remove_webhook(
    db: Db, now: Now, context: Context, caller: Writer, webhook_id: str
) -> Response:
    """Remove a webhook with what is known of its deliveries."""
    await hooks.remove(db, caller, context.webhooks_or_refuse(), _number(webhook_id), now=now)
    return went("/webhooks", done="removed")


def _number(webhook_id: str) -> int:
    if not webhook_id.isascii() or not webhook_id.isdecimal() or len(webhook_id) > 18:
        raise NotFound("webhook", webhook_id)
    return int(webhook_id)


def _state(hook: Webhook) -> str:
    if not hook.active:
        return "off"
    return "failing" if hook.failures else "on"


def _word(kind: str, said: Words) -> str:
    return said.gettext(KIND_WORDS[kind]) if kind in KIND_WORDS else kind


async def _with_secret(
    request: Request, db: AsyncSession, caller: Caller, hook: Webhook, secret: str
) -> Response:
    frame = await frame_of(request, db, caller)
    response = page(frame, "webhook_secret.html", {"webhook": hook, "secret": secret})
    response.headers["cache-control"] = "no-store"
    return response


async def _form(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    given: dict[str, str],
    chosen: frozenset[str],
    errors: FormErrors | None = None,
    status: int = 200,
) -> Response:
    frame = await frame_of(request, db, caller)
    hears = journal.permitted_kinds(caller.may)
    values = {
        "given": {
            "name": "",
            "url": "",
            "organisation": caller.principal.organisation,
            **given,
        },
        "organisations": [
            (each.key, each.name) for each in await directory.organisations(db, caller.scope)
        ],
        "kinds": [
            (kind, _word(kind, frame.words), kind in chosen) for kind in EVENTS if kind in hears
        ],
        "errors": errors,
    }
    return page(frame, "webhook_new.html", values, status=status)
