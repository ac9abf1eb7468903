"""Where others lose sessions or count them twice, and what happens here: row by row.

Every test speaks over a real socket and looks at the real database. The comments name the rows of
our field notes, section 3.3.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from msgspec.structs import replace
from websockets.exceptions import InvalidStatus

from csms import charging
from csms.connections import Connections
from csms.rebuild import Circumstances, rebuild
from csms.reports import OcppVersion, TransactionStartReport
from foundation import migrate
from foundation.clock import SetClock
from foundation.events import Doubt, EndBasis, EnergyBasis, TransactionEnded, TransactionStarted
from foundation.identifiers import StationId
from foundation.postgres import EmbeddedPostgres
from foundation.tasks import OnEnd
from tests.csms.central import (
    CARD,
    EVENING,
    NOON,
    Central,
    RawStation,
    at,
    central_running,
    eventually,
    moment,
    register,
    register2,
    start,
    stop,
    wh,
)
from tests.csms.conftest import Starter
from tests.csms.ocpp.said import said
from tests.csms.wire import Wire, wired

V201 = OcppVersion.V201


async def ended(central: Central, station: RawStation) -> list[TransactionEnded]:
    return await central.told(TransactionEnded, about=station.identity)


async def started(central: Central, station: RawStation) -> list[TransactionStarted]:
    return await central.told(TransactionStarted, about=station.identity)


async def assert_rebuilds(central: Central, number: int) -> None:
    """Make a transaction again from its stored messages: it must be the one that is stored."""
    stored = await central.transaction(number)
    async with central.database.unit_of_work() as db:
        messages = await charging.messages_for_rebuild(db, number)
    inferred = stored.basis == EndBasis.INFERRED
    rebuilt = rebuild(
        messages,
        Circumstances(
            stored.evse_id,
            ZoneInfo("UTC"),
            Doubt.STATION_WAITING in stored.doubts,
            stored.ended_at if inferred else None,
        ),
    )
    assert rebuilt.claims.started_at == stored.started_at
    assert rebuilt.claims.ended_at == stored.ended_at
    assert rebuilt.assembled.energy_wh == stored.energy_wh
    assert rebuilt.assembled.energy_basis == stored.energy_basis
    assert rebuilt.assembled.meter_start_wh == stored.meter_start_wh
    assert rebuilt.assembled.meter_stop_wh == stored.meter_stop_wh
    assert rebuilt.assembled.doubts == tuple(stored.doubts)
    if stored.ended_at is not None:
        told = [
            each
            for each in await central.told(TransactionEnded, about=stored.station)
            if each.transaction_id == number
        ]
        assert rebuilt.assembled.usage == told[-1].usage


# ------------------------------------------------------------------- same StartTransaction twice


async def test_the_same_start_twice_is_one_transaction_with_the_same_answer(
    central: Central,
) -> None:
    station = await central.here()
    first = await station.call("StartTransaction", start(0))
    second = await station.call("StartTransaction", start(0))
    assert first == second
    await central.only_transaction(station.identity)
    assert len(await started(central, station)) == 1


async def test_the_same_start_again_over_another_socket_is_the_same_transaction(
    central: Central,
) -> None:
    station = await central.here()
    number = await station.start()
    station.drop()
    again = await central.connect(station.identity)
    assert await again.start() == number


async def test_the_same_start_at_the_same_moment_on_two_nodes_is_one_transaction(
    start_central: Starter,
) -> None:
    async with start_central() as one, start_central() as two:
        identity = await one.station()
        old = await one.connect(identity)
        new = await two.connect(identity)
        # Both lanes work on it at once: neither has seen the other's row when it begins.
        numbers = await asyncio.gather(
            *[
                each.system.dispatch.lanes.ask(identity, _start_report(identity))
                for each in (one, two) * 10
            ]
        )
        assert len({answer.transaction_id for answer in numbers}) == 1
        await one.only_transaction(identity)
        assert len(await one.told(TransactionStarted, about=identity)) == 1
        old.drop()
        await new.close()


def _start_report(identity: str) -> TransactionStartReport:
    report = said(OcppVersion.V16, "StartTransaction", start(0), TransactionStartReport)
    return replace(report, origin=replace(report.origin, station=StationId(identity)))


async def test_two_starts_with_different_content_are_two_transactions(central: Central) -> None:
    station = await central.here()
    assert await station.start(0, 1000) != await station.start(0, 1001)
    assert len(await central.transactions(station.identity)) == 2


async def test_a_repeated_start_is_a_repeat_while_the_first_has_no_end(central: Central) -> None:
    station = await central.here()
    said = start(0, 0) | {"timestamp": "1970-01-01T00:00:10Z"}
    first = await station.call("StartTransaction", said)
    assert await station.call("StartTransaction", said) == first


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(
            start(0, 1000) | {"timestamp": "1970-01-01T00:00:10Z"}, id="a clock that is not set"
        ),
        pytest.param(start(0, 0), id="a register that begins at zero"),
    ],
)
async def test_after_the_end_a_start_without_clock_or_register_is_a_new_transaction(
    central: Central, said: dict[str, object]
) -> None:
    station = await central.here()
    first = (await station.call("StartTransaction", said))["transactionId"]
    await station.stop(first, 60, 9000)
    second = (await station.call("StartTransaction", said))["transactionId"]
    assert second != first
    # ... and that one has its own repeats.
    assert (await station.call("StartTransaction", said))["transactionId"] == second
    await station.stop(second, 90, 5000)
    assert [each.state for each in await central.transactions(station.identity)] == ["ended"] * 2


async def test_after_the_end_a_plausible_start_with_the_same_words_is_still_a_repeat(
    central: Central,
) -> None:
    station = await central.here()
    number = await station.start(0, 1000)
    await station.stop(number)
    assert await station.start(0, 1000) == number
    await central.only_transaction(station.identity)
    assert len(await started(central, station)) == 1


async def test_the_same_2x_start_twice_is_one_transaction(central: Central) -> None:
    station = await central.here(V201)
    first = await station.event("Started", 0, 0)
    assert await station.event("Started", 0, 0) == first
    # Also marked as offline, as a station does that delivers its queue.
    assert await station.event("Started", 0, 0, offline=True) == first
    await central.only_transaction(station.identity)
    assert len(await started(central, station)) == 1


# -------------------------------------------------------------------- same StopTransaction twice


async def test_the_same_stop_twice_is_answered_twice_and_announced_once(central: Central) -> None:
    station = await central.here()
    number = await station.start()
    assert await station.stop(number) == await station.stop(number) == {}
    transaction = await central.transaction(number)
    assert (transaction.energy_wh, transaction.revision) == (wh(8000), 1)
    assert transaction.conflicting_ends == 0
    assert len(await ended(central, station)) == 1
    await assert_rebuilds(central, number)


async def test_a_different_second_stop_is_a_conflict_on_record_and_changes_nothing(
    central: Central,
) -> None:
    station = await central.here()
    number = await station.start()
    await station.stop(number, 60, 9000)
    await station.stop(number, 65, 12000)
    await station.stop(number, 65, 12000)
    transaction = await central.transaction(number)
    assert (transaction.energy_wh, transaction.ended_at) == (wh(8000), moment(60))
    assert transaction.conflicting_ends == 1, "the repeat of a conflict is no second one"
    assert len(await ended(central, station)) == 1
    assert [each.kind for each in await central.reports(number)] == ["start", "end", "end"]


async def test_the_same_2x_end_twice_is_one_end(central: Central) -> None:
    station = await central.here(V201)
    await station.event("Started", 0, 0, meterValue=[register2(0, 1000, "Transaction.Begin")])
    last = [register2(60, 9000, "Transaction.End")]
    first = await station.event("Ended", 1, 60, meterValue=last)
    assert await station.event("Ended", 1, 60, meterValue=last) == first
    assert [each.energy_wh for each in await ended(central, station)] == [8000]


# ---------------------------------------------------------------------------- stop for unknown id


async def test_a_stop_of_an_unknown_transaction_is_adopted_held_and_answered(
    central: Central,
) -> None:
    station = await central.here()
    assert await station.stop(2_000_000_000, 60, 9000, idTag=CARD) == {
        "idTagInfo": {"status": "Accepted"}
    }
    orphan = await central.only_transaction(station.identity)
    assert (orphan.state, orphan.basis) == ("ended", EndBasis.ADOPTED)
    assert orphan.doubts == (Doubt.MISSING_START,)
    assert orphan.id_token == CARD
    [event] = await ended(central, station)
    assert (event.basis, event.energy_wh) == (EndBasis.ADOPTED, wh(0))
    await assert_rebuilds(central, orphan.transaction_id)


async def test_a_repeated_unknown_stop_changes_nothing(central: Central) -> None:
    station = await central.here()
    for _ in range(3):
        await station.stop(2_000_000_000)
    orphan = await central.only_transaction(station.identity)
    assert (orphan.revision, orphan.conflicting_ends) == (1, 0)
    assert len(await ended(central, station)) == 1


async def test_the_number_of_another_stations_transaction_is_unknown(central: Central) -> None:
    one, other = await central.here(), await central.here()
    number = await one.start()
    await other.stop(number)
    assert (await central.transaction(number)).state == "active"
    assert (await central.only_transaction(other.identity)).doubts == (Doubt.MISSING_START,)


async def test_an_unknown_number_that_looks_like_ours_ends_nothing_without_its_token(
    central: Central,
) -> None:
    station = await central.here()
    running = await station.start(0, 1000)
    await station.stop(2_000_000_000, 60, 9000)  # of the central system before us, say
    assert (await central.transaction(running)).state == "active"
    await station.stop(2_000_000_001, 61, 9100, idTag=CARD)
    transaction = await central.transaction(running)
    assert (transaction.state, transaction.energy_wh) == ("ended", wh(8100))


async def test_the_readings_of_an_unknown_stop_show_what_was_taken(central: Central) -> None:
    station = await central.here()
    data = [register(10, 5000, "Transaction.Begin"), register(40, 7000)]
    await station.stop(2_000_000_000, 60, 9000, transactionData=data)
    orphan = await central.only_transaction(station.identity)
    assert (orphan.energy_wh, orphan.doubts) == (wh(4000), (Doubt.MISSING_START,))
    assert [each.measured_at for each in await central.readings(orphan.transaction_id)] == [
        moment(10),
        moment(40),
    ]


# ------------------------------------------------------------------ meterStop below meterStart


async def test_a_stop_below_the_start_closes_with_an_estimate_and_a_hold(central: Central) -> None:
    station = await central.here()
    number = await station.start(0, 10_000)
    await station.read(30, 14_000, transactionId=number)
    await station.stop(number, 60, 9_999)
    transaction = await central.transaction(number)
    assert transaction.state == "ended"
    assert (transaction.energy_wh, transaction.doubts) == (wh(4000), (Doubt.NEGATIVE_ENERGY,))
    await assert_rebuilds(central, number)


async def test_a_stop_below_the_start_without_readings_is_no_energy_and_a_hold(
    central: Central,
) -> None:
    station = await central.here()
    number = await station.start(0, 10_000)
    await station.stop(number, 60, 9_999)
    transaction = await central.transaction(number)
    assert (transaction.state, transaction.energy_wh) == ("ended", wh(0))
    assert transaction.doubts == (Doubt.NEGATIVE_ENERGY,)


async def test_a_stop_equal_to_the_start_is_no_energy_and_no_hold(central: Central) -> None:
    station = await central.here()
    number = await station.start(0, 10_000)
    await station.stop(number, 60, 10_000)
    transaction = await central.transaction(number)
    assert (transaction.energy_wh, transaction.doubts) == (wh(0), ())


# ------------------------------------------------------------- the database is away, and crashes


@pytest.fixture
async def wire(database_url: str) -> AsyncIterator[Wire]:
    """The line to a database of the test's own."""
    async with wired(database_url) as wire:
        yield wire


