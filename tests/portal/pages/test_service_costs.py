"""The pages of what services cost: who sees and switches what, and how prices are set."""

import httpx
from sqlalchemy import text

from foundation.database import Database
from tests.portal.pages.conftest import SignIn, token_in

COSTS = "/service-costs"


async def send(browser: httpx.AsyncClient, path: str, **form: str) -> httpx.Response:
    at = path if path.count("/") == 2 else path.rpartition("/")[0]
    token = token_in((await browser.get(at)).text)
    return await browser.post(path, data={"csrf": token, **form}, follow_redirects=True)


async def test_a_month_is_told_by_line_and_day_with_the_way_to_the_next(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("otto")
    html = (await browser.get(COSTS)).text
    assert "What you will pay" in html
    assert "Charged if still active on the last day; waived if you switch off by" in html
    assert "Not charged: switched off on" in html
    assert "Day by day" in html
    assert "month=2026-09" in html
    before = (await browser.get(COSTS, params={"month": "2026-08"})).text
    assert "No services in this month" in before
    to_come = (await browser.get(COSTS, params={"month": "2026-12"})).text
    assert "if nothing changes until then" in to_come
    assert "Day by day" not in to_come
    waived = (await browser.get(f"{COSTS}/waived")).text
    assert "DE-HN-003" in waived
    assert "No month was waived" in (await browser.get(f"{COSTS}/waived?until=2026-08")).text


async def test_an_owner_sees_his_own_costs_alone(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("petra")
    for path in (COSTS, f"{COSTS}/waived", f"{COSTS}/services", f"{COSTS}/releases"):
        html = (await browser.get(path)).text
        assert "DE-HN-00" not in html, path
        assert "Stadtwerke" not in html, path
        foreign = await browser.get(path, params={"organisation": "stadtwerke"})
        assert foreign.status_code == (200 if path.endswith("releases") else 404), path
        assert "DE-HN-00" not in foreign.text, path
        assert "Stadtwerke" not in foreign.text, path
    assert (await browser.get(f"{COSTS}/prices")).status_code == 403
    assert "Define a package" not in (await browser.get(f"{COSTS}/packages")).text


async def test_a_service_is_switched_with_its_cost_before_the_click(
    sign_in: SignIn, lively: None, database: Database
) -> None:
    browser = await sign_in("admin")
    path = f"{COSTS}/services"
    html = (await browser.get(path, params={"organisation": "root"})).text
    assert "€19.00 a month, €228.00 a year" in html
    assert "€19.00" not in (await browser.get(path, params={"organisation": "stadtwerke"})).text
    form = {"organisation": "root", "service": "automated_invoicing"}
    on = await send(browser, path, **form, state="on")
    assert "It ends at once, and this month is not charged." in on.text
    releases = (await browser.get(f"{COSTS}/releases")).text
    assert "Service switched on" in releases
    assert "€228.00" in releases
    off = await send(browser, path, **form, state="off")
    assert "It ends at once" not in off.text
    assert (await send(browser, path, **form, state="maybe")).status_code == 422
    async with database.unit_of_work() as db:
        deeds = await db.scalars(
            text("select deed from audit_entries where deed like 'service.%' order by id")
        )
        assert list(deeds) == ["service.activate", "service.deactivate"]


async def test_the_limit_of_one_person_is_set_and_two_loosen_it(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("admin")
    path, form = f"{COSTS}/services/limit", {"organisation": "stadtwerke"}
    assert "more than €10.50 a year" in (await send(browser, path, **form, per_year="10,50")).text
    assert (await send(browser, path, **form, per_year="1e999999")).status_code == 422
    waits = await send(browser, path, **form, per_year="")
    assert "It waits for a second person" in waits.text
    assert "more than €10.50 a year" in waits.text


async def test_a_price_list_is_made_priced_and_assigned(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("admin")
    path = f"{COSTS}/prices"
    made = await send(browser, f"{path}/lists", key="fleet", name="Fleets", currency="EUR")
    assert "Fleets" in made.text
    wrong = await send(browser, f"{path}/add", price_list="fleet", kind="monitoring", price="much")
    assert wrong.status_code == 422
    huge = await send(
        browser, f"{path}/add", price_list="fleet", kind="monitoring", price="1e99999"
    )
    assert huge.status_code == 422
    assert 'href="#price"' in wrong.text
    assert 'value="much"' in wrong.text
    added = await send(
        browser,
        f"{path}/add",
        price_list="fleet",
        kind="monitoring",
        price="4,50",
        per="charge_point",
        policy="first_month_always_charged",
    )
    assert "€4.50" in added.text
    assert "The month in which it is switched on is always charged" in added.text
    taken = await send(browser, f"{path}/lists", key="fleet", name="Fleets", currency="EUR")
    assert taken.status_code == 422
    assigned = await send(browser, f"{path}/assign", price_list="fleet", organisation="parkhaus")
    assert "Paid by:" in assigned.text


async def test_a_package_is_defined(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("admin")
    path = f"{COSTS}/packages"
    form = {"key": "basic", "name": "Basic", "maintenance": "chargeable", "hotline": "yes"}
    wrong = await send(browser, path, **form, holidays="Christmas")
    assert (wrong.status_code, 'href="#holidays"' in wrong.text) == (422, True)
    made = await send(browser, path, **form, holidays="2026-12-25 2026-12-26")
    assert "Basic" in made.text
    assert "without 2 holidays" in made.text
