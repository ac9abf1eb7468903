"""Time: the last of January, the leap day, the clocks, borders of months in several zones."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing.time_kit import Example, examples
from tests.billing.story import BAKERY, HOTEL, closing, ended, happen, settle_in

BERLIN, LISBON, SYDNEY = "Europe/Berlin", "Europe/Lisbon", "Australia/Sydney"


def by_key(*zones: str, year: int = 2026) -> dict[str, list[Example]]:
    found: dict[str, list[Example]] = {}
    for each in examples(zones, year):
        found.setdefault(each.key, []).append(each)
    return found


def test_a_month_after_31_january_is_the_last_of_february() -> None:
    assert by_key(BERLIN)["month_after_31_january"][0].found == "2026-02-28"
    assert by_key(BERLIN, year=2028)["month_after_31_january"][0].found == "2028-02-29"
    assert by_key(BERLIN)["two_months_after_31_january"][0].found == "2026-03-31"


def test_the_leap_day_is_in_february_and_a_year_later_its_last() -> None:
    found = by_key(SYDNEY)
    assert (found["leap_day"][0].about, found["leap_day"][0].found) == ("2028-02-29", "2028-02")
    assert found["year_after_leap_day"][0].found == "2029-02-28"
    assert by_key(BERLIN, year=2096)["leap_day"][0].about == "2096-02-29"
    assert by_key(BERLIN, year=2097)["leap_day"][0].about == "2104-02-29"  # 2100 is none


def test_both_changes_of_the_clocks_are_in_the_length_of_their_months() -> None:
    assert [(each.about, each.found) for each in by_key(BERLIN)["clocks_change"]] == [
        ("2026-03", "743 h"),
        ("2026-10", "745 h"),
    ]
    assert [(each.about, each.found) for each in by_key(SYDNEY)["clocks_change"]] == [
        ("2026-04", "721 h"),
        ("2026-10", "743 h"),
    ]
    assert "clocks_change" not in by_key("Asia/Kolkata")


def test_a_moment_is_in_two_months_where_two_zones_are() -> None:
    [between] = by_key(BERLIN, LISBON)["two_zones"]
    assert between.found == "2026-06 2026-05"
    assert "two_zones" not in by_key(BERLIN, "Europe/Vienna")


@pytest.mark.parametrize("year", [1999, 2026, 2028, 2038])
def test_every_example_holds_in_every_zone_that_we_tried(year: int) -> None:
    zones = (BERLIN, LISBON, SYDNEY, "America/St_Johns", "Asia/Kathmandu", "Pacific/Chatham", "UTC")
    wrong = [each for each in examples(zones, year) if not each.holds]
    assert wrong == []


async def test_owners_in_two_zones_at_one_site_have_months_of_their_own(db: AsyncSession) -> None:
    """Two stations stand in Berlin; one belongs to a hotel in Lisbon, where October is longer."""
    await settle_in(db)
    await directory.change_organisation(db, HOTEL, {"time_zone": LISBON})
    between = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)
    begun = between - timedelta(hours=1)
    await happen(db, ended(1, begun), ended(2, begun, owner=HOTEL))
    december = datetime(2026, 12, 2, tzinfo=UTC)

    october = await closing().close(db, HOTEL, "2026-10", now=december)
    assert [each.statement_id for each in october] == ["hotel-2026-10-EUR"]
    assert await closing().close(db, BAKERY, "2026-10", now=december) == []
    [november] = await closing().close(db, BAKERY, "2026-11", now=december)
    assert [(each.transaction_id, each.late_from_month) for each in november.lines] == [(1, None)]


@pytest.mark.parametrize(
    ("begins", "hours", "kwh"),
    [
        ("2026-03-29T00:30:00+00:00", 2, "8"),  # 01:30 to 04:30: the clocks are put on an hour
        ("2026-10-25T00:30:00+00:00", 2, "8"),  # 02:30 to 03:30: the hour from two comes twice
    ],
)
async def test_a_session_over_a_change_of_the_clocks_is_as_long_as_it_is(
    db: AsyncSession, begins: str, hours: int, kwh: str
) -> None:
    await settle_in(db)
    at = datetime.fromisoformat(begins)
    await happen(db, ended(1, at, hours=hours, kwh=kwh))
    month = f"{at:%Y-%m}"
    [statement] = await closing().close(db, BAKERY, month, now=at + timedelta(days=30))
    [line] = statement.lines
    assert line.ended_at - line.started_at == timedelta(hours=2)
    assert (line.net.text, statement.month) == ("3.20", month)


async def test_a_session_of_the_leap_day_stands_on_februarys_statement(db: AsyncSession) -> None:
    await settle_in(db)
    last = datetime(2028, 2, 29, 22, 59, 59, tzinfo=UTC) - timedelta(hours=1)
    await happen(db, ended(1, last), ended(2, last + timedelta(seconds=1)))
    april = datetime(2028, 4, 2, tzinfo=UTC)
    [february] = await closing().close(db, BAKERY, "2028-02", now=april)
    [march] = await closing().close(db, BAKERY, "2028-03", now=april)
    assert [line.transaction_id for line in february.lines] == [1]
    assert [line.transaction_id for line in march.lines] == [2]
