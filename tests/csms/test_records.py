"""What stations hold, and what they told once."""

from typing import Any

import pytest

from csms import record_batches, records
from csms.record_batches import Keep
from csms.records import Held, Told
from foundation.identifiers import StationId
from tests.csms.central import moment
from tests.csms.handlers.work import Work

STATION = StationId("CS-1")
EXTERNAL = "ChargingStationExternalConstraints"


def control(name: str, *, is_default: bool) -> dict[str, Any]:
    return {"controlId": name, "controlType": "Gradients", "isDefault": is_default}


async def keys(work: Work, kind: Held) -> list[str]:
    return [each.key for each in await records.held(work.db, STATION, kind)]


async def test_the_same_words_again_are_one_telling_and_others_are_another(work: Work) -> None:
    for soc in (12, 12, 13):
        said = {"requestId": 7, "soC": soc}
        await records.tell(work.db, STATION, Told.BATTERY_SWAP, "7", said, at=moment(soc))
    found = await records.tellings(work.db, STATION, Told.BATTERY_SWAP)
    assert [each.content["soC"] for each in found] == [13, 12]
    assert len(await records.tellings(work.db, STATION, Told.BATTERY_SWAP, most=1)) == 1
    assert await records.tellings(work.db, STATION, Told.DER_ALARM) == []


async def test_controls_are_cleared_by_name_or_by_what_they_are(work: Work) -> None:
    for name, is_default in (("one", False), ("two", True), ("three", True)):
        asked = control(name, is_default=is_default)
        yes = {"status": "Accepted"}
        await records.answered(work.db, STATION, "SetDERControl", asked, yes, moment(0))
    named = {"controlId": "two", "isDefault": True}
    no = {"status": "NotFound"}
    await records.answered(work.db, STATION, "ClearDERControl", named, no, moment(1))
    assert await keys(work, Held.DER_CONTROL) == ["one", "three", "two"]
    yes = {"status": "Accepted"}
    await records.answered(work.db, STATION, "ClearDERControl", named, yes, moment(1))
    assert await keys(work, Held.DER_CONTROL) == ["one", "three"]
    other = {"controlType": "FreqDroop", "isDefault": True}
    await records.answered(work.db, STATION, "ClearDERControl", other, yes, moment(1))
    assert await keys(work, Held.DER_CONTROL) == ["one", "three"]
    await records.answered(work.db, STATION, "ClearDERControl", {"isDefault": True}, yes, moment(1))
    assert await keys(work, Held.DER_CONTROL) == ["one"]


@pytest.mark.parametrize(
    ("payload", "left"),
    [
        ({"chargingProfileCriteria": {"evseId": 0}}, ["1", "3"]),
        ({"chargingProfileCriteria": {"stackLevel": 2}}, ["1"]),
        ({"chargingProfileCriteria": {"chargingProfilePurpose": EXTERNAL}}, ["1", "2", "3"]),
        ({"chargingProfileId": 1}, ["2", "3"]),
        ({}, ["1"]),
    ],
)
@pytest.mark.parametrize("status", ["Accepted", "Unknown"])
@pytest.mark.parametrize("others", [EXTERNAL, "LocalGeneration"])
async def test_what_others_set_is_cleared_by_its_number_only(
    work: Work, payload: dict[str, Any], left: list[str], status: str, others: str
) -> None:
    for number, (evse, purpose) in enumerate(
        [(0, others), (0, "ChargingStationMaxProfile"), (1, "TxDefaultProfile")], start=1
    ):
        profile = {"id": number, "stackLevel": 2, "chargingProfilePurpose": purpose}
        content = {"evseId": evse, "chargingProfile": profile}
        await records.keep(
            work.db, STATION, Held.CHARGING_PROFILE, str(number), content, state=None, at=moment(0)
        )
    answer = {"status": status}
    await records.answered(work.db, STATION, "ClearChargingProfile", payload, answer, moment(1))
    assert await keys(work, Held.CHARGING_PROFILE) == left


async def test_what_was_told_long_ago_is_forgotten(work: Work) -> None:
    for minute in (0, 10):
        said = {"requestId": minute}
        await records.tell(
            work.db, STATION, Told.BATTERY_SWAP, str(minute), said, at=moment(minute)
        )
    assert await records.forget_tellings(work.db, moment(10)) == 1
    assert await records.forget_tellings(work.db, moment(10)) == 0
    [left] = await records.tellings(work.db, STATION, Told.BATTERY_SWAP)
    assert left.ref == "10"


async def test_a_report_of_very_many_is_kept_whole_and_by_the_newest_words(work: Work) -> None:
    for state in ("Old", "New"):
        found = {str(number): ({"id": number}, state) for number in range(11_000)}
        await records.keep_all(work.db, STATION, Held.MONITOR, found, at=moment(0))
    kept = await records.held(work.db, STATION, Held.MONITOR)
    assert len(kept) == 11_000
    assert {each.state for each in kept} == {"New"}


def message(number: int, priority: str, state: str | None = None) -> dict[str, Any]:
    text = {"format": "UTF8", "content": "Hello"}
    said = {"id": number, "priority": priority, "message": text}
    return said if state is None else said | {"state": state}


