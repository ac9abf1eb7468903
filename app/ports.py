"""Ports that we listen on: holding one for several processes, and saying why one cannot be had."""

import errno
import socket
import ssl

from foundation.errors import ExpectedError, Unavailable

_TLS_FILES = (
    "look at the files of LEITSTAND_OCPP_TLS_CERT, LEITSTAND_OCPP_TLS_KEY and"
    " LEITSTAND_OCPP_TLS_CLIENT_CA"
)


class PortBusy(Unavailable):
    """Something else listens at an address that we need."""

    code = "port_busy"

    def __init__(self, what: str, host: str, port: int, setting: str) -> None:
        super().__init__(
            f"{what} cannot listen on {host}:{port}: something else does. Stop that, or set"
            f" {setting} to another port."
        )


class CannotListen(Unavailable):
    """An address, or the files of its TLS, cannot be used; the sentence has the system's reason."""

    code = "cannot_listen"

    def __init__(self, what: str, host: str, port: int, reason: str) -> None:
        super().__init__(f"{what} cannot listen on {host}:{port}: {reason}.")


def refusal(error: OSError, what: str, host: str, port: int, setting: str) -> ExpectedError:
    """Return what to tell a person when listening failed."""
    if error.errno == errno.EADDRINUSE:
        return PortBusy(what, host, port, setting)
    reason = str(error.strerror or error)
    if isinstance(error, ssl.SSLError | FileNotFoundError | PermissionError):
        # OpenSSL does not say which of the files it means.
        reason += f" ({_TLS_FILES})"
    return CannotListen(what, host, port, reason)


class SharedPort:
    """A port that several processes of ours share; held without listening, so that it stays ours.

    The system hands each connection to one of those that listen.

    Args:
        host: A name or an address.
        port: 0 lets the system choose.

    Raises:
        OSError: If the port is taken, or the address is none of this machine.
    """

    def __init__(self, host: str, port: int) -> None:
        self.port = port
        self._sockets: list[socket.socket] = []
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        try:
            for family, address in dict.fromkeys((each[0], each[4]) for each in found):
                if port:  # sharing would also succeed beside another program that shares
                    self._bound(family, address, is_shared=False).close()
                held = self._bound(family, (address[0], self.port, *address[2:]), is_shared=True)
                self._sockets.append(held)
                self.port = held.getsockname()[1]
        except OSError:
            self.close()
            raise

    def _bound(self, family: int, address: tuple[object, ...], *, is_shared: bool) -> socket.socket:
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if is_shared:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind(address)
        except OSError:
            made.close()
            raise
        return made

    def close(self) -> None:
        """Hold the port no longer."""
        for each in self._sockets:
            each.close()
        self._sockets.clear()
