"""What a document will say, before it has a number.

Takes what was found to stand on it (sums of sessions, charges, a statement) and returns a draft:
the document as a value, and what is to be booked and marked when it is issued.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from billing.charges import BookedCharge, ChargeKind
from billing.contacts import Contact
from billing.document_words import DocumentWords
from billing.documents import (
    Document,
    DocumentKind,
    DocumentLine,
    Party,
    VatCategory,
    vat_lines,
)
from billing.invoicing_settings import InvoicingSettings
from billing.ledger import LedgerAccount
from billing.statements import GroupTotal, Statement
from billing.vat import (
    VATEX,
    Supply,
    TaxPosition,
    Treatment,
    payee_treatment,
    standard_vat_rate,
    treatment,
)
from foundation.identifiers import OrganisationKey
from foundation.money import Money, total
from foundation.quantities import fraction

ONE = "C62"
"""The unit "one" of UN/ECE recommendation 20."""

_PRICE_DECIMALS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSum:
    """Sessions of one medium and VAT rate that wait for a document.

    Attributes:
        token: As the station wrote it first; None for sessions without one.
        vat_rate: A percentage; None where no single one is known.
        net: Their net revenue, corrections taken off.
        first_at: When the first one started.
        last_at: When the last one ended.
    """

    token: str | None
    vat_rate: Decimal | None
    sessions: int
    energy_wh: Decimal
    net: Money
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What waits for a document to one recipient, in one currency.

    Attributes:
        booked: What the sessions were booked with, tax included, by the account that owes it.
        booked_tax: The tax in that.
    """

    sessions: tuple[SessionSum, ...] = ()
    booked: Mapping[LedgerAccount, Money] = field(default_factory=dict)
    booked_tax: Money
    charges: tuple[BookedCharge, ...] = ()


