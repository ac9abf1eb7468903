"""Calls at the hotline over HTTP."""

from httpx import AsyncClient

from tests.portal.api.test_commands import made

PATH = "/api/v1/calls"


async def test_a_call_is_kept_from_its_beginning_to_its_outcome(
    administrator: AsyncClient, support: AsyncClient, north: AsyncClient, south: AsyncClient
) -> None:
    await made(administrator, "CS-1", "north")
    answer = await support.post(PATH, json={"station": "CS-1", "evse_id": 1, "concern": "Stuck."})
    assert answer.status_code == 201, answer.text
    path = answer.headers["location"]
    call = answer.json()
    assert (call["organisation"], call["closed_at"], call["notes"]) == ("north", None, [])
    changed = await support.patch(path, json={"concern": "The cable is stuck."})
    assert changed.json()["concern"] == "The cable is stuck."
    noted = await support.post(f"{path}/notes", json={"text": "Unlocked it."})
    assert [(each["kind"], each["text"]) for each in noted.json()["notes"]] == [
        ("note", "Unlocked it.")
    ]
    [mine] = (await support.get(PATH, params={"mine": True})).json()["items"]
    assert mine["id"] == call["id"]
    closed = await support.post(f"{path}/close", json={"outcome": "solved", "text": "Free."})
    assert (closed.json()["outcome"], closed.json()["outcome_text"]) == ("solved", "Free.")
    for again in (
        await support.post(f"{path}/close", json={"outcome": "solved"}),
        await support.post(f"{path}/notes", json={"text": "And?"}),
        await support.patch(path, json={"concern": "Else."}),
    ):
        assert (again.status_code, again.json()["code"]) == (409, "call_is_over")
    assert (await support.get(PATH, params={"mine": True})).json()["items"] == []
    assert (await south.get(path)).status_code in (403, 404)
    deeds = (
        await administrator.get("/api/v1/audit", params={"subject": f"call/{call['id']}"})
    ).json()
    assert {each["deed"] for each in deeds["items"]} == {"call.open", "call.close"}


async def test_who_does_not_see_names_writes_none(
    administrator: AsyncClient, support: AsyncClient
) -> None:
    masked = await administrator.post(PATH, json={"caller": "****"})
    assert (masked.status_code, masked.json()["field"]) == (422, "caller")
    named = await administrator.post(PATH, json={"caller": "Ada"})
    assert named.json()["caller"] == "Ada"
    unknown = await administrator.post(PATH, json={"station": "CS-9"})
    assert unknown.status_code == 404
