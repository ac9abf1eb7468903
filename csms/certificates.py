"""What certificates and requests for them say: read, named, hashed and checked; nothing stored.

Sources: RFC 5280 (certificates), RFC 6960 section 4.1.1 (hashes of the issuer); OCPP 1.6 security
whitepaper edition 3, sections 2.4 and 4; OCPP 2.0.1 part 2, A00.FR.501 to 511 and A02.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from foundation.errors import InvalidInput

RSA_BITS_LEAST: Final = 2048
EC_BITS_LEAST: Final = 224
_LONGEST_PEM: Final = 20_000
"""Characters; OCPP's longest field for a chain has 10,000."""
_CHAIN_MOST: Final = 10

OWN: Final = "ChargingStationCertificate"
"""The kind of the certificate by which a station shows who it is."""
V2G: Final = "V2GCertificate"
V2G20: Final = "V2G20Certificate"
KINDS_SIGNED: Final = frozenset({OWN, V2G, V2G20})


def purpose_of(kind: str) -> str:
    """Return which of our authorities signs a kind: `station`, or `v2g` for vehicles to see."""
    return "station" if kind == OWN else "v2g"


ROOT_KINDS: Final = (
    "CSMSRootCertificate",
    "ManufacturerRootCertificate",
    "V2GRootCertificate",
    "MORootCertificate",
    "OEMRootCertificate",
)
"""What stations can be given to trust, in 2.x's words; 1.6 has the first two, 2.1 the last."""

