"""What real stations get wrong, and that it is understood: one test per quirk of our field notes.

The comment above each test names the row. Each goes the whole way from JSON to the report.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from csms import vendors
from csms.ocpp import repair
from csms.ocpp.errors import ErrorCode, MessageError
from csms.ocpp.rpc import Call, Unreadable, parse
from csms.reports import (
    AuthorizeReport,
    BootReport,
    ChargingState,
    ConnectorStatus,
    DataTransferReport,
    MeterReport,
    NotificationReport,
    Origin,
    Reading,
    Report,
    SecurityEventReport,
    StatusReport,
    TransactionEndReport,
    TransactionStartReport,
    TransactionUpdateReport,
)
from foundation.identifiers import ConnectorId, EvseId, IdToken
from tests.csms.ocpp.said import (
    BOOT,
    EVENT,
    HEARD,
    NOON,
    START,
    STATUS,
    STOP,
    V16,
    V201,
    meter,
    origin,
    said,
)

REGISTER = "Energy.Active.Import.Register"


def without(payload: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in payload.items() if name not in names}


def readings_of(*sampled: dict[str, Any]) -> tuple[Reading, ...]:
    return said(V16, "MeterValues", meter(*sampled), MeterReport).readings


def used(report: Report) -> Sequence[str]:
    return report.origin.repairs


# ------------------------------------------------------------------- parse and transport


# 3
def test_1_6_words_for_a_status_on_a_2_0_1_connection_are_understood() -> None:
    status = {
        "timestamp": "2026-10-15T12:00:00Z",
        "evseId": 1,
        "connectorId": 1,
        "connectorStatus": "SuspendedEV",
    }
    report = said(V201, "StatusNotification", status, StatusReport)
    assert report.status is ConnectorStatus.OCCUPIED
    assert report.charging_state is ChargingState.SUSPENDED_EV
    assert used(report) == ("status_of_another_version",)
    renamed = without(status, "connectorStatus") | {"status": "Available"}
    assert (
        said(V201, "StatusNotification", renamed, StatusReport).status is ConnectorStatus.AVAILABLE
    )


# 3
def test_a_1_6_message_on_a_2_0_1_connection_is_no_action_of_it() -> None:
    for action, payload in [("StartTransaction", START), ("StopTransaction", STOP)]:
        with pytest.raises(MessageError) as refused:
            said(V201, action, payload, Report)
        assert refused.value.error_code is ErrorCode.NOT_IMPLEMENTED


# 9
def test_a_frame_with_a_transaction_id_without_value_is_mended() -> None:
    frame = (
        '[2,"17","StopTransaction",{"transactionId":,"meterStop":9000,'
        '"timestamp":"2026-10-15T12:00:00Z"}]'
    )
    assert isinstance(parse(frame), Unreadable)
    mended, rules = repair.mend_text(frame)
    call = parse(mended)
    assert isinstance(call, Call)
    assert rules == ("field_without_value",)
    report = said(V16, call.action, bytes(call.payload).decode(), TransactionEndReport)
    assert (report.number, report.meter_stop_wh) == (-1, Decimal(9000))
    assert used(report) == ("null_left_out", "missing_transaction_id")


# 9
def test_a_frame_that_is_broken_elsewhere_stays_broken() -> None:
    frame = '[2,"17","StopTransaction",{"transactionId":7 "meterStop":9000}]'
    assert repair.mend_text(frame) == (frame, ())


# 10
def test_an_odd_message_id_changes_nothing() -> None:
    ids = ["1", "x" * 64, "00000000-0000-0000-0000-000000000000"]
    assert [parse(json.dumps([2, each, "Heartbeat", {}])).id for each in ids] == ids  # type: ignore[union-attr]
    numeric = parse('[2,17,"Heartbeat",{}]')
    assert isinstance(numeric, Call)
    assert numeric.id == "17"


# 11
def test_numbers_as_texts_and_texts_as_numbers_are_read() -> None:
    odd = {"connectorId": "1", "idTag": 4711, "meterStart": "1000.0", "reservationId": " 5 "}
    report = said(V16, "StartTransaction", START | odd, TransactionStartReport)
    assert (report.evse_id, report.id_token) == (1, IdToken("4711"))
    assert (report.meter_start_wh, report.reservation_id) == (Decimal(1000), 5)
    assert set(used(report)) == {"number_in_text", "text_of_number"}


# 11
def test_a_numeric_meter_value_is_read_digit_by_digit() -> None:
    [reading] = said(
        V16,
        "MeterValues",
        '{"connectorId":1,"meterValue":[{"timestamp":"2026-10-15T12:00:00Z",'
        '"sampledValue":[{"value":1234567.10}]}]}',
        MeterReport,
    ).readings
    assert reading.energy_register_wh == Decimal("1234567.10")


# 11
def test_a_register_with_decimals_is_rounded_to_whole_wh() -> None:
    report = said(V16, "StopTransaction", STOP | {"meterStop": 9000.5}, TransactionEndReport)
    assert report.meter_stop_wh == 9001
    assert used(report) == ("integer_rounded",)


# 12
@pytest.mark.parametrize("nothing", [None, "null", "NULL", ""])
def test_null_for_an_optional_field_is_no_field(nothing: str | None) -> None:
    report = said(V16, "StopTransaction", STOP | {"reason": nothing}, TransactionEndReport)
    assert report.reason == "Local"
    assert len(used(report)) == 1


# 12
def test_the_text_null_is_no_information() -> None:
    odd = {"info": "null", "vendorErrorCode": "null", "vendorId": ""}
    report = said(V16, "StatusNotification", STATUS | odd, StatusReport)
    assert (report.info, report.vendor_error_code, report.vendor_id) == (None, None, None)
    assert said(V16, "StatusNotification", STATUS | {"info": "nullify"}, StatusReport).info


# 13
def test_extra_fields_are_dropped_and_other_names_understood() -> None:
    odd = {"disconnectReason": "EVDisconnected", "cableTemperature": 41, "IdTag": "04A2"}
    report = said(V16, "StopTransaction", STOP | odd, TransactionEndReport)
    assert (report.reason, report.id_token) == ("EVDisconnected", IdToken("04A2"))
    assert set(used(report)) == {"field_by_another_name", "unknown_field_dropped"}


# 13
def test_an_object_as_data_of_a_1_6_data_transfer_is_kept_as_its_json() -> None:
    transfer = {"vendorId": "v", "data": {"soc": 80.5}}
    report = said(V16, "DataTransfer", transfer, DataTransferReport)
    assert report.data == '{"soc":80.5}'


# 14
def test_an_invented_error_code_is_another_error_and_keeps_its_word() -> None:
    odd = {"status": "Faulted", "errorCode": "Error"}
    report = said(V16, "StatusNotification", STATUS | odd, StatusReport)
    assert (report.error_code, report.vendor_error_code) == ("OtherError", "Error")
    beside = odd | {"vendorErrorCode": "E-17"}
    report = said(V16, "StatusNotification", STATUS | beside, StatusReport)
    assert report.vendor_error_code == "E-17"


# 14
def test_the_status_occupied_means_a_car_is_there() -> None:
    report = said(V16, "StatusNotification", STATUS | {"status": "Occupied"}, StatusReport)
    assert (report.status, report.charging_state) == (ConnectorStatus.OCCUPIED, None)
    assert report.original_status == "Occupied"


# 14
def test_a_free_text_as_reason_is_another_reason() -> None:
    odd = STOP | {"reason": "Stopped by the operator's app"}
    assert said(V16, "StopTransaction", odd, TransactionEndReport).reason == "Other"
    info = {"transactionId": "t-1", "stoppedReason": "because"}
    event = EVENT | {"eventType": "Ended", "transactionInfo": info}
    assert said(V201, "TransactionEvent", event, TransactionEndReport).reason == "Other"


# 14
def test_a_word_in_other_letters_is_the_same_word() -> None:
    odd = STOP | {"reason": "ev_disconnected"}
    assert said(V16, "StopTransaction", odd, TransactionEndReport).reason == "EVDisconnected"
    status = STATUS | {"status": " available", "errorCode": "NO_ERROR"}
    report = said(V16, "StatusNotification", status, StatusReport)
    assert (report.status, report.error_code) == (ConnectorStatus.AVAILABLE, None)


# 14
def test_an_unknown_measurand_is_kept_and_is_no_energy() -> None:
    [reading] = readings_of(
        {"value": "5", "measurand": "Energy.Solar.Share", "context": "Sample.Odd", "phase": "L4"}
    )
    [sample] = reading.samples
    assert (sample.measurand, sample.phase) == ("Energy.Solar.Share", "L4")
    assert (reading.context, reading.energy_register_wh) == ("Sample.Odd", None)


# 15
def test_longer_texts_than_allowed_are_kept_whole() -> None:
    report = said(V16, "StatusNotification", STATUS | {"info": "i" * 400}, StatusReport)
    assert report.info == "i" * 400
    boot = BOOT | {"chargePointSerialNumber": "S" * 40, "chargePointModel": "M" * 30}
    booted = said(V16, "BootNotification", boot, BootReport)
    assert (booted.serial_number, booted.model) == ("S" * 40, "M" * 30)
    assert used(booted) == ("over_long_text",)


# 15
def test_a_text_beyond_64_kb_is_left_out_where_it_may_be() -> None:
    report = said(V16, "StatusNotification", STATUS | {"info": "i" * 65_537}, StatusReport)
    assert report.info is None
    assert used(report) == ("unreadable_option_left_out",)


# 16
@pytest.mark.parametrize(
    ("unit", "base"),
    [("Celcius", "Celsius"), ("Celsius", "Celsius"), ("celsius ", "Celsius"), ("°C", "Celsius")],
)
def test_celsius_is_understood_in_every_spelling(unit: str, base: str) -> None:
    [reading] = readings_of({"value": "21", "measurand": "Temperature", "unit": unit})
    assert reading.samples[0].unit == base


# 16
def test_hertz_is_a_unit_although_no_list_has_it() -> None:
    [reading] = readings_of({"value": "50", "measurand": "Frequency", "unit": "Hertz"})
    assert (reading.samples[0].value, reading.samples[0].unit) == (Decimal(50), "Hz")


# 16
def test_a_unit_with_a_space_behind_it_is_that_unit() -> None:
    [reading] = readings_of({"value": "1.5", "unit": "kWh "})
    assert reading.energy_register_wh == 1500


# 17
def test_a_kwh_value_with_a_decimal_comma_is_read() -> None:
    [reading] = readings_of({"value": " 1 234,5 ", "unit": "kWh"})
    assert reading.energy_register_wh == 1_234_500


# 17
def test_a_2x_value_with_a_decimal_comma_is_read() -> None:
    at = {"timestamp": "2026-10-15T12:00:00Z", "sampledValue": [{"value": "1234,5"}, {"value": ""}]}
    report = said(V201, "MeterValues", {"evseId": 1, "meterValue": [at]}, MeterReport)
    [reading] = report.readings
    assert [sample.value for sample in reading.samples] == [Decimal("1234.5")]
    assert "item_without_meaning_skipped" in used(report)


# 17
def test_empty_values_and_empty_lists_of_values_are_skipped() -> None:
    empty = {"timestamp": "2026-10-15T12:00:00Z", "sampledValue": []}
    full = {"timestamp": "2026-10-15T12:00:00Z", "sampledValue": [{"value": ""}, {"value": "5"}]}
    payload = {"connectorId": 1, "meterValue": [empty, full]}
    [reading] = said(V16, "MeterValues", payload, MeterReport).readings
    assert reading.energy_register_wh == 5
    nothing = {"connectorId": 1, "meterValue": [empty]}
    assert said(V16, "MeterValues", nothing, MeterReport).readings == ()
    assert said(V16, "MeterValues", {"connectorId": 1}, MeterReport).readings == ()


# ------------------------------------------------------------------------------------ time


# 21
def test_a_moment_without_a_zone_is_utc_or_the_sites() -> None:
    odd = START | {"timestamp": "2026-10-15T12:00:00"}
    report = said(V16, "StartTransaction", odd, TransactionStartReport)
    assert report.at == NOON
    assert used(report) == ("date_time_without_zone",)
    berlin = ZoneInfo("Europe/Berlin")
    report = said(V16, "StartTransaction", odd, TransactionStartReport, zone=berlin)
    assert report.at == NOON - timedelta(hours=2)


# 22
@pytest.mark.parametrize("text", ["2026-10-15T14:00:00+02", "2026-10-15 14:00:00 +0200"])
def test_an_offset_without_minutes_is_read(text: str) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    odd = START | {"timestamp": text}
    report = said(V16, "StartTransaction", odd, TransactionStartReport, zone=berlin)
    assert report.at == NOON


# 25
@pytest.mark.parametrize("text", ["1970-01-01T00:00:07Z", "2000-01-01T00:00:00Z"])
def test_a_clock_that_was_never_set_is_passed_on_as_it_is(text: str) -> None:
    """It is for the skew of the connection to correct, and for people to see."""
    report = said(V16, "StartTransaction", START | {"timestamp": text}, TransactionStartReport)
    assert report.at.isoformat() == text.replace("Z", "+00:00")
    assert used(report) == ()


# 26
@pytest.mark.parametrize("text", ["2036-10-15T12:00:00Z", "2026-10-15T12:00:00.999Z"])
def test_a_moment_in_the_future_is_not_refused(text: str) -> None:
    report = said(V16, "StopTransaction", STOP | {"timestamp": text}, TransactionEndReport)
    assert report.at >= NOON
    assert used(report) == ()


# 25
@pytest.mark.parametrize("text", ["0000-00-00T00:00:00Z", "", "null", "soon", "n/a"])
def test_a_moment_that_is_none_is_the_moment_of_receipt(text: str) -> None:
    report = said(V16, "StartTransaction", START | {"timestamp": text}, TransactionStartReport)
    assert report.at == HEARD
    assert {"missing_timestamp", "unreadable_timestamp"} & set(used(report))


# 28
def test_readings_and_messages_without_a_moment_are_read() -> None:
    payload = {"connectorId": 1, "meterValue": [{"sampledValue": [{"value": "5"}]}]}
    [reading] = said(V16, "MeterValues", payload, MeterReport).readings
    assert (reading.measured_at, reading.energy_register_wh) == (None, Decimal(5))
    report = said(V16, "StopTransaction", without(STOP, "timestamp"), TransactionEndReport)
    assert report.at == HEARD
    event = said(V201, "TransactionEvent", without(EVENT, "timestamp"), TransactionStartReport)
    assert event.at == HEARD


# -------------------------------------------------------------------------------- identity


# 29
def test_a_token_written_in_different_ways_is_one_token() -> None:
    written = ["20:69:c0:21", "2069C021", " 2069 c021", "20-69-C0-21"]
    tokens = [said(V16, "Authorize", {"idTag": each}, AuthorizeReport).id_token for each in written]
    assert [token.value for token in tokens if token] == written
    assert {token.key for token in tokens if token} == {"2069C021"}


# 30
def test_a_token_of_21_characters_or_more_is_kept_whole() -> None:
    for length in (21, 64, 255):
        report = said(V16, "Authorize", {"idTag": "A" * length}, AuthorizeReport)
        assert report.id_token == IdToken("A" * length)
        assert used(report) == ("over_long_text",)


# 31
@pytest.mark.parametrize("tag", ["", "  ", "\0\0\0\0", None])
def test_an_empty_token_is_no_token(tag: str | None) -> None:
    report = said(V16, "StartTransaction", START | {"idTag": tag}, TransactionStartReport)
    assert report.id_token is None


# 31
def test_a_missing_token_does_not_cost_the_start() -> None:
    report = said(V16, "StartTransaction", without(START, "idTag"), TransactionStartReport)
    assert (report.id_token, report.meter_start_wh) == (None, Decimal(1000))
    assert said(V16, "Authorize", {}, AuthorizeReport).id_token is None
    event = EVENT | {"idToken": {"idToken": "", "type": "Central"}}
    assert said(V201, "TransactionEvent", event, TransactionStartReport).id_token is None


# 31
@pytest.mark.parametrize("token", ["04A2", {"idToken": "04A2"}, {"idToken": "04A2", "type": None}])
def test_a_2x_token_without_its_type_is_a_card(token: Any) -> None:
    report = said(V201, "TransactionEvent", EVENT | {"idToken": token}, TransactionStartReport)
    assert report.id_token == IdToken("04A2", "ISO14443")


# 32
def test_a_corrupted_token_does_not_cost_the_start() -> None:
    """Control characters as they are in the frame, no valid JSON, and as escapes."""
    raw = json.dumps(START | {"idTag": "04A2@@"}).replace("@@", "\x02\\u0000")
    report = said(V16, "StartTransaction", raw, TransactionStartReport)
    assert report.id_token == IdToken("04A2\x02")
    assert used(report) == ("control_characters_in_text",)


# ---------------------------------------------------------------------------- transactions


# 34
@pytest.mark.parametrize("number", [-1, 0, 1, 2**31, 2**63 - 1])
def test_any_transaction_number_is_passed_on(number: int) -> None:
    payload = STOP | {"transactionId": number}
    assert said(V16, "StopTransaction", payload, TransactionEndReport).number == number
    values = meter({"value": "5"}, transactionId=number)
    assert said(V16, "MeterValues", values, MeterReport).number == number


# 34
def test_a_transaction_number_beyond_64_bits_is_unusable() -> None:
    payload = STOP | {"transactionId": 2**63}
    assert said(V16, "StopTransaction", payload, TransactionEndReport).number == -1


# 35
def test_a_local_number_of_the_station_is_passed_on() -> None:
    payload = STOP | {"transactionId": "-12345"}
    assert said(V16, "StopTransaction", payload, TransactionEndReport).number == -12345


# 36
def test_an_end_says_all_that_is_needed_to_adopt_it() -> None:
    begin = {"value": "1000", "context": "Transaction.Begin"}
    data = [{"timestamp": "2026-10-15T11:00:00Z", "sampledValue": [begin]}]
    payload = STOP | {"idTag": "04A2", "transactionData": data}
    report = said(V16, "StopTransaction", payload, TransactionEndReport)
    [reading] = report.readings
    assert reading.measured_at == datetime(2026, 10, 15, 11, 0, tzinfo=UTC)
    assert (reading.energy_register_wh, report.meter_stop_wh) == (Decimal(1000), Decimal(9000))
    assert report.id_token == IdToken("04A2")


# 37
def test_a_start_sent_again_under_another_id_says_the_same() -> None:
    first = said(V16, "StartTransaction", START, TransactionStartReport)
    again = said(V16, "StartTransaction", START, TransactionStartReport)
    other = Origin(first.origin.station, V16, 2, HEARD, "m-2", "StartTransaction", first.origin.raw)
    assert replace(again, origin=other) != first
    assert replace(again, origin=other) == replace(first, origin=other)


# 43
def test_a_2_0_1_event_without_connector_names_its_evse() -> None:
    event = EVENT | {"evse": {"id": 1}}
    report = said(V201, "TransactionEvent", event, TransactionStartReport)
    assert (report.evse_id, report.connector_id) == (1, None)
    bare = said(V201, "TransactionEvent", EVENT, TransactionStartReport)
    assert (bare.evse_id, bare.connector_id) == (None, None)


# 43
def test_a_2_0_1_status_without_connector_is_the_evses_first() -> None:
    status = {
        "timestamp": "2026-10-15T12:00:00Z",
        "connectorStatus": "Occupied",
        "evseId": 2,
    }
    report = said(V201, "StatusNotification", status, StatusReport)
    assert (report.evse_id, report.connector_id) == (EvseId(2), ConnectorId(1))
    assert used(report) == ("missing_connector_id",)


# 43
def test_an_event_without_seq_no_or_replayed_as_offline_is_read() -> None:
    event = without(EVENT, "seqNo") | {"offline": "true"}
    report = said(V201, "TransactionEvent", event, TransactionStartReport)
    assert (report.seq_no, report.offline) == (None, True)


# 44
def test_an_event_without_trigger_reason_is_read() -> None:
    event = without(EVENT, "triggerReason") | {"eventType": "Updated"}
    report = said(V201, "TransactionEvent", event, TransactionUpdateReport)
    assert (report.ref, report.trigger) == ("t-1", None)
    assert used(report) == ("missing_trigger_reason",)
    odd = EVENT | {"triggerReason": "CarWoke"}
    assert said(V201, "TransactionEvent", odd, TransactionStartReport).trigger == "CarWoke"


# ---------------------------------------------------------------------------------- energy


# 45
def test_kwh_labelled_wh_are_put_right_for_the_firmware_that_does_it() -> None:
    report = said(V16, "MeterValues", meter({"value": "361", "unit": "Wh"}), MeterReport)
    profile = vendors.profile_of("OpenEVSE", "any", "4.2.2", vendors.shipped())
    assert profile is not None
    meant = vendors.adjusted(report, profile)
    assert isinstance(meant, MeterReport)
    assert meant.readings[0].energy_register_wh == 361_000
    assert report.readings[0].energy_register_wh == 361  # any other station means what it says


# 45
def test_a_missing_unit_is_wh_for_energy_and_unknown_for_power() -> None:
    [reading] = readings_of(
        {"value": "1500", "measurand": REGISTER},
        {"value": "11", "measurand": "Power.Active.Import"},
    )
    assert [sample.unit for sample in reading.samples] == ["Wh", None]
    assert reading.energy_register_wh == 1500


# 46
def test_a_register_that_starts_at_zero_is_passed_on_as_it_is() -> None:
    report = said(V16, "StartTransaction", START | {"meterStart": 0}, TransactionStartReport)
    assert report.meter_start_wh == 0
    missing = said(V16, "StartTransaction", without(START, "meterStart"), TransactionStartReport)
    assert missing.meter_start_wh is None  # zero is a reading, nothing is none


# 47
@pytest.mark.parametrize("register", [-1, 0, 999])
def test_an_impossible_end_register_is_passed_on_as_it_is(register: int) -> None:
    report = said(V16, "StopTransaction", STOP | {"meterStop": register}, TransactionEndReport)
    assert report.meter_stop_wh == register
    missing = said(V16, "StopTransaction", without(STOP, "meterStop"), TransactionEndReport)
    assert missing.meter_stop_wh is None


# 49
def test_readings_without_a_transaction_are_read() -> None:
    clock = meter({"value": "5", "context": "Sample.Clock"})
    report = said(V16, "MeterValues", clock, MeterReport)
    assert (report.number, report.readings[0].context) == (None, "Sample.Clock")
    nulled = said(V16, "MeterValues", clock | {"transactionId": None}, MeterReport)
    assert nulled.number is None


# 50
def test_readings_sent_again_are_the_same_readings() -> None:
    values = meter({"value": "5", "unit": "kWh"}, transactionId=7)
    spelled = meter({"value": "5.0", "unit": "kWh ", "context": "Sample.Periodic"})
    first = said(V16, "MeterValues", values, MeterReport)
    again = said(V16, "MeterValues", spelled, MeterReport)
    assert first.readings == again.readings


# 51
def test_closing_readings_say_that_they_are() -> None:
    closing = meter({"value": "9004", "context": "Transaction.End"}, transactionId=7)
    [reading] = said(V16, "MeterValues", closing, MeterReport).readings
    assert (reading.context, reading.energy_register_wh) == ("Transaction.End", Decimal(9004))


# 52
def test_readings_of_connector_0_are_the_whole_stations() -> None:
    for values in (
        meter({"value": "5"}, connectorId=0),
        without(meter({"value": "5"}), "connectorId"),
        meter({"value": "5"}, connectorId=-1),
    ):
        assert said(V16, "MeterValues", values, MeterReport).evse_id == 0


# 53
def test_energy_of_three_phases_is_summed_and_never_averaged() -> None:
    phases = [
        {"value": "100", "phase": "L1-N"},
        {"value": "110", "phase": "L2-N"},
        {"value": "90", "phase": "L3-N"},
    ]
    [reading] = readings_of(*phases)
    assert reading.energy_register_wh == 300
    [part] = readings_of(*phases[:2])
    assert part.energy_register_wh is None
    [numbered] = readings_of(*({"value": "100", "phase": phase} for phase in (1, "2", "l3")))
    assert numbered.energy_register_wh == 300


# 54
def test_a_value_without_measurand_is_the_energy_register_among_others() -> None:
    [reading] = readings_of(
        {"value": "230", "measurand": "Voltage", "unit": "V"},
        {"value": "1500"},
        {"value": "1600", "measurand": ""},
    )
    assert reading.energy_register_wh == 1500
    assert [sample.measurand for sample in reading.samples] == ["Voltage", REGISTER, REGISTER]


# 55
def test_signed_data_stays_byte_by_byte_however_long() -> None:
    signed = 'OCMF|{"FV" : "1.0", "RV":1,5}|{"SD":"' + "30 " * 20_000 + '"}  '
    [reading] = readings_of(
        {"value": signed, "format": "SignedData", "context": "Transaction.End"},
        {"value": "9000", "context": "Transaction.End"},
    )
    assert reading.samples[0].signed == signed
    assert (reading.samples[0].value, reading.energy_register_wh) == (None, Decimal(9000))


# 55
def test_signed_data_of_2x_may_be_longer_and_barer_than_the_schema_says() -> None:
    signed = {"signedMeterData": " b64" * 2000}
    at = {
        "timestamp": "2026-10-15T12:00:00Z",
        "sampledValue": [{"value": 9000, "signedMeterValue": signed}],
    }
    report = said(V201, "MeterValues", {"evseId": 1, "meterValue": [at]}, MeterReport)
    assert report.readings[0].samples[0].signed == " b64" * 2000
    assert "over_long_text" in used(report)


# ---------------------------------------------------------------------------------- status


# 56
def test_faulted_without_an_error_is_no_fault() -> None:
    report = said(V16, "StatusNotification", STATUS | {"status": "Faulted"}, StatusReport)
    assert (report.status, report.error_code) == (ConnectorStatus.FAULTED, None)
    real = STATUS | {"status": "Faulted", "errorCode": "GroundFailure"}
    assert said(V16, "StatusNotification", real, StatusReport).error_code == "GroundFailure"


# 58
def test_an_old_status_keeps_its_time_and_one_without_time_has_none() -> None:
    old = STATUS | {"timestamp": "2026-10-14T12:00:00Z"}
    report = said(V16, "StatusNotification", old, StatusReport)
    assert report.reported_at == NOON - timedelta(days=1)
    assert said(V16, "StatusNotification", STATUS, StatusReport).reported_at is None


# 59
def test_a_start_on_connector_0_names_no_connector() -> None:
    report = said(V16, "StartTransaction", START | {"connectorId": 0}, TransactionStartReport)
    assert (report.evse_id, report.connector_id) == (None, None)
    more = said(V16, "StatusNotification", STATUS | {"connectorId": 9}, StatusReport)
    assert more.evse_id == 9  # more connectors than we know of is for the inventory


# -------------------------------------------------------------------------------- security


# 77
def test_a_security_event_of_an_unknown_type_keeps_its_text() -> None:
    payload = {"type": "LidOpened by x" * 9, "timestamp": "2026-10-15T12:00:00"}
    report = said(V16, "SecurityEventNotification", payload, SecurityEventReport)
    assert report.type == "LidOpened by x" * 9
    assert report.at == NOON


# --------------------------------------------------------------------------- all at once


def test_a_message_with_every_kind_of_mistake_is_still_an_end() -> None:
    raw = (
        '{"transactionId":"7","meterStop":"9 000,0","timestamp":"2026-10-15 12:00:00",'
        '"disconnectReason":"car left","idTag":4711,"foo":,"transactionData":[{"sampledValue":'
        '[{"value":9.0,"unit":"KWH","context":"transaction.end"},{"value":null},{}]},7,],}'
    )
    report = said(V16, "StopTransaction", raw, TransactionEndReport)
    assert (report.number, report.meter_stop_wh, report.at) == (7, Decimal(9000), NOON)
    assert (report.reason, report.id_token) == ("Other", IdToken("4711"))
    [reading] = report.readings
    assert (reading.context, reading.energy_register_wh) == ("Transaction.End", Decimal(9000))
    assert len(used(report)) >= 9


def test_one_event_without_meaning_leaves_the_others_theirs() -> None:
    good = {
        "eventId": 5,
        "timestamp": "2026-10-15T12:00:00Z",
        "trigger": "Alerting",
        "actualValue": 71,
        "component": {"name": "Connector"},
        "variable": {"name": "Temperature"},
    }
    payload = {"eventData": [good, {"eventId": 6}]}
    report = said(V201, "NotifyEvent", payload, NotificationReport)
    assert [(event.event_id, event.actual_value) for event in report.events] == [(5, "71")]


def test_the_report_carries_the_frame_as_it_came() -> None:
    assert said(V16, "StopTransaction", json.dumps(STOP), TransactionEndReport).origin == origin(
        V16, "StopTransaction", json.dumps(STOP)
    )
