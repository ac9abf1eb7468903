"""A document on paper, in the recipient's language: a `Document` in, a PDF/A-3 file out.

The file has the document's XML inside (Factur-X, profile EN 16931) and says the same. The layout is
that of our statements.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Final

from billing.archive_pdf import FACTURX_NAME, Enclosure
from billing.documents import Document, DocumentKind, DocumentLine, Party, VatCategory
from billing.einvoice import invoice_xml
from billing.paper_pdf import (
    GAP,
    LEFT,
    MUTED,
    RIGHT,
    ROW,
    SIZE,
    STRONG,
    Column,
    Paper,
    columns_of,
    draw_amount,
    draw_letterhead,
    draw_row,
    draw_table_head,
    in_fours,
    wrapped,
)
from billing.statement_words import Words

_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "invoice": ("Invoice", "Rechnung"),
    "credit_note": ("Credit note (self-billing)", "Gutschrift"),
    "cancellation": ("Cancellation", "Stornobeleg"),
    "number": ("Number", "Nummer"),
    "issued": ("Date", "Datum"),
    "period": ("Period", "Zeitraum"),
    "due": ("Due", "Fällig"),
    "takes_back": ("Takes back", "Hebt auf"),
    "of_day": ("{number} of {day}", "{number} vom {day}"),
    "your_vat_id": ("Your VAT ID", "Ihre USt-IdNr."),
    "your_tax_number": ("Your tax number", "Ihre Steuernummer"),
    "vat_id": ("VAT ID", "USt-IdNr."),
    "tax_number": ("Tax number", "Steuernummer"),
    "position": ("No.", "Pos."),
    "text": ("Description", "Leistung"),
    "quantity": ("Quantity", "Menge"),
    "unit": ("Unit", "Einheit"),
    "price": ("Price", "Preis"),
    "rate": ("VAT %", "USt. %"),
    "net": ("Net", "Netto"),
    "lines": ("What it is about", "Positionen"),
    "amounts": ("amounts in {currency}", "Beträge in {currency}"),
    "sum_net": ("Net", "Netto"),
    "tax": ("VAT {rate} % on {net}", "USt. {rate} % auf {net}"),
    "sum_gross": ("Total", "Gesamt"),
    "prepaid": ("Paid before", "Bereits gezahlt"),
    "to_pay": ("To be paid", "Zu zahlen"),
    "we_pay": ("We pay you", "Wir zahlen Ihnen"),
    "credited": ("Taken back", "Zurückgenommen"),
    "due_by": ("by {day}", "bis {day}"),
    "account": (
        "To {name}, IBAN {iban}, reference {number}.",
        "Auf das Konto von {name}, IBAN {iban}, Verwendungszweck {number}.",
    ),
    "attached": ("The document as XML (EN 16931)", "Der Beleg als XML (EN 16931)"),
}

_UNITS: Final[Mapping[str, tuple[str, str]]] = {
    "C62": ("pc.", "St."),
    "H87": ("pc.", "St."),
    "KWH": ("kWh", "kWh"),
    "MIN": ("min", "min"),
    "HUR": ("h", "h"),
    "DAY": ("day", "Tag"),
    "MON": ("month", "Monat"),
    "ANN": ("year", "Jahr"),
}
"""How units of UN/ECE recommendation 20 read; another one reads as its code."""


class _Form:
    """The words of a document's form in its language; numbers as on our statements."""

    def __init__(self, language: str) -> None:
        self._index = 1 if language == "de" else 0
        self.words = Words(language, "UTC")  # no moment stands on a document, only days

    def __call__(self, key: str, **values: object) -> str:
        return _TEXTS[key][self._index].format(**values)

    def unit(self, code: str) -> str:
        return _UNITS[code][self._index] if code in _UNITS else code

    def number(self, value: Decimal) -> str:
        """Return a number with as many decimals as it has."""
        digits = max(0, -int(value.normalize().as_tuple().exponent))
        return self.words.decimal(value, digits)

    def price(self, value: Decimal) -> str:
        """Return a price with two decimals, or more if it has more."""
        digits = max(2, -int(value.normalize().as_tuple().exponent))
        return self.words.decimal(value, digits)


