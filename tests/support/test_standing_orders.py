"""Standing orders: what a contract orders once for all."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from foundation.clock import SetClock
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from support import standing_orders
from support.change_orders import OrderGate
from support.orders import Refusal
from support.standing_orders import StandingOrder
from tests.support.conftest import HELEN, N1, N2, NORTH, S1, SOUTH

ACTIONS = frozenset({"SendLocalList", "UpdateFirmware", "Reset"})
LIST = {"listVersion": 3, "updateType": "Full"}


async def made(db: AsyncSession, clock: SetClock, **said: Any) -> StandingOrder:
    given: dict[str, Any] = {
        "organisation": NORTH,
        "action": "SendLocalList",
        "reference": "Contract 17, § 4",
        "valid_from": clock.now(),
        **said,
    }
    return await standing_orders.create(
        db,
        given.pop("organisation"),
        given.pop("action"),
        actions=ACTIONS,
        by=HELEN,
        now=clock.now(),
        **given,
    )


async def permits(
    db: AsyncSession, clock: SetClock, order: StandingOrder, **said: Any
) -> str | None:
    asked: dict[str, Any] = {"station": N1, "action": "SendLocalList", "payload": LIST, **said}
    return await OrderGate().permits(db, order.number, now=clock.now(), **asked)


async def test_a_standing_order_covers_its_action_for_all_of_the_customers_stations(
    world: AsyncSession, clock: SetClock
) -> None:
    order = await made(world, clock)
    for station in (N1, N1, N2):
        assert await permits(world, clock, order, station=station) is None
    assert await permits(world, clock, order, payload={"listVersion": 4}) is None
    assert await permits(world, clock, order, station=S1) == Refusal.OTHER_OWNER
    assert await permits(world, clock, order, action="UpdateFirmware") == Refusal.OTHER_ACTION


async def test_it_holds_in_its_period_until_it_is_revoked(
    world: AsyncSession, clock: SetClock
) -> None:
    day = timedelta(days=1)
    order = await made(world, clock, valid_from=clock.now() + day, valid_to=clock.now() + 2 * day)
    open_ended = await made(world, clock)
    assert await permits(world, clock, order) == Refusal.EXPIRED
    clock.advance(day)
    assert await permits(world, clock, order) is None
    assert len(await standing_orders.standing_orders(world, WHOLE, valid_at=clock.now())) == 2
    clock.advance(day)
    assert await permits(world, clock, order) == Refusal.EXPIRED
    assert await permits(world, clock, open_ended) is None
    for _ in range(2):
        revoked = await standing_orders.revoke(
            world, WHOLE, open_ended.number, by=HELEN, now=clock.now()
        )
        assert revoked.revoked_at == clock.now()
    assert await permits(world, clock, open_ended) == Refusal.EXPIRED
    assert await standing_orders.standing_orders(world, WHOLE, valid_at=clock.now()) == []


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"action": "MakeCoffee"}, "action"),
        ({"action": "Reset"}, "action"),
        ({"reference": ""}, "reference"),
        ({"organisation": OrganisationKey("nobody")}, "organisation"),
    ],
)
async def test_it_names_an_action_that_needs_one_and_the_contract(
    world: AsyncSession, clock: SetClock, said: dict[str, Any], field: str
) -> None:
    assert (await made(world, clock)).number.startswith("SO-")
    with pytest.raises(InvalidInput) as caught:
        await made(world, clock, **said)
    assert caught.value.field == field
    with pytest.raises(InvalidInput):
        await made(world, clock, valid_to=clock.now())


async def test_other_customers_orders_are_not_seen(world: AsyncSession, clock: SetClock) -> None:
    order = await made(world, clock)
    south = Scope(frozenset({SOUTH}))
    assert await standing_orders.standing_orders(world, south) == []
    assert await standing_orders.standing_orders(world, Scope(frozenset({NORTH}))) == [order]
    for number in (order.number, "SO-999999"):
        with pytest.raises(NotFound):
            await standing_orders.revoke(world, south, number, by=HELEN, now=clock.now())
