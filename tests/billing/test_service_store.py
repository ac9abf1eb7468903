"""What is read of switches and CDRs; the rest is tried through the faces above it."""

from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from billing import service_store
from billing.services import Switch
from foundation.identifiers import OrganisationKey, StationId

NORTH, SOUTH = OrganisationKey("north"), OrganisationKey("south")


def at(month: int, day: int = 1) -> datetime:
    return datetime(2026, month, day, 12, tzinfo=UTC)


def switch(number: int, station: str, owner: OrganisationKey, when: datetime) -> Switch:
    return Switch(StationId(station), owner, when, number % 2 == 1, number)


async def test_of_what_was_before_only_the_last_switch_of_each_station_counts(
    db: AsyncSession,
) -> None:
    made = [
        switch(1, "CS-1", NORTH, at(1)),
        switch(2, "CS-1", NORTH, at(2)),
        switch(3, "CS-1", NORTH, at(3)),
        switch(4, "CS-1", NORTH, at(5)),
        switch(5, "CS-2", SOUTH, at(5)),
        switch(7, "CS-3", NORTH, at(2)),
        switch(9, "CS-3", SOUTH, at(5, 9)),
        switch(11, "CS-1", NORTH, at(6)),
    ]
    await service_store.add_switches(db, made)
    await service_store.add_switches(db, [])
    found = await service_store.switches(db, NORTH, at(4), at(6))
    assert sorted(each.number for each in found) == [3, 4, 7, 9]
    only = await service_store.switches(db, NORTH, at(4), at(6), station="CS-3")
    assert sorted(each.number for each in only) == [7, 9]


async def test_cdrs_are_counted_by_day_without_their_revisions(db: AsyncSession) -> None:
    rows: list[tuple[int, datetime, int | None, str]] = [
        (1, at(3, 1), None, "external"),
        (2, at(3, 1), None, "external"),
        (3, at(3, 2), 1, "external"),
        (4, at(3, 2), None, "internal"),
        (5, at(3, 3), None, "external"),
    ]
    for number, issued, replaces, charge_class in rows:
        await db.execute(
            text(
                "insert into cdrs (id, transaction_id, revision, attempt, replaces, issued_at,"
                " payee, charge_class, payer, share_bps, basis, station, evse_id, connector_id,"
                " time_zone, started_at, ended_at, energy_wh, energy_before_wh, energy_basis,"
                " currency, net_minor, vat_minor, lines, hold_reasons) values (:number, :number,"
                " 1, 0, :replaces, :issued, 'north', :class, 'receivable/DE*XYZ', 9000, 'net',"
                " 'CS-1', 1, 1, 'UTC', :issued, :issued, 0, 0, 'registers', 'EUR', 0, 0, '[]',"
                " '{}')"
            ),
            {"number": number, "replaces": replaces, "issued": issued, "class": charge_class},
        )
    ends = [datetime(2026, 3, day, tzinfo=UTC) for day in (2, 3, 4)]
    start, end = datetime(2026, 3, 1, tzinfo=UTC), ends[-1]
    counted = await service_store.cdrs_by_day(db, start, end, ends, payee="north", payer=None)
    assert counted == [2, 0, 1]
    by_payer = await service_store.cdrs_by_day(
        db, start, end, ends, payee=None, payer="receivable/DE*XYZ"
    )
    assert by_payer == counted
    none = await service_store.cdrs_by_day(db, start, end, ends, payee="south", payer=None)
    assert none == [0, 0, 0]
