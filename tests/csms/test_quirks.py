"""What real stations get wrong, and what the central system makes of it: one test per quirk.

The comment above each test names the row of our field notes. How single messages are read is in
`tests/csms/ocpp/test_quirks.py`; here a quirk goes the whole way, over a socket to the database.
The table of all of them is `docs/quirks.md`.
"""

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from websockets.exceptions import InvalidStatus

from accounts.directory import WHOLE
from csms import equipment
from csms.commands import MessageTrigger, TriggerMessage
from csms.equipment_answers import keep_answer
from csms.ocpp import outgoing
from csms.queue import NoAnswer
from csms.reports import OcppVersion
from csms.vendors import profile_of, shipped
from foundation.events import (
    ConnectorStatusChanged,
    Doubt,
    FaultCleared,
    FaultReported,
    SecurityEventReported,
    StationBooted,
    TransactionEnded,
    TransactionStarted,
)
from foundation.identifiers import StationId
from tests.csms.central import (
    EVENING,
    Central,
    RawStation,
    at,
    moment,
    register,
    register2,
    start,
    wh,
)
from tests.csms.conftest import Starter

V201 = OcppVersion.V201
PASSWORD = "a-password-of-20-chr"
ROOT = Path(__file__).resolve().parents[2]


async def live(central: Central, station: RawStation) -> dict[tuple[int, int], str]:
    """The live status of each connector, in the station's own words."""
    found = await central.rows(
        "select evse_id, connector_id, original_status from connectors where station = :s"
        " and original_status is not null",
        s=station.identity,
    )
    return {(row["evse_id"], row["connector_id"]): row["original_status"] for row in found}


# ------------------------------------------------------------------------ parse and transport


# 1
async def test_a_station_that_offers_no_subprotocol_is_let_in_only_where_that_is_wanted(
    start_central: Starter,
) -> None:
    async with start_central(assume_ocpp16=True) as lenient:
        identity = await lenient.station()
        station = await lenient.connect(identity, offers=[])
        assert (await station.boot())["status"] == "Accepted"
        with pytest.raises(InvalidStatus):
            await lenient.connect(identity, offers=["ocpp0.1"])


# 2
@pytest.mark.parametrize("offers", [["OCPP1.6"], ["ocpp1.2", "Ocpp1.6"], ["ocpp1.6", "ocpp2.0.1"]])
async def test_a_subprotocol_in_other_letters_or_among_several_is_found_and_echoed(
    central: Central, offers: list[str]
) -> None:
    station = await central.connect(await central.station(), offers=offers)
    assert station.socket.subprotocol in offers
    assert (await station.boot())["status"] == "Accepted"


# 4
@pytest.mark.parametrize("header", ["Connection: Upgrade\r\n", "Upgrade: websocket\r\n"])
async def test_a_missing_upgrade_or_connection_header_is_overlooked(
    central: Central, header: str
) -> None:
    identity = await central.station()
    reader, writer = await asyncio.open_connection("127.0.0.1", central.system.listener.port)
    sent = (
        f"GET /{identity} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
    )
    writer.write(sent.replace(header, "").encode())
    assert b" 101 " in await asyncio.wait_for(reader.readline(), 10)
    writer.transport.abort()


# 5
@pytest.mark.parametrize("path", ["//ocpp//{}", "/ocpp/{}/", "/ocpp/ocpp/OLD/{}", "/{}//"])
async def test_the_last_part_of_a_path_with_slashes_too_many_is_the_identity(
    central: Central, path: str
) -> None:
    identity = await central.station()
    station = await central.connect(identity, path=path.format(identity))
    assert (await station.boot())["status"] == "Accepted"


# 6
@pytest.mark.parametrize(
    ("identity", "path"), [("A/1", "A%2F1"), ("B 1", "B%201"), ("C+1", "C+1"), ("Â1", "%C3%821")]
)
async def test_an_identity_with_odd_characters_is_decoded_once(
    central: Central, identity: str, path: str
) -> None:
    await central.station(identity)
    station = await central.connect(identity, path=f"/ocpp/{path}")
    assert (await station.boot())["status"] == "Accepted"
    assert central.system.connections.get(StationId(identity)) is not None


