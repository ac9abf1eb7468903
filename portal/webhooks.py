"""Webhooks: events on their way to the programs of others.

Whoever makes a webhook has it hear what he hears himself, of the kinds he names. Events are read
from the journal by a cursor, so none is forgotten; each is sent by a job of its own, signed, again
and again with growing pauses, and can be sent once more whenever somebody asks. The order is not
kept; `webhook-id` is the same for every try of an event, by which a receiver knows it again.

A webhook that fails for long is switched off, and its organisation is told by mail.

Source: Standard Webhooks 1.0 (headers, signature, 410).
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NotRequired, Self, TypedDict

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import checks, directory, licensing
from accounts.directory import Principal, Scope
from accounts.permissions import Reach
from foundation.clock import Clock
from foundation.database import Database
from foundation.errors import Conflict, InvalidInput, NotFound, Unavailable
from foundation.identifiers import OrganisationKey
from foundation.jobs import Attempt, Jobs, Payload
from foundation.leases import alone
from foundation.mail import Mail, Mails
from foundation.message_signing import (
    OLD_SECRET_LASTS,
    new_secret,
    shown_secret,
    signed_headers,
)
from foundation.networks import Network
from foundation.outbox import Cursor
from foundation.outgoing_http import Outgoing, TargetAway, TargetRefused, checked_url
from foundation.sealing import Sealer
from portal import journal, store, webhook_store
from portal.journal import Audience, Told
from portal.tables import WebhookDeliveryRow, WebhookRow
from portal.webhook_letters import switched_off

log = structlog.get_logger(__name__)

NAME: Final = "webhooks"
"""The cursor's name, and the lock's."""
JOB: Final = "webhook.deliver"
PAUSES_S: tuple[float, ...] = (5, 30, 120, 600, 3600, 3 * 3600, 8 * 3600, 16 * 3600)
"""How long to wait after each failed try: more than a day altogether."""
REPLAYED_AT_MOST: Final = 1000
KEPT = timedelta(days=30)
"""How long deliveries are listed."""

_PURPOSE = "webhook"
_BATCH = 500
_POLL_S = 1.0
_MOST = 100
"""How many webhooks one organisation may have."""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    """It will be sent, or sent again after a pause."""
    DELIVERED = "delivered"
    """The receiver answered 2xx."""
    GIVEN_UP = "given_up"
    """It failed for the last time, or the webhook was switched off; it can be replayed."""


class TooManyWebhooks(Conflict):
    """An organisation has as many as it may."""

    code = "too_many_webhooks"

    def __init__(self) -> None:
        super().__init__(f"An organisation may have {_MOST} webhooks.")


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook without its secret."""

    id: int
    organisation: OrganisationKey
    name: str
    url: str
    kinds: frozenset[str]
    reach: Reach
    sees_personal: bool
    active: bool
    inactive_because: str | None
    failures: int
    failing_since: datetime | None
    created_at: datetime
    created_by: str

    @classmethod
    def of(cls, row: WebhookRow) -> Self:
        """Return what the row says."""
        return cls(
            id=row.id,
            organisation=OrganisationKey(row.organisation),
            name=row.name,
            url=row.url,
            kinds=frozenset(row.kinds),
            reach=Reach(row.reach),
            sees_personal=row.sees_personal,
            active=row.active,
            inactive_because=row.inactive_because,
            failures=row.failures,
            failing_since=row.failing_since,
            created_at=row.created_at,
            created_by=row.created_by,
        )


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """An event on its way to a webhook."""

    id: int
    event_id: int
    kind: str
    state: DeliveryState
    attempts: int
    response_status: int | None
    last_error: str | None
    created_at: datetime
    attempted_at: datetime | None
    next_try_at: datetime | None
    asked_by: str | None

    @classmethod
    def of(cls, row: WebhookDeliveryRow) -> Self:
        """Return what the row says."""
        return cls(
            id=row.id,
            event_id=row.event_id,
            kind=row.kind,
            state=DeliveryState(row.state),
            attempts=row.attempts,
            response_status=row.response_status,
            last_error=row.last_error,
            created_at=row.created_at,
            attempted_at=row.attempted_at,
            next_try_at=row.next_try_at,
            asked_by=row.asked_by,
        )


class WebhookFacts(TypedDict):
    """What of a webhook may change."""

    name: NotRequired[str]
    url: NotRequired[str]
    kinds: NotRequired[Collection[str]]
    active: NotRequired[bool]


