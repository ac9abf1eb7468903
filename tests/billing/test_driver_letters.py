"""Drivers are told once, in their language, or it is noted why they cannot be."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from billing import driver_letters
from billing.driver_letters import About, Outcome, Told, told
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import Doubt, DriverConcerned
from foundation.identifiers import IdToken, StationId, TransactionId
from foundation.jobs import Jobs
from foundation.mail import Mails, outbox
from foundation.outbox import Delivery, event_from
from foundation.settings import Settings
from tests.billing.paper_story import contract_of, customer
from tests.billing.story import EXTERNAL, NOW, UNKNOWN, ended, happen, settle_in
from tests.billing.test_validity import decide

GHOST: dict[str, Any] = {"kwh": "0"}
BACKWARDS: dict[str, Any] = {"kwh": "0", "doubts": (Doubt.NEGATIVE_ENERGY,)}


@pytest.fixture
def mails(database: Database, clock: SetClock) -> Mails:
    return Mails(database=database, jobs=Jobs(database.url), clock=clock, settings=Settings())


async def read(db: AsyncSession, mails: Mails) -> None:
    """Let the reader take all that billing has told so far."""
    rows = await db.execute(
        text("select payload from journal where kind = 'driver_concerned' order by id")
    )
    reader = driver_letters.subscription(mails, SetClock(NOW))
    events = [event_from(DriverConcerned.kind, payload) for (payload,) in rows]
    await reader.handle(db, [Delivery(n, each, NOW) for n, each in enumerate(events, start=1)])


async def outcomes(db: AsyncSession, number: int) -> list[tuple[str, str]]:
    return [(each.about, each.outcome) for each in await told(db, number)]


async def test_the_end_customer_is_told_once_in_his_language(
    db: AsyncSession, mails: Mails
) -> None:
    await settle_in(db)
    huber = await customer(db, name="Lea Huber", kind="person", language="de")
    await contract_of(db, huber)
    await happen(db, ended(1, hours=4, **GHOST), ended(2))
    await read(db, mails)
    await happen(db, ended(1, hours=5, revision=2, **GHOST))
    await read(db, mails)

    [mail] = await outbox(db)
    assert (mail.recipient, mail.language) == ("huber@example.com", "de")
    assert mail.subject == "Ihr Ladevorgang vom 15.10.2026: keine Energie, keine Kosten"
    assert "Ladestation S1" in mail.body_text
    assert await told(db, 1) == [
        Told(About.NO_ENERGY, Outcome.MAILED, NOW, "Lea Huber", huber.managing, "de", mail.id)
    ]
    assert await told(db, 2) == []


async def test_where_nobody_can_be_told_it_is_noted_why(db: AsyncSession, mails: Mails) -> None:
    await settle_in(db)
    without_address = await customer(db, email=None)
    await contract_of(db, without_address, token="AAAA")
    later = timedelta(days=1)
    await happen(
        db,
        ended(1, id_token=None, **UNKNOWN, **BACKWARDS),
        ended(2, NOW + later, **EXTERNAL, **GHOST),
        ended(3, NOW + 2 * later, **GHOST),
        ended(4, NOW + 3 * later, id_token=IdToken("aa-aa"), **GHOST),
    )
    await read(db, mails)

    assert [await outcomes(db, number) for number in (1, 2, 3, 4)] == [
        [("impossible", "no_card")],
        [("no_energy", "of_provider")],
        [("no_energy", "no_contract")],
        [("no_energy", "no_address")],
    ]
    assert await outbox(db) == []


async def test_what_somebody_decided_before_the_letter_is_not_written(
    db: AsyncSession, mails: Mails
) -> None:
    await settle_in(db)
    await contract_of(db, await customer(db))
    await happen(db, ended(1, **BACKWARDS), ended(2, NOW + timedelta(days=1), **BACKWARDS))
    await decide(db, "invalid", 1)
    await read(db, mails)
    assert await outcomes(db, 1) == []
    assert await outcomes(db, 2) == [("impossible", "mailed")]
    await driver_letters.tell(db, mails, TransactionId(99), now=NOW)
    assert await outcomes(db, 99) == []


async def test_the_other_of_two_sessions_that_exclude_each_other_is_told_as_well(
    db: AsyncSession, mails: Mails
) -> None:
    await settle_in(db)
    await contract_of(db, await customer(db, language="en"))
    await happen(db, ended(1))
    await happen(db, ended(2, station=StationId("S9"), location="loc-9"))
    await read(db, mails)
    assert await outcomes(db, 1) == await outcomes(db, 2) == [("impossible", "mailed")]
    assert {"also at station S9" in each.body_text for each in await outbox(db)} == {True, False}, (
        "each names the other"
    )
