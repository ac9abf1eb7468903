"""Tests of the REST calls about statements and the close of a month."""

import csv
import io
from decimal import Decimal

import pypdf
import pytest
from httpx import AsyncClient

from tests.billing.invoice_rules import values
from tests.portal.api.conftest import everything


async def test_the_forms_of_a_statement_agree(boss: AsyncClient, works: AsyncClient) -> None:
    [head] = await everything(boss, "/api/v1/statements")
    path = f"/api/v1/statements/{head['statement_id']}"
    document = (await works.get(f"{path}.json")).json()
    plain = (await works.get(path)).json()
    table = await works.get(f"{path}.csv")
    paper = await works.get(f"{path}.pdf")
    invoice = await works.get(f"{path}.xml")

    assert plain == document
    assert head["payout_net"] == {"amount": document["payout_net"], "currency": "EUR"}
    rows = list(csv.DictReader(io.StringIO(table.text, newline="")))
    paid = sum(Decimal(row["payout_amount"]) for row in rows if row["record"] == "line")
    assert paid == Decimal(document["payout_net"])
    assert paid == sum(Decimal(each["payout_amount"]) for each in document["lines"])
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert paper.headers["content-type"] == "application/pdf"
    assert invoice.headers["content-type"] == "application/xml"
    assert values(invoice.content, "//DuePayableAmount") == [document["payout_gross"]]
    assert pypdf.PdfReader(io.BytesIO(paper.content)).attachments == {
        "factur-x.xml": [invoice.content]
    }
    assert head["statement_id"] in paper.headers["content-disposition"]
    assert len(pypdf.PdfReader(io.BytesIO(paper.content)).pages) >= 1


async def test_statements_are_filtered_and_hidden_from_others(
    boss: AsyncClient, parking: AsyncClient
) -> None:
    [head] = await everything(boss, "/api/v1/statements")
    path = "/api/v1/statements"

    assert await everything(boss, path, payee="stadtwerke", month="2026-09") == [head]
    assert await everything(boss, path, payee="parkhaus") == []
    assert await everything(boss, path, month="2026-08") == []
    assert (await boss.get(path, params={"month": "09/2026"})).json()["field"] == "month"
    assert await everything(parking, path) == []
    assert await everything(parking, path, payee="stadtwerke") == []
    for form in ("", ".json", ".csv", ".pdf", ".xml"):
        hidden = await parking.get(f"{path}/{head['statement_id']}{form}")
        assert hidden.status_code == 404
    assert (await boss.get(f"{path}/nothing.json")).status_code == 404


async def test_a_dry_run_gives_the_figures_of_the_close_and_books_nothing(
    boss: AsyncClient,
) -> None:
    path = "/api/v1/months/2026-09/close"
    dry = await boss.post(path, json={"payee": "parkhaus", "dry_run": True})
    assert len(await everything(boss, "/api/v1/statements")) == 1
    booked = await boss.post(path, json={"payee": "parkhaus"})
    again = await boss.post(path, json={"payee": "parkhaus"})

    assert dry.status_code == booked.status_code == 200
    assert (dry.json()["dry_run"], booked.json()["dry_run"]) == (True, False)
    assert dry.json()["statements"] == booked.json()["statements"] == again.json()["statements"]
    assert dry.json()["statements"][0]["lines"]
    assert len(await everything(boss, "/api/v1/statements")) == 2


@pytest.mark.parametrize(
    ("month", "payee", "status", "code"),
    [
        ("2026-10", "parkhaus", 409, "month_not_over"),
        ("2026-13", "parkhaus", 422, "invalid_input"),
        ("september", "parkhaus", 422, "invalid_input"),
        ("2026-09", "nowhere", 422, "invalid_input"),
    ],
)
async def test_a_close_that_cannot_be_is_refused(
    boss: AsyncClient, month: str, payee: str, status: int, code: str
) -> None:
    refused = await boss.post(f"/api/v1/months/{month}/close", json={"payee": payee})

    assert (refused.status_code, refused.json()["code"]) == (status, code)


async def test_all_payees_are_closed_together(boss: AsyncClient) -> None:
    answer = await boss.post("/api/v1/months/2026-09/close", json={})

    assert {each["payee"] for each in answer.json()["statements"]} == {"stadtwerke", "parkhaus"}


async def test_owners_close_nothing(works: AsyncClient) -> None:
    refused = await works.post("/api/v1/months/2026-09/close", json={"payee": "stadtwerke"})

    assert refused.status_code == 403