async def connected_again(central: Central, identity: str) -> RawStation:
    """Connect as soon as new sockets are let in."""

    async def attempt() -> RawStation | None:
        try:
            return await central.connect(identity)
        except InvalidStatus as refused:
            if refused.response.status_code != 503:
                raise
            return None

    found = await eventually(attempt)
    assert found is not None
    return found


async def test_while_the_database_is_away_nothing_is_answered_and_nobody_is_let_in(
    wire: Wire, clock: SetClock
) -> None:
    clock.at = EVENING
    async with central_running(wire.url, clock) as central:
        station, idle = await central.here(), await central.here()
        number = await station.start()
        await wire.cut()
        await station.send([2, "stop", "StopTransaction", stop(number, 60, 9000)])
        assert await station.closed() == (1013, "the database is away, try again later")
        with pytest.raises(InvalidStatus) as refused:
            await central.connect(station.identity)
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["Retry-After"] == "5"
        assert (await idle.closed())[0] == 1013, "a station that is offline keeps its messages"

        await wire.mend()
        again = await connected_again(central, station.identity)
        assert await again.stop(number) == {}
        assert (await central.only_transaction(station.identity)).energy_wh == 8000


async def test_a_station_that_says_nothing_is_sent_away_too_when_the_lease_cannot_be_renewed(
    wire: Wire, clock: SetClock
) -> None:
    async with central_running(wire.url, clock) as central:
        idle = await central.here()
        await wire.cut()
        # What comes round every few seconds finds out; here it comes round now.
        connections: Connections = central.system.connections
        renewing = central.tasks.start("renew now", connections.renew_lease)
        assert (await idle.closed())[0] == 1013
        assert connections.is_database_away
        await wire.mend()
        await connected_again(central, idle.identity)
        renewing.cancel()


