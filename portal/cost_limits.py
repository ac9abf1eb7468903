"""The limit above which two people release a cost, as every door sets it."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import cost_releases
from accounts.cost_releases import CostRelease, ReleaseState
from accounts.permissions import Permission
from foundation.identifiers import OrganisationKey
from foundation.money import Money
from portal.guard import Caller


async def set_limit(
    db: AsyncSession,
    caller: Caller,
    organisation: OrganisationKey,
    per_year: Money | None,
    *,
    now: datetime,
) -> CostRelease | None:
    """Set an organisation's limit; None: no limit. The audit has what it was before.

    Returns:
        The click that loosens it, which may wait for a second person; None: it is no looser.

    Raises:
        PermissionMissing: If it is loosened by somebody who may release no costs.
        InvalidInput: If it is no limit.
    """
    before = await cost_releases.limit_of(db, organisation)
    if cost_releases.is_looser(before, per_year):
        caller.must_have(Permission.COST_RELEASE)
    made = await cost_releases.set_limit(db, organisation, per_year, by=caller.actor, now=now)
    waits = made is not None and made.state is ReleaseState.WAITING
    if made is None or not waits or (made.at == now and made.released_by == caller.actor.id):
        await caller.note(
            db,
            "cost_limit.ask" if waits else "cost_limit.set",
            f"organisation/{organisation}",
            organisation=organisation,
            before={"per_year": _said(before)},
            after={"per_year": _said(per_year)},
            now=now,
        )
    return made


def _said(limit: Money | None) -> str | None:
    return None if limit is None else f"{limit.text} {limit.currency}"
