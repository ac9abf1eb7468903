"""1.6, Local Auth List Management and Reservation: TC_042 and TC_043, TC_046 to TC_053."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.directory import WHOLE
from csms import equipment
from csms.queue import Command, CommandState
from foundation.identifiers import StationId
from tests.conformance.charge_point import ChargePoint, booted
from tests.csms.central import CARD, Central

EFFECTIVE, REJECTED = CommandState.EFFECTIVE, CommandState.REJECTED


@pytest.fixture
async def case(central: Central) -> ChargePoint:
    return await booted(central)


# ---------------------------------------------------------------------------- local lists


async def list_version(case: ChargePoint) -> str | None:
    """The version of its list that we know of."""
    async with case.central.database.unit_of_work() as db:
        found = await equipment.variables(
            db, WHOLE, StationId(case.identity), component="LocalAuthListCtrlr"
        )
    return found[0].value if found else None


@pytest.mark.parametrize(("number", "version"), [("042_1", -1), ("042_2", 0)])
async def test_tc_042_1_and_2_version_of_a_list_that_it_has_not(
    case: ChargePoint, number: str, version: int
) -> None:
    command = await case.asked_for("GetLocalListVersion", {}, {"list_version": version})
    assert (await case.becomes(command, EFFECTIVE)).answer == {"listVersion": version}
    assert await list_version(case) == str(version)


def full_list(version: int, *tags: str) -> dict[str, Any]:
    return {
        "listVersion": version,
        "updateType": "Full",
        "localAuthorizationList": [
            {"idTag": each, "idTagInfo": {"status": "Accepted"}} for each in tags
        ],
    }


@pytest.mark.parametrize(("number", "word"), [("043_1", "NotSupported"), ("043_3", "Failed")])
async def test_tc_043_1_and_3_a_list_that_it_does_not_take(
    case: ChargePoint, number: str, word: str
) -> None:
    case.answers["GetLocalListVersion"] = {"list_version": 1}
    await case.becomes(await case.asked_for("SendLocalList", full_list(1, CARD)), EFFECTIVE)
    assert list((await case.local_list()).entries) == [CARD]
    command = await case.asked_for("SendLocalList", full_list(2, "04BB"), {"status": word})
    assert (await case.becomes(command, REJECTED)).answer == {"status": word}
    kept = await case.local_list()
    assert kept.entries == {}
    assert (kept.version, kept.is_known) == ((-1, True) if word == "NotSupported" else (1, False))


@pytest.mark.parametrize(("number", "kind"), [("043_4", "Full"), ("043_5", "Differential")])
async def test_tc_043_4_and_5_a_list_is_sent_and_its_version_read_back(
    case: ChargePoint, number: str, kind: str
) -> None:
    case.answers["GetLocalListVersion"] = {"list_version": 6}
    first = await case.asked_for("SendLocalList", full_list(6, "04AA"))
    await case.becomes(first, EFFECTIVE)
    case.answers["GetLocalListVersion"] = {"list_version": 7}
    command = await case.asked_for(
        "SendLocalList", full_list(7, CARD, "04BB") | {"updateType": kind}
    )
    sent = await case.was_asked("SendLocalList")
    assert (sent["list_version"], sent["update_type"]) == (7, kind)
    assert all(each["id_tag_info"]["status"] for each in sent["local_authorization_list"])
    await case.becomes(command, EFFECTIVE)
    assert await list_version(case) == "7"
    kept = await case.local_list()
    stays = set() if kind == "Full" else {"04AA"}
    assert (kept.version, kept.is_known) == (7, True)
    assert set(kept.entries) == {CARD, "04BB"} | stays


# --------------------------------------------------------------------------- reservations


async def reserve(
    case: ChargePoint, word: str = "Accepted", *, connector: int = 1, number: int = 11, **more: Any
) -> Command:
    expires = case.central.clock.now() + timedelta(minutes=10)
    payload = {
        "connectorId": connector,
        "expiryDate": expires.isoformat(),
        "idTag": CARD,
        "reservationId": number,
    } | more
    return await case.asked_for("ReserveNow", payload, {"status": word})


@pytest.mark.parametrize(("number", "connector"), [("046", 1), ("049", 0)])
async def test_tc_046_and_049_a_reservation_is_used_by_its_transaction(
    case: ChargePoint, number: str, connector: int
) -> None:
    command = await reserve(case, connector=connector)
    await case.status("Reserved", connector=connector)
    await case.becomes(command, EFFECTIVE)
    [open_one] = await case.reservations()
    assert open_one.state == "open"

    transaction, status = await case.start(reservationId=11)
    assert status == "Accepted"
    [used] = await case.reservations()
    assert (used.state, used.transaction_id) == ("used", transaction)


async def test_tc_047_a_reservation_runs_out(case: ChargePoint) -> None:
    command = await reserve(case)
    await case.status("Reserved")
    await case.becomes(command, EFFECTIVE)
    case.central.clock.advance(timedelta(minutes=11))
    await case.status("Available")
    assert await case.shown() == "Available"
    [over] = await case.reservations()
    assert over.state != "open"
    assert over.transaction_id is None


@pytest.mark.parametrize(
    ("number", "word"), [("048_1", "Faulted"), ("048_2", "Occupied"), ("048_4", "Rejected")]
)
async def test_tc_048_1_2_and_4_a_reservation_that_it_cannot_keep(
    case: ChargePoint, number: str, word: str
) -> None:
    command = await reserve(case, word)
    assert (await case.becomes(command, REJECTED)).answer == {"status": word}
    assert await case.reservations() == []


async def test_tc_048_3_a_connector_out_of_service_is_not_reserved(case: ChargePoint) -> None:
    command = await case.asked_for("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    await case.status("Unavailable")
    await case.becomes(command, EFFECTIVE)
    assert await case.shown() == "Unavailable"
    refused = await reserve(case, "Unavailable")
    await case.becomes(refused, REJECTED)
    assert await case.reservations() == []


async def test_tc_051_cancel_a_reservation(case: ChargePoint) -> None:
    await case.becomes(await reserve(case), CommandState.ACCEPTED)
    command = await case.asked_for("CancelReservation", {"reservationId": 11})
    assert (await case.was_asked("CancelReservation"))["reservation_id"] == 11
    await case.becomes(command, EFFECTIVE)
    await case.status("Available")
    [over] = await case.reservations()
    assert (over.state, over.ending) == ("over", "Cancelled")


async def test_tc_052_cancel_a_reservation_that_nobody_made(case: ChargePoint) -> None:
    await case.becomes(await reserve(case), CommandState.ACCEPTED)
    command = await case.asked_for(
        "CancelReservation", {"reservationId": 999}, {"status": "Rejected"}
    )
    await case.becomes(command, REJECTED)
    [still] = await case.reservations()
    assert (still.reservation_id, still.state) == (11, "open")


async def test_tc_053_another_tag_of_the_same_parent_uses_the_reservation(
    case: ChargePoint,
) -> None:
    await case.central.token("TAG053A", group_id="FLEET053")
    await case.central.token("TAG053B", group_id="FLEET053")
    command = await reserve(case, idTag="TAG053A", parentIdTag="FLEET053")
    assert (await case.was_asked("ReserveNow"))["parent_id_tag"] == "FLEET053"
    await case.status("Reserved")
    await case.becomes(command, EFFECTIVE)
    other = await case.authorize("TAG053B")
    assert (other["status"], other["parentIdTag"]) == ("Accepted", "FLEET053")
    number, status = await case.start("TAG053B", reservationId=11)
    assert status == "Accepted"
    [used] = await case.reservations()
    assert used.transaction_id == number
