"""The inbox of late sessions: what came after its month was closed, and what it changes where."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from billing import late
from billing.cdr import Payer
from billing.late import Inbox
from tests.billing.story import (
    BAKERY,
    DECEMBER,
    EXTERNAL,
    HOTEL,
    NOVEMBER,
    STAFF,
    UNKNOWN,
    closing,
    ended,
    happen,
    settle_in,
)

SOON = NOVEMBER + timedelta(days=1)


async def october_is_closed(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2, **UNKNOWN))
    assert await look(db) == Inbox((), ())
    await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)


async def look(db: AsyncSession, scope: Scope = WHOLE) -> Inbox:
    return await late.inbox(db, closing(), scope, now=SOON)


async def test_a_session_that_came_late_tells_its_effect_on_the_next_statement(
    db: AsyncSession,
) -> None:
    await october_is_closed(db)
    await happen(db, ended(3, NOVEMBER), ended(4, **EXTERNAL))

    found = await look(db)

    [session] = found.sessions
    assert (session.transaction_id, session.month, session.statement_id) == (
        4,
        "2026-10",
        "bakery-2026-11-EUR",
    )
    assert session.payout is not None
    assert session.payout.text == "3.60"
    [effect] = found.effects
    assert (effect.month, effect.sessions, effect.held) == ("2026-11", 1, 0)
    assert (effect.payout_without.text, effect.payout_with.text, effect.difference.text) == (
        "4.00",
        "7.60",
        "3.60",
    )
    [statement] = await closing().close(db, BAKERY, "2026-11", now=DECEMBER)
    assert statement.payout_net == effect.payout_with
    assert (await look(db)).sessions == ()


async def test_what_a_person_releases_after_the_close_is_late(db: AsyncSession) -> None:
    await october_is_closed(db)
    assert (await look(db)).sessions == ()  # the statement listed it as unpaid
    await happen(db, ended(5, **UNKNOWN))

    [held] = (await look(db)).sessions
    assert (held.transaction_id, held.hold_reason, held.payout) == (5, "no_payer", None)
    assert await late.count(db, WHOLE) == 1

    for number in (2, 5):
        await closing().release(
            db,
            ended(number).transaction_id,
            reason="His card was replaced.",
            by="person/7",
            now=SOON,
            payer=Payer(organisation=STAFF),
        )

    found = await look(db)
    assert {each.transaction_id for each in found.sessions} == {2, 5}
    assert {each.payout.text for each in found.sessions if each.payout} == {"3.60"}
    assert await late.count(db, WHOLE) == 2


async def test_a_correction_of_what_was_paid_takes_its_payout_back(db: AsyncSession) -> None:
    await october_is_closed(db)
    await happen(db, ended(1, kwh="8", revision=2))

    found = await look(db)

    assert sorted(each.payout.text for each in found.sessions if each.payout) == ["-4.00", "3.20"]
    [effect] = found.effects
    assert effect.sessions == 1
    assert effect.difference.text == "-0.80"


async def test_everybody_sees_only_what_is_in_his_scope(db: AsyncSession) -> None:
    await october_is_closed(db)
    await happen(db, ended(4))
    assert len((await look(db, Scope(frozenset({BAKERY})))).sessions) == 1
    assert (await look(db, Scope(frozenset({HOTEL})))).sessions == ()
    assert await late.count(db, Scope(frozenset({HOTEL}))) == 0
    only = await late.inbox(db, closing(), WHOLE, now=SOON, payee=HOTEL)
    assert only.sessions == ()
