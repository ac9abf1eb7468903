"""A test for each row of the table: what shows an effect, and the nearest thing that does not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from csms.evidence import (
    READ_BACK,
    RULES,
    Asked,
    BootFact,
    Came,
    ConnectorFact,
    Effect,
    Facts,
    Shown,
    TransactionFact,
    deadline,
    judge,
    messages_of,
    read_back_of,
    rule_of,
)
from csms.ocpp.actions import FROM_CSMS, FROM_STATION
from csms.queue import MASK
from csms.reports import OcppVersion
from foundation.identifiers import TransactionId

V16, V201, V21 = OcppVersion
SENT = datetime(2026, 10, 15, 12, tzinfo=UTC)
BEFORE, SINCE = SENT - timedelta(seconds=1), SENT + timedelta(seconds=5)
YES = {"status": "Accepted"}

TRANSACTION = TransactionFact(
    id=TransactionId(7),
    ref="tx-7",
    number=None,
    evse_id=1,
    token_key="04A2",
    remote_start_id=55,
    started_at=SINCE,
    start_received_at=SINCE,
    is_over=False,
)


def asked(version: OcppVersion, action: str, payload: Mapping[str, Any], **more: Any) -> Asked:
    usual: dict[str, Any] = {
        "sent_at": SENT,
        "answered_at": SINCE,
        "answer": YES,
        "firmware": "1.0",
    }
    return Asked(version=version, action=action, payload=payload, **(usual | more))


def plug(status: str, *, evse_id: int = 1, at: datetime = SINCE) -> Facts:
    fact = ConnectorFact(
        evse_id=evse_id, connector_id=min(evse_id, 1), status=status, reported_at=at
    )
    return Facts(connectors=[fact])


def freed(at: datetime, *, evse_id: int = 1) -> Facts:
    fact = ConnectorFact(
        evse_id=evse_id, connector_id=1, status="Available", reported_at=SINCE, freed_at=at
    )
    return Facts(connectors=[fact])


def boot(reason: str | None, *, at: datetime = SINCE) -> Facts:
    return Facts(booted_at=at, boots=[BootFact(at=at, reason=reason)])


def charging(**changed: Any) -> Facts:
    return Facts(transactions=[replace(TRANSACTION, **changed)])


def has(**read_back: Any) -> Facts:
    return Facts(read_back=read_back, read_back_at=SINCE)


def came(action: str, *, at: datetime = SINCE, **payload: Any) -> Facts:
    return Facts(came=[Came(action=action, at=at, payload=payload)])


def config_16(value: str | None) -> Facts:
    return has(configurationKey=[{"key": "heartbeatinterval", "readonly": False, "value": value}])


def config_2(value: str) -> Facts:
    place = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
    entry = {"attributeStatus": "Accepted", "attributeValue": value, **place}
    return has(getVariableResult=[entry])


@dataclass(frozen=True)
class Row:
    """An action's payload, facts in which its effect shows, and facts in which it does not."""

    action: str
    versions: tuple[OcppVersion, ...]
    payload: Mapping[str, Any]
    shows: Facts
    does_not: Facts
    remote_start_id: int | None = None


_16, _2, _ALL = (V16,), (V201, V21), (V16, V201, V21)
_START_2 = {"idToken": {"idToken": "04A2", "type": "ISO14443"}, "remoteStartId": 55}
_SET_2 = {
    "setVariableData": [
        {
            "attributeValue": "60",
            "component": {"name": "OCPPCommCtrlr"},
            "variable": {"name": "HeartbeatInterval"},
        }
    ]
}
_REPORT = {"requestId": 9}

