"""2.1: sessions that are resumed (E) and the log that collects values (N); what comes of it."""

import pytest

from csms.queue import CommandState
from tests.conformance.case import is_our_place, with_file_places
from tests.conformance.charging_station import sample
from tests.conformance.paying_station import PayingStation, paying
from tests.csms.central import Central, wh


@pytest.fixture
async def case(central: Central) -> PayingStation:
    with_file_places(central)
    return await paying(central)


async def test_e_113_a_resumed_transaction_is_the_one_before(case: PayingStation) -> None:
    await case.begin(wh=1000)
    await case.event("Updated", "AbnormalCondition", "SuspendedEVSE")
    before = await case.transaction()
    assert before.charging_state == "SuspendedEVSE"
    case.drop()
    await case.connect()
    assert (await case.boot())["status"] == "Accepted"
    await case.event(
        "Updated",
        "TxResumed",
        "Charging",
        meterValue=[sample(1500, "Sample.Periodic", case.now())],
    )
    resumed = await case.transaction()
    assert (resumed.transaction_id, resumed.state, resumed.charging_state) == (
        before.transaction_id,
        "active",
        "Charging",
    )
    await case.end(wh=5000)
    over = await case.transaction()
    assert (over.transaction_id, over.state) == (before.transaction_id, "ended")
    assert over.energy_wh == wh(4000)


async def test_n_100_a_log_of_collected_values_is_sent_and_what_it_tells_meanwhile_is_kept(
    case: PayingStation,
) -> None:
    command = await case.asked_for(
        "GetLog", {"logType": "DataCollectorLog", "requestId": 91, "log": {"remoteLocation": ""}}
    )
    asked = await case.was_asked("GetLog")
    assert asked["log_type"] == "DataCollectorLog"
    assert is_our_place(asked["log"]["remote_location"])
    told = {
        "eventId": 1,
        "timestamp": case.now(),
        "trigger": "Periodic",
        "actualValue": "231.4",
        "eventNotificationType": "CustomMonitor",
        "variableMonitoringId": 71,
        "component": {"name": "EVSE", "evse": {"id": 1}},
        "variable": {"name": "Voltage"},
    }
    said = {"generatedAt": case.now(), "seqNo": 0, "eventData": [told]}
    assert await case.call("NotifyEvent", said) == {}
    await case.tells("LogStatusNotification", 91, "Uploading", "Uploaded")
    await case.becomes(command, CommandState.EFFECTIVE)
    assert await case.steps("log", 91) == ["Uploading", "Uploaded"]
    [kept] = await case.central.rows(
        "select details from station_events where station = :station", station=case.identity
    )
    details = kept["details"]
    assert (details["component"], details["variable"]) == ("EVSE", "Voltage")
    assert (details["actual_value"], details["evse_id"]) == ("231.4", 1)
