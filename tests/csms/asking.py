"""Asking stations in tests: requests with one changed field, and what became of them."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from accounts.directory import WHOLE
from csms import outcomes, remote
from csms.queue import Command, CommandState, Request
from foundation.identifiers import OrganisationKey, StationId
from tests.csms.central import OWNER, Central, RawStation, eventually


def request(station: str, action: str, payload: Mapping[str, Any], **changed: Any) -> Request:
    """Return a request of an authorised person of the station's own organisation."""
    usual: dict[str, Any] = {
        "station": StationId(station),
        "action": action,
        "payload": payload,
        "asked_by": "key-1",
        "asked_by_name": "A key",
        "door": "api",
        "asker_organisation": OrganisationKey(OWNER),
        "reason": "api",
        "is_authorised": True,
    }
    return Request(**(usual | changed))


async def ask(
    central: Central, station: str, action: str, payload: Mapping[str, Any], **changed: Any
) -> Command:
    """Ask, a moment after everything that was before."""
    central.clock.at += timedelta(seconds=1)
    async with central.database.unit_of_work() as db:
        return await remote.ask(
            db, request(station, action, payload, **changed), now=central.clock.now()
        )


async def seen(central: Central, command: Command) -> Command:
    async with central.database.unit_of_work() as db:
        return await outcomes.command(db, command.id, WHOLE)


async def becomes(central: Central, command: Command, state: CommandState) -> Command:
    """Wait until a command is in a state."""

    async def there() -> Command | None:
        found = await seen(central, command)
        return found if found.state is state else None

    found = await eventually(there)
    assert found is not None
    return found


def states(command: Command) -> list[str]:
    return [each.state.value for each in command.transitions]


async def answer(station: RawStation, payload: Mapping[str, Any] | None = None) -> list[Any]:
    """Answer the next call of the central system; return it."""
    call = await station.next_asked()
    await station.send([3, call[1], payload or {"status": "Accepted"}])
    return call


async def nothing_more(station: RawStation) -> None:
    """Make sure that the central system asks nothing before it answers us."""
    await station.call("Heartbeat", {})
    await asyncio.sleep(0)
    assert station.asked == []
