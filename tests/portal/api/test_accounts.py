"""Tests of the REST calls about accounts and applications."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from accounts import api_keys
from accounts.permissions import Permission, Reach
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from tests.portal.conftest import client_of

ACCOUNTS = "/api/v1/accounts"
ASKED = "/api/v1/account-applications"
NEW: dict[str, Any] = {
    "kind": "new",
    "organisation": "north",
    "name": "North",
    "customer": "North GmbH",
    "licence": "business",
    "datapoints": 20,
}


@pytest.fixture
async def decider(app: FastAPI, database: Database, clock: SetClock, keys: object) -> AsyncClient:
    """Customer Success, by a key of its own."""
    async with database.unit_of_work() as db:
        _, key = await api_keys.create_api_key(
            db, name="carla", role="customer_success", now=clock.now()
        )
    return client_of(app, key)


async def granted(administrator: AsyncClient, decider: AsyncClient, **wanted: Any) -> None:
    made = await administrator.post(ASKED, json={**wanted})
    assert made.status_code == 201, made.text
    done = await decider.post(f"{ASKED}/{made.json()['id']}/approve")
    assert done.status_code == 200, done.text


async def test_an_account_is_applied_for_approved_and_seen(
    administrator: AsyncClient, decider: AsyncClient, north: AsyncClient, south: AsyncClient
) -> None:
    made = await administrator.post(ASKED, json=NEW)
    path = f"{ASKED}/{made.json()['id']}"
    own = await administrator.post(f"{path}/approve")
    none_yet = (await administrator.get(ACCOUNTS)).json()["items"]
    decided = await decider.post(f"{path}/approve")
    again = await decider.post(f"{path}/approve")
    [account] = (await administrator.get(ACCOUNTS, params={"state": "active"})).json()["items"]
    sheet = (await decider.get(f"{ACCOUNTS}/north")).json()

    assert (made.status_code, made.json()["state"]) == (201, "pending")
    assert (own.status_code, own.json()["code"]) == (403, "own_application")
    assert none_yet == []
    assert decided.json()["state"] == "approved"
    assert (again.status_code, again.json()["code"]) == (409, "application_decided")
    assert (account["starts_on"], account["ends_on"]) == ("2026-10-15", "2027-10-15")
    assert (account["tier"], account["datapoints_left"]) == ("basic", 20)
    assert sheet["licences"] == []
    assert (await south.get(ACCOUNTS)).status_code == 403
    assert (await north.get(f"{ACCOUNTS}/north")).status_code == 403
    assert (await administrator.get(ACCOUNTS, params={"state": "expired"})).json()["items"] == []


async def test_what_cannot_be_had_is_refused_with_the_rules_name(
    administrator: AsyncClient, decider: AsyncClient
) -> None:
    few = await administrator.post(ASKED, json={**NEW, "datapoints": 19})
    lines = await administrator.post(ASKED, json={**NEW, "rtc_lines": 1})
    root = await administrator.post(ASKED, json={**NEW, "organisation": "root"})
    nobody = await administrator.post(ASKED, json={**NEW, "organisation": "nobody"})
    none = await administrator.post(
        ASKED, json={"kind": "renewal", "organisation": "north", "months": 12}
    )
    first = await administrator.post(ASKED, json=NEW)
    second = await administrator.post(ASKED, json=NEW)
    reasonless = await decider.post(f"{ASKED}/{first.json()['id']}/reject", json={"reason": " "})
    rejected = await decider.post(
        f"{ASKED}/{first.json()['id']}/reject", json={"reason": "no contract"}
    )

    assert (few.status_code, few.json()["code"]) == (422, "too_few_datapoints")
    assert few.json()["field"] == "datapoints"
    assert lines.json()["code"] == "rtc_lines_only_in_spain"
    assert root.json()["code"] == "operators_own"
    assert (nobody.status_code, nobody.json()["field"]) == (422, "organisation")
    assert none.status_code == 404
    assert (second.status_code, second.json()["code"]) == (409, "application_pending")
    assert (reasonless.status_code, reasonless.json()["code"]) == (422, "reason_missing")
    assert rejected.json()["reason"] == "no contract"


async def test_somebody_below_the_root_sees_and_asks_for_his_own_part_and_decides_nothing(
    app: FastAPI, administrator: AsyncClient, database: Database, clock: SetClock
) -> None:
    rights = {
        Permission.ACCOUNTS_READ,
        Permission.ACCOUNTS_WRITE,
        Permission.ACCOUNTS_DECIDE,
    }
    async with database.unit_of_work() as db:
        _, key = await api_keys.create_api_key(
            db,
            name="south",
            rights=rights,
            reach=Reach.OWN_AND_BELOW,
            organisation_key=OrganisationKey("south"),
            now=clock.now(),
        )
    made = (await administrator.post(ASKED, json=NEW)).json()
    async with client_of(app, key) as south:
        assert (await south.get(ASKED)).json()["items"] == []
        assert (await south.get(f"{ASKED}/{made['id']}")).status_code == 404
        assert (await south.post(ASKED, json=NEW)).status_code == 422
        own = await south.post(ASKED, json={**NEW, "organisation": "south"})
        assert own.status_code == 201
        assert (await south.post(f"{ASKED}/{made['id']}/approve")).status_code == 403
        assert (await south.post(f"{ASKED}/{made['id']}/withdraw")).status_code == 404
        withdrawn = await south.post(f"{ASKED}/{own.json()['id']}/withdraw")
        assert withdrawn.json()["state"] == "withdrawn"


async def test_an_expired_account_lets_people_read_and_stops_changes_and_exports(
    app: FastAPI,
    administrator: AsyncClient,
    decider: AsyncClient,
    database: Database,
    clock: SetClock,
) -> None:
    body = {"identity": "CS-N", "organisation": "north", "password": "12345678"}
    assert (await administrator.post("/api/v1/stations", json=body)).status_code == 201
    await granted(administrator, decider, **NEW)
    async with database.unit_of_work() as db:
        _, key = await api_keys.create_api_key(
            db,
            name="north",
            rights=set(Permission) - {Permission.ACCOUNTS_DECIDE},
            reach=Reach.OWN,
            organisation_key=OrganisationKey("north"),
            now=clock.now(),
        )
    log = "/api/v1/stations/CS-N/frames"
    async with client_of(app, key) as north:
        before = await north.patch("/api/v1/stations/CS-N", json={"name": "One"})
        exported = await north.get(log, headers={"accept": "text/plain"})
        clock.advance(timedelta(days=400))
        read = await north.get("/api/v1/stations")
        changed = await north.patch("/api/v1/stations/CS-N", json={"name": "Two"})
        stopped = await north.get(log, headers={"accept": "text/plain"})
        listed = await north.get(log)
        renewal = await north.post(ASKED, json={"kind": "renewal", "organisation": "north"})

    assert (before.status_code, exported.status_code) == (200, 200)
    assert (read.status_code, listed.status_code) == (200, 200)
    assert (changed.status_code, changed.json()["code"]) == (403, "account_expired")
    assert (stopped.status_code, stopped.json()["code"]) == (403, "account_expired")
    assert renewal.status_code == 201


async def test_stations_are_added_up_to_the_datapoints_and_a_lower_tier_is_agreed_to(
    administrator: AsyncClient, decider: AsyncClient, database: Database
) -> None:
    def station(name: str, connectors: int) -> dict[str, Any]:
        return {
            "identity": name,
            "organisation": "north",
            "password": "12345678",
            "evses": [
                {"evse_id": each + 1, "connectors": [{"connector_id": 1}]}
                for each in range(connectors)
            ],
        }

    stations = "/api/v1/stations"
    assert (await administrator.post(stations, json=station("A", 18))).status_code == 201
    await granted(administrator, decider, **NEW)
    full = await administrator.post(stations, json=station("B", 3))
    fits = await administrator.post(stations, json=station("C", 1))
    await granted(
        administrator,
        decider,
        kind="point_licences",
        organisation="north",
        model="monthly",
        quantity=19,
    )
    professional = (await administrator.get(f"{ACCOUNTS}/north")).json()
    asked = await administrator.post(stations, json=station("D", 1))
    agreed = await administrator.post(f"{stations}?agree=true", json=station("D", 1))
    after = (await administrator.get(f"{ACCOUNTS}/north")).json()
    [licence] = after["licences"]
    ended = await administrator.delete(f"{ACCOUNTS}/north/licences/{licence['id']}")

    assert (full.status_code, full.json()["code"]) == (409, "datapoints_full")
    assert "20 datapoints, and 21" in full.json()["detail"]
    assert fits.status_code == 201
    assert (professional["tier"], professional["datapoints_used"]) == ("professional", 19)
    assert (asked.status_code, asked.json()["code"]) == (409, "tier_would_drop")
    assert "user_configuration" in asked.json()["stops"]
    assert agreed.status_code == 201
    assert (after["tier"], after["licences_needed"]["all"]) == ("basic", 20)
    assert ended.status_code == 200, "no tier is lost by it any more"
    assert ended.json()["licences"][0]["ends_on"] == "2026-10-15"


async def test_an_account_is_archived_after_its_grace_time(
    administrator: AsyncClient, decider: AsyncClient, clock: SetClock
) -> None:
    await granted(administrator, decider, **NEW)
    clock.advance(timedelta(days=400))
    early = await decider.post(f"{ACCOUNTS}/north/archive")
    clock.advance(timedelta(days=60))
    archived = await decider.post(f"{ACCOUNTS}/north/archive")

    assert (early.status_code, early.json()["code"]) == (409, "grace_runs")
    assert (archived.status_code, archived.json()["state"]) == (200, "archived")


async def test_every_deed_is_audited(administrator: AsyncClient, decider: AsyncClient) -> None:
    await granted(administrator, decider, **NEW)
    deeds = (await administrator.get("/api/v1/audit", params={"organisation": "north"})).json()
    found = [each["deed"] for each in deeds["items"] if each["deed"].startswith("account.")]

    assert found == ["account.approve", "account.apply"]


async def test_the_account_decides_about_the_licence(
    administrator: AsyncClient, decider: AsyncClient
) -> None:
    path = "/api/v1/organisations/north"
    before = await administrator.patch(path, json={"licence": "business_premium"})
    await granted(administrator, decider, **NEW)
    after = await administrator.patch(path, json={"licence": "monitoring"})
    same = await administrator.patch(path, json={"licence": "business", "name": "N"})

    assert (before.status_code, after.status_code, same.status_code) == (200, 409, 200)
