"""A reported key counts only if it is the one on the type plate, digit by digit."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.key_comparison import ComparedBy, KeyDiffers, compared, fingerprint, grouped
from csms.meter_signatures import InvalidMeterKey, MeterKey, key_from_text
from foundation.errors import InvalidInput
from tests.csms.meters import EXAMPLES, Meter

KEY = key_from_text(EXAMPLES[0]["public_key"])
SHORT = Meter("secp192r1").key
"""A bare point of it has 96 digits, more than a fingerprint."""


def test_the_fingerprint_is_shown_in_groups_of_four() -> None:
    assert grouped("0123456789") == "0123 4567 89"
    assert len(grouped(fingerprint(KEY)).split()) == 16


@pytest.mark.parametrize(
    "typed",
    [
        fingerprint(KEY),
        grouped(fingerprint(KEY)).upper(),
        ":".join(fingerprint(KEY)[at : at + 2] for at in range(0, 64, 2)),
        hashlib.sha256(KEY.point).hexdigest(),
        hashlib.sha256(KEY.point[1:]).hexdigest(),
    ],
)
def test_every_usual_fingerprint_is_taken(typed: str) -> None:
    assert compared(typed, KEY) is ComparedBy.FINGERPRINT


@pytest.mark.parametrize("key", [KEY, SHORT])
def test_the_whole_key_is_taken_in_every_form(key: MeterKey) -> None:
    for typed in (key.text, grouped(key.text), key.point.hex(), key.point[1:].hex().upper()):
        assert compared(typed, key) is ComparedBy.KEY


@given(at=st.integers(0, 63), digit=st.sampled_from("0123456789abcdef"))
def test_one_other_digit_is_refused_with_its_group(at: int, digit: str) -> None:
    right = fingerprint(KEY)
    typed = right[:at] + digit + right[at + 1 :]
    if typed == right:
        assert compared(typed, KEY) is ComparedBy.FINGERPRINT
        return
    with pytest.raises(KeyDiffers) as refused:
        compared(typed, KEY)
    difference = refused.value.difference
    assert difference.group == at // 4 + 1
    assert difference.reported == right[at // 4 * 4 : at // 4 * 4 + 4]
    assert (refused.value.field, refused.value.code) == ("typed", "meter_key_differs")


def test_a_part_of_a_fingerprint_is_not_enough() -> None:
    with pytest.raises(KeyDiffers) as refused:
        compared(fingerprint(KEY)[:60], KEY)
    assert refused.value.difference.group == 16
    assert refused.value.difference.typed == "–"


def test_another_key_is_refused_with_what_differs() -> None:
    with pytest.raises(KeyDiffers) as other:
        compared(Meter().key.text, KEY)
    assert other.value.difference.by is ComparedBy.KEY
    assert other.value.difference.group is not None
    with pytest.raises(KeyDiffers) as curve:
        compared(Meter("secp256k1").key.text, KEY)
    assert (curve.value.difference.typed, curve.value.difference.reported) == (
        "secp256k1",
        "secp256r1",
    )
    assert "the whole was typed as secp256k1" in str(curve.value)


def test_what_is_neither_is_refused_as_such() -> None:
    for typed in ("no key at all!", "00" * 40, "A" * 5000):
        with pytest.raises(InvalidMeterKey):
            compared(typed, KEY)
    with pytest.raises(InvalidInput):
        compared(" : ", KEY)
