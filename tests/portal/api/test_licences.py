"""Tests of the REST calls about tiers, prices, the calculator and metering points."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from accounts import api_keys
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from tests.portal.api.test_accounts import NEW, decider, granted  # noqa: F401
from tests.portal.conftest import client_of

ZEV: list[dict[str, Any]] = [
    {"kind": "three_phase_meter", "count": 3},
    {"kind": "transformer_meter", "count": 2},
]
WATER = [
    {"kind": "mbus_meter", "energy": energy, "count": 3}
    for energy in ("heat", "cold", "hot_water", "cold_water")
]


async def test_tiers_are_told_with_what_is_not_offered_yet(administrator: AsyncClient) -> None:
    told = (await administrator.get("/api/v1/account-tiers")).json()
    functions = {each["key"]: each["tiers"] for each in told["functions"]}

    assert functions["billing"] == ["professional"]
    assert functions["csv_export"] == ["basic", "limited", "professional"]
    assert told["seconds_between_values"] == {"basic": 900, "limited": 60, "professional": 1}
    assert "OAuth" in told["not_offered_yet"]


async def test_the_calculator_and_the_simulator(
    administrator: AsyncClient,
    decider: AsyncClient,  # noqa: F811
) -> None:
    path = "/api/v1/licence-calculator"
    first = await administrator.post(path, json={"points": ZEV, "solar_plants": 1})
    gateway = {"kind": "mbus_gateway", "count": 1}
    second = await administrator.post(
        path, json={"points": [*ZEV, *WATER, gateway], "solar_plants": 1}
    )
    await granted(administrator, decider, **NEW)
    simulated = await administrator.post(path, json={"points": ZEV, "organisation": "north"})
    unknown = await administrator.post(path, json={"points": ZEV, "organisation": "nobody"})

    assert first.json()["total"] == 6
    assert second.json()["needed"] == {"heat_water_gas": 12, "all": 6}
    assert second.json()["total"] == 18
    assert second.json()["offers"][0]["cost"] == {"amount": "864.00", "currency": "EUR"}
    assert (simulated.json()["tier_before"], simulated.json()["tier_after"]) == (
        "basic",
        "limited",
    )
    assert unknown.status_code == 404


async def test_prices_hold_from_a_day_on_and_never_from_a_past_one(
    administrator: AsyncClient,
    decider: AsyncClient,  # noqa: F811
) -> None:
    path = "/api/v1/licence-prices"
    price = {"item": "point/all/monthly", "price": "4.20", "currency": "EUR"}
    past = await decider.post(path, json={**price, "valid_from": "2026-10-14"})
    unknown = await decider.post(path, json={**price, "item": "gold"})
    later = await decider.post(path, json={**price, "valid_from": "2026-11-01"})
    now = (await administrator.get(path)).json()

    assert (past.status_code, past.json()["code"]) == (409, "price_in_the_past")
    assert unknown.status_code == 422
    assert (later.status_code, later.json()["prices"]["point/all/monthly"]) == (201, "4.20")
    assert now["prices"]["point/all/monthly"] == "4.00"
    assert (await administrator.get(path, params={"currency": "CHF"})).json()["prices"] == {}


@pytest.fixture
async def station(administrator: AsyncClient) -> None:
    body = {
        "identity": "CS-N",
        "organisation": "north",
        "password": "12345678",
        "evses": [{"evse_id": 1, "connectors": [{"connector_id": 1}]}],
    }
    assert (await administrator.post("/api/v1/stations", json=body)).status_code == 201


@pytest.mark.usefixtures("station")
async def test_values_are_read_as_often_as_the_tier_allows(
    administrator: AsyncClient,
    decider: AsyncClient,  # noqa: F811
    north: AsyncClient,
    south: AsyncClient,
    clock: SetClock,
) -> None:
    path = "/api/v1/stations/CS-N/evses/1/values"
    free = [(await north.get(path)).status_code for _ in range(3)]
    await granted(administrator, decider, **NEW)
    first = await north.get(path)
    second = await north.get(path)
    operator = await administrator.get(path)
    clock.advance(timedelta(minutes=15))
    later = await north.get(path)

    assert free == [200, 200, 200], "without an account nothing is limited"
    assert first.status_code == 200
    assert (second.status_code, second.json()["code"]) == (429, "read_too_often")
    assert second.headers["retry-after"] == "900"
    assert second.json()["tier"] == "basic"
    assert (operator.status_code, later.status_code) == (200, 200)
    assert (await south.get(path)).status_code == 404
    assert (await north.get("/api/v1/stations/CS-N/evses/9/values")).status_code == 404
    assert (await north.get("/api/v1/transactions")).status_code == 200, "sessions never are"


@pytest.mark.usefixtures("station")
async def test_a_commercial_key_stops_when_the_account_drops_and_comes_back(
    app: FastAPI,
    administrator: AsyncClient,
    decider: AsyncClient,  # noqa: F811
    database: Database,
    clock: SetClock,
) -> None:
    async with database.unit_of_work() as db:
        _, key = await api_keys.create_api_key(
            db,
            name="commercial",
            role="owner",
            organisation_key=OrganisationKey("north"),
            commercial=True,
            now=clock.now(),
        )
    body = {"name": "k", "role": "owner", "organisation": "north", "commercial": True}
    async with client_of(app, key) as commercial:
        before = await commercial.get("/api/v1/stations")
        await granted(administrator, decider, **NEW)
        basic = await commercial.get("/api/v1/stations")
        refused = await administrator.post("/api/v1/api-keys", json=body)
        wanted = {"kind": "point_licences", "model": "monthly", "quantity": 1}
        await granted(administrator, decider, organisation="north", **wanted)
        professional = await commercial.get("/api/v1/stations")
        made = await administrator.post("/api/v1/api-keys", json=body)

    assert [before.status_code, basic.status_code, professional.status_code] == [200, 403, 200]
    assert (basic.json()["code"], basic.json()["tier"]) == ("tier_too_low", "basic")
    assert (refused.status_code, refused.json()["code"]) == (403, "tier_too_low")
    assert (made.status_code, made.json()["commercial"]) == (201, True)
