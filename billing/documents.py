"""Documents: an invoice, a credit note or a counter-document as one value, and whether it holds.

Every form of a document (PDF, XML, CSV, JSON) is drawn from this value, and `check` is what it has
to satisfy before it gets a number: every sum by the rules of the European norm, so that no form can
say something else than another.

A credit note here is the German Gutschrift: an invoice that the buyer writes (self-billing). So its
seller is its recipient. What takes a document back is a counter-document with the same positive
amounts and the opposite meaning: nothing is ever changed or made negative.

Source: EN 16931-1:2017, 6.4 and 6.5 (business terms and rules, BR-…); UNTDID 1001 (type codes),
UNTDID 5305 (VAT categories); UN/ECE recommendation 20 (units); CEF VATEX code list.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from foundation.errors import InvalidInput
from foundation.money import Money, total


class DocumentKind(StrEnum):
    """What a document is."""

    INVOICE = "invoice"
    """We ask for money for what we sold."""
    CREDIT_NOTE = "credit_note"
    """Self-billing (Gutschrift): we write the invoice that the recipient has to write us."""
    CANCELLATION = "cancellation"
    """The counter-document of either: it takes the whole of it back."""


class VatCategory(StrEnum):
    """How an amount stands to value added tax (UNTDID 5305)."""

    S = "S"
    """The standard rate of a country, or a reduced one."""
    Z = "Z"
    """A rate of zero."""
    E = "E"
    """Exempt, such as a small business."""
    AE = "AE"
    """Reverse charge: the recipient owes the tax."""
    O = "O"  # noqa: E741 - the code list's letter
    """Outside the scope of the tax."""


TYPE_CODE_INVOICE: Final = "380"
TYPE_CODE_CREDIT_NOTE: Final = "381"
TYPE_CODE_SELF_BILLED_INVOICE: Final = "389"
TYPE_CODE_SELF_BILLED_CREDIT_NOTE: Final = "261"


class DocumentDoesNotHold(InvalidInput):
    """A sum or a required entry of the document is not as the norm asks; nothing was issued."""

    code = "document_does_not_hold"

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("The document does not hold: " + "; ".join(problems) + ".")


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who stands on a document, as it was when the document was issued.

    Attributes:
        key: Who it is here: `organisation/bakery`, `provider/DE-MSP`, `contact/17`.
        country: ISO 3166-1 alpha-2.
        vat_id: With the prefix of its country, such as `DE136695976`.
        tax_number: The national one (Steuernummer), where there is no VAT id.
        language: `en` or `de`.
    """

    key: str
    name: str
    street: str
    postcode: str
    city: str
    country: str
    vat_id: str | None = None
    tax_number: str | None = None
    email: str | None = None
    phone: str | None = None
    iban: str | None = None
    bic: str | None = None
    language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLine:
    """One line; a correction has a negative quantity, since a price is never negative (BR-27).

    Attributes:
        position: From 1.
        text: In the document's language.
        unit: Of UN/ECE recommendation 20 (`C62` one, `KWH`, `MON`).
        unit_price: Net, exact, 0 or more.
        net: `quantity` times `unit_price`, rounded half up to the currency's minor unit.
        vat_rate: A percentage.
        reference: What it is about: a contract, a station, a group of sessions.
    """

    position: int
    text: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    net: Money
    vat_category: VatCategory
    vat_rate: Decimal
    first_day: date | None = None
    last_day: date | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VatLine:
    """The tax of all lines of one category and rate.

    Attributes:
        rate: A percentage.
        net: The sum of its lines.
        amount: `net` times the rate, rounded half up once (BR-CO-17).
        reason: Why no tax is due, in the document's language.
        reason_code: The same as a code of the VATEX list.
    """

    category: VatCategory
    rate: Decimal
    net: Money
    amount: Money
    reason: str | None = None
    reason_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """All that stands on a document, in whatever form.

    Attributes:
        issued_on: In the issuer's zone.
        due_on: Until when it is to be paid; None for a counter-document.
        first_day: The first day of what it is about: of its first session, or of its first charge.
        last_day: The last one, included.
        issuer: Who writes it; on a credit note that is the buyer.
        cancels: The number of the document that this one takes back.
        cancels_kind: What that one is.
        notes: Sentences in the document's language that stand below the lines.
        prepaid: What of `gross` was paid before it was issued, on a document that was taken back
            (BT-113); None for nothing.
    """

    number: str
    kind: DocumentKind
    issued_on: date
    due_on: date | None
    first_day: date
    last_day: date
    issuer: Party
    recipient: Party
    currency: str
    language: str
    lines: tuple[DocumentLine, ...]
    vat: tuple[VatLine, ...]
    net: Money
    tax: Money
    gross: Money
    cancels: str | None = None
    cancels_issued_on: date | None = None
    cancels_kind: DocumentKind | None = None
    notes: tuple[str, ...] = ()
    payment_terms: str | None = None
    prepaid: Money | None = None

    @property
    def due(self) -> Money:
        """What is left to pay when it is issued (BT-115)."""
        return self.gross if self.prepaid is None else self.gross - self.prepaid

    @property
    def seller_is_recipient(self) -> bool:
        """Whether it is self-billed: a credit note, or the counter-document of one."""
        return DocumentKind.CREDIT_NOTE in (self.kind, self.cancels_kind)

    @property
    def seller(self) -> Party:
        """Whose sale it is about."""
        return self.recipient if self.seller_is_recipient else self.issuer

    @property
    def buyer(self) -> Party:
        """Who bought."""
        return self.issuer if self.seller_is_recipient else self.recipient

    @property
    def type_code(self) -> str:
        """The code of UNTDID 1001.

        A counter-document is a credit note with positive amounts: 381 takes an invoice back, and
        261, the self-billed credit note, takes a self-billed invoice (389) back.
        """
        if self.kind is DocumentKind.CANCELLATION:
            if self.seller_is_recipient:
                return TYPE_CODE_SELF_BILLED_CREDIT_NOTE
            return TYPE_CODE_CREDIT_NOTE
        if self.kind is DocumentKind.CREDIT_NOTE:
            return TYPE_CODE_SELF_BILLED_INVOICE
        return TYPE_CODE_INVOICE


