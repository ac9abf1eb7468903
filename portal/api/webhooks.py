"""Webhooks: where events are sent to, what was sent, and sending it once more.

Messages are signed as Standard Webhooks 1.0 has it: `webhook-id`, `webhook-timestamp` (seconds)
and `webhook-signature`: `v1,` and the Base64 of the HMAC-SHA256 of `{id}.{timestamp}.{body}`, keyed
with what the Base64 behind `whsec_` holds; several signatures are parted by spaces.
"""

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts.permissions import Permission, Reach
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey
from portal import hooks, paging, webhooks
from portal.api.events import cursor_of, place_of
from portal.api.models import Answer, Body, Moment
from portal.api.organisations import facts_from
from portal.api.users import number_in_path
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, Now
from portal.webhooks import (
    REPLAYED_AT_MOST,
    DeliveryState,
    Webhook,
    WebhookDelivery,
    WebhookFacts,
)

router = APIRouter(prefix="/webhooks", tags=["webhooks"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.WEBHOOKS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.WEBHOOKS_WRITE))]

Url = Annotated[str, Field(min_length=1, max_length=2000)]
Kinds = Annotated[list[Annotated[str, Field(max_length=100)]], Field(min_length=1, max_length=100)]

_EXAMPLE: dict[str, Any] = {
    "name": "Our ERP",
    "url": "https://erp.example.com/leitstand",
    "kinds": ["transaction_ended", "statement_issued"],
}


class WebhookModel(Answer):
    """A place that events are sent to."""

    id: int
    organisation: OrganisationKey
    name: str
    url: str
    kinds: list[str]
    reach: Reach = Field(description="How much of the installation it hears of.")
    active: bool
    inactive_because: str | None
    failures: int = Field(description="Failed tries since the last success.")
    failing_since: Moment | None
    created_at: Moment
    created_by: str


class NewWebhookModel(WebhookModel):
    """A webhook with its secret, which is shown now and never again."""

    secret: str = Field(description="`whsec_` and the Base64 of what messages are signed with.")


