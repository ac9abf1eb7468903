"""Tests of API keys over HTTP: shown once, with rights, rate and end."""

from datetime import timedelta

from fastapi import FastAPI
from httpx import AsyncClient

from foundation.clock import SetClock
from tests.portal.conftest import client_of


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
