"""1.6, Core: TC_001 to TC_040, TC_061 and TC_064, each by what comes of it."""

from datetime import datetime, timedelta

import pytest
from websockets.exceptions import InvalidStatus

from accounts.directory import WHOLE
from csms import equipment
from csms.queue import CommandState, Failure
from foundation.identifiers import StationId
from tests.conformance.charge_point import ChargePoint, booted
from tests.csms.central import CARD, Central, wh

EFFECTIVE, ACCEPTED = CommandState.EFFECTIVE, CommandState.ACCEPTED
REJECTED, FAILED = CommandState.REJECTED, CommandState.FAILED


@pytest.fixture
async def case(central: Central) -> ChargePoint:
    return await booted(central)


async def test_tc_001_cold_boot(central: Central) -> None:
    case = ChargePoint(central, await central.station())
    await case.connect()
    answer = await case.boot()
    assert answer["status"] == "Accepted"
    assert answer["interval"] > 0
    assert datetime.fromisoformat(answer["currentTime"]) == central.clock.now()
    await case.status("Available", connector=0)
    await case.status("Available", connector=2)
    assert [await case.shown(each) for each in (0, 1, 2)] == ["Available"] * 3
    central.clock.advance(timedelta(seconds=answer["interval"]))
    assert datetime.fromisoformat(await case.heartbeat()) == central.clock.now()
    [row] = await central.rows(
        "select vendor, model from stations where identity = :station", station=case.identity
    )
    assert (row["vendor"], row["model"]) == ("Test", "Case")


async def test_tc_003_regular_session_plugged_in_first(case: ChargePoint) -> None:
    number = await case.charging()
    await case.measure(number, 3000)
    measured = await case.central.readings(number)
    assert [each.energy_register_wh for each in measured] == [wh(3000)]
    assert (await case.transaction()).state == "active"
    assert await case.shown() == "Charging"
    await case.stop(number, 5000, idTag=CARD)
    await case.status("Finishing", "Available")
    over = await case.transaction()
    assert (over.transaction_id, over.state, over.energy_wh) == (number, "ended", wh(4000))
    assert await case.shown() == "Available"


async def test_tc_004_1_regular_session_identified_first(case: ChargePoint) -> None:
    assert (await case.authorize())["status"] == "Accepted"
    await case.status("Preparing")
    number, status = await case.start()
    assert status == "Accepted"
    await case.status("Charging")
    assert await case.shown() == "Charging"
    await case.stop(number)
    over = await case.transaction()
    assert (over.transaction_id, over.state, over.id_token) == (number, "ended", CARD)
    assert over.energy_wh == wh(4000)


async def test_tc_004_2_identified_but_never_plugged_in(case: ChargePoint) -> None:
    assert (await case.authorize())["status"] == "Accepted"
    await case.status("Preparing", "Available")
    assert await case.transactions() == []
    assert await case.shown() == "Available"


async def test_tc_005_1_unplugged_at_the_car(case: ChargePoint) -> None:
    number = await case.charging()
    await case.status("SuspendedEV")
    await case.stop(number, reason="EVDisconnected")
    await case.status("Finishing", "Available")
    over = await case.transaction()
    assert (over.state, over.stop_reason) == ("ended", "EVDisconnected")


async def test_tc_007_start_from_the_stations_cache(case: ChargePoint) -> None:
    await case.status("Preparing")
    number, status = await case.start()
    assert status == "Accepted"
    running = await case.transaction()
    assert (running.transaction_id, running.id_token) == (number, CARD)


async def test_tc_010_remote_start_plugged_in_first(case: ChargePoint) -> None:
    await case.status("Preparing")
    command = await case.asked_for("RemoteStartTransaction", {"connectorId": 1, "idTag": CARD})
    assert (await case.was_asked("RemoteStartTransaction"))["id_tag"] == CARD
    assert (await case.authorize())["status"] == "Accepted"
    number, status = await case.start()
    assert status == "Accepted"
    assert (await case.becomes(command, EFFECTIVE)).transaction_id == number


async def test_tc_011_1_remote_start_before_the_cable_is_in(case: ChargePoint) -> None:
    command = await case.asked_for("RemoteStartTransaction", {"connectorId": 1, "idTag": CARD})
    await case.becomes(command, ACCEPTED)
    await case.status("Preparing")
    number, _ = await case.start()
    await case.status("Charging")
    assert (await case.becomes(command, EFFECTIVE)).transaction_id == number


