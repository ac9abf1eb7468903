"""Tests of the audit over HTTP."""

from httpx import AsyncClient

from accounts import audit
from foundation.database import Database
from tests.portal.api.test_groups import GROUP


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
        chains = await audit.chains(db)
        assert len(chains) > 1
        for chain in chains:
            assert await audit.verify_chain(db, chain) is None


async def test_the_audit_is_for_those_with_the_right(
    north: AsyncClient, client: AsyncClient
) -> None:
    assert (await north.get("/api/v1/audit")).status_code == 403
    assert (await client.get("/api/v1/audit")).status_code == 401
