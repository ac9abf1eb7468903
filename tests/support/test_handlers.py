"""Orders end by what came of their commands, and their owners are told."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from accounts import audit
from csms.queue import CommandState, Failure, OrderNeeded
from foundation.clock import SetClock
from support.handlers import expire_orders
from support.orders import OrderState, Refusal, UseState
from tests.support.conftest import N1, N2
from tests.support.office import Office, opened, routed

SENT, ACCEPTED = CommandState.SENT, CommandState.ACCEPTED
EFFECTIVE, FAILED = CommandState.EFFECTIVE, CommandState.FAILED


@pytest.fixture
async def office(database_url: str, clock: SetClock) -> AsyncIterator[Office]:
    database = routed(database_url)
    yield await opened(database, clock)
    await database.close()


async def test_the_owner_is_told_once_when_all_is_done(office: Office) -> None:
    order = await office.order(stations=[N1, N2])
    first = await office.ask(order.number)
    await office.becomes(first, SENT, ACCEPTED, EFFECTIVE)
    assert await office.mails() == []
    assert (await office.read(order)).state is OrderState.CONFIRMED
    second = await office.ask(order.number, station=N2)
    await office.becomes(second, SENT, EFFECTIVE)
    [mail] = await office.mails()
    assert (mail.recipient, mail.language) == ("leitung@nord.example", "de")
    assert mail.subject == f"Änderungsauftrag {order.number} wurde ausgeführt"
    assert "N-2: ChangeConfiguration: erledigt" in mail.body_text
    done = await office.read(order)
    assert [each.command_id for each in done.executions] == [first.id, second.id]
    async with office.database.unit_of_work() as db:
        told = await audit.entries(db, None, subject=f"change_order/{order.id}")
    assert [(each.deed, each.actor.door, each.order) for each in told] == [
        ("change_order.executed", "system", order.number)
    ]


async def test_late_evidence_turns_a_failure_and_both_are_told(office: Office) -> None:
    order = await office.order()
    command = await office.ask(order.number)
    await office.becomes(command, SENT, FAILED, failure=Failure.NO_ANSWER)
    failed = await office.read(order)
    assert failed.state is OrderState.FAILED
    assert failed.executions[0].result == "failed: no_answer"
    await office.becomes(replace(command, state=FAILED), EFFECTIVE)
    assert (await office.read(order)).state is OrderState.EXECUTED
    assert len(await office.mails()) == 2


async def test_a_command_without_an_order_concerns_nobody(office: Office) -> None:
    order = await office.order()
    command = await office.ask(action="ClearCache", payload={})
    await office.becomes(command, SENT, EFFECTIVE)
    assert (await office.read(order)).executions == ()
    assert await office.mails() == []


async def test_a_cancelled_command_leaves_its_order_to_be_carried_out(office: Office) -> None:
    order = await office.order()
    first = await office.ask(order.number)
    with pytest.raises(OrderNeeded) as caught:
        await office.ask(order.number)
    assert str(caught.value) == Refusal.USED
    await office.becomes(first, CommandState.CANCELLED)
    assert (await office.read(order)).executions[0].state is UseState.UNUSED
    second = await office.ask(order.number)
    await office.becomes(second, SENT, EFFECTIVE)
    assert (await office.read(order)).state is OrderState.EXECUTED


async def test_an_order_that_ran_out_is_told(office: Office) -> None:
    order = await office.order(stations=[N1, N2])
    command = await office.ask(order.number)
    await office.becomes(command, SENT, EFFECTIVE)
    office.clock.advance(timedelta(days=31))
    for _ in range(2):
        await expire_orders(office.database, office.correspondence, office.clock)
    assert (await office.read(order)).state is OrderState.EXPIRED
    [mail] = await office.mails()
    assert "abgelaufen" in mail.subject
    assert "N-1: ChangeConfiguration: erledigt" in mail.body_text
    assert "N-2: ChangeConfiguration: nicht versucht" in mail.body_text
