"""How a station answers what a central system asks of it, and carries it out.

An answer is given at once; whatever follows from it (a transaction, a boot, a triggered message)
is done by the station afterwards, since a station that calls before it has answered blocks both.
Everything that is carried out stands in the book first. `simulators.manners` tells how a command
may fail instead. Payloads are in snake_case, as the `ocpp` package hands them out.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from simulators.deeds import Answer, Deed, Handler, Payload
from simulators.dialect import Charging, Status
from simulators.equipment import Evse, Reservation
from simulators.files import Files
from simulators.link import Reply
from simulators.lists import Lists
from simulators.manners import Failing
from simulators.meter import Car
from simulators.own_certificate import ASKED_FOR
from simulators.refusals import cannot, rejection
from simulators.variables import Variables

if TYPE_CHECKING:
    from simulators.station import Station

_ACCEPTED: Answer = {"status": "Accepted"}
_REJECTED: Answer = {"status": "Rejected"}
_SILENT = {Failing.NO_ANSWER, Failing.NO_ANSWER_BUT_DONE}
_CUTTING = {Failing.LOSE_CONNECTION, Failing.LOSE_CONNECTION_BUT_DONE}
_WITHOUT_EFFECT = {Failing.NO_ANSWER, Failing.LOSE_CONNECTION, Failing.NO_EFFECT}


class Commands:
    """The answers of one station, and what it does about them."""

    def __init__(self, station: "Station") -> None:
        self._station = station
        self._deeds: dict[str, Deed] = {}
        self.variables = Variables(station)
        self.lists = Lists(station)
        self._table: dict[str, Handler] = {
            "CancelReservation": self._cancel_reservation,
            "ChangeAvailability": self._change_availability,
            "ExtendedTriggerMessage": self._trigger,
            "GetTransactionStatus": self._transaction_status,
            "RemoteStartTransaction": self._remote_start,
            "RemoteStopTransaction": self._remote_stop,
            "RequestStartTransaction": self._remote_start,
            "RequestStopTransaction": self._remote_stop,
            "ReserveNow": self._reserve,
            "Reset": self._reset,
            "TriggerMessage": self._trigger,
            "UnlockConnector": self._unlock,
            **self.variables.table,
            **self.lists.table,
            **Files(station).table,
        }
        if station.certificate is not None:
            self._table |= station.certificate.table

    def answer(self, action: str, payload: Payload, message_id: str) -> Reply:
        """Return the answer to a command, as the station's manners have it."""
        manners = self._station.manners
        failing = manners.failing(action)
        if failing is Failing.REFUSE:
            return Reply(None, is_refused=True)
        if failing is Failing.REJECT:
            refused = rejection(action, self._station.spec.version, payload)
            return Reply(refused, is_refused=refused is None)
        has_effect = failing not in _WITHOUT_EFFECT
        deed = Deed(self._station, action, message_id, has_effect=has_effect)
        handler = self._table.get(action)
        answer = cannot(action, payload) if handler is None else handler(payload, deed)
        self._deeds[message_id] = deed
        return Reply(
            answer,
            delay_s=manners.late_s if failing is Failing.LATE_ANSWER else 0.0,
            is_silent=failing in _SILENT,
            cuts=failing in _CUTTING,
        )

    def answered(self, message_id: str) -> None:
        """The answer has left, or never will: what follows from it may begin."""
        deed = self._deeds.pop(message_id, None)
        if deed is not None and deed.follow_ups:
            self._station.begin_follow_ups(deed.follow_ups)

    @property
    def _is_16(self) -> bool:
        return self._station.spec.version == "1.6"

    # ------------------------------------------------------------------- starts and stops

    def _remote_start(self, payload: Payload, deed: Deed) -> Answer:
        if self._is_16:
            wanted, token, token_type = payload.get("connector_id"), payload["id_tag"], "ISO14443"
        else:
            wanted = payload.get("evse_id")
            token, token_type = payload["id_token"]["id_token"], payload["id_token"]["type"]
        evse = self._free_evse(wanted, token)
        if evse is None:
            return _REJECTED
        station, evse_id = self._station, evse.spec.evse_id
        remote_start_id = payload.get("remote_start_id")

        async def begin() -> None:
            asks = self.variables.authorizes_remote_starts
            if asks and await station.authorize(token, token_type) != "Accepted":
                return
            if evse.charging is None:
                if evse.car is None:
                    # Somebody plugs in; a remote start without a car would only time out.
                    station.plug_in(evse_id, Car(60_000, 0.3, evse.spec.max_power_w))
                station.begin(
                    evse_id, token, token_type, remote_start_id=remote_start_id, is_remote=True
                )

        deed.later(
            f"started {token} at EVSE {evse_id}",
            begin,
            transaction=lambda: station.next_key(evse_id),
        )
        return _ACCEPTED

    def _remote_stop(self, payload: Payload, deed: Deed) -> Answer:
        evse = self._evse_of(payload["transaction_id"])
        if evse is None or evse.charging is None:
            return _REJECTED
        charging = evse.charging

        async def finish() -> None:
            if evse.runs(charging):
                self._station.finish(evse.spec.evse_id, "Remote")

        deed.later(f"stopped EVSE {evse.spec.evse_id}", finish, transaction=lambda: charging.key)
        return _ACCEPTED

    def _transaction_status(self, payload: Payload, deed: Deed) -> Answer:
        ref = payload.get("transaction_id")
        if ref is None:
            return {"messages_in_queue": self._station.waiting > 0}
        return {
            "ongoing_indicator": self._evse_of(ref) is not None,
            "messages_in_queue": self._station.waits_for_ref(ref),
        }

    # ------------------------------------------------------------------- connectors

    def _unlock(self, payload: Payload, deed: Deed) -> Answer:
        evse = self._station.evses.get(payload["connector_id" if self._is_16 else "evse_id"])
        if self._is_16 and evse is None:
            return {"status": "NotSupported"}
        if evse is None or (not self._is_16 and payload["connector_id"] != evse.spec.connector_id):
            return {"status": "UnknownConnector"}
        if evse.charging is not None and not self._is_16:
            return {"status": "OngoingAuthorizedTransaction"}
        evse_id, charging = evse.spec.evse_id, evse.charging

        async def unlock() -> None:
            if evse.charging is not None:
                self._station.finish(evse_id, "UnlockCommand")
            if evse.car is not None:
                self._station.unplug(evse_id)
            else:
                self._station.tell_statuses(evse_id)

        deed.later(
            f"unlocked EVSE {evse_id}",
            unlock,
            transaction=lambda: None if charging is None else charging.key,
        )
        return {"status": "Unlocked"}

    def _change_availability(self, payload: Payload, deed: Deed) -> Answer:
        if self._is_16:
            evse_id, operative = payload["connector_id"] or None, payload["type"] == "Operative"
        else:
            evse_id = (payload.get("evse") or {}).get("id")
            operative = payload["operational_status"] == "Operative"
        evses = self._station.evses
        if evse_id is not None and evse_id not in evses:
            return _REJECTED
        chosen = list(evses) if evse_id is None else [evse_id]
        busy = any(evses[chosen_id].charging is not None for chosen_id in chosen)

        async def change() -> None:
            for chosen_id in chosen:
                self._station.set_operative(chosen_id, operative=operative)

        word = "operative" if operative else "inoperative"
        deed.later(f"made {chosen} {word}", change)
        return {"status": "Scheduled"} if busy else _ACCEPTED

    def _reserve(self, payload: Payload, deed: Deed) -> Answer:
        if self._is_16:
            wanted, token = payload["connector_id"] or None, payload["id_tag"]
            number, until = payload["reservation_id"], payload["expiry_date"]
        else:
            wanted, token = payload.get("evse_id"), payload["id_token"]["id_token"]
            number, until = payload["id"], payload["expiry_date_time"]
        if wanted is not None and wanted not in self._station.evses:
            return _REJECTED
        evse = self._free_evse(wanted, token)
        if evse is None:
            return {"status": self._why_not(wanted)}
        station, evse_id = self._station, evse.spec.evse_id
        held = Reservation(reservation_id=number, id_token=token, until=_moment(until))

        async def reserve() -> None:
            station.keep(evse_id, held)

        deed.later(f"reserved EVSE {evse_id} as {number}", reserve)
        return _ACCEPTED

    def _cancel_reservation(self, payload: Payload, deed: Deed) -> Answer:
        number = payload["reservation_id"]
        station = self._station
        if all(
            evse.reservation is None or evse.reservation.reservation_id != number
            for evse in station.evses.values()
        ):
            return _REJECTED

        async def cancel() -> None:
            station.cancel_reservation(number)

        deed.later(f"cancelled reservation {number}", cancel)
        return _ACCEPTED

    # ------------------------------------------------------------------- the station itself

    def _reset(self, payload: Payload, deed: Deed) -> Answer:
        station = self._station
        if "evse_id" in payload and payload["evse_id"] is not None:
            return self._reset_evse(payload["evse_id"], deed)
        on_idle, is_hard = payload["type"] == "OnIdle", payload["type"] == "Hard"

        async def restart() -> None:
            reason = "SoftReset" if payload["type"] == "Soft" else "ImmediateReset"
            for evse in station.evses.values():
                if evse.charging is not None:
                    station.finish(evse.spec.evse_id, reason)
            if not is_hard:
                # A gentle restart tells first what it ended; a hard one tells it after the boot.
                await station.deliver_all()
            await station.restart("ScheduledReset" if on_idle else "RemoteReset")

        if on_idle and station.is_busy:

            async def wait() -> None:
                station.when_idle(restart)

            deed.later("restarts when idle", wait)
            return {"status": "Scheduled"}
        deed.later(f"restarted ({payload['type']})", restart)
        return _ACCEPTED

    def _reset_evse(self, evse_id: int, deed: Deed) -> Answer:
        evse = self._station.evses.get(evse_id)
        if evse is None:
            return _REJECTED

        async def restart() -> None:
            if evse.charging is not None:
                self._station.finish(evse_id, "ImmediateReset")
            self._station.tell_statuses(evse_id)

        deed.later(f"restarted EVSE {evse_id}", restart)
        return _ACCEPTED

    def _trigger(self, payload: Payload, deed: Deed) -> Answer:
        wanted = payload["requested_message"]
        evse_id = payload.get("connector_id")
        if not self._is_16:
            evse_id = (payload.get("evse") or {}).get("id")
        station = self._station
        if evse_id and evse_id not in station.evses:
            return _REJECTED

        async def send() -> None:
            if wanted == "BootNotification":
                station.boot_reason = "Triggered"
                await station.boot()
            elif wanted == "Heartbeat":
                await station.heartbeat()
            elif wanted == "StatusNotification":
                station.tell_statuses(evse_id or None)
            elif wanted in _IDLE_STATUSES:
                await station.tell(wanted, {"status": "Idle"})
            else:
                await self._take_readings(evse_id or None, wanted)

        certificate = station.certificate
        if certificate is not None and wanted in ASKED_FOR:
            deed.later(f"sent {wanted}", certificate.ask)
            return _ACCEPTED
        if wanted not in _TRIGGERS or (wanted == "TransactionEvent" and self._is_16):
            return {"status": "NotImplemented"}
        deed.later(f"sent {wanted}", send)
        return _ACCEPTED

    async def _take_readings(self, evse_id: int | None, wanted: str) -> None:
        for evse in self._station.evses.values():
            if evse_id not in {None, evse.spec.evse_id}:
                continue
            if evse.charging is not None:
                self._station.take_reading(evse.spec.evse_id, "Trigger")
            elif wanted == "MeterValues":
                await self._station.tell_meter(evse.spec.evse_id)

    # ------------------------------------------------------------------- finding things

    def _free_evse(self, evse_id: int | None, id_token: str) -> Evse | None:
        for evse in self._station.evses.values():
            kept_for = None if evse.reservation is None else evse.reservation.id_token
            is_free = (
                evse.charging is None
                and evse.operative
                and kept_for in {None, id_token}
                and evse.status in _FREE
            )
            if is_free and evse_id in {None, evse.spec.evse_id}:
                return evse
        return None

    def _why_not(self, evse_id: int | None) -> str:
        evses = self._station.evses
        statuses = {evse.status for key, evse in evses.items() if evse_id in {None, key}}
        if statuses == {Status.FAULTED}:
            return "Faulted"
        return "Unavailable" if statuses == {Status.UNAVAILABLE} else "Occupied"

    def _evse_of(self, transaction: int | str) -> Evse | None:
        for evse in self._station.evses.values():
            if evse.charging is not None and transaction in _names_of(evse.charging):
                return evse
        return None


_FREE = {Status.AVAILABLE, Status.PREPARING, Status.FINISHING, Status.RESERVED}
_IDLE_STATUSES = {
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "LogStatusNotification",
}
_TRIGGERS = _IDLE_STATUSES | {
    "BootNotification",
    "Heartbeat",
    "MeterValues",
    "StatusNotification",
    "TransactionEvent",
}


def _names_of(charging: Charging) -> set[int | str]:
    return {name for name in (charging.ref, charging.number) if name is not None}


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
