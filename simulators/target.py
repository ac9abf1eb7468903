"""What a scenario is played against: a central system, one station's identity, a clock, a book."""

import random
from dataclasses import dataclass, field
from datetime import timedelta

from simulators.book import Book
from simulators.clock import Clock, HandClock, RealClock
from simulators.equipment import EvseSpec, Patience, StationSpec
from simulators.link import Address, Answerer, Link, open_ocpp
from simulators.meter import Car, Quirk
from simulators.station import Station


class NotAdmitted(Exception):
    """The central system knows the station, but does not let it work."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Everything that a scenario needs.

    With a `RealClock`, `pace` real seconds stand for one second of the story, and the energy is
    what flows in that real time; with a clock that is moved by hand, the story takes no time.
    """

    url: str
    identity: str = "SIM-STORY"
    version: str = "1.6"
    password: str | None = field(default=None, repr=False)
    id_token: str = "SIM00001"  # noqa: S105 - no secret
    clock: Clock = field(default_factory=lambda: RealClock(pace=1 / 3600))
    book: Book = field(default_factory=Book)
    seed: int = 1
    stations: int = 100
    validate: bool = True
    answer_timeout_s: float = 10.0
    allow_remote: bool = False

    def station(
        self,
        *,
        clock: Clock | None = None,
        quirks: frozenset[Quirk] = frozenset(),
        evses: int = 2,
    ) -> Station:
        """Return a fresh station with the target's identity."""
        return Station(
            StationSpec(
                identity=self.identity,
                version=self.version,
                password=self.password,
                evses=tuple(
                    EvseSpec(evse_id=evse_id, register_wh=2_000_000 * evse_id, quirks=quirks)
                    for evse_id in range(1, evses + 1)
                ),
            ),
            url=self.url,
            clock=clock or self.clock,
            book=self.book,
            opener=self._open,
            patience=Patience(answer_timeout_s=self.answer_timeout_s, retry_pause_s=0.1),
            rng=random.Random(self.seed),
        )

    async def _open(self, address: Address, answerer: Answerer) -> Link:
        return await open_ocpp(address, answerer, validate=self.validate)

    def past(self, how_long: timedelta) -> HandClock:
        """Return a clock that begins so long ago: for what happened before anybody listened."""
        return HandClock(self.clock.now() - how_long)

    def token(self, number: int) -> str:
        """Return the n-th id token (from 0) of those that may charge."""
        digits = len(self.id_token) - len(self.id_token.rstrip("0123456789"))
        if digits == 0:
            return self.id_token
        stem = self.id_token[:-digits]
        return f"{stem}{int(self.id_token[-digits:]) + number:0{digits}d}"


def a_car(soc: float = 0.2) -> Car:
    """Return an ordinary car: 60 kWh, 11 kW."""
    return Car(battery_wh=60_000, soc=soc, max_power_w=11_000)


async def come_up(station: Station) -> None:
    """Connect, boot, and tell what waits.

    Raises:
        NotAdmitted: If the boot is not accepted.
        LinkLost, NoAnswer, CallRefused, BadAnswer: If it does not even get so far.
    """
    await station.connect()
    if not station.is_admitted:
        answer = await station.boot()
        if answer.status != "Accepted":
            raise NotAdmitted(f"{station.identity}: the boot was answered {answer.status}")
    await station.deliver()


async def charge(
    station: Station, evse_id: int, id_token: str, hours: float, *, remark: str | None = None
) -> None:
    """Plug in, charge with a reading every quarter of an hour, stop, unplug; tell if possible."""
    station.plug_in(evse_id, a_car())
    station.begin(evse_id, id_token, remark=remark)
    await tell(station)
    await go_on_charging(station, evse_id, hours)
    if station.evses[evse_id].is_charging:
        # It may have been ended meanwhile: a bad token, a remote stop.
        station.finish(evse_id)
    await tell(station)
    station.unplug(evse_id)
    await tell(station)


async def go_on_charging(station: Station, evse_id: int, hours: float) -> None:
    """Let the time pass, with a reading at every quarter of an hour."""
    for _ in range(round(hours * 4)):
        await station.clock.pass_time(timedelta(minutes=15))
        if station.evses[evse_id].is_charging:
            station.take_reading(evse_id)
        await tell(station)


async def tell(station: Station) -> None:
    """Deliver what waits, if there is a line."""
    if station.is_connected:
        await station.deliver()
