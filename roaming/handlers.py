"""What roaming answers to billing: how the proceeds of transactions are shared."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.lineage import lineage
from billing.terms import Sharing
from foundation.events import TransactionEvent
from foundation.identifiers import OrganisationKey
from foundation.statements import together
from roaming import store
from roaming.reimbursement import share


class Reimbursement:
    """Fulfils `billing.pricing.SharingTerms` from the agreements, as of each start."""

    async def terms_of(
        self, db: AsyncSession, transactions: Sequence[TransactionEvent]
    ) -> list[Sharing]:
        """Return the sharing of each transaction, in their order; never from a cache."""
        owners = {each.owner for each in transactions}
        tokens_of = {each.token_organisation for each in transactions if each.token_organisation}
        agreements, found = await together(
            db, store.asking_agreements(owners), lineage(owners | tokens_of)
        )
        parents = {each.key: each.parent for each in found.values()}
        return [share(each, agreements.get(each.owner, ()), parents) for each in transactions]

    async def due_on_receipt(self, db: AsyncSession, payee: OrganisationKey) -> list[int]:
        """Return the agreements by which the payee's external share waits for the provider."""
        return await store.due_on_receipt(db, payee)
