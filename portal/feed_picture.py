"""What the broker retains: stations, EVSEs and running transactions as the REST API shows them.

Made from the database alone, so a subscriber's picture is that of the database, whatever was lost
on the way.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE
from alerts import monitoring
from alerts.activation import Activation
from billing import books
from csms import charging, registry
from csms.charging import Transaction
from csms.connectivity import SilenceLimits
from csms.queue import FINAL, Command, CommandState, Failure
from csms.registry import Station
from csms.watching import NewReading
from foundation.identifiers import StationId, TransactionId
from portal import topics
from portal.api.commands import shown as shown_command
from portal.api.models import Answer, Moment, Quantity
from portal.api.stations import shown_station
from portal.api.transactions import shown_transaction
from portal.journal import Told

_PAGE = 200


class ReadingModel(Answer):
    """The newest values of a running transaction, in base units (Wh, W, A, V, percent)."""

    transaction_id: str
    measured_at: Moment
    energy_register_wh: Quantity | None
    values: list[dict[str, Any]]


Picture = dict[str, bytes]
"""Topic → retained payload."""


async def of_stations(
    db: AsyncSession, now: datetime, limits: SilenceLimits, stations: Collection[StationId]
) -> Picture:
    """Return the retained messages of some stations and their EVSEs."""
    if not stations:
        return {}
    found = await registry.stations(
        db, WHOLE, now, limits=limits, identities=sorted(stations), limit=len(stations)
    )
    return await _of_stations(db, found)


async def of_all_stations(
    db: AsyncSession, now: datetime, limits: SilenceLimits
) -> AsyncIterator[Picture]:
    """Yield the retained messages of all stations and their EVSEs, some at a time."""
    after: str | None = None
    while True:
        found = await registry.stations(db, WHOLE, now, limits=limits, after=after, limit=_PAGE)
        yield await _of_stations(db, found)
        if len(found) < _PAGE:
            return
        after = found[-1].identity


async def of_running_transactions(db: AsyncSession) -> AsyncIterator[Picture]:
    """Yield the retained messages of the transactions that go on, some at a time."""
    before: tuple[datetime, int] | None = None
    while True:
        found = await charging.transactions(
            db, WHOLE, states=("active",), before=before, limit=_PAGE
        )
        yield dict([await _of_transaction(db, each) for each in found])
        if len(found) < _PAGE:
            return
        before = (found[-1].started_at, found[-1].transaction_id)


async def of_transactions(
    db: AsyncSession, numbers: Collection[TransactionId]
) -> tuple[Picture, Picture]:
    """Return the messages of some transactions: of those that go on, and of those that ended."""
    running: Picture = {}
    ended: Picture = {}
    if numbers:
        for each in await charging.transactions(db, WHOLE, ids=sorted(numbers), limit=len(numbers)):
            topic, payload = await _of_transaction(db, each)
            (running if each.state == "active" else ended)[topic] = payload
    return running, ended


def command_at(command: Command, told: Told) -> str:
    """Return the command as JSON, as it was when it came into the state that an event tells of."""
    shown = shown_command(command)
    failure = told.payload["failure"]
    reached = [
        number
        for number, each in enumerate(shown.transitions, 1)
        if each.state.value == told.payload["state"] and each.at <= told.happened_at
    ]
    then = shown.model_copy(
        update={
            "state": CommandState(told.payload["state"]),
            "reason": None if failure is None else Failure(failure),
            "is_final": CommandState(told.payload["state"]) in FINAL,
            "transitions": shown.transitions[: max(reached, default=len(shown.transitions))],
        }
    )
    return then.model_dump_json()


def shown_reading(reading: NewReading) -> ReadingModel:
    """Return a reading as the feed shows it."""
    return ReadingModel(
        transaction_id=str(reading.transaction_id),
        measured_at=reading.measured_at,
        energy_register_wh=reading.energy_register_wh,
        values=reading.values,
    )


async def _of_stations(db: AsyncSession, found: Sequence[Station]) -> Picture:
    monitored = await monitoring.active(db, [each.identity for each in found])
    return {
        topic: payload
        for each in found
        for topic, payload in _of_station(each, monitored.get(each.identity)).items()
    }


def _of_station(station: Station, monitored: Activation | None) -> Picture:
    shown = shown_station(station, monitored)
    owner, identity = station.organisation, station.identity
    # What changes with every message of the station would make a message of every message.
    told = shown.model_dump_json(exclude={"evses", "last_heard_at"})
    found = {topics.state(owner, identity): told.encode()}
    for each in shown.evses:
        topic = topics.evse_status(owner, identity, each.evse_id)
        found[topic] = each.model_dump_json().encode()
    return found


async def _of_transaction(db: AsyncSession, each: Transaction) -> tuple[str, bytes]:
    billed = None
    if each.state != "active":
        billed = (await books.billed(db, [each.transaction_id])).get(each.transaction_id)
    topic = topics.transaction(each.owner, each.station, each.transaction_id)
    return topic, shown_transaction(each, billed).model_dump_json(by_alias=True).encode()
