"""The line between the program and its database, which a test can cut at any moment."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

_COMMIT = b"COMMIT\x00"


class Wire:
    """Forwards every connection to the server's own socket, until it is cut.

    Args:
        url: The database's URL, with a socket folder as its host.
        folder: Where the program finds the forwarded socket.
    """

    def __init__(self, url: str, folder: Path) -> None:
        query = parse_qs(urlsplit(url).query)
        server, port = query["host"][0], query["port"][0]
        self.url = url.replace(f"host={quote(server, safe='/')}", f"host={folder}")
        self.lose_next_commit = False
        """Whether the next commit reaches the server while its answer is lost with the line."""
        self.lost_commits = 0
        self._server_path = f"{server}/.s.PGSQL.{port}"
        self._path = folder / f".s.PGSQL.{port}"
        self._listener: asyncio.Server | None = None
        self._lines: set[asyncio.StreamWriter] = set()

    async def mend(self) -> None:
        """Let connections through, again."""
        self._listener = await asyncio.start_unix_server(self._connected, str(self._path))

    async def cut(self) -> None:
        """Break every connection and let no new one through."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            self._path.unlink(missing_ok=True)
        for line in list(self._lines):
            line.transport.abort()
        self._lines.clear()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_server_reader, to_server = await asyncio.open_unix_connection(self._server_path)
        mine = {writer, to_server}
        self._lines |= mine
        is_committing = False

        async def forward(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            nonlocal is_committing
            while octets := await source.read(65536):
                if target is to_server:
                    is_committing = self.lose_next_commit and _COMMIT in octets
                elif is_committing and self.lose_next_commit:
                    # The server has committed, and nobody hears of it.
                    self.lose_next_commit = False
                    self.lost_commits += 1
                    await self.cut()
                    return
                target.write(octets)
                await target.drain()

        try:
            async with asyncio.TaskGroup() as group:
                one = group.create_task(forward(reader, to_server))
                other = group.create_task(forward(to_server_reader, writer))
                await asyncio.wait([one, other], return_when=asyncio.FIRST_COMPLETED)
                one.cancel()
                other.cancel()
        except* OSError:
            pass
        finally:
            self._lines -= mine
            for line in mine:
                line.transport.abort()


@asynccontextmanager
async def wired(url: str) -> AsyncIterator[Wire]:
    """Give a wire to a database that is whole at first."""
    folder = Path(tempfile.mkdtemp(prefix="wire-"))
    wire = Wire(url, folder)
    await wire.mend()
    try:
        yield wire
    finally:
        await wire.cut()
        shutil.rmtree(folder)
