"""Which commands must be looked at: those whose time or connection is over, or that may show."""

from datetime import timedelta
from typing import Any

from sqlalchemy import text

from csms import open_commands
from foundation import statements
from foundation.database import Database
from tests.csms.test_command_store import claim
from tests.csms.test_remote import NOW, RESET, STATION, ask, furnish

START = ("RemoteStartTransaction", {"idTag": "A"})


async def ids(database: Database, find: Any, *arguments: Any, **named: Any) -> list[str]:
    async with database.unit_of_work() as db:
        return [str(each.id) for each in await find(db, *arguments, **named)]


async def change(database: Database, values: str) -> None:
    async with database.unit_of_work() as db:
        await db.execute(text(f"update {values}"))


async def test_what_is_due_is_found_when_its_time_is_over(database: Database) -> None:
    await furnish(database)
    made = await ask(database, *RESET, expires_in_s=60)
    early, late = NOW + timedelta(seconds=59), NOW + timedelta(seconds=60)
    assert await ids(database, open_commands.due, early, limit=9) == []
    assert await ids(database, open_commands.due, late, limit=9) == [made.id]


async def test_what_was_sent_over_a_connection_that_is_no_more_is_lost(database: Database) -> None:
    await furnish(database)
    made = await ask(database, *RESET)
    assert await ids(database, open_commands.lost, limit=9) == []
    await claim(database)
    assert await ids(database, open_commands.lost, limit=9) == []
    for gone in (
        "nodes set lease_until = now() - interval '1 second'",
        "nodes set lease_until = now() + interval '1 hour'",
        "station_connections set epoch = 4",
    ):
        await change(database, gone)
        is_lost = "+" not in gone
        assert await ids(database, open_commands.lost, limit=9) == ([made.id] if is_lost else [])
    await change(database, "commands set unknown_since = now()")
    assert await ids(database, open_commands.lost, limit=9) == []


async def test_a_start_that_waits_is_overtaken_by_the_end_of_its_connection(
    database: Database,
) -> None:
    await furnish(database)
    start = await ask(database, *START)
    await ask(database, *RESET)
    assert await ids(database, open_commands.overtaken, limit=9) == []
    await change(database, "station_connections set epoch = 4")
    assert await ids(database, open_commands.overtaken, limit=9) == [start.id]


async def test_what_waits_for_evidence_is_what_was_sent_and_may_still_show(
    database: Database,
) -> None:
    await furnish(database)
    made = await ask(database, *RESET)
    find, where = open_commands.waiting_for_evidence, [STATION]
    assert await ids(database, find, where) == []
    for state, more, is_waiting in (
        ("sent", "unknown_since = null", False),
        ("sent", "unknown_since = now()", True),
        ("accepted", "unknown_since = null", True),
        ("failed", "failure = 'no_effect'", True),
        ("queued", "until_ended = true, attempts = 1", True),
        ("failed", "due_at = null", False),
    ):
        await change(database, f"commands set state = '{state}', {more}")
        assert await ids(database, find, where) == ([made.id] if is_waiting else [])


async def test_a_command_is_found_by_the_message_that_it_was_sent_as(database: Database) -> None:
    await furnish(database)
    made = await ask(database, *RESET)
    await claim(database)
    async with database.unit_of_work() as db:
        [found] = await statements.ask(db, open_commands.by_message(["m1", "m2"]))
    assert (str(found.id), found.asked.action, found.asked.sent_at) == (made.id, "Reset", NOW)
    assert found.asked.payload == {"type": "Soft"}


async def test_queued_commands_are_found_at_the_node_that_holds_their_station(
    database: Database,
) -> None:
    await furnish(database)
    await ask(database, *RESET)
    async with database.unit_of_work() as db:
        assert await open_commands.queued_here(db, "n1") == [STATION]
        assert await open_commands.queued_here(db, "n2") == []


async def test_one_node_at_a_time_goes_through_what_is_due(database: Database) -> None:
    async with database.unit_of_work() as one, database.unit_of_work() as other:
        assert await open_commands.is_my_turn(one)
        assert not await open_commands.is_my_turn(other)
    async with database.unit_of_work() as later:
        assert await open_commands.is_my_turn(later)


async def test_an_availability_change_is_set_back_once(database: Database) -> None:
    await furnish(database)
    payload = {"connectorId": 1, "type": "Inoperative"}
    made = await ask(database, "ChangeAvailability", payload, ends_in_s=60)
    find, late = open_commands.to_set_back, NOW + timedelta(seconds=60)
    assert await ids(database, find, NOW, limit=9) == []
    assert await ids(database, find, late, limit=9) == [made.id]
    assert await ids(database, find, late, limit=9) == []


async def test_an_idempotency_key_is_forgotten_after_a_week(database: Database) -> None:
    await furnish(database)
    made = await ask(database, *RESET, idempotency_key="k")
    week = timedelta(days=7)
    for now, is_forgotten in ((NOW + week, False), (NOW + week + timedelta(seconds=1), True)):
        async with database.unit_of_work() as db:
            await open_commands.forget_keys(db, now)
        again = await ask(database, *RESET, idempotency_key="k")
        assert (again.id != made.id) is is_forgotten
