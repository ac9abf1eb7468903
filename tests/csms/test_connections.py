"""Who is connected here: the newest wins, leases, notes, what comes round."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from csms import store
from csms.connection import StationConnection, Surroundings
from csms.connections import Connections, station_notifications
from csms.reports import OcppVersion
from foundation import metrics
from foundation.identifiers import StationId
from tests.csms.central import Central, RawStation, at, eventually, register2
from tests.csms.conftest import Starter

V201 = OcppVersion.V201


class Line:
    """A socket that only remembers what was done to it."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.closed: tuple[int, str] | None = None

    def send(self, text: str) -> None:
        self.sent.append(text)

    def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)


def connection(central: Central, station: str, epoch: int) -> tuple[StationConnection, Line]:
    system = central.system
    around = Surroundings(system.dispatch, system.frames, central.clock, 1.0, 100)
    line = Line()
    made = StationConnection(
        around,
        line,
        station=StationId(station),
        version=OcppVersion.V16,
        epoch=epoch,
        time_zone="UTC",
        profile=None,
    )
    return made, line


@pytest.fixture
def connections(central: Central) -> Connections:
    """Connections of their own, beside those of the running system."""
    system = central.system.connections
    return Connections(
        central.database, system._context, central.tasks, infer_end_after=timedelta(minutes=15)
    )


async def test_a_lease_that_was_given_back_does_not_come_back(central: Central) -> None:
    context = replace(central.system.connections._context, node="leaving")
    leaving = Connections(
        central.database, context, central.tasks, infer_end_after=timedelta(minutes=15)
    )
    query = "select node from nodes where node = 'leaving'"
    await leaving._renew()
    assert len(await central.rows(query)) == 1
    async with asyncio.TaskGroup() as group:  # some on their way before it leaves, one after
        for _ in range(3):
            group.create_task(leaving._renew())
        await asyncio.sleep(0)
        await leaving.leave()
        await leaving._renew()
    assert await central.rows(query) == []


def gauge() -> float:
    value: float = metrics.connections.labels("ocpp1.6")._value.get()
    return value


async def test_of_two_connections_the_one_with_the_higher_epoch_stays(
    central: Central, connections: Connections
) -> None:
    before = gauge()
    old, old_line = connection(central, "A", 1)
    new, new_line = connection(central, "A", 2)
    connections.add(old)
    connections.add(new)
    assert connections.get(StationId("A")) is new
    assert (old_line.closed, new_line.closed) == ((1001, "a newer connection took over"), None)
    connections.remove(old)
    assert connections.get(StationId("A")) is new
    assert len(connections) == 1
    connections.remove(new)
    assert connections.get(StationId("A")) is None
    assert gauge() == before


async def test_a_connection_that_is_overtaken_on_its_way_in_is_closed(
    central: Central, connections: Connections
) -> None:
    before = gauge()
    new, new_line = connection(central, "A", 2)
    old, old_line = connection(central, "A", 1)
    connections.add(new)
    connections.add(old)
    assert connections.get(StationId("A")) is new
    assert old_line.closed == (1001, "a newer connection took over")
    assert new_line.closed is None
    connections.remove(old)
    connections.remove(new)
    assert gauge() == before, "what came in and what left are counted alike"


async def test_a_newer_connection_elsewhere_closes_only_an_older_one(
    central: Central, connections: Connections
) -> None:
    here, line = connection(central, "A B", 5)
    connections.add(here)
    told = station_notifications(connections, "me")["connections"]
    told("me 9 A B")
    told("other 5 A B")
    told("other 9 C")
    assert line.closed is None
    told("other 6 A B")
    assert line.closed == (1001, "a newer connection took over")


async def test_all_gone_waits_for_the_last_one(central: Central, connections: Connections) -> None:
    await connections.all_gone()
    here, _ = connection(central, "A", 1)
    connections.add(here)
    waiting = asyncio.gather(connections.all_gone())
    await asyncio.sleep(0)
    assert not waiting.done()
    connections.remove(here)
    await waiting


async def test_everybody_can_be_sent_away(central: Central, connections: Connections) -> None:
    lines = []
    for name in "AB":
        here, line = connection(central, name, 1)
        connections.add(here)
        lines.append(line)
    connections.database_went_away()
    assert connections.is_database_away
    assert {line.closed for line in lines} == {(1013, "the database is away, try again later")}


