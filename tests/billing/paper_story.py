"""The small world of `story`, with an operator that may write papers and customers to write to."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import charges, contacts, contracts, invoicing, subscriptions
from billing.contacts import Contact, ContactFacts
from billing.contracts import Contract
from billing.invoice_drafts import Issuer
from billing.invoicing_settings import change_settings
from billing.services import Subscription
from foundation.identifiers import OrganisationKey
from foundation.money import Money
from tests.billing.story import BAKERY, LONG_AGO, NOVEMBER, STAFF, settle_in

AUTOMATED_INVOICING, CREDIT_NOTES = Subscription.AUTOMATED_INVOICING, Subscription.CREDIT_NOTES
OPERATOR = OrganisationKey("operator")
BERLIN = ZoneInfo("Europe/Berlin")
OCTOBER = "2026-10"
OPERATOR_VAT = "DE136695976"
BAKERY_VAT = "DE129273398"
AUSTRIAN_VAT = "ATU13585627"


async def open_office(
    db: AsyncSession,
    services: tuple[Subscription, ...] = (AUTOMATED_INVOICING, CREDIT_NOTES),
    **switches: Any,
) -> None:
    """Settle in, give operator and bakery what papers need, and switch invoicing on."""
    await settle_in(db)
    await directory.change_organisation(
        db,
        OPERATOR,
        {
            "name": "Ladewerk GmbH",
            "vat_id": OPERATOR_VAT,
            "address": "Hafenstraße 1\n89073 Ulm",
            "iban": "DE89370400440532013000",
            "email": "office@ladewerk.example",
        },
    )
    await directory.change_organisation(
        db,
        BAKERY,
        {
            "vat_id": BAKERY_VAT,
            "address": "Marktplatz 16\n71032 Böblingen",
            "iban": "DE02120300000000202051",
            "email": "bakery@example.com",
        },
    )
    for service in services:
        await switch_on(db, service)
    await change_settings(db, OPERATOR, switches, now=LONG_AGO)


async def switch_on(db: AsyncSession, service: Subscription, now: datetime = LONG_AGO) -> None:
    """Give the operator a service: which papers are made by themselves."""
    await subscriptions.switch_on(db, charges.organisation(OPERATOR), service, by="x", now=now)


async def customer(db: AsyncSession, **facts: Any) -> Contact:
    """Record a company in Berlin."""
    values: dict[str, Any] = {
        "managing": OPERATOR,
        "kind": "company",
        "name": "Huber Transporte",
        "street": "Ring 5",
        "postcode": "10115",
        "city": "Berlin",
        "country": "DE",
        "email": "huber@example.com",
        **facts,
    }
    return await contacts.add(db, ContactFacts(**values), now=LONG_AGO)  # type: ignore[typeddict-item]


async def contract_of(
    db: AsyncSession, contact: Contact, token: str | None = "04A2", fee: str = "0"
) -> Contract:
    """Make a contract since January, with a token."""
    made = await contracts.add(
        db,
        contact_id=contact.id,
        name="Fleet",
        base_fee=Money(Decimal(fee), "EUR"),
        valid_from=date(2026, 1, 1),
        now=LONG_AGO,
    )
    if token is not None:
        await contracts.put_token(db, made.id, token, valid_from=LONG_AGO)
    return made


async def run(
    db: AsyncSession, month: str = OCTOBER, now: datetime = NOVEMBER, **more: Any
) -> invoicing.Result:
    """Run the invoicing of a month."""
    return await invoicing.run(db, month, now=now, **more)


async def issuer(db: AsyncSession) -> Issuer:
    """Who issues."""
    return await invoicing.issuer_of(db)


__all__ = ["BAKERY", "STAFF"]