# 6
async def test_a_wrongly_encoded_identity_can_be_given_as_an_alias(central: Central) -> None:
    identity = await central.station(aliases=["WRONG-NAME"])
    station = await central.connect("WRONG-NAME")
    number = await station.start()
    assert (await central.transaction(number)).station == identity


# 8
async def test_empty_text_frames_are_ignored(central: Central) -> None:
    station = await central.here()
    await station.send("")
    assert (await station.boot())["status"] == "Accepted"


# 10
async def test_a_message_id_that_is_used_for_ever_confuses_nothing(central: Central) -> None:
    station = await central.here()
    said = start(0)
    first = await station.call("StartTransaction", said, message_id="1")
    number = first["transactionId"]
    await station.call("MeterValues", {"connectorId": 1, "meterValue": []}, message_id="1")
    end = {"transactionId": number, "meterStop": 9000, "timestamp": at(60)}
    await station.call("StopTransaction", end, message_id="1")
    assert (await central.transaction(number)).energy_wh == 8000


# 18
async def test_a_frame_of_many_kilobytes_is_taken_whole(central: Central) -> None:
    station = await central.here(V201)
    data = [
        {
            "component": {"name": f"Component{number}"},
            "variable": {"name": "Variable"},
            "variableAttribute": [{"value": "x" * 500}],
        }
        for number in range(500)
    ]
    report = {"requestId": 1, "generatedAt": at(0), "seqNo": 0, "reportData": data}
    assert await station.call("NotifyReport", report) == {}
    [line, _] = await central.frames(station.identity)
    assert len(line["raw"]) > 250_000


# 19
async def test_an_answer_after_the_time_out_is_kept_in_the_log(start_central: Starter) -> None:
    async with start_central(call_timeout_s=0.05) as central:
        station = await central.here()
        await station.boot()
        connection = central.system.connections.get(StationId(station.identity))
        assert connection is not None
        with pytest.raises(NoAnswer):
            await connection.call(TriggerMessage(MessageTrigger.HEARTBEAT))
        _, message_id, *_ = await station.next_asked()
        await station.send([4, message_id, "GenericError"])
        await station.call("Heartbeat", {})
        notes = [line["note"] for line in await central.frames(station.identity)]
        assert "answer after the time-out" in notes


# 20
async def test_messages_in_a_burst_before_the_boot_is_answered_are_handled_in_order(
    central: Central,
) -> None:
    station = await central.here()
    boot = {"chargePointVendor": "Wattwerk", "chargePointModel": "One"}
    await station.send([2, "a", "BootNotification", boot])
    await station.send([2, "b", "StartTransaction", start(0)])
    await station.send([2, "c", "Heartbeat", {}])
    assert [(await station.frame())[1] for _ in range(3)] == ["a", "b", "c"]


# -------------------------------------------------------------------------------------- time


# 23
async def test_a_station_whose_clock_says_local_time_as_utc_is_found_out(central: Central) -> None:
    central.clock.at = moment(0)
    station = await central.here()
    for minutes in (0, 1):
        central.clock.at = moment(minutes)
        await station.status("Available", minutes + 60)
    central.clock.at = moment(2)
    number = await station.start(62)
    assert (await central.transaction(number)).started_at == moment(2)


# 24
async def test_nothing_that_we_send_has_fractions_of_a_second(central: Central) -> None:
    station = await central.here()
    central.clock.at = EVENING + timedelta(microseconds=123_456)
    assert (await station.boot())["currentTime"] == "2026-10-15T20:00:00Z"
    assert await station.call("Heartbeat", {}) == {"currentTime": "2026-10-15T20:00:00Z"}


# 25
async def test_statuses_of_a_clock_that_is_not_set_keep_the_order_in_which_they_came(
    central: Central,
) -> None:
    station = await central.here()
    await station.status("Preparing", 0, timestamp="1970-01-01T00:05:00Z")
    await station.status("Charging", 0, timestamp="1970-01-01T00:01:00Z")
    assert await live(central, station) == {(1, 1): "Charging"}


# 26
async def test_a_stop_in_the_second_of_its_start_is_a_transaction(central: Central) -> None:
    station = await central.here()
    number = await station.start(0, 1000)
    await station.stop(number, 0, 1000)
    transaction = await central.transaction(number)
    assert (transaction.state, transaction.energy_wh, transaction.doubts) == ("ended", wh(0), ())


