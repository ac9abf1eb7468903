"""A document as XML: Cross Industry Invoice of the profile EN 16931, as Factur-X embeds it.

The XML says what the paper says, from the same value. Where the norm asks for something that a
document of ours cannot have, the choice stands here:

- The seller is always named by our key too, so that a seller without VAT id is known (BR-CO-26).
- A national tax number is given of the seller only: the buyer's has no place (BT-32).
- What is outside the scope of VAT names no VAT id and no rate (BR-O-02, BR-O-03, BR-O-05).
- A counter-document is due by nobody: its terms of payment say what it is set off against, since
  an amount above zero needs a date or terms (BR-CO-25).
- Money is asked for by SEPA credit transfer (58) in euro, by credit transfer (30) in other
  currencies, and only where the seller's account is known.

Source: EN 16931-1:2017 and EN 16931-3-3 (syntax binding to UN/CEFACT CII D16B); Factur-X 1.0.7.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final

from billing.documents import (
    Document,
    DocumentKind,
    DocumentLine,
    Party,
    VatCategory,
    VatLine,
)
from foundation.money import Money

PROFILE: Final = "urn:cen.eu:en16931:2017"
"""The specification that the XML follows (BT-24)."""

_RSM: Final = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
_RAM: Final = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
_QDT: Final = "urn:un:unece:uncefact:data:standard:QualifiedDataType:100"
_UDT: Final = "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"
_SPACES: Final = {"rsm": _RSM, "ram": _RAM, "qdt": _QDT, "udt": _UDT}

_DAY: Final = "102"
"""The format of a date: CCYYMMDD."""

_SEPA_TRANSFER: Final = "58"
_TRANSFER: Final = "30"

_SET_OFF: Final = {
    "en": "Takes back {number}; to be set off against it.",
    "de": "Hebt {number} auf; damit zu verrechnen.",
}


def invoice_xml(document: Document) -> bytes:
    """Return the document as XML (UTF-8), the same for the same document.

    What is missing in a party is left out: the schema allows it, and `documents.check` has refused
    what the rules demand before a number was given.
    """
    root = ET.Element(
        "rsm:CrossIndustryInvoice", {f"xmlns:{name}": uri for name, uri in _SPACES.items()}
    )
    context = _add(root, "rsm:ExchangedDocumentContext")
    _add(_add(context, "ram:GuidelineSpecifiedDocumentContextParameter"), "ram:ID", PROFILE)
    _head(root, document)
    transaction = _add(root, "rsm:SupplyChainTradeTransaction")
    for line in document.lines:
        _line(transaction, line)
    agreement = _add(transaction, "ram:ApplicableHeaderTradeAgreement")
    is_outside = any(each.category is VatCategory.O for each in document.vat)
    for party, is_seller in ((document.seller, True), (document.buyer, False)):
        _party(agreement, party, is_seller=is_seller, is_outside=is_outside)
    delivery = _add(transaction, "ram:ApplicableHeaderTradeDelivery")
    event = _add(delivery, "ram:ActualDeliverySupplyChainEvent")
    _moment(event, "ram:OccurrenceDateTime", document.last_day)
    _settlement(transaction, document)
    ET.indent(root, " ")
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _head(root: ET.Element, document: Document) -> None:
    head = _add(root, "rsm:ExchangedDocument")
    _add(head, "ram:ID", document.number)
    _add(head, "ram:TypeCode", document.type_code)
    _moment(head, "ram:IssueDateTime", document.issued_on)
    for note in document.notes:
        _add(_add(head, "ram:IncludedNote"), "ram:Content", _clean(note))


def _line(transaction: ET.Element, line: DocumentLine) -> None:
    item = _add(transaction, "ram:IncludedSupplyChainTradeLineItem")
    _add(_add(item, "ram:AssociatedDocumentLineDocument"), "ram:LineID", str(line.position))
    product = _add(item, "ram:SpecifiedTradeProduct")
    if line.reference is not None:
        _add(product, "ram:SellerAssignedID", line.reference)
    _add(product, "ram:Name", _clean(line.text))
    price = _add(_add(item, "ram:SpecifiedLineTradeAgreement"), "ram:NetPriceProductTradePrice")
    _add(price, "ram:ChargeAmount", _plain(line.unit_price))
    delivery = _add(item, "ram:SpecifiedLineTradeDelivery")
    _add(delivery, "ram:BilledQuantity", _plain(line.quantity), unitCode=line.unit)
    settlement = _add(item, "ram:SpecifiedLineTradeSettlement")
    tax = _add(settlement, "ram:ApplicableTradeTax")
    _add(tax, "ram:TypeCode", "VAT")
    _add(tax, "ram:CategoryCode", line.vat_category.value)
    if line.vat_category is not VatCategory.O:
        _add(tax, "ram:RateApplicablePercent", _plain(line.vat_rate))
    _period(settlement, line.first_day, line.last_day)
    sums = _add(settlement, "ram:SpecifiedTradeSettlementLineMonetarySummation")
    _amount(sums, "ram:LineTotalAmount", line.net)


def _party(parent: ET.Element, party: Party, *, is_seller: bool, is_outside: bool) -> None:
    node = _add(parent, "ram:SellerTradeParty" if is_seller else "ram:BuyerTradeParty")
    _add(node, "ram:ID", party.key)
    _add(node, "ram:Name", _clean(party.name))
    if party.phone or party.email:
        contact = _add(node, "ram:DefinedTradeContact")
        _add(contact, "ram:PersonName", _clean(party.name))
        if party.phone:
            telephone = _add(contact, "ram:TelephoneUniversalCommunication")
            _add(telephone, "ram:CompleteNumber", party.phone)
        if party.email:
            mail = _add(contact, "ram:EmailURIUniversalCommunication")
            _add(mail, "ram:URIID", party.email)
    address = _add(node, "ram:PostalTradeAddress")
    for tag, text in (
        ("ram:PostcodeCode", party.postcode),
        ("ram:LineOne", party.street),
        ("ram:CityName", party.city),
        ("ram:CountryID", party.country),
    ):
        if text:
            _add(address, tag, _clean(text))
    if party.email:
        electronic = _add(node, "ram:URIUniversalCommunication")
        _add(electronic, "ram:URIID", party.email, schemeID="EM")
    for number, scheme in (
        (party.tax_number if is_seller else None, "FC"),
        (None if is_outside else party.vat_id, "VA"),
    ):
        if number:
            _add(_add(node, "ram:SpecifiedTaxRegistration"), "ram:ID", number, schemeID=scheme)


def _settlement(transaction: ET.Element, document: Document) -> None:
    node = _add(transaction, "ram:ApplicableHeaderTradeSettlement")
    _add(node, "ram:PaymentReference", document.number)
    _add(node, "ram:InvoiceCurrencyCode", document.currency)
    if document.kind is not DocumentKind.CANCELLATION and document.seller.iban:
        _payment_means(node, document)
    for tax in document.vat:
        _tax(node, tax)
    _period(node, document.first_day, document.last_day)
    _terms(node, document)
    sums = _add(node, "ram:SpecifiedTradeSettlementHeaderMonetarySummation")
    _amount(sums, "ram:LineTotalAmount", document.net)
    _amount(sums, "ram:TaxBasisTotalAmount", document.net)
    _add(sums, "ram:TaxTotalAmount", document.tax.text, currencyID=document.currency)
    _amount(sums, "ram:GrandTotalAmount", document.gross)
    if document.prepaid is not None:
        _amount(sums, "ram:TotalPrepaidAmount", document.prepaid)
    _amount(sums, "ram:DuePayableAmount", document.due)
    if document.cancels is not None:
        reference = _add(node, "ram:InvoiceReferencedDocument")
        _add(reference, "ram:IssuerAssignedID", document.cancels)
        if document.cancels_issued_on is not None:
            issued = _add(reference, "ram:FormattedIssueDateTime")
            day = _compact(document.cancels_issued_on)
            _add(issued, "qdt:DateTimeString", day, format=_DAY)


def _payment_means(node: ET.Element, document: Document) -> None:
    seller = document.seller
    assert seller.iban is not None
    means = _add(node, "ram:SpecifiedTradeSettlementPaymentMeans")
    _add(means, "ram:TypeCode", _SEPA_TRANSFER if document.currency == "EUR" else _TRANSFER)
    account = _add(means, "ram:PayeePartyCreditorFinancialAccount")
    _add(account, "ram:IBANID", seller.iban.replace(" ", ""))
    _add(account, "ram:AccountName", _clean(seller.name))
    if seller.bic:
        bank = _add(means, "ram:PayeeSpecifiedCreditorFinancialInstitution")
        _add(bank, "ram:BICID", seller.bic)


def _tax(node: ET.Element, line: VatLine) -> None:
    tax = _add(node, "ram:ApplicableTradeTax")
    _amount(tax, "ram:CalculatedAmount", line.amount)
    _add(tax, "ram:TypeCode", "VAT")
    if line.reason:
        _add(tax, "ram:ExemptionReason", _clean(line.reason))
    _amount(tax, "ram:BasisAmount", line.net)
    _add(tax, "ram:CategoryCode", line.category.value)
    if line.reason_code:
        _add(tax, "ram:ExemptionReasonCode", line.reason_code)
    if line.category is not VatCategory.O:
        _add(tax, "ram:RateApplicablePercent", _plain(line.rate))


def _terms(node: ET.Element, document: Document) -> None:
    text = document.payment_terms
    if document.kind is DocumentKind.CANCELLATION and text is None:
        text = _SET_OFF[document.language].format(number=document.cancels)
    if text is None and document.due_on is None:
        return
    terms = _add(node, "ram:SpecifiedTradePaymentTerms")
    if text is not None:
        _add(terms, "ram:Description", _clean(text))
    if document.due_on is not None:
        _moment(terms, "ram:DueDateDateTime", document.due_on)


def _period(node: ET.Element, first_day: date | None, last_day: date | None) -> None:
    if first_day is None and last_day is None:
        return
    period = _add(node, "ram:BillingSpecifiedPeriod")
    if first_day is not None:
        _moment(period, "ram:StartDateTime", first_day)
    if last_day is not None:
        _moment(period, "ram:EndDateTime", last_day)


def _moment(parent: ET.Element, name: str, day: date) -> None:
    _add(_add(parent, name), "udt:DateTimeString", _compact(day), format=_DAY)


def _compact(day: date) -> str:
    return day.isoformat().replace("-", "")


def _amount(parent: ET.Element, name: str, money: Money) -> None:
    assert money.is_rounded, f"{money} was not rounded"
    _add(parent, name, money.text)


def _plain(value: Decimal) -> str:
    """Return a number without exponent and without needless zeros."""
    if value == value.to_integral_value():
        return str(int(value))
    return f"{value.normalize():f}"


def _clean(text: str) -> str:
    """Return a text without what XML cannot hold, on one line."""
    return " ".join("".join(_held(text)).split())


def _held(text: str) -> Iterator[str]:
    for letter in text:
        code = ord(letter)
        is_held = code >= 0x20 and not 0xD800 <= code <= 0xDFFF and code not in (0xFFFE, 0xFFFF)
        yield letter if is_held else " "


def _add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
    node = ET.SubElement(parent, name, attributes)
    node.text = text
    return node
