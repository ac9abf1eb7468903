"""Booking what services cost in a month, on the real database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory, zones
from accounts.directory import OrganisationFacts
from billing import (
    charges,
    service_facts,
    service_prices,
    service_store,
    subscriptions,
)
from billing.charges import ChargeKind
from billing.months import Month
from billing.service_months import ServicesRunOn, SwitchesPending, book_month
from billing.services import Per, Rule, Service, Subscription, Switch
from billing.switch_reader import KINDS, READER
from csms.charge_points import ChargePoints
from foundation import outbox
from foundation.database import Database
from foundation.errors import InvalidInput
from foundation.events import MonitoringDeactivated
from foundation.identifiers import OrganisationKey, PartyId, StationId
from foundation.money import Money

NORTH = OrganisationKey("north")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
MARCH = Month(2026, 3)
AFTER = datetime(2026, 4, 1, 0, 10, tzinfo=UTC)
EMP = PartyId("DE*XYZ")


async def world(db: AsyncSession) -> None:
    """An operator and an owner below it, who pays 9.90 for a station's month."""
    await directory.ensure_root(
        db,
        key="root",
        name="Operator",
        time_zone="Europe/Berlin",
        currency="EUR",
        country="DE",
        language="en",
        now=LONG_AGO,
    )
    facts: OrganisationFacts = {"name": "North", "parent": "root"}
    await directory.create_organisation(db, NORTH, facts, now=LONG_AGO)
    await service_prices.create(db, "standard", "Standard", "EUR", by="cli/a", now=LONG_AGO)
    await priced(db, Service.MONITORING, "9.90")
    await service_prices.assign(
        db, "organisation/root", "standard", valid_from=None, by="cli/a", now=LONG_AGO
    )


async def priced(db: AsyncSession, kind: str, amount: str, *, per: Per | None = None) -> None:
    await service_prices.add_price(
        db,
        "standard",
        kind,
        Decimal(amount),
        per=per,
        valid_from=None,
        by="cli/a",
        now=LONG_AGO,
    )


def switch(number: int, station: str, at: datetime, *, is_on: bool = True) -> Switch:
    return Switch(StationId(station), NORTH, at, is_on, number)


def march(day: int) -> datetime:
    return datetime(2026, 3, day, 12, tzinfo=UTC)


async def test_a_month_is_booked_once_and_in_any_order(db: AsyncSession) -> None:
    await world(db)
    later = [switch(3, "CS-2", march(9), is_on=False), switch(2, "CS-2", march(8))]
    await service_store.add_switches(db, [*later, switch(1, "CS-1", march(17))])
    await service_store.add_switches(db, later)
    done = await book_month(db, NORTH, "2026-03", now=AFTER)
    [charge] = [each.charge for each in await charges.open_charges(db)]
    assert (charge.key, charge.kind) == ("monitoring/CS-1/2026-03", ChargeKind.MONITORING)
    assert (charge.debtor, charge.about) == ("organisation/north", "station/CS-1")
    assert (charge.net, charge.quantity) == (Money(Decimal("9.90"), "EUR"), Decimal(1))
    assert (str(charge.first_day), str(charge.last_day)) == ("2026-03-17", "2026-03-31")
    assert charge.details["rule"] == Rule.ACTIVE_AT_END
    assert [(each.subject, each.month.rule) for each in done.lines] == [
        ("station/CS-1", Rule.ACTIVE_AT_END),
        ("station/CS-2", Rule.WAIVED),
    ]
    assert (len(done.booked), done.net) == (1, (charge.net,))
    again = await book_month(db, NORTH, MARCH, now=AFTER)
    assert (again.booked, again.net) == ((), done.net)


async def test_a_month_that_runs_is_not_booked(db: AsyncSession) -> None:
    await world(db)
    end = datetime(2026, 3, 31, 22, tzinfo=UTC)  # midnight in Berlin, in summer time
    with pytest.raises(ServicesRunOn):
        await book_month(db, NORTH, MARCH, now=end - timedelta(seconds=1))
    await book_month(db, NORTH, MARCH, now=end)
    with pytest.raises(InvalidInput):
        await book_month(db, NORTH, "2026-13", now=AFTER)


async def test_booking_waits_for_what_was_switched(database_url: str) -> None:
    database = Database(database_url, routes=dict.fromkeys(KINDS, (READER,)))
    try:
        async with database.unit_of_work() as db:
            await world(db)
            ended = MonitoringDeactivated(
                happened_at=march(30),
                station=StationId("CS-1"),
                organisation=NORTH,
                by="person/1",
                by_name="Lea",
                because="asked",
            )
            await outbox.append(db, [ended], recorded_at=march(30))
        async with database.unit_of_work() as db:
            with pytest.raises(SwitchesPending):
                await book_month(db, NORTH, MARCH, now=AFTER)
            await book_month(db, NORTH, MARCH.previous, now=AFTER)
    finally:
        await database.close()


async def test_a_change_of_zone_counts_from_the_next_month(db: AsyncSession) -> None:
    await world(db)
    await zones.note_change(
        db, NORTH, before="Europe/Berlin", after="Pacific/Auckland", now=march(15)
    )
    await directory.change_organisation(db, NORTH, {"time_zone": "Pacific/Auckland"})
    bounds = [await service_facts.bounds_of(db, NORTH, each) for each in (MARCH, MARCH.next)]
    assert [each.zone.key for each in bounds] == ["Europe/Berlin", "Pacific/Auckland"]


