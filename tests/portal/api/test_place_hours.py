"""Tests of the REST calls about hours of places, and about where cards may charge."""

from httpx import AsyncClient

from tests.portal.api.test_prices import API, station


async def test_hours_are_given_and_listed(administrator: AsyncClient) -> None:
    await station(administrator)
    body = {
        "scope": "station",
        "id": "N-1",
        "kind": "operating",
        "hours": {"twentyfourseven": True},
        "transition_minutes": 30,
    }
    made = await administrator.post(f"{API}/hours", json=body)
    listed = await administrator.get(f"{API}/hours", params={"scope": "station", "id": "N-1"})
    again = await administrator.post(f"{API}/hours", json={**body, "valid_from": "2026-01-01"})
    wrong = await administrator.post(f"{API}/hours", json={**body, "hours": {"open": True}})
    nowhere = await administrator.post(f"{API}/hours", json={**body, "id": "N-9"})
    assert made.status_code == 201, made.text
    assert listed.json()["items"] == [made.json()]
    assert (again.status_code, again.json()["code"]) == (409, "hours_exist")
    assert (wrong.status_code, nowhere.status_code) == (422, 422)


async def test_single_days_are_kept_and_what_contradicts_itself_is_refused(
    administrator: AsyncClient,
) -> None:
    await station(administrator)
    christmas = {"date": "2026-12-25", "periods": []}
    eve = {"date": "2026-12-24", "periods": [{"period_begin": "08:00", "period_end": "13:00"}]}
    body = {
        "scope": "station",
        "id": "N-1",
        "kind": "opening",
        "hours": {"twentyfourseven": True, "single_days": [eve, christmas]},
    }
    made = await administrator.post(f"{API}/hours", json=body)
    twice = {"twentyfourseven": True, "single_days": [eve, {**eve, "periods": []}]}
    refused = await administrator.post(f"{API}/hours", json={**body, "hours": twice})
    calendar = await administrator.get(
        f"{API}/prices/calendar", params={"station": "N-1", "from": "2026-12-20"}
    )
    assert made.status_code == 201, made.text
    assert made.json()["hours"]["single_days"] == [eve, christmas]
    assert (refused.status_code, refused.json()["field"]) == (422, "hours.single_days")
    assert "2026-12-24 is given twice" in refused.json()["detail"]
    assert calendar.json()["single_days"] == [
        {"kind": "opening", "day": "2026-12-24", "periods": ["08:00-13:00"]},
        {"kind": "opening", "day": "2026-12-25", "periods": []},
    ]


async def test_access_is_controlled_for_whole_stations(administrator: AsyncClient) -> None:
    await station(administrator)
    body = {
        "conditions": {"token_groups": ["FLEET"]},
        "allowed": [{"scope": "station", "id": "N-1"}],
    }
    path = f"{API}/access-controls/fleet"
    made = await administrator.put(path, json=body)
    listed = await administrator.get(f"{API}/access-controls")
    for wrong in (
        {**body, "allowed": [{"scope": "evse", "id": "N-1/1"}]},
        {**body, "allowed": [{"scope": "station", "id": "N-9"}]},
        {**body, "conditions": {}},
    ):
        assert (await administrator.put(path, json=wrong)).status_code == 422
    assert made.status_code == 200, made.text
    assert listed.json()["items"] == [made.json()]
    assert made.json()["is_on"] is True
    off = await administrator.put(path, json={**body, "is_on": False})
    assert off.json()["is_on"] is False
