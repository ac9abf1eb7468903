"""Keys in every form they are handed out, and signatures on every curve of OCMF."""

import base64

import pytest

from csms.meter_signatures import (
    CURVES,
    InvalidMeterKey,
    MeterKey,
    curve_named,
    holds,
    key_from_text,
)
from tests.csms.meters import EXAMPLES, Meter

KEY = EXAMPLES[0]["public_key"]


@pytest.mark.parametrize("curve", sorted(CURVES))
def test_a_signature_holds_for_what_was_signed_and_for_nothing_else(curve: str) -> None:
    meter, other = Meter(curve), Meter(curve)
    signature = meter.sign(b"10 kWh")
    assert holds(meter.key, signature, b"10 kWh")
    assert not holds(meter.key, signature, b"11 kWh")
    assert not holds(other.key, signature, b"10 kWh")
    assert not holds(meter.key, signature[:-1], b"10 kWh")
    assert not holds(meter.key, signature + b"\0", b"10 kWh")
    assert not holds(meter.key, b"", b"10 kWh")


@pytest.mark.parametrize("curve", sorted(CURVES))
def test_numbers_out_of_range_are_no_signature(curve: str) -> None:
    meter = Meter(curve)
    zero = bytes.fromhex("3006020100020100")
    huge = b"\x30\x7c" + (b"\x02\x3c" + b"\x7f" * 60) * 2
    assert not holds(meter.key, zero, b"")
    assert not holds(meter.key, huge, b"")


def test_a_key_is_read_in_every_form_and_kept_in_one() -> None:
    der = bytes.fromhex(KEY)
    pem = f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(der).decode()}\n-----END PUBLIC KEY-----"
    forms = [
        KEY,
        KEY.lower(),
        " ".join(KEY[place : place + 4] for place in range(0, len(KEY), 4)),
        base64.b64encode(der).decode(),
        base64.b64encode(KEY.encode()).decode(),
        pem,
        f"oca:base16:asn1:{KEY}",
        f"oca:base64:asn1:{base64.b64encode(der).decode()}",
        base64.b64encode(f"oca:base16:asn1:{KEY}".encode()).decode(),
    ]
    assert {key_from_text(form).text for form in forms} == {KEY.lower()}
    point = der[-65:]
    assert key_from_text(point.hex(), "secp256r1").text == KEY.lower()
    assert key_from_text(point[1:].hex(), "prime256v1").text == KEY.lower()


@pytest.mark.parametrize("curve", sorted(CURVES))
def test_a_key_of_every_curve_comes_back_as_it_was_kept(curve: str) -> None:
    key = Meter(curve).key
    assert key_from_text(key.text) == key
    assert key_from_text(key.point.hex(), curve) == key


@pytest.mark.parametrize(
    ("text", "curve"),
    [
        ("", None),
        ("not a key", None),
        ("00" * 40, None),
        (KEY[:-2], None),
        (KEY + "00", None),
        (KEY, "secp256k1"),
        (KEY, "secp521r1"),
        (bytes.fromhex(KEY)[-65:].hex(), None),
        (KEY.replace("3AEEB45C", "3AEEB45D"), None),
        ("04" + "11" * 48, "secp192k1"),
        ("04" + "11" * 20, "secp192k1"),
        ("302a300506032b6570032100" + "11" * 32, None),
        (KEY.replace("2A8648CE3D030107", "2A8648CE3D030108"), None),
        ("oca:base10:asn1:12", None),
        ("30" * 3000, None),
        ("3085", None),
    ],
)
def test_what_is_no_key_is_refused(text: str, curve: str | None) -> None:
    with pytest.raises(InvalidMeterKey):
        key_from_text(text, curve)


def test_curves_have_the_names_of_ocmf_and_their_synonyms() -> None:
    assert curve_named("brainpoolP256r1") == "brainpool256r1"
    assert curve_named(" SECP192R1 ") == "secp192r1"
    assert curve_named("prime256v1") == "secp256r1"
    assert curve_named("secp521r1") is None


def test_a_key_as_der_is_what_others_read() -> None:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    key = Meter("secp384r1").key
    public = load_der_public_key(key.der)
    assert isinstance(public, EllipticCurvePublicKey)
    assert MeterKey("secp384r1", key.point).der == bytes.fromhex(key.text)
