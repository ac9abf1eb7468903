"""The rules of the business about people, a test for each row: docs/rules.md lists them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text

from accounts import api_keys
from accounts.permissions import RIGHTS, SHIPPED, Area, Permission, Reach, Role
from billing import pricing
from billing.pricing import NewAssignment, place_from
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from portal.guard import MASK
from tests.billing.story import LONG_AGO, NOVEMBER, ended, happen, tariff
from tests.portal.conftest import (  # noqa: F401 - fixtures, taken by their names
    Keys,
    administrator,
    app,
    client_of,
    context,
    keys,
    north,
    settings,
    south,
)

API = "/api/v1"


@asynccontextmanager
async def somebody(
    app: FastAPI,  # noqa: F811
    database: Database,
    clock: SetClock,
    organisation: str,
    rights: set[Permission],
    reach: Reach = Reach.OWN_AND_BELOW,
) -> AsyncIterator[AsyncClient]:
    """A client with just these rights."""
    async with database.unit_of_work() as db:
        _, key = await api_keys.create_api_key(
            db,
            name="somebody",
            rights=rights,
            reach=reach,
            organisation_key=OrganisationKey(organisation),
            now=clock.now(),
        )
    async with client_of(app, key) as client:
        yield client


async def items(client: AsyncClient, path: str) -> list[dict[str, Any]]:
    answer = await client.get(f"{API}{path}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


@pytest.fixture
async def stations(administrator: AsyncClient) -> None:  # noqa: F811
    """A station of each organisation."""
    for owner in ("root", "north", "north-city", "south"):
        body = {"identity": f"CS-{owner}", "organisation": owner, "password": "12345678"}
        assert (await administrator.post(f"{API}/stations", json=body)).status_code == 201


# ------------------------------------------------------------------ 1.4 Users, groups, entities


@pytest.mark.usefixtures("stations")
async def test_1_4_entities_are_a_tree_and_customers_see_only_their_own_part(
    administrator: AsyncClient,  # noqa: F811
    north: AsyncClient,  # noqa: F811
    south: AsyncClient,  # noqa: F811
) -> None:
    token = {"id_token": "04A2", "organisation": "north-city"}
    assert (await administrator.post(f"{API}/id-tokens", json=token)).status_code == 201

    assert [each["identity"] for each in await items(north, "/stations")] == [
        "CS-north",
        "CS-north-city",
    ]
    assert [each["key"] for each in await items(north, "/organisations")] == [
        "north",
        "north-city",
    ]
    assert len(await items(north, "/id-tokens")) == 1
    assert await items(south, "/id-tokens") == []
    assert (await south.get(f"{API}/stations/CS-north")).status_code == 404
    assert (await south.get(f"{API}/organisations/north")).status_code == 404


@pytest.mark.parametrize(
    ("reach", "seen"),
    [
        (Reach.OWN, {"CS-north"}),
        (Reach.OWN_AND_BELOW, {"CS-north", "CS-north-city"}),
        (Reach.INSTALLATION, {"CS-root", "CS-north", "CS-north-city", "CS-south"}),
    ],
)
@pytest.mark.usefixtures("stations")
async def test_1_4_visibility_of_a_group_is_one_of_three_and_holds_for_everything(
    app: FastAPI,  # noqa: F811
    administrator: AsyncClient,  # noqa: F811
    database: Database,
    clock: SetClock,
    reach: Reach,
    seen: set[str],
) -> None:
    for owner in ("north", "north-city", "south"):
        token = {"id_token": f"TOKEN-{owner}", "organisation": owner}
        await administrator.post(f"{API}/id-tokens", json=token)
    rights = {Permission.STATIONS_READ, Permission.TOKENS_READ, Permission.CRM_READ}
    async with somebody(app, database, clock, "north", rights, reach) as client:
        stations = {each["identity"] for each in await items(client, "/stations")}
        tokens = {each["organisation"] for each in await items(client, "/id-tokens")}

    assert stations == seen
    assert {f"CS-{owner}" for owner in tokens} == seen - {"CS-root"}


async def test_1_4_a_group_has_exactly_one_visibility(administrator: AsyncClient) -> None:  # noqa: F811
    group = {"key": "g", "name": "G", "rights": []}
    none = await administrator.post(f"{API}/groups", json=group)
    two = await administrator.post(f"{API}/groups", json={**group, "reach": ["own", "own"]})
    one = await administrator.post(f"{API}/groups", json={**group, "reach": "own"})

    assert (none.status_code, two.status_code, one.status_code) == (422, 422, 201)


async def test_1_4_rights_are_switches_per_group_by_area(
    app: FastAPI,  # noqa: F811
    administrator: AsyncClient,  # noqa: F811
    database: Database,
    clock: SetClock,
) -> None:
    """The typical split: who administers changes users and tariffs, a technician does not."""
    listed = await items(administrator, "/rights")
    assert {each["area"] for each in listed} == set(Area)
    assert {each["permission"] for each in listed} == set(RIGHTS)
    assert {Permission.USERS_WRITE, Permission.TARIFFS_WRITE} <= SHIPPED[Role.ADMINISTRATOR]
    assert not {Permission.USERS_WRITE, Permission.TARIFFS_WRITE} & SHIPPED[Role.TECHNICIAN]

    switches = {
        Permission.STATIONS_READ: "/stations",
        Permission.LOCATIONS_READ: "/locations",
        Permission.TRANSACTIONS_READ: "/transactions",
        Permission.USERS_READ: "/users",
        Permission.GROUPS_READ: "/groups",
        Permission.AUDIT_READ: "/audit",
        Permission.API_KEYS_READ: "/api-keys",
    }
    for right in switches:
        async with somebody(app, database, clock, "north", {right}) as client:
            for other, path in switches.items():
                answer = await client.get(f"{API}{path}")
                assert answer.status_code == (200 if other is right else 403), (right, other)
                if other is not right:
                    assert f"'{other.value}'" in answer.json()["detail"], "it is named"


@pytest.mark.usefixtures("stations")
async def test_1_4_masking_shows_personal_data_as_asterisks_without_crm_rights(
    app: FastAPI,  # noqa: F811
    administrator: AsyncClient,  # noqa: F811
    database: Database,
    clock: SetClock,
) -> None:
    await administrator.post(
        f"{API}/id-tokens", json={"id_token": "04A2B3", "organisation": "north"}
    )
    await administrator.post(
        f"{API}/users",
        json={
            "user_name": "nora",
            "name": "Nora",
            "email": "nora@x.example",
            "roles": ["owner"],
            "organisation": "north",
        },
    )
    rights = {Permission.TOKENS_READ, Permission.USERS_READ}
    async with somebody(app, database, clock, "north", rights) as blind:
        [token] = await items(blind, "/id-tokens")
        [user] = await items(blind, "/users")
        searched = [await items(blind, f"/id-tokens?q={part}") for part in ("04A2", "FFFF")]
    async with somebody(app, database, clock, "north", {*rights, Permission.CRM_READ}) as sees:
        [seen] = await items(sees, "/id-tokens?q=04A2")
        none = await items(sees, "/id-tokens?q=FFFF")

    assert token["id_token"] == MASK
    assert (user["name"], user["email"]) == (MASK, MASK)
    assert [len(each) for each in searched] == [1, 1], "searching tells nothing either"
    assert seen["id_token"] == "04A2B3"
    assert none == []


async def test_1_4_users_of_one_entity_are_deactivated_never_deleted(
    administrator: AsyncClient,  # noqa: F811
    database: Database,
) -> None:
    """Their changes stay attributable, and an administrator resets their passwords."""
    made = await administrator.post(
        f"{API}/users", json={"user_name": "n", "roles": ["owner"], "organisation": "north"}
    )
    path = f"{API}/users/{made.json()['id']}"

    assert made.json()["organisation"] == "north"
    assert (await administrator.patch(path, json={"password": "fresh for n"})).status_code == 200
    assert (await administrator.delete(path)).status_code == 405
    assert (await administrator.patch(path, json={"active": False})).status_code == 200
    assert (await administrator.get(path)).json()["active"] is False
    deeds = await items(administrator, f"/audit?subject=user/{made.json()['id']}")
    assert [each["deed"] for each in deeds] == ["user.deactivate", "user.password", "user.create"]
    async with database.unit_of_work() as db:
        assert await db.scalar(text("select count(*) from people where user_name = 'n'")) == 1


async def test_1_4_licence_gate_a_right_exists_only_with_some_licences(
    app: FastAPI,  # noqa: F811
    administrator: AsyncClient,  # noqa: F811
    database: Database,
    clock: SetClock,
) -> None:
    rights = {Permission.STATEMENTS_READ, Permission.STATIONS_READ}
    async with somebody(app, database, clock, "north", rights) as client:
        before = await client.get(f"{API}/statements")
        changed = await administrator.patch(
            f"{API}/organisations/north", json={"licence": "monitoring"}
        )
        after = await client.get(f"{API}/statements")
        still = await client.get(f"{API}/stations")

    assert (before.status_code, changed.status_code) == (200, 200)
    assert (after.status_code, still.status_code) == (403, 200)


async def test_1_4_monitoring_edition_holds_twenty_stations_of_a_business(
    administrator: AsyncClient,  # noqa: F811
) -> None:
    path = f"{API}/organisations/north"
    private = await administrator.patch(
        path, json={"licence": "monitoring", "tax_status": "private"}
    )
    business = await administrator.patch(path, json={"licence": "monitoring"})
    answers = [
        await administrator.post(
            f"{API}/stations", json={"identity": f"CS-{number}", "organisation": "north"}
        )
        for number in range(21)
    ]

    assert (private.status_code, private.json()["field"]) == (422, "licence")
    assert business.status_code == 200
    assert {each.status_code for each in answers[:20]} == {201}
    assert answers[20].status_code == 409
    assert answers[20].json()["code"] == "licence_full"


async def test_1_4_crm_the_contact_of_an_organisation_is_its_sides_alone(
    app: FastAPI,  # noqa: F811
    administrator: AsyncClient,  # noqa: F811
    south: AsyncClient,  # noqa: F811
    database: Database,
    clock: SetClock,
) -> None:
    """Papers go only to the contact on file; the VAT number stands with it."""
    path = f"{API}/organisations/north"
    contact = {"email": "billing@north.example", "vat_id": "DE123456789"}
    assert (await administrator.patch(path, json=contact)).status_code == 200
    rights = {Permission.ORGANISATIONS_READ}
    async with somebody(app, database, clock, "north", rights) as blind:
        masked = (await blind.get(path)).json()
    async with somebody(app, database, clock, "north", {*rights, Permission.CRM_READ}) as sees:
        seen = (await sees.get(path)).json()

    assert masked["email"] == MASK
    assert {name: seen[name] for name in contact} == contact
    assert (await south.get(path)).status_code == 404


async def test_1_4_current_month_cost_is_shown_before_it_is_booked(
    app: FastAPI,  # noqa: F811
    database: Database,
    clock: SetClock,
    keys: Keys,  # noqa: F811
) -> None:
    """There are no transaction fees yet; what a month comes to is shown by a dry run."""
    async with database.unit_of_work() as db:
        await pricing.create_tariff(
            db,
            tariff(),
            [NewAssignment(place_from("organisation", "root"), LONG_AGO)],
            organisation=None,
            now=LONG_AGO,
        )
        owner = OrganisationKey("north")
        await happen(db, ended(1, owner=owner, token_organisation=owner))
    clock.advance(NOVEMBER - clock.now())
    path = f"{API}/months/2026-10/close"
    async with somebody(app, database, clock, "root", set(Permission)) as client:
        shown = await client.post(path, json={"payee": "north", "dry_run": True})
        listed = await items(client, "/statements")
        booked = await client.post(path, json={"payee": "north"})

    assert (shown.status_code, shown.json()["dry_run"]) == (200, True)
    [statement] = shown.json()["statements"]
    assert statement["payout_net"] == "4.00"
    assert listed == [], "nothing is booked"
    [same] = booked.json()["statements"]
    assert same["payout_net"] == statement["payout_net"]


# ------------------------------------------------------------- 1.1 Who may switch monitoring on


def test_1_1_who_may_activate_are_administrators_of_the_shipped_groups() -> None:
    """Whoever else is given both rights may, too: 7.2."""
    both = {Permission.MONITORING, Permission.COST_RELEASE}
    may = {role for role, rights in SHIPPED.items() if both <= rights}
    assert may == {Role.SUPER_ADMIN, Role.ADMINISTRATOR}


def test_1_1_tab_not_visible_is_cured_by_two_switches_of_these_areas() -> None:
    """Infrastructure has the tab of the data sheet, user management the cost release."""
    tab, release = RIGHTS[Permission.MONITORING], RIGHTS[Permission.COST_RELEASE]
    assert (tab.area, tab.label) == (Area.INFRASTRUCTURE, "Operational management")
    assert (release.area, release.label) == (Area.USERS, "Cost release")
    assert release.description == "Release actions that have costs."


async def test_1_1_tab_not_visible_is_cured_for_a_group_by_switching_both_on(
    administrator: AsyncClient,  # noqa: F811
) -> None:
    group = {"key": "house", "name": "House", "reach": "own", "rights": ["stations.read"]}
    made = (await administrator.post(f"{API}/groups", json=group)).json()
    rights = [*made["rights"], Permission.MONITORING, Permission.COST_RELEASE]
    changed = await administrator.patch(f"{API}/groups/{made['id']}", json={"rights": rights})
    assert changed.status_code == 200
    assert set(changed.json()["rights"]) == set(rights)
