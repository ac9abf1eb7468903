"""New certificates are taken while stations come and go."""

import ssl
from pathlib import Path
from typing import Any

import structlog
from websockets.asyncio.client import ClientConnection, connect

from csms.reports import OcppVersion
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
        assert sum(len(each.connections) for each in doors) == 3


def _der(holder: Holder) -> bytes:
    return ssl.PEM_cert_to_DER_cert(holder.pem)
