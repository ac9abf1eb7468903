"""The report of the month that owners get by mail."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from foundation.money import Money
from support.owner_month import OwnerMonth, StationMonth, owner_month
from support.owner_reports import report_mail
from support.performance import Performance
from support.uptime import Uptime
from tests.csms.some_statuses import ONE, OWNER, put_stations
from tests.support.test_owner_month import MARCH

THIRD = datetime(2026, 4, 3, 8, tzinfo=UTC)
DID = Performance(
    stations=1,
    evses=2,
    uptime=Uptime(timedelta(hours=743), timedelta(hours=10), timedelta(0)),
    sessions=12,
    energy_wh=Decimal(345_600),
    starts=14,
    worked=12,
)


async def a_report(db: AsyncSession, language: Literal["en", "de"]) -> OwnerMonth:
    await put_stations(db)
    owner = await directory.organisation(db, OWNER)
    empty = await owner_month(db, replace(owner, language=language), MARCH, now=THIRD)
    return replace(
        empty,
        together=DID,
        stations=[StationMonth(ONE, "Taxistand", DID)],
        alerts={"fault": 3},
        still_open=1,
        earned=[Money(Decimal("1234.5"), "EUR")],
    )


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            (
                "in March 2026",
                "Uptime: 98.65 %",
                "345.6 kWh",
                "12 of 14",
                "Taxistand (10.0 h)",
                "€1,234.50",
                "Paid out to you, gross: none",
                "https://x.example/my-month?month=2026-03",
            ),
        ),
        (
            "de",
            (
                "im März 2026",
                "Verfügbarkeit: 98,65 %",
                "345,6 kWh",
                "12 von 14",
                "Taxistand (10,0 h)",
                "1.234,50\xa0€",
                "Auszahlung an Sie, brutto: keine",
            ),
        ),
    ],
)
async def test_the_mail_says_all_in_the_owners_language(
    db: AsyncSession, language: Literal["en", "de"], said: tuple[str, ...]
) -> None:
    link = "https://x.example/my-month?month="
    mail = report_mail(await a_report(db, language), "o@example.org", link=link, paper=b"x")
    assert mail.language == language
    for each in said:
        assert each in mail.body_text or each in mail.subject, each
