"""Tests of writing calls that come more than once."""

import asyncio

from httpx import AsyncClient

from accounts import answered, directory
from accounts.answered import CallInProgress
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey

PATH = "/api/v1/organisations"
NEW = {"key": "east", "name": "East"}
KEY = {"idempotency-key": "a-1"}


async def test_the_same_call_is_done_once_and_answered_alike(
    administrator: AsyncClient, database: Database
) -> None:
    first = await administrator.post(PATH, json=NEW, headers=KEY)
    second = await administrator.post(PATH, json=NEW, headers=KEY)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert first.headers["content-type"] == second.headers["content-type"]
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"


async def test_without_a_key_the_same_call_is_another_one(administrator: AsyncClient) -> None:
    await administrator.post(PATH, json=NEW)

    assert (await administrator.post(PATH, json=NEW)).status_code == 409


async def test_a_key_with_another_body_or_path_is_refused(administrator: AsyncClient) -> None:
    await administrator.post(PATH, json=NEW, headers=KEY)
    body = await administrator.post(PATH, json={**NEW, "name": "Other"}, headers=KEY)
    path = await administrator.patch(f"{PATH}/east", json=NEW, headers=KEY)

    assert body.status_code == path.status_code == 422
    assert body.json()["code"] == path.json()["code"] == "idempotency_key_reused"


async def test_each_asker_has_keys_of_his_own(
    administrator: AsyncClient, support: AsyncClient
) -> None:
    await administrator.post(PATH, json=NEW, headers=KEY)

    assert (await support.post(PATH, json=NEW, headers=KEY)).status_code == 403


async def test_a_refusal_is_not_kept(administrator: AsyncClient, database: Database) -> None:
    child = {"key": "branch", "name": "Branch", "parent": "east"}
    refused = await administrator.post(PATH, json=child, headers=KEY)
    await administrator.post(PATH, json=NEW)

    accepted = await administrator.post(PATH, json=child, headers=KEY)

    assert (refused.status_code, accepted.status_code) == (422, 201)


async def test_of_many_at_once_one_works(administrator: AsyncClient) -> None:
    answers = await asyncio.gather(
        *(administrator.post(PATH, json=NEW, headers=KEY) for _ in range(4))
    )

    assert {each.status_code for each in answers} <= {201, 409}
    in_progress = [each for each in answers if each.status_code == 409]
    assert all(each.json()["code"] == "call_in_progress" for each in in_progress)
    assert any(each.status_code == 201 for each in answers)


async def test_a_call_in_progress_is_a_conflict(
    administrator: AsyncClient, database: Database, clock: SetClock
) -> None:
    me = (await administrator.get("/api/v1/me")).json()["id"]
    async with database.unit_of_work() as db:
        await answered.kept_answer(
            db, principal=me, key="a-1", request_hash=b"any", now=clock.now()
        )
        answer = await administrator.post(PATH, json=NEW, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (409, CallInProgress.code)
    async with database.unit_of_work() as db:
        assert OrganisationKey("east") not in {
            each.key for each in await directory.organisations(db)
        }


async def test_a_key_that_is_none_is_refused(administrator: AsyncClient) -> None:
    for key in ("", "x" * 256):
        answer = await administrator.post(PATH, json=NEW, headers={"idempotency-key": key})
        assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")
    fits = await administrator.post(PATH, json=NEW, headers={"idempotency-key": "x" * 255})
    assert fits.status_code == 201
