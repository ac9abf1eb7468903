"""Who is silent: online, pending, offline; who is tried before anybody is alarmed; who is back.

All from what was heard and now. A station that misses its deadline and has no connection is
offline. One that is connected is probed first: its socket must answer a ping, and the station a
harmless question; only if either fails it is offline. Who is offline is back only after it was
heard for a while. Where nobody listened (we were down), nobody was silent.

Source: business rules 1.3 and 7.9: pending after 30 minutes without a message, offline after 60,
both adjustable, by station too; a station that never connected is a state of its own; any message
counts as life; a closed socket is shown at once, beside these states.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

STABLE_AFTER: Final = timedelta(minutes=5)
"""For how long a station must be heard before it counts as back."""
READ_WITHIN: Final = timedelta(minutes=3)
"""How long a station has for the answer to a probe's question, waiting for its turn included."""
RECONNECT_WITHIN: Final = timedelta(minutes=15)
"""How long stations have to come back after we were away, before their silence counts."""
AWAY_AFTER: Final = timedelta(minutes=15)
"""A watch that did not look round for so long was away: nobody listened."""


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


# -------------------------------------------------------------------------------------- the watch


class ProbeOutcome(StrEnum):
    """How a probe ended."""

    HEARD = "heard"
    """The station answered, or said something by itself: nobody was alarmed."""
    CLOSED = "closed"
    """Its socket was closed, or did not answer the ping."""
    NO_ANSWER = "no_answer"
    """Its socket lives; the station does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """How far the probe of a silent station is.

    Attributes:
        silent_since: When it was last heard before.
        began_at: Since when its socket is tried.
        read_at: When it was asked; None: not yet.
        is_answered: Whether it answered, and be it with a refusal.
        is_over: Whether the question came to its end.
    """

    silent_since: datetime
    began_at: datetime
    read_at: datetime | None = None
    is_answered: bool = False
    is_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A station that connected at least once, and what was told of it.

    Attributes:
        last_heard_at: When its last message came.
        connected_at: When its newest socket was opened.
        is_connected: Whether that is open.
        is_offline: Whether it was told offline.
        back_since: Since when one that was told offline is heard again.
        limits: Its own, or else the installation's.
        probe: The one under way.
    """

    last_heard_at: datetime
    connected_at: datetime
    is_connected: bool
    is_offline: bool
    limits: SilenceLimits
    back_since: datetime | None = None
    probe: Probe | None = None


class Step(StrEnum):
    """What is to be done about a station."""

    NOTHING = "nothing"
    PING = "ping"
    """Begin a probe: its socket first."""
    READ = "read"
    """Ask it for something harmless."""
    SAVED = "saved"
    """The probe ends: it lives."""
    OFFLINE_CLOSED = "offline_closed"
    """Tell that it is offline: it has no connection."""
    OFFLINE_NO_ANSWER = "offline_no_answer"
    """Tell that it is offline: it has a connection, and does not answer."""
    RETURNING = "returning"
    """It is heard again: note since when."""
    LOST_AGAIN = "lost_again"
    """It was heard again, and then no longer."""
    BACK = "back"
    """Tell that it is back."""


def next_step(
    station: Watched, now: datetime, *, listening_since: datetime, ping_for: timedelta
) -> Step:
    """Return what is to be done about a station now.

    Args:
        station: What is known of it.
        now: When.
        listening_since: Since when stations could be heard without a gap.
        ping_for: Within what time every socket has been pinged and has answered, or is closed.
    """
    if station.is_offline:
        return _returning(station, now)
    if station.probe is not None:
        return _probed(station, station.probe, now, ping_for)
    silence = now - station.last_heard_at
    may_count = now - listening_since >= RECONNECT_WITHIN
    if silence <= station.limits.offline_after or not may_count:
        return Step.NOTHING
    return Step.PING if station.is_connected else Step.OFFLINE_CLOSED


def _probed(station: Watched, probe: Probe, now: datetime, ping_for: timedelta) -> Step:
    if probe.is_answered or station.last_heard_at > probe.silent_since:
        return Step.SAVED
    if not station.is_connected:
        return Step.OFFLINE_CLOSED
    if probe.read_at is None:
        return Step.READ if now - probe.began_at >= ping_for else Step.NOTHING
    if probe.is_over or now - probe.read_at > READ_WITHIN:
        return Step.OFFLINE_NO_ANSWER
    return Step.NOTHING


def _returning(station: Watched, now: datetime) -> Step:
    if now - station.last_heard_at > station.limits.pending_after:
        return Step.NOTHING if station.back_since is None else Step.LOST_AGAIN
    if station.back_since is None:
        return Step.RETURNING
    stable_at = station.back_since + STABLE_AFTER
    was_heard_since = station.last_heard_at >= stable_at
    has_stood = station.is_connected and now - station.connected_at >= STABLE_AFTER
    return Step.BACK if now >= stable_at and (was_heard_since or has_stood) else Step.NOTHING


def listening_since(
    before: tuple[datetime, datetime] | None, now: datetime, *, nodes_since: datetime | None
) -> datetime:
    """Return since when stations could be heard without a gap.

    Args:
        before: When the watch looked round last, and since when it listened then; None: never.
        now: When it looks round now.
        nodes_since: When the oldest of the processes that hold sockets now began; None where
            nothing is known of any.
    """
    since = now
    if before is not None and now - before[0] <= AWAY_AFTER:
        since = before[1]
    return since if nodes_since is None else max(since, min(nodes_since, now))
