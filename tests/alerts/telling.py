"""What tests of telling people share: two people, a wallet, and a real gateway that takes SMS."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text

from accounts import directory
from accounts.audit import Actor
from accounts.directory import Person
from alerts import alerting, purse, recipients
from alerts.channels.gateway import Gateway
from alerts.channels.post import Post
from alerts.notices import Channel, Recipient
from alerts.noticing import Notices
from alerts.recipients import Rules, Wish
from billing import credit_store
from billing.sms_purse import SmsPurse
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from foundation.jobs import Attempt, Jobs
from foundation.mail import Mails
from foundation.networks import networks
from foundation.outbox import Delivery
from foundation.outgoing_http import Outgoing
from foundation.sealing import Sealer
from foundation.settings import Settings
from tests.alerts.watch import NORTH, T0, Watch
from tests.receivers import Receiver, receiving

LEA_NUMBER, BEN_NUMBER = "+491701111111", "+491702222222"
LOOPBACK = networks(("127.0.0.0/8",))
FIRST, LAST = Attempt(1, False), Attempt(5, True)


@dataclass
class Telling:
    """A database with two people of the north, Lea and Ben, and what tells them of alerts."""

    watch: Watch
    database: Database
    clock: SetClock
    gateway: Receiver
    jobs: Jobs
    mails: Mails
    notices: Notices
    rules: Rules
    lea: Person
    ben: Person
    events: int = field(default=0)

    async def enter(
        self,
        target: str = LEA_NUMBER,
        *,
        by: Person | None = None,
        channel: Channel = Channel.SMS,
        organisation: OrganisationKey = NORTH,
        **wish: Any,
    ) -> Recipient:
        """Have somebody (Lea) enter a number."""
        who = by or self.lea
        async with self.database.unit_of_work() as db:
            return await recipients.add(
                db,
                organisation,
                Wish(channel=channel, target=target, **wish),
                by=Actor(f"person/{who.id}", who.name, "portal", None),
                account=who.organisation,
                person=who.id,
                language=who.language,
                rules=self.rules,
                now=self.clock.now(),
            )

    async def credit(self, quantity: int, account: OrganisationKey = NORTH) -> None:
        """Buy credits."""
        async with self.database.unit_of_work() as db:
            await credit_store.add(
                db,
                account,
                quantity,
                reference=f"order/{self.clock.now().isoformat()}/{quantity}",
                by="test",
                now=self.clock.now(),
            )

    async def balance(self, account: OrganisationKey = NORTH) -> tuple[int, int]:
        """Return what an account has, and what of it is set aside."""
        async with self.database.unit_of_work() as db:
            found = await credit_store.wallet(db, account)
            return found.balance, found.reserved

    async def happens(self, *findings: Any) -> None:
        """Report findings at the clock's time, and let the notices hear of what that changes."""
        await self.watch.report(*findings, now=self.clock.now())
        await self.hear()

    async def hear(self) -> None:
        """Let the notices hear of what changed."""
        events = await self.watch.told()
        async with self.database.unit_of_work() as db:
            made = []
            for event in events:
                self.events += 1
                made.append(Delivery(self.events, event, self.clock.now()))
            await self.notices(db, made)

    async def due(self) -> list[int]:
        """Return the notices that a job is to send now."""
        async with self.database.unit_of_work() as db:
            found = await db.scalars(
                text(
                    "select n.id from alert_notices n join alert_recipients r on r.id = n.recipient"
                    " where n.state in ('waiting', 'handed') and n.due_at <= :now"
                    " and r.channel <> 'mail' order by n.id"
                ),
                {"now": self.clock.now()},
            )
            return list(found)

    async def send(self, attempt: Attempt = FIRST) -> None:
        """Do the jobs that are due, one after the other."""
        for number in await self.due():
            await self.notices.send({"notice": number}, attempt)

    async def passes(self, until: datetime) -> None:
        """Let time go by, look after what became due, and send it."""
        self.clock.at = until
        await self.notices.look_after()
        await self.send()

    async def acknowledge(self, number: int = 1) -> None:
        """Take an alert on."""
        async with self.database.unit_of_work() as db:
            by = Actor("person/1", "Lea", "portal", None)
            await alerting.acknowledge(db, number, by=by, now=self.clock.now())
        await self.hear()

    @property
    def sms(self) -> list[tuple[str, str]]:
        """What came to the gateway: number and text."""
        came = [json.loads(each.body) for each in self.gateway.came]
        return [(each["to"], each["text"]) for each in came]

    async def states(self) -> list[str]:
        """Return what became of the notices, in order."""
        async with self.database.unit_of_work() as db:
            return list(await db.scalars(text("select state from alert_notices order by id")))

    async def letters(self) -> list[tuple[str, str, str]]:
        """Return the mails: to whom, about what, and what they say."""
        async with self.database.unit_of_work() as db:
            rows = await db.execute(
                text("select recipient, subject, body_text from mails order by id")
            )
            return [(each[0], each[1], each[2]) for each in rows]


@pytest.fixture
async def telling(watch: Watch, database: Database, clock: SetClock) -> AsyncIterator[Telling]:
    """Lea and Ben of the north; nobody is entered yet, and the wallet is empty."""
    clock.at = T0
    purse.join(database, SmsPurse())
    async with database.unit_of_work() as db:
        people = [
            await directory.create_person(
                db,
                name.lower(),
                {
                    "name": name,
                    "email": f"{name.lower()}@north.example",
                    "roles": ["owner"],
                    "organisation": NORTH,
                    "language": "en",
                },
                password_hash=None,
                now=clock.now(),
            )
            for name in ("Lea", "Ben")
        ]
    sealer = Sealer(bytes(range(32)))
    jobs = Jobs(database.url, poll_s=0.02)
    mails = Mails(database=database, jobs=jobs, clock=clock, settings=Settings.read())
    outgoing = Outgoing(allowed=LOOPBACK, timeout_s=10)
    async with receiving() as gateway:
        notices = Notices(
            database=database,
            jobs=jobs,
            clock=clock,
            mails=mails,
            sealer=sealer,
            ways={
                Channel.SMS: Gateway(gateway.url, token="of the gateway", timeout_s=10),
                Channel.CHAT: Post(outgoing, has_facts=False),
                Channel.WEBHOOK: Post(outgoing, has_facts=True),
            },
            public_url="https://leitstand.example",
        )
        yield Telling(
            watch,
            database,
            clock,
            gateway,
            jobs,
            mails,
            notices,
            Rules(sealer, tuple(LOOPBACK), has_gateway=True),
            lea=people[0],
            ben=people[1],
        )
