"""What follows from an end: revisions, inference, queues."""

from datetime import timedelta
from typing import Any

from csms import store, transaction_store
from csms.handlers import finishing
from csms.handlers.availability import statuses_reported
from csms.handlers.ending import transactions_ended
from csms.handlers.metering import meter_values
from csms.handlers.transactions import (
    transactions_started,
    transactions_updated,
)
from csms.reports import (
    MeterReport,
    OcppVersion,
    StatusReport,
    TransactionEndReport,
    TransactionStartReport,
    TransactionUpdateReport,
)
from csms.store import Opened
from foundation import outbox
from foundation.events import Doubt, EndBasis, TransactionEnded
from foundation.identifiers import StationId
from tests.csms.central import at, event, moment, register, register2, start, stop, wh
from tests.csms.handlers.work import GOOD, Work

V16, V201 = OcppVersion.V16, OcppVersion.V201


async def begin(work: Work, minutes: float = 0, **more: Any) -> int:
    payload = start(minutes, tag=GOOD) | more
    report = work.report(V16, "StartTransaction", payload, TransactionStartReport)
    [answer] = await transactions_started(work.db, work.context, [report])
    return int(answer.transaction_id)


async def end(work: Work, number: int, minutes: float, register_wh: int) -> None:
    payload = stop(number, minutes, register_wh)
    report = work.report(V16, "StopTransaction", payload, TransactionEndReport)
    await transactions_ended(work.db, work.context, [report])


async def read(work: Work, number: int, minutes: float, register_wh: int, **more: Any) -> None:
    payload = {"connectorId": 1, "transactionId": number} | more
    payload["meterValue"] = [register(minutes, register_wh)]
    report = work.report(V16, "MeterValues", payload, MeterReport)
    await meter_values(work.db, work.context, [report])


async def free(work: Work, minutes: float) -> None:
    opened = Opened(StationId("CS-1"), "node", V16, "", work.clock.now())
    await store.open_connections(work.db, [opened])
    payload = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    report = work.report(
        V16, "StatusNotification", payload | {"timestamp": at(minutes)}, StatusReport
    )
    await statuses_reported(work.db, work.context, [report])


async def infer(work: Work) -> list[TransactionEnded]:
    events = await finishing.infer_lost_ends(work.db, work.context, timedelta(minutes=15))
    await outbox.append(work.db, events, recorded_at=work.clock.now())
    return [each for each in events if isinstance(each, TransactionEnded)]


async def test_a_late_reading_that_changes_nothing_makes_no_revision(work: Work) -> None:
    number = await begin(work)
    await end(work, number, 60, 9000)
    await read(work, number, 70, 9000)  # after the end
    await read(work, number, 30, 5000)
    await read(work, number, 30.5, 5000)  # too close to the one before to be told of
    assert [each.revision for each in await work.told(TransactionEnded)] == [1, 2]


async def test_many_late_readings_in_one_message_make_one_revision(work: Work) -> None:
    number = await begin(work)
    await end(work, number, 60, 9000)
    elements = [register(minutes, 1000 + minutes * 100) for minutes in range(10, 50, 10)]
    payload = {"connectorId": 1, "transactionId": number, "meterValue": elements}
    report = work.report(V16, "MeterValues", payload, MeterReport)
    await meter_values(work.db, work.context, [report])
    told = await work.told(TransactionEnded)
    assert [each.revision for each in told] == [1, 2]
    assert len(told[-1].usage) == 6


async def sign(work: Work, number: int, value: str) -> None:
    payload = {"connectorId": 1, "transactionId": number}
    sampled = [{"value": value, "format": "SignedData", "context": "Transaction.End"}]
    report = work.report(
        V16,
        "MeterValues",
        payload | {"meterValue": [{"timestamp": at(60), "sampledValue": sampled}]},
        MeterReport,
    )
    await meter_values(work.db, work.context, [report])


async def test_a_signed_value_that_comes_after_the_end_is_looked_at_once(work: Work) -> None:
    """It changes no energy; but whether the meter signed is judged by what was announced."""
    number = await begin(work)
    await sign(work, number, "OCMF|begin")
    await end(work, number, 60, 9000)
    for _ in range(2):
        await sign(work, number, "OCMF|end")
    told = await work.told(TransactionEnded)
    assert [(each.revision, each.energy_wh) for each in told] == [(1, wh(8000)), (2, wh(8000))]


