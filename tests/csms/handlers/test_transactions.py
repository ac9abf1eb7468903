"""Starts, events and ends as the lanes hand them in: batches, tokens, costs, dated facts."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from csms import charging
from csms.charging import Transaction
from csms.handlers.ending import transactions_ended
from csms.handlers.transactions import (
    transactions_started,
    transactions_updated,
)
from csms.reports import (
    AuthorizationStatus,
    IdTokenInfo,
    OcppVersion,
    TransactionEndReport,
    TransactionStartReport,
    TransactionUpdateReport,
)
from foundation.events import TransactionEnded, TransactionStarted
from foundation.identifiers import IdToken
from tests.csms.central import at, event, moment, register2, start, stop
from tests.csms.handlers.work import BLOCKED, GOOD, Work

V16, V201 = OcppVersion.V16, OcppVersion.V201


def begun(work: Work, minutes: float = 0, *, station: str = "CS-1", **more: Any) -> Any:
    payload = start(minutes, tag=GOOD) | more
    return work.report(V16, "StartTransaction", payload, TransactionStartReport, station=station)


def over(work: Work, number: int, minutes: float = 60, **more: Any) -> TransactionEndReport:
    payload = stop(number, minutes, 9000) | more
    return work.report(V16, "StopTransaction", payload, TransactionEndReport)


def said(work: Work, kind: str, seq_no: int, minutes: float, **more: Any) -> Any:
    kinds: dict[str, type[Any]] = {
        "Started": TransactionStartReport,
        "Updated": TransactionUpdateReport,
        "Ended": TransactionEndReport,
    }
    if kind == "Started":
        more.setdefault("idToken", {"idToken": GOOD, "type": "ISO14443"})
    return work.report(V201, "TransactionEvent", event(kind, seq_no, minutes, **more), kinds[kind])


async def test_a_start_is_answered_with_its_tokens_group_also_when_it_is_repeated(
    work: Work,
) -> None:
    for _ in range(2):
        [answer] = await transactions_started(work.db, work.context, [begun(work)])
        assert answer.id_token_info is not None
        assert answer.id_token_info.status is AuthorizationStatus.ACCEPTED
        assert answer.id_token_info.group == IdToken("FAMILY")
    [refused] = await transactions_started(work.db, work.context, [begun(work, 5, idTag=BLOCKED)])
    assert refused.id_token_info == IdTokenInfo(AuthorizationStatus.BLOCKED)


async def stored(work: Work) -> list[Transaction]:
    found = await charging.transactions(work.db, directory.WHOLE)
    return sorted(found, key=lambda each: each.transaction_id)


# ------------------------------------------------------------------------------------ batches


async def test_the_same_start_twice_in_one_batch_is_one_transaction(work: Work) -> None:
    first, second = await transactions_started(work.db, work.context, [begun(work), begun(work)])
    assert first == second
    assert len(await work.told(TransactionStarted)) == 1


async def test_starts_of_many_stations_are_answered_in_the_order_given(work: Work) -> None:
    reports = [begun(work, station="CS-2"), begun(work), begun(work, 1, station="CS-2")]
    answers = await transactions_started(work.db, work.context, reports)
    by_id = {each.transaction_id: each for each in await stored(work)}
    assert [
        (by_id[answer.transaction_id].station, by_id[answer.transaction_id].started_at)
        for answer in answers
    ] == [("CS-2", moment(0)), ("CS-1", moment(0)), ("CS-2", moment(1))]


# -------------------------------------------------------------------------------------- costs


class Prices:
    """One cent for each Wh."""

    def __init__(self) -> None:
        self.asked: list[TransactionEnded] = []

    async def costs(
        self, db: AsyncSession, transactions: Sequence[TransactionEnded]
    ) -> Sequence[Decimal | None]:
        self.asked += transactions
        return [each.energy_wh / 100 for each in transactions]

    async def messages(
        self,
        db: AsyncSession,
        transactions: Sequence[TransactionEnded],
        languages: Sequence[tuple[str, ...]],
    ) -> Sequence[tuple[str, str] | None]:
        return [None] * len(transactions)


async def test_a_2x_station_is_told_the_running_and_the_total_cost(work: Work) -> None:
    prices = Prices()
    work.costs = prices
    context = work.context
    first = [register2(0, 1000, "Transaction.Begin")]
    await transactions_started(work.db, context, [said(work, "Started", 0, 0, meterValue=first)])

    async def update(seq_no: int, register_wh: int) -> Decimal | None:
        report = said(work, "Updated", seq_no, seq_no, meterValue=[register2(seq_no, register_wh)])
        [answer] = await transactions_updated(work.db, context, [report])
        return answer.total_cost

    assert await update(1, 2000) == 10
    assert await update(2, 3000) is None, "a display need not know it every second"
    work.clock.advance(timedelta(minutes=1))
    assert await update(3, 4000) == 30
    last = [register2(60, 9000, "Transaction.End")]
    report = said(work, "Ended", 4, 60, meterValue=last)
    [answer] = await transactions_ended(work.db, context, [report])
    assert answer.total_cost == 80
    [repeated] = await transactions_ended(work.db, context, [report])
    assert repeated.total_cost is None


async def test_a_1_6_station_cannot_be_told_costs_and_nobody_computes_them(work: Work) -> None:
    prices = Prices()
    work.costs = prices
    [answer] = await transactions_started(work.db, work.context, [begun(work)])
    await transactions_ended(work.db, work.context, [over(work, answer.transaction_id)])
    assert prices.asked == []


async def test_what_the_station_says_of_the_start_is_kept_as_it_said_it(work: Work) -> None:
    report = said(work, "Started", 7, 0, remoteStartId=42, reservationId=17, offline=True)
    await transactions_started(work.db, work.context, [report])
    [row] = await work.rows(
        "select remote_start_id, reservation_id, offline, first_seq_no, ref, version"
        " from transactions"
    )
    assert row == {
        "remote_start_id": 42,
        "reservation_id": 17,
        "offline": True,
        "first_seq_no": 7,
        "ref": "2|tx-1",
        "version": "ocpp2.0.1",
    }
    assert at(0) in (await work.rows("select raw from reports"))[0]["raw"]
