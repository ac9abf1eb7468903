"""Many stations at once, sticker sheets and tasks over the API."""

import io
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from pypdf import PdfReader

from foundation.clock import SetClock
from foundation.database import Database
from foundation.settings import Settings
from tests.portal.api.test_monitoring import (  # noqa: F401 - fixtures, and what they need
    API,
    BOTH_IDS,
    TAB,
    app,
    database,
    key_with,
    station,
)
from tests.portal.conftest import client_of

pytestmark = pytest.mark.usefixtures("station")


@pytest.fixture
def settings() -> Settings:
    return Settings(hotline_number="+49 800 1234567", public_url="https://portal.example")


async def add(administrator: AsyncClient, identity: str, evse_id: str | None) -> None:
    evse: dict[str, Any] = {"evse_id": 1} | ({"emi3_id": evse_id} if evse_id else {})
    body = {"identity": identity, "organisation": "north", "password": "12345678", "evses": [evse]}
    assert (await administrator.post(f"{API}/stations", json=body)).status_code == 201


async def test_many_are_previewed_activated_at_the_cost_that_was_told_and_ended(
    administrator: AsyncClient,
    south: AsyncClient,
    app: FastAPI,  # noqa: F811
    database: Database,  # noqa: F811
    clock: SetClock,
) -> None:
    await add(administrator, "CS-2", "DE*ABC*E20")
    await add(administrator, "CS-3", "DE*ABC*E30")
    those = {"stations": ["CS-1", "CS-2", "CS-3"]}
    preview = (await administrator.post(f"{API}/monitoring/preview", json=those)).json()
    assert [each["outcome"] for each in preview["stations"]] == [
        "refused",
        "switched_on",
        "switched_on",
    ]
    assert "no EVSE ID: 2." in preview["stations"][0]["refusal"]
    assert preview["per_year"] == [{"amount": "237.60", "currency": "EUR"}]
    wrong = {**those, "told": "3 / 1.00 EUR"}
    refused = await administrator.post(f"{API}/monitoring/activations", json=wrong)
    assert (refused.status_code, refused.json()["code"]) == (409, "cost_changed")
    right = {**those, "told": preview["told"]}
    async with client_of(app, await key_with(database, clock, TAB)) as tab:
        no_release = await tab.post(f"{API}/monitoring/activations", json=right)
        assert no_release.status_code == 403
    assert (await south.post(f"{API}/monitoring/preview", json=those)).status_code in {403, 404}
    done = await administrator.post(f"{API}/monitoring/activations", json=right)
    assert done.json() == {"switched_on": ["CS-2", "CS-3"], "releases_waiting": []}
    ended = await administrator.post(f"{API}/monitoring/deactivations", json=those)
    assert ended.json() == {"switched_off": ["CS-2", "CS-3"]}


async def test_7_2_a_sticker_sheet_is_given_while_the_station_is_active_and_complete(
    administrator: AsyncClient, south: AsyncClient
) -> None:
    path = f"{API}/stations/CS-1/monitoring/stickers"
    refused = await administrator.get(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_monitored")
    await administrator.patch(f"{API}/stations/CS-1", json={"evses": BOTH_IDS})
    assert (await administrator.put(f"{API}/stations/CS-1/monitoring")).status_code == 200
    given = await administrator.get(path, params={"language": "de"})
    text = PdfReader(io.BytesIO(given.content)).pages[0].extract_text()
    assert "Hilfe beim Laden" in text
    assert (await south.get(path)).status_code in {403, 404}
    third = {"evses": [*BOTH_IDS, {"evse_id": 3}]}
    await administrator.patch(f"{API}/stations/CS-1", json=third)
    lost = await administrator.get(path)
    assert (lost.status_code, lost.json()["code"]) == (409, "evse_ids_missing")


async def test_a_task_is_noted_as_done_once(administrator: AsyncClient) -> None:
    await administrator.patch(f"{API}/stations/CS-1", json={"evses": BOTH_IDS})
    await administrator.put(f"{API}/stations/CS-1/monitoring")
    path = f"{API}/stations/CS-1/monitoring/tasks/send_stickers/done"
    assert (await administrator.post(path)).status_code == 204
    assert (await administrator.post(path)).status_code == 404
