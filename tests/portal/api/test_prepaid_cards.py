"""Prepaid cards by REST: issued, topped up, blocked, paid out; who may, and what is noted."""

import pytest
from httpx import AsyncClient

from billing import books, ledger, prepaid
from csms.payments import Credits
from foundation.database import Database

CARDS = "/api/v1/prepaid-cards"


@pytest.fixture(autouse=True)
def joined(database: Database) -> None:
    prepaid.join(database, Credits())


async def issued(client: AsyncClient, name: str) -> None:
    answer = await client.post(CARDS, json={"id_token": name, "currency": "EUR"})
    assert answer.status_code == 201, answer.text
    zero = {"amount": "0.00", "currency": "EUR"}
    assert answer.json() == {"id_token": name, "status": "no_credit", "balance": zero}


async def test_a_card_lives_from_its_issue_to_its_rest_and_the_ledger_is_even(
    administrator: AsyncClient, database: Database
) -> None:
    await issued(administrator, "CARD-1")
    path = f"{CARDS}/CARD-1"
    again = await administrator.post(CARDS, json={"id_token": "card1", "currency": "EUR"})
    assert (again.status_code, again.json()["code"]) == (409, "card_exists")
    for _ in range(2):
        body = {"amount": "12.50", "receipt": "R-1"}
        topped = await administrator.post(f"{path}/top-ups", json=body)
        assert topped.json()["balance"]["amount"] == "12.50", "once by its receipt"
        assert topped.json()["status"] == "accepted"
    other = await administrator.post(f"{path}/top-ups", json={"amount": "13", "receipt": "R-1"})
    assert (other.status_code, other.json()["code"]) == (409, "other_top_up")
    for amount in ("0", "1000.01", "1.005"):
        wrong = {"amount": amount, "receipt": "R-2"}
        assert (await administrator.post(f"{path}/top-ups", json=wrong)).status_code == 422
    for is_blocked, status in ((True, "blocked"), (False, "accepted")):
        changed = await administrator.patch(path, json={"is_blocked": is_blocked})
        assert changed.json()["status"] == status
    assert (await administrator.patch(path, json={"is_blocked": 0.0})).status_code == 422
    paid = await administrator.post(f"{path}/pay-outs", json={"receipt": "R-3"})
    assert (paid.json()["kind"], paid.json()["amount"]["amount"]) == ("paid_out", "-12.50")
    empty = await administrator.post(f"{path}/pay-outs", json={"receipt": "R-4"})
    assert (empty.status_code, empty.json()["code"]) == (409, "nothing_left")
    bookings = (await administrator.get(f"{path}/bookings")).json()["items"]
    assert [each["kind"] for each in bookings] == ["paid_out", "top_up"]
    account = ledger.receivable(prepaid.PROVIDER)
    async with database.unit_of_work() as db:
        found = await books.balances(db, [account, ledger.BANK])
    assert {money["EUR"].amount for money in found.values()} <= {0}
    noted = (await administrator.get("/api/v1/audit")).json()["items"]
    deeds = [each["deed"] for each in noted if each["subject"] == "id_token/CARD1"]
    done = ("block", "issue", "pay_out", "top_up", "unblock")
    assert sorted(deeds) == [f"prepaid_card.{each}" for each in done], "each is noted once"


async def test_cards_are_listed_by_pages_to_who_sees_the_installation(
    administrator: AsyncClient, north: AsyncClient, support: AsyncClient
) -> None:
    for name in ("CARD-1", "CARD-2", "CARD-3"):
        await issued(administrator, name)
    first = (await administrator.get(f"{CARDS}?limit=2")).json()
    rest = (await administrator.get(f"{CARDS}?limit=2&cursor={first['next']}")).json()
    names = [each["id_token"] for each in first["items"] + rest["items"]]
    assert (names, rest["next"]) == (["CARD-1", "CARD-2", "CARD-3"], None)
    for client in (north, support):
        body = {"amount": "1", "receipt": "R"}
        assert (await client.post(f"{CARDS}/CARD-1/top-ups", json=body)).status_code == 403
        new = {"id_token": "X", "currency": "EUR"}
        assert (await client.post(CARDS, json=new)).status_code == 403
    assert (await north.get(CARDS)).status_code == 403
    missing = await administrator.post(f"{CARDS}/NONE/pay-outs", json={"receipt": "R"})
    assert missing.status_code == 404
    currency = {"id_token": "CARD-9", "currency": "XXX"}
    assert (await administrator.post(CARDS, json=currency)).status_code == 422
