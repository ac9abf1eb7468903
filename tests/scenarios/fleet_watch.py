"""A planned fleet put before the program: reports at the handlers, rounds of its watches, kills.

Time goes in steps to the next minute at which something is due; at all others the rounds would
find nothing. What stations say in between is written in batches before anybody looks: so are
sessions, most of what is said, since charging is looked at every quarter of an hour and by nobody
else.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.audit import Actor
from accounts.directory import OrganisationFacts, Person
from alerts import alerting, failing_rounds, handlers, noticing, raising, recipients
from alerts.channels.way import Message
from alerts.notices import Channel
from alerts.noticing import Notices
from alerts.recipients import Rules, Wish
from app.compose import open_database, prepare_root
from billing import credit_store
from csms import administration, silence, store
from csms.administration import (
    ConnectorSettings,
    EvseSettings,
    LocationSettings,
    StationSettings,
    TokenSettings,
)
from csms.connectivity import SilenceLimits
from csms.handlers.availability import statuses_reported
from csms.handlers.context import CostPace, HandlerContext
from csms.handlers.ending import transactions_ended
from csms.handlers.security import security_events_reported
from csms.handlers.transactions import transactions_started
from csms.reports import (
    ConnectorStatus,
    OcppVersion,
    Origin,
    SecurityEventReport,
    StatusReport,
    TransactionEndReport,
    TransactionStartReport,
)
from csms.store import Closed, Opened
from foundation import outbox
from foundation.clock import SetClock
from foundation.database import Database, driver
from foundation.events import AlertChanged
from foundation.identifiers import ConnectorId, EvseId, IdToken, OrganisationKey, StationId
from foundation.jobs import Attempt, Jobs
from foundation.mail import Mails
from foundation.outbox import Subscription
from foundation.sealing import Sealer
from foundation.settings import Settings
from support import maintenance_store
from support.maintenance import Plan
from tests.scenarios.fleet import (
    BEGIN,
    DAY,
    HOUR,
    MINUTE,
    Fleet,
    Happening,
    Look,
    Security,
    Session,
    Socket,
    Status,
    Voice,
    Work,
)

PING_FOR: Final = MINUTE
SWEEP: Final = 6 * HOUR
"""So often everything looks round although nothing seems to be due."""
KEEN: Final = 10
"""How much likelier a kill is where something would be lost."""
PENDING_AFTER: Final = SilenceLimits().pending_after
HELEN: Final = Actor("person/1", "Helen", "portal", None)
ROUTES: Final = {
    **dict.fromkeys(handlers.watch(SetClock(BEGIN)).kinds, (handlers.WATCH,)),
    AlertChanged.kind: (noticing.READER,),
}
"""The readers between a finding and a message; the others are not asked here."""


_DUE: Final = text("""
select (select min(calm_until) from alert_faults where over_at is null),
    (select min(due_at) from alert_notices where state = 'waiting'),
    (select min(due_at) from deliveries where state = 'waiting'),
    (select count(*) from alert_faults where over_at is null and alert is null),
    (select count(*) from station_probes where ended_at is null),
    (select array_agg(station) from station_connections where silence = 'offline')
