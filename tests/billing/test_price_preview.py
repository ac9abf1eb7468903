"""The preview: samples, what was looked at, and the calendar of a place."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import pricing
from billing.conditions import Conditions, Side
from billing.price_preview import Verdict, calendar, preview, sample
from billing.pricing import NewAssignment, place_from
from billing.tariff_calendar import CheckKind
from foundation.errors import InvalidInput
from tests.billing.story import LONG_AGO, NOW, settle_in, started, tariff

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("kwh", "minutes", "idle", "field"),
    [
        ("-1", 60, 0, "kwh"),
        ("10001", 60, 0, "kwh"),
        ("1", -1, 0, "minutes"),
        ("1", 60, 10_081, "idle_minutes"),
        ("1", 0, 10, "minutes"),
    ],
)
def test_a_sample_that_cannot_be_is_refused(kwh: str, minutes: int, idle: int, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        sample(NOW, Decimal(kwh), minutes, idle)
    assert refused.value.field == field
    assert [each.charging for each in sample(NOW, Decimal(1), 60, 10).points] == [
        True,
        False,
        False,
    ]
    assert len(sample(NOW, Decimal(0), 0, 0).points) == 1


async def test_all_that_is_assigned_is_told_with_its_verdict(db: AsyncSession) -> None:
    await settle_in(db)
    wanted: list[tuple[str, dict[str, Any]]] = [
        ("own", {}),
        ("fleet", {"conditions": Conditions(token_groups=("FLEET",))}),
        ("buy", {"side": Side.PURCHASE}),
        ("over", {"priority": 7, "valid_to": NOW}),
        ("later", {"priority": 8, "valid_from": NOW + DAY}),
    ]
    for tariff_id, more in wanted:
        values: dict[str, Any] = {"valid_from": LONG_AGO} | more
        new = NewAssignment(place_from("station", "S1"), **values)
        await pricing.create_tariff(db, tariff(tariff_id), [new], organisation=None, now=LONG_AGO)

    shown = await preview(db, started(1), sample(NOW, Decimal(10), 60, 0))

    assert {each.assignment.tariff_id: each.verdict for each in shown.considered} == {
        "own": Verdict.HOLDS,
        "buy": Verdict.HOLDS,
        "T1": Verdict.OUTRANKED,
        "fleet": Verdict.CONDITIONS,
        "later": Verdict.NOT_YET,
        "over": Verdict.OVER,
    }
    assert shown.sale is not None
    assert shown.purchase is not None
    assert shown.sale.rating.net.amount == 4
    given_away = await preview(db, started(1, free_vend=True), sample(NOW, Decimal(10), 60, 0))
    assert given_away.is_free
    assert given_away.sale is None


async def test_a_calendar_shows_gaps_and_what_else_is_assigned(db: AsyncSession) -> None:
    await settle_in(db)
    new = NewAssignment(
        place_from("station", "S1"), LONG_AGO, conditions=Conditions(token_groups=("FLEET",))
    )
    await pricing.create_tariff(db, tariff("fleet"), [new], organisation=None, now=LONG_AGO)
    begins = LONG_AGO - DAY

    shown = await calendar(db, started(1), start=begins, end=LONG_AGO + DAY)

    assert [each.assignment and each.assignment.tariff_id for each in shown.spans] == [None, "T1"]
    assert [each.kind for each in shown.checks] == [CheckKind.GAP]
    assert [each.tariff_id for each in shown.others] == ["fleet"]
    with pytest.raises(InvalidInput):
        await calendar(db, started(1), start=begins, end=begins + 367 * DAY)
    with pytest.raises(InvalidInput):
        await calendar(db, started(1), start=begins, end=begins)
