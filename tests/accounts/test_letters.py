"""Tests of invitations and resets by mail."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import text

from accounts import directory, letters, passwords, sign_in
from accounts.directory import Organisation, Person
from accounts.letters import LinkOver, NoAddress, Purpose
from foundation import mail
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import InvalidInput
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.settings import Settings

URL = "https://portal.example"


@pytest.fixture
def mails(database: Database, clock: SetClock) -> Mails:
    return Mails(database=database, jobs=Jobs(database.url), clock=clock, settings=Settings())


@pytest.fixture
async def nora(database: Database, kept_root: Organisation, clock: SetClock) -> Person:
    async with database.unit_of_work() as db:
        return await directory.create_person(
            db,
            "nora",
            {"roles": ["owner"], "email": "nora@x.example", "language": "de"},
            password_hash=None,
            now=clock.now(),
        )


async def sent(
    database: Database, mails: Mails, person: Person, clock: SetClock, purpose: Purpose
) -> str:
    """Send a letter; return the secret of its link as it arrived."""
    async with database.unit_of_work() as db:
        await letters.send(db, mails, person, purpose, public_url=URL, now=clock.now())
        newest = (await mail.outbox(db, before=None, limit=1))[0]
    found = re.search(rf"{re.escape(URL)}/choose-password#(\S+)", newest.body_text)
    assert found is not None
    return found[1]


async def test_an_invitation_works_once_and_only_its_hash_is_kept(
    database: Database, mails: Mails, nora: Person, clock: SetClock
) -> None:
    secret = await sent(database, mails, nora, clock, "invitation")
    async with database.unit_of_work() as db:
        kept = (await db.execute(text("select letters::text from letters"))).scalars().all()
    with pytest.raises(InvalidInput):
        await letters.choose_password(database, secret, "short", now=clock.now())
    chosen = await letters.choose_password(database, secret, "long enough", now=clock.now())
    with pytest.raises(LinkOver):
        await letters.choose_password(database, secret, "long enough", now=clock.now())
    login = await sign_in.sign_in(
        database,
        name="nora",
        password="long enough",
        address="192.0.2.1",
        user_agent="",
        now=clock.now(),
    )

    assert chosen.id == login.person.id == nora.id
    assert not any(secret in each for each in kept)


@pytest.mark.parametrize("purpose", ["invitation", "reset"])
async def test_a_link_is_over_in_time_and_by_a_later_one(
    database: Database, mails: Mails, nora: Person, clock: SetClock, purpose: Purpose
) -> None:
    first = await sent(database, mails, nora, clock, purpose)
    second = await sent(database, mails, nora, clock, purpose)
    with pytest.raises(LinkOver):
        await letters.choose_password(database, first, "long enough", now=clock.now())
    clock.advance(letters.LASTS[purpose])
    with pytest.raises(LinkOver):
        await letters.choose_password(database, second, "long enough", now=clock.now())


async def test_a_deactivated_person_comes_in_by_no_link(
    database: Database, mails: Mails, nora: Person, clock: SetClock
) -> None:
    secret = await sent(database, mails, nora, clock, "reset")
    async with database.unit_of_work() as db:
        await directory.change_person(db, nora.id, {"active": False})
        assert (
            await letters.ask_for_reset(db, mails, "nora", public_url=URL, now=clock.now()) is None
        )
    with pytest.raises(LinkOver):
        await letters.choose_password(database, secret, "long enough", now=clock.now())


async def test_nobodys_box_is_filled_by_others(
    database: Database, mails: Mails, nora: Person, clock: SetClock
) -> None:
    async with database.unit_of_work() as db:
        asked = [
            await letters.ask_for_reset(db, mails, name, public_url=URL, now=clock.now())
            for name in ("nora", "NORA@x.example", "nobody")
        ]
        assert [each and each.id for each in asked] == [nora.id, None, None]
        clock.advance(letters.RESETS_APART + timedelta(seconds=1))
        later = await letters.ask_for_reset(db, mails, "nora", public_url=URL, now=clock.now())
        assert later is not None


async def test_without_an_address_nothing_is_sent(
    database: Database, mails: Mails, nora: Person, clock: SetClock
) -> None:
    async with database.unit_of_work() as db:
        mute = await directory.change_person(db, nora.id, {"email": None})
        with pytest.raises(NoAddress):
            await letters.send(db, mails, mute, "reset", public_url=URL, now=clock.now())


async def test_letters_are_in_the_persons_language(
    database: Database, mails: Mails, nora: Person, clock: SetClock
) -> None:
    await sent(database, mails, nora, clock, "reset")
    async with database.unit_of_work() as db:
        await letters.warn_of_wrong_codes(
            db, mails, nora, times=10, address="192.0.2.9", now=clock.now()
        )
        warning, reset = await mail.outbox(db, before=None, limit=2)

    assert reset.subject == "Neues Passwort für Leitstand wählen"
    assert warning.subject == "Falsche Codes für Ihren zweiten Faktor"
    assert passwords.SHORTEST == 8, "the pages say so"
