"""A data logger with a page of its own, on loopback: HTTP and a websocket, as real ones have."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from socket import socket

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

PAGE = """<!doctype html><title>Logger 7</title><h1>Logger 7</h1><p id="said"></p>
<script>
const said = document.getElementById("said");
const line = new WebSocket(location.origin.replace("http", "ws") + "/ws");
line.onmessage = (event) => { said.textContent += event.data; };
line.onopen = () => line.send("hello ");
line.onclose = () => { said.textContent += "cut"; };
</script>"""


@dataclass
class Logger:
    """What it was asked, and how it can be moved."""

    port: int = 0
    heads: list[dict[str, str]] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a long answer was broken off from the other side."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def page(self, request: Request) -> Response:
        self.heads.append(dict(request.headers))
        answer = HTMLResponse(PAGE)
        answer.set_cookie("sid", "7", domain="example.net")
        answer.set_cookie("leitstand_tunnel", "stolen")
        return answer

    async def echo(self, request: Request) -> Response:
        body = await request.body()
        self.heads.append(dict(request.headers))
        return JSONResponse({"path": str(request.url.path), "bytes": len(body)})

    async def endless(self, _request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            try:
                yield b"first"
                await asyncio.Event().wait()
            finally:
                self.gone.set()

        return StreamingResponse(parts())

    async def big(self, request: Request) -> Response:
        return Response(bytes(int(request.query_params["bytes"])))

    async def away(self, request: Request) -> Response:
        return RedirectResponse(request.query_params["to"])

    async def line(self, websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            while True:
                await websocket.send_text(f"heard {await websocket.receive_text()}")
        except WebSocketDisconnect:
            self.gone.set()


class _Up(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@asynccontextmanager
async def a_logger() -> AsyncIterator[Logger]:
    """Run a logger on loopback."""
    logger = Logger()
    app = Starlette(
        routes=[
            Route("/", logger.page),
            Route("/ui/echo", logger.echo, methods=["GET", "POST"]),
            Route("/endless", logger.endless),
            Route("/big", logger.big),
            Route("/away", logger.away),
            WebSocketRoute("/ws", logger.line),
        ]
    )
    server = _Up(
        uvicorn.Config(
            app,
            host="127.0.0.1",
            port=0,
            log_config=None,
            lifespan="off",
            ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve())
        await server.up.wait()
        logger.port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield logger
        finally:
            server.should_exit = True
