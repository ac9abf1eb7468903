"""A statement goes to its payee by mail: the paper, its CSV twin, and a few words."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import books
from billing.statement_forms import statement_csv
from billing.statement_pdf import statement_pdf
from billing.statements import Statement
from foundation import metrics
from foundation.clock import Clock
from foundation.events import StatementIssued
from foundation.mail import Attachment, Mail, Mails
from foundation.outbox import Delivery

log = structlog.get_logger(__name__)

_SUBJECT: Final = {
    "en": "Your statement for {month}",
    "de": "Ihre Abrechnung für {month}",
}
_BODY: Final = {
    "en": (
        "Dear {name},\n\nyour statement for {month} is attached, as a PDF and as a CSV file.\n"
        "Payout: {gross} {currency}, due on {due}.\n\n{issuer}\n"
    ),
    "de": (
        "Guten Tag {name},\n\nIhre Abrechnung für {month} liegt bei, als PDF und als CSV-Datei.\n"
        "Auszahlung: {gross} {currency}, fällig am {due}.\n\n{issuer}\n"
    ),
}


@dataclass(frozen=True, slots=True)
class StatementMailer:
    """Takes deliveries of statements that were issued, and posts them once each."""

    mails: Mails
    clock: Clock

    async def __call__(self, db: AsyncSession, deliveries: Sequence[Delivery]) -> None:
        """Post each statement to its payee's address; without one it stays `open`."""
        for delivery in deliveries:
            assert isinstance(delivery.event, StatementIssued)
            statement = await books.statement(db, delivery.event.statement_id)
            payee = await directory.organisation(db, statement.payee.key)
            metrics.statements.labels("issued").inc()
            if payee.email is None:
                log.warning("statement.no_address", payee=payee.key)
                continue
            paper = await asyncio.to_thread(statement_pdf, statement)
            await self.mails.post(
                db,
                statement_mail(statement, payee.email, paper),
                key=f"statement/{statement.statement_id}",
            )
            await books.mark_sent(db, statement.statement_id, now=self.clock.now())


def statement_mail(statement: Statement, recipient: str, paper: bytes) -> Mail:
    """Return the mail with a statement's paper and CSV, in the payee's language."""
    language = statement.language
    values = {
        "name": statement.payee.name,
        "month": statement.month,
        "gross": statement.payout_gross.text,
        "currency": statement.currency,
        "due": statement.due_on.isoformat(),
        "issuer": statement.issuer.name,
    }
    return Mail(
        recipient=recipient,
        subject=_SUBJECT[language].format(**values),
        body_text=_BODY[language].format(**values),
        language=language,
        attachments=(
            Attachment(f"{statement.statement_id}.pdf", "application/pdf", paper),
            Attachment(
                f"{statement.statement_id}.csv", "text/csv", statement_csv(statement).encode()
            ),
        ),
    )
