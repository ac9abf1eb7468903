"""Documents are made into files when they are issued, and go to their recipients by mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from billing import contacts, document_forms, document_store
from billing.document_forms import File
from billing.document_words import DocumentWords
from billing.documents import Document, DocumentKind
from foundation.clock import Clock
from foundation.errors import Conflict, NotFound
from foundation.events import DocumentIssued
from foundation.mail import Attachment, Mail, Mails
from foundation.outbox import Delivery, Subscription

log = structlog.get_logger(__name__)

READER = "documents"

MAILED_FORMS = ("pdf", "xml", "csv", document_forms.SESSIONS)
"""What goes with the mail, as far as a document has it; the sessions in place of the CSV."""


class NoAddress(Conflict):
    """The recipient has no mail address; enter one with the contact first."""

    code = "no_address"

    def __init__(self, number: str) -> None:
        super().__init__(f"The recipient of {number} has no mail address.")


@dataclass(frozen=True, slots=True)
class DocumentMailer:
    """Takes deliveries of documents that were issued: makes their files, posts what is mailed."""

    mails: Mails
    clock: Clock

    async def __call__(self, db: AsyncSession, deliveries: Sequence[Delivery]) -> None:
        """Make each document's files; post it once, if it is mailed and has an address."""
        for delivery in deliveries:
            event = delivery.event
            assert isinstance(event, DocumentIssued)
            found = await document_store.document(db, event.number)
            if found is None:
                raise NotFound("document", event.number)
            document = document_store.value_of(found[0])
            now = self.clock.now()
            for form in document_forms.forms_of(document):
                await document_forms.file(db, document, form, now=now)
            if not event.mailed:
                continue
            try:
                await send(db, self.mails, document, now=now)
            except NoAddress:
                log.warning("document.no_address", number=document.number)


async def send(
    db: AsyncSession, mails: Mails, document: Document, *, now: datetime, again: bool = False
) -> int:
    """Post a document to its recipient's address as it is now; return the mail's number.

    Args:
        db: A unit of work.
        mails: Who posts.
        document: What.
        now: When.
        again: Whether it is posted once more; otherwise each document is posted once.

    Raises:
        NoAddress: If the recipient has none.
    """
    known = await contacts.of_debtors(db, [document.recipient.key])
    contact = known.get(document.recipient.key)
    address = document.recipient.email if contact is None else contact.email
    if address is None:
        raise NoAddress(document.number)
    files = [
        await document_forms.file(db, document, form, now=now)
        for form in document_forms.forms_of(document)
        if form in MAILED_FORMS
    ]
    key = f"document/{document.number}"
    if again:
        key += f"/{now.isoformat()}"
    mail_id = await mails.post(db, document_mail(document, address, files), key=key)
    await document_store.set_state(db, document.number, mail_id=mail_id, sent_at=now)
    return mail_id


def document_mail(document: Document, recipient: str, files: Sequence[File]) -> Mail:
    """Return the mail with a document's files, in the language of the document."""
    words = DocumentWords(document.language)
    title = words.title(document.kind)
    amount = ""
    if document.kind is not DocumentKind.CANCELLATION:
        amount = words.text(
            "mail_amount",
            gross=words.money(document.due),
            currency=document.currency,
            terms=document.payment_terms or "",
        )
    return Mail(
        recipient=recipient,
        subject=words.text("mail_subject", title=title, number=document.number),
        body_text=words.text(
            "mail_body",
            name=document.recipient.name,
            title=title,
            number=document.number,
            day=words.day(document.issued_on),
            amount=amount,
            issuer=document.issuer.name,
        ),
        language=document.language,
        attachments=tuple(Attachment(each.name, each.media_type, each.content) for each in files),
    )


def subscription(mails: Mails, clock: Clock) -> Subscription:
    """Return the reader of documents that were issued."""
    return Subscription(READER, (DocumentIssued.kind,), DocumentMailer(mails, clock))
