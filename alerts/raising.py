"""From findings to alerts: what every watch calls, and what looks after open faults.

`report` stores findings, puts them into alerts, and writes the events about them, all in the
caller's unit of work: a fault that was found and an alert that was told are committed together or
not at all. `settle` comes round every minute: it ends what stayed away for long enough, and raises
what a maintenance window had silenced and is still there.
"""

from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from alerts import alert_store as store
from alerts import life, same_cause
from alerts.detections import Finding, worst
from alerts.life import Alert, Change, Fault, Told
from foundation import outbox
from foundation.clock import Clock
from foundation.database import Database, Joint
from foundation.events import AlertChanged
from foundation.identifiers import OrganisationKey, StationId

CRON: Final = "* * * * *"
"""Open faults are looked after every minute."""

_SITES: Final[Joint["Sites"]] = Joint("alerts.sites")
_SILENCES: Final[Joint["Silences"]] = Joint("alerts.silences")


class Site(Protocol):
    """What alerts need to know of a station."""

    @property
    def station(self) -> StationId:
        """Its identity."""

    @property
    def organisation(self) -> OrganisationKey:
        """Whose it is now."""

    @property
    def location(self) -> str | None:
        """The key of the place where it stands, if any."""

    @property
    def place(self) -> str | None:
        """The name of that place."""

    @property
    def time_zone(self) -> str:
        """IANA, of the place or else of the station."""

    @property
    def emi3_ids(self) -> Mapping[int, str]:
        """The EVSE IDs by EVSE, where they have one."""

    @property
    def is_accepted(self) -> bool:
        """Whether it was let in: what is not is nobody's concern."""


class Sites(Protocol):
    """Where stations are and whose; fulfilled by csms."""

    async def of(
        self, db: AsyncSession, stations: Collection[StationId]
    ) -> Mapping[StationId, Site]:
        """Return what is known of each now; one that is unknown, or nobody's, is missing."""
        ...


class Silences(Protocol):
    """Which stations are being worked at; fulfilled by support."""

    async def silenced(
        self, db: AsyncSession, stations: Collection[StationId], now: datetime
    ) -> Mapping[tuple[StationId, int | None], datetime]:
        """Return until when which of the stations are silenced now.

        The key is the station with an EVSE, or with None for the station as a whole.
        """
        ...


def join_sites(database: Database, sites: Sites) -> None:
    """Say for a database who knows where stations are."""
    _SITES.join(database, sites)


def join_silences(database: Database, silences: Silences) -> None:
    """Say for a database who knows what is being worked at."""
    _SILENCES.join(database, silences)


async def sites(db: AsyncSession, stations: Collection[StationId]) -> Mapping[StationId, Site]:
    """Return what is known of stations; nothing where the program joined nobody who knows."""
    joined = _SITES.of(db)
    return {} if joined is None or not stations else await joined.of(db, stations)


async def _silenced(
    db: AsyncSession, faults: Iterable[Fault], now: datetime
) -> Callable[[Fault], bool]:
    """Return how to tell whether a maintenance window silences a fault now."""
    joined = _SILENCES.of(db)
    stations = {each.station for each in faults if each.station is not None}
    windows: Mapping[tuple[StationId, int | None], datetime] = {}
    if joined is not None and stations:
        windows = await joined.silenced(db, sorted(stations), now)

    def is_silenced(fault: Fault) -> bool:
        if fault.station is None:
            return False
        until = [windows.get((fault.station, None)), windows.get((fault.station, fault.evse_id))]
        return any(each is not None and now < each for each in until)

    return is_silenced


# ----------------------------------------------------------------------------------- report


