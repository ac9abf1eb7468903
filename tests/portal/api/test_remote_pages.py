"""Stations' own pages over HTTP: entered by the operator alone."""

import pytest
from httpx import AsyncClient

from foundation.settings import Settings
from tests.portal.api.test_commands import made

PATH = "/api/v1/stations/CS-1/remote-pages"
PAGE = {"title": "Logger", "url": "https://10.8.0.14/ui/", "checks_certificate": False}


@pytest.fixture
def settings() -> Settings:
    return Settings(tunnel_url="https://{}.pages.test", tunnel_networks=("10.8.0.0/16",))


async def test_addresses_are_the_operators_and_lie_in_his_networks(
    administrator: AsyncClient, support: AsyncClient, north: AsyncClient, south: AsyncClient
) -> None:
    await made(administrator, "CS-1", "north")
    for other in (support, north):
        assert (await other.post(PATH, json=PAGE)).status_code == 403
    assert (await south.get(PATH)).status_code == 404
    for url in ("http://10.9.0.1/", "http://127.0.0.1/", "ftp://10.8.0.1/", "http://u:p@10.8.0.1/"):
        refused = await administrator.post(PATH, json=PAGE | {"url": url})
        assert (refused.status_code, refused.json()["code"]) == (422, "inner_target_refused"), url
    entered = await administrator.post(PATH, json=PAGE)
    assert entered.status_code == 201, entered.text
    twice = await administrator.post(PATH, json=PAGE)
    assert (twice.status_code, twice.json()["code"]) == (409, "remote_page_exists")
    for number in range(4):
        more = PAGE | {"title": f"Logger {number}"}
        assert (await administrator.post(PATH, json=more)).status_code == 201
    enough = await administrator.post(PATH, json=PAGE | {"title": "One more"})
    assert (enough.status_code, enough.json()["code"]) == (409, "too_many_remote_pages")
    listed = (await north.get(PATH)).json()["pages"]
    assert [each["title"] for each in listed][:2] == ["Logger", "Logger 0"]
    one = f"{PATH}/{entered.json()['id']}"
    assert (await north.delete(one)).status_code == 403
    assert (await administrator.delete(one)).status_code == 204
    assert (await administrator.delete(one)).status_code == 404
    assert (await north.get(f"{PATH}/openings")).json() == {"items": [], "next": None}
    assert (await north.post(f"{PATH}/openings/1/close")).status_code == 404


async def test_an_administrator_below_the_operator_enters_none(
    administrator: AsyncClient, local: AsyncClient
) -> None:
    await made(administrator, "CS-1", "north")
    refused = await local.post(PATH, json=PAGE)
    assert (refused.status_code, refused.json()["code"]) == (403, "operator_only")
