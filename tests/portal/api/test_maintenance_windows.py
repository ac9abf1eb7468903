"""Maintenance windows over HTTP."""

from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import text

from foundation.clock import SetClock
from foundation.database import Database
from tests.portal.api.test_commands import made

PATH = "/api/v1/maintenance-windows"
OF_ONE = "/api/v1/stations/CS-1/maintenance-windows"


@pytest.fixture
async def times(administrator: AsyncClient, clock: SetClock) -> dict[str, Any]:
    """A station of the north, and an hour that is to come."""
    await made(administrator, "CS-1", "north")
    now = clock.now()
    return {
        "starts_at": (now + timedelta(hours=1)).isoformat(),
        "ends_at": (now + timedelta(hours=2)).isoformat(),
    }


async def test_a_window_is_planned_changed_in_part_and_taken_back_and_that_is_audited(
    administrator: AsyncClient, north: AsyncClient, times: dict[str, Any], database: Database
) -> None:
    planned = await administrator.post(OF_ONE, json=times | {"comment": "cable"})
    assert planned.status_code == 201, planned.text
    window = planned.json()
    assert (window["state"], window["evses"], window["locks"]) == ("coming", [], False)
    one = f"{PATH}/{window['id']}"
    changed = await administrator.patch(one, json={"comment": "plug"})
    assert changed.json() == window | {"comment": "plug"}
    assert (await north.get(one)).json()["comment"] == "plug"
    listed = (await north.get(PATH, params={"station": "CS-1", "state": "coming"})).json()
    assert [each["id"] for each in listed["items"]] == [window["id"]]
    gone = await administrator.delete(one)
    assert gone.json()["state"] == "withdrawn"
    late = await administrator.delete(one)
    assert (late.status_code, late.json()["code"]) == (409, "window_past")
    async with database.unit_of_work() as db:
        deeds = await db.scalars(
            text("select deed from audit_entries where deed like 'maintenance%' order by id")
        )
        assert list(deeds) == ["maintenance.plan", "maintenance.change", "maintenance.end"]


async def test_what_cannot_be_is_refused_with_its_reason(
    administrator: AsyncClient, times: dict[str, Any], clock: SetClock
) -> None:
    early = times | {"starts_at": (clock.now() - timedelta(hours=1)).isoformat()}
    for body, field in (
        (early, "starts_at"),
        (times | {"ends_at": times["starts_at"]}, "ends_at"),
        (times | {"evses": [7]}, "evses"),
        (times | {"test_tokens": ["A"]}, "test_tokens"),
    ):
        refused = await administrator.post(OF_ONE, json=body)
        assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert (await administrator.post(OF_ONE, json=times)).status_code == 201
    twice = await administrator.post(OF_ONE, json=times)
    assert (twice.status_code, twice.json()["code"]) == (409, "windows_contradict")


async def test_others_neither_see_nor_plan_anything(
    administrator: AsyncClient, south: AsyncClient, times: dict[str, Any]
) -> None:
    window = (await administrator.post(OF_ONE, json=times)).json()
    assert (await south.get(f"{PATH}/{window['id']}")).status_code == 404
    assert (await south.get(PATH)).json()["items"] == []
    assert (await south.post(OF_ONE, json=times)).status_code in (403, 404)
    assert (await south.delete(f"{PATH}/{window['id']}")).status_code in (403, 404)
