"""Agreements by pages: made, changed from a day on, ended; what is refused, and who may."""

import httpx
import pytest
from sqlalchemy import text

from accounts import directory
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from portal.pages.agreements import state_of
from roaming.agreements import DEFAULT, Agreement
from tests.portal.pages.conftest import NOON, SignIn, token_in
from tests.portal.pages.world import PARKING, ROOT

pytestmark = pytest.mark.usefixtures("lively")

TERMS = {
    "internal": "100",
    "external": "87,5",
    "basis": "net",
    "internal_scope": "operator",
    "external_due": "receipt",
}


async def send(browser: httpx.AsyncClient, path: str, **form: str) -> httpx.Response:
    token = token_in((await browser.get("/agreements/1")).text)
    return await browser.post(path, data={"csrf": token, **form}, follow_redirects=True)


async def number_of(database: Database, payee: str) -> int:
    async with database.unit_of_work() as db:
        query = "select max(id) from agreements where payee = :payee"
        return int((await db.execute(text(query), {"payee": payee})).scalar_one())


async def test_an_agreement_is_made_changed_from_a_day_on_and_ended(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("admin")
    assert "New agreement" in (await browser.get("/agreements")).text
    made = await send(browser, "/agreements", payee=ROOT, **TERMS, **{"from": "2026-11-01"})
    assert made.status_code == 200, made.text
    assert "The agreement is made." in made.text
    assert "87.5%" in made.text
    assert "once the provider has paid its invoice" in made.text
    first = await number_of(database, ROOT)
    assert made.url.path == f"/agreements/{first}"
    assert 'value="87.5"' in made.text, "the form of other terms begins with these"

    other = {**TERMS, "external": "80", "from": "2026-12-01"}
    changed = await send(browser, f"/agreements/{first}/terms", **other)
    second = await number_of(database, ROOT)
    assert changed.url.path == f"/agreements/{second}" != f"/agreements/{first}"
    assert f'href="/agreements/{first}">{first}</a>' in changed.text, "its history"

    ended = await send(browser, f"/agreements/{second}/end", to="2026-12-31")
    assert "The agreement ends." in ended.text
    async with database.unit_of_work() as db:
        rows = await db.execute(
            text(
                "select deed, actor from audit_entries where deed like 'agreement.%' order by id"
                " desc limit 3"
            )
        )
        assert [row[0] for row in rows] == [
            "agreement.end",
            "agreement.change",
            "agreement.create",
        ]
        ends = await db.execute(
            text("select max(ended_at) from agreement_ends where agreement_id = :id"),
            {"id": second},
        )
        assert ends.scalar_one().isoformat().startswith("2026-12-31T23:00"), "Berlin's midnight"


async def test_two_at_once_an_end_before_the_beginning_and_odd_shares_are_refused(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("admin")
    standing = await number_of(database, PARKING)
    twice = await send(browser, "/agreements", payee=PARKING, **TERMS)
    assert twice.status_code == 422
    assert f"There is agreement {standing} in that time already" in twice.text
    assert 'value="87,5"' in twice.text, "what was entered is kept"

    day = {"from": "2026-12-01"}
    for wrong, said in (
        ({"external": "100.1"}, "A share is 0 to 100 per cent"),
        ({"internal": "99.999"}, "A share is 0 to 100 per cent"),
        ({"to": "2026-11-30"}, "The last day must not lie before the first."),
        ({"from": "soon"}, "This is no day."),
        ({"payee": "nobody"}, "No organisation has this key or name."),
    ):
        refused = await send(browser, "/agreements", **{"payee": ROOT, **TERMS, **day, **wrong})
        assert (refused.status_code, said in refused.text) == (422, True), wrong
    kept = await send(browser, "/agreements", **{"payee": ROOT, **TERMS, **day})
    assert kept.status_code == 200

    ended = await send(browser, f"/agreements/{standing}/end", to="2020-01-01")
    assert ended.status_code == 422
    assert "Choose a day while this agreement is valid" in ended.text
    assert (await send(browser, f"/agreements/{standing}/end")).status_code == 200
    over = await send(browser, f"/agreements/{standing}/terms", **TERMS)
    assert over.status_code == 422


async def test_one_that_has_not_begun_is_taken_off_and_makes_room(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("admin")
    form = {"payee": ROOT, **TERMS, "from": "2027-01-01"}
    await send(browser, "/agreements", **form)
    number = await number_of(database, ROOT)
    assert "it does not begin" in (await browser.get(f"/agreements/{number}")).text
    gone = await send(browser, f"/agreements/{number}/end")
    assert "Over" in gone.text
    again = await send(browser, "/agreements", **form)
    assert again.status_code == 200


async def test_the_list_is_searched_and_filtered_and_each_sees_his_own_alone(
    sign_in: SignIn,
) -> None:
    browser = await sign_in("admin")
    both = (await browser.get("/agreements")).text
    assert "Stadtwerke Heilbronn</a>" in both
    assert "Parkhaus" in both
    found = (await browser.get("/agreements?q=STADT&state=valid")).text
    assert "Stadtwerke Heilbronn</a>" in found
    assert 'class="go" href="/agreements/2"' not in found
    assert "No agreement matches" in (await browser.get("/agreements?state=over")).text
    assert (await browser.get("/agreements/999")).status_code == 404
    assert (await browser.get("/agreements/x")).status_code == 404
    browser.cookies.clear()
    await sign_in("petra")
    own = (await browser.get("/agreements")).text
    assert "Stadtwerke Heilbronn" not in own
    assert "New agreement" not in own
    seen = [(await browser.get(f"/agreements/{number}")).status_code for number in (1, 2)]
    assert sorted(seen) == [200, 404]
    assert (await browser.get("/agreements/new")).status_code == 403


async def test_of_many_payees_one_is_typed(sign_in: SignIn, database: Database) -> None:
    async with database.unit_of_work() as db:
        for number in range(60):
            key = OrganisationKey(f"town-{number}")
            await directory.create_organisation(db, key, {"name": f"Town {number}"}, now=NOON)
    browser = await sign_in("admin")
    form = (await browser.get("/agreements/new")).text
    assert '<select id="payee"' not in form
    assert "Its key, its name or a part of it." in form
    several = await send(browser, "/agreements", payee="town", **TERMS)
    assert "Several match: Town 0 (town-0)" in several.text
    assert (await send(browser, "/agreements", payee="town 17", **TERMS)).status_code == 200
    assert await number_of(database, "town-17")
    for path in ("/statements", "/late-sessions"):
        page = (await browser.get(f"{path}?payee=town")).text
        assert "Several match: Town 0 (town-0)" in page, path
        assert "Several match" not in (await browser.get(f"{path}?payee=town+17")).text
        assert "No organisation has this key" not in (await browser.get(path)).text
    assert (
        "Several match" in (await browser.get("/statements/dry-run?payee=town&month=2026-09")).text
    )
    shadow = await send(browser, "/months/shadow", payee="town", month="2026-10")
    assert (shadow.status_code, "Several match" in shadow.text) == (422, True)
    drawn = await send(browser, "/months/shadow", payee="Stadtwerke H", month="2026-10")
    assert drawn.url.path == "/months/2026-10/stadtwerke"
    assign = {"price_list": "standard", "valid_from": ""}
    unsaid = await send(browser, "/service-costs/prices/assign", organisation="town", **assign)
    assert "Several match" in unsaid.text


def test_an_agreement_that_never_holds_is_over() -> None:
    never = Agreement(1, OrganisationKey("town"), DEFAULT, NOON, NOON)
    assert state_of(never, NOON.replace(year=2020)) == "over"
