"""What tests of first aid share: a station in a package, an alert, and commands that end."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from accounts.directory import WHOLE
from alerts import alerting, monitoring, raising
from alerts.detections import Detection
from billing import service_packages
from csms import outcomes
from csms.queue import Command
from csms.whereabouts import Registered
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import StationId
from support import first_aid_store, first_aiding
from support.first_aid import Playbook, Run, Step
from support.maintenance_store import Windows
from tests.alerts.watch import finding
from tests.billing.test_packages import GOLD
from tests.portal.api.test_commands import connect
from tests.support.conftest import HELEN, N1, NORTH, OPERATOR, fill

MINUTE = timedelta(minutes=1)
LOCK: dict[str, Any] = {
    "detection": Detection.FAULT,
    "cause": "ConnectorLockFailure",
    "evse_id": 1,
    "connector_id": 1,
}

SESSION = """
insert into transactions (id, station, ref, generation, version, evse_id, connector_id, state,
  revision, owner, time_zone, free_vend, station_waiting, start_seen, offline, started_at,
  start_reported_at, start_received_at, clock_wrong, doubts, conflicting_ends)
values (1, 'N-1', '1|a', 0, 'ocpp1.6', 1, 1, 'active', 1, 'north', 'Europe/Berlin', false, false,
  true, false, :at, :at, :at, false, '{}', 0)
"""


@dataclass(frozen=True)
class Aid:
    """A station N-1 of north, whose lock fails now and then."""

    database: Database
    clock: SetClock

    async def furnish(self, *, in_package: bool = True, is_monitored: bool = True) -> None:
        """Connect the station, monitor it, and give it a package with first aid."""
        raising.join_sites(self.database, Registered())
        raising.join_silences(self.database, Windows())
        now = self.clock.now()
        async with self.database.unit_of_work() as db:
            await db.execute(text("update stations set ocpp_version = 'ocpp1.6', vendor = 'ACME'"))
            gold = replace(GOLD, valid_from=now)
            await service_packages.define(db, gold, by="person/1", now=now)
            if in_package:
                await service_packages.assign(
                    db,
                    "station",
                    N1,
                    GOLD.key,
                    organisation=NORTH,
                    valid_from=None,
                    by="person/1",
                    now=now,
                )
        if is_monitored:
            await self.monitor()
        await connect(self.database, N1)

    async def monitor(self, *, is_on: bool = True) -> None:
        """Switch the station's monitoring on or off."""
        now, station = self.clock.now(), StationId(N1)
        async with self.database.unit_of_work() as db:
            if is_on:
                await monitoring.switch_on(db, station, NORTH, by=HELEN, per_month=None, now=now)
            else:
                await monitoring.switch_off(db, station, by=HELEN, now=now)

    async def playbook(self, **said: Any) -> Playbook:
        """Write one of the operator's, which is on."""
        facts: dict[str, Any] = {
            "organisation": OPERATOR,
            "name": "Locks",
            "detection": Detection.FAULT,
            "steps": (Step.UNLOCK, Step.SOFT_RESET, Step.HARD_RESET),
            "per_day": 3,
            "is_on": True,
        }
        async with self.database.unit_of_work() as db:
            return await first_aid_store.put(
                db, Playbook(**(facts | said)), by=HELEN, now=self.clock.now()
            )

    async def fault(self, *, is_present: bool = True) -> int | None:
        """Report that the lock fails, or no longer; return the open alert."""
        now = self.clock.now()
        async with self.database.unit_of_work() as db:
            await raising.report(db, [finding(N1, at=now, is_present=is_present, **LOCK)], now=now)
        async with self.database.unit_of_work() as db:
            found = await alerting.alerts(db, WHOLE, alerting.OPEN)
            for each in found:
                await first_aiding.begin(db, each.alert.id, now=now)
        return found[0].alert.id if found else None

    async def minutes(self, number: int) -> None:
        """Let time pass; first aid comes round at its end."""
        self.clock.advance(number * MINUTE)
        await self.look()

    async def look(self) -> None:
        """Let first aid come round."""
        await first_aiding.look_after(self.database, self.clock)

    async def asked(self) -> list[Command]:
        """What was asked of the station, in order."""
        async with self.database.unit_of_work() as db:
            return list(reversed(await outcomes.commands(db, WHOLE, station=N1)))

    async def settle(self, state: str, failure: str | None = None) -> None:
        """Let all that was asked end."""
        async with self.database.unit_of_work() as db:
            await db.execute(
                text(
                    "update commands set state = :state, failure = :failure where state = 'queued'"
                ),
                {"state": state, "failure": failure},
            )

    async def settle_alerts(self, *, hours: int = 1) -> None:
        """Let time pass until what is gone counts as over."""
        self.clock.advance(timedelta(hours=hours))
        async with self.database.unit_of_work() as db:
            await raising.settle(db, now=self.clock.now())

    async def charging(self, *, is_running: bool) -> None:
        """Begin a session at the station, or end it."""
        if is_running:
            await self.execute(SESSION, at=self.clock.now())
        else:
            await self.execute("update transactions set state = 'ended'")

    async def trail(self) -> Run:
        """What was done so far for the newest alert."""
        async with self.database.unit_of_work() as db:
            return (await first_aid_store.runs_of(db, WHOLE))[0]

    async def execute(self, statement: str, **values: Any) -> None:
        """Change what is in the database."""
        async with self.database.unit_of_work() as db:
            await db.execute(text(statement), values)


async def aid(
    database: Database, clock: SetClock, *, in_package: bool = True, is_monitored: bool = True
) -> Aid:
    """Make the station, connected and monitored, in a package that gives first aid."""
    made = Aid(database, clock)
    now = clock.now()
    async with database.unit_of_work() as db:
        await fill(db, now)
    await made.furnish(in_package=in_package, is_monitored=is_monitored)
    return made
