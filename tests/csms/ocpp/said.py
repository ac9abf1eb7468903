"""What a station says, from JSON to report: the way in that the tests of this folder walk."""

import json
from datetime import UTC, datetime, tzinfo
from types import ModuleType
from typing import Any, TypeVar

from csms.ocpp import repair
from csms.ocpp.v16 import translate as v16
from csms.ocpp.v21 import translate as v21
from csms.ocpp.v201 import translate as v201
from csms.reports import OcppVersion, Origin, Report
from foundation.identifiers import StationId

V16, V201, V21 = OcppVersion.V16, OcppVersion.V201, OcppVersion.V21
TRANSLATE: dict[OcppVersion, ModuleType] = {V16: v16, V201: v201, V21: v21}

NOON = datetime(2026, 10, 15, 12, 0, tzinfo=UTC)
"""The moment of the samples below."""

HEARD = datetime(2026, 10, 15, 12, 0, 5, tzinfo=UTC)
"""When we received them."""

R = TypeVar("R", bound=Report)


def origin(version: OcppVersion, action: str, raw: str = "", *used: str) -> Origin:
    return Origin(StationId("CS-1"), version, 1, HEARD, "m-1", action, raw, used)


def said(
    version: OcppVersion, action: str, payload: Any, kind: type[R], *, zone: tzinfo = UTC
) -> R:
    """Return the report on a payload (an object, or JSON as text), which must be of a kind."""
    raw = payload if isinstance(payload, str) else json.dumps(payload)
    message, used = repair.decode(version, action, raw, site_zone=zone)
    report = TRANSLATE[version].to_report(message, origin(version, action, raw, *used))
    assert isinstance(report, kind)
    return report


START = {
    "connectorId": 1,
    "idTag": "04A2B3C4",
    "meterStart": 1000,
    "timestamp": "2026-10-15T12:00:00Z",
}
STOP = {"transactionId": 7, "meterStop": 9000, "timestamp": "2026-10-15T12:00:00Z"}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
BOOT = {"chargePointVendor": "Wattwerk", "chargePointModel": "One"}
EVENT = {
    "eventType": "Started",
    "timestamp": "2026-10-15T12:00:00Z",
    "triggerReason": "Authorized",
    "seqNo": 0,
    "transactionInfo": {"transactionId": "t-1"},
}


def meter(*sampled: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A 1.6 MeterValues payload with one moment."""
    at = {"timestamp": "2026-10-15T12:00:00Z", "sampledValue": list(sampled)}
    return {"connectorId": 1, "meterValue": [at]} | more
