"""2.0.1: diagnostics, monitoring and customers' data (N), each by what comes of it."""

from decimal import Decimal
from typing import Any

import pytest
from ocpp.charge_point import camel_to_snake_case

from csms import customer_information
from csms.customer_information import CustomerReport
from csms.queue import Command, CommandState
from csms.records import Held
from foundation.events import FaultCleared, FaultReported
from tests.conformance.case import is_our_place, with_file_places
from tests.conformance.charging_station import TOKEN, ChargingStation, booted
from tests.csms.central import CARD, Central

EFFECTIVE, ACCEPTED = CommandState.EFFECTIVE, CommandState.ACCEPTED
REJECTED, FAILED = CommandState.REJECTED, CommandState.FAILED
OTHER = {"idToken": "OTHER", "type": "ISO14443"}


@pytest.fixture
async def case(central: Central) -> ChargingStation:
    with_file_places(central)
    return await booted(central)


def monitor_of(component: str) -> dict[str, Any]:
    return {
        "type": "UpperThreshold",
        "severity": 5,
        "component": {"name": component},
        "variable": {"name": "Power"},
    }


async def set_monitors(
    case: ChargingStation, *components: str, refused: str | None = None
) -> list[dict[str, Any]]:
    """Let it watch the power of components, by monitors from 30 on; return what was asked for."""
    wanted = [{"value": 20} | monitor_of(each) for each in components]
    results = [
        monitor_of(each)
        | ({"status": "Rejected"} if each == refused else {"status": "Accepted", "id": number})
        for number, each in enumerate(components, start=30)
    ]
    command = await case.asked_for(
        "SetVariableMonitoring",
        {"setMonitoringData": wanted},
        {"set_monitoring_result": results},
    )
    await case.becomes(command, EFFECTIVE if refused is None else REJECTED)
    return wanted


@pytest.mark.parametrize(
    ("number", "more"),
    [
        ("n_01", {"monitoringCriteria": ["DeltaMonitoring"]}),
        (
            "n_02",
            {"componentVariable": [{"component": {"name": "EVSE"}, "variable": {"name": "Power"}}]},
        ),
        (
            "n_03_and_n_60",
            {
                "monitoringCriteria": ["ThresholdMonitoring"],
                "componentVariable": [
                    {"component": {"name": "EVSE"}, "variable": {"name": "Power"}},
                    {"component": {"name": "Connector"}, "variable": {"name": "Available"}},
                ],
            },
        ),
        ("n_47", {}),
    ],
)
async def test_n_01_02_03_47_and_60_monitors_are_reported(
    case: ChargingStation, number: str, more: dict[str, Any]
) -> None:
    await set_monitors(case, "FiscalMetering")
    command = await case.asked_for("GetMonitoringReport", {"requestId": 71} | more)
    asked = camel_to_snake_case({"requestId": 71} | more)
    assert await case.was_asked("GetMonitoringReport") == asked
    await case.becomes(command, ACCEPTED)
    is_delta = more.get("monitoringCriteria") == ["DeltaMonitoring"]
    for part in range(2):
        monitor = {
            "id": part,
            "transaction": False,
            "value": 20.0,
            "type": "Delta" if is_delta else "UpperThreshold",
            "severity": 5,
        }
        data = {
            "component": {"name": "EVSE"},
            "variable": {"name": "Power"},
            "variableMonitoring": [monitor],
        }
        said = {
            "requestId": 71,
            "seqNo": part,
            "tbc": part == 0,
            "generatedAt": case.now(),
            "monitor": [data],
        }
        assert await case.call("NotifyMonitoringReport", said) == {}
    await case.becomes(command, EFFECTIVE)
    known = {
        each.key: (each.content["component"]["name"], Decimal(each.content["value"]))
        for each in await case.held(Held.MONITOR)
    }
    before = {} if not more else {"30": ("FiscalMetering", Decimal(20))}
    assert known == before | {"0": ("EVSE", Decimal(20)), "1": ("EVSE", Decimal(20))}, (
        "only a report of all tells of what is no more"
    )