async def test_tc_011_2_remote_start_and_nobody_plugs_in(case: ChargePoint) -> None:
    command = await case.asked_for("RemoteStartTransaction", {"connectorId": 1, "idTag": CARD})
    await case.becomes(command, ACCEPTED)
    await case.status("Preparing", "Available")
    assert await case.transactions() == []
    case.central.clock.advance(timedelta(minutes=6))
    await case.central.system.commanding.tick()
    assert (await case.becomes(command, FAILED)).failure is Failure.NO_EFFECT


async def test_tc_012_remote_stop(case: ChargePoint) -> None:
    number = await case.charging()
    command = await case.asked_for("RemoteStopTransaction", {"transactionId": number})
    assert (await case.was_asked("RemoteStopTransaction"))["transaction_id"] == number
    await case.stop(number, reason="Remote")
    assert (await case.becomes(command, EFFECTIVE)).transaction_id == number
    assert (await case.transaction()).stop_reason == "Remote"


@pytest.mark.parametrize(("number", "kind"), [("013", "Hard"), ("014", "Soft")])
async def test_tc_013_and_tc_014_reset(case: ChargePoint, number: str, kind: str) -> None:
    command = await case.asked_for("Reset", {"type": kind})
    assert (await case.was_asked("Reset"))["type"] == kind
    await case.becomes(command, ACCEPTED)
    await case.connect()
    assert (await case.boot())["status"] == "Accepted"
    await case.becomes(command, EFFECTIVE)


async def test_tc_017_1_unlock_a_free_connector(case: ChargePoint) -> None:
    command = await case.asked_for("UnlockConnector", {"connectorId": 1}, {"status": "Unlocked"})
    assert dict(await case.was_asked("UnlockConnector")) == {"connector_id": 1}
    await case.becomes(command, EFFECTIVE)
    assert await case.shown() == "Available"
    assert await case.transactions() == []


async def test_tc_017_2_unlock_a_fixed_cable(case: ChargePoint) -> None:
    command = await case.asked_for(
        "UnlockConnector", {"connectorId": 1}, {"status": "NotSupported"}
    )
    assert (await case.becomes(command, REJECTED)).answer == {"status": "NotSupported"}


async def test_tc_018_1_unlock_during_a_session(case: ChargePoint) -> None:
    number = await case.charging()
    command = await case.asked_for("UnlockConnector", {"connectorId": 1}, {"status": "Unlocked"})
    await case.stop(number, reason="UnlockCommand")
    await case.status("Finishing", "Available")
    await case.becomes(command, EFFECTIVE)
    over = await case.transaction()
    assert (over.state, over.stop_reason) == ("ended", "Remote"), "the word of 2.0.1 for it"
    said = await case.central.reports(number)
    assert '"UnlockCommand"' in said[-1].raw, "the station's own is kept"


async def configuration(case: ChargePoint) -> dict[str, tuple[str | None, bool]]:
    """The keys that we know of it: what each is set to, and whether it can only be read."""
    async with case.central.database.unit_of_work() as db:
        found = await equipment.configuration(db, WHOLE, StationId(case.identity), limit=500)
    return {each.variable: (each.value, each.is_read_only) for each in found}


async def test_tc_019_1_all_configuration_keys(case: ChargePoint) -> None:
    keys = [
        {"key": f"Key{number}", "readonly": number % 2 == 0, "value": str(number)}
        for number in range(120)
    ]
    command = await case.asked_for("GetConfiguration", {}, {"configuration_key": keys})
    assert dict(await case.was_asked("GetConfiguration")) == {}
    await case.becomes(command, EFFECTIVE)
    known = await configuration(case)
    assert len(known) == 120
    assert (known["Key7"], known["Key8"]) == (("7", False), ("8", True))


async def test_tc_019_2_one_configuration_key(case: ChargePoint) -> None:
    answer = [{"key": "SupportedFeatureProfiles", "readonly": True, "value": "Core,Reservation"}]
    command = await case.asked_for(
        "GetConfiguration", {"key": ["SupportedFeatureProfiles"]}, {"configuration_key": answer}
    )
    assert (await case.was_asked("GetConfiguration"))["key"] == ["SupportedFeatureProfiles"]
    await case.becomes(command, EFFECTIVE)
    assert await configuration(case) == {"SupportedFeatureProfiles": ("Core,Reservation", True)}


