"""What staff decided about paying: on the transaction, and told with its end."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.directory import WHOLE, Scope
from csms import charging
from csms.billing_decisions import BillingOver, decide, stop_billing
from csms.handlers.ending import transactions_ended
from csms.handlers.transactions import transactions_started
from csms.reports import OcppVersion, TransactionEndReport, TransactionStartReport
from foundation.errors import NotFound
from foundation.events import TransactionEnded
from foundation.identifiers import TransactionId
from tests.csms.handlers.work import Work


async def begin(work: Work) -> TransactionId:
    payload: dict[str, Any] = {
        "connectorId": 1,
        "idTag": "GOOD",
        "meterStart": 1000,
        "timestamp": work.clock.now().isoformat(),
    }
    report = work.report(OcppVersion.V16, "StartTransaction", payload, TransactionStartReport)
    [answer] = await transactions_started(work.db, work.context, [report])
    return answer.transaction_id


async def end(work: Work, number: TransactionId) -> None:
    work.clock.advance(timedelta(hours=1))
    payload = {
        "transactionId": number,
        "meterStop": 9000,
        "timestamp": work.clock.now().isoformat(),
    }
    report = work.report(OcppVersion.V16, "StopTransaction", payload, TransactionEndReport)
    await transactions_ended(work.db, work.context, [report])


async def told(work: Work) -> list[tuple[int, str | None]]:
    ends = await work.told(TransactionEnded)
    return [(each.revision, each.billing_decision) for each in ends]


@pytest.mark.parametrize("decision", ["free", "token"])
async def test_a_decision_is_told_with_the_end(work: Work, decision: str) -> None:
    number = await begin(work)
    await decide(work.db, {number: decision}, now=work.clock.now())
    assert await told(work) == []

    await end(work, number)

    assert await told(work) == [(1, decision)]


async def test_without_a_decision_nothing_is_told_of_one(work: Work) -> None:
    await end(work, await begin(work))

    assert await told(work) == [(1, None)]


async def test_a_decision_that_is_found_after_the_end_is_a_further_revision_once(
    work: Work,
) -> None:
    number = await begin(work)
    await end(work, number)
    for _ in range(2):
        await decide(work.db, {number: "free"}, now=work.clock.now())

    assert await told(work) == [(1, None), (2, "free")]
    first, second = await work.told(TransactionEnded)
    assert (second.energy_wh, second.ended_at) == (first.energy_wh, first.ended_at)


async def test_a_transaction_that_does_not_exist_is_left_out(work: Work) -> None:
    await decide(work.db, {TransactionId(2**31 - 1): "free"}, now=work.clock.now())
    assert await told(work) == []


async def test_billing_is_stopped_once_and_only_while_it_runs(work: Work) -> None:
    number = await begin(work)
    at = work.clock.now()
    owner = await stop_billing(work.db, WHOLE, number, now=at)
    assert owner == (await charging.transaction(work.db, WHOLE, number)).owner
    work.clock.advance(timedelta(minutes=5))
    await stop_billing(work.db, WHOLE, number, now=work.clock.now())
    # What was given is not taken back, not even by the decision at the start.
    await decide(work.db, {number: "token"}, now=work.clock.now())
    await end(work, number)

    assert await told(work) == [(1, f"until:{at.isoformat()}")]
    with pytest.raises(BillingOver):
        await stop_billing(work.db, WHOLE, number, now=work.clock.now())


async def test_what_is_free_already_stays_so(work: Work) -> None:
    number = await begin(work)
    await decide(work.db, {number: "free"}, now=work.clock.now())
    await stop_billing(work.db, WHOLE, number, now=work.clock.now())
    await end(work, number)

    assert await told(work) == [(1, "free")]


async def test_nobody_stops_the_billing_of_what_he_does_not_see(work: Work) -> None:
    number = await begin(work)
    with pytest.raises(NotFound):
        await stop_billing(work.db, Scope(frozenset()), number, now=work.clock.now())
