"""Readings outside transactions' own messages."""

from typing import Any

from csms.handlers.metering import meter_values
from csms.handlers.transactions import transactions_started
from csms.reports import Acknowledged, MeterReport, OcppVersion, TransactionStartReport
from tests.csms.central import moment, register, start
from tests.csms.handlers.work import Work


def meter(work: Work, *elements: dict[str, Any], **more: Any) -> MeterReport:
    payload = {"connectorId": 1, "meterValue": list(elements)} | more
    return work.report(OcppVersion.V16, "MeterValues", payload, MeterReport)


async def test_a_reading_that_belongs_to_nothing_is_kept_raw_and_as_values(work: Work) -> None:
    report = meter(work, register(0, 1000))
    assert await meter_values(work.db, work.context, [report]) == [Acknowledged()]
    [reading] = await work.rows("select * from readings")
    assert (reading["transaction_id"], reading["energy_register_wh"]) == (None, 1000)
    assert (reading["measured_at"], reading["context"]) == (moment(0), "Sample.Periodic")
    [sample] = reading["values"]
    assert (sample["measurand"], sample["unit"]) == ("Energy.Active.Import.Register", "Wh")
    [raw] = await work.rows("select kind, transaction_id, raw from reports")
    assert (raw["kind"], raw["transaction_id"]) == ("meter", None)


async def test_a_reading_is_linked_by_its_number_also_from_another_connector(work: Work) -> None:
    begun = work.report(OcppVersion.V16, "StartTransaction", start(0), TransactionStartReport)
    [answer] = await transactions_started(work.db, work.context, [begun])
    number = answer.transaction_id
    report = meter(work, register(5, 1500), connectorId=0, transactionId=number)
    await meter_values(work.db, work.context, [report])
    [reading] = await work.rows("select transaction_id, evse_id from readings")
    assert reading == {"transaction_id": number, "evse_id": 1}


async def test_values_of_one_moment_in_several_contexts_are_several_readings(work: Work) -> None:
    report = meter(work, register(0, 1000), register(0, 1000, "Sample.Clock"))
    await meter_values(work.db, work.context, [report])
    assert len(await work.rows("select * from readings")) == 2


async def test_signed_data_with_a_nul_is_kept_raw_and_its_reading_too(work: Work) -> None:
    element = register(0, 1000)
    element["sampledValue"].append({"value": "OCMF|{\u0000}", "format": "SignedData"})
    await meter_values(work.db, work.context, [meter(work, element)])
    [reading] = await work.rows("select values from readings")
    assert reading["values"][1]["signed"] == "OCMF|{}"


async def test_a_message_without_any_value_is_answered_and_kept_raw(work: Work) -> None:
    assert await meter_values(work.db, work.context, [meter(work)]) == [Acknowledged()]
    assert await work.rows("select * from readings") == []
    assert len(await work.rows("select * from reports")) == 1
