"""The tab "Statistics" of a station's data sheet."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from foundation.database import Database
from portal.pages.station_statistics import buckets
from tests.portal.pages.conftest import NOON, SignIn
from tests.portal.pages.world import station_of


def test_a_column_is_a_day_a_week_or_a_month() -> None:
    last = date(2026, 10, 15)  # A Thursday.
    days = buckets(last - timedelta(days=29), last)
    assert len(days) == 30
    weeks = buckets(last - timedelta(days=89), last)
    assert [each.days for each in weeks] == [2, *([7] * 12), 4]
    months = buckets(last - timedelta(days=364), last)
    assert [each.days for each in months][:3] == [16, 30, 31]
    assert sum(each.days for each in months) == 365


@pytest.mark.usefixtures("lively")
async def test_uptime_stands_beside_that_of_the_owners_stations(
    sign_in: SignIn, database: Database
) -> None:
    """Down for 3 of the last 30 days until now (29.5 days): (29.5 - 3) / 29.5 = 89.83 %."""
    station = station_of(2)
    async with database.unit_of_work() as db:
        for days, status, error in (
            (200, "Available", None),
            (5, "Faulted", "GroundFailure"),
            (2, "Available", None),
        ):
            await db.execute(
                text(
                    "insert into status_history (station, evse_id, connector_id, original_status,"
                    " error_code, received_at) values (:station, 1, 1, :status, :error, :at)"
                ),
                {
                    "station": station,
                    "status": status,
                    "error": error,
                    "at": NOON - timedelta(days=days),
                },
            )
    browser = await sign_in("admin")
    page = (await browser.get(f"/stations/{station}/statistics")).text
    assert "89.8" in page
    assert "down<" in page
    browser.headers["accept-language"] = "de"
    german = await browser.get(f"/stations/{station}/statistics", params={"days": 90})
    assert "Verfügbarkeit" in german.text
    assert (await browser.get(f"/stations/{station}/statistics?days=x")).status_code == 422


@pytest.mark.usefixtures("lively")
async def test_another_owner_finds_no_statistics(sign_in: SignIn) -> None:
    browser = await sign_in("petra")
    answer = await browser.get(f"/stations/{station_of(2)}/statistics")
    assert answer.status_code == 404
