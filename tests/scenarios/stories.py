"""A whole small world for stories: the real program, its stations, its owners, and one clock.

The program runs in the test's own loop with listener, portal, deliveries and jobs on a database of
the test; stations are the simulators', over real sockets. Both go by one clock that stands still
until the story moves it.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, cast

import httpx
from sqlalchemy import text

from accounts import api_keys, directory
from accounts.directory import WHOLE, OrganisationFacts
from app.serve import Running, running
from billing import books, pricing
from billing.pricing import NewAssignment, place_from
from billing.statement_forms import statement_json
from billing.statements import Statement
from csms import administration, charging
from csms.administration import ConnectorSettings, EvseSettings, StationSettings, TokenSettings
from csms.charging import Transaction
from foundation.identifiers import OrganisationKey, TransactionId
from foundation.settings import Settings
from roaming import administration as partners
from roaming.administration import AgreementFacts
from simulators.book import Book
from simulators.clock import HandClock
from simulators.equipment import EvseSpec, Patience, StationSpec
from simulators.link import Opener, open_ocpp
from simulators.meter import Car, Quirk
from simulators.station import Station

T = TypeVar("T")

ROOT = OrganisationKey("root")
TOWN = OrganisationKey("town")
PROVIDER = "DE*EMP"
STAFF = "04AAAA01"
"""A token of the town's own people: internal at its stations."""
GUEST = "04BBBB02"
"""A token that the provider answers for: external."""

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
MORNING = datetime(2026, 10, 15, 8, tzinfo=UTC)
"""When stories begin unless they say otherwise."""
NOVEMBER = datetime(2026, 11, 2, 6, tzinfo=UTC)
"""When October is closed."""
DECEMBER = datetime(2026, 12, 2, 6, tzinfo=UTC)

DEADLINE_S = 20.0
"""How long a story waits for what must happen; a healthy machine needs milliseconds."""

PATIENCE = Patience(
    answer_timeout_s=DEADLINE_S, retry_pause_s=0, reconnect_min_s=0.01, reconnect_max_s=0.05
)


async def eventually(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until the answer is true, and return it; fails when it takes too long."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        answer = await ask()
        if answer:
            return answer
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.005)


def tariff(id_: str, per_kwh: str, **changes: Any) -> dict[str, Any]:
    """An OCPI tariff of so much per kWh, with 19 % VAT."""
    energy = {"type": "ENERGY", "price": Decimal(per_kwh), "vat": 19, "step_size": 1}
    return {"id": id_, "currency": "EUR", "elements": [{"price_components": [energy]}]} | changes


