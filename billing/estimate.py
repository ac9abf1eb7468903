"""What a transaction costs while it runs and when it ends, for the station's display.

Fulfils `csms.CostEstimator` with the same pure `rate()` that makes the CDR, on tariffs in memory.
Tariffs and their assignments are only ever added to, so their counts tell whether what is in
memory is still all there is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from billing import goodwill, tariff_store
from billing.assignments import Assignment, Place, most_specific, places_of
from billing.pricing import TariffVersion, parents_of_all, version_at, versions_of
from billing.rating import rate
from billing.usage import UnratableUsage
from foundation.events import TransactionEnded
from foundation.identifiers import OrganisationKey


@dataclass(frozen=True, slots=True)
class _Known:
    """All tariffs with how many versions and assignments there were."""

    counts: tuple[int, int]
    assignments: dict[Place, list[Assignment]]
    versions: dict[str, list[TariffVersion]]
    parents: dict[OrganisationKey, OrganisationKey | None]


_NOTHING = _Known((-1, -1), {}, {}, {})


@dataclass(slots=True)
class Estimator:
    """Knows the costs of transactions, running or ended."""

    _known: _Known = field(default=_NOTHING)

    async def costs(
        self, db: AsyncSession, transactions: Sequence[TransactionEnded]
    ) -> list[Decimal | None]:
        """Return the cost including VAT in the tariff's currency, None where nobody can say.

        A running transaction is given as if it ended with its last reading.
        """
        if not transactions:
            return []
        known = await self._current(db, {each.owner for each in transactions})
        return [_cost(known, each) for each in transactions]

    async def _current(self, db: AsyncSession, owners: set[OrganisationKey]) -> _Known:
        counts = await tariff_store.counts(db)
        if counts != self._known.counts or not owners <= self._known.parents.keys():
            self._known = _Known(
                counts,
                await tariff_store.all_assignments(db),
                await versions_of(db, None),
                await parents_of_all(db),
            )
        return self._known


def _cost(known: _Known, transaction: TransactionEnded) -> Decimal | None:
    if transaction.free_vend or goodwill.is_given(transaction):
        return Decimal(0)
    places = places_of(
        transaction.station,
        transaction.evse_id,
        transaction.location,
        transaction.owner,
        known.parents,
    )
    assignment = most_specific(places, known.assignments, transaction.started_at)
    if assignment is None:
        return None
    version = version_at(known.versions[assignment.tariff_id], transaction.started_at)
    try:
        usage = goodwill.usage_of(transaction)
        return rate(usage, version.tariff, transaction.time_zone).gross.amount
    except UnratableUsage:
        return None
