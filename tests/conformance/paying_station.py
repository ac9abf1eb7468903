"""A 2.1 station as the cases of payment use it."""

from collections.abc import Mapping
from typing import Any

from simulators.link import Reply
from tests.conformance.charging_station import ChargingStation
from tests.csms.central import Central


class PayingStation(ChargingStation):
    """Speaks 2.1; takes whatever variables it is told to."""

    def __init__(self, central: Central, identity: str) -> None:
        super().__init__(central, identity)
        self.version = "ocpp2.1"
        self.told: dict[str, str] = {}
        """The variables that it was told, by component, name and instance."""

    def answer(self, action: str, payload: Mapping[str, Any], message_id: str) -> Reply:
        if action not in ("SetVariables", "GetVariables"):
            return super().answer(action, payload, message_id)
        self.asked.append((action, dict(payload)))
        results = []
        for each in payload[
            "set_variable_data" if action == "SetVariables" else "get_variable_data"
        ]:
            component, variable = each["component"], each["variable"]
            parts = (component["name"], variable["name"], variable.get("instance"))
            name = "/".join(part for part in parts if part)
            same = {"component": component, "variable": variable, "attribute_status": "Accepted"}
            if action == "SetVariables":
                self.told[name] = each["attribute_value"]
                results.append(same)
            else:
                results.append(same | {"attribute_value": self.told.get(name, "")})
        kind = "set_variable_result" if action == "SetVariables" else "get_variable_result"
        return Reply({kind: results})

    async def event(
        self, kind: str, trigger: str, state: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """As in 2.0.1; `limit`, `tariffId` and `operationMode` go into transactionInfo."""
        names = {
            "limit": "transactionLimit",
            "tariffId": "tariffId",
            "operationMode": "operationMode",
        }
        extra = {name: more.pop(said) for said, name in names.items() if said in more}
        self.extra = extra
        return await super().event(kind, trigger, state, **more)

    async def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        if action == "TransactionEvent":
            payload["transactionInfo"] |= getattr(self, "extra", {})
            self.extra = {}
        return await super().call(action, payload)


async def paying(central: Central, **settings: Any) -> PayingStation:
    """Return a station that has booted and reported its connector."""
    station = PayingStation(central, await central.station(**settings))
    await station.connect()
    assert (await station.boot())["status"] == "Accepted"
    return station
