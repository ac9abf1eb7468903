"""Alerts in words: what was found, where, and what shows it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from alerts import conditions
from alerts.detections import Detection
from alerts.fault_codes import explained
from alerts.life import STORM, Alert, AlertState
from alerts.sightings import SILENCE
from portal import formats, vocabulary
from portal.words import Words, marked

_CAUSES: Final = {
    SILENCE: marked("not heard any more"),
    STORM: marked("many at once"),
    "starts_without_energy": marked("starts give no energy"),
    "no_session": marked("nobody charges any more"),
    "session_without_energy": marked("a session takes no energy"),
    "session_never_ends": marked("a session does not end"),
    "emergency_stop": marked("emergency stop"),
    "OtherError": marked("without a name"),
    "AttemptedReplayAttacks": marked("somebody repeats recorded messages"),
    "FailedToAuthenticateAtCsms": marked("the station could not sign in here"),
    "CsmsFailedToAuthenticate": marked("the station did not trust us"),
    "InvalidChargingStationCertificate": marked("the station's certificate is not valid"),
    "InvalidCsmsCertificate": marked("our certificate is not valid to the station"),
    "InvalidFirmwareSignature": marked("firmware with a wrong signature"),
    "InvalidFirmwareSigningCertificate": marked("firmware signed with a wrong certificate"),
    "InvalidMessages": marked("messages that are none"),
    "MaintenanceLoginAccepted": marked("somebody signed in at the station"),
    "MaintenanceLoginFailed": marked("somebody failed to sign in at the station"),
    "MemoryExhaustion": marked("the station's memory is full"),
    "ReconfigurationOfSecurityParameters": marked("security settings were changed"),
    "SecurityLogWasCleared": marked("the security log was cleared"),
    "TamperDetectionActivated": marked("the station was opened"),
    "ConnectionBelowSecurityProfile": marked("a connection was less secure than it must be"),
    "ForeignCertificateShown": marked("another's certificate was shown for the station"),
    "RevokedCertificateShown": marked("a revoked certificate was shown"),
    "CertificateRequestRefused": marked("a request for a certificate was refused"),
    conditions.CLOCK_WRONG: marked("the station's clock is wrong"),
    conditions.CERTIFICATE_ENDS: marked("a certificate of ours ends soon, or has ended"),
    conditions.STATIONS_CERTIFICATE_ENDS: marked("a station's certificate ends soon, or has ended"),
    conditions.EVENTS_WAIT: marked("events wait for too long"),
    conditions.EVENTS_PARKED: marked("events wait for a person"),
    conditions.JOBS_WAIT: marked("jobs wait for too long"),
}
"""What the watches of the house find, beside the errors of `vocabulary.FAULTS`."""

_NUMBERED: Final = {
    "job": marked("job %(number)s"),
    "rule": marked("rule %(number)s"),
}
"""What jobs and rules of people find, by what begins the cause."""

_EVIDENCE: Final = {
    "info": marked("The station says"),
    "vendor_error_code": marked("Vendor's code"),
    "tech_info": marked("The station says"),
    "monitor": marked("Monitor"),
    "event": marked("Number of the event"),
    "caused_by": marked("Caused by event"),
    "last_heard_at": marked("Last heard"),
    "off_by": marked("Off by"),
    "certificate": marked("Certificate"),
    "ends_at": marked("Ends"),
    "readers": marked("Readers"),
    "oldest_at": marked("Since"),
    "minutes": marked("Minutes"),
    "job": marked("Job"),
    "session": marked("Session"),
    "started_at": marked("Began"),
    "ended_at": marked("Ended"),
    "last_started_at": marked("Last session"),
    "longest_gap_hours": marked("Longest gap so far, in hours"),
    "starts_without_energy": marked("Starts without energy"),
    "checks": marked("Checks"),
    "group": marked("Group"),
    "energy_kwh": marked("Energy in kWh"),
    "usual": marked("Weeks with energy"),
    "success_rate": marked("Starts that worked"),
    "success_rate_of_group": marked("Starts that worked, the others"),
    "kwh_per_kw": marked("kWh per kW"),
    "kwh_per_kw_of_group": marked("kWh per kW, the others"),
    "meter_kwh": marked("Meter in kWh"),
    "sessions_kwh": marked("Sessions in kWh"),
    "rule": marked("Rule"),
    "measured": marked("Measured"),
}


def what(detection: Detection, cause: str, said: Words, names: Mapping[str, str]) -> str:
    """Return what was found, as in `Fault: ground failure`; jobs and rules by their `names`."""
    watch = said.gettext(vocabulary.DETECTIONS[detection])
    return f"{watch}: {names.get(cause) or named(cause, said)}"


def named(cause: str, said: Words) -> str:
    """Return a cause in words; one that nobody named, as it is."""
    known = vocabulary.FAULTS.get(cause)
    if known is not None:
        return said.gettext(known.name)
    kind, _, number = cause.partition("/")
    if kind in _NUMBERED and number:
        return said.gettext(_NUMBERED[kind]) % {"number": number}
    return said.gettext(_CAUSES[cause]) if cause in _CAUSES else cause


def advice(cause: str, said: Words) -> str:
    """Return what to do about a cause; empty where there is no advice."""
    known = vocabulary.FAULTS.get(cause)
    return "" if known is None or not known.advice else said.gettext(known.advice)


def evidence(
    found: Mapping[str, str], zone: ZoneInfo, said: Words, *, vendor: str | None = None
) -> list[tuple[str, str]]:
    """Return what shows a fault: names and values; moments (`…_at`) in the zone.

    A vendor's code, or what the station says, is explained where somebody knows what it means.

    Args:
        found: As the watch wrote it down.
        zone: In which moments are written.
        said: The reader's words.
        vendor: The station's make, some of whose codes mean what they mean nowhere else.
    """
    lines = [
        (
            said.gettext(_EVIDENCE[name]) if name in _EVIDENCE else name,
            _moment(value, zone, said)
            if name.endswith("_at")
            else measured(value, said)
            if name == "measured"
            else value,
        )
        for name, value in found.items()
    ]
    meaning = explained(
        found.get("vendor_error_code"), found.get("info"), vendor=vendor, language=said.language
    )
    if meaning is not None:
        lines += [
            (said.gettext("Meaning"), meaning.means),
            (said.gettext("What helps"), meaning.helps),
        ]
    return lines


def measured(text: str, said: Words) -> str:
    """Return what an if/then rule saw, as in `temperature_c 71`, in words."""
    found = []
    for part in text.split(", ") if text else ():
        metric, _, value = part.partition(" ")
        name = vocabulary.METRICS.get(metric)
        found.append(part if name is None else f"{said.gettext(name)} {value}")
    return ", ".join(found)


def _moment(text: str, zone: ZoneInfo, said: Words) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if at.tzinfo is None else formats.exact_moment(at, zone, said.locale)


def where(alert: Alert, stations: Sequence[str], places: Mapping[str, str], said: Words) -> str:
    """Return where an alert is: the place, the station, or how many stations."""
    place = None if alert.location is None else places.get(alert.location, alert.location)
    if len(stations) == 1:
        return stations[0] if place is None else f"{stations[0]}, {place}"
    if not stations:
        return place or ""
    many = said.ngettext("%(num)s station", "%(num)s stations", len(stations)) % {
        "num": len(stations)
    }
    return many if place is None else f"{many}, {place}"


def shown_state(alert: Alert) -> str:
    """Return the key of `vocabulary.ALERT_STATES` under which an alert is shown."""
    if alert.state is not AlertState.OPEN:
        return alert.state.value
    if alert.escalated_at is not None:
        return "escalated"
    return "open" if alert.acknowledged_at is None else "acknowledged"