async def report(db: AsyncSession, findings: Sequence[Finding], *, now: datetime) -> None:
    """Take what a watch found: store it, raise what is new, tell what changed.

    May be called with the same finding again and again; what is found gone without having been
    known is nothing. Findings of one fault must be in their order.

    Args:
        db: The unit of work of the watch: what it notes for itself commits with this.
        findings: Of any organisations.
        now: By the Clock.
    """
    if not findings:
        return
    organisations = {each.organisation for each in findings}
    await store.lock(db, organisations)
    keys = {each.key for each in findings}
    before = await store.open_faults(db, keys)
    if others := {each.organisation for each in before.values()} - organisations:
        await store.lock(db, others)
    begun = {each.key for each in findings if each.is_present} - before.keys()
    flaps = await store.flaps_of(db, begun, now)
    known_sites = await sites(
        db, {each.station for each in findings if each.station is not None and each.key in begun}
    )

    ended: list[Fault] = []
    for each in findings:
        fault = before.get(each.key)
        if fault is not None and fault.organisation != each.organisation and each.is_present:
            # The station went to another organisation: so does the fault, as a new one.
            ended.append(replace(fault, over_at=now))
            del before[each.key]
    faults = dict(before)
    again: dict[str, list[Finding]] = {}
    for each in findings:
        fault = faults.get(each.key)
        if fault is None:
            if each.is_present:
                site = None if each.station is None else known_sites.get(each.station)
                faults[each.key] = life.begun(
                    each,
                    location=None if site is None else site.location,
                    flaps=flaps[each.key] + 1 if each.key in flaps else 0,
                )
        elif each.is_present:
            faults[each.key] = life.seen_again(fault, each)
            again.setdefault(each.key, []).append(each)
        else:
            faults[each.key] = life.gone(fault, each)
    changed = ended + [
        life.settled(fault, now)
        for key, fault in sorted(faults.items())
        if fault is not before.get(key)
    ]
    work = _Work(db, now)
    await work.store(changed, again)


async def left(db: AsyncSession, station: StationId, *, now: datetime) -> None:
    """End the faults of a station for the organisation that had it.

    Whoever has it now hears of what is still wrong; nobody does if it was refused.

    Args:
        db: The unit of work in which it left, after that was written.
        station: Which.
        now: When.
    """
    site = (await sites(db, [station])).get(station)
    to = None if site is None or not site.is_accepted else site.organisation
    faults = [each for each in await store.open_faults_at(db, station) if each.organisation != to]
    if not faults:
        return
    await store.lock(db, {each.organisation for each in faults} | ({to} if to else set()))
    await _Work(db, now).store([replace(each, over_at=now) for each in faults], {})
    if to is not None:
        await report(db, [_found(each, to) for each in faults if each.is_present], now=now)


def _found(fault: Fault, organisation: OrganisationKey) -> Finding:
    """Return a fault as it is found for another organisation, where the station stands now."""
    return Finding(
        detection=fault.detection,
        cause=fault.cause,
        organisation=organisation,
        station=fault.station,
        evse_id=fault.evse_id,
        connector_id=fault.connector_id,
        witness=fault.witness,
        severity=fault.severity,
        seen_at=fault.last_seen_at,
        evidence=fault.evidence,
    )


async def settle(db: AsyncSession, *, now: datetime) -> None:
    """End the faults that stayed away for long enough; raise those that are silenced no more."""
    due = await store.due_faults(db, now)
    if not due:
        return
    await store.lock(db, {each.organisation for each in due})
    locked = {each.organisation for each in due}
    again = [each for each in await store.due_faults(db, now) if each.organisation in locked]
    stored = {each.key: each for each in again}
    await _Work(db, now).store([life.settled(each, now) for each in again], {}, stored)


