"""Who is silent: online, pending, offline.

Source: business rules 1.3 and 7.9: pending after 30 minutes without a message, offline after 60,
both adjustable; a station that never connected is a state of its own; any message counts as life.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class StationState(StrEnum):
    """The API's words for how long ago a station was heard."""

    NEVER_CONNECTED = "never_connected"
    ONLINE = "online"
    PENDING = "pending"
    OFFLINE = "offline"


def station_state(
    last_heard_at: datetime | None,
    now: datetime,
    *,
    pending_after: timedelta,
    offline_after: timedelta,
) -> StationState:
    """Return a station's state; the limits themselves still count as the better state."""
    if last_heard_at is None:
        return StationState.NEVER_CONNECTED
    silence = now - last_heard_at
    if silence > offline_after:
        return StationState.OFFLINE
    if silence > pending_after:
        return StationState.PENDING
    return StationState.ONLINE


def offline_stations(
    last_heard: Mapping[str, datetime], now: datetime, allowed_silence: timedelta
) -> list[str]:
    """Return the stations that have been silent for longer than allowed, sorted."""
    return sorted(station for station, at in last_heard.items() if now - at > allowed_silence)


@dataclass(frozen=True, slots=True)
class SilenceLimits:
    """How long a station may be silent before it counts as pending, and as offline."""

    pending_after: timedelta = timedelta(minutes=30)
    offline_after: timedelta = timedelta(minutes=60)
