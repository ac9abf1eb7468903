"""Pages about tariffs, as people use them: a new one, the preview, the calendar."""

from typing import Any

import pytest
from httpx import AsyncClient, Response
from sqlalchemy import text

from foundation.database import Database
from portal import formats
from tests.portal.pages.conftest import SignIn, token_in

STATION = "DE-HN-002"
FILLED = {
    "id": "night",
    "currency": "EUR",
    "vat": "19",
    "per_kwh": "0,39",
    "scope": "station",
    "place": STATION,
    "side": "sale",
}


async def sent(browser: AsyncClient, **given: object) -> Response:
    form = await browser.get("/tariffs/new")
    assert form.status_code == 200, form.text
    return await browser.post("/tariffs/new", data={**given, "csrf": token_in(form.text)})


@pytest.mark.usefixtures("lively")
async def test_a_tariff_is_made_assigned_and_previewed(sign_in: SignIn) -> None:
    admin = await sign_in("admin")
    whole = FILLED | {
        "start_fee": "1",
        "per_hour": "10",
        "step_minutes": "30",
        "time_cap": "15",
        "free_minutes": "2",
        "session_limit": "600",
        "blocking": "6",
        "grace": "15",
        "exempt_from": "22:00",
        "exempt_to": "07:00",
        "blocking_cap": "9",
        "priority": "5",
    }
    made = await sent(admin, **whole)
    assert (made.status_code, made.headers["location"]) == (
        303,
        f"/tariffs/preview?station={STATION}",
    )
    shown = await admin.get(
        f"/tariffs/preview?station={STATION}&at=2026-10-16T10:00&kwh=10&minutes=120&idle_minutes=60"
    )
    words = shown.text.replace(formats.NO_BREAK, " ")
    for part in (
        "10.0 kWh × €0.39/kWh",
        "Down to the cap of the charging time (€15.00)",
        "First minutes, free of charge: 2 min",
        "Blocking fee after charging: 45 min × €6.00/h",
        "07:00 to 22:00",
        "The session would be stopped on",
        "Another goes first",
    ):
        assert part in words, part
    calendar = await admin.get(f"/tariffs/calendar?station={STATION}&from=2026-10-16")
    assert "night" in calendar.text
    assert "never holds: others go first" in calendar.text


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"per_kwh": ""}, "Give at least one price."),
    ({"per_kwh": "much"}, "This is no number."),
    ({"per_kwh": "0.12345"}, "must have at most 4 decimals"),
    ({"place": "NOWHERE"}, "NOWHERE"),
    ({"scope": "planet"}, "scope must be one of"),
    ({"side": "both"}, "side is sale or purchase."),
    ({"hours": "sometimes"}, "hours is open or closed."),
    ({"valid_from": "soon"}, "Give a day."),
    ({"priority": "high"}, "This is no number."),
    ({"blocking": "6", "exempt_from": "22:00"}, "both ends of the exempt time belong together"),
]


@pytest.mark.usefixtures("lively")
async def test_what_is_wrong_is_said_and_the_form_comes_back_filled(
    sign_in: SignIn, database: Database
) -> None:
    admin = await sign_in("admin")
    for change, said in WRONG:
        refused = await sent(admin, **FILLED | change)
        assert refused.status_code == 422, change
        assert said in refused.text, change
        assert 'value="night"' in refused.text
    async with database.unit_of_work() as db:
        made = "select count(*) from tariff_versions where tariff_id = 'night'"
        assert await db.scalar(text(made)) == 0


@pytest.mark.usefixtures("lively")
async def test_an_overlap_is_refused_with_the_name_of_the_rule(
    sign_in: SignIn, database: Database
) -> None:
    admin = await sign_in("admin")
    ledger = text("select count(*), coalesce(max(id), 0) from ledger_entries")
    async with database.unit_of_work() as db:
        before = (await db.execute(ledger)).one()
    day = {"valid_from": "2026-12-01"}
    assert (await sent(admin, **FILLED | day | {"groups": "FLEET"})).status_code == 303
    ambiguous = FILLED | day | {"id": "other", "providers": "DE*EMP"}
    refused = await sent(admin, **ambiguous)
    assert refused.status_code == 422
    assert "tariff_conditions_overlap" in refused.text
    twice = await sent(admin, **FILLED | day | {"id": "third", "groups": "FLEET"})
    assert "tariff_assignments_overlap" in twice.text
    taken = await sent(admin, **FILLED)
    assert "There is a tariff" in taken.text
    assert (await sent(admin, **ambiguous | {"priority": "1"})).status_code == 303
    async with database.unit_of_work() as db:
        assert (await db.execute(ledger)).one() == before


@pytest.mark.usefixtures("lively")
async def test_a_preview_of_what_is_not_there_says_so(sign_in: SignIn) -> None:
    admin = await sign_in("admin")
    for query in (
        "station=NOWHERE",
        f"station={STATION}&evse_id=99",
        f"station={STATION}&evse_id=x",
        f"station={STATION}&id_token=NOBODYS",
        f"station={STATION}&at=noon",
        f"station={STATION}&at=0001-01-01T00:00",
        f"station={STATION}&kwh=NaN",
        f"station={STATION}&kwh=1&minutes=0",
    ):
        refused = await admin.get(f"/tariffs/preview?{query}")
        assert refused.status_code == 422, query
        assert "There is a problem" in refused.text


@pytest.mark.usefixtures("lively")
async def test_the_forms_are_empty_at_first_and_an_owner_makes_no_tariff(sign_in: SignIn) -> None:
    admin = await sign_in("admin")
    for path in ("/tariffs/preview", "/tariffs/calendar"):
        page = await admin.get(path)
        assert page.status_code == 200, path
        assert "There is a problem" not in page.text, path
    otto = await sign_in("otto")
    for path in ("/tariffs/preview", "/tariffs/calendar", "/tariffs/new"):
        assert (await otto.get(path)).status_code == 403, path
