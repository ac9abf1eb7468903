"""Letters about accounts, in both languages."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.account_letters import dropped_mail, expiry_mail, tier_name
from accounts.periods import Reminder
from accounts.tiers import FUNCTIONS, Tier
from foundation.clock import SetClock
from tests.accounts.licensed import NORTH, made_north


@pytest.mark.parametrize(
    ("language", "subject", "says"),
    [
        ("en", "Your account expires in one week, on 2027-10-15", "never stop"),
        ("de", "Ihr Konto läuft in einer Woche ab, am 15.10.2027", "hören nie auf"),
    ],
)
async def test_a_reminder_says_what_goes_on_and_where_to_renew(
    db: AsyncSession, clock: SetClock, language: str, subject: str, says: str
) -> None:
    await made_north(db, clock.now())
    home = replace(await directory.organisation(db, NORTH), language=language)  # type: ignore[arg-type]
    mail = expiry_mail(
        home,
        "a@b.example",
        Reminder.WEEK,
        date(2027, 10, 15),
        licences=None,
        public_url="https://x.example",
        issuer="Operator",
    )

    assert mail.subject == subject
    assert says in mail.body_text
    assert "https://x.example/accounts/north" in mail.body_text


async def test_a_lost_tier_lists_what_stopped_in_both_languages(
    db: AsyncSession, clock: SetClock
) -> None:
    await made_north(db, clock.now())
    home = await directory.organisation(db, NORTH)
    for each in (home, replace(home, language="de")):
        mail = dropped_mail(
            each,
            "a@b.example",
            Tier.BASIC,
            FUNCTIONS,
            public_url="https://x.example",
            issuer="Operator",
        )
        assert mail.body_text.count("\n- ") == len(FUNCTIONS)
        assert tier_name(Tier.BASIC) in mail.subject
