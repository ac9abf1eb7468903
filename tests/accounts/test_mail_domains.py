"""A mail leaves from the domain of the account that it is for."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from accounts import directory
from accounts.mail_domains import domain_of
from foundation.clock import SetClock
from foundation.database import Database
from foundation.jobs import Jobs
from foundation.mail import Mail, Mails, sender_at
from foundation.settings import Settings
from tests.accounts.licensed import granted, made_north, new_account

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)


def letter(recipient: str, on_behalf_of: str | None = None) -> Mail:
    return Mail(recipient, "Subject", "Text", "en", on_behalf_of=on_behalf_of)


async def test_mails_to_an_accounts_people_leave_from_its_domain(
    database: Database, clock: SetClock
) -> None:
    mails = Mails(
        database=database,
        jobs=Jobs(database.url),
        clock=clock,
        settings=Settings(mail_sender="Leitstand <post@operator.example>"),
        domains=domain_of,
    )
    async with database.unit_of_work() as db:
        await made_north(db, clock.now())
        await granted(db, new_account(mail_domain="north.example"), NOON)
        await directory.create_person(
            db,
            "nora",
            {"email": "nora@web.example", "organisation": "north", "roles": ["owner"]},
            password_hash=None,
            now=NOON,
        )
        for number, mail in enumerate(
            (
                letter("nora@web.example"),
                letter("office@north.example"),
                letter("driver@web.example", on_behalf_of="north"),
                letter("somebody@web.example"),
            )
        ):
            await mails.post(db, mail, key=str(number))
        senders = list(await db.scalars(text("select sender from mails order by id")))

    assert senders == [*["Leitstand <post@north.example>"] * 3, None]


@pytest.mark.parametrize(
    ("sender", "there"),
    [
        ("leitstand@localhost", "leitstand@north.example"),
        ("Leitstand <post@operator.example>", "Leitstand <post@north.example>"),
    ],
)
def test_a_sender_keeps_its_name_and_mailbox(sender: str, there: str) -> None:
    assert sender_at(sender, "north.example") == there
