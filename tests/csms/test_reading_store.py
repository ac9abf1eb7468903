"""Raw messages and readings: what is new, links by EVSE and time, gaps, what comes too late."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from csms import reading_store
from csms.reading_store import LateReading, Said
from csms.reports import Reading, Sample
from foundation.statements import ask
from tests.csms.central import moment
from tests.csms.handlers.work import Work
from tests.csms.test_transaction_store import added, new

REGISTER = "Energy.Active.Import.Register"


def reading(
    minutes: float,
    shown: int | None = 1000,
    *,
    number: int | None = None,
    evse_id: int = 1,
    values: tuple[Sample, ...] | None = None,
) -> Said:
    """A message with one reading."""
    register = None if shown is None else Decimal(shown)
    samples = (Sample(REGISTER, register, "Wh"),) if values is None else values
    taken = Reading(moment(minutes), "Sample.Periodic", register, samples)
    return message(
        f"{minutes} {shown} {number} {evse_id} {values}".encode(),
        number=number,
        evse_id=evse_id,
        received_at=moment(minutes),
        readings=[(moment(minutes), taken)],
    )


def message(digest: bytes, **changes: Any) -> Said:
    usual: dict[str, Any] = {
        "station": "CS-1",
        "number": None,
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
        "readings": (),
    }
    return Said(**(usual | changes | {"digest": digest}))


async def kept(work: Work, said: Sequence[Said]) -> list[LateReading]:
    """Keep messages, and return what came too late."""
    return (await ask(work.db, reading_store.keeping(said))).late


async def new_ones(work: Work, said: Sequence[Said]) -> list[bool]:
    """Keep messages, and return which were not said before."""
    return (await ask(work.db, reading_store.keeping(said, tell_new=True))).are_new


async def linked(work: Work) -> list[tuple[datetime, int | None]]:
    rows = await work.rows("select measured_at, transaction_id from readings order by measured_at")
    return [(row["measured_at"], row["transaction_id"]) for row in rows]


async def test_a_reading_finds_the_transaction_that_its_evse_had_at_that_time(work: Work) -> None:
    first = new(ref="1|a", started_at=moment(0), ended_at=moment(60), state="ended")
    second = new(ref="1|b", started_at=moment(100))
    other = new(ref="1|c", started_at=moment(0), evse_id=2)
    one, two, three = await added(work, [first, second, other])
    await kept(
        work,
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
    one, two = await added(work, [over, new(ref="1|b", started_at=moment(100))])
    given = [reading(10), reading(20, None), reading(110), reading(10)]
    late = await kept(work, given)
    assert [(number, each.at) for number, each in late] == [(one.id, moment(10))]
    assert await kept(work, given) == []
    assert await kept(work, []) == []
    [(number, named)] = await kept(work, [reading(30, number=one.id)])
    assert (number, named.at) == (one.id, moment(30))
    registers = await reading_store.registers_of(work.db, [one.id, two.id, 999_999])
    assert {number: len(each) for number, each in registers.items()} == {one.id: 2, two.id: 1}


async def test_readings_that_came_before_their_transaction_are_given_to_it(work: Work) -> None:
    await kept(work, [reading(-1), reading(5), reading(50), reading(70), reading(6, evse_id=2)])
    over = new(started_at=moment(0), ended_at=moment(60), state="ended")
    [one] = await added(work, [over])
    # One of them was sent again with its number, and is there already.
    await kept(work, [reading(50, number=one.id)])
    await ask(work.db, reading_store.linking([one]))
    mine = [at for at, number in await linked(work) if number == one.id]
    assert mine == [moment(5), moment(50)]


# ---------------------------------------------------------------------------------- reports


async def test_what_is_signed_after_the_end_is_told_once_and_else_never(work: Work) -> None:
    over = new(ref="1|a", ended_at=moment(60), state="ended")
    waits = new(ref="1|c", ended_at=moment(60), state="ended_waiting_for_queue")
    one, running, waiting = await added(work, [over, new(ref="1|b", evse_id=2), waits])
    signed = [
        message(b"1", raw="SignedData", number=one.id),
        message(b"2", raw="SignedData", number=running.id),
        message(b"3", raw="SignedData", number=waiting.id),
        message(b"4", raw="SignedData"),
        message(b"5", number=one.id),
    ]
    for numbers in ([one.id], []):
        found = await ask(work.db, reading_store.keeping(signed, tell_signed=True))
        assert (found.signed, found.are_new, found.late) == (numbers, [], [])
    both = reading_store.keeping(
        [*signed, message(b"6", raw="OCMF|", number=one.id)], tell_new=True, tell_signed=True
    )
    found = await ask(work.db, both)
    assert (found.signed, found.are_new) == ([one.id], [False] * 5 + [True])
    unasked = await ask(
        work.db, reading_store.keeping([message(b"7", raw="SignedData", number=one.id)])
    )
    assert unasked.signed == []


async def test_a_message_is_new_once_for_each_transaction(work: Work) -> None:
    given = [message(b"1"), message(b"2", repairs=("a", "b")), message(b"1")]
    assert await new_ones(work, given) == [True, True, False]
    [one] = await added(work, [new()])
    assert await new_ones(work, [message(b"1", number=-1)]) == [False], "no number of ours"
    assert await new_ones(work, [message(b"1", number=one.id, station="CS-2")]) == [True]
    again = [message(b"1"), message(b"1", number=one.id), message(b"1", station="CS-2")]
    assert await new_ones(work, again) == [False, True, False]
    rows = await work.rows("select repairs from reports order by id")
    assert [row["repairs"] for row in rows] == [[], ["a", "b"], [], []]


async def test_gaps_are_counted_from_the_first_number_to_that_of_the_end(work: Work) -> None:
    async def waits(first: int | None, last: int | None, *seen: int) -> bool:
        made = new(ref=f"2|{first}{last}{seen}", first_seq_no=first, end_seq_no=last)
        [one] = await added(work, [made])
        said = [message(bytes([number]), number=one.id, seq_no=number) for number in seen]
        await new_ones(work, said)
        return one.id in await ask(work.db, reading_store.gaps([one]))

    assert not await waits(0, 3, 0, 1, 2, 3)
    assert await waits(0, 3, 0, 1, 3)
    assert not await waits(5, 7, 5, 6, 7)
    assert await waits(None, 2, 1, 2), "the start is missing"
    assert not await waits(None, 0, 0)
    assert not await waits(0, None, 0), "there is no end yet"
    assert not await waits(9, 1, 9, 10, 0, 1), "it began to count anew"


async def test_of_a_repeated_message_only_readings_without_a_time_are_taken(work: Work) -> None:
    [one] = await added(work, [new()])

    def said_at(minutes: float, measured: datetime | None) -> Said:
        taken = Reading(measured, "Sample.Periodic", Decimal(1), ())
        return message(f"{measured}".encode(), number=one.id, readings=[(moment(minutes), taken)])

    for minutes in (1, 2):  # its clock is wrong: what it says of its readings' time is corrected
        await kept(work, [said_at(minutes, moment(1000))])
    assert [at for at, _ in await linked(work)] == [moment(1)]
    for minutes in (3, 4):
        await kept(work, [said_at(minutes, None)])
    assert [at for at, _ in await linked(work)] == [moment(1), moment(3), moment(4)]


async def test_what_no_database_takes_is_left_out_of_a_readings_values(work: Work) -> None:
    signed = (Sample(REGISTER, None, "Wh", signed="a\0b\\u0000"),)
    await kept(work, [reading(1, None, values=signed)])
    [row] = await work.rows("select values from readings")
    assert row["values"][0]["signed"] == "ab\\u0000"
