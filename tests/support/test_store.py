"""Support's statements about change orders."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE
from foundation.clock import SetClock
from support import change_orders, store
from support.change_orders import ChangeOrder
from support.orders import Item, ItemKind, UseState, WrittenOrder
from tests.support.conftest import HELEN, N1, N2
from tests.support.office import CHANGE, MAIL

SECRET = Item(
    ItemKind.COMMAND, "ChangeConfiguration", {"key": "AuthorizationKey", "value": "736563"}
)


async def drafted(db: AsyncSession, clock: SetClock, *items: Item) -> ChangeOrder:
    return await change_orders.draft(
        db, WHOLE, [N2, N1], items or [CHANGE], title="x", by=HELEN, now=clock.now()
    )


async def test_an_order_is_found_by_its_number_and_its_id(
    world: AsyncSession, clock: SetClock
) -> None:
    order = await drafted(world, clock)
    numbers = [await store.next_number(world) for _ in range(2)]
    assert sorted(numbers) == numbers
    row = await store.order_row(world, order.id, lock=True)
    assert row is not None
    row.number, row.confirmed_at = numbers[0], clock.now()
    row.confirmed_by = row.confirmed_how = "x"
    await world.flush()
    for key in (numbers[0], str(order.id), order.id):
        found = await store.order_row(world, key)
        assert found is not None
        assert found.id == order.id
    for key in (numbers[1], "0", "9" * 30, "x"):
        assert await store.order_row(world, key) is None


async def test_the_parts_come_in_order_and_the_mail_on_file_stays(
    world: AsyncSession, clock: SetClock
) -> None:
    described = Item(ItemKind.ACCESS, text="only members")
    order = await drafted(world, clock, described, CHANGE)
    for mail in (MAIL, WrittenOrder("later", "text/plain", b"other", "x")):
        await store.put_on_file(world, order.id, mail, by="x", now=clock.now())
    parts = await store.parts_of(world, [order.id])
    assert parts.stations[order.id] == [N1, N2]
    assert parts.items[order.id] == [described, CHANGE]
    assert parts.mails[order.id].name == MAIL.name
    assert (await store.parts_of(world, [])).items == {}


async def test_secrets_are_forgotten_and_nothing_else(world: AsyncSession, clock: SetClock) -> None:
    order = await drafted(world, clock, SECRET, CHANGE)
    await store.forget_secrets(world, order.id, lambda _, payload: {**payload, "value": "?"})
    kept = (await store.parts_of(world, [order.id])).items[order.id]
    assert [each.payload["value"] for each in kept if each.payload] == ["?", "?"]


async def test_what_is_under_way_is_not_overdue(world: AsyncSession, clock: SetClock) -> None:
    late = clock.now() + timedelta(days=1)
    found = []
    for state in (UseState.OPEN, UseState.DONE):
        order = await drafted(world, clock)
        row = await store.order_row(world, order.id)
        assert row is not None
        row.valid_to = late
        await store.add_use(world, order.id, 0, N1, turn=0, state=state, now=clock.now())
        found.append(order.id)
    assert await store.overdue(world, late - timedelta(seconds=1), limit=9) == []
    assert await store.overdue(world, late, limit=9) == [found[1]]
