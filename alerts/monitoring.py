"""Face: switch a station's monitoring on and off, and read it.

The moment that counts is the server's acceptance of the click. Each real change is stored, told
as an event, and told of once; switching on what is on changes nothing. Who may switch, what it
costs, and the audit are the door's.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.audit import Actor
from accounts.directory import Scope
from alerts import monitoring_tasks, open_tickets, store
from alerts.activation import Activation, Ending
from alerts.store import Technician as Technician
from foundation import outbox
from foundation.errors import InvalidInput
from foundation.events import MonitoringActivated, MonitoringDeactivated
from foundation.identifiers import OrganisationKey, StationId
from foundation.mail import check_address
from foundation.money import Money

_LONGEST: Final = 200


async def switch_on(
    db: AsyncSession,
    station: StationId,
    organisation: OrganisationKey,
    *,
    by: Actor,
    per_month: Money | None,
    now: datetime,
) -> Activation | None:
    """Monitor a station from now on, for the organisation that owns it.

    Args:
        db: The unit of work.
        station: Which, checked by `activation.check_activation`.
        organisation: Its owner, who pays.
        by: Who clicked.
        per_month: What he was told that a month costs; for the confirmation.
        now: The moment that counts.

    Returns:
        None if it is monitored already: nothing was changed, and nobody is told.
    """
    made = await store.add_activation(db, station, organisation, by=by.id, by_name=by.name, now=now)
    if made is None:
        return None
    event = MonitoringActivated(
        happened_at=now,
        station=station,
        organisation=organisation,
        by=by.id,
        by_name=by.name,
        per_month=per_month,
    )
    await outbox.append(db, [event], recorded_at=now)
    await monitoring_tasks.switched(db, station, organisation, is_on=True, by=by, now=now)
    return made


async def switch_off(
    db: AsyncSession,
    station: StationId,
    *,
    by: Actor,
    because: Ending = Ending.ASKED,
    now: datetime,
) -> Activation | None:
    """End the monitoring of a station at once; also when it moves or is refused.

    Returns:
        What ended; None if it was not monitored.
    """
    ended = await store.end_activation(
        db, station, by=by.id, by_name=by.name, because=because, now=now
    )
    if ended is None:
        return None
    event = MonitoringDeactivated(
        happened_at=now,
        station=station,
        organisation=ended.organisation,
        by=by.id,
        by_name=by.name,
        because=because,
    )
    await outbox.append(db, [event], recorded_at=now)
    await monitoring_tasks.switched(db, station, ended.organisation, is_on=False, by=by, now=now)
    await open_tickets.hand_back(db, station, by=by, now=now)
    return ended


async def evse_ids_changed(
    db: AsyncSession,
    station: StationId,
    before: Mapping[int, str | None],
    after: Mapping[int, str | None],
    *,
    now: datetime,
) -> None:
    """Ask for new stickers where a monitored station's charge points got other EVSE IDs."""
    found = (await active(db, [station])).get(station)
    if found is not None:
        await monitoring_tasks.evse_ids_changed(
            db, station, found.organisation, before, after, now=now
        )


async def active(db: AsyncSession, stations: Sequence[str]) -> Mapping[StationId, Activation]:
    """Return which of the stations are monitored now; for a page of another room."""
    return await store.active(db, stations) if stations else {}


async def activations(db: AsyncSession, station: StationId) -> list[Activation]:
    """Return all times at which a station was monitored, the oldest first."""
    return await store.activations(db, station)


# ------------------------------------------------------------------------------ technicians


async def technician(
    db: AsyncSession, station: StationId, organisation: OrganisationKey
) -> Technician | None:
    """Return who is sent to a station; what a former owner entered is not told to the next."""
    row = (await store.technicians(db, [station])).get(station)
    return Technician.of(row) if row is not None and row.organisation == organisation else None


async def set_technician(
    db: AsyncSession,
    station: StationId,
    organisation: OrganisationKey,
    wanted: Technician,
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Store who is sent to a station when a fault cannot be cleared from afar.

    Raises:
        InvalidInput: If he has no name, or neither a phone number nor a mail address.
    """
    if not 1 <= len(wanted.name.strip()) <= _LONGEST:
        raise InvalidInput("Say who is to be sent.", field="name")
    if not wanted.phone and not wanted.email:
        raise InvalidInput("Give a phone number or a mail address.", field="phone")
    if wanted.phone is not None and len(wanted.phone) > _LONGEST:
        raise InvalidInput("This is no phone number.", field="phone")
    if wanted.email is not None:
        check_address(wanted.email)
    await store.set_technician(db, station, organisation, wanted, by=by.id, now=now)


async def without_technician(db: AsyncSession, scope: Scope, *, limit: int) -> list[Activation]:
    """Return the monitored stations to which nobody can be sent: the open task of their owners."""
    keys = None if scope.organisations is None else sorted(scope.organisations)
    return await store.without_technician(db, keys, limit=limit)
