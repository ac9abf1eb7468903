"""Documents by mail: in the recipient's language, to the address as it is now, again on request."""

from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import contacts, document_mailing, papers
from billing.document_forms import File
from billing.document_mailing import NoAddress, document_mail, send
from billing.documents import DocumentKind
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import DocumentIssued
from foundation.jobs import Jobs
from foundation.mail import Mails, outbox
from foundation.settings import Settings
from tests.billing.paper_story import contract_of, customer, open_office, run
from tests.billing.story import DECEMBER, NOVEMBER, ended, happen
from tests.billing.test_documents import document


@pytest.fixture
def mails(database: Database, clock: SetClock) -> Mails:
    return Mails(database=database, jobs=Jobs(database.url), clock=clock, settings=Settings())


def test_the_mail_speaks_the_documents_language() -> None:
    file = File("RE-1.pdf", "application/pdf", b"%PDF-", "0")
    said = replace(document(), payment_terms="Zahlbar bis 14.11.2026.")
    german = document_mail(said, "huber@example.com", [file])
    assert german.subject == "Rechnung RE-2026-000001"
    assert "Betrag: 119,00 EUR. Zahlbar bis 14.11.2026." in german.body_text
    english = document_mail(replace(said, language="en"), "huber@example.com", [file])
    assert (english.subject, english.language) == ("Invoice RE-2026-000001", "en")
    assert [each.name for each in english.attachments] == ["RE-1.pdf"]
    back = replace(said, kind=DocumentKind.CANCELLATION, cancels="RE-0")
    assert "Betrag" not in document_mail(back, "huber@example.com", []).body_text


async def test_a_document_is_mailed_once_and_again_only_on_request(
    db: AsyncSession, mails: Mails
) -> None:
    await open_office(db)
    huber = await customer(db)
    await contract_of(db, huber)
    await happen(db, ended(1))
    [number] = (await run(db)).numbers
    _, issued = await papers.document(db, number)
    first = await send(db, mails, issued, now=NOVEMBER)
    assert await send(db, mails, issued, now=NOVEMBER) == first
    await contacts.change(db, huber.id, {"email": "new@example.com"})
    assert await send(db, mails, issued, now=DECEMBER, again=True) != first
    head, _ = await papers.document(db, number)
    assert (head.state, head.sent_at) == (papers.DocumentState.SENT, DECEMBER)
    kept = await outbox(db, limit=10)
    assert [each.recipient for each in kept] == ["new@example.com", "huber@example.com"]
    await contacts.change(db, huber.id, {"email": None})
    with pytest.raises(NoAddress):
        await send(db, mails, issued, now=DECEMBER, again=True)


def test_its_reader_takes_documents_that_were_issued(mails: Mails, clock: SetClock) -> None:
    reader = document_mailing.subscription(mails, clock)
    assert reader.kinds == (DocumentIssued.kind,)
