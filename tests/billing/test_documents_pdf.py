"""A document on paper: fit for an archive, every figure of the XML on it, in both languages."""

import io
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from pypdf import PdfReader

from billing.documents import Document, VatCategory
from billing.documents_pdf import document_pdf
from billing.einvoice import invoice_xml
from billing.statement_words import Words
from foundation.money import Money
from tests.billing.archive_rules import must_be_archivable
from tests.billing.test_documents import ISSUER, document, line
from tests.billing.test_einvoice import KINDS, TAXES, untaxed


def text_of(made: Document) -> str:
    pages = PdfReader(io.BytesIO(document_pdf(made))).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tax", TAXES)
def test_every_document_is_fit_for_an_archive_with_its_xml_inside(kind: str, tax: str) -> None:
    made = replace(TAXES[tax], **KINDS[kind])
    must_be_archivable(document_pdf(made), invoice=invoice_xml(made))


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_figure_stands_on_the_paper_in_the_recipients_language(language: str) -> None:
    lines = [line(n, f"{n}.25", "19" if n % 2 else "7", text=f"Item {n}") for n in range(1, 80)]
    made = document(*lines, language=language, notes=("A note of ours.",))
    text = text_of(made)
    words = Words(language, "UTC")
    for each in lines:
        assert f"{words.amount(each.net)} {each.vat_rate} {words.amount(each.net)}" in text
    for amount in (made.net, made.gross, *(tax.amount for tax in made.vat)):
        assert words.money(amount) in text
    assert made.number in text
    assert words.day(date(2026, 11, 14)) in text
    assert "A note of ours." in text
    assert ("Rechnung" if language == "de" else "Invoice") in text


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("invoice", ["Rechnung", "Zu zahlen", "Auf das Konto von Stadtwerke Musterstadt"]),
        ("credit_note", ["Gutschrift", "Wir zahlen Ihnen", "Auf das Konto von Bäckerei Huber"]),
        ("cancelled_invoice", ["Stornobeleg", "Hebt auf RE-1 vom 30.10.2026"]),
    ],
)
def test_a_paper_says_what_it_is_and_who_pays(kind: str, said: list[str]) -> None:
    text = text_of(replace(document(), **KINDS[kind]))
    for each in said:
        assert each in text
    assert ("IBAN" in text) == (kind != "cancelled_invoice")


def test_who_charges_no_vat_shows_none_and_says_why() -> None:
    text = text_of(untaxed(VatCategory.E))
    assert "Kleinunternehmer nach § 19 UStG" in text
    assert "USt. 0" not in text
    assert "USt. 19 % auf 100,00 €" in text_of(document())


def test_prices_periods_units_and_long_words_are_shown_whole() -> None:
    power = line(
        1,
        "4.92",
        text="Laden " + "an vielen Stationen " * 9 + "ENDE",
        quantity=Decimal("12.293"),
        unit="KWH",
        unit_price=Decimal("0.4005"),
        first_day=date(2026, 10, 3),
        last_day=date(2026, 10, 29),
    )
    text = text_of(document(power, line(2, "5.00", unit="XPK")))
    for each in ("12,293", "kWh", "0,4005", "03.10.2026 – 29.10.2026", "ENDE", "XPK"):
        assert each in text


def test_the_country_stands_in_an_address_abroad_only() -> None:
    assert " AT " not in text_of(document())
    assert " AT " in text_of(document(issuer=replace(ISSUER, country="AT")))


def test_the_same_document_is_the_same_file() -> None:
    assert document_pdf(document()) == document_pdf(document())


def test_what_was_paid_before_stands_below_the_total() -> None:
    some = replace(document(), prepaid=Money(Decimal("19.00"), "EUR"))
    text = text_of(some)
    for each in ("Bereits gezahlt −19,00 €", "Zu zahlen 100,00 €", "bis 14.11.2026", "IBAN"):
        assert each in text
    nothing_left = replace(document(), prepaid=some.gross, due_on=None, payment_terms=None)
    text = text_of(nothing_left)
    assert "Zu zahlen 0,00 €" in text
    assert "IBAN" not in text
    assert "Bereits gezahlt" not in text_of(document())
