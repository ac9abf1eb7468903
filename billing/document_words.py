"""The sentences of invoices, credit notes and counter-documents, in English and German.

Every kind of charge has the words of its line here. What a charge says in its `details` is put into
them by name; a name that is missing reads as nothing.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from billing.cdr import ChargeClass
from billing.charges import BookedCharge, ChargeKind
from billing.documents import DocumentKind
from billing.vat import TaxReason
from foundation.money import Money
from foundation.quantities import kwh_for_paper

LANGUAGES: Final = ("en", "de")

TITLES: Final[Mapping[DocumentKind, tuple[str, str]]] = {
    DocumentKind.INVOICE: ("Invoice", "Rechnung"),
    DocumentKind.CREDIT_NOTE: ("Credit note", "Gutschrift"),
    DocumentKind.CANCELLATION: ("Cancellation", "Storno"),
}

CHARGES: Final[Mapping[ChargeKind, tuple[str, str]]] = {
    ChargeKind.MONITORING: ("Monitoring, station {about}", "Betriebsführung, Station {about}"),
    ChargeKind.AUTOMATED_INVOICING: ("Automated invoicing", "Automatisierte Abrechnung"),
    ChargeKind.CREDIT_NOTES: ("Credit notes to owners", "Gutschriften an Betreiber"),
    ChargeKind.ROAMING_BASE: ("Roaming, base fee {about}", "Roaming, Grundgebühr {about}"),
    ChargeKind.ROAMING_CDRS: (
        "Roaming, fee per session {about}",
        "Roaming, Gebühr je Ladevorgang {about}",
    ),
    ChargeKind.MAINTENANCE: ("Yearly maintenance {about}", "Jährliche Wartung {about}"),
    ChargeKind.INTERVENTION: ("On-site service {about}", "Einsatz vor Ort {about}"),
    ChargeKind.SERVICE_PACKAGE: ("Service package {name}", "Servicepaket {name}"),
    ChargeKind.CREDITS: ("Credits {name}", "Credits {name}"),
    ChargeKind.LICENCE: ("Licence {name}", "Lizenz {name}"),
    ChargeKind.DATAPOINTS: ("Datapoints", "Datenpunkte"),
    ChargeKind.METERING_POINTS: ("Metering points {name}", "Messpunkte {name}"),
    ChargeKind.BASE_FEE: ("Base fee, contract {name}", "Grundgebühr, Vertrag {name}"),
    ChargeKind.CORRECTION: ("Correction {name}", "Korrektur {name}"),
}

REASONS: Final[Mapping[TaxReason, tuple[str, str]]] = {
    TaxReason.REVERSE_CHARGE: (
        "Reverse charge: the recipient of the service owes the VAT.",
        "Steuerschuldnerschaft des Leistungsempfängers.",
    ),
    TaxReason.SMALL_BUSINESS: (
        "No VAT is shown: small business under section 19 UStG.",
        "Gemäß § 19 UStG wird keine Umsatzsteuer berechnet.",
    ),
    TaxReason.OUTSIDE_SCOPE: (
        "Not subject to VAT in the seller's country: the place of supply is that of the recipient.",
        "Nicht steuerbar: Der Leistungsort liegt beim Leistungsempfänger.",
    ),
    TaxReason.PRIVATE_SELLER: (
        "Not subject to VAT: the seller is a private person.",
        "Nicht steuerbar: Der Leistende ist eine Privatperson.",
    ),
}

_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "medium": (
        "Charging, {token}: {sessions}, {kwh} kWh",
        "Laden, {token}: {sessions}, {kwh} kWh",
    ),
    "aggregated": ("Charging: {sessions}, {kwh} kWh", "Ladevorgänge: {sessions}, {kwh} kWh"),
    "no_token": ("no medium", "ohne Medium"),
    "session": ("{count} session", "{count} Ladevorgang"),
    "sessions": ("{count} sessions", "{count} Ladevorgänge"),
    "group": (
        "Charging revenue, {name}, {share} %: {sessions}, {kwh} kWh",
        "Ladeerlöse, {name}, {share} %: {sessions}, {kwh} kWh",
    ),
    "internal": ("internal tokens", "eigene Ladekarten"),
    "external": ("external tokens", "fremde Ladekarten"),
    "discount": (
        "Discount of {percent} % on community sessions",
        "Abschlag von {percent} % auf Community-Ladevorgänge",
    ),
    "nothing": ("Statement without sessions", "Abrechnung ohne Ladevorgänge"),
    "self_billing": (
        "Self-billing: we issue this credit note in the recipient's name.",
        "Gutschrift im umsatzsteuerlichen Sinn: ausgestellt durch den Leistungsempfänger.",
    ),
    "statement": ("It says what statement {id} says.", "Grundlage ist die Abrechnung {id}."),
    "account": ("Revenue account {account}", "Erlöskonto {account}"),
    "cancels": (
        "This document takes back {number} of {day}.",
        "Dieses Dokument hebt {number} vom {day} auf.",
    ),
    "cancels_part": (
        "This document takes back a part of {number} of {day}.",
        "Dieses Dokument hebt einen Teil von {number} vom {day} auf.",
    ),
    "part": ("Part of {number} taken back: {reason}", "Teilgutschrift zu {number}: {reason}"),
    "paid_before": (
        "Paid already: {amount} {currency}. We set it off or pay it back.",
        "Bereits bezahlt: {amount} {currency}. Wir verrechnen es oder zahlen es zurück.",
    ),
    "why": ("Reason: {reason}", "Grund: {reason}"),
    "terms": (
        "Payable without deduction by {day}.",
        "Zahlbar ohne Abzug bis {day}.",
    ),
    "payout_terms": (
        "We pay the amount to your account by {day}.",
        "Wir überweisen den Betrag bis {day} auf Ihr Konto.",
    ),
    "mail_subject": ("{title} {number}", "{title} {number}"),
    "mail_body": (
        "Dear {name},\n\n{title} {number} of {day} is attached.{amount}\n\n{issuer}\n",
        "Guten Tag {name},\n\nim Anhang: {title} {number} vom {day}.{amount}\n\n{issuer}\n",
    ),
    "mail_amount": (
        "\nAmount: {gross} {currency}. {terms}",
        "\nBetrag: {gross} {currency}. {terms}",
    ),
}


class _Named(dict[str, str]):
    """Values by name; one that is missing reads as nothing."""

    def __missing__(self, key: str) -> str:
        return ""


class DocumentWords:
    """How a document says things in one language.

    Args:
        language: One of `LANGUAGES`.
    """

    def __init__(self, language: str) -> None:
        assert language in LANGUAGES, f"there is no paper in {language!r}"
        self._index = LANGUAGES.index(language)

    def text(self, key: str, **values: object) -> str:
        """Return a sentence with its values."""
        return _TEXTS[key][self._index].format(**values)

    def title(self, kind: DocumentKind) -> str:
        """Return what a document is called."""
        return TITLES[kind][self._index]

    def day(self, day: date) -> str:
        """Return a day as it is written."""
        return day.strftime("%d.%m.%Y") if self._index else day.isoformat()

    def reason(self, reason: TaxReason) -> str:
        """Return the sentence that says why no tax is shown."""
        return REASONS[reason][self._index]

    def charge(self, booked: BookedCharge) -> str:
        """Return the words of a charge's line."""
        charge = booked.charge
        values: dict[str, Any] = {
            **charge.details,
            "about": "" if charge.about is None else charge.about.partition("/")[2],
        }
        named = _Named({name: str(value) for name, value in values.items()})
        return CHARGES[charge.kind][self._index].format_map(named).strip(" ,")

    def medium(self, token: str | None, *, sessions: int, energy_wh: Decimal) -> str:
        """Return the words of the line over one medium's sessions."""
        return self.text(
            "medium",
            token=token or self.text("no_token"),
            sessions=self._sessions(sessions),
            kwh=self._kwh(energy_wh),
        )

    def aggregated(self, *, sessions: int, energy_wh: Decimal) -> str:
        """Return the words of the line over all sessions."""
        return self.text("aggregated", sessions=self._sessions(sessions), kwh=self._kwh(energy_wh))

    def group(
        self, charge_class: ChargeClass, share_bps: int, *, sessions: int, energy_wh: Decimal
    ) -> str:
        """Return the words of the line over a statement's group."""
        return self.text(
            "group",
            name=self.text(charge_class.value),
            share=self._number(Decimal(share_bps) / 100),
            sessions=self._sessions(sessions),
            kwh=self._kwh(energy_wh),
        )

    def discount(self, bps: int) -> str:
        """Return the words of the line that takes the discount off."""
        return self.text("discount", percent=self._number(Decimal(bps) / 100))

    def money(self, amount: Money) -> str:
        """Return an amount with the language's decimal sign, without the currency."""
        return amount.text.replace(".", ",") if self._index else amount.text

    def _sessions(self, count: int) -> str:
        return self.text("session" if count == 1 else "sessions", count=count)

    def _kwh(self, energy_wh: Decimal) -> str:
        return self._number(kwh_for_paper(energy_wh))

    def _number(self, value: Decimal) -> str:
        plain = format(value.normalize(), "f")
        return plain.replace(".", ",") if self._index else plain
