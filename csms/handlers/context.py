"""What handlers are given beside the unit of work: a fixed, small list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from foundation.clock import Clock
from foundation.events import TransactionEnded
from foundation.identifiers import OrganisationKey


class CostEstimator(Protocol):
    """What a transaction costs, running or ended; fulfilled by billing, joined in app/compose."""

    async def costs(
        self, db: AsyncSession, transactions: Sequence[TransactionEnded]
    ) -> Sequence[Decimal | None]:
        """Return the cost including VAT in the tariff's currency, None where nobody can say.

        A running transaction is given as if it ended with its last reading.
        """
        ...


@dataclass(frozen=True, slots=True)
class HandlerContext:
    """The fixed list; no getters, nothing that needs I/O."""

    clock: Clock
    node: str
    heartbeat_interval_s: int
    pending_interval_s: int
    """How soon a station that waits for acceptance shall boot again."""
    default_organisation: OrganisationKey
    """Who owns a station that announced itself, until somebody says otherwise."""
    admit_unknown: str
    """refuse, pending or accept."""
    waiting_stations_max: int
    token_concurrency: int
    """How many transactions one token may have at once; 0: any number."""
    running_cost_every: timedelta
    costs: CostEstimator | None
