"""OCPP 1.6 to reports and back."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args

import pytest

from csms.commands import GetTransactionStatus, MessageTrigger, TriggerAnswer, TriggerMessage
from csms.ocpp import codec
from csms.ocpp.actions import FROM_STATION
from csms.ocpp.errors import ErrorCode, MessageError
from csms.ocpp.translation import kept
from csms.ocpp.v16 import messages, translate
from csms.ocpp.v201.messages import ReasonEnumType
from csms.reports import (
    Acknowledged,
    Answer,
    AuthorizationStatus,
    AuthorizeAnswer,
    AuthorizeReport,
    BootAnswer,
    BootReport,
    ChargingState,
    ConnectorStatus,
    DataTransferAnswer,
    DataTransferReport,
    HeartbeatAnswer,
    HeartbeatReport,
    IdTokenInfo,
    MeterReport,
    RegistrationStatus,
    SecurityEventReport,
    StatusReport,
    TransactionEndAnswer,
    TransactionEndReport,
    TransactionStartAnswer,
    TransactionStartReport,
    TransactionUpdateAnswer,
)
from foundation.identifiers import ConnectorId, EvseId, IdToken, TransactionId
from tests.csms.ocpp.said import BOOT, HEARD, NOON, START, STATUS, STOP, V16, meter, said

ACCEPTED = IdTokenInfo(AuthorizationStatus.ACCEPTED)


def written(answer: Answer, action: str) -> str:
    return codec.encode(translate.to_response(answer, action)).decode()


# ------------------------------------------------------------------------------- reports


def test_a_boot_names_the_station() -> None:
    full = BOOT | {
        "chargePointSerialNumber": "S-1",
        "chargeBoxSerialNumber": "B-1",
        "firmwareVersion": "1.2",
        "iccid": "89",
        "imsi": "26",
    }
    report = said(V16, "BootNotification", full, BootReport)
    assert report == BootReport(
        report.origin, "Wattwerk", "One", "S-1", "1.2", "89", "26", reason=None
    )
    older = said(V16, "BootNotification", BOOT | {"chargeBoxSerialNumber": "B-1"}, BootReport)
    assert older.serial_number == "B-1"


def test_a_heartbeat_says_nothing_else() -> None:
    assert said(V16, "Heartbeat", {}, HeartbeatReport).origin.received_at == HEARD


@pytest.mark.parametrize(
    ("word", "status", "state"),
    [
        ("Available", ConnectorStatus.AVAILABLE, None),
        ("Preparing", ConnectorStatus.OCCUPIED, ChargingState.EV_CONNECTED),
        ("Charging", ConnectorStatus.OCCUPIED, ChargingState.CHARGING),
        ("SuspendedEV", ConnectorStatus.OCCUPIED, ChargingState.SUSPENDED_EV),
        ("SuspendedEVSE", ConnectorStatus.OCCUPIED, ChargingState.SUSPENDED_EVSE),
        ("Finishing", ConnectorStatus.OCCUPIED, ChargingState.EV_CONNECTED),
        ("Reserved", ConnectorStatus.RESERVED, None),
        ("Unavailable", ConnectorStatus.UNAVAILABLE, None),
        ("Faulted", ConnectorStatus.FAULTED, None),
    ],
)
def test_a_status_is_brought_up_to_the_finer_words(
    word: str, status: ConnectorStatus, state: ChargingState | None
) -> None:
    report = said(V16, "StatusNotification", STATUS | {"status": word}, StatusReport)
    assert (report.status, report.charging_state, report.original_status) == (status, state, word)


def test_connector_n_is_evse_n_and_connector_0_the_station() -> None:
    second = said(V16, "StatusNotification", STATUS | {"connectorId": 2}, StatusReport)
    assert (second.evse_id, second.connector_id) == (2, 1)
    station = said(V16, "StatusNotification", STATUS | {"connectorId": 0}, StatusReport)
    assert (station.evse_id, station.connector_id) == (0, 0)


@pytest.mark.parametrize("connector", [-1, 2**31])
def test_the_status_of_an_impossible_connector_means_nothing(connector: int) -> None:
    with pytest.raises(MessageError) as refused:
        said(V16, "StatusNotification", STATUS | {"connectorId": connector}, StatusReport)
    assert refused.value.error_code is ErrorCode.PROPERTY_VIOLATION
    assert refused.value.path == "$.connectorId"
    last = said(V16, "StatusNotification", STATUS | {"connectorId": 2**31 - 1}, StatusReport)
    assert last.evse_id == 2**31 - 1


def test_a_fault_keeps_what_the_station_adds() -> None:
    report = said(
        V16,
        "StatusNotification",
        STATUS
        | {
            "status": "Faulted",
            "errorCode": "GroundFailure",
            "info": "RCD tripped",
            "vendorId": "wattwerk",
            "vendorErrorCode": "E-17",
            "timestamp": "2026-10-15T14:00:00+02:00",
        },
        StatusReport,
    )
    assert report == StatusReport(
        report.origin,
        EvseId(1),
        ConnectorId(1),
        ConnectorStatus.FAULTED,
        None,
        "Faulted",
        NOON,
        "GroundFailure",
        "RCD tripped",
        "wattwerk",
        "E-17",
    )


def test_a_start_has_everything_1_6_can_say() -> None:
    report = said(V16, "StartTransaction", START | {"reservationId": 5}, TransactionStartReport)
    assert report == TransactionStartReport(
        report.origin,
        ref=None,
        number=None,
        evse_id=EvseId(1),
        connector_id=ConnectorId(1),
        at=NOON,
        seq_no=None,
        id_token=IdToken("04A2B3C4", "ISO14443"),
        readings=(),
        offline=False,
        trigger=None,
        charging_state=None,
        meter_start_wh=Decimal(1000),
        remote_start_id=None,
        reservation_id=5,
    )


def test_an_end_has_its_register_reason_and_readings() -> None:
    data = [
        {
            "timestamp": "2026-10-15T11:00:00Z",
            "sampledValue": [{"value": "1", "unit": "kWh", "context": "Transaction.Begin"}],
        },
        {
            "timestamp": "2026-10-15T12:00:00Z",
            "sampledValue": [{"value": "9", "unit": "kWh", "context": "Transaction.End"}],
        },
    ]
    full = STOP | {"idTag": "04A2", "reason": "EVDisconnected", "transactionData": data}
    report = said(V16, "StopTransaction", full, TransactionEndReport)
    assert (report.number, report.at, report.meter_stop_wh) == (7, NOON, Decimal(9000))
    assert (report.reason, report.id_token) == ("EVDisconnected", IdToken("04A2"))
    assert [(r.context, r.energy_register_wh) for r in report.readings] == [
        ("Transaction.Begin", Decimal(1000)),
        ("Transaction.End", Decimal(9000)),
    ]
    assert (report.ref, report.evse_id, report.connector_id) == (None, None, None)


def test_every_reason_has_a_word_of_2_0_1() -> None:
    assert set(translate.REASONS) == set(get_args(messages.Reason))
    assert set(translate.REASONS.values()) <= set(get_args(ReasonEnumType))
    local = said(V16, "StopTransaction", STOP, TransactionEndReport)
    assert local.reason == "Local"
    for word, ours in [("HardReset", "ImmediateReset"), ("UnlockCommand", "Remote")]:
        assert (
            said(V16, "StopTransaction", STOP | {"reason": word}, TransactionEndReport).reason
            == ours
        )


def test_meter_values_name_their_transaction_if_they_can() -> None:
    report = said(V16, "MeterValues", meter({"value": "5"}, transactionId=7), MeterReport)
    assert (report.evse_id, report.number) == (1, 7)
    assert [r.energy_register_wh for r in report.readings] == [Decimal(5)]
    assert said(V16, "MeterValues", meter({"value": "5"}), MeterReport).number is None


def test_an_authorize_names_a_token() -> None:
    assert said(V16, "Authorize", {"idTag": "20:69"}, AuthorizeReport).id_token == IdToken("20:69")


def test_a_data_transfer_is_passed_on() -> None:
    report = said(V16, "DataTransfer", {"vendorId": "v", "data": "d"}, DataTransferReport)
    assert (report.vendor_id, report.message_id, report.data) == ("v", None, "d")


def test_a_security_event_is_passed_on() -> None:
    event = {"type": "InvalidCsmsCertificate", "timestamp": "2026-10-15T12:00:00Z"}
    report = said(V16, "SecurityEventNotification", event, SecurityEventReport)
    assert (report.type, report.at, report.tech_info) == ("InvalidCsmsCertificate", NOON, None)


def test_no_message_of_a_station_is_only_kept() -> None:
    assert kept not in translate._READERS.values()


# ------------------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ("answer", "action", "text"),
    [
        (
            BootAnswer(RegistrationStatus.PENDING, NOON.replace(microsecond=9), 300),
            "BootNotification",
            '{"status":"Pending","currentTime":"2026-10-15T12:00:00Z","interval":300}',
        ),
        (HeartbeatAnswer(NOON), "Heartbeat", '{"currentTime":"2026-10-15T12:00:00Z"}'),
        (
            AuthorizeAnswer(IdTokenInfo(AuthorizationStatus.CONCURRENT_TX)),
            "Authorize",
            '{"idTagInfo":{"status":"ConcurrentTx"}}',
        ),
        (
            TransactionStartAnswer(TransactionId(5), ACCEPTED, total_cost=Decimal(1)),
            "StartTransaction",
            '{"idTagInfo":{"status":"Accepted"},"transactionId":5}',
        ),
        (
            TransactionStartAnswer(TransactionId(5), None),
            "StartTransaction",
            '{"idTagInfo":{"status":"Accepted"},"transactionId":5}',
        ),
        (TransactionEndAnswer(None), "StopTransaction", "{}"),
        (
            TransactionEndAnswer(IdTokenInfo(AuthorizationStatus.EXPIRED), Decimal(1)),
            "StopTransaction",
            '{"idTagInfo":{"status":"Expired"}}',
        ),
        (Acknowledged(), "StatusNotification", "{}"),
        (Acknowledged(), "MeterValues", "{}"),
        (Acknowledged(), "LogStatusNotification", "{}"),
        (DataTransferAnswer("UnknownVendorId"), "DataTransfer", '{"status":"UnknownVendorId"}'),
        (
            DataTransferAnswer("Accepted", {"a": 1}),
            "DataTransfer",
            '{"status":"Accepted","data":"{\\"a\\":1}"}',
        ),
        (
            DataTransferAnswer("Accepted", "a"),
            "DataTransfer",
            '{"status":"Accepted","data":"a"}',
        ),
    ],
)
def test_an_answer_says_what_was_decided_and_no_more(
    answer: Answer, action: str, text: str
) -> None:
    assert written(answer, action) == text


@pytest.mark.parametrize("status", list(AuthorizationStatus))
def test_every_verdict_on_a_token_has_a_word(status: AuthorizationStatus) -> None:
    """1.6 has no word for a token without credit: it is Blocked."""
    word = "Blocked" if status is AuthorizationStatus.NO_CREDIT else status.value
    assert written(AuthorizeAnswer(IdTokenInfo(status)), "Authorize") == (
        f'{{"idTagInfo":{{"status":"{word}"}}}}'
    )


def test_a_group_and_an_end_of_validity_are_told_if_1_6_can_hold_them() -> None:
    until = datetime(2027, 1, 1, 0, 0, 0, 5, tzinfo=UTC)
    info = IdTokenInfo(AuthorizationStatus.ACCEPTED, IdToken("G" * 20), until)
    assert written(AuthorizeAnswer(info), "Authorize") == (
        '{"idTagInfo":{"expiryDate":"2027-01-01T00:00:00Z","parentIdTag":"GGGGGGGGGGGGGGGGGGGG",'
        '"status":"Accepted"}}'
    )
    too_long = IdTokenInfo(AuthorizationStatus.ACCEPTED, IdToken("G" * 21))
    assert written(AuthorizeAnswer(too_long), "Authorize") == '{"idTagInfo":{"status":"Accepted"}}'


def test_every_kept_message_has_its_neutral_answer() -> None:
    others = {"Authorize", "BootNotification", "DataTransfer", "Heartbeat", "StartTransaction"}
    others |= {"SignCertificate"}
    for action in FROM_STATION[V16] - others:
        assert written(Acknowledged(), action) == "{}"


def test_an_answer_that_1_6_cannot_give_is_our_mistake() -> None:
    with pytest.raises(AssertionError):
        translate.to_response(TransactionUpdateAnswer(), "TransactionEvent")


# ------------------------------------------------------------------------------- our calls


@pytest.mark.parametrize(
    ("command", "payload"),
    [
        (
            TriggerMessage(MessageTrigger.BOOT_NOTIFICATION),
            {"requestedMessage": "BootNotification"},
        ),
        (
            TriggerMessage(MessageTrigger.STATUS_NOTIFICATION, EvseId(2), ConnectorId(1)),
            {"requestedMessage": "StatusNotification", "connectorId": 2},
        ),
        (
            TriggerMessage(MessageTrigger.METER_VALUES, EvseId(0)),
            {"requestedMessage": "MeterValues"},
        ),
        (
            TriggerMessage(MessageTrigger.LOG_STATUS),
            {"requestedMessage": "DiagnosticsStatusNotification"},
        ),
    ],
)
def test_a_trigger_is_asked_for_in_1_6_words(
    command: TriggerMessage, payload: dict[str, Any]
) -> None:
    call = translate.to_call(command)
    assert call is not None
    action, message = call
    assert action == "TriggerMessage"
    assert json.loads(codec.encode(message)) == payload


def test_what_1_6_cannot_be_asked_is_not_asked() -> None:
    assert translate.to_call(GetTransactionStatus("t-1")) is None
    assert translate.to_call(TriggerMessage(MessageTrigger.TRANSACTION_EVENT)) is None


def test_the_answer_to_a_trigger_is_a_promise_or_none() -> None:
    for status, is_accepted in [("Accepted", True), ("Rejected", False), ("NotImplemented", False)]:
        response = messages.TriggerMessageResponse(status=status)  # type: ignore[arg-type]
        assert translate.to_outcome(response) == TriggerAnswer(is_accepted)
