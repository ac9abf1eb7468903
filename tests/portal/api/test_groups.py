"""Tests of groups over HTTP: nobody gives what he lacks."""

from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from accounts.permissions import SHIPPED
from tests.portal.conftest import client_of

GROUP = {
    "key": "night-shift",
    "name": "Night shift",
    "rights": ["stations.read", "commands.read"],
    "reach": "own",
}


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
    assert [each["is_shipped"] for each in shown] == [True] * len(SHIPPED)
