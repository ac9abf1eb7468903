"""Papers speak English and German, each with its own numbers, and know whose time it is."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from billing import statement_words
from billing.cdr import ChargeClass
from billing.plausibility import HoldReason
from billing.statement_words import LANGUAGES, Words
from billing.statements import GapExplanation, StatementState, TaxStatus
from foundation.money import Money

ENGLISH = Words("en", "Europe/Berlin")
GERMAN = Words("de", "Europe/Berlin")


def test_there_are_two_languages_and_no_other() -> None:
    assert LANGUAGES == ("en", "de")
    with pytest.raises(AssertionError):
        Words("fr", "Europe/Berlin")


def test_numbers_have_the_marks_of_their_language() -> None:
    amount = Money(Decimal("1234567.5"), "EUR")
    assert (ENGLISH.money(amount), GERMAN.money(amount)) == ("€1,234,567.50", "1.234.567,50 €")
    assert (ENGLISH.money(-amount), GERMAN.money(-amount)) == ("−€1,234,567.50", "−1.234.567,50 €")
    francs = Money(Decimal(5), "CHF")
    assert (ENGLISH.money(francs), GERMAN.money(francs)) == ("CHF 5.00", "5,00 CHF")
    assert ENGLISH.amount(Money(Decimal(1234), "JPY")) == "1,234"
    assert ENGLISH.amount(Money(Decimal("-0.5"), "EUR")) == "−0.50"
    assert (ENGLISH.kwh(Decimal("1234567.5")), GERMAN.kwh(Decimal(500))) == ("1,234.568", "0,500")
    assert ENGLISH.kwh(None) == "–"
    assert GERMAN.percent(Decimal("8.1")) == "8,1"
    assert GERMAN.percent(Decimal(90)) == "90"
    assert ENGLISH.percent(Decimal("87.25")) == "87.25"
    assert GERMAN.count(12345) == "12.345"


def test_an_amount_that_was_not_rounded_is_not_printed() -> None:
    with pytest.raises(AssertionError):
        ENGLISH.amount(Money(Decimal("1.005"), "EUR"))


def test_days_and_months_are_written_as_people_write_them() -> None:
    assert (ENGLISH.month("2026-03"), GERMAN.month("2026-03")) == ("March 2026", "März 2026")
    day = date(2026, 11, 3)
    assert (ENGLISH.day(day), GERMAN.day(day)) == ("3 November 2026", "03.11.2026")


def test_moments_are_exact_and_in_the_payees_zone() -> None:
    moment = datetime(2026, 10, 31, 23, 30, 5, tzinfo=UTC)
    assert ENGLISH.moment(moment) == "2026-11-01 00:30:05"
    assert GERMAN.moment(moment) == "01.11.2026 00:30:05"
    assert ENGLISH.local_day(moment) == date(2026, 11, 1)


def test_the_hour_that_comes_twice_is_told_apart_and_explained() -> None:
    words = Words("de", "Europe/Berlin")
    assert words.zone_note() == "Alle Zeiten in Europe/Berlin"
    assert words.moment(datetime(2026, 10, 25, 0, 30, tzinfo=UTC)) == "25.10.2026 02:30:00 A"
    assert words.moment(datetime(2026, 10, 25, 1, 30, tzinfo=UTC)) == "25.10.2026 02:30:00 B"
    assert words.moment(datetime(2026, 10, 25, 2, 30, tzinfo=UTC)) == "25.10.2026 03:30:00"
    assert "doppelten Stunde" in words.zone_note()


@pytest.mark.parametrize("words", [ENGLISH, GERMAN])
def test_everything_that_can_stand_on_a_paper_has_words(words: Words) -> None:
    said = [
        *(words.reason(reason.value) for reason in HoldReason),
        words.reason("void"),
        *(words.gap(gap) for gap in GapExplanation),
        *(words.state(state) for state in StatementState),
        *(words.charge_class(each) for each in ChargeClass),
        *(words.class_name(each) for each in ChargeClass),
    ]
    assert all(said)
    assert not {reason.value for reason in HoldReason} & set(said)
    assert words.reason("something_new") == "something_new"


def test_every_text_exists_in_every_language() -> None:
    for texts in statement_words._TEXTS.values():
        assert len(texts) == len(LANGUAGES)
        assert all(texts)


def test_the_tax_status_has_its_sentence() -> None:
    assert GERMAN.note(TaxStatus.STANDARD) is None
    assert "Steuerschuldnerschaft" in (GERMAN.note(TaxStatus.REVERSE_CHARGE) or "")
    assert "small business" in (ENGLISH.note(TaxStatus.SMALL_BUSINESS) or "")
    assert "private" in (ENGLISH.note(TaxStatus.PRIVATE) or "")
