"""A session's page says what its driver was told, by mail and on the display, or why not."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text

from billing import contacts, contracts, driver_letters
from billing.contacts import ContactFacts
from billing.driver_letters import Outcome
from csms import displays
from csms.reports import DisplayMessage
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import TransactionId
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.money import Money
from foundation.settings import Settings
from portal.pages import telling
from tests.portal.pages.conftest import SignIn
from tests.portal.pages.world import ROOT

HELD, CHARGED = 1037, 1024
NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)


async def tell(database: Database, clock: SetClock) -> None:
    """Let the card of a held session be on a contract, and its driver be told."""
    mails = Mails(database=database, jobs=Jobs(database.url), clock=clock, settings=Settings())
    async with database.unit_of_work() as db:
        card = await db.scalar(text("select id_token from transactions where id = 1037"))
        lea = await contacts.add(
            db,
            ContactFacts(
                managing=ROOT,
                kind="person",
                name="Lea Huber",
                street="Ring 5",
                postcode="74072",
                city="Heilbronn",
                country="DE",
                email="lea@example.com",
            ),
            now=NOW,
        )
        made = await contracts.add(
            db,
            contact_id=lea.id,
            name="Private",
            base_fee=Money(Decimal(0), "EUR"),
            valid_from=date(2026, 1, 1),
            now=NOW,
        )
        await contracts.put_token(
            db, made.id, str(card), valid_from=datetime(2026, 1, 1, tzinfo=UTC)
        )
        await driver_letters.tell(db, mails, TransactionId(HELD), now=clock.now())


async def note(database: Database, outcome: Outcome) -> None:
    async with database.unit_of_work() as db:
        await db.execute(
            text(
                "insert into driver_letters (transaction_id, about, outcome, noted_at)"
                " values (:number, 'no_energy', :outcome, :now)"
            ),
            {"number": CHARGED, "outcome": outcome.value, "now": NOW},
        )


async def test_who_was_told_and_when_is_for_those_who_may_see_contacts(
    sign_in: SignIn, lively: None, database: Database, clock: SetClock
) -> None:
    await tell(database, clock)
    html = (await (await sign_in("admin")).get(f"/sessions/{HELD}")).text
    assert "The driver was told by mail: Lea Huber, 15" in html
    assert "The mail is kept in the outbox" in html
    german = (await (await sign_in("otto")).get(f"/sessions/{HELD}")).text
    assert "Lea Huber" not in german


@pytest.mark.parametrize(
    "outcome", [each for each in Outcome if each is not Outcome.MAILED], ids=str
)
async def test_why_nobody_was_told_is_said(
    sign_in: SignIn, lively: None, database: Database, outcome: Outcome
) -> None:
    await note(database, outcome)
    html = (await (await sign_in("admin")).get(f"/sessions/{CHARGED}")).text
    assert telling._WHY_NOT[outcome].replace("'", "&#39;") in html
    assert "Its end came late, in parts or not at all" in html


async def test_what_went_to_the_display_is_shown(
    sign_in: SignIn, lively: None, database: Database
) -> None:
    await note(database, Outcome.NO_CONTRACT)
    async with database.unit_of_work() as db:
        message = DisplayMessage("de", "Kostet nichts.")
        await displays.note(db, {TransactionId(CHARGED): message}, now=NOW)
        await displays.note(db, {TransactionId(CHARGED): message}, now=NOW)
    html = (await (await sign_in("admin")).get(f"/sessions/{CHARGED}")).text
    assert "The station was asked to show it to the driver, 15" in html
    assert "Kostet nichts." in html


async def test_the_display_of_an_old_station_has_no_message(
    sign_in: SignIn, lively: None, database: Database
) -> None:
    await note(database, Outcome.NO_CONTRACT)
    async with database.unit_of_work() as db:
        await db.execute(text("update transactions set version = 'ocpp1.6' where id = 1024"))
    html = (await (await sign_in("admin")).get(f"/sessions/{CHARGED}")).text
    assert "OCPP 1.6 has no message for the driver" in html
