"""The colours of our papers: an ICC profile of sRGB, made here so that it is free of any licence.

A matrix and curve profile of version 4.2: the primaries of sRGB adapted to D50, and its curve as a
parametric one. PDF/A asks for a profile that says what the colours of a page mean.

Source: IEC 61966-2-1 (sRGB); ICC.1:2010 (profile version 4.3), sections 7 to 10.
"""

import hashlib
import struct
from functools import cache
from typing import Final

_D50: Final = (0.9642, 1.0, 0.8249)
_RED: Final = (0.43607, 0.22249, 0.01392)
_GREEN: Final = (0.38515, 0.71687, 0.09708)
_BLUE: Final = (0.14307, 0.06061, 0.71410)
_ADAPTATION: Final = (
    (1.04788, 0.02292, -0.05022),
    (0.02959, 0.99048, -0.01707),
    (-0.00925, 0.01508, 0.75168),
)
"""From D65, the white of sRGB, to D50, by Bradford's method."""

_CURVE: Final = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""Exponent, slope and offset of the curve; slope of its straight begin, and where that ends."""

NAME: Final = "sRGB IEC61966-2.1"


@cache
def profile() -> bytes:
    """Return the profile, always the same."""
    curve = b"para" + bytes(4) + struct.pack(">HH", 3, 0) + _numbers(*_CURVE)
    blocks = {
        b"desc": _text(NAME),
        b"cprt": _text("No copyright, use freely."),
        b"wtpt": _xyz(_D50),
        b"chad": b"sf32" + bytes(4) + b"".join(_numbers(*row) for row in _ADAPTATION),
        b"rXYZ": _xyz(_RED),
        b"gXYZ": _xyz(_GREEN),
        b"bXYZ": _xyz(_BLUE),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body = b"", b""
    start = 128 + 4 + 12 * len(blocks)
    places: dict[bytes, int] = {}
    for tag, block in blocks.items():
        if block not in places:
            places[block] = start + len(body)
            body += block + bytes(-len(block) % 4)
        table += tag + struct.pack(">II", places[block], len(block))
    size = start + len(body)
    rest = struct.pack(">I", len(blocks)) + table + body
    # The id is a digest of the profile with the id itself, and two other fields, left empty.
    digest = hashlib.md5(_head(size, bytes(16)) + rest, usedforsecurity=False).digest()
    return _head(size, digest) + rest


def _head(size: int, digest: bytes) -> bytes:
    made = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    return (
        struct.pack(">I4sI", size, bytes(4), 0x04200000)
        + b"mntrRGB XYZ "
        + made
        + b"acsp"
        + bytes(24)
        + struct.pack(">I", 0)
        + _numbers(*_D50)
        + bytes(4)
        + digest
        + bytes(28)
    )


def _numbers(*values: float) -> bytes:
    """Return numbers with sixteen bits behind the point."""
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + _numbers(*values)


def _text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return (
        b"mluc"
        + bytes(4)
        + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(encoded), 28)
        + encoded
    )