@dataclass
class Story:
    """The running program with everything that a story says to it."""

    program: Running
    clock: HandClock
    book: Book = field(default_factory=Book)
    stations: list[Station] = field(default_factory=list)

    # -------------------------------------------------------------------------- the world

    async def owner(self, key: str, **facts: Any) -> OrganisationKey:
        """Create an organisation; in Berlin, charging VAT, unless the facts say otherwise."""
        async with self.program.database.unit_of_work() as db:
            usual: OrganisationFacts = {
                "name": key.title(),
                "time_zone": "Europe/Berlin",
                "country": "DE",
                "language": "en",
                "tax_status": "standard",
            }
            known = await directory.create_organisation(
                db, key, cast("OrganisationFacts", {**usual, **facts}), now=self.clock.now()
            )
        return known.key

    async def provider(self, party_id: str = PROVIDER) -> None:
        async with self.program.database.unit_of_work() as db:
            await partners.create_provider(
                db, party_id, {"name": f"Provider {party_id}"}, now=self.clock.now()
            )

    async def token(self, value: str, **settings: Any) -> None:
        """Create or change a token, as of now."""
        async with self.program.database.unit_of_work() as db:
            await administration.set_id_tokens(
                db, [TokenSettings(id_token=value, **settings)], now=self.clock.now()
            )

    async def agreement(
        self, payee: OrganisationKey, *, valid_from: datetime = LONG_AGO, **terms: Any
    ) -> int:
        async with self.program.database.unit_of_work() as db:
            made = await partners.create_agreement(
                db,
                payee,
                cast("AgreementFacts", terms),
                valid_from=valid_from,
                now=self.clock.now(),
            )
        return made.agreement_id

    async def price(
        self,
        per_kwh: str,
        *,
        id_: str = "T1",
        scope: str = "organisation",
        place: str = ROOT,
        valid_from: datetime = LONG_AGO,
        **changes: Any,
    ) -> None:
        """Create a tariff of so much per kWh and assign it."""
        async with self.program.database.unit_of_work() as db:
            await pricing.create_tariff(
                db,
                tariff(id_, per_kwh, **changes),
                [NewAssignment(place_from(scope, place), valid_from)],
                organisation=None,
                now=self.clock.now(),
            )

    async def enter(
        self,
        identity: str,
        owner: OrganisationKey = TOWN,
        *,
        evses: int = 1,
        max_power_w: int = 22_000,
        time_zone: str = "Europe/Berlin",
        **settings: Any,
    ) -> None:
        """Create an accepted station without connecting it."""
        async with self.program.database.unit_of_work() as db:
            await administration.create_station(
                db,
                identity,
                owner,
                StationSettings(
                    evses=[
                        EvseSettings(
                            evse_id=number,
                            connectors=[
                                ConnectorSettings(connector_id=1, max_power_w=Decimal(max_power_w))
                            ],
                        )
                        for number in range(1, evses + 1)
                    ],
                    **settings,
                ),
                password=None,
                time_zone=time_zone,
                now=self.clock.now(),
            )

    def built(
        self,
        identity: str,
        version: str = "1.6",
        *,
        evses: int = 1,
        max_power_w: int = 22_000,
        register_wh: int = 1_000_000,
        quirks: frozenset[Quirk] = frozenset(),
        opener: Opener = open_ocpp,
        **changes: Any,
    ) -> Station:
        """Return a station of another implementation that nobody has connected yet."""
        spec = StationSpec(
            identity=identity,
            version=version,
            evses=tuple(
                EvseSpec(
                    evse_id=number,
                    max_power_w=max_power_w,
                    register_wh=register_wh,
                    quirks=quirks,
                )
                for number in range(1, evses + 1)
            ),
        )
        station = Station(
            spec,
            url=self.program.ocpp_url,
            clock=self.clock,
            book=self.book,
            opener=opener,
            patience=PATIENCE,
            **changes,
        )
        self.stations.append(station)
        return station

    async def station(
        self,
        identity: str = "CS-1",
        version: str = "1.6",
        *,
        owner: OrganisationKey = TOWN,
        evses: int = 1,
        max_power_w: int = 22_000,
        quirks: frozenset[Quirk] = frozenset(),
        **settings: Any,
    ) -> Station:
        """Create a station, connect it and boot it."""
        await self.enter(identity, owner, evses=evses, max_power_w=max_power_w, **settings)
        station = self.built(identity, version, evses=evses, max_power_w=max_power_w, quirks=quirks)
        await station.connect()
        assert (await station.boot()).status == "Accepted"
        await station.deliver()
        return station

    # ---------------------------------------------------------------------------- looking

    async def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        async with self.program.database.unit_of_work() as db:
            found = await db.execute(text(query), values)
            return [dict(row) for row in found.mappings()]

    async def transactions(self, station: str | None = None) -> list[Transaction]:
        """Return what the central system holds true, the first one first."""
        async with self.program.database.unit_of_work() as db:
            found = await charging.transactions(db, WHOLE, station=station, limit=10_000)
        return sorted(found, key=lambda each: each.transaction_id)

    async def settled(self) -> None:
        """Wait until every event has reached its readers; none of them may be parked."""

        async def none_waits() -> bool:
            found = await self.rows("select state, last_error from deliveries")
            assert all(row["state"] == "waiting" for row in found), found
            if found:
                self.program.house.deliveries.wake()
            return not found

        await eventually(none_waits)

    async def assert_ledger_balances(self) -> None:
        async with self.program.database.unit_of_work() as db:
            balances = await books.balances(db)
        assert sum(money.amount for each in balances.values() for money in each.values()) == 0

    # ---------------------------------------------------------------------------- closing

    async def statements(
        self, payee: OrganisationKey = TOWN, month: str = "2026-10", *, dry_run: bool = False
    ) -> list[Statement]:
        """Close a month as of now, and return the payee's statements."""
        async with self.program.database.unit_of_work() as db:
            return await self.program.house.closing.close(
                db, payee, month, now=self.clock.now(), dry_run=dry_run
            )

    async def close(
        self, payee: OrganisationKey = TOWN, month: str = "2026-10", *, dry_run: bool = False
    ) -> dict[str, Any]:
        """Close a month when everything has arrived, and return the one statement as JSON."""
        await self.settled()
        [statement] = await self.statements(payee, month, dry_run=dry_run)
        document = on_paper(statement)
        assert_adds_up(document)
        await self.assert_ledger_balances()
        return document

    @asynccontextmanager
    async def rest(self) -> AsyncIterator[httpx.AsyncClient]:
        """Give a client of the REST API, with an administrator's key."""
        async with self.program.database.unit_of_work() as db:
            _, key = await api_keys.create_api_key(
                db, role="administrator", name="story", now=self.clock.now()
            )
        async with httpx.AsyncClient(
            base_url=f"{self.program.portal_url}/api/v1",
            headers={"Authorization": f"Bearer {key}"},
            timeout=DEADLINE_S,
        ) as client:
            yield client

    async def release(self, number: str | int, reason: str, **more: Any) -> None:
        async with self.program.database.unit_of_work() as db:
            await self.program.house.closing.release(
                db,
                TransactionId(int(number)),
                reason=reason,
                by="person/1",
                now=self.clock.now(),
                **more,
            )

    async def void(self, number: str | int, reason: str) -> None:
        async with self.program.database.unit_of_work() as db:
            await self.program.house.closing.void(
                db, TransactionId(int(number)), reason=reason, by="person/1", now=self.clock.now()
            )


