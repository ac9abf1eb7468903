"""The service clock of a ticket over HTTP."""

from httpx import AsyncClient

from foundation.clock import SetClock
from foundation.database import Database
from tests.portal.api.test_visits import API, a_ticket


async def test_the_clock_of_a_ticket_is_stopped_where_the_customer_has_to_act(
    administrator: AsyncClient,
    support: AsyncClient,
    south: AsyncClient,
    north: AsyncClient,
    database: Database,
    clock: SetClock,
) -> None:
    ticket = await a_ticket(administrator, database, clock)
    path = f"{API}/tickets/{ticket['id']}/clock"
    begun = (await north.get(path)).json()
    assert [each["target"] for each in begun["promises"]] == ["remote", "answer"]
    assert (await south.get(path)).status_code == 404
    assert (await north.post(path, json={"deed": "remote"})).status_code == 403
    unsaid = await support.post(path, json={"deed": "stop"})
    assert (unsaid.status_code, unsaid.json()["field"]) == (422, "waits_for")
    stop = {"deed": "stop", "waits_for": "Give us a key"}
    stopped = (await support.post(path, json=stop)).json()
    assert stopped["waits_for"] == "Give us a key"
    assert {each["standing"] for each in stopped["promises"]} == {"stopped"}
    twice = await support.post(path, json=stop)
    assert (twice.status_code, twice.json()["code"]) == (409, "ticket_clock")
    assert (await support.post(path, json={"deed": "on_site"})).status_code == 422
    assert (await support.post(path, json={"deed": "resume"})).json()["waits_for"] is None
    met = (await support.post(path, json={"deed": "remote"})).json()
    assert met["promises"][0]["standing"] == "met"
