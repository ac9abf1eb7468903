"""EVSE IDs in three fields (rules 1.7): what is typed, and what becomes of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.evse_ids import EvseIdParts, composed, parts_of
from csms.stickers import normalised_evse_id
from foundation.errors import InvalidInput

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        (("AT", "ION", "203953"), "AT*ION*E203953"),
        (("DE", "BOX", "AC0004"), "DE*BOX*EAC0004"),
        ((" de", "abc ", " 10*1 "), "DE*ABC*E10*1"),
        (("DE", "8A1", "E7"), "DE*8A1*EE7"),  # nobody types the E: this one is another letter
    ],
)
def test_1_7_three_fields_and_the_e_is_added(typed: tuple[str, str, str], written: str) -> None:
    assert composed(*typed).written == written


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        (("DEU", "ABC", "1"), "country"),
        (("D1", "ABC", "1"), "country"),
        (("DE", "AB", "1"), "operator"),
        (("DE", "A*C", "1"), "operator"),
        (("DE", "ABC", ""), "number"),
        (("DE", "ABC", "1*"), "number"),
        (("DE", "ABC", "1" * 31), "number"),
        (("DE", "ABC", "Ä1"), "number"),
    ],
)
def test_a_malformed_part_is_refused_and_named(typed: tuple[str, str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        composed(*typed)
    assert refused.value.field == field


@given(
    country=st.text(LETTERS, min_size=2, max_size=2),
    operator=st.text(LETTERS + DIGITS, min_size=3, max_size=3),
    number=st.text(LETTERS + DIGITS, min_size=1, max_size=30),
)
def test_what_is_written_is_read_as_the_same_parts(
    country: str, operator: str, number: str
) -> None:
    made = composed(country, operator, number)
    assert parts_of(made.written) == made
    assert parts_of(normalised_evse_id(made.written)) == made


@pytest.mark.parametrize("older", [None, "", "+49*123*456", "DE*ABC", "DE*ABC*1001", "Säule 3"])
def test_what_has_another_form_has_no_parts(older: str | None) -> None:
    assert parts_of(older) is None
    assert parts_of("DE*ABC*E1") == EvseIdParts("DE", "ABC", "1")
