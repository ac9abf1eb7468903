"""Dynamic profiles: what shall hold of them, whoever asks."""

import asyncio
from typing import Any

import pytest

from csms import dynamic_schedules, records, remote
from csms.dynamic_schedules import Known, check, expect, known
from csms.queue import CommandState
from csms.records import Held
from csms.reports import OcppVersion
from foundation.errors import InvalidInput
from foundation.identifiers import StationId
from tests.conformance.paying_station import PayingStation, paying
from tests.csms.asking import ask
from tests.csms.central import EVENING, Central, eventually
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
    told = profile({"operationMode": "Idle", "limit": 1}, transactionId="t-1")
    wrong = {"evseId": 1, "chargingProfile": told}
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


# ---------------------------------------------------------------------------- over a real socket


async def dynamic(central: Central) -> PayingStation:
    case = await paying(central)
    case.answers["SetChargingProfile"] = {"status": "Accepted"}
    told = {
        "evseId": 1,
        "chargingProfile": DYNAMIC | {"chargingProfilePurpose": "TxDefaultProfile"},
    }
    await case.becomes(await case.asked_for("SetChargingProfile", told), CommandState.EFFECTIVE)
    return case


async def away(case: PayingStation) -> None:
    """Close the station's connection, and wait until that is known."""
    await case.close()

    async def gone() -> bool:
        return not await case.central.rows(
            "select 1 from station_connections where station = :station and closed_at is null",
            station=case.identity,
        )

    await eventually(gone)


async def pulled(case: PayingStation) -> dict[str, Any]:
    case.now()
    said = {"chargingProfileId": DYNAMIC["id"]}
    answer = await case.call("PullDynamicScheduleUpdate", said)
    return dict(answer.get("scheduleUpdate") or answer.get("schedule_update") or {})


async def test_a_push_that_the_station_refused_is_not_what_it_pulls(central: Central) -> None:
    case = await dynamic(central)
    number = DYNAMIC["id"]
    for status, told, state in (
        ("Accepted", {"setpoint": 3, "limit": 9}, CommandState.EFFECTIVE),
        ("Rejected", {"setpoint": 4}, CommandState.REJECTED),
    ):
        command = await case.asked_for(UPDATE, update(number, **told), {"status": status})
        await case.becomes(command, state)
    assert await pulled(case) == {"setpoint": 3, "limit": 9}
    command = await case.asked_for(UPDATE, update(number, limit=8))
    await case.becomes(command, CommandState.EFFECTIVE)
    assert await pulled(case) == {"setpoint": 3, "limit": 8}


async def test_an_older_push_never_leaves_after_a_newer_one(central: Central) -> None:
    case = await dynamic(central)
    await away(case)
    for setpoint, priority in ((1, 0), (2, 50), (3, 10)):
        await ask(
            central,
            case.identity,
            UPDATE,
            update(DYNAMIC["id"], setpoint=setpoint),
            priority=priority,
            when_offline="queue",
        )
    rows = await central.rows(
        "select (payload -> 'scheduleUpdate' ->> 'setpoint')::int as setpoint from commands"
        " where station = :station and state = 'queued' order by priority desc, id",
        station=case.identity,
    )
    assert [row["setpoint"] for row in rows] == [1, 2, 3]


async def test_a_lost_push_is_not_sent_again_after_a_newer_one(central: Central) -> None:
    case = await dynamic(central)
    pushes = [update(DYNAMIC["id"], setpoint=setpoint) for setpoint in (1, 2)]
    [older, _] = [
        await case.becomes(await case.asked_for(UPDATE, each), CommandState.EFFECTIVE)
        for each in pushes
    ]
    await central.rows(
        "update commands set state = 'queued', due_at = expires_at where id = :id returning id",
        id=int(older.id),
    )
    case.answers["ClearCache"] = {"status": "Accepted"}
    cleared = await ask(central, case.identity, "ClearCache", {}, priority=-1)
    await case.becomes(cleared, CommandState.EFFECTIVE)
    assert [action for action, _ in case.asked].count(UPDATE) == 2


async def test_a_push_that_was_taken_back_holds_no_longer(central: Central) -> None:
    case = await dynamic(central)
    await away(case)
    waits = await ask(
        central,
        case.identity,
        UPDATE,
        update(DYNAMIC["id"], setpoint=4),
        when_offline="queue",
    )
    async with central.database.unit_of_work() as db:
        await remote.cancel(db, waits.id, now=central.clock.now())
        [its] = (await known(db, [(case.identity, str(DYNAMIC["id"]))])).values()
    assert its.holds == {"setpoint": 5, "limit": 11}
