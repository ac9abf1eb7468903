"""Meters' public keys, and whether a signature of theirs holds: ECDSA over SHA-256.

Keys are read in whatever form type approvals and stations hand them out. Six of OCMF's seven
curves are those of the `cryptography` library; secp192k1, which it does not know, is computed
here: verifying needs no secret, so nothing has to take equally long.

Source: OCMF 1.2, tables 22 and 23; SEC 1 version 2.0, sections 2.3.3 and 4.1.4; SEC 2 version 2.0,
section 2.2.1; RFC 5480.
"""

import base64
import binascii
import hashlib
import string
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from foundation.errors import InvalidInput

SECP192K1: Final = "secp192k1"

_LIBRARY: Final[dict[str, ec.EllipticCurve]] = {
    "secp256k1": ec.SECP256K1(),
    "secp192r1": ec.SECP192R1(),
    "secp256r1": ec.SECP256R1(),
    "secp384r1": ec.SECP384R1(),
    "brainpool256r1": ec.BrainpoolP256R1(),
    "brainpool384r1": ec.BrainpoolP384R1(),
}
_OIDS: Final[dict[str, bytes]] = {
    SECP192K1: bytes.fromhex("2b8104001f"),
    "secp256k1": bytes.fromhex("2b8104000a"),
    "secp192r1": bytes.fromhex("2a8648ce3d030101"),
    "secp256r1": bytes.fromhex("2a8648ce3d030107"),
    "secp384r1": bytes.fromhex("2b81040022"),
    "brainpool256r1": bytes.fromhex("2b2403030208010107"),
    "brainpool384r1": bytes.fromhex("2b240303020801010b"),
}
"""What the objects 1.3.132.0.31, 1.3.132.0.10, … are in DER."""

CURVES: Final = frozenset(_OIDS)
"""OCMF's names of the curves."""

_EC_PUBLIC_KEY: Final = bytes.fromhex("2a8648ce3d0201")
_SYNONYMS: Final = {
    "prime192v1": "secp192r1",
    "prime256v1": "secp256r1",
    "brainpoolp256r1": "brainpool256r1",
    "brainpoolp384r1": "brainpool384r1",
}

_SEQUENCE, _INTEGER, _BIT_STRING, _OBJECT = 0x30, 0x02, 0x03, 0x06
_LONGEST_KEY = 4000  # characters


class InvalidMeterKey(InvalidInput):
    """The text is no public key of a meter; the message says what is wrong with it."""

    code = "invalid_meter_key"

    def __init__(self, why: str) -> None:
        super().__init__(f"This is no public key of a meter: {why}.", field="public_key")


def curve_named(name: str) -> str | None:
    """Return OCMF's name of a curve, None if it has no such curve."""
    plain = name.strip().lower()
    plain = _SYNONYMS.get(plain, plain)
    return plain if plain in CURVES else None


@dataclass(frozen=True, slots=True)
class MeterKey:
    """A public key: OCMF's name of its curve, and its point, uncompressed (04, x, y)."""

    curve: str
    point: bytes

    @property
    def der(self) -> bytes:
        """The key as SubjectPublicKeyInfo."""
        algorithm = _der(_OBJECT, _EC_PUBLIC_KEY) + _der(_OBJECT, _OIDS[self.curve])
        return _der(_SEQUENCE, _der(_SEQUENCE, algorithm) + _der(_BIT_STRING, b"\0" + self.point))

    @property
    def text(self) -> str:
        """The key as it is kept: SubjectPublicKeyInfo in DER, as hexadecimal digits."""
        return self.der.hex()


def key_from_text(text: str, curve: str | None = None) -> MeterKey:
    """Return the key that a text holds.

    Understood are SubjectPublicKeyInfo in PEM, in DER as hexadecimal digits or Base64, the form
    `oca:base16:asn1:…` of the OCPP 2.x stations, and a bare point, for which the curve must be
    named. White space does not matter.

    Args:
        text: The key.
        curve: Its name, needed for a bare point; of any other key it must be the key's own.

    Raises:
        InvalidMeterKey: If it holds none.
    """
    wanted = None
    if curve is not None and (wanted := curve_named(curve)) is None:
        raise InvalidMeterKey(f"there is no curve {curve}")
    data = _bytes_of(text)
    if data[:1] == b"\x30":
        key = _from_info(data)
        if wanted is not None and wanted != key.curve:
            raise InvalidMeterKey(f"its curve is {key.curve}")
    else:
        if wanted is None:
            raise InvalidMeterKey("of a bare point the curve must be named")
        key = MeterKey(wanted, data if data[:1] == b"\x04" and len(data) % 2 else b"\x04" + data)
    _ensure_on_curve(key)
    return key


def _bytes_of(text: str) -> bytes:
    if len(text) > _LONGEST_KEY:
        raise InvalidMeterKey("it is too long")
    lines = [line for line in text.splitlines() if not line.strip().startswith("-----")]
    plain = "".join("".join(lines).split())
    if plain.startswith("oca:"):
        encoding, _, rest = plain.removeprefix("oca:").partition(":")
        plain = rest.rpartition(":")[2]
        if encoding not in ("base16", "base64"):
            raise InvalidMeterKey(f"its encoding {encoding} is not known")
    data = _decoded(plain)
    if data.startswith(b"oca:"):
        return _bytes_of(data.decode("ascii", "replace"))
    if data[:1] in (b"3", b"0") and data.isascii() and set(data.decode()) <= set(string.hexdigits):
        return _decoded(data.decode())  # hexadecimal digits, wrapped in Base64
    return data


