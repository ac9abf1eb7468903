"""How a station answers what a central system asks of it.

An answer is given at once; whatever follows from it (a transaction, a boot, a triggered message)
is done by the station afterwards, since a station that calls before it has answered blocks both.
Payloads are in snake_case, as the `ocpp` package hands them out.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from simulators.book import moment_text
from simulators.dialect import Charging, Status
from simulators.meter import Car

if TYPE_CHECKING:
    from simulators.equipment import Evse
    from simulators.station import Station

Payload = Mapping[str, Any]
Answer = dict[str, Any]

_ACCEPTED: Answer = {"status": "Accepted"}
_REJECTED: Answer = {"status": "Rejected"}
_NEUTRAL: dict[str, Answer] = {
    "CancelReservation": _ACCEPTED,
    "ClearCache": _ACCEPTED,
    "ClearChargingProfile": _ACCEPTED,
    "CostUpdated": {},
    "DataTransfer": {"status": "UnknownVendorId"},
    "GetChargingProfiles": {"status": "NoProfiles"},
    "GetCompositeSchedule": _REJECTED,
    "GetDiagnostics": {},
    "SendLocalList": _ACCEPTED,
    "SetChargingProfile": _ACCEPTED,
    "SetNetworkProfile": _REJECTED,
}
"""What is acknowledged and has no effect here."""


class Commands:
    """The answers of one station; `configuration` holds 1.6 keys and 2.x variables alike."""

    def __init__(self, station: "Station") -> None:
        self._station = station
        self.local_list_version = 0
        self.configuration: dict[str, str] = {
            "HeartbeatInterval": "300",
            "MeterValueSampleInterval": "900",
            "MeterValuesSampledData": "Energy.Active.Import.Register,Power.Active.Import,SoC",
            "NumberOfConnectors": str(len(station.spec.evses)),
            "SupportedFeatureProfiles": "Core,RemoteTrigger,Reservation,SmartCharging",
        }
        self._table: dict[str, Callable[[Payload], Answer]] = {
            "ChangeAvailability": self._change_availability,
            "ChangeConfiguration": self._change_configuration,
            "ExtendedTriggerMessage": self._trigger,
            "GetBaseReport": self._report,
            "GetConfiguration": self._get_configuration,
            "GetLocalListVersion": self._list_version,
            "GetLog": self._get_log,
            "GetReport": self._report,
            "GetTransactionStatus": self._transaction_status,
            "GetVariables": self._get_variables,
            "RemoteStartTransaction": self._remote_start,
            "RemoteStopTransaction": self._remote_stop,
            "RequestStartTransaction": self._remote_start,
            "RequestStopTransaction": self._remote_stop,
            "ReserveNow": self._reserve,
            "Reset": self._reset,
            "SendLocalList": self._send_local_list,
            "SetVariables": self._set_variables,
            "TriggerMessage": self._trigger,
            "UnlockConnector": self._unlock,
            "UpdateFirmware": self._update_firmware,
        }

    def answer(self, action: str, payload: Payload) -> Answer | None:
        """Return the answer to a command; None if it is not simulated."""
        if action in self._table:
            return self._table[action](payload)
        return _NEUTRAL.get(action)

    def answered(self) -> None:
        """The answer has left: what follows from it may begin."""
        self._station.begin_follow_ups()

    @property
    def _is_16(self) -> bool:
        return self._station.spec.version == "1.6"

    # ------------------------------------------------------------------- remote control

    def _remote_start(self, payload: Payload) -> Answer:
        if self._is_16:
            wanted, token, token_type = payload.get("connector_id"), payload["id_tag"], "ISO14443"
        else:
            wanted = payload.get("evse_id")
            token, token_type = payload["id_token"]["id_token"], payload["id_token"]["type"]
        evse = self._free_evse(wanted)
        if evse is None:
            return _REJECTED
        remote_start_id = payload.get("remote_start_id")

        async def begin() -> None:
            if evse.charging is None:
                evse_id = evse.spec.evse_id
                if evse.car is None:
                    # Somebody plugs in; a remote start without a car would only time out.
                    self._station.plug_in(evse_id, Car(60_000, 0.3, evse.spec.max_power_w))
                self._station.begin(
                    evse_id, token, token_type, remote_start_id=remote_start_id, is_remote=True
                )

        self._station.later(begin)
        return _ACCEPTED

    def _remote_stop(self, payload: Payload) -> Answer:
        evse = self._evse_of(payload["transaction_id"])
        if evse is None:
            return _REJECTED

        async def finish() -> None:
            if evse.charging is not None:
                self._station.finish(evse.spec.evse_id, "Remote")

        self._station.later(finish)
        return _ACCEPTED

    def _unlock(self, payload: Payload) -> Answer:
        evse = self._station.evses.get(payload["connector_id" if self._is_16 else "evse_id"])
        if evse is None:
            return {"status": "NotSupported" if self._is_16 else "UnknownConnector"}
        if evse.charging is not None and not self._is_16:
            return {"status": "OngoingAuthorizedTransaction"}

        async def unlock() -> None:
            if evse.charging is not None:
                self._station.finish(evse.spec.evse_id, "Other")
            if evse.car is not None:
                self._station.unplug(evse.spec.evse_id)

        self._station.later(unlock)
        return {"status": "Unlocked"}

    def _reset(self, payload: Payload) -> Answer:
        on_idle = payload["type"] == "OnIdle"
        busy = [evse for evse in self._station.evses.values() if evse.charging is not None]

        async def restart() -> None:
            for evse in busy:
                if evse.charging is not None:
                    self._station.finish(evse.spec.evse_id, "ImmediateReset")
            await self._station.restart("ScheduledReset" if on_idle else "RemoteReset")

        if on_idle and busy:
            return _REJECTED
        self._station.later(restart)
        return _ACCEPTED

    def _change_availability(self, payload: Payload) -> Answer:
        if self._is_16:
            evse_id, operative = payload["connector_id"] or None, payload["type"] == "Operative"
        else:
            evse_id = (payload.get("evse") or {}).get("id")
            operative = payload["operational_status"] == "Operative"
        evses = self._station.evses
        if evse_id is not None and evse_id not in evses:
            return _REJECTED
        chosen = list(evses) if evse_id is None else [evse_id]
        busy = any(evses[chosen_id].charging is not None for chosen_id in chosen)

        async def change() -> None:
            for chosen_id in chosen:
                self._station.set_operative(chosen_id, operative=operative)

        self._station.later(change)
        return {"status": "Scheduled"} if busy else _ACCEPTED

    def _reserve(self, payload: Payload) -> Answer:
        evse = self._free_evse(payload.get("connector_id" if self._is_16 else "evse_id") or None)
        return {"status": "Occupied"} if evse is None else _ACCEPTED

    def _trigger(self, payload: Payload) -> Answer:
        wanted = payload["requested_message"]
        evse_id = payload.get("connector_id")
        if not self._is_16:
            evse_id = (payload.get("evse") or {}).get("id")
        station = self._station
        if evse_id and evse_id not in station.evses:
            return _REJECTED

        async def send() -> None:
            if wanted == "BootNotification":
                await station.boot()
            elif wanted == "Heartbeat":
                await station.heartbeat()
            elif wanted == "StatusNotification":
                station.tell_statuses(evse_id or None)
            else:
                for evse in station.evses.values():
                    if evse.charging is not None and evse_id in {None, 0, evse.spec.evse_id}:
                        station.take_reading(evse.spec.evse_id, "Trigger")

        if wanted not in _TRIGGERS:
            return {"status": "NotImplemented"}
        station.later(send)
        return _ACCEPTED

    def _transaction_status(self, payload: Payload) -> Answer:
        ref = payload.get("transaction_id")
        if ref is None:
            return {"messages_in_queue": self._station.waiting > 0}
        return {
            "ongoing_indicator": self._evse_of(ref) is not None,
            "messages_in_queue": self._station.waits_for_ref(ref),
        }

    # ------------------------------------------------------------------- settings and reports

    def _get_configuration(self, payload: Payload) -> Answer:
        wanted = payload.get("key") or list(self.configuration)
        known = [key for key in wanted if key in self.configuration]
        return {
            "configuration_key": [
                {"key": key, "readonly": key in _READ_ONLY, "value": self.configuration[key]}
                for key in known
            ],
            "unknown_key": [key for key in wanted if key not in self.configuration],
        }

    def _change_configuration(self, payload: Payload) -> Answer:
        if payload["key"] not in self.configuration:
            return {"status": "NotSupported"}
        if payload["key"] in _READ_ONLY:
            return _REJECTED
        self.configuration[payload["key"]] = payload["value"]
        return _ACCEPTED

    def _get_variables(self, payload: Payload) -> Answer:
        results = []
        for wanted in payload["get_variable_data"]:
            name = wanted["variable"]["name"]
            result = {
                "attribute_status": "UnknownVariable",
                "component": wanted["component"],
                "variable": wanted["variable"],
            }
            if name in self.configuration:
                result |= {
                    "attribute_status": "Accepted",
                    "attribute_value": self.configuration[name],
                }
            results.append(result)
        return {"get_variable_result": results}

    def _set_variables(self, payload: Payload) -> Answer:
        results = []
        for wanted in payload["set_variable_data"]:
            name = wanted["variable"]["name"]
            status = "UnknownVariable"
            if name in self.configuration:
                status = "Rejected" if name in _READ_ONLY else "Accepted"
            if status == "Accepted":
                self.configuration[name] = wanted["attribute_value"]
            results.append(
                {
                    "attribute_status": status,
                    "component": wanted["component"],
                    "variable": wanted["variable"],
                }
            )
        return {"set_variable_result": results}

    def _report(self, payload: Payload) -> Answer:
        report = [
            {
                "component": {"name": "OCPPCommCtrlr"},
                "variable": {"name": name},
                "variableAttribute": [{"value": value}],
            }
            for name, value in self.configuration.items()
        ]

        async def send() -> None:
            await self._station.call(
                "NotifyReport",
                {
                    "requestId": payload["request_id"],
                    "generatedAt": moment_text(self._station.own_time()),
                    "seqNo": 0,
                    "reportData": report,
                },
            )

        self._station.later(send)
        return _ACCEPTED

    def _list_version(self, payload: Payload) -> Answer:
        return {"list_version" if self._is_16 else "version_number": self.local_list_version}

    def _send_local_list(self, payload: Payload) -> Answer:
        self.local_list_version = payload["list_version" if self._is_16 else "version_number"]
        return _ACCEPTED

    def _get_log(self, payload: Payload) -> Answer:
        async def send() -> None:
            for status in ("Uploading", "Uploaded"):
                await self._station.call(
                    "LogStatusNotification",
                    {"status": status, "requestId": payload["request_id"]},
                )

        self._station.later(send)
        return {"status": "Accepted", "filename": f"{self._station.identity}.log"}

    def _update_firmware(self, payload: Payload) -> Answer:
        about: dict[str, Any] = {}
        if not self._is_16:
            about["requestId"] = payload["request_id"]

        async def send() -> None:
            for status in ("Downloading", "Downloaded", "Installing", "Installed"):
                await self._station.call("FirmwareStatusNotification", {"status": status, **about})

        self._station.later(send)
        return {} if self._is_16 else _ACCEPTED

    # ------------------------------------------------------------------- finding things

    def _free_evse(self, evse_id: int | None) -> "Evse | None":
        for evse in self._station.evses.values():
            is_free = (
                evse.charging is None
                and evse.operative
                and evse.status in {Status.AVAILABLE, Status.PREPARING, Status.FINISHING}
            )
            if is_free and evse_id in {None, evse.spec.evse_id}:
                return evse
        return None

    def _evse_of(self, transaction: int | str) -> "Evse | None":
        for evse in self._station.evses.values():
            if evse.charging is not None and transaction in _names_of(evse.charging):
                return evse
        return None


_READ_ONLY = {"NumberOfConnectors", "SupportedFeatureProfiles"}
_TRIGGERS = {
    "BootNotification",
    "Heartbeat",
    "MeterValues",
    "StatusNotification",
    "TransactionEvent",
}


def _names_of(charging: Charging) -> set[int | str]:
    return {name for name in (charging.ref, charging.number) if name is not None}
