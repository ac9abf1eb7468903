"""Tests of answers that are kept for the repetition of a call."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import answered
from accounts.answered import Answer, CallInProgress, KeyUsedOtherwise
from foundation.clock import SetClock
from foundation.database import Database

ANSWER = Answer(201, {"content-type": "application/json"}, b'{"a": 1}')


async def kept(
    db: AsyncSession, clock: SetClock, *, principal: str = "api_key/1", request: bytes = b"hash"
) -> Answer | None:
    return await answered.kept_answer(
        db, principal=principal, key="key", request_hash=request, now=clock.now()
    )


async def keep(db: AsyncSession, clock: SetClock) -> None:
    await answered.keep(
        db, ANSWER, principal="api_key/1", key="key", request_hash=b"hash", now=clock.now()
    )


async def test_a_repeated_call_gets_the_kept_answer(db: AsyncSession, clock: SetClock) -> None:
    assert await kept(db, clock) is None
    await keep(db, clock)

    assert await kept(db, clock) == ANSWER
    assert await kept(db, clock, principal="api_key/2") is None


async def test_a_key_serves_one_call_only(db: AsyncSession, clock: SetClock) -> None:
    await keep(db, clock)

    with pytest.raises(KeyUsedOtherwise):
        await kept(db, clock, request=b"other")


async def test_two_at_once_do_not_both_work(database: Database, clock: SetClock) -> None:
    async with database.unit_of_work() as first, database.unit_of_work() as second:
        assert await kept(first, clock) is None
        with pytest.raises(CallInProgress):
            await kept(second, clock)
        assert await kept(second, clock, principal="api_key/2") is None


async def test_an_old_answer_is_forgotten(db: AsyncSession, clock: SetClock) -> None:
    await keep(db, clock)
    clock.advance(answered.KEPT + timedelta(seconds=1))

    assert await kept(db, clock, request=b"other") is None
