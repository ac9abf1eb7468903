"""The tunnel to stations' own pages, with a real logger behind it."""

# ruff: noqa: F811 - fixtures are imported, and used by naming them as parameters
import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import StationId
from portal.context import PortalContext
from portal.tunnel import Tunnel
from support import remote_pages
from support.remote_pages import Opening
from tests.portal.loggers import Logger, a_logger
from tests.portal.pages.conftest import (  # noqa: F401
    SignIn,
    application,
    browser,
    database_url,
    lively,
    lively_template,
    quiet_template,
    sign_in,
    token_in,
)
from tests.portal.pages.test_remote_console import PAGE, STATION, given_credits

pytestmark = pytest.mark.usefixtures("lively")

SETTINGS: dict[str, Any] = {
    "tunnel_url": "http://{}.pages.test",
    "tunnel_port": 0,
    "tunnel_networks": ("127.0.0.1/32",),
    "tunnel_timeout_s": 5.0,
}


def tunnelled(app: FastAPI, **settings: Any) -> PortalContext:
    """Give an installation a tunnel."""
    context = app.state.context
    assert isinstance(context, PortalContext)
    changed = context.settings.model_copy(update=SETTINGS | settings)
    app.state.context = replace(context, settings=changed)
    return app.state.context  # type: ignore[no-any-return]


@pytest.fixture
async def logger() -> AsyncIterator[Logger]:
    async with a_logger() as found:
        yield found


@dataclass
class World:
    """A person with remote access, a logger that the operator entered, and the tunnel."""

    tunnel: Tunnel
    port: int
    person: httpx.AsyncClient
    number: int
    cookies: dict[str, str] = field(default_factory=dict)

    async def opened(self) -> str:
        """Open the page in the portal; return the link."""
        form = await self.person.get(PAGE)
        shown = await self.person.post(
            f"{PAGE}/pages/{self.number}/open", data={"csrf": token_in(form.text)}
        )
        assert shown.status_code == 200, shown.text
        return shown.text.partition('id="open-page" href="')[2].partition('"')[0]

    async def ask(self, host: str, path: str, method: str = "GET", **more: Any) -> httpx.Response:
        """Ask the tunnel as a browser does, with the cookie of that host name."""
        headers = {"host": host} | more.pop("headers", {})
        if host in self.cookies:
            headers["cookie"] = self.cookies[host] + "; mine=1"
        async with httpx.AsyncClient(timeout=10) as client:
            return await client.request(
                method, f"http://127.0.0.1:{self.port}{path}", headers=headers, **more
            )

    async def entered(self) -> str:
        """Open the page and go there; return its host name."""
        link = urlsplit(await self.opened())
        host = link.netloc
        answer = await self.ask(host, f"{link.path}?{link.query}")
        assert answer.status_code == 303, answer.text
        self.cookies[host] = answer.headers["set-cookie"].partition(";")[0]
        return host

    def line(self, host: str, **more: Any) -> connect:
        """Open a websocket of the page's."""
        more.setdefault("origin", f"http://{host}")
        return connect(
            f"ws://{host}/ws",
            host="127.0.0.1",
            port=self.port,
            additional_headers={"cookie": self.cookies.get(host, "")},
            proxy=None,
            **more,
        )


async def _posted(client: httpx.AsyncClient, path: str, **given: object) -> httpx.Response:
    form = await client.get(PAGE)
    return await client.post(path, data={**given, "csrf": token_in(form.text)})


@pytest.fixture
async def world(
    application: FastAPI, sign_in: SignIn, database: Database, clock: SetClock, logger: Logger
) -> AsyncIterator[World]:
    context = tunnelled(application)
    admin = await sign_in("admin")
    made = await _posted(admin, f"{PAGE}/pages", title="Logger", url=f"{logger.url}/?x=1")
    assert made.status_code == 303, made.text
    await given_credits(database, clock, 60)
    otto = await sign_in("otto")
    await _posted(otto, PAGE, do="buy", months="1")
    async with database.unit_of_work() as db:
        [page] = await remote_pages.pages(db, StationId(STATION))
    tunnel = Tunnel(context)
    port = await tunnel.start()
    try:
        yield World(tunnel, port, otto, page.id)
    finally:
        await tunnel.stop()