@pytest.mark.parametrize("action", ["StartTransaction", "StopTransaction"])
async def test_a_crash_between_write_and_answer_and_the_retry_make_one_transaction(
    wire: Wire, clock: SetClock, action: str
) -> None:
    clock.at = EVENING
    async with central_running(wire.url, clock) as central:
        station = await central.here()
        number = 0 if action == "StartTransaction" else await station.start()
        said = stop(number, 60, 9000) if number else start(0)
        wire.lose_next_commit = True
        await station.send([2, "told", action, said])
        assert (await station.closed())[0] == 1013
        assert wire.lost_commits == 1

        await wire.mend()
        again = await connected_again(central, station.identity)
        answer = await again.call(action, said)
        transaction = await central.only_transaction(station.identity)
        assert answer.get("transactionId", number) == transaction.transaction_id
        kind = TransactionStarted if action == "StartTransaction" else TransactionEnded
        assert len(await central.told(kind, about=station.identity)) == 1
        assert len(await central.reports(transaction.transaction_id)) == (2 if number else 1)


@pytest.mark.slow
async def test_a_database_server_that_is_killed_and_started_again_costs_no_session(
    tmp_path: Path, clock: SetClock
) -> None:
    clock.at = EVENING
    server = EmbeddedPostgres(tmp_path)
    await asyncio.to_thread(server.start)
    try:
        await asyncio.to_thread(migrate.upgrade, server.url)
        async with central_running(server.url, clock) as central:
            station = await central.here()
            number = await station.start()
            central.tasks.start("PostgreSQL", server.supervise, on_end=OnEnd.RESTART)
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            await station.send([2, "stop", "StopTransaction", stop(number, 60, 9000)])
            assert (await station.closed())[0] == 1013
            again = await connected_again(central, station.identity)
            assert await again.stop(number) == {}
            assert (await central.only_transaction(station.identity)).energy_wh == 8000
    finally:
        await asyncio.to_thread(server.discard)


