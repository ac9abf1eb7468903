"""A place for files on this machine: what was brought to it, and what can be fetched."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Place(ThreadingHTTPServer):
    """Takes what is brought by the allowed methods, and gives what lies in `files`."""

    def __init__(self, methods: frozenset[str] = frozenset({"PUT", "POST"})) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.methods = methods
        self.files: dict[str, bytes] = {}
        self.brought: dict[str, bytes] = {}
        self.said: list[str | None] = []
        """The Authorization header of each that brought something."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Place

    def do_GET(self) -> None:
        content = self.server.files.get(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def do_PUT(self) -> None:
        self._take()

    def do_POST(self) -> None:
        self._take()

    def _take(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        is_allowed = self.command in self.server.methods
        if is_allowed:
            self.server.brought[self.path] = content
            self.server.said.append(self.headers["Authorization"])
        self.send_response(201 if is_allowed else 405)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@contextmanager
def a_place(*methods: str) -> Iterator[Place]:
    """Run a place on a free port of this machine."""
    place = Place(frozenset(methods or ("PUT", "POST")))
    serving = threading.Thread(target=place.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        yield place
    finally:
        place.shutdown()
        serving.join()
        place.server_close()
