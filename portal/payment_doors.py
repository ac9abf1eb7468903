"""The one door to closing a claim of a station's terminal, for page and API alike."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from csms import payments
from csms.payments import Settlement
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey
from portal.guard import Caller

DEED = "settlement.close"


async def close_claim(
    db: AsyncSession,
    caller: Caller,
    settlement: Settlement,
    owner: OrganisationKey,
    *,
    note: str,
    now: datetime,
) -> Settlement:
    """Close a claim, with a word about why, and note who did; the caller may see its station.

    Raises:
        InvalidInput: Nothing is said about why.
        ClaimIsClosed: It is no open claim.
    """
    if not note.strip():
        raise InvalidInput("Say why the claim is closed.", field="note")
    number = settlement.settlement_id
    closed = await payments.close_claim(
        db, number, note=note.strip(), by=caller.principal.id, now=now
    )
    await caller.note(
        db,
        DEED,
        f"settlement/{number}",
        organisation=owner,
        after={"station": settlement.station, "note": note.strip()},
        now=now,
    )
    return closed
