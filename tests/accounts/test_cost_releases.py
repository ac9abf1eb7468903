"""Clicks that cost something: a ledger of them, and the second person."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import api_keys, cost_releases, directory
from accounts.audit import Actor
from accounts.cost_releases import Cost, NotWaiting, ReleaseState
from accounts.directory import Scope
from foundation.clock import SetClock
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from foundation.money import Money

ROOT = OrganisationKey("root")
LEA, KAI = Actor("person/1", "Lea", "portal", None), Actor("person/2", "Kai", "portal", None)
KEY = Actor("api_key/3", "script", "api", None)
SUBJECT = "station/CS-1"


def euro(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


COST = Cost(euro("9.90"), euro("118.80"))


@pytest.fixture
async def root(db: AsyncSession, clock: SetClock) -> None:
    await directory.ensure_root(
        db,
        key=ROOT,
        name="Operator",
        time_zone="Europe/Berlin",
        currency="EUR",
        country="DE",
        language="en",
        now=clock.now(),
    )


@pytest.mark.usefixtures("root")
async def test_each_click_is_written_with_who_what_and_its_cost(
    db: AsyncSession, clock: SetClock
) -> None:
    made = await cost_releases.release(
        db, ROOT, "monitoring.activate", SUBJECT, COST, by=LEA, now=clock.now()
    )
    assert (made.state, made.released_by, made.cost) == (ReleaseState.RELEASED, LEA.id, COST)
    assert await cost_releases.releases(db) == [made]
    assert await cost_releases.releases(db, before=made.id) == []
    assert await cost_releases.releases(db, Scope(frozenset())) == []
    assert await cost_releases.cost_release(db, made.id) == made
    with pytest.raises(NotFound):
        await cost_releases.cost_release(db, made.id + 1)


@pytest.mark.usefixtures("root")
async def test_above_the_limit_the_second_person_completes_it(
    db: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    await cost_releases.set_limit(db, ROOT, euro("100"), by=LEA, now=now)
    assert await cost_releases.limit_of(db, ROOT) == euro("100")

    async def click(by: Actor, cost: Cost = COST, after: timedelta = timedelta()) -> ReleaseState:
        made = await cost_releases.release(db, ROOT, "x", SUBJECT, cost, by=by, now=now + after)
        return made.state

    assert await click(LEA, Cost(euro("1"), euro("100"))) is ReleaseState.RELEASED
    assert await click(LEA) is ReleaseState.WAITING
    assert await click(LEA) is ReleaseState.WAITING  # the same person
    assert await click(KEY) is ReleaseState.WAITING  # a key may be the same person's
    assert await click(KAI) is ReleaseState.RELEASED
    assert [each.confirmed_by for each in await cost_releases.releases(db)] == [KAI.id, None]
    # a click of long ago, or of another price, is none
    assert await click(LEA) is ReleaseState.WAITING
    assert await click(KAI, after=timedelta(days=15)) is ReleaseState.WAITING
    assert await click(LEA, Cost(euro("2"), euro("200"))) is ReleaseState.WAITING
    # another currency than the limit's cannot be compared
    francs = Cost(Money(Decimal(1), "CHF"), Money(Decimal(2), "CHF"))
    assert await click(KAI, francs) is ReleaseState.WAITING
    [waiting, *_] = await cost_releases.releases(db)
    await cost_releases.withdraw(db, waiting.id)
    with pytest.raises(NotWaiting):
        await cost_releases.withdraw(db, waiting.id)
    await cost_releases.set_limit(db, ROOT, None, by=LEA, now=now)
    await cost_releases.set_limit(db, ROOT, None, by=KAI, now=now)
    assert await click(LEA) is ReleaseState.RELEASED


@pytest.mark.usefixtures("root")
async def test_a_key_and_then_the_login_of_whoever_made_it_are_one_person(
    db: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    made, _ = await api_keys.create_api_key(db, name="a", role="owner", created_by=LEA.id, now=now)
    of_it, _ = await api_keys.create_api_key(
        db, name="b", role="owner", created_by=f"api_key/{made.id}", now=now
    )
    await cost_releases.set_limit(db, ROOT, euro("100"), by=LEA, now=now)
    for key in (made, of_it):
        keys = Actor(f"api_key/{key.id}", "script", "api", None)
        subject = f"station/{key.id}"
        for by, state in (
            (keys, ReleaseState.WAITING),
            (LEA, ReleaseState.WAITING),
            (KAI, ReleaseState.RELEASED),
        ):
            found = await cost_releases.release(db, ROOT, "x", subject, COST, by=by, now=now)
            assert found.state is state, by


@pytest.mark.usefixtures("root")
async def test_a_limit_is_an_amount(db: AsyncSession, clock: SetClock) -> None:
    for wrong in (euro("-1"), euro("0.001")):
        with pytest.raises(InvalidInput):
            await cost_releases.set_limit(db, ROOT, wrong, by=LEA, now=clock.now())
    await cost_releases.set_limit(db, ROOT, euro("5"), by=LEA, now=clock.now())
    await cost_releases.set_limit(db, ROOT, euro("0"), by=LEA, now=clock.now())
    assert await cost_releases.limit_of(db, ROOT) == euro("0")


@pytest.mark.usefixtures("root")
async def test_a_limit_is_loosened_by_two_people_and_tightened_by_one(
    db: AsyncSession, clock: SetClock
) -> None:
    now, francs = clock.now(), Money(Decimal(1), "CHF")

    async def put(by: Actor, limit: Money | None) -> ReleaseState | None:
        made = await cost_releases.set_limit(db, ROOT, limit, by=by, now=now)
        return None if made is None else made.state

    assert await put(LEA, euro("100")) is None
    for before, looser in ((euro("50"), euro("100")), (euro("50"), francs), (francs, None)):
        await put(LEA, before)  # no looser than what stands
        assert await put(LEA, looser) is ReleaseState.WAITING
        assert await put(LEA, looser) is ReleaseState.WAITING
        assert await put(KEY, looser) is ReleaseState.WAITING
        assert await cost_releases.limit_of(db, ROOT) == before
        assert await put(KAI, looser) is ReleaseState.RELEASED
        assert await cost_releases.limit_of(db, ROOT) == looser
    # Whoever wants another limit than the first one wanted starts anew.
    assert await put(LEA, euro("100")) is None
    assert await put(LEA, euro("200")) is ReleaseState.WAITING
    assert await put(KAI, euro("300")) is ReleaseState.WAITING
    assert await cost_releases.limit_of(db, ROOT) == euro("100")


def test_no_limit_is_the_loosest_and_another_currency_cannot_be_compared() -> None:
    assert cost_releases.is_looser(euro("1"), euro("2"))
    assert not cost_releases.is_looser(euro("2"), euro("2"))
    assert not cost_releases.is_looser(euro("2"), euro("1"))
    assert cost_releases.is_looser(euro("2"), None)
    assert not cost_releases.is_looser(None, euro("2"))
    assert not cost_releases.is_looser(None, None)
    assert cost_releases.is_looser(euro("2"), Money(Decimal(1), "CHF"))
