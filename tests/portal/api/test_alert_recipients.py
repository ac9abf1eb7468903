"""Who hears of alerts, over HTTP."""

from typing import Any

import pytest
from httpx import AsyncClient

from alerts import purse
from billing import credit_store
from billing.sms_purse import SmsPurse
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from tests.portal.api.test_alerts import two as two

PATH = "/api/v1/alert-recipients"
MAIL = {"channel": "mail", "target": "lea@example.org"}


async def entered(client: AsyncClient, **facts: Any) -> dict[str, Any]:
    answer = await client.post(PATH, json=MAIL | facts)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_an_entry_is_made_read_changed_by_its_maker_and_removed(
    north: AsyncClient, administrator: AsyncClient, south: AsyncClient
) -> None:
    facts = {
        "quiet_from": "22:00",
        "quiet_until": "06:00",
        "on_call": [{"weekdays": [0, 1], "begins": "08:00", "until": "17:00"}],
        "after_minutes": 30,
    }
    made = await entered(north, **facts)
    assert (made["organisation"], made["account"]) == ("north", "north")
    assert {key: made[key] for key in facts} == facts
    path = f"{PATH}/{made['id']}"
    assert (await north.get(path)).json() == made
    assert (await north.get(PATH)).json()["items"] == [made]
    changed = await north.put(path, json=MAIL | {"least": "critical"})
    assert (changed.status_code, changed.json()["least"]) == (200, "critical")
    assert changed.json()["quiet_from"] is None
    foreign = await administrator.put(path, json=MAIL)
    assert (foreign.status_code, foreign.json()["code"]) == (403, "not_your_entry")
    for refused in (
        await south.get(path),
        await south.put(path, json=MAIL),
        await south.delete(path),
    ):
        assert refused.status_code in (403, 404)
    assert (await administrator.delete(path)).status_code == 204
    assert (await north.get(path)).status_code == 404
    deeds = (await administrator.get("/api/v1/audit", params={"limit": 3})).json()["items"]
    assert [each["deed"] for each in deeds] == [
        "alert_recipient.remove",
        "alert_recipient.change",
        "alert_recipient.create",
    ]


@pytest.mark.parametrize(
    ("facts", "status", "field"),
    [
        ({"target": "nobody"}, 422, "target"),
        ({"channel": "sms", "target": "+491701111111"}, 409, None),
        ({"channel": "webhook", "target": "http://127.0.0.1/x"}, 422, "target"),
        ({"quiet_from": "25:00", "quiet_until": "06:00"}, 422, "quiet_from"),
        ({"on_call": [{"weekdays": [9], "begins": "08:00", "until": "17:00"}]}, 422, "on_call"),
        ({"after_minutes": -1}, 422, "after_minutes"),
        ({"repeat_minutes": 1}, 422, "repeat_minutes"),
        ({"organisation": "south"}, 422, "organisation"),
        ({"time_zone": "Europe/Nowhere"}, 422, "time_zone"),
        (
            {
                "quiet_from": "22:00",
                "quiet_until": "06:00",
                "on_call": [{"weekdays": [0], "begins": "23:00", "until": "05:00"}],
            },
            422,
            "on_call",
        ),
    ],
)
async def test_what_cannot_be_meant_is_refused_with_the_reason(
    north: AsyncClient, facts: dict[str, Any], status: int, field: str | None
) -> None:
    refused = await north.post(PATH, json=MAIL | facts)
    assert (refused.status_code, refused.json().get("field")) == (status, field), refused.text
    await entered(north)


async def test_the_cost_of_numbers_is_forecast_and_an_alert_tells_who_was_told(
    north: AsyncClient,
    south: AsyncClient,
    database: Database,
    clock: SetClock,
    two: tuple[int, int],
) -> None:
    purse.join(database, SmsPurse())
    async with database.unit_of_work() as db:
        await credit_store.add(
            db, OrganisationKey("north"), 5, reference="order/1", by="test", now=clock.now()
        )
    found = (await north.get("/api/v1/alert-costs")).json()
    assert (found["organisation"], found["numbers"], found["available"]) == ("north", 0, 5)
    assert found["lasts_days"] is None
    assert (
        await south.get("/api/v1/alert-costs", params={"organisation": "north"})
    ).status_code in (
        403,
        404,
    )
    assert (await north.get(f"/api/v1/alerts/{two[0]}/notices")).json() == []
    assert (await north.get(f"/api/v1/alerts/{two[1]}/notices")).status_code == 404
