"""Records: stations tell what they hold beside their sessions, and what happened to it.

Source: OCPP 2.0.1 part 2, O03 and O04; OCPP 2.1 part 2, N11 to N14, R04, S01 to S04.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from csms import customer_information, record_batches
from csms.handlers.context import HandlerContext
from csms.record_batches import AllTold, Change, Forget, Keep, Mark, Tell
from csms.records import Held, Told
from csms.reports import Acknowledged, RecordReport

_CONTROLS: Final[Mapping[str, str | None]] = {
    "curve": None,
    "enterService": "EnterService",
    "fixedPFAbsorb": "FixedPFAbsorb",
    "fixedPFInject": "FixedPFInject",
    "fixedVar": "FixedVar",
    "freqDroop": "FreqDroop",
    "gradient": "Gradients",
    "limitMaxDischarge": "LimitMaxDischarge",
}
"""The lists of ReportDERControl, and the type of what stands in them; a curve names its own."""


async def records_told(
    db: AsyncSession, context: HandlerContext, reports: Sequence[RecordReport]
) -> list[Acknowledged]:
    """Keep what stations tell, in the order in which each told it."""
    changes = [
        change
        for each in reports
        for change in changes_by(
            str(each.origin.station), each.origin.action, each.payload, each.origin.received_at
        )
    ]
    await record_batches.apply(db, changes)
    customers = [
        customer_information.part_of(
            str(each.origin.station), each.payload, each.origin.received_at
        )
        for each in reports
        if each.origin.action == "NotifyCustomerInformation"
    ]
    if customers:
        await customer_information.keep(db, customers)
    return [Acknowledged() for _ in reports]


def changes_by(
    station: str, action: str, said: Mapping[str, Any], at: datetime
) -> Iterator[Change]:
    """Yield what a report changes of what its station holds, or adds to what it told."""
    match action:
        case "NotifyDisplayMessages":
            for each in said.get("messageInfo") or ():
                state = each.get("state")
                yield Keep(station, Held.DISPLAY_MESSAGE, str(each["id"]), each, state, at)
            if not said.get("tbc", False):
                yield AllTold(station, Held.DISPLAY_MESSAGE, said["requestId"])
        case "NotifyMonitoringReport":
            for each in said.get("monitor") or ():
                where = {"component": each["component"], "variable": each["variable"]}
                for monitor in each["variableMonitoring"]:
                    content = where | monitor
                    whose = monitor.get("eventNotificationType")  # said from 2.1 on
                    yield Keep(station, Held.MONITOR, str(monitor["id"]), content, whose, at)
            if not said.get("tbc", False):
                yield AllTold(station, Held.MONITOR, said["requestId"])
        case "NotifyChargingLimit":
            key = f"{said['chargingLimit']['chargingLimitSource']}/{said.get('evseId', 0)}"
            yield Keep(station, Held.CHARGING_LIMIT, key, said, None, at)
        case "ClearedChargingLimit":
            key = f"{said['chargingLimitSource']}/{said.get('evseId', 0)}"
            yield Forget(station, Held.CHARGING_LIMIT, key)
        case "ReportChargingProfiles":
            for each in said["chargingProfile"]:
                content = {"evseId": said["evseId"], "chargingProfile": each}
                source = said["chargingLimitSource"]
                yield Keep(station, Held.CHARGING_PROFILE, str(each["id"]), content, source, at)
            if not said.get("tbc", False):
                yield AllTold(station, Held.CHARGING_PROFILE, said["requestId"])
        case "NotifyPriorityCharging":
            # The same words may come again after others: the last is kept beside what was told.
            key, state = said["transactionId"], "On" if said["activated"] else "Off"
            yield Keep(station, Held.CHARGES_FIRST, key, said, state, at)
            yield Tell(station, Told.PRIORITY_CHARGING, key, said, at)
        case "ReportDERControl":
            yield from _controls(station, said, at)
        case "NotifyDERAlarm":
            yield Tell(station, Told.DER_ALARM, said["controlType"], said, at)
        case "NotifyDERStartStop":
            key, state = said["controlId"], "Started" if said["started"] else "Stopped"
            yield Tell(station, Told.DER_START_STOP, key, said, at)
            yield Mark(station, Held.DER_CONTROL, key, state, at)
            for each in said.get("supersededIds") or ():
                yield Mark(station, Held.DER_CONTROL, each, "Superseded", at)
        case "OpenPeriodicEventStream":
            stream = said["constantStreamData"]
            yield Keep(station, Held.EVENT_STREAM, str(stream["id"]), stream, "Open", at)
        case "ClosePeriodicEventStream":
            yield Mark(station, Held.EVENT_STREAM, str(said["id"]), "Closed", at)
        case "NotifyPeriodicEventStream":
            yield Tell(station, Told.STREAM_VALUES, str(said["id"]), said, at)
        case "BatterySwap":
            yield Tell(station, Told.BATTERY_SWAP, str(said["requestId"]), said, at)


def _controls(station: str, said: Mapping[str, Any], at: datetime) -> Iterator[Change]:
    """Every part tells of controls of its own; each control is kept as it is told."""
    for name, kind in _CONTROLS.items():
        for each in said.get(name) or ():
            content = {**each, "controlType": kind or each.get("curveType")}
            state = "Superseded" if each.get("isSuperseded") else None
            yield Keep(station, Held.DER_CONTROL, str(each["id"]), content, state, at)
