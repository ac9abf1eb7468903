"""One live station: frames in, answers out, one call of ours at a time; no socket library here.

The reader never waits for a handler: `receive` only takes a frame in. The station's calls are
handled one after the other, answers to our calls are matched at once, so neither lane can block
the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

import msgspec
import structlog

from csms.commands import Command, Outcome
from csms.dispatch import Dispatch
from csms.frames import FrameLog
from csms.ocpp import answers, repair, rpc
from csms.ocpp.actions import FROM_STATION, WITHOUT_ANSWER
from csms.ocpp.errors import ErrorCode, MessageError, OcppError
from csms.ocpp.records import record
from csms.outgoing_lane import OutgoingLane
from csms.queue import CallRefused
from csms.reports import (
    BootAnswer,
    BootReport,
    MeterReport,
    OcppVersion,
    Origin,
    RegistrationStatus,
    Report,
    StatusReport,
    TransactionUpdateReport,
)
from csms.secrecy import text_without_secrets
from csms.skew import SkewEstimate
from csms.vendors import Profile, adjusted, profile_of, shipped
from foundation import metrics
from foundation.clock import Clock
from foundation.database import DatabaseAway
from foundation.identifiers import StationId

log = structlog.get_logger(__name__)

_CLOCK_IS_RIGHT = timedelta(minutes=2)
"""A clock that is off by less needs no memory."""

_MOST_SENDS = 100
"""Unanswered messages of a station that are being stored at once; more are only logged."""

_MONEY_ACTIONS = frozenset(
    {"StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent"}
)

_BEFORE_BOOT = frozenset({"BootNotification", "NotifyReport"})
"""What a station says while its boot is pending: reports are asked for then (B02)."""

CLOSE_TRY_AGAIN = 1013
CLOSE_POLICY = 1008
CLOSE_GOING_AWAY = 1001


class Socket(Protocol):
    """The way to the station; fulfilled by `csms.websocket`."""

    def send(self, text: str) -> None:
        """Write a frame without waiting; a station that does not read is closed."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Begin to close; returns at once, may be called again."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all connections of a process share."""

    dispatch: Dispatch
    frames: FrameLog
    clock: Clock
    call_timeout_s: float
    max_waiting: int


class StationConnection:
    """A station's newest socket with its epoch, and what is said over it."""

    __slots__ = (
        "_handling",
        "_leaving",
        "_profile",
        "_registration",
        "_sends_open",
        "_skew",
        "_socket",
        "_surroundings",
        "_translator",
        "_zone",
        "booted",
        "closed",
        "epoch",
        "heard_at",
        "lane",
        "on_report",
        "on_room",
        "opened_at",
        "rpc",
        "station",
        "triggered",
        "version",
    )

    def __init__(
        self,
        surroundings: Surroundings,
        socket: Socket,
        *,
        station: StationId,
        version: OcppVersion,
        epoch: int,
        time_zone: str,
        profile: Profile | None,
    ) -> None:
        self._surroundings = surroundings
        self._profile = profile
        self._socket = socket
        self._translator: Any = answers.TRANSLATORS[version]
        self._zone = ZoneInfo(time_zone)
        self._skew: SkewEstimate | None = None
        self._handling: tuple[rpc.Call, float] | None = None
        self._sends_open = 0
        self._leaving: tuple[int, str] | None = None
        self._registration = RegistrationStatus.ACCEPTED  # until a boot is answered otherwise
        self.station = station
        self.version = version
        self.epoch = epoch
        self.rpc = rpc.RpcConnection(version, max_waiting=surroundings.max_waiting)
        self.lane = OutgoingLane(
            station, self.rpc, self._send, timeout_s=surroundings.call_timeout_s
        )
        self.opened_at = surroundings.clock.now()
        self.heard_at = self.opened_at
        self.booted = False
        self.triggered = False
        self.closed = False
        self.on_room: Callable[[], None] | None = None
        """Called after each answer: whoever paused reading may go on."""
        self.on_report: Callable[[StationConnection], None] | None = None
        """Called after what the station said was stored and answered, while anybody waits for it:
        the evidence of what it was asked to do."""

    # ------------------------------------------------------------------------------ frames in

    def receive(self, text: str) -> None:
        """Take a frame in; never waits and never raises."""
        self.heard_at = self._surroundings.clock.now()
        self._take(text, text, None)

    def _take(self, text: str, raw: str, note: str | None) -> None:
        """Take in a text that came as `raw`; the note goes into the OCPP log with it."""
        received = self.rpc.receive(text)
        if isinstance(received, rpc.Call):
            if note is None and received.action not in _MAY_TELL_SECRETS:
                self._log_line("in", self.heard_at, text)
            else:
                self._log("in", raw, note)
            if self._handling is None:
                self._next(text)
        elif isinstance(received, rpc.Answered):
            self._log("in", raw, note)
            self.lane.answered(received.answer)
        elif isinstance(received, rpc.Unreadable):
            self._unreadable(text, received)
        elif isinstance(received, rpc.LateAnswer):
            self._log("in", raw, "answer after the time-out")
            self.lane.answered_late(received.call.id, received.answer)
        elif isinstance(received, rpc.UnaskedAnswer):
            self._log("in", raw, "answer to nothing asked")
            log.info("frame.unasked_answer", station_id=self.station)
            self.lane.answered_late(received.answer.id, received.answer)
        elif isinstance(received, rpc.Overflow):
            self._log("in", raw, "too many calls at once")
            self.close(CLOSE_POLICY, "too many calls are waiting for their answers")
        elif isinstance(received, rpc.Ignored):
            metrics.frames.labels("in", "empty", "ignored").inc()
        elif isinstance(received, rpc.Send):
            self._log("in", raw, note)
            self._sent(received, raw)
        else:
            self._log("in", raw, note)

    def _sent(self, frame: rpc.Send, raw: str) -> None:
        """Take in what is never answered (2.1); what cannot be read stays in the OCPP log only."""
        if frame.action not in WITHOUT_ANSWER or self._sends_open >= _MOST_SENDS:
            log.info("frame.dropped", station_id=self.station, action=frame.action)
            return
        try:
            self._check_registration(frame.action)
            message, repairs = repair.decode(
                self.version, frame.action, frame.payload, site_zone=self._zone
            )
        except OcppError as refusal:
            metrics.frames_not_understood.labels(refusal.error_code.value).inc()
            log.info(
                "message.refused", station_id=self.station, action=frame.action, reason=str(refusal)
            )
            return
        origin = Origin(
            self.station,
            self.version,
            self.epoch,
            self.heard_at,
            frame.id,
            frame.action,
            raw,
            repairs,
        )
        self._sends_open += 1
        self._surroundings.dispatch.submit(record(message, origin), self._sent_kept)

    def _sent_kept(self, _: Any, error: BaseException | None) -> None:
        """Nobody waits for an answer: what could not be stored is only told to us."""
        self._sends_open -= 1
        if error is not None:
            log.warning("send.failed", station_id=self.station, exc_info=error)

    @property
    def is_crowded(self) -> bool:
        """Whether so many calls wait that reading should pause."""
        return self.rpc.is_crowded

    def _unreadable(self, text: str, unreadable: rpc.Unreadable) -> None:
        """Try to mend a broken text; what stays broken is refused if it can be."""
        mended, repairs = repair.mend_text(text)
        if repairs and not isinstance(rpc.parse(mended), rpc.Unreadable):
            for rule in repairs:
                metrics.repairs.labels(rule).inc()
            log.info("frame.mended", station_id=self.station, rules=repairs)
            self._take(mended, text, f"mended: {' '.join(repairs)}")
            return
        self._log("in", text, unreadable.description)
        metrics.frames_not_understood.labels(unreadable.error.value).inc()
        log.info(
            "frame.not_understood",
            station_id=self.station,
            reason=unreadable.description,
            action=unreadable.action,
        )
        refusal = self.rpc.refusal(unreadable)
        if refusal is not None:
            self._send(refusal)

    # ----------------------------------------------------------------------- the station's lane

    def _next(self, text: str | None = None) -> None:
        """Begin with the next call, if none is in hand; `text` is its frame where it just came."""
        call = self.rpc.take_call() if self._leaving is None else None
        if call is None:
            return
        self._handling = (call, monotonic())
        raw = rpc.encode_frame(call) if text is None else text
        origin = Origin(
            self.station,
            self.version,
            self.epoch,
            self.heard_at,
            call.id,
            call.action,
            raw,
            (),
            int(self._skew.skew().total_seconds()) if self._skew is not None else 0,
        )
        try:
            self._check_registration(call.action)
            report = self._report(call, origin)
        except OcppError as refusal:
            metrics.frames_not_understood.labels(refusal.error_code.value).inc()
            log.info(
                "message.refused", station_id=self.station, action=call.action, reason=str(refusal)
            )
            self._refuse(refusal)
            return
        # A boundary: a defect of ours in reading one message must not end the connection.
        except Exception as error:  # noqa: BLE001
            self._defect(origin, error)
            return
        if isinstance(report, BootReport):
            report = self._own_boot(report)
            self.booted = True
            self._profile = profile_of(report.vendor, report.model, report.firmware, shipped())
        self._watch_clock(report)
        self._surroundings.dispatch.submit(report, self._answered)

    def _check_registration(self, action: str) -> None:
        """Refuse what a 2.x station may not say before its boot was accepted (B02.FR.09, B03).

        What we asked it for may come, and what carries money is never refused.

        Raises:
            OcppError: SecurityError.
        """
        if self._registration is RegistrationStatus.ACCEPTED or self.version is OcppVersion.V16:
            return
        if action in _BEFORE_BOOT or action in _MONEY_ACTIONS or action in self.lane.asked_for:
            return
        raise OcppError(
            ErrorCode.SECURITY_ERROR, "The boot was not accepted yet: boot again, and wait for it."
        )

    def _report(self, call: rpc.Call, origin: Origin) -> Report:
        payload = call.payload
        message, repairs = repair.decode(self.version, call.action, payload, site_zone=self._zone)
        if repairs:
            for rule in repairs:
                metrics.repairs.labels(rule).inc()
            origin = Origin(
                origin.station,
                origin.version,
                origin.epoch,
                origin.received_at,
                origin.message_id,
                origin.action,
                origin.raw,
                repairs,
                origin.skew_s,
            )
            self._log("in", "", f"repaired: {' '.join(repairs)}")
        report: Report = self._translator.to_report(message, origin)
        if self._profile is not None:
            return adjusted(report, self._profile)
        return report

    def _own_boot(self, report: BootReport) -> BootReport:
        """Note with a boot that we asked for it, where the station gives no reason itself."""
        was_asked_for, self.lane.asked_for_boot = self.lane.asked_for_boot, False
        if was_asked_for and report.reason is None:
            return msgspec.structs.replace(report, reason="Triggered")
        return report

    def _watch_clock(self, report: Report) -> None:
        """Learn from messages about the present how far the station's clock is off."""
        moment = None
        if isinstance(report, MeterReport):
            if report.readings and report.readings[-1].context == "Sample.Periodic":
                moment = report.readings[-1].measured_at
        elif isinstance(report, TransactionUpdateReport):
            moment = None if report.offline else report.at
        elif isinstance(report, StatusReport):
            moment = report.reported_at
        if moment is None:
            return
        received_at = report.origin.received_at
        if self._skew is None:
            if -_CLOCK_IS_RIGHT < moment - received_at < _CLOCK_IS_RIGHT:
                return
            self._skew = SkewEstimate()
        self._skew.observe(moment, received_at)

    @property
    def clock_skew(self) -> timedelta:
        """How far the station's clock is off, as far as is known; zero: not so far as to matter."""
        return timedelta(0) if self._skew is None else self._skew.skew()

    def _answered(self, answer: Any, error: BaseException | None) -> None:
        """Send the answer of the call in hand, after its commit; go on with the next."""
        if self.closed or self._handling is None:
            return
        call, began = self._handling
        if error is not None:
            if isinstance(error, DatabaseAway):
                self.close(CLOSE_TRY_AGAIN, "the database is away, try again later")
            elif isinstance(error, OcppError):
                self._refuse(error)
            else:
                log.error("call.failed", station_id=self.station, exc_info=error)
                if call.action in _MONEY_ACTIONS:
                    # Even the quarantine failed: a station that is offline keeps its messages.
                    self.close(CLOSE_TRY_AGAIN, "could not be stored, try again later")
                else:
                    self._refuse(OcppError(ErrorCode.INTERNAL_ERROR))
            return
        try:
            payload = answers.payload_of(self.version, call.action, answer)
            text = self.rpc.encode_result(call.id, payload)
        # A boundary: as above; what was stored stays stored.
        except Exception:
            log.exception("answer.failed", station_id=self.station, action=call.action)
            self._refuse(OcppError(ErrorCode.INTERNAL_ERROR))
            return
        self._done(call, began, "result")
        if isinstance(answer, BootAnswer):
            self._registration = answer.status
        self._send(text)
        if self.on_report is not None:
            self.on_report(self)
        self._go_on()

    def _refuse(self, refusal: OcppError) -> None:
        assert self._handling is not None
        call, began = self._handling
        text = self.rpc.encode_error(
            call.id, refusal.error_code, refusal.description, refusal.details
        )
        self._done(call, began, "error")
        self._send(text)
        self._go_on()

    def _go_on(self) -> None:
        if self._leaving is None:
            self._next()
        else:
            self.close(*self._leaving)

    def _done(self, call: rpc.Call, began: float, outcome: str) -> None:
        self._handling = None
        counted = _COUNTED.get((call.action, outcome))
        if counted is None:
            counted = _counted(self.version, call.action, outcome)
        counted.add(monotonic() - began)
        if self.on_room is not None:
            self.on_room()

    def _defect(self, origin: Origin, error: Exception) -> None:
        """Quarantine a message about money that we failed to read; refuse any other."""
        if origin.action not in _MONEY_ACTIONS:
            log.error("message.failed", station_id=self.station, exc_info=error)
            self._refuse(OcppError(ErrorCode.INTERNAL_ERROR))
            return
        self._surroundings.dispatch.quarantine_unread(origin, error, self._answered)

    # ---------------------------------------------------------------------------------- our lane

    async def call(self, command: Command) -> Outcome | None:
        """Ask the station something; None if its version has no such question.

        Raises:
            StationUnreachable: The connection ended before the answer.
            NoAnswer: No answer came in time; a late one is noted in the OCPP log.
            CallRefused: The station answered with a CALLERROR.
        """
        asked = self._translator.to_call(command)
        if asked is None:
            return None
        action, payload = asked
        answer = await self.lane.call(action, payload)
        try:
            response, _ = repair.decode_answer(self.version, action, answer.payload)
        except MessageError as error:
            raise CallRefused(self.station, action, str(error)) from None
        outcome: Outcome = self._translator.to_outcome(response)
        return outcome

    # ------------------------------------------------------------------------------------- ending

    def close(self, code: int, reason: str) -> None:
        """Begin to close the socket; what is in hand is still stored, but not answered."""
        self._socket.close(code, reason)

    def leave(self, code: int, reason: str) -> None:
        """Close the socket as soon as the call in hand is answered; take no further one."""
        self._leaving = (code, reason)
        if self._handling is None:
            self.close(code, reason)

    def ended(self) -> None:
        """Take note that the socket is gone: whoever waits for an answer is told."""
        self.closed = True
        self.lane.ended()

    def _send(self, text: str, shown: str | None = None) -> None:
        self._log_line("out", self._surroundings.clock.now(), shown or text)
        self._socket.send(text)

    def _log(self, direction: str, raw: str, note: str | None = None) -> None:
        """Put any text into the OCPP log: without secrets, and fit for the database."""
        if "\x00" in raw:
            raw = raw.replace("\x00", "\ufffd")
        kept = text_without_secrets(raw)
        self._log_line(direction, self._surroundings.clock.now(), kept, note)

    def _log_line(self, direction: str, at: datetime, text: str, note: str | None = None) -> None:
        """Put a text without a raw NUL, such as no frame that could be read has, into the log."""
        if not text.isascii():
            text = text.encode("utf-8", "replace").decode()
        self._surroundings.frames.add((self.station, at, direction, self.epoch, text, note))


_MAY_TELL_SECRETS: Final = frozenset({"DataTransfer", "NotifyEvent", "NotifyReport"})
"""Calls of stations that have a place for values of settings: the others are not searched."""
_COUNTED: dict[tuple[str, str], metrics.Handled] = {}


def _counted(version: OcppVersion, action: str, outcome: str) -> metrics.Handled:
    """Return what counts the calls of an action; all that no version has are one."""
    if action not in FROM_STATION[version]:
        return metrics.handled("unknown", outcome)
    found = _COUNTED[action, outcome] = metrics.handled(action, outcome)
    return found
