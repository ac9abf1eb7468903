"""The calls of a station's limits of silence."""

from httpx import AsyncClient

USUAL = {"pending_after_s": 1800, "offline_after_s": 3600, "is_own": False}


async def test_a_station_has_limits_of_its_own_until_they_are_taken_back(
    boss: AsyncClient, works: AsyncClient, parking: AsyncClient
) -> None:
    [first, *_] = (await works.get("/api/v1/stations", params={"limit": 1})).json()["items"]
    path = f"/api/v1/stations/{first['identity']}/silence-limits"
    before = (await works.get(path)).json()
    assert before | USUAL == before
    assert before["probes"] == {"saved": 0, "closed": 0, "no_answer": 0}

    body = {"pending_after_s": 7200, "offline_after_s": 14400}
    changed = (await boss.put(path, json=body)).json()
    assert changed | body | {"is_own": True} == changed
    [deed] = (await boss.get("/api/v1/audit", params={"deed": "silence_limits.set"})).json()[
        "items"
    ]
    assert deed["after"] == body

    heartbeat_s = before["heartbeat_interval_s"]
    for wrong, field in (
        ({"pending_after_s": heartbeat_s}, "pending_after_s"),
        ({"offline_after_s": 7200}, "offline_after_s"),
        ({"offline_after_s": None}, "offline_after_s"),
        ({"pending_after_s": None}, "pending_after_s"),
    ):
        refused = await boss.put(path, json=body | wrong)
        assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert (await parking.get(path)).status_code == 404
    assert (await parking.put(path, json=body)).status_code in (403, 404)

    nothing = {"pending_after_s": None, "offline_after_s": None}
    assert (await boss.put(path, json=nothing)).json() == before
