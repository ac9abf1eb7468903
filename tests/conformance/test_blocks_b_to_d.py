"""2.0.1: provisioning (B), authorisation (C) and local lists (D), each by what comes of it."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.directory import WHOLE
from csms import administration, equipment
from csms.administration import StationSettings
from csms.queue import CommandState, Failure
from csms.records import Held
from csms.reports import OcppVersion
from foundation.identifiers import StationId
from simulators.link import CallRefused
from tests.conformance.charging_station import TOKEN, ChargingStation, booted, token
from tests.csms.central import CARD, Central, wh

EFFECTIVE, ACCEPTED = CommandState.EFFECTIVE, CommandState.ACCEPTED
REJECTED, FAILED = CommandState.REJECTED, CommandState.FAILED


@pytest.fixture
async def case(central: Central) -> ChargingStation:
    return await booted(central)


async def model(case: ChargingStation) -> dict[tuple[str, str], str | None]:
    """What we know of its device model, by component and variable."""
    async with case.central.database.unit_of_work() as db:
        found = await equipment.variables(db, WHOLE, StationId(case.identity), limit=500)
    return {(each.component, each.variable): each.value for each in found}


# ------------------------------------------------------------------------- B provisioning


async def test_b_01_cold_boot_accepted(central: Central) -> None:
    case = ChargingStation(central, await central.station())
    await case.connect()
    answer = await case.boot()
    assert answer["status"] == "Accepted"
    assert answer["interval"] > 0
    await case.status("Available", evse=2)
    [row] = await central.rows(
        "select vendor, model, booted_at from stations where identity = :station",
        station=case.identity,
    )
    assert (row["vendor"], row["model"], row["booted_at"] is None) == ("Test", "Case", False)
    assert [await case.shown(each) for each in (1, 2)] == ["Available", "Available"]


async def test_b_02_first_pending_then_accepted(central: Central) -> None:
    case = ChargingStation(central, await central.station(boot_policy="pending"))
    await case.connect()
    answer = await case.boot_alone()
    assert answer["status"] == "Pending"
    assert answer["interval"] > 0
    command = await case.asked_for(
        "GetVariables",
        {"getVariableData": [named("OCPPCommCtrlr", "OfflineThreshold")]},
        {"get_variable_result": [result("OCPPCommCtrlr", "OfflineThreshold", "60")]},
    )
    await case.becomes(command, EFFECTIVE)
    assert (await model(case))["OCPPCommCtrlr", "OfflineThreshold"] == "60"
    with pytest.raises(CallRefused, match="SecurityError"):
        await case.status("Available")
    await accept(case)
    assert (await case.boot())["status"] == "Accepted"
    assert await case.shown() == "Available"


async def accept(case: ChargingStation) -> None:
    """Let an operator take the station in."""
    async with case.central.database.unit_of_work() as db:
        await administration.change_station(
            db,
            case.identity,
            StationSettings(boot_policy="accept"),
            now=case.central.clock.now(),
        )


@pytest.mark.parametrize("policy", ["pending", "reject"])
async def test_b_30_and_b_31_before_its_boot_is_accepted_it_says_what_we_ask_for_alone(
    central: Central, policy: str
) -> None:
    case = ChargingStation(central, await central.station(boot_policy=policy))
    await case.connect()
    assert (await case.boot_alone())["status"] in {"Pending", "Rejected"}
    with pytest.raises(CallRefused, match="SecurityError"):
        await case.status("Available")
    assert "idTokenInfo" in await case.begin(), "what carries money is taken all the same"
    command = await case.asked_for("TriggerMessage", {"requestedMessage": "BootNotification"})
    await accept(case)
    assert (await case.boot())["status"] == "Accepted"
    await case.becomes(command, EFFECTIVE)
    await case.status("Available")


def result(component: str, variable: str, value: str) -> dict[str, Any]:
    return {
        "attribute_status": "Accepted",
        "attribute_value": value,
        "component": {"name": component},
        "variable": {"name": variable},
    }


def named(component: str, variable: str, **more: Any) -> dict[str, Any]:
    return {"component": {"name": component}, "variable": {"name": variable}} | more


async def test_b_06_one_variable_is_read(case: ChargingStation) -> None:
    command = await case.asked_for(
        "GetVariables",
        {"getVariableData": [named("OCPPCommCtrlr", "OfflineThreshold")]},
        {"get_variable_result": [result("OCPPCommCtrlr", "OfflineThreshold", "60")]},
    )
    await case.becomes(command, EFFECTIVE)
    assert (await model(case))["OCPPCommCtrlr", "OfflineThreshold"] == "60"


async def test_b_07_two_variables_are_read_at_once(case: ChargingStation) -> None:
    command = await case.asked_for(
        "GetVariables",
        {
            "getVariableData": [
                named("OCPPCommCtrlr", "OfflineThreshold"),
                named("AuthCtrlr", "AuthorizeRemoteStart"),
            ]
        },
        {
            "get_variable_result": [
                result("OCPPCommCtrlr", "OfflineThreshold", "60"),
                result("AuthCtrlr", "AuthorizeRemoteStart", "true"),
            ]
        },
    )
    assert len((await case.was_asked("GetVariables"))["get_variable_data"]) == 2
    await case.becomes(command, EFFECTIVE)
    assert (await model(case))["AuthCtrlr", "AuthorizeRemoteStart"] == "true"


async def limited(case: ChargingStation, component: str, action: str, items: int) -> None:
    """Let the station say how many items it takes in one message."""
    told = result(component, "ItemsPerMessage", str(items))
    told["variable"]["instance"] = action
    command = await case.asked_for(
        "GetVariables",
        {"getVariableData": [named(component, "ItemsPerMessage")]},
        {"get_variable_result": [told]},
    )
    await case.becomes(command, EFFECTIVE)


async def test_b_08_more_variables_than_it_takes_at_once(case: ChargingStation) -> None:
    await limited(case, "DeviceDataCtrlr", "GetVariables", 4)
    case.asked.clear()
    names = [f"V{number}" for number in range(5)]
    case.echoes_variables = True
    command = await case.asked_for(
        "GetVariables", {"getVariableData": [named("Part", each) for each in names]}
    )
    done = await case.becomes(command, EFFECTIVE)
    asked = [payload["get_variable_data"] for _, payload in case.asked]
    assert [len(each) for each in asked] == [4, 1]
    assert done.answer is not None
    found = [each["variable"]["name"] for each in done.answer["getVariableResult"]]
    assert found == names, "one answer to the one question"
    known = await model(case)
    assert [known["Part", each] for each in names] == names


async def test_what_was_set_is_read_back_in_pieces_too(case: ChargingStation) -> None:
    await limited(case, "DeviceDataCtrlr", "GetVariables", 1)
    case.asked.clear()
    case.echoes_variables = True
    done = [
        {"attribute_status": "Accepted", "component": {"name": "Part"}, "variable": {"name": each}}
        for each in ("V1", "V2")
    ]
    command = await case.asked_for(
        "SetVariables",
        {"setVariableData": [named("Part", each, attributeValue=each) for each in ("V1", "V2")]},
        {"set_variable_result": done},
    )
    await case.becomes(command, EFFECTIVE)
    read = [payload for action, payload in case.asked if action == "GetVariables"]
    assert [len(each["get_variable_data"]) for each in read] == [1, 1]


async def test_n_18_monitors_are_cleared_so_many_at_once(case: ChargingStation) -> None:
    monitor = {
        "type": "Delta",
        "severity": 5,
        "component": {"name": "EVSE"},
        "variable": {"name": "Power"},
    }
    taken = [monitor | {"id": number, "status": "Accepted"} for number in (1, 2, 3, 4)]
    wanted = {"setMonitoringData": [monitor | {"value": 5}] * 4}
    command = await case.asked_for(
        "SetVariableMonitoring", wanted, {"set_monitoring_result": taken}
    )
    await case.becomes(command, EFFECTIVE)
    await limited(case, "MonitoringCtrlr", "ClearVariableMonitoring", 2)
    case.asked.clear()
    case.clears_monitors = True
    command = await case.asked_for("ClearVariableMonitoring", {"id": [1, 2, 3]})
    await case.becomes(command, EFFECTIVE)
    assert [payload["id"] for _, payload in case.asked] == [[1, 2], [3]]
    assert [each.key for each in await case.held(Held.MONITOR)] == ["4"], "of every piece"


async def test_a_piece_that_is_refused_fails_the_whole(case: ChargingStation) -> None:
    await limited(case, "MonitoringCtrlr", "ClearVariableMonitoring", 2)
    case.refuses.add("ClearVariableMonitoring")
    command = await case.asked_for("ClearVariableMonitoring", {"id": [1, 2, 3]})
    assert (await case.becomes(command, FAILED)).failure is Failure.CALL_ERROR


@pytest.mark.parametrize("count", [1, 2], ids=["b_09", "b_10"])
async def test_b_09_and_b_10_variables_are_set_and_read_back(
    case: ChargingStation, count: int
) -> None:
    wanted = [("OCPPCommCtrlr", "OfflineThreshold", "70"), ("AuthCtrlr", "Enabled", "true")][:count]
    case.answers["GetVariables"] = {"get_variable_result": [result(*each) for each in wanted]}
    command = await case.asked_for(
        "SetVariables",
        {"setVariableData": [named(c, v, attributeValue=value) for c, v, value in wanted]},
        {
            "set_variable_result": [
                {
                    "attribute_status": "Accepted",
                    "component": {"name": c},
                    "variable": {"name": v},
                }
                for c, v, _ in wanted
            ]
        },
    )
    assert len((await case.was_asked("SetVariables"))["set_variable_data"]) == count
    await case.becomes(command, EFFECTIVE)
    known = await model(case)
    assert [known[c, v] for c, v, _ in wanted] == [value for _, _, value in wanted]


@pytest.mark.parametrize(
    ("number", "base"),
    [
        ("b_12", "ConfigurationInventory"),
        ("b_13", "FullInventory"),
        ("b_14", "SummaryInventory"),
    ],
)
async def test_b_12_to_b_14_a_base_report_is_joined_from_its_parts(
    case: ChargingStation, number: str, base: str
) -> None:
    command = await case.asked_for("GetBaseReport", {"requestId": 31, "reportBase": base})
    assert (await case.was_asked("GetBaseReport"))["report_base"] == base
    await case.becomes(command, ACCEPTED)
    await report(case, 31, parts=3)
    await case.becomes(command, EFFECTIVE)
    known = await model(case)
    assert [known["Part", f"V{number}"] for number in range(3)] == ["0", "1", "2"]
    async with case.central.database.unit_of_work() as db:
        [whole] = await equipment.variable_reports(db, WHOLE, StationId(case.identity))
    assert (whole.request_id, whole.parts, whole.is_whole) == (31, 3, True)


async def report(case: ChargingStation, request: int, *, parts: int) -> None:
    for number in range(parts):
        data = {
            "component": {"name": "Part"},
            "variable": {"name": f"V{number}"},
            "variableAttribute": [{"type": "Actual", "value": str(number)}],
            "variableCharacteristics": {"dataType": "integer", "supportsMonitoring": False},
        }
        said = {
            "requestId": request,
            "generatedAt": case.now(),
            "seqNo": number,
            "tbc": number < parts - 1,
            "reportData": [data],
        }
        assert await case.call("NotifyReport", said) == {}


async def test_b_18_a_custom_report(case: ChargingStation) -> None:
    for request, criterion in ((41, "Problem"), (42, "Available")):
        command = await case.asked_for(
            "GetReport",
            {
                "requestId": request,
                "componentCriteria": [criterion],
                "componentVariable": [named("EVSE", "AvailabilityState")],
            },
        )
        assert (await case.was_asked("GetReport"))["component_criteria"] == [criterion]
        await report(case, request, parts=1)
        await case.becomes(command, EFFECTIVE)
        assert (await model(case))["Part", "V0"] == "0"
    async with case.central.database.unit_of_work() as db:
        found = await equipment.variable_reports(db, WHOLE, StationId(case.identity))
    whole = {each.request_id: (each.parts, each.is_whole) for each in found}
    assert whole == {41: (1, True), 42: (1, True)}


async def boots_again(case: ChargingStation) -> None:
    await case.connect()
    assert (await case.boot())["status"] == "Accepted"


@pytest.mark.parametrize("kind", ["OnIdle", "Immediate"])
async def test_b_20_a_reset_without_a_transaction(case: ChargingStation, kind: str) -> None:
    command = await case.asked_for("Reset", {"type": kind})
    assert dict(await case.was_asked("Reset")) == {"type": kind}
    await case.becomes(command, ACCEPTED)
    await boots_again(case)
    await case.becomes(command, EFFECTIVE)


async def test_b_21_a_reset_waits_for_the_transaction(case: ChargingStation) -> None:
    await case.begin()
    command = await case.asked_for("Reset", {"type": "OnIdle"}, {"status": "Scheduled"})
    await case.becomes(command, ACCEPTED)
    await case.end()
    await boots_again(case)
    await case.becomes(command, EFFECTIVE)
    assert (await case.transaction()).state == "ended"


async def test_b_22_a_reset_ends_the_transaction(case: ChargingStation) -> None:
    await case.begin()
    command = await case.asked_for("Reset", {"type": "Immediate"})
    await case.end("ResetCommand", stoppedReason="ImmediateReset")
    await boots_again(case)
    await case.becomes(command, EFFECTIVE)
    assert (await case.transaction()).stop_reason == "ImmediateReset"


@pytest.mark.parametrize(
    ("number", "kind", "answer"),
    [
        ("b_25", "OnIdle", "Accepted"),
        ("b_26", "OnIdle", "Scheduled"),
        ("b_27", "Immediate", "Accepted"),
    ],
)
async def test_b_25_to_b_27_a_reset_of_one_evse(
    case: ChargingStation, number: str, kind: str, answer: str
) -> None:
    if number != "b_25":
        await case.begin()
    command = await case.asked_for("Reset", {"type": kind, "evseId": 1}, {"status": answer})
    assert (await case.was_asked("Reset"))["evse_id"] == 1
    if number == "b_25":
        await case.becomes(command, EFFECTIVE)
        return
    await case.end("ResetCommand", stoppedReason="ImmediateReset")
    await case.status("Available")
    await case.becomes(command, EFFECTIVE)
    assert (await case.transaction()).state == "ended"


async def test_b_42_and_b_44_a_network_profile_is_set_or_not(case: ChargingStation) -> None:
    data = {
        "ocppVersion": "OCPP20",
        "ocppTransport": "JSON",
        "ocppCsmsUrl": "wss://csms.example/ocpp",
        "messageTimeout": 30,
        "securityProfile": 2,
        "ocppInterface": "Wired0",
    }
    payload = {"configurationSlot": 1, "connectionData": data}
    before = await case.profile()
    assert before < 2
    command = await case.asked_for("SetNetworkProfile", payload)
    sent = await case.was_asked("SetNetworkProfile")
    assert sent["configuration_slot"] == 1
    assert sent["connection_data"] == {
        "ocpp_version": "OCPP20",
        "ocpp_transport": "JSON",
        "ocpp_csms_url": "wss://csms.example/ocpp",
        "message_timeout": 30,
        "security_profile": 2,
        "ocpp_interface": "Wired0",
    }
    await case.becomes(command, EFFECTIVE)
    failed = await case.asked_for("SetNetworkProfile", payload, {"status": "Failed"})
    assert (await case.becomes(failed, REJECTED)).answer == {"status": "Failed"}
    assert await case.profile() == before, "a slot is set, and not yet used"
    await case.connect()
    assert (await case.boot())["status"] == "Accepted"


@pytest.mark.parametrize("version", list(OcppVersion))
async def test_b_58_just_the_chosen_subprotocol_is_echoed(
    central: Central, version: OcppVersion
) -> None:
    station = await central.here(version)
    assert str(station.socket.subprotocol) == version.value
    unknown = await central.station()
    chosen = await central.connect(unknown, version, offers=["ocpp0.1", version])
    assert str(chosen.socket.subprotocol) == version.value


# ------------------------------------------------------------------------ C authorisation


@pytest.mark.parametrize(
    ("number", "status"), [("c_02", "Invalid"), ("c_06", "Blocked"), ("c_07", "Expired")]
)
async def test_c_02_c_06_and_c_07_refused_at_authorize(
    case: ChargingStation, number: str, status: str
) -> None:
    value = f"TOKEN{number}"
    if status == "Expired":
        await case.central.token(value, valid_until=case.central.clock.now() - timedelta(days=1))
    elif status == "Blocked":
        await case.central.token(value, status="blocked")
    assert (await case.authorize(value))["status"] == status
    assert await case.transactions() == []


async def test_c_08_authorised_from_the_stations_cache(case: ChargingStation) -> None:
    await case.event("Started", "CablePluggedIn", "EVConnected")
    answer = await case.event("Updated", "Authorized", idToken=TOKEN)
    assert answer["idTokenInfo"]["status"] == "Accepted"
    running = await case.transaction()
    assert (running.id_token, running.authorization_status) == (CARD, "Accepted")


async def test_c_20_a_cached_token_that_we_take_no_longer(case: ChargingStation) -> None:
    await case.event("Started", "CablePluggedIn", "EVConnected")
    answer = await case.event("Updated", "Authorized", idToken=token("LONG-GONE"))
    assert answer["idTokenInfo"]["status"] in {"Invalid", "Unknown"}
    assert (await case.transaction()).authorization_status == "Invalid"


@pytest.mark.parametrize(
    ("number", "answer", "state"),
    [("c_37", "Accepted", EFFECTIVE), ("c_38", "Rejected", REJECTED)],
)
async def test_c_37_and_c_38_clear_the_cache(
    case: ChargingStation, number: str, answer: str, state: CommandState
) -> None:
    case.answers["GetLocalListVersion"] = {"version_number": 3}
    entry = {"idToken": TOKEN, "idTokenInfo": {"status": "Accepted"}}
    listed = {"versionNumber": 3, "updateType": "Full", "localAuthorizationList": [entry]}
    await case.becomes(await case.asked_for("SendLocalList", listed), EFFECTIVE)
    command = await case.asked_for("ClearCache", {}, {"status": answer})
    assert dict(await case.was_asked("ClearCache")) == {}
    assert (await case.becomes(command, state)).answer == {"status": answer}
    kept = await case.local_list()
    assert (kept.version, list(kept.entries)) == (3, [CARD]), "its list is no cache"
    assert (await case.authorize())["status"] == "Accepted"


async def group(case: ChargingStation, name: str, *values: str, **more: Any) -> None:
    for each in values:
        await case.central.token(each, group_id=name, **more)


async def test_c_39_a_second_token_of_the_group_stops(case: ChargingStation) -> None:
    await group(case, "C39", "C39A", "C39B")
    first = await case.authorize("C39A")
    assert (first["status"], first["groupIdToken"]["idToken"]) == ("Accepted", "C39")
    started = await case.begin("C39A")
    assert started["idTokenInfo"]["groupIdToken"]["idToken"] == "C39"
    second = await case.authorize("C39B")
    assert (second["status"], second["groupIdToken"]["idToken"]) == ("Accepted", "C39")
    ended = await case.end(idToken=token("C39B"))
    assert ended["idTokenInfo"]["groupIdToken"]["idToken"] == "C39"
    over = await case.transaction()
    assert (over.state, over.id_token, over.energy_wh) == ("ended", "C39A", wh(4000))


async def test_c_40_the_second_token_is_known_from_the_list_alone(case: ChargingStation) -> None:
    await group(case, "C40", "C40A", "C40B")
    await case.begin("C40A")
    ended = await case.end(idToken=token("C40B"))
    info = ended["idTokenInfo"]
    assert (info["status"], info["groupIdToken"]["idToken"]) == ("Accepted", "C40")
    over = await case.transaction()
    assert (over.state, over.id_token, over.energy_wh) == ("ended", "C40A", wh(4000))


async def test_c_43_the_second_token_is_not_taken(case: ChargingStation) -> None:
    await group(case, "C43", "C43A")
    await group(case, "C43", "C43B", status="blocked")
    await case.begin("C43A")
    info = (await case.event("Updated", "StopAuthorized", idToken=token("C43B")))["idTokenInfo"]
    assert info["status"] == "Blocked"
    running = await case.transaction()
    assert (running.state, running.id_token) == ("active", "C43A")
    assert running.authorization_status == "Accepted", "another's card stops nothing"


async def test_c_47_a_master_pass_stops_all(case: ChargingStation) -> None:
    await group(case, "MASTER47", "C47MASTER")
    refs = []
    for evse in (1, 2):
        await case.begin(evse=evse)
        refs.append((evse, case.ref))
    info = await case.authorize("C47MASTER")
    assert info["groupIdToken"]["idToken"] == "MASTER47"
    for evse, ref in refs:
        ended = await case.end(
            stoppedReason="MasterPass", idToken=token("C47MASTER"), evse=evse, ref=ref, seqNo=1
        )
        assert ended["idTokenInfo"]["groupIdToken"]["idToken"] == "MASTER47"
    over = await case.transactions()
    assert [(each.state, each.stop_reason) for each in over] == [("ended", "MasterPass")] * 2
    assert {each.id_token for each in over} == {CARD}, "the driver pays, not the master pass"


async def test_c_48_a_master_pass_stops_one(case: ChargingStation) -> None:
    await group(case, "MASTER48", "C48MASTER")
    await case.begin(evse=2)
    await case.begin(evse=1)
    ended = await case.end(stoppedReason="MasterPass", idToken=token("C48MASTER"))
    assert ended["idTokenInfo"]["groupIdToken"]["idToken"] == "MASTER48"
    states = {each.evse_id: each.state for each in await case.transactions()}
    assert states == {1: "ended", 2: "active"}


async def test_c_49_a_master_pass_without_a_screen(case: ChargingStation) -> None:
    await group(case, "MASTER49", "C49MASTER")
    await case.begin()
    assert (await case.authorize("C49MASTER"))["groupIdToken"]["idToken"] == "MASTER49"
    ended = await case.end(stoppedReason="MasterPass", idToken=TOKEN)
    assert ended["idTokenInfo"]["status"] == "Accepted"
    over = await case.transaction()
    assert (over.stop_reason, over.id_token) == ("MasterPass", CARD)


# -------------------------------------------------------------------------- D local lists


@pytest.mark.parametrize(
    ("number", "kind", "entries"),
    [
        ("d_01", "Full", [{"idToken": TOKEN, "idTokenInfo": {"status": "Accepted"}}]),
        ("d_02", "Differential", [{"idToken": TOKEN, "idTokenInfo": {"status": "Blocked"}}]),
        ("d_03", "Differential", [{"idToken": TOKEN}]),
        ("d_04", "Full", None),
    ],
)
async def test_d_01_to_d_04_a_list_is_sent_and_its_version_read_back(
    case: ChargingStation, number: str, kind: str, entries: list[dict[str, Any]] | None
) -> None:
    case.answers["GetLocalListVersion"] = {"version_number": 8}
    before = [
        {"idToken": each, "idTokenInfo": {"status": "Accepted"}} for each in (TOKEN, token("04BB"))
    ]
    first = await case.asked_for(
        "SendLocalList",
        {"versionNumber": 8, "updateType": "Full", "localAuthorizationList": before},
    )
    await case.becomes(first, EFFECTIVE)
    case.answers["GetLocalListVersion"] = {"version_number": 9}
    payload: dict[str, Any] = {"versionNumber": 9, "updateType": kind}
    if entries is not None:
        payload["localAuthorizationList"] = entries
    command = await case.asked_for("SendLocalList", payload)
    sent = await case.was_asked("SendLocalList")
    assert (sent["version_number"], sent["update_type"]) == (9, kind)
    assert len(sent.get("local_authorization_list", ())) == len(entries or ())
    await case.becomes(command, EFFECTIVE)
    assert (await model(case))["LocalAuthListCtrlr", "Version"] == "9"
    kept = await case.local_list()
    assert (kept.version, kept.is_known) == (9, True)
    assert {each: entry.status for each, entry in kept.entries.items()} == {
        "d_01": {CARD: "Accepted"},
        "d_02": {CARD: "Blocked", "04BB": "Accepted"},
        "d_03": {"04BB": "Accepted"},
        "d_04": {},
    }[number]


@pytest.mark.parametrize(("number", "version"), [("d_08", 4), ("d_09", 0)])
async def test_d_08_and_d_09_the_version_of_its_list(
    case: ChargingStation, number: str, version: int
) -> None:
    command = await case.asked_for("GetLocalListVersion", {}, {"version_number": version})
    await case.becomes(command, EFFECTIVE)
    assert (await model(case))["LocalAuthListCtrlr", "Version"] == str(version)
