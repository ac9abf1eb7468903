"""What all cases do with their station, whatever it speaks: ask it, and look what came of it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from accounts.directory import WHOLE
from csms import equipment, file_places, files, local_list_store, local_lists, records
from csms.charging import Transaction
from csms.equipment import ProgressKind, Reservation
from csms.queue import Command, CommandState
from csms.records import Held, Record
from foundation.identifiers import StationId
from tests.conformance.stations import Station
from tests.csms.asking import ask, becomes
from tests.csms.central import Central


class Case(Station):
    """A station that is gone after its case; every message of its comes a second after another."""

    def __init__(self, central: Central, identity: str, version: str) -> None:
        super().__init__(central, identity, version)
        central.guests.append(self)

    async def close(self) -> None:
        await self.leave()

    def drop(self) -> None:
        if self.link is not None:
            self.link.cut()

    def now(self) -> str:
        self.central.clock.at += timedelta(seconds=1)
        return self.central.clock.now().isoformat().replace("+00:00", "Z")

    async def tells(self, action: str, request: int | None, *words: str) -> None:
        """Say how far it is with a request, which 1.6's older messages do not name."""
        number = {} if request is None else {"requestId": request}
        for word in words:
            self.now()
            assert await self.call(action, {"status": word} | number) == {}

    # ---------------------------------------------------------------------- it is asked

    async def asked_for(
        self, action: str, payload: Mapping[str, Any], answer: dict[str, Any] | None = None
    ) -> Command:
        """Let the operator ask it something that it answers like this, here in snake case."""
        self.answers[action] = {"status": "Accepted"} if answer is None else answer
        times = 1 + sum(name == action for name, _ in self.asked)
        command = await ask(self.central, self.identity, action, payload)
        await self.was_asked(action, times)
        return command

    async def becomes(self, command: Command, state: CommandState) -> Command:
        return await becomes(self.central, command, state)

    # ---------------------------------------------------------------- what became of it

    async def shown(self, evse: int = 1) -> str:
        """What people see of an EVSE, in 1.6 a connector."""
        [row] = await self.central.rows(
            "select original_status from connectors where station = :station and evse_id = :evse",
            station=self.identity,
            evse=evse,
        )
        return str(row["original_status"])

    async def transactions(self) -> list[Transaction]:
        return await self.central.transactions(self.identity)

    async def transaction(self) -> Transaction:
        return await self.central.only_transaction(self.identity)

    async def reservations(self) -> list[Reservation]:
        async with self.central.database.unit_of_work() as db:
            now = self.central.clock.now()
            return await equipment.reservations(db, WHOLE, StationId(self.identity), now)

    async def held(self, kind: Held) -> list[Record]:
        """What we know that it holds of a kind, by its keys."""
        async with self.central.database.unit_of_work() as db:
            return await records.held(db, StationId(self.identity), kind)

    async def local_list(self) -> local_lists.Held:
        """What is on its list by our books."""
        async with self.central.database.unit_of_work() as db:
            return await local_list_store.held(db, self.identity)

    async def heard_of(self, kind: ProgressKind) -> list[int | None]:
        """The requests of which it said how far it is."""
        async with self.central.database.unit_of_work() as db:
            found = await equipment.progress(db, WHOLE, StationId(self.identity), kind)
        return [each.request_id for each in found]

    async def steps(self, kind: ProgressKind, request: int | None = None) -> list[str]:
        """How far it said that it is with a request; with the newest where none is named."""
        async with self.central.database.unit_of_work() as db:
            found = await equipment.progress(db, WHOLE, StationId(self.identity), kind)
        [one, *_] = [each for each in found if request is None or each.request_id == request]
        return [each.status for each in one.steps]


PLACE = "http://127.0.0.1:9"
"""Where stations are told to send files; nobody is there."""


def is_our_place(url: str) -> bool:
    """Tell whether an address leads to where stations send files, with who they say they are."""
    parts = urlsplit(url)
    return (
        f"{parts.scheme}://{parts.hostname}:{parts.port}" == PLACE
        and parts.username == files.USER
        and bool(parts.password)
    )


def with_file_places(central: Central) -> None:
    """Let stations be told where to send files, as the program does."""
    file_places.join(
        central.database,
        public_url=PLACE,
        upload_lasts=timedelta(hours=1),
        download_lasts=timedelta(days=1),
    )
