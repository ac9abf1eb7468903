"""A 2.0.1 station as the certification cases use it; what it is asked is answered as they say."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from csms.charging import Transaction
from csms.queue import Command, CommandState
from simulators.link import Reply
from tests.conformance.stations import Station
from tests.csms.asking import ask, becomes
from tests.csms.central import CARD, Central

TOKEN = {"idToken": CARD, "type": "ISO14443"}


def token(value: str) -> dict[str, str]:
    return {"idToken": value, "type": "ISO14443"}


def sample(wh: float, context: str, at: str, **more: Any) -> dict[str, Any]:
    """A meter value with the energy register."""
    return {"timestamp": at, "sampledValue": [{"value": wh, "context": context} | more]}


class ChargingStation(Station):
    """Speaks 2.0.1; every message comes a second after the one before."""

    def __init__(self, central: Central, identity: str) -> None:
        super().__init__(central, identity, "ocpp2.0.1")
        self.ref = ""
        self.seq_no = 0
        self.refuses: set[str] = set()
        """Actions that it answers with a CALLERROR."""
        self.echoes_variables = False
        """Whether a variable that it is asked for has its own name as its value."""
        central.guests.append(self)

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
        return super().answer(action, payload, message_id)

    async def close(self) -> None:
        await self.leave()

    def drop(self) -> None:
        if self.link is not None:
            self.link.cut()

    def now(self) -> str:
        self.central.clock.at += timedelta(seconds=1)
        return self.central.clock.now().isoformat().replace("+00:00", "Z")

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

    # ---------------------------------------------------------------------- it is asked

    async def asked_for(
        self, action: str, payload: Mapping[str, Any], answer: dict[str, Any] | None = None
    ) -> Command:
        """Let the operator ask it something that it answers like this, here in snake case."""
        self.answers[action] = {"status": "Accepted"} if answer is None else answer
        times = 1 + sum(name == action for name, _ in self.asked)
        command = await ask(self.central, self.identity, action, payload)
        await self.was_asked(action, times)
        return command

    async def becomes(self, command: Command, state: CommandState) -> Command:
        return await becomes(self.central, command, state)

    # ---------------------------------------------------------------- what became of it

    async def shown(self, evse: int = 1) -> str:
        [row] = await self.central.rows(
            "select original_status from connectors where station = :station and evse_id = :evse",
            station=self.identity,
            evse=evse,
        )
        return str(row["original_status"])

    async def transactions(self) -> list[Transaction]:
        return await self.central.transactions(self.identity)

    async def transaction(self) -> Transaction:
        return await self.central.only_transaction(self.identity)


async def booted(central: Central, **settings: Any) -> ChargingStation:
    """Return a station that has booted and reported its connector."""
    station = ChargingStation(central, await central.station(**settings))
    await station.connect()
    assert (await station.boot())["status"] == "Accepted"
    return station
