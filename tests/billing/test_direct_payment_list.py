"""Payments by code at all stations: newest first, by pages, and those that did not cover it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from billing import direct_payment_list, direct_payments
from billing.direct_payments import PaymentState
from billing.payment_tables import DirectPaymentRow
from foundation.database import Database
from foundation.money import Money
from tests.billing.story import NOW
from tests.billing.test_direct_payments import TestProvider


@pytest.fixture
async def db(database: Database) -> AsyncIterator[AsyncSession]:
    """A unit of work of a database that somebody takes payments for."""
    direct_payments.join(database, TestProvider())
    async with database.unit_of_work() as opened:
        yield opened


async def opened(db: AsyncSession, station: str, minutes: int, **more: Any) -> str:
    key = await direct_payments.open_payment(
        db,
        station,
        1,
        Money(Decimal(20), "EUR"),
        code_mark=None,
        now=NOW + timedelta(minutes=minutes),
    )
    if more:
        await db.execute(update(DirectPaymentRow).where(DirectPaymentRow.key == key).values(**more))
    return key


async def keys(db: AsyncSession, stations: list[str] | None = None, **how: Any) -> list[str]:
    found = await direct_payment_list.payments(db, stations, **{"limit": 9} | how)
    return [each.payment.key for each in found]


async def test_the_newest_stands_first_and_no_mark_tells_a_key(db: AsyncSession) -> None:
    first = await opened(db, "S1", 0)
    twins = {await opened(db, "S2", 5), await opened(db, "S1", 5)}
    found = await direct_payment_list.payments(db, None, limit=9)
    assert [each.payment.key for each in found][2:] == [first]
    assert {each.payment.key for each in found[:2]} == twins
    at = found[0].payment.begun_at
    behind = await keys(db, before=(at, found[0].mark))
    assert behind == [found[1].payment.key, first], "pages neither repeat nor leave out"
    assert len(await keys(db, before=(at, None))) == 3
    assert await keys(db, before=(at - timedelta(minutes=1), None)) == [first]
    assert await keys(db, ["S1"], begun_to=at) == [first]
    assert len(await keys(db, begun_from=at, limit=1)) == 1
    assert await keys(db, []) == []
    assert not any(each.payment.key in each.mark or len(each.mark) != 64 for each in found)


async def test_owed_is_what_a_payment_did_not_cover_or_is_for_no_session(db: AsyncSession) -> None:
    paid = {"state": PaymentState.PAID, "captured_minor": 500}
    short = await opened(db, "S1", 1, **paid, due_minor=600, transaction_id=7)
    lost = await opened(db, "S1", 2, **paid, due_minor=500)
    await opened(db, "S1", 3, **paid, due_minor=500, transaction_id=8)
    waits = await opened(db, "S1", 4)
    assert await keys(db, only_owed=True) == [lost, short]
    assert await keys(db, states=[PaymentState.BEGUN]) == [waits]
    assert await keys(db, states=[]) == []
    assert await direct_payment_list.paid_by_code(db, [7, 8, 9]) == {7, 8}
