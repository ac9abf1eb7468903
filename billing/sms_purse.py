"""Messages are paid with credits: fulfils `alerts.purse.Purse`."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from billing import credit_prices, credit_store
from billing.credits import CreditService, NotEnoughCredits
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey


class SmsPurse:
    """The accounts' wallets, as whoever sends messages sees them."""

    async def price(self, db: AsyncSession, now: datetime) -> int:
        """Return what one message costs, in credits."""
        return await credit_prices.price(db, CreditService.SMS, now)

    async def available(self, db: AsyncSession, account: OrganisationKey) -> int:
        """Return how many credits an account has that are not set aside."""
        return (await credit_store.wallet(db, account)).available

    async def reserve(
        self,
        db: AsyncSession,
        account: OrganisationKey,
        *,
        reference: str,
        about: str | None,
        by: str,
        now: datetime,
    ) -> bool:
        """Set aside what one message costs now; False: there is not enough."""
        price = await self.price(db, now)
        if price == 0:
            return True
        try:
            await credit_store.reserve(
                db,
                account,
                CreditService.SMS,
                price,
                reference=reference,
                by=by,
                now=now,
                about=about,
            )
        except NotEnoughCredits:
            return False
        return True

    async def capture(self, db: AsyncSession, reference: str, *, now: datetime) -> None:
        """Take what was set aside; nothing was where a message costs nothing."""
        try:
            await credit_store.capture(db, reference, now=now)
        except NotFound:
            return

    async def paid(self, db: AsyncSession, references: Collection[str]) -> set[str]:
        """Return under which of the references something was taken, or is set aside."""
        return await credit_store.used(db, references)

    async def release(self, db: AsyncSession, reference: str, *, now: datetime) -> None:
        """Give back what was set aside, if anything was."""
        try:
            await credit_store.release(db, reference, now=now)
        except NotFound:
            return
