"""OCPP 2.0.1 to reports and back."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from csms.commands import (
    Command,
    GetTransactionStatus,
    MessageTrigger,
    TransactionStatus,
    TriggerAnswer,
    TriggerMessage,
)
from csms.ocpp import codec
from csms.ocpp.actions import FROM_STATION
from csms.ocpp.certificates import HANDLED_CERTIFICATES
from csms.ocpp.errors import ErrorCode, MessageError
from csms.ocpp.v201 import messages, translate
from csms.reports import (
    Acknowledged,
    Answer,
    AuthorizationStatus,
    AuthorizeAnswer,
    AuthorizeReport,
    BootAnswer,
    BootReport,
    ChargingNeedsReport,
    ChargingState,
    ConnectorStatus,
    DataTransferAnswer,
    DataTransferReport,
    HeartbeatAnswer,
    HeartbeatReport,
    IdTokenInfo,
    MeterReport,
    MonitoredEvent,
    NeedsAnswer,
    NotificationReport,
    RecordReport,
    RegistrationStatus,
    ScheduleAnswer,
    SecurityEventReport,
    StatusReport,
    TransactionEndAnswer,
    TransactionEndReport,
    TransactionStartAnswer,
    TransactionStartReport,
    TransactionUpdateAnswer,
    TransactionUpdateReport,
    VehicleScheduleReport,
)
from foundation.identifiers import ConnectorId, EvseId, IdToken, TransactionId
from tests.csms.ocpp.said import EVENT, NOON, V201, said

ACCEPTED = IdTokenInfo(AuthorizationStatus.ACCEPTED)
TOKEN = {"idToken": "04A2", "type": "ISO14443"}


def reading(context: str, *values: int) -> dict[str, Any]:
    return {
        "timestamp": "2026-10-15T12:00:00Z",
        "sampledValue": [{"value": value, "context": context} for value in values],
    }


def event(kind: str, **more: Any) -> dict[str, Any]:
    return EVENT | {"eventType": kind} | more


def written(answer: Answer, action: str) -> str:
    return codec.encode(translate.to_response(answer, action)).decode()


# ------------------------------------------------------------------------------- reports


def test_a_boot_names_the_station() -> None:
    station = {
        "vendorName": "Wattwerk",
        "model": "Two",
        "serialNumber": "S-1",
        "firmwareVersion": "1.2",
        "modem": {"iccid": "89", "imsi": "26"},
    }
    boot = {"chargingStation": station, "reason": "PowerUp"}
    report = said(V201, "BootNotification", boot, BootReport)
    assert report == BootReport(
        report.origin, "Wattwerk", "Two", "S-1", "1.2", "89", "26", "PowerUp"
    )
    plain = {"chargingStation": {"vendorName": "W", "model": "M"}, "reason": "PowerUp"}
    assert said(V201, "BootNotification", plain, BootReport).iccid is None


def test_a_heartbeat_says_nothing_else() -> None:
    said(V201, "Heartbeat", {}, HeartbeatReport)


def test_a_status_names_its_evse_and_connector() -> None:
    status = {
        "timestamp": "2026-10-15T12:00:00Z",
        "connectorStatus": "Occupied",
        "evseId": 2,
        "connectorId": 3,
    }
    report = said(V201, "StatusNotification", status, StatusReport)
    assert report == StatusReport(
        report.origin,
        EvseId(2),
        ConnectorId(3),
        ConnectorStatus.OCCUPIED,
        None,
        "Occupied",
        NOON,
    )
    with pytest.raises(MessageError) as refused:
        said(V201, "StatusNotification", status | {"connectorId": -1}, StatusReport)
    assert (refused.value.error_code, refused.value.path) == (
        ErrorCode.PROPERTY_VIOLATION,
        "$.connectorId",
    )


def test_a_started_event_is_a_start() -> None:
    full = event(
        "Started",
        seqNo=4,
        offline=True,
        reservationId=9,
        evse={"id": 2, "connectorId": 1},
        idToken=TOKEN,
        transactionInfo={
            "transactionId": "t-1",
            "chargingState": "Charging",
            "remoteStartId": 77,
        },
        meterValue=[reading("Transaction.Begin", 1000)],
    )
    report = said(V201, "TransactionEvent", full, TransactionStartReport)
    assert report == TransactionStartReport(
        report.origin,
        ref="t-1",
        number=None,
        evse_id=EvseId(2),
        connector_id=ConnectorId(1),
        at=NOON,
        seq_no=4,
        id_token=IdToken("04A2", "ISO14443"),
        readings=report.readings,
        offline=True,
        trigger="Authorized",
        charging_state=ChargingState.CHARGING,
        meter_start_wh=Decimal(1000),
        remote_start_id=77,
        reservation_id=9,
    )
    assert [r.energy_register_wh for r in report.readings] == [Decimal(1000)]


def test_an_updated_event_is_an_update() -> None:
    report = said(
        V201,
        "TransactionEvent",
        event("Updated", meterValue=[reading("Sample.Periodic", 1500)]),
        TransactionUpdateReport,
    )
    assert (report.evse_id, report.connector_id, report.id_token) == (None, None, None)
    assert (report.offline, report.charging_state) == (False, None)
    assert [r.context for r in report.readings] == ["Sample.Periodic"]


def test_an_ended_event_is_an_end_with_its_last_register() -> None:
    info = {"transactionId": "t-1", "stoppedReason": "EVDisconnected"}
    full = event(
        "Ended",
        transactionInfo=info,
        meterValue=[reading("Transaction.Begin", 1000), reading("Transaction.End", 9000)],
    )
    report = said(V201, "TransactionEvent", full, TransactionEndReport)
    assert (report.ref, report.reason, report.meter_stop_wh) == (
        "t-1",
        "EVDisconnected",
        Decimal(9000),
    )
    bare = said(V201, "TransactionEvent", event("Ended"), TransactionEndReport)
    assert (bare.reason, bare.meter_stop_wh) == ("Local", None)


def test_only_the_right_context_is_a_start_or_end_register() -> None:
    periodic = event("Started", meterValue=[reading("Sample.Periodic", 5)])
    assert said(V201, "TransactionEvent", periodic, TransactionStartReport).meter_start_wh is None


def test_an_evse_without_connector_is_named_alone() -> None:
    report = said(
        V201, "TransactionEvent", event("Started", evse={"id": 1}), TransactionStartReport
    )
    assert (report.evse_id, report.connector_id) == (1, None)


def test_meter_values_name_an_evse_and_never_a_transaction() -> None:
    values = {"evseId": 1, "meterValue": [reading("Sample.Clock", 5)]}
    report = said(V201, "MeterValues", values, MeterReport)
    assert (report.evse_id, report.number, len(report.readings)) == (1, None, 1)


def test_an_authorize_names_a_token_with_its_type() -> None:
    report = said(
        V201, "Authorize", {"idToken": {"idToken": "DE-A", "type": "eMAID"}}, AuthorizeReport
    )
    assert report.id_token == IdToken("DE-A", "eMAID")
    nobody = {"idToken": {"idToken": "", "type": "NoAuthorization"}}
    free = IdToken("", "NoAuthorization")
    assert said(V201, "Authorize", nobody, AuthorizeReport).id_token == free
    nothing = {"idToken": {"idToken": "", "type": "Central"}}
    assert said(V201, "Authorize", nothing, AuthorizeReport).id_token is None


def test_a_data_transfer_may_hold_any_json() -> None:
    transfer = {"vendorId": "v", "messageId": "m", "data": {"a": [1, None]}}
    report = said(V201, "DataTransfer", transfer, DataTransferReport)
    assert (report.vendor_id, report.message_id, report.data) == ("v", "m", {"a": [1, None]})
    assert said(V201, "DataTransfer", {"vendorId": "v"}, DataTransferReport).data is None


def test_a_security_event_is_passed_on() -> None:
    payload = {"type": "SettingSystemTime", "timestamp": "2026-10-15T12:00:00Z", "techInfo": "x"}
    report = said(V201, "SecurityEventNotification", payload, SecurityEventReport)
    assert (report.type, report.at, report.tech_info) == ("SettingSystemTime", NOON, "x")


def test_every_monitored_event_is_passed_on() -> None:
    data = {
        "eventId": 5,
        "timestamp": "2026-10-15T12:00:00Z",
        "trigger": "Alerting",
        "actualValue": "71",
        "cleared": True,
        "techCode": "T-1",
        "component": {"name": "Connector", "evse": {"id": 1, "connectorId": 2}},
        "eventNotificationType": "CustomMonitor",
        "variable": {"name": "Temperature"},
    }
    bare = {name: value for name, value in data.items() if name not in ("cleared", "techCode")}
    bare["component"] = {"name": "Controller"}
    payload = {"generatedAt": "2026-10-15T12:00:00Z", "seqNo": 0, "eventData": [data, bare]}
    report = said(V201, "NotifyEvent", payload, NotificationReport)
    first = MonitoredEvent(
        5,
        NOON,
        "Alerting",
        "Connector",
        "Temperature",
        "71",
        cleared=True,
        evse_id=EvseId(1),
        connector_id=ConnectorId(2),
        tech_code="T-1",
        tech_info=None,
        severity=None,
    )
    second = MonitoredEvent(
        5,
        NOON,
        "Alerting",
        "Controller",
        "Temperature",
        "71",
        cleared=False,
        evse_id=None,
        connector_id=None,
        tech_code=None,
        tech_info=None,
        severity=None,
    )
    assert report.events == (first, second)


def test_a_limit_of_others_is_kept_with_its_payload() -> None:
    payload = {"evseId": 1, "chargingLimit": {"chargingLimitSource": "EMS"}}
    assert said(V201, "NotifyChargingLimit", payload, RecordReport).payload == payload


@pytest.mark.parametrize(
    ("action", "kind", "payload"),
    [
        (
            "NotifyEVChargingNeeds",
            ChargingNeedsReport,
            {"evseId": 1, "chargingNeeds": {"requestedEnergyTransfer": "DC"}},
        ),
        (
            "NotifyEVChargingSchedule",
            VehicleScheduleReport,
            {
                "timeBase": "2026-10-15T12:00:00Z",
                "evseId": 1,
                "chargingSchedule": {
                    "id": 1,
                    "chargingRateUnit": "A",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}],
                },
            },
        ),
    ],
)
def test_what_vehicles_need_and_mean_to_do_is_read_in_their_own_words(
    action: str, kind: Any, payload: dict[str, Any]
) -> None:
    assert said(V201, action, payload, kind).payload["evseId"] == 1


# ------------------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ("answer", "action", "text"),
    [
        (
            BootAnswer(RegistrationStatus.ACCEPTED, NOON.replace(microsecond=9), 300),
            "BootNotification",
            '{"currentTime":"2026-10-15T12:00:00Z","interval":300,"status":"Accepted"}',
        ),
        (HeartbeatAnswer(NOON), "Heartbeat", '{"currentTime":"2026-10-15T12:00:00Z"}'),
        (
            AuthorizeAnswer(IdTokenInfo(AuthorizationStatus.NO_CREDIT)),
            "Authorize",
            '{"idTokenInfo":{"status":"NoCredit"}}',
        ),
        (
            TransactionStartAnswer(TransactionId(5), ACCEPTED),
            "TransactionEvent",
            '{"idTokenInfo":{"status":"Accepted"}}',
        ),
        (TransactionStartAnswer(TransactionId(5), None), "TransactionEvent", "{}"),
        (
            TransactionUpdateAnswer(total_cost=Decimal("1.23")),
            "TransactionEvent",
            '{"totalCost":1.23}',
        ),
        (TransactionUpdateAnswer(), "TransactionEvent", "{}"),
        (
            TransactionEndAnswer(ACCEPTED, Decimal(0)),
            "TransactionEvent",
            '{"totalCost":0,"idTokenInfo":{"status":"Accepted"}}',
        ),
        (Acknowledged(), "StatusNotification", "{}"),
        (Acknowledged(), "NotifyEvent", "{}"),
        (NeedsAnswer("Rejected"), "NotifyEVChargingNeeds", '{"status":"Rejected"}'),
        (ScheduleAnswer(True), "NotifyEVChargingSchedule", '{"status":"Accepted"}'),
        (ScheduleAnswer(False), "NotifyEVChargingSchedule", '{"status":"Rejected"}'),
        (
            DataTransferAnswer("Accepted", {"a": 1}),
            "DataTransfer",
            '{"status":"Accepted","data":{"a":1}}',
        ),
        (DataTransferAnswer("Rejected"), "DataTransfer", '{"status":"Rejected"}'),
    ],
)
def test_an_answer_says_what_was_decided_and_no_more(
    answer: Answer, action: str, text: str
) -> None:
    assert written(answer, action) == text


def test_a_group_and_an_end_of_validity_are_told() -> None:
    until = datetime(2027, 1, 1, 0, 0, 0, 5, tzinfo=UTC)
    info = IdTokenInfo(AuthorizationStatus.ACCEPTED, IdToken("G" * 36, "VIN"), until)
    assert json.loads(written(AuthorizeAnswer(info), "Authorize")) == {
        "idTokenInfo": {
            "status": "Accepted",
            "cacheExpiryDateTime": "2027-01-01T00:00:00Z",
            # 2.0.1 has no type VIN; the token is known to us, so Central
            "groupIdToken": {"idToken": "G" * 36, "type": "Central"},
        }
    }
    too_long = IdTokenInfo(AuthorizationStatus.ACCEPTED, IdToken("G" * 37))
    assert (
        written(AuthorizeAnswer(too_long), "Authorize") == '{"idTokenInfo":{"status":"Accepted"}}'
    )


def test_every_kept_message_has_its_neutral_answer() -> None:
    others = {"Authorize", "BootNotification", "DataTransfer", "Heartbeat"}
    others |= set(HANDLED_CERTIFICATES)
    others |= {"NotifyEVChargingNeeds", "NotifyEVChargingSchedule"}
    for action in FROM_STATION[V201] - others:
        assert written(Acknowledged(), action) in ("{}", '{"status":"Accepted"}')


def test_an_answer_that_nobody_knows_is_our_mistake() -> None:
    with pytest.raises(AssertionError):
        translate.to_response("yes", "Heartbeat")  # type: ignore[arg-type]


# ------------------------------------------------------------------------------- our calls


@pytest.mark.parametrize(
    ("command", "action", "payload"),
    [
        (GetTransactionStatus("t-1"), "GetTransactionStatus", {"transactionId": "t-1"}),
        (GetTransactionStatus(None), "GetTransactionStatus", {}),
        (
            TriggerMessage(MessageTrigger.BOOT_NOTIFICATION),
            "TriggerMessage",
            {"requestedMessage": "BootNotification"},
        ),
        (
            TriggerMessage(MessageTrigger.STATUS_NOTIFICATION, EvseId(2), ConnectorId(1)),
            "TriggerMessage",
            {"requestedMessage": "StatusNotification", "evse": {"id": 2, "connectorId": 1}},
        ),
        (
            TriggerMessage(MessageTrigger.METER_VALUES, EvseId(2)),
            "TriggerMessage",
            {"requestedMessage": "MeterValues", "evse": {"id": 2}},
        ),
    ],
)
def test_a_question_is_asked_in_the_standards_words(
    command: Command, action: str, payload: dict[str, Any]
) -> None:
    asked, message = translate.to_call(command)
    assert asked == action
    assert json.loads(codec.encode(message)) == payload


@pytest.mark.parametrize("trigger", list(MessageTrigger))
def test_every_trigger_is_known(trigger: MessageTrigger) -> None:
    codec.encode(translate.to_call(TriggerMessage(trigger))[1])


def test_answers_to_our_questions_are_read() -> None:
    status = messages.GetTransactionStatusResponse
    running = status(ongoing_indicator=True, messages_in_queue=False)
    assert translate.to_outcome(running) == TransactionStatus(True, False)
    assert translate.to_outcome(status(messages_in_queue=True)) == TransactionStatus(None, True)
    triggered = messages.TriggerMessageResponse(status="NotImplemented")
    assert translate.to_outcome(triggered) == TriggerAnswer(False)
