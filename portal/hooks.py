"""Webhooks as people make them, by page or API: may they, the deed, and the audit of it."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import audit, directory
from accounts.permissions import Permission, Reach
from foundation.errors import InvalidInput, NotFound
from foundation.events import EVENTS
from foundation.identifiers import OrganisationKey
from foundation.outbox import Cursor
from portal import journal, webhooks
from portal.guard import Caller
from portal.webhooks import Webhook, WebhookFacts, Webhooks


async def seen(db: AsyncSession, caller: Caller, number: int) -> Webhook:
    """Return a webhook of the caller's.

    Raises:
        NotFound: If there is none in his scope.
    """
    found = await webhooks.webhook(db, number)
    caller.must_see(found.organisation, "webhook", str(number))
    return found


async def create(
    db: AsyncSession,
    caller: Caller,
    hooks: Webhooks,
    *,
    name: str,
    url: str,
    kinds: Collection[str] | None,
    organisation: str | None,
    now: datetime,
) -> tuple[Webhook, str]:
    """Make a webhook, which hears what its maker does; return it with its secret.

    Args:
        kinds: Only these; None: all that he may hear of now.
        organisation: Whose it is; None: the caller's own.

    Raises:
        InvalidInput: If there is no such organisation in his scope, or no such kind of event.
    """
    owner = OrganisationKey(organisation or caller.principal.organisation)
    try:
        caller.must_see(owner, "organisation", owner)
        await directory.organisation(db, owner)
    except NotFound as error:
        raise InvalidInput(str(error), field="organisation") from error
    hears = journal.permitted_kinds(caller.may)
    reach = caller.principal.reach
    if reach is Reach.INSTALLATION and owner != caller.principal.organisation:
        reach = Reach.OWN_AND_BELOW
    made, secret = await hooks.create(
        db,
        organisation=owner,
        name=name,
        url=url,
        kinds=hears if kinds is None else _heard(kinds, hears),
        reach=reach,
        sees_personal=caller.may(Permission.CRM_READ),
        created_by=caller.principal.id,
    )
    await _record(db, caller, "webhook.create", made, now, after=_audited(made))
    return made, secret


async def change(
    db: AsyncSession,
    caller: Caller,
    hooks: Webhooks,
    number: int,
    facts: WebhookFacts,
    *,
    now: datetime,
) -> Webhook:
    """Change what is named.

    Raises:
        NotFound, InvalidInput: As above.
    """
    before = await seen(db, caller, number)
    if "kinds" in facts:
        # What it hears already it may keep, whoever changes it.
        heard = journal.permitted_kinds(caller.may) | before.kinds
        facts["kinds"] = _heard(facts["kinds"], heard)
    changed = await hooks.change(db, number, facts)
    await _record(
        db, caller, "webhook.change", changed, now, before=_audited(before), after=_audited(changed)
    )
    return changed


async def remove(
    db: AsyncSession, caller: Caller, hooks: Webhooks, number: int, *, now: datetime
) -> None:
    """Remove a webhook."""
    found = await seen(db, caller, number)
    await hooks.remove(db, number)
    await _record(db, caller, "webhook.remove", found, now, before=_audited(found))


async def rotate_secret(
    db: AsyncSession, caller: Caller, hooks: Webhooks, number: int, *, now: datetime
) -> tuple[Webhook, str]:
    """Make a fresh secret; return it."""
    found = await seen(db, caller, number)
    secret = await hooks.rotate_secret(db, number)
    await _record(db, caller, "webhook.rotate_secret", found, now)
    return found, secret


async def replay(
    db: AsyncSession,
    caller: Caller,
    hooks: Webhooks,
    number: int,
    *,
    event_id: int | None,
    after: Cursor | None,
    limit: int,
    now: datetime,
) -> tuple[int, Cursor | None]:
    """Send one event, or those behind a place, once more; as `Webhooks` says."""
    found = await seen(db, caller, number)
    following: Cursor | None = None
    if event_id is not None:
        sent = await hooks.replay_event(db, found, event_id, asked_by=caller.principal.id)
    else:
        assert after is not None
        sent, following = await hooks.replay_after(
            db, found, after, limit=limit, asked_by=caller.principal.id
        )
    await _record(db, caller, "webhook.replay", found, now, after={"events": sent})
    return sent, following


def _heard(kinds: Collection[str], hears: Collection[str]) -> list[str]:
    """Return the kinds that are named.

    Raises:
        InvalidInput: If one is none, or none that the caller hears of.
    """
    for each in kinds:
        if each not in EVENTS or each not in hears:
            raise InvalidInput(f"There is no kind of event {each!r}.", field="kinds")
    return sorted(set(kinds))


def _audited(hook: Webhook) -> dict[str, Any]:
    return {
        "name": hook.name,
        "url": hook.url,
        "kinds": sorted(hook.kinds),
        "active": hook.active,
    }


async def _record(
    db: AsyncSession,
    caller: Caller,
    deed: str,
    hook: Webhook,
    now: datetime,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    await audit.record(
        db,
        caller.actor,
        deed,
        f"webhook/{hook.id}",
        organisation=hook.organisation,
        before=before,
        after=after,
        now=now,
    )
