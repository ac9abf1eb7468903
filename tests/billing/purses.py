"""Two customers with credits, and the mails that they get: what the tests of credits share."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import Person
from billing import credit_store
from billing.credit_mails import Letters
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.settings import Settings

NORTH = OrganisationKey("north")
SOUTH = OrganisationKey("south")


@dataclass(frozen=True)
class Purses:
    """The operator, a German customer with a user `anna`, an English one without a mail address."""

    anna: Person
    letters: Letters


@dataclass(frozen=True)
class Sent:
    """A mail as it was written."""

    recipient: str
    subject: str
    body: str
    language: str


async def customers(database: Database, clock: SetClock) -> Purses:
    """Make them."""
    now = clock.now()
    async with database.unit_of_work() as db:
        await directory.ensure_root(
            db,
            key="root",
            name="Operator",
            time_zone="Europe/Berlin",
            currency="EUR",
            country="DE",
            language="en",
            now=now,
        )
        await directory.create_organisation(
            db,
            NORTH,
            {"name": "Nordwerke", "language": "de", "email": "kasse@north.example"},
            now=now,
        )
        await directory.create_organisation(db, SOUTH, {"name": "South"}, now=now)
        anna = await directory.create_person(
            db,
            "anna",
            {
                "name": "Anna",
                "email": "anna@north.example",
                "organisation": NORTH,
                "roles": ["owner"],
                "language": "de",
            },
            password_hash=None,
            now=now,
        )
    mails = Mails(
        database=database, jobs=Jobs(database.url), clock=clock, settings=Settings(smtp_url=None)
    )
    return Purses(anna, Letters(mails, "https://portal.example"))


async def fill(
    database: Database, quantity: int, now: datetime, account: OrganisationKey = NORTH
) -> None:
    """Give an account credits."""
    async with database.unit_of_work() as db:
        await credit_store.add(
            db,
            account,
            quantity,
            reference=f"gift/{account}/{now.isoformat()}/{quantity}",
            by="person/1",
            now=now,
        )


async def balance(database: Database, account: OrganisationKey = NORTH) -> int:
    """Return what an account has."""
    async with database.unit_of_work() as db:
        return (await credit_store.wallet(db, account)).balance


async def sent(db: AsyncSession) -> list[Sent]:
    """Return the mails so far, oldest first."""
    found = await db.execute(
        text("select recipient, subject, body_text, language from mails order by id")
    )
    return [Sent(*each) for each in found]


async def mails_of(database: Database) -> list[Sent]:
    """Return the mails so far, oldest first, as they are committed."""
    async with database.unit_of_work() as db:
        return await sent(db)
