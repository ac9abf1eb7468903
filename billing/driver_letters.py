"""Face: drivers are told about single sessions, and what was told.

A driver is whoever has the contract that his token was on when the session began; his contact has
the address and the language. Nobody else can be told, and then it is noted why not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing import charges, contacts, driver_words, store, tariff_store, validity_store
from billing.cdr import Cdr
from billing.contacts import Contact
from billing.driver_letter_tables import DriverLetterRow
from billing.driver_words import About as About
from foundation.clock import Clock
from foundation.events import DriverConcerned
from foundation.identifiers import OrganisationKey, TransactionId
from foundation.mail import InvalidAddress, Mail, Mails
from foundation.outbox import Delivery, Subscription

READER: Final = "drivers"


class Outcome(StrEnum):
    """Whether a driver was told, or why not."""

    MAILED = "mailed"
    NO_CARD = "no_card"
    """Nobody's card was presented."""
    OF_PROVIDER = "of_provider"
    """The card is a provider's, who alone knows its customer."""
    NO_CONTRACT = "no_contract"
    NO_ADDRESS = "no_address"
    """The contact of the contract has no mail address."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of telling a driver; `managing` is whose the contact is, who may see him."""

    about: About
    outcome: Outcome
    noted_at: datetime
    contact_name: str | None
    managing: OrganisationKey | None
    language: str | None
    mail_id: int | None


@dataclass(frozen=True, slots=True)
class DriverLetters:
    """Takes deliveries of transactions whose drivers are to be told."""

    mails: Mails
    clock: Clock

    async def __call__(self, db: AsyncSession, deliveries: Sequence[Delivery]) -> None:
        """Tell each driver once about each thing, as far as it is still so."""
        for delivery in deliveries:
            event = delivery.event
            assert isinstance(event, DriverConcerned)
            await tell(db, self.mails, event.transaction_id, now=self.clock.now())


async def tell(
    db: AsyncSession, mails: Mails, transaction_id: TransactionId, *, now: datetime
) -> None:
    """Tell the driver of a transaction what its current CDR has to say to him, once."""
    record = (await store.current_records(db, [transaction_id])).get(transaction_id)
    if record is None:
        return
    cdr = record.cdr
    found = await validity_store.open_findings(db, transaction_id)
    if found is None and cdr.hold_reason is not None:
        return  # somebody has decided about it since
    reasons = None if found is None else [each.reason for each in found]
    about = driver_words.concerns(cdr, reasons)
    if about is None or await _is_noted(db, transaction_id, about):
        return
    outcome, contact = await _whom(db, cdr)
    mail_id = None
    if contact is not None and contact.email is not None and outcome is Outcome.MAILED:
        written = driver_words.letter(
            about, cdr, found or (), name=contact.name, language=contact.language
        )
        mail = Mail(
            recipient=contact.email,
            subject=written.subject,
            body_text=written.body,
            language=contact.language,
            on_behalf_of=contact.managing,
        )
        try:
            mail_id = await mails.post(db, mail, key=f"driver/{about}/{transaction_id}")
        except InvalidAddress:
            outcome = Outcome.NO_ADDRESS
    await db.execute(
        insert(DriverLetterRow)
        .values(
            transaction_id=transaction_id,
            about=about,
            outcome=outcome,
            contact_id=None if contact is None else contact.id,
            language=None if contact is None else contact.language,
            mail_id=mail_id,
            noted_at=now,
        )
        .on_conflict_do_nothing(index_elements=["transaction_id", "about"])
    )


async def _is_noted(db: AsyncSession, transaction_id: int, about: About) -> bool:
    found = await db.scalar(
        select(DriverLetterRow.id)
        .where(DriverLetterRow.transaction_id == transaction_id)
        .where(DriverLetterRow.about == about)
    )
    return found is not None


async def _whom(db: AsyncSession, cdr: Cdr) -> tuple[Outcome, Contact | None]:
    if cdr.id_token is None:
        return Outcome.NO_CARD, None
    if cdr.payer is not None and cdr.payer.provider is not None:
        return Outcome.OF_PROVIDER, None
    organisation = None if cdr.payer is None else cdr.payer.organisation
    [number] = await tariff_store.contacts_of(
        db, [(cdr.id_token.key, organisation, cdr.started_at)]
    )
    if number is None:
        return Outcome.NO_CONTRACT, None
    key = charges.contact(int(number))
    contact = (await contacts.of_debtors(db, [key]))[key]
    return (Outcome.NO_ADDRESS if contact.email is None else Outcome.MAILED), contact


async def told(db: AsyncSession, transaction_id: int) -> list[Told]:
    """Return what became of telling the driver of a transaction; the caller checked the scope."""
    rows = list(
        await db.scalars(
            select(DriverLetterRow)
            .where(DriverLetterRow.transaction_id == transaction_id)
            .order_by(DriverLetterRow.id)
        )
    )
    keys = {row.id: charges.contact(row.contact_id) for row in rows if row.contact_id is not None}
    known = await contacts.of_debtors(db, sorted(set(keys.values())))
    found = []
    for row in rows:
        contact = known.get(keys.get(row.id, ""))
        found.append(
            Told(
                About(row.about),
                Outcome(row.outcome),
                row.noted_at,
                None if contact is None else contact.name,
                None if contact is None else contact.managing,
                row.language,
                row.mail_id,
            )
        )
    return found


def subscription(mails: Mails, clock: Clock) -> Subscription:
    """Return the reader of transactions whose drivers are to be told."""
    return Subscription(READER, (DriverConcerned.kind,), DriverLetters(mails, clock))
