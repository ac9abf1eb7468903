"""Tests of the pages about accounts, as people use them."""

from datetime import timedelta
from decimal import Decimal

from httpx import AsyncClient, Response

from accounts import directory, licensing, passwords
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from tests.portal.pages.conftest import SignIn, token_in
from tests.portal.pages.world import PASSWORD

WANTED = {
    "organisation": "stadtwerke",
    "name": "Stadtwerke",
    "customer": "Stadtwerke Heilbronn GmbH",
    "licence": "business",
    "datapoints": "60",
    "months": "12",
    "sector": "charging",
    "rtc_lines": "0",
    "mail_domain": "",
    "comment": "",
}


async def post(browser: AsyncClient, page: str, path: str, **given: object) -> Response:
    """Send the form of a page."""
    form = await browser.get(page)
    assert form.status_code == 200, form.text
    return await browser.post(path, data={**given, "csrf": token_in(form.text)})


async def hired(database: Database, clock: SetClock) -> None:
    """Carla, of Customer Success."""
    async with database.unit_of_work() as db:
        await directory.create_person(
            db,
            "carla",
            {"roles": ["customer_success"], "name": "Carla"},
            password_hash=await passwords.hashed(PASSWORD),
            now=clock.now(),
        )


async def applied(admin: AsyncClient, **change: str) -> Response:
    return await post(admin, "/accounts/new", "/accounts/new", **{**WANTED, **change})


async def approved(carla: AsyncClient, made: Response) -> Response:
    path = made.headers["location"].partition("?")[0]
    return await post(carla, path, path, decision="approve")


async def test_an_account_is_applied_for_approved_changed_and_expires(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    await hired(database, clock)
    admin = await sign_in("admin")
    made = await applied(admin)
    path = made.headers["location"].partition("?")[0]
    own = await post(admin, path, path, decision="approve")
    waiting = await admin.get("/accounts?zone=applications")
    carla = await sign_in("carla")
    done = await approved(carla, made)
    listed = await carla.get("/accounts")
    clock.advance(timedelta(days=366))
    admin = await sign_in("admin")
    expired = await admin.get("/accounts?zone=expired")
    sheet = await admin.get("/accounts/stadtwerke")
    early = await post(admin, "/accounts/stadtwerke", "/accounts/stadtwerke/archive")
    renewal = await post(
        admin, "/accounts/stadtwerke", "/accounts/stadtwerke/apply", what="renewal", months="24"
    )

    assert own.status_code == 422, "nobody approves what he applied for"
    assert "You applied for this yourself" in own.text
    assert "Stadtwerke" in waiting.text
    assert done.status_code == 303
    assert "Stadtwerke Heilbronn GmbH" in listed.text
    assert ">60<" in listed.text
    assert "Stadtwerke" in expired.text
    assert "This account has expired." in sheet.text
    assert early.status_code == 409
    assert renewal.status_code == 303


async def test_what_is_wrong_with_an_application_stands_beside_the_field(sign_in: SignIn) -> None:
    admin = await sign_in("admin")
    few = await applied(admin, datapoints="19")
    lines = await applied(admin, rtc_lines="2")
    number = await applied(admin, months="a year")
    none = await applied(admin, organisation="nobody")
    fine = await applied(admin)
    second = await applied(admin)

    assert {each.status_code for each in (few, lines, number, none, second)} == {422}
    assert "19 datapoints are too few: 20 is the least, and 0 are in use." in few.text
    assert 'href="#datapoints"' in few.text
    assert 'value="Stadtwerke Heilbronn GmbH"' in few.text, "the form comes back filled"
    assert "RTC lines exist in Spain only" in lines.text
    assert "Give a whole number." in number.text
    assert fine.status_code == 303
    assert "Such an application is pending." in second.text


async def test_the_menu_and_an_icon_lead_there_for_those_who_may_alone(sign_in: SignIn) -> None:
    admin = await sign_in("admin")
    overview = await admin.get("/")
    owner = await sign_in("otto")
    his = await owner.get("/")

    assert overview.text.count('href="/accounts"') == 2, "the menu, and the main page"
    assert 'href="/accounts"' not in his.text
    assert (await owner.get("/accounts")).status_code == 403
    assert (await owner.get("/licence-calculator")).status_code == 403


async def test_the_calculator_tells_both_examples_and_what_is_offered_not_yet(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    await hired(database, clock)
    admin = await sign_in("admin")
    first = await admin.get("/licence-calculator?three=3&transformer=2&solar_plants=1")
    second = await admin.get(
        "/licence-calculator?three=3&transformer=2&solar_plants=1&heat=3&cold=3"
        "&hot_water=3&cold_water=3&gateways=1"
    )
    wrong = await admin.get("/licence-calculator?three=many")
    made = await applied(admin)
    carla = await sign_in("carla")
    await approved(carla, made)
    simulated = await carla.get("/licence-calculator?organisation=stadtwerke&single=4")
    sheet = await carla.get("/accounts/stadtwerke")

    assert "<strong>6 licences</strong>" in first.text
    assert "<strong>18 licences</strong>" in second.text
    assert (wrong.status_code, "Give a whole number." in wrong.text) == (422, True)
    assert "4 licences are missing" in simulated.text
    assert "Not offered yet:" in sheet.text
    assert "Modbus TCP" in sheet.text


async def test_ending_licences_asks_before_functions_stop(
    sign_in: SignIn, database: Database, clock: SetClock, lively: None
) -> None:
    await hired(database, clock)
    admin = await sign_in("admin")
    await approved_by(sign_in, await applied(admin, datapoints="500"))
    sheet = await (admin := await sign_in("admin")).get("/accounts/stadtwerke")
    async with database.unit_of_work() as db:
        [account] = await licensing.accounts(db)
    bought = await post(
        admin,
        "/accounts/stadtwerke",
        "/accounts/stadtwerke/apply",
        what="quantity",
        kind="monthly",
        quantity="400",
    )
    await approved_by(sign_in, bought)
    admin = await sign_in("admin")
    end = "/accounts/stadtwerke/licences/1/end"
    asked = await post(admin, "/accounts/stadtwerke", end)
    agreed = await post(admin, "/accounts/stadtwerke", end, agree="yes")

    assert account.datapoints_used > 20
    assert "Basic" in sheet.text
    assert asked.status_code == 409
    assert "would drop from Professional to Basic" in asked.text
    assert 'name="agree"' in asked.text
    assert agreed.status_code == 303
    assert (await directory_of(database)).licence == "business"
    assert Decimal(account.datapoints) == 500


async def approved_by(sign_in: SignIn, made: Response) -> None:
    assert made.status_code == 303, made.text
    carla = await sign_in("carla")
    done = await approved(carla, made)
    assert done.status_code == 303, done.text


async def directory_of(database: Database) -> directory.Organisation:
    async with database.unit_of_work() as db:
        return await directory.organisation(db, OrganisationKey("stadtwerke"))
