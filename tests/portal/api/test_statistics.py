"""Statistics over HTTP: of a station, and of an owner's month."""

import pytest
from httpx import AsyncClient

API = "/api/v1"
STATION = f"{API}/stations/DE-HN-001/statistics"


async def test_a_station_is_told_by_days_with_its_uptime_beside_its_group(
    boss: AsyncClient, parking: AsyncClient
) -> None:
    answer = await boss.get(STATION)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (len(told["days"]), len(told["week"])) == (30, 168)
    assert told["own"]["stations"] == 1
    assert told["group"]["stations"] > 1
    assert told["own"]["sessions"] == sum(each["sessions"] for each in told["days"])
    assert told["own"]["energy_wh"] == pytest.approx(
        sum(each["energy_wh"] for each in told["days"])
    )
    assert told["own"]["sessions"] > 0
    one = (await boss.get(STATION, params={"first": "2026-10-14", "last": "2026-10-14"})).json()
    assert (one["start"], one["end"]) == ("2026-10-13T22:00:00Z", "2026-10-14T22:00:00Z")
    assert len(one["days"]) == 1
    assert (await parking.get(STATION)).status_code == 404


async def test_days_that_cannot_be_are_refused(boss: AsyncClient) -> None:
    for days in (
        {"last": "2026-10-16"},
        {"first": "2026-10-15", "last": "2026-10-14"},
        {"first": "2025-10-14", "last": "2026-10-15"},
        {"first": "0001-01-01", "last": "0001-01-02"},
        {"first": "yesterday"},
    ):
        assert (await boss.get(STATION, params=days)).status_code == 422, days


async def test_an_owners_month_is_what_his_page_says(
    boss: AsyncClient, parking: AsyncClient
) -> None:
    answer = await boss.get(f"{API}/owner-months/2026-09", params={"organisation": "stadtwerke"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["is_over"]
    assert told["together"]["stations"] == len(told["stations"])
    assert told["together"]["sessions"] > 0
    assert [each["currency"] for each in told["earned"]] == ["EUR"]
    assert len(told["payouts"]) == 1
    hidden = await parking.get(f"{API}/owner-months/2026-09", params={"organisation": "stadtwerke"})
    assert hidden.status_code == 404
    for wrong in ("2026-13", "0000-01", "9999-12", "now"):
        assert (await boss.get(f"{API}/owner-months/{wrong}")).status_code == 422, wrong
