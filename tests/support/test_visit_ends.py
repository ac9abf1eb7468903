"""What the end of a visit brings about: charge, meters, maintenance, in its unit of work."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE
from billing import charges, service_packages, service_prices
from billing.services import Service
from csms import exchanges
from foundation.clock import SetClock
from foundation.errors import InvalidInput
from foundation.money import Money
from support import visit_ends, visit_papers, visits
from support.visit_papers import Exchanged
from support.visits import VisitKind, WrongVisitState
from tests.support.conftest import HELEN, N1, NORTH
from tests.support.visiting import documented


async def booked(db: AsyncSession) -> list[tuple[str, Money]]:
    found = await charges.open_charges(db, debtor=charges.organisation(NORTH))
    return [(each.charge.key, each.charge.net) for each in found]


async def priced(db: AsyncSession, clock: SetClock, kind: Service, price: str) -> None:
    before = clock.now() - timedelta(days=1)
    await service_prices.create(db, "list", "List", "EUR", by="person/1", now=before)
    await service_prices.add_price(
        db, "list", kind, Decimal(price), valid_from=None, by="person/1", now=before
    )
    await service_prices.assign(
        db, charges.organisation(NORTH), "list", valid_from=None, by="person/1", now=before
    )


async def test_the_price_list_of_the_day_decides_and_parts_come_on_top(
    world: AsyncSession, clock: SetClock
) -> None:
    await priced(world, clock, Service.INTERVENTION, "189")
    visit = await documented(world, clock)
    await visit_ends.close(
        world,
        visit,
        "Checked",
        work=Decimal(1),
        parts=Decimal("40.505"),
        by=HELEN,
        now=clock.now(),
    )
    assert await booked(world) == [
        (f"intervention/{visit.id}/work", Money(Decimal("189.00"), "EUR")),
        (f"intervention/{visit.id}/parts", Money(Decimal("40.51"), "EUR")),
    ]
    found = await visits.visit(world, WHOLE, visit.id)
    assert (found.work_minor, found.parts_minor, found.currency) == (18900, 4051, "EUR")
    with pytest.raises(WrongVisitState):
        await visit_ends.close(world, visit, "Again", by=HELEN, now=clock.now())


@pytest.mark.parametrize("work", [None, Decimal(-1), Decimal("NaN"), Decimal(10**7)])
async def test_where_no_price_was_agreed_the_amount_has_to_be_said(
    world: AsyncSession, clock: SetClock, work: Decimal | None
) -> None:
    visit = await documented(world, clock)
    with pytest.raises(InvalidInput):
        await visit_ends.close(world, visit, "Checked", work=work, by=HELEN, now=clock.now())


async def test_an_exchanged_meter_reaches_the_registers_when_both_have_documented(
    world: AsyncSession, clock: SetClock
) -> None:
    visit = await documented(world, clock)
    at = clock.now()
    await visit_papers.add_exchange(
        world,
        visit.id,
        Exchanged.METER,
        1,
        last_wh=Decimal(9000),
        first_wh=Decimal(5),
        serial_number="Z",
        by_name="Tom",
        now=at,
    )
    end = at.replace(year=at.year + 1)
    assert await exchanges.exchanges(world, [N1], at, end) == []
    await visit_ends.close(world, visit, "Ok", work=Decimal(0), by=HELEN, now=at)
    [found] = await exchanges.exchanges(world, [N1], at, end)
    assert (found.step_wh, found.about) == (Decimal(8995), f"visit/{visit.id}")
    assert await booked(world) == []  # nothing is no charge


async def test_a_yearly_maintenance_is_recorded_and_costs_by_its_package(
    world: AsyncSession, clock: SetClock
) -> None:
    await priced(world, clock, Service.MAINTENANCE, "149")
    visit = await documented(world, clock, kind=VisitKind.MAINTENANCE)
    await visit_ends.close(world, visit, "Done", by=HELEN, now=clock.now())
    [job] = await service_packages.maintenances(world, N1)
    assert job.note == f"visit/{visit.id}"
    assert [net for _, net in await booked(world)] == [Money(Decimal(149), "EUR")]
