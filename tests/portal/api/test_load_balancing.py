"""The calls of load balancing."""

from typing import Any

import pytest
from httpx import AsyncClient

BODY: dict[str, Any] = {
    "is_on": True,
    "limit_a": 630,
    "strategy": "priority",
    "fallback_a": 6,
    "windows": [{"days": [5], "from": "22:00", "to": "06:00", "limit_a": 320}],
}
SIGNAL = {"source": "grid operator", "limit_w": "4200", "ends_at": "2026-10-15T13:00:00Z"}


@pytest.fixture
async def path(boss: AsyncClient) -> str:
    [location, *_] = (await boss.get("/api/v1/locations")).json()["items"]
    return f"/api/v1/locations/{location['key']}/load-balancing"


async def test_it_is_set_up_switched_off_and_on_record(boss: AsyncClient, path: str) -> None:
    before = (await boss.get(path)).json()
    assert (before["is_on"], before["settings"], before["now"]) == (False, None, None)
    assert before["points"]
    made = await boss.put(path, json=BODY)
    assert made.status_code == 200, made.text
    settings = made.json()["settings"]
    assert settings | {"limit_a": 630, "minimum_a": 6, "change_every_s": 60} == settings
    assert settings["windows"] == BODY["windows"]
    assert made.json()["is_on"]
    assert made.json()["now"] == {"per_phase_a": 630, "total_w": None, "reason": "connection"}
    off = (await boss.put(path, json=BODY | {"is_on": False})).json()
    assert not off["is_on"]
    deeds = (await boss.get("/api/v1/audit", params={"deed": "load_balancing.set"})).json()
    assert [deed["after"]["is_on"] for deed in deeds["items"]] == [False, True]


async def test_what_cannot_hold_is_refused(boss: AsyncClient, path: str) -> None:
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"limit_a": 5}, "limit_a"),
        ({"fallback_a": 400}, "fallback_a"),
        ({"windows": [BODY["windows"][0] | {"to": "22:00"}]}, "windows.0.to"),
        ({"windows": BODY["windows"] * 2}, "windows"),
    ]
    for change, field in refusals:
        refused = await boss.put(path, json=BODY | change)
        assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert (await boss.get(path)).json()["settings"] is None


async def test_a_signal_holds_until_it_is_ended(boss: AsyncClient, path: str) -> None:
    await boss.put(path, json=BODY)
    made = await boss.post(f"{path}/signals", json=SIGNAL)
    assert made.status_code == 201, made.text
    now = (await boss.get(path)).json()
    assert now["now"] == {"per_phase_a": 630, "total_w": 4200, "reason": "signal"}
    assert now["signals"] == [made.json()]
    wrong = await boss.post(f"{path}/signals", json=SIGNAL | {"used_a": "3"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "limit_a")
    number = made.json()["id"]
    assert (await boss.delete(f"{path}/signals/{number}")).status_code == 204
    assert (await boss.delete(f"{path}/signals/{number}")).status_code == 404
    assert (await boss.get(path)).json()["signals"] == []


async def test_a_charge_point_has_its_priority(boss: AsyncClient, path: str) -> None:
    [point, *_] = (await boss.get(path)).json()["points"]
    own = f"{path}/points/{point['station']}/{point['evse_id']}"
    made = (await boss.put(own, json={"most_a": 16, "priority": 5, "rotation": "STR"})).json()
    assert made == point | {"most_a": 16, "priority": 5, "rotation": "STR"}
    assert (await boss.put(own, json={"rotation": "RTS"})).status_code == 422
    other = f"{path}/points/{point['station']}/77"
    assert (await boss.put(other, json={})).status_code == 404


async def test_others_do_not_find_it(
    boss: AsyncClient, parking: AsyncClient, works: AsyncClient, path: str
) -> None:
    outsiders = [each for each in (parking, works) if (await each.get(path)).status_code == 404]
    assert outsiders
    for each in outsiders:
        assert (await each.put(path, json=BODY)).status_code in (403, 404)
        assert (await each.post(f"{path}/signals", json=SIGNAL)).status_code in (403, 404)
        assert (await each.get(f"{path}/decisions")).status_code == 404
    assert (await boss.get(f"{path}/decisions")).json()["items"] == []
