"""The sentences of papers: every kind of charge has its words, in both languages."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from billing.cdr import ChargeClass
from billing.charges import BookedCharge, Charge, ChargeKind
from billing.document_words import CHARGES, LANGUAGES, REASONS, DocumentWords
from billing.documents import DocumentKind
from billing.vat import TaxReason
from foundation.money import Money


def booked(kind: ChargeKind, about: str | None = "station/S1", **details: str) -> BookedCharge:
    charge = Charge(
        key="x",
        kind=kind,
        debtor="contact/1",
        quantity=Decimal(1),
        unit="C62",
        net=Money.zero("EUR"),
        first_day=date(2026, 10, 1),
        last_day=date(2026, 10, 31),
        about=about,
        details=details,
    )
    return BookedCharge(
        id=1, charge=charge, booked_at=datetime(2026, 10, 1, tzinfo=UTC), document=None
    )


def test_every_charge_and_reason_has_words_in_both_languages() -> None:
    assert set(CHARGES) == set(ChargeKind)
    assert set(REASONS) == set(TaxReason)
    for language in LANGUAGES:
        words = DocumentWords(language)
        for kind in ChargeKind:
            assert "{" not in words.charge(booked(kind))
        assert all(words.title(kind) for kind in DocumentKind)


@pytest.mark.parametrize(
    ("language", "text", "day", "amount"),
    [
        ("en", "Monitoring, station S1", "2026-10-31", "1234.50"),
        ("de", "Betriebsführung, Station S1", "31.10.2026", "1234,50"),
    ],
)
def test_each_language_has_its_own_signs(language: str, text: str, day: str, amount: str) -> None:
    words = DocumentWords(language)
    assert words.charge(booked(ChargeKind.MONITORING)) == text
    assert words.day(date(2026, 10, 31)) == day
    assert words.money(Money(Decimal("1234.5"), "EUR")) == amount


def test_what_a_charge_does_not_say_reads_as_nothing() -> None:
    words = DocumentWords("de")
    assert words.charge(booked(ChargeKind.MAINTENANCE, about=None)) == "Jährliche Wartung"
    assert words.charge(booked(ChargeKind.CREDITS, name="500")) == "Credits 500"


def test_lines_over_sessions_count_them() -> None:
    german, english = DocumentWords("de"), DocumentWords("en")
    one = {"sessions": 1, "energy_wh": Decimal(1500)}
    assert german.medium(None, **one) == "Laden, ohne Medium: 1 Ladevorgang, 1,5 kWh"  # type: ignore[arg-type]
    assert english.aggregated(sessions=0, energy_wh=Decimal(0)) == "Charging: 0 sessions, 0 kWh"
    group = german.group(ChargeClass.EXTERNAL, 9000, sessions=2, energy_wh=Decimal(1000))
    assert group == "Ladeerlöse, fremde Ladekarten, 90 %: 2 Ladevorgänge, 1 kWh"
    assert english.discount(250) == "Discount of 2.5 % on community sessions"