# ------------------------------------------------------------------------------ reconnect races


async def test_the_newest_socket_wins_and_the_late_close_of_the_old_one_removes_nothing(
    central: Central,
) -> None:
    old = await central.here()
    new = await central.connect(old.identity)
    assert (await old.closed())[0] == 1001
    await central.system.dispatch.lanes.drained()
    row = await central.connection_of(old.identity)
    assert (row["epoch"], row["closed_at"]) == (2, None)
    live = central.system.connections.get(new.identity)  # type: ignore[arg-type]
    assert live is not None
    assert live.epoch == 2
    assert await new.call("Heartbeat", {}) == {"currentTime": at(480)}


async def test_what_the_old_socket_said_before_it_was_replaced_counts_once(
    central: Central,
) -> None:
    old = await central.here()
    await old.send([2, "1", "StartTransaction", start(0)])
    new = await central.connect(old.identity)
    number = await new.start(0)
    await old.closed()
    assert (await central.only_transaction(old.identity)).transaction_id == number


async def test_on_two_nodes_the_newest_socket_wins_and_the_other_node_closes_its_own(
    start_central: Starter,
) -> None:
    async with start_central() as one, start_central() as two:
        identity = await one.station()
        old = await one.connect(identity)
        number = await old.start()
        new = await two.connect(identity)
        assert (await old.closed())[0] == 1001
        assert await new.stop(number) == {}
        await one.system.dispatch.lanes.drained()
        row = await two.connection_of(identity)
        assert (row["node"], row["closed_at"]) == (two.system.node, None)
        assert (await two.transaction(number)).energy_wh == 8000


async def test_a_node_that_is_gone_leaves_no_station_connected(start_central: Starter) -> None:
    async with start_central() as one:
        async with start_central() as two:
            station = await two.here()
        row = await one.connection_of(station.identity)
        assert (row["closed_at"], row["close_reason"]) != (None, None)


# ------------------------------------------------------------------------------------------ clocks


async def test_a_clock_at_1970_is_booked_at_the_moment_of_receipt_and_held(
    central: Central,
) -> None:
    central.clock.at = NOON
    station = await central.here()
    number = (
        await station.call("StartTransaction", start(0) | {"timestamp": "1970-01-01T00:01:00Z"})
    )["transactionId"]
    central.clock.at = moment(60)
    await station.stop(number, 0, 9000, timestamp="1970-01-01T01:01:00Z")
    transaction = await central.transaction(number)
    assert (transaction.started_at, transaction.ended_at) == (NOON, moment(60))
    assert transaction.start_reported_at == datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
    assert (transaction.energy_wh, transaction.doubts) == (wh(8000), (Doubt.CLOCK_WRONG,))
    await assert_rebuilds(central, number)


async def test_a_clock_that_runs_ahead_is_booked_at_the_moment_of_receipt_and_held(
    central: Central,
) -> None:
    central.clock.at = NOON
    station = await central.here()
    number = await station.start(60 * 24 * 365)
    assert (await central.transaction(number)).started_at == NOON
    await station.stop(number, 60 * 24 * 365 + 60)
    assert (await central.transaction(number)).doubts == (Doubt.CLOCK_WRONG,)


async def test_a_late_session_is_booked_in_its_own_time_without_a_doubt(central: Central) -> None:
    central.clock.at = moment(60 * 24 * 30)
    station = await central.here()
    number = await station.start(0)
    await station.stop(number, 60)
    transaction = await central.transaction(number)
    assert (transaction.started_at, transaction.ended_at) == (NOON, moment(60))
    assert transaction.start_received_at == moment(60 * 24 * 30)
    assert (transaction.energy_wh, transaction.doubts) == (wh(8000), ())


