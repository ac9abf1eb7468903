"""What both doors to documents share: what the audit notes, and how a line is shown."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.permissions import Permission
from billing.papers import DocumentHead
from portal.guard import MASK, Caller


async def note(
    db: AsyncSession, now: datetime, caller: Caller, deed: str, head: DocumentHead, after: object
) -> None:
    """Write into the audit what was done with a document."""
    await caller.note(
        db,
        deed,
        f"document/{head.number}",
        organisation=head.organisation or head.managing,
        after=after,
        now=now,
    )


def shown_line(caller: Caller, text: str, reference: str | None) -> str:
    """Return a line's text; the id token in it is personal."""
    if not reference or caller.may(Permission.CRM_READ):
        return text
    return text.replace(reference, MASK)
