"""What an approval costs, and what it changes."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory, licence_prices
from accounts.account_tables import AccountTermRow
from accounts.applications import OtherDatapoints, OtherLicence, PointLicences, Renewal
from accounts.licence_costs import NoLicencePrice
from accounts.licences import Licence
from accounts.tiers import LicenceKind, LicenceModel
from foundation.clock import SetClock
from tests.accounts.licensed import NORTH, granted, made_north, new_account

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)


async def told(db: AsyncSession) -> list[tuple[str, ...]]:
    """What the last approval was told to cost."""
    found = await db.execute(
        text(
            "select c ->> 'item', c ->> 'count', c ->> 'months', c ->> 'net', c ->> 'first_day',"
            " c ->> 'last_day' from jsonb_array_elements((select payload -> 'charges' from journal"
            " where kind = 'account_approved' order by id desc limit 1)) c"
        )
    )
    return [tuple(str(each) for each in row) for row in found]


async def test_each_kind_of_application_costs_what_it_adds(
    db: AsyncSession, clock: SetClock
) -> None:
    await made_north(db, clock.now())
    await granted(db, new_account(months=3), NOON)
    assert await told(db) == [
        ("account", "1", "3", "237.00", "2026-10-15", "2027-01-14"),
        ("datapoints", "20", "3", "21.00", "2026-10-15", "2027-01-14"),
    ]
    december = datetime(2026, 12, 1, 12, tzinfo=UTC)
    await granted(db, OtherDatapoints(30), december)
    assert await told(db) == [("datapoints", "10", "2", "7.00", "2026-12-01", "2027-01-14")]
    await granted(db, OtherDatapoints(25), december)
    assert await told(db) == [], "fewer give nothing back"
    await granted(db, OtherLicence(Licence.BUSINESS_PREMIUM), december)
    assert await told(db) == [
        ("account", "1", "2", "140.00", "2026-12-01", "2027-01-14"),
        ("datapoints", "25", "2", "7.50", "2026-12-01", "2027-01-14"),
    ]
    await granted(db, OtherLicence(Licence.BUSINESS), december)
    assert await told(db) == []
    await granted(db, Renewal(12), december)
    assert await told(db) == [
        ("account", "1", "12", "948.00", "2027-01-15", "2028-01-14"),
        ("datapoints", "25", "12", "105.00", "2027-01-15", "2028-01-14"),
    ]
    await granted(
        db, PointLicences(LicenceKind.HEAT_WATER_GAS, LicenceModel.MULTI_YEAR, 12), december
    )
    assert await told(db) == [("metering_points", "12", "36", "648.00", "2026-12-01", "2029-11-30")]
    terms = list(await db.scalars(select(AccountTermRow).order_by(AccountTermRow.starts_on)))
    assert [(each.starts_on, each.ends_on, each.months) for each in terms] == [
        (date(2026, 10, 15), date(2027, 1, 15), 3),
        (date(2027, 1, 15), date(2028, 1, 15), 12),
    ]


async def test_without_a_price_in_the_accounts_currency_nothing_is_approved(
    db: AsyncSession, clock: SetClock
) -> None:
    await made_north(db, clock.now())
    await directory.change_organisation(db, NORTH, {"currency": "CHF"})
    with pytest.raises(NoLicencePrice):
        async with db.begin_nested():
            await granted(db, new_account(), NOON)
    for item in ("edition/business", "datapoint/business"):
        await licence_prices.set_price(
            db,
            item,
            Decimal(1),
            "CHF",
            valid_from=date(2026, 10, 15),
            today=date(2026, 10, 15),
            by="person/2",
            now=NOON,
        )
    await granted(db, new_account(), NOON)

    assert [each[3] for each in await told(db)] == ["12.00", "240.00"]
