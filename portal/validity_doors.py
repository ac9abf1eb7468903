"""Doors of validity that the API and the pages share: settings, corrections, signed values."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from accounts.permissions import Permission
from billing import validity
from billing.plausibility import Limits
from billing.validity import Recalculation
from csms import correcting, meters
from csms.charging import Transaction
from csms.correcting import Corrected
from csms.meters import Signed, SignedStatus
from foundation.errors import NotFound
from foundation.events import TransactionEnded
from foundation.identifiers import OrganisationKey, TransactionId
from portal.context import PortalContext
from portal.guard import Caller

_NOTHING = Signed(SignedStatus.PENDING, None, None, None, ())


def number_of(transaction_id: str) -> TransactionId:
    """Return the number that an address names.

    Raises:
        NotFound: It cannot be one.
    """
    if not transaction_id.isascii() or not transaction_id.isdecimal() or len(transaction_id) > 18:
        raise NotFound("transaction", transaction_id)
    return TransactionId(int(transaction_id))


async def set_limits(
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    organisation: OrganisationKey,
    limits: Limits | None,
) -> None:
    """Set the monitor of an organisation, and note it; for the issuer of the papers only."""
    await validity.must_be_issuer(db, caller.principal.organisation)
    before = await validity.settings(db, organisation)
    await validity.set_settings(db, organisation, limits, by=caller.principal.id, now=now)
    after = await validity.settings(db, organisation)
    await caller.note(
        db,
        "plausibility.set",
        f"organisation/{organisation}",
        organisation=organisation,
        before=validity.as_json(before.limits),
        after=validity.as_json(after.limits),
        now=now,
    )


async def transparency_file(db: AsyncSession, caller: Caller, found: Transaction) -> Response:
    """Return the file of a transaction's signed values, for whoever may see the driver's data."""
    caller.must_have(Permission.CRM_READ)
    caller.must_see(found.owner, "transaction", found.transaction_id)
    signed = await meters.signed(db, found.transaction_id)
    text = meters.transparency_file(found.transaction_id, signed or _NOTHING)
    name = f"signed-values-{found.transaction_id}.xml"
    return Response(
        text.encode("utf-8"),
        media_type="application/xml",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def corrected(
    db: AsyncSession,
    context: PortalContext,
    caller: Caller,
    found: Transaction,
    wanted: Corrected,
    *,
    reason: str,
    now: datetime,
    dry_run: bool,
) -> tuple[correcting.Preview, Recalculation]:
    """Show or book a correction by the caller, and note it; for the issuer of the papers only."""
    await validity.must_be_issuer(db, caller.principal.organisation)
    number, by = TransactionId(found.transaction_id), caller.principal.id
    if dry_run:
        made = await correcting.preview(db, caller.scope, number, wanted, by=by, now=now)
    else:
        made = await correcting.correct(
            db, caller.scope, number, wanted, by=by, reason=reason, now=now
        )
    shown = await validity.recalculation(
        db, made.after, context.closing.sharing, now=now, default=context.closing.limits
    )
    if not dry_run:
        await caller.note(
            db,
            "transaction.correct",
            f"transaction/{number}",
            organisation=found.owner,
            before=None if made.before is None else _told(made.before),
            after=_told(made.after) | {"reason": reason},
            now=now,
        )
    return made, shown


def _told(event: TransactionEnded) -> dict[str, Any]:
    return {
        "started_at": event.started_at,
        "ended_at": event.ended_at,
        "energy_wh": event.energy_wh,
    }