async def opening_of(database: Database) -> Opening:
    async with database.unit_of_work() as db:
        [found] = await remote_pages.openings(db, StationId(STATION))
    return found


async def audited(database: Database) -> list[tuple[str, Any]]:
    async with database.unit_of_work() as db:
        rows = await db.execute(
            text(
                "select deed, content from audit_entries where deed like 'remote_page.%'"
                " order by id"
            )
        )
        return [(deed, json.loads(content).get("after")) for deed, content in rows]


async def broken(line: ClientConnection) -> None:
    """Wait until a websocket is cut."""
    with pytest.raises(ConnectionClosed):
        async with asyncio.timeout(5):
            await line.recv()


# ------------------------------------------------------------------------------ the way there


async def test_a_page_is_seen_under_a_host_of_its_own_and_all_that_is_written_down(
    world: World, logger: Logger, database: Database
) -> None:
    link = urlsplit(await world.opened())
    assert link.netloc.endswith(".pages.test")
    first = await world.ask(link.netloc, f"{link.path}?{link.query}")
    assert (first.status_code, first.headers["location"]) == (303, "/?x=1")
    cookie = first.headers["set-cookie"]
    assert "HttpOnly; SameSite=Lax" in cookie
    assert "domain" not in cookie.lower()
    # The ticket is good once, and only there.
    assert (await world.ask(link.netloc, f"{link.path}?{link.query}")).status_code == 403

    world.cookies[link.netloc] = cookie.partition(";")[0]
    page = await world.ask(link.netloc, "/?x=1")
    assert "Logger 7" in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert page.headers.get_list("set-cookie") == ["sid=7; Path=/; SameSite=lax"]
    seen = logger.heads[-1]
    assert seen["cookie"] == "mine=1"
    assert seen["host"] == f"127.0.0.1:{logger.port}"

    echoed = await world.ask(
        link.netloc,
        "/ui/echo",
        "POST",
        content=b"x" * 1000,
        headers={"origin": f"http://{link.netloc}"},
    )
    assert echoed.json() == {"path": "/ui/echo", "bytes": 1000}
    assert logger.heads[-1]["origin"] == logger.url
    await world.tunnel.settled()
    found = await opening_of(database)
    assert (found.by_name, found.requests, found.bytes_up) == ("Otto", 2, 1000)
    assert found.bytes_down > 300

    form = await world.person.get(PAGE)
    assert "Logger" in form.text
    await _posted(world.person, f"{PAGE}/openings/{found.id}/close")
    over = await world.ask(link.netloc, "/", headers={"accept-language": "de"})
    assert (over.status_code, "geschlossen" in over.text) == (403, True)
    told = await audited(database)
    assert [deed for deed, _ in told] == [
        "remote_page.add",
        "remote_page.open",
        "remote_page.close",
    ]
    assert told[-1][1] | {"bytes_down": 0} == {
        "opening": found.id,
        "why": "closed",
        "requests": 2,
        "bytes_up": 1000,
        "bytes_down": 0,
    }