def _decoded(plain: str) -> bytes:
    try:
        if set(plain) <= set(string.hexdigits):
            return bytes.fromhex(plain)
        return base64.b64decode(plain, validate=True)
    except (ValueError, binascii.Error):
        raise InvalidMeterKey("it is neither hexadecimal nor Base64") from None


def _from_info(data: bytes) -> MeterKey:
    try:
        outer, end = _content(data, 0, _SEQUENCE)
        if end != len(data):
            raise _NotDer
        algorithm, after = _content(outer, 0, _SEQUENCE)
        kind, at = _content(algorithm, 0, _OBJECT)
        parameter, _ = _content(algorithm, at, _OBJECT)
        bits, _ = _content(outer, after, _BIT_STRING)
    except _NotDer:
        raise InvalidMeterKey("its structure is not that of a SubjectPublicKeyInfo") from None
    if kind != _EC_PUBLIC_KEY:
        raise InvalidMeterKey("it is not one of an elliptic curve")
    for curve, oid in _OIDS.items():
        if oid == parameter:
            return MeterKey(curve, bits[1:])
    raise InvalidMeterKey("its curve is none of OCMF's")


def _ensure_on_curve(key: MeterKey) -> None:
    try:
        if key.curve == SECP192K1:
            _secp192k1_point(key.point)
        else:
            ec.EllipticCurvePublicKey.from_encoded_point(_LIBRARY[key.curve], key.point)
    except ValueError:
        raise InvalidMeterKey(f"it is no point of {key.curve}") from None


def holds(key: MeterKey, signature: bytes, signed: bytes) -> bool:
    """Tell whether a signature is that of these bytes by this key.

    Args:
        key: The meter's.
        signature: ECDSA-Sig-Value in DER. Integers that a meter padded to a fixed length count as
            positive, although strict readers take some of them for negative.
        signed: What was signed.
    """
    try:
        pair, end = _content(signature, 0, _SEQUENCE)
        first, at = _content(pair, 0, _INTEGER)
        second, last = _content(pair, at, _INTEGER)
    except _NotDer:
        return False
    if end != len(signature) or last != len(pair):
        return False
    r, s = int.from_bytes(first), int.from_bytes(second)
    if key.curve == SECP192K1:
        return _holds_on_secp192k1(key.point, r, s, signed)
    public = ec.EllipticCurvePublicKey.from_encoded_point(_LIBRARY[key.curve], key.point)
    try:
        public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


# ----------------------------------------------------------------------------------- DER


class _NotDer(Exception):
    """The bytes are not the element that was looked for."""


def _der(tag: int, content: bytes) -> bytes:
    assert len(content) < 256, "keys are shorter"
    length = bytes([len(content)]) if len(content) < 128 else bytes([0x81, len(content)])
    return bytes([tag]) + length + content


def _content(data: bytes, at: int, tag: int) -> tuple[bytes, int]:
    """Return the content of the element at a place, and where the next one begins."""
    if at + 2 > len(data) or data[at] != tag:
        raise _NotDer
    length, begin = data[at + 1], at + 2
    if length >= 0x80:
        size = length - 0x80
        if not 1 <= size <= 2 or begin + size > len(data):
            raise _NotDer
        length, begin = int.from_bytes(data[begin : begin + size]), begin + size
    if begin + length > len(data):
        raise _NotDer
    return data[begin : begin + length], begin + length


# ------------------------------------------------------------------------------ secp192k1

_P: Final = 2**192 - 2**32 - 2**12 - 2**8 - 2**7 - 2**6 - 2**3 - 1
_N: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFE26F2FC170F69466A74DEFD8D
_G: Final = (
    0xDB4FF10EC057E9AE26B07D0280B7F4341DA5D1B1EAE06C7D,
    0x9B2F2F6D9C5628A7844163D015BE86344082AA88D95E2F9D,
)
_Point = tuple[int, int] | None  # None: the point at infinity


def _secp192k1_point(encoded: bytes) -> tuple[int, int]:
    if len(encoded) != 49 or encoded[0] != 4:
        raise ValueError("the length is wrong")
    x, y = int.from_bytes(encoded[1:25]), int.from_bytes(encoded[25:])
    if x >= _P or y >= _P or (y * y - x * x * x - 3) % _P:
        raise ValueError("the point is beside the curve")
    return x, y


def _holds_on_secp192k1(encoded: bytes, r: int, s: int, signed: bytes) -> bool:
    if not (0 < r < _N and 0 < s < _N):
        return False
    # The leftmost 192 bits of the hash (SEC 1, 4.1.4 step 3).
    z = int.from_bytes(hashlib.sha256(signed).digest()[:24])
    inverse = pow(s, -1, _N)
    point = _added(
        _times(z * inverse % _N, _G), _times(r * inverse % _N, _secp192k1_point(encoded))
    )
    return point is not None and point[0] % _N == r


def _added(a: _Point, b: _Point) -> _Point:
    if a is None or b is None:
        return b if a is None else a
    if a[0] == b[0]:
        if (a[1] + b[1]) % _P == 0:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, _P) % _P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, _P) % _P
    x = (slope * slope - a[0] - b[0]) % _P
    return x, (slope * (a[0] - x) - a[1]) % _P


def _times(factor: int, point: _Point) -> _Point:
    result: _Point = None
    while factor:
        if factor & 1:
            result = _added(result, point)
        point = _added(point, point)
        factor >>= 1
    return result
