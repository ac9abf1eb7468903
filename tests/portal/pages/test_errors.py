"""What a person sees when something is refused or goes wrong."""

import httpx
from fastapi import FastAPI
from starlette.requests import Request

from portal import problems
from portal.pages.errors import error_page
from tests.portal.pages.conftest import SignIn


async def test_an_unknown_page_offers_the_way_back(sign_in: SignIn) -> None:
    browser = await sign_in("admin")
    answer = await browser.get("/there/is/nothing")
    assert answer.status_code == 404
    assert "There is no such page" in answer.text
    assert 'href="/"' in answer.text
    browser.headers["accept-language"] = "de"
    assert "Diese Seite gibt es nicht" in (await browser.get("/nichts")).text


async def test_a_missing_right_is_named_and_not_hidden_as_missing(sign_in: SignIn) -> None:
    answer = await (await sign_in("otto")).get("/outbox")
    assert answer.status_code == 403
    assert "An administrator of your organisation can help." in answer.text


async def test_every_refusal_has_a_page(application: FastAPI) -> None:
    for status in (400, 401, 403, 404, 405, 409, 413, 418, 422, 429, 503):
        problem = problems.Problem(status=status, code="x", title="X", detail="A <b> detail.")
        response = error_page(_request(application), problem)
        assert response.status_code == status
        assert "<b>" not in bytes(response.body).decode()


async def test_our_own_mistake_gives_a_number_and_nothing_else(application: FastAPI) -> None:
    response = error_page(_request(application), problems.problem_of_incident("4f2a91bc"))
    html = bytes(response.body).decode()
    assert response.status_code == 500
    assert "4f2a91bc" in html
    assert "Something went wrong on our side" in html
    assert 'href="/stations"' in html  # try again


def _request(app: FastAPI) -> Request:
    headers = httpx.Headers({"accept-language": "en"})
    return Request(
        {
            "type": "http",
            "app": app,
            "method": "GET",
            "path": "/stations",
            "query_string": b"",
            "scheme": "http",
            "server": ("portal.example", 80),
            "headers": headers.raw,
            "state": {},
        }
    )
