"""A station's data sheet over the API: written by its own side, hidden from others."""

import base64

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from portal.api.routes import ROUTERS
from portal.application import create_application
from portal.context import PortalContext

SHEET = "/api/v1/stations/CS-1"


@pytest.fixture
def app(context: PortalContext) -> FastAPI:
    return create_application(context, api=ROUTERS)


@pytest.fixture(autouse=True)
async def station(administrator: AsyncClient) -> None:
    body = {"identity": "CS-1", "organisation": "north", "password": "12345678"}
    assert (await administrator.post("/api/v1/stations", json=body)).status_code == 201


async def test_a_sheet_is_written_and_read_by_its_own_side_alone(
    administrator: AsyncClient, north: AsyncClient, south: AsyncClient
) -> None:
    fact = {"name": "Key", "value": "at the office"}
    assert (await administrator.put(f"{SHEET}/facts", json=fact)).status_code == 204
    [kept] = (await north.get(f"{SHEET}/facts")).json()["items"]
    assert (kept["name"], kept["value"]) == ("Key", "at the office")
    assert (await administrator.delete(f"{SHEET}/facts/{kept['id']}")).status_code == 204

    made = await administrator.post(f"{SHEET}/components", json={"name": "Router"})
    assert made.status_code == 201, made.text
    path = f"{SHEET}/components/{made.json()['id']}"
    changed = await administrator.put(path, json={"name": "Router", "version": "7.2"})
    assert changed.json()["version"] == "7.2"
    assert (await administrator.delete(path)).status_code == 204
    assert (await administrator.delete(path)).status_code == 404

    entry = {"text": "Cable changed."}
    assert (await administrator.post(f"{SHEET}/history", json=entry)).status_code == 204
    assert (await north.get(f"{SHEET}/history")).json()["items"][0]["text"] == "Cable changed."
    for tab in ("facts", "components", "documents", "history"):
        assert (await south.get(f"{SHEET}/{tab}")).status_code == 404


async def test_a_document_comes_back_as_it_was(
    administrator: AsyncClient, south: AsyncClient
) -> None:
    body = {"file_name": "a.pdf", "content": base64.b64encode(b"%PDF").decode()}
    made = await administrator.post(f"{SHEET}/documents", json=body)
    assert made.status_code == 201, made.text
    path = f"{SHEET}/documents/{made.json()['id']}"
    assert (await administrator.get(f"{path}/content")).content == b"%PDF"
    assert (await south.get(f"{path}/content")).status_code == 404
    wrong = await administrator.post(f"{SHEET}/documents", json={**body, "content": "?"})
    assert wrong.status_code == 422
    assert (await administrator.delete(path)).status_code == 204
    assert (await administrator.get(f"{path}/content")).status_code == 404