def apart(owed: Owed) -> tuple[list[BookedCharge], Owed]:
    """Part the orders of credits, each of which has an invoice of its own, from the rest.

    Credits are booked when their invoice is paid, and an order that was paid before pays its own
    invoice and nothing else. An order that was cancelled stays with what takes it back.
    """
    cancelled = {each.charge.details.get("cancels") for each in owed.charges}
    orders = [
        each
        for each in owed.charges
        if each.charge.kind is ChargeKind.CREDITS
        and each.charge.net.amount > 0
        and each.charge.key not in cancelled
    ]
    rest = tuple(each for each in owed.charges if each not in orders)
    return orders, replace(owed, charges=rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A document that has no number yet, and what belongs to it.

    Attributes:
        managing: The organisation that decides who sees it.
        run_key: What it is the one document of.
        owed: What it asks for; None on a credit note.
        lines_of: For (token, VAT rate) of its sessions the position of their line.
        discount: On a credit note what is taken off the statement: net and tax.
        written_again: What the statement owes, where an earlier credit note was taken back.
    """

    document: Document
    prefix: str
    contact_id: int | None
    managing: OrganisationKey
    month: str | None = None
    run_key: str | None = None
    statement_id: str | None = None
    owed: Owed | None = None
    lines_of: Mapping[tuple[str | None, Decimal | None], int] = field(default_factory=dict)
    discount: tuple[Money, Money] | None = None
    written_again: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Who issues: its party on papers, its standing to VAT, its zone and settings."""

    key: OrganisationKey
    party: Party
    credit_note_party: Party
    tax: TaxPosition
    zone: ZoneInfo
    settings: InvoicingSettings


def invoices(
    issuer: Issuer, contact: Contact, owed: Owed, currency: str, *, month: str, now: datetime
) -> list[Draft]:
    """Return the invoices over what a contact owes: one, as far as the norm allows.

    What is outside the scope of VAT stands on an invoice of its own (BR-O-11).

    Raises:
        UnknownVatRate: If tax is due in a country whose rate is not known.
    """
    today = now.astimezone(issuer.zone).date()
    charging = treatment(issuer.tax, contact.tax, Supply.CHARGING, today)
    service = treatment(issuer.tax, contact.tax, Supply.SERVICE, today)
    nothing = Money.zero(currency)
    parts = [owed]
    if (
        owed.sessions
        and owed.charges
        and charging.category is not service.category
        and VatCategory.O in (charging.category, service.category)
    ):
        parts = [
            Owed(sessions=owed.sessions, booked=owed.booked, booked_tax=owed.booked_tax),
            Owed(charges=owed.charges, booked_tax=nothing),
        ]
    return [
        _invoice(
            issuer,
            contact,
            each,
            currency,
            charging=charging,
            service=service,
            month=month,
            part=place,
            today=today,
        )
        for place, each in enumerate(parts, start=1)
    ]


def _invoice(
    issuer: Issuer,
    contact: Contact,
    owed: Owed,
    currency: str,
    *,
    charging: Treatment,
    service: Treatment,
    month: str,
    part: int,
    today: date,
) -> Draft:
    settings = issuer.settings
    language = settings.language(contact.country, contact.language)
    words = DocumentWords(language)
    lines, lines_of = _session_lines(issuer, owed.sessions, charging, words)
    for booked in owed.charges:
        its = treatment(issuer.tax, contact.tax, Supply.SERVICE, booked.charge.last_day)
        lines.append(_charge_line(len(lines) + 1, booked, its, words))
    notes = []
    account = settings.revenue_accounts.get(DocumentKind.INVOICE)
    if account is not None:
        notes.append(words.text("account", account=account))
    due_on = today + timedelta(days=settings.due_days)
    document = _document(
        kind=DocumentKind.INVOICE,
        issuer=issuer.party,
        recipient=contact.party,
        lines=lines,
        treatments=(charging, service),
        period=_period(issuer.zone, owed),
        today=today,
        due_on=due_on,
        currency=currency,
        language=language,
        notes=notes,
        terms=words.text("terms", day=words.day(due_on)),
    )
    return Draft(
        document=document,
        prefix=settings.prefix(DocumentKind.INVOICE),
        contact_id=contact.id,
        managing=contact.managing,
        month=month,
        run_key=f"invoice/{month}/{contact.debtor}/{currency}/{part}",
        owed=owed,
        lines_of=lines_of,
    )


def _session_lines(
    issuer: Issuer,
    sessions: Sequence[SessionSum],
    charging: Treatment,
    words: DocumentWords,
) -> tuple[list[DocumentLine], dict[tuple[str | None, Decimal | None], int]]:
    """Return a line for each medium and rate, or for each rate; and where each sum has gone."""
    together: dict[tuple[str | None, Decimal], list[SessionSum]] = {}
    for each in sessions:
        rate = _rate(issuer, each, charging)
        medium = None if issuer.settings.aggregated_lines else each.token
        together.setdefault((medium, rate), []).append(each)
    lines: list[DocumentLine] = []
    lines_of: dict[tuple[str | None, Decimal | None], int] = {}
    for position, ((medium, rate), group) in enumerate(together.items(), start=1):
        count = sum(each.sessions for each in group)
        energy_wh = sum((each.energy_wh for each in group), Decimal(0))
        text = (
            words.aggregated(sessions=count, energy_wh=energy_wh)
            if issuer.settings.aggregated_lines
            else words.medium(medium, sessions=count, energy_wh=energy_wh)
        )
        net = total((each.net for each in group), group[0].net.currency)
        lines.append(
            _line(
                position,
                text,
                net,
                _at_rate(charging, rate),
                rate,
                first_day=min(each.first_at for each in group).astimezone(issuer.zone).date(),
                last_day=max(each.last_at for each in group).astimezone(issuer.zone).date(),
                reference=medium,
            )
        )
        for each in group:
            lines_of[each.token, each.vat_rate] = position
    return lines, lines_of


def _rate(issuer: Issuer, sessions: SessionSum, charging: Treatment) -> Decimal:
    """Return the rate of sessions: their own, or their end's in the issuer's country."""
    if charging.rate is not None:
        return charging.rate
    if sessions.vat_rate is not None:
        return sessions.vat_rate
    ended_on = sessions.last_at.astimezone(issuer.zone).date()
    return standard_vat_rate(issuer.tax.country, ended_on)


def _at_rate(charging: Treatment, rate: Decimal) -> Treatment:
    """Return how sessions are taxed; a rate of zero has a category of its own (BR-S-05)."""
    if charging.category is VatCategory.S and not rate:
        return replace(charging, category=VatCategory.Z)
    return charging


def _charge_line(
    position: int, booked: BookedCharge, service: Treatment, words: DocumentWords
) -> DocumentLine:
    charge = booked.charge
    assert service.rate is not None, "a service has one rate"
    quantity, price = priced(charge.quantity, charge.net)
    return DocumentLine(
        position=position,
        text=words.charge(booked),
        quantity=quantity,
        unit=charge.unit if quantity in (charge.quantity, -charge.quantity) else ONE,
        unit_price=price,
        net=charge.net,
        vat_category=service.category,
        vat_rate=service.rate,
        first_day=charge.first_day,
        last_day=charge.last_day,
        reference=charge.about,
    )


def priced(quantity: Decimal, net: Money) -> tuple[Decimal, Decimal]:
    """Return quantity and unit price of a line: those that give its net, else 1 times the net.

    A negative amount has a negative quantity, since a price is never negative.
    """
    if quantity and net.amount:
        price = abs(net.amount / quantity)
        if price == price.quantize(Decimal(1).scaleb(-_PRICE_DECIMALS)):
            return abs(quantity).copy_sign(net.amount), price
    return Decimal(1).copy_sign(net.amount), abs(net.amount)


def credit_note(
    issuer: Issuer,
    contact: Contact,
    statement: Statement,
    *,
    period: tuple[date, date],
    is_again: bool = False,
    now: datetime,
) -> Draft:
    """Return the credit note over a statement: the same totals, less the discount that is set.

    Args:
        issuer: Who pays.
        contact: The payee's.
        statement: Without its lines, which the credit note sums up by group.
        period: From the start of its first session to the end of its last one.
        is_again: Whether an earlier credit note over it was taken back.
        now: When.
    """
    settings = issuer.settings
    language = settings.language(contact.country, contact.language)
    words = DocumentWords(language)
    currency = statement.currency
    today = now.astimezone(issuer.zone).date()
    [vat] = statement.vat
    treated = payee_treatment(statement.tax_status, vat.rate)
    lines: list[DocumentLine] = []
    for group in statement.groups:
        text = words.group(
            group.charge_class,
            group.share_bps,
            sessions=group.sessions,
            energy_wh=group.energy_wh,
        )
        lines.append(_line(len(lines) + 1, text, group.payout, treated, vat.rate))
    if not lines:
        lines.append(_line(1, words.text("nothing"), Money.zero(currency), treated, vat.rate))
    discount = community_discount(statement.groups, settings.community_discount_bps, currency)
    if discount.amount:
        text = words.discount(settings.community_discount_bps)
        lines.append(_line(len(lines) + 1, text, -discount, treated, vat.rate))
    notes = [
        words.text("self_billing"),
        words.text("statement", id=statement.statement_id),
    ]
    account = settings.revenue_accounts.get(DocumentKind.CREDIT_NOTE)
    if account is not None:
        notes.append(words.text("account", account=account))
    document = _document(
        kind=DocumentKind.CREDIT_NOTE,
        issuer=issuer.credit_note_party,
        recipient=contact.party,
        lines=lines,
        treatments=(treated,),
        period=period,
        today=today,
        due_on=statement.due_on,
        currency=currency,
        language=language,
        notes=notes,
        terms=words.text("payout_terms", day=words.day(statement.due_on)),
    )
    taken_off = statement.payout_gross - statement.payout_net - document.tax
    return Draft(
        document=document,
        prefix=settings.prefix(DocumentKind.CREDIT_NOTE),
        contact_id=contact.id,
        managing=contact.managing,
        month=statement.month,
        run_key=f"credit_note/{statement.statement_id}",
        statement_id=statement.statement_id,
        discount=(discount, taken_off) if discount.amount else None,
        written_again=statement.payout_gross if is_again else None,
    )


def community_discount(groups: Sequence[GroupTotal], bps: int, currency: str) -> Money:
    """Return what is taken off the external groups, rounded half up; never below zero."""
    external = total(
        (each.payout for each in groups if each.charge_class.value == "external"), currency
    )
    return max(Money.zero(currency), (external * fraction(bps)).rounded())


def _line(
    position: int,
    text: str,
    net: Money,
    treated: Treatment,
    rate: Decimal,
    *,
    first_day: date | None = None,
    last_day: date | None = None,
    reference: str | None = None,
) -> DocumentLine:
    return DocumentLine(
        position=position,
        text=text,
        quantity=Decimal(1).copy_sign(net.amount),
        unit=ONE,
        unit_price=abs(net.amount),
        net=net,
        vat_category=treated.category,
        vat_rate=rate,
        first_day=first_day,
        last_day=last_day,
        reference=reference,
    )


def _period(zone: ZoneInfo, owed: Owed) -> tuple[date, date]:
    """Return the period: from the first session's start to the last one's end.

    Without sessions it is that of the charges.
    """
    if owed.sessions:
        first = min(each.first_at for each in owed.sessions)
        last = max(each.last_at for each in owed.sessions)
        return first.astimezone(zone).date(), last.astimezone(zone).date()
    of = [each.charge for each in owed.charges]
    return min(each.first_day for each in of), max(each.last_day for each in of)


def _document(
    *,
    kind: DocumentKind,
    issuer: Party,
    recipient: Party,
    lines: Sequence[DocumentLine],
    treatments: Sequence[Treatment],
    period: tuple[date, date],
    today: date,
    due_on: date,
    currency: str,
    language: str,
    notes: Sequence[str],
    terms: str,
) -> Document:
    words = DocumentWords(language)
    reasons: dict[VatCategory, tuple[str | None, str | None]] = {
        each.category: (words.reason(each.reason), VATEX.get(each.reason))
        for each in treatments
        if each.reason is not None
    }
    vat = vat_lines(lines, currency, reasons=reasons)
    net = total((each.net for each in lines), currency)
    tax = total((each.amount for each in vat), currency)
    return Document(
        number="",
        kind=kind,
        issued_on=today,
        due_on=due_on,
        first_day=period[0],
        last_day=period[1],
        issuer=issuer,
        recipient=recipient,
        currency=currency,
        language=language,
        lines=tuple(lines),
        vat=vat,
        net=net,
        tax=tax,
        gross=net + tax,
        notes=tuple(notes),
        payment_terms=terms,
    )
