"""What waits for a statement, and what stands on one."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from billing import statement_store, store
from billing.cdr import ChargeClass
from foundation.events import UsagePoint
from foundation.money import Money
from tests.billing.story import (
    BAKERY,
    DECEMBER,
    EXTERNAL,
    HOTEL,
    NOVEMBER,
    NOW,
    UNKNOWN,
    closing,
    ended,
    happen,
    settle_in,
)

HOUR = timedelta(hours=1)


async def test_only_what_ended_before_the_moment_waits(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, kwh="10", **EXTERNAL), ended(2, NOW + HOUR), ended(3, owner=HOTEL))

    assert await statement_store.waiting(db, BAKERY, NOW + HOUR) == []
    [found] = await statement_store.waiting(db, BAKERY, NOW + 2 * HOUR)

    assert (found.transaction_id, found.sign, found.charge_class) == (1, 1, ChargeClass.EXTERNAL)
    assert (found.net, found.vat_minor) == (Money(Decimal("4.00"), "EUR"), 76)


async def test_the_taking_back_of_a_settled_cdr_waits_with_its_sign(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, kwh="10"))
    await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)
    await happen(db, ended(1, kwh="5", revision=2))

    back, new = await statement_store.waiting(db, BAKERY, DECEMBER)

    assert (back.sign, back.energy_wh, back.net.text) == (-1, Decimal(-10_000), "-4.00")
    assert (new.sign, new.energy_wh, new.net.text) == (1, Decimal(5_000), "2.00")
    assert await statement_store.take_waiting(db, BAKERY, DECEMBER) == [back, new]
    assert await statement_store.waiting(db, BAKERY, DECEMBER) == []


async def test_a_month_is_closed_once(db: AsyncSession) -> None:
    await statement_store.lock_payee(db, BAKERY)
    assert not await statement_store.is_closed(db, BAKERY, "2026-10")
    await statement_store.add_closed(db, BAKERY, "2026-10", NOW)
    assert await statement_store.is_closed(db, BAKERY, "2026-10")
    assert not await statement_store.is_closed(db, BAKERY, "2026-11")
    with pytest.raises(IntegrityError):
        await statement_store.add_closed(db, BAKERY, "2026-10", NOW)


async def test_unpaid_ones_of_earlier_months_come_until_they_were_shown(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, **UNKNOWN), ended(2, NOVEMBER, **UNKNOWN))
    november = datetime(2026, 10, 31, 23, tzinfo=UTC)

    async def listed() -> list[int]:
        found = await statement_store.held(db, BAKERY, start=november, end=DECEMBER)
        return [each.transaction_id for each in found]

    assert await listed() == [1, 2]
    await statement_store.set_shown(db, [1, 2], "some")
    assert await listed() == [2]


async def test_the_lines_of_a_statement_sum_up_by_transaction(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, kwh="10"))
    await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)
    await happen(db, ended(1, kwh="5", revision=2))
    await closing().close(db, BAKERY, "2026-11", now=DECEMBER)

    found = await statement_store.settlements(db, [1, 2])

    assert found.keys() == {1}
    assert [(each.statement_id, each.net.text) for each in found[ended(1).transaction_id]] == [
        ("bakery-2026-10-EUR", "4.00"),
        ("bakery-2026-11-EUR", "-2.00"),
    ]
    cdr = (await store.current_records(db, [1]))[ended(1).transaction_id].cdr
    assert await store.settled(db, [cdr.cdr_id, 0]) == {cdr.cdr_id}
    lines = await statement_store.lines(db, "bakery-2026-11-EUR")
    assert [line.energy_wh for line in lines] == [Decimal(-10_000), Decimal(5_000)]


async def test_energy_across_a_border_is_counted_on_both_sides(db: AsyncSession) -> None:
    await settle_in(db)
    border = datetime(2026, 10, 31, 23, tzinfo=UTC)
    event = ended(1, border - HOUR, kwh="6", hours=2)
    read = UsagePoint(border - timedelta(minutes=5), Decimal(2_500), charging=True)
    await happen(db, replace(event, usage=(event.usage[0], read, event.usage[-1])))

    october = await statement_store.crossing(
        db, BAKERY, start=border - timedelta(days=31), end=border
    )
    november = await statement_store.crossing(
        db, BAKERY, start=border, end=border + timedelta(days=30)
    )

    assert list(october.values()) == [Decimal(2_500)]
    assert list(november.values()) == [Decimal(-2_500)]
