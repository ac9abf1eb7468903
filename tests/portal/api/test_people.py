"""Tests of groups, API keys, shares and the audit over HTTP: nobody gets what he lacks."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text

from accounts import audit
from foundation.clock import SetClock
from foundation.database import Database
from tests.portal.conftest import client_of

GROUP = {
    "key": "night-shift",
    "name": "Night shift",
    "rights": ["stations.read", "commands.read"],
    "reach": "own",
}


@pytest.fixture
async def local(app: FastAPI, administrator: AsyncClient) -> AsyncIterator[AsyncClient]:
    """The administrator of the organisation north."""
    made = await administrator.post(
        "/api/v1/api-keys",
        json={"name": "north", "role": "administrator", "organisation": "north"},
    )
    async with client_of(app, made.json()["api_key"]) as client:
        yield client


async def test_the_shipped_groups_are_there_and_never_change(administrator: AsyncClient) -> None:
    items = (await administrator.get("/api/v1/groups")).json()["items"]
    changed = await administrator.patch(f"/api/v1/groups/{items[0]['id']}", json={"name": "X"})

    assert [each["key"] for each in items] == [
        "super_admin",
        "administrator",
        "support",
        "customer_success",
        "finance",
        "technician",
        "owner",
    ]
    assert (changed.status_code, changed.json()["code"]) == (409, "group_is_shipped")


async def test_a_group_is_made_changed_used_and_deleted(administrator: AsyncClient) -> None:
    made = await administrator.post("/api/v1/groups", json=GROUP)
    path = f"/api/v1/groups/{made.json()['id']}"
    changed = await administrator.patch(path, json={"rights": ["stations.read"], "name": "Night"})
    user = await administrator.post(
        "/api/v1/users", json={"user_name": "n", "group_id": made.json()["id"]}
    )
    in_use = await administrator.delete(path)
    await administrator.patch(f"/api/v1/users/{user.json()['id']}", json={"roles": ["owner"]})

    assert made.status_code == 201
    assert changed.json()["rights"] == ["stations.read"]
    assert user.json()["group"] == {"id": made.json()["id"], "key": "night-shift", "name": "Night"}
    assert (in_use.status_code, in_use.json()["code"]) == (409, "group_in_use")
    assert (await administrator.delete(path)).status_code == 204
    assert (await administrator.get(path)).status_code == 404


@pytest.mark.parametrize(
    "change",
    [{"rights": ["no.such"]}, {"reach": "galaxy"}, {"key": "Not A Key"}, {"name": " "}],
)
async def test_what_is_wrong_with_a_group_is_named(
    administrator: AsyncClient, change: dict[str, Any]
) -> None:
    refused = await administrator.post("/api/v1/groups", json={**GROUP, **change})

    [name] = change
    assert refused.status_code == 422
    assert refused.json()["field"].startswith(name)


async def test_nobody_gives_a_reach_wider_than_his_own(
    administrator: AsyncClient, local: AsyncClient
) -> None:
    wide = {**GROUP, "reach": "installation"}

    assert (await local.post("/api/v1/groups", json=wide)).status_code == 403
    assert (await local.post("/api/v1/groups", json=GROUP)).status_code == 201
    assert (await administrator.post("/api/v1/groups", json=wide)).status_code == 201


async def test_nobody_gives_a_right_that_he_lacks(app: FastAPI, administrator: AsyncClient) -> None:
    made = await administrator.post(
        "/api/v1/api-keys",
        json={
            "name": "narrow",
            "rights": ["users.write", "groups.write", "api_keys.write", "stations.read"],
            "reach": "own_and_below",
        },
    )
    async with client_of(app, made.json()["api_key"]) as narrow:
        wide = await narrow.post("/api/v1/groups", json=GROUP)
        key = await narrow.post("/api/v1/api-keys", json={"name": "X", "role": "owner"})
        user = await narrow.post("/api/v1/users", json={"user_name": "x", "roles": ["owner"]})
        fitting = await narrow.post("/api/v1/groups", json={**GROUP, "rights": ["stations.read"]})

    for refused in (wide, key, user):
        assert (refused.status_code, refused.json()["code"]) == (403, "more_than_own_rights")
    assert "'commands.read' (See commands)" in wide.json()["detail"]
    assert fitting.status_code == 201


async def test_nobody_changes_somebody_who_has_more_rights(
    app: FastAPI, administrator: AsyncClient
) -> None:
    boss = await administrator.post(
        "/api/v1/users", json={"user_name": "boss", "roles": ["administrator"]}
    )
    owner = await administrator.post("/api/v1/users", json={"user_name": "o", "roles": ["owner"]})
    rights = (await administrator.get("/api/v1/groups")).json()["items"][-1]["rights"]
    made = await administrator.post(
        "/api/v1/api-keys",
        json={
            "name": "people's",
            "rights": [*rights, "users.write", "users.read"],
            "reach": "own_and_below",
        },
    )
    async with client_of(app, made.json()["api_key"]) as narrow:
        above = await narrow.patch(
            f"/api/v1/users/{boss.json()['id']}", json={"password": "mine from now on"}
        )
        below = await narrow.patch(
            f"/api/v1/users/{owner.json()['id']}", json={"password": "fresh for him"}
        )

    assert (above.status_code, below.status_code) == (403, 200)


async def test_a_key_is_shown_once_limited_in_time_and_revoked(
    app: FastAPI, administrator: AsyncClient, clock: SetClock
) -> None:
    made = await administrator.post(
        "/api/v1/api-keys",
        json={
            "name": "Reports",
            "rights": ["stations.read"],
            "organisation": "north",
            "rate_per_minute": 60,
            "expires_at": "2026-10-16T00:00:00Z",
        },
    )
    path = f"/api/v1/api-keys/{made.json()['id']}"
    listed = (await administrator.get("/api/v1/api-keys")).text
    async with client_of(app, made.json()["api_key"]) as client:
        assert (await client.get("/api/v1/stations")).status_code == 200
        assert (await client.get("/api/v1/users")).status_code == 403
        assert (await administrator.patch(path, json={"expires_at": None})).status_code == 200
        clock.advance(timedelta(days=2))
        assert (await client.get("/api/v1/stations")).status_code == 200
        assert (
            await administrator.patch(path, json={"expires_at": "2026-10-18T00:00:00Z"})
        ).status_code == 200
        clock.advance(timedelta(days=1))
        assert (await client.get("/api/v1/stations")).status_code == 401
        await administrator.delete(path)
        again = await administrator.patch(path, json={"expires_at": None})

    assert made.json()["api_key"] not in listed
    assert again.status_code == 409


async def test_groups_and_keys_of_others_are_not_there(
    administrator: AsyncClient, local: AsyncClient, south: AsyncClient
) -> None:
    group = await administrator.post("/api/v1/groups", json=GROUP)
    key = await administrator.post("/api/v1/api-keys", json={"name": "X", "role": "owner"})

    for path in (f"/api/v1/groups/{group.json()['id']}", f"/api/v1/api-keys/{key.json()['id']}"):
        assert (await local.get(path)).status_code == 404
        assert (await local.delete(path)).status_code == 404
        assert (await administrator.get(path)).status_code == 200
    assert (await south.get("/api/v1/groups")).status_code == 403
    shown = (await local.get("/api/v1/groups")).json()["items"]
    assert all(each["is_shipped"] for each in shown)


async def test_every_deed_stands_in_the_audit_of_its_organisation(
    administrator: AsyncClient, local: AsyncClient, database: Database
) -> None:
    made = await local.post("/api/v1/users", json={"user_name": "n", "roles": ["owner"]})
    path = f"/api/v1/users/{made.json()['id']}"
    await local.patch(path, json={"password": "quite a secret"})
    await local.patch(path, json={"active": False})
    await administrator.post("/api/v1/groups", json=GROUP)

    north = (await local.get("/api/v1/audit")).json()["items"]
    everything = (await administrator.get("/api/v1/audit", params={"deed": "group"})).json()
    by_subject = (
        await local.get(
            "/api/v1/audit", params={"subject": f"user/{made.json()['id']}", "limit": 2}
        )
    ).json()

    assert [each["deed"] for each in north] == [
        "user.deactivate",
        "user.password",
        "user.create",
        "api_key.create",
    ]
    assert north[0]["before"] == {"active": True}
    assert north[0]["after"] == {"active": False}
    assert (north[0]["door"], north[0]["actor_name"]) == ("api", "north")
    assert "secret" not in str(north[:3])
    assert [each["deed"] for each in everything["items"]] == ["group.create"]
    assert len(by_subject["items"]) == 2
    assert by_subject["next"] is not None
    async with database.unit_of_work() as db:
        for chain in await audit.chains(db):
            assert await audit.verify_chain(db, chain) is None


async def test_the_audit_is_for_those_with_the_right(
    north: AsyncClient, client: AsyncClient
) -> None:
    assert (await north.get("/api/v1/audit")).status_code == 403
    assert (await client.get("/api/v1/audit")).status_code == 401


async def shared_station(administrator: AsyncClient, database: Database) -> None:
    made = await administrator.post(
        "/api/v1/stations", json={"identity": "N-1", "organisation": "north"}
    )
    assert made.status_code == 201


async def test_a_shared_station_is_seen_until_the_share_ends_by_the_clock(
    administrator: AsyncClient,
    north: AsyncClient,
    south: AsyncClient,
    clock: SetClock,
    database: Database,
) -> None:
    await shared_station(administrator, database)
    path = "/api/v1/stations/N-1"
    assert (await south.get(path)).status_code == 404

    shared = await north.put(
        f"{path}/shares",
        json={"organisation": "south", "level": "read", "valid_to": "2026-10-15T13:00:00Z"},
    )
    assert shared.status_code == 200
    assert (await south.get(path)).status_code == 200
    assert [each["identity"] for each in (await south.get("/api/v1/stations")).json()["items"]] == [
        "N-1"
    ]
    # To whom it is shared it is neither his to share nor to change, and its log is not his.
    assert (await south.get(f"{path}/shares")).status_code == 404
    assert (
        await south.put(f"{path}/shares", json={"organisation": "north-city", "level": "read"})
    ).status_code == 404

    clock.advance(timedelta(hours=1))
    assert (await south.get(path)).status_code == 404
    assert (await south.get("/api/v1/stations")).json()["items"] == []
    [past] = (await north.get(f"{path}/shares")).json()["items"]
    assert past["is_valid"] is False


async def test_a_share_is_ended_and_both_stand_in_the_audit(
    administrator: AsyncClient, north: AsyncClient, south: AsyncClient, database: Database
) -> None:
    await shared_station(administrator, database)
    path = "/api/v1/stations/N-1/shares"
    await north.put(path, json={"organisation": "south", "level": "command"})
    ended = await north.delete(f"{path}/south")
    again = await north.delete(f"{path}/south")
    deeds = (await administrator.get("/api/v1/audit", params={"subject": "station/N-1"})).json()

    assert (ended.status_code, again.status_code) == (204, 404)
    assert (await south.get("/api/v1/stations/N-1")).status_code == 404
    assert [each["deed"] for each in deeds["items"]][:2] == ["station.unshare", "station.share"]


async def test_sharing_tells_nothing_of_who_else_there_is(
    administrator: AsyncClient, north: AsyncClient, database: Database
) -> None:
    await shared_station(administrator, database)
    path = "/api/v1/stations/N-1/shares"
    real = await north.put(path, json={"organisation": "south", "level": "read"})
    fancied = await north.put(path, json={"organisation": "nobody-at-all", "level": "read"})
    items = (await north.get(path)).json()["items"]
    itself = await north.put(path, json={"organisation": "north", "level": "read"})

    strip = {"organisation": ""}
    assert real.json() | strip == fancied.json() | strip
    assert len(items) == 2
    assert itself.status_code == 422
    async with database.unit_of_work() as db:
        void = await db.scalar(text("select count(*) from station_shares where is_void"))
    assert void == 1


async def test_what_is_wrong_with_a_share_is_named(
    administrator: AsyncClient, north: AsyncClient, database: Database
) -> None:
    await shared_station(administrator, database)
    path = "/api/v1/stations/N-1/shares"
    for change, field in (
        ({"level": "own"}, "level"),
        ({"valid_to": "2026-10-15T11:00:00Z"}, "valid_to"),
        ({"organisation": "Not a key"}, "key"),
    ):
        body = {"organisation": "south", "level": "read", **change}
        refused = await north.put(path, json=body)
        assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert (await north.get("/api/v1/stations/X/shares")).status_code == 404
