"""Payouts by REST: prepared, released by people only, sent, paid once; typed refusals; no leaks."""

from datetime import date
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from accounts import directory
from billing import paying, self_billing
from foundation.clock import SetClock
from foundation.database import Database
from tests.billing.payees import ANNA, BERT
from tests.billing.test_sepa import schema
from tests.portal.api.conftest import everything
from tests.portal.pages.world import PARKING, ROOT, WORKS

RUNS = "/api/v1/payout-runs"
BODY = {"execute_on": "2026-10-16"}
WORKS_IBAN = "DE89370400440532013000"


@pytest.fixture
async def ready(filled_database: Database, clock: SetClock) -> None:
    """The operator has an account, and the owner has accepted self-billing."""
    async with filled_database.unit_of_work() as db:
        await directory.change_organisation(db, ROOT, {"iban": "DE02120300000000202051"})
        await self_billing.accept(
            db, WORKS, language="en", by="person/9", by_name="Otto", of=WORKS, now=clock.now()
        )


async def release(database: Database, clock: SetClock, run_id: int) -> None:
    """Two people release a run at the portal."""
    async with database.unit_of_work() as db:
        for by in (ANNA, BERT):
            await paying.release(db, run_id, by=by, now=clock.now())


@pytest.mark.usefixtures("ready")
async def test_a_run_from_draft_to_paid(
    boss: AsyncClient, works: AsyncClient, filled_database: Database, clock: SetClock
) -> None:
    made = await boss.post(RUNS, json=BODY, headers={"idempotency-key": "k1"})
    again = await boss.post(RUNS, json=BODY, headers={"idempotency-key": "k1"})
    run = made.json()
    path = made.headers["location"]
    assert made.status_code == 201, made.text
    assert again.json() == run
    assert run["state"] == "draft"
    assert run["possible"] == ["discard", "release"]
    [statement] = await everything(works, "/api/v1/statements")
    assert run["total"] == statement["payout_gross"] == run["details"][0]["amount"]
    assert (await boss.get(f"{path}/pain.001.xml")).status_code == 404

    alone = await boss.post(f"{path}/release")
    assert (alone.status_code, alone.json()["code"]) == (403, "person_needed")
    early = await boss.post(f"{path}/sent")
    assert (early.status_code, early.json()["code"]) == (409, "wrong_payout_state")
    await release(filled_database, clock, run["id"])
    file = await boss.get(f"{path}/pain.001.xml")
    schema().validate(file.text)
    assert (await boss.post(f"{path}/sent")).json()["state"] == "sent"
    late = await boss.post(f"{path}/discard")
    assert late.json()["code"] == "wrong_payout_state"
    assert (await boss.post(f"{path}/paid")).json()["state"] == "paid"
    twice = await boss.post(f"{path}/paid")
    assert (twice.status_code, twice.json()["code"]) == (409, "wrong_payout_state")

    [statement] = await everything(works, "/api/v1/statements")
    assert statement["state"] == "paid"
    by_hand = await boss.post(f"/api/v1/statements/{statement['statement_id']}/paid")
    assert (by_hand.status_code, by_hand.json()["code"]) == (409, "paid_by_run")
    [listed] = await everything(boss, RUNS, state="paid")
    assert listed["total"] == run["total"]
    [payment] = run["details"]
    back = f"{path}/payments/{payment['id']}/returned"
    odd = await boss.post(back, json={"returned_on": "2026-10-15", "reason": ""})
    assert odd.status_code == 422
    answer = await boss.post(back, json={"returned_on": "2026-10-15", "reason": "AC04"})
    [payment] = answer.json()["details"]
    assert (payment["returned"]["reason"], payment["statements"]) == ("AC04", [])
    again = await boss.post(back, json={"returned_on": "2026-10-15", "reason": "AC04"})
    assert (again.status_code, again.json()["code"]) == (409, "payment_not_returnable")
    [statement] = await everything(works, "/api/v1/statements")
    assert statement["state"] != "paid"
    deeds = {each["deed"] for each in await everything(boss, "/api/v1/audit")}
    assert {
        "payout.prepare",
        "payout.file",
        "payout.sent",
        "payout.paid",
        "payout.returned",
    } <= deeds


