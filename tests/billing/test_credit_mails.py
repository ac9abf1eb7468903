"""Who hears of credits, in which language, and only once."""

from datetime import timedelta

from accounts import directory
from billing.credit_mails import recipient_of
from foundation.clock import SetClock
from foundation.database import Database
from tests.billing.purses import NORTH, SOUTH, customers, mails_of


async def test_who_ordered_hears_of_it_as_long_as_he_is_of_the_account(
    database: Database, clock: SetClock
) -> None:
    made = await customers(database, clock)
    async with database.unit_of_work() as db:
        own = await recipient_of(db, NORTH, made.anna.id)
        strangers = await recipient_of(db, NORTH, 999)
        nobody = await recipient_of(db, SOUTH, made.anna.id)
        await directory.create_person(
            db, "boss", {"roles": ["administrator"]}, password_hash=None, now=clock.now()
        )
        await directory.change_person(db, made.anna.id, {"active": False})
        left = await recipient_of(db, NORTH, made.anna.id)
    assert own is not None
    assert (own.address, own.language) == ("anna@north.example", "de")
    assert strangers is not None
    assert strangers.address == "kasse@north.example"
    assert nobody is None
    assert left == strangers


async def test_every_mail_is_complete_in_both_languages_and_sent_once(
    database: Database, clock: SetClock
) -> None:
    made = await customers(database, clock)
    async with database.unit_of_work() as db:
        await directory.change_organisation(db, SOUTH, {"email": "cash@south.example"})
        for account in (NORTH, SOUTH):
            for _ in range(2):
                await made.letters.booked(
                    db, account, None, number=f"CR-{account}", quantity=5, balance=7
                )
                for what, days in (("warning", 7), ("warning", 1), ("deactivated", None)):
                    await made.letters.remote(
                        db,
                        what,
                        account,
                        None,
                        station="N 1",
                        path="/stations/N%201/remote",
                        until=clock.now() + timedelta(days=1),
                        months=12,
                        needed=240,
                        available=60,
                        one_month=50 if what == "deactivated" else None,
                        days=days,
                    )
        await made.letters.reading_only(
            db, NORTH, made.anna.id, month="2026-10", needed=5, available=1
        )
    mails = await mails_of(database)
    assert len(mails) == 9
    assert {each.language for each in mails} == {"de", "en"}
    assert not any("{" in each.subject + each.body for each in mails)
    english = [each for each in mails if each.language == "en"]
    assert [each.subject for each in english] == [
        "5 credits are booked",
        "Remote access to N 1: too few credits to renew it",
        "Remote access to N 1: too few credits to renew it",
        "Remote access to N 1 is switched off",
    ]
    assert "for 50 credits: https://portal.example/stations/N%201/remote" in english[-1].body


async def test_without_an_address_there_is_no_mail(database: Database, clock: SetClock) -> None:
    made = await customers(database, clock)
    async with database.unit_of_work() as db:
        await made.letters.booked(db, SOUTH, None, number="CR-1", quantity=5, balance=7)
        await made.letters.remote(
            db,
            "lost",
            SOUTH,
            None,
            station="N",
            path="/",
            until=clock.now(),
            months=1,
            needed=50,
            available=0,
        )
    assert await mails_of(database) == []
