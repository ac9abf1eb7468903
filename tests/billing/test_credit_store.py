"""The purse: append-only bookings, reservations, one spender at a time."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from billing import credit_store
from billing.credit_store import FORGOTTEN_AFTER, ReservationOver, ReservationState
from billing.credits import CreditService, NotEnoughCredits, balances
from foundation.database import Database
from foundation.errors import Conflict, NotFound
from foundation.identifiers import OrganisationKey

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)
NORTH = OrganisationKey("north")
SOUTH = OrganisationKey("south")


async def bought(db: AsyncSession, quantity: int, account: OrganisationKey = NORTH) -> None:
    reference = f"order/{account}/{quantity}"
    await credit_store.add(db, account, quantity, reference=reference, by="person/1", now=NOW)


async def reserve(db: AsyncSession, reference: str, quantity: int = 1) -> ReservationState:
    made = await credit_store.reserve(
        db, NORTH, CreditService.SMS, quantity, reference=reference, by="person/1", now=NOW
    )
    return made.state


async def test_what_was_bought_is_booked_once_by_its_reference(db: AsyncSession) -> None:
    await bought(db, 100)
    await bought(db, 100)
    [line] = await credit_store.bookings(db, NORTH)
    assert (line.service, line.quantity, line.balance_after) == (CreditService.PURCHASE, 100, 100)
    assert (await credit_store.wallet(db, NORTH)).available == 100
    assert (await credit_store.wallet(db, SOUTH)).balance == 0
    assert set(await credit_store.wallets(db, None)) == {NORTH}
    assert await credit_store.wallets(db, {SOUTH}) == {}


async def test_spending_takes_what_is_free_and_refuses_more(db: AsyncSession) -> None:
    await bought(db, 60)

    async def spend(quantity: int, reference: str) -> None:
        await credit_store.spend(
            db, NORTH, CreditService.REMOTE_1, quantity, reference=reference, by="p", now=NOW
        )

    with pytest.raises(NotEnoughCredits) as refused:
        await spend(61, "remote/a")
    assert (refused.value.needed, refused.value.available) == (61, 60)
    await spend(60, "remote/a")
    await spend(60, "remote/a")  # the same thing again
    await spend(0, "remote/b")
    assert [each.quantity for each in await credit_store.bookings(db, NORTH)] == [-60, 60]


async def test_a_reservation_is_captured_or_released_once(db: AsyncSession) -> None:
    await bought(db, 2)
    assert await reserve(db, "a") == ReservationState.OPEN
    assert await reserve(db, "a") == ReservationState.OPEN  # work that is done again
    await reserve(db, "b")
    with pytest.raises(NotEnoughCredits):
        await reserve(db, "c")
    booked = await credit_store.capture(db, "a", now=NOW)
    assert booked == await credit_store.capture(db, "a", now=NOW)
    assert (booked.quantity, booked.balance_after) == (-1, 1)
    assert await reserve(db, "a") == ReservationState.CAPTURED  # it was done: never again
    with pytest.raises(Conflict):
        await credit_store.release(db, "a", now=NOW)
    await credit_store.release(db, "b", now=NOW)
    await credit_store.release(db, "b", now=NOW)
    with pytest.raises(ReservationOver):
        await credit_store.capture(db, "b", now=NOW)
    assert (await credit_store.wallet(db, NORTH)).available == 1
    assert await reserve(db, "b") == ReservationState.OPEN  # a second try
    with pytest.raises(NotFound):
        await credit_store.capture(db, "z", now=NOW)


async def test_what_dead_work_reserved_is_released_after_a_day(db: AsyncSession) -> None:
    await bought(db, 5)
    await reserve(db, "a", 3)
    later = NOW + FORGOTTEN_AFTER
    assert await credit_store.release_forgotten(db, now=later - timedelta(seconds=1)) == 0
    assert await credit_store.release_forgotten(db, now=later) == 1
    assert (await credit_store.wallet(db, NORTH)).available == 5
    assert await credit_store.release_forgotten(db, now=later) == 0


async def test_the_lines_come_newest_first_by_pages(db: AsyncSession) -> None:
    for quantity in (1, 2, 3):
        await bought(db, quantity)
    first = await credit_store.bookings(db, NORTH, limit=2)
    assert [each.quantity for each in first] == [3, 2]
    [last] = await credit_store.bookings(db, NORTH, before=first[-1].id)
    assert last.quantity == 1


async def test_no_line_is_ever_changed_and_no_balance_is_below_zero(db: AsyncSession) -> None:
    await bought(db, 10)
    for attempt in (
        "update credit_bookings set quantity = 5",
        "delete from credit_bookings",
        "update credit_wallets set balance = -1",
        "update credit_wallets set reserved = 11",
    ):
        with pytest.raises(IntegrityError):
            async with db.begin_nested():
                await db.execute(text(attempt))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "reserve", "capture", "release", "spend"]), st.integers(0, 4)
    ),
    max_size=12,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_the_balance_is_the_fold_of_the_bookings(
    database: Database, steps: list[tuple[str, int]]
) -> None:
    """Whatever happens in whatever order: the sum holds, and what is set aside is covered."""
    async with AsyncSession(database.engine) as db:
        for place, (step, number) in enumerate(steps):
            reference = f"r{number}"
            try:
                if step == "add":
                    await credit_store.add(
                        db, NORTH, number + 1, reference=f"o{place}", by="p", now=NOW
                    )
                elif step == "reserve":
                    await reserve(db, reference, number + 1)
                elif step == "capture":
                    await credit_store.capture(db, reference, now=NOW)
                elif step == "release":
                    await credit_store.release(db, reference, now=NOW)
                else:
                    await credit_store.spend(
                        db, NORTH, CreditService.SMS, number, reference=f"s{place}", by="p", now=NOW
                    )
            except (Conflict, NotFound):
                continue
        lines = list(reversed(await credit_store.bookings(db, NORTH)))
        after = balances(each.quantity for each in lines)
        assert after == [each.balance_after for each in lines]
        held = await credit_store.wallet(db, NORTH)
        assert held.balance == (after[-1] if after else 0)
        assert 0 <= held.reserved <= held.balance
        await db.rollback()


async def test_of_many_who_reserve_at_once_only_as_many_win_as_there_are_credits(
    database: Database,
) -> None:
    async with database.unit_of_work() as db:
        await bought(db, 3)

    async def one(number: int) -> bool:
        try:
            async with database.unit_of_work() as db:
                await reserve(db, f"sms/{number}")
            async with database.unit_of_work() as db:
                if number % 2:
                    await credit_store.capture(db, f"sms/{number}", now=NOW)
        except NotEnoughCredits:
            return False
        return True

    won = await asyncio.gather(*(one(number) for number in range(12)))
    assert sum(won) == 3
    async with database.unit_of_work() as db:
        held = await credit_store.wallet(db, NORTH)
        lines = list(reversed(await credit_store.bookings(db, NORTH)))
    assert balances(each.quantity for each in lines)[-1] == held.balance
    assert held.available == 0
