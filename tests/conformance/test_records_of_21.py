"""2.1: what stations hold and tell beside sessions (B, F, G, M, N, O, R, S); what comes of it."""

import json
from typing import Any

import pytest

from csms import records
from csms.queue import CommandState
from csms.records import Held, Record, Telling, Told
from foundation.identifiers import StationId
from tests.conformance.paying_station import PayingStation, paying
from tests.csms.central import CARD, Central, eventually
from tests.pki import Authority

EFFECTIVE, ACCEPTED = CommandState.EFFECTIVE, CommandState.ACCEPTED
REJECTED = CommandState.REJECTED


@pytest.fixture
async def case(central: Central) -> PayingStation:
    return await paying(central)


async def held(case: PayingStation, kind: Held) -> list[Record]:
    async with case.central.database.unit_of_work() as db:
        return await records.held(db, StationId(case.identity), kind)


async def told(case: PayingStation, kind: Told) -> list[Telling]:
    async with case.central.database.unit_of_work() as db:
        return await records.tellings(db, StationId(case.identity), kind)


async def without_answer(case: PayingStation, payload: dict[str, Any]) -> None:
    """Send what is never answered (message type 6)."""
    frame = json.dumps([6, f"s-{payload['basetime']}", "NotifyPeriodicEventStream", payload])
    assert case.link is not None
    await case.link._socket.send(frame)  # type: ignore[attr-defined]


# --------------------------------------------------------------------------- N event streams

STREAM = {"id": 4, "variableMonitoringId": 71, "params": {"interval": 5, "values": 10}}


async def test_n_105_a_stream_is_opened_adjusted_and_closed_and_its_values_are_kept(
    case: PayingStation,
) -> None:
    opened = await case.call("OpenPeriodicEventStream", {"constantStreamData": STREAM})
    assert opened == {"status": "Accepted"}
    values = {
        "id": 4,
        "pending": 1,
        "basetime": case.now(),
        "data": [{"t": 0, "v": "230.1"}, {"t": 1.5, "v": "231"}],
    }
    for _ in range(2):  # sent again it is the same
        await without_answer(case, values)
    assert (await case.call("Heartbeat", {}))["currentTime"]  # it is never answered, all goes on

    async def there() -> list[Telling]:
        return await told(case, Told.STREAM_VALUES)

    [telling] = await eventually(there)
    assert telling.ref == "4"
    assert [each["v"] for each in telling.content["data"]] == ["230.1", "231"]
    command = await case.asked_for(
        "AdjustPeriodicEventStream", {"id": 4, "params": {"interval": 60}}
    )
    await case.becomes(command, EFFECTIVE)
    [stream] = await held(case, Held.EVENT_STREAM)
    assert (stream.content["params"], stream.state) == ({"interval": 60}, "Open")
    assert await case.call("ClosePeriodicEventStream", {"id": 4}) == {}
    assert [each.state for each in await held(case, Held.EVENT_STREAM)] == ["Closed"]


async def test_n_107_which_streams_are_open_is_taken_from_the_answer(case: PayingStation) -> None:
    await case.call("OpenPeriodicEventStream", {"constantStreamData": STREAM | {"id": 9}})
    answer = {
        "constant_stream_data": [
            {"id": 4, "variable_monitoring_id": 71, "params": {"interval": 5, "values": 10}}
        ]
    }
    command = await case.asked_for("GetPeriodicEventStream", {}, answer)
    await case.becomes(command, EFFECTIVE)
    found = {each.key: each.state for each in await held(case, Held.EVENT_STREAM)}
    assert found == {"4": "Open", "9": "Closed"}


# ------------------------------------------------------------------------------------- R DER


def control(name: str) -> dict[str, Any]:
    return {
        "isDefault": False,
        "controlId": name,
        "controlType": "LimitMaxDischarge",
        "limitMaxDischarge": {"priority": 1, "pctMaxDischargePower": 60},
    }


