"""What a watch finds: the one value that every detector hands to `alerts.raising.report`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from foundation.identifiers import OrganisationKey, StationId


class Detection(StrEnum):
    """Which watch found something. Two detections are always two alerts."""

    OFFLINE = "offline"
    """A station has been silent for longer than it may."""
    FAULT = "fault"
    """A station reports a fault."""
    WARNING = "warning"
    """A station reports an operating warning: it works, but not for ever."""
    SECURITY = "security"
    """A station reports a security event."""
    FAILING = "failing"
    """A station says that all is well, and nobody gets energy from it."""
    SESSION = "session"
    """Something about charging is odd."""
    CERTIFICATE = "certificate"
    """A certificate expires soon, or has."""
    CLOCK = "clock"
    """A station's clock is wrong."""
    BACKLOG = "backlog"
    """Our own deliveries or jobs lag."""
    JOB = "job"
    """An error-detection job found something."""
    RULE = "rule"
    """An if/then rule found something."""


class Severity(StrEnum):
    """How bad it is, from least to worst."""

    INFO = "info"
    WARNING = "warning"
    FAULT = "fault"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """The place in the order, from 0 (info)."""
        return _RANKS[self]


_RANKS: Final[Mapping[Severity, int]] = MappingProxyType(
    {each: rank for rank, each in enumerate(Severity)}
)


def worst(first: Severity, *others: Severity) -> Severity:
    """Return the worst of some severities."""
    return max((first, *others), key=lambda each: each.rank)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a watch saw at a moment: something is wrong, or no longer so.

    Attributes:
        detection: Which watch.
        cause: What it found, as in `GroundFailure`, `no_message`, `job/17`; never empty.
        organisation: Whose station (or place) it is.
        station: Which station; None where it is about a location or the installation.
        evse_id: Which EVSE of it (0: the station itself); None where the watch knows none.
        connector_id: Which connector of the EVSE.
        witness: Who of several that tell of one cause at one place told it, and alone may say that
            it is over; None where there is one only.
        location: Where; None: where the station stands now, if it stands anywhere.
        severity: How bad.
        seen_at: When in the world.
        is_present: False: it is over.
        evidence: What shows it, in words for people: a name and its value.
    """

    detection: Detection
    cause: str
    organisation: OrganisationKey
    station: StationId | None
    evse_id: int | None = None
    connector_id: int | None = None
    witness: str | None = None
    location: str | None = None
    severity: Severity
    seen_at: datetime
    is_present: bool = True
    evidence: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        assert self.cause, "a finding has a cause"
        assert self.seen_at.tzinfo is not None, "moments are aware"

    @property
    def key(self) -> str:
        """What makes two findings the same fault: the watch, the cause, where, and who tells it."""
        return key_of(
            self.detection,
            self.cause,
            organisation=self.organisation,
            location=self.location,
            station=self.station,
            evse_id=self.evse_id,
            connector_id=self.connector_id,
            witness=self.witness,
        )


def key_of(
    detection: Detection,
    cause: str,
    *,
    organisation: OrganisationKey,
    location: str | None,
    station: StationId | None,
    evse_id: int | None,
    connector_id: int | None,
    witness: str | None = None,
) -> str:
    """Return the key of a fault: `detection/cause/station/evse/connector`, then `#witness` if any.

    Where there is no station, `@location` takes its place, and where there is none either,
    `~organisation`: so neither two places nor two organisations share a fault. A missing number
    is `-`. A station's key does not depend on where it stands or whose it is: it may move.
    """
    if station is not None:
        place = str(station)
    elif location is not None:
        place = f"@{location}"
    else:
        place = f"~{organisation}"
    evse = "-" if evse_id is None else str(evse_id)
    connector = "-" if connector_id is None else str(connector_id)
    told_by = "" if witness is None else f"#{witness}"
    return f"{detection}/{cause}/{place}/{evse}/{connector}{told_by}"
