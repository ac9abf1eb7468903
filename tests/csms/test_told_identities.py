"""Which identities commands tell stations, and what stations say to it."""

from collections.abc import Mapping
from typing import Any

import pytest

from csms import told_identities
from csms.queue import CommandState
from csms.reports import OcppVersion
from csms.told_identities import identity_told, was_taken
from foundation.errors import InvalidInput
from tests.csms.asking import ask
from tests.csms.central import Central, eventually


def entry(component: str, variable: str = "Identity", value: str = "NEW") -> dict[str, Any]:
    return {
        "component": {"name": component},
        "variable": {"name": variable},
        "attributeValue": value,
    }


OTHER = entry("OCPPCommCtrlr", "HeartbeatInterval", "300")


@pytest.mark.parametrize(
    ("action", "payload", "told"),
    [
        (
            "SetNetworkProfile",
            {"connectionData": {"identity": "NEW"}},
            ("NEW", "$.connectionData.identity"),
        ),
        ("SetNetworkProfile", {"connectionData": {"ocppCsmsUrl": "wss://x"}}, None),
        ("SetNetworkProfile", {"connectionData": "NEW"}, None),
        (
            "SetVariables",
            {"setVariableData": [OTHER, entry("SecurityCtrlr")]},
            ("NEW", "$.setVariableData[1].attributeValue"),
        ),
        (
            "SetVariables",
            {"setVariableData": [entry("networkconfiguration", "identity")]},
            ("NEW", "$.setVariableData[0].attributeValue"),
        ),
        ("SetVariables", {"setVariableData": [entry("EVSE")]}, None),
        ("SetVariables", {"setVariableData": ["Identity"]}, None),
        ("ChangeConfiguration", {"key": "Identity", "value": "NEW"}, None),
    ],
)
def test_a_profile_and_two_variables_tell_an_identity(
    action: str, payload: Mapping[str, Any], told: tuple[str, str] | None
) -> None:
    assert identity_told(action, payload) == told


def result(component: str, status: str) -> dict[str, Any]:
    return entry(component) | {"attributeStatus": status}


@pytest.mark.parametrize(
    ("action", "answer", "taken"),
    [
        ("SetNetworkProfile", {"status": "Accepted"}, True),
        ("SetNetworkProfile", {"status": "Failed"}, False),
        ("SetNetworkProfile", {"error_code": "InternalError"}, False),
        (
            "SetVariables",
            {
                "setVariableResult": [
                    result("EVSE", "Rejected"),
                    result("SecurityCtrlr", "RebootRequired"),
                ]
            },
            True,
        ),
        (
            "SetVariables",
            {
                "setVariableResult": [
                    result("EVSE", "Accepted"),
                    result("SecurityCtrlr", "Rejected"),
                ]
            },
            False,
        ),
        ("SetVariables", {"error_code": "InternalError"}, False),
    ],
)
def test_of_several_variables_the_identity_s_own_answer_counts(
    action: str, answer: Mapping[str, Any], taken: bool
) -> None:
    assert was_taken(action, answer) is taken


async def names(central: Central, station: str) -> tuple[list[str], str | None]:
    [row] = await central.rows(
        "select aliases, next_identity from stations where identity = :station", station=station
    )
    return row["aliases"], row["next_identity"]


async def test_an_identity_set_as_a_variable_is_expected_and_then_an_alias(
    central: Central,
) -> None:
    station = await central.here(OcppVersion.V201)
    await station.boot()
    told = entry("SecurityCtrlr", value=f"{station.identity}-2")
    command = await ask(central, station.identity, "SetVariables", {"setVariableData": [told]})
    assert await names(central, station.identity) == ([], f"{station.identity}-2")
    _, message_id, action, _ = await station.next_asked()
    assert action == "SetVariables"
    taken = {name: told[name] for name in ("component", "variable")}
    answer = {"setVariableResult": [taken | {"attributeStatus": "RebootRequired"}]}
    await station.send([3, message_id, answer])

    async def there() -> bool:
        return await names(central, station.identity) == ([f"{station.identity}-2"], None)

    assert await eventually(there)
    assert command.state is CommandState.QUEUED


@pytest.mark.parametrize("identity", ["", "x" * 49, "a\nb", "."])
async def test_what_can_be_no_identity_is_refused(central: Central, identity: str) -> None:
    station = await central.station()
    payload = {"connectionData": {"identity": identity}}
    async with central.database.unit_of_work() as db:
        with pytest.raises(InvalidInput, match="1 to 48"):
            await told_identities.expect(db, station, "SetNetworkProfile", payload)
    assert await names(central, station) == ([], None)


async def test_what_an_expert_sends_raw_is_sent_but_nobody_is_let_in_by_it(
    central: Central,
) -> None:
    one, other = await central.station(), await central.station()
    payload = {"connectionData": {"identity": other}}
    async with central.database.unit_of_work() as db:
        await told_identities.expect(db, one, "SetNetworkProfile", payload, raw=True)
        await told_identities.answered(
            db, one, "SetNetworkProfile", payload, {"status": "Accepted"}
        )
    assert await names(central, one) == ([], None)