""")
_ASKED: Final = text(
    "select station from station_probes where ended_at is null and read_at is not null"
)


class Killed(BaseException):
    """The process ends here and now: nobody may catch it."""


@dataclass
class Fate:
    """Decides, from a seed, at which places the process is killed."""

    dice: random.Random
    chance: float = 0.0
    deaths: Counter[str] = field(default_factory=Counter)

    def strike(self, place: str, *, keenness: int = 1) -> None:
        """Kill, or do not."""
        if self.chance and self.dice.random() < self.chance * keenness:
            self.deaths[place] += 1
            raise Killed(place)


class Mortal(Database):
    """A database whose units of work may be killed before they commit, or right after."""

    def __init__(self, url: str, fate: Fate) -> None:
        super().__init__(url, routes=ROUTES, pool_size=5)
        self._fate = fate

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[AsyncSession]:
        """Open one; death is keener where something was written: there is something to lose."""
        keenness = 1
        async with super().unit_of_work() as db:
            yield db
            found = await (await driver(db)).execute("select pg_current_xact_id_if_assigned()")
            if await found.fetchone() != (None,):
                keenness = KEEN
            self._fate.strike("before the commit", keenness=keenness)
        self._fate.strike("after the commit", keenness=keenness)


@dataclass
class Telephones:
    """The other side of the SMS gateway: it knows a message again by its id."""

    clock: SetClock
    fate: Fate
    came: dict[str, tuple[Message, datetime]] = field(default_factory=dict)
    tries: int = 0

    async def hand_over(self, message: Message) -> None:
        """Take a message; the process may be killed before it hears that."""
        self.fate.strike("before the hand-over", keenness=KEEN)
        self.tries += 1
        self.came.setdefault(message.id, (message, self.clock.now()))
        self.fate.strike("after the hand-over", keenness=KEEN)


@dataclass(slots=True)
class Station:
    """What a station is doing."""

    identity: StationId
    every: timedelta
    first: datetime
    epoch: int = 0
    is_connected: bool = True
    speaks: bool = True
    answers: bool = True
    spoke_at: datetime = BEGIN
    """Its newest message that is known, or since when it speaks again."""

    def heard_at(self, now: datetime) -> datetime:
        """Return when it said something last."""
        if self.is_connected and self.speaks:
            beats = (now - self.first) // self.every
            self.spoke_at = max(self.spoke_at, self.first + beats * self.every)
        return self.spoke_at

    def heard(self, now: datetime) -> tuple[str, int, datetime]:
        """Return when it was last heard, as the process that holds its socket writes it."""
        return self.identity, self.epoch, self.heard_at(now)


@dataclass
class Watched:
    """A fleet before the program, from beginning to end."""

    fleet: Fleet
    database: Mortal
    clock: SetClock
    fate: Fate
    telephones: Telephones
    notices: Notices
    readers: tuple[Subscription, ...]
    stations: dict[str, Station]
    context: HandlerContext
    owners: list[OrganisationKey]
    told_offline: set[str] = field(default_factory=set)
    look_at: datetime = BEGIN
    settle_at: datetime = BEGIN
    notice_at: datetime = BEGIN
    bought: Counter[str] = field(default_factory=Counter)

    # --------------------------------------------------------------------------- how time goes

    async def live(self) -> None:
        """Let all that is planned happen."""
        waiting = self.fleet.happenings[::-1]
        waking = [each.at for each in waiting if not isinstance(each, Session)]
        at, swept = self.clock.now(), self.clock.now()
        while True:
            planned = waking[-1] if waking else None
            at = self._minute(await self._next(planned, swept + SWEEP), after=at)
            if at > self.fleet.end:
                return
            self.clock.at = at
            now_happening = []
            while waiting and waiting[-1].at <= at:
                now_happening.append(waiting.pop())
            while waking and waking[-1] <= at:
                waking.pop()
            await self.happen(now_happening)
            is_sweep = at >= swept + SWEEP
            await self._rounds(is_sweep=is_sweep)
            if is_sweep:
                swept = at

    def _minute(self, moment: datetime, *, after: datetime) -> datetime:
        """Return the first full minute from a moment on, after the last one."""
        full = moment.replace(second=0, microsecond=0)
        return max(full if full == moment else full + MINUTE, after + MINUTE)

    async def _next(self, planned: datetime | None, sweep: datetime) -> datetime:
        """Return the earliest moment at which something is due."""
        now = self.clock.now()
        async with Database.unit_of_work(self.database) as db:
            row = (await db.execute(_DUE)).one()
        calm_until, notice_at, event_at, untold, probes, offline = row
        self.told_offline = set(offline or ())
        looks = [now + MINUTE] if probes else []
        for each in self.stations.values():
            if each.is_connected and each.speaks:
                if each.identity in self.told_offline:
                    looks.append(now + MINUTE)
            elif each.identity not in self.told_offline:
                looks.append(max(each.spoke_at + HOUR, now) + timedelta(seconds=1))
            elif (lost_again := each.spoke_at + PENDING_AFTER) > now:
                looks.append(lost_again + timedelta(seconds=1))
        self.look_at = min(looks, default=sweep)
        self.settle_at = now if untold else calm_until or sweep
        self.notice_at = notice_at or sweep
        known: list[datetime | None] = [calm_until, event_at, planned]
        due = [each for each in known if each is not None]
        return min(sweep, self.look_at, self.notice_at, *due)

    async def _survive(self, work: Callable[[], Awaitable[Any]]) -> None:
        """Do something, in a new process as often as one was killed over it."""
        while True:
            try:
                await work()
            except Killed:
                continue
            return

    # ------------------------------------------------------------------------- what is reported

    async def happen(self, happenings: Sequence[Happening]) -> None:
        """Put what stations say at the handlers: a batch for each kind, in the order of time."""
        batch: list[Happening] = []
        for each in happenings:
            same = [one for one in batch if one.station == each.station]
            if batch and (type(batch[0]) is not type(each) or same):
                await self._put(batch)
                batch = []
            batch.append(each)
        if batch:
            await self._put(batch)

    async def _put(self, batch: Sequence[Any]) -> None:
        first = batch[0]
        if isinstance(first, Look):
            return
        if isinstance(first, Voice):
            for each in batch:
                self._speak(each)
            return
        if isinstance(first, Socket):
            await self._sockets(batch)
            return
        puts: dict[type, Callable[[Sequence[Any]], Awaitable[None]]] = {
            Status: self._statuses,
            Security: self._security,
            Work: self._work,
            Session: self._sessions,
        }
        await self._survive(lambda: puts[type(first)](batch))

    def _origin(self, said: Any, action: str) -> Origin:
        station = self.stations[said.station]
        return Origin(
            station=station.identity,
            version=OcppVersion.V201,
            epoch=station.epoch,
            received_at=said.at,
            message_id="m",
            action=action,
            raw="[]",
        )

    async def _statuses(self, said: Sequence[Status]) -> None:
        async with self.database.unit_of_work() as db:
            reports = [
                StatusReport(
                    origin=self._origin(each, "StatusNotification"),
                    evse_id=EvseId(1),
                    connector_id=ConnectorId(1),
                    status=ConnectorStatus(each.status),
                    charging_state=None,
                    original_status=each.status,
                    reported_at=each.at,
                    error_code=each.error,
                )
                for each in said
            ]
            await statuses_reported(db, self.context, reports)

    async def _security(self, said: Sequence[Security]) -> None:
        async with self.database.unit_of_work() as db:
            reports = [
                SecurityEventReport(
                    origin=self._origin(each, "SecurityEventNotification"),
                    type=each.type,
                    at=each.at,
                    tech_info=None,
                )
                for each in said
            ]
            await security_events_reported(db, self.context, reports)

    async def _sessions(self, said: Sequence[Session]) -> None:
        common: dict[str, Any] = {
            "number": None,
            "evse_id": EvseId(1),
            "connector_id": ConnectorId(1),
            "readings": (),
            "offline": False,
            "trigger": None,
            "charging_state": None,
        }
        async with self.database.unit_of_work() as db:
            begun = [
                TransactionStartReport(
                    origin=self._origin(each, "TransactionEvent"),
                    ref=f"T{each.began.isoformat()}",
                    at=each.began,
                    seq_no=0,
                    id_token=IdToken(each.token),
                    meter_start_wh=Decimal(1000),
                    remote_start_id=None,
                    reservation_id=None,
                    **common,
                )
                for each in said
            ]
            await transactions_started(db, self.context, begun)
        async with self.database.unit_of_work() as db:
            ended = [
                TransactionEndReport(
                    origin=self._origin(each, "TransactionEvent"),
                    ref=f"T{each.began.isoformat()}",
                    at=each.at,
                    seq_no=1,
                    id_token=None,
                    meter_stop_wh=Decimal(1000 + each.energy_wh),
                    reason="Local",
                    **common,
                )
                for each in said
            ]
            await transactions_ended(db, self.context, ended)

    async def _work(self, said: Sequence[Work]) -> None:
        async with Database.unit_of_work(self.database) as db:
            for each in said:
                station = self.stations[each.station]
                plan = Plan(starts_at=self.clock.now(), ends_at=each.until)
                await maintenance_store.plan_window(
                    db,
                    station.identity,
                    self.owners[self.fleet.owner(each.station)],
                    plan,
                    evses=(1,),
                    by=HELEN,
                    now=self.clock.now(),
                )

    def _speak(self, said: Voice) -> None:
        station = self.stations[said.station]
        station.heard_at(said.at)
        station.answers = said.answers
        if said.speaks:
            station.spoke_at = said.at
        station.speaks = said.speaks

    async def _sockets(self, said: Sequence[Socket]) -> None:
        opened = [each for each in said if each.is_open]
        closed = [
            Closed(StationId(each.station), self.stations[each.station].epoch, "lost", each.at)
            for each in said
            if not each.is_open
        ]
        async with Database.unit_of_work(self.database) as db:
            heard = [(self.stations[each.station], each.at) for each in said]
            await store.note_heard(db, [each.heard(at) for each, at in heard])
            epochs = await store.open_connections(
                db,
                [
                    Opened(StationId(each.station), "node", OcppVersion.V201, "", each.at)
                    for each in opened
                ],
            )
            await store.close_connections(db, closed)
        for each in said:
            station = self.stations[each.station]
            station.heard_at(each.at)
            station.is_connected = each.is_open
            if each.is_open:
                station.spoke_at = each.at
                station.epoch = epochs[each.station]

    # --------------------------------------------------------------------------------- rounds

    async def _rounds(self, *, is_sweep: bool) -> None:
        """Let the watches come round for which something is due, and let it be told."""
        now = self.clock.now()
        if is_sweep or self.look_at <= now:
            await self._survive(self._look)
        if is_sweep or now in self.fleet.rounds:
            await self._survive(self._look_at_charging)
        findings, changes = self.readers
        await self._deliver(findings)
        if is_sweep or self.settle_at <= now:
            await self._survive(raising.settling(self.database, self.clock))
        await self._deliver(changes)
        if is_sweep or self.notice_at <= now:
            await self._survive(self.notices.look_after)
        await self._send()
        if is_sweep:
            await self._survive(self._close_tampers)

    async def _deliver(self, reader: Subscription) -> None:
        await self._survive(lambda: outbox.deliver(self.database, reader, self.clock))

    async def _look(self) -> None:
        """A round of the watch over silence; before it, all rounds since the last found nothing."""
        now = self.clock.now()
        async with Database.unit_of_work(self.database) as db:
            for station in await db.scalars(_ASKED):
                if self.stations[station].answers and self.stations[station].is_connected:
                    self.stations[station].spoke_at = now
            await store.note_heard(db, [each.heard(now) for each in self.stations.values()])
            await db.execute(
                text("update silence_rounds set ran_at = :before"), {"before": now - MINUTE}
            )
        async with self.database.unit_of_work() as db:
            await silence.look_round(db, SilenceLimits(), now=now, ping_for=PING_FOR)

    async def _look_at_charging(self) -> None:
        async with self.database.unit_of_work() as db:
            await failing_rounds.look(db, now=self.clock.now())

    async def _send(self) -> None:
        """Do the jobs that wait, as their worker does: one that was killed is taken up again."""
        async with Database.unit_of_work(self.database) as db:
            rows = await db.execute(
                text(
                    "select id, args from procrastinate_jobs where task_name = :name"
                    " and status = 'todo' order by id"
                ),
                {"name": noticing.JOB},
            )
            jobs = [(number, args) for number, args in rows]
        for number, args in jobs:
            payload = args.get("payload", args)

            async def send(payload: Any = payload) -> None:
                await self.notices.send(payload, Attempt(1, False))

            await self._survive(send)
            async with Database.unit_of_work(self.database) as db:
                await db.execute(
                    text("delete from procrastinate_jobs where id = :number"), {"number": number}
                )

    async def _close_tampers(self) -> None:
        """A person looks at what does not end by itself, and declares it over."""
        async with Database.unit_of_work(self.database) as db:
            numbers = await db.scalars(
                text("select id from alerts where detection = 'security' and over_at is null")
            )
            for number in list(numbers):
                await alerting.close(db, number, note="Looked at.", by=HELEN, now=self.clock.now())

    # --------------------------------------------------------------------------------- looking

    async def rows(self, query: str, **values: Any) -> list[Any]:
        """Return what is committed."""
        async with Database.unit_of_work(self.database) as db:
            return list((await db.execute(text(query), values)).all())

    async def buy(self, owner: OrganisationKey, quantity: int) -> None:
        """Buy credits."""
        async with Database.unit_of_work(self.database) as db:
            await credit_store.add(
                db,
                owner,
                quantity,
                reference=f"order/{owner}/{self.bought.total()}",
                by="test",
                now=self.clock.now(),
            )
        self.bought[owner] += quantity


# ------------------------------------------------------------------------------------- the world


@asynccontextmanager
async def watching(
    fleet: Fleet, url: str, clock: SetClock, *, seed: int, deaths: float
) -> AsyncIterator[Watched]:
    """Put a fleet into a database, with its owners and those who hear of its alerts."""
    settings = Settings.read()
    fate = Fate(random.Random(seed))
    database = Mortal(url, fate)
    joining = open_database(settings, url)
    database.joined.update(joining.joined)
    await joining.close()
    clock.at = BEGIN
    await prepare_root(database, settings, clock)
    jobs = Jobs(url)
    sealer = Sealer(bytes(range(32)))
    telephones = Telephones(clock, fate)
    notices = Notices(
        database=database,
        jobs=jobs,
        clock=clock,
        mails=Mails(database=database, jobs=jobs, clock=clock, settings=settings),
        sealer=sealer,
        ways={Channel.SMS: telephones},
        public_url="https://leitstand.example",
    )
    owners = [OrganisationKey(f"owner-{number}") for number in range(fleet.owners)]
    stations = {each: Station(StationId(each), *beat) for each, beat in sorted(fleet.beats.items())}
    context = HandlerContext(
        clock=clock,
        node="node",
        heartbeat_interval_s=600,
        pending_interval_s=60,
        default_organisation=OrganisationKey(settings.organisation),
        admit_unknown="refuse",
        waiting_stations_max=10,
        token_concurrency=0,
        cost_pace=CostPace(timedelta(minutes=1)),
        costs=None,
    )
    watched = Watched(
        fleet=fleet,
        database=database,
        clock=clock,
        fate=fate,
        telephones=telephones,
        notices=notices,
        readers=(handlers.watch(clock), noticing.subscription(notices)),
        stations=stations,
        context=context,
        owners=owners,
    )
    await _people(watched, Rules(sealer, (), has_gateway=True))
    await _build(watched)
    fate.chance = deaths
    try:
        yield watched
    finally:
        await database.close()


async def _people(watched: Watched, rules: Rules) -> None:
    """For each owner two people: by SMS, the same number a second time, and by mail."""
    clock = watched.clock
    async with watched.database.unit_of_work() as db:
        for number, owner in enumerate(watched.owners):
            facts: OrganisationFacts = {"name": owner, "parent": "operator"}
            root = await directory.root(db)
            facts["parent"] = root.key
            await directory.create_organisation(db, owner, facts, now=clock.now())
            people: list[Person] = []
            for name in ("Lea", "Ben"):
                login = f"{name.lower()}-{number}"
                people.append(
                    await directory.create_person(
                        db,
                        login,
                        {
                            "name": name,
                            "email": f"{login}@example.com",
                            "roles": ["owner"],
                            "organisation": owner,
                            "language": "en",
                        },
                        password_hash=None,
                        now=clock.now(),
                    )
                )
            phone = f"+49170{1_000_000 + number}"
            for who, channel, target in (
                (people[0], Channel.SMS, phone),
                (people[1], Channel.SMS, phone),
                (people[1], Channel.MAIL, f"ben-{number}@example.com"),
            ):
                await recipients.add(
                    db,
                    owner,
                    Wish(channel=channel, target=target, tells_end=True),
                    by=Actor(f"person/{who.id}", who.name, "portal", None),
                    account=who.organisation,
                    person=who.id,
                    language="en",
                    rules=rules,
                    now=clock.now(),
                )


async def _build(watched: Watched) -> None:
    """Create the stations, connect them, and say that they are available."""
    fleet, clock = watched.fleet, watched.clock
    place = {each: f"site-{number}" for number, site in fleet.sites.items() for each in site}
    async with watched.database.unit_of_work() as db:
        tokens = [
            TokenSettings(id_token=f"TOKEN{n}", organisation=watched.owners[0]) for n in range(4)
        ]
        await administration.set_id_tokens(db, tokens, now=clock.now() - DAY)
        for number, site in fleet.sites.items():
            made = LocationSettings(
                key=f"site-{number}",
                organisation=watched.owners[fleet.owner(site[0])],
                name=f"Site {number}",
                time_zone="Europe/Berlin",
            )
            await administration.set_location(db, made, create=True)
        for each in fleet.stations:
            await administration.create_station(
                db,
                each,
                watched.owners[fleet.owner(each)],
                StationSettings(
                    location=place.get(each),
                    evses=[
                        EvseSettings(
                            evse_id=1,
                            connectors=[
                                ConnectorSettings(connector_id=1, max_power_w=Decimal(22_000))
                            ],
                        )
                    ],
                ),
                password=None,
                time_zone="Europe/Berlin",
                now=clock.now(),
            )
        await db.execute(
            text("insert into silence_rounds values (1, :now, :since)"),
            {"now": clock.now(), "since": clock.now() - DAY},
        )
        opened = [
            Opened(each.identity, "node", OcppVersion.V201, "", clock.now())
            for each in watched.stations.values()
        ]
        for station, epoch in (await store.open_connections(db, opened)).items():
            watched.stations[station].epoch = epoch
    await watched.happen(
        [Status(station=each, at=clock.now(), status="Available") for each in fleet.stations]
    )
