"""A statement goes to its payee by mail, once, in the payee's language."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import books
from billing.mailing import StatementMailer, statement_mail
from billing.statement_forms import statement_csv
from billing.statements import StatementState
from foundation import mail
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import StatementIssued
from foundation.jobs import Jobs
from foundation.mail import Mails, MailState
from foundation.outbox import Delivery
from foundation.settings import Settings
from tests.billing import builders, story
from tests.billing.story import BAKERY, NOVEMBER


@pytest.mark.parametrize(
    ("language", "subject"),
    [("en", "Your statement for 2026-10"), ("de", "Ihre Abrechnung für 2026-10")],
)
def test_the_mail_has_the_paper_its_twin_and_the_payees_words(language: str, subject: str) -> None:
    statement = builders.statement(language=language)
    posted = statement_mail(statement, "owner@example.org", b"%PDF")

    assert posted.subject == subject
    assert statement.payout_gross.text in posted.body_text
    assert [each.media_type for each in posted.attachments] == ["application/pdf", "text/csv"]
    assert posted.attachments[0].content == b"%PDF"
    assert posted.attachments[1].content.decode() == statement_csv(statement)


async def issued(db: AsyncSession) -> Delivery:
    """Close a month with one transaction in it; return what its mailer is told."""
    await story.settle_in(db)
    await story.happen(db, story.started(1), story.ended(1))
    [statement] = await story.closing().close(db, BAKERY, "2026-10", now=NOVEMBER)
    event = StatementIssued(
        happened_at=NOVEMBER,
        statement_id=statement.statement_id,
        payee=BAKERY,
        month="2026-10",
    )
    return Delivery(1, event, NOVEMBER)


def mailer(database: Database) -> StatementMailer:
    clock = SetClock(NOVEMBER + timedelta(minutes=1))
    jobs = Jobs(database.url, stop_timeout_s=1)
    mails = Mails(database=database, jobs=jobs, clock=clock, settings=Settings.read())
    return StatementMailer(mails, clock)


async def test_a_statement_told_of_twice_is_posted_once_and_then_counts_as_sent(
    database: Database, db: AsyncSession
) -> None:
    delivery = await issued(db)
    await directory.change_organisation(db, BAKERY, {"email": "bakery@example.org"})
    for _ in range(2):
        await mailer(database)(db, [delivery])

    [kept] = await mail.outbox(db)
    assert (kept.recipient, kept.state) == ("bakery@example.org", MailState.KEPT)
    assert kept.attachment_names == ("bakery-2026-10-EUR.pdf", "bakery-2026-10-EUR.csv")
    assert (await books.statement(db, "bakery-2026-10-EUR")).state is StatementState.SENT


async def test_a_payee_without_an_address_keeps_an_open_statement(
    database: Database, db: AsyncSession
) -> None:
    delivery = await issued(db)
    await mailer(database)(db, [delivery])

    assert await mail.outbox(db) == []
    assert (await books.statement(db, "bakery-2026-10-EUR")).state is StatementState.OPEN
