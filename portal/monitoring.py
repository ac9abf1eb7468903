"""Switching a station's monitoring, as every door does it: checked, priced, released, audited.

Who may press is decided by the caller of these functions: to switch on one needs the tab's right
and the release of costs, to switch off the tab's right alone. What happens once it is pressed is
the same from the API, the portal and the command line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import audit, cost_releases, directory
from accounts.audit import Actor
from accounts.cost_releases import Cost, CostRelease, ReleaseState
from accounts.permissions import Permission
from alerts import monitoring, raising
from alerts.activation import Activation, Ending, Hint, check_activation, hints
from billing import service_costs
from billing.service_costs import ActivationCost
from billing.services import Span
from csms.registry import Station
from foundation.identifiers import EvseId, StationId
from portal.guard import Caller

ACTIVATE: Final = "monitoring.activate"
DEACTIVATE: Final = "monitoring.deactivate"
ASK: Final = "monitoring.ask"


@dataclass(frozen=True, slots=True)
class Monitored:
    """A station's monitoring, what it costs, and what is to be seen to.

    Attributes:
        activation: None: it is not monitored.
        cost: What it costs, or would.
        hints: What whoever switches it on should see to.
        changed: Something was switched just now.
        release: The click that waits for a second person, or that took effect just now.
    """

    activation: Activation | None
    cost: ActivationCost
    hints: Sequence[Hint]
    changed: bool = False
    release: CostRelease | None = None

    @property
    def waits(self) -> bool:
        """Whether a second person has to release it."""
        return self.release is not None and self.release.state is ReleaseState.WAITING


async def read(db: AsyncSession, station: Station, *, now: datetime) -> Monitored:
    """Return how a station is monitored, and what it costs or would cost from now on."""
    known = await monitoring.activations(db, station.identity)
    active = next((each for each in known if each.active_to is None), None)
    return Monitored(active, *await _told(db, station, known, now))


async def _told(
    db: AsyncSession, station: Station, known: Sequence[Activation], now: datetime
) -> tuple[ActivationCost, list[Hint]]:
    owner = await directory.organisation(db, station.organisation)
    cost = await service_costs.activation_cost(
        db,
        station.identity,
        station.organisation,
        [Span(each.organisation, each.active_from, each.active_to) for each in known],
        currency=owner.currency,
        now=now,
    )
    technician = await monitoring.technician(db, station.identity, station.organisation)
    told = hints(
        has_technician=technician is not None,
        has_charge_points=bool(charge_points(station)),
        has_price=cost.price is not None,
    )
    return cost, told


async def switch_on(db: AsyncSession, station: Station, *, by: Actor, now: datetime) -> Monitored:
    """Monitor a station from now on; switching on what is on changes nothing.

    Raises:
        EvseIdsMissing: If a charge point has no EVSE ID.
        StationNotAccepted: If it was not let in.
    """
    await one_at_a_time(db, [station.identity])
    before = await read(db, station, now=now)
    if before.activation is not None:
        return before
    check_activation(
        station.identity,
        is_accepted=station.admission == "accepted",
        charge_points=charge_points(station),
    )
    cost = Cost(before.cost.this_month, before.cost.per_year)
    subject = f"station/{station.identity}"
    release = await cost_releases.release(
        db, station.organisation, ACTIVATE, subject, cost, by=by, now=now
    )
    if release.state is ReleaseState.WAITING:
        if release.at == now and release.released_by == by.id:
            await note_asked(db, station, before.cost, by=by, now=now)
        return Monitored(None, before.cost, before.hints, release=release)
    return await switch_on_released(db, station, release, by=by, now=now)


async def note_asked(
    db: AsyncSession, station: Station, cost: ActivationCost, *, by: Actor, now: datetime
) -> None:
    """Record that somebody asked for it, and that a second person is needed."""
    await _record(db, ASK, station, by, now, {"cost": _cost(cost)})


async def switch_on_released(
    db: AsyncSession, station: Station, release: CostRelease, *, by: Actor, now: datetime
) -> Monitored:
    """Monitor a station that was checked, is not monitored, and whose cost was released.

    Nobody else may switch it meanwhile: see `one_at_a_time`.
    """
    before = await read(db, station, now=now)
    made = await monitoring.switch_on(
        db,
        station.identity,
        station.organisation,
        by=by,
        per_month=None if before.cost.price is None else before.cost.per_month,
        now=now,
    )
    assert made is not None, "one at a time"
    after = {"monitoring": True, "cost": _cost(before.cost), "release": release.id}
    await _record(db, ACTIVATE, station, by, now, after, before={"monitoring": False})
    return Monitored(made, before.cost, before.hints, changed=True, release=release)


async def switch_off(db: AsyncSession, station: Station, *, by: Actor, now: datetime) -> Monitored:
    """End a station's monitoring at once; switching off what is off changes nothing."""
    await one_at_a_time(db, [station.identity])
    ended = await monitoring.switch_off(db, station.identity, by=by, now=now)
    after = await read(db, station, now=now)
    if ended is None:
        return after
    await _record(
        db, DEACTIVATE, station, by, now, {"monitoring": False}, before={"monitoring": True}
    )
    return Monitored(None, after.cost, after.hints, changed=True)


async def left(
    db: AsyncSession, station: StationId, because: Ending, *, by: Actor, now: datetime
) -> None:
    """End the monitoring of a station that moved to another organisation, or was refused.

    Its open faults end for whom it belonged to, and go along to whom it belongs to now.
    """
    await raising.left(db, station, now=now)
    ended = await monitoring.switch_off(db, station, by=by, because=because, now=now)
    if ended is not None:
        await audit.record(
            db,
            by,
            DEACTIVATE,
            f"station/{station}",
            organisation=ended.organisation,
            before={"monitoring": True},
            after={"monitoring": False, "because": because},
            now=now,
        )


def must_be_able_to_switch_on(caller: Caller) -> None:
    """Refuse who may not switch on.

    Raises:
        PermissionMissing: If he lacks the tab's right, or may not release costs.
    """
    caller.must_have(Permission.MONITORING)
    caller.must_have(Permission.COST_RELEASE)


def charge_points(station: Station) -> dict[EvseId, str | None]:
    """Return the EVSE IDs of a station's charge points; EVSE 0 is the station itself."""
    return {EvseId(each.evse_id): each.emi3_id for each in station.evses if each.evse_id > 0}


def _cost(cost: ActivationCost) -> dict[str, Any]:
    return {
        "this_month": cost.this_month.text,
        "per_year": cost.per_year.text,
        "currency": cost.per_year.currency,
    }


async def one_at_a_time(db: AsyncSession, stations: Sequence[StationId]) -> None:
    """Let nobody else switch these stations until the unit of work ends; they come in order."""
    for station in stations:
        await db.execute(
            text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"),
            {"name": f"monitoring/{station}"},
        )


async def _record(
    db: AsyncSession,
    deed: str,
    station: Station,
    by: Actor,
    now: datetime,
    after: dict[str, Any],
    *,
    before: dict[str, Any] | None = None,
) -> None:
    await audit.record(
        db,
        by,
        deed,
        f"station/{station.identity}",
        organisation=station.organisation,
        before=before,
        after=after,
        now=now,
    )
