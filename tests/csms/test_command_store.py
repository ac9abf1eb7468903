"""The rows of commands: claimed once, changed only from the state that was seen."""

import asyncio
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from accounts.directory import WHOLE
from csms import command_store, outcomes
from csms.command_store import Claimed, Ready
from csms.queue import CommandState, Failure, is_held
from csms.settlement import Change, Step
from foundation.database import Database
from foundation.identifiers import StationId
from tests.csms.test_remote import NOW, RESET, STATION, ask, furnish


async def claim(
    database: Database, *, node: str = "n1", epoch: int = 3, message: str = "m1"
) -> list[Claimed]:
    ready = Ready(StationId(STATION), epoch, True, message)
    async with database.unit_of_work() as db:
        return await command_store.claim(
            db, node, [ready], now=NOW, due_at=NOW + timedelta(minutes=1)
        )


async def test_a_command_is_claimed_once_by_the_node_that_holds_the_station(
    database: Database,
) -> None:
    await furnish(database)
    made = await ask(database, *RESET)
    assert await claim(database, node="n2") == []
    assert await claim(database, epoch=2) == []
    [claimed] = await claim(database)
    assert (str(claimed.id), claimed.action, claimed.payload) == (
        made.id,
        "Reset",
        b'{"type": "Soft"}',
    )
    assert await claim(database, message="m2") == []
    async with database.unit_of_work() as db:
        kept = await outcomes.command(db, made.id, WHOLE)
    assert (kept.state, kept.attempts, kept.sent_at) == (CommandState.SENT, 1, NOW)


async def test_two_nodes_that_claim_at_once_get_it_once(database: Database) -> None:
    await furnish(database)
    await ask(database, *RESET)
    both = await asyncio.gather(*(claim(database, message=f"m{number}") for number in range(2)))
    assert sorted(len(each) for each in both) == [0, 1]


async def test_the_urgent_is_claimed_before_the_earlier(database: Database) -> None:
    await furnish(database)
    await ask(database, *RESET)
    urgent = await ask(database, "ClearCache", {}, priority=1)
    [claimed] = await claim(database)
    assert str(claimed.id) == urgent.id


async def test_what_is_over_or_meant_for_another_version_is_not_claimed(
    database: Database,
) -> None:
    await furnish(database)
    await ask(database, *RESET)
    async with database.unit_of_work() as db:
        await db.execute(text("update commands set expires_at = :now"), {"now": NOW})
    assert await claim(database) == []
    await ask(database, *RESET)
    async with database.unit_of_work() as db:
        await db.execute(text("update station_connections set version = 'ocpp2.0.1'"))
    assert await claim(database) == []


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    admission=st.sampled_from(("accepted", "waiting", "refused")),
    boot_policy=st.sampled_from(("accept", "pending", "reject")),
    has_booted=st.booleans(),
)
async def test_the_statement_holds_back_what_the_rule_holds_back(
    database: Database, admission: str, boot_policy: str, has_booted: bool
) -> None:
    async with database.unit_of_work() as db:
        await db.execute(text("delete from commands"))
        known = await db.scalar(text("select count(*) from stations"))
    if not known:
        await furnish(database)
    for action, payload in (
        ("RemoteStartTransaction", {"idTag": "A"}),
        ("GetConfiguration", {}),
        ("TriggerMessage", {"requestedMessage": "Heartbeat"}),
    ):
        made = await ask(database, action, payload, asked_by=action)
        async with database.unit_of_work() as db:
            await db.execute(
                text("update stations set admission = :a, boot_policy = :b, booted_at = null"),
                {"a": admission, "b": boot_policy},
            )
            ready = Ready(StationId(STATION), 3, has_booted, "m")
            claimed = await command_store.claim(db, "n1", [ready], now=NOW, due_at=NOW)
            held = is_held(
                action, admission=admission, boot_policy=boot_policy, has_booted=has_booted
            )
            assert (claimed == []) is held
            await db.execute(text("delete from commands where id = :i"), {"i": int(made.id)})


async def test_a_change_is_made_only_from_the_state_that_was_seen(database: Database) -> None:
    await furnish(database)
    made = await ask(database, *RESET)
    await claim(database)
    done = Step(CommandState.EFFECTIVE)
    async with database.unit_of_work() as db:
        for change in (
            Change(int(made.id), CommandState.QUEUED, None, (done,)),
            Change(int(made.id), CommandState.SENT, None, (done,), message_id="another"),
            Change(999, CommandState.SENT, None, (done,)),
        ):
            assert await command_store.apply(db, [change], now=NOW) == set()
        accepted = Step(CommandState.ACCEPTED)
        change = Change(
            int(made.id),
            CommandState.SENT,
            None,
            (accepted, done),
            message_id="m1",
            answer={"status": "Accepted"},
            answered_at=NOW,
        )
        assert await command_store.apply(db, [change], now=NOW) == {int(made.id)}
        kept = await outcomes.command(db, made.id, WHOLE)
    assert [each.state.value for each in kept.transitions] == [
        "queued",
        "sent",
        "accepted",
        "effective",
    ]
    assert kept.answer == {"status": "Accepted"}


async def test_every_step_is_an_event_of_the_journal(database: Database) -> None:
    await furnish(database)
    made = await ask(database, *RESET)
    await claim(database)
    step = Step(CommandState.FAILED, "no answer in time", Failure.NO_ANSWER)
    async with database.unit_of_work() as db:
        change = Change(int(made.id), CommandState.SENT, None, (step,))
        await command_store.apply(db, [change], now=NOW)
        told = await db.execute(
            text(
                "select payload->>'state', payload->>'failure', payload->>'note', subject"
                " from journal order by id"
            )
        )
        subject = f"command/{made.id}"
        assert list(told) == [
            ("queued", None, None, subject),
            ("sent", None, None, subject),
            ("failed", "no_answer", "no answer in time", subject),
        ]


async def test_nothing_to_change_asks_nothing(database: Database) -> None:
    async with database.unit_of_work() as db:
        assert await command_store.apply(db, [], now=NOW) == set()
