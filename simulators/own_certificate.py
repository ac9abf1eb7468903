"""A station's own certificate: it asks for one, checks what it gets, and comes back by it.

Sources: OCPP 1.6 security whitepaper edition 3, section 4.4; OCPP 2.0.1 part 2, A02.
"""

import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from simulators.deeds import Answer, Deed, Handler, Payload

if TYPE_CHECKING:
    from simulators.station import Station

ASKED_FOR = frozenset({"SignChargePointCertificate", "SignChargingStationCertificate"})
"""What TriggerMessage and ExtendedTriggerMessage call it."""


@dataclass(frozen=True, kw_only=True)
class Secure:
    """Where a station comes by TLS, and whom it trusts there (PEM)."""

    url: str
    trusted: str = field(repr=False)


class OwnCertificate:
    """The key and the certificate of one station; a fresh key with each request."""

    def __init__(self, station: "Station", secure: Secure) -> None:
        self._station = station
        self._secure = secure
        self._key: ec.EllipticCurvePrivateKey | None = None
        self.chain: str | None = None
        """What it has now, as PEM."""
        self.table: dict[str, Handler] = {"CertificateSigned": self._signed}

    async def ask(self) -> None:
        """Ask for a certificate in the station's own name."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.NameAttribute(NameOID.COMMON_NAME, self._station.identity)
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([name]))
        csr = builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
        payload = {"csr": csr}
        if self._station.spec.version != "1.6":
            payload["certificateType"] = "ChargingStationCertificate"
        await self._station.tell("SignCertificate", payload)

    def _signed(self, payload: Payload, deed: Deed) -> Answer:
        chain = str(payload["certificate_chain"])
        if self._key is None or not self._is_mine(chain):
            return {"status": "Rejected"}
        key = self._key

        def keep() -> None:
            self.chain = chain

        async def come_back() -> None:
            await self._station.move_to(self._secure.url, self._context(chain, key))

        deed.at_once("took its certificate", keep)
        deed.later("came back by its certificate", come_back)
        return {"status": "Accepted"}

    def _is_mine(self, chain: str) -> bool:
        assert self._key is not None
        try:
            [mine, *_] = x509.load_pem_x509_certificates(chain.encode())
        except ValueError:
            return False
        return mine.public_key() == self._key.public_key()

    def _context(self, chain: str, key: ec.EllipticCurvePrivateKey) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self._secure.trusted)
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        with tempfile.TemporaryDirectory() as folder:  # OpenSSL reads it from a file only
            file = Path(folder, "own.pem")
            file.touch(mode=0o600)
            file.write_text(text + chain)
            context.load_cert_chain(file)
        return context
