"""Tests of headers, limits, hosts and incidents."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
import structlog
from fastapi import FastAPI
from httpx import AsyncClient
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from foundation.settings import Settings
from portal.application import create_application
from portal.context import PortalContext
from portal.security import CONTENT_SECURITY_POLICY


def client_of(app: FastAPI, base_url: str = "http://localhost") -> AsyncClient:
    return AsyncClient(transport=httpx.ASGITransport(app), base_url=base_url)


@pytest.fixture
def broken(app: FastAPI) -> FastAPI:
    """The application with functions that fail."""

    async def fail() -> Response:
        raise RuntimeError("the secret is marmalade")

    async def fail_half_way() -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"half"
            raise RuntimeError("the secret is marmalade")

        return StreamingResponse(parts())

    async def echo(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    for path, endpoint in (
        ("/api/v1/broken", fail),
        ("/broken", fail),
        ("/half", fail_half_way),
    ):
        app.get(path)(endpoint)
    app.post("/api/v1/echo")(echo)
    return app


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/organisations", "/nothing", "/sign-in"])
async def test_every_answer_has_the_strict_headers(client: AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers

    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in headers


async def test_https_is_asked_to_stay_https(app: FastAPI) -> None:
    async with client_of(app, "https://localhost") as client:
        assert "strict-transport-security" in (await client.get("/healthz")).headers


@pytest.mark.parametrize("path", ["/api/v1/broken", "/broken"])
async def test_a_mistake_of_ours_tells_a_number_and_nothing_else(
    broken: FastAPI, path: str
) -> None:
    with structlog.testing.capture_logs() as logged:
        async with client_of(broken) as client:
            answer = await client.get(path)

    assert answer.status_code == 500
    assert "marmalade" not in answer.text
    assert "RuntimeError" not in answer.text
    assert answer.headers["content-security-policy"]
    [incident] = [each for each in logged if each["event"] == "portal.incident"]
    assert incident["incident"] in answer.text
    assert isinstance(incident["exc_info"], RuntimeError)


async def test_an_answer_that_fails_half_way_is_not_ended_as_if_it_were_whole(
    broken: FastAPI,
) -> None:
    async with client_of(broken) as client:
        with pytest.raises(RuntimeError):
            await client.get("/half")


async def test_bodies_are_limited_by_length_and_by_what_arrives(broken: FastAPI) -> None:
    limit = Settings().http_body_max_bytes

    async def chunks(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b"x" * (1024 * 1024)

    async with client_of(broken) as client:
        fits = await client.post("/api/v1/echo", content=b"x" * limit)
        announced = await client.post("/api/v1/echo", content=b"x" * (limit + 1))
        arrived = await client.post("/api/v1/echo", content=chunks(limit // (1024 * 1024) + 1))

    assert fits.text == str(limit)
    assert announced.status_code == arrived.status_code == 413
    assert announced.json()["code"] == arrived.json()["code"] == "too_large"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("leitstand.example", 200),
        ("LEITSTAND.example:8443", 200),
        ("[::1]:8080", 200),
        ("evil.example", 400),
        ("leitstand.example.evil.example", 400),
        ("", 400),
    ],
)
async def test_only_our_own_host_names_are_served_if_they_are_set(
    context: PortalContext, host: str, status: int
) -> None:
    settings = Settings(http_hosts=("leitstand.example", "[::1]"))
    app = create_application(replace(context, settings=settings))
    async with client_of(app) as client:
        answer = await client.get("/healthz", headers={"host": host})

    assert answer.status_code == status


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b'{"key": "x", "name": "\\u0000"}',
        b'{"key": "x", "name": "\\ud800"}',
        b'{"key": "x", "name": 1e999}',
        b'{"key": "x", "name": NaN}',
        b"[" * 100_000,
        b'["x"]',
        b'"x"',
        b"null",
        b"",
    ],
)
async def test_any_malformed_body_is_refused_and_never_our_mistake(
    administrator: AsyncClient, body: bytes
) -> None:
    answer = await administrator.post(
        "/api/v1/organisations", content=body, headers={"content-type": "application/json"}
    )

    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/organisations/%00",
        "/api/v1/organisations?cursor=%00",
        "/api/v1/organisations/%ff",
        "/api/v1/organisations/..%2f..",
        "/api/v1/organisations/" + "x" * 5000,
        "/api/v1/users/99999999999999999999",
        "/api/v1/users/%C2%B2",
    ],
)
async def test_any_malformed_path_is_refused_and_never_our_mistake(
    administrator: AsyncClient, path: str
) -> None:
    answer = await administrator.get(path)

    assert answer.status_code in {404, 422}
    assert answer.headers["content-type"] == "application/problem+json"
