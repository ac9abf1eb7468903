"""A station's equipment: EVSEs with meters, and the queue of what is to be told of them.

What happens is decided by plain method calls (`begin`, `take_reading`, `finish` …): they write the
book first, queue the message next, and never wait.
"""

import asyncio
import uuid
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from simulators.book import Book, Record, moment_text, number
from simulators.clock import Clock
from simulators.dialect import Charging, Kind, Message, Nameplate, Sample, Status, dialect_of
from simulators.meter import Car, Meter, Quirk

CARD = "ISO14443"
"""The usual type of an id token."""

MONEY = {Kind.START, Kind.READING, Kind.STATE, Kind.END}
"""Kinds that wait while the station is offline; a status is only told afresh."""


@dataclass(frozen=True, kw_only=True)
class EvseSpec:
    """One EVSE as built; its meter starts at `register_wh`."""

    evse_id: int = 1
    max_power_w: int = 22_000
    connector_id: int = 1
    register_wh: int = 1_000_000
    quirks: frozenset[Quirk] = frozenset()


@dataclass(frozen=True, kw_only=True)
class StationSpec:
    """A station as built. `fractional` meters tell three decimals of a Wh (never in 1.6)."""

    identity: str
    version: str = "1.6"
    password: str | None = field(default=None, repr=False)
    evses: tuple[EvseSpec, ...] = (EvseSpec(),)
    nameplate: Nameplate = field(default_factory=Nameplate)
    fractional: bool = True


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a station waits, and how often it tries again. Seconds are real ones."""

    answer_timeout_s: float = 30.0
    retry_pause_s: float = 1.0
    """Grows with every attempt at one message, up to `retry_pause_max_s`."""
    retry_pause_max_s: float = 60.0
    refused_attempts: int = 5
    unanswered_attempts: int = 20
    reconnect_min_s: float = 0.5
    reconnect_max_s: float = 30.0
    heartbeat_interval_s: float | None = None
    """None: as the central system says."""
    queued_messages: int = 20_000


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """An EVSE is kept for a token until a moment."""

    reservation_id: int
    id_token: str
    until: datetime


class Evse:
    """One EVSE at work."""

    def __init__(self, spec: EvseSpec, at: datetime, *, fractional: bool) -> None:
        self.spec = spec
        self.meter = Meter(
            spec.max_power_w,
            counted_mwh=spec.register_wh * 1000,
            fractional=fractional,
            quirks=spec.quirks,
        )
        self.car: Car | None = None
        self.charging: Charging | None = None
        self.reservation: Reservation | None = None
        self.status = Status.AVAILABLE
        self.status_is_told = False
        self.error_code: str | None = None
        self.operative = True
        self.energy_flows = False
        self._advanced_at = at

    def runs(self, charging: Charging) -> bool:
        """Tell whether this transaction is the one that runs here."""
        return self.charging is charging

    @property
    def is_charging(self) -> bool:
        return self.charging is not None

    def advance(self, now: datetime) -> None:
        """Let the meter count up to now."""
        seconds = (now - self._advanced_at).total_seconds()
        if seconds > 0:
            self.meter.advance(seconds, self.car if self.energy_flows else None)
            self._advanced_at = now

    def sample(self, context: str) -> Sample:
        power_w = 0.0
        if self.car is not None and self.energy_flows:
            power_w = self.car.power_w(self.spec.max_power_w)
        soc = None if self.car is None else self.car.soc
        return Sample(self.meter.shown_wh(), power_w, soc, context)


class Equipment:
    """Everything of a station but its line; `wrong_by` is how far its clock is wrong."""

    def __init__(
        self, spec: StationSpec, *, clock: Clock, book: Book, patience: Patience | None = None
    ) -> None:
        self.spec = spec
        self.clock = clock
        self.book = book
        self.patience = patience or Patience()
        self.wrong_by = timedelta(0)
        self.boot_reason = "PowerUp"
        self.nameplate = spec.nameplate
        """As told at the next boot; firmware may have been renewed since the station was built."""
        self._dialect = dialect_of(spec.version)
        self._is_admitted = False
        self._queue: deque[Message] = deque()
        self._something_to_do = asyncio.Event()
        self._sessions = 0
        self._events = 0
        fractional = spec.fractional and self._dialect.has_refs
        self.evses = {
            evse.evse_id: Evse(evse, clock.now(), fractional=fractional) for evse in spec.evses
        }

    # --------------------------------------------------------------- what is the case

    @property
    def identity(self) -> str:
        return self.spec.identity

    @property
    def is_connected(self) -> bool:
        """Tell whether there is a line; equipment alone has none."""
        return False

    @property
    def is_admitted(self) -> bool:
        """Tell whether the last boot was accepted."""
        return self._is_admitted

    @property
    def waiting(self) -> int:
        """How many messages about transactions nobody has acknowledged yet."""
        return sum(message.kind in MONEY for message in self._queue)

    def waits_for_ref(self, ref: str) -> bool:
        """Tell whether messages of a 2.x transaction are still waiting."""
        return any(
            message.charging is not None and message.charging.ref == ref for message in self._queue
        )

    def own_time(self) -> datetime:
        """Return the moment by the station's own, perhaps wrong, clock."""
        return self.clock.now() + self.wrong_by

    # --------------------------------------------------------------- what happens here

    def plug_in(self, evse_id: int, car: Car) -> None:
        evse = self._advanced(evse_id)
        evse.car = car
        self._set_status(evse, Status.PREPARING)

    def begin(
        self,
        evse_id: int,
        id_token: str,
        id_token_type: str = CARD,
        *,
        remote_start_id: int | None = None,
        is_remote: bool = False,
        remark: str | None = None,
    ) -> Charging:
        """Begin a transaction: first the book, then the queue."""
        evse = self._advanced(evse_id)
        assert evse.charging is None
        assert evse.car is not None
        evse.meter.begin()
        now = self.clock.now()
        said_at = now + self.wrong_by
        key = self.next_key(evse_id)
        self._sessions += 1
        charging = Charging(
            key=key,
            ref=str(uuid.uuid4()) if self._dialect.has_refs else None,
            evse_id=evse_id,
            connector_id=evse.spec.connector_id,
            id_token=id_token,
            id_token_type=id_token_type,
            remote_start_id=remote_start_id,
        )
        if evse.reservation is not None:
            if evse.reservation.id_token == id_token:
                charging.reservation_id = evse.reservation.reservation_id
            evse.reservation = None
        sample = evse.sample("Transaction.Begin")
        self.book.open_record(
            Record(
                key=charging.key,
                station=self.identity,
                version=self.spec.version,
                evse_id=evse_id,
                connector_id=evse.spec.connector_id,
                ref=charging.ref,
                id_token=id_token,
                id_token_type=id_token_type,
                started_at=moment_text(now),
                said_started_at=moment_text(said_at),
                meter_start_wh=number(evse.meter.true_wh()),
                said_start_wh=number(sample.register_wh),
                started_offline=not self.is_connected,
                quirks=sorted(evse.meter.quirks) + (["clock_wrong"] if self.wrong_by else []),
                remark=remark,
            )
        )
        evse.charging = charging
        evse.energy_flows = True
        evse.status = Status.CHARGING
        trigger = "RemoteStart" if is_remote else "Authorized"
        self._tell(evse, Kind.START, said_at, sample=sample, trigger=trigger)
        self._set_status(evse, Status.CHARGING)
        return charging

    def next_key(self, evse_id: int) -> str:
        """Return the key in the book of the transaction that begins next at an EVSE."""
        return f"{self.identity}/{evse_id}/{self._sessions + 1}"

    def take_reading(self, evse_id: int, context: str = "Sample.Periodic") -> None:
        """Read the meter of a running transaction."""
        evse = self._advanced(evse_id)
        assert evse.charging is not None
        evse.charging.readings += 1
        trigger = {"Sample.Clock": "MeterValueClock", "Trigger": "Trigger"}.get(
            context, "MeterValuePeriodic"
        )
        self._tell(
            evse, Kind.READING, self.own_time(), sample=evse.sample(context), trigger=trigger
        )

    def suspend(self, evse_id: int, status: Status = Status.SUSPENDED_EV) -> None:
        """Energy stops flowing, the transaction goes on."""
        evse = self._advanced(evse_id)
        evse.energy_flows = False
        self._change_state(evse, status)

    def resume(self, evse_id: int) -> None:
        evse = self._advanced(evse_id)
        evse.energy_flows = True
        self._change_state(evse, Status.CHARGING)

    def finish(self, evse_id: int, reason: str = "Local") -> None:
        """End the transaction: first the book, then the queue. The car stays plugged in."""
        evse = self._advanced(evse_id)
        charging = evse.charging
        assert charging is not None
        now = self.clock.now()
        said_at = now + self.wrong_by
        sample = evse.sample("Transaction.End")
        self.book.close_record(
            charging.key,
            ended_at=now,
            said_ended_at=said_at,
            meter_stop_wh=evse.meter.true_wh(),
            said_stop_wh=sample.register_wh,
            stop_reason=reason,
            readings=charging.readings,
        )
        evse.energy_flows = False
        evse.status = Status.FINISHING
        trigger = _TRIGGER_OF_END.get(reason, "StopAuthorized")
        self._tell(evse, Kind.END, said_at, sample=sample, reason=reason, trigger=trigger)
        evse.charging = None
        evse.meter.end()
        self._set_status(evse, Status.FINISHING)

    def unplug(self, evse_id: int) -> None:
        evse = self._advanced(evse_id)
        evse.car = None
        if evse.status is not Status.FAULTED:
            self._set_status(evse, _idle_status(evse))

    def fault(self, evse_id: int, error_code: str) -> None:
        """Something broke (1.6's error codes); a running transaction ends with it."""
        evse = self._advanced(evse_id)
        if evse.charging is not None:
            self.finish(evse_id, "GroundFault" if error_code == "GroundFailure" else "Other")
        evse.error_code = error_code
        self._set_status(evse, Status.FAULTED)
        self._tell_fault(evse)

    def clear_fault(self, evse_id: int) -> None:
        evse = self._advanced(evse_id)
        evse.error_code = None
        self._tell_fault(evse)
        self._set_status(evse, Status.AVAILABLE if evse.car is None else Status.PREPARING)

    def set_operative(self, evse_id: int, *, operative: bool) -> None:
        evse = self._advanced(evse_id)
        evse.operative = operative
        if not operative:
            evse.reservation = None
        if evse.charging is None and evse.error_code is None:
            self._set_status(evse, _idle_status(evse))

    def reserve(self, evse_id: int, reservation: Reservation) -> None:
        """Keep a free EVSE for a token; a reservation of the same id is moved here."""
        self.cancel_reservation(reservation.reservation_id)
        evse = self._advanced(evse_id)
        evse.reservation = reservation
        self._set_status(evse, Status.RESERVED)

    def cancel_reservation(self, reservation_id: int) -> bool:
        """Give an EVSE free again; False if no such reservation holds."""
        for evse in self.evses.values():
            held = evse.reservation
            if held is not None and held.reservation_id == reservation_id:
                evse.reservation = None
                if evse.status is Status.RESERVED:
                    self._set_status(evse, _idle_status(evse))
                return True
        return False

    def start_afresh(self, reason: str = "PowerUp") -> None:
        """The software starts again: it must boot next; transactions that run go on."""
        self.boot_reason = reason
        self._is_admitted = False
        for evse in self.evses.values():
            evse.meter.boot()
            evse.status_is_told = False
            if evse.charging is None and evse.status is not Status.FAULTED:
                evse.status = _idle_status(evse)

    def _change_state(self, evse: Evse, status: Status) -> None:
        evse.status = status
        if self._dialect.has_refs and evse.charging is not None:
            sample = evse.sample("Sample.Periodic")
            self._tell(
                evse, Kind.STATE, self.own_time(), sample=sample, trigger="ChargingStateChanged"
            )
        else:
            self._set_status(evse, status)

    def _advanced(self, evse_id: int) -> Evse:
        evse = self.evses[evse_id]
        evse.advance(self.clock.now())
        return evse

    # --------------------------------------------------------------- the queue

    def _tell(
        self,
        evse: Evse,
        kind: Kind,
        said_at: datetime,
        *,
        sample: Sample,
        trigger: str,
        reason: str | None = None,
    ) -> None:
        charging = evse.charging
        assert charging is not None
        self._queue.append(
            Message(
                kind=kind,
                said_at=said_at,
                evse_id=evse.spec.evse_id,
                connector_id=evse.spec.connector_id,
                status=evse.status,
                charging=charging,
                sample=sample,
                seq_no=charging.next_seq_no,
                offline=not self.is_connected,
                trigger=trigger,
                reason=reason,
            )
        )
        charging.next_seq_no += 1
        if len(self._queue) > self.patience.queued_messages:
            self._drop_a_reading()
        self._something_to_do.set()

    def _set_status(self, evse: Evse, status: Status) -> None:
        """Change the status; told at once if there is a line, else when there is one again."""
        word_before = _word(evse.status, self._dialect.has_refs) if evse.status_is_told else None
        evse.status = status
        if not (self.is_connected and self._is_admitted):
            evse.status_is_told = False
            return
        if self._dialect.has_refs and word_before == _word(status, has_refs=True):
            return
        self._queue_status(evse)

    def _queue_status(self, evse: Evse) -> None:
        evse.status_is_told = True
        self._queue.append(
            Message(
                kind=Kind.STATUS,
                said_at=self.own_time(),
                evse_id=evse.spec.evse_id,
                connector_id=evse.spec.connector_id,
                status=evse.status,
                error_code=evse.error_code,
            )
        )
        self._something_to_do.set()

    def _tell_fault(self, evse: Evse) -> None:
        if self._dialect.has_refs and self.is_connected:
            self._events += 1
            self._queue.append(
                Message(
                    kind=Kind.FAULT,
                    said_at=self.own_time(),
                    evse_id=evse.spec.evse_id,
                    connector_id=evse.spec.connector_id,
                    status=evse.status,
                    seq_no=self._events,
                    error_code=evse.error_code,
                )
            )

    def _forget_untold(self) -> None:
        """What only matters live is not kept for later; the status will be told afresh."""
        for message in self._queue:
            if message.kind is Kind.STATUS:
                self.evses[message.evse_id].status_is_told = False
        self._queue = deque(message for message in self._queue if message.kind in MONEY)

    def _drop_a_reading(self) -> None:
        for index, message in enumerate(self._queue):
            if message.kind is Kind.READING and index > 0:
                del self._queue[index]
                assert message.charging is not None
                self.book.note("reading_dropped", key=message.charging.key)
                return

    def tell_statuses(self, evse_id: int | None = None) -> None:
        """Tell the status of one EVSE or of all, whether it is known or not."""
        for evse in self.evses.values():
            if evse_id in {None, evse.spec.evse_id}:
                self._queue_status(evse)

    def begin_numbering_at(self, sessions: int) -> None:
        """Let keys in the book go on after those of an earlier station of the same identity."""
        self._sessions = sessions


_TRIGGER_OF_END = {
    "Local": "StopAuthorized",
    "Remote": "RemoteStop",
    "DeAuthorized": "Deauthorized",
    "EVDisconnected": "EVDeparted",
    "PowerLoss": "AbnormalCondition",
    "GroundFault": "AbnormalCondition",
    "Other": "AbnormalCondition",
    "ImmediateReset": "ResetCommand",
    "SoftReset": "ResetCommand",
    "UnlockCommand": "UnlockCommand",
}


def _idle_status(evse: Evse) -> Status:
    """Return the status of an EVSE at which nothing runs and nothing is broken."""
    if not evse.operative:
        return Status.UNAVAILABLE
    return Status.RESERVED if evse.reservation is not None else Status.AVAILABLE


def _word(status: Status, has_refs: bool) -> str:
    """Return the status as the version tells it: 2.x knows only Occupied for a plugged-in car."""
    occupied = {
        Status.PREPARING,
        Status.CHARGING,
        Status.SUSPENDED_EV,
        Status.SUSPENDED_EVSE,
        Status.FINISHING,
    }
    return "Occupied" if has_refs and status in occupied else status.value
