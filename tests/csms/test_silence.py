"""The watch over silent stations: who is told offline, who is tried first, who is back."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from accounts.directory import WHOLE, Scope
from csms import registry, remote, silence
from csms.connectivity import SilenceLimits, StationState
from csms.reports import OcppVersion
from csms.silence import ProbeCounts, look_round, probe_counts, question
from csms.silence_limits import set_limits
from foundation.events import StationCameBack, StationWentOffline
from foundation.identifiers import OrganisationKey, StationId
from tests.csms.asking import answer
from tests.csms.central import EVENING, Central, RawStation, eventually
from tests.csms.conftest import Starter
from tests.csms.handlers.work import OWNER, Work

CS_1, CS_2 = StationId("CS-1"), StationId("CS-2")
LIMITS = SilenceLimits()
PING_FOR = timedelta(seconds=70)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def watch(work: Work) -> Work:
    """CS-1 and CS-2 are heard now, and somebody has been listening for a day."""
    now = work.clock.now()
    await work.db.execute(
        text("insert into silence_rounds values (1, :now, :since)"),
        {"now": now, "since": now - timedelta(days=1)},
    )
    await work.db.execute(
        text("insert into nodes values ('node', :since, clock_timestamp() + interval '1 hour')"),
        {"since": now - timedelta(days=1)},
    )
    await work.db.execute(
        text("update stations set ocpp_version = 'ocpp1.6', booted_at = :now"), {"now": now}
    )
    await connected(work, CS_1)
    await connected(work, CS_2)
    return work


async def connected(work: Work, station: str, at: datetime | None = None) -> None:
    """A station opens a socket."""
    await work.db.execute(
        text("""
            insert into station_connections (station, node, epoch, version, connected_at,
                last_heard_at, silence)
            values (:station, 'node', 1, 'ocpp1.6', :at, :at, 'online')
            on conflict (station) do update set connected_at = excluded.connected_at,
                last_heard_at = excluded.last_heard_at, closed_at = null
        """),
        {"station": station, "at": at or work.clock.now()},
    )


async def heard(work: Work, *stations: str) -> None:
    await work.db.execute(
        text("update station_connections set last_heard_at = :now where station = any(:stations)"),
        {"now": work.clock.now(), "stations": list(stations)},
    )


async def closed(work: Work, *stations: str) -> None:
    await work.db.execute(
        text("update station_connections set closed_at = :now where station = any(:stations)"),
        {"now": work.clock.now(), "stations": list(stations)},
    )


async def minutes(work: Work, number: int, *, heard_are: tuple[str, ...] = ()) -> None:
    """Let minutes go by, with a round in each."""
    for _ in range(number):
        work.clock.at += MINUTE
        await heard(work, *heard_are)
        await look_round(work.db, LIMITS, now=work.clock.now(), ping_for=PING_FOR)


async def offline(work: Work) -> list[tuple[str, datetime]]:
    return [(each.station, each.happened_at) for each in await work.told(StationWentOffline)]


async def back(work: Work) -> list[str]:
    return [each.station for each in await work.told(StationCameBack)]


async def counted(work: Work, **other: Any) -> ProbeCounts:
    now = work.clock.now()
    usual: dict[str, Any] = {"start": now - timedelta(days=30), "end": now + MINUTE}
    return await probe_counts(work.db, WHOLE, **(usual | other))


async def test_a_station_without_a_connection_is_told_offline_once_at_its_deadline(
    watch: Work,
) -> None:
    began = watch.clock.now()
    await closed(watch, CS_1)
    await minutes(watch, 60, heard_are=(CS_2,))
    assert await offline(watch) == []
    await minutes(watch, 5, heard_are=(CS_2,))
    assert await offline(watch) == [(CS_1, began + 61 * MINUTE)]
    [event] = await watch.told(StationWentOffline)
    assert event.last_heard_at == began
    assert await counted(watch) == ProbeCounts(0, 0, 0)


async def test_a_station_has_its_own_deadline(watch: Work) -> None:
    own = SilenceLimits(10 * MINUTE, 20 * MINUTE)
    await set_limits(
        watch.db, CS_2, own, heartbeat_interval_s=300, by="person/1", now=watch.clock.now()
    )
    began = watch.clock.now()
    await closed(watch, CS_1, CS_2)
    await minutes(watch, 25)
    assert await offline(watch) == [(CS_2, began + 21 * MINUTE)]


async def test_a_connected_station_is_asked_and_its_answer_saves_the_alarm(watch: Work) -> None:
    await minutes(watch, 61, heard_are=(CS_2,))  # its socket is tried
    assert await watch.rows("select id from commands") == []
    await minutes(watch, 2, heard_are=(CS_2,))
    [asked] = await watch.rows("select station, action, payload, asked_by, door from commands")
    assert asked["action"] == "GetConfiguration"
    assert (asked["station"], asked["door"]) == (CS_1, "system")

    await watch.db.execute(
        text("update commands set state = 'rejected', answered_at = :now"),
        {"now": watch.clock.now()},
    )
    await minutes(watch, 1, heard_are=(CS_1, CS_2))  # even a refusal is a sign of life

    assert await offline(watch) == []
    assert await counted(watch) == ProbeCounts(saved=1, closed=0, no_answer=0)
    assert await counted(watch, station=CS_2) == ProbeCounts(0, 0, 0)
    nobody = Scope(frozenset({OrganisationKey("other")}))
    now = watch.clock.now()
    seen = await probe_counts(watch.db, nobody, start=now - MINUTE, end=now + MINUTE)
    assert seen == ProbeCounts(0, 0, 0)


async def test_a_station_that_its_usual_question_would_harm_is_asked_another(watch: Work) -> None:
    await watch.db.execute(
        text("update stations set vendor = 'ABB', model = 'Terra AC', firmware = '1.8.21'")
    )
    await minutes(watch, 63, heard_are=(CS_2,))
    [asked] = await watch.rows("select action, payload from commands")
    assert asked == {"action": "TriggerMessage", "payload": {"requestedMessage": "Heartbeat"}}


async def test_a_connected_station_that_does_not_answer_is_told_offline(watch: Work) -> None:
    await minutes(watch, 63, heard_are=(CS_2,))
    await watch.db.execute(text("update commands set state = 'failed', failure = 'no_answer'"))
    await minutes(watch, 1, heard_are=(CS_2,))
    assert [station for station, _ in await offline(watch)] == [CS_1]
    assert await counted(watch) == ProbeCounts(saved=0, closed=0, no_answer=1)


async def test_a_station_whose_socket_dies_while_it_is_tried_is_told_offline(watch: Work) -> None:
    await minutes(watch, 61, heard_are=(CS_2,))
    await closed(watch, CS_1)
    await minutes(watch, 1, heard_are=(CS_2,))
    assert [station for station, _ in await offline(watch)] == [CS_1]
    assert await counted(watch) == ProbeCounts(saved=0, closed=1, no_answer=0)


async def test_a_flapping_station_is_told_offline_once_and_back_once(watch: Work) -> None:
    await closed(watch, CS_1)
    await minutes(watch, 62, heard_are=(CS_2,))
    for _ in range(3):  # it comes for a moment, and goes again for long
        await connected(watch, CS_1)
        await minutes(watch, 1, heard_are=(CS_2,))
        await closed(watch, CS_1)
        await minutes(watch, 40, heard_are=(CS_2,))
    assert await back(watch) == []
    await connected(watch, CS_1)
    await minutes(watch, 5, heard_are=(CS_2,))
    assert await back(watch) == []
    await minutes(watch, 10, heard_are=(CS_2,))
    assert await back(watch) == [CS_1]
    assert len(await offline(watch)) == 1


async def test_what_was_silent_while_we_were_away_is_not_told_offline_at_once(watch: Work) -> None:
    await closed(watch, CS_1, CS_2)
    watch.clock.at += timedelta(hours=5)
    await minutes(watch, 15)
    assert await offline(watch) == []
    await heard(watch, CS_2)
    await minutes(watch, 1)
    assert [station for station, _ in await offline(watch)] == [CS_1]


async def test_a_station_that_never_connected_or_waits_for_acceptance_is_never_told_offline(
    watch: Work,
) -> None:
    await watch.db.execute(text("delete from station_connections where station = 'CS-1'"))
    await watch.db.execute(text("update stations set admission = 'waiting' where identity='CS-2'"))
    await closed(watch, CS_2)
    await minutes(watch, 62)
    assert await offline(watch) == []
    found = await registry.station(watch.db, WHOLE, CS_1, watch.clock.now(), limits=LIMITS)
    assert found.state is StationState.NEVER_CONNECTED


@pytest.mark.parametrize("version", list(OcppVersion))
def test_what_a_probe_asks_changes_nothing_and_is_valid_in_every_version(
    version: OcppVersion,
) -> None:
    asked = question(CS_1, OWNER, version)
    assert asked.action in {"GetConfiguration", "GetVariables"}
    assert asked.action in remote.actions(version)


async def test_a_silent_station_answers_over_its_socket_and_nobody_is_alarmed(
    start_central: Starter,
) -> None:
    async with start_central() as central:
        station: RawStation = await central.connect(await central.station())
        await station.boot()
        await _round(central)
        for later in (timedelta(hours=2), PING_FOR):
            await _silent_for(central, later)
            await _round(central)
        asked = await answer(station, {"configurationKey": []})
        assert asked[2:] == ["GetConfiguration", {"key": ["HeartbeatInterval"]}]

        async def answered() -> bool:
            rows = await central.rows("select answered_at from commands")
            return rows[0]["answered_at"] is not None

        await eventually(answered)
        await _round(central)
        [probe] = await central.rows("select outcome from station_probes")
        assert probe["outcome"] == "heard"
        assert await central.rows("select 1 from journal where kind = 'station_went_offline'") == []


async def _silent_for(central: Central, time: timedelta) -> None:
    """Let time go by in which somebody listens."""
    central.clock.at += time
    async with central.database.unit_of_work() as db:
        await db.execute(text("update silence_rounds set ran_at = :at"), {"at": central.clock.at})
        await db.execute(text("update nodes set started_at = :at"), {"at": EVENING})


async def _round(central: Central) -> None:
    run = silence.watching(central.database, central.clock, LIMITS, ping_for=PING_FOR)
    await run()
