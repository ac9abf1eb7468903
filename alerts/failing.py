"""Green but failing: charge points that look well and give nothing, and sessions that are odd.

A station that says "Available" may have a broken relay, a dead card reader or a car parked before
it. It shows by what people get from it: the last starts gave no energy, or nobody charged for much
longer than ever. The limits are wide on purpose: an alert that is wrong is an alert that is not
read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from alerts.detections import Detection, Finding, Severity
from foundation.identifiers import OrganisationKey, StationId

STARTS: Final = 4
"""So many starts in a row without energy are no accident."""
TOKENS: Final = 2
"""By so many people at least: one driver with a full battery proves nothing."""
NO_ENERGY_WH: Final = Decimal(10)
GAPS: Final = 50
"""How many gaps between sessions are looked back at, and"""
GAPS_MIN: Final = 20
"""from how many on the longest of them says what is usual."""
TIMES: Final = 3
"""A gap so many times the longest is unusual,"""
GAP_MIN: Final = timedelta(hours=24)
"""but none that is shorter than this."""
NEVER_ENDS: Final = timedelta(hours=72)
WITHOUT_ENERGY: Final = timedelta(hours=1)
EMERGENCY_FOR: Final = timedelta(hours=24)
"""How long an emergency stop is told of, unless somebody charges there before."""

NO_ENERGY: Final = "starts_without_energy"
NO_SESSION: Final = "no_session"
STANDS_STILL: Final = "session_without_energy"
ENDLESS: Final = "session_never_ends"
EMERGENCY: Final = "emergency_stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What people got from a charge point lately.

    Attributes:
        is_ready: Its station is online, and a connector of it is available.
        starts: Of its newest `STARTS` sessions that ended, how many there were,
        empty: how many of them gave less than `NO_ENERGY_WH`,
        tokens: and by how many different tokens they were; unknown ones are one.
        last_started_at: When the newest session of all began.
        gaps: How many gaps between its newest sessions are known, `GAPS` at most.
        longest_gap: The longest of them.
        last_stop_reason: Of the newest session that ended.
        last_ended_at: When that was.
    """

    station: StationId
    evse_id: int
    organisation: OrganisationKey
    is_ready: bool
    starts: int
    empty: int
    tokens: int
    last_started_at: datetime | None
    gaps: int
    longest_gap: timedelta | None
    last_stop_reason: str | None
    last_ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSession:
    """A session that has not ended.

    Attributes:
        charging_state: The station's word for it, if it said one.
        risen_wh: What its register rose until `read_at`; None: nothing was read.
    """

    transaction_id: int
    station: StationId
    evse_id: int
    organisation: OrganisationKey
    started_at: datetime
    charging_state: str | None
    risen_wh: Decimal | None
    read_at: datetime | None


def failing(points: Sequence[Health], now: datetime) -> list[Finding]:
    """Return which charge points look well and give nothing."""
    found = []
    for each in points:
        if not each.is_ready:
            continue
        if each.starts == each.empty == STARTS and each.tokens >= TOKENS:
            evidence = {"starts_without_energy": str(each.empty)}
            found.append(_at(each, Detection.FAILING, NO_ENERGY, Severity.FAULT, now, evidence))
        gap = _unusual_after(each)
        if gap is not None and each.last_started_at is not None:
            since = now - each.last_started_at
            if since > gap:
                evidence = {
                    "last_started_at": each.last_started_at.isoformat(),
                    "longest_gap_hours": _hours(each.longest_gap or gap),
                }
                found.append(
                    _at(each, Detection.FAILING, NO_SESSION, Severity.WARNING, now, evidence)
                )
    return found


def _unusual_after(health: Health) -> timedelta | None:
    if health.gaps < GAPS_MIN or health.longest_gap is None:
        return None
    return max(GAP_MIN, TIMES * health.longest_gap)


def odd_sessions(
    points: Sequence[Health], running: Sequence[RunningSession], now: datetime
) -> list[Finding]:
    """Return what is odd about charging: at most one finding of a cause at a charge point."""
    found: dict[str, Finding] = {}
    for session in running:
        lasts = now - session.started_at
        evidence = {
            "session": str(session.transaction_id),
            "started_at": session.started_at.isoformat(),
        }
        if lasts >= NEVER_ENDS:
            finding = _at(session, Detection.SESSION, ENDLESS, Severity.WARNING, now, evidence)
            found.setdefault(finding.key, finding)
        stands_still = (
            session.charging_state == "Charging"
            and session.risen_wh is not None
            and session.read_at is not None
            and 0 <= session.risen_wh <= NO_ENERGY_WH
            and session.read_at - session.started_at >= WITHOUT_ENERGY
        )
        if stands_still:
            finding = _at(session, Detection.SESSION, STANDS_STILL, Severity.WARNING, now, evidence)
            found.setdefault(finding.key, finding)
    for each in points:
        ended = each.last_ended_at
        if each.last_stop_reason != "EmergencyStop" or ended is None:
            continue
        began_again = each.last_started_at is not None and each.last_started_at > ended
        if not began_again and now - ended < EMERGENCY_FOR:
            shown = {"ended_at": ended.isoformat()}
            finding = _at(each, Detection.SESSION, EMERGENCY, Severity.FAULT, now, shown)
            found.setdefault(finding.key, finding)
    return list(found.values())


def _at(
    place: Health | RunningSession,
    detection: Detection,
    cause: str,
    severity: Severity,
    now: datetime,
    evidence: dict[str, str],
) -> Finding:
    return Finding(
        detection=detection,
        cause=cause,
        organisation=place.organisation,
        station=place.station,
        evse_id=place.evse_id,
        severity=severity,
        seen_at=now,
        evidence=evidence,
    )


def _hours(span: timedelta) -> str:
    return f"{span / timedelta(hours=1):.0f}"