async def test_a_2x_signed_value_that_comes_after_the_end_is_looked_at_too(work: Work) -> None:
    begun = work.report(V201, "TransactionEvent", event("Started", 0, 0), TransactionStartReport)
    await transactions_started(work.db, work.context, [begun])
    over = work.report(V201, "TransactionEvent", event("Ended", 1, 60), TransactionEndReport)
    await transactions_ended(work.db, work.context, [over])
    signed = register2(60, 1000, "Transaction.End")
    signed["sampledValue"][0] |= {
        "measurand": "Energy.Active.Import.Interval",
        "signedMeterValue": {"signedMeterData": "T0NNRg==", "encodingMethod": "OCMF"},
    }
    said = event("Updated", 2, 61, meterValue=[signed])
    late = work.report(V201, "TransactionEvent", said, TransactionUpdateReport)
    await transactions_updated(work.db, work.context, [late])
    assert [each.revision for each in await work.told(TransactionEnded)] == [1, 2]


async def test_an_end_is_inferred_at_the_last_reading_at_the_latest_when_it_was_free(
    work: Work,
) -> None:
    number = await begin(work)
    await read(work, number, 30, 5000)
    await free(work, 40)
    [told] = await infer(work)
    assert (told.ended_at, told.energy_wh, told.basis) == (moment(30), wh(4000), EndBasis.INFERRED)
    assert told.doubts == (Doubt.INFERRED_END,)
    assert await infer(work) == [], "what is inferred once is not inferred again"


async def test_without_readings_it_ended_when_it_was_free(work: Work) -> None:
    await begin(work)
    await free(work, 40)
    [told] = await infer(work)
    assert (told.ended_at, told.energy_wh) == (moment(40), wh(0))


async def test_no_end_is_inferred_before_its_time_or_while_the_register_rises(work: Work) -> None:
    number = await begin(work)
    await free(work, 470)
    assert await infer(work) == []
    work.clock.advance(timedelta(minutes=30))
    await read(work, number, 475, 5000)
    assert await infer(work) == []
    [row] = await work.rows("select state from transactions")
    assert row["state"] == "active"


async def test_a_clock_reading_of_the_same_register_hides_no_lost_end(work: Work) -> None:
    number = await begin(work)
    await read(work, number, 30, 5000)
    await free(work, 40)
    await read(work, number, 50, 5000)
    [told] = await infer(work)
    assert told.ended_at == moment(30)


async def test_late_readings_of_an_inferred_end_make_a_new_revision(work: Work) -> None:
    number = await begin(work)
    await read(work, number, 30, 5000)
    await begin(work, 120, meterStart=9000)
    await read(work, number, 20, 3000)
    told = await work.told(TransactionEnded)
    assert [(each.revision, each.basis) for each in told] == [
        (1, EndBasis.INFERRED),
        (2, EndBasis.INFERRED),
    ]


async def test_a_start_that_is_older_than_what_runs_ends_nothing(work: Work) -> None:
    running = await begin(work, 120, meterStart=9000)
    await begin(work, 0)
    rows = await work.rows("select id, state from transactions order by id")
    assert {row["state"] for row in rows} == {"active"}
    assert rows[0]["id"] == running


async def test_a_transaction_that_waits_closes_without_its_queue_when_asked_to(work: Work) -> None:
    async def say(kind: str, seq_no: int, minutes: float, made: Any, **more: Any) -> Any:
        return work.report(V201, "TransactionEvent", event(kind, seq_no, minutes, **more), made)

    first = [register2(0, 1000, "Transaction.Begin")]
    last = [register2(60, 9000, "Transaction.End")]
    begun = await say("Started", 0, 0, TransactionStartReport, meterValue=first)
    await transactions_started(work.db, work.context, [begun])
    over = await say("Ended", 5, 60, TransactionEndReport, meterValue=last)
    await transactions_ended(work.db, work.context, [over])
    [row] = await work.rows("select id, state, revision from transactions")
    assert (row["state"], row["revision"]) == ("ended_waiting_for_queue", 0)

    [told] = await finishing.close_without_queue(work.db, [row["id"]])
    assert isinstance(told, TransactionEnded)
    assert (told.revision, told.energy_wh) == (1, wh(8000))
    assert await finishing.close_without_queue(work.db, [row["id"]]) == []
    late = await say("Updated", 2, 20, TransactionUpdateReport, meterValue=[register2(20, 3000)])
    await transactions_updated(work.db, work.context, [late])
    [again] = await work.told(TransactionEnded)
    assert again.revision == 2


async def test_a_transaction_that_ended_is_not_open(work: Work) -> None:
    number = await begin(work)
    assert [each.id for each in (await transaction_store.open_of(work.db, ["CS-1"]))["CS-1"]] == [
        number
    ]
    await end(work, number, 60, 9000)
    assert await transaction_store.open_of(work.db, ["CS-1"]) == {}