@pytest.mark.parametrize(
    ("criteria", "left"),
    [
        ({}, []),
        ({"id": [2, 9]}, ["1", "3"]),
        ({"priority": "AlwaysFront"}, ["1", "2"]),
        ({"state": "Charging"}, ["1", "3"]),
        ({"state": "Charging", "priority": "AlwaysFront"}, ["1", "2", "3"]),
        ({"id": [1, 2], "priority": "NormalCycle"}, ["3"]),
    ],
)
async def test_messages_that_a_station_does_not_find_are_gone(
    work: Work, criteria: dict[str, Any], left: list[str]
) -> None:
    """Each criterion that is named has to hold (2.0.1, O03 and O04)."""
    for said in (
        message(1, "NormalCycle"),
        message(2, "NormalCycle", "Charging"),
        message(3, "AlwaysFront"),
    ):
        await records.answered(
            work.db,
            STATION,
            "SetDisplayMessage",
            {"message": said},
            {"status": "Accepted"},
            moment(0),
        )
    asked = {"requestId": 5} | criteria
    found = {"status": "Accepted"}
    await records.answered(work.db, STATION, "GetDisplayMessages", asked, found, moment(1))
    assert await keys(work, Held.DISPLAY_MESSAGE) == ["1", "2", "3"], "its report will tell"
    none = {"status": "Unknown"}
    await records.answered(work.db, STATION, "GetDisplayMessages", asked, none, moment(0))
    assert await keys(work, Held.DISPLAY_MESSAGE) == ["1", "2", "3"], "it took them since"
    await records.answered(work.db, STATION, "GetDisplayMessages", asked, none, moment(1))
    assert await keys(work, Held.DISPLAY_MESSAGE) == left


METER = {"name": "FiscalMetering"}
PLACED_METER = {"name": "FiscalMetering", "evse": {"id": 1}, "instance": "main"}
LOCK = {"name": "ConnectorPlugRetentionLock"}
POWER, STATE = {"name": "Power"}, {"name": "Problem"}


@pytest.mark.parametrize(
    ("criteria", "left"),
    [
        ({}, []),
        ({"monitoringCriteria": ["ThresholdMonitoring"]}, ["3", "4"]),
        ({"monitoringCriteria": ["DeltaMonitoring", "PeriodicMonitoring"]}, ["1", "2"]),
        ({"componentVariable": [{"component": LOCK}]}, ["1", "2", "4"]),
        ({"componentVariable": [{"component": {"name": "fiscalmetering"}}]}, ["3"]),
        ({"componentVariable": [{"component": LOCK | {"evse": {"id": 2}}}]}, ["1", "2", "3", "4"]),
        ({"componentVariable": [{"component": METER, "variable": POWER}]}, ["3", "4"]),
        ({"componentVariable": [{"component": METER, "variable": STATE}]}, ["1", "2", "3"]),
        (
            {
                "monitoringCriteria": ["PeriodicMonitoring"],
                "componentVariable": [{"component": METER}],
            },
            ["1", "2", "3"],
        ),
    ],
)
async def test_monitors_that_a_station_does_not_find_are_gone(
    work: Work, criteria: dict[str, Any], left: list[str]
) -> None:
    """By their types, and by the components and variables that are named (2.0.1, N02)."""
    places = [(METER, POWER), (PLACED_METER, POWER), (LOCK, STATE), (METER, STATE)]
    types = ["UpperThreshold", "LowerThreshold", "Delta", "PeriodicClockAligned"]
    asked_for = [
        {"component": component, "variable": variable, "type": type_, "value": 5, "severity": 5}
        for (component, variable), type_ in zip(places, types, strict=True)
    ]
    taken = [
        {"id": number, "status": "Accepted", **each}
        for number, each in enumerate(asked_for, start=1)
    ]
    await records.answered(
        work.db,
        STATION,
        "SetVariableMonitoring",
        {"setMonitoringData": asked_for},
        {"setMonitoringResult": taken},
        moment(0),
    )
    asked = {"requestId": 5} | criteria
    for word in ("Rejected", "NotSupported", "Accepted"):
        answer = {"status": word}
        await records.answered(work.db, STATION, "GetMonitoringReport", asked, answer, moment(1))
    assert await keys(work, Held.MONITOR) == ["1", "2", "3", "4"]
    none = {"status": "EmptyResultSet"}
    await records.answered(work.db, STATION, "GetMonitoringReport", asked, none, moment(1))
    assert await keys(work, Held.MONITOR) == left


@pytest.mark.parametrize(
    ("base", "word", "left"),
    [
        ("All", "Accepted", ["1", "2", "3"]),
        ("FactoryDefault", "Rejected", ["1", "2", "3"]),
        ("FactoryDefault", "Accepted", ["2"]),
        ("HardWiredOnly", "Accepted", ["2"]),
    ],
)
async def test_monitors_of_ours_are_gone_when_a_station_goes_back_to_its_makers(
    work: Work, base: str, word: str, left: list[str]
) -> None:
    """Also those that a report of 2.0.1 told anew, which does not say whose they are (N03)."""
    monitor = {"component": METER, "variable": POWER, "type": "Delta", "value": 5, "severity": 5}
    taken = [{"id": number, "status": "Accepted", **monitor} for number in (1, 3)]
    await records.answered(
        work.db,
        STATION,
        "SetVariableMonitoring",
        {"setMonitoringData": [monitor, monitor]},
        {"setMonitoringResult": taken},
        moment(0),
    )
    told = [Keep(STATION, Held.MONITOR, key, monitor, None, moment(1)) for key in ("1", "2")]
    await record_batches.apply(work.db, told)
    asked = {"monitoringBase": base}
    await records.answered(
        work.db, STATION, "SetMonitoringBase", asked, {"status": word}, moment(2)
    )
    assert await keys(work, Held.MONITOR) == left