ROWS = (
    Row(
        "RemoteStartTransaction",
        _16,
        {"idTag": "04a2", "connectorId": 1},
        charging(),
        charging(evse_id=2),
    ),
    Row("RequestStartTransaction", _2, _START_2, charging(), charging(remote_start_id=56), 55),
    Row(
        "RemoteStopTransaction",
        _16,
        {"transactionId": 7},
        charging(is_over=True),
        charging(is_over=False),
    ),
    Row(
        "RequestStopTransaction",
        _2,
        {"transactionId": "tx-7"},
        charging(is_over=True),
        charging(is_over=True, ref="tx-8"),
    ),
    Row("Reset", _16, {"type": "Hard"}, boot(None), boot("Triggered")),
    Row("Reset", _2, {"type": "Immediate"}, boot("RemoteReset"), boot("Triggered")),
    Row(
        "UnlockConnector",
        _16,
        {"connectorId": 1},
        freed(SINCE),
        freed(SINCE, evse_id=2),
    ),
    Row(
        "UnlockConnector",
        _2,
        {"evseId": 1, "connectorId": 1},
        freed(SINCE),
        freed(BEFORE),
    ),
    Row(
        "ChangeAvailability",
        _16,
        {"connectorId": 1, "type": "Inoperative"},
        plug("Unavailable"),
        plug("Available"),
    ),
    Row(
        "ChangeAvailability",
        _2,
        {"operationalStatus": "Operative", "evse": {"id": 1}},
        plug("Available"),
        plug("Unavailable"),
    ),
    Row("ReserveNow", _16, {"connectorId": 1}, plug("Reserved"), plug("Available")),
    Row("ReserveNow", _2, {"evseId": 1}, plug("Reserved"), plug("Reserved", at=BEFORE)),
    Row(
        "ChangeConfiguration",
        _16,
        {"key": "HeartbeatInterval", "value": "60"},
        config_16("60"),
        config_16("300"),
    ),
    Row("SetVariables", _2, _SET_2, config_2("60"), config_2("300")),
    Row("SendLocalList", _16, {"listVersion": 4}, has(listVersion=4), has(listVersion=3)),
    Row("SendLocalList", _2, {"versionNumber": 4}, has(versionNumber=4), has(versionNumber=3)),
    Row(
        "UpdateFirmware",
        _ALL,
        {"requestId": 9},
        Facts(booted_at=SINCE, firmware="2.0"),
        Facts(booted_at=SINCE, firmware="1.0"),
    ),
    Row(
        "SignedUpdateFirmware",
        _16,
        _REPORT,
        came("SignedFirmwareStatusNotification", status="Installed", requestId=9),
        came("SignedFirmwareStatusNotification", status="Installed", requestId=8),
    ),
    Row(
        "PublishFirmware",
        _2,
        _REPORT,
        came("PublishFirmwareStatusNotification", status="Published"),
        came("PublishFirmwareStatusNotification", status="Downloading"),
    ),
    Row(
        "GetDiagnostics",
        _16,
        {"location": "x"},
        came("DiagnosticsStatusNotification", status="Uploaded"),
        came("DiagnosticsStatusNotification", status="Uploading"),
    ),
    Row(
        "GetLog",
        _ALL,
        _REPORT,
        came("LogStatusNotification", status="Uploaded", requestId=9),
        came("LogStatusNotification", status="Uploaded", requestId=8),
    ),
    *(
        Row(action, _2, _REPORT, came(by, requestId=9), came(by, requestId=9, tbc=True))
        for action, by in (
            ("GetBaseReport", "NotifyReport"),
            ("GetReport", "NotifyReport"),
            ("GetMonitoringReport", "NotifyMonitoringReport"),
            ("GetChargingProfiles", "ReportChargingProfiles"),
            ("GetDisplayMessages", "NotifyDisplayMessages"),
            ("CustomerInformation", "NotifyCustomerInformation"),
        )
    ),
    Row(
        "TriggerMessage",
        _ALL,
        {"requestedMessage": "Heartbeat"},
        came("Heartbeat"),
        came("Heartbeat", at=BEFORE),
    ),
    Row(
        "ExtendedTriggerMessage",
        _16,
        {"requestedMessage": "SignChargePointCertificate"},
        came("SignCertificate"),
        came("Heartbeat"),
    ),
)

CASES = [(row, version) for row in ROWS for version in row.versions]


@pytest.mark.parametrize(("row", "version"), CASES, ids=lambda each: getattr(each, "action", each))
def test_the_row_shows_by_its_evidence_and_by_nothing_less(row: Row, version: OcppVersion) -> None:
    answer = {"fileName": "log.zip"} if row.action == "GetDiagnostics" else YES
    command = asked(
        version, row.action, row.payload, answer=answer, remote_start_id=row.remote_start_id
    )
    rule = rule_of(version, row.action)
    assert judge(rule, command, row.shows).effect is Effect.SHOWN
    assert judge(rule, command, row.does_not).effect is not Effect.SHOWN
    assert judge(rule, command, Facts()).effect is Effect.NOT_YET


