"""Holding a port for several processes, and saying why one cannot be had."""

import errno
import socket
import ssl

import pytest

from app.ports import CannotListen, PortBusy, SharedPort, refusal


def test_a_port_that_others_share_is_not_ours_until_they_stop() -> None:
    """The system would let us in beside them, and give us some of their stations."""
    held = SharedPort("127.0.0.1", 0)
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind(("127.0.0.1", held.port))
        listening.listen()
        with pytest.raises(OSError, match="in use"):
            SharedPort("127.0.0.1", held.port)
    held.close()
    again = SharedPort("127.0.0.1", held.port)
    assert again.port == held.port
    again.close()


def test_a_shared_port_is_the_same_for_all_addresses_of_a_name() -> None:
    held = SharedPort("localhost", 0)
    assert held.port > 0
    held.close()
    with pytest.raises(OSError, match="assign requested address"):
        SharedPort("192.0.2.1", 0)


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (OSError(errno.EADDRINUSE, "Address already in use"), PortBusy, "set LEITSTAND_OCPP_PORT"),
        (OSError(errno.EADDRNOTAVAIL, "Cannot assign"), CannotListen, "csms:9000: Cannot assign."),
        (PermissionError(errno.EACCES, "Permission denied"), CannotListen, "Permission denied"),
        (FileNotFoundError(errno.ENOENT, "No such file"), CannotListen, "LEITSTAND_OCPP_TLS_CERT"),
        (ssl.SSLError(9, "PEM lib"), CannotListen, "LEITSTAND_OCPP_TLS_KEY"),
    ],
)
def test_a_refusal_says_what_to_change(error: OSError, kind: type[Exception], said: str) -> None:
    refused = refusal(error, "The stations' listener", "csms", 9000, "LEITSTAND_OCPP_PORT")

    assert type(refused) is kind
    assert said in str(refused)
