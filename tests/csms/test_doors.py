"""New certificates are taken while stations come and go."""

import errno
import ssl
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from websockets.asyncio.client import ClientConnection, connect

from csms.reports import OcppVersion
from csms.tls import server_context
from foundation.settings import Settings
from tests.csms.central import Central, RawStation
from tests.csms.conftest import Starter
from tests.pki import Authority, Holder


async def by_tls(central: Central, identity: str, root: Authority) -> RawStation:
    """Connect by TLS, trusting one authority."""
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.load_verify_locations(cadata=root.pem)
    more: dict[str, Any] = {"subprotocols": ["ocpp1.6"], "ssl": trust, "proxy": None}
    url = f"wss://localhost:{central.system.listener.doors.tls_port}/{identity}"
    socket: ClientConnection = await connect(url, **more)
    station = RawStation(socket, identity, OcppVersion.V16)
    central.stations.append(station)
    return station


def shown(station: RawStation) -> bytes:
    """The server's certificate that a station saw."""
    found: bytes = station.socket.transport.get_extra_info("ssl_object").getpeercert(
        binary_form=True
    )
    return found


async def test_a_renewed_certificate_is_shown_to_the_next_station_and_nobody_is_cut_off(
    start_central: Starter, tmp_path: Path
) -> None:
    root = Authority.root()
    first, second = (root.issue("localhost", host="localhost") for _ in range(2))
    certificate, key = first.write(tmp_path, "server")
    async with start_central(
        ocpp_tls_port=0, ocpp_tls_cert=certificate, ocpp_tls_key=key
    ) as central:
        identity = await central.station()
        before = await by_tls(central, identity, root)
        await before.boot()
        doors = central.system.listener.doors
        port = doors.tls_port
        assert not await doors.take_new_keys()

        second.write(tmp_path, "server")
        assert await doors.take_new_keys()
        assert doors.tls_port == port
        later = await by_tls(central, await central.station(), root)
        assert [shown(before), shown(later)] == [_der(first), _der(second)]
        assert "currentTime" in await before.call("Heartbeat", {})

        certificate.write_text("no certificate any more")
        with structlog.testing.capture_logs() as logged:
            assert not await doors.take_new_keys()
        assert "tls.keys_unusable" in {each["event"] for each in logged}
        last = await by_tls(central, await central.station(), root)
        assert shown(last) == _der(second)
        # All of them are pinged and closed at the end, whichever server took them in.
        assert sum(len(each.all_connections) for each in doors) == 3


async def test_what_cannot_be_begun_now_is_begun_the_next_time(
    start_central: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file could be opened for a moment: the certificate must not be forgotten for months."""
    root = Authority.root()
    first, second = (root.issue("localhost", host="localhost") for _ in range(2))
    certificate, key = first.write(tmp_path, "server")
    async with start_central(
        ocpp_tls_port=0, ocpp_tls_cert=certificate, ocpp_tls_key=key
    ) as central:
        doors = central.system.listener.doors
        second.write(tmp_path, "server")

        def none_left(_: int) -> int:
            raise OSError(errno.EMFILE, "Too many open files")

        with monkeypatch.context() as patched:
            patched.setattr("csms.doors.os.dup", none_left)
            assert not await doors.take_new_keys()
        assert await doors.take_new_keys()
        station = await by_tls(central, await central.station(), root)
        assert shown(station) == _der(second)


def test_a_key_that_asks_for_a_word_is_refused_and_nobody_is_asked(tmp_path: Path) -> None:
    """OpenSSL would ask on the terminal, and the whole program would wait for the answer."""
    holder = Authority.root().issue("localhost", host="localhost")
    certificate, key = holder.write(tmp_path, "server")
    settings = Settings(ocpp_tls_port=0, ocpp_tls_cert=certificate, ocpp_tls_key=key)
    server_context(settings)
    encrypted = BestAvailableEncryption(b"secret")
    key.write_bytes(holder.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encrypted))
    with pytest.raises(ssl.SSLError):
        server_context(settings)


def _der(holder: Holder) -> bytes:
    return ssl.PEM_cert_to_DER_cert(holder.pem)
