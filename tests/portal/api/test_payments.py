"""Payments without a contract by REST: who sees which, and how a claim is closed."""

from datetime import datetime
from decimal import Decimal

import pytest
from httpx import AsyncClient

from billing import direct_payments
from csms import held_tariffs, payments
from csms.held_tariffs import Asker
from csms.reports import OcppVersion, Origin, SettlementReport
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey, StationId
from foundation.money import Money
from tests.billing.test_direct_payments import TestProvider

SETTLEMENTS = "/api/v1/settlements"


async def settled(database: Database, station: str, status: str, now: datetime) -> int:
    origin = Origin(StationId(station), OcppVersion.V21, 1, now, "m", "NotifySettlement", "")
    report = SettlementReport(
        origin,
        None,
        f"psp-{status}",
        status,
        None,
        Decimal("4.76"),
        now,
        None,
        None,
        None,
        None,
    )
    async with database.unit_of_work() as db:
        row, _ = await payments.keep_settlement(db, report, currency="EUR", receipts="https://x")
        return row.id


@pytest.fixture
async def stations(administrator: AsyncClient) -> None:
    for owner in ("north", "south"):
        body = {"identity": f"CS-{owner}", "organisation": owner}
        assert (await administrator.post("/api/v1/stations", json=body)).status_code == 201


@pytest.mark.usefixtures("stations")
async def test_each_owner_sees_his_own_by_pages_and_by_what_is_owed(
    administrator: AsyncClient, north: AsyncClient, database: Database, clock: SetClock
) -> None:
    now = clock.now()
    for station, status in (
        ("CS-north", "Failed"),
        ("CS-north", "Settled"),
        ("CS-south", "Failed"),
    ):
        await settled(database, station, status, now)
    mine = (await north.get(SETTLEMENTS)).json()["items"]
    assert [(each["station"], each["status"], each["claim"]) for each in mine] == [
        ("CS-north", "Settled", "none"),
        ("CS-north", "Failed", "open"),
    ]
    assert {each["amount"] + each["currency"] for each in mine} == {"4.76EUR"}
    owed = (await administrator.get(f"{SETTLEMENTS}?open_claims=true")).json()["items"]
    assert [each["station"] for each in owed] == ["CS-south", "CS-north"]
    first = (await administrator.get(f"{SETTLEMENTS}?limit=2")).json()
    rest = (await administrator.get(f"{SETTLEMENTS}?limit=2&cursor={first['next']}")).json()
    numbers = [int(each["settlement_id"]) for each in first["items"] + rest["items"]]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == 3
    assert rest["next"] is None


@pytest.mark.usefixtures("stations")
async def test_a_claim_is_closed_once_with_a_reason_and_noted(
    administrator: AsyncClient, south: AsyncClient, database: Database, clock: SetClock
) -> None:
    number = await settled(database, "CS-north", "Failed", clock.now())
    path = f"{SETTLEMENTS}/{number}/close"
    assert (await administrator.post(path, json={"note": " "})).status_code == 422
    assert (await south.post(path, json={"note": "mine"})).status_code in (403, 404)
    closed = await administrator.post(path, json={"note": "paid in cash"})
    assert closed.status_code == 200
    assert (closed.json()["claim"], closed.json()["closing_note"]) == ("closed", "paid in cash")
    assert (await administrator.post(path, json={"note": "again"})).status_code == 409
    assert (
        await administrator.post(f"{SETTLEMENTS}/99/close", json={"note": "x"})
    ).status_code == 404
    noted = (await administrator.get("/api/v1/audit")).json()["items"]
    [deed] = [each for each in noted if each["deed"] == "settlement.close"]
    assert deed["subject"] == f"settlement/{number}"


@pytest.mark.usefixtures("stations")
async def test_tariffs_that_a_station_holds_are_its_owners_to_see(
    north: AsyncClient, south: AsyncClient, database: Database, clock: SetClock
) -> None:
    path = "/api/v1/stations/CS-north/held-tariffs"
    assert (await north.get(path)).json()["items"] == []
    async with database.unit_of_work() as db:
        await held_tariffs._add(
            db,
            StationId("CS-north"),
            0,
            None,
            {"tariffId": "T-9/1", "currency": "EUR"},
            held_tariffs.State.CENTRAL,
            type("Command", (), {"id": 999_999})(),
            Asker("me", "Me", OrganisationKey("operator")),
            clock.now(),
        )
    [found] = (await north.get(path)).json()["items"]
    assert (found["tariff_id"], found["evse_id"], found["state"]) == ("T-9/1", 0, "central")
    assert found["tariff"]["currency"] == "EUR"
    assert (await south.get(path)).status_code == 404


@pytest.mark.usefixtures("stations")
async def test_a_payment_by_code_is_told_without_the_name_that_lets_its_driver_in(
    north: AsyncClient, south: AsyncClient, database: Database, clock: SetClock
) -> None:
    direct_payments.join(database, TestProvider())
    async with database.unit_of_work() as db:
        key = await direct_payments.open_payment(
            db, "CS-north", 2, Money(Decimal("12.50"), "EUR"), code_mark=None, now=clock.now()
        )
    path = "/api/v1/stations/CS-north/direct-payments"
    answer = await north.get(path)
    [found] = answer.json()["items"]
    assert (found["evse_id"], found["state"], found["due"]) == (2, "begun", None)
    assert found["wanted"] == {"amount": "12.50", "currency": "EUR"}
    assert found["captured"]["amount"] == "0.00"
    assert key not in answer.text
    assert (await south.get(path)).status_code == 404
