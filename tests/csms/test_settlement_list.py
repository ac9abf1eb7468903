"""Settlements of all stations: newest first, by pages, what is owed, and sessions without one."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.directory import WHOLE, Scope
from csms import payments, settlement_list
from csms.payments import AD_HOC, PaymentPoint
from csms.reports import OcppVersion, Origin, SettlementReport
from foundation.identifiers import OrganisationKey, StationId
from tests.csms.central import moment
from tests.csms.handlers.work import Work
from tests.csms.test_transaction_store import added
from tests.csms.test_transactions import facts

STATION = StationId("CS-1")


async def told(
    work: Work, name: str, status: str, minutes: float, ref: str | None = None, amount: str = "5"
) -> int:
    """Have the station tell of a settlement; return its number."""
    origin = Origin(STATION, OcppVersion.V21, 1, moment(minutes), "m", "NotifySettlement", "")
    report = SettlementReport(
        origin, ref, name, status, None, Decimal(amount), moment(minutes), None, None, None, None
    )
    row, _ = await payments.keep_settlement(work.db, report, currency="EUR", receipts="https://x")
    return row.id


async def charged(work: Work, ref: str, minutes: float, **more: Any) -> int:
    """Store a session of an hour at the station; return its number."""
    given: dict[str, Any] = {
        "ref": f"2|{ref}",
        "station": STATION,
        "state": "ended",
        "started_at": moment(minutes),
        "ended_at": moment(minutes + 60),
        "energy_wh": Decimal(8000),
    }
    [stored] = await added(work, [facts(**(given | more))])
    return int(stored.id)


async def numbers(work: Work, **how: Any) -> list[int]:
    given: dict[str, Any] = {"stations": None, "limit": 50} | how
    return [each.settlement_id for each in await settlement_list.settlements(work.db, **given)]


async def test_the_newest_stands_first_and_the_next_page_goes_on_behind_it(work: Work) -> None:
    first, late, twin = [
        await told(work, name, "Settled", minutes)
        for name, minutes in (("a", 0), ("b", 60), ("c", 60))
    ]
    assert await numbers(work) == [twin, late, first]
    assert await numbers(work, before=(moment(60), twin)) == [late, first]
    assert await numbers(work, before=(moment(60), None)) == [first]
    assert await numbers(work, settled_from=moment(60)) == [twin, late]
    assert await numbers(work, settled_to=moment(60), limit=1) == [first]
    assert await numbers(work, statuses=["Failed"]) == []
    assert await numbers(work, statuses=[]) == []
    assert await numbers(work, stations=[STATION], limit=1) == [twin]
    assert await numbers(work, stations=["another"]) == []


async def test_owed_is_an_open_claim_and_what_was_paid_for_a_session_nobody_knows(
    work: Work,
) -> None:
    claim = await told(work, "a", "Failed", 0)
    alone = await told(work, "b", "Settled", 10, ref="tx-1")
    await told(work, "c", "Canceled", 20, ref="tx-2")
    await told(work, "d", "Settled", 30, ref="tx-3", amount="0")
    assert await numbers(work, owed_since=moment(0)) == [alone, claim]
    assert await numbers(work, owed_since=moment(11)) == [claim], "a claim stays until it is closed"
    number = await charged(work, "tx-1", 0)
    assert await numbers(work, owed_since=moment(0)) == [claim]
    found = await settlement_list.settlements(work.db, None, limit=9)
    assert {each.settlement_id: each.transaction_id for each in found}[alone] == number


async def test_a_session_at_a_terminal_that_told_of_no_settlement_is_found(work: Work) -> None:
    span: dict[str, Any] = {"since": moment(0), "until": moment(600), "limit": 9}
    paid = {"token_provider": AD_HOC}
    number = await charged(work, "tx-1", 0, **paid)
    await charged(work, "tx-2", 1, **paid | {"energy_wh": Decimal(0)})
    await charged(work, "tx-3", 2, **paid | {"token_provider": None})

    async def found(**how: Any) -> list[int]:
        sessions = await settlement_list.unsettled_sessions(
            work.db, **{"stations": None} | span | how
        )
        return [int(each.transaction_id) for each in sessions]

    assert await found() == [], "the station has no terminal"
    point = PaymentPoint(True, "none", None, 8, 60)
    await payments.set_payment_point(work.db, STATION, point, by="me", now=moment(0))
    assert await found() == [number]
    assert await found(stations=["another"]) == []
    assert await found(until=moment(60)) == [], "its settlement may still come"
    assert await found(since=moment(60) + timedelta(seconds=1)) == []
    await told(work, "p", "Failed", 61, ref="tx-1")
    assert await found() == []


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        (WHOLE, None),
        (Scope(frozenset({OrganisationKey("root")})), frozenset({STATION})),
        (Scope(frozenset({OrganisationKey("nobody")})), frozenset()),
    ],
)
async def test_the_stations_are_those_of_ones_organisations(
    work: Work, scope: Scope, seen: frozenset[str] | None
) -> None:
    found = await settlement_list.stations_of(work.db, scope)
    assert found is seen if seen is None else found is not None and found >= seen
    assert seen != frozenset() or found == frozenset()
