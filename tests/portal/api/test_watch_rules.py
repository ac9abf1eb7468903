"""If/then rules over HTTP."""

from typing import Any

import pytest
from httpx import AsyncClient

PATH = "/api/v1/watch-rules"
RULE: dict[str, Any] = {
    "organisation": "north",
    "name": "Too hot",
    "conditions": [{"metric": "temperature_c", "comparison": "above", "limit": 70}],
    "consecutive": 3,
}


async def test_a_rule_is_made_changed_seen_by_its_side_alone_and_taken_away(
    administrator: AsyncClient, north: AsyncClient, south: AsyncClient
) -> None:
    answer = await administrator.post(PATH, json=RULE)
    assert answer.status_code == 201, answer.text
    path = f"{PATH}/{answer.json()['id']}"
    assert (await north.get(path)).json()["conditions"] == RULE["conditions"]
    assert (await south.get(path)).status_code == 404
    assert (await south.get(PATH)).json()["items"] == []
    changed = await administrator.put(path, json={**RULE, "severity": "critical"})
    assert changed.json()["severity"] == "critical"
    assert [each["name"] for each in (await north.get(PATH)).json()["items"]] == ["Too hot"]
    assert (await administrator.delete(path)).status_code == 204
    assert (await administrator.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        (
            {
                "conditions": [
                    *RULE["conditions"],
                    {"metric": "temperature_c", "comparison": "below", "limit": 20},
                ]
            },
            "contradicting_conditions",
        ),
        ({"conditions": []}, "invalid_input"),
        ({"grid": "0" * 168}, "invalid_input"),
        ({"consecutive": 0}, "invalid_input"),
        ({"location": "nowhere"}, "invalid_input"),
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(
    administrator: AsyncClient, changes: dict[str, Any], code: str
) -> None:
    answer = await administrator.post(PATH, json={**RULE, **changes})
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_what_a_rule_does_is_read_as_it_was_set_and_its_url_shows_no_secret(
    administrator: AsyncClient,
) -> None:
    more = {
        "needs_all": False,
        "mails": ["lea@example.org"],
        "webhook": "https://example.org/hook?token=secret",
        "opens_ticket": True,
        "step": "out_of_service",
        "step_hours": 4,
        "steps_per_day": 2,
    }
    made = (await administrator.post(PATH, json={**RULE, **more})).json()
    shown = {**more, "webhook": "https://example.org/…"}
    assert {name: made[name] for name in shown} == shown
    path = f"{PATH}/{made['id']}"
    kept = {name: made[name] for name in {**RULE, **more}}
    assert (await administrator.put(path, json=kept)).json() == made
    assert (await administrator.put(path, json=kept | {"webhook": ""})).json()["webhook"] == ""
    assert (await administrator.get(f"{path}/firings")).json() == {"items": [], "next": None}
    audit = (await administrator.get("/api/v1/audit")).json()["items"]
    assert "secret" not in str(audit)
    assert "out_of_service" in str(audit[-1])


async def test_a_rule_is_tried_out_and_nothing_is_stored(administrator: AsyncClient) -> None:
    answer = await administrator.post(f"{PATH}/rehearse", json=RULE)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["times"], answer.json()["fired"]) == (0, [])
    assert (await administrator.get(PATH)).json()["items"] == []
    nonsense = await administrator.post(f"{PATH}/rehearse", json=RULE | {"grid": "0" * 168})
    assert nonsense.status_code == 422


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"mails": ["nobody"]}, "mails"),
        ({"webhook": "http://127.0.0.1/"}, "webhook"),
        ({"group": 7}, "group"),
    ],
)
async def test_whom_nobody_can_tell_and_a_group_that_there_is_none_of_are_refused(
    administrator: AsyncClient, changes: dict[str, Any], field: str
) -> None:
    answer = await administrator.post(PATH, json={**RULE, **changes})
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_a_fresh_secret_is_shown_once_to_its_side_and_none_where_no_program_is_told(
    administrator: AsyncClient, south: AsyncClient
) -> None:
    silent = (await administrator.post(PATH, json=RULE)).json()["id"]
    refused = await administrator.post(f"{PATH}/{silent}/rotate-secret")
    assert (refused.status_code, refused.json()["code"]) == (409, "no_program")
    telling = {**RULE, "webhook": "https://hooks.example/x?token=y"}
    path = f"{PATH}/{(await administrator.post(PATH, json=telling)).json()['id']}"
    assert (await south.post(f"{path}/rotate-secret")).status_code in (403, 404)
    first, second = [
        (await administrator.post(f"{path}/rotate-secret")).json()["secret"] for _ in range(2)
    ]
    assert first.startswith("whsec_")
    assert first != second
    assert "whsec" not in (await administrator.get(path)).text
