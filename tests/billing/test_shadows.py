"""Shadow months: drawn at any time, booking nothing, compared with what came out in the end."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import ledger_store, shadows
from billing.closing import MonthClosed, MonthNotBegun
from billing.comparison import ChangeKind
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from tests.billing.story import (
    BAKERY,
    EXTERNAL,
    NOVEMBER,
    NOW,
    UNKNOWN,
    closing,
    ended,
    happen,
    settle_in,
)

LATER = NOW + timedelta(days=5)


async def draw(db: AsyncSession, at: datetime = LATER) -> int:
    _, [kept] = await shadows.draw(db, closing(), BAKERY, "2026-10", by="person/7", now=at)
    return kept.shadow_id


async def test_a_shadow_of_the_running_month_has_the_figures_of_a_close(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2, **EXTERNAL), ended(3, **UNKNOWN))
    before = await ledger_store.balances(db)

    shadow, [kept] = await shadows.draw(db, closing(), BAKERY, "2026-10", by="person/7", now=LATER)

    [statement] = shadow.statements
    assert statement.payout_net.text == "7.60"
    assert [each.reason for each in statement.unpaid] == ["no_payer"]
    assert (kept.figures.payout_net_minor, kept.drawn_by, kept.pending) == (760, "person/7", 0)
    assert await ledger_store.balances(db) == before
    [issued] = await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)
    assert issued.payout_net == statement.payout_net


async def test_a_shadow_is_compared_with_the_statement_once_there_is_one(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    number = await draw(db)
    [open_] = await shadows.shadows(db, BAKERY, "2026-10")
    assert open_.comparison is None

    await happen(db, ended(2))
    await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)

    [compared] = await shadows.shadows(db, BAKERY, "2026-10")
    assert compared == await shadows.shadow(db, number)
    assert compared.statement_id == "bakery-2026-10-EUR"
    assert compared.comparison is not None
    assert [(each.transaction_id, each.kind) for each in compared.comparison.changes] == [
        (2, ChangeKind.ADDED)
    ]
    assert compared.comparison.difference.text == "4.00"


async def test_a_month_that_is_closed_or_lies_ahead_casts_no_shadow(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    begins = datetime(2026, 9, 30, 22, tzinfo=UTC)
    with pytest.raises(MonthNotBegun):
        await draw(db, begins - timedelta(seconds=1))
    assert await draw(db, begins)

    await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)
    with pytest.raises(MonthClosed):
        await draw(db, NOVEMBER)
    with pytest.raises(InvalidInput):
        await shadows.shadows(db, BAKERY, "soon")
    with pytest.raises(NotFound):
        await shadows.shadow(db, 4711)
    with pytest.raises(NotFound):
        await shadows.draw(
            db, closing(), OrganisationKey("nobody"), "2026-10", by="person/7", now=NOW
        )


async def test_the_oldest_shadows_are_forgotten(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadows, "KEPT", 2)
    await settle_in(db)
    await happen(db, ended(1))
    numbers = [await draw(db, LATER + timedelta(hours=n)) for n in range(3)]

    kept = [each.shadow.shadow_id for each in await shadows.shadows(db, BAKERY, "2026-10")]

    assert kept == [numbers[2], numbers[1]]
    assert (await shadows.shadow(db, numbers[2])).comparison is None
