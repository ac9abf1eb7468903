"""A station's own certificate, as far as it goes without anybody to talk to."""

from datetime import UTC, datetime

import pytest
from cryptography import x509

from simulators.book import Book
from simulators.clock import HandClock
from simulators.deeds import Deed
from simulators.equipment import EvseSpec, StationSpec
from simulators.own_certificate import OwnCertificate, Secure
from simulators.station import Station
from tests.pki import Authority

ROOT = Authority.root()


class Telling(Station):
    """A station that keeps what it would say."""

    def __init__(self, version: str) -> None:
        spec = StationSpec(identity="CS-1", version=version, evses=(EvseSpec(evse_id=1),))
        super().__init__(
            spec,
            url="ws://127.0.0.1:1",
            clock=HandClock(datetime(2026, 10, 15, tzinfo=UTC)),
            book=Book(),
            secure=Secure(url="wss://localhost:1", trusted=ROOT.pem),
        )
        self.told: list[tuple[str, dict[str, object]]] = []

    async def tell(self, action: str, payload: dict[str, object]) -> None:
        self.told.append((action, payload))


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_it_takes_the_certificate_for_its_own_key_and_no_other(version: str) -> None:
    station = Telling(version)
    own = station.certificate
    assert isinstance(own, OwnCertificate)

    def answer(chain: str) -> object:
        deed = Deed(station, "CertificateSigned", "m-1", has_effect=True)
        status = own.table["CertificateSigned"]({"certificate_chain": chain}, deed)["status"]
        return status, len(deed.follow_ups)

    assert answer(ROOT.issue("CS-1").pem) == ("Rejected", 0)  # nothing was asked for yet
    await own.ask()
    [(action, payload)] = station.told
    assert action == "SignCertificate"
    assert ("certificateType" in payload) is (version != "1.6")
    request = x509.load_pem_x509_csr(str(payload["csr"]).encode())
    assert answer(ROOT.issue("CS-1").pem) == ("Rejected", 0)
    assert answer("no certificate") == ("Rejected", 0)
    assert own.chain is None
    right = ROOT.issue("CS-1", public_key=request.public_key()).pem
    assert answer(right) == ("Accepted", 1)
    assert own.chain == right
