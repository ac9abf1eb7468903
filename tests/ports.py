"""Ports for what is stopped and started again at the same place."""

import random
import socket

_LOWEST, _HIGHEST = 15_000, 32_000
"""Below those that systems give to whoever connects: none is taken by chance while its server is
away, nor does a client that tries it meanwhile meet itself."""


def free_port() -> int:
    """Return a port of loopback that nobody listens at."""
    while True:
        port = random.randrange(_LOWEST, _HIGHEST)
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