def document_pdf(document: Document) -> bytes:
    """Return the document as a PDF/A-3 file with its XML inside, the same for the same document."""
    form = _Form(document.language)
    title = form(document.kind.value)
    paper = Paper((title, document.recipient.name, document.number))
    _head(paper, document, form, title)
    _lines(paper, document, form)
    _sums(paper, document, form)
    _closing_words(paper, document, form)
    return paper.to_bytes(
        language=document.language,
        title=f"{title} {document.number}",
        author=document.issuer.name,
        subject=f"{title} {document.number}, {document.recipient.name}",
        note=document.issuer.name,
        numbering=lambda page, pages: form.words("page", page=page, pages=pages),
        created_at=datetime.combine(document.issued_on, time(), UTC),
        enclosures=[
            Enclosure(
                FACTURX_NAME, "text/xml", invoice_xml(document), "Alternative", form("attached")
            )
        ],
    )


def _head(paper: Paper, document: Document, form: _Form, title: str) -> None:
    issuer, recipient = document.issuer, document.recipient
    contact = [each for each in (issuer.email, issuer.phone) if each]
    numbers = [
        f"{form(name)} {number}"
        for name, number in (("vat_id", issuer.vat_id), ("tax_number", issuer.tax_number))
        if number
    ]
    is_abroad = issuer.country != recipient.country
    about = (*_address(issuer, is_abroad), " · ".join(contact), " · ".join(numbers))
    draw_letterhead(
        paper,
        issuer.name,
        [line for line in about if line],
        (recipient.name, *_address(recipient, is_abroad)),
        _facts(document, form),
    )
    paper.text(LEFT, f"{title} {document.number}", font=STRONG, size=20)
    paper.down(20)
    label = {
        DocumentKind.INVOICE: "to_pay",
        DocumentKind.CREDIT_NOTE: "we_pay",
        DocumentKind.CANCELLATION: "credited",
    }[document.kind]
    hint = ""
    if document.due_on is not None and document.due.amount > 0:
        hint = form("due_by", day=form.words.day(document.due_on))
    draw_amount(paper, form(label), hint, form.words.money(document.due))


def _facts(document: Document, form: _Form) -> Iterator[tuple[str, str]]:
    words = form.words
    yield form("number"), document.number
    yield form("issued"), words.day(document.issued_on)
    yield form("period"), _span(document.first_day, document.last_day, form)
    if document.due_on is not None:
        yield form("due"), words.day(document.due_on)
    if document.cancels is not None:
        text = document.cancels
        if document.cancels_issued_on is not None:
            day = words.day(document.cancels_issued_on)
            text = form("of_day", number=document.cancels, day=day)
        yield form("takes_back"), text
    if document.recipient.vat_id:
        yield form("your_vat_id"), document.recipient.vat_id
    if document.recipient.tax_number:
        yield form("your_tax_number"), document.recipient.tax_number


def _lines(paper: Paper, document: Document, form: _Form) -> None:
    """Draw the lines over as many pages as they take, the head of the table on each."""
    columns = columns_of(
        (form("position"), 26, "left"),
        (form("text"), 233, "left"),
        (form("quantity"), 58, "right"),
        ("", 8, "left"),
        (form("unit"), 38, "left"),
        (form("price"), 52, "right"),
        (form("rate"), 34, "right"),
        (form("net"), 50.3, "right"),
    )
    paper.text(LEFT, form("lines"), font=STRONG, size=11)
    unit = form("amounts", currency=document.currency)
    paper.text(RIGHT, unit, size=7.4, colour=MUTED, align="right")
    paper.down(19)
    draw_table_head(paper, columns)
    for line in document.lines:
        texts = wrapped(line.text, columns[1].width - GAP)
        if not paper.room_for((len(texts) + 1) * (ROW - 3) + 8):
            paper.turn()
            draw_table_head(paper, columns)
        _line(paper, columns, line, texts, form)
    paper.down(8)


