"""What the plausibility monitor knows of transactions that ended, gathered for a whole batch.

The checks are pure (`billing.plausibility`); here is fetched what they look at: the settings of
the owners, what the central system testifies (signed values, overlaps), and where else the cards
charged. All of it goes in the trips that billing makes anyway.
"""

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.lineage import Ancestor, lineage
from billing import validity_store
from billing.plausibility import DEFAULT_LIMITS, Elsewhere, Limits, Testimony
from foundation.events import TransactionEnded
from foundation.identifiers import OrganisationKey
from foundation.statements import ask, together
from foundation.trips import side_by_side


class Witness(Protocol):
    """Testifies to transactions that ended; fulfilled by csms."""

    def testimonies(
        self, db: AsyncSession, ended: Sequence[TransactionEnded], *, now: datetime
    ) -> Coroutine[Any, Any, Mapping[int, Testimony]]:
        """Return what is known of each transaction, by its number."""
        ...


@dataclass(frozen=True, slots=True)
class Noticed:
    """What was found out about a batch, by transaction; settings by organisation."""

    settings: Mapping[str, Limits]
    testimonies: Mapping[int, Testimony]
    elsewhere: Mapping[int, Sequence[Elsewhere]]
    default: Limits

    def limits(
        self, owner: OrganisationKey, parents: Mapping[OrganisationKey, OrganisationKey | None]
    ) -> Limits:
        """Return what holds for an organisation: its own settings, or those of the next above."""
        return nearest(self.settings, owner, parents, self.default)


def nearest(
    settings: Mapping[str, Limits],
    owner: OrganisationKey,
    parents: Mapping[OrganisationKey, OrganisationKey | None],
    default: Limits,
) -> Limits:
    """Return an organisation's own settings, else those of the next above that has any."""
    if settings:
        key: OrganisationKey | None = owner
        while key is not None:
            if key in settings:
                return settings[key]
            key = parents.get(key)
    return default


async def notice(
    db: AsyncSession,
    ended: Sequence[TransactionEnded],
    witness: Witness | None,
    default: Limits = DEFAULT_LIMITS,
    *,
    now: datetime,
) -> Noticed:
    """Return what there is to know of transactions that ended, all in one trip where possible."""
    if not ended:
        return Noticed({}, {}, {}, default)
    own = together(db, validity_store.all_settings(), validity_store.elsewhere(ended))
    if witness is None:
        settings, elsewhere = await own
        testimonies: Mapping[int, Testimony] = {}
    else:
        (settings, elsewhere), testimonies = await side_by_side(
            db, own, witness.testimonies(db, ended, now=now)
        )
    return Noticed(settings, testimonies, _with_each_other(ended, elsewhere), default)


def _with_each_other(
    ended: Sequence[TransactionEnded], elsewhere: dict[int, list[Elsewhere]]
) -> dict[int, list[Elsewhere]]:
    """Add what transactions of this batch say of each other: none of them has a CDR yet."""
    by_card: dict[str, list[TransactionEnded]] = {}
    for each in ended:
        if each.id_token is not None and each.location is not None and not each.free_vend:
            by_card.setdefault(each.id_token.value, []).append(each)
    for several in by_card.values():
        for one, other in combinations(several, 2):
            if one.location != other.location:
                elsewhere.setdefault(one.transaction_id, []).append(_seen(other))
                elsewhere.setdefault(other.transaction_id, []).append(_seen(one))
    return elsewhere


def _seen(ended: TransactionEnded) -> Elsewhere:
    assert ended.location is not None
    return Elsewhere(
        transaction_id=ended.transaction_id,
        station=ended.station,
        location=ended.location,
        started_at=ended.started_at,
        ended_at=ended.ended_at,
    )


async def limits_for(
    db: AsyncSession, organisation: OrganisationKey, default: Limits = DEFAULT_LIMITS
) -> Limits:
    """Return what the monitor of an organisation's sessions is set to."""
    settings = await ask(db, validity_store.all_settings())
    if not settings:
        return default
    above: dict[OrganisationKey, Ancestor] = await ask(db, lineage({organisation}))
    return nearest(
        settings, organisation, {key: each.parent for key, each in above.items()}, default
    )
