"""The report of the month that owners get by mail, in their language.

It is written on the third day of the next month, when the month is closed as a rule and late ends
of sessions have come in. The mail's key is the month's: who looks twice writes once.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from accounts import directory
from billing.months import Month
from foundation.clock import Clock
from foundation.database import Database
from foundation.mail import Mail, Mails
from foundation.money import Money
from support.owner_month import OwnerMonth, owner_month

CRON: Final = "23 6 * * *"
FIRST_DAY, LAST_DAY = 3, 9
"""On which days of the next month: who was away on one is served on a later one."""
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
    },
}


def report_mail(report: OwnerMonth, recipient: str, *, link: str) -> Mail:
    """Return the mail about a month, in the owner's language.

    Args:
        report: The month.
        recipient: The owner's address.
        link: Where the page of owners' months lies; the month follows.
    """
    language = report.organisation.language
    words, locale = _WORDS[language], _LOCALES[language]
    month = format_date(report.month.first_day, "LLLL y", locale=locale)
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
    blocks = [
        words["dear"].format(name=report.organisation.name, month=month),
        _block(
            words["did"],
            uptime,
            words["sessions"].format(sessions=did.sessions, energy=energy),
            words["starts"].format(worked=did.worked, starts=did.starts),
        ),
        _block(
            words["happened"],
            words["alerts"].format(alerts=sum(report.alerts.values()), open=report.still_open),
            words["down"].format(stations=down) if worst else words["never_down"],
        ),
        _block(
            words["done"],
            words["tickets"].format(opened=report.tickets_opened, closed=report.tickets_closed),
        ),
        _block(
            words["money"],
            *(
                words[key].format(amounts=_amounts(amounts, words, locale))
                for key, amounts in (
                    ("earned", report.earned),
                    ("payouts", report.payouts),
                    ("costs", report.costs),
                )
            ),
        ),
        words["more"].format(link=f"{link}{report.month}"),
    ]
    return Mail(
        recipient=recipient,
        subject=words["subject"].format(month=month),
        body_text="\n\n".join(blocks) + "\n",
        language=language,
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


def reporting(
    database: Database, clock: Clock, mails: Mails, *, link: str
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return the job that writes the reports that are due: to owners with stations and a mail."""

    async def run() -> None:
        async with database.unit_of_work() as db:
            owners = await directory.organisations(db)
        for owner in owners:
            now = clock.now()
            zone = ZoneInfo(owner.time_zone)
            if not owner.email or not FIRST_DAY <= now.astimezone(zone).day <= LAST_DAY:
                continue
            month = Month.of(now, zone).previous
            async with database.unit_of_work() as db:
                report = await owner_month(db, owner, month, now=now)
                if report.stations:
                    mail = report_mail(report, owner.email, link=link)
                    await mails.post(db, mail, key=f"owner-month/{owner.key}/{month}")

    return run
