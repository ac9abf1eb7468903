"""Owners who can be paid, and statements that are open, for tests of payouts."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.permissions import Role
from billing import ledger, ledger_store, self_billing
from billing.ledger import SettledGroup
from billing.paying import By
from billing.tables import StatementRow
from foundation.identifiers import OrganisationKey
from foundation.money import Money
from tests.billing.story import BAKERY, HOTEL, LONG_AGO, settle_in

ANNA, BERT, CARL = By("person/1", "Anna"), By("person/2", "Bert"), By("person/3", "Carl")
PROGRAM = By("api_key/1", "Ledger export")
NOVEMBER = datetime(2026, 11, 2, 8, tzinfo=UTC)
TOMORROW = date(2026, 11, 3)

IBANS = {
    OrganisationKey("operator"): "DE02120300000000202051",
    BAKERY: "DE89370400440532013000",
    HOTEL: "DE02500105170137075030",
}


async def settle_in_with_accounts(db: AsyncSession) -> None:
    """An operator with an account, and two small businesses that accepted self-billing."""
    await settle_in(db)
    for key, iban in IBANS.items():
        await directory.change_organisation(db, key, {"iban": iban, "tax_status": "small_business"})
    for payee in (BAKERY, HOTEL):
        await accept(db, payee)


async def accept(db: AsyncSession, payee: OrganisationKey, **changes: Any) -> None:
    """An authorised person of the owner accepts self-billing."""
    values: dict[str, Any] = {
        "language": "de",
        "by": "person/9",
        "by_name": "Olga Owner",
        "of": payee,
        "now": NOVEMBER,
    }
    await self_billing.accept(db, payee, **(values | changes))


async def owe(
    db: AsyncSession, payee: OrganisationKey, month: str, gross: str, currency: str = "EUR"
) -> str:
    """Issue a statement without its lines, booked as a close books it; return its id."""
    statement_id = f"{payee}-{month}-{currency}"
    amount = Money(Decimal(gross), currency)
    day = date.fromisoformat(f"{month}-01") + timedelta(days=31)
    await db.execute(
        insert(StatementRow).values(
            statement_id=statement_id,
            payee=payee,
            month=month,
            currency=currency,
            issued_at=LONG_AGO,
            due_on=day + timedelta(days=14),
            state="open",
            payout_net_minor=amount.minor,
            payout_gross_minor=amount.minor,
            document={},
        )
    )
    await ledger_store.add_entries(
        db,
        ledger.close_entries(
            payee=payee,
            groups=[SettledGroup("external", amount, amount)],
            vat=Money.zero(currency),
            statement_id=statement_id,
            booked_at=LONG_AGO,
        ),
    )
    return statement_id


async def owner(db: AsyncSession, payee: OrganisationKey, name: str, password_hash: str) -> int:
    """Create an owner's person."""
    person = await directory.create_person(
        db,
        name,
        {"name": name.title(), "organisation": payee, "roles": [Role.OWNER]},
        password_hash=password_hash,
        now=LONG_AGO,
    )
    return person.id
