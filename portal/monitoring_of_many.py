"""Switching the monitoring of many stations at once: what it costs is summed up before the click.

One click is one release of costs for each organisation that pays, with the sum: what needs a
second person is decided by the sum, not by the single station.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import cost_releases
from accounts.audit import Actor
from accounts.cost_releases import Cost, CostRelease, ReleaseState
from alerts.activation import EvseIdsMissing, Hint, StationNotAccepted, check_activation
from billing.service_costs import ActivationCost
from csms.registry import Station
from foundation.errors import Conflict, InvalidInput
from foundation.identifiers import OrganisationKey, StationId
from foundation.money import Money
from portal import monitoring
from portal.monitoring import Monitored

ACTIVATE_MANY: Final = "monitoring.activate_many"
MOST_AT_ONCE: Final = 200
_LONGEST_SUBJECT: Final = 120


class CostChanged(Conflict):
    """It costs something else than whoever clicked was told: a price or a station changed."""

    code = "cost_changed"

    def __init__(self) -> None:
        super().__init__("The cost has changed meanwhile. Look at it again.")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A station that somebody chose, and what would become of it.

    Attributes:
        station: Which.
        cost: What its monitoring costs, or would.
        hints: What is to be seen to.
        is_active: It is monitored already.
        refusal: Why it cannot be switched on.
    """

    station: Station
    cost: ActivationCost
    hints: Sequence[Hint]
    is_active: bool
    refusal: EvseIdsMissing | StationNotAccepted | None

    @property
    def will_change(self) -> bool:
        """Whether it would be switched on."""
        return not self.is_active and self.refusal is None


@dataclass(frozen=True, slots=True)
class Summary:
    """What switching many on costs: net, of those that would be switched on."""

    candidates: Sequence[Candidate]
    this_month: Sequence[Money]
    per_year: Sequence[Money]

    @property
    def changing(self) -> list[Candidate]:
        """Those that would be switched on."""
        return [each for each in self.candidates if each.will_change]

    @property
    def told(self) -> str:
        """What whoever clicks was told, to be compared at the click."""
        sums = ", ".join(f"{each.text} {each.currency}" for each in self.per_year)
        return f"{len(self.changing)} / {sums}"


@dataclass(frozen=True, slots=True)
class ManyMonitored:
    """What came of a click: what was switched on, and the releases that wait for somebody else."""

    switched: Sequence[Monitored]
    waiting: Sequence[CostRelease]


def summed(amounts: Iterable[Money]) -> list[Money]:
    """Return the sums by currency; none at all is nothing."""
    sums: dict[str, Decimal] = {}
    for each in amounts:
        sums[each.currency] = sums.get(each.currency, Decimal(0)) + each.amount
    return [Money(amount, currency) for currency, amount in sorted(sums.items())]


def summary_of(candidates: Sequence[Candidate]) -> Summary:
    """Return what switching these on costs."""
    changing = [each.cost for each in candidates if each.will_change]
    return Summary(
        candidates,
        summed(each.this_month for each in changing),
        summed(each.per_year for each in changing),
    )


async def preview(db: AsyncSession, stations: Sequence[Station], *, now: datetime) -> Summary:
    """Return what switching stations on would cost, and which cannot be.

    Raises:
        InvalidInput: If they are none or more than `MOST_AT_ONCE`.
    """
    if not 1 <= len(stations) <= MOST_AT_ONCE:
        raise InvalidInput(f"Choose 1 to {MOST_AT_ONCE} stations.", field="stations")
    found = []
    for each in sorted(stations, key=lambda station: station.identity):
        read = await monitoring.read(db, each, now=now)
        refusal = _refusal(each)
        found.append(Candidate(each, read.cost, read.hints, read.activation is not None, refusal))
    return summary_of(found)


def _refusal(station: Station) -> EvseIdsMissing | StationNotAccepted | None:
    try:
        check_activation(
            station.identity,
            is_accepted=station.admission == "accepted",
            charge_points=monitoring.charge_points(station),
        )
    except (EvseIdsMissing, StationNotAccepted) as refused:
        return refused
    return None


async def switch_on(
    db: AsyncSession, stations: Sequence[Station], *, told: str, by: Actor, now: datetime
) -> ManyMonitored:
    """Monitor those of the stations that can be, from now on.

    Args:
        db: The unit of work.
        stations: Those that were chosen.
        told: `Summary.told`, as whoever clicks saw it.
        by: Who clicked; that he may release costs was decided at the door.
        now: The moment.

    Raises:
        InvalidInput: If they are none or too many.
        CostChanged: If it costs something else than he was told.
    """
    await monitoring.one_at_a_time(db, sorted(each.identity for each in stations))
    summary = await preview(db, stations, now=now)
    if summary.told != told:
        raise CostChanged
    switched: list[Monitored] = []
    waiting: list[CostRelease] = []
    sides: dict[tuple[OrganisationKey, str], list[Candidate]] = {}
    for each in summary.changing:
        key = (each.station.organisation, each.cost.per_year.currency)
        sides.setdefault(key, []).append(each)
    for (organisation, _), those in sorted(sides.items()):
        release = await _release(db, organisation, those, by, now)
        if release.state is ReleaseState.WAITING:
            waiting.append(release)
            if release.at == now and release.released_by == by.id:
                for each in those:
                    await monitoring.note_asked(db, each.station, each.cost, by=by, now=now)
            continue
        switched += [
            await monitoring.switch_on_released(db, each.station, release, by=by, now=now)
            for each in those
        ]
    return ManyMonitored(switched, waiting)


async def _release(
    db: AsyncSession,
    organisation: OrganisationKey,
    those: Sequence[Candidate],
    by: Actor,
    now: datetime,
) -> CostRelease:
    [this_month] = summed(each.cost.this_month for each in those)
    [per_year] = summed(each.cost.per_year for each in those)
    subject = subject_of([each.station.identity for each in those])
    cost = Cost(this_month, per_year)
    return await cost_releases.release(
        db, organisation, ACTIVATE_MANY, subject, cost, by=by, now=now
    )


def subject_of(stations: Sequence[str]) -> str:
    """Return how the ledger of releases names several stations: the same ones always alike."""
    named = ", ".join(sorted(stations))
    if len(named) > _LONGEST_SUBJECT:
        digest = hashlib.sha256(named.encode()).hexdigest()[:8]
        named = f"{named[:_LONGEST_SUBJECT].rpartition(',')[0]}, … ({len(stations)}, {digest})"
    return f"stations/{named}"


async def switch_off(
    db: AsyncSession, stations: Sequence[Station], *, by: Actor, now: datetime
) -> list[StationId]:
    """End the monitoring of stations at once; those that were monitored are returned.

    Raises:
        InvalidInput: If they are none or more than `MOST_AT_ONCE`.
    """
    if not 1 <= len(stations) <= MOST_AT_ONCE:
        raise InvalidInput(f"Choose 1 to {MOST_AT_ONCE} stations.", field="stations")
    in_order = sorted(stations, key=lambda station: station.identity)
    await monitoring.one_at_a_time(db, [each.identity for each in in_order])
    return [
        each.identity
        for each in in_order
        if (await monitoring.switch_off(db, each, by=by, now=now)).changed
    ]
