"""The page that the QR code on a sticker leads to: for anybody, and nothing personal."""

import re

import httpx
import pytest

from portal.visits import PER_MINUTE

PLACE = "/at/DE*ABC*E0021"

pytestmark = pytest.mark.usefixtures("lively")


async def test_anybody_sees_state_price_start_and_help_in_both_languages(
    browser: httpx.AsyncClient,
) -> None:
    page = await browser.get(PLACE)
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    for said in ("DE*ABC*E0021", "Price", "/kWh", "How to start", "Help", "Other charge points"):
        assert said in page.text
    german = await browser.get(PLACE, headers={"accept-language": "de"})
    for said in ("Preis", "So laden Sie", "Hilfe", "Weitere Ladepunkte"):
        assert said in german.text


async def test_the_id_may_be_typed_as_people_do_and_a_part_of_it_finds_nothing(
    browser: httpx.AsyncClient,
) -> None:
    assert (await browser.get("/at/deabce0021")).status_code == 200
    for wrong in ("DE*ABC*E002", "DE*ABC", "DE-HN-002", "x", "%00"):
        assert (await browser.get(f"/at/{wrong}")).status_code in (404, 422), wrong


async def test_nothing_of_owners_sessions_or_tokens_is_told(browser: httpx.AsyncClient) -> None:
    for number in (2, 3, 4, 5):
        text = (await browser.get(f"/at/DE*ABC*E{number:03}1")).text
        for secret in (
            "DE-HN-",
            "Stadtwerke",
            "kWh geladen",
            "04DEADBEEF",
            "/stations",
            "/sessions",
        ):
            assert secret not in text, secret
        assert not re.search(r"since|seit \d", text)


async def test_who_looks_too_often_waits(browser: httpx.AsyncClient) -> None:
    for _ in range(PER_MINUTE):
        last = await browser.get("/at/x")
    assert last.status_code == 404
    refused = await browser.get(PLACE)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert (await browser.get("/sign-in")).status_code == 200
