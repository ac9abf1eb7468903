"""Who is online, pending or offline."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.connectivity import (
    AWAY_AFTER,
    READ_WITHIN,
    RECONNECT_WITHIN,
    STABLE_AFTER,
    Probe,
    SilenceLimits,
    StationState,
    Step,
    Watched,
    listening_since,
    next_step,
    offline_stations,
    station_state,
)

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


# ---------------------------------------------------------------------------------------- the watch

PING_FOR = timedelta(seconds=70)
LONG_AGO = NOW - timedelta(days=1)


def watched(silent: timedelta, **other: Any) -> Watched:
    """A connected station of whose silence nothing was told."""
    usual: dict[str, Any] = {
        "last_heard_at": NOW - silent,
        "connected_at": NOW - timedelta(hours=9),
        "is_connected": True,
        "is_offline": False,
        "limits": LIMITS,
    }
    return Watched(**(usual | other))


def step(station: Watched, since: datetime = LONG_AGO) -> Step:
    return next_step(station, NOW, listening_since=since, ping_for=PING_FOR)


MISSED = LIMITS.offline_after + timedelta(seconds=1)


def test_who_misses_the_deadline_is_probed_if_connected_and_offline_if_not() -> None:
    assert step(watched(LIMITS.offline_after, is_connected=False)) is Step.NOTHING
    assert step(watched(MISSED, is_connected=False)) is Step.OFFLINE_CLOSED
    assert step(watched(LIMITS.offline_after)) is Step.NOTHING
    assert step(watched(MISSED)) is Step.PING


def test_where_nobody_listened_nobody_was_silent() -> None:
    gone = watched(timedelta(hours=5), is_connected=False)
    assert step(gone, NOW - RECONNECT_WITHIN + timedelta(seconds=1)) is Step.NOTHING
    assert step(gone, NOW - RECONNECT_WITHIN) is Step.OFFLINE_CLOSED


def probed(**facts: Any) -> Watched:
    began = NOW - timedelta(minutes=2)
    probe = Probe(silent_since=NOW - MISSED, **({"began_at": began} | facts))
    return watched(MISSED, probe=probe)


def test_a_probe_tries_the_socket_and_then_asks() -> None:
    assert step(probed(began_at=NOW - PING_FOR + timedelta(seconds=1))) is Step.NOTHING
    assert step(probed(began_at=NOW - PING_FOR)) is Step.READ
    closed = replace(probed(), is_connected=False)
    assert step(closed) is Step.OFFLINE_CLOSED


def test_only_a_probe_that_fails_ends_in_an_alarm() -> None:
    asked = NOW - timedelta(minutes=1)
    assert step(probed(read_at=asked)) is Step.NOTHING
    assert step(probed(read_at=asked, is_over=True)) is Step.OFFLINE_NO_ANSWER
    assert step(probed(read_at=NOW - READ_WITHIN)) is Step.NOTHING
    late = NOW - READ_WITHIN - timedelta(seconds=1)
    assert step(probed(read_at=late)) is Step.OFFLINE_NO_ANSWER
    assert step(probed(read_at=late, is_over=True, is_answered=True)) is Step.SAVED
    spoke = replace(probed(), last_heard_at=NOW - timedelta(seconds=9), is_connected=False)
    assert step(spoke) is Step.SAVED


def returning(silent: timedelta, back_for: timedelta | None, **other: Any) -> Watched:
    since = None if back_for is None else NOW - back_for
    return watched(silent, is_offline=True, back_since=since, **other)


def test_who_was_offline_is_back_after_it_was_heard_for_a_while() -> None:
    second = timedelta(seconds=1)
    assert step(returning(LIMITS.pending_after + second, None)) is Step.NOTHING
    assert step(returning(second, None)) is Step.RETURNING
    assert step(returning(LIMITS.pending_after + second, STABLE_AFTER)) is Step.LOST_AGAIN
    assert step(returning(second, STABLE_AFTER - second)) is Step.NOTHING
    assert step(returning(second, STABLE_AFTER)) is Step.BACK


def test_a_socket_that_comes_and_goes_brings_nobody_back() -> None:
    """Only one that stands, or messages that go on."""
    once = timedelta(minutes=8)
    fresh = {"connected_at": NOW - timedelta(minutes=1)}
    assert step(returning(once, once, **fresh)) is Step.NOTHING
    assert step(returning(once, once, is_connected=False)) is Step.NOTHING
    assert step(returning(timedelta(minutes=3), once, **fresh)) is Step.BACK
    assert step(returning(once, once)) is Step.BACK


@given(silent=st.integers(0, 10_000), heard_later=st.integers(0, 10_000), connected=st.booleans())
def test_who_was_heard_later_is_never_worse_off(
    silent: int, heard_later: int, connected: bool
) -> None:
    less, more = sorted([silent, heard_later])
    quiet = watched(timedelta(seconds=more), is_connected=connected)
    lively = watched(timedelta(seconds=less), is_connected=connected)
    assert step(lively) is Step.NOTHING or step(quiet) is not Step.NOTHING


def test_the_watch_listens_since_it_was_away_or_its_oldest_process_began() -> None:
    since = NOW - timedelta(hours=8)
    lately, away = NOW - timedelta(minutes=1), NOW - AWAY_AFTER - timedelta(seconds=1)
    assert listening_since(None, NOW, nodes_since=None) == NOW
    assert listening_since((lately, since), NOW, nodes_since=None) == since
    assert listening_since((NOW - AWAY_AFTER, since), NOW, nodes_since=None) == since
    assert listening_since((away, since), NOW, nodes_since=None) == NOW
    assert listening_since((lately, since), NOW, nodes_since=lately) == lately
    assert listening_since((lately, since), NOW, nodes_since=LONG_AGO) == since
    assert listening_since((lately, since), NOW, nodes_since=NOW + timedelta(hours=1)) == NOW
