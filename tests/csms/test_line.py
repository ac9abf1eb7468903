"""What a connection shows of its station; the rest of it is in `tests/conformance`."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from csms.certificates import fingerprint
from tests.csms.central import Central
from tests.csms.conftest import Starter
from tests.pki import Authority, Holder


async def knock(central: Central, identity: str, root: Authority, own: Holder, to: Path) -> int:
    """Connect with a certificate; return the status of the answer."""
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.load_verify_locations(cadata=root.pem)
    trust.load_cert_chain(*own.write(to, "own"))
    more: dict[str, Any] = {"subprotocols": ["ocpp1.6"], "ssl": trust, "proxy": None}
    url = f"wss://localhost:{central.system.listener.doors.tls_port}/{identity}"
    try:
        async with connect(url, **more) as socket:
            await socket.send('[2,"1","Heartbeat",{}]')
            assert "currentTime" in str(await socket.recv())
    except InvalidStatus as error:
        return error.response.status_code
    return 101


async def test_a_certificate_must_name_the_organisation_and_not_be_revoked(
    start_central: Starter, tmp_path: Path
) -> None:
    root = Authority.root()
    certificate, key = root.issue("localhost", host="localhost").write(tmp_path, "server")
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(root.pem)
    async with start_central(
        ocpp_tls_port=0,
        ocpp_tls_cert=certificate,
        ocpp_tls_key=key,
        ocpp_tls_client_ca=trusted,
        ocpp_tls_client_organisation="Stadtwerke",
    ) as central:
        identity = await central.station(security_profile=3)
        ours = root.issue(identity, organisation="Stadtwerke")
        others = root.issue(identity, organisation="Somebody")
        assert await knock(central, identity, root, others, tmp_path) == 403
        assert await knock(central, identity, root, ours, tmp_path) == 101

        await central.rows(
            "insert into certificate_requests (station, kind, version, csr, requested_at, state,"
            " fingerprint, attempts, changed_at, revoked_at) values (:station,"
            " 'ChargingStationCertificate', 'ocpp1.6', '', now(), 'installed', :print, 1, now(),"
            " now())",
            station=identity,
            print=_fingerprint(ours),
        )
        assert await knock(central, identity, root, ours, tmp_path) == 403
        [told] = await central.rows(
            "select details ->> 'type' as type from station_events where station = :station"
            " order by id desc limit 1",
            station=identity,
        )
        assert told == {"type": "RevokedCertificateShown"}


async def test_a_certificate_that_was_signed_for_one_station_is_no_other_stations(
    start_central: Starter, tmp_path: Path
) -> None:
    """Even where it names the other one: names can be told, what was signed for whom is known."""
    root = Authority.root()
    certificate, key = root.issue("localhost", host="localhost").write(tmp_path, "server")
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(root.pem)
    async with start_central(
        ocpp_tls_port=0,
        ocpp_tls_cert=certificate,
        ocpp_tls_key=key,
        ocpp_tls_client_ca=trusted,
    ) as central:
        identity = await central.station(security_profile=3)
        other = await central.station(security_profile=3)
        holder = root.issue(identity)
        signed_for = (
            "insert into certificate_requests (station, kind, version, csr, requested_at, state,"
            " fingerprint, attempts, changed_at) values (:station, 'ChargingStationCertificate',"
            " 'ocpp1.6', '', now(), 'installed', :print, 1, now())"
        )
        await central.rows(signed_for, station=other, print=_fingerprint(holder))
        assert await knock(central, identity, root, holder, tmp_path) == 403
        await central.rows(signed_for, station=identity, print=_fingerprint(holder))
        assert await knock(central, identity, root, holder, tmp_path) == 101


def _fingerprint(holder: Holder) -> bytes:
    return fingerprint(holder.certificate)


async def test_who_tries_again_and_again_is_one_event_an_hour(central: Central) -> None:
    identity = await central.station(security_profile=2, password="0123456789abcdef")
    for _ in range(3):
        with pytest.raises(InvalidStatus):
            await central.connect(identity, password="0123456789abcdef")
    rows = await central.rows(
        "select details ->> 'type' as type from station_events where station = :station",
        station=identity,
    )
    assert rows == [{"type": "ConnectionBelowSecurityProfile"}]


async def test_what_a_proxy_of_ours_says_of_tls_is_believed_and_nobody_elses_word(
    start_central: Starter,
) -> None:
    said = {"X-Forwarded-Proto": "https"}
    for proxies, may in ((("127.0.0.0/8",), True), (("10.0.0.0/8",), False)):
        async with start_central(ocpp_tls_proxies=proxies) as central:
            identity = await central.station(
                f"CS-{may}", security_profile=2, password="0123456789abcdef"
            )
            with pytest.raises(InvalidStatus):
                await central.connect(identity, password="0123456789abcdef")
            if may:
                await central.connect(identity, password="0123456789abcdef", headers=said)
            else:
                with pytest.raises(InvalidStatus):
                    await central.connect(identity, password="0123456789abcdef", headers=said)
