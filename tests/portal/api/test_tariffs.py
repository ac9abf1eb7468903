"""Tests of the REST calls about tariffs."""

from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from foundation.clock import SetClock

PATH = "/api/v1/tariffs"
ENERGY = {"type": "ENERGY", "price": 0.49, "vat": 19, "step_size": 1}
TARIFF: dict[str, Any] = {
    "id": "daytime",
    "currency": "EUR",
    "elements": [{"price_components": [ENERGY]}],
}


def assigned(scope: str, id_: str, **more: str) -> dict[str, Any]:
    return {**TARIFF, "assignments": [{"scope": scope, "id": id_, **more}]}


async def test_a_tariff_is_created_and_read_again(administrator: AsyncClient) -> None:
    body = assigned("organisation", "north", valid_from="2026-01-01")
    created = await administrator.post(PATH, json=body)
    read = (await administrator.get(f"{PATH}/daytime")).json()

    assert created.status_code == 201
    assert created.json() == read
    assert read["elements"][0]["price_components"][0]["price"] == 0.49
    assert read["version"] == 1
    assert read["assignments"] == [
        {
            "scope": "organisation",
            "id": "north",
            "valid_from": "2025-12-31T23:00:00Z",  # its midnight in Berlin
            "valid_to": None,
            "side": "sale",
            "priority": 0,
            "conditions": {
                "customers": [],
                "contacts": [],
                "token_groups": [],
                "providers": [],
                "hours": None,
            },
        }
    ]
    assert (await administrator.get(PATH)).json()["items"] == [read]


async def test_what_ocpi_would_not_allow_is_told_with_every_place(
    administrator: AsyncClient,
) -> None:
    wrong = {
        **TARIFF,
        "currency": "EURO",
        "elements": [{"price_components": [{**ENERGY, "price": -1, "type": "POWER"}]}],
    }
    refused = await administrator.post(PATH, json=wrong)

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_tariff")
    places = {each["field"] for each in refused.json()["errors"]}
    assert "currency" in places
    assert any(place.startswith("elements[0].price_components[0]") for place in places)


@pytest.mark.parametrize(
    ("assignment", "field"),
    [
        ({"scope": "planet", "id": "earth"}, "assignments.0.scope"),
        ({"scope": "organisation", "id": "nowhere"}, "assignments.0.id"),
        ({"scope": "station", "id": "nowhere"}, "assignments.0.id"),
        ({"scope": "location", "id": "nowhere"}, "assignments.0.id"),
        ({"scope": "evse", "id": "nowhere"}, "assignments.0.id"),
        (
            {"scope": "organisation", "id": "north", "valid_from": "soon"},
            "assignments.0.valid_from",
        ),
        (
            {
                "scope": "organisation",
                "id": "north",
                "valid_from": "2026-02-01",
                "valid_to": "2026-01-01",
            },
            "assignments.0.valid_to",
        ),
    ],
)
async def test_a_wrong_assignment_is_refused_and_the_tariff_with_it(
    administrator: AsyncClient, assignment: dict[str, str], field: str
) -> None:
    refused = await administrator.post(PATH, json={**TARIFF, "assignments": [assignment]})

    assert refused.status_code == 422
    assert field in {
        each["field"].split(".datetime")[0].split(".function")[0].split(".date")[0]
        for each in refused.json()["errors"]
    }
    assert (await administrator.get(f"{PATH}/daytime")).status_code == 404


async def test_two_tariffs_at_once_on_one_place_are_a_conflict(administrator: AsyncClient) -> None:
    first = assigned("organisation", "north", valid_from="2026-01-01")
    await administrator.post(PATH, json=first)
    second = await administrator.post(PATH, json={**first, "id": "other"})

    assert (second.status_code, second.json()["code"]) == (409, "tariff_assignments_overlap")


async def test_a_station_and_an_evse_are_places(administrator: AsyncClient) -> None:
    await administrator.post(
        "/api/v1/stations", json={"identity": "S/1", "time_zone": "Europe/London"}
    )
    for number, (scope, id_) in enumerate((("station", "S/1"), ("evse", "S/1/2"))):
        body = {**assigned(scope, id_, valid_from="2026-01-01"), "id": f"T{number}"}
        made = await administrator.post(PATH, json=body)
        assert made.status_code == 201, made.text
        assert made.json()["assignments"][0]["valid_from"] == "2026-01-01T00:00:00Z"


async def test_a_change_is_a_further_version(administrator: AsyncClient, clock: SetClock) -> None:
    await administrator.post(PATH, json=TARIFF)
    clock.advance(timedelta(days=1))
    changed = {
        "currency": "EUR",
        "elements": [{"price_components": [{**ENERGY, "price": 0.59}]}],
    }
    answer = await administrator.patch(f"{PATH}/daytime", json=changed)

    assert answer.json()["version"] == 2
    assert answer.json()["elements"][0]["price_components"][0]["price"] == 0.59
    assert answer.json()["version_valid_from"] == "2026-10-16T12:00:00Z"
    only_assigned = await administrator.patch(
        f"{PATH}/daytime", json={"assignments": [{"scope": "organisation", "id": "south"}]}
    )
    assert only_assigned.json()["version"] == 2
    assert [each["id"] for each in only_assigned.json()["assignments"]] == ["south"]


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"id": NaN}', b'{"id": "\\u0000"}', b"[" * 90_000])
async def test_a_body_that_is_no_object_is_refused(administrator: AsyncClient, body: bytes) -> None:
    refused = await administrator.post(
        PATH, content=body, headers={"content-type": "application/json"}
    )

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")


async def test_prices_are_the_operators_business(north: AsyncClient, support: AsyncClient) -> None:
    assert (await north.get(PATH)).status_code == 403
    assert (await support.get(PATH)).status_code == 200
    assert (await support.post(PATH, json=TARIFF)).status_code == 403