# ------------------------------------------------------------------------------------- leases


async def test_a_node_that_lost_its_lease_holds_nobody(central: Central) -> None:
    station = await central.here()
    await station.boot()
    node = central.system.node
    await central.rows(
        "update nodes set lease_until = now() - interval '1 s' where node = :n", n=node
    )
    async with central.database.unit_of_work() as db:
        assert await store.close_abandoned(db, central.clock.now()) == 1
    row = await central.connection_of(station.identity)
    assert row["close_reason"] == "node lost"


async def test_a_node_that_leaves_gives_everything_back(start_central: Starter) -> None:
    async with start_central() as one:
        async with start_central() as two:
            station = await two.here()
            await station.boot()
            assert len(await one.rows("select * from nodes")) == 2
        assert [each["node"] for each in await one.rows("select * from nodes")] == [one.system.node]
        row = await one.connection_of(station.identity)
        assert row["closed_at"] is not None


# -------------------------------------------------------------------------------------- notes


async def test_when_stations_were_last_heard_is_written_in_batches(central: Central) -> None:
    station, silent = await central.here(), await central.here()
    for each in (station, silent):
        await each.boot()
    central.clock.advance(timedelta(minutes=5))
    await station.call("Heartbeat", {})
    noting = central.tasks.start("note now", lambda: central.system.connections.note_heard(0.001))

    async def noted() -> bool:
        row = await central.connection_of(station.identity)
        return bool(row["last_heard_at"] == central.clock.now())

    await eventually(noted)
    noting.cancel()
    row = await central.connection_of(silent.identity)
    assert row["last_heard_at"] == central.clock.now() - timedelta(minutes=5)


# ------------------------------------------------------------------------------ what comes round


async def waiting_for_queue(central: Central) -> RawStation:
    station = await central.here(V201)
    await station.event("Started", 0, 0, meterValue=[register2(0, 1000, "Transaction.Begin")])
    await station.event("Ended", 3, 60, meterValue=[register2(60, 9000, "Transaction.End")])
    return station


async def test_a_station_that_does_not_answer_for_its_queue_is_not_waited_for_for_ever(
    central: Central,
) -> None:
    station = await waiting_for_queue(central)
    asking = asyncio.gather(central.system.connections.ask_for_queues())
    _, message_id, *_ = await station.next_asked()
    await station.send([4, message_id, "NotImplemented", "", {}])
    await asking
    state = (await central.only_transaction(station.identity)).state
    assert state == "ended_waiting_for_queue"
    central.clock.advance(timedelta(minutes=61))
    await central.system.connections.ask_for_queues()
    transaction = await central.only_transaction(station.identity)
    assert (transaction.state, transaction.revision) == ("ended", 1)
    assert station.asked == []


async def test_a_queue_is_asked_for_only_where_its_station_is_connected(central: Central) -> None:
    station = await waiting_for_queue(central)
    station.drop()
    await central.system.connections.all_gone()
    await central.system.connections.ask_for_queues()
    state = (await central.only_transaction(station.identity)).state
    assert state == "ended_waiting_for_queue"


async def test_what_comes_round_comes_round_by_itself(central: Central) -> None:
    station = await waiting_for_queue(central)
    mending = central.tasks.start(
        "mend now", lambda: central.system.connections.mend_transactions(0.001)
    )
    _, message_id, action, payload = await station.next_asked()
    assert (action, payload) == ("GetTransactionStatus", {"transactionId": "tx-1"})
    await station.send([3, message_id, {"messagesInQueue": False}])

    async def closed() -> bool:
        return (await central.only_transaction(station.identity)).state == "ended"

    await eventually(closed)
    mending.cancel()


async def test_an_admission_that_changes_makes_the_station_boot_again(central: Central) -> None:
    station = await central.here()
    await station.call("Heartbeat", {})
    told: Any = station_notifications(central.system.connections, "me")["admissions"]
    told(station.identity)
    told("NOT-CONNECTED")
    _, message_id, action, _ = await station.next_asked()
    assert action == "TriggerMessage"
    await station.send([3, message_id, {"status": "Rejected"}])
    assert await station.call("Heartbeat", {}) == {"currentTime": at(480)}
