"""Report → handler: what is answered at once, what after the commit, and the last resort."""

from typing import Any

import pytest
import structlog
from msgspec.structs import replace

from csms import dispatch, store
from csms.dispatch import Introduction, Knock, neutral_answer
from csms.reports import (
    Acknowledged,
    AuthorizationStatus,
    AuthorizeAnswer,
    AuthorizeReport,
    DataTransferAnswer,
    DataTransferReport,
    HeartbeatAnswer,
    HeartbeatReport,
    IdTokenInfo,
    KeptReport,
    MeterReport,
    OcppVersion,
    Report,
    TransactionEndAnswer,
    TransactionEndReport,
    TransactionStartAnswer,
    TransactionStartReport,
    TransactionUpdateAnswer,
    TransactionUpdateReport,
)
from csms.store import Access, Closed, Opened
from foundation.database import DatabaseAway
from foundation.events import StationConnected, StationDisconnected
from foundation.identifiers import StationId, TransactionId
from tests.csms.central import EVENING, Central, event, register, start, stop
from tests.csms.conftest import Starter
from tests.csms.ocpp.said import origin, said

V16, V201, V21 = OcppVersion.V16, OcppVersion.V201, OcppVersion.V21


def report_of(central: Central, station: str, made: Report, raw: str = "{}") -> Any:
    origin = replace(
        made.origin, station=StationId(station), received_at=central.clock.now(), raw=raw
    )
    return replace(made, origin=origin)


async def answered(central: Central, report: Report) -> Any:
    """Submit a report and return its answer, raising why there is none."""
    return await central.system.dispatch.lanes.ask(report.origin.station, report)


# -------------------------------------------------------------------------------- at once


@pytest.mark.parametrize(
    ("made", "answer"),
    [
        (said(V16, "Heartbeat", {}, HeartbeatReport), HeartbeatAnswer(EVENING)),
        (
            said(V16, "DataTransfer", {"vendorId": "x"}, DataTransferReport),
            DataTransferAnswer("UnknownVendorId"),
        ),
        # No message of today is only kept; one that a later edition adds is.
        (KeptReport(origin(V21, "OfALaterEdition"), {}), Acknowledged()),
    ],
)
async def test_what_needs_no_storing_is_answered_without_waiting(
    central: Central, made: Report, answer: object
) -> None:
    got: list[object] = []
    central.system.dispatch.submit(made, lambda value, error: got.extend([value, error]))
    assert got == [answer, None]


async def test_everything_else_is_answered_after_its_commit(central: Central) -> None:
    station = await central.station()
    got: list[object] = []
    made = said(V16, "Authorize", {"idTag": "NOBODY"}, AuthorizeReport)
    central.system.dispatch.submit(
        report_of(central, station, made), lambda value, error: got.extend([value, error])
    )
    assert got == []
    await central.system.dispatch.lanes.drained()
    assert got == [AuthorizeAnswer(IdTokenInfo(AuthorizationStatus.INVALID)), None]


# ---------------------------------------------------------------------- the connection's errands


async def test_a_knock_finds_a_station_by_identity_or_alias_or_not_at_all(
    central: Central,
) -> None:
    alias = f"{central.new_identity()}-ALIAS"
    station = await central.station(aliases=[alias])
    ask = central.system.dispatch.ask
    found = await ask(alias, Knock(alias))
    assert isinstance(found, Access)
    assert (found.station, found.admission) == (station, "accepted")
    assert await ask(station, Knock(station)) == found
    assert await ask("NOBODY", Knock("NOBODY")) is None


async def test_an_identity_goes_before_another_stations_alias(central: Central) -> None:
    first = await central.station()
    other = await central.station()
    await central.rows(  # as from before names were held against each other
        "update stations set aliases = array[:first] where identity = :other returning 1",
        first=first,
        other=other,
    )
    found = await central.system.dispatch.ask(first, Knock(first))
    assert found.station == first


async def test_an_introduction_makes_a_waiting_station_once(central: Central) -> None:
    name = central.new_identity()
    ask = central.system.dispatch.ask
    first = await ask(name, Introduction(name, b"record", central.clock.now()))
    again = await ask(name, Introduction(name, b"other", central.clock.now()))
    assert first == again
    assert (first.admission, first.password) == ("waiting", b"record")


