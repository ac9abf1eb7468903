"""Records: stations tell what they hold beside their sessions, and what happened to it.

Source: OCPP 2.0.1 part 2, O03 and O04; OCPP 2.1 part 2, N11 to N14, R04, S01 to S04.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from csms import records
from csms.handlers.context import HandlerContext
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
    """Keep what stations tell, in the order in which they told it."""
    for report in reports:
        origin = report.origin
        await _take(db, origin.station, origin.action, report.payload, origin.received_at)
    return [Acknowledged() for _ in reports]


async def _take(
    db: AsyncSession, station: str, action: str, said: Mapping[str, Any], at: datetime
) -> None:
    match action:
        case "NotifyDisplayMessages":
            messages = {
                str(each["id"]): (each, each.get("state")) for each in said.get("messageInfo") or ()
            }
            await records.keep_all(db, station, Held.DISPLAY_MESSAGE, messages, at=at)
            if not said.get("tbc", False):
                await records.all_told(db, station, Held.DISPLAY_MESSAGE, said["requestId"])
        case "NotifyMonitoringReport":
            monitors = {
                str(monitor["id"]): (
                    {"component": each["component"], "variable": each["variable"], **monitor},
                    None,
                )
                for each in said.get("monitor") or ()
                for monitor in each["variableMonitoring"]
            }
            await records.keep_all(db, station, Held.MONITOR, monitors, at=at)
        case "NotifyChargingLimit":
            key = f"{said['chargingLimit']['chargingLimitSource']}/{said.get('evseId', 0)}"
            await records.keep(db, station, Held.CHARGING_LIMIT, key, said, state=None, at=at)
        case "ClearedChargingLimit":
            key = f"{said['chargingLimitSource']}/{said.get('evseId', 0)}"
            await records.forget(db, station, Held.CHARGING_LIMIT, [key])
        case "ReportChargingProfiles":
            profiles = {
                str(each["id"]): (
                    {"evseId": said["evseId"], "chargingProfile": each},
                    said["chargingLimitSource"],
                )
                for each in said["chargingProfile"]
            }
            await records.keep_all(db, station, Held.CHARGING_PROFILE, profiles, at=at)
            if not said.get("tbc", False):
                await records.all_told(db, station, Held.CHARGING_PROFILE, said["requestId"])
        case "NotifyPriorityCharging":
            key = said["transactionId"]
            await records.tell(db, station, Told.PRIORITY_CHARGING, key, said, at=at)
        case "ReportDERControl":
            await _controls(db, station, said, at)
        case "NotifyDERAlarm":
            await records.tell(db, station, Told.DER_ALARM, said["controlType"], said, at=at)
        case "NotifyDERStartStop":
            key, state = said["controlId"], "Started" if said["started"] else "Stopped"
            await records.tell(db, station, Told.DER_START_STOP, key, said, at=at)
            await records.mark(db, station, Held.DER_CONTROL, [key], state, at)
            superseded = list(said.get("supersededIds") or ())
            await records.mark(db, station, Held.DER_CONTROL, superseded, "Superseded", at)
        case "OpenPeriodicEventStream":
            stream = said["constantStreamData"]
            key = str(stream["id"])
            await records.keep(db, station, Held.EVENT_STREAM, key, stream, state="Open", at=at)
        case "ClosePeriodicEventStream":
            key = str(said["id"])
            await records.mark(db, station, Held.EVENT_STREAM, [key], "Closed", at)
        case "NotifyPeriodicEventStream":
            await records.tell(db, station, Told.STREAM_VALUES, str(said["id"]), said, at=at)
        case "BatterySwap":
            await records.tell(db, station, Told.BATTERY_SWAP, str(said["requestId"]), said, at=at)


async def _controls(db: AsyncSession, station: str, said: Mapping[str, Any], at: datetime) -> None:
    """Every part tells of controls of its own; each control is kept as it is told."""
    controls = {
        str(each["id"]): (
            {**each, "controlType": kind or each.get("curveType")},
            "Superseded" if each.get("isSuperseded") else None,
        )
        for name, kind in _CONTROLS.items()
        for each in said.get(name) or ()
    }
    await records.keep_all(db, station, Held.DER_CONTROL, controls, at=at)