async def test_local_time_called_utc_is_corrected_once_it_is_certain(central: Central) -> None:
    central.clock.at = NOON
    station = await central.here()
    await station.status("Available", 120)  # two hours ahead
    central.clock.at = moment(1)
    await station.status("Preparing", 121)
    central.clock.at = moment(2)
    number = await station.start(122)
    central.clock.at = moment(62)
    await station.stop(number, 182)
    transaction = await central.transaction(number)
    assert (transaction.started_at, transaction.ended_at) == (moment(2), moment(62))
    assert transaction.start_reported_at == moment(122)
    assert transaction.doubts == (Doubt.CLOCK_WRONG,)
    assert [each.skew_s for each in await central.reports(number)] == [7200, 7200]
    await assert_rebuilds(central, number)


async def test_a_clock_that_is_a_minute_off_is_left_alone(central: Central) -> None:
    central.clock.at = NOON
    station = await central.here()
    number = await station.start(1)
    assert (await central.transaction(number)).started_at == NOON
    central.clock.at = moment(60)
    await station.stop(number, 61)
    assert (await central.transaction(number)).doubts == ()


async def test_an_end_before_the_start_is_held_never_refused(central: Central) -> None:
    station = await central.here()
    number = await station.start(0)
    await station.stop(number, -30)
    transaction = await central.transaction(number)
    assert (transaction.state, transaction.energy_wh) == ("ended", wh(8000))
    assert transaction.doubts == (Doubt.END_BEFORE_START,)
    await assert_rebuilds(central, number)


@pytest.mark.parametrize("year", ["0001", "9999"])
async def test_a_moment_at_the_end_of_the_calendar_breaks_nothing(
    central: Central, year: str
) -> None:
    station = await central.here()
    for minutes in (0, 1, 2):
        central.clock.at = moment(minutes)
        await station.status("Available", 0, timestamp=f"{year}-12-31T23:59:59Z")
    said = start(0) | {"timestamp": f"{year}-12-31T23:59:59Z"}
    number = (await station.call("StartTransaction", said))["transactionId"]
    assert (await central.transaction(number)).started_at == moment(2)
    assert (
        await central.rows("select * from quarantine where station = :s", s=station.identity) == []
    )


# -------------------------------------------------------------------------------- register resets


async def test_a_register_that_was_reset_in_a_session_counts_in_segments(central: Central) -> None:
    station = await central.here()
    number = await station.start(0, 100_000)
    for minutes, shown in [(10, 101_000), (20, 102_000), (30, 500), (40, 1500)]:
        await station.read(minutes, shown, transactionId=number)
    await station.stop(number, 50, 2500)
    transaction = await central.transaction(number)
    assert transaction.energy_wh == 2000 + 2500
    assert transaction.energy_basis == EnergyBasis.SEGMENTS
    await assert_rebuilds(central, number)


async def test_a_session_relative_register_begins_at_zero_each_time(central: Central) -> None:
    station = await central.here()
    for minutes in (0, 100):
        number = await station.start(minutes, 0)
        await station.read(minutes + 10, 4000, transactionId=number)
        await station.stop(number, minutes + 20, 8000)
        assert (await central.transaction(number)).energy_wh == 8000


# ------------------------------------------------------- readings before, after, and without an id


async def test_a_reading_before_its_start_is_kept_and_linked_when_the_start_comes(
    central: Central,
) -> None:
    station = await central.here()
    await station.read(10, 3000)
    number = await station.start(0, 1000)
    [reading] = await central.readings(number)
    assert (reading.measured_at, reading.energy_register_wh) == (moment(10), wh(3000))
    await station.stop(number, 60, 9000)
    await assert_rebuilds(central, number)


async def test_a_reading_after_the_stop_with_its_id_is_kept_and_changes_the_curve(
    central: Central,
) -> None:
    station = await central.here()
    number = await station.start(0, 1000)
    await station.stop(number, 60, 9000)
    await station.read(30, 7000, transactionId=number)
    [first, second] = await ended(central, station)
    assert (first.revision, second.revision) == (1, 2)
    assert [point.energy_wh for point in first.usage] == [0, 8000]
    assert [point.energy_wh for point in second.usage] == [0, 6000, 8000]
    assert first.energy_wh == second.energy_wh
    await assert_rebuilds(central, number)


async def test_a_reading_after_the_stop_without_an_id_is_linked_by_evse_and_time(
    central: Central,
) -> None:
    station = await central.here()
    number = await station.start(0, 1000)
    await station.stop(number, 60, 9000)
    await station.read(30, 7000)
    await station.read(90, 9000)  # nobody charges any more
    assert [each.measured_at for each in await central.readings(number)] == [moment(30)]
    [alone] = await central.rows(
        "select measured_at from readings where station = :s and transaction_id is null",
        s=station.identity,
    )
    assert alone["measured_at"] == moment(90)
    await assert_rebuilds(central, number)


