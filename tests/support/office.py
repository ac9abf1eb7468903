"""An installation whose support works: stations, the queue with its gate, mails that are kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import update

from accounts.directory import WHOLE
from csms import command_store, remote
from csms.queue import Command, CommandState, Failure, Request
from csms.settlement import Change, Step
from csms.tables import StationRow
from foundation import mail, outbox
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import CommandChanged
from foundation.identifiers import StationId
from foundation.jobs import Jobs
from foundation.mail import KeptMail, Mails
from foundation.settings import Settings
from support import change_orders
from support.change_orders import ChangeOrder, OrderGate
from support.correspondence import Correspondence
from support.handlers import READER, subscription
from support.orders import Confirmer, Item, ItemKind, WrittenOrder
from tests.support.conftest import HELEN, N1, OPERATOR, fill

INTERVAL = {"key": "HeartbeatInterval", "value": "600"}
CHANGE = Item(ItemKind.COMMAND, "ChangeConfiguration", INTERVAL)
MAIL = WrittenOrder("order.eml", "message/rfc822", b"Subject: please", "Re: interval")
STAFF = Confirmer(OPERATOR, may_confirm=True, may_write=True)


def routed(url: str) -> Database:
    """Return the way to a database whose events about commands reach support."""
    return Database(url, routes={CommandChanged.kind: (READER,)}, pool_size=5)


@dataclass(frozen=True)
class Office:
    """What tests do as support."""

    database: Database
    clock: SetClock
    correspondence: Correspondence

    async def order(self, *, stations: list[StationId] | None = None, **said: Any) -> ChangeOrder:
        """Draft and confirm an order by mail."""
        given: dict[str, Any] = {"items": [CHANGE], "title": "Heartbeat", **said}
        async with self.database.unit_of_work() as db:
            draft = await change_orders.draft(
                db,
                WHOLE,
                stations or [N1],
                given.pop("items"),
                by=HELEN,
                now=self.clock.now(),
                **given,
            )
            return await change_orders.confirm(
                db, draft.id, STAFF, MAIL, by=HELEN, now=self.clock.now()
            )

    async def ask(
        self,
        order: str | None = None,
        *,
        action: str = "ChangeConfiguration",
        payload: Mapping[str, Any] = INTERVAL,
        **said: Any,
    ) -> Command:
        """Ask a station for something as an agent does."""
        given: dict[str, Any] = {
            "station": N1,
            "asked_by": HELEN.id,
            "asked_by_name": HELEN.name,
            "door": "portal",
            "asker_organisation": OPERATOR,
            "reason": "call",
            "when_offline": "queue",
            "is_authorised": True,
            **said,
        }
        async with self.database.unit_of_work() as db:
            return await remote.ask(
                db,
                Request(action=action, payload=payload, change_order=order, **given),
                now=self.clock.now(),
            )

    async def becomes(
        self, command: Command, *states: CommandState, failure: Failure | None = None
    ) -> None:
        """Let a command come into states, one after the other, and support hear of it."""
        before = command.state
        for state in states:
            step = Step(state, None, failure if state is CommandState.FAILED else None)
            change = Change(int(command.id), before, None, (step,), failure=step.failure)
            async with self.database.unit_of_work() as db:
                assert await command_store.apply(db, [change], now=self.clock.now())
            before = state
        await self.hear()

    async def hear(self) -> None:
        """Deliver what waits for support."""
        await outbox.deliver(
            self.database, subscription(self.correspondence, self.clock), self.clock
        )

    async def read(self, order: ChangeOrder) -> ChangeOrder:
        """Return an order as it is now."""
        async with self.database.unit_of_work() as db:
            return await change_orders.change_order(db, WHOLE, order.id)

    async def mails(self) -> list[KeptMail]:
        """Return the mails, the newest first."""
        async with self.database.unit_of_work() as db:
            return await mail.outbox(db)


async def opened(database: Database, clock: SetClock) -> Office:
    """Fill a database, and open its office."""
    async with database.unit_of_work() as db:
        await fill(db, clock.now())
        await db.execute(update(StationRow).values(ocpp_version="ocpp1.6"))
    remote.join(database, orders=OrderGate())
    jobs = Jobs(database.url, stop_timeout_s=1)
    mails = Mails(database=database, jobs=jobs, clock=clock, settings=Settings())
    return Office(database, clock, Correspondence(mails))
