"""The page of yearly maintenances: what is due, and tickets by one click or many at once."""

from sqlalchemy import text

from billing import service_packages
from billing.packages import Maintenance, Package
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from foundation.working_hours import SHIPPED_LEVEL, BusinessHours
from tests.portal.pages.conftest import SignIn, token_in
from tests.portal.pages.world import WORKS

PATH = "/support/maintenances"


async def packaged(database: Database, clock: SetClock) -> None:
    """Give the owner of most stations a package; two of them are overdue."""
    async with database.unit_of_work() as db:
        package = Package(
            key="comfort",
            name="Comfort",
            first_aid=False,
            hotline=True,
            dispatch=True,
            maintenance=Maintenance.FREE,
            level=SHIPPED_LEVEL,
            hours=BusinessHours("Europe/Berlin"),
            valid_from=clock.now(),
        )
        await service_packages.define(db, package, by="person/1", now=clock.now())
        await service_packages.assign(
            db,
            "organisation",
            WORKS,
            "comfort",
            organisation=OrganisationKey(WORKS),
            valid_from=None,
            by="person/1",
            now=clock.now(),
        )
        await db.execute(
            text(
                "update stations set created_at = :at"
                " where identity in ('DE-HN-001', 'DE-HN-002', 'DE-HN-003')"
            ),
            {"at": clock.now().replace(year=clock.now().year - 2)},
        )


async def test_the_page_lists_what_is_due_and_plans_one_or_many(
    sign_in: SignIn, lively: None, database: Database, clock: SetClock
) -> None:
    helen = await sign_in("helen")
    assert "No yearly maintenances" in (await helen.get(PATH)).text
    await packaged(database, clock)
    html = (await helen.get(PATH)).text
    assert html.index("DE-HN-001") < html.index("DE-HN-004")
    overdue = (await helen.get(PATH, params={"state": "overdue"})).text
    assert "DE-HN-003" in overdue
    assert "DE-HN-004" not in overdue
    assert "No maintenance matches" in (await helen.get(PATH, params={"q": "zzz"})).text
    csrf = {"csrf": token_in(html)}
    one = await helen.post(PATH, data={**csrf, "station": "DE-HN-001"})
    assert one.headers["location"].startswith("/support/tickets/")
    many = await helen.post(PATH, data={**csrf, "station": ["DE-HN-001", "DE-HN-002"]})
    assert many.headers["location"] == f"{PATH}?state=planned"
    planned = (await helen.get(PATH, params={"state": "planned"})).text
    assert 'href="/stations/DE-HN-002"' in planned
    assert one.headers["location"] in planned
    assert (await helen.post(PATH, data={**csrf, "station": "nowhere"})).status_code == 404
    async with database.unit_of_work() as db:
        number = await db.scalar(text("select count(*) from visits where kind = 'maintenance'"))
    assert number == 2
    otto = await sign_in("otto")
    seen = await otto.get(PATH)
    assert "DE-HN-003" in seen.text
    assert 'name="station"' not in seen.text
    refused = await otto.post(PATH, data={"csrf": token_in(seen.text), "station": "DE-HN-003"})
    assert refused.status_code == 403
