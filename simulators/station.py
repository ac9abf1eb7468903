"""A charging station: its equipment, and one socket to tell of it.

Talking is apart from what happens: `connect`, `boot` and `deliver` are for those who drive a
station step by step, `run` is for one that lives on its own. Transaction messages are delivered in
order, one at a time, and again under a new message id until they are answered, over however many
sockets it takes.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from ssl import SSLContext
from typing import Any

from simulators.book import Book, moment_text
from simulators.clock import Clock
from simulators.commands import Commands
from simulators.dialect import BootAnswer, Kind, Message, boot_answer
from simulators.equipment import CARD, MONEY, Equipment, Patience, Reservation, StationSpec
from simulators.link import (
    Address,
    BadAnswer,
    CallRefused,
    Link,
    LinkLost,
    NoAnswer,
    Opener,
    open_ocpp,
)
from simulators.manners import Manners
from simulators.own_certificate import OwnCertificate, Secure

FollowUp = Callable[[], Awaitable[None]]
"""What follows from a command once it was answered."""


class Station(Equipment):
    """One station; `lose_answers` is how many answers to messages of a kind get lost."""

    def __init__(
        self,
        spec: StationSpec,
        *,
        url: str,
        clock: Clock,
        book: Book,
        opener: Opener = open_ocpp,
        patience: Patience | None = None,
        rng: random.Random | None = None,
        manners: Manners | None = None,
        secure: Secure | None = None,
    ) -> None:
        super().__init__(spec, clock=clock, book=book, patience=patience)
        self.lose_answers: Counter[Kind] = Counter()
        self.cut_when_sent: Kind | None = None
        """The socket dies right after the next message of this kind is out."""
        self.manners = manners or Manners()
        self.known_tokens: dict[str, str] = {}
        """The authorisation cache: what the central system last said of a token."""
        self.rng = rng or random.Random()
        self.boots = 0
        self._address = Address(
            url=url,
            identity=spec.identity,
            password=spec.password,
            subprotocol=self._dialect.subprotocol,
            answer_timeout_s=self.patience.answer_timeout_s,
        )
        self._opener = opener
        self._link: Link | None = None
        self._interval_s = 300.0
        self._follow_ups: deque[FollowUp] = deque()
        self._after_boot: list[FollowUp] = []
        self._when_idle: list[FollowUp] = []
        self._delivering = asyncio.Lock()
        self._leaving = asyncio.Event()
        self._pause_s = self.patience.reconnect_min_s
        self.certificate = None if secure is None else OwnCertificate(self, secure)
        """How it comes by its own certificate; it asks for one after its first boot."""
        if self.certificate is not None:
            self.after_boot(self.certificate.ask)
        self._commands = Commands(self)

    @property
    def settings(self) -> dict[str, str]:
        """The configuration keys or variables with their values, as they are now."""
        return self._commands.variables.values

    @property
    def is_connected(self) -> bool:
        return self._link is not None and self._link.is_open

    def cut_power(self) -> None:
        """The power is gone: the socket dies without a word, and no energy flows."""
        self.cut_link()
        for evse in self.evses.values():
            if evse.charging is not None:
                # Written down by the station's last gasp; told when power is back.
                self.finish(evse.spec.evse_id, "PowerLoss")
        self._is_admitted = False

    def cut_link(self) -> None:
        """The cable to the world is cut."""
        if self._link is not None:
            self._link.cut()
            self._link = None
        self._forget_untold()

    def finish(self, evse_id: int, reason: str = "Local") -> None:
        super().finish(evse_id, reason)
        if not self.is_busy:
            self._begin(self._when_idle)
            self._when_idle = []

    @property
    def has_told_all(self) -> bool:
        """Tell whether it is connected and admitted, and nothing waits to be told or done."""
        is_idle = not (self._queue or self._follow_ups or self._after_boot)
        return self.is_connected and self._is_admitted and is_idle

    @property
    def is_busy(self) -> bool:
        """Tell whether any transaction runs."""
        return any(evse.charging is not None for evse in self.evses.values())

    # --------------------------------------------------------------- talking, step by step

    async def connect(self) -> None:
        """Open the socket.

        Raises:
            LinkLost: If it does not open.
        """
        await self.disconnect()
        self._link = await self._opener(self._address, self._commands)
        self._link.closed.add_done_callback(lambda _: self._something_to_do.set())
        if self._is_admitted:
            for evse in self.evses.values():
                if not evse.status_is_told:
                    self._queue_status(evse)

    async def move_to(self, url: str, tls: SSLContext) -> None:
        """Leave, to come back by TLS; a certificate stands in the place of the password."""
        await self.disconnect()
        self._address = replace(self._address, url=url, tls=tls, password=None)

    def let_go(self) -> Link:
        """Leave the open socket to the caller: the station no longer uses or closes it."""
        assert self._link is not None
        link, self._link = self._link, None
        self._forget_untold()
        return link

    async def disconnect(self) -> None:
        """Close the socket, if there is one, with a goodbye."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()
        self._forget_untold()

    async def boot(self) -> BootAnswer:
        """Tell of a boot; accepted, all statuses are told too.

        Raises:
            LinkLost, NoAnswer, CallRefused, BadAnswer
        """
        action, payload = self._dialect.boot(self.nameplate, self.boot_reason)
        try:
            answer = boot_answer(await self._call(action, payload))
        except (LookupError, ValueError) as error:
            raise BadAnswer(f"the answer to BootNotification: {error}") from error
        self._interval_s = self.patience.heartbeat_interval_s or max(1.0, answer.interval_s)
        self._is_admitted = answer.status == "Accepted"
        if self._is_admitted:
            self.boots += 1
            self.tell_statuses()
            self._begin(self._after_boot)
            self._after_boot = []
        return answer

    async def heartbeat(self) -> None:
        """Raises as `boot` does."""
        await self._call("Heartbeat", {})

    async def authorize(self, id_token: str, id_token_type: str = CARD) -> str:
        """Ask whether a token may charge, note it in the book, and return the status.

        Raises:
            LinkLost, NoAnswer, CallRefused, BadAnswer
        """
        action, payload = self._dialect.authorize(id_token, id_token_type)
        status = self._dialect.token_status(await self._call(action, payload)) or "Accepted"
        self.known_tokens[id_token] = status
        self.book.note(
            "authorization",
            station=self.identity,
            id_token=id_token,
            at=moment_text(self.clock.now()),
            status=status,
        )
        return status

    async def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Say anything at all, after what is being said now. Raises as `boot` does."""
        return await self._call(action, payload)

    async def tell_meter(self, evse_id: int) -> None:
        """Tell what a meter shows while nothing is charging."""
        sample = self._advanced(evse_id).sample("Trigger")
        await self.tell(*self._dialect.meter_values(evse_id, sample, self.own_time()))

    def keep(self, evse_id: int, reservation: Reservation) -> None:
        """Reserve an EVSE until the reservation's moment, by the station's clock."""
        self.reserve(evse_id, reservation)
        left_s = (reservation.until - self.clock.now()).total_seconds()
        loop = asyncio.get_running_loop()
        loop.call_later(max(0.0, left_s), self._expire, evse_id, reservation)

    def _expire(self, evse_id: int, reservation: Reservation) -> None:
        if self.evses[evse_id].reservation is not reservation:
            return
        self.cancel_reservation(reservation.reservation_id)
        if self._dialect.has_refs:
            about = {
                "reservationId": reservation.reservation_id,
                "reservationUpdateStatus": "Expired",
            }
            self._begin([lambda: self.tell("ReservationStatusUpdate", about)])

    async def tell(self, action: str, payload: dict[str, Any]) -> None:
        """Say something that may get lost: if it is not taken, that is only noted."""
        try:
            await self._call(action, payload)
        except (LinkLost, NoAnswer, CallRefused, BadAnswer) as error:
            self.book.note("not_told", station=self.identity, action=action, reason=str(error))

    async def deliver(self) -> None:
        """Do what commands left to do, and send all that waits, oldest first.

        Raises:
            LinkLost: If the socket is gone; what was not acknowledged waits on.
        """
        async with self._delivering:
            while (self._queue or self._follow_ups) and not self._leaving.is_set():
                while self._follow_ups:
                    await self._follow_ups.popleft()()
                if self._queue:
                    await self._deliver(self._queue[0])

    async def _deliver(self, message: Message) -> None:
        action, payload = self._dialect.say(message)
        self._note_sending(message)
        if self.cut_when_sent is message.kind:
            self.cut_when_sent = None
            if self._link is not None:
                self._link.cut_after_next_send = True
        try:
            answer = await self._call(action, payload)
            self._read_number(message, answer)
            if self.lose_answers[message.kind] > 0:
                self.lose_answers[message.kind] -= 1
                raise NoAnswer("the answer was lost on its way")
        except NoAnswer:
            message.unanswered += 1
            if message.unanswered >= self.patience.unanswered_attempts:
                self._give_up(message, "unanswered")
            else:
                await self._before_retry(message.unanswered)
        except (CallRefused, BadAnswer) as error:
            message.refused += 1
            if message.kind not in MONEY or message.refused >= self.patience.refused_attempts:
                self._give_up(message, str(error))
            else:
                await self._before_retry(message.refused)
        else:
            self._remove(message)
            self._acknowledged(message, answer)

    async def _before_retry(self, attempts: int) -> None:
        pause_s = self.patience.retry_pause_s * attempts
        await asyncio.sleep(min(self.patience.retry_pause_max_s, pause_s))

    def _note_sending(self, message: Message) -> None:
        if message.charging is not None and message.kind in {Kind.START, Kind.END}:
            self.book.sent(message.charging.key, message.kind.value)

    def _acknowledged(self, message: Message, answer: Mapping[str, Any]) -> None:
        charging = message.charging
        if charging is None or message.kind not in {Kind.START, Kind.END}:
            return
        status = self._dialect.token_status(answer)
        self.book.acknowledged(
            charging.key, message.kind.value, answer=status, transaction_number=charging.number
        )
        evse = self.evses[charging.evse_id]
        if status not in {None, "Accepted"} and evse.charging is charging:
            self.finish(charging.evse_id, "DeAuthorized")

    def _read_number(self, message: Message, answer: Mapping[str, Any]) -> None:
        if message.kind is Kind.START and not self._dialect.has_refs:
            assert message.charging is not None
            try:
                message.charging.number = int(answer["transactionId"])
            except (LookupError, TypeError, ValueError) as error:
                raise BadAnswer(f"the answer to StartTransaction: {error}") from error

    def _give_up(self, message: Message, reason: str) -> None:
        self._remove(message)
        if message.charging is None:
            self.book.note("message_dropped", station=self.identity, reason=reason)
        else:
            self.book.dropped(message.charging.key, message.kind.value, reason)

    def _remove(self, message: Message) -> None:
        # A cut of the link meanwhile may have rebuilt the queue; transactions' order is kept.
        if self._queue and self._queue[0] is message:
            self._queue.popleft()

    async def _call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        if self._link is None or not self._link.is_open:
            raise LinkLost("not connected")
        return await self._link.call(action, payload)

    def beat_every(self, seconds: float) -> None:
        """Change the heartbeat's interval from the next beat on."""
        self._interval_s = max(1.0, seconds)

    def begin_follow_ups(self, follow_ups: Iterable[FollowUp]) -> None:
        """A command was answered: do what follows from it, after `effect_s`."""
        if self.manners.effect_s:
            loop = asyncio.get_running_loop()
            loop.call_later(self.manners.effect_s, self._begin, list(follow_ups))
        else:
            self._begin(follow_ups)

    def after_boot(self, follow_up: FollowUp) -> None:
        """Do something once the next boot was accepted."""
        self._after_boot.append(follow_up)

    def when_idle(self, follow_up: FollowUp) -> None:
        """Do something as soon as nothing is charging any more."""
        if self.is_busy:
            self._when_idle.append(follow_up)
        else:
            self._begin([follow_up])

    def _begin(self, follow_ups: Iterable[FollowUp]) -> None:
        self._follow_ups.extend(follow_ups)
        self._something_to_do.set()

    async def deliver_all(self) -> None:
        """Deliver what waits from within a follow-up; what finds no line waits on."""
        try:
            while self._queue and self.is_connected:
                await self._deliver(self._queue[0])
        except LinkLost:
            self.cut_link()

    async def restart(self, reason: str, *, firmware: str | None = None) -> None:
        """Boot again, perhaps with another firmware: close the socket and start afresh."""
        self.book.note("reset", station=self.identity, at=moment_text(self.clock.now()))
        await self.disconnect()
        if firmware is not None:
            self.nameplate = replace(self.nameplate, firmware=firmware)
        self.start_afresh(reason)

    # --------------------------------------------------------------- living on its own

    def leave(self) -> None:
        """Ask `run` to come to an end."""
        self._leaving.set()
        self._something_to_do.set()

    async def run(self) -> None:
        """Connect, boot, tell, beat, and come back after every loss, until asked to leave."""
        while not self._leaving.is_set():
            try:
                if not self.is_connected:
                    await self.connect()
                await self._live()
            except (LinkLost, NoAnswer):
                self.cut_link()
                await self._pause(self._pause_s * self.rng.uniform(0.5, 1.0))
                self._pause_s = min(self.patience.reconnect_max_s, self._pause_s * 2)
            except (CallRefused, BadAnswer) as error:
                # A refused boot or heartbeat: as good as none.
                self.book.note("call_refused", station=self.identity, reason=str(error))
                self.cut_link()
                await self._pause(self.patience.reconnect_max_s)
        await self.disconnect()

    async def _live(self) -> None:
        loop = asyncio.get_running_loop()
        await self._be_admitted()
        self._pause_s = self.patience.reconnect_min_s
        beat_at = loop.time() + self._interval_s
        while not self._leaving.is_set():
            self._something_to_do.clear()
            await self.deliver()
            if not self.is_connected or not self._is_admitted:
                raise LinkLost("the socket is closed")
            if loop.time() >= beat_at:
                await self.heartbeat()
                beat_at = loop.time() + self._interval_s
            await self._wait_for_work(beat_at - loop.time())

    async def _be_admitted(self) -> None:
        """Boot until we are accepted; what commands ask for meanwhile is done."""
        loop = asyncio.get_running_loop()
        while not self._is_admitted and not self._leaving.is_set():
            await self.boot()
            again_at = loop.time() + self._interval_s
            while not self._is_admitted and loop.time() < again_at and not self._leaving.is_set():
                self._something_to_do.clear()
                while self._follow_ups:
                    await self._follow_ups.popleft()()
                if not self.is_connected:
                    raise LinkLost("the socket is closed")
                await self._wait_for_work(again_at - loop.time())

    async def _wait_for_work(self, seconds: float) -> None:
        """Return when there is something to do, the socket is gone, or the time is over."""
        if seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._something_to_do.wait()
        except TimeoutError:
            pass

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._leaving.wait()
        except TimeoutError:
            pass