@pytest.mark.parametrize(
    ("base", "left"), [("All", ["30"]), ("FactoryDefault", []), ("HardWiredOnly", [])]
)
async def test_n_05_the_monitoring_base(case: ChargingStation, base: str, left: list[str]) -> None:
    await set_monitors(case, "EVSE")
    command = await case.asked_for("SetMonitoringBase", {"monitoringBase": base})
    assert await case.was_asked("SetMonitoringBase") == {"monitoring_base": base}
    await case.becomes(command, EFFECTIVE)
    assert [each.key for each in await case.held(Held.MONITOR)] == left, "only All keeps ours"


@pytest.mark.parametrize("count", [1, 2], ids=["n_08", "n_09"])
async def test_n_08_and_n_09_monitors_are_set(case: ChargingStation, count: int) -> None:
    names = ["EVSE", "Connector"][:count]
    wanted = await set_monitors(case, *names)
    sent = (await case.was_asked("SetVariableMonitoring"))["set_monitoring_data"]
    assert [(each["component"]["name"], each["value"]) for each in sent] == [
        (each, 20) for each in names
    ]
    kept = {each.key: each.content for each in await case.held(Held.MONITOR)}
    assert kept == {str(30 + place): each | {"id": 30 + place} for place, each in enumerate(wanted)}


async def test_a_monitor_that_the_station_refuses_is_not_kept(case: ChargingStation) -> None:
    await set_monitors(case, "EVSE", "Cabinet", refused="Cabinet")
    assert [each.content["component"]["name"] for each in await case.held(Held.MONITOR)] == ["EVSE"]


@pytest.mark.parametrize(
    ("number", "severity", "answer", "state"),
    [("n_16", 4, "Accepted", EFFECTIVE), ("n_17", 9, "Rejected", REJECTED)],
)
async def test_n_16_and_n_17_the_monitoring_level(
    case: ChargingStation, number: str, severity: int, answer: str, state: CommandState
) -> None:
    command = await case.asked_for("SetMonitoringLevel", {"severity": severity}, {"status": answer})
    assert await case.was_asked("SetMonitoringLevel") == {"severity": severity}
    assert (await case.becomes(command, state)).answer == {"status": answer}


async def alerts(case: ChargingStation, monitor: int) -> None:
    """Tell that it is hot, before it boots again."""
    told = {
        "eventId": 9,
        "timestamp": case.now(),
        "trigger": "Alerting",
        "actualValue": "60",
        "eventNotificationType": "CustomMonitor",
        "variableMonitoringId": monitor,
        "component": {"name": "Cabinet"},
        "variable": {"name": "Temperature"},
    }
    said = {"generatedAt": case.now(), "seqNo": 0, "eventData": [told]}
    assert await case.call("NotifyEvent", said) == {}


@pytest.mark.parametrize(
    ("number", "trigger", "kind", "more", "wrong"),
    [
        ("n_21", "Alerting", "HardWiredMonitor", {}, "Temperature = 21"),
        ("n_24", "Periodic", "CustomMonitor", {"variableMonitoringId": 1}, None),
        ("n_48", "Alerting", "CustomMonitor", {"actualValue": "", "variableMonitoringId": 2}, ""),
        (
            "n_49",
            "Alerting",
            "CustomMonitor",
            {"cleared": True, "variableMonitoringId": 3},
            "Temperature = 60",
        ),
        ("n_50", "Periodic", "CustomMonitor", {"variableMonitoringId": 4}, "Temperature = 60"),
    ],
)
async def test_n_21_24_48_49_and_50_events_of_monitors_are_kept(
    case: ChargingStation,
    number: str,
    trigger: str,
    kind: str,
    more: dict[str, Any],
    wrong: str | None,
) -> None:
    """An alert is a fault, until it is cleared; what a monitor tells every hour is none."""
    if number in ("n_49", "n_50"):
        await alerts(case, more["variableMonitoringId"])
        assert (await case.boot())["status"] == "Accepted"
    told = {
        "eventId": 1,
        "timestamp": case.now(),
        "trigger": trigger,
        "actualValue": "21",
        "eventNotificationType": kind,
        "component": {"name": "Cabinet"},
        "variable": {"name": "Temperature"},
    } | more
    said = {"generatedAt": case.now(), "seqNo": 0, "eventData": [told]}
    assert await case.call("NotifyEvent", said) == {}
    *_, kept = await case.central.rows(
        "select details from station_events where station = :station order by id",
        station=case.identity,
    )
    details = kept["details"]
    assert (details["component"], details["variable"]) == ("Cabinet", "Temperature")
    assert (details["actual_value"], details["trigger"]) == (told["actualValue"], trigger)
    assert details["cleared"] is told.get("cleared", False)
    faults = await case.central.told(FaultReported, about=case.identity)
    name = "Cabinet.Temperature"
    assert [(each.error_code, each.info or "") for each in faults] == (
        [] if wrong is None else [(name, wrong)]
    )
    over = await case.central.told(FaultCleared, about=case.identity)
    assert [each.error_code for each in over] == ([name] if "cleared" in more else [])