ASKED: tuple[tuple[str, str, dict[str, str], int], ...] = (
    ("/", "GET", {"sec-fetch-site": "cross-site"}, 403),
    ("/", "GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200),
    ("/ui/echo", "POST", {"origin": "http://portal.example"}, 403),
    ("/ui/echo", "POST", {}, 403),
    ("/ui/echo", "POST", {"sec-fetch-site": "same-origin"}, 200),
    ("/", "GET", {"service-worker": "script"}, 403),
    ("/away?to=http://127.0.0.1:1/", "GET", {}, 502),
    ("/away?to=https://portal.example/", "GET", {}, 502),
    ("/away?to=/ui/", "GET", {}, 307),
)


async def test_other_sites_reach_nothing_there_and_it_leads_nowhere_else(world: World) -> None:
    host = await world.entered()
    for path, method, headers, status in ASKED:
        answer = await world.ask(host, path, method, headers=headers)
        assert answer.status_code == status, (path, headers)
    for origin in ("http://portal.example", "http://other.pages.test", None):
        with pytest.raises(InvalidStatus) as refused:
            async with world.line(host, origin=origin):
                pass
        assert refused.value.response.status_code == 403


async def test_each_opening_has_its_own_host_and_nobody_elses_cookie_opens_it(
    world: World, clock: SetClock
) -> None:
    one, other = await world.entered(), await world.entered()
    assert one != other
    assert (await world.ask(one, "/")).status_code == 200
    world.cookies[one] = world.cookies[other]
    assert (await world.ask(one, "/")).status_code == 403
    for host in ("pages.test", "127.0.0.1", f"a.{one}", f"{one}.evil.test", "unknown.pages.test"):
        world.cookies[host] = world.cookies[other]
        assert (await world.ask(host, "/")).status_code in (403, 404), host
    del world.cookies[other]
    assert (await world.ask(other, "/")).status_code == 403
    # A ticket that nobody used is over after a minute.
    link = urlsplit(await world.opened())
    clock.advance(timedelta(seconds=60))
    assert (await world.ask(link.netloc, f"{link.path}?{link.query}")).status_code == 403


# ------------------------------------------------------------------------------ its end


async def changed(database: Database, statement: str) -> None:
    async with database.unit_of_work() as db:
        await db.execute(text(statement))


ENDS: tuple[tuple[str, str], ...] = (
    (
        (
            "update people set group_id = (select id from groups where key = 'technician')"
            " where user_name = 'otto'"
        ),
        (
            "update people set group_id = (select id from groups where key = 'owner')"
            " where user_name = 'otto'"
        ),
    ),
    (
        "update remote_pages set url = replace(url, '127.0.0.1', '127.0.0.2')",
        "update remote_pages set url = replace(url, '127.0.0.2', '127.0.0.1')",
    ),
    (
        "update remote_accesses set is_on = false",
        "update remote_accesses set is_on = true",
    ),
    (
        "update people set active = false where user_name = 'otto'",
        "update people set active = true where user_name = 'otto'",
    ),
    (
        "update remote_openings set last_used_at = last_used_at - interval '30 minutes'",
        "select 1",
    ),
    (
        "update logins set expires_at = expires_at - interval '900 days'",
        "update logins set expires_at = expires_at + interval '900 days'",
    ),
)
"""What takes the access away, and what gives it back."""


async def test_what_is_open_is_cut_when_the_access_ends(
    world: World, logger: Logger, database: Database
) -> None:
    for away, back in ENDS:
        host = await world.entered()
        logger.gone.clear()
        async with world.line(host) as line:
            for said in ("one", "two"):
                await line.send(said)
                assert await line.recv() == f"heard {said}"
                await world.tunnel.look()
            await changed(database, away)
            await world.tunnel.look()
            await broken(line)
        async with asyncio.timeout(5):
            await logger.gone.wait()
        await changed(database, back)
        assert (await world.ask(host, "/")).status_code == 403, away
    told = [after for deed, after in await audited(database) if deed == "remote_page.close"]
    assert [each["why"] for each in told] == ["lost"] * 4 + ["idle", "lost"]
    assert all(each["bytes_up"] > 0 < each["bytes_down"] for each in told)


async def test_an_open_connection_is_cut_at_the_end_of_the_term(
    world: World, database: Database, clock: SetClock
) -> None:
    host = await world.entered()
    async with world.line(host) as line:
        async with database.unit_of_work() as db:
            until = await db.scalar(text("select until from remote_accesses"))
        assert until is not None
        await changed(
            database,
            "update logins set expires_at = expires_at + interval '90 days',"
            " last_seen_at = last_seen_at + interval '31 days'",
        )
        await changed(
            database,
            "update remote_openings set last_used_at = last_used_at + interval '31 days'",
        )
        clock.advance(until - clock.now() - timedelta(seconds=1))
        await world.tunnel.look()
        await line.send("still")
        assert await line.recv() == "heard still"
        clock.advance(timedelta(seconds=1))
        await world.tunnel.look()
        await broken(line)


async def test_a_long_answer_is_cut_as_well(
    world: World, logger: Logger, database: Database
) -> None:
    host = await world.entered()
    headers = {"host": host, "cookie": world.cookies[host]}
    async with (
        httpx.AsyncClient(timeout=10) as client,
        client.stream("GET", f"http://127.0.0.1:{world.port}/endless", headers=headers) as answer,
    ):
        parts = answer.aiter_raw()
        assert await anext(parts) == b"first"
        await _posted(world.person, PAGE, do="off")
        await world.tunnel.look()
        with pytest.raises(httpx.TransportError):
            await anext(parts)
    async with asyncio.timeout(5):
        await logger.gone.wait()
    assert (await opening_of(database)).ended_why == "lost"


async def test_an_access_that_ended_is_over_at_the_next_request_and_so_is_what_nobody_uses(
    world: World, database: Database, clock: SetClock
) -> None:
    host = await world.entered()
    await changed(database, ENDS[0][0])
    assert (await world.ask(host, "/")).status_code == 403
    assert (await opening_of(database)).ended_why == "lost"
    await changed(database, ENDS[0][1])
    await world.entered()
    for minutes, why in ((29, None), (1, "idle")):
        clock.advance(timedelta(minutes=minutes))
        await world.tunnel.look()
        async with database.unit_of_work() as db:
            newest, _ = await remote_pages.openings(db, StationId(STATION))
        assert newest.ended_why == why


# ------------------------------------------------------------------------------ its limits


LIMITS: tuple[tuple[dict[str, int], str, bytes | None, list[int | None]], ...] = (
    ({"tunnel_request_max_bytes": 999}, "/ui/echo", b"x" * 1000, [413]),
    ({"tunnel_request_max_bytes": 1000}, "/ui/echo", b"x" * 1000, [200]),
    ({"tunnel_requests_per_minute": 1}, "/ui/echo", b"", [200, 429]),
    ({"tunnel_answer_max_bytes": 1000}, "/big?bytes=1000", None, [200]),
    ({"tunnel_answer_max_bytes": 999}, "/big?bytes=1000", None, [None]),
)
"""Settings, what is asked, and how it is answered; None: it is cut."""


async def test_size_and_rate_have_limits(world: World, application: FastAPI) -> None:
    host = await world.entered()
    headers = {"origin": f"http://{host}"}
    for settings, path, body, statuses in LIMITS:
        narrow = Tunnel(tunnelled(application, **settings))
        asked = replace(world, port=await narrow.start())
        method = "GET" if body is None else "POST"
        for status in statuses:
            if status is None:
                with pytest.raises(httpx.TransportError):
                    await asked.ask(host, path)
                continue
            answer = await asked.ask(host, path, method, content=body, headers=headers)
            assert answer.status_code == status, settings
        await narrow.stop()
    one = Tunnel(tunnelled(application, tunnel_connections_max=1))
    asked = replace(world, port=await one.start())
    async with asked.line(host):
        assert (await asked.ask(host, "/")).status_code == 429
    await one.stop()


async def test_a_page_that_does_not_answer_says_so(world: World, database: Database) -> None:
    async with database.unit_of_work() as db:
        await db.execute(text("update remote_pages set url = 'http://127.0.0.1:9/'"))
    host = await world.entered()
    answer = await world.ask(host, "/")
    assert (answer.status_code, "does not answer" in answer.text) == (502, True)
    head = await world.ask(host, "/", "HEAD")
    assert (head.status_code, head.text) == (502, "")
