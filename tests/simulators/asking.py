"""A station that lives by itself against the tiny central system, and a way to ask it."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from simulators.book import Book
from simulators.clock import HandClock
from simulators.equipment import EvseSpec, Patience, StationSpec
from simulators.link import Opener, open_ocpp
from simulators.manners import Failing, Manners
from simulators.meter import Car
from simulators.station import Station
from tests.simulators.csms import TinyCsms, until

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)


class At:
    """The station CS-1 with two EVSEs, while the context lasts."""

    def __init__(
        self,
        csms: TinyCsms,
        version: str,
        *,
        opener: Opener = open_ocpp,
        late_s: float = 0.01,
        **failings: Failing,
    ) -> None:
        self.csms = csms
        self.station = Station(
            StationSpec(
                identity="CS-1",
                version=version,
                evses=(EvseSpec(evse_id=1), EvseSpec(evse_id=2)),
            ),
            url=csms.url,
            clock=HandClock(NOON),
            book=Book(),
            opener=opener,
            patience=Patience(answer_timeout_s=1, reconnect_min_s=0.01),
            manners=Manners(dict(failings), late_s=late_s),
        )

    async def __aenter__(self) -> "At":
        self._living = asyncio.get_running_loop().create_task(self.station.run())
        await until(lambda: len(self.csms.calls("StatusNotification")) == 2)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.station.leave()
        await self._living
        assert self.csms.problems == []

    async def ask(self, action: str, payload: dict[str, Any] | None = None) -> dict[str, Any]:
        return await self.csms.command("CS-1", action, payload or {})

    def charge(self, evse_id: int = 1) -> None:
        self.station.plug_in(evse_id, Car(60_000, 0.2, 11_000))
        self.station.begin(evse_id, "04A1")

    async def heard(self, action: str, count: int = 1) -> list[dict[str, Any]]:
        await until(lambda: len(self.csms.calls(action)) >= count)
        return self.csms.calls(action)

    @property
    def done(self) -> list[str]:
        """What was carried out, by the station's book."""
        return [command["did"] for command in self.station.book.commands]
