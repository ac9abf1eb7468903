"""Change orders in the database: drafted, confirmed, used, ended."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from csms.queue import MASK
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import StationId
from support import change_orders
from support.change_orders import ChangeOrder, OrderGate
from support.orders import (
    Confirmer,
    How,
    Item,
    ItemKind,
    OrderState,
    Refusal,
    UseState,
    WrittenOrder,
    WrittenOrderMissing,
    WrongOrderState,
)
from tests.support.conftest import HELEN, N1, N2, NORA, NORTH, OPERATOR, S1, SOUTH, fill

PAYLOAD = {"key": "HeartbeatInterval", "value": "600"}
COMMAND = Item(ItemKind.COMMAND, "ChangeConfiguration", PAYLOAD)
MAIL = WrittenOrder("order.eml", "message/rfc822", b"Subject: please", "Re: interval")
STAFF = Confirmer(OPERATOR, may_confirm=True, may_write=True)
AUTHORISED = Confirmer(NORTH, may_confirm=True, may_write=False)
GATE = OrderGate()


async def drafted(db: AsyncSession, clock: SetClock, **said: Any) -> ChangeOrder:
    given: dict[str, Any] = {"stations": [N1], "items": [COMMAND], "title": "Interval", **said}
    return await change_orders.draft(
        db, WHOLE, given.pop("stations"), given.pop("items"), by=HELEN, now=clock.now(), **given
    )


async def confirmed(db: AsyncSession, clock: SetClock, **said: Any) -> ChangeOrder:
    order = await drafted(db, clock, **said)
    return await change_orders.confirm(db, order.id, STAFF, MAIL, by=HELEN, now=clock.now())


async def permits(db: AsyncSession, clock: SetClock, order: str, **said: Any) -> str | None:
    asked: dict[str, Any] = {
        "station": N1,
        "action": "ChangeConfiguration",
        "payload": PAYLOAD,
        "now": clock.now(),
        **said,
    }
    return await GATE.permits(db, order, **asked)


async def told(
    db: AsyncSession, clock: SetClock, order: ChangeOrder, state: str, **said: Any
) -> ChangeOrder | None:
    assert order.number is not None
    given: dict[str, Any] = {
        "command_id": "11",
        "station": N1,
        "action": "ChangeConfiguration",
        "payload": PAYLOAD,
        "note": None,
        **said,
    }
    return await change_orders.note_command(db, order.number, state=state, now=clock.now(), **given)


async def read(db: AsyncSession, order: ChangeOrder) -> ChangeOrder:
    return await change_orders.change_order(db, WHOLE, order.id)


# ------------------------------------------------------------------------------ drafting


async def test_a_draft_has_no_number_and_covers_nothing(
    world: AsyncSession, clock: SetClock
) -> None:
    order = await drafted(world, clock)
    assert (order.number, order.state, order.organisation) == (None, OrderState.DRAFT, NORTH)
    assert await permits(world, clock, str(order.id)) == Refusal.NOT_CONFIRMED
    assert (await read(world, order)).executions == ()


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"stations": []}, "stations"),
        ({"stations": [N1, StationId("nowhere")]}, "stations"),
        ({"stations": [N1, S1]}, "stations"),
        ({"items": []}, "changes"),
        ({"items": [COMMAND] * 101}, "changes"),
        ({"title": " "}, "title"),
    ],
)
async def test_a_draft_names_stations_of_one_owner_and_what_changes(
    world: AsyncSession, clock: SetClock, said: dict[str, Any], field: str
) -> None:
    assert (await drafted(world, clock, stations=[N1, N2])).stations == (N1, N2)
    with pytest.raises(InvalidInput) as caught:
        await drafted(world, clock, **said)
    assert caught.value.field == field
    with pytest.raises(InvalidInput):
        await drafted(world, clock, valid_to=clock.now())


async def test_what_is_not_in_scope_cannot_be_drafted_or_read(
    world: AsyncSession, clock: SetClock
) -> None:
    south = Scope(frozenset({SOUTH}))
    with pytest.raises(InvalidInput):
        await change_orders.draft(
            world, south, [N1], [COMMAND], title="x", by=HELEN, now=clock.now()
        )
    order = await drafted(world, clock)
    with pytest.raises(NotFound):
        await change_orders.change_order(world, south, order.id)
    assert await change_orders.change_orders(world, south) == []
    assert await change_orders.change_orders(world, Scope(frozenset({NORTH}))) == [order]


# ------------------------------------------------------------------------------ confirming


async def test_an_order_gets_its_number_and_its_mail_on_confirmation(
    world: AsyncSession, clock: SetClock
) -> None:
    order = await confirmed(world, clock)
    assert order.number is not None
    assert order.number.startswith("CO-")
    assert (order.state, order.confirmed_how) == (OrderState.CONFIRMED, How.MAIL)
    assert order.reference == "Re: interval"
    assert order.valid_to == clock.now() + timedelta(days=30)
    assert order.mail is not None
    assert order.mail.size == len(MAIL.content)
    assert await change_orders.mail_on_file(world, order.id) == MAIL
    assert await change_orders.change_order(world, WHOLE, order.number) == order
    with pytest.raises(WrongOrderState):
        await change_orders.confirm(world, order.id, STAFF, MAIL, by=HELEN, now=clock.now())


async def test_the_owners_authorised_person_confirms_by_himself(
    world: AsyncSession, clock: SetClock
) -> None:
    order = await drafted(world, clock)
    done = await change_orders.confirm(world, order.id, AUTHORISED, None, by=NORA, now=clock.now())
    assert (done.confirmed_how, done.confirmed_by, done.mail) == (How.AUTHORISED, NORA.id, None)
    with pytest.raises(NotFound):
        await change_orders.mail_on_file(world, order.id)


async def test_the_drafter_cannot_confirm_for_somebody_else_without_the_mail(
    world: AsyncSession, clock: SetClock
) -> None:
    order = await drafted(world, clock)
    with pytest.raises(WrittenOrderMissing):
        await change_orders.confirm(world, order.id, STAFF, None, by=HELEN, now=clock.now())
    assert (await read(world, order)).number is None


# ------------------------------------------------------------------------------ the gate


async def test_the_gate_opens_once_per_station_for_exactly_what_was_ordered(
    world: AsyncSession, clock: SetClock
) -> None:
    order = await confirmed(world, clock, stations=[N1, N2])
    assert order.number is not None
    assert await permits(world, clock, order.number, payload={**PAYLOAD, "value": "1"}) == (
        Refusal.OTHER_PAYLOAD
    )
    assert await permits(world, clock, order.number, station=S1) == Refusal.OTHER_OWNER
    assert await permits(world, clock, order.number, station=StationId("?")) is not None
    assert await permits(world, clock, order.number) is None
    assert await permits(world, clock, order.number) == Refusal.USED
    assert await permits(world, clock, str(order.id), station=N2) is None
    assert await permits(world, clock, "CO-999999") == Refusal.UNKNOWN


async def test_two_that_ask_at_once_are_not_both_permitted(
    database: Database, clock: SetClock
) -> None:
    async with database.unit_of_work() as db:
        await fill(db, clock.now())
        order = await confirmed(db, clock)
    assert order.number is not None

    async def asked() -> str | None:
        async with database.unit_of_work() as db:
            return await permits(db, clock, order.number or "")

    answers = await asyncio.gather(*(asked() for _ in range(4)))
    assert sorted(map(str, answers)) == sorted([*[str(Refusal.USED)] * 3, "None"])


async def test_a_repeatable_order_is_carried_out_as_often_as_asked(
    world: AsyncSession, clock: SetClock
) -> None:
    order = await confirmed(world, clock, repeatable=True)
    assert order.number is not None
    for number in ("1", "2"):
        assert await permits(world, clock, order.number) is None
        assert await told(world, clock, order, "effective", command_id=number) is None
    assert (await read(world, order)).state is OrderState.CONFIRMED


async def test_an_order_is_compared_with_its_secrets_and_shown_without(
    world: AsyncSession, clock: SetClock
) -> None:
    secret = {"key": "AuthorizationKey", "value": "736563726574"}
    order = await confirmed(
        world, clock, items=[Item(ItemKind.COMMAND, "ChangeConfiguration", secret)]
    )
    assert order.items[0].payload == {**secret, "value": MASK}
    assert order.number is not None
    shown = {**secret, "value": MASK}
    assert await permits(world, clock, order.number, payload=shown) == Refusal.OTHER_PAYLOAD
    assert await permits(world, clock, order.number, payload=secret) is None
    ended = await told(world, clock, order, "effective", payload=shown)
    assert ended is not None
    assert ended.state is OrderState.EXECUTED
    assert "736563726574" not in str((await world.execute(_stored())).all())


def _stored() -> Any:
    from sqlalchemy import select

    from support.tables import ChangeOrderItemRow

    return select(ChangeOrderItemRow.payload, ChangeOrderItemRow.canonical)


# ------------------------------------------------------------------------------ the result


async def test_an_order_is_executed_when_its_last_command_is(
    world: AsyncSession, clock: SetClock
) -> None:
    order = await confirmed(world, clock, stations=[N1, N2])
    assert order.number is not None
    assert await permits(world, clock, order.number) is None
    assert await told(world, clock, order, "queued") is None
    assert await told(world, clock, order, "effective") is None
    assert await permits(world, clock, order.number, station=N2) is None
    ended = await told(world, clock, order, "effective", command_id="12", station=N2)
    assert ended is not None
    assert (ended.state, ended.ended_at) == (OrderState.EXECUTED, clock.now())
    assert [each.command_id for each in ended.executions] == ["11", "12"]
    assert await permits(world, clock, order.number) == Refusal.ENDED


async def test_a_failed_order_becomes_executed_by_late_evidence(
    world: AsyncSession, clock: SetClock
) -> None:
    order = await confirmed(world, clock)
    assert order.number is not None
    assert await permits(world, clock, order.number) is None
    failed = await told(world, clock, order, "failed", note="no_effect")
    assert failed is not None
    assert failed.state is OrderState.FAILED
    assert failed.executions[0].result == "failed: no_effect"
    late = await told(world, clock, order, "effective")
    assert late is not None
    assert late.state is OrderState.EXECUTED
    assert await told(world, clock, order, "effective") is None


async def test_what_expired_before_it_was_sent_may_be_tried_again(
    world: AsyncSession, clock: SetClock
) -> None:
    order = await confirmed(world, clock)
    assert order.number is not None
    assert await permits(world, clock, order.number) is None
    assert await told(world, clock, order, "expired") is None
    assert await permits(world, clock, order.number) is None
    states = [each.state for each in (await read(world, order)).executions]
    assert states == [UseState.UNUSED, UseState.OPEN]


async def test_a_described_change_is_noted_by_hand(world: AsyncSession, clock: SetClock) -> None:
    item = Item(ItemKind.TARIFF, text="0.52 per kWh")
    order = await confirmed(world, clock, items=[item, COMMAND])

    async def note(place: int, result: str = "changed") -> ChangeOrder:
        return await change_orders.note_done(
            world, order.id, place, done=True, result=result, now=clock.now()
        )

    for place, result, error in (
        (1, "x", InvalidInput),
        (0, " ", InvalidInput),
        (2, "x", NotFound),
    ):
        with pytest.raises(error):
            await note(place, result)
    assert (await note(0)).state is OrderState.CONFIRMED
    with pytest.raises(Conflict):
        await note(0)
    assert order.number is not None
    assert await permits(world, clock, order.number) is None
    ended = await told(world, clock, order, "effective")
    assert ended is not None
    assert ended.state is OrderState.EXECUTED
    draft = await drafted(world, clock, items=[item])
    with pytest.raises(WrongOrderState):
        await change_orders.note_done(world, draft.id, 0, done=True, result="x", now=clock.now())


async def test_a_command_of_no_order_changes_none(world: AsyncSession, clock: SetClock) -> None:
    order = await confirmed(world, clock)
    assert await told(world, clock, order, "effective") is None
    assert (
        await change_orders.note_command(
            world,
            "SO-000001",
            command_id="1",
            station=N1,
            action="ClearCache",
            payload={},
            state="effective",
            note=None,
            now=clock.now(),
        )
        is None
    )
    assert (await read(world, order)).executions == ()


async def test_a_draft_or_order_can_be_withdrawn_with_a_reason(
    world: AsyncSession, clock: SetClock
) -> None:
    order = await drafted(world, clock)
    with pytest.raises(InvalidInput):
        await change_orders.withdraw(world, order.id, reason="", by=HELEN, now=clock.now())
    gone = await change_orders.withdraw(
        world, order.id, reason="called again", by=HELEN, now=clock.now()
    )
    assert (gone.state, gone.result) == (OrderState.WITHDRAWN, "Helen: called again")
    with pytest.raises(WrongOrderState):
        await change_orders.confirm(world, order.id, STAFF, MAIL, by=HELEN, now=clock.now())


async def test_a_customer_is_asked_for_the_order_while_it_is_a_draft(
    world: AsyncSession, clock: SetClock
) -> None:
    order = await drafted(world, clock)
    asked = await change_orders.note_request(
        world, order.id, recipient="leitung@nord.example", now=clock.now()
    )
    assert (asked.state, asked.requested_from) == (OrderState.REQUESTED, "leitung@nord.example")
    assert asked.is_draft
    order = await confirmed(world, clock)
    with pytest.raises(WrongOrderState):
        await change_orders.note_request(world, order.id, recipient="x@y.z", now=clock.now())


async def test_orders_end_with_their_validity_unless_something_is_under_way(
    world: AsyncSession, clock: SetClock
) -> None:
    idle = await confirmed(world, clock)
    busy = await confirmed(world, clock, stations=[N2])
    draft = await drafted(world, clock, valid_to=clock.now() + timedelta(days=1))
    assert busy.number is not None
    assert await permits(world, clock, busy.number, station=N2) is None
    assert await change_orders.expire_due(world, clock.now()) == []
    clock.advance(timedelta(days=30))
    ended = await change_orders.expire_due(world, clock.now())
    assert [each.id for each in ended] == [idle.id]
    assert (await read(world, draft)).state is OrderState.EXPIRED
    assert (await read(world, busy)).state is OrderState.CONFIRMED
    assert await permits(world, clock, idle.number or "") == Refusal.EXPIRED


async def test_confirmed_orders_are_found_for_a_command(
    world: AsyncSession, clock: SetClock
) -> None:
    order = await confirmed(world, clock)
    await drafted(world, clock)
    now = clock.now()
    assert await change_orders.covering(world, N1, "ChangeConfiguration", now) == [order]
    assert await change_orders.covering(world, N2, "ChangeConfiguration", now) == []
    assert await change_orders.covering(world, N1, "UpdateFirmware", now) == []
    late = now + timedelta(days=31)
    assert await change_orders.covering(world, N1, "ChangeConfiguration", late) == []


async def test_a_mail_that_came_with_the_draft_counts_at_its_confirmation(
    world: AsyncSession, clock: SetClock
) -> None:
    with pytest.raises(InvalidInput):
        await drafted(world, clock, written=WrittenOrder("x", "text/plain", b"x", ""))
    order = await drafted(world, clock, written=MAIL)
    assert (order.number, order.reference) == (None, "Re: interval")
    done = await change_orders.confirm(world, order.id, STAFF, None, by=HELEN, now=clock.now())
    assert done.confirmed_how is How.MAIL
    other = WrittenOrder("other.txt", "text/plain", b"something else", "?")
    order = await drafted(world, clock, written=MAIL)
    await change_orders.confirm(world, order.id, STAFF, other, by=HELEN, now=clock.now())
    assert await change_orders.mail_on_file(world, order.id) == MAIL


async def test_a_command_that_the_queue_completed_is_still_known_by_its_action(
    world: AsyncSession, clock: SetClock
) -> None:
    order = await confirmed(world, clock)
    assert order.number is not None
    assert await permits(world, clock, order.number) is None
    ended = await told(world, clock, order, "effective", payload={**PAYLOAD, "added": 1})
    assert ended is not None
    assert ended.state is OrderState.EXECUTED
