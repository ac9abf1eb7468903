"""Security cases of passwords and profiles: TC_073, TC_083 of 1.6; A_09, A_10, A_19 of 2.0.1."""

from collections.abc import Mapping
from typing import Any

import pytest

from csms import administration, profile_upgrades, remote
from csms.queue import Command, CommandState, Request
from foundation.identifiers import OrganisationKey, StationId
from tests.conformance.conftest import Secured
from tests.conformance.stations import LinkLost, Station, trusting
from tests.csms import asking
from tests.csms.central import OWNER

OLD = "0123456789abcdef"
NEW = "fedcba9876543210"


async def booted(secured: Secured, version: str, *, profile: int = 1) -> Station:
    identity = await secured.central.station(security_profile=profile, password=OLD)
    case = Station(secured.central, identity, version)
    tls = trusting(secured.root) if profile > 1 else None
    await case.connect(password=OLD, tls=tls)
    await case.boot()
    return case


async def told_new_password(secured: Secured, case: Station) -> Command:
    """Tell a station its new password, as the portal does."""
    async with secured.central.database.unit_of_work() as db:
        _, action, payload = await administration.offer_station_password(
            db, case.identity, NEW, is_16=case.version == "ocpp1.6"
        )
    return await asking.ask(secured.central, case.identity, action, payload)


async def records(secured: Secured, case: Station) -> Mapping[str, Any]:
    [row] = await secured.central.rows(
        "select password is not null as has, next_password is not null as has_next"
        " from stations where identity = :station",
        station=case.identity,
    )
    return row


async def no_secret_is_kept(secured: Secured, case: Station, *secrets: str) -> None:
    frames = await secured.central.frames(case.identity)
    commands = await secured.central.rows(
        "select payload::text as payload, concealed::text as concealed from commands"
        " where station = :station and finished_at is not null",
        station=case.identity,
    )
    kept = str(frames) + str(commands)
    assert "********" in kept
    for secret in secrets:
        assert secret not in kept
        assert secret.encode().hex() not in kept


async def test_tc_073_the_password_is_changed_over_the_wire(secured: Secured) -> None:
    case = await booted(secured, "ocpp1.6")
    case.answers["ChangeConfiguration"] = {"status": "Accepted"}
    case.answers["GetConfiguration"] = {"unknown_key": ["AuthorizationKey"]}
    command = await told_new_password(secured, case)
    payload = await case.was_asked("ChangeConfiguration")
    assert payload == {"key": "AuthorizationKey", "value": NEW.encode().hex()}
    await asking.becomes(secured.central, command, CommandState.EFFECTIVE)
    await case.connect(password=OLD)  # both are good until the new one is used
    await case.connect(password=NEW)
    with pytest.raises(LinkLost, match="401"):
        await case.connect(password=OLD)
    await case.connect(password=NEW)
    await no_secret_is_kept(secured, case, NEW)
    await case.leave()


def results(status: str) -> dict[str, Any]:
    return {
        "set_variable_result": [
            {
                "attribute_status": status,
                "component": {"name": "SecurityCtrlr"},
                "variable": {"name": "BasicAuthPassword"},
            }
        ]
    }


async def test_a_09_the_password_is_changed_and_the_old_one_gone(secured: Secured) -> None:
    case = await booted(secured, "ocpp2.0.1")
    case.answers["SetVariables"] = results("Accepted")
    [refused] = results("Rejected")["set_variable_result"]  # nobody may read it
    case.answers["GetVariables"] = {"get_variable_result": [refused]}
    command = await told_new_password(secured, case)
    payload = await case.was_asked("SetVariables")
    assert payload["set_variable_data"][0]["attribute_value"] == NEW
    assert await records(secured, case) == {"has": True, "has_next": True}
    await asking.becomes(secured.central, command, CommandState.EFFECTIVE)
    await case.connect(password=NEW)
    assert await records(secured, case) == {"has": True, "has_next": False}
    with pytest.raises(LinkLost, match="401"):
        await case.connect(password=OLD)
    await no_secret_is_kept(secured, case, NEW)
    await case.leave()