# 28
async def test_readings_without_a_time_are_of_when_they_came(central: Central) -> None:
    station = await central.here()
    number = await station.start(0)
    for minutes in (10, 20):
        central.clock.at = moment(minutes)
        said = {"connectorId": 1, "meterValue": [{"sampledValue": [{"value": "5000"}]}]}
        await station.call("MeterValues", said)
    taken = [each.measured_at for each in await central.readings(number)]
    assert taken == [moment(10), moment(20)]


# ---------------------------------------------------------------------------------- identities


# 29
async def test_a_card_is_the_same_card_however_its_number_is_written(central: Central) -> None:
    await central.token("20:69:c0:21")
    station = await central.here()
    for tag in ("2069C021", "20-69-C0-21", "20 69 c0 21"):
        answer = await station.call("Authorize", {"idTag": tag})
        assert answer["idTagInfo"]["status"] == "Accepted"


# 30
async def test_a_token_of_any_length_is_kept_whole(central: Central) -> None:
    tag = "F" * 200
    await central.token(tag)
    station = await central.here()
    number = await station.start(tag=tag)
    assert (await central.transaction(number)).id_token == tag


# 31
async def test_an_empty_token_charges_only_where_charging_is_free(central: Central) -> None:
    free, paid = await central.here(free_vend=True), await central.here()
    for tag in ("", "FREEVEND"):
        said = start(0) | {"idTag": tag}
        answer = await free.call("StartTransaction", said)
        assert answer["idTagInfo"]["status"] == "Accepted"
        answer = await paid.call("StartTransaction", said)
        assert answer["idTagInfo"]["status"] == "Invalid"
    # Refused or not, none of them is lost: the energy may have flowed.
    assert len(await central.transactions(paid.identity)) == 2


# 32
async def test_a_corrupted_token_is_answered_invalid_and_its_transaction_is_kept(
    central: Central,
) -> None:
    station = await central.here()
    answer = await station.call("StartTransaction", start(0) | {"idTag": "\u0001\u0002?"})
    assert answer["idTagInfo"]["status"] == "Invalid"
    await station.stop(answer["transactionId"])
    assert (await central.only_transaction(station.identity)).energy_wh == 8000


# 33
async def test_of_two_devices_with_one_identity_the_newest_is_heard(central: Central) -> None:
    identity = await central.station(password=PASSWORD)
    with structlog.testing.capture_logs() as logged:
        first = await central.connect(identity, password=PASSWORD)
        await first.boot()
        second = await central.connect(identity, password=PASSWORD)
        await second.boot()
        assert (await first.closed())[0] == 1001
    assert "connection.replaced" in [each["event"] for each in logged]
    with pytest.raises(InvalidStatus):
        await central.connect(identity, password="a-wrong-password")
    assert (await second.call("Heartbeat", {}))["currentTime"], "a wrong password replaces nobody"


# -------------------------------------------------------------------------------- transactions


# 34
@pytest.mark.parametrize("number", [-1, 0, 2**31, 2**63 - 1])
async def test_a_stop_with_an_odd_number_ends_what_is_open(central: Central, number: int) -> None:
    station = await central.here()
    ours = await station.start(0, 1000)
    await station.stop(number, 60, 9000)
    assert (await central.transaction(ours)).energy_wh == 8000


# 35
async def test_a_station_that_keeps_a_local_number_is_understood_from_its_stop_on(
    central: Central,
) -> None:
    station = await central.here()
    ours = await station.start(0, 1000)
    await station.read(30, 5000, transactionId=-98765)
    await station.stop(-98765, 60, 9000)
    await station.stop(-98765, 60, 9000)
    transaction = await central.only_transaction(station.identity)
    assert (transaction.transaction_id, transaction.energy_wh) == (ours, wh(8000))
    assert len(await central.readings(ours)) == 1


# 36
async def test_a_stop_without_a_start_and_a_start_without_a_stop_are_both_kept(
    central: Central,
) -> None:
    station = await central.here()
    await station.stop(77_777, -60, 900)
    lost = await station.start(0, 1000)
    await station.start(100, 9000)
    states = {
        int(each.transaction_id): each.state
        for each in await central.transactions(station.identity)
    }
    assert sorted(states.values()) == ["active", "ended", "inferred_end"]
    assert states[lost] == "inferred_end"


