"""A real HTTP receiver on loopback, which answers as it is told and keeps what came."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Came:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers each request with the next of `answers`; with the last one for ever."""

    port: int = 0
    answers: list[bytes] = field(
        default_factory=lambda: [b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n"]
    )
    came: list[Came] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not holds():
                self.changed.clear()
                await self.changed.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines)
            }
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.came.append(Came(first.split()[1], headers, body))
            writer.write(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
            await writer.drain()
            self.changed.set()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()


def answer(status: int, *, headers: str = "", body: bytes = b"") -> bytes:
    head = f"HTTP/1.1 {status} Said\r\ncontent-length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


@asynccontextmanager
async def receiving(*answers: bytes) -> AsyncIterator[Receiver]:
    """Listen on a port of its own while the block goes on."""
    made = Receiver()
    if answers:
        made.answers = list(answers)
    server = await asyncio.start_server(made._serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
