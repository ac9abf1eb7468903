"""The calls of charging profiles."""

from collections.abc import Mapping
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import text

from foundation.clock import SetClock
from foundation.database import Database
from tests.portal.pages.some_profiles import STATION, profiles

PATH = f"/api/v1/stations/{STATION}/charging-profiles"
LIMITS = f"/api/v1/stations/{STATION}/charging-limits"
BODY: Mapping[str, Any] = {
    "evse_id": 1,
    "unit": "W",
    "limit": "4200",
    "ends_at": "2026-10-15T18:00:00Z",
}


@pytest.fixture
async def limited(boss: AsyncClient, filled_database: Database, clock: SetClock) -> None:
    async with filled_database.unit_of_work() as db:
        await profiles(db, clock.now())


async def test_profiles_their_composite_and_the_stations_answer_are_told(
    boss: AsyncClient, limited: None
) -> None:
    found = (await boss.get(PATH, params={"evse_id": 1, "duration_s": 14400})).json()
    assert [(each["number"], each["source"], each["limiter"]) for each in found["profiles"]] == [
        ("7", "sent", None),
        ("8", "reported", "EMS"),
    ]
    assert found["refused"] is None
    [step] = found["composite"]["steps"]
    assert (float(step["limit"]), step["profiles"]) == (16, ["8"])
    [one] = found["answer"]["differences"]
    assert (float(one["theirs"]), float(one["ours"])) == (13, 16)
    whole = (await boss.get(PATH, params={"duration_s": 14400})).json()
    limits = [(each["start_s"], float(each["limit"])) for each in whole["composite"]["steps"]]
    assert limits == [(0, 32), (7200, 20)]
    assert whole["answer"] is None
    wrong = await boss.get(PATH, params={"evse_id": 77})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "evse_id")


async def test_a_limit_is_set_as_a_command_and_is_on_record(
    boss: AsyncClient, limited: None, filled_database: Database
) -> None:
    made = await boss.post(LIMITS, json=BODY)
    assert made.status_code == 202, made.text
    async with filled_database.unit_of_work() as db:
        payload = await db.scalar(
            text("select payload from commands where id = :id"), {"id": int(made.json()["command"])}
        )
    assert payload["evseId"] == 1
    assert payload["chargingProfile"]["chargingSchedule"][0]["chargingRateUnit"] == "W"
    deeds = (await boss.get("/api/v1/audit", params={"deed": "command.ask"})).json()["items"]
    assert deeds[0]["after"]["action"] == "SetChargingProfile"
    for change, field in (
        ({"ends_at": "2026-10-15T01:00:00Z"}, "ends_at"),
        ({"level": 10}, "level"),
    ):
        wrong = await boss.post(LIMITS, json={**BODY, **change})
        assert (wrong.status_code, wrong.json()["field"]) == (422, field)


async def test_others_do_not_find_it(
    works: AsyncClient, parking: AsyncClient, limited: None
) -> None:
    for each in (works, parking):
        assert (await each.get(PATH)).status_code == 404
        assert (await each.post(LIMITS, json=dict(BODY))).status_code in (403, 404)
