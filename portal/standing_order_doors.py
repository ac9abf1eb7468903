"""Doors of standing orders, which the API and the pages share."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import audit
from accounts.permissions import Permission
from csms import remote
from csms.reports import OcppVersion
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey
from portal.guard import Caller
from support import standing_orders
from support.standing_orders import StandingOrder

ACTIONS: Final = frozenset().union(*(remote.actions(each) for each in OcppVersion))
"""All that any station may be asked for."""


async def create(
    db: AsyncSession,
    caller: Caller,
    organisation: OrganisationKey,
    action: str,
    *,
    reference: str,
    valid_from: datetime,
    valid_to: datetime | None,
    now: datetime,
) -> StandingOrder:
    """Put a standing order on file.

    Raises:
        PermissionMissing: If the caller may not write change orders.
        InvalidInput: If the organisation is not in his scope, or something else does not do.
    """
    caller.must_have(Permission.CHANGE_ORDERS_WRITE)
    if not caller.scope.covers(organisation):
        raise InvalidInput("Choose one of the list.", field="organisation")
    made = await standing_orders.create(
        db,
        organisation,
        action,
        actions=ACTIONS,
        reference=reference,
        valid_from=valid_from,
        valid_to=valid_to,
        by=caller.actor,
        now=now,
    )
    after = {"action": made.action, "reference": made.reference}
    await _note(db, caller, made, "standing_order.create", after, now)
    return made


async def revoke(db: AsyncSession, caller: Caller, number: str, *, now: datetime) -> StandingOrder:
    """End a standing order now; what was done under it stays done.

    Raises:
        PermissionMissing: If the caller may not write change orders.
        NotFound: If there is none with this number in his scope.
    """
    caller.must_have(Permission.CHANGE_ORDERS_WRITE)
    made = await standing_orders.revoke(db, caller.scope, number, by=caller.actor, now=now)
    await _note(db, caller, made, "standing_order.revoke", {"revoked_at": made.revoked_at}, now)
    return made


async def _note(
    db: AsyncSession,
    caller: Caller,
    made: StandingOrder,
    deed: str,
    after: Mapping[str, object],
    now: datetime,
) -> None:
    await audit.record(
        db,
        caller.actor,
        deed,
        f"standing_order/{made.number}",
        organisation=made.organisation,
        after=after,
        order=made.number,
        now=now,
    )