def on_paper(statement: Statement) -> dict[str, Any]:
    """Return the statement as its reader gets it: written and read as JSON."""
    document: dict[str, Any] = json.loads(json.dumps(statement_json(statement)))
    return document


def assert_adds_up(document: Mapping[str, Any]) -> None:
    """Check what holds on every statement: lines, totals, VAT and payout add up to the cent."""
    for name, total in document["totals"].items():
        lines = [line for line in document["lines"] if line["class"] == name]
        assert len(lines) == total["sessions"]
        for amount in ("net_amount", "payout_amount"):
            assert sum(Decimal(line[amount]) for line in lines) == Decimal(total[amount])
        assert sum(Decimal(str(line["energy_wh"])) for line in lines) == Decimal(
            str(total["energy_wh"])
        )
    payout = sum(Decimal(total["payout_amount"]) for total in document["totals"].values())
    assert payout == Decimal(document["payout_net"])
    vat = sum(Decimal(each["amount"]) for each in document["vat"])
    assert payout + vat == Decimal(document["payout_gross"])


# ------------------------------------------------------------------------------- charging


def car_that_takes(wh: int, duration: timedelta) -> Car:
    """Return a car that takes so much in that time, with steady power."""
    return Car(battery_wh=10_000_000, soc=0.1, max_power_w=wh / (duration / timedelta(hours=1)))


async def charge(
    station: Station,
    token: str,
    wh: int,
    *,
    duration: timedelta = timedelta(hours=1),
    evse_id: int = 1,
    readings: int = 0,
) -> None:
    """Charge so much in that time, then stop and leave; told at once if there is a line."""
    station.plug_in(evse_id, car_that_takes(wh, duration))
    station.begin(evse_id, token)
    await told(station)
    for _ in range(readings):
        await station.clock.pass_time(duration / (readings + 1))
        station.take_reading(evse_id)
        await told(station)
    await station.clock.pass_time(duration / (readings + 1))
    station.finish(evse_id)
    station.unplug(evse_id)
    await told(station)


async def told(station: Station) -> None:
    """Deliver what waits, if there is a line."""
    if station.is_connected:
        await station.deliver()


async def back(station: Station) -> None:
    """Come back after a time offline, and tell everything."""
    await station.connect()
    if not station.is_admitted:
        assert (await station.boot()).status == "Accepted"
    await station.deliver()
    assert station.waiting == 0


# ---------------------------------------------------------------------------- the program


@asynccontextmanager
async def story(
    database_url: str, data_dir: Path, *, begin: datetime = MORNING, **given: Any
) -> AsyncIterator[Story]:
    """Run the program on a migrated database, with an owner, a provider and their tokens.

    The town is in Berlin and charges VAT. There is no tariff, no agreement and no station yet.
    """
    settings = Settings.read(
        **{
            "database_url": database_url,
            "data_dir": data_dir,
            "ocpp_port": 0,
            "http_port": 0,
            "lanes": 2,
            "close_timeout_s": 2.0,
            "admin_email": "admin@example.org",
            "admin_password": "correct horse battery",
            **given,
        }
    )
    clock = HandClock(LONG_AGO)
    async with running(settings, clock, say=lambda _: None) as program:
        told_of = Story(program, clock)
        await told_of.owner(TOWN, name="Stadt Böblingen")
        await told_of.provider()
        await told_of.token(STAFF, organisation=TOWN)
        await told_of.token(GUEST, provider=PROVIDER)
        clock.move_to(begin)
        try:
            yield told_of
        finally:
            for station in told_of.stations:
                station.cut_link()
