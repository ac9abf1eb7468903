"""What the report of a visit says to the owner, in his language, and the mail that brings it.

It names roles, not people: who was there is between the service and its technicians.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal

from accounts.directory import Organisation
from foundation.mail import Attachment, Mail
from foundation.money import Money
from support.first_aid import Tried
from support.interventions import Cover
from support.ticket_clock import Promise
from support.tickets import Ticket
from support.visit_pictures import Picture
from support.visits import Visit, VisitKind

_LOCALES: Final = {"en": Locale("en", "GB"), "de": Locale("de", "DE")}
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "subject": "Report: on-site service at {station}, {day}",
        "subject_maintenance": "Report: yearly maintenance of {station}, {day}",
        "dear": (
            "Dear {name},\n\nthe visit to {station} is closed: {outcome}."
            "\n\nThe report is attached.\nOn its page: {link}"
        ),
        "title": "Report of an on-site service",
        "title_maintenance": "Report of a yearly maintenance",
        "station": "Station",
        "ticket": "Ticket",
        "visit": "Visit",
        "outcome": "Outcome",
        "fault": "The fault",
        "analysis": "Fault analysis: {text}",
        "aid": "First aid from afar",
        "aid_line": "{at}: {step}: {result}",
        "done": "What was found and done",
        "technician": "Technician, {at}: {text}",
        "measures": "Further measures: {text}",
        "consent": "Your consent: {text}",
        "agent": "Service, {at}: {text}",
        "parts": "Parts",
        "part": "{pieces} × {name}",
        "serial": ", serial number {number}",
        "exchanged": "Exchanged",
        "exchange": (
            "{what} at EVSE {evse}, {at}: last reading {last} kWh, first reading {first} kWh"
        ),
        "times": "Promised and kept",
        "met": "{target}: {at}, in time (promised by {due})",
        "late": "{target}: {at}, too late (promised by {due})",
        "open": "{target}: promised by {due}",
        "cost": "Who pays",
        "warranty": "Warranty by law: nothing is charged. {reason}",
        "guarantee": "The maker's guarantee: nothing is charged. {reason}",
        "chargeable": "Chargeable. {reason}",
        "maintenance": "Yearly maintenance by the service package.",
        "free": "Nothing is charged for it.",
        "work": "Work: {amount} net",
        "parts_cost": "Parts: {amount} net",
        "total": "It comes with the next invoice: {amount} net, plus VAT.",
        "photos": "Photos",
        "photos_left": "{number} more on the visit's page.",
        "page": "Page {number} of {count}",
        "remote_target": "Tried from afar",
        "answer_target": "Answered",
        "on_site_target": "Technician on site",
        "surroundings_restored": "the surrounding system works again",
        "parts_replaced": "housing, cables or electronics were replaced",
        "reconfigured": "the unchanged station was set up again",
        "foreign_source_removed": "a foreign station or source of interference was removed",
        "meter": "Meter",
        "station_exchanged": "Whole station",
        "trigger": "status asked for again",
        "clear_cache": "cache cleared",
        "unlock": "connector unlocked",
        "soft_reset": "restarted (soft)",
        "hard_reset": "restarted (hard)",
        "effective": "took effect",
        "rejected": "refused by the station",
        "failed": "no effect",
        "not_sent": "not sent",
        "not_possible": "not possible there",
        "under_way": "under way",
    },
    "de": {
        "subject": "Bericht: Einsatz vor Ort an {station}, {day}",
        "subject_maintenance": "Bericht: jährliche Wartung von {station}, {day}",
        "dear": (
            "Guten Tag {name},\n\nder Einsatz an {station} ist abgeschlossen: {outcome}."
            "\n\nDer Bericht liegt bei.\nAuf seiner Seite: {link}"
        ),
        "title": "Bericht über einen Einsatz vor Ort",
        "title_maintenance": "Bericht über eine jährliche Wartung",
        "station": "Ladestation",
        "ticket": "Ticket",
        "visit": "Einsatz",
        "outcome": "Ergebnis",
        "fault": "Die Störung",
        "analysis": "Fehleranalyse: {text}",
        "aid": "Erste Hilfe aus der Ferne",
        "aid_line": "{at}: {step}: {result}",
        "done": "Was vorgefunden und getan wurde",
        "technician": "Techniker, {at}: {text}",
        "measures": "Weitere Maßnahmen: {text}",
        "consent": "Ihre Zustimmung: {text}",
        "agent": "Service, {at}: {text}",
        "parts": "Teile",
        "part": "{pieces} × {name}",
        "serial": ", Seriennummer {number}",
        "exchanged": "Getauscht",
        "exchange": (
            "{what} an EVSE {evse}, {at}: letzter Stand {last} kWh, erster Stand {first} kWh"
        ),
        "times": "Zugesagt und gehalten",
        "met": "{target}: {at}, rechtzeitig (zugesagt bis {due})",
        "late": "{target}: {at}, zu spät (zugesagt bis {due})",
        "open": "{target}: zugesagt bis {due}",
        "cost": "Wer zahlt",
        "warranty": "Gewährleistung: Es wird nichts berechnet. {reason}",
        "guarantee": "Garantie des Herstellers: Es wird nichts berechnet. {reason}",
        "chargeable": "Kostenpflichtig. {reason}",
        "maintenance": "Jährliche Wartung nach dem Servicepaket.",
        "free": "Dafür wird nichts berechnet.",
        "work": "Arbeit: {amount} netto",
        "parts_cost": "Teile: {amount} netto",
        "total": "Es kommt mit der nächsten Rechnung: {amount} netto, zuzüglich USt.",
        "photos": "Fotos",
        "photos_left": "{number} weitere auf der Seite des Einsatzes.",
        "page": "Seite {number} von {count}",
        "remote_target": "Aus der Ferne versucht",
        "answer_target": "Beantwortet",
        "on_site_target": "Techniker vor Ort",
        "surroundings_restored": "das Umsystem funktioniert wieder",
        "parts_replaced": "Gehäuse, Kabel oder Elektronik wurden ersetzt",
        "reconfigured": "die unveränderte Ladestation wurde neu eingerichtet",
        "foreign_source_removed": "eine fremde Station oder Störquelle wurde entfernt",
        "meter": "Zähler",
        "station_exchanged": "Ganze Ladestation",
        "trigger": "Status erneut abgefragt",
        "clear_cache": "Cache geleert",
        "unlock": "Anschluss entriegelt",
        "soft_reset": "neu gestartet (sanft)",
        "hard_reset": "neu gestartet (hart)",
        "effective": "hat gewirkt",
        "rejected": "von der Station abgelehnt",
        "failed": "ohne Wirkung",
        "not_sent": "nicht gesendet",
        "not_possible": "dort nicht möglich",
        "under_way": "läuft noch",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitReport:
    """A closed visit, with all that its owner is told of it.

    Attributes:
        owner: Whose the station was.
        language: Of the report.
        zone: In which its moments are told.
        aid: What was tried from afar before, in its order.
        promises: The ticket's times.
        charged: What is charged for work and for parts, net; None where nothing is.
        pictures: Fit for the paper, each with its caption.
        more_pictures: How many are only on the page.
    """

    owner: Organisation
    language: str
    zone: ZoneInfo
    visit: Visit
    ticket: Ticket
    aid: Sequence[Tried]
    promises: Sequence[Promise]
    work: Money | None
    parts: Money | None
    pictures: Sequence[tuple[Picture, str]]
    more_pictures: int

    @property
    def day_at(self) -> datetime:
        """When somebody was there."""
        at = self.visit.arrived_at or self.visit.ended_at
        assert at is not None
        return at


def word(report: VisitReport, key: str, **values: object) -> str:
    """Return a text of the report in its language."""
    return _WORDS[report.language][key].format(**values)


def title_of(report: VisitReport) -> str:
    """Return what the paper is called."""
    is_yearly = report.visit.kind is VisitKind.MAINTENANCE
    return word(report, "title_maintenance" if is_yearly else "title")


def outcome_of(report: VisitReport) -> str:
    """Return what the visit came to, as the middle of a sentence."""
    assert report.visit.outcome is not None
    return word(report, report.visit.outcome)


def moment(report: VisitReport, at: datetime) -> str:
    """Return a moment as the owner reads it."""
    text: str = format_datetime(
        at.astimezone(report.zone), "short", locale=_LOCALES[report.language]
    )
    return text


def sections(report: VisitReport) -> list[tuple[str, tuple[str, ...]]]:
    """Return what the report says: titles with their lines; what has none is left out."""
    made = [
        ("fault", _fault(report)),
        ("aid", _aid(report)),
        ("done", _done(report)),
        ("parts", _parts(report)),
        ("exchanged", _exchanged(report)),
        ("times", _times(report)),
        ("cost", _cost(report)),
    ]
    return [(word(report, title), lines) for title, lines in made if lines]


def _fault(report: VisitReport) -> tuple[str, ...]:
    lines = [report.ticket.title, *_lines(report.ticket.text)]
    if report.visit.package is not None:
        lines.append(word(report, "analysis", text=report.visit.package.fault_analysis))
    return tuple(lines)


def _aid(report: VisitReport) -> tuple[str, ...]:
    return tuple(
        word(
            report,
            "aid_line",
            at=moment(report, each.asked_at),
            step=word(report, each.step),
            result=word(report, each.result or "under_way"),
        )
        for each in report.aid
    )


def _done(report: VisitReport) -> tuple[str, ...]:
    visit = report.visit
    assert visit.technician_at is not None
    assert visit.agent_at is not None
    lines = [
        word(
            report,
            "technician",
            at=moment(report, visit.technician_at),
            text=visit.technician_text,
        )
    ]
    if visit.measures:
        lines.append(word(report, "measures", text=visit.measures))
    if visit.consent:
        lines.append(word(report, "consent", text=visit.consent))
    lines.append(word(report, "agent", at=moment(report, visit.agent_at), text=visit.agent_text))
    return tuple(lines)


def _parts(report: VisitReport) -> tuple[str, ...]:
    return tuple(
        word(report, "part", pieces=each.pieces, name=each.name)
        + _serial(report, each.serial_number)
        for each in report.visit.parts
    )


def _exchanged(report: VisitReport) -> tuple[str, ...]:
    return tuple(
        word(
            report,
            "exchange",
            what=word(report, "meter" if each.what == "meter" else "station_exchanged"),
            evse=each.evse_id,
            at=moment(report, each.exchanged_at),
            last=_kwh(report, each.last_wh),
            first=_kwh(report, each.first_wh),
        )
        + _serial(report, each.serial_number)
        for each in report.visit.exchanges
    )


def _times(report: VisitReport) -> tuple[str, ...]:
    lines = []
    for each in report.promises:
        key, at = "open", ""
        if each.met_at is not None:
            key, at = "met" if each.met_at <= each.due_at else "late", moment(report, each.met_at)
        target = word(report, f"{each.target}_target")
        lines.append(word(report, key, target=target, at=at, due=moment(report, each.due_at)))
    return tuple(lines)


def _cost(report: VisitReport) -> tuple[str, ...]:
    visit = report.visit
    if visit.kind is VisitKind.MAINTENANCE:
        lines = [word(report, "maintenance")]
    else:
        assert visit.cover is not None
        lines = [word(report, visit.cover.cover, reason=visit.cover.reason)]
    charged = [each for each in (report.work, report.parts) if each is not None and each.amount]
    if charged:
        if report.work is not None and report.parts is not None:
            lines += [
                word(report, "work", amount=_money(report, report.work)),
                word(report, "parts_cost", amount=_money(report, report.parts)),
            ]
        together = Money(sum((each.amount for each in charged), Decimal()), charged[0].currency)
        lines.append(word(report, "total", amount=_money(report, together)))
    elif visit.kind is VisitKind.MAINTENANCE or (
        visit.cover is not None and visit.cover.cover is Cover.CHARGEABLE
    ):
        lines.append(word(report, "free"))
    return tuple(lines)


def report_mail(report: VisitReport, recipient: str, *, link: str, paper: bytes) -> Mail:
    """Return the mail about a visit, in the owner's language.

    Args:
        report: The visit's.
        recipient: The owner's address.
        link: The visit's page.
        paper: The report as a PDF.
    """
    station = report.visit.station
    is_yearly = report.visit.kind is VisitKind.MAINTENANCE
    day = format_date(
        report.day_at.astimezone(report.zone).date(), locale=_LOCALES[report.language]
    )
    body = word(
        report,
        "dear",
        name=report.owner.name,
        station=station,
        outcome=outcome_of(report),
        link=link,
    )
    return Mail(
        recipient=recipient,
        subject=word(
            report, "subject_maintenance" if is_yearly else "subject", station=station, day=day
        ),
        body_text=f"{body}\n",
        language=report.language,
        attachments=(Attachment(file_name(report.visit), "application/pdf", paper),),
    )


def file_name(visit: Visit) -> str:
    """Return what the file of a report is called."""
    return f"visit-{visit.id}.pdf"


def _serial(report: VisitReport, number: str | None) -> str:
    return word(report, "serial", number=number) if number else ""


def _lines(text: str) -> Iterable[str]:
    return (line.strip() for line in text.splitlines() if line.strip())


def _kwh(report: VisitReport, energy_wh: Decimal) -> str:
    text: str = format_decimal(energy_wh / 1000, "#,##0.000", locale=_LOCALES[report.language])
    return text


def _money(report: VisitReport, amount: Money) -> str:
    text: str = format_currency(amount.amount, amount.currency, locale=_LOCALES[report.language])
    return text
