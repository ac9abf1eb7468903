"""What a station is told of a location's load balancing, in its version's words. Pure.

Two profiles at most for a charge point: what it falls back to without us (TxDefaultProfile for the
whole station, for good) and what its transaction may draw (TxProfile, which lapses). Both stand on
stack level 0, which every station has, and differ in their purpose.

Sources: OCPP 1.6 edition 2, sections 3.13 and 7.8; OCPP 2.0.1 edition 3, part 2, K01.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from csms.balancing import NOMINAL_V, PHASES
from csms.reports import OcppVersion
from foundation.identifiers import StationId

SET = "SetChargingProfile"
CLEAR = "ClearChargingProfile"

_FALLBACK = 1
"""The number of the profile that a station falls back to; those of its EVSEs follow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listener:
    """How a station wants to be told.

    `numbers_from` is what its profiles' numbers must be above (MaxExternalConstraintsId, K01);
    `in_watts` where it takes no amperes.
    """

    station: StationId
    version: OcppVersion
    in_watts: bool = False
    numbers_from: int = 0


def number_of(evse_id: int, numbers_from: int) -> int:
    """Return the number of the profile of an EVSE's transaction: whoever tells it replaces it."""
    return numbers_from + _FALLBACK + evse_id


def fallback(to: Listener, limit_a: int, now: datetime) -> dict[str, Any]:
    """Return what tells a station what each of its EVSEs keeps to where nothing else is said."""
    profile = {
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
    }
    return _told(to, 0, to.numbers_from + _FALLBACK, profile, _limit(to, limit_a, PHASES), now)


def share(
    to: Listener,
    evse_id: int,
    transaction: int | str,
    limit_a: int,
    phases: frozenset[int],
    *,
    now: datetime,
    until: datetime,
) -> dict[str, Any]:
    """Return what tells a station what a transaction may draw, and until when that holds.

    Args:
        to: The station.
        evse_id: Where it charges; in 1.6 the connector.
        transaction: As the station knows it.
        limit_a: For each phase.
        phases: That the vehicle uses.
        now: By the Clock.
        until: When it lapses.
    """
    profile = {
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Absolute",
        "transactionId": transaction,
        "validTo": _moment(until),
    }
    number = number_of(evse_id, to.numbers_from)
    return _told(to, evse_id, number, profile, _limit(to, limit_a, phases), now)


def cleared(to: Listener, evse_id: int) -> dict[str, Any]:
    """Return what takes back a profile of ours; EVSE 0: what the station falls back to."""
    name = "id" if to.version is OcppVersion.V16 else "chargingProfileId"
    return {name: number_of(evse_id, to.numbers_from)}


def _limit(to: Listener, limit_a: int, phases: frozenset[int]) -> int:
    return limit_a * NOMINAL_V * len(phases) if to.in_watts else limit_a


def _told(
    to: Listener,
    evse_id: int,
    number: int,
    profile: Mapping[str, Any],
    limit: int,
    now: datetime,
) -> dict[str, Any]:
    schedule = {
        "startSchedule": _moment(now),
        "chargingRateUnit": "W" if to.in_watts else "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
    }
    if to.version is OcppVersion.V16:
        whole = {"chargingProfileId": number, **profile, "chargingSchedule": schedule}
        return {"connectorId": evse_id, "csChargingProfiles": whole}
    whole = {"id": number, **profile, "chargingSchedule": [{"id": number, **schedule}]}
    return {"evseId": evse_id, "chargingProfile": whole}


def _moment(at: datetime) -> str:
    return at.replace(microsecond=0).isoformat().replace("+00:00", "Z")