@pytest.mark.usefixtures("ready")
async def test_what_cannot_be_prepared_is_refused_with_the_rules_name(
    boss: AsyncClient, filled_database: Database
) -> None:
    for body, status, code, said in _REFUSED:
        refused = await boss.post(RUNS, json=body)
        assert (refused.status_code, refused.json()["code"]) == (status, code), body
        assert said in refused.text
    for facts, said in _NOT_PAYABLE:
        async with filled_database.unit_of_work() as db:
            await directory.change_organisation(db, WORKS, facts)
        refused = await boss.post(RUNS, json={**BODY, "payees": [WORKS]})
        assert (refused.status_code, refused.json()["code"]) == (409, "payee_not_payable")
        assert said in refused.json()["detail"]
    assert await everything(boss, RUNS) == []


_REFUSED: list[tuple[dict[str, Any], int, str, str]] = [
    ({"execute_on": "2026-10-01"}, 422, "day_over", "past"),
    ({**BODY, "currency": "CHF"}, 422, "not_sepa_currency", "EUR"),
    ({**BODY, "payees": ["nobody"]}, 404, "not_found", "nobody"),
    ({**BODY, "payees": []}, 422, "invalid_input", ""),
    ({}, 422, "invalid_input", ""),
]
_NOT_PAYABLE: list[tuple[Any, str]] = [
    ({"iban": "DE02120300000000202051"}, "IBAN is not the one that the owner accepted"),
    ({"iban": None}, "There is no IBAN: ask the owner"),
    ({"iban": WORKS_IBAN, "vat_id": "DE136695977"}, "The VAT id is wrong"),
    ({"vat_id": None}, "the VAT id is missing: enter it"),
]


async def test_self_billing_is_seen_by_the_owner_and_accepted_by_no_program(
    boss: AsyncClient, works: AsyncClient, parking: AsyncClient
) -> None:
    path = f"/api/v1/self-billing/{WORKS}"
    seen = (await works.get(path)).json()
    assert (seen["can_be_paid"], seen["reason"]) == (False, "not_accepted")
    assert set(seen["sentences"]) == {"en", "de"}
    for client in (works, boss):
        refused = await client.post(path, json={"language": "de"})
        assert (refused.status_code, refused.json()["code"]) == (403, "person_needed")
    assert (await parking.get(path)).status_code == 404
    assert (await parking.post(path, json={})).status_code == 404
    assert (await boss.get(f"/api/v1/self-billing/{PARKING}")).json()["reason"] == "no_iban"


@pytest.mark.usefixtures("ready")
async def test_owners_see_nothing_of_the_runs_and_a_discarded_one_lets_go(
    boss: AsyncClient, works: AsyncClient, filled_app: FastAPI
) -> None:
    path = (await boss.post(RUNS, json=BODY)).headers["location"]
    empty = await boss.post(RUNS, json=BODY)
    assert (empty.status_code, empty.json()["code"]) == (409, "nothing_to_pay")
    for answer in (
        await works.get(RUNS),
        await works.get(path),
        await works.post(RUNS, json=BODY),
        await works.post(f"{path}/release"),
        await works.post(f"{path}/paid"),
        await works.get(f"{path}/pain.001.xml"),
    ):
        assert answer.status_code == 403
    assert (await boss.get(f"{RUNS}/999")).status_code == 404
    assert date.fromisoformat((await boss.get(path)).json()["execute_on"]) == date(2026, 10, 16)
    assert (await boss.post(f"{path}/discard")).json()["possible"] == []
    assert (await boss.post(RUNS, json=BODY)).status_code == 201
