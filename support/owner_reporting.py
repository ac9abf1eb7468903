"""When owners get the report of their month: the shell around what it says.

It is written on the third day of the next month, when the month is closed as a rule and late ends
of sessions have come in. The mail's key is the month's: who looks twice writes once.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Final
from zoneinfo import ZoneInfo

from accounts import directory
from billing.months import Month
from foundation.clock import Clock
from foundation.database import Database
from foundation.mail import Mails
from support.owner_month import owner_month
from support.owner_report_pdf import report_pdf
from support.owner_reports import report_mail

CRON: Final = "23 6 * * *"
FIRST_DAY, LAST_DAY = 3, 9
"""On which days of the next month: who was away on one is served on a later one."""


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
                    mail = report_mail(
                        report, owner.email, link=link, paper=report_pdf(report, now)
                    )
                    await mails.post(db, mail, key=f"owner-month/{owner.key}/{month}")

    return run
