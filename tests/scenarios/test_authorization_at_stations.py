"""Rules of authorization at real stations: master pass, group, MAC address, free vend.

Source: OCPP 2.0.1 part 2, C01, C09 and C16.
"""

import pytest

from tests.conformance.charge_point import booted as booted_16
from tests.conformance.charging_station import ChargingStation, booted, token
from tests.csms.central import CARD, Central
from tests.csms.conftest import central as central
from tests.csms.conftest import shared_central as shared_central


async def with_master_pass(central: Central, group: str) -> ChargingStation:
    """A station that has told its master-pass group."""
    station = await booted(central)
    named = {
        "component": {"name": "AuthCtrlr"},
        "variable": {"name": "MasterPassGroupId"},
        "variableAttribute": [{"type": "Actual", "value": group}],
    }
    report = {"requestId": 1, "generatedAt": station.now(), "seqNo": 0, "reportData": [named]}
    assert await station.call("NotifyReport", report) == {}
    return station


async def test_a_master_pass_stops_another_s_charging_and_pays_nothing(central: Central) -> None:
    await central.token("PASS1", group_id="guards")
    station = await with_master_pass(central, "GUARDS")
    await station.begin()
    asked = await station.authorize("PASS1")
    assert (asked["status"], asked["groupIdToken"]["idToken"]) == ("Accepted", "guards")
    said = await station.event("Updated", "StopAuthorized", idToken=token("PASS1"))
    assert said["idTokenInfo"]["status"] == "Accepted"
    await station.end(stoppedReason="MasterPass", idToken=token("PASS1"))
    over = await station.transaction()
    assert (over.state, over.stop_reason, over.id_token) == ("ended", "MasterPass", CARD)


async def test_a_master_pass_starts_nothing_at_its_station_and_is_a_card_at_others(
    central: Central,
) -> None:
    await central.token("PASS2", group_id="WATCH")
    station = await with_master_pass(central, "WATCH")
    started = await station.begin("PASS2")
    assert started["idTokenInfo"]["status"] == "Blocked"
    assert (await station.transaction()).authorization_status == "Blocked"
    await station.end()
    other = await booted(central)
    assert (await other.begin("PASS2"))["idTokenInfo"]["status"] == "Accepted"
    await other.end()


async def test_a_master_pass_releases_no_plugged_in_vehicle(central: Central) -> None:
    await central.token("PASS3", group_id="KEEPERS")
    station = await with_master_pass(central, "KEEPERS")
    await station.event("Started", "CablePluggedIn", "EVConnected")
    said = await station.event("Updated", "Authorized", idToken=token("PASS3"))
    assert said["idTokenInfo"]["status"] == "Blocked"


async def test_who_stops_by_master_pass_what_nobody_paid_for_does_not_pay(central: Central) -> None:
    await central.token("PASS4", group_id="NIGHT")
    station = await with_master_pass(central, "NIGHT")
    await station.event("Started", "CablePluggedIn", "EVConnected")
    ended = await station.end(stoppedReason="MasterPass", idToken=token("PASS4"))
    assert ended["idTokenInfo"]["status"] == "Accepted"
    assert (await station.transaction()).id_token is None


async def test_a_card_of_another_group_is_not_told_the_group_of_who_charges(
    central: Central,
) -> None:
    """The station compares groups (C09): it must be told each card's own."""
    await central.token("CREW1", group_id="CREW-A")
    await central.token("CREW2", group_id="CREW-B")
    station = await booted(central)
    await station.begin("CREW1")
    other = await station.authorize("CREW2")
    assert other["groupIdToken"]["idToken"] == "CREW-B"
    await station.end()


@pytest.mark.parametrize(
    ("registered", "status"), [("MacAddress", "Accepted"), ("ISO14443", "Invalid")]
)
async def test_a_vehicle_is_let_charge_by_its_mac_address_where_it_is_registered(
    central: Central, registered: str, status: str
) -> None:
    value = "A1B2C3D4E5F6" if registered == "MacAddress" else "A1B2C3D4E5F7"
    await central.token(value, type=registered)
    station = await booted(central)
    presented = {"idToken": value, "type": "MacAddress"}
    answer = await station.call("Authorize", {"idToken": presented})
    assert answer["idTokenInfo"]["status"] == status
    started = await station.begin(idToken=presented)
    assert started["idTokenInfo"]["status"] == status
    await station.end()


async def test_at_a_free_vend_station_a_dummy_token_charges(central: Central) -> None:
    station = await booted_16(central, free_vend=True)
    assert (await station.authorize("DUMMY"))["status"] == "Accepted"
    _, status = await station.start("DUMMY")
    assert status == "Accepted"
    strict = await booted_16(central)
    assert (await strict.authorize("DUMMY"))["status"] == "Invalid"
