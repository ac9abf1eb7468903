"""What people do with campaigns, for API and pages alike: started or stopped, and in the audit."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import audit
from csms import campaigns
from csms.campaigns import NewCampaign, Wish
from csms.queue import WhenOffline
from portal import asking
from portal.guard import Caller


def asked(
    caller: Caller,
    title: str,
    wishes: Sequence[Wish],
    *,
    per_minute: int,
    when_offline: WhenOffline,
    ends_in_s: int | None,
    change_order: str | None,
    expires_in_s: int = 24 * 3600,
) -> NewCampaign:
    """Return a campaign in somebody's name; see `csms.campaigns.NewCampaign`."""
    return NewCampaign(
        title=title,
        wishes=wishes,
        per_minute=per_minute,
        organisation=caller.principal.organisation,
        asked_by=caller.principal.id,
        asked_by_name=caller.principal.name,
        door=caller.door,
        is_authorised=asking.is_authorised(caller),
        when_offline=when_offline,
        expires_in_s=expires_in_s,
        ends_in_s=ends_in_s,
        change_order=change_order,
    )


async def start(
    db: AsyncSession, caller: Caller, campaign: NewCampaign, *, command: str, now: datetime
) -> int:
    """Start a campaign, and return its number; `command` is what the audit calls it.

    Raises:
        InvalidInput: As `csms.campaigns.start` says.
    """
    number = await campaigns.start(db, campaign, now=now)
    await audit.record(
        db,
        caller.actor,
        "campaign.start",
        f"campaign/{number}",
        organisation=campaign.organisation,
        after={
            "command": command,
            "stations": [each.station for each in campaign.wishes],
            "per_minute": campaign.per_minute,
        },
        order=campaign.change_order,
        now=now,
    )
    return number


async def stop(db: AsyncSession, caller: Caller, number: int, *, now: datetime) -> None:
    """Ask no further station.

    Raises:
        NotFound: There is no such campaign in scope.
        CampaignOver: It is over already.
    """
    owner = await campaigns.stop(db, caller.scope, number, by_name=caller.principal.name, now=now)
    await audit.record(
        db,
        caller.actor,
        "campaign.stop",
        f"campaign/{number}",
        organisation=owner,
        after={"stopped_at": now.isoformat()},
        now=now,
    )