# 36
async def test_a_start_resent_with_its_old_time_after_a_loss_is_the_same_transaction(
    central: Central,
) -> None:
    station = await central.here()
    number = await station.start(0, 1000)
    central.clock.at += timedelta(hours=3)
    assert await station.start(0, 1000) == number


# 37
async def test_two_starts_of_the_same_content_under_different_ids_are_one(central: Central) -> None:
    station = await central.here()
    one = await station.call("StartTransaction", start(0), message_id="one")
    assert await station.call("StartTransaction", start(0), message_id="two") == one
    assert len(await central.told(TransactionStarted, about=station.identity)) == 1


# 38
async def test_a_stop_or_a_boot_repeated_for_ever_is_always_answered(central: Central) -> None:
    station = await central.here()
    number = await station.start()
    for _ in range(10):
        assert await station.stop(number) == {}
        assert (await station.boot())["status"] == "Accepted"
    assert len(await central.told(TransactionEnded, about=station.identity)) == 1
    assert len(await central.reports(number)) == 2


# 39
@pytest.mark.parametrize("status", ["Finishing", "Available", "Unavailable", "Faulted"])
async def test_a_status_never_ends_a_transaction(central: Central, status: str) -> None:
    station = await central.here()
    number = await station.start(0)
    await station.status(status, 30)
    assert (await central.transaction(number)).state == "active"
    await station.stop(number)
    transaction = await central.transaction(number)
    assert (transaction.energy_wh, transaction.revision) == (wh(8000), 1)


# 39
async def test_available_in_mid_charge_infers_no_end_while_the_register_rises(
    central: Central,
) -> None:
    central.clock.at = moment(120)
    station = await central.here()
    number = await station.start(0, 1000)
    await station.read(10, 2000, transactionId=number)
    await station.status("Available", 20)
    await station.read(30, 2000, transactionId=number)
    await station.read(40, 4000, transactionId=number)
    await central.system.connections.infer_lost_ends()
    assert (await central.transaction(number)).state == "active"


# 40
async def test_a_transaction_survives_a_boot_of_its_station(central: Central) -> None:
    station = await central.here()
    number = await station.start(0)
    station.drop()
    again = await central.connect(station.identity)
    await again.boot()
    assert (await central.transaction(number)).state == "active"
    await again.stop(number)
    assert (await central.transaction(number)).energy_wh == 8000


# 41
async def test_transactions_every_few_minutes_are_each_one_of_their_own(central: Central) -> None:
    station = await central.here()
    for place in range(6):
        number = await station.start(place * 3, 1000 + place * 100)
        await station.stop(number, place * 3 + 2, 1100 + place * 100)
    found = await central.transactions(station.identity)
    assert [each.energy_wh for each in found] == [100] * 6


# 43
async def test_numbers_that_begin_again_and_replays_marked_offline_are_one_transaction(
    central: Central,
) -> None:
    station = await central.here(V201)
    first = [register2(0, 1000, "Transaction.Begin")]
    last = [register2(60, 9000, "Transaction.End")]
    evse = {"id": 1}
    await station.event("Started", 0, 0, meterValue=first, evse=evse)
    for seq_no in (1, 2, 3):
        await station.event("Updated", seq_no, seq_no * 5.0, evse=evse)
    await station.event("Updated", 0, 30, evse=evse)  # after a reboot it counts anew
    await station.event("Ended", 1, 60, meterValue=last, evse=evse)
    await station.event("Started", 0, 0, meterValue=first, evse=evse, offline=True)
    await station.event("Ended", 1, 60, meterValue=last, evse=evse, offline=True)
    transaction = await central.only_transaction(station.identity)
    assert (transaction.state, transaction.energy_wh) == ("ended", wh(8000))
    assert (transaction.evse_id, transaction.conflicting_ends) == (1, 0)


