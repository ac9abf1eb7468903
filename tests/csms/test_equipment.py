"""Reading what a station is set to, how far it is, and what it reserves."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.directory import WHOLE, Scope
from csms import equipment
from csms.equipment_answers import keep_answer
from csms.handlers.firmware import firmware_statuses_reported
from csms.handlers.reporting import variables_reported
from csms.handlers.reservations import reservations_ended
from csms.handlers.transactions import transactions_started
from csms.reports import (
    FirmwareStatusReport,
    OcppVersion,
    ReservationReport,
    TransactionStartReport,
    VariablesReport,
)
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey, StationId
from tests.csms.central import at
from tests.csms.handlers.work import Work

STATION = StationId("CS-1")
YES = {"status": "Accepted"}


async def configured(work: Work, **values: str) -> None:
    keys = [
        {"key": key, "readonly": key.isupper(), "value": value} for key, value in values.items()
    ]
    answer = {"configurationKey": keys}
    await keep_answer(work.db, STATION, "GetConfiguration", answer, work.clock.now())


async def test_a_configuration_is_read_with_its_history_newest_first(work: Work) -> None:
    for value in ("300", "600"):
        await configured(work, Interval=value, COUNT="2")
        work.clock.advance(timedelta(hours=1))

    interval, count = await equipment.configuration(work.db, WHOLE, STATION)
    if interval.variable != "Interval":
        interval, count = count, interval
    assert (interval.value, interval.is_read_only, count.is_read_only) == ("600", False, True)
    assert [each.value for each in interval.history] == ["600", "300"]
    assert interval.history[0].at - interval.history[1].at == timedelta(hours=1)
    assert (count.read_at - count.changed_at, len(count.history)) == (timedelta(hours=1), 1)


async def test_keys_come_by_pages_and_one_by_its_name(work: Work) -> None:
    await configured(work, **{f"Key{number}": "x" for number in range(5)})

    first = await equipment.configuration(work.db, WHOLE, STATION, limit=3)
    rest = await equipment.configuration(work.db, WHOLE, STATION, after=first[-1].id)
    assert len({each.variable for each in (*first, *rest)}) == 5
    [found] = await equipment.configuration(work.db, WHOLE, STATION, key="KEY3")
    assert found.variable == "Key3"
    assert await equipment.variables(work.db, WHOLE, STATION) == []


async def test_a_key_is_found_by_words_of_its_name(work: Work) -> None:
    await configured(work, HeartbeatInterval="300", MeterValueSampleInterval="60", Rate_1="5")

    async def found(words: str) -> list[str]:
        keys = await equipment.configuration(work.db, WHOLE, STATION, words=words)
        return [each.variable for each in keys]

    assert await found("interval") == ["HeartbeatInterval", "MeterValueSampleInterval"]
    assert await found(" value  METER ") == ["MeterValueSampleInterval"]
    assert await found("e_1") == ["Rate_1"]
    assert await found("t_l") == []  # no pattern: a low line is a low line
    assert await found("teapot") == []


def part(work: Work, number: int, *, is_last: bool) -> VariablesReport:
    data = {
        "component": {"name": "Clock"},
        "variable": {"name": f"V{number}"},
        "variableAttribute": [{"value": "a"}],
        "variableCharacteristics": {
            "dataType": "OptionList",
            "valuesList": "a,b",
            "supportsMonitoring": True,
        },
    }
    payload = {
        "requestId": 1,
        "generatedAt": at(0),
        "seqNo": number,
        "tbc": not is_last,
        "reportData": [data],
    }
    return work.report(OcppVersion.V201, "NotifyReport", payload, VariablesReport)


async def test_the_device_model_is_read_as_far_as_it_was_reported(work: Work) -> None:
    for number in (0, 1):
        await variables_reported(work.db, work.context, [part(work, number, is_last=number == 1)])
        [report] = await equipment.variable_reports(work.db, WHOLE, STATION)
        assert (report.parts, report.variables, report.is_whole) == (
            number + 1,
            number + 1,
            number == 1,
        )

    found = await equipment.variables(work.db, WHOLE, STATION, component="clock")
    assert [(each.variable, each.values_list) for each in found] == [
        ("V0", ("a", "b")),
        ("V1", ("a", "b")),
    ]
    assert await equipment.variables(work.db, WHOLE, STATION, component="EVSE") == []
    [one] = await equipment.variables(work.db, WHOLE, STATION, variable="v1")
    assert one.variable == "V1"
    assert await equipment.configuration(work.db, WHOLE, STATION) == []


async def test_progress_is_read_request_by_request(work: Work) -> None:
    for number, word in ((1, "Downloading"), (1, "Installed"), (2, "Downloading")):
        payload = {"status": word, "requestId": number}
        report = work.report(
            OcppVersion.V201, "FirmwareStatusNotification", payload, FirmwareStatusReport
        )
        await firmware_statuses_reported(work.db, work.context, [report])
        work.clock.advance(timedelta(minutes=1))

    newest, older = await equipment.progress(work.db, WHOLE, STATION, "firmware")
    assert (newest.request_id, newest.status) == (2, "Downloading")
    assert [each.status for each in older.steps] == ["Downloading", "Installed"]
    assert older.steps[-1].at == older.changed_at
    assert await equipment.progress(work.db, WHOLE, STATION, "log") == []


# ------------------------------------------------------------------------------ reservations


async def reserved(work: Work, number: int) -> None:
    expires = work.clock.now() + timedelta(minutes=30)
    payload = {"id": number, "expiryDateTime": expires.isoformat(), "evseId": 1}
    now = work.clock.now()
    await keep_answer(work.db, STATION, "ReserveNow", YES, now, payload=payload)


async def states(work: Work) -> list[tuple[int, str, str | None]]:
    found = await equipment.reservations(work.db, WHOLE, STATION, work.clock.now())
    return [(each.reservation_id, each.state, each.ending) for each in found]


async def test_a_reservation_is_open_until_it_runs_out(work: Work) -> None:
    await reserved(work, 1)
    assert await states(work) == [(1, "open", None)]
    work.clock.advance(timedelta(minutes=30))
    assert await states(work) == [(1, "over", "Expired")]


async def test_a_reservation_is_used_by_the_transaction_that_names_it(work: Work) -> None:
    await reserved(work, 1)
    work.clock.advance(timedelta(minutes=5))
    payload: dict[str, Any] = {
        "connectorId": 1,
        "idTag": "GOOD",
        "meterStart": 0,
        "timestamp": work.clock.now().isoformat(),
        "reservationId": 1,
    }
    start = work.report(OcppVersion.V16, "StartTransaction", payload, TransactionStartReport)
    [answer] = await transactions_started(work.db, work.context, [start])

    [found] = await equipment.reservations(work.db, WHOLE, STATION, work.clock.now())
    assert (found.state, found.transaction_id) == ("used", answer.transaction_id)

    work.clock.advance(timedelta(hours=1))
    await reserved(work, 1)  # the number again: nobody has come yet
    newest, *_ = await equipment.reservations(work.db, WHOLE, STATION, work.clock.now())
    assert (newest.state, newest.transaction_id) == ("open", None)


async def test_a_reservation_that_the_station_gave_up_is_over(work: Work) -> None:
    await reserved(work, 1)
    payload = {"reservationId": 1, "reservationUpdateStatus": "Removed"}
    report = work.report(OcppVersion.V201, "ReservationStatusUpdate", payload, ReservationReport)
    await reservations_ended(work.db, work.context, [report])
    assert await states(work) == [(1, "over", "Removed")]


# ------------------------------------------------------------------------------------- scope


async def test_what_is_out_of_scope_is_not_found(work: Work) -> None:
    await configured(work, Interval="300")
    now = work.clock.now()
    nobody = Scope(frozenset())
    for scope, station in ((nobody, STATION), (WHOLE, StationId("CS-9"))):
        with pytest.raises(NotFound):
            await equipment.configuration(work.db, scope, station)
        with pytest.raises(NotFound):
            await equipment.variables(work.db, scope, station)
        with pytest.raises(NotFound):
            await equipment.variable_reports(work.db, scope, station)
        with pytest.raises(NotFound):
            await equipment.progress(work.db, scope, station, "log")
        with pytest.raises(NotFound):
            await equipment.reservations(work.db, scope, station, now)

    for scope in (
        Scope(frozenset({OrganisationKey("root")})),
        Scope(frozenset(), shared={STATION: "read"}),
    ):
        assert len(await equipment.configuration(work.db, scope, STATION)) == 1
