"""Transactions, readings and reports: natural keys, links, gaps, locks."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from csms import transaction_store
from csms.handlers.transactions import transactions_started
from csms.reports import OcppVersion, Reading, Sample, TransactionStartReport
from csms.transaction_store import NewReading, NewReport
from csms.transactions import TransactionFacts
from foundation.statements import ask
from tests.csms.central import moment, start
from tests.csms.handlers.work import GOOD, Work
from tests.csms.test_transactions import facts

REGISTER = "Energy.Active.Import.Register"


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
    [stored] = await transaction_store.add(work.db, [odd])
    assert (await transaction_store.by_id(work.db, [stored.id]))[stored.id] == stored
    changed = replace(
        stored, doubts=[], state="ended", conflicting_ends=2, meter_stop_wh=Decimal(9)
    )
    await transaction_store.change(work.db, [changed])
    assert (await transaction_store.by_id(work.db, [stored.id]))[stored.id] == changed
    await transaction_store.change(work.db, [])


async def test_a_key_that_exists_is_not_added_again(work: Work) -> None:
    [first] = await transaction_store.add(work.db, [new(ref="1|a")])
    added = await transaction_store.add(work.db, [new(ref="1|a"), new(ref="1|b")])
    assert [each.ref for each in added] == ["1|b"]
    again = await transaction_store.add(work.db, [new(ref="1|a", generation=1)])
    assert len(again) == 1
    found = await transaction_store.by_ref(work.db, [("CS-1", "1|a"), ("CS-1", "1|none")])
    assert found.keys() == {("CS-1", "1|a")}
    assert found["CS-1", "1|a"].generation == 1, "the newest one"
    assert found["CS-1", "1|a"].id > first.id


async def test_numbers_are_ours_only_at_their_own_station(work: Work) -> None:
    [mine] = await transaction_store.add(work.db, [new()])
    asked = [("CS-1", mine.id), ("CS-2", mine.id), ("CS-1", -1), ("CS-1", 0), ("CS-1", 2**80)]
    found = await transaction_store.of_station_by_number(work.db, asked)
    assert found == {("CS-1", mine.id): mine}
    known = await transaction_store.known_by_number(work.db, asked)
    assert [(each.id, each.evse_id) for each in known.values()] == [(mine.id, 1)]
    assert await transaction_store.of_station_by_number(work.db, [("CS-1", -1)]) == {}
    assert await transaction_store.known_by_number(work.db, [("CS-1", 2**31)]) == {}


async def test_an_end_is_a_repeat_only_in_all_its_words(work: Work) -> None:
    over = new(
        station_number=Decimal(-1),
        end_reported_at=moment(60),
        reported_stop_wh=Decimal(9000),
        state="ended",
    )
    [stored] = await transaction_store.add(work.db, [over])

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
    await transaction_store.add(work.db, [new(ref=f"1|{state}", state=state) for state in states])
    found = await transaction_store.open_of(work.db, ["CS-1", "CS-2"])
    assert [each.state for each in found["CS-1"]] == [
        "active",
        "ended_waiting_for_queue",
        "inferred_end",
    ]
    assert "CS-2" not in found


async def test_a_charging_state_ends_the_suspicion_of_a_lost_end(work: Work) -> None:
    [one] = await transaction_store.add(work.db, [new(available_since=moment(10))])
    await transaction_store.note_charging_states(work.db, [(one.id, "Charging")])
    found = (await transaction_store.by_id(work.db, [one.id]))[one.id]
    assert (found.charging_state, found.available_since) == ("Charging", None)


# ---------------------------------------------------------------------------------- readings


def reading(
    minutes: float,
    shown: int | None = 1000,
    *,
    transaction_id: int | None = None,
    evse_id: int = 1,
    context: str = "Sample.Periodic",
) -> NewReading:
    samples = (Sample(REGISTER, None if shown is None else Decimal(shown), "Wh"),)
    values = Reading(moment(minutes), context, None if shown is None else Decimal(shown), samples)
    return NewReading("CS-1", evse_id, transaction_id, moment(minutes), values, moment(minutes))


async def linked(work: Work) -> list[tuple[datetime, int | None]]:
    rows = await work.rows("select measured_at, transaction_id from readings order by measured_at")
    return [(row["measured_at"], row["transaction_id"]) for row in rows]


async def test_a_reading_finds_the_transaction_that_its_evse_had_at_that_time(work: Work) -> None:
    first = new(ref="1|a", started_at=moment(0), ended_at=moment(60), state="ended")
    second = new(ref="1|b", started_at=moment(100))
    other = new(ref="1|c", started_at=moment(0), evse_id=2)
    one, two, three = await transaction_store.add(work.db, [first, second, other])
    await transaction_store.add_readings(
        work.db,
        [
            *[reading(minutes) for minutes in (-1, 0, 60, 80, 100)],
            reading(5, evse_id=2),
            reading(7, evse_id=0),
        ],
    )
    assert await linked(work) == [
        (moment(-1), None),
        (moment(0), one.id),
        (moment(5), three.id),
        (moment(7), None),
        (moment(60), one.id),
        (moment(80), None),
        (moment(100), two.id),
    ]


async def test_only_new_registers_of_ended_transactions_are_returned(work: Work) -> None:
    over = new(ref="1|a", started_at=moment(0), ended_at=moment(60), state="ended")
    one, two = await transaction_store.add(work.db, [over, new(ref="1|b", started_at=moment(100))])
    given = [reading(10), reading(20, None), reading(110), reading(10)]
    late = await transaction_store.add_readings(work.db, given)
    assert [(number, each.at) for number, each in late] == [(one.id, moment(10))]
    assert await transaction_store.add_readings(work.db, given) == []
    assert await transaction_store.add_readings(work.db, []) == []
    registers = await transaction_store.registers_of(work.db, [one.id, two.id, 999_999])
    assert {number: len(each) for number, each in registers.items()} == {one.id: 1, two.id: 1}


async def test_readings_that_came_before_their_transaction_are_given_to_it(work: Work) -> None:
    await transaction_store.add_readings(
        work.db, [reading(-1), reading(5), reading(50), reading(70), reading(6, evse_id=2)]
    )
    over = new(started_at=moment(0), ended_at=moment(60), state="ended")
    [one] = await transaction_store.add(work.db, [over])
    # One of them was sent again with its number, and is there already.
    await transaction_store.add_readings(work.db, [reading(50, transaction_id=one.id)])
    await ask(work.db, transaction_store.linking([one]))
    mine = [at for at, number in await linked(work) if number == one.id]
    assert mine == [moment(5), moment(50)]


# ---------------------------------------------------------------------------------- reports


def message(digest: bytes, **changes: Any) -> NewReport:
    usual: dict[str, Any] = {
        "station": "CS-1",
        "transaction_id": None,
        "evse_id": 1,
        "kind": "meter",
        "seq_no": None,
        "version": "ocpp1.6",
        "epoch": 1,
        "reported_at": None,
        "received_at": moment(0),
        "skew_s": 0,
        "raw": "raw",
        "repairs": (),
    }
    return NewReport(**(usual | changes | {"digest": digest}))


async def test_a_message_is_new_once_for_each_transaction(work: Work) -> None:
    given = [message(b"1"), message(b"2", repairs=("a", "b")), message(b"1")]
    assert await ask(work.db, transaction_store.reporting(given)) == [True, True, False]
    [one] = await transaction_store.add(work.db, [new()])
    again = [message(b"1"), message(b"1", transaction_id=one.id), message(b"1", station="CS-2")]
    assert await ask(work.db, transaction_store.reporting(again)) == [False, True, True]
    rows = await work.rows("select repairs from reports order by id")
    assert [row["repairs"] for row in rows] == [[], ["a", "b"], [], []]


async def test_gaps_are_counted_from_the_first_number_to_that_of_the_end(work: Work) -> None:
    async def waits(first: int | None, last: int | None, *seen: int) -> bool:
        made = new(ref=f"2|{first}{last}{seen}", first_seq_no=first, end_seq_no=last)
        [one] = await transaction_store.add(work.db, [made])
        said = [message(bytes([number]), transaction_id=one.id, seq_no=number) for number in seen]
        await ask(work.db, transaction_store.reporting(said))
        return one.id in await ask(work.db, transaction_store.gaps([one]))

    assert not await waits(0, 3, 0, 1, 2, 3)
    assert await waits(0, 3, 0, 1, 3)
    assert not await waits(5, 7, 5, 6, 7)
    assert await waits(None, 2, 1, 2), "the start is missing"
    assert not await waits(None, 0, 0)
    assert not await waits(0, None, 0), "there is no end yet"
    assert not await waits(9, 1, 9, 10, 0, 1), "it began to count anew"


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