def settling(database: Database, clock: Clock) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return `settle` as periodic work."""

    async def run() -> None:
        async with database.unit_of_work() as db:
            await settle(db, now=clock.now())

    return run


# ------------------------------------------------------------------------------ what is told


@dataclass(frozen=True, slots=True)
class _Work:
    """One unit of work on alerts whose organisations are locked."""

    db: AsyncSession
    now: datetime

    async def store(
        self,
        faults: Sequence[Fault],
        again: Mapping[str, Sequence[Finding]],
        stored: Mapping[str, Fault] = MappingProxyType({}),
    ) -> None:
        """Write faults that changed, and what that means for alerts.

        Args:
            faults: As they are now, with those that were never raised.
            again: What was seen of faults that were known.
            stored: Those that may be unchanged, as they stand in the database.
        """
        if not faults:
            return
        is_silenced = await _silenced(self.db, faults, self.now)
        untold = [
            each
            for each in faults
            if each.alert is None
            and each.over_at is None
            and each.is_present  # what is gone before it was told is only told if it comes back
            and not is_silenced(each)
        ]
        organisations = {each.organisation for each in faults}
        known: dict[int, Alert] = {}
        if untold or any(each.alert is not None for each in faults):
            watches = {each.detection for each in faults}
            found = await store.open_alerts(self.db, organisations, watches)
            known = {each.id: each for each in found}
        told: dict[int, Told] = {}
        raised: list[Fault] = []
        if untold:
            lately = await store.raised_lately(self.db, organisations, self.now)
            beside = await self._beside(untold, known.values(), faults)
            raised, news = life.raise_alerts(
                untold, known.values(), beside=beside, raised_lately=lately, now=self.now
            )
            numbers = await store.add_alerts(
                self.db, [each.alert for each in news if each.change is Change.RAISED]
            )
            for each in news:
                number = numbers.get(each.alert.id, each.alert.id)
                told[number] = Told(replace(each.alert, id=number), each.change)
            raised = [
                replace(each, alert=numbers.get(each.alert or 0, each.alert)) for each in raised
            ]
        placed = {each.key: each for each in raised}
        written = [each if each.over_at else placed.get(each.key, each) for each in faults]
        await store.save_faults(self.db, [each for each in written if each != stored.get(each.key)])
        changed = self._repeats(
            {each.key: each for each in written}, again, known, told, is_silenced
        )
        changed |= await self._recoveries(written, known, told)
        changed |= {number for number, each in told.items() if each.change is not Change.RAISED}
        now_known = known | {number: each.alert for number, each in told.items()}
        await store.save_alerts(self.db, [now_known[each] for each in sorted(changed)])
        await tell(self.db, [told[each] for each in sorted(told)], now=self.now)

    async def _beside(
        self, untold: Sequence[Fault], known: Iterable[Alert], changed: Iterable[Fault]
    ) -> dict[int, list[Fault]]:
        """Return what is in the open alerts that may be about the same causes, as it is now."""
        sites = {life.Group.of(each).place for each in untold if same_cause.may_share(each)}
        numbers = [each.id for each in known if life.Group.of(each).place in sites]
        now_is = {each.id: each for each in changed if each.id}
        found = await store.faults_of(self.db, numbers)
        return {
            number: [now_is.get(each.id, each) for each in its] for number, its in found.items()
        }

    def _repeats(
        self,
        faults: Mapping[str, Fault],
        again: Mapping[str, Sequence[Finding]],
        known: dict[int, Alert],
        told: dict[int, Told],
        is_silenced: Callable[[Fault], bool],
    ) -> set[int]:
        """Count what was seen again; return the alerts that changed by it."""
        seen: dict[int, list[Finding]] = {}
        for key, findings in again.items():
            fault = faults.get(key)
            if fault is None or fault.alert not in known or is_silenced(fault):
                continue
            assert fault.alert is not None
            seen.setdefault(fault.alert, []).extend(findings)
        for number, findings in seen.items():
            base = told[number].alert if number in told else known[number]
            severity = worst(*(each.severity for each in findings))
            alert, change = life.repeated(base, severity, len(findings), self.now)
            known[number] = alert
            if number in told:
                told[number] = Told(alert, told[number].change)
            elif change is not None:
                told[number] = Told(alert, change)
        return set(seen)

    async def _recoveries(
        self, faults: Iterable[Fault], known: dict[int, Alert], told: dict[int, Told]
    ) -> set[int]:
        """Find the alerts whose last fault is over; return them."""
        asked = {
            each.alert
            for each in faults
            if each.alert is not None and each.over_at is not None and each.alert in known
        }
        over: set[int] = set()
        for number, its in (await store.faults_of(self.db, asked)).items():
            if all(each.over_at is not None for each in its):
                alert = life.recovered(
                    told[number].alert if number in told else known[number], self.now
                )
                told[number] = Told(alert, Change.RECOVERED)
                over.add(number)
        return over


async def tell(
    db: AsyncSession,
    told: Sequence[Told],
    *,
    now: datetime,
    by: str | None = None,
    by_name: str | None = None,
    note: str | None = None,
) -> None:
    """Write what happened to alerts into their history, and the events that tell of it."""
    if not told:
        return
    faults = await store.faults_of(db, [each.alert.id for each in told])
    about: dict[int, tuple[StationId, ...]] = {}
    for each in told:
        its = faults[each.alert.id]
        present = [fault for fault in its if fault.over_at is None] or its
        about[each.alert.id] = tuple(
            sorted({fault.station for fault in present if fault.station is not None})
        )
    watched = await store.watched(
        db,
        {(station, each.alert.organisation) for each in told for station in about[each.alert.id]},
    )
    await store.add_changes(
        db,
        [
            {
                "alert": each.alert.id,
                "at": now,
                "change": each.change,
                "by": by,
                "by_name": by_name,
                "note": note,
            }
            for each in told
        ],
    )
    events = [
        AlertChanged(
            happened_at=now,
            alert_id=each.alert.id,
            organisation=each.alert.organisation,
            detection=each.alert.detection,
            cause=each.alert.cause,
            severity=each.alert.severity,
            change=each.change,
            stations=about[each.alert.id],
            location=each.alert.location,
            monitored=not watched.isdisjoint(about[each.alert.id]),
            by=by,
            by_name=by_name,
            note=note,
        )
        for each in told
    ]
    await outbox.append(db, events, recorded_at=now)
