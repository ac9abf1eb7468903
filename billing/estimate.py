"""What a transaction costs while it runs and when it ends, for the station's display.

Fulfils `csms.CostEstimator` with the same pure `rate()` that makes the CDR, on tariffs in memory.
Tariffs and their assignments are only ever added to, so their counts tell whether what is in
memory is still all there is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from billing import goodwill, tariff_store, validity_store
from billing.applying import (
    Assigned,
    HoursByPlace,
    Parents,
    applied,
    name_contacts,
    places_of_charge,
    who_charges,
)
from billing.monitor import nearest
from billing.plausibility import DEFAULT_LIMITS, GHOST_WH_MAX, Limits, is_ghost
from billing.pricing import (
    TariffVersion,
    concerned,
    contacts_at,
    found_of,
    parents_of_all,
    versions_of,
)
from billing.rating import rate
from billing.tariff_store import Counts
from billing.usage import UnratableUsage
from foundation.events import TransactionEnded
from foundation.identifiers import OrganisationKey
from foundation.statements import ask


@dataclass(frozen=True, slots=True)
class _Known:
    """All tariffs and hours, with how many versions, assignments and hours there were."""

    counts: Counts
    assignments: Assigned
    versions: dict[str, list[TariffVersion]]
    hours: HoursByPlace
    parents: Parents
    names_contacts: bool


_NOTHING = _Known((-1, -1, -1), {}, {}, {}, {}, names_contacts=False)


@dataclass(slots=True)
class Estimator:
    """Knows the costs of transactions, running or ended."""

    limits: Limits = DEFAULT_LIMITS
    _known: _Known = field(default=_NOTHING)

    async def costs(
        self, db: AsyncSession, transactions: Sequence[TransactionEnded]
    ) -> list[Decimal | None]:
        """Return the cost including VAT in the tariff's currency, None where nobody can say.

        A running transaction is given as if it ended with its last reading.
        """
        if not transactions:
            return []
        known = await self._current(db, concerned(transactions))
        settings: dict[str, Limits] = {}
        if any(each.energy_wh <= GHOST_WH_MAX for each in transactions):
            settings = await ask(db, validity_store.all_settings())
        contacts = await contacts_at(db, transactions, named=known.names_contacts)
        costs = []
        for each, contact in zip(transactions, contacts, strict=True):
            limits = nearest(settings, each.owner, known.parents, self.limits)
            costs.append(_cost(known, each, contact, limits))
        return costs

    async def _current(self, db: AsyncSession, organisations: set[OrganisationKey]) -> _Known:
        counts = await tariff_store.counts(db)
        if counts != self._known.counts or not organisations <= self._known.parents.keys():
            assignments = await tariff_store.all_assignments(db)
            self._known = _Known(
                counts,
                assignments,
                await versions_of(db, None),
                await tariff_store.hours_on(db, None),
                await parents_of_all(db),
                names_contacts=name_contacts(assignments.values()),
            )
        return self._known


def _cost(
    known: _Known, transaction: TransactionEnded, contact: str | None, limits: Limits
) -> Decimal | None:
    if transaction.free_vend or goodwill.is_given(transaction) or is_ghost(transaction, limits):
        return Decimal(0)
    places = places_of_charge(transaction, known.parents)
    who = who_charges(transaction, known.parents, contact)
    applies = applied(transaction, places, who, known.assignments, known.hours)
    found = found_of(transaction, applies, known.versions)
    if found.sale is None:
        return None
    try:
        usage = goodwill.usage_of(transaction)
        rating = rate(usage, found.sale.tariff, transaction.time_zone, stop_at=found.stop_at)
        return rating.gross.amount
    except UnratableUsage:
        return None
