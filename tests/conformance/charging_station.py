"""A 2.0.1 station as the certification cases use it."""

from collections.abc import Mapping
from typing import Any

from simulators.link import Reply
from tests.conformance.case import Case
from tests.csms.central import CARD, Central

TOKEN = {"idToken": CARD, "type": "ISO14443"}


def token(value: str) -> dict[str, str]:
    return {"idToken": value, "type": "ISO14443"}


def sample(wh: float, context: str, at: str, **more: Any) -> dict[str, Any]:
    """A meter value with the energy register."""
    return {"timestamp": at, "sampledValue": [{"value": wh, "context": context} | more]}


class ChargingStation(Case):
    """Speaks 2.0.1."""

    def __init__(self, central: Central, identity: str) -> None:
        super().__init__(central, identity, "ocpp2.0.1")
        self.ref = ""
        self.seq_no = 0
        self.refuses: set[str] = set()
        """Actions that it answers with a CALLERROR."""
        self.echoes_variables = False
        """Whether a variable that it is asked for has its own name as its value."""

        self.clears_monitors = False
        """Whether it clears each monitor that it is told to."""

    def answer(self, action: str, payload: Mapping[str, Any], message_id: str) -> Reply:
        if action in self.refuses:
            self.asked.append((action, dict(payload)))
            return Reply(None)
        if action == "GetVariables" and self.echoes_variables:
            self.asked.append((action, dict(payload)))
            results = [
                each | {"attribute_status": "Accepted", "attribute_value": each["variable"]["name"]}
                for each in payload["get_variable_data"]
            ]
            return Reply({"get_variable_result": results})
        if action == "ClearVariableMonitoring" and self.clears_monitors:
            self.asked.append((action, dict(payload)))
            results = [{"id": each, "status": "Accepted"} for each in payload["id"]]
            return Reply({"clear_monitoring_result": results})
        return super().answer(action, payload, message_id)

    # ------------------------------------------------------------------------- it says

    async def boot_alone(self) -> dict[str, Any]:
        """Boot without a word about connectors."""
        station = {"vendorName": "Test", "model": "Case"}
        said = {"reason": "PowerUp", "chargingStation": station}
        return await self.call("BootNotification", said)

    async def status(self, word: str, evse: int = 1, connector: int = 1) -> None:
        said = {
            "timestamp": self.now(),
            "connectorStatus": word,
            "evseId": evse,
            "connectorId": connector,
        }
        assert await self.call("StatusNotification", said) == {}

    async def authorize(self, value: str = CARD) -> dict[str, Any]:
        self.now()
        return dict((await self.call("Authorize", {"idToken": token(value)}))["idTokenInfo"])

    async def event(
        self, kind: str, trigger: str, state: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """Tell of a transaction: a new one with Started; numbers and moments go on by themselves.

        `evse` is 1 unless it is None; what belongs into transactionInfo is put there.
        """
        at = more.pop("timestamp", None) or self.now()
        if kind == "Started":
            self.ref, self.seq_no = f"{self.identity}-{at}", 0
        info: dict[str, Any] = {"transactionId": more.pop("ref", self.ref)}
        if state is not None:
            info["chargingState"] = state
        for name in ("stoppedReason", "remoteStartId"):
            if name in more:
                info[name] = more.pop(name)
        evse = more.pop("evse", 1)
        said: dict[str, Any] = {
            "eventType": kind,
            "timestamp": at,
            "triggerReason": trigger,
            "seqNo": more.pop("seqNo", self.seq_no),
            "transactionInfo": info,
        } | more
        if evse is not None:
            said["evse"] = {"id": evse, "connectorId": 1}
        self.seq_no += 1
        return await self.call("TransactionEvent", said)

    async def begin(self, value: str = CARD, wh: float = 1000, **more: Any) -> dict[str, Any]:
        """Come to where it charges: authorised and plugged in, with its first reading."""
        reading = sample(wh, "Transaction.Begin", self.now())
        usual: dict[str, Any] = {"idToken": token(value), "meterValue": [reading]}
        return await self.event("Started", "Authorized", "Charging", **(usual | more))

    async def end(
        self, trigger: str = "StopAuthorized", wh: float = 5000, **more: Any
    ) -> dict[str, Any]:
        reading = sample(wh, "Transaction.End", self.now())
        usual: dict[str, Any] = {"stoppedReason": "Local", "meterValue": [reading]}
        return await self.event("Ended", trigger, **(usual | more))


async def booted(central: Central, **settings: Any) -> ChargingStation:
    """Return a station that has booted and reported its connector."""
    station = ChargingStation(central, await central.station(**settings))
    await station.connect()
    assert (await station.boot())["status"] == "Accepted"
    return station
