"""What is known of tokens: as of each moment, and what counts as charging meanwhile."""

import pytest

from csms import administration, store, token_store
from csms.administration import TokenSettings
from csms.handlers.transactions import transactions_started
from csms.reports import OcppVersion, TransactionStartReport
from csms.store import Opened
from csms.token_store import Shown
from foundation.identifiers import OrganisationKey, StationId
from tests.csms.central import moment, start
from tests.csms.handlers.work import GOOD, OWNER, Work


async def test_tokens_are_returned_in_the_order_asked_as_of_each_moment(work: Work) -> None:
    heir = OrganisationKey("heir")
    await administration.set_id_tokens(
        work.db,
        [TokenSettings(id_token=GOOD, organisation=heir)],
        now=moment(60),
    )
    asked = [
        Shown("CS-1", GOOD, moment(59)),
        Shown("CS-1", "NOBODY", moment(59)),
        Shown("CS-1", GOOD, moment(60)),
        Shown("CS-2", GOOD, moment(59)),
    ]
    found = await token_store.tokens_of(work.db, asked)
    holders = [None if each is None else each.organisation for each in found]
    assert holders == [OWNER, None, heir, OWNER]
    assert await token_store.tokens_of(work.db, []) == []


async def charging(work: Work, station: str = "CS-1", evse: int = 1) -> None:
    """Let the good token charge since minute 10."""
    opened = Opened(StationId(station), "node", OcppVersion.V16, "", work.clock.now())
    await store.open_connections(work.db, [opened])
    payload = start(10, tag=GOOD, connector=evse)
    report = work.report(
        OcppVersion.V16, "StartTransaction", payload, TransactionStartReport, station=station
    )
    await transactions_started(work.db, work.context, [report])


async def counted(work: Work, shown: Shown) -> tuple[int, int]:
    """Return how many transactions the token has elsewhere, and here."""
    [found] = await token_store.tokens_of(work.db, [shown])
    assert found is not None
    return found.active, found.active_here


@pytest.mark.parametrize(
    ("station", "evse", "minute", "expected"),
    [
        ("CS-2", 1, 60, (1, 0)),
        ("CS-1", 2, 60, (0, 1)),
        ("CS-1", 1, 60, (0, 0)),  # an EVSE has one transaction: the former is over
        ("CS-1", None, 60, (0, 0)),
        ("CS-2", 1, 10, (0, 0)),  # what began later, or is reported again, blocks nothing
        ("CS-1", 2, 10, (0, 0)),
    ],
)
async def test_a_running_transaction_is_counted_where_it_is_in_the_way(
    work: Work, station: str, evse: int | None, minute: int, expected: tuple[int, int]
) -> None:
    await charging(work)
    shown = Shown(station, GOOD, moment(0), evse, moment(minute))
    assert await counted(work, shown) == expected
    assert await counted(work, Shown(station, GOOD, moment(minute), evse)) == expected


async def test_a_transaction_whose_connector_is_available_again_blocks_no_card(work: Work) -> None:
    await charging(work)
    await work.rows(
        "update transactions set available_since = :at returning id",
        at=moment(20),
    )
    assert await counted(work, Shown("CS-2", GOOD, moment(60), 1)) == (0, 0)
