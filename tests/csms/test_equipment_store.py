"""The statements by themselves: large batches, and what the handlers' tests leave out."""

from datetime import timedelta
from decimal import Decimal

from csms import equipment_store
from csms.equipment_store import NewReservation, Part, Told
from csms.reports import ReportedVariable
from tests.csms.handlers.work import Work


async def test_a_thousand_variables_are_one_statement(work: Work) -> None:
    told = [
        Told(station, work.clock.now(), ReportedVariable("Clock", f"V{number % 1000}", str(number)))
        for number in range(2000)
        for station in ("CS-2", "CS-1")
    ]
    await equipment_store.save_variables(work.db, told)

    [row] = await work.rows("select count(*) as n, min(value::int) as least from station_variables")
    assert (row["n"], row["least"]) == (2000, 1000)  # the later word on each wins


async def test_variables_differ_by_each_part_of_their_place(work: Work) -> None:
    places = [
        ReportedVariable("A", "V", "1"),
        ReportedVariable("A", "V", "1", component_instance="x"),
        ReportedVariable("A", "V", "1", evse_id=1),
        ReportedVariable("A", "V", "1", evse_id=1, connector_id=1),
        ReportedVariable("A", "V", "1", variable_instance="x"),
        ReportedVariable("A", "V", "1", attribute="Target"),
        ReportedVariable("", "V", "1", min_limit=Decimal("0.5")),
    ]
    for _ in range(2):
        told = [Told("CS-1", work.clock.now(), each) for each in places]
        await equipment_store.save_variables(work.db, told)

    assert len(await work.rows("select 1 from station_variables")) == len(places)
    assert len(await work.rows("select 1 from station_variable_values")) == len(places)


async def test_nothing_told_is_nothing_written(work: Work) -> None:
    await equipment_store.save_variables(work.db, [])
    assert await work.rows("select 1 from station_variables") == []


async def test_an_open_reservation_is_replaced_by_one_with_its_number(work: Work) -> None:
    now = work.clock.now()
    for evse_id in (1, 2):
        new = NewReservation("CS-1", 5, evse_id, None, "GOOD", None, now, now + timedelta(hours=1))
        await equipment_store.save_reservation(work.db, new)

    [row] = await work.rows("select evse_id from reservations")
    assert row["evse_id"] == 2


async def test_a_report_with_a_gap_is_not_whole(work: Work) -> None:
    now = work.clock.now()
    parts = [Part("CS-1", 1, 0, False, 1, now), Part("CS-1", 1, 2, True, 1, now)]
    assert await equipment_store.save_report_parts(work.db, parts) == []
    last = Part("CS-1", 1, 1, False, 1, now)
    assert await equipment_store.save_report_parts(work.db, [last]) == [("CS-1", 1, 3, now)]