def test_every_row_of_the_table_has_such_a_test() -> None:
    tried = {(row.action, version) for row, version in CASES}
    assert tried == {(rule.action, version) for rule in RULES for version in rule.versions}


def test_the_table_knows_only_actions_that_exist() -> None:
    for rule in RULES:
        for version in rule.versions:
            assert rule.action in FROM_CSMS[version]


@pytest.mark.parametrize("version", list(OcppVersion))
def test_what_has_no_row_shows_by_its_answer_alone(version: OcppVersion) -> None:
    without = [each for each in FROM_CSMS[version] if rule_of(version, each).shown is Shown.ANSWER]
    assert "ClearCache" in without
    for action in without:
        rule = rule_of(version, action)
        assert judge(rule, asked(version, action, {}), Facts()).effect is Effect.SHOWN
        silent = asked(version, action, {}, answer=None)
        assert judge(rule, silent, Facts()).effect is Effect.NOT_YET


# ------------------------------------------------------------------------------------ starts

START_16 = asked(V16, "RemoteStartTransaction", {"idTag": "04:A2", "connectorId": 1})


@pytest.mark.parametrize(
    "changed",
    [
        {"token_key": "OTHER"},
        {"token_key": None},
        {"evse_id": 2},
        {"start_received_at": BEFORE},
        # Kept by the station from an outage long before we asked.
        {"started_at": SENT - timedelta(hours=2)},
    ],
)
def test_another_transaction_does_not_show_a_start(changed: dict[str, Any]) -> None:
    rule = rule_of(V16, "RemoteStartTransaction")
    assert judge(rule, START_16, charging()).transaction_id == 7
    assert judge(rule, START_16, charging(**changed)).effect is Effect.NOT_YET


def test_a_transaction_shows_one_start_only() -> None:
    facts = replace(charging(), taken=frozenset({TransactionId(7)}))
    verdict = judge(rule_of(V16, "RemoteStartTransaction"), START_16, facts)
    assert verdict.effect is Effect.NOT_YET


def test_a_2_station_may_name_the_transaction_in_its_answer() -> None:
    """The cable was in before: OCPP 2.0.1, F01.FR.13."""
    command = asked(
        V201,
        "RequestStartTransaction",
        _START_2,
        answer={"status": "Accepted", "transactionId": "tx-7"},
        remote_start_id=1,
    )
    rule = rule_of(V201, "RequestStartTransaction")
    assert judge(rule, command, charging(remote_start_id=None)).effect is Effect.SHOWN


def test_a_stop_knows_a_station_s_own_number() -> None:
    command = asked(V16, "RemoteStopTransaction", {"transactionId": -1})
    rule = rule_of(V16, "RemoteStopTransaction")
    assert judge(rule, command, charging(number=-1, is_over=True)).transaction_id == 7
    assert judge(rule, command, charging(number=-2, is_over=True)).effect is Effect.NOT_YET


# ------------------------------------------------------------------------------------ resets


@pytest.mark.parametrize(
    "reason", ["RemoteReset", "ScheduledReset", "PowerUp", "Unknown", "Watchdog", "LocalReset"]
)
def test_a_reset_shows_by_a_boot_that_came_by_itself(reason: str) -> None:
    rule, command = rule_of(V201, "Reset"), asked(V201, "Reset", {"type": "OnIdle"})
    assert judge(rule, command, boot(reason)).effect is Effect.SHOWN
    assert judge(rule, command, boot(reason, at=BEFORE)).effect is Effect.NOT_YET
    for other in ("Triggered", "FirmwareUpdate"):
        assert judge(rule, command, boot(other)).effect is Effect.NOT_YET
        both = Facts(boots=[*boot(reason).boots, *boot(other).boots])
        assert judge(rule, command, both).effect is Effect.SHOWN


def test_a_reset_of_one_evse_shows_without_a_boot() -> None:
    rule = rule_of(V201, "Reset")
    command = asked(V201, "Reset", {"type": "Immediate", "evseId": 1})
    assert judge(rule, command, Facts()).effect is Effect.SHOWN
    later = replace(command, answer={"status": "Scheduled"})
    assert judge(rule, later, Facts()).effect is Effect.NOT_YET
    assert judge(rule, later, plug("Available")).effect is Effect.SHOWN
    assert judge(rule, later, plug("Available", at=BEFORE)).effect is Effect.NOT_YET
    assert judge(rule, later, plug("Available", evse_id=2)).effect is Effect.NOT_YET
    assert judge(rule, replace(command, answer=None), plug("Available")).effect is Effect.NOT_YET


