"""Tests of the calls about webhooks; what is sent, and who hears of what, tests/portal tells."""

from typing import Any

import pytest
from httpx import AsyncClient

from tests.portal.conftest import client_of
from tests.portal.test_webhooks import PATH, Stage, stage

__all__ = ["stage"]

HOOK = "https://example.com/hook"


async def test_webhooks_come_by_pages(stage: Stage) -> None:
    numbers = [(await stage.make(HOOK))["id"] for _ in range(3)]
    async with stage.client() as client:
        first = (await client.get(PATH, params={"limit": 2})).json()
        rest = (await client.get(PATH, params={"cursor": first["next"]})).json()

    assert [each["id"] for each in first["items"] + rest["items"]] == numbers
    assert rest["next"] is None


async def test_deliveries_come_by_pages_and_by_state(stage: Stage) -> None:
    hook = await stage.make(HOOK)
    await stage.happens("N1", "C1", "S1")
    path = f"{PATH}/{hook['id']}/deliveries"
    async with stage.client() as client:
        first = (await client.get(path, params={"limit": 2})).json()
        rest = (await client.get(path, params={"cursor": first["next"]})).json()
        none = (await client.get(path, params={"state": "delivered"})).json()
        wrong = await client.get(path, params={"state": "lost"})

    ids = [each["id"] for each in first["items"] + rest["items"]]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 3
    assert none == {"items": [], "next": None}
    assert wrong.status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {"name": "x", "url": ""},
        {"name": "", "url": HOOK},
        {"name": "x", "url": HOOK, "kinds": []},
        {"name": "x", "url": HOOK, "more": 1},
    ],
)
async def test_what_is_no_webhook_is_refused(stage: Stage, body: dict[str, Any]) -> None:
    async with stage.client() as client:
        assert (await client.post(PATH, json=body)).status_code == 422


@pytest.mark.parametrize("body", [{}, {"event_id": "x"}, {"after": "x"}, {"event_id": "-1"}])
async def test_what_names_no_event_replays_nothing(stage: Stage, body: dict[str, Any]) -> None:
    hook = await stage.make(HOOK)
    async with stage.client() as client:
        answered = await client.post(f"{PATH}/{hook['id']}/replay", json=body)

    assert answered.status_code == 422


async def test_an_off_webhook_replays_nothing(stage: Stage) -> None:
    hook = await stage.make(HOOK)
    await stage.happens("N1")
    async with stage.client() as client:
        await client.patch(f"{PATH}/{hook['id']}", json={"active": False})
        refused = await client.post(f"{PATH}/{hook['id']}/replay", json={"after": "WzAsMF0"})

    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")


async def test_a_program_without_webhooks_says_so(administrator: AsyncClient) -> None:
    refused = await administrator.post(PATH, json={"name": "x", "url": HOOK})

    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")


async def test_the_same_call_again_makes_no_second_one(stage: Stage) -> None:
    async with client_of(stage.app, stage.keys.administrator) as client:
        made = [
            await client.post(
                PATH, json={"name": "x", "url": HOOK}, headers={"idempotency-key": "once"}
            )
            for _ in range(2)
        ]
        listed = (await client.get(PATH)).json()["items"]

    assert made[0].json() == made[1].json()
    assert len(listed) == 1
