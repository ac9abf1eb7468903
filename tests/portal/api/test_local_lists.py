"""The calls of local lists."""

import httpx
import pytest
from sqlalchemy import text

from csms import local_list_store
from csms.local_lists import Entry, Held
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import StationId


@pytest.fixture
async def path(works: httpx.AsyncClient, filled_database: Database, clock: SetClock) -> str:
    """A station that has connected and holds a list with one entry that is no token any more."""
    [first, *_] = (await works.get("/api/v1/stations", params={"limit": 1})).json()["items"]
    identity = str(first["identity"])
    async with filled_database.unit_of_work() as db:
        await db.execute(
            text("update stations set ocpp_version = 'ocpp2.0.1' where identity = :station"),
            {"station": identity},
        )
        held = Held(6, {"GONE": Entry("GONE", "ISO14443")}, is_known=True, last_version=6)
        await local_list_store.keep(db, StationId(identity), held, clock.now())
    return f"/api/v1/stations/{identity}/local-list"


async def test_what_it_holds_and_should_hold_is_told_by_pages(
    works: httpx.AsyncClient, path: str
) -> None:
    found = (await works.get(path)).json()
    assert (found["version"], found["held"], found["removed"]) == (6, 1, 1)
    assert not found["is_up_to_date"]
    first = (await works.get(f"{path}/entries", params={"limit": 1})).json()
    told = first["items"]
    while first["next"] is not None:
        ask = {"limit": 1, "cursor": first["next"]}
        first = (await works.get(f"{path}/entries", params=ask)).json()
        told += first["items"]
    assert len(told) == found["wanted"] + 1
    assert {each["place"] for each in told} <= {"missing", "too_much"}
    assert sum(each["place"] == "too_much" for each in told) == 1


async def test_an_update_is_refused_without_a_connection_and_to_strangers(
    boss: httpx.AsyncClient,
    works: httpx.AsyncClient,
    parking: httpx.AsyncClient,
    filled_database: Database,
    path: str,
) -> None:
    assert (await parking.get(path)).status_code == 404
    assert (await works.post(f"{path}/updates", json={})).status_code == 403
    unordered = await boss.post(f"{path}/updates", json={})
    assert (unordered.status_code, unordered.json()["code"]) == (403, "change_order_needed")
    async with filled_database.unit_of_work() as db:
        await db.execute(
            text(
                "update station_owners set organisation = (select key from organisations"
                " where parent is null) where station = :station and valid_to is null"
            ),
            {"station": path.split("/")[4]},
        )
        await db.execute(text("update station_connections set closed_at = now()"))
    refused = await boss.post(f"{path}/updates", json={})
    assert (refused.status_code, refused.json()["code"]) == (503, "station_unreachable")
    assert (await boss.get(path)).json()["updates"] == [], "nothing began"
