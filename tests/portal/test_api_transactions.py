"""Tests of the REST calls about transactions, statements and the close of a month."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pypdf
import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from accounts import api_keys
from foundation import migrate
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from foundation.postgres import EmbeddedPostgres
from tests.portal.pages import world

PATH = "/api/v1/transactions"


@pytest.fixture(scope="module")
async def template(postgres: EmbeddedPostgres) -> str:
    """Two owners with six weeks of sessions, September closed for one: filled once, then copied."""
    name = "leitstand_world"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    migrate.upgrade(postgres.url_of(name))
    database = Database(postgres.url_of(name))
    noon = SetClock(datetime(2026, 10, 15, 12, tzinfo=UTC))
    async with database.unit_of_work() as db:
        await world.organisations(db, noon.now())
        await world.fill(db, noon)
    await database.close()
    return name


@pytest.fixture
async def filled(database: Database, clock: SetClock) -> dict[str, str]:
    """A key for each asker."""
    async with database.unit_of_work() as db:
        made = {}
        for name, role, key in (
            ("boss", "administrator", "root"),
            ("works", "owner", "stadtwerke"),
            ("parking", "owner", "parkhaus"),
        ):
            _, made[name] = await api_keys.create_api_key(
                db, role=role, name=name, organisation_key=OrganisationKey(key), now=clock.now()
            )
    return made


def client_of(app: FastAPI, key: str) -> AsyncClient:
    return AsyncClient(
        transport=ASGITransport(app),
        base_url="http://localhost",
        headers={"authorization": f"Bearer {key}"},
    )


@pytest.fixture
async def boss(app: FastAPI, filled: dict[str, str]) -> AsyncIterator[AsyncClient]:
    async with client_of(app, filled["boss"]) as made:
        yield made


@pytest.fixture
async def works(app: FastAPI, filled: dict[str, str]) -> AsyncIterator[AsyncClient]:
    async with client_of(app, filled["works"]) as made:
        yield made


async def everything(
    client: AsyncClient, path: str = PATH, **parameters: str | int
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = (await client.get(path, params=parameters)).json()
        found += page["items"]
        if page["next"] is None:
            return found
        parameters["cursor"] = page["next"]


async def test_every_transaction_is_listed_once_newest_first(boss: AsyncClient) -> None:
    listed = await everything(boss, limit=47)

    assert len(listed) == 224
    assert len({each["transaction_id"] for each in listed}) == 224
    starts = [each["started_at"] for each in listed]
    assert starts == sorted(starts, reverse=True)
    assert all(isinstance(each["transaction_id"], str) for each in listed)


async def test_lists_are_narrowed_by_state_station_and_time(boss: AsyncClient) -> None:
    listed = await everything(boss, limit=500)
    by_state: dict[str, set[str]] = {}
    for each in listed:
        by_state.setdefault(each["state"], set()).add(each["transaction_id"])

    assert by_state.keys() == {"active", "held", "rated", "closed"}
    for state, ids in by_state.items():
        narrowed = await everything(boss, limit=30, state=state)
        assert {each["transaction_id"] for each in narrowed} == ids
    assert await everything(boss, state="void") == []
    station = listed[0]["station"]
    for narrowed in (await everything(boss, station=station), await everything(boss, q=station)):
        assert {each["station"] for each in narrowed} == {station}
    day = await everything(boss, **{"from": "2026-10-01", "to": "2026-10-01T22:00:00Z"})
    assert day
    assert all(
        "2026-09-30T22:00:00Z" <= each["started_at"] < "2026-10-01T22:00:00Z" for each in day
    )


async def test_a_transaction_says_what_it_cost_and_why(boss: AsyncClient) -> None:
    [closed, *_] = await everything(boss, state="closed")
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
    own = await everything(works, limit=500)
    [foreign, *_] = [
        each for each in await everything(boss, limit=500) if each["organisation"] == "parkhaus"
    ]

    assert {each["organisation"] for each in own} == {"stadtwerke"}
    assert (await works.get(f"{PATH}/{foreign['transaction_id']}")).status_code == 404
    for path in (f"{PATH}/0", f"{PATH}/x", f"{PATH}/99999999999999999999", f"{PATH}/-1"):
        assert (await boss.get(path)).status_code == 404


async def test_a_held_one_is_released_or_voided_with_a_reason(boss: AsyncClient) -> None:
    held = await everything(boss, state="held")
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
    assert [each["transaction_id"] for each in await everything(boss, state="void")] == [
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
    [held, *_] = await everything(boss, state="held")
    refused = await boss.post(
        f"{PATH}/{held['transaction_id']}/release", json={"reason": "x", "payer": payer}
    )

    assert (refused.status_code, refused.json()["field"]) == (422, field)


async def test_owners_decide_nothing(works: AsyncClient) -> None:
    for verb in ("release", "void"):
        assert (await works.post(f"{PATH}/1024/{verb}", json={"reason": "x"})).status_code == 403


# ---------------------------------------------------------------------------- statements


async def test_the_forms_of_a_statement_agree(boss: AsyncClient, works: AsyncClient) -> None:
    [head] = await everything(boss, "/api/v1/statements")
    path = f"/api/v1/statements/{head['statement_id']}"
    document = (await works.get(f"{path}.json")).json()
    plain = (await works.get(path)).json()
    table = await works.get(f"{path}.csv")
    paper = await works.get(f"{path}.pdf")

    assert plain == document
    assert head["payout_net"] == {"amount": document["payout_net"], "currency": "EUR"}
    rows = list(csv.DictReader(io.StringIO(table.text, newline="")))
    paid = sum(Decimal(row["payout_amount"]) for row in rows if row["record"] == "line")
    assert paid == Decimal(document["payout_net"])
    assert paid == sum(Decimal(each["payout_amount"]) for each in document["lines"])
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert paper.headers["content-type"] == "application/pdf"
    assert head["statement_id"] in paper.headers["content-disposition"]
    assert len(pypdf.PdfReader(io.BytesIO(paper.content)).pages) >= 1


async def test_statements_are_filtered_and_hidden_from_others(
    app: FastAPI, filled: dict[str, str], boss: AsyncClient
) -> None:
    [head] = await everything(boss, "/api/v1/statements")
    path = "/api/v1/statements"

    assert await everything(boss, path, payee="stadtwerke", month="2026-09") == [head]
    assert await everything(boss, path, payee="parkhaus") == []
    assert await everything(boss, path, month="2026-08") == []
    assert (await boss.get(path, params={"month": "09/2026"})).json()["field"] == "month"
    async with client_of(app, filled["parking"]) as parking:
        assert await everything(parking, path) == []
        assert await everything(parking, path, payee="stadtwerke") == []
        for form in ("", ".json", ".csv", ".pdf"):
            hidden = await parking.get(f"{path}/{head['statement_id']}{form}")
            assert hidden.status_code == 404
    assert (await boss.get(f"{path}/nothing.json")).status_code == 404


async def test_a_dry_run_gives_the_figures_of_the_close_and_books_nothing(
    boss: AsyncClient,
) -> None:
    path = "/api/v1/months/2026-09/close"
    dry = await boss.post(path, json={"payee": "parkhaus", "dry_run": True})
    assert len(await everything(boss, "/api/v1/statements")) == 1
    booked = await boss.post(path, json={"payee": "parkhaus"})
    again = await boss.post(path, json={"payee": "parkhaus"})

    assert dry.status_code == booked.status_code == 200
    assert (dry.json()["dry_run"], booked.json()["dry_run"]) == (True, False)
    assert dry.json()["statements"] == booked.json()["statements"] == again.json()["statements"]
    assert dry.json()["statements"][0]["lines"]
    assert len(await everything(boss, "/api/v1/statements")) == 2


@pytest.mark.parametrize(
    ("month", "payee", "status", "code"),
    [
        ("2026-10", "parkhaus", 409, "month_not_over"),
        ("2026-13", "parkhaus", 422, "invalid_input"),
        ("september", "parkhaus", 422, "invalid_input"),
        ("2026-09", "nowhere", 422, "invalid_input"),
    ],
)
async def test_a_close_that_cannot_be_is_refused(
    boss: AsyncClient, month: str, payee: str, status: int, code: str
) -> None:
    refused = await boss.post(f"/api/v1/months/{month}/close", json={"payee": payee})

    assert (refused.status_code, refused.json()["code"]) == (status, code)


async def test_all_payees_are_closed_together(boss: AsyncClient) -> None:
    answer = await boss.post("/api/v1/months/2026-09/close", json={})

    assert {each["payee"] for each in answer.json()["statements"]} == {"stadtwerke", "parkhaus"}


async def test_owners_close_nothing(works: AsyncClient) -> None:
    refused = await works.post("/api/v1/months/2026-09/close", json={"payee": "stadtwerke"})

    assert refused.status_code == 403
