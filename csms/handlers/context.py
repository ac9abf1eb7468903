"""What handlers are given beside the unit of work: a fixed, small list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from csms.queue import Request
from foundation.charging_limits import ChargingLimits
from foundation.clock import Clock
from foundation.events import TransactionEnded
from foundation.identifiers import OrganisationKey
from foundation.statements import Asked


class CostEstimator(Protocol):
    """What a transaction costs, running or ended; fulfilled by billing, joined in app/compose."""

    async def costs(
        self, db: AsyncSession, transactions: Sequence[TransactionEnded]
    ) -> Sequence[Decimal | None]:
        """Return the cost including VAT in the tariff's currency, None where nobody can say.

        A running transaction is given as if it ended with its last reading.
        """
        ...

    async def messages(
        self,
        db: AsyncSession,
        transactions: Sequence[TransactionEnded],
        languages: Sequence[tuple[str, ...]],
    ) -> Sequence[tuple[str, str] | None]:
        """Return what drivers are to read at the end of transactions that cost nothing.

        A language, as in `de`, and a sentence in it; None where the price says it all.
        `languages` are those that each driver's token names, the first one first.
        """
        ...


class Presented(NamedTuple):
    """A token held to a station, with what is known of both at that moment."""

    station: str
    location: str | None
    owner: OrganisationKey
    time_zone: str
    at: datetime
    token_key: str
    token_organisation: OrganisationKey | None
    token_provider: str | None
    token_group: str | None


class AccessControl(Protocol):
    """Who may charge where and when; fulfilled by billing, joined in app/compose."""

    def rules(self) -> Asked[Any]:
        """Ask for the rules there are; None for none, so that nobody has to be asked about."""
        ...

    async def refused(
        self, db: AsyncSession, rules: Any, presented: Sequence[Any]
    ) -> Sequence[bool]:
        """Return which of the tokens (`Presented`) may not charge where they are presented."""
        ...


class PaymentDesk(Protocol):
    """Who pays in advance, and by which tariff; fulfilled by billing, joined in app/compose."""

    async def limits(
        self, db: AsyncSession, token_keys: Sequence[str]
    ) -> Mapping[str, ChargingLimits]:
        """Return by token what its running transaction may come to; missing: no limit."""
        ...

    async def tariffs(
        self, db: AsyncSession, presented: Sequence[Any]
    ) -> Sequence[Mapping[str, Any] | None]:
        """Return the tariff of each driver (`Presented`) in 2.1's words.

        None where it cannot be said in them, or none is assigned.
        """
        ...


class CostPace:
    """How often a running transaction's cost is computed for its station's display.

    A display that changes once a minute is enough for a driver; the readings of a fast station
    come every second. Remembers the last ten thousand transactions.
    """

    def __init__(self, every: timedelta) -> None:
        self._every = every
        self._last: dict[int, datetime] = {}

    def is_due(self, transaction: int, now: datetime) -> bool:
        """Tell whether it is time again, and remember that it was asked."""
        last = self._last.get(transaction)
        if last is not None and now - last < self._every:
            return False
        if len(self._last) >= _REMEMBERED:
            self._last.clear()
        self._last[transaction] = now
        return True


_REMEMBERED = 10_000


class Asks(Protocol):
    """Asks a station for something in the unit of work of a report (`csms.remote.ask`)."""

    async def __call__(self, db: AsyncSession, request: Request, *, now: datetime) -> object:
        """Ask; the command is durable with the caller's commit.

        Raises:
            ExpectedError: It cannot be asked for.
        """


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
    cost_pace: CostPace
    costs: CostEstimator | None
    access: AccessControl | None = None
    payments: PaymentDesk | None = None
    asks: Asks | None = None
    receipts_url: str = ""
    """Where drivers read receipts that are ours to give."""
    signs_elsewhere: bool = False
    """Whether another's authority signs stations' certificates."""
