"""Rules 1.6 and 2.1 on remote commands, and 2 on their precondition: docs/rules.md lists them."""

import pytest
from sqlalchemy import text

from csms import remote
from csms.ocpp import outgoing
from csms.queue import StationUnreachable, TooManyInFlight
from csms.reports import OcppVersion
from foundation.database import Database
from foundation.settings import Settings
from portal.buttons import BUTTONS, ask
from tests.csms.test_remote import RESET, furnish
from tests.csms.test_remote import ask as ask_for
from tests.portal.test_buttons import VERSIONS, WISH

# The list of 2.1, in its order, with what each asks of a station of 1.6 and of 2.0.1.
LOST_LIST = (
    ("start", "RemoteStartTransaction", "RequestStartTransaction"),
    ("stop", "RemoteStopTransaction", "RequestStopTransaction"),
    ("unlock", "UnlockConnector", "UnlockConnector"),
    ("restart_soft", "Reset", "Reset"),
    ("restart_hard", "Reset", "Reset"),
    ("in_service", "ChangeAvailability", "ChangeAvailability"),
    ("out_of_service", "ChangeAvailability", "ChangeAvailability"),
    ("station_in_service", "ChangeAvailability", "ChangeAvailability"),
    ("station_out_of_service", "ChangeAvailability", "ChangeAvailability"),
    ("clear_cache", "ClearCache", "ClearCache"),
    ("read_configuration", "GetConfiguration", "GetBaseReport"),
    ("change_configuration", "ChangeConfiguration", "SetVariables"),
    ("update_firmware", "UpdateFirmware", "UpdateFirmware"),
    ("fetch_diagnostics", "GetDiagnostics", "GetLog"),
    ("trigger", "TriggerMessage", "TriggerMessage"),
    ("cancel_reservation", "CancelReservation", "CancelReservation"),
)


@pytest.mark.parametrize(("key", "of_16", "of_201"), LOST_LIST)
def test_2_1_remote_commands_of_the_list_are_plain_buttons_in_both_versions(
    key: str, of_16: str, of_201: str
) -> None:
    for version, wanted in (("1.6", of_16), ("2.0.1", of_201)):
        action, payload = ask(key, version, WISH)
        assert action == wanted
        assert outgoing.encode(VERSIONS[version], action, payload, raw=False)
    assert BUTTONS[key].title


def test_2_1_stop_billing_of_the_running_session_is_a_button_and_asks_no_station() -> None:
    assert BUTTONS["stop_billing"].title == "Stop billing"
    with pytest.raises(KeyError):
        ask("stop_billing", "1.6", WISH)


def test_2_1_a_start_by_an_agent_carries_a_billing_decision() -> None:
    """That without one nothing starts: tests/scenarios/test_started_by_staff.py."""
    assert "billing" in BUTTONS["start"].fields


async def test_1_6_remote_commands_ten_in_parallel_and_each_answer_makes_room(
    database: Database,
) -> None:
    assert Settings().commands_in_flight_max == remote.IN_FLIGHT_MAX == 10
    await furnish(database)
    asked = [await ask_for(database, *RESET) for _ in range(10)]
    with pytest.raises(TooManyInFlight):
        await ask_for(database, *RESET)
    async with database.unit_of_work() as db:
        await db.execute(
            text("update commands set state = 'accepted' where id = :id"), {"id": int(asked[0].id)}
        )
    await ask_for(database, *RESET)
    with pytest.raises(TooManyInFlight):
        await ask_for(database, *RESET)


@pytest.mark.parametrize("version", [OcppVersion.V16, OcppVersion.V201])
async def test_1_6_remote_commands_go_in_the_stations_own_version_and_2_need_a_live_connection(
    database: Database, version: OcppVersion
) -> None:
    await furnish(database, version=version.value)
    fits = {"type": "Soft" if version is OcppVersion.V16 else "OnIdle"}
    assert (await ask_for(database, "Reset", fits)).version == version.value.removeprefix("ocpp")
    async with database.unit_of_work() as db:
        await db.execute(text("update station_connections set closed_at = now()"))
    with pytest.raises(StationUnreachable):
        await ask_for(database, "Reset", fits)
