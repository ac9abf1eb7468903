"""Payouts by pages: an owner accepts, a run is prepared, released by two, sent, paid; refusals."""

import re

import httpx
import pytest
from sqlalchemy import text

from accounts import directory, passwords
from foundation.database import Database
from tests.billing.payees import owe
from tests.portal.pages.conftest import NOON, SignIn, token_in
from tests.portal.pages.world import PARKING, PASSWORD, ROOT, WORKS

STATEMENT = "/statements/stadtwerke-2026-09-EUR"


@pytest.fixture
async def ready(lively: None, database: Database) -> None:
    """The operator has an account, and a second person for money."""
    async with database.unit_of_work() as db:
        await directory.change_organisation(db, ROOT, {"iban": "DE02120300000000202051"})
        await directory.create_person(
            db,
            "fred",
            {"roles": ["finance"], "organisation": ROOT, "name": "Fred"},
            password_hash=await passwords.hashed(PASSWORD),
            now=NOON,
        )


async def post(browser: httpx.AsyncClient, page: str, to: str, **fields: str) -> httpx.Response:
    """Send a form that stands on a page."""
    token = token_in((await browser.get(page)).text)
    return await browser.post(to, data={"csrf": token, **fields})


async def accepted(sign_in: SignIn) -> None:
    browser = await sign_in("otto")
    answer = await post(browser, "/self-billing", f"/self-billing/{WORKS}")
    assert answer.status_code == 303, answer.text


async def prepared(sign_in: SignIn) -> tuple[httpx.AsyncClient, str]:
    browser = await sign_in("admin")
    answer = await post(browser, "/payouts", "/payouts", execute_on="2026-10-16", due_until="")
    assert answer.status_code == 303, answer.text
    return browser, answer.headers["location"].partition("?")[0]


async def test_an_owner_accepts_self_billing_once_with_his_name_and_account(
    sign_in: SignIn, ready: None
) -> None:
    browser = await sign_in("otto")
    page = (await browser.get("/self-billing")).text
    assert "Self-billing not accepted" in page
    assert "Accept for Stadtwerke Heilbronn" in page
    assert "We agree that the operator issues the invoices" in page

    await accepted(sign_in)
    page = (await browser.get(f"/self-billing/{WORKS}?done=self-billing")).text
    assert "Payouts can be made" in page
    assert "Otto, " in page
    assert "Accept for" not in page
    browser.cookies.set("leitstand_language", "de")
    assert "Auszahlungen sind möglich" in (await browser.get("/self-billing")).text
    browser.cookies.delete("leitstand_language")

    # Nobody else accepts for an owner, and other owners do not see him.
    admin = await sign_in("admin")
    assert "Accept for" not in (await admin.get(f"/self-billing/{WORKS}")).text
    refused = await post(admin, f"/self-billing/{WORKS}", f"/self-billing/{WORKS}")
    assert refused.status_code == 409
    assert "Only an authorised person of the owner accepts this" in refused.text
    petra = await sign_in("petra")
    assert (await petra.get(f"/self-billing/{WORKS}")).status_code == 404
    assert (await post(petra, "/self-billing", f"/self-billing/{WORKS}")).status_code == 404
    assert "No IBAN" in (await petra.get("/self-billing")).text
    refused = await post(petra, "/self-billing", f"/self-billing/{PARKING}")
    assert refused.status_code == 409
    assert (await petra.get("/payouts")).status_code == 403


