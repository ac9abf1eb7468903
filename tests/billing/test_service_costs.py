"""What services will cost, on the real database; the API's tests tell the rest."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import zones
from billing import service_costs, service_prices, service_store
from billing.months import Month
from billing.services import Policy, Service, Span
from foundation.identifiers import StationId
from foundation.money import Money
from tests.billing.test_service_months import LONG_AGO, MARCH, NORTH, march, switch, world

STATION = StationId("CS-1")


def euro(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


async def test_what_switching_on_costs_is_told_before_the_click(db: AsyncSession) -> None:
    await world(db)

    async def cost(*known: Span) -> service_costs.ActivationCost:
        return await service_costs.activation_cost(
            db, STATION, NORTH, known, currency="EUR", now=march(20)
        )

    first = await cost()
    assert (first.this_month, first.per_year) == (euro("9.90"), euro("118.80"))
    assert (first.is_again, first.charged_in_any_case) == (False, False)
    assert str(first.last_day) == "2026-03-31"
    again = await cost(Span(NORTH, march(1), march(10)))
    assert (again.is_again, again.this_month) == (True, euro("9.90"))
    assert not (await cost(Span(NORTH, march(1)))).is_again
    await service_prices.add_price(
        db,
        "standard",
        Service.MONITORING,
        Decimal(12),
        policy=Policy.FIRST_MONTH,
        valid_from=march(25),
        by="x",
        now=march(20),
    )
    before = await cost()
    assert (before.this_month, before.per_month) == (euro("9.90"), euro("12.00"))
    bound = await service_costs.activation_cost(
        db, STATION, NORTH, [], currency="EUR", now=march(26)
    )
    assert (bound.this_month, bound.charged_in_any_case) == (euro("12.00"), True)


async def test_without_a_price_it_costs_nothing_and_says_so(db: AsyncSession) -> None:
    await world(db)
    free = await service_costs.activation_cost(
        db, STATION, NORTH, [], currency="EUR", now=LONG_AGO - timedelta(days=1)
    )
    assert (free.price, free.this_month, free.per_year) == (None, euro("0"), euro("0"))


async def test_waived_months_are_counted_by_station(db: AsyncSession) -> None:
    await world(db)
    clicks = [switch(1, "CS-1", march(1)), switch(2, "CS-1", march(31), is_on=False)]
    clicks += [
        switch(3, "CS-1", datetime(2026, 4, 1, 12, tzinfo=UTC)),
        switch(4, "CS-1", datetime(2026, 4, 30, 12, tzinfo=UTC), is_on=False),
        switch(5, "CS-2", march(1)),
    ]
    await service_store.add_switches(db, clicks)
    found = await service_costs.waived_months(db, NORTH, Month(2026, 1), Month(2026, 6))
    assert [(each.station, str(each.month), str(each.ended_on)) for each in found] == [
        ("CS-1", "2026-03", "2026-03-31"),
        ("CS-1", "2026-04", "2026-04-30"),
    ]
    assert {each.net for each in found} == {euro("9.90")}
    assert await service_costs.waived_months(db, NORTH, Month(2026, 5), Month(2026, 6)) == []


@pytest.mark.parametrize("after", ["Pacific/Auckland", "America/Los_Angeles"])
async def test_the_month_that_runs_is_by_the_zone_it_began_with(
    db: AsyncSession, after: str
) -> None:
    await world(db)
    await zones.note_change(db, NORTH, before="Europe/Berlin", after=after, now=march(15))
    last_hour = datetime(2026, 3, 31, 21, 30, tzinfo=UTC)
    bounds = await service_costs.current_bounds(db, NORTH, last_hour)
    assert (bounds.month, bounds.zone.key) == (MARCH, "Europe/Berlin")
    for hours in (1, 5, 12, 20):
        later = await service_costs.current_bounds(db, NORTH, last_hour + timedelta(hours=hours))
        assert later.month == MARCH.next
