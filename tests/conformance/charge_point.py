"""A 1.6 station as the certification cases use it, and what an operator asks of it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from csms.charging import Transaction
from csms.queue import Command, CommandState
from tests.conformance.stations import Station
from tests.csms.asking import ask, becomes
from tests.csms.central import CARD, Central


class ChargePoint(Station):
    """Speaks 1.6; every message comes a second after the one before."""

    def __init__(self, central: Central, identity: str) -> None:
        super().__init__(central, identity)
        central.guests.append(self)

    async def close(self) -> None:
        await self.leave()

    def drop(self) -> None:
        if self.link is not None:
            self.link.cut()

    def _now(self) -> str:
        self.central.clock.at += timedelta(seconds=1)
        return self.central.clock.now().isoformat().replace("+00:00", "Z")

    # ------------------------------------------------------------------------- it says

    async def heartbeat(self) -> str:
        self._now()
        return str((await self.call("Heartbeat", {}))["currentTime"])

    async def status(self, *words: str, connector: int = 1, error: str = "NoError") -> None:
        """Report states of a connector, one after the other."""
        for word in words:
            said = {
                "connectorId": connector,
                "errorCode": error,
                "status": word,
                "timestamp": self._now(),
            }
            assert await self.call("StatusNotification", said) == {}

    async def authorize(self, tag: str = CARD) -> dict[str, Any]:
        self._now()
        return dict((await self.call("Authorize", {"idTag": tag}))["idTagInfo"])

    async def start(
        self, tag: str = CARD, wh: int = 1000, *, connector: int = 1, **more: Any
    ) -> tuple[int, str]:
        """Start a transaction; return its number, and what is said of the tag."""
        said = {
            "connectorId": connector,
            "idTag": tag,
            "meterStart": wh,
            "timestamp": self._now(),
        } | more
        answer = await self.call("StartTransaction", said)
        return answer["transactionId"], answer["idTagInfo"]["status"]

    async def measure(self, number: int, wh: int, *, connector: int = 1) -> None:
        value = {"timestamp": self._now(), "sampledValue": [{"value": str(wh)}]}
        said = {"connectorId": connector, "transactionId": number, "meterValue": [value]}
        assert await self.call("MeterValues", said) == {}

    async def stop(self, number: int, wh: int = 5000, **more: Any) -> dict[str, Any]:
        said = {"transactionId": number, "meterStop": wh, "timestamp": self._now()} | more
        return await self.call("StopTransaction", said)

    async def charging(self, tag: str = CARD) -> int:
        """Come to where it charges: plugged in, authorised, started; return the number."""
        await self.status("Preparing")
        assert (await self.authorize(tag))["status"] == "Accepted"
        number, status = await self.start(tag)
        assert status == "Accepted"
        await self.status("Charging")
        return number

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

    async def shown(self, connector: int = 1) -> str:
        """What people see of a connector."""
        [row] = await self.central.rows(
            "select original_status from connectors where station = :station"
            " and evse_id = :connector",
            station=self.identity,
            connector=connector,
        )
        return str(row["original_status"])

    async def transactions(self) -> list[Transaction]:
        return await self.central.transactions(self.identity)

    async def transaction(self) -> Transaction:
        return await self.central.only_transaction(self.identity)


async def booted(central: Central, **settings: Any) -> ChargePoint:
    """Return a station that has booted and reported its connector."""
    identity = await central.station(**settings)
    station = ChargePoint(central, identity)
    await station.connect()
    assert (await station.boot())["status"] == "Accepted"
    return station
