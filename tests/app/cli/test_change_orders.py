"""Change orders by command."""

from pathlib import Path

import pytest

from accounts.directory import WHOLE
from foundation.clock import SetClock
from foundation.database import Database
from support import change_orders
from support.change_orders import ChangeOrder
from tests.app.conftest import Cli
from tests.support.conftest import HELEN, N1, fill
from tests.support.office import CHANGE


@pytest.fixture
async def draft(database: Database, clock: SetClock) -> ChangeOrder:
    async with database.unit_of_work() as db:
        await fill(db, clock.now())
        return await change_orders.draft(
            db, WHOLE, [N1], [CHANGE], title="Heartbeat", by=HELEN, now=clock.now()
        )


def test_a_draft_becomes_an_order_by_the_customers_mail(cli: Cli, draft: ChangeOrder) -> None:
    refused = cli("change-order", "confirm", str(draft.id))
    assert refused.status == 1
    assert "attach its mail" in refused.err
    Path("order.eml").write_bytes(b"Subject: please")
    refused = cli("change-order", "confirm", str(draft.id), "--mail", "order.eml")
    assert (refused.status, "reference" in refused.err) == (1, True)
    Path("order.html").write_bytes(b"<p>please")
    said = ("--reference", "Re: heartbeat", "--json")
    assert cli("change-order", "confirm", str(draft.id), "--mail", "order.html", *said).status == 1
    made = cli("change-order", "confirm", str(draft.id), "--mail", "order.eml", *said)
    assert (made.json["state"], made.json["confirmed_how"]) == ("confirmed", "mail")
    assert made.json["confirmed_door"] == "cli"
    assert cli("change-order", "confirm", made.json["number"]).status == 1


def test_orders_are_listed_and_shown(cli: Cli, draft: ChangeOrder) -> None:
    assert cli("change-order", "list").lines == [
        ["id", "number", "state", "organisation", "title", "stations", "valid_to"],
        [str(draft.id), "", "draft", "north", "Heartbeat", "N-1", ""],
    ]
    assert cli("change-order", "list", "--state", "confirmed", "--json").json == []
    shown = cli("change-order", "show", str(draft.id)).out
    assert "draft (draft): Heartbeat" in shown
    assert "ChangeConfiguration" in shown
    assert cli("change-order", "show", str(draft.id), "--json").json["stations"] == ["N-1"]
    assert cli("change-order", "show", "CO-999999").status == 1
