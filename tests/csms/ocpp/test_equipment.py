"""Firmware, logs, reservations and variables: every version's words become 2.0.1's."""

from decimal import Decimal
from typing import Any

import pytest

from csms.ocpp.equipment import MASK, shown
from csms.ocpp.errors import MessageError
from csms.reports import (
    FirmwareStatusReport,
    LogStatusReport,
    OcppVersion,
    ProgressReport,
    PublicationStatusReport,
    ReportedVariable,
    ReservationReport,
    VariablesReport,
)
from tests.csms.ocpp.said import V16, V21, V201, said

PART: dict[str, Any] = {"requestId": 7, "generatedAt": "2026-10-15T12:00:00Z", "seqNo": 0}


@pytest.mark.parametrize(
    ("version", "action", "payload", "kind", "told"),
    [
        (
            V16,
            "FirmwareStatusNotification",
            {"status": "Installed"},
            FirmwareStatusReport,
            (None, "Installed", None),
        ),
        (
            V16,
            "SignedFirmwareStatusNotification",
            {"status": "SignatureVerified", "requestId": 3},
            FirmwareStatusReport,
            (3, "SignatureVerified", None),
        ),
        (
            V201,
            "FirmwareStatusNotification",
            {"status": "DownloadScheduled", "requestId": 3},
            FirmwareStatusReport,
            (3, "DownloadScheduled", None),
        ),
        (
            V21,
            "FirmwareStatusNotification",
            {
                "status": "InstallationFailed",
                "requestId": 3,
                "statusInfo": {"reasonCode": "NoSpace", "additionalInfo": "4 MB"},
            },
            FirmwareStatusReport,
            (3, "InstallationFailed", "NoSpace: 4 MB"),
        ),
        (
            V201,
            "FirmwareStatusNotification",
            {"status": "Rebooting"},
            FirmwareStatusReport,
            (None, "Rebooting", None),
        ),
        (
            V201,
            "FirmwareStatusNotification",
            {"status": "Idle", "requestId": 2**64},
            FirmwareStatusReport,
            (None, "Idle", None),
        ),
        (
            V16,
            "DiagnosticsStatusNotification",
            {"status": "Uploaded"},
            LogStatusReport,
            (None, "Uploaded", None),
        ),
        (
            V16,
            "DiagnosticsStatusNotification",
            {"status": "UploadFailed"},
            LogStatusReport,
            (None, "UploadFailure", None),
        ),
        (
            V16,
            "LogStatusNotification",
            {"status": "UploadFailure", "requestId": 9},
            LogStatusReport,
            (9, "UploadFailure", None),
        ),
        (
            V201,
            "LogStatusNotification",
            {"status": "AcceptedCanceled", "requestId": 9},
            LogStatusReport,
            (9, "AcceptedCanceled", None),
        ),
        (
            V201,
            "PublishFirmwareStatusNotification",
            {"status": "Published", "location": ["http://a/f", "ftp://a/f"], "requestId": 1},
            PublicationStatusReport,
            (1, "Published", "http://a/f, ftp://a/f"),
        ),
    ],
)
def test_progress_is_told_in_one_vocabulary(
    version: OcppVersion,
    action: str,
    payload: dict[str, Any],
    kind: type[ProgressReport],
    told: tuple[int | None, str, str | None],
) -> None:
    report = said(version, action, payload, kind)

    assert (report.request_id, report.status, report.note) == told


@pytest.mark.parametrize("version", [V201, V21])
def test_a_reservation_that_ended_by_itself_is_passed_on(version: OcppVersion) -> None:
    payload = {"reservationId": 5, "reservationUpdateStatus": "Expired"}
    report = said(version, "ReservationStatusUpdate", payload, ReservationReport)

    assert (report.reservation_id, report.status) == (5, "Expired")


def test_a_reservation_beyond_all_numbers_is_refused_and_the_largest_is_not() -> None:
    payload = {"reservationId": 2**63 - 1, "reservationUpdateStatus": "Removed"}
    report = said(V201, "ReservationStatusUpdate", payload, ReservationReport)
    assert report.reservation_id == 2**63 - 1

    with pytest.raises(MessageError) as refused:
        said(V201, "ReservationStatusUpdate", payload | {"reservationId": 2**63}, ReservationReport)
    assert refused.value.path == "$.reservationId"


@pytest.mark.parametrize("version", [V201, V21])
def test_each_attribute_of_a_report_is_one_variable(version: OcppVersion) -> None:
    data = [
        {
            "component": {
                "name": "Connector",
                "instance": "A",
                "evse": {"id": 2, "connectorId": 1},
            },
            "variable": {"name": "MaxCurrent", "instance": "B"},
            "variableAttribute": [
                {"type": "Target", "value": "16", "mutability": "ReadWrite"},
                {"value": "0"},
            ],
            "variableCharacteristics": {
                "unit": "A",
                "dataType": "decimal",
                "minLimit": 0,
                "maxLimit": 32.5,
                "valuesList": "0,16",
                "supportsMonitoring": False,
            },
        },
        {
            "component": {"name": "Clock"},
            "variable": {"name": "DateTime"},
            "variableAttribute": [{}],
        },
    ]
    report = said(
        version, "NotifyReport", PART | {"tbc": True, "reportData": data}, VariablesReport
    )

    place: dict[str, Any] = {
        "component_instance": "A",
        "evse_id": 2,
        "connector_id": 1,
        "variable_instance": "B",
        "data_type": "decimal",
        "unit": "A",
        "min_limit": Decimal(0),
        "max_limit": Decimal("32.5"),
        "values_list": "0,16",
    }
    assert (report.request_id, report.seq_no, report.is_last) == (7, 0, False)
    assert report.variables == (
        ReportedVariable(
            "Connector", "MaxCurrent", "16", attribute="Target", mutability="ReadWrite", **place
        ),
        ReportedVariable("Connector", "MaxCurrent", "0", **place),
        ReportedVariable("Clock", "DateTime", None),
    )


def test_a_part_without_data_is_the_last_unless_it_says_otherwise() -> None:
    assert said(V201, "NotifyReport", PART, VariablesReport).is_last
    assert not said(V201, "NotifyReport", PART | {"tbc": True}, VariablesReport).is_last


def test_a_variable_without_meaning_leaves_its_neighbours_theirs() -> None:
    good = {
        "component": {"name": "Clock"},
        "variable": {"name": "TimeZone"},
        "variableAttribute": [{"value": "CET", "mutability": "writeonly "}],
    }
    data = [{"variable": {"name": "Lost"}}, good]
    part = {"requestId": 7, "seqNo": 0, "reportData": data}

    report = said(V201, "NotifyReport", part, VariablesReport)

    assert [(each.variable, each.mutability) for each in report.variables] == [
        ("TimeZone", "WriteOnly")
    ]
    assert "item_without_meaning_skipped" in report.origin.repairs


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("AuthorizationKey", MASK),
        ("BasicAuthPassword", MASK),
        ("WifiPassphrase", MASK),
        ("vendor_psk", MASK),
        ("AuthorizeRemoteTxRequests", "x"),
        ("ConnectorPhaseRotation", "x"),
    ],
)
def test_a_value_named_like_a_secret_is_not_kept(name: str, kept: str) -> None:
    assert shown(name, "x") == kept
    assert shown(name, None) is None
