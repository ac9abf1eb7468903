"""The one door to what stations told of customers, for page and API alike."""

from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.permissions import Permission
from csms import customer_information
from csms.customer_information import CustomerReport
from csms.queue import Command
from foundation.errors import NotFound
from portal.guard import Caller

DEED: Final = "customer_information.read"


def may_read(caller: Caller) -> bool:
    """Tell whether somebody may read it: who may see commands and personal data."""
    return caller.may(Permission.COMMANDS_READ) and caller.may(Permission.CRM_READ)


async def read(
    db: AsyncSession, caller: Caller, command: Command, *, now: datetime
) -> CustomerReport:
    """Return what the station told for this command, and note in the audit who read it.

    Raises:
        NotFound: It told nothing, or what it told is forgotten by now; or the caller may not.
    """
    report = await customer_information.told_for(db, command) if may_read(caller) else None
    if report is None:
        raise NotFound("customer information of command", str(command.id))
    await caller.note(
        db,
        DEED,
        f"command/{command.id}",
        organisation=command.owner,
        after={"station": command.station, "parts": report.parts},
        now=now,
    )
    return report