async def test_a_run_goes_from_the_draft_over_two_people_to_paid(
    sign_in: SignIn, ready: None
) -> None:
    await refusals_of_the_form(sign_in)
    await accepted(sign_in)
    admin, run = await prepared(sign_in)
    page = (await admin.get(run)).text
    amount = re.search(r"Release (€[\d.,]+)", page)
    assert amount is not None
    assert "DE89370400440532013000" in page.replace("\u200b", "").replace("<wbr>", "")
    assert (await post(admin, run, f"{run}/release")).status_code == 303
    page = (await admin.get(run)).text
    assert "You have released it. Somebody else does so now." in page
    twice = await post(admin, run, f"{run}/release")
    assert twice.status_code == 409
    assert "The second release is by somebody else." in twice.text
    early = await post(admin, run, f"{run}/send")
    assert early.status_code == 409

    fred = await sign_in("fred")
    assert (await post(fred, run, f"{run}/release")).status_code == 303
    page = (await fred.get(run)).text
    assert "File for the bank" in page
    assert "Released by Admin" in page
    file = await fred.get(f"/api/v1{run.replace('payouts', 'payout-runs')}/pain.001.xml")
    assert "<CstmrCdtTrfInitn>" in file.text
    assert (await post(fred, run, f"{run}/send")).status_code == 303
    assert (await post(fred, run, f"{run}/discard")).status_code == 409
    assert (await post(fred, run, f"{run}/pay")).status_code == 303
    again = await post(fred, run, f"{run}/pay")
    assert again.status_code == 409
    assert "Paid" in (await fred.get(STATEMENT)).text
    await a_payment_comes_back(fred, run)
    fred.cookies.set("leitstand_language", "de")
    page = (await fred.get("/payouts")).text
    assert "Auszahlungen" in page
    assert "Bezahlt" in page


async def test_a_statement_in_other_money_is_booked_when_two_people_say_it_was_paid(
    sign_in: SignIn, ready: None, database: Database
) -> None:
    async with database.unit_of_work() as db:
        francs = await owe(db, WORKS, "2026-08", "7.00", "CHF")
        await db.execute(
            text(
                "update statements set document = s.document from statements s"
                " where statements.statement_id = :francs and s.currency = 'EUR'"
            ),
            {"francs": francs},
        )
    door = f"/payouts/otherwise/{francs}"
    admin = await sign_in("admin")
    assert "Paid without a run" in (await admin.get("/payouts")).text
    assert (await post(admin, "/payouts", door)).status_code == 303
    assert "Somebody else says so now." in (await admin.get("/payouts")).text
    twice = await post(admin, "/payouts", door)
    assert twice.status_code == 409
    assert "You have said that it was paid." in twice.text
    fred = await sign_in("fred")
    assert "Admin says that it was paid" in (await fred.get("/payouts")).text
    assert (await post(fred, "/payouts", door)).headers["location"].endswith("payout-otherwise")
    assert "Paid without a run" not in (await fred.get("/payouts")).text
    again = await post(fred, "/payouts", door)
    assert again.status_code == 409
    assert "booked as paid" in again.text
    otto = await sign_in("otto")
    assert (await post(otto, "/statements", door)).status_code == 403


async def a_payment_comes_back(fred: httpx.AsyncClient, run: str) -> None:
    """Its statement is open again, and its account is to be checked."""
    door = f"{run}/returned"
    [payment] = re.findall(r'<option value="(\d+)">Stadtwerke', (await fred.get(run)).text)
    back = {"payment": payment, "returned_on": "2026-10-15", "reason": "AC04"}
    refused = await post(fred, run, door, **{**back, "returned_on": "2026-10-17"})
    assert refused.status_code == 409
    assert "A payment comes back on a day that has come." in refused.text
    assert "Write a day" in (await post(fred, run, door, **{**back, "returned_on": "x"})).text
    assert (await post(fred, run, door, **back)).status_code == 303
    assert "Came back on" in (await fred.get(run)).text
    assert "it came back before" in (await post(fred, run, door, **back)).text
    assert "Paid" not in (await fred.get(STATEMENT)).text
    assert "A payment came back" in (await fred.get("/self-billing")).text


async def refusals_of_the_form(sign_in: SignIn) -> None:
    """Who cannot be paid is named, and what is wrong stands in the form."""
    admin = await sign_in("admin")
    nothing = await post(admin, "/payouts", "/payouts", execute_on="2026-10-16")
    assert nothing.status_code == 422
    assert "Self-billing not accepted" in nothing.text
    past = await post(admin, "/payouts", "/payouts", execute_on="2026-10-01")
    assert "The day lies in the past." in past.text
    odd = await post(admin, "/payouts", "/payouts", execute_on="soon")
    assert "Write a day" in odd.text
    assert "Self-billing not accepted" in (await admin.get("/self-billing")).text
    assert (await admin.get("/payouts/7")).status_code == 404
    assert (await admin.get("/payouts/x")).status_code == 404
    helen = await sign_in("helen")
    assert (await helen.get("/payouts")).status_code == 403
