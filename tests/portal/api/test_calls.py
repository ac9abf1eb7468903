"""Calls at the hotline over HTTP."""

from fastapi import FastAPI
from httpx import AsyncClient

from accounts import api_keys
from accounts.permissions import Permission, Reach
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from portal.guard import MASK
from tests.portal.api.test_commands import made
from tests.portal.conftest import client_of

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
    assert (await support.patch(path, json={})).status_code == 200  # changes nothing
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
    assert [each["deed"] for each in deeds["items"]] == ["call.close", "call.change", "call.open"]
    changed_to = deeds["items"][1]
    assert (changed_to["before"], changed_to["after"]) == (
        {"concern": "Stuck."},
        {"concern": "The cable is stuck."},
    )


async def test_who_does_not_see_names_writes_none(
    administrator: AsyncClient, support: AsyncClient
) -> None:
    masked = await administrator.post(PATH, json={"caller": "****"})
    assert (masked.status_code, masked.json()["field"]) == (422, "caller")
    named = await administrator.post(PATH, json={"caller": "Ada"})
    assert named.json()["caller"] == "Ada"
    unknown = await administrator.post(PATH, json={"station": "CS-9"})
    assert unknown.status_code == 404


async def test_a_call_is_not_found_by_a_caller_who_is_masked(
    app: FastAPI, administrator: AsyncClient, database: Database, clock: SetClock
) -> None:
    said = {"caller": "Frey, +49 30 1234567", "concern": "Stuck."}
    assert (await administrator.post(PATH, json=said)).status_code == 201
    async with database.unit_of_work() as db:
        _, key = await api_keys.create_api_key(
            db,
            name="reader",
            rights={Permission.CALLS_READ},
            reach=Reach.OWN_AND_BELOW,
            organisation_key=OrganisationKey("root"),
            now=clock.now(),
        )

    async with client_of(app, key) as reader:
        for q, of_all, of_masked in (("1234", 1, 0), ("frey", 1, 0), ("stuck", 1, 1)):
            seen = (await administrator.get(PATH, params={"q": q})).json()["items"]
            shown = (await reader.get(PATH, params={"q": q})).json()["items"]
            assert (len(seen), len(shown)) == (of_all, of_masked), q
        assert (shown[0]["caller"], shown[0]["opened_by"]) == (MASK, MASK)
