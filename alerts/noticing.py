"""People are told of alerts: decided with the change, sent once, paid only if really sent.

What is to be told is written in the unit of work that takes the change from the outbox, so none is
forgotten. Mails go the mails' own way. What else leaves the house is a job: its credit is set
aside, the message handed over, then the credit taken, or given back. A job whose worker dies
between is done again under the same id, and is paid for once.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from alerts import alert_store, purse, raising, recipients, wording
from alerts import notice_store as store
from alerts.channels.way import Away, Message, Refused, Way
from alerts.detections import Detection, Severity
from alerts.given_names import names_of
from alerts.life import Change
from alerts.notices import (
    BUNDLED_WITHIN,
    UNPAID_EVERY,
    About,
    Channel,
    Notice,
    NoticeState,
    Recipient,
    decide,
    may_bundle,
    next_reminder,
)
from alerts.recipients import PURPOSE
from foundation.clock import Clock
from foundation.database import Database
from foundation.errors import NotFound, Unavailable
from foundation.events import AlertChanged
from foundation.identifiers import OrganisationKey
from foundation.jobs import Attempt, Jobs, Payload
from foundation.mail import InvalidAddress, Mail, Mails
from foundation.outbox import Delivery, Subscription
from foundation.sealing import Sealer
from foundation.tasks import one_by_one

log = structlog.get_logger(__name__)

READER: Final = "notices"
JOB: Final = "alert.notice"
PAUSES_S: Final = (10.0, 60.0, 300.0, 900.0)
"""How long to wait after each failed try: about twenty minutes, then a mail tells of it."""
LOST_AFTER: Final = timedelta(days=1)
"""After so long a message that is being handed over is given up, with its credit given back."""
CRON: Final = "* * * * *"
ACCESS_CRON: Final = "23 * * * *"


@dataclass(frozen=True, slots=True)
class _Work:
    """What is handed over: a notice, with those that go along in the same message."""

    notice: Notice
    along: Sequence[tuple[Notice, Recipient]]
    entry: Recipient
    message: Message

    @property
    def all(self) -> list[tuple[Notice, Recipient]]:
        """Each notice with its entry."""
        return [(self.notice, self.entry), *self.along]


class Notices:
    """Tells people of alerts.

    Registers its job with `jobs`; make one per process.

    Args:
        ways: How messages leave that are no mails; SMS is missing where no gateway is set.
        public_url: How people reach the portal, for links; without a slash at the end.
    """

    def __init__(
        self,
        *,
        database: Database,
        jobs: Jobs,
        clock: Clock,
        mails: Mails,
        sealer: Sealer,
        ways: Mapping[Channel, Way],
        public_url: str,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._clock = clock
        self._mails = mails
        self._sealer = sealer
        self._ways = ways
        self._public_url = public_url
        jobs.register(JOB, self.send, pauses_s=pauses_s)

    # --------------------------------------------------------------------------- deciding

    async def __call__(self, db: AsyncSession, deliveries: Sequence[Delivery]) -> None:
        """Decide who hears of a batch of changes, in their order."""
        now = self._clock.now()
        used: dict[int, bool] = {}
        for each in deliveries:
            event = each.event
            assert isinstance(event, AlertChanged)
            await store.lock(db, event.alert_id)
            current = (await store.abouts(db, [event.alert_id])).get(event.alert_id)
            about = About(
                alert=event.alert_id,
                organisation=event.organisation,
                detection=Detection(event.detection),
                cause=event.cause,
                severity=Severity(event.severity),
                stations=event.stations,
                location=event.location,
                monitored=event.monitored,
                is_taken=current is not None and current.is_taken,
            )
            await self._decide(db, about, Change(event.change), now, used)

    async def _decide(
        self,
        db: AsyncSession,
        about: About,
        change: Change,
        now: datetime,
        known_used: dict[int, bool],
    ) -> None:
        """Decide about one change; its alert is locked.

        Args:
            db: The unit of work.
            about: The alert.
            change: What happened to it.
            now: When it is decided.
            known_used: Which entries were looked at already, and may be used; it is added to.
        """
        entries = await store.recipients(db, {about.organisation})
        for each in entries:
            if each.id not in known_used:
                known_used[each.id] = await self._is_used(db, each, now)
        used = [each for each in entries if known_used[each.id]]
        known = await store.notices(db, about.alert)
        decision = decide(about, change, used, known, now)
        await store.drop(db, decision.dropped, now)
        by_id = {each.id: each for each in used}
        for number, notice in await store.add_notices(db, decision.told, now):
            if notice.due_at <= now:
                await self._begin(db, replace(notice, id=number), by_id[notice.recipient], now)

    async def _begin(
        self, db: AsyncSession, notice: Notice, entry: Recipient, now: datetime
    ) -> None:
        """Send a notice that is due: a mail at once, all else by a job."""
        if entry.channel is Channel.MAIL:
            await self._mail(db, notice, entry, now)
        else:
            await self._jobs.defer(db, JOB, {"notice": notice.id}, key=f"notice/{notice.id}")

    # ---------------------------------------------------------------------------- periodic

    async def look_after(self) -> None:
        """Send what became due, and write to accounts about what they had no credits for.

        Raises:
            ExceptionGroup: What went wrong with some; the others were handled all the same.
        """
        now = self._clock.now()
        async with self._database.unit_of_work() as db:
            due = await store.due(db, now)
            accounts = await store.unpaid_accounts(db, now - UNPAID_EVERY)
            stuck = await store.stuck(db, now - LOST_AFTER)
        work = [
            *(partial(self._give_up, number=number, now=now) for number in stuck),
            *(partial(self._send_due, number=each.id, now=now) for each in due),
            *(partial(self._write_unpaid, account=account, now=now) for account in accounts),
        ]
        await one_by_one(partial(self._in_one_unit, each) for each in work)

    async def _in_one_unit(self, work: Callable[[AsyncSession], Awaitable[None]]) -> None:
        async with self._database.unit_of_work() as db:
            await work(db)

    async def _give_up(self, db: AsyncSession, number: int, now: datetime) -> None:
        """Give back what was set aside for a message whose job never ended."""
        notice = await store.held(db, number)
        if notice is None or notice.state is not NoticeState.HANDED:
            return
        await self._give_back(db, notice, now)
        why = "Its job never ended."
        await store.settle(db, [number], NoticeState.FAILED, now, error=why)
        await store.let_go(db, number)
        log.error("notice.lost", notice=number)

    async def _send_due(self, db: AsyncSession, number: int, now: datetime) -> None:
        notice = await store.held(db, number)
        if notice is None or notice.state is not NoticeState.WAITING:
            return
        entry = await store.recipient(db, notice.recipient)
        if entry is None or not await self._is_used(db, entry, now):
            await self._without(db, notice, now)
        else:
            await self._begin(db, notice, entry, now)

    async def look_at_access(self) -> None:
        """End the entries of those who do not see the stations any more."""
        now = self._clock.now()
        async with self._database.unit_of_work() as db:
            for each in await store.recipients(db, None):
                await self._is_used(db, each, now)

    async def _is_used(self, db: AsyncSession, entry: Recipient, now: datetime) -> bool:
        """Tell whether an entry may be used; if not it is ended, and the others are told."""
        if await recipients.still_sees(db, entry, now):
            return True
        if await store.end_recipient(db, entry.id, "access", now):
            log.info("notice.access_lost", recipient=entry.id)
            await self._tell_others(db, entry)
        return False

    async def _tell_others(self, db: AsyncSession, gone: Recipient) -> None:
        organisation = await directory.organisation(db, gone.organisation)
        others = await store.recipients(db, {gone.organisation})
        told = {}
        if organisation.email is not None:
            told[organisation.email] = str(organisation.language)
        for each in others:
            if each.entered_by != gone.entered_by and (found := await _person(db, each)):
                told[found[0]] = found[1]
        for address, language in told.items():
            letter = wording.lost(
                target=gone.label or gone.target,
                by=gone.entered_by_name,
                organisation=organisation.name,
                public_url=self._public_url,
                language=language,
            )
            await self._post(db, address, letter, language, f"recipient/{gone.id}/{address}")

    async def _without(self, db: AsyncSession, notice: Notice, now: datetime) -> None:
        """Let others step in for an entry that is not used any more."""
        await store.settle(db, [notice.id], NoticeState.DROPPED, now)
        await store.let_go(db, notice.id)
        about = await self._about(db, notice.alert)
        if notice.occasion in (Change.RAISED, Change.REPEATED):
            await self._decide(db, about, Change.RAISED, now, {})

    # ----------------------------------------------------------------------------- sending

    async def send(self, payload: Payload, attempt: Attempt) -> None:
        """Do the job: no unit of work stays open while the other side thinks."""
        number = int(payload["notice"])
        async with self._database.unit_of_work() as db:
            work = await self._prepare(db, number)
        if work is None:
            return
        if isinstance(work, Recipient):
            async with self._database.unit_of_work() as db:
                await self._write_unpaid(db, work.account, self._clock.now())
            return
        way = self._ways.get(work.entry.channel)
        try:
            if way is None:
                raise Refused("No SMS gateway is set.")
            await way.hand_over(work.message)
        except (Refused, Away) as error:
            if isinstance(error, Refused) or attempt.is_last:
                await self._failed(work, str(error))
                return
            log.warning("notice.not_sent", notice=number, attempt=attempt.number, why=str(error))
            raise Unavailable(f"Notice {number} was not sent: {error}") from None
        await self._sent(work)

    async def _prepare(self, db: AsyncSession, number: int) -> _Work | Recipient | None:
        """Set aside what a message costs, and compose it.

        None: there is nothing to send. An entry: its account has no credit for it.
        """
        now = self._clock.now()
        notice = await store.held(db, number)
        if notice is None or notice.state not in (NoticeState.WAITING, NoticeState.HANDED):
            return None
        if notice.carried_by is not None:  # it goes along with another
            return None
        entry = await store.recipient(db, notice.recipient)
        if entry is None or not await self._is_used(db, entry, now):
            if notice.state is NoticeState.HANDED:
                await self._give_back(db, notice, now)
            await self._without(db, notice, now)
            return None
        if entry.channel is Channel.SMS and not await self._reserve(db, notice, entry, now):
            await store.settle(db, [number], NoticeState.UNPAID, now)
            await self._remind(db, notice, entry, now)
            return entry
        along = await self._along(db, notice, entry, now)
        await store.set_handed(db, number)
        return _Work(notice, along, entry, await self._message(db, notice, along, entry))

    async def _reserve(
        self, db: AsyncSession, notice: Notice, entry: Recipient, now: datetime
    ) -> bool:
        return await purse.of(db).reserve(
            db,
            entry.account,
            reference=f"notice/{notice.id}",
            about=f"alert/{notice.alert}",
            by=entry.entered_by,
            now=now,
        )

    async def _give_back(self, db: AsyncSession, notice: Notice, now: datetime) -> None:
        """Give back what was set aside for a notice, if anything was; its entry may be gone."""
        await purse.of(db).release(db, f"notice/{notice.id}", now=now)

    async def _along(
        self, db: AsyncSession, notice: Notice, entry: Recipient, now: datetime
    ) -> list[tuple[Notice, Recipient]]:
        """Return what goes into the same message, as much as it can say; it leaves with it."""
        is_first = notice.occasion in (Change.RAISED, Change.REPEATED)
        if notice.state is NoticeState.HANDED:  # a try broke off: the same message again
            return await store.carried(db, notice.id)
        if not may_bundle(entry) or not is_first:
            return []
        used = {entry.id: True}
        along: list[tuple[Notice, Recipient]] = []
        lines = [await self._numbered(db, notice, entry)]
        # Whoever waits for more waits so long at most; what is due later waits for its own time.
        for each, other in await store.to_go_along(db, notice, entry, now + BUNDLED_WITHIN):
            if other.id not in used:
                used[other.id] = await self._is_used(db, other, now)
            if not used[other.id]:
                continue
            lines.append(await self._numbered(db, each, entry))
            if entry.channel is not Channel.MAIL and not wording.fits(
                lines, language=entry.language
            ):
                break
            along.append((each, other))
        if along:
            await store.take_along(db, [each.id for each, _ in along], notice.id)
        return along

    async def _numbered(
        self, db: AsyncSession, notice: Notice, entry: Recipient
    ) -> tuple[int, str]:
        about = await self._about(db, notice.alert)
        return notice.alert, await self._line(db, about, notice.occasion, entry.language)

    async def _message(
        self,
        db: AsyncSession,
        notice: Notice,
        along: Sequence[tuple[Notice, Recipient]],
        entry: Recipient,
    ) -> Message:
        listed = [notice, *(each for each, _ in along)]
        lines = [await self._numbered(db, each, entry) for each in listed]
        target = entry.target
        if entry.channel in (Channel.CHAT, Channel.WEBHOOK):
            sealed = await store.sealed_target(db, entry.id)
            assert sealed is not None, "the table demands it"
            target = self._sealer.unseal(sealed, PURPOSE).decode()
        about = await self._about(db, notice.alert)
        return Message(
            id=f"notice/{notice.id}",
            target=target,
            text=wording.sms(lines, language=entry.language),
            facts={
                "id": f"notice/{notice.id}",
                "alert": about.alert,
                "change": notice.occasion,
                "organisation": about.organisation,
                "detection": about.detection,
                "cause": about.cause,
                "severity": about.severity,
                "stations": list(about.stations),
                "location": about.location,
                "url": f"{self._public_url}/alerts/{about.alert}",
            },
        )

    async def _sent(self, work: _Work) -> None:
        now = self._clock.now()
        async with self._database.unit_of_work() as db:
            await store.held(db, work.notice.id)
            if work.entry.channel is Channel.SMS:
                await purse.of(db).capture(db, f"notice/{work.notice.id}", now=now)
            await store.settle(db, [each.id for each, _ in work.all], NoticeState.SENT, now)
            for each, entry in work.all:
                await self._remind(db, each, entry, now)
        log.info("notice.sent", notice=work.notice.id, channel=work.entry.channel)

    async def _failed(self, work: _Work, why: str) -> None:
        """Give the credit back, and let a mail take the message's place."""
        now = self._clock.now()
        entry = work.entry
        async with self._database.unit_of_work() as db:
            await store.held(db, work.notice.id)
            await self._give_back(db, work.notice, now)
            numbers = [each.id for each, _ in work.all]
            await store.settle(db, numbers, NoticeState.FAILED, now, error=why)
            found = await _person(db, entry) or await _contact(db, entry.account)
            if entry.channel is Channel.SMS and found is not None:
                letter = wording.unsent(
                    work.message.text,
                    alert=work.notice.alert,
                    target=entry.target,
                    public_url=self._public_url,
                    language=found[1],
                )
                await self._post(db, found[0], letter, found[1], f"notice/{work.notice.id}/unsent")
            for each, its in work.all:
                await self._remind(db, each, its, now)
        log.error("notice.failed", notice=work.notice.id, channel=entry.channel, why=why)

    async def _remind(
        self, db: AsyncSession, notice: Notice, entry: Recipient, now: datetime
    ) -> None:
        """Plan the next time, if he wants to be reminded and nothing changes until then."""
        if notice.occasion not in (Change.RAISED, Change.REPEATED):
            return
        about = await self._about(db, notice.alert)
        found = await alert_store.alert(db, notice.alert)
        if about.is_taken or found is None or found.over_at is not None:
            return
        known = await store.notices(db, notice.alert)
        planned = next_reminder(entry, about.severity, known, now)
        if planned is not None:
            await store.add_notices(db, [planned], now)

    # ------------------------------------------------------------------------------- mails

    async def _mail(
        self, db: AsyncSession, notice: Notice, entry: Recipient, now: datetime
    ) -> None:
        along = await self._along(db, notice, entry, now)
        lines = []
        for each in (notice, *(other for other, _ in along)):
            found = await alert_store.alert(db, each.alert)
            assert found is not None
            lines.append((each.alert, found.raised_at, (await self._numbered(db, each, entry))[1]))
        if along:
            letter = wording.mail_of_several(
                lines, zone=entry.zone, public_url=self._public_url, language=entry.language
            )
        else:
            [(number, at, said)] = lines
            letter = wording.mail(
                said,
                alert=number,
                at=at,
                zone=entry.zone,
                public_url=self._public_url,
                language=entry.language,
            )
        await self._post(db, entry.target, letter, entry.language, f"notice/{notice.id}")
        sent = [(notice, entry), *along]
        await store.settle(db, [each.id for each, _ in sent], NoticeState.SENT, now)
        for each, its in sent:
            await self._remind(db, each, its, now)

    async def _write_unpaid(
        self, db: AsyncSession, account: OrganisationKey, now: datetime
    ) -> None:
        """Write to an account about what it had no credits for, at most once an hour."""
        last = await store.last_letter(db, account)
        listed = await store.unpaid(db, account)
        if not listed or (last is not None and now - last < UNPAID_EVERY):
            return
        payer = await directory.organisation(db, account)
        to: dict[str, str] = {}
        for _, entry in listed:
            if found := await _person(db, entry):
                to[found[0]] = found[1]
        if not to and payer.email is not None:
            to[payer.email] = payer.language
        for address, language in to.items():
            lines = []
            for notice, entry in listed:
                about = await self._about(db, notice.alert)
                said = await self._line(db, about, notice.occasion, language)
                lines.append((notice.due_at, said, entry.target))
            letter = wording.unpaid(
                lines,
                account=payer.name,
                zone=payer.time_zone,
                public_url=self._public_url,
                language=language,
            )
            key = f"unpaid/{account}/{listed[-1][0].id}/{address}"
            await self._post(db, address, letter, language, key)
        await store.note_letter(db, account, [each.id for each, _ in listed], now)

    async def _post(
        self, db: AsyncSession, address: str, letter: wording.Letter, language: str, key: str
    ) -> None:
        mail = Mail(address, letter.subject, letter.body, language)
        try:
            await self._mails.post(db, mail, key=key)
        except InvalidAddress:
            log.warning("notice.no_address", key=key)

    # ------------------------------------------------------------------------------ reading

    async def _about(self, db: AsyncSession, alert: int) -> About:
        found = (await store.abouts(db, [alert]))[alert]
        return replace(found, monitored=alert in await alert_store.monitored(db, [alert]))

    async def _line(self, db: AsyncSession, about: About, occasion: Change, language: str) -> str:
        place = about.location
        if place is not None and about.stations:
            site = (await raising.sites(db, about.stations[:1])).get(about.stations[0])
            if site is not None and site.location == place and site.place is not None:
                place = site.place
        name = (await names_of(db, [about.cause])).get(about.cause)
        return wording.line(about, occasion, place=place, language=language, name=name)


async def _person(db: AsyncSession, entry: Recipient) -> tuple[str, str] | None:
    """Return the mail address and language of who made an entry."""
    if entry.person is None:
        return None
    try:
        person = await directory.person(db, entry.person)
    except NotFound:
        return None
    return None if person.email is None else (person.email, person.language)


async def _contact(db: AsyncSession, account: OrganisationKey) -> tuple[str, str] | None:
    organisation = await directory.organisation(db, account)
    return None if organisation.email is None else (organisation.email, organisation.language)


def subscription(notices: Notices) -> Subscription:
    """Return the notices' reader for the program."""
    return Subscription(READER, (AlertChanged.kind,), notices)
