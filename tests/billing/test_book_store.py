"""Looking things up in the books."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from billing import book_store
from foundation.identifiers import TransactionId
from tests.billing.story import (
    BAKERY,
    HOTEL,
    INFERRED,
    NOVEMBER,
    NOW,
    UNKNOWN,
    closing,
    ended,
    happen,
    settle_in,
)

OCTOBER = datetime(2026, 9, 30, 22, tzinfo=UTC)


async def test_holds_wait_from_the_oldest_end_until_somebody_decides(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, **UNKNOWN), ended(2, NOW - timedelta(days=1), **INFERRED), ended(3))
    await closing().void(db, TransactionId(1), reason="test", by="person/1", now=NOW)

    waiting = await book_store.open_holds(db, None, with_voided=False, limit=None)
    all_ = await book_store.open_holds(db, [BAKERY], with_voided=True, limit=None)

    assert [each.transaction_id for each in waiting] == [2]
    assert [(each.transaction_id, each.decision) for each in all_] == [(2, None), (1, "voided")]
    assert waiting[0].net.text == "4.00"
    assert await book_store.open_holds(db, [HOTEL], with_voided=True, limit=None) == []
    assert (await book_store.holds_of(db, [1, 3])).keys() == {1}


async def test_a_months_transactions_are_what_ended_in_it_or_is_paid_with_it(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2, NOW - timedelta(days=60)), ended(3, NOVEMBER))
    await happen(db, ended(1, kwh="3", revision=2))
    await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)

    found = await book_store.transactions_of(
        db, BAKERY, "2026-10", start=OCTOBER, end=OCTOBER + timedelta(days=31)
    )

    assert found == [1, 2]
    assert await book_store.statement_ids(db, BAKERY, "2026-10") == {"bakery-2026-10-EUR"}
    assert await book_store.statement_ids(db, BAKERY, "2026-11") == frozenset()


async def test_tariffs_have_names(db: AsyncSession) -> None:
    await settle_in(db)
    names = await book_store.tariff_names(db, [1, 99])
    assert list(names.values()) == [("T1", 1)]


async def test_a_day_counts_each_transaction_once(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, kwh="5"))
    await happen(db, ended(1, kwh="10", revision=2))
    [day] = await book_store.daily(db, None, "UTC", NOW, NOW + timedelta(days=1))
    assert (day.sessions, day.energy_wh, day.net.text) == (1, Decimal(10_000), "4.00")
