"""Writing to customers about their orders."""

from collections.abc import AsyncIterator

import pytest

from accounts import directory
from accounts.directory import WHOLE
from foundation.clock import SetClock
from foundation.identifiers import OrganisationKey
from support import change_orders
from support.correspondence import NoContact
from support.orders import OrderState, WrongOrderState
from tests.support.conftest import HELEN, N1, S1
from tests.support.office import CHANGE, Office, opened, routed


@pytest.fixture
async def office(database_url: str, clock: SetClock) -> AsyncIterator[Office]:
    database = routed(database_url)
    yield await opened(database, clock)
    await database.close()


async def drafted(office: Office, station: str) -> int:
    async with office.database.unit_of_work() as db:
        order = await change_orders.draft(
            db,
            WHOLE,
            [type(N1)(station)],
            [CHANGE],
            title="Heartbeat",
            by=HELEN,
            now=office.clock.now(),
        )
    return order.id


async def asked(office: Office, order_id: int) -> change_orders.ChangeOrder:
    async with office.database.unit_of_work() as db:
        return await office.correspondence.ask_for_order(
            db, order_id, by=HELEN, now=office.clock.now()
        )


async def test_during_a_call_only_a_mail_asks_for_the_order(office: Office) -> None:
    order = await asked(office, await drafted(office, N1))
    assert (order.state, order.number) == (OrderState.REQUESTED, None)
    [mail] = await office.mails()
    assert (mail.recipient, mail.language) == ("leitung@nord.example", "de")
    assert mail.subject == "Bitte schriftlich bestätigen: Heartbeat"
    assert "HeartbeatInterval = 600" in mail.body_text
    assert "Helen, Operator" in mail.body_text
    english = await asked(office, await drafted(office, S1))
    [mail, _] = await office.mails()
    assert (english.requested_from, mail.language) == ("desk@south.example", "en")
    assert "Until then nothing is changed." in mail.body_text


async def test_an_order_that_is_confirmed_is_not_asked_for(office: Office) -> None:
    order = await office.order()
    with pytest.raises(WrongOrderState):
        await asked(office, order.id)
    assert await office.mails() == []


async def test_without_an_address_nobody_can_be_asked_or_told(office: Office) -> None:
    order_id = await drafted(office, N1)
    order = await office.order()
    async with office.database.unit_of_work() as db:
        await directory.change_organisation(db, OrganisationKey("north"), {"email": None})
    with pytest.raises(NoContact):
        await asked(office, order_id)
    async with office.database.unit_of_work() as db:
        gone = await change_orders.withdraw(
            db, order.id, reason="x", by=HELEN, now=office.clock.now()
        )
        await office.correspondence.tell_result(db, gone, now=office.clock.now())
    assert await office.mails() == []
