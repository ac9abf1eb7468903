"""Documents as values: the sums of the norm, and what is refused."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.documents import (
    Document,
    DocumentDoesNotHold,
    DocumentKind,
    DocumentLine,
    Party,
    VatCategory,
    check,
    vat_lines,
)
from foundation.money import Money, total

ISSUER = Party(
    key="organisation/operator",
    name="Stadtwerke Musterstadt",
    street="Marktplatz 1",
    postcode="10115",
    city="Berlin",
    country="DE",
    vat_id="DE136695976",
    iban="DE89370400440532013000",
    language="de",
)
RECIPIENT = Party(
    key="contact/1",
    name="Bäckerei Huber",
    street="Hauptstraße 5",
    postcode="80331",
    city="München",
    country="DE",
    vat_id="DE129273398",
    language="de",
)


def line(position: int, net: str, rate: str = "19", **changes: object) -> DocumentLine:
    """Return a line of quantity 1, or -1 for a negative amount."""
    amount = Decimal(net)
    fields: dict[str, object] = {
        "position": position,
        "text": "Charging",
        "quantity": Decimal(-1 if amount < 0 else 1),
        "unit": "C62",
        "unit_price": abs(amount),
        "net": Money(amount, "EUR"),
        "vat_category": VatCategory.S,
        "vat_rate": Decimal(rate),
    }
    return DocumentLine(**(fields | changes))  # type: ignore[arg-type]


def document(*lines: DocumentLine, **changes: object) -> Document:
    """Return an invoice over the lines, with sums that hold."""
    of = lines or (line(1, "100.00"),)
    vat = vat_lines(of, "EUR")
    net = total((each.net for each in of), "EUR")
    tax = total((each.amount for each in vat), "EUR")
    fields: dict[str, object] = {
        "number": "RE-2026-000001",
        "kind": DocumentKind.INVOICE,
        "issued_on": date(2026, 10, 31),
        "due_on": date(2026, 11, 14),
        "first_day": date(2026, 10, 1),
        "last_day": date(2026, 10, 31),
        "issuer": ISSUER,
        "recipient": RECIPIENT,
        "currency": "EUR",
        "language": "de",
        "lines": of,
        "vat": vat,
        "net": net,
        "tax": tax,
        "gross": net + tax,
    }
    return Document(**(fields | changes))  # type: ignore[arg-type]


@given(
    st.lists(
        st.tuples(st.integers(-(10**7), 10**7), st.sampled_from(["19", "7", "20"])), min_size=1
    )
)
def test_the_sums_of_a_document_always_hold(amounts: list[tuple[int, str]]) -> None:
    lines = [
        line(place, str(Decimal(cents).scaleb(-2)), rate)
        for place, (cents, rate) in enumerate(amounts, start=1)
    ]
    made = document(*lines)
    check(made)
    assert made.gross == made.net + total((each.amount for each in made.vat), "EUR")


def test_an_invoice_has_its_issuer_as_seller_and_a_credit_note_its_recipient() -> None:
    invoice = document()
    credit_note = document(kind=DocumentKind.CREDIT_NOTE)

    assert (invoice.seller, invoice.buyer, invoice.type_code) == (ISSUER, RECIPIENT, "380")
    assert (credit_note.seller, credit_note.buyer) == (RECIPIENT, ISSUER)
    assert credit_note.type_code == "389"


@pytest.mark.parametrize(
    ("of", "code"), [(DocumentKind.INVOICE, "381"), (DocumentKind.CREDIT_NOTE, "261")]
)
def test_a_counter_document_is_a_credit_note_with_positive_amounts(
    of: DocumentKind, code: str
) -> None:
    made = document(kind=DocumentKind.CANCELLATION, cancels="RE-1", cancels_kind=of, due_on=None)
    check(made)
    assert made.type_code == code
    assert made.seller_is_recipient == (of is DocumentKind.CREDIT_NOTE)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"net": Money(Decimal("99.99"), "EUR")}, "BR-CO-10"),
        ({"tax": Money(Decimal("18.99"), "EUR")}, "BR-CO-14"),
        ({"gross": Money(Decimal("119.01"), "EUR")}, "BR-CO-15"),
        ({"vat": ()}, "BR-CO-18"),
        ({"due_on": None}, "BR-CO-25"),
        ({"number": ""}, "BR-02"),
        ({"last_day": date(2026, 9, 30)}, "BR-29"),
        ({"issuer": replace(ISSUER, vat_id=None)}, "BR-S-02"),
        ({"cancels": "RE-0"}, "only a counter-document"),
        ({"kind": DocumentKind.CANCELLATION}, "names what it takes back"),
        ({"recipient": replace(RECIPIENT, name="", country="")}, "BR-07"),
    ],
)
def test_a_document_that_does_not_hold_is_refused_with_the_rule(
    changes: dict[str, object], rule: str
) -> None:
    check(document())
    with pytest.raises(DocumentDoesNotHold, match=rule):
        check(document(**changes))


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ((line(1, "1.00", quantity=Decimal(-1), unit_price=Decimal(-1)),), "BR-27"),
        ((line(1, "1.00", unit_price=Decimal(2)),), "quantity times price"),
        ((line(2, "1.00"),), "its position is 2"),
        ((line(1, "1.00", "0"),), "BR-S-05"),
        ((line(1, "1.00", "19", vat_category=VatCategory.E),), "BR-E-05"),
        ((line(1, "1.00", "0", vat_category=VatCategory.AE),), "BR-AE-10"),
        (
            (line(1, "1.00", "0", vat_category=VatCategory.O), line(2, "1.00")),
            "BR-O-11",
        ),
    ],
)
def test_a_line_that_does_not_hold_is_refused_with_the_rule(
    lines: tuple[DocumentLine, ...], rule: str
) -> None:
    with pytest.raises(DocumentDoesNotHold, match=rule):
        check(document(*lines))


def test_reverse_charge_needs_the_vat_id_of_both() -> None:
    lines = (line(1, "10.00", "0", vat_category=VatCategory.AE),)
    vat = vat_lines(lines, "EUR", reasons={VatCategory.AE: ("Reverse charge", "VATEX-EU-AE")})
    check(document(*lines, vat=vat))
    with pytest.raises(DocumentDoesNotHold, match="BR-AE-02"):
        check(document(*lines, vat=vat, recipient=replace(RECIPIENT, vat_id=None)))


def test_tax_lines_are_summed_again_by_category_and_rate() -> None:
    made = document(line(1, "10.00"), line(2, "20.00", "7"))
    swapped = tuple(replace(each, net=Money(Decimal("15.00"), "EUR")) for each in made.vat)
    with pytest.raises(DocumentDoesNotHold, match="BR-45"):
        check(replace(made, vat=swapped))
    wrong = (replace(made.vat[0], amount=Money(Decimal("9.00"), "EUR")), made.vat[1])
    with pytest.raises(DocumentDoesNotHold, match="BR-CO-17"):
        check(replace(made, vat=wrong))


def test_a_document_has_a_line() -> None:
    made = replace(document(), lines=())
    with pytest.raises(DocumentDoesNotHold, match="BR-16"):
        check(made)