async def test_tc_021_change_configuration(case: ChargePoint) -> None:
    case.answers["GetConfiguration"] = {
        "configuration_key": [{"key": "MeterValueSampleInterval", "readonly": False, "value": "60"}]
    }
    command = await case.asked_for(
        "ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "60"}
    )
    assert dict(await case.was_asked("ChangeConfiguration")) == {
        "key": "MeterValueSampleInterval",
        "value": "60",
    }
    await case.becomes(command, EFFECTIVE)
    assert (await configuration(case))["MeterValueSampleInterval"] == ("60", False)


@pytest.mark.parametrize(
    ("number", "status"), [("023_1", "Invalid"), ("023_2", "Expired"), ("023_3", "Blocked")]
)
async def test_tc_023_1_to_3_refused_at_authorize(
    case: ChargePoint, number: str, status: str
) -> None:
    tag = f"TAG{number}"
    if status == "Expired":
        await case.central.token(tag, valid_until=case.central.clock.now() - timedelta(days=1))
    elif status == "Blocked":
        await case.central.token(tag, status="blocked")
    await case.status("Preparing")
    assert (await case.authorize(tag))["status"] == status
    await case.status("Available")
    assert await case.transactions() == []


async def test_tc_024_lock_failure_while_preparing(case: ChargePoint) -> None:
    await case.status("Preparing")
    assert (await case.authorize())["status"] == "Accepted"
    await case.status("Faulted", error="ConnectorLockFailure")
    [row] = await case.central.rows(
        "select original_status, error_code from connectors where station = :station"
        " and evse_id = 1",
        station=case.identity,
    )
    assert (row["original_status"], row["error_code"]) == ("Faulted", "ConnectorLockFailure")
    assert await case.transactions() == []


async def test_tc_026_remote_start_rejected(case: ChargePoint) -> None:
    command = await case.asked_for(
        "RemoteStartTransaction", {"connectorId": 1, "idTag": CARD}, {"status": "Rejected"}
    )
    assert (await case.becomes(command, REJECTED)).transaction_id is None
    assert await case.transactions() == []
    number = await case.charging()
    running = await case.transaction()
    assert (running.transaction_id, running.state) == (number, "active")
    assert (await case.becomes(command, REJECTED)).transaction_id is None, "he came by himself"


async def test_tc_028_remote_stop_of_any_number_rejected(case: ChargePoint) -> None:
    number = await case.charging()
    command = await case.asked_for(
        "RemoteStopTransaction", {"transactionId": 987654}, {"status": "Rejected"}
    )
    assert dict(await case.was_asked("RemoteStopTransaction")) == {"transaction_id": 987654}
    await case.becomes(command, REJECTED)
    running = await case.transaction()
    assert (running.transaction_id, running.state) == (number, "active")


async def connectors(case: ChargePoint) -> dict[int, str]:
    """The connectors that we know of, and what is shown of them."""
    rows = await case.central.rows(
        "select evse_id, original_status from connectors where station = :station",
        station=case.identity,
    )
    return {row["evse_id"]: row["original_status"] for row in rows}


async def test_tc_030_unlock_failed(case: ChargePoint) -> None:
    number = await case.charging()
    command = await case.asked_for(
        "UnlockConnector", {"connectorId": 1}, {"status": "UnlockFailed"}
    )
    assert (await case.becomes(command, REJECTED)).answer == {"status": "UnlockFailed"}
    assert await case.shown() == "Charging"
    running = await case.transaction()
    assert (running.transaction_id, running.state) == (number, "active"), "the cable is still in"


async def test_tc_031_unlock_a_connector_that_it_does_not_have(case: ChargePoint) -> None:
    command = await case.asked_for(
        "UnlockConnector", {"connectorId": 9}, {"status": "NotSupported"}
    )
    assert (await case.was_asked("UnlockConnector"))["connector_id"] == 9
    assert (await case.becomes(command, REJECTED)).answer == {"status": "NotSupported"}
    assert await connectors(case) == {1: "Available"}, "nobody made one up"


async def test_tc_032_1_boot_after_a_power_failure_ends_what_ran(case: ChargePoint) -> None:
    number = await case.charging()
    await case.connect()
    assert (await case.boot())["status"] == "Accepted"
    await case.stop(number, reason="PowerLoss")
    over = await case.transaction()
    assert (over.transaction_id, over.state, over.stop_reason) == (number, "ended", "PowerLoss")
    assert over.energy_wh == wh(4000)


