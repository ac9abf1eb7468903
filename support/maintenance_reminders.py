"""Mails that remind owners of yearly maintenances ahead: one a month, with all that is due.

Each month's mail has what is due until the end of the next month, so that everything is told a
month ahead at least. What is planned stands in it with its ticket. The mail's key is the month's.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date

from accounts import directory
from accounts.directory import WHOLE, Organisation
from billing.months import Month
from foundation.clock import Clock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from foundation.mail import Mail, Mails
from support.yearly_maintenance import MaintenanceState, YearlyMaintenance, maintenances

CRON: Final = "41 6 * * *"
_MOST_LINES: Final = 100

_LOCALES: Final = {"en": Locale("en", "GB"), "de": Locale("de", "DE")}
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "subject": "Yearly maintenances due until {day}",
        "dear": "Dear {name},\n\nthese yearly maintenances are due until {day}:",
        "line": "{station}: {due}, package {package}",
        "overdue": "overdue since {day}",
        "due": "due on {day}",
        "planned": " (planned, ticket #{ticket})",
        "more": "and {number} more.",
        "link": "All of them, and when the next are due: {link}",
    },
    "de": {
        "subject": "Jährliche Wartungen, fällig bis {day}",
        "dear": "Guten Tag {name},\n\ndiese jährlichen Wartungen sind bis {day} fällig:",
        "line": "{station}: {due}, Paket {package}",
        "overdue": "überfällig seit {day}",
        "due": "fällig am {day}",
        "planned": " (geplant, Ticket #{ticket})",
        "more": "und {number} weitere.",
        "link": "Alle, und wann die nächsten fällig sind: {link}",
    },
}


def horizon(now: datetime, zone: ZoneInfo) -> date:
    """Return the last day that a month's mail tells of: that of the next month."""
    return Month.of(now, zone).next.next.first_day - timedelta(days=1)


def reminder(
    owner: Organisation,
    recipient: str,
    due: Sequence[YearlyMaintenance],
    *,
    until: date,
    today: date,
    link: str,
) -> Mail:
    """Return the mail about what is due, in the owner's language.

    Args:
        owner: Whose stations.
        recipient: His address.
        due: What is due until then, the soonest first.
        until: The last day that it tells of.
        today: In his zone.
        link: The page of maintenances.
    """
    words, locale = _WORDS[owner.language], _LOCALES[owner.language]

    def day(of: date) -> str:
        text: str = format_date(of, "long", locale=locale)
        return text

    lines = []
    for each in due[:_MOST_LINES]:
        key = "overdue" if each.due_on < today else "due"
        station = each.station if each.name is None else f"{each.name} ({each.station})"
        line = words["line"].format(
            station=station, due=words[key].format(day=day(each.due_on)), package=each.package_name
        )
        if each.state is MaintenanceState.PLANNED:
            line += words["planned"].format(ticket=each.ticket)
        lines.append(f"- {line}")
    if len(due) > _MOST_LINES:
        lines.append(words["more"].format(number=len(due) - _MOST_LINES))
    body = (
        words["dear"].format(name=owner.name, day=day(until)),
        "\n".join(lines),
        words["link"].format(link=link),
    )
    return Mail(
        recipient=recipient,
        subject=words["subject"].format(day=day(until)),
        body_text="\n\n".join(body) + "\n",
        language=owner.language,
    )


def reminding(
    database: Database, clock: Clock, mails: Mails, *, link: str
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return the job that writes to owners with a mail address what is due, once a month."""

    async def run() -> None:
        now = clock.now()
        async with database.unit_of_work() as db:
            found = await maintenances(db, WHOLE, now=now)
            owners = await directory.organisations(db) if found else []
        by_owner: dict[OrganisationKey, list[YearlyMaintenance]] = {}
        for each in found:
            by_owner.setdefault(each.organisation, []).append(each)
        for owner in owners:
            zone = ZoneInfo(owner.time_zone)
            until = horizon(now, zone)
            due = [each for each in by_owner.get(owner.key, ()) if each.due_on <= until]
            if not due or not owner.email:
                continue
            mail = reminder(
                owner,
                owner.email,
                due,
                until=until,
                today=now.astimezone(zone).date(),
                link=link,
            )
            async with database.unit_of_work() as db:
                month = Month.of(now, zone)
                await mails.post(db, mail, key=f"maintenances/{owner.key}/{month}")

    return run