async def test_a_repeated_reading_is_one_reading(central: Central) -> None:
    station = await central.here()
    number = await station.start(0, 1000)
    for _ in range(3):
        await station.read(30, 7000, transactionId=number)
    await station.stop(number, 60, 9000)
    await station.read(30, 7000, transactionId=number)
    assert len(await central.readings(number)) == 1
    assert len(await ended(central, station)) == 1


async def test_a_repeated_reading_of_a_wrong_clock_is_one_reading(central: Central) -> None:
    station = await central.here()
    number = await station.start(0, 1000)
    element = register(0, 7000) | {"timestamp": "1970-01-01T00:00:30Z"}
    said = {"connectorId": 1, "transactionId": number, "meterValue": [element]}
    for minutes in (10, 11):
        central.clock.at = moment(minutes)
        await station.call("MeterValues", said)
    assert [each.measured_at for each in await central.readings(number)] == [moment(10)]


async def test_2x_readings_beside_their_transaction_are_linked_by_evse_and_time(
    central: Central,
) -> None:
    station = await central.here(V201)
    await station.event("Started", 0, 0, meterValue=[register2(0, 1000, "Transaction.Begin")])
    await station.call("MeterValues", {"evseId": 1, "meterValue": [register2(30, 5000)]})
    await station.event("Ended", 1, 60, meterValue=[register2(60, 9000, "Transaction.End")])
    transaction = await central.only_transaction(station.identity)
    assert len(await central.readings(transaction.transaction_id)) == 3
    await assert_rebuilds(central, transaction.transaction_id)


# ------------------------------------------------------------------------------ seqNo of 2.x


async def test_an_end_with_a_gap_waits_for_the_queue_and_closes_when_it_is_complete(
    central: Central,
) -> None:
    station = await central.here(V201)
    await station.event("Started", 0, 0, meterValue=[register2(0, 1000, "Transaction.Begin")])
    await station.event("Ended", 3, 60, meterValue=[register2(60, 9000, "Transaction.End")])
    waiting = await central.only_transaction(station.identity)
    assert waiting.state == "ended_waiting_for_queue"
    assert await ended(central, station) == []
    await station.event("Updated", 2, 40, meterValue=[register2(40, 7000)], offline=True)
    assert (await central.only_transaction(station.identity)).state == "ended_waiting_for_queue"
    await station.event("Updated", 1, 20, meterValue=[register2(20, 3000)], offline=True)
    [event] = await ended(central, station)
    assert [point.energy_wh for point in event.usage] == [0, 2000, 6000, 8000]
    assert (await central.only_transaction(station.identity)).state == "ended"
    await assert_rebuilds(central, waiting.transaction_id)


async def test_an_end_without_a_gap_closes_at_once(central: Central) -> None:
    station = await central.here(V201)
    await station.event("Started", 5, 0)
    await station.event("Updated", 6, 30)
    await station.event("Ended", 7, 60)
    assert (await central.only_transaction(station.identity)).state == "ended"


async def test_a_station_that_says_its_queue_is_empty_lets_the_transaction_close(
    central: Central,
) -> None:
    station = await central.here(V201)
    await station.event("Started", 0, 0, meterValue=[register2(0, 1000, "Transaction.Begin")])
    await station.event("Ended", 3, 60, meterValue=[register2(60, 9000, "Transaction.End")])

    async def asked(messages_in_queue: bool) -> None:
        asking = asyncio.gather(central.system.connections.ask_for_queues())
        kind, message_id, action, payload = await station.next_asked()
        assert (kind, action, payload) == (2, "GetTransactionStatus", {"transactionId": "tx-1"})
        await station.send([3, message_id, {"messagesInQueue": messages_in_queue}])
        await asking

    await asked(messages_in_queue=True)
    assert (await central.only_transaction(station.identity)).state == "ended_waiting_for_queue"
    await central.system.connections.ask_for_queues()  # it was asked only just now
    central.clock.at += timedelta(minutes=10)
    await asked(messages_in_queue=False)
    [event] = await ended(central, station)
    assert event.energy_wh == 8000
    # What comes after all is still taken in.
    await station.event("Updated", 1, 20, meterValue=[register2(20, 3000)])
    assert [each.revision for each in await ended(central, station)] == [1, 2]


async def test_events_in_any_order_make_the_same_transaction(central: Central) -> None:
    said = [
        ("Started", 0, 0.0, [register2(0, 1000, "Transaction.Begin")]),
        ("Updated", 1, 20.0, [register2(20, 3000)]),
        ("Updated", 2, 40.0, [register2(40, 7000)]),
        ("Ended", 3, 60.0, [register2(60, 9000, "Transaction.End")]),
    ]
    seen = []
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]):
        station = await central.here(V201)
        for place in order:
            kind, seq_no, minutes, readings = said[place]
            await station.event(kind, seq_no, minutes, meterValue=readings)
        last = (await ended(central, station))[-1]
        transaction = await central.only_transaction(station.identity)
        assert (transaction.state, transaction.basis) == ("ended", EndBasis.REPORTED)
        assert transaction.id_token == CARD
        await assert_rebuilds(central, transaction.transaction_id)
        seen.append((last.started_at, last.ended_at, last.usage, last.energy_wh, last.doubts))
    assert seen == [seen[0]] * 4


