"""Prices of services over the API: from a moment on, for whom, and credits of what was charged."""

from datetime import timedelta

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from billing import charges, service_months
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from tests.portal.api.test_monitoring import API, PATH, app, database
from tests.portal.api.test_service_costs import COSTS, LISTS, posted, priced, told
from tests.portal.conftest import Keys, client_of

__all__ = ["app", "database", "priced"]  # fixtures, taken by their names


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
        await charges.put_on_documents(db, dict.fromkeys(done.booked, "R-1"))
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
