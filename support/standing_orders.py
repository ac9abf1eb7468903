"""The face of standing orders: actions that a customer's contract orders once for all."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.audit import Actor
from accounts.directory import Scope
from csms.queue import needs_order
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from support import store
from support.tables import StandingOrderRow


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingOrder:
    """An action ordered for all stations of an organisation, in [valid_from, valid_to)."""

    number: str
    organisation: OrganisationKey
    action: str
    reference: str
    valid_from: datetime
    valid_to: datetime | None
    created_at: datetime
    created_by: str
    revoked_at: datetime | None


async def create(
    db: AsyncSession,
    organisation: OrganisationKey,
    action: str,
    *,
    actions: Collection[str],
    reference: str,
    valid_from: datetime,
    valid_to: datetime | None = None,
    by: Actor,
    now: datetime,
) -> StandingOrder:
    """Write what a contract orders.

    Args:
        db: A unit of work.
        organisation: Whose contract.
        action: OCPP's word.
        actions: Every action that a station can be asked for.
        reference: Where the contract says so.
        valid_from: From when on.
        valid_to: Until when; None: until it is revoked.
        by: Who put it on file.
        now: The moment.

    Raises:
        InvalidInput: If the organisation or action is unknown, the action needs no order, the
            reference is missing or the period empty.
    """
    if action not in actions:
        raise InvalidInput(f"There is no action {action!r}.", field="action")
    if action != "ChangeAvailability" and not needs_order(action, {}, acts_for_own=False):
        raise InvalidInput(f"{action} needs no order.", field="action")
    if not reference.strip():
        raise InvalidInput("Name where the contract says so.", field="reference")
    if valid_to is not None and valid_to <= valid_from:
        raise InvalidInput("It ends after it begins: give a later end.", field="valid_to")
    try:
        await directory.organisation(db, organisation)
    except NotFound as error:
        raise InvalidInput(
            f"There is no organisation {organisation!r}.", field="organisation"
        ) from error
    row = await store.add_standing_order(
        db,
        {
            "organisation": organisation,
            "action": action,
            "reference": reference.strip(),
            "valid_from": valid_from,
            "valid_to": valid_to,
            "created_at": now,
            "created_by": by.id,
            "revoked_at": None,
            "revoked_by": None,
        },
    )
    return _value(row)


async def revoke(
    db: AsyncSession, scope: Scope, number: str, *, by: Actor, now: datetime
) -> StandingOrder:
    """End a standing order now; revoked twice is revoked once.

    Raises:
        NotFound: If there is none in scope.
    """
    row = await store.standing_order(db, number, lock=True)
    if row is None or not scope.covers(OrganisationKey(row.organisation)):
        raise NotFound("standing order", number)
    if row.revoked_at is None:
        row.revoked_at, row.revoked_by = now, by.id
        await db.flush()
    return _value(row)


async def standing_orders(
    db: AsyncSession, scope: Scope, *, valid_at: datetime | None = None
) -> list[StandingOrder]:
    """Return the standing orders in scope, by number; only those valid at a moment."""
    rows = await store.standing_orders(db, scope.organisations, valid_at=valid_at)
    return [_value(row) for row in rows]


def _value(row: StandingOrderRow) -> StandingOrder:
    return StandingOrder(
        number=row.number,
        organisation=OrganisationKey(row.organisation),
        action=row.action,
        reference=row.reference,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        created_at=row.created_at,
        created_by=row.created_by,
        revoked_at=row.revoked_at,
    )
