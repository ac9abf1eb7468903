"""Settings are read, changed, kept and reported."""

from typing import Any

import pytest

from tests.simulators.asking import At
from tests.simulators.csms import TinyCsms

TWO = pytest.mark.parametrize("version", ["2.0.1", "2.1"])


async def test_16_configuration_is_read_and_changed(csms: TinyCsms) -> None:
    async with At(csms, "1.6") as at:
        answer = await at.ask("GetConfiguration", {"key": ["NumberOfConnectors", "Teapot"]})
        assert answer == {
            "configurationKey": [{"key": "NumberOfConnectors", "readonly": True, "value": "2"}],
            "unknownKey": ["Teapot"],
        }
        assert len((await at.ask("GetConfiguration"))["configurationKey"]) == 7
        for key, status in (
            ("HeartbeatInterval", "Accepted"),
            ("NumberOfConnectors", "Rejected"),
            ("Teapot", "NotSupported"),
        ):
            answer = await at.ask("ChangeConfiguration", {"key": key, "value": "60"})
            assert answer["status"] == status
        answer = await at.ask("GetConfiguration", {"key": ["HeartbeatInterval"]})
        assert answer["configurationKey"][0]["value"] == "60"


@TWO
async def test_2x_variables_are_read_changed_and_reported(csms: TinyCsms, version: str) -> None:
    def named(name: str, **more: str) -> dict[str, Any]:
        return {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": name}, **more}

    async with At(csms, version) as at:
        answer = await at.ask(
            "SetVariables",
            {
                "setVariableData": [
                    named("HeartbeatInterval", attributeValue="60"),
                    named("NumberOfConnectors", attributeValue="3"),
                    named("Teapot", attributeValue="hot"),
                ]
            },
        )
        assert [result["attributeStatus"] for result in answer["setVariableResult"]] == [
            "Accepted",
            "Rejected",
            "UnknownVariable",
        ]
        answer = await at.ask(
            "GetVariables", {"getVariableData": [named("HeartbeatInterval"), named("Teapot")]}
        )
        first, second = answer["getVariableResult"]
        assert (first["attributeStatus"], first["attributeValue"]) == ("Accepted", "60")
        assert second["attributeStatus"] == "UnknownVariable"
        answer = await at.ask(
            "GetBaseReport", {"requestId": 9, "reportBase": "ConfigurationInventory"}
        )
        assert answer["status"] == "Accepted"
        first, last = await at.heard("NotifyReport", 2)
        assert (first["requestId"], first["tbc"]) == (9, True)
        assert (last["seqNo"], last["tbc"]) == (1, False)
        assert len(first["reportData"]) + len(last["reportData"]) == len(at.station.settings)


async def test_a_value_that_cannot_be_is_rejected_and_the_old_one_stays(csms: TinyCsms) -> None:
    async with At(csms, "1.6") as at:
        for value, status in (("often", "Rejected"), ("30", "Accepted")):
            wish = {"key": "HeartbeatInterval", "value": value}
            assert (await at.ask("ChangeConfiguration", wish))["status"] == status
        assert at.station.settings["HeartbeatInterval"] == "30"
        assert at.done == ["set HeartbeatInterval"]


@TWO
async def test_a_report_may_be_asked_for_of_some_variables_only(
    csms: TinyCsms, version: str
) -> None:
    def asked(name: str) -> dict[str, Any]:
        wanted = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": name}}
        return {"requestId": 3, "componentVariable": [wanted]}

    async with At(csms, version) as at:
        assert (await at.ask("GetReport", asked("HeartbeatInterval")))["status"] == "Accepted"
        [report] = await at.heard("NotifyReport")
        [told] = report["reportData"]
        assert told["variableAttribute"][0]["value"] == "300"
        assert (await at.ask("GetReport", asked("Teapot")))["status"] == "EmptyResultSet"
