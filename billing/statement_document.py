"""A statement as a document: the self-billed invoice (389) that its XML form is drawn from.

The payee sells us the charging of its stations, so it is the seller, and we write its invoice. A
line is one group of sessions: its class and share; the sessions themselves are on the paper and in
the CSV form. A group that takes more back than it brings has a quantity of -1, since no price is
negative.

How a payee stands to VAT decides the category: standard S, reverse charge AE, a private person O.
A small business is exempt (E), which has to name one of its tax numbers (BR-E-02); where it gave us
none, its turnover is stated as outside the scope (O), which the norm accepts without one.
"""

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from billing.documents import (
    Document,
    DocumentKind,
    DocumentLine,
    Party,
    VatCategory,
    VatLine,
)
from billing.einvoice import invoice_xml
from billing.months import Month
from billing.statement_words import Words
from billing.statements import GroupTotal, Statement, TaxStatus
from billing.statements import Party as StatementParty
from foundation.money import Money
from foundation.quantities import percent

_ONE: Final = "C62"
"""The unit of what is counted: one (UN/ECE recommendation 20)."""

_REASON_CODES: Final = {VatCategory.AE: "VATEX-EU-AE", VatCategory.O: "VATEX-EU-O"}

_TOWN: Final = re.compile(r"(?P<postcode>(?:[A-Z]{1,3}[ -])?\d[\w-]*)\s+(?P<city>\S.*)")


def statement_xml(statement: Statement) -> bytes:
    """Return the XML form of a statement, agreeing with the others to the cent."""
    return invoice_xml(statement_document(statement))


def statement_document(statement: Statement) -> Document:
    """Return the statement as a self-billed invoice of its payee."""
    words = Words(statement.language, statement.time_zone)
    category = _category(statement)
    first_day, last_day = _period(statement)
    [vat] = statement.vat
    return Document(
        number=statement.statement_id,
        kind=DocumentKind.CREDIT_NOTE,
        issued_on=words.local_day(statement.issued_at),
        due_on=statement.due_on,
        first_day=first_day,
        last_day=last_day,
        issuer=_party(statement.issuer, statement.language),
        recipient=_party(statement.payee, statement.language),
        currency=statement.currency,
        language=statement.language,
        lines=_lines(statement, category, words),
        vat=(
            VatLine(
                category=category,
                rate=vat.rate,
                net=vat.net,
                amount=vat.amount,
                reason=_reason(statement, category, words),
                reason_code=_REASON_CODES.get(category),
            ),
        ),
        net=statement.payout_net,
        tax=statement.payout_gross - statement.payout_net,
        gross=statement.payout_gross,
        notes=(words("self_billing"),),
    )


def _category(statement: Statement) -> VatCategory:
    if statement.tax_status is TaxStatus.SMALL_BUSINESS:
        return VatCategory.E if statement.payee.vat_id else VatCategory.O
    if statement.tax_status is TaxStatus.STANDARD:
        return VatCategory.S if statement.vat[0].rate else VatCategory.Z
    return {TaxStatus.REVERSE_CHARGE: VatCategory.AE, TaxStatus.PRIVATE: VatCategory.O}[
        statement.tax_status
    ]


def _reason(statement: Statement, category: VatCategory, words: Words) -> str | None:
    if category in (VatCategory.S, VatCategory.Z):
        return None
    if statement.tax_status is TaxStatus.PRIVATE:
        return words("outside_scope")
    return words.note(statement.tax_status)


def _period(statement: Statement) -> tuple[date, date]:
    """Return the first and the last day of the sessions; without any, those of the month."""
    if not statement.lines:
        month = Month.parse(statement.month)
        return month.first_day, month.next.first_day - timedelta(days=1)
    zone = ZoneInfo(statement.time_zone)
    first = min(line.started_at for line in statement.lines)
    last = max(line.ended_at for line in statement.lines)
    return first.astimezone(zone).date(), last.astimezone(zone).date()


def _lines(statement: Statement, category: VatCategory, words: Words) -> tuple[DocumentLine, ...]:
    rate = statement.vat[0].rate
    if not statement.groups:
        return (_line(1, words("no_sessions"), statement.payout_net, category, rate),)
    return tuple(
        _line(position, _text(group, words), group.payout, category, rate)
        for position, group in enumerate(statement.groups, start=1)
    )


def _text(group: GroupTotal, words: Words) -> str:
    return words(
        "group_line",
        name=words.class_name(group.charge_class),
        sessions=words.count(group.sessions),
        energy=words.kwh(group.energy_wh),
        net=words.money(group.net),
        share=words.percent(percent(group.share_bps)),
    )


def _line(
    position: int, text: str, net: Money, category: VatCategory, rate: Decimal
) -> DocumentLine:
    return DocumentLine(
        position=position,
        text=text,
        quantity=Decimal(-1 if net.amount < 0 else 1),
        unit=_ONE,
        unit_price=abs(net.amount),
        net=net,
        vat_category=category,
        vat_rate=rate,
    )


def _party(party: StatementParty, language: str) -> Party:
    """Return a party with the printed lines of its address taken apart as far as they show."""
    *streets, last = party.address or ("",)
    found = _TOWN.fullmatch(last.strip())
    if found is None:
        streets, postcode, city = [*streets, last], "", ""
    else:
        postcode, city = found["postcode"], found["city"]
    return Party(
        key=f"organisation/{party.key}",
        name=party.name,
        street=", ".join(filter(None, streets)),
        postcode=postcode,
        city=city,
        country=party.country or "",
        vat_id=party.vat_id,
        iban=party.iban,
        language=language,
    )
