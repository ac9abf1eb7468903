"""The pages of id tokens: the list, a new one, and what of one is changed and refused."""

import pytest
from httpx import AsyncClient, Response

from accounts.directory import WHOLE
from csms import registry
from csms.registry import StoredToken
from foundation.database import Database
from foundation.identifiers import normalised_token
from tests.portal.pages.conftest import SignIn, token_in

pytestmark = pytest.mark.usefixtures("lively")


FOREIGN = "DE-EMP-C00000001-X"


async def post(browser: AsyncClient, path: str, data: dict[str, str]) -> Response:
    """Send a form as its page would."""
    form = (await browser.get("/tokens/new")).text
    return await browser.post(path, data=data | {"csrf": token_in(form)})


async def stored(database: Database, id_token: str) -> StoredToken | None:
    async with database.unit_of_work() as db:
        found = await registry.id_tokens(db, WHOLE, key=normalised_token(id_token), limit=1)
    return found[0] if found else None


async def test_tokens_say_who_answers_for_them(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("admin")
    html = (await browser.get("/tokens?q=04DEADBEEF")).text
    assert "Blocked" in html
    assert "Stadtwerke Heilbronn" in html
    html = (await browser.get("/tokens?q=DE-EMP")).text
    assert "DE*EMP" in html
    assert "External" in html
    assert "No token matches" in (await browser.get("/tokens?q=zzz")).text


async def test_an_owner_sees_his_own_tokens_and_changes_none(sign_in: SignIn) -> None:
    browser = await sign_in("otto")
    html = (await browser.get("/tokens")).text
    assert "04DEADBEEF" in html
    assert "DE*EMP" not in html
    assert 'href="/tokens/' not in html, "nothing leads to a form that he may not use"
    for path in ("/tokens/new", "/tokens/04DEADBEEF", f"/tokens/{FOREIGN}"):
        assert (await browser.get(path)).status_code == 403


FORM = {"type": "ISO14443", "status": "accepted", "organisation": "stadtwerke"}


async def test_a_token_is_added_changed_and_blocked(sign_in: SignIn, database: Database) -> None:
    browser = await sign_in("helen")
    new = FORM | {
        "id_token": "04:AA:BB:01",
        "group_id": "CREW",
        "valid_until": "2027-01-31T23:59",
        "language1": "de",
    }
    answer = await post(browser, "/tokens", new)
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/tokens")
    kept = await stored(database, "04aabb01")
    assert kept is not None
    assert (kept.id_token, kept.organisation, kept.group_id) == (
        "04:AA:BB:01",
        "stadtwerke",
        "CREW",
    )
    assert (kept.language1, str(kept.valid_until)) == ("de", "2027-01-31 22:59:00+00:00")
    path = "/tokens/04:AA:BB:01"
    html = (await browser.get(path)).text
    assert 'value="2027-01-31T23:59"' in html
    assert 'value="CREW"' in html
    change = FORM | {
        "status": "blocked",
        "valid_until": "2027-01-31T23:59",
        "language1": "de-CH",
        "language2": "fr",
    }
    assert (await post(browser, path, change)).status_code == 303
    kept = await stored(database, "04aabb01")
    assert kept is not None
    assert (kept.status, kept.group_id, kept.language1, kept.language2) == (
        "blocked",
        None,
        "de-CH",
        "fr",
    )
    audit = (await (await sign_in("admin")).get("/audit?what=id_token/04AABB01")).text
    assert (audit.count("Token added"), audit.count("Token changed")) == (1, 1)


@pytest.mark.parametrize(
    ("wrong", "field", "why"),
    [
        ({"id_token": "-:-"}, "id_token", "not only separators"),
        ({"id_token": "04DEADBEEF"}, "id_token", "on the list already"),
        ({"organisation": "no-such-house"}, "organisation", "No organisation has this key"),
        ({"provider": "DE*EMP"}, "organisation", "either the organisation or the provider"),
        ({"organisation": ""}, "organisation", "either the organisation or the provider"),
        ({"type": "Card"}, "type", "Choose one of the list"),
        ({"status": "good"}, "status", "Choose one of the list"),
        ({"valid_until": "tomorrow"}, "valid_until", "Write day and time"),
        ({"valid_until": "0001-01-01T00:00"}, "valid_until", "Write day and time"),
        ({"language1": "german"}, "language1", "two letters of ISO 639-1"),
        ({"language2": "de"}, "language1", "the second needs a first"),
        ({"organisation": "", "provider": "XX*NO"}, "provider", "There is no such provider"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_nothing_is_stored(
    sign_in: SignIn, database: Database, wrong: dict[str, str], field: str, why: str
) -> None:
    browser = await sign_in("helen")
    said = FORM | {"id_token": "04NEW"} | wrong
    answer = await post(browser, "/tokens", said)
    assert answer.status_code == 422
    assert f'<a href="#{field}">' in answer.text
    assert why in answer.text
    assert await stored(database, "04NEW") is None


async def test_a_providers_token_stays_its_own_until_it_is_given_away(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("helen")
    path = f"/tokens/{FOREIGN}"
    assert '<option value="DE*EMP" selected>' in (await browser.get(path)).text
    said = {"type": "eMAID", "status": "blocked", "organisation": "", "provider": "DE*EMP"}
    assert (await post(browser, path, said)).status_code == 303
    kept = await stored(database, FOREIGN)
    assert kept is not None
    assert (kept.status, kept.provider, kept.organisation) == ("blocked", "DE*EMP", None)
    assert (await post(browser, path, FORM)).status_code == 303
    kept = await stored(database, FOREIGN)
    assert kept is not None
    assert (kept.provider, kept.organisation) == (None, "stadtwerke")
    assert (await post(browser, "/tokens/NOBODYS", FORM)).status_code == 404
