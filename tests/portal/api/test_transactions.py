"""Tests of the REST calls about transactions."""

from decimal import Decimal

import pytest
from httpx import AsyncClient

from tests.portal.api.conftest import everything

PATH = "/api/v1/transactions"


async def test_every_transaction_is_listed_once_newest_first(boss: AsyncClient) -> None:
    listed = await everything(boss, PATH, limit=47)

    assert len(listed) == 224
    assert len({each["transaction_id"] for each in listed}) == 224
    starts = [each["started_at"] for each in listed]
    assert starts == sorted(starts, reverse=True)
    assert all(isinstance(each["transaction_id"], str) for each in listed)


async def test_lists_are_narrowed_by_state_station_and_time(boss: AsyncClient) -> None:
    listed = await everything(boss, PATH, limit=500)
    by_state: dict[str, set[str]] = {}
    for each in listed:
        by_state.setdefault(each["state"], set()).add(each["transaction_id"])

    assert by_state.keys() == {"active", "held", "rated", "closed"}
    for state, ids in by_state.items():
        narrowed = await everything(boss, PATH, limit=30, state=state)
        assert {each["transaction_id"] for each in narrowed} == ids
    assert await everything(boss, PATH, state="void") == []
    station = listed[0]["station"]
    for narrowed in (
        await everything(boss, PATH, station=station),
        await everything(boss, PATH, q=station),
    ):
        assert {each["station"] for each in narrowed} == {station}
    day = await everything(boss, PATH, **{"from": "2026-10-01", "to": "2026-10-01T22:00:00Z"})
    assert day
    assert all(
        "2026-09-30T22:00:00Z" <= each["started_at"] < "2026-10-01T22:00:00Z" for each in day
    )


async def test_a_transaction_says_what_it_cost_and_why(boss: AsyncClient) -> None:
    [closed, *_] = await everything(boss, PATH, state="closed")
    detail = (await boss.get(f"{PATH}/{closed['transaction_id']}")).json()

    assert closed.items() <= detail.items()
    assert detail["class"] in {"internal", "external"}
    assert detail["tariff"] == "DAY-NIGHT"
    lines = [Decimal(each["net"]["amount"]) for each in detail["price_lines"]]
    assert sum(lines) == Decimal(detail["net_amount"]["amount"])
    assert all(each["sentence"] for each in detail["price_lines"])
    assert detail["statements"][0]["statement_id"].startswith("stadtwerke-2026-09")
    assert isinstance(detail["energy_wh"], int | float)
    assert detail["meter_stop_wh"] - detail["meter_start_wh"] == pytest.approx(detail["energy_wh"])


async def test_the_frames_behind_it_need_a_permission(
    boss: AsyncClient, works: AsyncClient
) -> None:
    for client, is_shown in ((boss, True), (works, False)):
        events = (await client.get(f"{PATH}/1024")).json()["events"]
        assert len(events) == 3
        assert all((each["raw"] is not None) == is_shown for each in events)


async def test_an_owner_sees_his_own(boss: AsyncClient, works: AsyncClient) -> None:
    own = await everything(works, PATH, limit=500)
    [foreign, *_] = [
        each
        for each in await everything(boss, PATH, limit=500)
        if each["organisation"] == "parkhaus"
    ]

    assert {each["organisation"] for each in own} == {"stadtwerke"}
    assert (await works.get(f"{PATH}/{foreign['transaction_id']}")).status_code == 404
    for path in (f"{PATH}/0", f"{PATH}/x", f"{PATH}/99999999999999999999", f"{PATH}/-1"):
        assert (await boss.get(path)).status_code == 404


async def test_a_held_one_is_released_or_voided_with_a_reason(boss: AsyncClient) -> None:
    held = await everything(boss, PATH, state="held")
    first, second = (f"{PATH}/{each['transaction_id']}" for each in held[:2])
    reason = {"reason": "Checked at the station"}

    missing = await boss.post(f"{first}/release", json={})
    released = await boss.post(f"{first}/release", json=reason)
    again = await boss.post(f"{first}/release", json=reason)
    voided = await boss.post(f"{second}/void", json=reason)

    assert held[0]["hold_reason"]
    assert (missing.status_code, missing.json()["field"]) == (422, "reason")
    assert (released.status_code, released.json()["state"]) == (200, "rated")
    assert (again.status_code, again.json()["code"]) == (409, "not_on_hold")
    assert voided.json()["state"] == "void"
    assert voided.json()["decision"]["reason"] == "Checked at the station"
    assert voided.json()["decision"]["by"].startswith("api_key/")
    assert [each["transaction_id"] for each in await everything(boss, PATH, state="void")] == [
        held[1]["transaction_id"]
    ]


@pytest.mark.parametrize(
    ("payer", "field"),
    [
        ({}, "payer"),
        ({"organisation": "root", "provider": "DE*EMP"}, "payer"),
        ({"organisation": "nowhere"}, "payer.organisation"),
        ({"provider": "DE*NIX"}, "payer.provider"),
    ],
)
async def test_a_payer_must_be_one(boss: AsyncClient, payer: dict[str, str], field: str) -> None:
    [held, *_] = await everything(boss, PATH, state="held")
    refused = await boss.post(
        f"{PATH}/{held['transaction_id']}/release", json={"reason": "x", "payer": payer}
    )

    assert (refused.status_code, refused.json()["field"]) == (422, field)


async def test_owners_decide_nothing(works: AsyncClient) -> None:
    for verb in ("release", "void"):
        assert (await works.post(f"{PATH}/1024/{verb}", json={"reason": "x"})).status_code == 403