async def test_charge_points_are_counted_when_the_month_is_booked(database_url: str) -> None:
    database = Database(database_url)
    service_facts.join(database, ChargePoints())
    try:
        async with database.unit_of_work() as db:
            await world(db)
            await service_prices.create(db, "points", "By point", "EUR", by="x", now=LONG_AGO)
            await service_prices.add_price(
                db,
                "points",
                Service.MONITORING,
                Decimal("4.50"),
                per=Per.CHARGE_POINT,
                valid_from=None,
                by="x",
                now=LONG_AGO,
            )
            await service_prices.assign(
                db, "organisation/north", "points", valid_from=None, by="x", now=LONG_AGO
            )
            await db.execute(
                text(
                    "insert into stations (identity, time_zone, admission, boot_policy,"
                    " security_profile, aliases, items_per_message, free_vend, created_at)"
                    " values ('CS-1', 'UTC', 'accepted', 'accept', 0, '{}', '{}', false, :at)"
                ),
                {"at": LONG_AGO},
            )
            await db.execute(
                text("insert into evses select 'CS-1', number from generate_series(0, 2) number")
            )
            await service_store.add_switches(db, [switch(1, "CS-1", march(1))])
            await book_month(db, NORTH, MARCH, now=AFTER)
            [booked] = await charges.open_charges(db)
            assert (booked.charge.quantity, booked.charge.net.text) == (Decimal(2), "9.00")
    finally:
        await database.close()


async def test_other_services_are_charged_by_the_same_rule_and_only_where_agreed(
    db: AsyncSession,
) -> None:
    await world(db)
    await priced(db, Service.AUTOMATED_INVOICING, "19")
    await priced(db, Service.ROAMING_BASE, "5")
    await priced(db, Service.ROAMING_CDRS, "0.125")
    await service_prices.assign(
        db, f"provider/{EMP}", "standard", valid_from=None, by="x", now=LONG_AGO
    )
    for debtor in ("organisation/north", f"provider/{EMP}"):
        assert await subscriptions.switch_on(
            db, debtor, Subscription.ROAMING, by="x", now=march(10)
        )
    invoicing = Subscription.AUTOMATED_INVOICING
    await subscriptions.switch_on(db, "organisation/root", invoicing, by="x", now=march(3))
    await subscriptions.switch_off(db, "organisation/root", invoicing, by="x", now=march(20))
    await _cdrs(db, 4, march(9))  # before roaming was agreed
    await _cdrs(db, 5, march(11))
    await book_month(db, NORTH, MARCH, now=AFTER)
    await book_month(db, OrganisationKey("root"), MARCH, now=AFTER)
    found = {each.charge.key: each.charge.net.text for each in await charges.open_charges(db)}
    assert found == {
        "roaming_base/organisation/north/2026-03": "5.00",
        "roaming_cdrs/organisation/north/2026-03": "0.63",
        f"roaming_base/provider/{EMP}/2026-03": "5.00",
        f"roaming_cdrs/provider/{EMP}/2026-03": "0.63",
    }


async def _cdrs(db: AsyncSession, count: int, at: datetime) -> None:
    await db.execute(
        text(
            "insert into cdrs (id, transaction_id, revision, attempt, issued_at, payee,"
            " charge_class, payer, share_bps, basis, station, evse_id, connector_id, time_zone,"
            " started_at, ended_at, energy_wh, energy_before_wh, energy_basis, currency,"
            " net_minor, vat_minor, lines, hold_reasons)"
            " select coalesce((select max(id) from cdrs), 0) + number,"
            " coalesce((select max(id) from cdrs), 0) + number, 1, 0, :at, 'north',"
            " 'external', :payer, 9000, 'net', 'CS-1', 1, 1, 'UTC', :at, :at, 0, 0, 'registers',"
            " 'EUR', 0, 0, '[]', '{}' from generate_series(1, :count) number"
        ),
        {"at": at, "payer": f"receivable/{EMP}", "count": count},
    )


async def test_waived_months_are_not_charges_but_are_told(db: AsyncSession) -> None:
    await world(db)
    await service_store.add_switches(
        db, [switch(1, "CS-1", march(1)), switch(2, "CS-1", march(31), is_on=False)]
    )
    done = await book_month(db, NORTH, MARCH, now=AFTER)
    assert done.booked == ()
    assert [each.month.net and each.month.net.text for each in done.lines] == ["9.90"]


async def test_ten_thousand_stations_are_booked_in_a_few_statements(db: AsyncSession) -> None:
    await world(db)
    await db.execute(
        text(
            "insert into monitoring_switches select number, 'CS-' || number, 'north', :at, true"
            " from generate_series(1, 10000) number"
        ),
        {"at": march(1)},
    )
    statements: list[str] = []
    connection = await db.connection()
    sync = connection.sync_connection
    assert sync is not None
    event.listen(sync, "before_cursor_execute", lambda *told: statements.append(told[2]))
    done = await book_month(db, NORTH, MARCH, now=AFTER)
    assert len(done.booked) == 10_000
    assert done.net == (Money(Decimal("99000.00"), "EUR"),)
    assert len(statements) < 30
