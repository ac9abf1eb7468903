"""A command in hand: what is done by it stands in the book before it is done."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulators.station import FollowUp, Station

Payload = Mapping[str, Any]
Answer = dict[str, Any]


class Deed:
    """What a station does about one command; without effect it only says that it will."""

    def __init__(self, station: "Station", action: str, message_id: str, *, has_effect: bool):
        self._station = station
        self._action = action
        self._message_id = message_id
        self._has_effect = has_effect
        self.follow_ups: list[FollowUp] = []

    def at_once(self, did: str, effect: Callable[[], object]) -> None:
        """Do something before the answer leaves."""
        if self._has_effect:
            self._note(did, None)
            effect()

    def later(
        self,
        did: str,
        effect: Callable[[], Awaitable[None]],
        *,
        transaction: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Do something once the answer has left.

        Args:
            did: What is done, for the book.
            effect: Does it; it may call the central system.
            transaction: Gives the key of the transaction that is begun or ended by it.
        """

        async def carry_out() -> None:
            self._note(did, transaction())
            await effect()

        if self._has_effect:
            self.follow_ups.append(carry_out)

    def _note(self, did: str, transaction: str | None) -> None:
        station = self._station
        station.book.command(
            station=station.identity,
            action=self._action,
            message_id=self._message_id,
            at=station.clock.now(),
            did=did,
            transaction=transaction,
        )


Handler = Callable[[Payload, Deed], Answer]