class NewWebhook(Body):
    """A webhook to be; it hears what its maker does."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    name: Annotated[str, Field(min_length=1, max_length=200)]
    url: Url = Field(description="Public, by https; addresses of our own network are refused.")
    kinds: Kinds | None = Field(
        default=None, description="Of events; null: all that you may hear of now."
    )
    organisation: str | None = Field(default=None, description="The caller's own, if left out.")


class WebhookChange(Body):
    """What of a webhook may change."""

    model_config = ConfigDict(json_schema_extra={"example": {"active": True}})

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    url: Url | None = None
    kinds: Kinds | None = None
    active: bool | None = Field(default=None, description="Switch it off, or on again.")


class DeliveryModel(Answer):
    """An event on its way to a webhook."""

    id: int
    event_id: str
    kind: str
    state: DeliveryState
    attempts: int
    response_status: int | None = Field(description="What the receiver answered last.")
    last_error: str | None
    created_at: Moment
    attempted_at: Moment | None
    next_try_at: Moment | None
    asked_by: str | None = Field(description="Who had it sent once more; null: it just happened.")


class ReplayBody(Body):
    """What is to be sent once more: one event, or those behind a place in the journal."""

    model_config = ConfigDict(json_schema_extra={"example": {"event_id": "34"}})

    event_id: Annotated[str, Field(pattern=r"^[0-9]{1,18}$")] | None = None
    after: Annotated[str, Field(min_length=1, max_length=500)] | None = Field(
        default=None, description="A `cursor` of the journal."
    )
    limit: Annotated[int, Field(ge=1, le=REPLAYED_AT_MOST)] = REPLAYED_AT_MOST


class ReplayModel(Answer):
    """What is being sent once more."""

    events: int
    next: str | None = Field(description="Send it as `after` to go on; null at the present end.")


@router.get("", summary="List webhooks")
async def list_webhooks(
    db: Db, caller: Reader, limit: paging.Limit = paging.DEFAULT_LIMIT, cursor: paging.Cursor = None
) -> Page[WebhookModel]:
    """The oldest first."""
    after = paging.decoded(cursor, int)
    found = await webhooks.webhooks(
        db, caller.scope, after=after[0] if after else 0, limit=limit + 1
    )
    return paging.page(found, limit, shown=_shown, key=lambda each: (each.id,))


@router.post("", status_code=201, summary="Create a webhook")
async def create_webhook(
    db: Db, now: Now, context: Context, caller: Writer, body: NewWebhook
) -> NewWebhookModel:
    """Events that happen from now on are sent there, each until it is answered 2xx."""
    made, secret = await hooks.create(
        db,
        caller,
        context.webhooks_or_refuse(),
        name=body.name,
        url=body.url,
        kinds=body.kinds,
        organisation=body.organisation,
        now=now,
    )
    return NewWebhookModel(**_facts(made), secret=secret)


@router.get("/{webhook_id}", summary="Get a webhook")
async def get_webhook(db: Db, caller: Reader, webhook_id: str) -> WebhookModel:
    """Its secret is not shown again."""
    return _shown(await hooks.seen(db, caller, number_in_path(webhook_id, "webhook")))


@router.patch("/{webhook_id}", summary="Change a webhook")
async def change_webhook(
    db: Db, now: Now, context: Context, caller: Writer, webhook_id: str, body: WebhookChange
) -> WebhookModel:
    """What waits when it is switched off is given up; it can be replayed later."""
    facts = cast("WebhookFacts", facts_from(body, clearable=frozenset()))
    number = number_in_path(webhook_id, "webhook")
    return _shown(
        await hooks.change(db, caller, context.webhooks_or_refuse(), number, facts, now=now)
    )


@router.delete("/{webhook_id}", status_code=204, summary="Remove a webhook")
async def remove_webhook(
    db: Db, now: Now, context: Context, caller: Writer, webhook_id: str
) -> None:
    """With all that is known of its deliveries."""
    number = number_in_path(webhook_id, "webhook")
    await hooks.remove(db, caller, context.webhooks_or_refuse(), number, now=now)


@router.post("/{webhook_id}/rotate-secret", summary="Make a fresh secret")
async def rotate_webhook_secret(
    db: Db, now: Now, context: Context, caller: Writer, webhook_id: str
) -> NewWebhookModel:
    """For a day messages are signed with both."""
    number = number_in_path(webhook_id, "webhook")
    found, secret = await hooks.rotate_secret(
        db, caller, context.webhooks_or_refuse(), number, now=now
    )
    return NewWebhookModel(**_facts(found), secret=secret)


@router.get("/{webhook_id}/deliveries", summary="List what was sent")
async def list_webhook_deliveries(
    db: Db,
    caller: Reader,
    webhook_id: str,
    state: DeliveryState | None = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[DeliveryModel]:
    """The newest first; kept for 30 days."""
    found = await hooks.seen(db, caller, number_in_path(webhook_id, "webhook"))
    before = paging.decoded(cursor, int)
    listed = await webhooks.deliveries(
        db, found.id, state=state, before=before[0] if before else None, limit=limit + 1
    )
    return paging.page(listed, limit, shown=_delivery, key=lambda each: (each.id,))


@router.post("/{webhook_id}/replay", status_code=202, summary="Send events once more")
async def replay_webhook(
    db: Db, now: Now, context: Context, caller: Writer, webhook_id: str, body: ReplayBody
) -> ReplayModel:
    """They come under the same `webhook-id`; only what the webhook hears of is sent."""
    if (body.event_id is None) == (body.after is None):
        raise InvalidInput("Name either event_id or after.", field="event_id")
    sent, following = await hooks.replay(
        db,
        caller,
        context.webhooks_or_refuse(),
        number_in_path(webhook_id, "webhook"),
        event_id=None if body.event_id is None else int(body.event_id),
        after=place_of(body.after),
        limit=body.limit,
        now=now,
    )
    return ReplayModel(events=sent, next=None if following is None else cursor_of(following))


def _shown(hook: Webhook) -> WebhookModel:
    return WebhookModel(**_facts(hook))


def _facts(hook: Webhook) -> dict[str, Any]:
    return {
        "id": hook.id,
        "organisation": hook.organisation,
        "name": hook.name,
        "url": hook.url,
        "kinds": sorted(hook.kinds),
        "reach": hook.reach,
        "active": hook.active,
        "inactive_because": hook.inactive_because,
        "failures": hook.failures,
        "failing_since": hook.failing_since,
        "created_at": hook.created_at,
        "created_by": hook.created_by,
    }


def _delivery(delivery: WebhookDelivery) -> DeliveryModel:
    return DeliveryModel(
        id=delivery.id,
        event_id=str(delivery.event_id),
        kind=delivery.kind,
        state=delivery.state,
        attempts=delivery.attempts,
        response_status=delivery.response_status,
        last_error=delivery.last_error,
        created_at=delivery.created_at,
        attempted_at=delivery.attempted_at,
        next_try_at=delivery.next_try_at,
        asked_by=delivery.asked_by,
    )
