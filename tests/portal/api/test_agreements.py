"""Tests of the REST calls about agreements."""

from typing import Any

import pytest
from httpx import AsyncClient

PATH = "/api/v1/agreements"
NEW: dict[str, Any] = {
    "payee": "north",
    "internal_bps": 9500,
    "external_bps": 8000,
    "basis": "net",
    "internal_scope": "owner",
    "valid_from": "2026-01-01",
    "valid_to": None,
}


async def test_an_agreement_is_made_and_seen_by_its_payee(
    administrator: AsyncClient, north: AsyncClient, south: AsyncClient
) -> None:
    created = await administrator.post(PATH, json=NEW)
    agreement = created.json()

    assert created.status_code == 201
    assert agreement["valid_from"] == "2025-12-31T23:00:00Z"
    assert (agreement["internal_bps"], agreement["external_bps"]) == (9500, 8000)
    assert (await north.get(PATH)).json()["items"] == [agreement]
    assert (await south.get(PATH)).json()["items"] == []
    assert (await south.get(f"{PATH}/{agreement['agreement_id']}")).status_code == 404


async def test_terms_that_are_left_out_are_the_usual_ones(administrator: AsyncClient) -> None:
    made = (await administrator.post(PATH, json={"payee": "north"})).json()

    assert (made["internal_bps"], made["external_bps"]) == (10000, 9000)
    assert (made["basis"], made["internal_scope"]) == ("net", "owner")
    assert made["valid_from"] == "2026-10-15T12:00:00Z"


async def test_two_at_once_are_refused(administrator: AsyncClient) -> None:
    await administrator.post(PATH, json=NEW)
    second = await administrator.post(PATH, json={**NEW, "valid_from": "2027-01-01"})
    other = await administrator.post(PATH, json={**NEW, "payee": "south"})

    assert (second.status_code, second.json()["code"]) == (409, "agreements_overlap")
    assert other.status_code == 201


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"payee": "nowhere"}, "payee"),
        ({"internal_bps": 10001}, "internal_bps"),
        ({"external_bps": -1}, "external_bps"),
        ({"basis": "turnover"}, "basis"),
        ({"internal_scope": "world"}, "internal_scope"),
        ({"valid_to": "2026-01-01"}, "valid_to"),
        ({"internal_bps": None}, "internal_bps"),
    ],
)
async def test_what_is_wrong_with_an_agreement_is_named(
    administrator: AsyncClient, change: dict[str, object], field: str
) -> None:
    refused = await administrator.post(PATH, json={**NEW, **change})

    assert (refused.status_code, refused.json()["field"]) == (422, field)


async def test_other_terms_begin_a_new_agreement_and_an_end_ends_one(
    administrator: AsyncClient,
) -> None:
    old = (await administrator.post(PATH, json=NEW)).json()
    path = f"{PATH}/{old['agreement_id']}"
    new = (
        await administrator.patch(path, json={"external_bps": 8500, "valid_from": "2026-06-01"})
    ).json()
    ended = await administrator.patch(
        f"{PATH}/{new['agreement_id']}", json={"valid_to": "2027-01-01T00:00:00Z"}
    )

    assert new["agreement_id"] != old["agreement_id"]
    assert (new["internal_bps"], new["external_bps"]) == (9500, 8500)
    assert (await administrator.get(path)).json()["valid_to"] == new["valid_from"]
    assert ended.json()["valid_to"] == "2027-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "body", [{}, {"valid_to": "2027-01-01", "external_bps": 1}, {"external_bps": None}]
)
async def test_a_change_says_what_it_means(
    administrator: AsyncClient, body: dict[str, object]
) -> None:
    made = (await administrator.post(PATH, json=NEW)).json()

    refused = await administrator.patch(f"{PATH}/{made['agreement_id']}", json=body)
    assert refused.status_code == 422


async def test_agreements_are_listed_page_by_page(administrator: AsyncClient) -> None:
    for payee in ("north", "north-city", "south"):
        await administrator.post(PATH, json={**NEW, "payee": payee})
    first = (await administrator.get(PATH, params={"limit": 2})).json()
    second = (await administrator.get(PATH, params={"limit": 2, "cursor": first["next"]})).json()

    payees = [each["payee"] for each in first["items"] + second["items"]]
    assert payees == ["north", "north-city", "south"]
    assert second["next"] is None


async def test_only_the_operator_decides_on_shares(
    north: AsyncClient, support: AsyncClient
) -> None:
    assert (await north.post(PATH, json=NEW)).status_code == 403
    assert (await support.post(PATH, json=NEW)).status_code == 403
