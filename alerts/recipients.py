"""Face: who hears of an organisation's alerts; entered, changed and removed by people.

An entry belongs to whoever made it: his name stands beside it, his account pays for what costs
credits, and it is used only as long as he sees the organisation's stations himself.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import checks, directory
from accounts.audit import Actor
from accounts.directory import Principal, Scope
from accounts.permissions import Permission
from alerts import entries, purse
from alerts import notice_store as store
from alerts.channels.services import CHATS, checked_chat, scheme_of
from alerts.detections import Detection, Severity
from alerts.notice_store import Told as Told
from alerts.notices import Channel, Recipient, Shift, check_times, expected
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId
from foundation.mail import check_address
from foundation.networks import Network
from foundation.outgoing_http import checked_url
from foundation.sealing import Sealer

PURPOSE: Final = "alert recipient"
FORECAST_OVER: Final = timedelta(days=30)
_MOST: Final = 200
"""How many entries one organisation may have."""


class TooManyRecipients(Conflict):
    """An organisation has as many entries as it may."""

    code = "too_many_recipients"

    def __init__(self) -> None:
        super().__init__(f"At most {_MOST} entries hear of an organisation's alerts.")


class NoGateway(Conflict):
    """No SMS can be sent from this installation."""

    code = "no_sms_gateway"

    def __init__(self) -> None:
        super().__init__("This installation sends no SMS: no gateway is set.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody enters; texts as he wrote them.

    Attributes:
        tells_end: None: by mail yes, by SMS no, since each costs a credit.
        zone: IANA; None: the organisation's.
        language: None: that of who enters it.
    """

    channel: Channel
    target: str
    label: str | None = None
    language: str | None = None
    zone: str | None = None
    detections: Collection[Detection] = ()
    stations: Collection[str] = ()
    locations: Collection[str] = ()
    least: Severity = Severity.WARNING
    monitored_only: bool = False
    after_minutes: int = 0
    repeat_minutes: int | None = None
    tells_end: bool | None = None
    quiet_from: str | None = None
    quiet_until: str | None = None
    breaks_quiet: Severity | None = None
    shifts: Sequence[Shift] = ()
    bundles: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """What this installation allows.

    Attributes:
        sealer: Seals URLs, which may hold secrets.
        allowed: Networks that are not public and may be called all the same.
        has_gateway: Whether SMS can be sent.
    """

    sealer: Sealer
    allowed: tuple[Network, ...]
    has_gateway: bool


async def listed(
    db: AsyncSession, scope: Scope, *, after: int = 0, limit: int | None = None
) -> list[Recipient]:
    """Return the entries for the organisations of a scope, the earlier first."""
    return await store.recipients(db, scope.organisations, after=after, limit=limit)


async def told(db: AsyncSession, alert: int) -> list[Told]:
    """Return who was, is or will be told of an alert, the oldest first.

    The caller has checked that he sees the alert.
    """
    return await store.told(db, alert)


async def recipient(db: AsyncSession, scope: Scope, number: int) -> Recipient:
    """Return an entry.

    Raises:
        NotFound: If there is none in scope.
    """
    found = await store.recipient(db, number)
    if found is None or not scope.covers(found.organisation):
        raise NotFound("recipient", number)
    return found


async def add(
    db: AsyncSession,
    organisation: OrganisationKey,
    wish: Wish,
    *,
    by: Actor,
    account: OrganisationKey,
    person: int | None,
    language: str,
    rules: Rules,
    now: datetime,
) -> Recipient:
    """Enter where somebody wants to hear of an organisation's alerts.

    The caller has checked that he sees the organisation.

    Args:
        db: The unit of work.
        organisation: Whose alerts.
        wish: What was entered.
        by: Who enters it.
        account: Who pays: his organisation.
        person: His number, if he is a person.
        language: His.
        rules: What the installation allows.
        now: When.

    Raises:
        InvalidInput: If the target is none, a time does not exist, or the times contradict.
        NoGateway: If it is a number, and no gateway is set.
        TooManyRecipients: If there are enough.
    """
    if len(await store.recipients(db, {organisation}, limit=_MOST)) >= _MOST:
        raise TooManyRecipients
    owner = await directory.organisation(db, organisation)
    blank = Recipient(
        id=0,
        organisation=organisation,
        account=account,
        person=person,
        entered_by=by.id,
        entered_by_name=by.name,
        entered_at=now,
        channel=wish.channel,
        target="",
        language=language,
        zone=owner.time_zone,
    )
    made, sealed = _read(blank, wish, rules)
    return await store.add_recipient(db, made, sealed)


async def change(db: AsyncSession, number: int, wish: Wish, *, rules: Rules) -> Recipient:
    """Change an entry as a whole; who made it, and so who pays, stays.

    A URL that is left out (an empty target) stays as it is.

    Raises:
        NotFound: If there is none.
        InvalidInput, NoGateway: As in `add`.
    """
    before = await store.recipient(db, number)
    if before is None:
        raise NotFound("recipient", number)
    if wish.channel is not before.channel:
        raise InvalidInput("The way stays; make another entry.", field="channel")
    made, sealed = _read(before, wish, rules)
    await store.save_recipient(db, made, sealed)
    return made


