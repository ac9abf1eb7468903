"""Which commands rest on a written order."""

from collections.abc import AsyncIterator

import pytest

from csms.ordered import orders_of
from foundation.clock import SetClock
from tests.support.office import Office, opened, routed


@pytest.fixture
async def office(database_url: str, clock: SetClock) -> AsyncIterator[Office]:
    database = routed(database_url)
    yield await opened(database, clock)
    await database.close()


async def test_only_commands_with_an_order_are_named(office: Office) -> None:
    order = await office.order()
    ordered = await office.ask(order.number)
    plain = await office.ask(action="ClearCache", payload={})
    async with office.database.unit_of_work() as db:
        found = await orders_of(db, [ordered.id, plain.id, "999", "no number"])
        assert found == {ordered.id: order.number}
        assert await orders_of(db, []) == {}
