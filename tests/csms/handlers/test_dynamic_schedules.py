"""Stations ask what shall hold of a profile now: each is told of its own, by one statement."""

from csms import records
from csms.handlers.dynamic_schedules import schedules_asked_for
from csms.records import Held
from csms.reports import DynamicScheduleAnswer, DynamicScheduleReport, OcppVersion, Origin
from foundation.identifiers import StationId
from tests.csms.central import moment
from tests.csms.handlers.work import Work
from tests.csms.test_operation_modes import profile

ACTION = "PullDynamicScheduleUpdate"


def asked(station: str, number: int) -> DynamicScheduleReport:
    origin = Origin(StationId(station), OcppVersion.V21, 1, moment(0), "m-1", ACTION, "{}")
    return DynamicScheduleReport(origin, number)


async def test_a_batch_is_answered_each_station_its_own(work: Work) -> None:
    told = profile({"limit": 11_000}, kind="Dynamic")
    content = {"evseId": 1, "chargingProfile": told}
    for key in ("7", "8"):
        await records.keep(
            work.db, "CS-1", Held.CHARGING_PROFILE, key, content, state=None, at=moment(0)
        )
    await records.keep(
        work.db, "CS-1", Held.DYNAMIC_SCHEDULE, "8", {"limit": 7400}, state=None, at=moment(1)
    )
    reports = [asked("CS-1", 8), asked("CS-2", 8), asked("CS-1", 7), asked("CS-1", 9)]
    answers = await schedules_asked_for(work.db, work.context, reports)
    nothing = DynamicScheduleAnswer({})
    assert answers == [
        DynamicScheduleAnswer({"limit": 7400}),
        nothing,
        DynamicScheduleAnswer({"limit": 11_000}),
        nothing,
    ]
