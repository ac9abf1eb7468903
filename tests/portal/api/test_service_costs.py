"""Price lists, packages, what services will cost, and what was released, over the API."""

from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from billing import switch_reader
from foundation import outbox
from foundation.clock import SetClock
from foundation.database import Database
from tests.portal.api.test_monitoring import API, BOTH_IDS, PATH, app, database

__all__ = ["app", "database"]  # fixtures, taken by their names

LISTS = f"{API}/service-price-lists"
COSTS = f"{API}/organisations/north/service-costs"


async def posted(client: AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
async def priced(administrator: AsyncClient) -> None:
    """CS-1 of north, and a price list for everybody."""
    body: dict[str, Any] = {"identity": "CS-1", "organisation": "north", "password": "12345678"}
    body["evses"] = BOTH_IDS
    await posted(administrator, f"{API}/stations", **body)
    await posted(administrator, LISTS, key="standard", name="Standard", currency="EUR")
    for kind, price in (("monitoring", "9.90"), ("maintenance", "149"), ("roaming_base", "5")):
        await posted(administrator, f"{LISTS}/standard/prices", kind=kind, price=price)
    made = await posted(administrator, f"{LISTS}/standard/assignments", organisation="root")
    assert [each["debtor"] for each in made["debtors"]] == ["organisation/root"]
    assert [each["per"] for each in made["prices"]] == ["job", "station", "month"]


async def told(database: Database, clock: SetClock) -> None:
    while await outbox.deliver(database, switch_reader.subscription(), clock):
        pass


@pytest.mark.usefixtures("priced")
async def test_what_will_i_pay_is_told_for_any_day_with_its_rule(
    administrator: AsyncClient,
    north: AsyncClient,
    database: Database,
    clock: SetClock,
) -> None:
    await administrator.put(PATH)
    await told(database, clock)
    clock.advance(timedelta(days=5))
    now = (await north.get(COSTS)).json()
    [line] = now["lines"]
    assert (line["rule"], line["outlook"]) == (
        "active_at_month_end",
        "charged_if_still_active_on_the_last_day",
    )
    assert (line["waived_if_off_by"], line["first_day"]) == ("2026-10-31", "2026-10-15")
    assert now["totals"] == [{"amount": "9.90", "currency": "EUR"}]
    days = {each["day"]: each["net"]["amount"] for each in now["days"]}
    assert (days["2026-10-14"], days["2026-10-15"], days["2026-10-20"]) == ("0.00", "9.90", "9.90")
    assert max(days) == "2026-10-20"
    earlier = (await north.get(COSTS, params={"day": "2026-10-14"})).json()
    assert (earlier["lines"], earlier["totals"]) == ([], [])
    to_come = (await north.get(COSTS, params={"month": "2027-01"})).json()
    assert to_come["totals"] == [{"amount": "9.90", "currency": "EUR"}]
    assert to_come["days"] == []

    await administrator.delete(PATH)
    await told(database, clock)
    [line] = (await north.get(COSTS)).json()["lines"]
    assert (line["rule"], line["charged"], line["net"]["amount"]) == (
        "waived_by_deactivation",
        None,
        "9.90",
    )
    waived = (await north.get(f"{API}/organisations/north/waived-months")).json()["items"]
    assert [(each["station"], each["month"], each["ended_on"]) for each in waived] == [
        ("CS-1", "2026-10", "2026-10-20")
    ]
    wrong = await north.get(COSTS, params={"month": "2026-09", "day": "2026-10-01"})
    assert wrong.status_code == 422
    path = f"{API}/organisations/north/waived-months"
    assert (await north.get(path, params={"from": "2020-01"})).status_code == 422


@pytest.mark.usefixtures("priced")
async def test_what_services_cost_is_seen_by_ones_own_side_alone(
    north: AsyncClient, south: AsyncClient
) -> None:
    assert (await north.get(COSTS)).status_code == 200
    for path in ("service-costs", "waived-months", "services", "cost-limit"):
        assert (await south.get(f"{API}/organisations/north/{path}")).status_code == 404
    assert (await north.get(LISTS)).status_code == 403
    assert (await north.get(f"{API}/service-packages")).status_code == 200


@pytest.mark.usefixtures("priced")
async def test_a_service_is_off_until_switched_on_and_says_what_it_costs(
    administrator: AsyncClient, north: AsyncClient
) -> None:
    services = f"{API}/organisations/north/services"
    found = (await north.get(services)).json()["items"]
    assert [(each["service"], each["state"]) for each in found] == [
        ("roaming", "inactive"),
    ]
    of_issuer = (await administrator.get(f"{API}/organisations/root/services")).json()["items"]
    assert [each["service"] for each in of_issuer] == [
        "automated_invoicing",
        "credit_notes",
        "roaming",
    ]
    without = await administrator.put(f"{services}/credit_notes")
    assert (without.status_code, without.json()["code"]) == (409, "service_not_offered")
    assert (await north.put(f"{services}/roaming")).status_code == 403
    on = await administrator.put(f"{services}/roaming")
    assert (on.status_code, on.json()["changed"]) == (200, True), on.text
    assert on.json()["per_year"] == {"amount": "60.00", "currency": "EUR"}
    assert (await administrator.put(f"{services}/roaming")).json()["changed"] is False
    released = (await north.get(f"{API}/cost-releases")).json()["items"]
    assert [(each["deed"], each["subject"]) for each in released] == [
        ("service.activate", "organisation/north/roaming")
    ]
    off = await administrator.delete(f"{services}/roaming")
    assert (off.json()["state"], off.json()["changed"]) == ("inactive", True)


@pytest.mark.usefixtures("priced")
async def test_above_its_limit_an_organisation_wants_a_second_person(
    administrator: AsyncClient, north: AsyncClient
) -> None:
    limit = f"{API}/organisations/north/cost-limit"
    assert (await north.get(limit)).json()["per_year"] is None
    assert (await administrator.put(limit, json={"per_year": "100"})).status_code == 200
    waits = await administrator.put(PATH)
    assert (waits.status_code, waits.json()["state"]) == (202, "waiting_for_second_person")
    number = waits.json()["release"]
    withdrawn = await administrator.delete(f"{API}/cost-releases/{number}")
    assert withdrawn.json()["state"] == "withdrawn"
    again = await administrator.delete(f"{API}/cost-releases/{number}")
    assert again.json()["code"] == "release_not_waiting"


@pytest.mark.usefixtures("priced")
async def test_loosening_the_limit_waits_for_a_second_person_and_the_audit_knows_the_one_before(
    administrator: AsyncClient, clock: SetClock
) -> None:
    limit = f"{API}/organisations/north/cost-limit"
    await administrator.put(limit, json={"per_year": "100"})
    assert (await administrator.put(limit, json={"per_year": "90"})).status_code == 200
    for looser in ("1000", None):
        waits = await administrator.put(limit, json={"per_year": looser})
        assert (waits.status_code, waits.json()["per_year"]["amount"]) == (202, "90.00")
        assert waits.json()["release"] is not None
        clock.advance(timedelta(seconds=1))
        assert (await administrator.put(limit, json={"per_year": looser})).status_code == 202
    assert (await administrator.put(limit, json={"per_year": "1e999999"})).status_code == 422
    audit = (await administrator.get(f"{API}/audit", params={"limit": 3})).json()["items"]
    assert [
        (each["deed"], each["before"]["per_year"], each["after"]["per_year"]) for each in audit
    ] == [
        ("cost_limit.ask", "90.00 EUR", None),
        ("cost_limit.ask", "90.00 EUR", "1000.00 EUR"),
        ("cost_limit.set", "100.00 EUR", "90.00 EUR"),
    ]
