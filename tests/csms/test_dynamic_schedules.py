"""Dynamic profiles: what shall hold of them, whoever asks."""

import asyncio
from typing import Any

import pytest

from csms import dynamic_schedules, records
from csms.dynamic_schedules import Known, check, expect, known
from csms.records import Held
from csms.reports import OcppVersion
from foundation.errors import InvalidInput
from foundation.identifiers import StationId
from tests.csms.asking import ask
from tests.csms.central import EVENING, Central
from tests.csms.handlers.work import Work
from tests.csms.test_operation_modes import profile

DYNAMIC = profile({"operationMode": "CentralSetpoint", "setpoint": 5, "limit": 11}, kind="Dynamic")
UPDATE = dynamic_schedules.UPDATE
STATION = StationId("CS-1")


async def keep(work: Work, key: str, told: dict[str, Any]) -> None:
    content = {"evseId": 1, "chargingProfile": told}
    await records.keep(
        work.db, STATION, Held.CHARGING_PROFILE, key, content, state=None, at=EVENING
    )


def update(number: int, **told: Any) -> dict[str, Any]:
    return {"chargingProfileId": number, "scheduleUpdate": told}


def test_what_holds_is_the_period_with_what_was_told_since() -> None:
    assert Known(DYNAMIC, {}).holds == {"setpoint": 5, "limit": 11}
    assert Known(DYNAMIC, {"setpoint": -1}).holds == {"setpoint": -1, "limit": 11}
    fixed = DYNAMIC | {"chargingProfileKind": "Absolute"}
    assert Known(fixed, {"setpoint": -1}).holds == {}


def test_only_2_1_has_what_must_go_together() -> None:
    wrong = {"evseId": 1, "chargingProfile": profile({"operationMode": "Idle", "limit": 1})}
    check(OcppVersion.V201, "SetChargingProfile", wrong)
    check(OcppVersion.V21, "ClearChargingProfile", wrong)
    check(OcppVersion.V21, "RequestStartTransaction", {"remoteStartId": 1})
    for action in ("SetChargingProfile", "RequestStartTransaction"):
        with pytest.raises(InvalidInput, match="means nothing") as error:
            check(OcppVersion.V21, action, wrong)
        place = "chargingSchedule[0].chargingSchedulePeriod[0].limit"
        assert error.value.field == f"$.chargingProfile.{place}"


async def test_a_later_update_replaces_what_it_names(work: Work) -> None:
    await keep(work, "7", DYNAMIC)
    await expect(work.db, STATION, UPDATE, update(7, setpoint=1, limit=9), at=EVENING)
    await expect(work.db, STATION, UPDATE, update(7, setpoint=2), at=EVENING)
    await expect(work.db, STATION, "Reset", {"type": "OnIdle"}, at=EVENING)
    found = await known(work.db, [(STATION, "7"), (STATION, "8"), ("another", "7")])
    assert [(key, its.holds) for key, its in found.items()] == [
        ((STATION, "7"), {"setpoint": 2, "limit": 9})
    ]


async def test_what_does_not_fit_is_refused_and_not_kept(work: Work) -> None:
    await keep(work, "7", DYNAMIC)
    with pytest.raises(InvalidInput) as error:
        await expect(work.db, STATION, UPDATE, update(7, setpoint=12), at=EVENING)
    assert error.value.field == "$.scheduleUpdate.setpoint"
    await expect(
        work.db, STATION, UPDATE, update(8, setpoint=12), at=EVENING
    )  # the station's affair
    found = await known(work.db, [(STATION, "7"), (STATION, "8")])
    assert [its.told for its in found.values()] == [{}]


async def test_a_profile_that_is_set_anew_or_cleared_begins_anew(work: Work) -> None:
    await keep(work, "1", DYNAMIC)
    await expect(work.db, STATION, UPDATE, update(1, setpoint=2), at=EVENING)
    yes = {"status": "Accepted"}
    anew = {"evseId": 1, "chargingProfile": DYNAMIC}
    await records.answered(work.db, STATION, "SetChargingProfile", anew, yes, EVENING)
    assert (await known(work.db, [(STATION, "1")]))[STATION, "1"].told == {}
    await expect(work.db, STATION, UPDATE, update(1, setpoint=2), at=EVENING)
    cleared = {"chargingProfileId": 1}
    await records.answered(work.db, STATION, "ClearChargingProfile", cleared, yes, EVENING)
    assert await known(work.db, [(STATION, "1")]) == {}
    assert await records.held(work.db, STATION, Held.DYNAMIC_SCHEDULE) == []


async def test_two_who_tell_it_anew_at_once_undo_nothing_of_each_other(central: Central) -> None:
    station = await central.here(OcppVersion.V21)
    content = {"evseId": 1, "chargingProfile": DYNAMIC}
    async with central.database.unit_of_work() as db:
        await records.keep(
            db, station.identity, Held.CHARGING_PROFILE, "7", content, state=None, at=EVENING
        )
    for setpoint in range(5):
        await asyncio.gather(
            ask(central, station.identity, UPDATE, update(7, setpoint=setpoint), asked_by="one"),
            ask(central, station.identity, UPDATE, update(7, limit=10 + setpoint), asked_by="two"),
        )
        async with central.database.unit_of_work() as db:
            [its] = (await known(db, [(station.identity, "7")])).values()
        assert its.told == {"setpoint": setpoint, "limit": 10 + setpoint}
