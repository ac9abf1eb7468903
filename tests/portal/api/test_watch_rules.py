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
