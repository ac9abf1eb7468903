"""What became of commands: who sees it, how it is waited for, how commands end."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from accounts.directory import WHOLE, Scope
from csms import outcomes, remote
from csms.queue import CommandState
from foundation.database import Database
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey, StationId
from tests.csms.central import OWNER
from tests.csms.test_remote import NOW, RESET, STATION, ask, furnish


async def test_only_who_may_see_the_station_sees_its_commands(database: Database) -> None:
    await furnish(database)
    made = await ask(database, *RESET)
    mine = Scope(frozenset({OWNER}))
    foreign = Scope(frozenset({OrganisationKey("other")}))
    shared = Scope(frozenset({OrganisationKey("other")}), {StationId(STATION): "read"})
    async with database.unit_of_work() as db:
        for scope in (mine, shared):
            assert (await outcomes.command(db, made.id, scope)).id == made.id
            assert len(await outcomes.commands(db, scope)) == 1
        assert await outcomes.commands(db, foreign) == []
        for scope, command_id in ((foreign, made.id), (WHOLE, "4711"), (WHOLE, "x"), (WHOLE, "")):
            with pytest.raises(NotFound):
                await outcomes.command(db, command_id, scope)


async def test_the_list_is_narrowed_and_paged_newest_first(database: Database) -> None:
    await furnish(database)
    first = await ask(database, *RESET, reason="call", reference="call/7")
    second = await ask(database, *RESET, asked_by="key-2", idempotency_key="k")
    async with database.unit_of_work() as db:
        newest, oldest = await outcomes.commands(db, WHOLE)
        assert [newest.id, oldest.id] == [second.id, first.id]
        assert await outcomes.commands(db, WHOLE, limit=1) == [newest]
        assert await outcomes.commands(db, WHOLE, after=int(second.id)) == [oldest]
        assert await outcomes.commands(db, WHOLE, reference="call/7") == [oldest]
        assert await outcomes.commands(db, WHOLE, asked_by="key-2") == [newest]
        assert await outcomes.commands(db, WHOLE, state=CommandState.SENT) == []
        assert await outcomes.commands(db, WHOLE, station=StationId("CS-9")) == []
        assert await outcomes.asked_under(db, "key-2", "k") == newest
        assert await outcomes.asked_under(db, "key-1", "k") is None


async def test_whoever_waits_is_woken_by_the_change(database: Database) -> None:
    await furnish(database)
    made = await ask(database, *RESET)
    changes = outcomes.changes_of(database)
    changes.told("0")  # from now on nobody looks by himself
    waiting = asyncio.ensure_future(outcomes.wait_for(database, made.id, timeout_s=20))  # noqa: TID251
    async with database.unit_of_work() as db:
        await remote.cancel(db, made.id, now=NOW)
    changes.told(f"1 {made.id}")
    assert (await waiting).state is CommandState.CANCELLED


async def test_whoever_waits_too_long_gets_what_is(database: Database) -> None:
    await furnish(database)
    made = await ask(database, *RESET)
    waited = await outcomes.wait_for(database, made.id, timeout_s=0.05, until="final")
    assert waited.state is CommandState.QUEUED


async def test_rates_are_told_by_what_one_wants_apart(database: Database) -> None:
    await furnish(database)
    for state, failure, firmware in (
        ("effective", None, "1.0"),
        ("failed", "no_answer", "1.0"),
        ("failed", "no_effect", "2.0"),
        ("queued", None, "2.0"),
    ):
        made = await ask(database, *RESET)
        async with database.unit_of_work() as db:
            await db.execute(
                text("update commands set state = :s, failure = :f, firmware = :w where id = :i"),
                {"s": state, "f": failure, "w": firmware, "i": int(made.id)},
            )
    later = NOW + timedelta(seconds=1)
    async with database.unit_of_work() as db:
        [one, two] = await outcomes.rates(db, WHOLE, since=NOW, until=later)
        [whole] = await outcomes.rates(db, WHOLE, since=NOW, until=later, by=())
        assert await outcomes.rates(db, WHOLE, since=NOW, until=NOW) == []
    assert (one.firmware, one.asked, one.effective, one.no_answer) == ("1.0", 2, 1, 1)
    assert (two.firmware, two.asked, two.no_effect, two.success) == ("2.0", 1, 1, 0.0)
    assert (whole.firmware, whole.asked, whole.success) == (None, 3, 1 / 3)
