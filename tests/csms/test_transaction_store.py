"""Transactions: natural keys, numbers, locks."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from csms import transaction_store
from csms.handlers.transactions import transactions_started
from csms.reports import OcppVersion, TransactionStartReport
from csms.transaction_store import Progress
from csms.transactions import TransactionFacts
from foundation.statements import ask
from tests.csms.central import moment, start
from tests.csms.handlers.work import GOOD, Work
from tests.csms.test_transactions import facts


async def begun(work: Work, minutes: float = 0, **more: Any) -> TransactionFacts:
    report = work.report(
        OcppVersion.V16,
        "StartTransaction",
        start(minutes, tag=GOOD) | more,
        TransactionStartReport,
    )
    [answer] = await transactions_started(work.db, work.context, [report])
    return (await transaction_store.by_id(work.db, [answer.transaction_id]))[answer.transaction_id]


def new(**changes: Any) -> TransactionFacts:
    return facts(**({"owner": "root", "location": None, "token_organisation": None} | changes))


async def added(work: Work, made: list[TransactionFacts]) -> list[TransactionFacts]:
    """Store transactions under fresh numbers."""
    fresh = await ask(work.db, transaction_store.numbers(len(made)))
    assert fresh == sorted(set(fresh))
    for number, each in zip(fresh, made, strict=True):
        each.id = number
    await ask(work.db, transaction_store.adding(made))
    return made


# --------------------------------------------------------------------------------- the facts


async def test_every_fact_is_stored_and_read_back(work: Work) -> None:
    odd = new(
        station_number=Decimal(2**63 - 1),
        ref="1|'\"\\|x",
        generation=3,
        doubts=["clock_wrong", "missing_start"],
        energy_wh=Decimal("1234.567"),
        ended_at=moment(60),
        remote_start_id=2**40,
        start_seen=False,
        offline=True,
    )
    [stored] = await added(work, [odd])
    assert (await transaction_store.by_id(work.db, [stored.id]))[stored.id] == stored
    changed = replace(
        stored, doubts=[], state="ended", conflicting_ends=2, meter_stop_wh=Decimal(9)
    )
    await transaction_store.change(work.db, [changed])
    assert (await transaction_store.by_id(work.db, [stored.id]))[stored.id] == changed
    await transaction_store.change(work.db, [])


async def test_of_a_key_there_is_one_in_each_generation(work: Work) -> None:
    [first, _] = await added(work, [new(ref="1|a"), new(ref="1|b")])
    [again] = await added(work, [new(ref="1|a", generation=1)])
    found = await transaction_store.by_ref(work.db, [("CS-1", "1|a"), ("CS-1", "1|none")])
    assert found == {("CS-1", "1|a"): again}, "the newest one"
    assert again.id > first.id
    with pytest.raises(psycopg.errors.UniqueViolation) as told:
        await added(work, [new(ref="1|a")])
    assert told.value.diag.constraint_name == transaction_store.KEY


async def test_going_on_needs_only_a_part_of_a_transaction(work: Work) -> None:
    [one] = await added(work, [new(ref="2|a", version="ocpp2.0.1", charging_state="Charging")])
    asked = [("CS-1", "2|a"), ("CS-2", "2|a"), ("CS-1", "2|b")]
    assert await ask(work.db, transaction_store.progress_of(asked)) == {
        ("CS-1", "2|a"): Progress(
            station="CS-1",
            ref="2|a",
            id=one.id,
            evse_id=one.evse_id,
            state="active",
            start_seen=True,
            charging_state="Charging",
            available_since=None,
        )
    }


async def test_numbers_are_ours_only_at_their_own_station(work: Work) -> None:
    [mine] = await added(work, [new()])
    asked = [("CS-1", mine.id), ("CS-2", mine.id), ("CS-1", -1), ("CS-1", 0), ("CS-1", 2**80)]
    found = await transaction_store.of_station_by_number(work.db, asked)
    assert found == {("CS-1", mine.id): mine}
    assert await transaction_store.of_station_by_number(work.db, [("CS-1", -1)]) == {}


async def test_an_end_is_a_repeat_only_in_all_its_words(work: Work) -> None:
    over = new(
        station_number=Decimal(-1),
        end_reported_at=moment(60),
        reported_stop_wh=Decimal(9000),
        state="ended",
    )
    [stored] = await added(work, [over])

    async def repeated(number: int, at: datetime, stop: Decimal | None) -> bool:
        key = ("CS-1", "any")
        found = await transaction_store.repeated_ends(work.db, {key: ("CS-1", number, at, stop)})
        assert found in ({}, {key: stored})
        return bool(found)

    assert await repeated(-1, moment(60), Decimal(9000))
    assert not await repeated(0, moment(60), Decimal(9000))
    assert not await repeated(-1, moment(61), Decimal(9000))
    assert not await repeated(-1, moment(60), Decimal(9001))
    assert not await repeated(-1, moment(60), None)
    assert await transaction_store.repeated_ends(work.db, {}) == {}


async def test_open_are_all_without_a_reported_end(work: Work) -> None:
    states = ["active", "ended", "inferred_end", "ended_waiting_for_queue"]
    await added(work, [new(ref=f"1|{state}", state=state) for state in states])
    found = await transaction_store.open_of(work.db, ["CS-1", "CS-2"])
    assert [each.state for each in found["CS-1"]] == [
        "active",
        "inferred_end",
        "ended_waiting_for_queue",
    ]
    assert "CS-2" not in found


async def test_a_charging_state_ends_the_suspicion_of_a_lost_end(work: Work) -> None:
    [one] = await added(work, [new(available_since=moment(10))])
    await ask(work.db, transaction_store.noting_charging_states([(one.id, "Charging")]))
    found = (await transaction_store.by_id(work.db, [one.id]))[one.id]
    assert (found.charging_state, found.available_since) == ("Charging", None)


async def test_who_is_suspected_and_who_waits_depends_on_the_connection(work: Work) -> None:
    running = await begun(work)
    await work.rows("update transactions set available_since = :t returning 1", t=moment(10))
    assert await transaction_store.suspected(work.db, moment(60)) == []
    await work.rows(
        "insert into station_connections (station, node, epoch, version, connected_at,"
        " last_heard_at, silence) values ('CS-1', 'here', 1, 'ocpp1.6', :t, :t, 'online')"
        " returning 1",
        t=moment(0),
    )
    found = await transaction_store.suspected(work.db, moment(60))
    assert [each.id for each in found] == [running.id]
    assert await transaction_store.suspected(work.db, moment(10)) == []
    await work.rows("update transactions set state = 'ended_waiting_for_queue' returning 1")
    waiting = transaction_store.waiting_for_queue
    assert [each.id for each in await waiting(work.db, "here", moment(60))] == [running.id]
    assert await waiting(work.db, "elsewhere", moment(60)) == []
    await transaction_store.note_queue_asked(work.db, running.id, moment(60))
    assert await waiting(work.db, "here", moment(60)) == []
    assert len(await waiting(work.db, "here", moment(61))) == 1