@pytest.mark.parametrize(("number", "kind"), [("n_25", "DiagnosticsLog"), ("n_35", "SecurityLog")])
async def test_n_25_and_n_35_a_log_is_sent_to_a_place_of_ours(
    case: ChargingStation, number: str, kind: str
) -> None:
    command = await case.asked_for(
        "GetLog", {"logType": kind, "requestId": 81, "log": {"remoteLocation": ""}}
    )
    asked = await case.was_asked("GetLog")
    assert is_our_place(asked["log"]["remote_location"])
    await case.tells("LogStatusNotification", 81, "Uploading", "Uploaded")
    await case.becomes(command, EFFECTIVE)
    assert await case.steps("log", 81) == ["Uploading", "Uploaded"]


async def test_n_34_a_log_that_it_does_not_send(case: ChargingStation) -> None:
    command = await case.asked_for(
        "GetLog",
        {"logType": "DiagnosticsLog", "requestId": 82, "log": {"remoteLocation": ""}},
        {"status": "Rejected"},
    )
    assert is_our_place((await case.was_asked("GetLog"))["log"]["remote_location"])
    assert (await case.becomes(command, REJECTED)).answer == {"status": "Rejected"}
    assert await case.heard_of("log") == [], "nothing is on its way"


async def test_n_36_a_second_request_takes_the_place_of_the_first(case: ChargingStation) -> None:
    payload = {"logType": "DiagnosticsLog", "requestId": 83, "log": {"remoteLocation": ""}}
    first = await case.asked_for("GetLog", payload)
    await case.tells("LogStatusNotification", 83, "Uploading")
    second = await case.asked_for(
        "GetLog", payload | {"requestId": 84}, {"status": "AcceptedCanceled"}
    )
    await case.tells("LogStatusNotification", 83, "AcceptedCanceled")
    await case.tells("LogStatusNotification", 84, "Uploading", "Uploaded")
    await case.becomes(second, EFFECTIVE)
    await case.becomes(first, FAILED)
    assert await case.steps("log", 83) == ["Uploading", "AcceptedCanceled"]
    assert await case.steps("log", 84) == ["Uploading", "Uploaded"]


async def told_of_customer(case: ChargingStation, command: Command) -> CustomerReport | None:
    async with case.central.database.unit_of_work() as db:
        return await customer_information.told_for(db, command)


@pytest.mark.parametrize(
    ("number", "report", "clear", "data"),
    [
        ("n_27", True, False, "name=Driver"),
        ("n_28", True, False, ""),
        ("n_30", True, True, "name=Driver"),
        ("n_31", True, True, ""),
        ("n_32", False, True, None),
    ],
)
async def test_n_27_28_and_30_to_32_customer_information(
    case: ChargingStation, number: str, report: bool, clear: bool, data: str | None
) -> None:
    command = await case.asked_for(
        "CustomerInformation",
        {"requestId": 91, "report": report, "clear": clear, "idToken": TOKEN},
    )
    asked = await case.was_asked("CustomerInformation")
    assert (asked["report"], asked["clear"], asked["id_token"]["id_token"]) == (
        report,
        clear,
        CARD,
    )
    if data is not None:
        for seq_no, part in enumerate((data[:3], data[3:])):
            said: dict[str, Any] = {"requestId": 91, "seqNo": seq_no, "data": part}
            said |= {"generatedAt": case.now(), "tbc": seq_no == 0}
            assert await case.call("NotifyCustomerInformation", said) == {}
    done = await case.becomes(command, EFFECTIVE)
    told = await told_of_customer(case, done)
    assert (None if told is None else (told.data, told.parts, told.is_whole)) == (
        None if data is None else (data, 2, True)
    )
    assert done.answer == {"status": "Accepted"}


