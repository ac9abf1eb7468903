"""What comes round for accounts: reminders, the months of licences, and what a lost tier stops.

Due times are days compared with the Clock; the schedule only wakes. Each account is a unit of work
of its own, so that one that fails does not hold back the others.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.account_letters import dropped_mail, expiry_mail
from accounts.account_tables import AccountReminderRow, AccountRow, PointLicenceRow
from accounts.approvals import charge_months
from accounts.directory import Organisation
from accounts.metering import MeteringPoints, locked_account, metered, note_count
from accounts.periods import Reminder, due_reminders, today
from accounts.tiers import LicenceModel, Tier
from foundation.clock import Clock
from foundation.database import Database
from foundation.errors import ExpectedError
from foundation.identifiers import OrganisationKey
from foundation.mail import Mails

log = structlog.get_logger(__name__)

CRON: Final = "*/10 * * * *"
"""How often we look: a reminder goes out at 08:00 in the account's zone, whatever that is."""
_FORGOTTEN_AFTER: Final = timedelta(days=60)
"""An end that lies so far back is told of no more."""


async def look_after(
    database: Database, mails: Mails, source: MeteringPoints, clock: Clock, *, public_url: str
) -> None:
    """Do what is due for each account that is not archived."""
    async with database.unit_of_work() as db:
        keys = list(
            await db.scalars(
                select(AccountRow.organisation)
                .where(AccountRow.archived_at.is_(None))
                .order_by(AccountRow.organisation)
            )
        )
    for key in keys:
        try:
            async with database.unit_of_work() as db:
                await look_after_one(
                    db, mails, source, OrganisationKey(key), public_url=public_url, now=clock.now()
                )
        except ExpectedError as error:
            log.warning("account.not_looked_after", organisation=key, code=error.code)


async def look_after_one(
    db: AsyncSession,
    mails: Mails,
    source: MeteringPoints,
    key: OrganisationKey,
    *,
    public_url: str,
    now: datetime,
) -> None:
    """Do what is due for one account: count, tell of what stopped, charge months, remind."""
    row = await locked_account(db, key)
    home = await directory.organisation(db, key)
    on = today(now, home.time_zone)
    issuer = (await directory.root(db)).name
    stops = note_count(row, await metered(db, source, key, on=on), now)
    if stops and home.email is not None:
        await mails.post(
            db,
            dropped_mail(
                home, home.email, Tier(row.tier), stops, public_url=public_url, issuer=issuer
            ),
            key=f"account/{key}/tier/{row.tier}/{now.isoformat()}",
        )
    licences = await db.scalars(
        select(PointLicenceRow)
        .where(PointLicenceRow.organisation == key)
        .where(or_(PointLicenceRow.ends_on.is_not(None), PointLicenceRow.next_month_on <= on))
        .order_by(PointLicenceRow.id)
    )
    for each in licences:
        if each.next_month_on is not None:
            await charge_months(db, each, now=now)
        elif each.model == LicenceModel.MULTI_YEAR:
            await _remind(db, mails, home, each, public_url, issuer, now)
    await _remind(db, mails, home, row, public_url, issuer, now)


async def _remind(
    db: AsyncSession,
    mails: Mails,
    home: Organisation,
    ending: AccountRow | PointLicenceRow,
    public_url: str,
    issuer: str,
    now: datetime,
) -> None:
    """Send the reminder of an end that is due, if there is one, and pass over those it replaces.

    Reminders belong to the end that they tell of: after a renewal there is another one, and the
    rest of the old ones never come.
    """
    ends_on = ending.ends_on
    assert ends_on is not None
    if now.date() > ends_on + _FORGOTTEN_AFTER:
        return
    subject = "account" if isinstance(ending, AccountRow) else f"licence/{ending.id}"
    done = {
        Reminder(each)
        for each in await db.scalars(
            select(AccountReminderRow.kind).where(
                AccountReminderRow.organisation == home.key,
                AccountReminderRow.subject == subject,
                AccountReminderRow.ends_on == ends_on,
            )
        )
    }
    due = due_reminders(ending.starts_on, ends_on, home.time_zone, done=done, now=now)
    states = dict.fromkeys(due.passed_over, "passed_over")
    if due.send is not None:
        states[due.send] = "sent" if home.email is not None else "no_address"
    if not states:
        return
    await db.execute(
        insert(AccountReminderRow)
        .values(
            [
                {
                    "organisation": home.key,
                    "subject": subject,
                    "ends_on": ends_on,
                    "kind": kind.value,
                    "state": state,
                    "done_at": now,
                }
                for kind, state in states.items()
            ]
        )
        .on_conflict_do_nothing()
    )
    if due.send is None:
        return
    if home.email is None:
        log.warning("account.no_address", organisation=home.key)
        return
    mail = expiry_mail(
        home,
        home.email,
        due.send,
        ends_on,
        licences=None if isinstance(ending, AccountRow) else ending.quantity,
        public_url=public_url,
        issuer=issuer,
    )
    key = f"account/{home.key}/{subject}/{ends_on.isoformat()}/{due.send.value}"
    await mails.post(db, mail, key=key)
