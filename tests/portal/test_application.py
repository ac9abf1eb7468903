"""Tests of what the application answers by itself: health, readiness, figures, documentation."""

import re
from dataclasses import replace
from datetime import timedelta

import httpx
from httpx import AsyncClient
from sqlalchemy import text

from foundation import outbox
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import StationCameBack
from foundation.identifiers import StationId
from portal.api.routes import ROUTERS
from portal.application import create_application
from portal.context import PortalContext


async def test_a_process_that_answers_is_alive(client: AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "alive"}


async def test_it_is_ready_with_database_tables_and_listener(client: AsyncClient) -> None:
    answer = await client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "database": "reachable",
        "migrations": "at head",
        "listener": "up",
    }


async def test_it_is_not_ready_while_the_listener_is_down(
    context: PortalContext,
) -> None:
    app = create_application(replace(context, is_listening=lambda: False))
    async with AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost"
    ) as client:
        answer = await client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["listener"] == "down"


async def test_it_is_not_ready_with_old_tables(client: AsyncClient, database: Database) -> None:
    async with database.unit_of_work() as db:
        await db.execute(text("update alembic_version set version_num = 'foundation_1'"))
    behind = await client.get("/readyz")
    async with database.unit_of_work() as db:
        await db.execute(text("drop table alembic_version"))
    empty = await client.get("/readyz")

    assert behind.status_code == empty.status_code == 503
    assert behind.json()["migrations"] == empty.json()["migrations"] == "behind"


async def test_routes_are_made_once_and_each_application_has_its_own_context(
    context: PortalContext,
) -> None:
    """What a first request would have to wait for is there before it, whoever asks first."""
    up = create_application(replace(context, is_listening=lambda: True))
    down = create_application(replace(context, is_listening=lambda: False))
    its = {id(each) for each in up.router.routes}
    shared = [each for each in down.router.routes if id(each) in its]
    assert len(shared) > len(ROUTERS), "of the calls and the pages"
    for app, state in ((up, "up"), (down, "down")):
        transport = httpx.ASGITransport(app)
        async with AsyncClient(transport=transport, base_url="http://localhost") as client:
            assert (await client.get("/readyz")).json()["listener"] == state
    other = create_application(context, api=(), pages=())
    assert len(other.router.routes) < len(up.router.routes)


async def test_without_database_it_is_alive_and_not_ready(context: PortalContext) -> None:
    away = Database("postgresql://nobody@127.0.0.1:1/nowhere")
    app = create_application(replace(context, database=away))
    async with AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost"
    ) as client:
        ready = await client.get("/readyz")
        alive = await client.get("/healthz")
        call = await client.get(
            "/api/v1/organisations", headers={"authorization": "Bearer lst_a_b"}
        )
    await away.close()

    assert (ready.status_code, alive.status_code) == (503, 200)
    assert ready.json()["database"] == "unreachable"
    assert (call.status_code, call.json()["code"]) == (503, "database_away")
    assert call.headers["retry-after"]


async def test_figures_are_told_in_prometheus_words(client: AsyncClient) -> None:
    await client.get("/healthz")
    answer = await client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    assert 'leitstand_requests_total{method="GET",outcome="2xx"}' in answer.text
    names = set(re.findall(r"^# TYPE (\S+)", answer.text, re.MULTILINE))
    assert all(name.startswith("leitstand_") for name in names)


async def test_what_waits_in_the_database_is_told_as_it_is_now(
    client: AsyncClient, database: Database, clock: SetClock
) -> None:
    readers = Database(database.url, routes={"station_came_back": ("billing", "alerts")})
    async with readers.unit_of_work() as db:
        for second in range(2):
            event = StationCameBack(happened_at=clock.now(), station=StationId("S"))
            recorded_at = clock.now() - timedelta(seconds=90 - second)
            await outbox.append(db, [event], recorded_at=recorded_at)
        await db.execute(text("update deliveries set state = 'parked' where reader = 'alerts'"))
    told = (await client.get("/metrics")).text
    async with readers.unit_of_work() as db:
        await db.execute(text("delete from deliveries"))
    cleared = (await client.get("/metrics")).text
    await readers.close()

    assert 'leitstand_outbox_lag_seconds{reader="billing"} 90.0' in told
    assert 'leitstand_outbox_parked{reader="alerts"} 2.0' in told
    assert 'leitstand_outbox_lag_seconds{reader="alerts"} 0.0' in told
    assert 'reader="billing"' not in cleared


async def test_an_unknown_call_is_a_problem_and_an_unknown_page_a_page(
    client: AsyncClient,
) -> None:
    call = await client.get("/api/v1/nothing")
    page = await client.get("/nothing")

    assert (call.status_code, call.json()["code"]) == (404, "not_found")
    assert page.status_code == 404
    assert "text/html" in page.headers["content-type"]


async def test_a_wrong_method_is_a_problem(client: AsyncClient) -> None:
    answer = await client.delete("/api/v1/organisations")

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
