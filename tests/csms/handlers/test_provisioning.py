"""Boots and heartbeats."""

import pytest

from csms import administration
from csms.administration import StationSettings
from csms.handlers.provisioning import heartbeat, registration, stations_booted
from csms.reports import BootReport, HeartbeatReport, OcppVersion, RegistrationStatus
from foundation.events import StationBooted
from tests.csms.handlers.work import Work


@pytest.mark.parametrize(
    ("admission", "policy", "status"),
    [
        ("accepted", "accept", RegistrationStatus.ACCEPTED),
        ("accepted", "pending", RegistrationStatus.PENDING),
        ("accepted", "reject", RegistrationStatus.REJECTED),
        ("waiting", "accept", RegistrationStatus.PENDING),
        ("waiting", "reject", RegistrationStatus.PENDING),
        ("refused", "accept", RegistrationStatus.REJECTED),
    ],
)
def test_a_boot_is_answered_by_admission_and_policy(
    admission: str, policy: str, status: RegistrationStatus
) -> None:
    assert registration(admission, policy) is status


def boot(work: Work, station: str = "CS-1", **more: str) -> BootReport:
    payload = {
        "chargePointVendor": "Wattwerk",
        "chargePointModel": "One",
        "chargePointSerialNumber": "S1",
        "firmwareVersion": "1.0",
        "iccid": "89",
        "imsi": "26",
    }
    return work.report(
        OcppVersion.V16, "BootNotification", payload | more, BootReport, station=station
    )


async def test_what_stations_say_of_themselves_is_noted_and_told(work: Work) -> None:
    one, two = boot(work), boot(work, "CS-2", firmwareVersion="2.0")
    answers = await stations_booted(work.db, work.context, [two, one])
    assert [(answer.status, answer.interval_s) for answer in answers] == [
        (RegistrationStatus.ACCEPTED, 300)
    ] * 2
    assert answers[0].current_time == work.clock.now()
    rows = await work.rows(
        "select identity, vendor, model, serial_number, firmware, iccid, imsi, booted_at"
        " from stations order by identity"
    )
    assert rows[0] == {
        "identity": "CS-1",
        "vendor": "Wattwerk",
        "model": "One",
        "serial_number": "S1",
        "firmware": "1.0",
        "iccid": "89",
        "imsi": "26",
        "booted_at": work.clock.now(),
    }
    assert rows[1]["firmware"] == "2.0"
    assert {each.station for each in await work.told(StationBooted)} == {"CS-1", "CS-2"}


async def test_what_a_later_boot_leaves_out_is_not_forgotten(work: Work) -> None:
    await stations_booted(work.db, work.context, [boot(work)])
    await stations_booted(
        work.db, work.context, [boot(work, chargePointSerialNumber="", firmwareVersion="")]
    )
    [row] = await work.rows("select serial_number, firmware from stations where identity = 'CS-1'")
    assert row == {"serial_number": "S1", "firmware": "1.0"}


async def test_a_station_that_is_not_accepted_is_told_when_to_come_back(work: Work) -> None:
    await administration.change_station(
        work.db, "CS-1", StationSettings(boot_policy="pending"), now=work.clock.now()
    )
    [answer] = await stations_booted(work.db, work.context, [boot(work)])
    assert (answer.status, answer.interval_s) == (RegistrationStatus.PENDING, 60)


async def test_a_heartbeat_is_answered_with_the_time(work: Work) -> None:
    report = work.report(OcppVersion.V201, "Heartbeat", {}, HeartbeatReport)
    assert heartbeat(work.context, report).current_time == work.clock.now()
