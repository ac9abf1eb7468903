"""The words of the mails."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from accounts import directory
from accounts.directory import Organisation
from foundation.clock import SetClock
from foundation.identifiers import OrganisationKey
from support.change_orders import ChangeOrder
from support.letters import request_mail, result_mail
from support.orders import FINAL, Item, ItemKind, OrderState
from tests.support.conftest import N1, N2
from tests.support.office import CHANGE, Office, opened, routed


@pytest.fixture
async def office(database_url: str, clock: SetClock) -> AsyncIterator[Office]:
    database = routed(database_url)
    yield await opened(database, clock)
    await database.close()


async def order_and_owner(office: Office) -> tuple[ChangeOrder, Organisation]:
    order = await office.order(
        stations=[N1, N2], items=[CHANGE, Item(ItemKind.TARIFF, text="0.52 per kWh")]
    )
    async with office.database.unit_of_work() as db:
        return order, await directory.organisation(db, OrganisationKey("north"))


async def test_the_request_shows_the_difference_where_it_is_one(office: Office) -> None:
    order, owner = await order_and_owner(office)
    same = {N1: {"HeartbeatInterval": "300"}, N2: {"HeartbeatInterval": "300"}}
    told = request_mail(order, owner, "a@b.example", same, signature="Helen")
    assert "HeartbeatInterval = 600 (jetzt: 300)" in told.body_text
    assert "- 0.52 per kWh" in told.body_text
    differing = {**same, N2: {"HeartbeatInterval": "900"}}
    told = request_mail(order, owner, "a@b.example", differing, signature="Helen")
    assert "jetzt:" not in told.body_text
    lines = replace(order, title="two\nlines")
    assert "\n" not in request_mail(lines, owner, "a@b.example", {}, signature="x").subject


@pytest.mark.parametrize("state", sorted(FINAL))
@pytest.mark.parametrize("language", ["en", "de"])
async def test_every_end_has_its_words(office: Office, state: OrderState, language: str) -> None:
    order, owner = await order_and_owner(office)
    told = result_mail(
        replace(order, state=state, reference=None),
        replace(owner, language=language),  # type: ignore[arg-type]
        "a@b.example",
        "Operator",
    )
    assert str(order.number) in told.subject
    assert told.language == language
    assert "N-1:" in told.body_text
