"""Months by API: runs, shadows, late sessions, reconciliation, explanations."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from billing import pricing
from billing.pricing import NewAssignment, place_from
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from tests.billing.story import LONG_AGO, ended, happen, tariff

NORTH = OrganisationKey("north")
CLOSED_AT = datetime(2026, 11, 2, 8, tzinfo=UTC)


async def norths(db: AsyncSession, *numbers: int) -> None:
    """Sessions of the owner north, charged by his own token."""
    await happen(db, *(ended(number, owner=NORTH, token_organisation=NORTH) for number in numbers))


@pytest.fixture
async def charged(database: Database, administrator: httpx.AsyncClient) -> httpx.AsyncClient:
    async with database.unit_of_work() as db:
        await pricing.create_tariff(
            db,
            tariff(),
            [NewAssignment(place_from("organisation", "root"), LONG_AGO)],
            organisation=None,
            now=LONG_AGO,
        )
        await norths(db, 1)
    return administrator


async def close(client: httpx.AsyncClient) -> None:
    done = await client.post("/api/v1/months/2026-10/close", json={"payee": "north"})
    assert done.status_code == 200, done.text


async def test_a_shadow_is_drawn_kept_and_compared(
    charged: httpx.AsyncClient, north: httpx.AsyncClient, clock: SetClock, database: Database
) -> None:
    drawn = await charged.post("/api/v1/months/2026-10/shadow", json={"payee": "north"})
    assert drawn.status_code == 201, drawn.text
    [shadow] = drawn.json()
    assert shadow["payout_net"] == {"amount": "4.00", "currency": "EUR"}
    assert shadow["compared"] is None
    async with database.unit_of_work() as db:
        await norths(db, 2)
    clock.advance(CLOSED_AT - clock.now())
    await close(charged)

    [compared] = (
        await north.get("/api/v1/months/2026-10/shadows", params={"payee": "north"})
    ).json()

    assert compared["compared"]["difference"]["amount"] == "4.00"
    [change] = compared["compared"]["changes"]
    assert (change["transaction_id"], change["kind"]) == ("2", "added")
    refused = await charged.post("/api/v1/months/2026-10/shadow", json={"payee": "north"})
    assert (refused.status_code, refused.json()["code"]) == (409, "month_closed")


async def test_a_closed_month_tells_how_far_its_run_is(
    charged: httpx.AsyncClient,
    north: httpx.AsyncClient,
    south: httpx.AsyncClient,
    clock: SetClock,
) -> None:
    assert (await charged.get("/api/v1/months/2026-10")).status_code == 404
    clock.advance(CLOSED_AT - clock.now())
    await close(charged)

    run = (await north.get("/api/v1/months/2026-10")).json()

    assert (run["payees"], run["done"], run["waiting"], run["refused"]) == (1, 3, 0, 0)
    assert {each["step"]: each["state"] for each in run["of_payees"]} == {
        "services": "done",
        "statements": "done",
        "documents": "done",
    }
    [listed] = (await charged.get("/api/v1/months")).json()["items"]
    assert listed["month"] == "2026-10"
    whole = (await charged.get("/api/v1/months/2026-10")).json()
    seen: list[dict[str, str]] = []
    cursor: str | None = ""
    pages = 0
    while cursor is not None:
        query = f"limit=1{cursor and f'&cursor={cursor}'}"
        part = (await charged.get(f"/api/v1/months/2026-10?{query}")).json()
        assert len({each["payee"] for each in part["of_payees"]}) <= 1
        seen += part["of_payees"]
        cursor, pages = part["next"], pages + 1
    assert pages == len({each["payee"] for each in whole["of_payees"]})
    assert sorted(map(str, seen)) == sorted(map(str, whole["of_payees"]))
    assert whole["next"] is None
    assert (await south.get("/api/v1/months")).json()["items"] == []
    assert (await south.get("/api/v1/months/2026-10")).status_code == 404


async def test_only_who_closes_months_runs_them(
    charged: httpx.AsyncClient, north: httpx.AsyncClient, clock: SetClock
) -> None:
    clock.advance(CLOSED_AT - clock.now())
    for path in ("run", "shadow"):
        refused = await north.post(f"/api/v1/months/2026-10/{path}", json={"payee": "north"})
        assert refused.status_code == 403
    refused = await charged.post("/api/v1/months/2026-10/run", json={})
    assert refused.status_code == 503  # this portal has no jobs
    assert (await charged.post("/api/v1/months/soon/run", json={})).status_code == 422


async def test_late_sessions_are_shown_with_their_effect_to_whom_they_concern(
    charged: httpx.AsyncClient,
    north: httpx.AsyncClient,
    south: httpx.AsyncClient,
    clock: SetClock,
    database: Database,
) -> None:
    clock.advance(CLOSED_AT - clock.now())
    await close(charged)
    async with database.unit_of_work() as db:
        await norths(db, 2)

    found = (await north.get("/api/v1/late-sessions")).json()

    [session] = found["sessions"]
    assert (session["month"], session["statement_id"]) == ("2026-10", "north-2026-11-EUR")
    [effect] = found["effects"]
    assert effect["difference"] == {"amount": "4.00", "currency": "EUR"}
    assert (await south.get("/api/v1/late-sessions")).json() == {
        "sessions": [],
        "effects": [],
        "next": None,
    }
    seen = await south.get("/api/v1/late-sessions", params={"payee": "north"})
    assert seen.status_code == 422

    async with database.unit_of_work() as db:
        await norths(db, 3)
    numbers, query = [], {"limit": "1"}
    while True:
        page = (await north.get("/api/v1/late-sessions", params=query)).json()
        assert len(page["sessions"]) == 1
        assert page["effects"][0]["sessions"] == 2  # what all of them change
        numbers += [each["transaction_id"] for each in page["sessions"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert numbers == ["3", "2"]
    wrong = await north.get("/api/v1/late-sessions", params={"cursor": "x"})
    assert wrong.json()["code"] == "wrong_cursor"


async def test_a_month_is_reconciled_and_a_session_explained(
    charged: httpx.AsyncClient,
    north: httpx.AsyncClient,
    south: httpx.AsyncClient,
    clock: SetClock,
    database: Database,
) -> None:
    async with database.unit_of_work() as db:
        await db.execute(text(_CSMS))
    clock.advance(CLOSED_AT + timedelta(hours=1) - clock.now())
    await close(charged)

    report = (
        await north.get("/api/v1/months/2026-10/reconciliation", params={"payee": "north"})
    ).json()
    assert (report["sessions"], report["records"], report["unexplained"]) == (1, 1, 0)
    assert {each["explanation"] for each in report["differences"]} == {"not_due", "not_invoiced"}
    query, walked = {"payee": "north", "limit": "1"}, []
    while True:
        page = (await north.get("/api/v1/months/2026-10/reconciliation", params=query)).json()
        walked += page["differences"]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert (walked, len(walked)) == (report["differences"], len(report["differences"]))

    chain = (await north.get("/api/v1/transactions/1/explanation")).json()
    assert chain["holds"] is True
    assert chain["lines"][0]["payout"] == {"amount": "4.00", "currency": "EUR"}
    for client, number in ((south, "1"), (north, "2"), (north, "one")):
        missing = await client.get(f"/api/v1/transactions/{number}/explanation")
        assert missing.status_code == 404


_CSMS = """
insert into stations (identity, time_zone, admission, boot_policy, security_profile, aliases,
  items_per_message, free_vend, created_at)
values ('S1', 'UTC', 'accepted', 'accept', 0, '{}', '{}', false, now());
insert into transactions (id, station, ref, generation, version, evse_id, connector_id, state,
  revision, owner, time_zone, free_vend, station_waiting, start_seen, offline, started_at,
  start_reported_at, start_received_at, meter_start_wh, meter_stop_wh, energy_wh, clock_wrong,
  ended_at, doubts, conflicting_ends)
values (1, 'S1', '1|a', 0, 'ocpp1.6', 1, 1, 'ended', 1, 'north', 'Europe/Berlin', false, false,
  true, false, '2026-10-15 12:00+00', '2026-10-15 12:00+00', '2026-10-15 12:00+00', 1000, 11000,
  10000, false, '2026-10-15 13:00+00', '{}', 0)
"""