# ------------------------------------------------------------------------------- connectors


@pytest.mark.parametrize("version", list(OcppVersion))
def test_an_unlock_shows_by_its_answer_and_not_by_a_status_told_anew(version: OcppVersion) -> None:
    payload = {"connectorId": 1} if version is V16 else {"evseId": 1, "connectorId": 1}
    rule = rule_of(version, "UnlockConnector")
    unlocked = asked(version, "UnlockConnector", payload, answer={"status": "Unlocked"})
    assert judge(rule, unlocked, plug("Occupied", at=BEFORE)).effect is Effect.SHOWN
    silent = asked(version, "UnlockConnector", payload, answer=None)
    for status in ("Occupied", "Available"):
        assert judge(rule, silent, plug(status)).effect is Effect.NOT_YET
    assert judge(rule, silent, freed(SINCE)).effect is Effect.SHOWN


def test_the_whole_station_is_out_of_order_by_its_own_status_or_by_all_connectors() -> None:
    command = asked(V16, "ChangeAvailability", {"connectorId": 0, "type": "Inoperative"})
    rule = rule_of(V16, "ChangeAvailability")

    def facts(*statuses: tuple[int, str]) -> Facts:
        return Facts(
            connectors=[
                ConnectorFact(evse_id=evse, connector_id=1, status=status, reported_at=SINCE)
                for evse, status in statuses
            ]
        )

    assert judge(rule, command, facts((0, "Unavailable"), (1, "Available"))).effect is Effect.SHOWN
    both = facts((1, "Unavailable"), (2, "Unavailable"))
    assert judge(rule, command, both).effect is Effect.SHOWN
    one = facts((1, "Unavailable"), (2, "Available"))
    assert judge(rule, command, one).effect is Effect.NOT_YET


def test_what_was_out_of_order_before_is_so_with_the_answer() -> None:
    payload = {"connectorId": 1, "type": "Inoperative"}
    rule = rule_of(V16, "ChangeAvailability")
    facts = plug("Unavailable", at=BEFORE)
    assert judge(rule, asked(V16, "ChangeAvailability", payload), facts).effect is Effect.SHOWN
    silent = asked(V16, "ChangeAvailability", payload, answer=None)
    assert judge(rule, silent, facts).effect is Effect.NOT_YET


def test_a_reservation_of_any_place_shows_by_the_answer() -> None:
    rule = rule_of(V16, "ReserveNow")
    payload = {"connectorId": 0}
    assert judge(rule, asked(V16, "ReserveNow", payload), Facts()).effect is Effect.SHOWN
    silent = asked(V16, "ReserveNow", payload, answer=None)
    assert judge(rule, silent, Facts()).effect is Effect.NOT_YET


# ----------------------------------------------------------------------------- reading back


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("true", "True"),
        ("60", "60.0"),
        ("Energy.Active.Import.Register,Voltage", "Energy.Active.Import.Register, Voltage"),
    ],
)
def test_a_value_may_be_spelt_differently(wanted: str, found: str) -> None:
    command = asked(V16, "ChangeConfiguration", {"key": "HeartbeatInterval", "value": wanted})
    rule = rule_of(V16, "ChangeConfiguration")
    assert judge(rule, command, config_16(found)).effect is Effect.SHOWN


def test_what_cannot_be_read_back_shows_by_the_answer() -> None:
    rule = rule_of(V16, "ChangeConfiguration")
    for payload, facts in (
        ({"key": "AuthorizationKey", "value": MASK}, has(configurationKey=[])),
        ({"key": "HeartbeatInterval", "value": "60"}, has(unknownKey=["HeartbeatInterval"])),
    ):
        command = asked(V16, "ChangeConfiguration", payload)
        verdict = judge(rule, command, facts)
        assert verdict.effect is Effect.SHOWN
        assert verdict.note is not None
        assert "cannot be read back" in verdict.note


