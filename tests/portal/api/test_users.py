"""Tests of the REST calls about users."""

from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from accounts import api_keys
from accounts.sign_in import sign_in
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey

PATH = "/api/v1/users"
NEW: dict[str, Any] = {
    "user_name": "Erika",
    "email": "erika@x.example",
    "name": "Erika Muster",
    "roles": ["owner"],
    "organisation": "north",
    "language": "de",
    "password": "correct horse",
}


async def test_a_user_is_created_and_can_sign_in(
    administrator: AsyncClient, database: Database, clock: SetClock
) -> None:
    created = await administrator.post(PATH, json=NEW)
    signed_in = await sign_in(
        database,
        name="erika",
        password="correct horse",
        address="192.0.2.1",
        user_agent="",
        now=clock.now(),
    )

    assert created.status_code == 201
    assert created.json()["user_name"] == "erika"
    assert "password" not in created.text
    assert signed_in.person.id == created.json()["id"]
    assert (await administrator.get(f"{PATH}/{created.json()['id']}")).json() == created.json()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"user_name": "a@b"}, "user_name"),
        ({"roles": []}, "roles"),
        ({"roles": ["king"]}, "roles.0"),
        ({"organisation": "nowhere"}, "organisation"),
        ({"email": "nobody"}, "email"),
        ({"language": "fr"}, "language"),
        ({"password": "short"}, "password"),
    ],
)
async def test_what_is_wrong_with_a_user_is_named(
    administrator: AsyncClient, change: dict[str, object], field: str
) -> None:
    refused = await administrator.post(PATH, json={**NEW, **change})

    assert (refused.status_code, refused.json()["field"]) == (422, field)


async def test_a_user_is_deactivated_and_never_deleted(administrator: AsyncClient) -> None:
    boss = (
        await administrator.post(PATH, json={"user_name": "boss", "roles": ["administrator"]})
    ).json()
    made = (await administrator.post(PATH, json=NEW)).json()
    path = f"{PATH}/{made['id']}"

    changed = await administrator.patch(path, json={"active": False})
    last = await administrator.patch(f"{PATH}/{boss['id']}", json={"active": False})

    assert changed.json()["active"] is False
    assert (await administrator.delete(path)).status_code == 405
    assert (last.status_code, last.json()["code"]) == (409, "last_administrator")


async def test_user_names_are_unique_and_lists_are_paged(administrator: AsyncClient) -> None:
    for name in ("a", "b", "c"):
        await administrator.post(PATH, json={"user_name": name, "roles": ["owner"]})
    again = await administrator.post(PATH, json={"user_name": "A", "roles": ["owner"]})
    first = (await administrator.get(PATH, params={"limit": 2})).json()
    second = (await administrator.get(PATH, params={"limit": 2, "cursor": first["next"]})).json()

    assert (again.status_code, again.json()["code"]) == (409, "person_exists")
    names = [each["user_name"] for each in first["items"] + second["items"]]
    assert names == ["a", "b", "c"]


async def test_an_administrator_below_the_root_stays_among_his_own(
    app: FastAPI, administrator: AsyncClient, database: Database, clock: SetClock
) -> None:
    root_user = (
        await administrator.post(PATH, json={"user_name": "boss", "roles": ["administrator"]})
    ).json()
    async with database.unit_of_work() as db:
        _, key = await api_keys.create_api_key(
            db,
            role="administrator",
            name="north",
            organisation_key=OrganisationKey("north"),
            now=clock.now(),
        )
    async with AsyncClient(
        transport=ASGITransport(app),
        base_url="http://localhost",
        headers={"authorization": f"Bearer {key}"},
    ) as local:
        own = await local.post(PATH, json={"user_name": "own", "roles": ["owner"]})
        above = await local.post(
            PATH, json={"user_name": "x", "roles": ["owner"], "organisation": "root"}
        )
        foreign = await local.patch(f"{PATH}/{root_user['id']}", json={"password": "my own now"})
        listed = (await local.get(PATH)).json()["items"]

    assert (own.status_code, own.json()["organisation"]) == (201, "north")
    assert (above.status_code, above.json()["field"]) == (422, "organisation")
    assert foreign.status_code == 404
    assert [each["user_name"] for each in listed] == ["own"]


async def test_users_are_the_administrators_business(
    north: AsyncClient, support: AsyncClient
) -> None:
    assert (await north.get(PATH)).status_code == 403
    assert (await support.post(PATH, json=NEW)).status_code == 403
