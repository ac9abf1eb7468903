"""Portal use paid with credits, per user and month: off by default, and free until it has a price.

Who has too few credits is told so once a month, and may read and order credits, nothing else.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import credit_prices, credit_store
from billing.credit_mails import Letters
from billing.credits import CreditService, NotEnoughCredits
from billing.months import Month
from foundation.identifiers import OrganisationKey


async def is_paid(
    db: AsyncSession,
    account: OrganisationKey,
    person_id: int,
    *,
    letters: Letters | None,
    now: datetime,
) -> bool:
    """Tell whether a user's portal use of this month is paid; book it at his first use of it.

    The month is that of the account's zone, the price that of the day. The operator's own people
    pay nothing.
    """
    owner = await directory.organisation(db, account)
    if owner.parent is None:
        return True
    month = str(Month.of(now, ZoneInfo(owner.time_zone)))
    reference = f"portal_use/{person_id}/{month}"
    if await credit_store.booking_of(db, reference) is not None:
        return True
    cost = await credit_prices.price(db, CreditService.PORTAL_USE, now)
    if cost == 0:
        return True
    try:
        await credit_store.spend(
            db,
            account,
            CreditService.PORTAL_USE,
            cost,
            reference=reference,
            by=f"person/{person_id}",
            now=now,
            about=f"person/{person_id}",
        )
    except NotEnoughCredits as short:
        if letters is not None:
            await letters.reading_only(
                db, account, person_id, month=month, needed=cost, available=short.available
            )
        return False
    return True
