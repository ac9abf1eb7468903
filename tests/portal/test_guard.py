"""Tests of who asks, and whether they may."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from httpx import AsyncClient

from accounts import api_keys
from accounts.directory import WHOLE, Principal, Scope
from accounts.entitlements import AccountExpired, Entitlement
from accounts.licences import Licence
from accounts.permissions import SHIPPED, SHIPPED_REACH, Permission, Role
from accounts.tiers import Tier
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey
from portal.guard import Caller, PermissionMissing

NORTH, SOUTH = OrganisationKey("north"), OrganisationKey("south")


def caller(role: Role, scope: Scope) -> Caller:
    return Caller(
        Principal("api_key/1", "K", role.value, SHIPPED[role], SHIPPED_REACH[role], NORTH, "en"),
        scope,
    )


def test_no_account_keeps_anybody_from_ending_costs() -> None:
    end = datetime(2027, 10, 15, tzinfo=UTC)
    over = Entitlement(NORTH, Licence.MONITORING, Tier.BASIC, end.date(), end, False, end)
    expired = replace(caller(Role.ADMINISTRATOR, WHOLE), granted=over)
    for right in (Permission.ORGANISATIONS_WRITE, Permission.CREDITS_ORDER):
        assert not expired.may(right)
        with pytest.raises(AccountExpired):
            expired.must_have(right)
        assert expired.may(right, ends_costs=True)
        expired.must_have(right, ends_costs=True)
    without = replace(expired, principal=replace(expired.principal, rights=frozenset()))
    with pytest.raises(PermissionMissing):
        without.must_have(Permission.CREDITS_ORDER, ends_costs=True)


async def test_nobody_is_asked_to_sign_in(client: AsyncClient) -> None:
    answer = await client.get("/api/v1/organisations")

    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer x", "Bearer lst_a_b", "Basic YTpi", "", "Bearer \xe9"]
)
async def test_a_wrong_key_is_said_to_be_wrong(client: AsyncClient, header: str) -> None:
    answer = await client.get(
        "/api/v1/organisations", headers={b"authorization": header.encode("latin-1")}
    )

    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_api_key")


async def test_a_revoked_key_is_wrong_at_once(
    administrator: AsyncClient, database: Database, clock: SetClock
) -> None:
    assert (await administrator.get("/api/v1/me")).status_code == 200
    async with database.unit_of_work() as db:
        for key in await api_keys.api_keys(db):
            await api_keys.revoke_api_key(db, key.id, now=clock.now())

    assert (await administrator.get("/api/v1/me")).status_code == 401


async def test_everybody_may_know_who_he_is(north: AsyncClient, support: AsyncClient) -> None:
    owner = (await north.get("/api/v1/me")).json()
    helper = (await support.get("/api/v1/me")).json()

    assert (owner["organisation"], owner["sees_everything"]) == ("north", False)
    assert (helper["organisation"], helper["sees_everything"]) == ("root", True)
    assert "frames.read" in helper["permissions"]
    assert "frames.read" not in owner["permissions"]


async def test_a_missing_permission_is_named(support: AsyncClient) -> None:
    answer = await support.get("/api/v1/users")

    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
    assert "users.read" in answer.json()["detail"]


def test_an_administrator_below_the_root_decides_nothing_for_the_installation() -> None:
    below = caller(Role.ADMINISTRATOR, Scope(frozenset({NORTH})))
    top = caller(Role.ADMINISTRATOR, Scope(None))

    assert below.may(Permission.STATIONS_WRITE)
    for permission in (
        Permission.AGREEMENTS_WRITE,
        Permission.STATEMENTS_CLOSE,
        Permission.TRANSACTIONS_DECIDE,
    ):
        assert top.may(permission)
        assert not below.may(permission)
        with pytest.raises(PermissionMissing):
            below.must_have(permission)


def test_what_is_not_yours_is_not_there() -> None:
    owner = caller(Role.OWNER, Scope(frozenset({NORTH})))

    owner.must_see(NORTH, "station", "A")
    for other in (SOUTH, None):
        with pytest.raises(NotFound) as hidden:
            owner.must_see(other, "station", "A")
        assert str(hidden.value) == str(NotFound("station", "A"))
    caller(Role.SUPPORT, Scope(None)).must_see(None, "station", "A")
