"""Tests of the REST calls about contacts and contracts."""

from typing import Any

from fastapi import FastAPI
from httpx import AsyncClient

from accounts import api_keys
from accounts.permissions import Permission, Reach
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from portal.guard import MASK
from tests.portal.conftest import client_of

API = "/api/v1"
HUBER: dict[str, Any] = {
    "managing": "north",
    "kind": "company",
    "name": "Huber Transporte",
    "street": "Ring 5",
    "postcode": "10115",
    "city": "Berlin",
    "country": "DE",
    "vat_id": "DE 129.273.398",
    "email": "huber@example.com",
}


async def test_a_contact_is_recorded_changed_and_found(administrator: AsyncClient) -> None:
    created = await administrator.post(f"{API}/contacts", json=HUBER)
    assert created.status_code == 201
    made = created.json()
    assert (made["vat_id"], made["tax_country"], made["owes"]) == ("DE129273398", "DE", [])
    path = f"{API}/contacts/{made['id']}"
    changed = await administrator.patch(path, json={"phone": "030 1", "email": None})
    assert (changed.json()["phone"], changed.json()["email"]) == ("030 1", None)
    assert (await administrator.get(path)).json() == changed.json()
    listed = (await administrator.get(f"{API}/contacts?q=hube")).json()["items"]
    assert listed == [changed.json()]
    audit = (await administrator.get(f"{API}/audit")).json()["items"]
    assert {"contact.create", "contact.change"} <= {each["deed"] for each in audit}


async def test_a_wrong_vat_id_iban_or_organisation_is_refused_with_its_code(
    administrator: AsyncClient,
) -> None:
    for wrong, code in (
        ({"vat_id": "DE129273399"}, "wrong_vat_id"),
        ({"iban": "DE00370400440532013000"}, "wrong_iban"),
        ({"managing": "nobody"}, "invalid_input"),
        ({"represents": "north"}, "invalid_input"),
        ({"street": ""}, "invalid_input"),
    ):
        refused = await administrator.post(f"{API}/contacts", json=HUBER | wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, code), wrong
        assert refused.json()["field"] == next(iter(wrong))


async def test_personal_data_of_a_contact_is_masked_without_the_right(
    app: FastAPI, administrator: AsyncClient, database: Database, clock: SetClock
) -> None:
    made = (await administrator.post(f"{API}/contacts", json=HUBER)).json()
    async with database.unit_of_work() as db:
        _, key = await api_keys.create_api_key(
            db,
            name="reader",
            rights={Permission.DOCUMENTS_READ},
            reach=Reach.OWN_AND_BELOW,
            organisation_key=OrganisationKey("root"),
            now=clock.now(),
        )
    async with client_of(app, key) as reader:
        [seen] = (await reader.get(f"{API}/contacts?q=nothing-like-it")).json()["items"]
        assert (seen["name"], seen["street"], seen["vat_id"], seen["city"]) == (
            MASK,
            MASK,
            MASK,
            "Berlin",
        )
        assert (await reader.post(f"{API}/contacts", json=HUBER)).status_code == 403
        assert (await reader.get(f"{API}/contacts/{made['id']}")).json() == seen


async def test_the_managing_company_decides_who_sees_a_contact(
    administrator: AsyncClient, north: AsyncClient, south: AsyncClient
) -> None:
    made = (await administrator.post(f"{API}/contacts", json=HUBER)).json()
    assert (await north.get(f"{API}/contacts/{made['id']}")).status_code == 200
    for answer in (
        await south.get(f"{API}/contacts/{made['id']}"),
        await south.get(f"{API}/contacts/999"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await south.get(f"{API}/contacts")).json()["items"] == []
    assert (await north.patch(f"{API}/contacts/{made['id']}", json={})).status_code == 403


async def test_a_contract_has_dated_tokens_and_ends(administrator: AsyncClient) -> None:
    contact = (await administrator.post(f"{API}/contacts", json=HUBER)).json()["id"]
    body = {"contact": contact, "name": "Fleet", "base_fee": "4.90", "valid_from": "2026-10-01"}
    created = await administrator.post(f"{API}/contracts", json=body)
    assert created.status_code == 201
    made = created.json()
    assert made["base_fee"] == {"amount": "4.90", "currency": "EUR"}
    path = f"{API}/contracts/{made['id']}"
    token = {"token": "04:A2", "valid_from": "2026-10-01"}
    held = (await administrator.post(f"{path}/tokens", json=token)).json()
    [of] = held["tokens"]
    assert (of["token"], of["valid_from"]) == ("04:A2", "2026-09-30T22:00:00Z")
    again = await administrator.post(f"{path}/tokens", json=token)
    assert (again.status_code, again.json()["code"]) == (409, "token_on_contract")
    off = await administrator.post(f"{path}/tokens/{of['id']}/end", json={})
    assert off.json()["tokens"][0]["valid_to"] == "2026-10-15T12:00:00Z"
    over = await administrator.post(f"{path}/end", json={"valid_to": "2026-11-01"})
    assert over.json()["valid_to"] == "2026-11-01"
    listed = (await administrator.get(f"{API}/contracts?contact={contact}")).json()["items"]
    assert listed == [over.json()]
    assert (await administrator.get(f"{API}/contracts/999")).status_code == 404
    exact = await administrator.post(f"{API}/contracts", json=body | {"base_fee": "4.905"})
    assert (exact.status_code, exact.json()["field"]) == (422, "base_fee")
