"""OCPP 2.1: what differs from 2.0.1."""

import json

import pytest

from csms.commands import GetTransactionStatus, MessageTrigger, TransactionStatus, TriggerMessage
from csms.ocpp import codec
from csms.ocpp.actions import FROM_STATION, WITHOUT_ANSWER
from csms.ocpp.certificates import HANDLED_CERTIFICATES, HANDLED_CERTIFICATES_21
from csms.ocpp.errors import ErrorCode, MessageError
from csms.ocpp.payments import HANDLED_PAYMENTS
from csms.ocpp.v21 import messages, translate
from csms.ocpp.v201 import translate as v201
from csms.reports import (
    Acknowledged,
    AuthorizationStatus,
    AuthorizeAnswer,
    AuthorizeReport,
    DynamicScheduleAnswer,
    DynamicScheduleReport,
    IdTokenInfo,
    KeptReport,
    NotificationReport,
    RecordReport,
    TransactionStartReport,
)
from foundation.identifiers import EvseId, IdToken
from tests.csms.ocpp.said import EVENT, V21, V201, said


def test_a_transaction_event_says_the_same_as_in_2_0_1() -> None:
    full = EVENT | {
        "evse": {"id": 1, "connectorId": 1},
        "idToken": {"idToken": "04A2", "type": "ISO14443"},
        "meterValue": [
            {
                "timestamp": "2026-10-15T12:00:00Z",
                "sampledValue": [{"value": 1000.5, "context": "Transaction.Begin"}],
            }
        ],
    }
    newer = said(V21, "TransactionEvent", full, TransactionStartReport)
    older = said(V201, "TransactionEvent", full, TransactionStartReport)
    fields = set(TransactionStartReport.__struct_fields__) - {"origin"}
    assert all(getattr(newer, name) == getattr(older, name) for name in fields)


def test_a_token_may_have_a_type_of_its_own() -> None:
    token = {"idToken": "A" * 200, "type": "VIN"}
    report = said(V21, "Authorize", {"idToken": token}, AuthorizeReport)
    assert report.id_token == IdToken("A" * 200, "VIN")
    group = IdTokenInfo(AuthorizationStatus.ACCEPTED, IdToken("G" * 255, "VIN"))
    response = codec.encode(translate.to_response(AuthorizeAnswer(group), "Authorize"))
    assert json.loads(response)["idTokenInfo"]["groupIdToken"] == {
        "idToken": "G" * 255,
        "type": "VIN",
    }


def test_an_event_may_say_how_severe_it_is() -> None:
    data = {
        "eventId": 5,
        "timestamp": "2026-10-15T12:00:00Z",
        "trigger": "Alerting",
        "actualValue": "71",
        "severity": 2,
        "component": {"name": "Connector"},
        "eventNotificationType": "CustomMonitor",
        "variable": {"name": "Temperature"},
    }
    payload = {"generatedAt": "2026-10-15T12:00:00Z", "seqNo": 0, "eventData": [data]}
    [event] = said(V21, "NotifyEvent", payload, NotificationReport).events
    assert event.severity == 2


def test_new_messages_are_kept_and_answered_neutrally() -> None:
    payload = {"transactionId": "t-1", "activated": True}
    assert said(V21, "NotifyPriorityCharging", payload, RecordReport).payload == payload
    others = {"Authorize", "BootNotification", "DataTransfer", "Heartbeat"}
    others |= set(HANDLED_CERTIFICATES) | set(HANDLED_CERTIFICATES_21) | set(HANDLED_PAYMENTS)
    others |= {
        "NotifyEVChargingNeeds",
        "NotifyEVChargingSchedule",
        "PullDynamicScheduleUpdate",
    }
    for action in FROM_STATION[V21] - others - WITHOUT_ANSWER:
        text = codec.encode(translate.to_response(Acknowledged(), action))
        assert text in (b"{}", b'{"status":"Accepted"}')


def test_a_message_without_answer_is_no_request_and_cannot_be_answered() -> None:
    stream = {
        "id": 1,
        "pending": 0,
        "basetime": "2026-10-15T12:00:00Z",
        "data": [{"t": 0, "v": "1"}],
    }
    with pytest.raises(MessageError) as refused:
        said(V21, "NotifyPeriodicEventStream", stream, KeptReport)
    assert refused.value.error_code is ErrorCode.NOT_SUPPORTED
    with pytest.raises(KeyError):
        translate.to_response(Acknowledged(), "NotifyPeriodicEventStream")


def test_what_holds_of_a_dynamic_profile_is_told_with_its_digits() -> None:
    report = said(V21, "PullDynamicScheduleUpdate", {"chargingProfileId": 7}, DynamicScheduleReport)
    assert report.profile_id == 7
    answer = DynamicScheduleAnswer({"setpoint": -3000, "limit": 11000.5})
    told = translate.to_response(answer, "PullDynamicScheduleUpdate")
    assert codec.encode(told) == (
        b'{"scheduleUpdate":{"limit":11000.5,"setpoint":-3000},"status":"Accepted"}'
    )
    nothing = translate.to_response(DynamicScheduleAnswer({}), "PullDynamicScheduleUpdate")
    assert codec.encode(nothing) == (
        b'{"status":"Rejected","statusInfo":{"reasonCode":"NotFound"}}'
    )


def test_our_questions_are_2_1_messages() -> None:
    trigger = TriggerMessage(MessageTrigger.STATUS_NOTIFICATION, EvseId(1))
    for command in (trigger, GetTransactionStatus("t-1")):
        action, message = translate.to_call(command)
        assert isinstance(message, messages.REQUESTS[action])
        assert codec.encode(message) == codec.encode(v201.to_call(command)[1])
    response = messages.GetTransactionStatusResponse(messages_in_queue=True)
    assert translate.to_outcome(response) == TransactionStatus(None, True)
