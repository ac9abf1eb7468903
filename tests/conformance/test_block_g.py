"""2.0.1: availability (G), each case by what is shown of which EVSE."""

from datetime import timedelta
from typing import Any

import pytest
from ocpp.charge_point import camel_to_snake_case

from csms.queue import CommandState
from foundation.events import FaultCleared, FaultReported
from tests.conformance.charging_station import ChargingStation, booted
from tests.csms.central import Central

EFFECTIVE, ACCEPTED = CommandState.EFFECTIVE, CommandState.ACCEPTED


@pytest.fixture
async def case(central: Central) -> ChargingStation:
    return await booted(central)


async def availability(case: ChargingStation, evse: int, word: str, way: str) -> None:
    """Tell the state of an EVSE's connector in one of the two ways that G01 has."""
    if way == "StatusNotification":
        await case.status(word, evse=evse)
        return
    told = {
        "eventId": 1,
        "timestamp": case.now(),
        "trigger": "Delta",
        "actualValue": word,
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": "Connector", "evse": {"id": evse, "connectorId": 1}},
        "variable": {"name": "AvailabilityState"},
    }
    said = {"generatedAt": case.now(), "seqNo": 0, "eventData": [told]}
    assert await case.call("NotifyEvent", said) == {}


@pytest.mark.parametrize("way", ["StatusNotification", "NotifyEvent"])
@pytest.mark.parametrize(
    ("number", "evse"),
    [
        ("g_03_and_04", {"id": 1}),
        ("g_05_and_06", None),
        ("g_07_and_08", {"id": 1, "connectorId": 1}),
    ],
)
async def test_g_03_to_g_08_out_of_service_and_back(
    case: ChargingStation, number: str, evse: dict[str, int] | None, way: str
) -> None:
    await case.status("Occupied", evse=2)
    for word, shown in (("Inoperative", "Unavailable"), ("Operative", "Available")):
        payload: dict[str, Any] = {"operationalStatus": word}
        if evse is not None:
            payload["evse"] = evse
        command = await case.asked_for("ChangeAvailability", payload)
        asked = await case.was_asked("ChangeAvailability", 1 if word == "Inoperative" else 2)
        assert asked == payload_as_sent(word, evse)
        await case.becomes(command, ACCEPTED)
        if evse is None:  # half of it is not the whole
            await availability(case, 2, shown, way)
            await case.central.system.commanding.tick()
            await case.becomes(command, ACCEPTED)
        await availability(case, 1, shown, way)
        await case.becomes(command, EFFECTIVE)
        other = shown if evse is None else "Occupied"
        assert (await case.shown(1), await case.shown(2)) == (shown, other)


def payload_as_sent(word: str, evse: dict[str, int] | None) -> dict[str, Any]:
    """ChangeAvailability in the names of the station's package."""
    sent: dict[str, Any] = {"operational_status": word}
    if evse is not None:
        sent["evse"] = camel_to_snake_case(evse)
    return sent


@pytest.mark.parametrize(
    ("number", "evse"),
    [("g_11", {"id": 1}), ("g_14", None), ("g_17", {"id": 1, "connectorId": 1})],
)
async def test_g_11_14_and_17_the_change_waits_for_the_transaction(
    case: ChargingStation, number: str, evse: dict[str, int] | None
) -> None:
    await case.status("Available", evse=2)
    await case.status("Occupied")
    await case.begin()
    payload: dict[str, Any] = {"operationalStatus": "Inoperative"}
    if evse is not None:
        payload["evse"] = evse
    command = await case.asked_for("ChangeAvailability", payload, {"status": "Scheduled"})
    assert await case.was_asked("ChangeAvailability") == payload_as_sent("Inoperative", evse)
    if evse is None:  # nobody charges there: at once
        await case.status("Unavailable", evse=2)
    case.central.clock.advance(timedelta(hours=3))
    await case.central.system.commanding.tick()
    await case.becomes(command, ACCEPTED)
    assert (await case.transaction()).state == "active"
    assert await case.shown() == "Occupied"
    await case.end()
    await case.status("Unavailable")
    await case.becomes(command, EFFECTIVE)
    assert (await case.transaction()).state == "ended"
    assert await case.shown() == "Unavailable"
    assert await case.shown(2) == ("Unavailable" if evse is None else "Available")


async def test_g_20_a_lock_that_fails(case: ChargingStation) -> None:
    told = {
        "eventId": 7,
        "timestamp": case.now(),
        "trigger": "Alerting",
        "actualValue": "true",
        "eventNotificationType": "HardWiredMonitor",
        "component": {
            "name": "ConnectorPlugRetentionLock",
            "evse": {"id": 1, "connectorId": 1},
        },
        "variable": {"name": "Problem"},
    }
    said = {"generatedAt": case.now(), "seqNo": 0, "eventData": [told]}
    assert await case.call("NotifyEvent", said) == {}
    [fault] = await case.central.told(FaultReported, about=case.identity)
    assert (fault.error_code, fault.evse_id, fault.connector_id) == ("ConnectorLockFailure", 1, 1)
    over = told | {"eventId": 8, "timestamp": case.now(), "actualValue": "false", "cleared": True}
    said = {"generatedAt": case.now(), "seqNo": 0, "eventData": [over]}
    assert await case.call("NotifyEvent", said) == {}
    [cleared] = await case.central.told(FaultCleared, about=case.identity)
    assert (cleared.error_code, cleared.evse_id) == ("ConnectorLockFailure", 1)
