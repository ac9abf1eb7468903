"""What people do with alerts, as every door does it: seen, done, audited."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import audit
from accounts.permissions import Permission
from alerts import alerting
from alerts.alerting import AlertSheet
from alerts.life import Alert
from portal.guard import Caller

Deed = Callable[[AsyncSession, Caller, int, str | None, datetime], Awaitable[AlertSheet]]
"""What somebody does with an alert of a number, with a note."""


async def acknowledge(
    db: AsyncSession, caller: Caller, number: int, note: str | None, now: datetime
) -> AlertSheet:
    """Take an alert on.

    Raises:
        NotFound: If there is none in the caller's scope.
        AlertOver, AlreadyAcknowledged: If it is too late.
    """
    await _seen(db, caller, number)
    made = await alerting.acknowledge(db, number, by=caller.actor, note=note, now=now)
    return await _recorded(db, caller, "alert.acknowledge", made, note, now)


async def mark_as_escalated(
    db: AsyncSession, caller: Caller, number: int, note: str | None, now: datetime
) -> AlertSheet:
    """Mark an alert as escalated.

    Raises:
        NotFound: If there is none in the caller's scope.
        AlertOver, AlreadyEscalated: If it is too late.
    """
    await _seen(db, caller, number)
    made = await alerting.mark_as_escalated(db, number, by=caller.actor, note=note, now=now)
    return await _recorded(db, caller, "alert.escalate", made, note, now)


async def close(
    db: AsyncSession, caller: Caller, number: int, note: str | None, now: datetime
) -> AlertSheet:
    """Close an alert.

    Raises:
        NotFound: If there is none in the caller's scope.
        AlertOver: If it is over.
        InvalidInput: If a fault is still there and the note does not say why.
    """
    await _seen(db, caller, number)
    made = await alerting.close(db, number, by=caller.actor, note=note, now=now)
    return await _recorded(db, caller, "alert.close", made, note, now)


async def _seen(db: AsyncSession, caller: Caller, number: int) -> None:
    caller.must_have(Permission.ALERTS_WRITE)
    await alerting.alert(db, caller.scope, number)


async def _recorded(
    db: AsyncSession, caller: Caller, deed: str, made: Alert, note: str | None, now: datetime
) -> AlertSheet:
    await audit.record(
        db,
        caller.actor,
        deed,
        f"alert/{made.id}",
        organisation=made.organisation,
        after={"detection": made.detection, "cause": made.cause, "note": note},
        now=now,
    )
    return await alerting.alert(db, caller.scope, made.id)
