"""Tests of the REST calls about locations."""

from typing import Any

import pytest
from httpx import AsyncClient

LOCATION = {
    "key": "zob",
    "organisation": "north",
    "name": "ZOB",
    "time_zone": "Europe/London",
    "latitude": 49.1427,
    "longitude": 9.2109,
}


async def test_a_location_is_created_changed_and_seen_by_its_owner(
    administrator: AsyncClient, north: AsyncClient, south: AsyncClient
) -> None:
    created = await administrator.post("/api/v1/locations", json=LOCATION)
    changed = await administrator.patch(
        "/api/v1/locations/zob", json={"city": "Heilbronn", "latitude": None}
    )

    assert created.status_code == 201
    assert created.json()["latitude"] == 49.1427
    assert (changed.json()["city"], changed.json()["latitude"]) == ("Heilbronn", None)
    assert changed.json()["name"] == "ZOB"
    assert (await north.get("/api/v1/locations/zob")).json() == changed.json()
    assert (await south.get("/api/v1/locations/zob")).status_code == 404
    assert (await south.get("/api/v1/locations")).json()["items"] == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"latitude": 91}, "latitude"),
        ({"country": "Germany"}, "country"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"organisation": "nowhere"}, "organisation"),
        ({"key": ""}, "key"),
    ],
)
async def test_what_is_wrong_with_a_location_is_named(
    administrator: AsyncClient, change: dict[str, Any], field: str
) -> None:
    refused = await administrator.post("/api/v1/locations", json={**LOCATION, **change})

    assert (refused.status_code, refused.json()["field"]) == (422, field)
