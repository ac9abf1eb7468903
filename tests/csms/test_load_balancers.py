"""The face of load balancing: settings, signals and charge points, and what is refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from csms import administration, load_balancers
from csms.administration import LocationSettings, StationSettings
from csms.balancing import Settings, Strategy, Window
from foundation.errors import InvalidInput, NotFound
from tests.csms.handlers.work import OWNER, Work

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
async def db(work: Work) -> AsyncSession:
    return work.db


@pytest.fixture
async def yard(db: AsyncSession) -> str:
    settings = LocationSettings(key="yard", organisation=OWNER, name="Yard", time_zone="UTC")
    await administration.set_location(db, settings, create=True)
    await administration.create_station(
        db,
        "YARD-1",
        OWNER,
        StationSettings(location="yard"),
        password=None,
        time_zone="UTC",
        now=NOW,
    )
    return "yard"


async def told(db: AsyncSession, **changes: Any) -> load_balancers.OutsideSignal:
    values: dict[str, Any] = {
        "source": "grid operator",
        "limit_a": None,
        "limit_w": None,
        "used_a": None,
        "starts_at": NOW,
        "ends_at": NOW + HOUR,
    }
    return await load_balancers.add_signal(db, "yard", by="Mia", now=NOW, **values | changes)


async def test_settings_are_kept_as_they_were_given(db: AsyncSession, yard: str) -> None:
    evening = Window(frozenset({1, 7}), 17 * 60, 60, 20)
    settings = Settings(
        limit_a=63,
        strategy=Strategy.PRIORITY,
        minimum_a=8,
        fallback_a=6,
        change_every=timedelta(seconds=30),
        windows=(evening,),
    )
    made = await load_balancers.set_balancer(db, yard, settings, is_on=False, by="Mia", now=NOW)
    assert await load_balancers.balancer(db, yard) == made
    assert (made.settings, made.is_on, made.set_by) == (settings, False, "Mia")
    later = replace(settings, limit_a=50)
    await load_balancers.set_balancer(db, yard, later, is_on=False, by="Ben", now=NOW + HOUR)
    found = await load_balancers.balancer(db, yard)
    assert found is not None
    assert (found.settings, found.set_by) == (later, "Ben")
    assert await load_balancers.balancer(db, "elsewhere") is None


async def test_a_signal_says_one_thing_for_a_time(db: AsyncSession, yard: str) -> None:
    made = await told(db, limit_w=Decimal(4200))
    coming = await told(db, source="meter", used_a=Decimal(10), starts_at=NOW + HOUR / 2)
    assert await load_balancers.signals(db, yard, NOW) == [made, coming]
    assert await load_balancers.signals(db, yard, NOW + HOUR) == []
    refusals: list[tuple[str, dict[str, Any]]] = [
        ("limit_a", {}),
        ("limit_a", {"limit_a": Decimal(6), "used_a": Decimal(6)}),
        ("used_a", {"used_a": Decimal(-1)}),
        ("limit_w", {"limit_w": Decimal(10_000_001)}),
        ("source", {"limit_a": Decimal(6), "source": " "}),
        ("ends_at", {"limit_a": Decimal(6), "ends_at": NOW}),
        ("ends_at", {"limit_a": Decimal(6), "ends_at": NOW + timedelta(days=32)}),
    ]
    for field, changes in refusals:
        with pytest.raises(InvalidInput) as refused:
            await told(db, **changes)
        assert refused.value.field == field


async def test_what_a_source_says_anew_ends_what_it_said_of_the_same(
    db: AsyncSession, yard: str
) -> None:
    first = await told(db, used_a=Decimal(10))
    limit = await told(db, limit_a=Decimal(20))
    others = await told(db, used_a=Decimal(5), source="meter")
    second = await told(db, used_a=Decimal(12), starts_at=NOW + HOUR / 2)
    found = {each.id: each for each in await load_balancers.signals(db, yard, NOW)}
    assert found[first.id].ends_at == NOW + HOUR / 2
    assert {limit.id, others.id, second.id} < set(found)
    assert found[limit.id].ends_at == found[others.id].ends_at == NOW + HOUR


async def test_a_signal_is_ended_or_taken_back(db: AsyncSession, yard: str) -> None:
    made = await told(db, limit_a=Decimal(6))
    coming = await told(db, used_a=Decimal(6), starts_at=NOW + HOUR / 2)
    ended = await load_balancers.end_signal(db, yard, made.id, NOW + HOUR / 4)
    assert ended is not None
    assert ended.ends_at == NOW + HOUR / 4
    assert await load_balancers.end_signal(db, yard, coming.id, NOW + HOUR / 4) is None
    for number in (made.id, coming.id):
        with pytest.raises(NotFound):
            await load_balancers.end_signal(db, yard, number, NOW + HOUR / 2)
    with pytest.raises(NotFound):
        await load_balancers.end_signal(db, "elsewhere", made.id, NOW)


async def test_a_charge_point_has_what_is_particular_to_it(db: AsyncSession, yard: str) -> None:
    await db.execute(text("insert into evses (station, evse_id) values ('YARD-1', 1)"))
    found = await load_balancers.points(db, yard)
    assert [(each.station, each.most_a, each.rotation) for each in found] == [
        ("YARD-1", None, "RST")
    ]
    evse = found[0].evse_id
    values: dict[str, Any] = {"most_a": 16, "priority": 3, "rotation": "STR"}
    made = await load_balancers.set_point(db, yard, "YARD-1", evse, **values)
    assert (made.most_a, made.most_a_set, made.priority, made.rotation) == (16, 16, 3, "STR")
    assert await load_balancers.points(db, yard) == [made]
    for field, change in [("most_a", 5), ("priority", 10), ("rotation", "RTS")]:
        with pytest.raises(InvalidInput) as refused:
            await load_balancers.set_point(db, yard, "YARD-1", evse, **values | {field: change})
        assert refused.value.field == field
    with pytest.raises(NotFound):
        await load_balancers.set_point(db, yard, "YARD-1", evse + 8, **values)
