"""Tests of the REST calls about prices: the preview and the calendar."""

from typing import Any

from httpx import AsyncClient

API = "/api/v1"
TARIFF: dict[str, Any] = {
    "id": "daytime",
    "currency": "EUR",
    "elements": [
        {"price_components": [{"type": "ENERGY", "price": 0.49, "vat": 19, "step_size": 1}]}
    ],
    "leitstand": {"caps": [{"type": "ENERGY", "amount": 7}]},
}


async def station(client: AsyncClient) -> None:
    made = await client.post(f"{API}/stations", json={"identity": "N-1", "organisation": "north"})
    assert made.status_code == 201, made.text


async def test_the_price_of_an_evse_for_a_token_and_a_moment(administrator: AsyncClient) -> None:
    await station(administrator)
    token = {"id_token": "04A2", "status": "accepted", "organisation": "north", "group_id": "FLEET"}
    await administrator.post(f"{API}/id-tokens", json=token)
    fleet = {
        "scope": "connector",
        "id": "N-1/1/1",
        "valid_from": "2026-01-01",
        "conditions": {"token_groups": ["FLEET"]},
    }
    made = await administrator.post(f"{API}/tariffs", json={**TARIFF, "assignments": [fleet]})
    asked = {"station": "N-1", "kwh": "20", "minutes": "60"}

    without = (await administrator.get(f"{API}/prices", params=asked)).json()
    shown = (await administrator.get(f"{API}/prices", params={**asked, "id_token": "04A2"})).json()
    unknown = await administrator.get(f"{API}/prices", params={**asked, "id_token": "NOBODYS"})

    assert made.json()["leitstand"] == TARIFF["leitstand"]
    assert made.json()["assignments"][0]["conditions"]["token_groups"] == ["FLEET"]
    assert without["sale"] is None
    assert [each["verdict"] for each in without["considered"]] == ["conditions"]
    assert shown["sale"]["net"] == {"amount": "7.00", "currency": "EUR"}
    assert [line["kind"] for line in shown["sale"]["lines"]] == ["energy", "energy_cap"]
    assert shown["sale"]["lines"][1]["sentence"].startswith("Down to the cap of the energy")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "invalid_input")
    # Neither a moment behind which there is none nor an enormous number is computed with.
    for wrong in ({"at": "9999-12-31T23:30Z"}, {"kwh": "1e999999"}, {"kwh": "1e-999999"}):
        refused = await administrator.get(f"{API}/prices", params=asked | wrong)
        assert refused.status_code == 422, wrong


async def test_overlapping_conditions_are_refused_by_name(administrator: AsyncClient) -> None:
    fleet = {"scope": "organisation", "id": "north", "conditions": {"token_groups": ["FLEET"]}}
    await administrator.post(f"{API}/tariffs", json={**TARIFF, "assignments": [fleet]})
    other = {**fleet, "conditions": {"providers": ["DE*EMP"]}}
    path = f"{API}/tariffs/daytime"
    refused = await administrator.patch(path, json={"assignments": [other]})
    accepted = await administrator.patch(path, json={"assignments": [{**other, "priority": 1}]})
    wrong = await administrator.patch(
        path, json={"assignments": [{**other, "conditions": {"colour": ["red"]}}]}
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "tariff_conditions_overlap")
    assert accepted.status_code == 200
    assert wrong.status_code == 422


async def test_the_calendar_tells_gaps(administrator: AsyncClient) -> None:
    await station(administrator)
    days = {"scope": "station", "id": "N-1", "valid_from": "2026-11-02", "valid_to": "2026-11-05"}
    await administrator.post(f"{API}/tariffs", json={**TARIFF, "assignments": [days]})
    asked = {"station": "N-1", "from": "2026-11-01", "days": "7"}
    shown = (await administrator.get(f"{API}/prices/calendar", params=asked)).json()
    assert [each["tariff"] for each in shown["spans"]] == [None, "daytime", None]
    assert [each["kind"] for each in shown["checks"]] == ["gap", "gap"]
    assert shown["spans"][1]["from_at"] == "2026-11-01T23:00:00Z"
    far = {**asked, "from": "9999-12-31"}
    assert (await administrator.get(f"{API}/prices/calendar", params=far)).status_code == 422
