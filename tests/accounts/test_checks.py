"""Tests of what facts about organisations and people must look like."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import checks
from foundation.errors import InvalidInput


@pytest.mark.parametrize(
    ("check", "written", "kept"),
    [
        (checks.organisation_key, "stadtwerke-nord", "stadtwerke-nord"),
        (checks.organisation_key, "a", "a"),
        (checks.organisation_key, "a" * 40, "a" * 40),
        (checks.user_name, " Erika.M_1 ", "erika.m_1"),
        (checks.email, " Erika@Example.ORG", "erika@example.org"),
        (checks.time_zone, "Europe/Berlin", "Europe/Berlin"),
        (checks.currency, "CHF", "CHF"),
        (checks.country, "AT", "AT"),
        (checks.language, "de", "de"),
        (checks.tax_status, "reverse_charge", "reverse_charge"),
        (checks.vat_id, "atu 1234-5678", "ATU12345678"),
        (checks.iban, "gb82 west 1234 5698 7654 32", "GB82WEST12345698765432"),
    ],
)
def test_what_is_right_is_kept_in_one_form(
    check: Callable[[str], str], written: str, kept: str
) -> None:
    assert check(written) == kept
    assert check(kept) == kept


@pytest.mark.parametrize(
    ("check", "written", "field"),
    [
        (checks.organisation_key, "Stadtwerke", "key"),
        (checks.organisation_key, "-nord", "key"),
        (checks.organisation_key, "nord-", "key"),
        (checks.organisation_key, "a" * 41, "key"),
        (checks.organisation_key, "", "key"),
        (checks.organisation_key, "nord\n", "key"),
        (checks.user_name, "erika@example.org", "user_name"),
        (checks.user_name, "", "user_name"),
        (checks.email, "erika", "email"),
        (checks.email, "erika@example", "email"),
        (checks.email, "a@b.example, c@d.example", "email"),
        (checks.email, "a@b.example\nBcc: c@d.example", "email"),
        (checks.time_zone, "Europe/Bielefeld", "time_zone"),
        (checks.time_zone, "../../etc/passwd", "time_zone"),
        (checks.currency, "eur", "currency"),
        (checks.country, "DEU", "country"),
        (checks.language, "fr", "language"),
        (checks.tax_status, "none", "tax_status"),
        (checks.vat_id, "123456789", "vat_id"),
        (checks.iban, "GB82WEST12345698765433", "iban"),
        (checks.iban, "82WEST12345698765432", "iban"),
    ],
)
def test_what_is_wrong_is_refused_with_its_field(
    check: Callable[[str], str], written: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        check(written)

    assert refused.value.field == field


def test_a_text_is_trimmed_and_bounded() -> None:
    assert checks.text("  Nord ", "name", longest=4) == "Nord"
    with pytest.raises(InvalidInput, match="longer than 4"):
        checks.text("Norden", "name", longest=4)
    with pytest.raises(InvalidInput, match="empty"):
        checks.text("  ", "name")


@given(place=st.integers(4, 21), digit=st.integers(1, 9))
def test_one_wrong_digit_of_an_iban_is_noticed(place: int, digit: int) -> None:
    right = "DE89370400440532013000"
    wrong = right[:place] + str((int(right[place]) + digit) % 10) + right[place + 1 :]

    with pytest.raises(InvalidInput):
        checks.iban(wrong)
