"""A public key infrastructure for tests: authorities, certificates, requests, an OCSP responder."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

FROM = datetime(2026, 1, 1, tzinfo=UTC)
UNTIL = datetime(2046, 1, 1, tzinfo=UTC)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def name(common: str, organisation: str | None = None) -> x509.Name:
    """A name of a common name and perhaps an organisation."""
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if organisation is not None:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    return x509.Name(parts)


def new_key(kind: str = "ec") -> Key:
    """A fresh key: `ec`, or `rsa`."""
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def csr(common: str, key: Any = None, **signing: Any) -> str:
    """A request for a certificate, as PEM."""
    made = x509.CertificateSigningRequestBuilder().subject_name(name(common))
    signed = made.sign(key or new_key(), signing.get("algorithm", hashes.SHA256()))
    return signed.public_bytes(Encoding.PEM).decode()


@dataclass
class Holder:
    """A certificate with its key and those above it."""

    certificate: x509.Certificate
    key: Key
    above: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def chain(self) -> str:
        """It and those above it but for the root, as PEM."""
        above = [each for each in self.above if each.issuer != each.subject]
        return "".join(
            each.public_bytes(Encoding.PEM).decode() for each in (self.certificate, *above)
        )

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def write(self, folder: Path, stem: str) -> tuple[Path, Path]:
        """Write chain and key; return their paths."""
        certificate, key = folder / f"{stem}.pem", folder / f"{stem}.key"
        certificate.write_text(self.chain)
        key.write_bytes(self.key_pem)
        return certificate, key


@dataclass
class Authority(Holder):
    """One that signs, and answers for what it signed (OCSP)."""

    revoked: set[int] = field(default_factory=set)

    @classmethod
    def root(cls, common: str = "Test Root") -> "Authority":
        key = new_key()
        builder = _builder(name(common), name(common), key.public_key(), FROM, UNTIL)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False
        )
        return cls(builder.sign(key, hashes.SHA256()), key)

    def authority(self, common: str) -> "Authority":
        """One below this one."""
        made = self.issue(common, is_authority=True)
        return Authority(made.certificate, made.key, made.above)

    def issue(
        self,
        common: str,
        *,
        host: str | None = None,
        organisation: str | None = None,
        kind: str = "ec",
        until: datetime = UNTIL,
        responder: str | None = None,
        is_authority: bool = False,
        path_length: int | None = None,
        extension: x509.ExtensionType | None = None,
        public_key: Any = None,
    ) -> Holder:
        """A certificate signed here, with a fresh key or for another's public key.

        `extension` is one more that is not critical.
        """
        key = new_key(kind)
        public = public_key or key.public_key()
        builder = _builder(
            name(common, organisation), self.certificate.subject, public, FROM, until
        ).add_extension(
            x509.BasicConstraints(ca=is_authority, path_length=path_length),
            critical=is_authority,
        )
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False
        )
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
        if host is not None:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False
            )
        if responder is not None:
            access = x509.AccessDescription(
                AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(responder)
            )
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), False)
        if extension is not None:
            builder = builder.add_extension(extension, critical=False)
        return Holder(builder.sign(self.key, hashes.SHA256()), key, (self.certificate, *self.above))

    def answer(
        self, asked: bytes, now: datetime, lasts: timedelta | None = timedelta(days=1)
    ) -> bytes:
        """Answer an OCSP request, as DER; without a span it does not say until when it holds."""
        request = ocsp.load_der_ocsp_request(asked)
        is_revoked = request.serial_number in self.revoked
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            request.issuer_name_hash,
            request.issuer_key_hash,
            request.serial_number,
            request.hash_algorithm,
            ocsp.OCSPCertStatus.REVOKED if is_revoked else ocsp.OCSPCertStatus.GOOD,
            now,
            None if lasts is None else now + lasts,
            now - timedelta(days=1) if is_revoked else None,
            None,
        )
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self.certificate)
        builder = builder.certificates([self.certificate])
        signed = builder.sign(self.key, hashes.SHA256())
        return signed.public_bytes(Encoding.DER)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Any, start: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(until)
    )