def test_only_what_is_read_back_has_a_question_for_it() -> None:
    for row, version in CASES:
        command = asked(version, row.action, row.payload)
        question = read_back_of(command)
        assert (question is not None) is (rule_of(version, row.action).shown in READ_BACK)
        if question is not None:
            assert question[0] in FROM_CSMS[version]
    set_2 = asked(V201, "SetVariables", _SET_2)
    question = read_back_of(set_2)
    assert question is not None
    assert question[1]["getVariableData"] == [
        {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
    ]


# ---------------------------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("action", "facts"),
    [
        ("UpdateFirmware", came("FirmwareStatusNotification", status="InstallationFailed")),
        ("GetLog", came("LogStatusNotification", status="UploadFailure")),
        ("GetDiagnostics", came("DiagnosticsStatusNotification", status="UploadFailed")),
    ],
)
def test_the_station_itself_may_say_that_it_failed(action: str, facts: Facts) -> None:
    command = asked(V16, action, {}, answer={"fileName": "x"})
    assert judge(rule_of(V16, action), command, facts).effect is Effect.NEVER


@pytest.mark.parametrize("action", ["UpdateFirmware", "GetLog"])
def test_what_a_later_request_took_the_place_of_never_shows(action: str) -> None:
    """Not even by the other version that the later update led to (2.0.1, L_10)."""
    command = asked(V201, action, {"requestId": 1}, answer={"status": "Accepted"}, firmware="1")
    rule = rule_of(V201, action)

    def judged(at: datetime, **more: Any) -> tuple[Effect, str | None]:
        facts = Facts(booted_at=at, firmware="2", cancelled={action: at}, **more)
        verdict = judge(rule, command, facts)
        return verdict.effect, verdict.note

    later, earlier = SINCE + timedelta(minutes=1), SINCE - timedelta(minutes=1)
    assert judged(later) == (Effect.NEVER, "AcceptedCanceled")
    assert judged(earlier)[0] is not Effect.NEVER
    message = (
        "FirmwareStatusNotification" if action == "UpdateFirmware" else "LogStatusNotification"
    )
    word = "Installed" if action == "UpdateFirmware" else "Uploaded"
    own = came(message, status=word, requestId=1).came
    assert judged(later, came=own)[0] is Effect.SHOWN, "it was done before"


def test_nothing_to_upload_is_an_answer() -> None:
    command = asked(V16, "GetDiagnostics", {"location": "x"}, answer={})
    verdict = judge(rule_of(V16, "GetDiagnostics"), command, Facts())
    assert (verdict.effect, verdict.note) == (Effect.SHOWN, "the station has nothing to upload")


def test_messages_are_those_of_stations() -> None:
    for row, version in CASES:
        for message in messages_of(row.action, row.payload):
            assert message in FROM_STATION[version]


# --------------------------------------------------------------------------------- deadlines


def test_the_effect_may_take_as_long_as_its_row_says() -> None:
    rule = rule_of(V16, "Reset")
    command = asked(V16, "Reset", {})
    assert deadline(rule, command, now=SENT) == SINCE + timedelta(minutes=10)
    assert deadline(rule, command, now=SENT, most_s=5) == SINCE + timedelta(seconds=5)


def test_what_is_scheduled_may_take_a_day() -> None:
    rule = rule_of(V16, "ChangeAvailability")
    command = asked(V16, "ChangeAvailability", {}, answer={"status": "Scheduled"})
    assert deadline(rule, command, now=SENT) == SINCE + timedelta(days=1)


@pytest.mark.parametrize(
    "payload",
    [
        {"retrieveDate": "2026-10-16T02:00:00Z"},
        {"firmware": {"retrieveDateTime": "2026-10-16T02:00:00Z"}},
    ],
)
def test_an_update_may_begin_later(payload: dict[str, Any]) -> None:
    rule = rule_of(V16, "UpdateFirmware")
    command = asked(V16, "UpdateFirmware", payload)
    begins = datetime(2026, 10, 16, 2, tzinfo=UTC)
    assert deadline(rule, command, now=SENT) == begins + timedelta(hours=2)


def test_without_an_answer_the_time_counts_from_now() -> None:
    command = asked(V16, "Reset", {}, answered_at=None, answer=None)
    later = SENT + timedelta(hours=1)
    assert deadline(rule_of(V16, "Reset"), command, now=later) == later + timedelta(minutes=10)