async def test_opening_gives_a_rising_epoch_and_closing_counts_only_for_the_newest(
    central: Central,
) -> None:
    station = StationId(await central.station())
    ask = central.system.dispatch.ask
    now = central.clock.now()
    epochs = [await ask(station, Opened(station, "n", V16, "", now)) for _ in range(3)]
    assert epochs == [1, 2, 3]
    assert await ask(station, Closed(station, 2, "late", now)) is False
    assert await ask(station, Closed(station, 3, "gone", now)) is True
    assert len(await central.told(StationConnected, about=station)) == 3
    [gone] = await central.told(StationDisconnected, about=station)
    assert (gone.epoch, gone.reason) == (3, "gone")


# -------------------------------------------------------------------------------- last resort


def money_reports(station: str) -> list[tuple[Report, object]]:
    readings = {"connectorId": 1, "meterValue": [register(0, 1)]}
    accepted = IdTokenInfo(AuthorizationStatus.ACCEPTED)
    return [
        (said(V16, "StopTransaction", stop(1, 0, 1), TransactionEndReport), TransactionEndAnswer()),
        (said(V16, "MeterValues", readings, MeterReport), Acknowledged()),
        (
            said(
                V201,
                "TransactionEvent",
                event("Updated", 1, 0, idToken={"idToken": "X", "type": "Local"}),
                TransactionUpdateReport,
            ),
            TransactionUpdateAnswer(accepted),
        ),
        (
            said(V201, "TransactionEvent", event("Ended", 1, 0), TransactionEndReport),
            TransactionEndAnswer(),
        ),
    ]


async def test_a_defect_in_handling_money_is_quarantined_and_answered(
    start_central: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> Any:
        raise RuntimeError("a defect")

    handlers = dict.fromkeys(dispatch._HANDLERS, fails)
    monkeypatch.setattr(dispatch, "_HANDLERS", handlers)
    async with start_central() as central:
        station = await central.station()
        with structlog.testing.capture_logs() as logged:
            for made, answer in money_reports(station):
                assert await answered(central, report_of(central, station, made, "raw")) == answer
            begun = said(V16, "StartTransaction", start(0), TransactionStartReport)
            first = await answered(central, report_of(central, station, begun, "raw"))
            authorize = said(V16, "Authorize", {"idTag": "X"}, AuthorizeReport)
            with pytest.raises(RuntimeError):
                await answered(central, report_of(central, station, authorize))
        assert isinstance(first, TransactionStartAnswer)
        assert first.id_token_info == IdTokenInfo(AuthorizationStatus.ACCEPTED)
        kept = await central.rows("select * from quarantine order by id")
        assert len(kept) == 5
        assert {each["raw"] for each in kept} == {"raw"}
        assert kept[-1]["transaction_number"] == first.transaction_id
        assert [each["event"] for each in logged].count("report.quarantined") == 5


async def test_the_stop_of_a_quarantined_start_is_adopted(central: Central) -> None:
    """Its number was given by us, but to no transaction."""
    [row] = await central.rows("select nextval('transaction_number') as number")
    station = await central.here()
    await station.stop(row["number"], 60, 9000)
    assert (await central.only_transaction(station.identity)).doubts == ("missing_start",)


async def test_without_a_database_money_is_neither_answered_nor_quarantined(
    central: Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> Any:
        raise DatabaseAway

    monkeypatch.setattr(store, "open_connections", fails)
    station = StationId(await central.station())
    with pytest.raises(DatabaseAway):
        await central.system.dispatch.ask(
            station, Opened(station, "n", V16, "", central.clock.now())
        )


def test_the_neutral_answers_promise_nothing_that_was_not_asked() -> None:
    begun = said(V16, "StartTransaction", start(0), TransactionStartReport)
    assert neutral_answer(begun, 5) == TransactionStartAnswer(
        TransactionId(5), IdTokenInfo(AuthorizationStatus.ACCEPTED)
    )
    nobody = said(V16, "StartTransaction", start(0) | {"idTag": ""}, TransactionStartReport)
    assert neutral_answer(nobody, 5) == TransactionStartAnswer(TransactionId(5), None)
