"""The page of prepaid cards: what is on them, by pages, and the switch that blocks one."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text

from billing import prepaid
from csms.payments import Credits
from foundation.database import Database
from foundation.money import Money
from portal.pages import prepaid_cards as pages
from tests.portal.pages.conftest import SignIn, token_in

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
PAGE = "/prepaid-cards"


async def issued(database: Database, *amounts: str) -> None:
    """Cards CARD-0, CARD-1 … with so much money on them."""
    prepaid.join(database, Credits())
    async with database.unit_of_work() as db:
        for number, amount in enumerate(amounts):
            card = f"CARD-{number}"
            await prepaid.issue(db, card, "EUR", by="me", now=NOON)
            if Decimal(amount):
                money = Money(Decimal(amount), "EUR")
                await prepaid.top_up(db, card, money, key=card, by="me", now=NOON)


async def statuses(database: Database) -> list[str]:
    async with database.unit_of_work() as db:
        rows = await db.execute(
            text("select status from id_tokens where key like 'CARD_' order by key")
        )
        return [str(status) for (status,) in rows]


async def test_a_card_is_blocked_and_let_charge_again_and_both_are_noted(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("admin")
    await issued(database, "12.50", "0")
    html = (await browser.get(PAGE)).text
    for said in ("CARD-0", "€12.50", "Accepted", "CARD-1", "No credit"):
        assert said in html
    form = {"csrf": token_in(html), "token": "CARD0"}
    assert (await browser.post(f"{PAGE}/block", data={"token": "CARD0"})).status_code == 403
    assert await statuses(database) == ["accepted", "no_credit"]
    done = await browser.post(f"{PAGE}/block", data=form)
    assert (done.status_code, done.headers["location"]) == (303, f"{PAGE}?done=card-blocked")
    assert await statuses(database) == ["blocked", "no_credit"]
    assert "Blocked" in (await browser.get(PAGE)).text
    for _ in range(2):  # the second time there is nothing to change, and nothing to note
        assert (await browser.post(f"{PAGE}/unblock", data=form)).status_code == 303
    assert await statuses(database) == ["accepted", "no_credit"]
    audit = (await browser.get("/audit")).text
    assert audit.count("Prepaid card blocked") == 1
    assert audit.count("Prepaid card unblocked") == 1
    assert (await browser.post(f"{PAGE}/block", data=form | {"token": "NONE"})).status_code == 404
    assert (await browser.post(f"{PAGE}/give", data=form)).status_code in (404, 422)


async def test_who_does_not_see_the_installation_sees_no_cards(
    sign_in: SignIn, database: Database
) -> None:
    await issued(database, "5")
    browser = await sign_in("otto")
    assert (await browser.get(PAGE)).status_code == 403
    home = (await browser.get("/")).text
    assert f'href="{PAGE}"' not in home
    form = {"csrf": token_in(home), "token": "CARD0"}
    assert (await browser.post(f"{PAGE}/block", data=form)).status_code == 403
    assert await statuses(database) == ["accepted"]


async def test_the_list_goes_on_page_by_page(
    sign_in: SignIn, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PER_PAGE", 2)
    await issued(database, "1", "2", "3")
    browser = await sign_in("admin")
    first = (await browser.get(PAGE)).text
    assert ("CARD-1" in first, "CARD-2" in first) == (True, False)
    path = first.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    second = (await browser.get(path)).text
    assert ("CARD-1" in second, "CARD-2" in second, "€3.00" in second) == (False, True, True)
    assert 'rel="next"' not in second
