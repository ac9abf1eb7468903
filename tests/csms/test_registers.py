"""The registers of an owner's stations at both ends of a month."""

from decimal import Decimal
from typing import Any

import pytest

from csms import exchanges
from csms.exchanges import MeterExchange
from csms.registers import Registers
from foundation import outbox
from foundation.events import StationConnected, StationDisconnected
from foundation.identifiers import EvseId, StationId
from tests.csms.central import moment
from tests.csms.handlers.work import OWNER, Work
from tests.csms.test_charging import charged
from tests.csms.test_reading_store import kept, reading


async def spans(work: Work, start: float, end: float) -> list[tuple[Any, ...]]:
    found = await Registers().registers(work.db, OWNER, moment(start), moment(end))
    return [
        (each.evse_id, each.register_start_wh, each.register_end_wh, each.lifetime)
        for each in found
    ]


async def test_registers_span_what_was_known_at_both_ends(work: Work) -> None:
    await charged(work, "a", 0)
    await charged(work, "b", 100, meter_start_wh=Decimal(9500), meter_stop_wh=Decimal(11_000))
    assert await spans(work, -100, 300) == [(1, 1000, 11_000, True)]
    assert await spans(work, 80, 300) == [(1, 9000, 11_000, True)]
    assert await spans(work, 200, 300) == []


async def test_what_was_read_of_a_transaction_that_still_runs_is_told_apart(work: Work) -> None:
    number = await charged(
        work, "a", 0, state="active", ended_at=None, energy_wh=None, meter_stop_wh=None
    )
    given = [reading(minutes, wh, number=number) for minutes, wh in ((30, 4000), (90, 7000))]
    await kept(work, given)
    assert await spans(work, -100, 60) == [(1, 1000, 4000, True)]
    assert await spans(work, 60, 200) == [(1, 4000, 7000, True)]
    for start, end in ((-100, 60), (60, 200)):
        [span] = await Registers().registers(work.db, OWNER, moment(start), moment(end))
        assert (span.running_wh, span.was_reset) == (Decimal(3000), False)
    assert await spans(work, 200, 300) == []


async def test_a_register_is_told_where_an_earlier_end_was_heard_of_only_now(work: Work) -> None:
    await charged(work, "a", 0, end_received_at=moment(210))
    assert await spans(work, 200, 300) == [(1, 9000, 9000, True)]
    assert await spans(work, 300, 400) == []


async def test_a_register_that_fell_is_told(work: Work) -> None:
    await charged(work, "a", 0, energy_basis="segments")
    [span] = await Registers().registers(work.db, OWNER, moment(-100), moment(200))
    assert span.was_reset is True


async def test_a_register_that_always_begins_at_zero_is_no_lifetime_register(work: Work) -> None:
    for place in range(2):
        await charged(
            work, str(place), place * 100, meter_start_wh=Decimal(0), meter_stop_wh=Decimal(8000)
        )
    [(_, _, _, lifetime)] = await spans(work, -100, 300)
    assert lifetime is False


async def told(work: Work, kind: type[StationConnected | StationDisconnected], at: float) -> None:
    facts: dict[str, Any] = {"happened_at": moment(at), "station": StationId("CS-1"), "epoch": 1}
    event = (
        StationConnected(ocpp_version="ocpp1.6", **facts)
        if kind is StationConnected
        else StationDisconnected(reason="silence", **facts)
    )
    await outbox.append(work.db, [event], recorded_at=moment(at))


async def offline_wh(work: Work, start: float = -100, end: float = 400) -> list[Decimal]:
    found = await Registers().registers(work.db, OWNER, moment(start), moment(end))
    return [each.offline_wh for each in found]


@pytest.mark.parametrize(
    ("gone", "back", "expected"),
    [
        (70, 90, 500),  # between the two transactions
        (70, 150, 500),  # it came back in the second
        (30, 90, 500),  # it went in the first
        (10, 50, 0),  # within a transaction, which tells all that was counted
        (170, 190, 0),  # after everything
    ],
)
async def test_what_was_counted_while_the_station_was_not_connected_is_told(
    work: Work, gone: float, back: float, expected: int
) -> None:
    await charged(work, "a", 0)
    await charged(work, "b", 100, meter_start_wh=Decimal(9500), meter_stop_wh=Decimal(11_000))
    assert await offline_wh(work) == [0]

    await told(work, StationConnected, -50)
    await told(work, StationDisconnected, gone)
    await told(work, StationConnected, back)

    assert await offline_wh(work) == [expected]


async def test_transactions_that_ended_are_told_with_their_energy(work: Work) -> None:
    number = await charged(work, "a", 0)
    await charged(work, "b", 100, state="active", ended_at=None, energy_wh=None)
    [ended] = await Registers().ended_transactions(work.db, OWNER, moment(0), moment(61))
    assert ended.transaction_id == number
    assert ended.energy_wh == 8000
    assert await Registers().ended_transactions(work.db, OWNER, moment(0), moment(60)) == []


async def test_an_exchanged_meter_is_told_between_both_ends_alone(work: Work) -> None:
    """Charged from 1000 to 9000 Wh by the old meter, from 0 to 2500 Wh by the new one."""
    await charged(work, "a", 0)
    exchange = MeterExchange(
        StationId("CS-1"),
        EvseId(1),
        moment(90),
        Decimal(9100),
        Decimal(0),
        "K-2",
        "visit/1",
    )
    await exchanges.record(work.db, [exchange, exchange], by="person/1", now=moment(95))
    [before] = await Registers().registers(work.db, OWNER, moment(-100), moment(300))
    assert before.exchanged_wh is None  # nothing was read of the new one yet
    await charged(work, "b", 100, meter_start_wh=Decimal(0), meter_stop_wh=Decimal(2500))
    [span] = await Registers().registers(work.db, OWNER, moment(-100), moment(300))
    assert (span.register_start_wh, span.register_end_wh) == (Decimal(1000), Decimal(2500))
    assert span.exchanged_wh == 9100
    [after] = await Registers().registers(work.db, OWNER, moment(95), moment(300))
    assert after.exchanged_wh is None