# 44
async def test_an_event_without_a_trigger_reason_is_an_event(central: Central) -> None:
    station = await central.here(V201)
    said: dict[str, Any] = {
        "eventType": "Started",
        "timestamp": at(0),
        "seqNo": 0,
        "transactionInfo": {"transactionId": "t-1"},
    }
    await station.call("TransactionEvent", said)
    assert (await central.only_transaction(station.identity)).ref == "t-1"


# -------------------------------------------------------------------------------------- energy


# 45
async def test_a_make_that_sends_kwh_as_wh_is_put_right_the_whole_way(central: Central) -> None:
    station = await central.here()
    boot = {
        "chargePointVendor": "OpenEVSE",
        "chargePointModel": "OpenEVSE",
        "firmwareVersion": "4.2.2",
    }
    await station.call("BootNotification", boot)
    profile = profile_of("OpenEVSE", "OpenEVSE", "4.2.2", shipped())
    assert profile is not None
    number = await station.start(0, 1)
    await station.stop(number, 60, 9)
    assert (await central.transaction(number)).energy_wh == 8 * profile.energy_factor


# 46
async def test_a_register_that_begins_at_zero_each_time_is_no_repeat(central: Central) -> None:
    station = await central.here()
    numbers = []
    for _ in range(2):
        number = await station.start(0, 0)
        await station.stop(number, 60, 8000)
        numbers.append(number)
    assert len(set(numbers)) == 2
    assert [each.energy_wh for each in await central.transactions(station.identity)] == [8000, 8000]


# 47
@pytest.mark.parametrize(
    ("begun", "over", "energy", "doubts"),
    [
        (1000, -1, 4000, (Doubt.NEGATIVE_ENERGY,)),
        (1000, 0, 4000, (Doubt.NEGATIVE_ENERGY,)),
        (1000, 900, 4000, (Doubt.NEGATIVE_ENERGY,)),
        (-1, 9000, 4000, (Doubt.MISSING_START,)),
    ],
)
async def test_an_impossible_register_is_estimated_and_held(
    central: Central, begun: int, over: int, energy: int, doubts: tuple[Doubt, ...]
) -> None:
    station = await central.here()
    number = await station.start(0, begun)
    await station.read(30, 5000, transactionId=number)
    await station.stop(number, 60, over)
    transaction = await central.transaction(number)
    assert transaction.state == "ended"
    assert (transaction.energy_wh, transaction.doubts) == (wh(energy), doubts)


# 48
async def test_a_register_that_goes_on_after_the_stop_leaves_the_next_one_right(
    central: Central,
) -> None:
    station = await central.here()
    one = await station.start(0, 1000)
    await station.stop(one, 60, 9000)
    two = await station.start(100, 9004)
    await station.stop(two, 160, 10_004)
    found = [(await central.transaction(number)).energy_wh for number in (one, two)]
    assert found == [8000, 1000]


# 49
async def test_clock_readings_without_a_transaction_are_linked_by_connector_and_time(
    central: Central,
) -> None:
    station = await central.here()
    number = await station.start(0, 1000)
    element = register(30, 5000, "Sample.Clock")
    await station.call("MeterValues", {"connectorId": 1, "meterValue": [element]})
    await station.call("MeterValues", {"connectorId": 2, "meterValue": [element]})
    assert len(await central.readings(number)) == 1


# 50
async def test_readings_sent_again_at_each_reconnect_are_there_once(central: Central) -> None:
    station = await central.here()
    number = await station.start(0, 1000)
    for _ in range(3):
        for minutes in (10, 20):
            await station.read(minutes, 1000 + minutes * 100, transactionId=number)
        station.drop()
        station = await central.connect(station.identity)
    assert len(await central.readings(number)) == 2


# 51
async def test_a_closing_reading_after_the_stop_counts_within_its_tolerance(
    central: Central,
) -> None:
    station = await central.here()
    near, far = await station.start(0, 1000), 0
    await station.stop(near, 60, 9000)
    said = {"connectorId": 1, "transactionId": near}
    closing = [register(61, 9004, "Transaction.End")]
    await station.call("MeterValues", said | {"meterValue": closing})
    far = await station.start(100, 10_000)
    await station.stop(far, 160, 11_000)
    said = {"connectorId": 1, "transactionId": far}
    closing = [register(161, 20_000, "Transaction.End")]
    await station.call("MeterValues", said | {"meterValue": closing})
    assert (await central.transaction(near)).energy_wh == 8004
    assert (await central.transaction(far)).energy_wh == 1000


