"""Price lists, packages, what services will cost, and what was released, over the API."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from billing import charges, service_months, switch_reader
from foundation import outbox
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from tests.portal.api.test_monitoring import API, BOTH_IDS, PATH, app, database
from tests.portal.conftest import Keys, client_of

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
async def test_a_price_holds_from_a_moment_on_and_what_was_stays(
    administrator: AsyncClient,
) -> None:
    path = f"{LISTS}/standard/prices"
    for body, field in (
        ({"kind": "monitoring", "price": "1", "valid_from": "2020-01-01"}, "valid_from"),
        ({"kind": "parking", "price": "1"}, "kind"),
        ({"kind": "monitoring", "price": "1", "per": "cdr"}, "per"),
        ({"kind": "monitoring", "price": "-1"}, "price"),
    ):
        refused = await administrator.post(path, json=body)
        assert (refused.status_code, refused.json()["field"]) == (422, field), refused.text
    raised = {"kind": "monitoring", "price": "12.5", "valid_from": "2026-11-01"}
    await posted(administrator, path, **raised)
    again = await administrator.post(path, json=raised)
    assert (again.status_code, again.json()["code"]) == (409, "price_known")
    taken = await administrator.post(
        LISTS, json={"key": "standard", "name": "x", "currency": "EUR"}
    )
    assert taken.json()["code"] == "price_list_exists"
    assert (await administrator.get(f"{LISTS}/nowhere")).status_code == 404
    cost = (await administrator.get(PATH)).json()["cost"]
    assert (cost["this_month"]["amount"], cost["per_month"]["amount"]) == ("9.90", "12.50")


@pytest.mark.usefixtures("priced")
async def test_maintenance_is_due_a_year_later_and_costs_by_the_package_of_its_day(
    administrator: AsyncClient, clock: SetClock
) -> None:
    facts = {
        "name": "Comfort",
        "first_aid": True,
        "hotline": True,
        "dispatch": False,
        "maintenance": "free",
    }
    package = f"{API}/service-packages/comfort"
    made = await administrator.put(package, json=facts)
    assert made.json()["time_zone"] == "Europe/Berlin", made.text
    path = f"{API}/stations/CS-1/maintenance"
    assert (await administrator.get(path)).json()["due_on"] is None
    paid = await posted(administrator, path, done_on="2026-10-14")
    assert paid["jobs"][0]["cost"] is None  # no price was agreed on that day
    clock.advance(timedelta(days=1))
    paid = await posted(administrator, path, done_on="2026-10-16")
    assert (paid["due_on"], paid["jobs"][1]["cost"]["amount"]) == ("2027-10-16", "149.00")
    known = await administrator.post(path, json={"done_on": "2026-10-16"})
    assert known.json()["code"] == "maintenance_known"
    assert (await administrator.post(path, json={"done_on": "2026-10-18"})).status_code == 422

    given = await administrator.put(
        f"{API}/organisations/root/service-package", json={"package": "comfort"}
    )
    assert given.json()["package"]["key"] == "comfort"
    held = (await administrator.get(f"{API}/stations/CS-1/service-package")).json()
    assert held["package"]["maintenance"] == "free"
    clock.advance(timedelta(days=1))
    free = await posted(administrator, path, done_on="2026-10-17")
    assert free["jobs"][2] == {
        "done_on": "2026-10-17",
        "package": "comfort",
        "cost": None,
        "note": "",
    }
    # redefined from now on: the job of yesterday stays free, that of tomorrow will cost
    clock.advance(timedelta(days=1))
    await administrator.put(package, json={**facts, "maintenance": "chargeable"})
    clock.advance(timedelta(days=1))
    charged = await posted(administrator, path, done_on="2026-10-19")
    assert [each["cost"] is None for each in charged["jobs"]] == [True, False, True, False]
    none = await administrator.put(f"{API}/stations/CS-1/service-package", json={"package": "x"})
    assert none.status_code == 404


@pytest.mark.usefixtures("priced")
async def test_a_service_is_off_until_switched_on_and_says_what_it_costs(
    administrator: AsyncClient, north: AsyncClient
) -> None:
    services = f"{API}/organisations/north/services"
    found = (await north.get(services)).json()["items"]
    assert [(each["service"], each["state"]) for each in found] == [
        ("automated_invoicing", "inactive"),
        ("credit_notes", "inactive"),
        ("roaming", "inactive"),
    ]
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
    assert (await administrator.put(limit, json={"per_year": None})).status_code == 200
    assert (await administrator.put(PATH)).json()["state"] == "active"


@pytest.mark.usefixtures("priced")
async def test_a_credit_is_a_line_of_the_next_invoice_and_never_above_the_charge(
    administrator: AsyncClient,
    app: FastAPI,
    keys: Keys,
    database: Database,
    clock: SetClock,
) -> None:
    await administrator.put(PATH)
    await told(database, clock)
    clock.advance(timedelta(days=20))
    async with database.unit_of_work() as db:
        done = await service_months.book_month(
            db, OrganisationKey("north"), "2026-10", now=clock.now()
        )
        await charges.put_on_document(db, done.booked, "R-1")
    credit = {"charge": "monitoring/CS-1/2026-10", "currency": "EUR", "reason": "outage"}
    path = f"{API}/service-credits"
    above = await administrator.post(path, json={**credit, "amount": "9.91"})
    assert (above.status_code, above.json()["code"]) == (409, "credit_above_charge")
    first = await posted(administrator, path, **credit, amount="9.00")
    assert first["net"] == {"amount": "-9.00", "currency": "EUR"}
    rest = await administrator.post(path, json={**credit, "amount": "1.00"})
    assert rest.json()["code"] == "credit_above_charge"
    await posted(administrator, path, **credit, amount="0.90")
    async with database.unit_of_work() as db:
        invoiced = await charges.charge_of(db, "monitoring/CS-1/2026-10")
        assert invoiced is not None
        assert (invoiced.charge.net.text, invoiced.document) == ("9.90", "R-1")
        opened = await charges.open_charges(db, debtor="organisation/north")
        assert [each.charge.net.text for each in opened] == ["-9.00", "-0.90"]
    month = {"month": "2026-10"}
    costs = (await administrator.get(COSTS, params=month)).json()
    assert [each["kind"] for each in costs["booked"]] == ["correction", "correction"]
    assert costs["totals"] == [{"amount": "0.00", "currency": "EUR"}]
    async with client_of(app, keys.north) as owner:
        assert (await owner.post(path, json={**credit, "amount": "1"})).status_code == 403


@pytest.mark.usefixtures("priced")
async def test_a_provider_pays_roaming_fees_only_where_agreed(administrator: AsyncClient) -> None:
    body = {"party_id": "DE*XYZ", "name": "Emp", "email": "emp@example.org"}
    await posted(administrator, f"{API}/providers", **body)
    await posted(administrator, f"{LISTS}/standard/assignments", provider="DE*XYZ")
    path = f"{API}/providers/DE*XYZ/roaming-fees"
    on = await administrator.put(path)
    assert (on.json()["state"], on.json()["per_month"]["amount"]) == ("active", "5.00")
    assert (await administrator.delete(path)).json()["state"] == "inactive"
    assert (await administrator.put(f"{API}/providers/NL*NO1/roaming-fees")).status_code == 404
    neither = await administrator.post(f"{LISTS}/standard/assignments", json={})
    assert neither.status_code == 422
