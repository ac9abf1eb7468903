"""Tests of the REST calls about documents and invoicing."""

from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from accounts import api_keys
from accounts.permissions import Permission, Reach
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from portal.guard import MASK
from tests.portal.api.test_contacts import API, HUBER
from tests.portal.conftest import client_of

OPERATOR: dict[str, Any] = HUBER | {
    "managing": "root",
    "name": "Operator",
    "vat_id": "DE136695976",
    "iban": "DE89370400440532013000",
    "represents": "organisation/root",
}


@pytest.fixture
async def invoiced(administrator: AsyncClient) -> str:
    """An invoice of September over a base fee of 4.90, to a contact that `north` manages."""
    await administrator.post(f"{API}/contacts", json=OPERATOR)
    contact = (await administrator.post(f"{API}/contacts", json=HUBER)).json()["id"]
    body = {"contact": contact, "name": "Fleet", "base_fee": "4.90", "valid_from": "2026-09-01"}
    await administrator.post(f"{API}/contracts", json=body)
    ran = await administrator.post(f"{API}/invoicing/runs", json={"month": "2026-09"})
    assert ran.status_code == 200, ran.text
    [number] = ran.json()["numbers"]
    return str(number)


async def test_a_months_documents_are_made_once_and_read_in_every_form(
    administrator: AsyncClient, north: AsyncClient, south: AsyncClient, invoiced: str
) -> None:
    again = await administrator.post(f"{API}/invoicing/runs", json={"month": "2026-09"})
    assert again.json()["numbers"] == []
    [head] = (await north.get(f"{API}/documents?month=2026-09")).json()["items"]
    assert (head["number"], head["gross"]["amount"], head["state"]) == (invoiced, "5.83", "open")
    shown = (await north.get(f"{API}/documents/{invoiced}")).json()
    assert shown["lines"][0]["text"] == "Base fee, contract Fleet"
    assert shown["vat"][0]["amount"] == {"amount": "0.93", "currency": "EUR"}
    assert {"pdf", "xml", "csv"} <= set(shown["forms"])
    for form in shown["forms"]:
        made = await north.get(f"{API}/documents/{invoiced}.{form}")
        assert made.status_code == 200, form
        assert made.content == (await north.get(f"{API}/documents/{invoiced}.{form}")).content
        assert (await south.get(f"{API}/documents/{invoiced}.{form}")).status_code == 404
    assert (await south.get(f"{API}/documents")).json()["items"] == []


async def test_a_document_is_cancelled_resent_and_paid_by_who_may(
    administrator: AsyncClient, north: AsyncClient, invoiced: str
) -> None:
    path = f"{API}/documents/{invoiced}"
    assert (await north.post(f"{path}/cancel", json={"reason": "x"})).status_code == 403
    sent = (await administrator.post(f"{path}/resend", json={})).json()
    assert (sent["state"], sent["delivery"]["state"]) == ("sent", "kept")
    above = await administrator.post(f"{path}/cancel", json={"reason": "x", "net": "4.91"})
    assert (above.status_code, above.json()["code"]) == (422, "credit_above_invoice")
    part = (await administrator.post(f"{path}/cancel", json={"reason": "x", "net": "1"})).json()
    assert (part["number"], part["gross"]["amount"]) == ("ST-2026-000001", "1.19")
    paid = (await administrator.post(f"{path}/paid", json={})).json()
    assert (paid["state"], paid["counter_documents"]) == ("paid", ["ST-2026-000001"])
    twice = await administrator.post(f"{path}/paid", json={})
    assert (twice.status_code, twice.json()["code"]) == (409, "not_payable_document")
    deeds = {each["deed"] for each in (await administrator.get(f"{API}/audit")).json()["items"]}
    assert {"document.cancel", "document.resend", "document.paid", "invoicing.run"} <= deeds


async def test_whether_papers_are_made_by_themselves_is_no_setting(
    administrator: AsyncClient,
) -> None:
    path = f"{API}/invoicing/settings"
    refused = await administrator.patch(path, json={"automated_invoicing": True})
    assert refused.status_code == 422
    after = (await administrator.patch(path, json={"due_days": 30})).json()
    assert (after["due_days"], "automated_invoicing" in after) == (30, False)


async def test_the_monitor_and_a_dry_run_make_nothing(
    administrator: AsyncClient, invoiced: str
) -> None:
    found = (await administrator.get(f"{API}/invoicing/monitor?month=2026-09")).json()
    assert {each["code"] for each in found} == {"invoicing_off", "credit_notes_off"}
    dry = {"month": "2026-10", "dry_run": True}
    ran = (await administrator.post(f"{API}/invoicing/runs", json=dry)).json()
    assert (ran["numbers"], ran["drafts"]) == ([], [])
    early = await administrator.post(f"{API}/invoicing/runs", json={"month": "2026-10"})
    assert (early.status_code, early.json()["code"]) == (409, "month_still_runs")
    wrong = await administrator.get(f"{API}/invoicing/monitor?month=october")
    assert wrong.status_code == 422
    assert len((await administrator.get(f"{API}/documents")).json()["items"]) == 1


async def test_a_document_shows_personal_data_only_to_who_may_see_it(
    app: FastAPI, invoiced: str, database: Database, clock: SetClock
) -> None:
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
        shown = (await reader.get(f"{API}/documents/{invoiced}")).json()
        assert shown["recipient_name"] == MASK
        refused = await reader.get(f"{API}/documents/{invoiced}.pdf")
        assert (refused.status_code, "crm.read" in refused.text) == (403, True)