async def test_r_107_der_controls_are_set_joined_from_reports_and_cleared(
    case: PayingStation,
) -> None:
    await case.becomes(await case.asked_for("SetDERControl", control("one")), EFFECTIVE)
    superseding = {"status": "Accepted", "superseded_ids": ["one"]}
    command = await case.asked_for("SetDERControl", control("two"), superseding)
    await case.becomes(command, EFFECTIVE)
    found = {each.key: each.state for each in await held(case, Held.DER_CONTROL)}
    assert found == {"one": "Superseded", "two": None}
    command = await case.asked_for("GetDERControl", {"requestId": 31})
    limit = {"id": "three", "isDefault": True, "isSuperseded": False}
    gradient = {"id": "four"}
    parts: list[dict[str, Any]] = [
        {"limitMaxDischarge": [limit | {"limitMaxDischarge": {"priority": 2}}]},
        {"gradient": [gradient | {"gradient": {"priority": 1, "gradient": 2, "softGradient": 1}}]},
    ]
    for number, part in enumerate(parts):
        assert (
            await case.call("ReportDERControl", {"requestId": 31, "tbc": number == 0} | part) == {}
        )
    await case.becomes(command, EFFECTIVE)
    kinds = {each.key: each.content["controlType"] for each in await held(case, Held.DER_CONTROL)}
    assert kinds["three"] == "LimitMaxDischarge"
    assert kinds["four"] == "Gradients"
    command = await case.asked_for("ClearDERControl", {"isDefault": True})
    await case.becomes(command, EFFECTIVE)
    assert [each.key for each in await held(case, Held.DER_CONTROL)] == ["four", "one", "two"]
    refused = await case.asked_for("SetDERControl", control("five"), {"status": "NotSupported"})
    await case.becomes(refused, REJECTED)
    assert [each.key for each in await held(case, Held.DER_CONTROL)] == ["four", "one", "two"]


async def test_r_108_a_der_event_is_kept_and_changes_the_control(case: PayingStation) -> None:
    await case.becomes(await case.asked_for("SetDERControl", control("one")), EFFECTIVE)
    alarm = {"controlType": "LimitMaxDischarge", "gridEventFault": "OverVoltage"}
    assert await case.call("NotifyDERAlarm", alarm | {"timestamp": case.now()}) == {}
    ended = alarm | {"timestamp": case.now(), "alarmEnded": True}
    assert await case.call("NotifyDERAlarm", ended) == {}
    newest, older = await told(case, Told.DER_ALARM)
    assert newest.content["alarmEnded"] is True
    assert older.content["gridEventFault"] == "OverVoltage"
    for started in (True, False):
        said = {"controlId": "one", "started": started, "timestamp": case.now()}
        assert await case.call("NotifyDERStartStop", said) == {}
        [one] = await held(case, Held.DER_CONTROL)
        assert one.state == ("Started" if started else "Stopped")
    assert len(await told(case, Told.DER_START_STOP)) == 2


# ---------------------------------------------------------------------------- S battery swap

SWAP = {"idToken": {"idToken": CARD, "type": "ISO14443"}, "requestId": 77}


async def test_s_102_not_enough_batteries(case: PayingStation) -> None:
    answer = {"status": "Rejected", "status_info": {"reason_code": "NoBatteryAvailable"}}
    command = await case.asked_for("RequestBatterySwap", SWAP, answer)
    refused = await case.becomes(command, REJECTED)
    assert refused.answer is not None
    assert refused.answer["statusInfo"] == {"reasonCode": "NoBatteryAvailable"}
    assert await told(case, Told.BATTERY_SWAP) == []


