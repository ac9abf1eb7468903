"""A document as CSV: the twin of the paper, agreeing to the cent.

One table: the lines, the tax by category and rate, and the total. Amounts are decimal strings in
the document's currency, days are ISO 8601.
"""

import csv
import io
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from billing.documents import Document
from billing.statement_forms import cell, rate_text

CSV_COLUMNS: Final = (
    "number",
    "type_code",
    "issued_on",
    "currency",
    "record",
    "position",
    "text",
    "reference",
    "first_day",
    "last_day",
    "quantity",
    "unit",
    "unit_price",
    "vat_category",
    "vat_rate",
    "net_amount",
    "vat_amount",
    "gross_amount",
    "reason",
    "due_on",
    "prepaid_amount",
    "due_amount",
)
"""The columns; `record` says what a row is: `line`, `vat` (the tax of a category and rate) or
`total` (what is owed, what of it was paid before, what is left, the period and the due date)."""


def document_csv(document: Document) -> str:
    """Return the CSV form (RFC 4180, with a head), the same for the same document."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    head = {
        "number": document.number,
        "type_code": document.type_code,
        "issued_on": document.issued_on.isoformat(),
        "currency": document.currency,
    }
    for row in _rows(document):
        writer.writerow(head | row)
    return text.getvalue()


def _rows(document: Document) -> Iterator[dict[str, Any]]:
    for line in document.lines:
        yield {
            "record": "line",
            "position": line.position,
            "text": cell(line.text),
            "reference": cell(line.reference or ""),
            "first_day": _day(line.first_day),
            "last_day": _day(line.last_day),
            "quantity": f"{line.quantity:f}",
            "unit": line.unit,
            "unit_price": f"{line.unit_price:f}",
            "vat_category": line.vat_category.value,
            "vat_rate": rate_text(line.vat_rate),
            "net_amount": line.net.text,
        }
    for vat in document.vat:
        yield {
            "record": "vat",
            "vat_category": vat.category.value,
            "vat_rate": rate_text(vat.rate),
            "net_amount": vat.net.text,
            "vat_amount": vat.amount.text,
            "reason": cell(vat.reason or ""),
        }
    yield {
        "record": "total",
        "first_day": _day(document.first_day),
        "last_day": _day(document.last_day),
        "net_amount": document.net.text,
        "vat_amount": document.tax.text,
        "gross_amount": document.gross.text,
        "due_on": _day(document.due_on),
        "prepaid_amount": "" if document.prepaid is None else document.prepaid.text,
        "due_amount": document.due.text,
    }


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()