UNREADABLE: Final = (
    ValueError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises over what others wrote, at once or when it is asked for a part of it."""

HASHES: Final = ("SHA256", "SHA384", "SHA512")
LONGEST_NAME: Final = 64
"""Bytes of a common name or an organisation (RFC 5280, appendix A; the library counts bytes)."""
_WEAK: Final = frozenset({"md5", "sha1"})


class UnusableCertificate(InvalidInput):
    """What was given is no certificate in PEM."""

    code = "unusable_certificate"

    def __init__(self, why: str = "This is no certificate in PEM.") -> None:
        super().__init__(why, field="certificate")


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says of itself; `serial_number` is hexadecimal without leading zeros."""

    subject: str
    issuer: str
    common_name: str | None
    organisation: str | None
    serial_number: str
    not_before: datetime
    not_after: datetime
    fingerprint: bytes
    key: str
    pem: str

    @property
    def is_self_signed(self) -> bool:
        """Whether it names itself as its issuer: a root."""
        return self.subject == self.issuer


@dataclass(frozen=True, slots=True)
class HashData:
    """OCPP's CertificateHashData: what names a certificate without showing it."""

    hash_algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str

    def payload(self) -> dict[str, str]:
        """Return it as OCPP writes it."""
        return {
            "hashAlgorithm": self.hash_algorithm,
            "issuerNameHash": self.issuer_name_hash,
            "issuerKeyHash": self.issuer_key_hash,
            "serialNumber": self.serial_number,
        }


def hash_data_in(told: Mapping[str, Any]) -> HashData | None:
    """Return what a station names a certificate by; None if something of it is missing."""
    values = [
        told.get(name)
        for name in ("hashAlgorithm", "issuerNameHash", "issuerKeyHash", "serialNumber")
    ]
    texts = [each.replace("\0", "") for each in values if isinstance(each, str)]
    return HashData(*texts) if len(texts) == len(values) and all(texts) else None


def certificates_in(pem: str) -> list[x509.Certificate]:
    """Return the certificates of a PEM text, in its order.

    Raises:
        UnusableCertificate: If there is none, or one cannot be read.
    """
    if len(pem) > _LONGEST_PEM:
        raise UnusableCertificate("This is too long for certificates.")
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
        if len(found) > _CHAIN_MOST:
            raise UnusableCertificate(f"A chain has at most {_CHAIN_MOST} certificates.")
        for each in found:
            facts_of(each)  # parts are read only when they are asked for
            _ = each.extensions
    except UNREADABLE:
        raise UnusableCertificate from None
    return found


def first_in(pem: str) -> x509.Certificate:
    """Return the first certificate of a PEM text.

    Raises:
        UnusableCertificate: If there is none.
    """
    return certificates_in(pem)[0]


def facts_of(certificate: x509.Certificate) -> CertificateFacts:
    """Return what a certificate says of itself."""
    return CertificateFacts(
        subject=name_of(certificate.subject),
        issuer=name_of(certificate.issuer),
        common_name=common_name(certificate.subject),
        organisation=_attribute(certificate.subject, NameOID.ORGANIZATION_NAME),
        serial_number=f"{certificate.serial_number:X}",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        fingerprint=fingerprint(certificate),
        key=key_words(certificate.public_key()),
        pem=pem_of(certificate),
    )


def facts_in_der(der: bytes) -> CertificateFacts:
    """Return what a certificate in DER says, as TLS hands it over.

    Raises:
        UnusableCertificate: If it cannot be read.
    """
    try:
        return facts_of(x509.load_der_x509_certificate(der))
    except UNREADABLE:
        raise UnusableCertificate from None


def pem_of(certificate: x509.Certificate) -> str:
    """Return a certificate as PEM text."""
    return certificate.public_bytes(Encoding.PEM).decode()


def fingerprint(certificate: x509.Certificate) -> bytes:
    """Return the SHA-256 of a certificate."""
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()


def name_of(name: x509.Name) -> str:
    """Return a name as text without what no database takes."""
    return name.rfc4514_string().replace("\0", "")


def _attribute(name: x509.Name, oid: x509.ObjectIdentifier) -> str | None:
    found = name.get_attributes_for_oid(oid)
    return str(found[0].value).replace("\0", "") if found else None


def common_name(name: x509.Name) -> str | None:
    """Return the commonName of a name; None if it has none."""
    return _attribute(name, NameOID.COMMON_NAME)


def key_words(key: Any) -> str:
    """Return a public key in words, as in `RSA 2048` or `EC secp256r1`."""
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey")


def may_sign(certificate: x509.Certificate, below: int = 0) -> bool:
    """Tell whether a certificate is an authority's, for so many authorities below it.

    Whoever has a certificate of another kind could sign others' with its key (RFC 5280, 4.2.1.3
    and 4.2.1.9).
    """
    try:
        extensions = certificate.extensions
        basic = extensions.get_extension_for_class(x509.BasicConstraints).value
    except (*UNREADABLE, x509.ExtensionNotFound):
        return False
    if not basic.ca or (basic.path_length is not None and basic.path_length < below):
        return False
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return usage.key_cert_sign


# ------------------------------------------------------------------------------------ hashes


def hash_data_of(
    certificate: x509.Certificate, issuer: x509.Certificate | None = None, algorithm: str = "SHA256"
) -> HashData:
    """Return what names a certificate; without its issuer at hand it is taken for a root.

    The key's hash is over the bits of the issuer's public key without tag and length (RFC 6960).
    """
    above = certificate if issuer is None else issuer
    return HashData(
        algorithm,
        _digest(algorithm, certificate.issuer.public_bytes()),
        _digest(algorithm, _key_bits(above)),
        f"{certificate.serial_number:X}",
    )


def name_hash(certificate: x509.Certificate, algorithm: str) -> str:
    """Return the hash of the issuer's name, in hexadecimal."""
    return _digest(algorithm, certificate.issuer.public_bytes())


def _digest(algorithm: str, value: bytes) -> str:
    assert algorithm in HASHES, f"no hash of OCPP's: {algorithm}"
    return hashlib.new(algorithm.lower(), value).hexdigest()


def _key_bits(certificate: x509.Certificate) -> bytes:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        return key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    raise UnusableCertificate(f"Nobody uses keys of this kind: {key_words(key)}.")


def same_serial(one: str, other: str) -> bool:
    """Tell whether two serial numbers are one: stations write zeros before, and small letters."""
    return one.strip().lstrip("0").casefold() == other.strip().lstrip("0").casefold()


# ------------------------------------------------------------------------------------ requests


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request for a certificate (CSR) asks for, once it was checked."""

    request: x509.CertificateSigningRequest
    common_name: str


def wish_in(csr: str, names: Collection[str]) -> Wish | str:
    """Return what a CSR asks for, or the sentence why it is refused.

    Args:
        csr: PEM (RFC 2986, RFC 7468).
        names: By which the station may call itself: its identity, aliases, serial number.
    """
    try:
        request = x509.load_pem_x509_csr(csr.strip().encode())
        key = request.public_key()
        is_signed = request.is_signature_valid
        algorithm = request.signature_hash_algorithm
        name = common_name(request.subject)
    except (*UNREADABLE, InvalidSignature):
        return "The request cannot be read: PEM (RFC 2986) is expected."
    if not is_signed:
        return "The request is not signed with its own key."
    weak = weakness(key)
    if weak is not None:
        return weak
    if algorithm is not None and algorithm.name in _WEAK:
        return f"The request is signed with {algorithm.name.upper()}, which is too weak."
    if name is None:
        return "The request has no common name."
    if len(name.encode()) > LONGEST_NAME:
        return f"The common name is longer than {LONGEST_NAME} bytes."
    if name.casefold() not in {each.casefold() for each in names}:
        return f"The common name {name!r} is not this station's."
    return Wish(request, name)


def is_for(certificate: x509.Certificate, csr: str) -> bool:
    """Tell whether a certificate is for the key of a request that was read before."""
    wanted = x509.load_pem_x509_csr(csr.strip().encode()).public_key()
    return certificate.public_key() == wanted


def weakness(key: Any) -> str | None:
    """Return why a key is too weak, or of a kind that is not allowed; None if it is good."""
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < RSA_BITS_LEAST:
            return f"An RSA key needs {RSA_BITS_LEAST} bits, this one has {key.key_size}."
        return None
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.key_size < EC_BITS_LEAST:
            return f"An EC key needs {EC_BITS_LEAST} bits, this one has {key.key_size}."
        return None
    return f"The key is neither RSA nor EC: {key_words(key)}."
