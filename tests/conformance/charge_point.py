"""A 1.6 station as the certification cases use it."""

from typing import Any

from tests.conformance.case import Case
from tests.csms.central import CARD, Central


class ChargePoint(Case):
    """Speaks 1.6."""

    def __init__(self, central: Central, identity: str) -> None:
        super().__init__(central, identity, "ocpp1.6")

    # ------------------------------------------------------------------------- it says

    async def heartbeat(self) -> str:
        self.now()
        return str((await self.call("Heartbeat", {}))["currentTime"])

    async def status(self, *words: str, connector: int = 1, error: str = "NoError") -> None:
        """Report states of a connector, one after the other."""
        for word in words:
            said = {
                "connectorId": connector,
                "errorCode": error,
                "status": word,
                "timestamp": self.now(),
            }
            assert await self.call("StatusNotification", said) == {}

    async def authorize(self, tag: str = CARD) -> dict[str, Any]:
        self.now()
        return dict((await self.call("Authorize", {"idTag": tag}))["idTagInfo"])

    async def start(
        self, tag: str = CARD, wh: int = 1000, *, connector: int = 1, **more: Any
    ) -> tuple[int, str]:
        """Start a transaction; return its number, and what is said of the tag."""
        said = {
            "connectorId": connector,
            "idTag": tag,
            "meterStart": wh,
            "timestamp": self.now(),
        } | more
        answer = await self.call("StartTransaction", said)
        return answer["transactionId"], answer["idTagInfo"]["status"]

    async def measure(self, number: int, wh: int, *, connector: int = 1) -> None:
        value = {"timestamp": self.now(), "sampledValue": [{"value": str(wh)}]}
        said = {"connectorId": connector, "transactionId": number, "meterValue": [value]}
        assert await self.call("MeterValues", said) == {}

    async def stop(self, number: int, wh: int = 5000, **more: Any) -> dict[str, Any]:
        said = {"transactionId": number, "meterStop": wh, "timestamp": self.now()} | more
        return await self.call("StopTransaction", said)

    async def charging(self, tag: str = CARD) -> int:
        """Come to where it charges: plugged in, authorised, started; return the number."""
        await self.status("Preparing")
        assert (await self.authorize(tag))["status"] == "Accepted"
        number, status = await self.start(tag)
        assert status == "Accepted"
        await self.status("Charging")
        return number


async def booted(central: Central, **settings: Any) -> ChargePoint:
    """Return a station that has booted and reported its connector."""
    identity = await central.station(**settings)
    station = ChargePoint(central, identity)
    await station.connect()
    assert (await station.boot())["status"] == "Accepted"
    return station