async def test_an_end_alone_waits_for_its_start(central: Central) -> None:
    station = await central.here(V201)
    await station.event("Ended", 1, 60, meterValue=[register2(60, 9000, "Transaction.End")])
    waiting = await central.only_transaction(station.identity)
    assert (waiting.state, waiting.doubts) == ("ended_waiting_for_queue", (Doubt.MISSING_START,))
    await station.event("Started", 0, 0, meterValue=[register2(0, 1000, "Transaction.Begin")])
    [event] = await ended(central, station)
    assert (event.energy_wh, event.doubts, event.basis) == (wh(8000), (), EndBasis.REPORTED)


# ------------------------------------------------------------------------------ inferred ends


async def test_a_new_start_on_the_same_evse_infers_the_lost_end_before(central: Central) -> None:
    station = await central.here()
    lost = await station.start(0, 1000)
    await station.read(30, 5000, transactionId=lost)
    await station.start(120, 9000)
    transaction = await central.transaction(lost)
    assert (transaction.state, transaction.basis) == ("inferred_end", EndBasis.INFERRED)
    assert (transaction.ended_at, transaction.energy_wh) == (moment(30), wh(4000))
    assert transaction.doubts == (Doubt.INFERRED_END,)
    await assert_rebuilds(central, lost)


async def test_a_late_real_end_overrides_the_inferred_one_with_a_new_revision(
    central: Central,
) -> None:
    station = await central.here()
    lost = await station.start(0, 1000)
    await station.start(120, 9000)
    await station.stop(lost, 60, 9000)
    first, second = await ended(central, station)
    assert (first.revision, first.basis, first.energy_wh) == (1, EndBasis.INFERRED, wh(0))
    assert (second.revision, second.basis, second.energy_wh) == (2, EndBasis.REPORTED, wh(8000))
    assert second.doubts == ()
    await assert_rebuilds(central, lost)


async def test_a_new_start_on_another_evse_infers_nothing(central: Central) -> None:
    station = await central.here()
    number = await station.start(0, 1000, connector=1)
    await station.start(120, 1000, connector=2, tag="OTHER")
    assert (await central.transaction(number)).state == "active"


async def test_an_evse_that_is_free_for_long_infers_the_lost_end(central: Central) -> None:
    central.clock.at = moment(30)
    station = await central.here()
    number = await station.start(0, 1000)
    await station.read(30, 5000, transactionId=number)
    central.clock.at = moment(40)
    await station.status("Available", 40)
    central.clock.at = moment(40 + 14)
    await central.system.connections.infer_lost_ends()
    assert (await central.transaction(number)).state == "active"
    central.clock.at = moment(40 + 16)
    await central.system.connections.infer_lost_ends()
    transaction = await central.transaction(number)
    assert (transaction.state, transaction.ended_at) == ("inferred_end", moment(30))
    assert transaction.energy_wh == 4000
    await station.stop(number, 35, 5500)
    transaction = await central.transaction(number)
    assert (transaction.state, transaction.energy_wh, transaction.revision) == (
        "ended",
        wh(4500),
        2,
    )


async def test_an_evse_that_is_occupied_again_infers_nothing(central: Central) -> None:
    central.clock.at = moment(60)
    station = await central.here()
    number = await station.start(0, 1000)
    await station.status("Available", 10)
    await station.status("SuspendedEV", 11)
    await central.system.connections.infer_lost_ends()
    assert (await central.transaction(number)).state == "active"


async def test_a_station_out_of_reach_infers_nothing_its_end_may_still_be_queued(
    central: Central,
) -> None:
    central.clock.at = moment(60)
    station = await central.here()
    number = await station.start(0, 1000)
    await station.status("Available", 10)
    await station.close()
    await central.system.connections.all_gone()
    await central.system.dispatch.lanes.drained()
    await central.system.connections.infer_lost_ends()
    assert (await central.transaction(number)).state == "active"


# -------------------------------------------------------------------------------- odd numbers


@pytest.mark.parametrize("number", [-1, 0, 2**63 - 1, -123456, 2**40])
async def test_a_number_of_the_stations_own_ends_the_transaction_that_is_open(
    central: Central, number: int
) -> None:
    station = await central.here()
    ours = await station.start(0, 1000)
    await station.stop(number, 60, 9000)
    transaction = await central.transaction(ours)
    assert (transaction.state, transaction.energy_wh, transaction.doubts) == ("ended", wh(8000), ())
    await station.stop(number, 60, 9000)
    assert (await central.only_transaction(station.identity)).conflicting_ends == 0
    await assert_rebuilds(central, ours)


