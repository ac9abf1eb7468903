"""What the report of a month says to an owner, in his language, and the mail that brings it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from foundation.mail import Attachment, Mail
from foundation.money import Money
from support.owner_month import OwnerMonth

_WORST: Final = 5

_LOCALES: Final = {"en": Locale("en", "GB"), "de": Locale("de", "DE")}
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "subject": "Your charging stations in {month}",
        "dear": "Dear {name},\n\nthis is what your charging stations did in {month}.",
        "did": "What they did",
        "uptime": "Uptime: {uptime} %",
        "no_uptime": "Uptime: nothing measured",
        "sessions": "Sessions: {sessions}, energy: {energy} kWh",
        "starts": "Starts that worked: {worked} of {starts}",
        "happened": "What happened",
        "alerts": "Alerts: {alerts}, still open: {open}",
        "down": "Longest down: {stations}",
        "never_down": "No station was down.",
        "done": "What was done",
        "tickets": "Tickets opened: {opened}, closed: {closed}",
        "money": "What it earned and cost",
        "earned": "Revenue of the sessions, net: {amounts}",
        "payouts": "Paid out to you, gross: {amounts}",
        "costs": "Services and fees, net: {amounts}",
        "hours": "{hours} h",
        "nothing": "none",
        "more": "All of it: {link}",
        "heads": "Station|Uptime (%)|Down (h)|Sessions|Energy (kWh)",
        "stations": "By station",
        "page": "Page {number} of {count}",
    },
    "de": {
        "subject": "Ihre Ladestationen im {month}",
        "dear": "Guten Tag {name},\n\ndas haben Ihre Ladestationen im {month} geleistet.",
        "did": "Was sie leisteten",
        "uptime": "Verfügbarkeit: {uptime} %",
        "no_uptime": "Verfügbarkeit: nichts gemessen",
        "sessions": "Ladevorgänge: {sessions}, Energie: {energy} kWh",
        "starts": "Gelungene Starts: {worked} von {starts}",
        "happened": "Was geschah",
        "alerts": "Alarme: {alerts}, noch offen: {open}",
        "down": "Am längsten nicht nutzbar: {stations}",
        "never_down": "Keine Ladestation war ausgefallen.",
        "done": "Was getan wurde",
        "tickets": "Tickets eröffnet: {opened}, erledigt: {closed}",
        "money": "Was es einbrachte und kostete",
        "earned": "Erlös der Ladevorgänge, netto: {amounts}",
        "payouts": "Auszahlung an Sie, brutto: {amounts}",
        "costs": "Dienste und Gebühren, netto: {amounts}",
        "hours": "{hours} h",
        "nothing": "keine",
        "more": "Alles Weitere: {link}",
        "heads": "Ladestation|Verfügbarkeit (%)|Nicht nutzbar (h)|Ladevorgänge|Energie (kWh)",
        "stations": "Nach Ladestation",
        "page": "Seite {number} von {count}",
    },
}


def word(report: OwnerMonth, key: str, **values: object) -> str:
    """Return a text of the report in the owner's language."""
    return _WORDS[report.organisation.language][key].format(**values)


def month_name(report: OwnerMonth) -> str:
    """Return the month's name in the owner's language."""
    locale = _LOCALES[report.organisation.language]
    text: str = format_date(report.month.first_day, "LLLL y", locale=locale)
    return text


def sections(report: OwnerMonth) -> list[tuple[str, tuple[str, ...]]]:
    """Return what the report says: titles with their lines, in the owner's language."""
    language = report.organisation.language
    words, locale = _WORDS[language], _LOCALES[language]
    did = report.together
    share = did.uptime.basis_points
    uptime = words["no_uptime"]
    if share is not None:
        uptime = words["uptime"].format(uptime=_number(share / 100, "#,##0.0#", locale))
    worst = [each for each in report.stations if each.did.uptime.down][:_WORST]
    down = ", ".join(
        f"{each.name or each.station} ({_hours(each.did.uptime.down, words, locale)})"
        for each in worst
    )
    energy = _number(float(did.energy_wh / 1000), "#,##0.0", locale)
    return [
        (
            words["did"],
            (
                uptime,
                words["sessions"].format(sessions=did.sessions, energy=energy),
                words["starts"].format(worked=did.worked, starts=did.starts),
            ),
        ),
        (
            words["happened"],
            (
                words["alerts"].format(alerts=sum(report.alerts.values()), open=report.still_open),
                words["down"].format(stations=down) if worst else words["never_down"],
            ),
        ),
        (
            words["done"],
            (words["tickets"].format(opened=report.tickets_opened, closed=report.tickets_closed),),
        ),
        (
            words["money"],
            tuple(
                words[key].format(amounts=_amounts(amounts, words, locale))
                for key, amounts in (
                    ("earned", report.earned),
                    ("payouts", report.payouts),
                    ("costs", report.costs),
                )
            ),
        ),
    ]


def station_rows(report: OwnerMonth) -> list[tuple[str, str, str, str, str]]:
    """Return the stations: name, uptime in %, hours down, sessions, energy in kWh."""
    locale = _LOCALES[report.organisation.language]
    found = []
    for each in report.stations:
        share = each.did.uptime.basis_points
        down_h = each.did.uptime.down.total_seconds() / 3600
        found.append(
            (
                each.name or each.station,
                "–" if share is None else _number(share / 100, "#,##0.00", locale),
                _number(down_h, "#,##0.0", locale),
                str(each.did.sessions),
                _number(float(each.did.energy_wh / 1000), "#,##0.0", locale),
            )
        )
    return found


def report_mail(report: OwnerMonth, recipient: str, *, link: str, paper: bytes) -> Mail:
    """Return the mail about a month, in the owner's language.

    Args:
        report: The month.
        recipient: The owner's address.
        link: Where the page of owners' months lies; the month follows.
        paper: The same as a PDF.
    """
    words = _WORDS[report.organisation.language]
    month = month_name(report)
    blocks = [
        words["dear"].format(name=report.organisation.name, month=month),
        *(_block(title, *lines) for title, lines in sections(report)),
        words["more"].format(link=f"{link}{report.month}"),
    ]
    return Mail(
        recipient=recipient,
        subject=words["subject"].format(month=month),
        body_text="\n\n".join(blocks) + "\n",
        language=report.organisation.language,
        attachments=(Attachment(f"{report.month}.pdf", "application/pdf", paper),),
    )


def _block(title: str, *lines: str) -> str:
    return "\n".join((title, *(f"- {each}" for each in lines)))


def _number(value: float, pattern: str, locale: Locale) -> str:
    text: str = format_decimal(value, pattern, locale=locale)
    return text


def _hours(span: timedelta, words: Mapping[str, str], locale: Locale) -> str:
    return words["hours"].format(hours=_number(span.total_seconds() / 3600, "#,##0.0", locale))


def _amounts(amounts: Sequence[Money], words: Mapping[str, str], locale: Locale) -> str:
    told = [format_currency(each.amount, each.currency, locale=locale) for each in amounts]
    return ", ".join(told) or words["nothing"]
