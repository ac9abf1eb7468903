"""What certificates and requests say."""

import base64
from contextlib import suppress
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from csms.certificates import (
    HASHES,
    UnusableCertificate,
    Wish,
    certificates_in,
    facts_in_der,
    facts_of,
    first_in,
    hash_data_in,
    hash_data_of,
    purpose_of,
    same_serial,
    weakness,
    wish_in,
)
from tests.pki import FROM, UNTIL, Authority, csr, new_key

ROOT = Authority.root()
LEAF = ROOT.issue("CS-1", organisation="Operator")


def test_a_certificate_says_whom_it_names_and_until_when() -> None:
    facts = facts_of(first_in(LEAF.pem))
    assert (facts.common_name, facts.organisation) == ("CS-1", "Operator")
    assert (facts.not_before, facts.not_after) == (FROM, UNTIL)
    assert facts.key == "EC secp256r1"
    assert not facts.is_self_signed
    assert facts_of(ROOT.certificate).is_self_signed


@pytest.mark.parametrize("text", ["", "no PEM", "x" * 30_000, "-----BEGIN CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_refused_in_words(text: str) -> None:
    with pytest.raises(UnusableCertificate):
        certificates_in(text)
    with pytest.raises(UnusableCertificate):
        facts_in_der(b"no DER")


@pytest.mark.parametrize("algorithm", HASHES)
def test_the_hashes_are_those_that_ocsp_uses(algorithm: str) -> None:
    """Cross-checked with the library's own OCSP request (RFC 6960, 4.1.1)."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        LEAF.certificate, ROOT.certificate, getattr(hashes, algorithm)()
    )
    request = builder.build()
    found = hash_data_of(LEAF.certificate, ROOT.certificate, algorithm)
    assert found.issuer_name_hash == request.issuer_name_hash.hex()
    assert found.issuer_key_hash == request.issuer_key_hash.hex()
    assert int(found.serial_number, 16) == request.serial_number
    assert hash_data_in(found.payload()) == found
    assert hash_data_in({**found.payload(), "issuerKeyHash": None}) is None


@given(st.integers(1, 2**160))
def test_a_serial_number_is_the_same_however_a_station_writes_it(number: int) -> None:
    assert same_serial(f"{number:X}", f"00{number:x}")
    assert not same_serial(f"{number:X}", f"{number + 1:X}")


@pytest.mark.parametrize("name", ["CS-1", "cs-1"])
def test_a_request_for_the_station_itself_is_good(name: str) -> None:
    assert isinstance(wish_in(csr(name), ["CS-1", "SERIAL"]), Wish)


@pytest.mark.parametrize(
    ("request_pem", "why"),
    [
        (csr("CS-2"), "not this station's"),
        ("nothing", "cannot be read"),
        (csr("CS-1", rsa.generate_private_key(65537, 1024)), "needs 2048 bits"),
        (csr("CS-1", ec.generate_private_key(ec.SECP192R1())), "needs 224 bits"),
        (csr("CS-1", ed25519.Ed25519PrivateKey.generate(), algorithm=None), "neither RSA nor EC"),
    ],
)
def test_a_request_that_is_weak_or_anothers_is_refused_with_its_reason(
    request_pem: str, why: str
) -> None:
    found: Any = wish_in(request_pem, ["CS-1"])
    assert why in found


def test_a_tampered_request_is_refused() -> None:
    good = csr("CS-1").splitlines()
    body = "".join(good[1:-1])
    changed = body[:-12] + ("A" if body[-12] != "A" else "B") + body[-11:]
    text = "\n".join([good[0], changed, good[-1]])
    assert isinstance(wish_in(text, ["CS-1"]), str)


def test_keys_of_the_least_strength_are_good() -> None:
    assert weakness(rsa.generate_private_key(65537, 2048).public_key()) is None
    assert weakness(ec.generate_private_key(ec.SECP224R1()).public_key()) is None
    assert [purpose_of(each) for each in ("ChargingStationCertificate", "V2GCertificate")] == [
        "station",
        "v2g",
    ]


@pytest.mark.filterwarnings("ignore:Attribute's length")
def test_a_request_for_a_name_that_no_certificate_holds_is_refused() -> None:
    """Names are counted in bytes: signing it would fail each time that it is tried."""
    long = "Ä" * 33
    assert "64 bytes" in str(wish_in(_with_name(long), [long]))
    assert isinstance(wish_in(_with_name("Ä" * 32), ["Ä" * 32]), Wish)


def _with_name(common: str) -> str:
    named = x509.NameAttribute(NameOID.COMMON_NAME, common, _validate=False)
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([named]))
    made = builder.sign(new_key(), hashes.SHA256())
    return made.public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize("place", range(0, 180, 7))
def test_a_request_or_certificate_with_a_changed_byte_is_refused_in_words(place: int) -> None:
    """Versions, lengths and kinds of text that nobody knows: whoever writes them learns why not."""
    for changed in (0x01, 0x05, 0x80):
        der = bytearray(x509.load_pem_x509_csr(csr("CS-1").encode()).public_bytes(Encoding.DER))
        der[place % len(der)] ^= changed
        assert isinstance(wish_in(_pem("CERTIFICATE REQUEST", der), ["CS-1"]), str)
        der = bytearray(LEAF.certificate.public_bytes(Encoding.DER))
        der[place % len(der)] ^= changed
        with suppress(UnusableCertificate):  # a changed key or number can be read
            certificates_in(_pem("CERTIFICATE", der))
        with suppress(UnusableCertificate):
            facts_in_der(bytes(der))


def _pem(kind: str, der: bytes | bytearray) -> str:
    text = base64.b64encode(der).decode()
    return f"-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n"
