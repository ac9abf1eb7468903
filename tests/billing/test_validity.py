"""Valid and invalid are for the issuer, before billing; a correction shows its difference first."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from billing import books, store, validity, validity_store
from billing.books import BillingState
from billing.closing import AlreadySettled, NotOnHold
from billing.plausibility import DEFAULT_LIMITS, Check, HoldReason, Limits
from billing.validity import NotTheIssuer
from foundation.database import Database
from foundation.errors import InvalidInput, NotFound
from foundation.events import Doubt
from foundation.identifiers import OrganisationKey, TransactionId
from foundation.money import Money
from roaming.handlers import Reimbursement
from tests.billing.story import (
    BAKERY,
    HOTEL,
    NOVEMBER,
    NOW,
    closing,
    ended,
    happen,
    settle_in,
)
from tests.billing.test_monitor import Known, Saying, bill, states

ROOT = OrganisationKey("operator")
ONE = TransactionId(1)


async def decide(db: AsyncSession, what: str, number: int = 1, **given: Any) -> None:
    deed = validity.set_valid if what == "valid" else validity.set_invalid
    values: dict[str, Any] = {"organisation": ROOT, "reason": "Seen", "by": "person/7", "now": NOW}
    values |= given
    await deed(db, closing(), TransactionId(number), **values)


async def test_only_the_issuer_decides(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    for what in ("valid", "invalid"):
        with pytest.raises(NotTheIssuer):
            await decide(db, what, organisation=BAKERY)
    await decide(db, "invalid")
    assert await states(db, 1) == [(BillingState.VOID, "by_hand")]


async def test_nobody_decides_after_billing(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)
    for what in ("valid", "invalid"):
        with pytest.raises(AlreadySettled):
            await decide(db, what)
    assert await states(db, 1) == [(BillingState.CLOSED, None)]


async def test_what_was_set_valid_may_be_doubted_again_and_the_other_way_round(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, ended(1, doubts=(Doubt.CLOCK_WRONG,)))
    for what, state in (
        ("valid", BillingState.RATED),
        ("invalid", BillingState.VOID),
        ("valid", BillingState.RATED),
    ):
        await decide(db, what)
        assert [each for each, _ in await states(db, 1)] == [state]
    with pytest.raises(NotOnHold):
        await decide(db, "valid")
    with pytest.raises(NotFound):
        await decide(db, "invalid", 99)


async def test_the_monitor_lists_by_reason_with_evidence(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2, kwh="25.6"), ended(3, doubts=(Doubt.CLOCK_WRONG,)))
    await decide(db, "invalid", 1)
    waiting = await validity.suspects(db, WHOLE)
    assert [each.transaction_id for each in waiting] == [2, 3]
    [impossible] = await validity.suspects(db, WHOLE, reason=HoldReason.IMPOSSIBLE_ENERGY)
    [finding] = impossible.findings
    assert finding.facts["energy_wh"] == "25600.0"
    assert finding.facts["possible_wh"] == "24300"
    assert await validity.findings_of(db, TransactionId(2)) == [finding]
    [invalid] = await validity.suspects(db, WHOLE, invalid=True)
    assert (invalid.transaction_id, invalid.decided_why) == (1, "Seen")
    assert await validity.suspects(db, Scope(frozenset({HOTEL}))) == []
    assert await validity.suspects(db, WHOLE, after=2, limit=1) == waiting[1:]
    assert await validity.reason_counts(db, WHOLE) == {
        HoldReason.CLOCK_WRONG: 1,
        HoldReason.IMPOSSIBLE_ENERGY: 1,
    }


async def test_a_recalculation_shows_the_difference_and_books_nothing(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    corrected = ended(1, kwh="5", revision=2)
    shown = await validity.recalculation(db, corrected, Reimbursement(), now=NOW)
    assert shown.now is not None
    assert (shown.now.net.text, shown.rating.net.text) == ("4.00", "2.00")
    assert shown.net_difference == Money(Decimal("-2.00"), "EUR")
    assert shown.gross_difference == Money(Decimal("-2.38"), "EUR")
    assert not shown.findings
    billed = (await books.billed(db, [ONE]))[ONE]
    assert billed.cdr.net.text == "4.00"
    # Then it is told, and booked as a later revision: a counter-entry and a new CDR.
    await happen(db, corrected)
    billed = (await books.billed(db, [ONE]))[ONE]
    assert billed.cdr.net.text == "2.00"
    kinds = [entry.kind for entry in (await books.entries_of(db, ONE)).values()]
    assert len(kinds) == 3


async def test_what_was_never_rated_has_nothing_to_differ_from(db: AsyncSession) -> None:
    await settle_in(db)
    shown = await validity.recalculation(db, ended(1), Reimbursement(), now=NOW)
    assert (shown.now, shown.net_difference, shown.rating.net.text) == (None, None, "4.00")


async def test_a_key_that_came_late_frees_what_waited_for_nothing_else(db: AsyncSession) -> None:
    await settle_in(db)
    strict = replace(DEFAULT_LIMITS, checks=DEFAULT_LIMITS.checks | {Check.SIGNATURE})
    await validity.set_settings(db, ROOT, strict, by="person/1", now=NOW)
    pending = Known("pending", "no_key")
    doubtful = ended(2, NOW + timedelta(hours=3), doubts=(Doubt.CLOCK_WRONG,))
    await bill(db, ended(1), doubtful, said={1: pending, 2: pending})
    assert {reason for _, reason in await states(db, 1, 2)} == {"signature_pending", "clock_wrong"}

    async def look(status: str) -> list[TransactionId]:
        said = {1: Known(status), 2: Known(status)}
        return await validity.look_again(
            db,
            [ONE, TransactionId(2)],
            Reimbursement(),
            Saying(said),  # type: ignore[arg-type]
            now=NOW + timedelta(hours=4),
        )

    assert await look("failed") == []
    assert await look("verified") == [1]
    assert [state for state, _ in await states(db, 1, 2)] == [
        BillingState.RATED,
        BillingState.HELD,
    ]
    assert await look("verified") == []


async def test_settings_hold_for_those_below_until_they_have_their_own(db: AsyncSession) -> None:
    await settle_in(db)
    found = await validity.settings(db, BAKERY)
    assert (found.limits, found.inherited_from, found.is_own) == (DEFAULT_LIMITS, None, False)
    lax = Limits(checks=frozenset())
    await validity.set_settings(db, ROOT, lax, by="person/1", now=NOW)
    found = await validity.settings(db, BAKERY)
    assert (found.limits, found.inherited_from, found.is_own) == (lax, ROOT, False)
    await validity.set_settings(db, BAKERY, DEFAULT_LIMITS, by="person/1", now=NOW)
    assert (await validity.settings(db, BAKERY)).is_own
    await validity.set_settings(db, BAKERY, None, by="person/1", now=NOW)
    assert (await validity.settings(db, BAKERY)).limits == lax


@pytest.mark.parametrize(
    "changed",
    [
        {"max_duration_min": 0},
        {"max_energy_wh": Decimal(0)},
        {"max_rise_wh": Decimal(999)},
        {"tolerance": Decimal(-1)},
        {"overlap_s": 86_401},
        {"ghost_min": 0},
        {"ghost_wh": Decimal(1001)},
    ],
)
async def test_a_limit_that_makes_no_sense_is_refused_by_name(
    db: AsyncSession, changed: dict[str, Any]
) -> None:
    [field] = changed
    limits = replace(DEFAULT_LIMITS, **changed)
    with pytest.raises(InvalidInput) as refused:
        await validity.set_settings(db, ROOT, limits, by="person/1", now=NOW)
    assert refused.value.field == field

    assert await validity_store.decided(db, [1]) == set()


async def test_whoever_looks_again_locks_what_everybody_locks_first(database: Database) -> None:
    strict = replace(DEFAULT_LIMITS, checks=DEFAULT_LIMITS.checks | {Check.SIGNATURE})
    async with database.unit_of_work() as db:
        await settle_in(db)
        await validity.set_settings(db, ROOT, strict, by="person/1", now=NOW)
        await bill(db, ended(1), said={1: Known("pending", "no_key")})

    async def look() -> list[TransactionId]:
        said: Any = Saying({1: Known("verified")})
        async with database.unit_of_work() as db:
            return await validity.look_again(db, [ONE], Reimbursement(), said, now=NOW)

    async with asyncio.TaskGroup() as tasks, database.unit_of_work() as db:
        await store.locked_terms(db, [ONE])
        looking = tasks.create_task(look())
        waiting = text("select exists (select from pg_locks where not granted)")
        while not await db.scalar(waiting):
            assert not looking.done()
        await db.execute(text("select from holds for update nowait"))
    assert looking.result() == [ONE]
