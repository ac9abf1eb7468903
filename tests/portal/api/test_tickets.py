"""Tickets over HTTP."""

from httpx import AsyncClient

from tests.portal.api.test_commands import made

PATH = "/api/v1/tickets"


async def test_a_ticket_goes_from_hand_to_hand_until_it_is_closed(
    administrator: AsyncClient, support: AsyncClient, south: AsyncClient
) -> None:
    await made(administrator, "CS-1", "north")
    answer = await support.post(PATH, json={"title": "Display is dark", "station": "CS-1"})
    assert answer.status_code == 201, answer.text
    path, ticket = answer.headers["location"], answer.json()
    assert (ticket["organisation"], ticket["state"]) == ("north", "open")
    person = await administrator.post(
        "/api/v1/users",
        json={
            "user_name": "tess",
            "email": "tess@x.example",
            "name": "Tess",
            "roles": ["technician"],
            "password": "correct horse battery",
        },
    )
    assert person.status_code == 201, person.text
    given = await support.put(f"{path}/assignee", json={"person": person.json()["id"]})
    assert given.status_code == 200, given.text
    assert given.json()["notes"][-1]["text"] == "Tess"
    unknown = await support.put(f"{path}/assignee", json={"person": 4711})
    assert (unknown.status_code, unknown.json()["field"]) == (422, "person")
    noted = await support.post(f"{path}/notes", json={"text": "Fuse ordered."})
    assert noted.status_code == 201
    closed = await support.post(f"{path}/close", json={"outcome": "Fuse replaced."})
    assert (closed.json()["state"], closed.json()["outcome"]) == ("closed", "Fuse replaced.")
    again = await support.post(f"{path}/close", json={"outcome": "Twice."})
    assert (again.status_code, again.json()["code"]) == (409, "ticket_state")
    [listed] = (await support.get(PATH, params={"state": "closed"})).json()["items"]
    assert listed["id"] == ticket["id"]
    opened = await support.post(f"{path}/reopen", json={"reason": "Dark again."})
    assert [each["kind"] for each in opened.json()["notes"]] == [
        "assigned",
        "note",
        "closed",
        "reopened",
    ]
    assert (await south.get(path)).status_code in (403, 404)
    deeds = await administrator.get("/api/v1/audit", params={"subject": f"ticket/{ticket['id']}"})
    assert {each["deed"] for each in deeds.json()["items"]} == {
        "ticket.open",
        "ticket.assign",
        "ticket.close",
        "ticket.reopen",
    }


async def test_what_is_not_in_sight_gets_no_ticket(
    administrator: AsyncClient, support: AsyncClient
) -> None:
    assert (await support.post(PATH, json={"title": "?", "station": "CS-9"})).status_code == 404
    other = await support.post(PATH, json={"title": "?", "organisation": "nobody"})
    assert other.status_code == 404
    assert (await support.post(PATH, json={"title": ""})).status_code == 422
