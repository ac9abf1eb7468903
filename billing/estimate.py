"""What a transaction costs while it runs and when it ends, for the station's display.

Fulfils `csms.CostEstimator` with the same pure `rate()` that makes the CDR, on tariffs in memory.
Tariffs and their assignments are only ever added to, so their counts tell whether what is in
memory is still all there is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import charges, contacts, goodwill, tariff_store, validity_store
from billing.applying import (
    Assigned,
    HoursByPlace,
    Parents,
    applied,
    name_contacts,
    places_of_charge,
    who_charges,
)
from billing.driver_words import LANGUAGES, for_display
from billing.monitor import nearest
from billing.plausibility import DEFAULT_LIMITS, GHOST_WH_MAX, Limits, is_ghost
from billing.pricing import (
    Found,
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
from foundation.identifiers import OrganisationKey, TransactionId
from foundation.languages import first_of
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
    found: dict[TransactionId, tuple[tuple[object, ...], Found]] = field(default_factory=dict)
    """What was found for transactions, beside what it was found by: a session is asked for again
    and again."""


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
        named = await contacts_at(db, transactions, named=known.names_contacts)
        costs = []
        for each, contact in zip(transactions, named, strict=True):
            limits = nearest(settings, each.owner, known.parents, self.limits)
            costs.append(_cost(known, each, contact, limits))
        return costs

    async def messages(
        self,
        db: AsyncSession,
        transactions: Sequence[TransactionEnded],
        languages: Sequence[tuple[str, ...]],
    ) -> list[tuple[str, str] | None]:
        """Return what drivers are to read at the end of transactions that cost nothing.

        That no energy was taken is told in the first language of the driver's token that we speak,
        in that of the token's contract, or else in that of the station's owner.
        """
        known = await self._current(db, concerned(transactions))
        settings = await ask(db, validity_store.all_settings())
        ghosts = [
            each
            for each in transactions
            if not each.free_vend
            and not goodwill.is_given(each)
            and is_ghost(each, nearest(settings, each.owner, known.parents, self.limits))
        ]
        if not ghosts:
            return [None] * len(transactions)
        usual = await _languages(db, ghosts)
        return [
            None
            if (language := usual.get(each.transaction_id)) is None
            # The one thing that there is to say beside the price.
            else _said(first_of(preferred, LANGUAGES) or language)
            for each, preferred in zip(transactions, languages, strict=True)
        ]

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


def _said(language: str) -> tuple[str, str]:
    return language, for_display(language)


async def _languages(
    db: AsyncSession, transactions: Sequence[TransactionEnded]
) -> dict[TransactionId, str]:
    """Return in which language the driver of each transaction is spoken to."""
    numbers = await contacts_at(db, transactions, named=True)
    keys = [None if each is None else charges.contact(int(each)) for each in numbers]
    known = await contacts.of_debtors(db, [each for each in keys if each is not None])
    owners = {each.key: each.language for each in await directory.organisations(db)}
    return {
        each.transaction_id: known[key].language
        if key is not None and key in known
        else owners[each.owner]
        for each, key in zip(transactions, keys, strict=True)
    }


def _cost(
    known: _Known, transaction: TransactionEnded, contact: str | None, limits: Limits
) -> Decimal | None:
    if transaction.free_vend or goodwill.is_given(transaction) or is_ghost(transaction, limits):
        return Decimal(0)
    found = _found(known, transaction, contact)
    if found.sale is None:
        return None
    try:
        usage = goodwill.usage_of(transaction)
        rating = rate(usage, found.sale.tariff, transaction.time_zone, stop_at=found.stop_at)
        return rating.gross.amount
    except UnratableUsage:
        return None


def _found(known: _Known, transaction: TransactionEnded, contact: str | None) -> Found:
    """Return what applies to a transaction: found once, unless it tells other facts."""
    facts = (
        contact,
        transaction.started_at,
        transaction.time_zone,
        transaction.station,
        transaction.evse_id,
        transaction.connector_id,
        transaction.location,
        transaction.owner,
        transaction.token_organisation,
        transaction.token_provider,
        transaction.token_group,
    )
    before = known.found.get(transaction.transaction_id)
    if before is not None and before[0] == facts:
        return before[1]
    places = places_of_charge(transaction, known.parents)
    who = who_charges(transaction, known.parents, contact)
    applies = applied(transaction, places, who, known.assignments, known.hours)
    found = found_of(transaction, applies, known.versions)
    if len(known.found) >= _REMEMBERED:
        known.found.clear()
    known.found[transaction.transaction_id] = facts, found
    return found


_REMEMBERED: Final = 10_000
