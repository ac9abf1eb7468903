"""The CSV twin adds up to the document, to the cent."""

import csv
import io
from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from billing.document_csv import CSV_COLUMNS, document_csv
from billing.documents import Document, VatCategory
from foundation.money import Money
from tests.billing.test_documents import document, line
from tests.billing.test_einvoice import KINDS, untaxed


def rows_of(made: Document, record: str) -> list[dict[str, str]]:
    rows = list(csv.DictReader(io.StringIO(document_csv(made), newline="")))
    return [row for row in rows if row["record"] == record]


def added(rows: list[dict[str, str]], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows), Decimal(0))


@given(
    st.lists(
        st.tuples(st.integers(-(10**7), 10**7), st.sampled_from(["19", "7", "8.1"])), min_size=1
    )
)
def test_lines_and_taxes_add_up_to_the_total(amounts: list[tuple[int, str]]) -> None:
    made = document(
        *(
            line(place, str(Decimal(cents).scaleb(-2)), rate)
            for place, (cents, rate) in enumerate(amounts, start=1)
        )
    )
    lines, taxes, [whole] = (rows_of(made, each) for each in ("line", "vat", "total"))
    assert len(lines) == len(made.lines)
    assert added(lines, "net_amount") == added(taxes, "net_amount") == Decimal(whole["net_amount"])
    assert added(taxes, "vat_amount") == Decimal(whole["vat_amount"])
    assert Decimal(whole["gross_amount"]) == made.gross.amount
    for row in lines:
        worth = Decimal(row["quantity"]) * Decimal(row["unit_price"])
        assert worth == Decimal(row["net_amount"])


def test_every_row_says_whose_it_is_and_a_reason_stands_with_its_tax() -> None:
    made = replace(untaxed(VatCategory.AE), **KINDS["credit_note"])
    text = document_csv(made)
    assert text.splitlines()[0] == ",".join(CSV_COLUMNS)
    assert all(row["number"] == made.number for row in csv.DictReader(io.StringIO(text)))
    assert all(row["type_code"] == "389" for row in csv.DictReader(io.StringIO(text)))
    [tax] = rows_of(made, "vat")
    assert "Steuerschuldnerschaft" in tax["reason"]
    [whole] = rows_of(made, "total")
    assert whole["due_on"] == "2026-11-14"


def test_no_text_is_taken_for_a_formula() -> None:
    [row] = rows_of(document(line(1, "1.00", text="=HYPERLINK(1)", reference="@x")), "line")
    assert row["text"] == "'=HYPERLINK(1)"
    assert row["reference"] == "'@x"


def test_what_was_paid_before_and_what_is_due_stand_with_the_total() -> None:
    [whole] = rows_of(replace(document(), prepaid=Money(Decimal("19.00"), "EUR")), "total")
    assert (whole["prepaid_amount"], whole["due_amount"]) == ("19.00", "100.00")
    [whole] = rows_of(document(), "total")
    assert (whole["prepaid_amount"], whole["due_amount"]) == ("", "119.00")
