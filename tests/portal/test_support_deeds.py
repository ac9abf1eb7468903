"""What the audit is told of calls and tickets: as they were, and as they are."""

from httpx import AsyncClient

CALLS, TICKETS = "/api/v1/calls", "/api/v1/tickets"


async def test_a_closed_ticket_is_told_as_it_was_and_as_it_is(
    administrator: AsyncClient, support: AsyncClient
) -> None:
    ticket = (await support.post(TICKETS, json={"title": "Dark"})).json()["id"]
    await support.post(f"{TICKETS}/{ticket}/close", json={"outcome": "Lamp changed."})
    query = {"subject": f"ticket/{ticket}", "deed": "ticket.close"}
    [told] = (await administrator.get("/api/v1/audit", params=query)).json()["items"]
    assert (told["before"]["state"], told["after"]["state"]) == ("open", "closed")
    assert (told["before"]["outcome"], told["after"]["outcome"]) == (None, "Lamp changed.")
    assert told["actor_name"] == "support"


async def test_a_call_is_told_with_its_station_and_its_outcome(
    administrator: AsyncClient, support: AsyncClient
) -> None:
    call = (await support.post(CALLS, json={"concern": "Stuck."})).json()["id"]
    await support.post(f"{CALLS}/{call}/close", json={"outcome": "answered"})
    found = await administrator.get("/api/v1/audit", params={"subject": f"call/{call}"})
    told = {each["deed"]: each["after"] for each in found.json()["items"]}
    assert told == {"call.open": {"station": None}, "call.close": {"outcome": "answered"}}
