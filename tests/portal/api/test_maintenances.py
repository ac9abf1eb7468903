"""Yearly maintenances over HTTP."""

from httpx import AsyncClient
from sqlalchemy import text

from billing import service_packages
from billing.packages import Maintenance, Package
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from foundation.working_hours import SHIPPED_LEVEL, BusinessHours
from tests.portal.api.test_commands import made
from tests.support.conftest import HELEN

PATH = "/api/v1/maintenances"


async def test_what_is_due_is_listed_by_pages_and_planned_once(
    administrator: AsyncClient,
    support: AsyncClient,
    north: AsyncClient,
    south: AsyncClient,
    database: Database,
    clock: SetClock,
) -> None:
    assert (await support.get(PATH)).json() == {"items": [], "next": None}
    for identity, owner in (("N-1", "north"), ("N-2", "north"), ("S-1", "south")):
        await made(administrator, identity, owner)
    async with database.unit_of_work() as db:
        package = Package(
            key="comfort",
            name="Comfort",
            first_aid=True,
            hotline=True,
            dispatch=True,
            maintenance=Maintenance.FREE,
            level=SHIPPED_LEVEL,
            hours=BusinessHours("Europe/Berlin"),
            valid_from=clock.now(),
        )
        await service_packages.define(db, package, by=HELEN.id, now=clock.now())
        await service_packages.assign(
            db,
            "organisation",
            "root",
            "comfort",
            organisation=OrganisationKey("root"),
            valid_from=None,
            by=HELEN.id,
            now=clock.now(),
        )
        await db.execute(
            text(
                "update stations set created_at = created_at - interval '400 days'"
                " where identity = 'N-2'"
            )
        )
    first = (await support.get(PATH, params={"limit": 2})).json()
    assert [(each["station"], each["state"]) for each in first["items"]] == [
        ("N-2", "overdue"),
        ("N-1", "later"),
    ]
    rest = (await support.get(PATH, params={"limit": 2, "cursor": first["next"]})).json()
    assert [each["station"] for each in rest["items"]] == ["S-1"]
    assert [each["station"] for each in (await south.get(PATH)).json()["items"]] == ["S-1"]

    body = {"stations": ["N-2", "N-1"]}
    assert (await north.post(PATH, json=body)).status_code == 403
    planned = await support.post(PATH, json=body)
    assert planned.status_code == 201, planned.text
    assert {each["is_new"] for each in planned.json()["planned"]} == {True}
    again = (await support.post(PATH, json={"stations": ["N-2"]})).json()["planned"]
    assert [each["is_new"] for each in again] == [False]
    listed = (await north.get(PATH, params={"state": "planned"})).json()["items"]
    assert {each["ticket"] for each in listed} == {
        each["ticket"] for each in planned.json()["planned"]
    }
    visit = (await north.get(f"/api/v1/visits/{listed[0]['visit']}")).json()
    assert (visit["kind"], visit["state"]) == ("maintenance", "planned")
    assert (await support.post(PATH, json={"stations": ["nowhere"]})).status_code == 404
