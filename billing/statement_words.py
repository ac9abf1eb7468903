"""The words, numbers and moments of a statement on paper, in English and German."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final
from zoneinfo import ZoneInfo

from billing.cdr import ChargeClass
from billing.statements import GapExplanation, StatementState, TaxStatus
from foundation.money import MINOR_DIGITS, Money
from foundation.quantities import kwh_for_paper

LANGUAGES: Final = ("en", "de")

_MINUS: Final = "\N{MINUS SIGN}"
_SYMBOLS: Final = {"EUR": "€", "GBP": "£", "USD": "$"}

_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "title": ("Statement", "Abrechnung"),
    "subject": ("Charging revenue in {month}", "Ladeerlöse im {month}"),
    "number": ("Statement number", "Abrechnungsnummer"),
    "month": ("Month", "Monat"),
    "issued": ("Issued", "Ausgestellt"),
    "due": ("Due", "Fällig"),
    "state": ("State", "Stand"),
    "vat_id": ("VAT ID", "USt-IdNr."),
    "iban": ("To account", "Auf Konto"),
    "payout": ("Payout", "Auszahlung"),
    "due_by": ("to be paid by {day}", "zahlbar bis {day}"),
    "paid_out": ("paid", "bezahlt"),
    "carried": (
        "The amount is set off against the next statement; nothing is debited.",
        "Der Betrag wird mit der nächsten Abrechnung verrechnet; es wird nichts eingezogen.",
    ),
    "on_receipt": (
        "Of this, {amount} without VAT is paid once the provider has paid us, as agreed.",
        "Davon werden {amount} ohne USt. ausgezahlt, sobald der Anbieter uns bezahlt hat.",
    ),
    "totals": ("What the payout consists of", "Woraus die Auszahlung besteht"),
    "class": ("Class", "Art"),
    "share": ("Share", "Anteil"),
    "sessions_count": ("Sessions", "Ladevorgänge"),
    "energy": ("kWh", "kWh"),
    "net": ("Net revenue", "Nettoerlös"),
    "sum": ("Sum", "Summe"),
    "payout_net": ("Payout without VAT", "Auszahlung ohne USt."),
    "vat": ("VAT {rate} %", "USt. {rate} %"),
    "payout_gross": ("Payout", "Auszahlung"),
    "changes": ("Change since {month}", "Veränderung gegenüber {month}"),
    "changes_of": ("compared with {number}", "gegenüber {number}"),
    "changes_note": (
        "Share: the payout as a part of the net revenue; its change in percentage points.",
        "Anteil: die Auszahlung als Teil des Nettoerlöses; Veränderung in Prozentpunkten.",
    ),
    "changes_none": (
        "There is no earlier statement to compare with.",
        "Es gibt keine frühere Abrechnung zum Vergleich.",
    ),
    "share_points": ("Share (points)", "Anteil (Punkte)"),
    "lines": ("Sessions of the month", "Ladevorgänge des Monats"),
    "late": ("Late sessions of earlier months", "Verspätete Ladevorgänge früherer Monate"),
    "late_note": (
        "They ended earlier and were received, released or corrected only now.",
        "Sie endeten früher und wurden erst jetzt empfangen, freigegeben oder berichtigt.",
    ),
    "unpaid": ("Sessions that are not paid", "Nicht vergütete Ladevorgänge"),
    "proof": ("Registers and sessions compared", "Zählerstände und Ladevorgänge im Vergleich"),
    "proof_note": (
        "What each register counted over the month, beside the sum of its sessions.",
        "Was jeder Zähler im Monat gezählt hat, neben der Summe seiner Ladevorgänge.",
    ),
    "transaction": ("No.", "Nr."),
    "started": ("Start", "Beginn"),
    "ended": ("End", "Ende"),
    "station": ("Station · EVSE", "Station · Ladepunkt"),
    "reason": ("Reason", "Grund"),
    "register_start": ("At start", "Am Anfang"),
    "register_end": ("At end", "Am Ende"),
    "sessions_wh": ("Sessions", "Ladevorgänge"),
    "gap": ("Gap", "Differenz"),
    "in_kwh": ("energy in kWh", "Energie in kWh"),
    "explanation": ("Explained by", "Erklärung"),
    "zone": ("All times in {zone}", "Alle Zeiten in {zone}"),
    "doubled_hour": (
        "A and B: the first and the second of the hour that comes twice.",
        "A und B: die erste und die zweite der doppelten Stunde.",
    ),
    "amounts": ("amounts in {currency}", "Beträge in {currency}"),
    "net_short": ("Net", "Netto"),
    "class_sum": ("{name}, sum", "{name}, Summe"),
    "page": ("Page {page} of {pages}", "Seite {page} von {pages}"),
    "group_line": (
        "Charging revenue, {name}: {sessions} sessions, {energy} kWh, net {net}, share {share} %",
        "Ladeerlöse, {name}: {sessions} Ladevorgänge, {energy} kWh, netto {net}, Anteil {share} %",
    ),
    "self_billing": (
        "Self-billing: we write this invoice for you, as agreed.",
        "Gutschrift: Wir stellen diese Rechnung wie vereinbart für Sie aus.",
    ),
    "attached": ("The statement as XML (EN 16931)", "Die Abrechnung als XML (EN 16931)"),
    "outside_scope": (
        "Outside the scope of VAT: the payee is a private person.",
        "Nicht umsatzsteuerbar: Der Empfänger ist eine Privatperson.",
    ),
    "no_sessions": (
        "No session of this month is paid.",
        "Kein Ladevorgang dieses Monats wird vergütet.",
    ),
}

_CLASSES: Final = {
    ChargeClass.INTERNAL: ("internal", "intern"),
    ChargeClass.EXTERNAL: ("external", "extern"),
}

_CLASS_NAMES: Final = {
    ChargeClass.INTERNAL: ("Internal tokens", "Eigene Ladekarten"),
    ChargeClass.EXTERNAL: ("External tokens", "Fremde Ladekarten"),
}

_STATES: Final = {
    StatementState.OPEN: ("open", "offen"),
    StatementState.SENT: ("sent", "versandt"),
    StatementState.PAID: ("paid", "bezahlt"),
}

_NOTES: Final = {
    TaxStatus.SMALL_BUSINESS: (
        "No VAT is shown: the payee is a small business.",
        "Es wird keine Umsatzsteuer ausgewiesen (Kleinunternehmerregelung).",
    ),
    TaxStatus.REVERSE_CHARGE: (
        "Reverse charge: the recipient of the service owes the VAT.",
        "Steuerschuldnerschaft des Leistungsempfängers.",
    ),
    TaxStatus.PRIVATE: (
        "No VAT is shown: the payee is a private person.",
        "Es wird keine Umsatzsteuer ausgewiesen (Privatperson).",
    ),
}

_REASONS: Final = {
    "negative_energy": ("the meter ran backwards", "der Zähler lief rückwärts"),
    "impossible_energy": (
        "more energy than possible in that time",
        "mehr Energie als in der Zeit möglich",
    ),
    "end_before_start": ("it ends before it starts", "das Ende liegt vor dem Beginn"),
    "missing_start": ("its start was never reported", "der Beginn wurde nie gemeldet"),
    "inferred_end": ("its end was never reported", "das Ende wurde nie gemeldet"),
    "no_tariff": ("no tariff was assigned", "es war kein Tarif zugeordnet"),
    "no_payer": ("nobody pays for it", "niemand zahlt dafür"),
    "station_waiting": (
        "the station had not been accepted yet",
        "die Station war noch nicht aufgenommen",
    ),
    "clock_wrong": ("the station's clock was wrong", "die Uhr der Station ging falsch"),
    "impossible_meter": ("the meter rose implausibly", "der Zähler stieg unglaubhaft"),
    "too_much_energy": ("more energy than is usual", "mehr Energie als üblich"),
    "too_long": ("longer than is usual", "länger als üblich"),
    "signature_failed": (
        "the signed meter values do not hold",
        "die signierten Messwerte halten nicht stand",
    ),
    "signature_missing": ("the meter signed nothing", "der Zähler hat nichts signiert"),
    "signature_pending": (
        "the signature cannot be checked yet",
        "die Signatur ist noch nicht prüfbar",
    ),
    "overlap": ("two sessions at once", "zwei Ladevorgänge zugleich"),
    "card_in_two_places": (
        "the card charged elsewhere at once",
        "die Karte lud zugleich anderswo",
    ),
    "by_hand": ("held by a person", "von Hand angehalten"),
    "void": ("declared void", "für ungültig erklärt"),
}

_GAPS: Final = {
    GapExplanation.NONE: ("no gap", "keine Differenz"),
    GapExplanation.BETWEEN_SESSIONS: (
        "energy outside of sessions",
        "außerhalb von Ladevorgängen",
    ),
    GapExplanation.LATE: (
        "sessions paid in another month",
        "in anderem Monat vergütet",
    ),
    GapExplanation.HELD: ("sessions held back", "angehaltene Ladevorgänge"),
    GapExplanation.RESET: ("the register was reset", "der Zähler wurde zurückgesetzt"),
    GapExplanation.NO_LIFETIME_REGISTER: (
        "no lifetime register",
        "kein Gesamtzähler",
    ),
    GapExplanation.OFFLINE: (
        "station not connected then",
        "Station nicht verbunden",
    ),
    GapExplanation.EXCHANGED: (
        "meter exchanged, reckoned in",
        "Zähler getauscht, eingerechnet",
    ),
}

_MONTHS: Final = (
    ("January", "Januar"),
    ("February", "Februar"),
    ("March", "März"),
    ("April", "April"),
    ("May", "Mai"),
    ("June", "Juni"),
    ("July", "Juli"),
    ("August", "August"),
    ("September", "September"),
    ("October", "Oktober"),
    ("November", "November"),
    ("December", "Dezember"),
)


class Words:
    """How things are said in one language and time zone.

    Args:
        language: One of `LANGUAGES`.
        time_zone: Of the IANA database; all moments are shown in it.
    """

    def __init__(self, language: str, time_zone: str) -> None:
        assert language in LANGUAGES, f"there is no paper in {language!r}"
        self._index = LANGUAGES.index(language)
        self._is_german = language == "de"
        self.time_zone = time_zone
        self._zone = ZoneInfo(time_zone)
        self._has_doubled_hour = False

    def __call__(self, key: str, **values: object) -> str:
        """Return a text, its places filled in."""
        return _TEXTS[key][self._index].format(**values)

    def charge_class(self, value: ChargeClass) -> str:
        return _CLASSES[value][self._index]

    def class_name(self, value: ChargeClass) -> str:
        return _CLASS_NAMES[value][self._index]

    def state(self, value: StatementState) -> str:
        return _STATES[value][self._index]

    def note(self, value: TaxStatus) -> str | None:
        """Return the sentence that a tax status asks for, if it does."""
        texts = _NOTES.get(value)
        return None if texts is None else texts[self._index]

    def reason(self, value: str) -> str:
        """Return why a session is not paid; a reason unknown here is shown as it is."""
        texts = _REASONS.get(value)
        return value if texts is None else texts[self._index]

    def gap(self, value: GapExplanation) -> str:
        return _GAPS[value][self._index]

    def month(self, value: str) -> str:
        """Return YYYY-MM as in `October 2026`."""
        year, month = value.split("-")
        return f"{_MONTHS[int(month) - 1][self._index]} {year}"

    def day(self, value: date) -> str:
        if self._is_german:
            return f"{value:%d.%m.%Y}"
        return f"{value.day} {_MONTHS[value.month - 1][0]} {value.year}"

    def moment(self, value: datetime) -> str:
        """Return the second in the zone; A or B in the hour that comes twice (see `zone_note`)."""
        local = value.astimezone(self._zone)
        text = f"{local:%d.%m.%Y %H:%M:%S}" if self._is_german else f"{local:%Y-%m-%d %H:%M:%S}"
        if local.replace(fold=1 - local.fold).utcoffset() == local.utcoffset():
            return text
        self._has_doubled_hour = True
        return f"{text} {'B' if local.fold else 'A'}"

    def zone_note(self) -> str:
        """Return whose time it is, and what A and B mean if one of them was needed so far."""
        note = self("zone", zone=self.time_zone)
        return f"{note}. {self('doubled_hour')}" if self._has_doubled_hour else note

    def local_day(self, value: datetime) -> date:
        return value.astimezone(self._zone).date()

    def amount(self, value: Money) -> str:
        """Return a rounded amount without its currency, as in `1,234.50`."""
        assert value.is_rounded, f"{value} was not rounded"
        return self.decimal(value.amount, MINOR_DIGITS[value.currency])

    def money(self, value: Money) -> str:
        """Return a rounded amount with its currency, as in `€1,234.50`, `1.234,50 €`."""
        amount = self.amount(value)
        symbol = _SYMBOLS.get(value.currency)
        if self._is_german:
            return f"{amount} {symbol or value.currency}"
        if symbol is None:
            return f"{value.currency} {amount}"
        if amount.startswith(_MINUS):
            return f"{_MINUS}{symbol}{amount[1:]}"
        return f"{symbol}{amount}"

    def kwh(self, energy_wh: Decimal | None) -> str:
        """Return an energy in kWh with three decimals; a dash where there is none."""
        return "\N{EN DASH}" if energy_wh is None else self.decimal(kwh_for_paper(energy_wh), 3)

    def signed(self, text: str) -> str:
        """Return a difference with its sign: a rise has a plus; nothing has none."""
        is_nothing = not any(each in "123456789" for each in text)
        return text if is_nothing or text.startswith(_MINUS) else f"+{text}"

    def percent(self, value: Decimal) -> str:
        """Return a percentage with as many decimals as it has, at most two."""
        digits = next(digits for digits in (0, 1, 2) if value == round(value, digits))
        return self.decimal(value, digits)

    def count(self, value: int) -> str:
        return self.decimal(Decimal(value), 0)

    def decimal(self, value: Decimal, digits: int) -> str:
        """Return a number rounded half up to so many decimals."""
        rounded = value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
        text = f"{abs(rounded):,.{digits}f}"
        if self._is_german:
            text = text.translate(_GERMAN)
        return f"{_MINUS}{text}" if rounded < 0 else text


_GERMAN: Final = str.maketrans(",.", ".,")