async def test_s_103_batteries_go_in_and_out_under_one_request(case: PayingStation) -> None:
    command = await case.asked_for("RequestBatterySwap", SWAP)
    await case.becomes(command, EFFECTIVE)
    battery = {"evseId": 1, "serialNumber": "B-1", "soC": 12, "soH": 97}
    fresh = {"evseId": 2, "serialNumber": "B-2", "soC": 98, "soH": 99}
    coming = SWAP | {"eventType": "BatteryIn", "batteryData": [battery]}
    going = SWAP | {"eventType": "BatteryOut", "batteryData": [fresh]}
    for said in (coming, coming, going):
        assert await case.call("BatterySwap", said) == {}
    newest, older = await told(case, Told.BATTERY_SWAP)
    assert (newest.ref, older.ref) == ("77", "77")
    swapped = {
        each.content["eventType"]: each.content["batteryData"][0]["serialNumber"]
        for each in (newest, older)
    }
    assert swapped == {"BatteryIn": "B-1", "BatteryOut": "B-2"}


# -------------------------------------------------------------------------- O display messages


def message(number: int = 3, language: str = "en") -> dict[str, Any]:
    text = {"format": "UTF8", "language": language, "content": "Welcome"}
    return {"id": number, "priority": "NormalCycle", "state": "Idle", "message": text}


async def test_o_100_a_language_that_the_station_does_not_have(case: PayingStation) -> None:
    await case.becomes(await case.asked_for("SetDisplayMessage", {"message": message()}), EFFECTIVE)
    command = await case.asked_for(
        "SetDisplayMessage",
        {"message": message(language="xx")},
        {"status": "LanguageNotSupported"},
    )
    refused = await case.becomes(command, REJECTED)
    assert refused.answer == {"status": "LanguageNotSupported"}
    [shown] = await held(case, Held.DISPLAY_MESSAGE)
    assert shown.content["message"]["language"] == "en"  # what it showed stays


async def test_o_02_o_04_and_o_12_messages_that_a_station_holds_are_known(
    case: PayingStation,
) -> None:
    for number in (3, 4, 5):
        asked = await case.asked_for("SetDisplayMessage", {"message": message(number)})
        await case.becomes(asked, EFFECTIVE)
    await case.becomes(await case.asked_for("ClearDisplayMessage", {"id": 4}), EFFECTIVE)
    assert [each.key for each in await held(case, Held.DISPLAY_MESSAGE)] == ["3", "5"]
    case.now()
    command = await case.asked_for("GetDisplayMessages", {"requestId": 15})
    for part, number in enumerate((3, 8)):
        said = {"requestId": 15, "tbc": part == 0, "messageInfo": [message(number)]}
        case.now()
        assert await case.call("NotifyDisplayMessages", said) == {}
    await case.becomes(command, EFFECTIVE)
    assert [each.key for each in await held(case, Held.DISPLAY_MESSAGE)] == ["3", "8"]


# -------------------------------------------------------------- B, F, M and N: what is asked


async def test_f_100_a_message_of_the_makers_own_is_triggered(case: PayingStation) -> None:
    payload = {"requestedMessage": "CustomTrigger", "customTrigger": "Temperatures"}
    command = await case.asked_for("TriggerMessage", payload)
    assert (await case.was_asked("TriggerMessage"))["custom_trigger"] == "Temperatures"
    await case.becomes(command, EFFECTIVE)


async def test_m_101_the_root_of_vehicle_makers_is_installed(
    case: PayingStation,
) -> None:
    payload = {"certificateType": "OEMRootCertificate", "certificate": Authority.root().pem}
    command = await case.asked_for("InstallCertificate", payload)
    await case.becomes(command, EFFECTIVE)
    rows = await case.central.rows(
        "select kind, source from station_certificates where station = :station",
        station=case.identity,
    )
    assert [(each["kind"], each["source"]) for each in rows] == [
        ("OEMRootCertificate", "installed")
    ]


