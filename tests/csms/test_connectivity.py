"""Who is online, pending or offline."""

from datetime import UTC, datetime, timedelta

import pytest

from csms.connectivity import SilenceLimits, StationState, offline_stations, station_state

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)
LIMITS = SilenceLimits()


@pytest.mark.parametrize(
    ("silent_s", "state"),
    [
        (0, StationState.ONLINE),
        (30 * 60, StationState.ONLINE),
        (30 * 60 + 1, StationState.PENDING),
        (60 * 60, StationState.PENDING),
        (60 * 60 + 1, StationState.OFFLINE),
        (-5, StationState.ONLINE),
    ],
)
def test_silence_makes_a_station_pending_and_then_offline(
    silent_s: int, state: StationState
) -> None:
    heard_at = NOW - timedelta(seconds=silent_s)
    found = station_state(
        heard_at, NOW, pending_after=LIMITS.pending_after, offline_after=LIMITS.offline_after
    )
    assert found is state


def test_a_station_that_never_connected_is_a_state_of_its_own() -> None:
    found = station_state(
        None, NOW, pending_after=LIMITS.pending_after, offline_after=LIMITS.offline_after
    )
    assert found is StationState.NEVER_CONNECTED


def test_offline_are_those_silent_for_longer_than_allowed() -> None:
    allowed = timedelta(minutes=5)
    heard = {
        "c": NOW - allowed - timedelta(seconds=1),
        "b": NOW - allowed,
        "a": NOW - timedelta(days=1),
    }
    assert offline_stations(heard, NOW, allowed) == ["a", "c"]
