"""Who hears of alerts, as every door has it: seen, entered, changed, removed, audited."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.permissions import Permission
from alerts import recipients
from alerts.notices import Channel, Recipient
from alerts.recipients import Rules, Wish
from foundation.errors import InvalidInput, NotFound, NotPermitted
from foundation.identifiers import OrganisationKey
from foundation.networks import networks
from portal.context import PortalContext
from portal.guard import Caller


class NotTheirs(NotPermitted):
    """An entry costs its maker's account: nobody else changes it."""

    code = "not_your_entry"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} made this entry. Remove it, or make another one.")


def rules(context: PortalContext) -> Rules:
    """Return what this installation allows."""
    return Rules(
        sealer=context.sealer,
        allowed=networks(context.settings.webhook_networks),
        has_gateway=context.settings.sms_url is not None,
    )


def is_own(caller: Caller, entry: Recipient) -> bool:
    """Tell whether the caller made an entry."""
    return entry.entered_by == caller.principal.id


def shown_target(caller: Caller, entry: Recipient) -> str | None:
    """Return a number or address as the caller may see it: one's own, or by right."""
    return entry.target if is_own(caller, entry) else caller.personal(entry.target)


def shown_label(caller: Caller, entry: Recipient) -> str | None:
    """Return what an entry is called: often a person's name."""
    return entry.label if is_own(caller, entry) else caller.personal(entry.label)


async def create(
    db: AsyncSession,
    caller: Caller,
    organisation: str | None,
    wish: Wish,
    *,
    context: PortalContext,
    now: datetime,
) -> Recipient:
    """Enter where the caller wants to hear of an organisation's alerts; his own pays.

    Raises:
        InvalidInput: If there is no such organisation in his scope, or what he entered is wrong.
        NoGateway, TooManyRecipients: See `alerts.recipients.add`.
    """
    caller.must_have(Permission.ALERTS_WRITE)
    owner = OrganisationKey(organisation or caller.principal.organisation)
    try:
        caller.must_see(owner, "organisation", owner)
        await directory.organisation(db, owner)
    except NotFound as error:
        raise InvalidInput(str(error), field="organisation") from error
    made = await recipients.add(
        db,
        owner,
        wish,
        by=caller.actor,
        account=caller.principal.organisation,
        person=caller.principal.person_id,
        language=caller.principal.language,
        rules=rules(context),
        now=now,
    )
    await caller.note(
        db,
        "alert_recipient.create",
        f"alert_recipient/{made.id}",
        organisation=owner,
        after=_facts(made),
        now=now,
    )
    return made


async def change(
    db: AsyncSession,
    caller: Caller,
    number: int,
    wish: Wish,
    *,
    context: PortalContext,
    now: datetime,
) -> Recipient:
    """Change one's own entry as a whole.

    Raises:
        NotFound: If there is none in the caller's scope.
        NotTheirs: If somebody else made it.
        InvalidInput: If what he entered is wrong.
    """
    caller.must_have(Permission.ALERTS_WRITE)
    before = await recipients.recipient(db, caller.scope, number)
    if not is_own(caller, before):
        raise NotTheirs(before.entered_by_name)
    made = await recipients.change(db, number, wish, rules=rules(context))
    await caller.note(
        db,
        "alert_recipient.change",
        f"alert_recipient/{number}",
        organisation=made.organisation,
        before=_facts(before),
        after=_facts(made),
        now=now,
    )
    return made


async def remove(db: AsyncSession, caller: Caller, number: int, *, now: datetime) -> None:
    """Use an entry no longer, whoever made it.

    Raises:
        NotFound: If there is none in the caller's scope.
    """
    caller.must_have(Permission.ALERTS_WRITE)
    before = await recipients.recipient(db, caller.scope, number)
    await recipients.remove(db, number, now=now)
    await caller.note(
        db,
        "alert_recipient.remove",
        f"alert_recipient/{number}",
        organisation=before.organisation,
        before=_facts(before),
        now=now,
    )


def _facts(entry: Recipient) -> dict[str, Any]:
    """Return what the audit keeps of an entry."""
    return {
        "channel": entry.channel,
        "target": entry.target if entry.channel is not Channel.MAIL else "mail",
        "account": entry.account,
        "least": entry.least,
        "after_s": round(entry.after.total_seconds()),
        "bundles": entry.bundles,
    }