async def test_n_29_customer_information_that_it_does_not_give(case: ChargingStation) -> None:
    command = await case.asked_for(
        "CustomerInformation",
        {"requestId": 92, "report": True, "clear": False, "idToken": TOKEN},
        {"status": "Rejected"},
    )
    done = await case.becomes(command, REJECTED)
    assert done.answer == {"status": "Rejected"}
    assert await told_of_customer(case, done) is None


async def test_n_44_a_monitor_that_cannot_be_cleared(case: ChargingStation) -> None:
    await set_monitors(case, "EVSE", "Connector", "Cabinet")
    results = [
        {"status": word, "id": 30 + place}
        for place, word in enumerate(("Rejected", "Accepted", "NotFound"))
    ]
    command = await case.asked_for(
        "ClearVariableMonitoring", {"id": [30, 31, 32]}, {"clear_monitoring_result": results}
    )
    done = await case.becomes(command, REJECTED)
    assert done.answer == {"clearMonitoringResult": results}
    assert [each.key for each in await case.held(Held.MONITOR)] == ["30"], "it is hard-wired"


async def test_n_46_a_cleared_customer_leaves_the_local_list(case: ChargingStation) -> None:
    entries = [{"idToken": each, "idTokenInfo": {"status": "Accepted"}} for each in (TOKEN, OTHER)]
    full = {"versionNumber": 4, "updateType": "Full", "localAuthorizationList": entries}
    case.answers["GetLocalListVersion"] = {"version_number": 4}
    await case.becomes(await case.asked_for("SendLocalList", full), EFFECTIVE)
    assert set((await case.local_list()).entries) == {CARD, "OTHER"}
    cleared = await case.asked_for(
        "CustomerInformation",
        {"requestId": 93, "report": False, "clear": True, "idToken": TOKEN},
    )
    await case.becomes(cleared, EFFECTIVE)
    case.answers["GetLocalListVersion"] = {"version_number": 5}
    command = await case.asked_for(
        "SendLocalList",
        {
            "versionNumber": 5,
            "updateType": "Differential",
            "localAuthorizationList": [{"idToken": TOKEN}],
        },
    )
    [entry] = (await case.was_asked("SendLocalList", 2))["local_authorization_list"]
    assert entry == {"id_token": {"id_token": CARD, "type": "ISO14443"}}
    await case.becomes(command, EFFECTIVE)
    kept = await case.local_list()
    assert (kept.version, set(kept.entries)) == (5, {"OTHER"})


@pytest.mark.parametrize(
    ("number", "of"),
    [
        ("n_62", {"customerIdentifier": "driver-17"}),
        (
            "n_63",
            {
                "customerCertificate": {
                    "hashAlgorithm": "SHA256",
                    "issuerNameHash": "aa",
                    "issuerKeyHash": "bb",
                    "serialNumber": "01",
                }
            },
        ),
    ],
)
async def test_n_62_and_n_63_a_customer_by_identifier_or_certificate(
    case: ChargingStation, number: str, of: dict[str, Any]
) -> None:
    command = await case.asked_for(
        "CustomerInformation", {"requestId": 94, "report": True, "clear": True} | of
    )
    asked = await case.was_asked("CustomerInformation")
    assert "customer_identifier" in asked or "customer_certificate" in asked
    data = f"known as {number}"
    said = {"requestId": 94, "seqNo": 0, "data": data, "generatedAt": case.now(), "tbc": False}
    assert await case.call("NotifyCustomerInformation", said) == {}
    told = await told_of_customer(case, await case.becomes(command, EFFECTIVE))
    assert told is not None
    assert (told.data, told.is_whole) == (data, True)