async def audience_of(db: AsyncSession, hook: Webhook, now: datetime) -> Audience:
    """Return what a webhook hears: what its organisation sees as far as its maker did."""
    speaks = Principal(
        id=f"webhook/{hook.id}",
        name=hook.name,
        group="",
        rights=frozenset(),
        reach=hook.reach,
        organisation=hook.organisation,
        language="en",
    )
    scope = await directory.scope_of(db, speaks, now=now)
    granted = await licensing.entitlement_of(db, hook.organisation, now=now)
    if granted is not None and (
        granted.refusal_of_function("auto_export") or granted.refusal_of_exports()
    ):
        # Suspended, not switched off: it goes on when the account may again, and what it missed
        # can be sent from the journal.
        return Audience(scope, frozenset(), sees_personal=hook.sees_personal)
    return Audience(scope, hook.kinds, sees_personal=hook.sees_personal)


class Webhooks:
    """Makes webhooks, reads the journal for them, and sends.

    Registers its job with `jobs`; make one per process.

    Args:
        written: Makes the body of an event: JSON as the API has it.
        allowed: Networks that are not public and may be called all the same.
        pauses_s: The wait after each failed try.
        failures_max: Switched off after so many failed tries without a success between them …
        failing_for: … if the first of them is so long ago.
    """

    def __init__(
        self,
        *,
        database: Database,
        jobs: Jobs,
        clock: Clock,
        sealer: Sealer,
        mails: Mails,
        written: Callable[[Told], bytes],
        allowed: Collection[Network] = (),
        outgoing: Outgoing | None = None,
        pauses_s: Sequence[float] = PAUSES_S,
        failures_max: int = 20,
        failing_for: timedelta = timedelta(days=1),
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._clock = clock
        self._sealer = sealer
        self._mails = mails
        self._written = written
        self._allowed = tuple(allowed)
        self._outgoing = outgoing or Outgoing(allowed=self._allowed)
        self._pauses_s = tuple(pauses_s)
        self._failures_max = failures_max
        self._failing_for = failing_for
        jobs.register(JOB, self._deliver, pauses_s=self._pauses_s)

    # ----------------------------------------------------------------------------- making

    async def create(
        self,
        db: AsyncSession,
        *,
        organisation: OrganisationKey,
        name: str,
        url: str,
        kinds: Collection[str],
        reach: Reach,
        sees_personal: bool,
        created_by: str,
    ) -> tuple[Webhook, str]:
        """Make a webhook; the second value is its secret, which is never shown again.

        The caller has checked that its maker hears of these kinds, and sees that much.

        Raises:
            InvalidInput: If the name or the URL is not good, or no kind is named.
            TooManyWebhooks: If there are enough.
        """
        if len(await webhook_store.webhooks(db, {organisation}, limit=_MOST)) >= _MOST:
            raise TooManyWebhooks
        await self._begin(db)
        secret = new_secret()
        row = await webhook_store.add(
            db,
            {
                "organisation": organisation,
                "name": checks.text(name, "name"),
                "url": checked_url(url, self._allowed),
                "kinds": _checked_kinds(kinds),
                "reach": str(reach),
                "sees_personal": sees_personal,
                "secret": self._sealer.seal(secret, _PURPOSE),
                "active": True,
                "failures": 0,
                "created_at": self._clock.now(),
                "created_by": created_by,
            },
        )
        return Webhook.of(row), shown_secret(secret)

    async def _begin(self, db: AsyncSession) -> None:
        """Let the journal be read from now on, if no webhook was active before."""
        now, here = self._clock.now(), await journal.present(db)
        await store.begin_reading(db, NAME, here, now)
        await store.hold_cursor(db, NAME)
        if not await webhook_store.active(db):
            await store.begin_anew(db, NAME, here, now)

    async def change(self, db: AsyncSession, number: int, facts: WebhookFacts) -> Webhook:
        """Change what is named; switching it on again forgets its failures.

        Raises:
            NotFound: If there is none.
            InvalidInput: If a fact is not good.
        """
        row = await _row(db, number, locked=True)
        if "name" in facts:
            row.name = checks.text(facts["name"], "name")
        if "url" in facts:
            row.url = checked_url(facts["url"], self._allowed)
        if "kinds" in facts:
            row.kinds = _checked_kinds(facts["kinds"])
        if "active" in facts and facts["active"] != row.active:
            if facts["active"]:
                await self._begin(db)
            row.active = facts["active"]
            row.failures, row.failing_since, row.inactive_because = 0, None, None
            if not row.active:
                row.inactive_because = "by hand"
                await webhook_store.give_up_waiting(db, number, "the webhook is switched off")
        await db.flush()
        return Webhook.of(row)

    async def remove(self, db: AsyncSession, number: int) -> None:
        """Remove a webhook and what is known of its deliveries.

        Raises:
            NotFound: If there is none.
        """
        await _row(db, number, locked=True)
        await webhook_store.remove(db, number)

    async def rotate_secret(self, db: AsyncSession, number: int) -> str:
        """Make a fresh secret; for a day messages are signed with the one before it too.

        Raises:
            NotFound: If there is none.
        """
        row = await _row(db, number, locked=True)
        secret = new_secret()
        row.old_secret, row.old_secret_until = row.secret, self._clock.now() + OLD_SECRET_LASTS
        row.secret = self._sealer.seal(secret, _PURPOSE)
        await db.flush()
        return shown_secret(secret)

    # -------------------------------------------------------------------------- replaying

    async def replay_event(
        self, db: AsyncSession, hook: Webhook, event_id: int, *, asked_by: str
    ) -> int:
        """Send one event once more; return how many were asked for: one.

        Raises:
            NotFound: If there is no such event that it hears of.
        """
        told = await journal.one(db, event_id)
        audience = await audience_of(db, hook, self._clock.now())
        if told is None or not audience.hears(told):
            raise NotFound("event", str(event_id))
        return await self._send_again(db, hook, [told], asked_by)

    async def replay_after(
        self, db: AsyncSession, hook: Webhook, after: Cursor, *, limit: int, asked_by: str
    ) -> tuple[int, Cursor | None]:
        """Send the events behind a place once more.

        Returns:
            How many, and the place to go on from; None at the present end.
        """
        now = self._clock.now()
        audience = await audience_of(db, hook, now)
        found, reached = await journal.read_for(db, audience, after, limit=limit)
        sent = await self._send_again(db, hook, found, asked_by)
        following = reached if reached != after and (found or reached is not None) else None
        return sent, following

    async def _send_again(
        self, db: AsyncSession, hook: Webhook, found: Sequence[Told], asked_by: str
    ) -> int:
        if not hook.active:
            raise Conflict("The webhook is switched off. Switch it on first.")
        return await self._add(db, hook.id, found, asked_by=asked_by)

    # ---------------------------------------------------------------------------- telling

    async def run(self) -> None:
        """Read the journal for ever, if no other process does."""
        while True:
            # As in the feed: a task of its own, since a cancelled one may tell of other things.
            async with asyncio.TaskGroup() as group:
                group.create_task(self._until_interrupted(), name="webhooks")
            await asyncio.sleep(_POLL_S)

    async def _until_interrupted(self) -> None:
        try:
            await alone(self._database, NAME, self._follow)
        except (Unavailable, Conflict) as error:
            log.warning("webhooks.interrupted", code=error.code)

    async def _follow(self) -> None:
        while True:
            if not await self.tell():
                await asyncio.sleep(_POLL_S)

    async def tell(self) -> bool:
        """Address the next events to the webhooks that hear of them; tell whether there were any.

        Raises:
            SomebodyElseReads: If another process does it.
        """
        now = self._clock.now()
        async with self._database.unit_of_work() as db:
            hooks = await webhook_store.active(db)
            if not hooks:
                return False  # nobody listens: the journal need not be read
            place = await store.cursor(db, NAME)
            assert place is not None, "a webhook is active, and nobody began to read for it"
            found = await journal.read(db, place, limit=_BATCH)
            if not found:
                return False
            for row in hooks:
                audience = await audience_of(db, Webhook.of(row), now)
                heard = [
                    each
                    for each in found
                    if audience.hears(each) and each.recorded_at >= row.created_at
                ]
                await self._add(db, row.id, heard)
            await store.move_cursor(db, NAME, place, found[-1].cursor, now)
        return True

    async def _add(
        self, db: AsyncSession, number: int, heard: Sequence[Told], *, asked_by: str | None = None
    ) -> int:
        if not heard:
            return 0
        added = await webhook_store.add_deliveries(
            db,
            number,
            [(each.cursor.event_id, each.kind) for each in heard],
            self._clock.now(),
            asked_by=asked_by,
        )
        for each in added:
            await self._jobs.defer(db, JOB, {"delivery": each}, key=f"webhook/{each}")
        return len(added)

    async def forget(self) -> None:
        """Forget what was delivered long ago."""
        async with self._database.unit_of_work() as db:
            await webhook_store.forget_deliveries(db, self._clock.now() - KEPT)

    # ---------------------------------------------------------------------------- sending

    async def _deliver(self, payload: Payload, attempt: Attempt) -> None:
        """Send one event; an error means that it is tried again."""
        number: int = payload["delivery"]
        prepared = await self._prepared(number)
        if prepared is None:
            return
        url, body, headers = prepared
        status: int | None = None
        why: str | None = None
        try:
            status = (await self._outgoing.post(url, body, headers)).status
            if not 200 <= status < 300:
                why = f"answered {status}"
        except (TargetAway, TargetRefused) as error:
            why = str(error)
        again = await self._note(number, status, why, attempt)
        if again:
            raise Unavailable(f"The webhook did not take it: {why}")

    async def _prepared(self, number: int) -> tuple[str, bytes, dict[str, str]] | None:
        """Return what to send now; None if there is nothing to send any more."""
        now = self._clock.now()
        async with self._database.unit_of_work() as db:
            delivery = await webhook_store.delivery(db, number, locked=True)
            if delivery is None or delivery.state != DeliveryState.WAITING:
                return None
            row = await _row(db, delivery.webhook)
            told = await journal.one(db, delivery.event_id)
            audience = await audience_of(db, Webhook.of(row), now)
            if not row.active or told is None or not audience.hears(told):
                delivery.state, delivery.next_try_at = DeliveryState.GIVEN_UP, None
                delivery.last_error = (
                    "the webhook is switched off" if not row.active else "the event is gone"
                )
                return None
            body = self._written(audience.shown(told))
            keys = [row.secret]
            if row.old_secret is not None and row.old_secret_until is not None:
                keys += [row.old_secret] if now < row.old_secret_until else []
            message_id = f"evt_{delivery.event_id}"
            headers = {
                "content-type": "application/json",
                "user-agent": "Leitstand-Webhooks/1",
                **signed_headers(
                    [self._sealer.unseal(each, _PURPOSE) for each in keys], message_id, now, body
                ),
            }
            return row.url, body, headers

    async def _note(
        self, number: int, status: int | None, why: str | None, attempt: Attempt
    ) -> bool:
        """Write down how a try went; tell whether there is to be another."""
        now = self._clock.now()
        async with self._database.unit_of_work() as db:
            delivery = await webhook_store.delivery(db, number, locked=True)
            if delivery is None:
                return False
            row = await _row(db, delivery.webhook, locked=True)
            delivery.attempts += 1
            delivery.attempted_at = now
            delivery.response_status, delivery.last_error = status, why
            delivery.next_try_at = None
            if why is None:
                delivery.state = DeliveryState.DELIVERED
                row.failures, row.failing_since = 0, None
                return False
            row.failures += 1
            row.failing_since = row.failing_since or now
            is_gone = status == 410
            if is_gone or (
                row.failures >= self._failures_max and now - row.failing_since >= self._failing_for
            ):
                await self._switch_off(db, row, "it answered 410 Gone" if is_gone else why, now)
                return False
            if attempt.is_last or not row.active:
                delivery.state = DeliveryState.GIVEN_UP
                return False
            pause_s = self._pauses_s[attempt.number - 1]
            delivery.next_try_at = now + timedelta(seconds=pause_s)
            return True

    async def _switch_off(self, db: AsyncSession, row: WebhookRow, why: str, now: datetime) -> None:
        """Switch off what fails for good, and tell whom it concerns."""
        row.active, row.inactive_because = False, why
        await webhook_store.give_up_waiting(db, row.id, "the webhook was switched off")
        log.warning("webhook.switched_off", webhook=row.id, failures=row.failures, why=why)
        owner = await directory.organisation(db, OrganisationKey(row.organisation))
        if owner.email is not None:
            subject, text = switched_off(row.name, owner.language, why)
            mail = Mail(owner.email, subject, text, owner.language)
            key = f"webhook/{row.id}/off/{now.isoformat()}"
            await self._mails.post(db, mail, key=key)


async def webhook(db: AsyncSession, number: int) -> Webhook:
    """Return one webhook; the caller checks the scope.

    Raises:
        NotFound: If there is none.
    """
    return Webhook.of(await _row(db, number))


async def webhooks(
    db: AsyncSession, scope: Scope, *, after: int = 0, limit: int = 50
) -> list[Webhook]:
    """Return the webhooks of a scope, oldest first."""
    keys = None if scope.organisations is None else frozenset[str](scope.organisations)
    rows = await webhook_store.webhooks(db, keys, after=after, limit=limit)
    return [Webhook.of(row) for row in rows]


async def deliveries(
    db: AsyncSession,
    number: int,
    *,
    state: DeliveryState | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[WebhookDelivery]:
    """Return a webhook's deliveries, the newest first; the caller checked the scope."""
    rows = await webhook_store.deliveries(db, number, state=state, before=before, limit=limit)
    return [WebhookDelivery.of(row) for row in rows]


async def _row(db: AsyncSession, number: int, *, locked: bool = False) -> WebhookRow:
    row = await webhook_store.webhook(db, number, locked=locked)
    if row is None:
        raise NotFound("webhook", str(number))
    return row


def _checked_kinds(kinds: Collection[str]) -> list[str]:
    if not kinds:
        raise InvalidInput("Name at least one kind of event.", field="kinds")
    return sorted(set(kinds))