def vat_lines(
    lines: Iterable[DocumentLine],
    currency: str,
    *,
    reasons: dict[VatCategory, tuple[str | None, str | None]] | None = None,
) -> tuple[VatLine, ...]:
    """Return the tax of the lines by category and rate, each rounded half up once.

    Args:
        reasons: For a category the sentence and the VATEX code why no tax is due.
    """
    nets: dict[tuple[VatCategory, Decimal], Money] = {}
    for line in lines:
        key = line.vat_category, line.vat_rate
        nets[key] = nets.get(key, Money.zero(currency)) + line.net
    found = []
    for (category, rate), net in sorted(nets.items(), key=lambda each: (each[0][0], -each[0][1])):
        reason, reason_code = (reasons or {}).get(category, (None, None))
        found.append(
            VatLine(
                category=category,
                rate=rate,
                net=net,
                amount=tax_on(net, rate),
                reason=reason,
                reason_code=reason_code,
            )
        )
    return tuple(found)


def tax_on(net: Money, rate: Decimal) -> Money:
    """Return the tax of a rate, a percentage, rounded half up."""
    return (net * (rate / 100)).rounded()


def check(document: Document) -> None:
    """Make sure that every sum of the document holds.

    Raises:
        DocumentDoesNotHold: With the rule of EN 16931 behind each thing that does not.
    """
    problems = [*_sums(document), *_taxes(document), *_entries(document)]
    if problems:
        raise DocumentDoesNotHold(problems)


def _sums(document: Document) -> list[str]:
    problems = []
    currency = document.currency
    if not document.lines:
        problems.append("BR-16: it has no line")
    for place, line in enumerate(document.lines, start=1):
        if line.position != place:
            problems.append(f"line {place}: its position is {line.position}")
        if line.unit_price < 0:
            problems.append(f"BR-27: line {place}: a price below zero")
        if Money(line.quantity * line.unit_price, currency).rounded() != line.net:
            problems.append(f"line {place}: quantity times price is not {line.net}")
    if total((line.net for line in document.lines), currency) != document.net:
        problems.append(f"BR-CO-10: the lines do not add up to {document.net}")
    if total((each.amount for each in document.vat), currency) != document.tax:
        problems.append(f"BR-CO-14: the tax lines do not add up to {document.tax}")
    if document.net + document.tax != document.gross:
        problems.append(f"BR-CO-15: net and tax are not {document.gross}")
    if document.prepaid is not None and not (
        document.kind is DocumentKind.INVOICE
        and document.prepaid.amount > 0
        and document.prepaid <= document.gross
    ):
        problems.append(f"BR-CO-16: {document.prepaid} cannot have been paid before")
    return problems


def _taxes(document: Document) -> list[str]:
    problems = []
    expected = {
        (each.category, each.rate): each for each in vat_lines(document.lines, document.currency)
    }
    found = {(each.category, each.rate): each for each in document.vat}
    if len(found) != len(document.vat) or set(found) != set(expected):
        problems.append("BR-CO-18: not one tax line for each category and rate")
    for key, line in found.items():
        if key in expected and line.net != expected[key].net:
            problems.append(f"BR-45: the lines of {key[0]} {key[1]} % do not add up to {line.net}")
        if line.amount != tax_on(line.net, line.rate):
            problems.append(f"BR-CO-17: {line.rate} % of {line.net} is not {line.amount}")
        if line.category is VatCategory.S:
            if line.rate <= 0:
                problems.append("BR-S-05: a standard rate that is not above zero")
        else:
            if line.rate:
                problems.append(f"BR-{line.category}-05: a rate where no tax is due")
            if line.category is not VatCategory.Z and not (line.reason or line.reason_code):
                problems.append(f"BR-{line.category}-10: no reason why no tax is due")
    if any(each.category is VatCategory.O for each in document.vat) and len(found) > 1:
        problems.append("BR-O-11: something else beside what is outside the scope of VAT")
    return problems


def _entries(document: Document) -> list[str]:
    problems = []
    if not document.number:
        problems.append("BR-02: it has no number")
    for party, name in (
        (document.seller, "BR-06: the seller"),
        (document.buyer, "BR-07: the buyer"),
    ):
        if not party.name:
            problems.append(f"{name} has no name")
        if len(party.country) != 2:
            problems.append(f"{name} has no country (BR-09, BR-11)")
    categories = {each.category for each in document.vat}
    seller = document.seller
    taxed = categories & {VatCategory.S, VatCategory.Z, VatCategory.E}
    if taxed and not (seller.vat_id or seller.tax_number):
        problems.append("BR-S-02: the seller has neither VAT id nor tax number")
    if VatCategory.AE in categories and not (seller.vat_id and document.buyer.vat_id):
        problems.append("BR-AE-02: reverse charge needs the VAT id of both")
    if document.last_day < document.first_day:
        problems.append("BR-29: the period ends before it begins")
    if document.kind is DocumentKind.CANCELLATION:
        if document.cancels is None or document.cancels_kind is None:
            problems.append("a counter-document names what it takes back")
    elif document.cancels is not None:
        problems.append("only a counter-document takes something back")
    elif document.due.amount > 0 and document.due_on is None and not document.payment_terms:
        problems.append("BR-CO-25: neither due date nor terms of payment")
    return problems
