"""The forms of a document: its files, made once and kept as they are.

Every form is drawn from the same value. What was made goes out again byte by byte, with its
SHA-256.
"""

import asyncio
import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from billing import document_store
from billing.document_csv import document_csv
from billing.documents import Document, DocumentKind
from billing.documents_pdf import document_pdf
from billing.einvoice import invoice_xml
from billing.statement_forms import moment_text, number
from foundation.errors import NotFound
from foundation.money import Money

JSON: Final = "json"
SESSIONS: Final = "sessions.csv"
"""The sessions of an invoice, one a row; the CSV that goes with it."""

MEDIA_TYPES: Final[Mapping[str, str]] = {
    "pdf": "application/pdf",
    "xml": "application/xml",
    "csv": "text/csv",
    JSON: "application/json",
    SESSIONS: "text/csv",
}


def document_json(document: Document) -> bytes:
    """Return a document as JSON: amounts as text with the currency's digits."""
    value = msgspec.to_builtins(document)
    value["type_code"] = document.type_code
    value["seller"] = document.seller.key
    return msgspec.json.encode(_plain(value), order="sorted")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"amount", "currency"}:
            return value["amount"]
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


MADE: Mapping[str, Callable[[Document], bytes]] = {
    "pdf": document_pdf,
    "xml": invoice_xml,
    "csv": lambda document: document_csv(document).encode(),
    JSON: document_json,
}
"""How each form is made of a document."""

SESSION_COLUMNS: Final = (
    "position",
    "line",
    "transaction_id",
    "station",
    "evse_id",
    "id_token",
    "started_at",
    "ended_at",
    "energy_wh",
    "vat_rate",
    "net_amount",
    "currency",
)


def sessions_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the sessions of an invoice; what it takes back has a negative energy and amount."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(SESSION_COLUMNS)
    for row in rows:
        writer.writerow(
            (
                row["position"],
                row["line"],
                row["transaction_id"],
                row["station"],
                row["evse_id"],
                row["id_token"] or "",
                moment_text(row["started_at"]),
                moment_text(row["ended_at"]),
                number(row["energy_wh"] * row["sign"]),
                number(row["vat_rate"]),
                Money.from_minor(row["net_minor"], row["currency"]).text,
                row["currency"],
            )
        )
    return out.getvalue().encode()


@dataclass(frozen=True, slots=True)
class File:
    """A form of a document as it goes out."""

    name: str
    media_type: str
    content: bytes
    sha256: str


def forms_of(document: Document) -> tuple[str, ...]:
    """Return the forms that a document has."""
    more = (SESSIONS,) if document.kind is DocumentKind.INVOICE else ()
    return (*MADE, *more)


async def file(db: AsyncSession, document: Document, form: str, *, now: datetime) -> File:
    """Return a form of a document; it is made the first time and kept.

    Raises:
        NotFound: If a document of its kind has no such form.
    """
    if form not in forms_of(document):
        raise NotFound("form", form)
    row = await document_store.file(db, document.number, form)
    if row is None:
        if form == SESSIONS:
            content = sessions_csv(await document_store.session_rows(db, document.number))
        else:
            content = await asyncio.to_thread(MADE[form], document)
        await document_store.add_file(db, document.number, form, content, now=now)
        row = await document_store.file(db, document.number, form)
    assert row is not None
    name = f"{document.number}.{form}" if form != SESSIONS else f"{document.number}-{form}"
    return File(name, MEDIA_TYPES[form], row.content, row.sha256)
