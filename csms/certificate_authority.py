"""Our own certificate authority: roots, an authority for V2G below its root, and what they sign.

Nothing is stored here and no secret is kept: keys come in and go out, to be sealed by whoever
stores them.

Sources: RFC 5280; OCPP 2.0.1 part 2, A00.FR.501 to 511; ISO 15118-2, annex F (V2G: the chain ends
at a sub-authority whose root the vehicles trust).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from csms.certificates import LONGEST_NAME, OWN, Wish, pem_of

KEY_PURPOSE: Final = "certificate authority key"
"""For what authorities' keys are sealed."""

_BACKDATED: Final = timedelta(hours=1)
"""Stations' clocks are behind at times; a certificate from the future is none."""

Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority with its key; `above` are the certificates above its own, the root last."""

    certificate: x509.Certificate
    key: Key
    above: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> str:
        """Its certificate and those above it."""
        return "".join(pem_of(each) for each in (self.certificate, *self.above))

    @property
    def key_der(self) -> bytes:
        """Its key, to be sealed."""
        return self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def opened(pem: str, key_der: bytes) -> Authority:
    """Return an authority as it was stored."""
    certificate, *above = x509.load_pem_x509_certificates(pem.encode())
    key = load_der_private_key(key_der, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey), "our authorities have keys of this kind"
    return Authority(certificate, key, tuple(above))


def new_root(name: str, organisation: str, *, days: int, now: datetime) -> Authority:
    """Return a fresh root that signs stations' certificates itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name, organisation)
    signed = _authority(subject, subject, key, key, 0, days, now)
    return Authority(signed, key)


def new_below_root(name: str, organisation: str, *, days: int, now: datetime) -> Authority:
    """Return a fresh authority below a root of its own, as vehicles expect one for V2G.

    The root's key is gone when this returns: its only signature is on the authority.
    """
    root_key = ec.generate_private_key(ec.SECP256R1())
    root_name = _name(f"{name} Root", organisation)
    root = _authority(root_name, root_name, root_key, root_key, 1, days, now)
    key = ec.generate_private_key(ec.SECP256R1())
    sub = _authority(_name(name, organisation), root_name, key, root_key, 0, days, now)
    return Authority(sub, key, (root,))


def _name(common: str, organisation: str) -> x509.Name:
    fitting = organisation.encode()[:LONGEST_NAME].decode(errors="ignore")
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, fitting),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _authority(
    subject: x509.Name,
    issuer: x509.Name,
    key: Key,
    signing: Key,
    path_length: int,
    days: int,
    now: datetime,
) -> x509.Certificate:
    return (
        _builder(subject, issuer, key.public_key(), now, now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(_known_by(signing), critical=False)
        .sign(signing, hashes.SHA256())
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: CertificatePublicKeyTypes,
    now: datetime,
    until: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _known_by(signing: Key) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def sign(
    authority: Authority, wish: Wish, kind: str, organisation: str, *, days: int, now: datetime
) -> str:
    """Return the chain for a request as PEM: the certificate, then those below the root.

    The certificate has the request's common name and our organisation, and nothing else of what
    the request named; it ends with the authority's own at the latest.
    """
    until = min(now + timedelta(days=days), authority.certificate.not_valid_after_utc)
    key = wish.request.public_key()
    # A station shows its own to us, and the one for V2G to vehicles, which connect to it.
    role = ExtendedKeyUsageOID.CLIENT_AUTH if kind == OWN else ExtendedKeyUsageOID.SERVER_AUTH
    made = (
        _builder(
            _name(wish.common_name, organisation), authority.certificate.subject, key, now, until
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([role]), critical=False)
        .add_extension(_known_by(authority.key), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    between = [
        each for each in (authority.certificate, *authority.above) if each.issuer != each.subject
    ]
    return "".join(pem_of(each) for each in (made, *between))
