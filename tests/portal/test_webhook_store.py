"""Tests of webhooks' rows; `test_webhooks.py` tells the stories."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from foundation.clock import SetClock
from portal import webhook_store


@pytest.fixture
async def number(db: AsyncSession, clock: SetClock) -> int:
    await directory.ensure_root(
        db,
        key="root",
        name="Root",
        time_zone="UTC",
        currency="EUR",
        country="DE",
        language="en",
        now=clock.now(),
    )
    row = await webhook_store.add(
        db,
        {
            "organisation": "root",
            "name": "w",
            "url": "https://example.com/",
            "kinds": ["station_booted"],
            "reach": "own",
            "sees_personal": False,
            "secret": b"sealed",
            "active": True,
            "failures": 0,
            "created_at": clock.now(),
            "created_by": "person/1",
        },
    )
    return row.id


async def test_an_event_is_addressed_once_by_itself_and_whenever_somebody_asks(
    db: AsyncSession, clock: SetClock, number: int
) -> None:
    events = [(1, "station_booted"), (2, "station_booted")]
    now = clock.now()
    first = await webhook_store.add_deliveries(db, number, events, now)
    again = await webhook_store.add_deliveries(db, number, events, now)
    asked = [
        await webhook_store.add_deliveries(db, number, events[:1], now, asked_by="person/1")
        for _ in range(2)
    ]

    assert [len(each) for each in (first, again, *asked)] == [2, 0, 1, 1]
    listed = await webhook_store.deliveries(db, number, limit=10)
    assert [each.event_id for each in listed] == [1, 1, 2, 1]
    behind = await webhook_store.deliveries(db, number, before=listed[1].id, limit=10)
    assert [each.event_id for each in behind] == [2, 1]
    assert await webhook_store.waiting(db, number) == 4


async def test_what_waits_is_given_up_and_old_deliveries_are_forgotten(
    db: AsyncSession, clock: SetClock, number: int
) -> None:
    now = clock.now()
    await webhook_store.add_deliveries(db, number, [(1, "station_booted")], now)
    await webhook_store.forget_deliveries(db, now + timedelta(days=1))
    assert await webhook_store.waiting(db, number) == 1
    await webhook_store.give_up_waiting(db, number, "off")
    assert await webhook_store.waiting(db, number) == 0
    await webhook_store.forget_deliveries(db, now)
    assert len(await webhook_store.deliveries(db, number, limit=10)) == 1
    await webhook_store.forget_deliveries(db, now + timedelta(days=1))
    assert await webhook_store.deliveries(db, number, limit=10) == []


async def test_webhooks_are_listed_by_organisation(db: AsyncSession, number: int) -> None:
    assert [each.id for each in await webhook_store.webhooks(db, None)] == [number]
    assert [each.id for each in await webhook_store.webhooks(db, {"root"})] == [number]
    assert list(await webhook_store.webhooks(db, {"other"})) == []
    assert list(await webhook_store.webhooks(db, None, after=number)) == []
    await webhook_store.remove(db, number)
    assert list(await webhook_store.active(db)) == []