async def remove(db: AsyncSession, number: int, *, now: datetime) -> None:
    """Use an entry no longer; what waits for it is not sent.

    Raises:
        NotFound: If there is none.
    """
    if not await store.end_recipient(db, number, "removed", now):
        raise NotFound("recipient", number)


def _read(base: Recipient, wish: Wish, rules: Rules) -> tuple[Recipient, bytes | None]:
    """Return an entry with what was entered, and its sealed target if it has a new one."""
    try:
        target, sealed = _target(base, wish, rules)
    except InvalidInput as error:
        error.field = "target"  # whatever it is called where it was refused
        raise
    tells_end = wish.channel is not Channel.SMS if wish.tells_end is None else wish.tells_end
    made = replace(
        base,
        target=target,
        label=checks.text(wish.label, "label") if wish.label and wish.label.strip() else None,
        language=base.language if wish.language is None else checks.language(wish.language),
        zone=base.zone if wish.zone is None else checks.time_zone(wish.zone),
        detections=frozenset(wish.detections),
        stations=frozenset(StationId(each.strip()) for each in wish.stations if each.strip()),
        locations=frozenset(each.strip() for each in wish.locations if each.strip()),
        least=wish.least,
        monitored_only=wish.monitored_only,
        after=entries.wait(wish.after_minutes),
        repeat=entries.reminder(wish.repeat_minutes),
        tells_end=tells_end,
        quiet=entries.quiet_hours(wish.quiet_from, wish.quiet_until),
        breaks_quiet=wish.breaks_quiet,
        shifts=entries.shifts(wish.shifts),
        bundles=wish.bundles,
    )
    ZoneInfo(made.zone)
    check_times(made)
    return made, sealed


def _target(base: Recipient, wish: Wish, rules: Rules) -> tuple[str, bytes | None]:
    """Return what is shown of a target, and the target sealed if it is a new URL."""
    given = wish.target.strip()
    match wish.channel:
        case Channel.MAIL:
            check_address(given)
            return given, None
        case Channel.SMS:
            if not rules.has_gateway:
                raise NoGateway
            return entries.phone_number(given), None
        case Channel.CHAT | Channel.WEBHOOK:
            if not given and base.target:
                return base.target, None
            if wish.channel is Channel.CHAT and scheme_of(given) in CHATS:
                url = checked_chat(given)
                return f"{scheme_of(url)}://…", rules.sealer.seal(url.encode(), PURPOSE)
            url = checked_url(given, rules.allowed)
            parts = urlsplit(url)
            return f"{parts.scheme}://{parts.netloc}/…", rules.sealer.seal(url.encode(), PURPOSE)


# ------------------------------------------------------------------------------------ access


async def still_sees(db: AsyncSession, entry: Recipient, now: datetime) -> bool:
    """Tell whether whoever made an entry may still hear of the organisation's alerts."""
    if entry.person is None:
        return entry.organisation in await directory.below(db, entry.account)
    try:
        person = await directory.person(db, entry.person)
    except NotFound:
        return False
    if not person.active or Permission.STATIONS_READ not in person.group.rights:
        return False
    speaks = Principal(
        id=entry.entered_by,
        name=person.name,
        group=person.group.key,
        rights=person.group.rights,
        reach=person.group.reach,
        organisation=person.organisation,
        language=person.language,
        person_id=person.id,
    )
    return (await directory.scope_of(db, speaks, now=now)).covers(entry.organisation)


# ---------------------------------------------------------------------------------- forecast


@dataclass(frozen=True, slots=True)
class Forecast:
    """What an account's numbers will cost, as its alerts of the last 30 days would have.

    Attributes:
        numbers: How many entries it pays for.
        expected: SMS in 30 days, by the alerts that there were.
        sent: SMS that were paid for in the last 30 days.
        price: Credits for one.
        available: Credits that are free now.
        lasts_days: How long they last at that rate; None: none are expected.
    """

    numbers: int
    expected: int
    sent: int
    price: int
    available: int

    @property
    def cost(self) -> int:
        """Credits for 30 days."""
        return self.expected * self.price

    @property
    def lasts_days(self) -> int | None:
        if self.cost == 0:
            return None
        return self.available * FORECAST_OVER.days // self.cost


async def forecast(db: AsyncSession, account: OrganisationKey, *, now: datetime) -> Forecast:
    """Return what an account's numbers will cost."""
    since = now - FORECAST_OVER
    numbers = await store.paid_by(db, account)
    happened = await store.raised_since(db, {each.organisation for each in numbers}, since)
    about = await store.abouts(db, happened)
    pays = purse.of(db)
    return Forecast(
        numbers=len(numbers),
        expected=expected(numbers, about.values()),
        sent=await store.sent_since(db, account, since),
        price=await pays.price(db, now),
        available=await pays.available(db, account),
    )
