"""A station may be silent for longer, or shorter, than the others."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from accounts.directory import WHOLE
from csms import registry, silence_limits
from csms.connectivity import SilenceLimits, StationState
from csms.silence_limits import limits_of, set_limits
from foundation.errors import InvalidInput
from foundation.identifiers import StationId
from tests.csms.handlers.work import Work

CS_1, CS_2 = StationId("CS-1"), StationId("CS-2")
SHORT = SilenceLimits(timedelta(minutes=6), timedelta(minutes=12))


async def limit(work: Work, limits: SilenceLimits | None, **other: Any) -> None:
    usual: dict[str, Any] = {"heartbeat_interval_s": 300, "by": "person/1"}
    await set_limits(work.db, CS_1, limits, now=work.clock.now(), **(usual | other))


async def heard(work: Work, minutes_ago: float) -> None:
    """Both stations were heard some minutes ago."""
    await work.db.execute(
        text("""
            insert into station_connections (station, node, epoch, version, connected_at,
                last_heard_at, silence)
            select identity, 'n', 1, 'ocpp1.6', :at, :at, 'online' from stations
            on conflict (station) do update set last_heard_at = excluded.last_heard_at
        """),
        {"at": work.clock.now() - timedelta(minutes=minutes_ago)},
    )


async def test_a_stations_own_limits_decide_its_state_wherever_it_is_shown(work: Work) -> None:
    await limit(work, SHORT)
    for minutes, state in (
        (6, StationState.ONLINE),
        (7, StationState.PENDING),
        (13, StationState.OFFLINE),
    ):
        await heard(work, minutes)
        now = work.clock.now()
        usual = SilenceLimits()
        assert (await registry.station(work.db, WHOLE, CS_1, now, limits=usual)).state is state
        other = await registry.station(work.db, WHOLE, CS_2, now, limits=usual)
        assert other.state is StationState.ONLINE
        listed = await registry.stations(work.db, WHOLE, now, limits=usual, state=state)
        assert CS_1 in [each.identity for each in listed]
        counts = await registry.station_counts(work.db, WHOLE, now, limits=usual)
        assert counts.by_state[state] == (2 if state is StationState.ONLINE else 1)


async def test_limits_are_set_changed_and_taken_back(work: Work) -> None:
    await limit(work, SHORT)
    longer = SilenceLimits(timedelta(hours=1), timedelta(hours=3))
    await limit(work, longer)
    assert await limits_of(work.db, [CS_1, CS_2]) == {CS_1: longer}
    await limit(work, None)
    await limit(work, None)
    assert await limits_of(work.db, [CS_1, CS_2]) == {}


async def test_limits_must_exceed_the_heartbeat_that_the_station_told(work: Work) -> None:
    await limit(work, SHORT)
    await work.db.execute(
        text("""
            insert into station_variables (station, component, variable, attribute, value,
                is_known, changed_at, read_at)
            values ('CS-1', '', 'HeartbeatInterval', 'Actual', '360', true, :now, :now)
        """),
        {"now": work.clock.now()},
    )
    assert await silence_limits.heartbeat_interval_of(work.db, CS_1) == 360
    with pytest.raises(InvalidInput) as refused:
        await limit(work, SHORT)
    assert refused.value.field == "pending_after_s"
    await limit(work, SilenceLimits(timedelta(seconds=361), timedelta(minutes=12)))


@pytest.mark.parametrize(
    ("pending_s", "offline_s", "field"),
    [
        (300, 900, "pending_after_s"),
        (301, 900, None),
        (900, 900, "offline_after_s"),
        (900, 901, None),
        (900, 7 * 86400, None),
        (900, 7 * 86400 + 1, "offline_after_s"),
    ],
)
def test_limits_that_no_healthy_station_could_keep_are_refused(
    pending_s: int, offline_s: int, field: str | None
) -> None:
    limits = SilenceLimits(timedelta(seconds=pending_s), timedelta(seconds=offline_s))
    if field is None:
        silence_limits.must_be_possible(limits, timedelta(seconds=300))
        return
    with pytest.raises(InvalidInput) as refused:
        silence_limits.must_be_possible(limits, timedelta(seconds=300))
    assert refused.value.field == field
