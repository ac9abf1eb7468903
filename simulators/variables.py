"""A station's settings: read, changed and reported, as 1.6's keys and as 2.x's variables alike."""

from typing import TYPE_CHECKING, Any

from simulators.book import moment_text
from simulators.deeds import Answer, Deed, Handler, Payload

if TYPE_CHECKING:
    from simulators.station import Station

_READ_ONLY = {"NumberOfConnectors", "SupportedFeatureProfiles"}
_WHOLE_NUMBERS = {"HeartbeatInterval", "MeterValueSampleInterval", "ConnectionTimeOut"}
_COMPONENTS = {
    "AuthorizeRemoteTxRequests": "AuthCtrlr",
    "ConnectionTimeOut": "TxCtrlr",
    "MeterValueSampleInterval": "SampledDataCtrlr",
    "MeterValuesSampledData": "SampledDataCtrlr",
}
_PER_REPORT = 4
"""How many variables go into one NotifyReport; the rest follows."""


class Variables:
    """The settings of one station; they outlive its restarts."""

    def __init__(self, station: "Station") -> None:
        self._station = station
        self.values: dict[str, str] = {
            "AuthorizeRemoteTxRequests": "false",
            "ConnectionTimeOut": "60",
            "HeartbeatInterval": "300",
            "MeterValueSampleInterval": "900",
            "MeterValuesSampledData": "Energy.Active.Import.Register,Power.Active.Import,SoC",
            "NumberOfConnectors": str(len(station.spec.evses)),
            "SupportedFeatureProfiles": "Core,FirmwareManagement,LocalAuthListManagement,"
            "RemoteTrigger,Reservation,SmartCharging",
        }
        self.table: dict[str, Handler] = {
            "ChangeConfiguration": self._change_configuration,
            "GetBaseReport": self._base_report,
            "GetConfiguration": self._get_configuration,
            "GetReport": self._report,
            "GetVariables": self._get_variables,
            "SetVariables": self._set_variables,
        }

    @property
    def authorizes_remote_starts(self) -> bool:
        return self.values["AuthorizeRemoteTxRequests"].lower() == "true"

    def _set(self, name: str, value: str, deed: Deed) -> str:
        """Change a value, and return 2.x's word for how it went."""
        if name not in self.values:
            return "UnknownVariable"
        if name in _READ_ONLY or (name in _WHOLE_NUMBERS and not value.isdecimal()):
            return "Rejected"

        def change() -> None:
            self.values[name] = value
            if name == "HeartbeatInterval":
                self._station.beat_every(float(value))

        deed.at_once(f"set {name}", change)
        return "Accepted"

    def _get_configuration(self, payload: Payload, deed: Deed) -> Answer:
        wanted = payload.get("key") or list(self.values)
        known = [key for key in wanted if key in self.values]
        deed.at_once("told its configuration", lambda: None)
        return {
            "configuration_key": [
                {"key": key, "readonly": key in _READ_ONLY, "value": self.values[key]}
                for key in known
            ],
            "unknown_key": [key for key in wanted if key not in self.values],
        }

    def _change_configuration(self, payload: Payload, deed: Deed) -> Answer:
        status = self._set(payload["key"], payload["value"], deed)
        return {"status": "NotSupported" if status == "UnknownVariable" else status}

    def _get_variables(self, payload: Payload, deed: Deed) -> Answer:
        deed.at_once("told variables", lambda: None)
        results = []
        for wanted in payload["get_variable_data"]:
            result = {
                "attribute_status": "UnknownVariable",
                "component": wanted["component"],
                "variable": wanted["variable"],
            }
            name = wanted["variable"]["name"]
            if name in self.values:
                result |= {
                    "attribute_status": "Accepted",
                    "attribute_value": self.values[name],
                }
            results.append(result)
        return {"get_variable_result": results}

    def _set_variables(self, payload: Payload, deed: Deed) -> Answer:
        return {
            "set_variable_result": [
                {
                    "attribute_status": self._set(
                        wanted["variable"]["name"], wanted["attribute_value"], deed
                    ),
                    "component": wanted["component"],
                    "variable": wanted["variable"],
                }
                for wanted in payload["set_variable_data"]
            ]
        }

    def _base_report(self, payload: Payload, deed: Deed) -> Answer:
        return self._tell(list(self.values), payload["request_id"], deed)

    def _report(self, payload: Payload, deed: Deed) -> Answer:
        wanted = payload.get("component_variable")
        names = list(self.values)
        if wanted is not None:
            asked = [(each["component"]["name"], each.get("variable") or {}) for each in wanted]
            names = [
                name
                for name in names
                if any(
                    component == _component(name) and variable.get("name", name) == name
                    for component, variable in asked
                )
            ]
        if not names:
            return {"status": "EmptyResultSet"}
        return self._tell(names, payload["request_id"], deed)

    def _tell(self, names: list[str], request_id: int, deed: Deed) -> Answer:
        station = self._station

        async def send() -> None:
            at = moment_text(station.own_time())
            parts = [names[i : i + _PER_REPORT] for i in range(0, len(names), _PER_REPORT)]
            for number, part in enumerate(parts):
                await station.tell(
                    "NotifyReport",
                    {
                        "requestId": request_id,
                        "generatedAt": at,
                        "seqNo": number,
                        "tbc": number + 1 < len(parts),
                        "reportData": [self._reported(name) for name in part],
                    },
                )

        deed.later("reported its variables", send)
        return {"status": "Accepted"}

    def _reported(self, name: str) -> dict[str, Any]:
        return {
            "component": {"name": _component(name)},
            "variable": {"name": name},
            "variableAttribute": [
                {
                    "value": self.values[name],
                    "mutability": "ReadOnly" if name in _READ_ONLY else "ReadWrite",
                }
            ],
            "variableCharacteristics": {
                "dataType": "integer" if name in _WHOLE_NUMBERS else "string",
                "supportsMonitoring": False,
            },
        }


def _component(name: str) -> str:
    return _COMPONENTS.get(name, "OCPPCommCtrlr")
