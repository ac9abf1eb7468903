"""What stations say of what they hold beside their sessions, to reports.

Source: OCPP 2.0.1 part 2, O03; OCPP 2.1 part 2, N11 to N14, R04, S01 to S04.
"""

from collections.abc import Callable
from typing import Any, Final

from csms.ocpp.errors import ErrorCode, MessageError
from csms.ocpp.translation import integer, kept, without_nul
from csms.reports import (
    ChargingNeedsReport,
    Origin,
    RecordReport,
    Report,
    VehicleScheduleReport,
)


def record(message: Any, origin: Origin) -> Report:
    """Read a message as it is, but for what no text can hold."""
    return RecordReport(origin, without_nul(kept(message, origin).payload))


def customer(message: Any, origin: Origin) -> Report:
    """Read what a station tells of a customer.

    Raises:
        MessageError: Its numbers are none that anybody asked under.
    """
    for number, where in ((message.request_id, "$.requestId"), (message.seq_no, "$.seqNo")):
        if integer(number) is None:
            raise MessageError(ErrorCode.PROPERTY_VIOLATION, where, "a number of 64 bits at most")
    return record(message, origin)


def needs(message: Any, origin: Origin) -> Report:
    """Read what a vehicle needs."""
    return ChargingNeedsReport(origin, without_nul(kept(message, origin).payload))


def vehicle_schedule(message: Any, origin: Origin) -> Report:
    """Read how a vehicle means to charge."""
    return VehicleScheduleReport(origin, without_nul(kept(message, origin).payload))


HANDLED_RECORDS: Final[dict[str, Callable[[Any, Origin], Report]]] = {
    "ClearedChargingLimit": record,
    "NotifyChargingLimit": record,
    "NotifyCustomerInformation": customer,
    "NotifyDisplayMessages": record,
    "NotifyEVChargingNeeds": needs,
    "NotifyEVChargingSchedule": vehicle_schedule,
    "NotifyMonitoringReport": record,
    "ReportChargingProfiles": record,
}
"""In 2.0.1 and in 2.1."""

HANDLED_RECORDS_21: Final = HANDLED_RECORDS | {
    "BatterySwap": record,
    "ClosePeriodicEventStream": record,
    "NotifyDERAlarm": record,
    "NotifyDERStartStop": record,
    "NotifyPriorityCharging": record,
    "OpenPeriodicEventStream": record,
    "ReportDERControl": record,
}
