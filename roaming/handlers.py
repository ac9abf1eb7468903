"""What roaming answers to billing: how the proceeds of transactions are shared."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing.terms import Sharing
from foundation.events import TransactionEvent
from roaming import store
from roaming.reimbursement import share


class Reimbursement:
    """Fulfils `billing.pricing.SharingTerms` from the agreements, as of each start."""

    async def terms_of(
        self, db: AsyncSession, transactions: Sequence[TransactionEvent]
    ) -> list[Sharing]:
        """Return the sharing of each transaction, in their order; never from a cache."""
        owners = {each.owner for each in transactions}
        agreements = await store.agreements_of(db, owners)
        parents = {each.key: each.parent for each in await directory.organisations(db)}
        return [share(each, agreements.get(each.owner, ()), parents) for each in transactions]
