"""Tests of the REST calls about providers."""

import pytest
from httpx import AsyncClient

PATH = "/api/v1/providers"
NEW = {"party_id": "de-xyz", "name": "XYZ Mobility", "email": "a@xyz.example", "terms_days": 14}


async def test_a_provider_is_created_changed_and_listed(administrator: AsyncClient) -> None:
    created = await administrator.post(PATH, json=NEW)
    changed = await administrator.patch(f"{PATH}/DE*XYZ", json={"terms_days": 30, "email": None})

    assert created.status_code == 201
    assert created.json()["party_id"] == "DE*XYZ"
    assert (changed.json()["terms_days"], changed.json()["email"]) == (30, None)
    assert changed.json()["name"] == "XYZ Mobility"
    assert (await administrator.get(f"{PATH}/de%2Axyz")).json() == changed.json()
    assert (await administrator.get(PATH)).json()["items"] == [changed.json()]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"party_id": "XYZ"}, "party_id"),
        ({"name": " "}, "name"),
        ({"terms_days": -1}, "terms_days"),
        ({"email": "nobody"}, "email"),
        ({"terms_days": None}, "terms_days"),
    ],
)
async def test_what_is_wrong_with_a_provider_is_named(
    administrator: AsyncClient, change: dict[str, object], field: str
) -> None:
    refused = await administrator.post(PATH, json={**NEW, **change})

    assert (refused.status_code, refused.json()["field"]) == (422, field)


async def test_a_provider_is_entered_once_and_missing_ones_are_not_found(
    administrator: AsyncClient,
) -> None:
    await administrator.post(PATH, json=NEW)

    assert (await administrator.post(PATH, json=NEW)).status_code == 409
    assert (await administrator.get(f"{PATH}/DE*NIX")).status_code == 404
    assert (await administrator.get(f"{PATH}/nonsense")).status_code == 404


async def test_providers_are_no_owners_business(north: AsyncClient, support: AsyncClient) -> None:
    assert (await north.get(PATH)).status_code == 403
    assert (await support.get(PATH)).status_code == 200
    assert (await support.post(PATH, json=NEW)).status_code == 403
