"""The page of what a station told of a customer, and the way to it."""

import pytest

from accounts import directory, passwords
from foundation.clock import SetClock
from foundation.database import Database
from tests.portal.customers import asked_and_told
from tests.portal.pages.conftest import SignIn
from tests.portal.pages.world import PASSWORD, WORKS

pytestmark = pytest.mark.usefixtures("lively")

STATION = "DE-HN-002"


async def test_it_is_shown_from_the_command_s_page_and_noted(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    number = await asked_and_told(
        database, STATION, clock.now(), "name=<Ada>", "; card=04A2", owner=WORKS
    )
    browser = await sign_in("admin")
    command = (await browser.get(f"/commands/{number}")).text
    assert f'href="/commands/{number}/customer"' in command
    html = (await browser.get(f"/commands/{number}/customer")).text
    assert "name=&lt;Ada&gt;; card=04A2" in html
    noted = (await browser.get("/audit")).text
    assert "What a station told of a customer read" in noted


async def test_where_nothing_was_told_there_is_nothing_to_go_to(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    number = await asked_and_told(database, STATION, clock.now(), owner=WORKS)
    browser = await sign_in("admin")
    assert "/customer" not in (await browser.get(f"/commands/{number}")).text
    assert (await browser.get(f"/commands/{number}/customer")).status_code == 404


async def test_who_may_not_see_personal_data_does_not_see_it(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    number = await asked_and_told(database, STATION, clock.now(), "name=Ada", owner=WORKS)
    hashed = await passwords.hashed(PASSWORD)
    async with database.unit_of_work() as db:
        await directory.create_person(
            db,
            "theo",
            {"roles": ["technician"], "organisation": WORKS, "name": "Theo"},
            password_hash=hashed,
            now=clock.now(),
        )
    for name in ("theo", "petra"):
        browser = await sign_in(name)
        assert f"/commands/{number}/customer" not in (await browser.get(f"/commands/{number}")).text
        answer = await browser.get(f"/commands/{number}/customer")
        assert answer.status_code in (403, 404)
        assert "Ada" not in answer.text
