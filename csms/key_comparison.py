"""Whether the key that a station reported is the one on its meter's type plate.

Whoever forges meter values can report a key that fits them. So a reported key counts only when a
person has compared it with what stands on the type plate or the manufacturer's paper: the whole
key, or its fingerprint. A fingerprint is the SHA-256 of the key, 64 hexadecimal digits, written in
groups of four; papers print that of SubjectPublicKeyInfo, or that of the point with or without its
leading 04.

Source: OCMF 1.2, section 5.2 (keys are published beside the meter); RFC 5280, 4.1 (the structure).
"""

import hashlib
import string
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from csms.meter_signatures import InvalidMeterKey, MeterKey, key_from_text
from foundation.errors import InvalidInput

GROUP: Final = 4
_DIGITS: Final = 64
_SEPARATORS: Final = str.maketrans("", "", " \t\r\n:-.·")
_LONGEST: Final = 4000


class ComparedBy(StrEnum):
    """What was typed."""

    FINGERPRINT = "fingerprint"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Difference:
    """Where what was typed leaves the reported key.

    `group` counts from 1; `typed` and `reported` are that group of each. Without a group the
    lengths or the curves differ, and these are what they say.
    """

    typed: str
    reported: str
    group: int | None
    by: ComparedBy


class KeyDiffers(InvalidInput):
    """What stands on the type plate is not what the station reported; nothing was taken over."""

    code = "meter_key_differs"

    def __init__(self, difference: Difference) -> None:
        self.difference = difference
        where = "the whole" if difference.group is None else f"group {difference.group}"
        super().__init__(
            f"The {difference.by} is another one: {where} was typed as {difference.typed},"
            f" the station reported {difference.reported}.",
            field="typed",
        )


def fingerprint(key: MeterKey) -> str:
    """Return the SHA-256 of a key's SubjectPublicKeyInfo, as lower-case hexadecimal digits."""
    return hashlib.sha256(key.der).hexdigest()


def grouped(digits: str) -> str:
    """Return digits in groups of four, as people compare them."""
    return " ".join(digits[at : at + GROUP] for at in range(0, len(digits), GROUP))


def compared(typed: str, reported: MeterKey) -> ComparedBy:
    """Compare what a person typed with a reported key; white space and separators do not matter.

    Args:
        typed: A fingerprint of 64 hexadecimal digits, or the whole key in any form in which keys
            are handed out; a bare point is taken to be one of the reported key's curve.
        reported: The station's.

    Returns:
        By what they were found to be equal.

    Raises:
        KeyDiffers: They are not equal.
        InvalidMeterKey: What was typed is neither a fingerprint nor a key.
    """
    digits = typed.translate(_SEPARATORS).lower()
    if not digits:
        raise InvalidInput("Type the fingerprint or the key from the type plate.", field="typed")
    if set(digits) <= set(string.hexdigits) and len(digits) <= _DIGITS:
        fingerprints = [
            hashlib.sha256(each).hexdigest()
            for each in (reported.der, reported.point, reported.point[1:])
        ]
        if digits in fingerprints:
            return ComparedBy.FINGERPRINT
        if len(digits) == _DIGITS or not _is_point(digits, reported):
            raise KeyDiffers(_nearest(digits, fingerprints))
    return _by_key(typed, reported)


def _by_key(typed: str, reported: MeterKey) -> ComparedBy:
    plain = typed.translate(_SEPARATORS)
    text = plain if set(plain) <= set(string.hexdigits) else typed
    if len(text) > _LONGEST:
        raise InvalidMeterKey("it is too long")
    try:
        key = key_from_text(text)
    except InvalidMeterKey:
        key = key_from_text(text, reported.curve)
    if key == reported:
        return ComparedBy.KEY
    if key.curve != reported.curve:
        raise KeyDiffers(Difference(key.curve, reported.curve, None, ComparedBy.KEY))
    raise KeyDiffers(_difference(key.text, reported.text, ComparedBy.KEY))


def _is_point(digits: str, reported: MeterKey) -> bool:
    """Tell whether digits are as many as a bare point of the curve has."""
    return len(digits) in (2 * len(reported.point), 2 * len(reported.point) - 2)


def _nearest(digits: str, fingerprints: list[str]) -> Difference:
    """Return the difference to the fingerprint that agrees in most places with what was typed."""

    def agreeing(other: str) -> int:
        return sum(a == b for a, b in zip(digits, other, strict=False))

    return _difference(digits, max(fingerprints, key=agreeing), ComparedBy.FINGERPRINT)


def _difference(typed: str, reported: str, by: ComparedBy) -> Difference:
    """Return the first group in which two texts differ; they do."""
    for at in range(0, max(len(typed), len(reported)), GROUP):
        ours, theirs = typed[at : at + GROUP], reported[at : at + GROUP]
        if ours != theirs:
            return Difference(ours or "–", theirs or "–", at // GROUP + 1, by)
    raise AssertionError("they are equal")
