"""Requests that cannot be signed, and chains that a station cannot take."""

from typing import Any

from cryptography import x509

from csms.certificate_tables import CertificateRequestRow
from csms.signing import Signing
from foundation.errors import Unavailable
from foundation.sealing import Sealer
from tests.csms.central import Central
from tests.pki import Authority, csr

SIGNED = "what was asked for"
ROOT = Authority.root()


def signed_for(csr: str, station: str) -> str:
    """The chain for a request."""
    key = x509.load_pem_x509_csr(csr.encode()).public_key()
    return ROOT.issue(station, public_key=key).pem


class Elsewhere:
    """Another's authority, which may be away."""

    def __init__(self, chain: str | None) -> None:
        self._chain = chain

    async def sign(self, csr: str, kind: str, station: str) -> str:
        if self._chain is None:
            raise Unavailable("closed for lunch")
        return signed_for(csr, station) if self._chain == SIGNED else self._chain


def signing(central: Central, chain: str | None) -> Signing:
    return Signing(
        central.database, central.clock, Sealer(bytes(32)), days=1, signer=Elsewhere(chain)
    )


async def requested(central: Central) -> str:
    station = await central.here()
    await station.boot()
    now = central.clock.now()
    async with central.database.unit_of_work() as db:
        db.add(
            CertificateRequestRow(
                station=station.identity,
                kind="ChargingStationCertificate",
                version="ocpp1.6",
                csr=csr(station.identity),
                requested_at=now,
                state="waiting",
                attempts=0,
                next_at=now,
                changed_at=now,
            )
        )
    return station.identity


async def row(central: Central, station: str) -> dict[str, Any]:
    [found] = await central.rows(
        "select state, reason, next_at from certificate_requests where station = :station",
        station=station,
    )
    return found


async def test_an_authority_that_is_away_is_asked_again_a_few_times(central: Central) -> None:
    station = await requested(central)
    for _ in range(5):
        assert await signing(central, None).work_off() == 1
        found = await row(central, station)
        assert found["reason"] == "closed for lunch"
        if found["next_at"] is not None:
            central.clock.at = found["next_at"]
    assert found["state"] == "failed"
    assert await signing(central, None).work_off() == 0


async def test_a_chain_that_the_station_cannot_take_is_not_sent(central: Central) -> None:
    station = await requested(central)
    await central.rows(
        "insert into station_variables (station, component, variable, attribute, value, is_known,"
        " changed_at, read_at) values (:station, '', 'CertificateSignedMaxChainSize', 'Actual',"
        " '100', true, now(), now())",
        station=station,
    )
    await signing(central, SIGNED).work_off()
    found = await row(central, station)
    assert found["state"] == "failed"
    assert "the station takes 100" in found["reason"]


async def test_what_another_authority_signed_is_sent_to_the_station(central: Central) -> None:
    station = await requested(central)
    await signing(central, SIGNED).work_off()
    assert (await row(central, station))["state"] == "sent"
    commands = await central.rows(
        "select action, door from commands where station = :station", station=station
    )
    assert {"action": "CertificateSigned", "door": "system"} in commands


async def test_a_certificate_for_another_key_is_not_sent_on(central: Central) -> None:
    station = await requested(central)
    other = Authority.root().issue(station)
    await signing(central, other.pem).work_off()
    found = await row(central, station)
    assert (found["state"], found["reason"]) == ("waiting", "The authority signed another key.")


async def test_one_request_that_cannot_be_signed_holds_up_no_other(central: Central) -> None:
    """However it fails: the others of its batch are signed, and it ends after a few times."""
    poisoned, good = await requested(central), await requested(central)

    class Defect:
        async def sign(self, csr: str, kind: str, station: str) -> str:
            if station == poisoned:
                raise ValueError("a defect")
            return signed_for(csr, station)

    work = Signing(central.database, central.clock, Sealer(bytes(32)), days=1, signer=Defect())
    for _ in range(5):
        await work.work_off()
        found = await row(central, poisoned)
        if found["next_at"] is not None:
            central.clock.at = found["next_at"]
    assert found["state"] == "failed"
    assert (await row(central, good))["state"] == "sent"