@pytest.mark.parametrize("number", [-1, 0])
async def test_one_number_for_every_transaction_still_ends_each(
    central: Central, number: int
) -> None:
    station = await central.here()
    for minutes in (0, 100, 200):
        ours = await station.start(minutes, 1000 + int(minutes) * 100)
        await station.read(minutes + 30, 5000 + int(minutes) * 100, transactionId=number)
        await station.stop(number, minutes + 60, 9000 + int(minutes) * 100)
        transaction = await central.transaction(ours)
        assert (transaction.state, transaction.energy_wh) == ("ended", wh(8000))
        assert len(await central.readings(ours)) == 1
    assert len(await central.transactions(station.identity)) == 3


async def test_without_a_clock_one_number_with_the_same_words_still_ends_each(
    central: Central,
) -> None:
    station = await central.here()
    for _ in range(2):
        begun = start(0, 0) | {"timestamp": "1970-01-01T00:00:10Z"}
        ours = (await station.call("StartTransaction", begun))["transactionId"]
        await station.stop(-1, 0, 4000, timestamp="1970-01-01T00:10:00Z")
        transaction = await central.transaction(ours)
        assert (transaction.state, transaction.energy_wh) == ("ended", wh(4000))
    assert len(await central.transactions(station.identity)) == 2


async def test_a_number_of_the_stations_own_without_anything_open_is_adopted(
    central: Central,
) -> None:
    station = await central.here()
    await station.stop(-1, 60, 9000)
    await station.stop(-1, 60, 9000)
    assert (await central.only_transaction(station.identity)).doubts == (Doubt.MISSING_START,)


async def test_a_number_beyond_all_that_can_be_stored_still_ends_what_is_open(
    central: Central,
) -> None:
    station = await central.here()
    ours = await station.start(0, 1000)
    await station.stop(2**80, 60, 9000)
    assert (await central.transaction(ours)).energy_wh == 8000


# ------------------------------------------------------------------------- several connectors


async def test_transactions_on_several_connectors_do_not_mix(central: Central) -> None:
    station = await central.here()
    one = await station.start(0, 1000, connector=1)
    two = await station.start(1, 50_000, connector=2, tag="OTHER")
    await station.read(30, 52_000, connector=2)
    await station.read(30, 4000, connector=1)
    await station.stop(two, 60, 55_000)
    await station.stop(one, 61, 9000)
    first, second = await central.transaction(one), await central.transaction(two)
    assert (first.evse_id, first.energy_wh) == (1, wh(8000))
    assert (second.evse_id, second.energy_wh) == (2, wh(5000))
    assert [each.energy_register_wh for each in await central.readings(one)] == [4000]
    assert [each.energy_register_wh for each in await central.readings(two)] == [52_000]


async def test_of_two_open_transactions_the_register_tells_which_one_ended(
    central: Central,
) -> None:
    station = await central.here()
    one = await station.start(0, 1000, connector=1)
    two = await station.start(0, 5000, connector=2)
    await station.read(30, 7000, connector=1, transactionId=one)
    await station.read(30, 20_000, connector=2, transactionId=two)
    await station.stop(-1, 60, 9000)
    assert (await central.transaction(one)).energy_wh == 8000
    assert (await central.transaction(two)).state == "active"


async def test_the_same_start_on_two_connectors_is_two_transactions(central: Central) -> None:
    station = await central.here()
    assert await station.start(0, 0, connector=1) != await station.start(0, 0, connector=2)


# --------------------------------------------------------------------------------- rebuilding


async def test_a_transaction_of_many_messages_can_be_made_again_from_them(
    central: Central,
) -> None:
    station = await central.here()
    central.clock.at = moment(3)
    await station.read(1, 1100)
    number = await station.start(0, 1000)
    for minutes in range(5, 60, 5):
        central.clock.at = moment(minutes)
        with_id = {"transactionId": number} if minutes % 10 else {}
        await station.read(minutes, 1000 + minutes * 100, **with_id)
    central.clock.at = moment(61)
    data = [register(0, 1000, "Transaction.Begin"), register(60, 7000, "Transaction.End")]
    await station.stop(number, 60, 7000, transactionData=data)
    await station.read(58, 6800)
    assert len(await central.readings(number)) == 15
    await assert_rebuilds(central, number)


async def test_what_decides_money_is_answered_only_after_it_is_stored(central: Central) -> None:
    """The row is there when the answer is: another connection sees it at once."""
    station = await central.here()
    number = await station.start()
    with psycopg.connect(central.database.url) as connection:
        found = connection.execute("select state from transactions where id = %s", [number])
        assert found.fetchone() == ("active",)