async def test_tc_037_1_offline_start_with_a_valid_tag(case: ChargePoint) -> None:
    started = case.central.clock.now() - timedelta(hours=2)
    await case.connect()
    number, status = await case.start(timestamp=started.isoformat())
    assert (number > 0, status) == (True, "Accepted")
    assert (await case.transaction()).started_at == started


async def test_tc_037_3_offline_start_with_an_invalid_tag(case: ChargePoint) -> None:
    number, status = await case.start("NOBODYS")
    assert (number > 0, status) == (True, "Invalid")
    await case.stop(number, 1010, reason="DeAuthorized")
    over = await case.transaction()
    assert (over.transaction_id, over.state, over.stop_reason) == (number, "ended", "DeAuthorized")
    assert over.authorization_status == "Invalid"


async def test_tc_039_a_whole_session_offline(case: ChargePoint) -> None:
    began = case.central.clock.now() - timedelta(hours=3)
    await case.connect()
    number, status = await case.start(timestamp=began.isoformat())
    assert status == "Accepted"
    await case.stop(number, timestamp=(began + timedelta(hours=1)).isoformat())
    over = await case.transaction()
    assert over.ended_at is not None
    assert (over.state, over.energy_wh) == ("ended", wh(4000))
    assert over.ended_at - over.started_at == timedelta(hours=1)


async def test_tc_040_1_a_key_that_it_does_not_support(case: ChargePoint) -> None:
    command = await case.asked_for(
        "ChangeConfiguration", {"key": "NoSuchKey", "value": "1"}, {"status": "NotSupported"}
    )
    assert (await case.becomes(command, REJECTED)).answer == {"status": "NotSupported"}
    assert "NoSuchKey" not in await configuration(case)


async def test_tc_040_2_a_value_that_it_does_not_take(case: ChargePoint) -> None:
    key = {"key": "MeterValueSampleInterval", "readonly": False, "value": "60"}
    known = await case.asked_for("GetConfiguration", {}, {"configuration_key": [key]})
    await case.becomes(known, EFFECTIVE)
    command = await case.asked_for(
        "ChangeConfiguration",
        {"key": "MeterValueSampleInterval", "value": "-1"},
        {"status": "Rejected"},
    )
    assert (await case.was_asked("ChangeConfiguration"))["value"] == "-1"
    await case.becomes(command, REJECTED)
    assert await configuration(case) == {"MeterValueSampleInterval": ("60", False)}


async def test_tc_061_clear_the_authorisation_cache(case: ChargePoint) -> None:
    case.answers["GetLocalListVersion"] = {"list_version": 3}
    entry = {"idTag": CARD, "idTagInfo": {"status": "Accepted"}}
    listed = {"listVersion": 3, "updateType": "Full", "localAuthorizationList": [entry]}
    await case.becomes(await case.asked_for("SendLocalList", listed), EFFECTIVE)
    command = await case.asked_for("ClearCache", {})
    assert dict(await case.was_asked("ClearCache")) == {}
    await case.becomes(command, EFFECTIVE)
    kept = await case.local_list()
    assert (kept.version, list(kept.entries)) == (3, [CARD]), "its list is no cache"
    assert (await case.authorize())["status"] == "Accepted"


async def test_tc_088_the_subprotocol_is_agreed_or_refused(central: Central) -> None:
    identity = await central.station()
    with pytest.raises(InvalidStatus, match="400"):
        await central.connect(identity, offers=["ocpp0.1"])
    station = await central.connect(identity, offers=["ocpp0.1", "ocpp1.6"])
    assert str(station.socket.subprotocol) == "ocpp1.6"
    assert (await station.boot())["status"] == "Accepted"


async def test_tc_064_data_transfer_of_an_unknown_vendor(case: ChargePoint) -> None:
    answer = await case.call(
        "DataTransfer", {"vendorId": "nobody.we.know", "messageId": "x", "data": "y"}
    )
    assert answer["status"] in {"UnknownVendorId", "UnknownMessageId", "Rejected"}
    lines = await case.central.frames(case.identity)
    assert any("nobody.we.know" in each["raw"] for each in lines), "it is kept all the same"
