"""Tests of stations shared with other organisations."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory, shares
from accounts.directory import Organisation, Principal
from accounts.permissions import Reach
from foundation.clock import SetClock
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId

NORTH, SOUTH = OrganisationKey("north"), OrganisationKey("south")
STATION = StationId("N-1")
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
async def neighbours(db: AsyncSession, root: Organisation, clock: SetClock) -> None:
    for key in (NORTH, SOUTH):
        await directory.create_organisation(db, key, {"name": key}, now=clock.now())


async def shared(
    db: AsyncSession,
    clock: SetClock,
    level: str = "read",
    *,
    to: str = SOUTH,
    begins: timedelta | None = None,
    ends: timedelta | None = None,
) -> shares.Share:
    now = clock.now()
    return await shares.share(
        db,
        STATION,
        owner=NORTH,
        organisation=to,
        level=level,
        valid_from=None if begins is None else now + begins,
        valid_to=None if ends is None else now + ends,
        created_by="person/1",
        now=now,
    )


async def level(db: AsyncSession, clock: SetClock) -> str | None:
    """What the south may do with the station now, by the one place of row scope."""
    asker = Principal("person/2", "S", "owner", frozenset(), Reach.OWN_AND_BELOW, SOUTH, "en", 2)
    scope = await directory.scope_of(db, asker, now=clock.now())
    assert scope.covers_station(NORTH, STATION) == (STATION in scope.shared)
    assert scope.may_command(NORTH, STATION) == (scope.shared.get(STATION) == "command")
    assert not scope.covers(NORTH)
    return scope.shared.get(STATION)


async def test_a_share_holds_in_its_time(db: AsyncSession, clock: SetClock) -> None:
    await shared(db, clock, begins=HOUR, ends=2 * HOUR)
    assert await level(db, clock) is None
    clock.advance(HOUR)
    assert await level(db, clock) == "read"
    clock.advance(HOUR)
    assert await level(db, clock) is None, "the end is not included"


async def test_a_further_share_follows_the_one_before(db: AsyncSession, clock: SetClock) -> None:
    await shared(db, clock)
    await shared(db, clock, "command", begins=HOUR)
    assert await level(db, clock) == "read"
    clock.advance(HOUR)
    assert await level(db, clock) == "command"
    assert len(await shares.shares_of(db, STATION, NORTH)) == 2


async def test_a_share_is_ended_at_once_and_never_edited(db: AsyncSession, clock: SetClock) -> None:
    await shared(db, clock, "command")
    clock.advance(HOUR)
    await shares.end_share(db, STATION, SOUTH, owner=NORTH, now=clock.now())

    assert await level(db, clock) is None
    [past] = await shares.shares_of(db, STATION, NORTH)
    assert past.valid_to == clock.now()
    with pytest.raises(NotFound):
        await shares.end_share(db, STATION, SOUTH, owner=NORTH, now=clock.now())


async def test_an_organisation_that_comes_later_gets_nothing(
    db: AsyncSession, clock: SetClock
) -> None:
    await shared(db, clock, to="east")
    await directory.create_organisation(db, "east", {"name": "East"}, now=clock.now())

    assert await shares.shared_with(db, [OrganisationKey("east")], clock.now()) == {}


async def test_another_owner_begins_without_shares(db: AsyncSession, clock: SetClock) -> None:
    await shared(db, clock)
    await shares.end_all(db, STATION, now=clock.now())

    assert await level(db, clock) is None


async def test_what_cannot_be_shared_is_refused(db: AsyncSession, clock: SetClock) -> None:
    for given in ({"to": NORTH}, {"to": "No Key"}, {"level": "own"}, {"ends": -HOUR}):
        with pytest.raises(InvalidInput):
            await shared(db, clock, **given)
