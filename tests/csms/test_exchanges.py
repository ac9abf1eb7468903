"""Meters that were exchanged: recorded once, and read in their order."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from csms import exchanges
from csms.exchanges import MeterExchange
from foundation.identifiers import EvseId, StationId
from tests.csms.central import moment
from tests.csms.handlers.work import Work


async def test_an_exchange_is_recorded_once_and_found_in_its_span(work: Work) -> None:
    first = MeterExchange(
        StationId("CS-1"), EvseId(1), moment(0), Decimal(5000), Decimal(12), None, "visit/1"
    )
    again = replace(first, last_wh=Decimal(1))
    second = replace(first, exchanged_at=moment(60), about="visit/2")
    for each in (second, first, again):
        await exchanges.record(work.db, [each], by="person/1", now=moment(90))
    await exchanges.record(work.db, [], by="person/1", now=moment(90))
    assert first.step_wh == 4988
    found = await exchanges.exchanges(work.db, ["CS-1"], moment(0), moment(61))
    assert found == [first, second]
    assert await exchanges.exchanges(work.db, ["CS-1"], moment(0), moment(60)) == [first]
    assert timedelta(minutes=60) == second.exchanged_at - first.exchanged_at
