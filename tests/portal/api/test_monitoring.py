"""Monitoring over the API: rights and preconditions (rules 7.2), costs, mails, once each."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text

from accounts import api_keys, cost_releases, directory
from accounts.audit import Actor
from accounts.permissions import Permission, Reach
from alerts import handlers as alerts_handlers
from app.routes import ROUTES
from billing import service_facts, service_prices, switch_reader
from billing.services import Service
from csms.charge_points import ChargePoints
from foundation import outbox
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from foundation.money import Money
from portal.api.routes import ROUTERS
from portal.application import create_application
from portal.context import PortalContext
from tests.portal.conftest import Keys, client_of

API = "/api/v1"
PATH = f"{API}/stations/CS-1/monitoring"
NORTH = OrganisationKey("north")
TAB = {Permission.STATIONS_READ, Permission.MONITORING}
RELEASE = {*TAB, Permission.COST_RELEASE}
BOTH_IDS = [{"evse_id": 1, "emi3_id": "DE*ABC*E1"}, {"evse_id": 2, "emi3_id": "DE*ABC*E2"}]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """As the program opens it: events are addressed to their readers."""
    made = Database(database_url, routes=ROUTES, pool_size=5)
    service_facts.join(made, ChargePoints())
    yield made
    await made.close()


@pytest.fixture
def app(context: PortalContext) -> FastAPI:
    return create_application(context, api=ROUTERS)


@pytest.fixture
async def station(administrator: AsyncClient, database: Database, clock: SetClock) -> None:
    """CS-1 of north, whose second charge point has no EVSE ID yet; 9.90 EUR a month."""
    body: dict[str, Any] = {"identity": "CS-1", "organisation": "north", "password": "12345678"}
    body["evses"] = [BOTH_IDS[0], {"evse_id": 2}]
    assert (await administrator.post(f"{API}/stations", json=body)).status_code == 201
    async with database.unit_of_work() as db:
        await directory.change_organisation(db, NORTH, {"email": "north@example.org"})
        await service_prices.create(db, "standard", "Standard", "EUR", by="x", now=clock.now())
        await service_prices.add_price(
            db,
            "standard",
            Service.MONITORING,
            Decimal("9.90"),
            valid_from=None,
            by="x",
            now=clock.now(),
        )
        await service_prices.assign(
            db, "organisation/root", "standard", valid_from=None, by="x", now=clock.now()
        )


async def marked(administrator: AsyncClient) -> None:
    changed = await administrator.patch(f"{API}/stations/CS-1", json={"evses": BOTH_IDS})
    assert changed.status_code == 200, changed.text


async def key_with(database: Database, clock: SetClock, rights: set[Permission]) -> str:
    async with database.unit_of_work() as db:
        _, key = await api_keys.create_api_key(
            db,
            name="somebody",
            rights=rights,
            reach=Reach.OWN_AND_BELOW,
            organisation_key=NORTH,
            now=clock.now(),
        )
    return key


async def delivered(database: Database, clock: SetClock, context: PortalContext) -> None:
    assert context.mails is not None
    for each in (switch_reader.subscription(), alerts_handlers.subscription(context.mails)):
        while await outbox.deliver(database, each, clock):
            pass


async def counted(database: Database, what: str) -> int:
    async with database.unit_of_work() as db:
        found: int = (await db.execute(text(f"select count(*) from {what}"))).scalar_one()
        return found


@pytest.mark.usefixtures("station")
async def test_switching_on_and_off_names_the_cost_and_is_told_once(
    administrator: AsyncClient,
    database: Database,
    clock: SetClock,
    context: PortalContext,
) -> None:
    await marked(administrator)
    before = await administrator.get(PATH)
    assert (before.json()["state"], before.json()["since"]) == ("inactive", None)
    on = await administrator.put(PATH)
    assert on.status_code == 200, on.text
    said = on.json()
    assert (said["state"], said["changed"], said["organisation"]) == ("active", True, "north")
    assert said["cost"] == {
        "this_month": {"amount": "9.90", "currency": "EUR"},
        "per_month": {"amount": "9.90", "currency": "EUR"},
        "per_year": {"amount": "118.80", "currency": "EUR"},
        "price_list": "standard",
        "per": "station",
        "policy": "literal",
        "charged_on": "2026-10-31",
        "waived_if_off_by": "2026-10-31",
        "charged_again": False,
    }
    assert said["hints"] == ["no_technician"]
    seen = (await administrator.get(f"{API}/stations/CS-1")).json()["monitoring"]
    assert seen == {"since": "2026-10-15T12:00:00Z", "organisation": "north"}
    listed = (await administrator.get(f"{API}/stations")).json()["items"]
    assert [each["monitoring"] for each in listed] == [seen]

    again = await administrator.put(PATH)  # idempotent: no second mail, event, release, entry
    assert (again.status_code, again.json()["changed"]) == (200, False)
    await delivered(database, clock, context)
    assert await counted(database, "mails") == 1
    assert await counted(database, "cost_releases") == 1
    assert await counted(database, "audit_entries where deed = 'monitoring.activate'") == 1
    assert await counted(database, "monitoring_switches") == 1

    off = (await administrator.delete(PATH)).json()
    assert (off["state"], off["changed"]) == ("inactive", True)
    assert off["cost"]["charged_again"] is True  # were it switched on again
    assert (await administrator.delete(PATH)).json()["changed"] is False
    await delivered(database, clock, context)
    assert await counted(database, "mails") == 2
    assert await counted(database, "monitoring_switches") == 2
    assert (await administrator.get(f"{API}/stations/CS-1")).json()["monitoring"] is None


@pytest.mark.usefixtures("station")
async def test_7_2_two_rights_to_switch_on_and_one_to_switch_off(
    app: FastAPI,
    keys: Keys,
    database: Database,
    clock: SetClock,
    administrator: AsyncClient,
    south: AsyncClient,
) -> None:
    await marked(administrator)
    async with client_of(app, await key_with(database, clock, {Permission.STATIONS_READ})) as none:
        assert (await none.get(PATH)).status_code == 403
        assert (await none.put(PATH)).status_code == 403
    async with client_of(app, await key_with(database, clock, TAB)) as tab:
        refused = await tab.put(PATH)
        assert refused.status_code == 403
        assert "cost_release" in refused.json()["detail"]
        assert (await tab.get(PATH)).json()["state"] == "inactive"
    async with client_of(app, await key_with(database, clock, RELEASE)) as both:
        assert (await both.put(PATH)).json()["state"] == "active"
    async with client_of(app, await key_with(database, clock, TAB)) as tab:
        assert (await tab.delete(PATH)).json()["state"] == "inactive"
    assert (await south.put(PATH)).status_code == 403
    assert keys.south


@pytest.mark.usefixtures("station")
async def test_7_2_refused_while_a_charge_point_has_no_evse_id_naming_it(
    administrator: AsyncClient, database: Database
) -> None:
    refused = await administrator.put(PATH)
    assert (refused.status_code, refused.json()["code"]) == (409, "evse_ids_missing")
    assert "no EVSE ID: 2." in refused.json()["detail"]
    assert "ask support for an EVSE ID" in refused.json()["detail"]
    assert await counted(database, "cost_releases") == 0
    await marked(administrator)
    assert (await administrator.put(PATH)).json()["state"] == "active"


@pytest.mark.usefixtures("station")
async def test_7_2_without_a_technician_there_is_a_warning_and_an_open_task(
    administrator: AsyncClient,
) -> None:
    await marked(administrator)
    assert (await administrator.put(PATH)).json()["hints"] == ["no_technician"]
    tasks = (await administrator.get(f"{API}/monitoring/tasks")).json()["items"]
    assert [each["task"] for each in tasks] == ["store_technician", "send_stickers"]
    path = f"{API}/stations/CS-1/technician"
    assert (await administrator.get(path)).status_code == 404
    assert (await administrator.put(path, json={"name": "Frey"})).status_code == 422
    stored = await administrator.put(path, json={"name": "Frey", "phone": "+49 7131 100"})
    assert stored.json()["phone"] == "+49 7131 100"
    assert (await administrator.get(path)).json()["name"] == "Frey"
    left = (await administrator.get(f"{API}/monitoring/tasks")).json()["items"]
    assert [each["task"] for each in left] == ["send_stickers"]
    assert (await administrator.get(PATH)).json()["hints"] == []


@pytest.mark.usefixtures("station")
async def test_a_station_that_moves_or_is_refused_is_monitored_no_longer(
    administrator: AsyncClient, database: Database, clock: SetClock
) -> None:
    await marked(administrator)
    await administrator.put(PATH)
    clock.advance(timedelta(minutes=1))
    await administrator.patch(f"{API}/stations/CS-1", json={"name": "Square"})
    assert (await administrator.get(PATH)).json()["state"] == "active"
    await administrator.patch(f"{API}/stations/CS-1", json={"organisation": "south"})
    moved = (await administrator.get(PATH)).json()
    assert (moved["state"], moved["organisation"]) == ("inactive", "south")
    assert (await administrator.put(PATH)).json()["organisation"] == "south"
    clock.advance(timedelta(minutes=1))
    await administrator.post(f"{API}/stations/CS-1/refuse")
    assert (await administrator.get(PATH)).json()["state"] == "inactive"
    refused = await administrator.put(PATH)
    assert refused.json()["code"] == "station_not_accepted"
    async with database.unit_of_work() as db:
        found = await db.execute(
            text("select organisation, ended_because from monitoring_activations order by id")
        )
        assert [tuple(each) for each in found] == [
            ("north", "moved"),
            ("south", "decommissioned"),
        ]


@pytest.mark.usefixtures("station")
async def test_above_a_limit_a_second_person_is_needed(
    app: FastAPI, database: Database, clock: SetClock, administrator: AsyncClient
) -> None:
    await marked(administrator)
    async with database.unit_of_work() as db:
        limit = Money(Decimal("118.79"), "EUR")
        by = Actor("person/1", "Lea", "portal", None)
        await cost_releases.set_limit(db, NORTH, limit, by=by, now=clock.now())
    waits = await administrator.put(PATH)
    assert (waits.status_code, waits.json()["state"]) == (202, "waiting_for_second_person")
    async with client_of(app, await key_with(database, clock, RELEASE)) as another_key:
        assert (await another_key.put(PATH)).status_code == 202  # may be the same person's
    assert (await administrator.get(f"{API}/stations/CS-1")).json()["monitoring"] is None
    async with database.unit_of_work() as db:
        limit = Money(Decimal("118.80"), "EUR")
        for each in (by, Actor("person/2", "Kai", "portal", None)):
            await cost_releases.set_limit(db, NORTH, limit, by=each, now=clock.now())
    assert (await administrator.put(PATH)).json()["state"] == "active"


@pytest.mark.usefixtures("station")
async def test_another_evse_id_of_a_monitored_station_asks_for_other_stickers(
    administrator: AsyncClient,
) -> None:
    await marked(administrator)
    await administrator.put(PATH)
    done = f"{API}/stations/CS-1/monitoring/tasks/send_stickers/done"
    assert (await administrator.post(done)).status_code == 204
    station = (await administrator.get(f"{API}/stations/CS-1")).json()
    [evse, *_] = [each for each in station["evses"] if each["emi3_id"]]
    body = {"evses": [{"evse_id": evse["evse_id"], "emi3_id": "DE*ABC*E9999"}]}
    changed = await administrator.patch(f"{API}/stations/CS-1", json=body)
    assert changed.status_code == 200, changed.text
    tasks = (await administrator.get(f"{API}/monitoring/tasks")).json()["items"]
    assert [each["task"] for each in tasks] == ["store_technician", "change_stickers"]
    other = f"{API}/stations/CS-1/monitoring/tasks/change_stickers/done"
    assert (await administrator.post(other)).status_code == 204
