"""Service packages and the yearly maintenance over the API."""

from datetime import timedelta

import pytest
from httpx import AsyncClient

from foundation.clock import SetClock
from tests.portal.api.test_monitoring import API, app, database
from tests.portal.api.test_service_costs import posted, priced

__all__ = ["app", "database", "priced"]  # fixtures, taken by their names


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