async def test_b_103_and_b_104_a_reset_that_goes_on_where_it_was(case: PayingStation) -> None:
    await case.begin()
    before = await case.transaction()
    command = await case.asked_for("Reset", {"type": "ImmediateAndResume"})
    assert (await case.was_asked("Reset"))["type"] == "ImmediateAndResume"
    await case.becomes(command, ACCEPTED)
    await case.connect()
    case.now()
    station = {"vendorName": "Test", "model": "Case"}
    await case.call("BootNotification", {"reason": "RemoteReset", "chargingStation": station})
    await case.becomes(command, EFFECTIVE)
    await case.event("Updated", "TxResumed", "Charging")
    assert (await case.transaction()).transaction_id == before.transaction_id
    await case.end()
    idle = await case.asked_for("Reset", {"type": "ImmediateAndResume"})
    await case.becomes(idle, ACCEPTED)
    case.now()
    await case.call("BootNotification", {"reason": "RemoteReset", "chargingStation": station})
    await case.becomes(idle, EFFECTIVE)


async def test_g_01_the_state_of_a_connector_by_both_messages(case: PayingStation) -> None:
    await case.status("Occupied")
    assert await case.shown() == "Occupied"
    event = {
        "eventId": 1,
        "timestamp": case.now(),
        "trigger": "Delta",
        "actualValue": "Available",
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": "Connector", "evse": {"id": 1, "connectorId": 1}},
        "variable": {"name": "AvailabilityState"},
    }
    said = {"generatedAt": case.now(), "seqNo": 0, "eventData": [event]}
    assert await case.call("NotifyEvent", said) == {}
    assert await case.shown() == "Available"
    event |= {"eventId": 2, "actualValue": "Unheard", "timestamp": case.now()}
    assert await case.call("NotifyEvent", said | {"eventData": [event]}) == {}
    assert await case.shown() == "Available"


async def test_b_105_a_network_slot_is_built_by_variables(case: PayingStation) -> None:
    slot = {"name": "NetworkConfiguration", "instance": "2"}
    wanted = {
        "OcppVersion": "OCPP21",
        "OcppInterface": "Wired0",
        "OcppTransport": "JSON",
        "MessageTimeout": "30",
        "OcppCsmsUrl": "wss://csms.example/ocpp",
        "SecurityProfile": "2",
        "ApnEnabled": "false",
        "VpnEnabled": "false",
    }
    data = [
        {"component": slot, "variable": {"name": name}, "attributeValue": value}
        for name, value in wanted.items()
    ]
    command = await case.asked_for("SetVariables", {"setVariableData": data})
    await case.becomes(command, EFFECTIVE)
    assert {name.rpartition("/")[2]: value for name, value in case.told.items()} == wanted


async def test_n_104_a_monitor_of_a_difference_from_its_target_is_reported(
    case: PayingStation,
) -> None:
    criteria = {"requestId": 41, "monitoringCriteria": ["ThresholdMonitoring", "DeltaMonitoring"]}
    command = await case.asked_for("GetMonitoringReport", criteria)
    await case.becomes(command, ACCEPTED)
    monitor = {
        "id": 71,
        "transaction": False,
        "value": 5,
        "type": "TargetDelta",
        "severity": 4,
        "eventNotificationType": "CustomMonitor",
    }
    told = {
        "component": {"name": "ChargingStation"},
        "variable": {"name": "Temperature"},
        "variableMonitoring": [monitor],
    }
    said = {"requestId": 41, "seqNo": 0, "generatedAt": case.now(), "monitor": [told]}
    assert await case.call("NotifyMonitoringReport", said) == {}
    await case.becomes(command, EFFECTIVE)
    [kept] = await held(case, Held.MONITOR)
    assert (kept.key, kept.content["type"]) == ("71", "TargetDelta")
    assert kept.content["variable"] == {"name": "Temperature"}
    answer = {"clear_monitoring_result": [{"id": 71, "status": "Accepted"}]}
    cleared = await case.asked_for("ClearVariableMonitoring", {"id": [71]}, answer)
    await case.becomes(cleared, EFFECTIVE)
    assert await held(case, Held.MONITOR) == []
