"""What was told of customers by REST: to whom, and that it is noted."""

from datetime import timedelta

from httpx import AsyncClient

from foundation.clock import SetClock
from foundation.database import Database
from tests.portal.customers import asked_and_told


def path(command: str) -> str:
    return f"/api/v1/commands/{command}/customer-information"


async def test_it_is_put_together_and_each_reading_is_noted(
    administrator: AsyncClient, south: AsyncClient, database: Database, clock: SetClock
) -> None:
    body = {"identity": "CS-N", "organisation": "north"}
    assert (await administrator.post("/api/v1/stations", json=body)).status_code == 201
    now = clock.now()
    asked = await asked_and_told(database, "CS-N", now, "name=", "Ada", owner="north")
    nothing = await asked_and_told(database, "CS-N", now.replace(year=2030), owner="north")

    found = await administrator.get(path(asked))
    assert found.status_code == 200
    told = found.json()
    assert (told["data"], told["parts"], told["is_whole"]) == ("name=Ada", 2, True)
    assert told["station"] == "CS-N"
    assert (await south.get(path(asked))).status_code in (403, 404)
    assert (await administrator.get(path(nothing))).status_code == 404

    noted = (await administrator.get("/api/v1/audit")).json()["items"]
    [reading] = [each for each in noted if each["deed"] == "customer_information.read"]
    assert reading["subject"] == f"command/{asked}"
    assert "Ada" not in str(reading)


async def test_a_number_that_is_used_again_tells_nothing_of_the_later_customer(
    administrator: AsyncClient, database: Database, clock: SetClock
) -> None:
    body = {"identity": "CS-N", "organisation": "north"}
    assert (await administrator.post("/api/v1/stations", json=body)).status_code == 201
    now = clock.now()
    first = await asked_and_told(database, "CS-N", now, "name=Ada", owner="north")
    later = now + timedelta(minutes=5)
    second = await asked_and_told(database, "CS-N", later, "name=Bob", owner="north")
    assert (await administrator.get(path(first))).status_code == 404
    assert (await administrator.get(path(second))).json()["data"] == "name=Bob"