async def test_a_10_a_refused_password_leaves_the_old_one_alone_valid(secured: Secured) -> None:
    case = await booted(secured, "ocpp2.0.1")
    case.answers["SetVariables"] = results("Rejected")
    command = await told_new_password(secured, case)
    await asking.becomes(secured.central, command, CommandState.REJECTED)
    assert await records(secured, case) == {"has": True, "has_next": False}
    await case.connect(password=OLD)
    with pytest.raises(LinkLost, match="401"):
        await case.connect(password=NEW)
    await no_secret_is_kept(secured, case, NEW)
    await case.leave()


# ------------------------------------------------------------------------------------ upgrades


async def upgrade(secured: Secured, case: Station, profile: int) -> Command:
    """Ask for a higher profile, as the portal does."""
    central = secured.central
    async with central.database.unit_of_work() as db:
        _, first = await profile_upgrades.first_step(db, case.identity, case.version, profile)
        request = Request(
            station=StationId(case.identity),
            action=first.action,
            payload=first.payload,
            asked_by="key-1",
            asked_by_name="A key",
            door="api",
            asker_organisation=OrganisationKey(OWNER),
            reason="api",
            is_authorised=True,
        )
        command = await remote.ask(db, request, now=central.clock.now())
        await profile_upgrades.begin(
            db, case.identity, case.version, profile, command, central.clock.now()
        )
    return command


async def test_tc_083_after_the_upgrade_the_old_profile_is_refused(secured: Secured) -> None:
    case = await booted(secured, "ocpp1.6")
    case.answers |= {
        "ChangeConfiguration": {"status": "Accepted"},
        "GetConfiguration": {
            "configuration_key": [{"key": "SecurityProfile", "readonly": False, "value": "2"}]
        },
        "Reset": {"status": "Accepted"},
    }
    await upgrade(secured, case, 2)
    assert await case.was_asked("ChangeConfiguration") == {"key": "SecurityProfile", "value": "2"}
    assert await case.was_asked("Reset") == {"type": "Hard"}
    await case.connect(password=OLD)  # it cannot yet: the old way is still open
    assert await case.profile() == 1
    await case.connect(password=OLD, tls=trusting(secured.root))
    assert (await case.boot())["status"] == "Accepted"
    assert await case.profile() == 2
    with pytest.raises(LinkLost, match="403"):
        await case.connect(password=OLD)
    [event] = await case.events()
    assert event["type"] == "ConnectionBelowSecurityProfile"
    assert event["by"] == "csms"
    await case.connect(password=OLD, tls=trusting(secured.root))
    await case.leave()


async def test_tc_083_a_station_that_refuses_the_key_is_not_restarted(secured: Secured) -> None:
    case = await booted(secured, "ocpp1.6")
    case.answers["ChangeConfiguration"] = {"status": "Rejected"}
    command = await upgrade(secured, case, 2)
    await asking.becomes(secured.central, command, CommandState.REJECTED)
    [row] = await secured.central.rows(
        "select outcome from profile_upgrades where station = :station", station=case.identity
    )
    assert row == {"outcome": "refused"}
    assert "Reset" not in {action for action, _ in case.asked}
    await case.connect(password=OLD)
    assert await case.profile() == 1
    await case.leave()


async def test_a_19_the_profile_is_upgraded_by_a_network_profile(secured: Secured) -> None:
    case = await booted(secured, "ocpp2.0.1", profile=2)
    profile_upgrades.join(secured.central.database, "wss://localhost/ocpp")
    case.answers |= {
        "SetNetworkProfile": {"status": "Accepted"},
        "SetVariables": {
            "set_variable_result": [
                {
                    "attribute_status": "RebootRequired",
                    "component": {"name": "OCPPCommCtrlr"},
                    "variable": {"name": "NetworkConfigurationPriority"},
                }
            ]
        },
        "Reset": {"status": "Accepted"},
    }
    await upgrade(secured, case, 3)
    told = await case.was_asked("SetNetworkProfile")
    assert told["configuration_slot"] == 1
    assert told["connection_data"]["security_profile"] == 3
    assert told["connection_data"]["ocpp_csms_url"] == "wss://localhost/ocpp"
    ordered = await case.was_asked("SetVariables")
    assert ordered["set_variable_data"][0]["attribute_value"] == "1,0"
    assert (await case.was_asked("Reset"))["type"] == "OnIdle"
    own = secured.root.issue(case.identity)
    await case.connect(tls=trusting(secured.root, own, secured.files))
    assert await case.profile() == 3
    with pytest.raises(LinkLost, match="403"):
        await case.connect(password=OLD, tls=trusting(secured.root))
    await case.leave()