def _line(
    paper: Paper, columns: Sequence[Column], line: DocumentLine, texts: Sequence[str], form: _Form
) -> None:
    has_rate = line.vat_category in (VatCategory.S, VatCategory.Z)
    cells = (
        str(line.position),
        texts[0],
        form.number(line.quantity),
        "",
        form.unit(line.unit),
        form.price(line.unit_price),
        form.words.percent(line.vat_rate) if has_rate else "\N{EN DASH}",
        form.words.amount(line.net),
    )
    draw_row(paper, columns, cells)
    for text in texts[1:]:
        paper.down(ROW - 3)
        paper.text(columns[1].x, text)
    if line.first_day is not None and line.last_day is not None:
        paper.down(ROW - 3)
        paper.text(columns[1].x, _span(line.first_day, line.last_day, form), colour=MUTED)
    paper.rule(y=paper.y - 4)
    paper.down(ROW)


def _sums(paper: Paper, document: Document, form: _Form) -> None:
    words = form.words
    rows = [(form("sum_net"), document.net)]
    rows += [
        (form("tax", rate=words.percent(tax.rate), net=words.money(tax.net)), tax.amount)
        for tax in document.vat
        # Where no tax is due, none is shown, not even a rate of zero.
        if tax.category is VatCategory.S
    ]
    if not paper.room_for((len(rows) + 5) * ROW):
        paper.turn()
    label_x = RIGHT - 230
    for label, amount in rows:
        paper.text(label_x, label)
        paper.text(RIGHT, words.money(amount), align="right")
        paper.down(ROW)
    paper.rule(x0=label_x, y=paper.y + 8.5, width=0.7, colour=MUTED)
    paper.down(3)
    paper.text(label_x, form("sum_gross"), font=STRONG, size=10)
    paper.text(RIGHT, words.money(document.gross), font=STRONG, size=10, align="right")
    if document.prepaid is not None:
        paper.down(ROW)
        paper.text(label_x, form("prepaid"))
        paper.text(RIGHT, words.money(-document.prepaid), align="right")
        paper.down(ROW)
        paper.text(label_x, form("to_pay"), font=STRONG, size=10)
        paper.text(RIGHT, words.money(document.due), font=STRONG, size=10, align="right")
    paper.down(26)


def _closing_words(paper: Paper, document: Document, form: _Form) -> None:
    """Draw why no tax is due, how the amount is paid, and the notes."""
    texts = [tax.reason for tax in document.vat if tax.reason]
    if document.payment_terms:
        texts.append(document.payment_terms)
    seller = document.seller
    is_asked_for = document.prepaid is None or document.due.amount > 0
    if seller.iban and document.kind is not DocumentKind.CANCELLATION and is_asked_for:
        texts.append(
            form(
                "account",
                name=seller.name,
                iban=in_fours(seller.iban) + (f", BIC {seller.bic}" if seller.bic else ""),
                number=document.number,
            )
        )
    for text in (*texts, *document.notes):
        lines = wrapped(text, RIGHT - LEFT, size=SIZE + 0.6)
        if not paper.room_for(len(lines) * 12):
            paper.turn()
        for each in lines:
            paper.text(LEFT, each, size=SIZE + 0.6)
            paper.down(12)
        paper.down(4)


def _span(first_day: date, last_day: date, form: _Form) -> str:
    first, last = form.words.day(first_day), form.words.day(last_day)
    return first if first == last else f"{first} \N{EN DASH} {last}"


def _address(party: Party, is_abroad: bool) -> list[str]:
    """Return the lines of an address; the country only where the two parties' differ."""
    town = f"{party.postcode} {party.city}".strip()
    lines = [*party.street.splitlines(), town, party.country if is_abroad else ""]
    return [each for each in lines if each]