# 52
async def test_readings_of_connector_0_belong_to_no_transaction(central: Central) -> None:
    station = await central.here()
    number = await station.start(0, 1000)
    await station.read(30, 777_777, connector=0)
    await station.stop(number, 60, 9000)
    transaction = await central.transaction(number)
    assert (transaction.energy_wh, await central.readings(number)) == (wh(8000), [])


# ------------------------------------------------------------------------------------- status


# 56
async def test_faulted_without_an_error_is_no_fault_and_a_real_one_is(central: Central) -> None:
    station = await central.here()
    await station.status("Faulted", 0)
    assert await central.told(FaultReported, about=station.identity) == []
    await station.status("Faulted", 1, errorCode="GroundFailure", info="RCD")
    await station.status("Faulted", 2, errorCode="GroundFailure", info="RCD")
    await station.status("Available", 3)
    [fault] = await central.told(FaultReported, about=station.identity)
    assert (fault.error_code, fault.info) == ("GroundFailure", "RCD")
    assert len(await central.told(FaultCleared, about=station.identity)) == 1


# 57
async def test_statuses_in_any_order_around_a_start_are_only_statuses(central: Central) -> None:
    station = await central.here()
    await station.status("Charging", 0)
    number = await station.start(1)
    await station.status("Preparing", 2)
    await station.status("Charging", 3)
    transaction = await central.transaction(number)
    assert (transaction.state, await live(central, station)) == ("active", {(1, 1): "Charging"})


# 58
async def test_an_old_status_after_a_new_one_goes_into_the_history_only(central: Central) -> None:
    station = await central.here()
    await station.status("Charging", 30)
    await station.status("Available", 10)
    assert await live(central, station) == {(1, 1): "Charging"}
    told = await central.told(ConnectorStatusChanged, about=station.identity)
    assert [each.charging_state for each in told] == ["Charging"]
    history = await central.rows(
        "select original_status from status_history where station = :s order by id",
        s=station.identity,
    )
    assert [row["original_status"] for row in history] == ["Charging", "Available"]


# 59
async def test_a_start_on_connector_0_is_one_on_connector_1(central: Central) -> None:
    station = await central.here()
    number = await station.start(0, connector=0)
    assert (await central.transaction(number)).evse_id == 1


# 59
async def test_connectors_appear_as_a_station_names_them(central: Central) -> None:
    station = await central.here()
    for connector in (0, 1, 7):
        await station.status("Available", 0, connector=connector)
    assert set(await live(central, station)) == {(0, 0), (1, 1), (7, 1)}


# 60
async def test_any_frame_counts_as_a_sign_of_life(central: Central) -> None:
    station = await central.here()
    await station.boot()
    connection = central.system.connections.get(StationId(station.identity))
    assert connection is not None
    for minutes, said in ((500, ""), (501, "nonsense"), (502, '[3,"never-asked",{}]')):
        central.clock.at = moment(minutes)
        await station.send(said)
        await station.call("DataTransfer", {"vendorId": "x"})
        assert connection.heard_at == moment(minutes)


# ------------------------------------------------------------------- configuration and commands


# 62
async def test_before_its_boot_a_station_is_asked_nothing(central: Central) -> None:
    station = await central.here()
    await station.call("Heartbeat", {})
    central.clock.at += timedelta(seconds=4)
    central.system.connections.trigger_boots()
    await station.call("Heartbeat", {})
    assert station.asked == []


# 63
async def test_a_station_that_does_not_boot_is_asked_to_after_5_seconds(central: Central) -> None:
    station = await central.here()
    await station.call("Heartbeat", {})
    central.clock.at += timedelta(seconds=5)
    central.system.connections.trigger_boots()
    assert (await station.next_asked())[2:] == [
        "TriggerMessage",
        {"requestedMessage": "BootNotification"},
    ]
    # Whether it answers or not: it may charge.
    assert await station.start() > 0


async def kept(central: Central, identity: str, action: str, answer: str) -> None:
    """Keep an answer that a station gave to a command."""
    said = outgoing.decode_answer(OcppVersion.V16, action, answer)
    async with central.database.unit_of_work() as db:
        await keep_answer(db, StationId(identity), action, said, central.clock.now())


