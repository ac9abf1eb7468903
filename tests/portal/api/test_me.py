"""Tests of what a key or a login may know of itself."""

from httpx import AsyncClient


async def test_everybody_may_know_who_he_is_and_what_he_may(
    north: AsyncClient, administrator: AsyncClient
) -> None:
    owner = (await north.get("/api/v1/me")).json()
    boss = (await administrator.get("/api/v1/me")).json()

    assert owner["roles"] == ["owner"]
    assert (owner["organisation"], owner["language"]) == ("north", "en")
    assert "stations.read" in owner["permissions"]
    assert "stations.write" not in owner["permissions"]
    assert boss["sees_everything"] is True
    assert set(owner["permissions"]) < set(boss["permissions"])


async def test_nobody_is_nobody(client: AsyncClient) -> None:
    assert (await client.get("/api/v1/me")).status_code == 401