# 69
async def test_a_key_in_other_letters_is_found_all_the_same(central: Central) -> None:
    identity = await central.station()
    answer = '{"configurationKey":[{"key":"heartbeatinterval","readonly":"false","value":300}]}'
    await kept(central, identity, "GetConfiguration", answer)
    async with central.database.unit_of_work() as db:
        [found] = await equipment.configuration(
            db, WHOLE, StationId(identity), key="HeartbeatInterval"
        )
    assert (found.variable, found.value, found.is_read_only) == ("heartbeatinterval", "300", False)


# 71
async def test_a_station_that_redials_again_and_again_keeps_its_transaction(
    central: Central,
) -> None:
    station = await central.here()
    number = await station.start(0)
    for _ in range(5):
        station = await central.connect(station.identity)
        await station.boot()
    await station.stop(number)
    assert (await central.transaction(number)).energy_wh == 8000
    assert len(await central.told(StationBooted, about=station.identity)) == 5
    assert (await central.connection_of(station.identity))["epoch"] == 6


# 72
async def test_a_local_list_may_have_the_version_0_or_none(central: Central) -> None:
    identity = await central.station()
    for version in ("0", "-1"):
        await kept(central, identity, "GetLocalListVersion", f'{{"listVersion":{version}}}')
        async with central.database.unit_of_work() as db:
            [found] = await equipment.variables(db, WHOLE, StationId(identity))
        assert found.value == version


# ------------------------------------------------------------------------------------ security


# 73
@pytest.mark.parametrize(
    ("set_as", "offered"),
    [
        (PASSWORD, PASSWORD.encode().hex()),
        (PASSWORD, PASSWORD.encode().hex().upper()),
        ("6162636465666768696a", b"abcdefghij"),
    ],
)
async def test_a_password_as_hex_or_as_bytes_is_the_same_password(
    central: Central, set_as: str, offered: str | bytes
) -> None:
    identity = await central.station(password=set_as)
    station = await central.connect(identity, password=offered)
    assert (await station.boot())["status"] == "Accepted"


# 74
@pytest.mark.parametrize("user", ["", "admin"])
async def test_a_user_name_that_is_not_the_identity_is_refused(central: Central, user: str) -> None:
    identity = await central.station(password=PASSWORD)
    with pytest.raises(InvalidStatus) as told:
        await central.connect(identity, user=user, password=PASSWORD)
    assert told.value.response.status_code == 401
    await central.connect(identity, password=PASSWORD)


# 77
async def test_a_security_event_repeated_every_minute_is_told_once_and_an_unknown_one_kept(
    central: Central,
) -> None:
    station = await central.here()
    for kind in ("MadeUpByTheMaker", "TamperDetectionActivated"):
        for _ in range(5):
            said = {"type": kind, "timestamp": at(0), "techInfo": "door"}
            assert await station.call("SecurityEventNotification", said) == {}
    told = await central.told(SecurityEventReported, about=station.identity)
    assert [each.type for each in told] == ["MadeUpByTheMaker", "TamperDetectionActivated"]


# ------------------------------------------------------------------------------------ the table


def test_the_table_of_quirks_names_the_tests_that_there_are() -> None:
    table = (ROOT / "docs" / "quirks.md").read_text(encoding="utf-8")
    named: dict[int, set[str]] = {}
    for line in table.splitlines():
        if row := re.match(r"\| (\d+) \|", line):
            named[int(row[1])] = set(re.findall(r"`(test_\w+)`", line))
    assert list(named) == list(range(1, 78))
    there: dict[int, set[str]] = {}
    for path in (Path(__file__), Path(__file__).parent / "ocpp" / "test_quirks.py"):
        text = path.read_text(encoding="utf-8")
        marked = re.findall(
            r"^# (\d+)\n(?:@.*\n|    .*\n|\)\n)*(?:async )?def (test_\w+)", text, re.MULTILINE
        )
        for number, name in marked:
            there.setdefault(int(number), set()).add(name)
    # Others are tried where their room is; that those exist is asked of all of `docs/`.
    assert {row: named[row] for row in there} == there
    assert len(there) >= 50
