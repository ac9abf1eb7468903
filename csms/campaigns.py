"""Face: the same command to many stations, one after the other at a rate, across restarts.

A campaign is durable before its first station is asked. Whichever process looks next asks the
stations that are due, by the queue's own rules: what it refuses is noted with the reason, and the
campaign goes on. It can be stopped; what was asked by then goes its way.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from csms import remote
from csms.campaign_tables import CampaignItemRow, CampaignRow
from csms.queue import Request, WhenOffline
from csms.tables import CommandRow
from foundation.clock import Clock
from foundation.database import Database, savepoint
from foundation.errors import Conflict, ExpectedError, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId

STATIONS_MOST: Final = 10_000
PER_MINUTE_MOST: Final = 6000
_EVERY_S: Final = 1.0
_AT_ONCE: Final = 200
"""How many stations are asked in one unit of work at most."""
_BACKLOG: Final = timedelta(seconds=10)
"""How far behind its rate a campaign makes up; after a longer pause it goes on at its rate."""


class CampaignOver(Conflict):
    """All stations of the campaign were asked, or it was stopped before."""

    code = "campaign_over"

    def __init__(self, number: int) -> None:
        super().__init__(f"Campaign {number} is over.")


@dataclass(frozen=True, slots=True)
class Wish:
    """What one station is asked for."""

    station: StationId
    action: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class NewCampaign:
    """What somebody starts; `title` says it in a few words.

    `per_minute` is how many stations are asked in a minute. `is_authorised` and `change_order` are
    as in `csms.queue.Request`.
    """

    title: str
    wishes: Sequence[Wish]
    per_minute: int
    organisation: OrganisationKey
    asked_by: str
    asked_by_name: str
    door: str
    is_authorised: bool
    when_offline: WhenOffline = "refuse"
    expires_in_s: int = 24 * 3600
    ends_in_s: int | None = None
    change_order: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Campaign:
    """A campaign and how far it is.

    `counts` has how many commands are in which state; `refused` by the code of the refusal, how
    many stations were not even asked; `waiting` how many are still to be asked.
    """

    id: int
    title: str
    per_minute: int
    organisation: OrganisationKey
    asked_at: datetime
    asked_by: str
    asked_by_name: str
    change_order: str | None
    stations: int
    waiting: int
    counts: Mapping[str, int]
    refused: Mapping[str, int]
    stopped_at: datetime | None
    stopped_by_name: str | None
    is_asking: bool

    @property
    def reference(self) -> str:
        """Under which its commands are found."""
        return reference(self.id)


@dataclass(frozen=True, slots=True)
class Item:
    """One station of a campaign; `state` is its command's, None while there is none."""

    position: int
    station: StationId
    asked_at: datetime | None
    command_id: str | None
    state: str | None
    refusal: str | None


def reference(number: int) -> str:
    """Return the reference of a campaign's commands."""
    return f"campaign/{number}"


def due(next_at: datetime, now: datetime, per_minute: int) -> tuple[int, datetime]:
    """Return how many stations are to be asked now, and when the next one is.

    What fell behind is made up for a few seconds only, so that no outage of ours ends in a burst.
    """
    step = timedelta(minutes=1) / per_minute
    begins = max(next_at, now - _BACKLOG)
    if begins > now:
        return 0, next_at
    count = int((now - begins) / step) + 1
    return count, begins + count * step


# --------------------------------------------------------------------------------- beginning


async def start(db: AsyncSession, campaign: NewCampaign, *, now: datetime) -> int:
    """Start a campaign, and return its number; its first station is asked at once.

    Raises:
        InvalidInput: It has no station or too many, or its rate cannot be.
    """
    if not campaign.wishes:
        raise InvalidInput("No station is chosen.", field="stations")
    if len(campaign.wishes) > STATIONS_MOST:
        raise InvalidInput(f"At most {STATIONS_MOST} stations at once.", field="stations")
    if not 1 <= campaign.per_minute <= PER_MINUTE_MOST:
        raise InvalidInput(f"per_minute must be 1 to {PER_MINUTE_MOST}.", field="per_minute")
    row = CampaignRow(
        organisation=campaign.organisation,
        title=campaign.title,
        per_minute=campaign.per_minute,
        when_offline=campaign.when_offline,
        expires_in_s=campaign.expires_in_s,
        ends_in_s=campaign.ends_in_s,
        change_order=campaign.change_order,
        asked_at=now,
        asked_by=campaign.asked_by,
        asked_by_name=campaign.asked_by_name,
        door=campaign.door,
        is_authorised=campaign.is_authorised,
        next_at=now,
    )
    db.add(row)
    await db.flush()
    db.add_all(
        CampaignItemRow(
            campaign_id=row.id,
            position=position,
            station=wish.station,
            action=wish.action,
            payload=dict(wish.payload),
        )
        for position, wish in enumerate(campaign.wishes)
    )
    await db.flush()
    return row.id


async def stop(
    db: AsyncSession, scope: Scope, number: int, *, by_name: str, now: datetime
) -> OrganisationKey:
    """Ask no further station, and return whose campaign it is.

    Raises:
        NotFound: There is none in scope.
        CampaignOver: It is over already.
    """
    row = await _row(db, scope, number, locked=True)
    if row.next_at is None:
        raise CampaignOver(number)
    row.next_at, row.stopped_at, row.stopped_by_name = None, now, by_name
    await db.flush()
    return OrganisationKey(row.organisation)


# ----------------------------------------------------------------------------------- going on


async def keep_going(database: Database, clock: Clock) -> None:
    """Ask whoever is due, again and again; never returns."""
    while True:
        await go_on(database, clock.now())
        await asyncio.sleep(_EVERY_S)


async def go_on(database: Database, now: datetime) -> int:
    """Ask the stations that are due, of all campaigns; return how many were.

    Any number of processes may do so at once: a campaign is in the hands of one.
    """
    asked = 0
    async with database.unit_of_work() as db:
        numbers = list(
            await db.scalars(
                select(CampaignRow.id).where(CampaignRow.next_at <= now).order_by(CampaignRow.id)
            )
        )
    for number in numbers:
        async with database.unit_of_work() as db:
            asked += await _ask_due(db, number, now)
    return asked


async def _ask_due(db: AsyncSession, number: int, now: datetime) -> int:
    row = await db.scalar(
        select(CampaignRow)
        .where(CampaignRow.id == number, CampaignRow.next_at <= now)
        .with_for_update(skip_locked=True)
    )
    if row is None or row.next_at is None:
        return 0
    count, next_at = due(row.next_at, now, row.per_minute)
    items = list(
        await db.scalars(
            select(CampaignItemRow)
            .where(CampaignItemRow.campaign_id == number, CampaignItemRow.asked_at.is_(None))
            .order_by(CampaignItemRow.position)
            .limit(min(count, _AT_ONCE))
        )
    )
    for item in items:
        await _ask(db, row, item, now)
    is_done = len(items) < min(count, _AT_ONCE) or not await _has_more(db, number)
    row.next_at = None if is_done else next_at
    await db.flush()
    return len(items)


async def _has_more(db: AsyncSession, number: int) -> bool:
    waiting = select(CampaignItemRow.position).where(
        CampaignItemRow.campaign_id == number, CampaignItemRow.asked_at.is_(None)
    )
    return await db.scalar(waiting.limit(1)) is not None


async def _ask(
    db: AsyncSession, campaign: CampaignRow, item: CampaignItemRow, now: datetime
) -> None:
    item.asked_at = now
    # Written before the question: what is read in between must not find it waiting still.
    await db.flush()
    try:
        async with await savepoint(db):
            command = await remote.ask(db, _request(campaign, item), now=now)
    except ExpectedError as refused:
        item.refusal = refused.code
    else:
        item.command_id = int(command.id)


def _request(campaign: CampaignRow, item: CampaignItemRow) -> Request:
    return replace(
        request(
            NewCampaign(
                title=campaign.title,
                wishes=(),
                per_minute=campaign.per_minute,
                organisation=OrganisationKey(campaign.organisation),
                asked_by=campaign.asked_by,
                asked_by_name=campaign.asked_by_name,
                door=campaign.door,
                is_authorised=campaign.is_authorised,
                when_offline="queue" if campaign.when_offline == "queue" else "refuse",
                expires_in_s=campaign.expires_in_s,
                ends_in_s=campaign.ends_in_s,
                change_order=campaign.change_order,
            ),
            Wish(StationId(item.station), item.action, item.payload),
        ),
        reference=reference(campaign.id),
    )


def request(campaign: NewCampaign, wish: Wish) -> Request:
    """Return what the queue is asked for one station; it names no campaign yet."""
    return Request(
        station=wish.station,
        action=wish.action,
        payload=wish.payload,
        asked_by=campaign.asked_by,
        asked_by_name=campaign.asked_by_name,
        door=campaign.door,
        asker_organisation=campaign.organisation,
        reason="campaign",
        reference=None,
        expires_in_s=campaign.expires_in_s,
        when_offline=campaign.when_offline,
        change_order=campaign.change_order,
        is_authorised=campaign.is_authorised,
        ends_in_s=campaign.ends_in_s,
    )


# ------------------------------------------------------------------------------------ reading


async def _row(db: AsyncSession, scope: Scope, number: int, *, locked: bool = False) -> CampaignRow:
    query = select(CampaignRow).where(CampaignRow.id == number)
    row = await db.scalar(query.with_for_update() if locked else query)
    if row is None or not scope.covers(OrganisationKey(row.organisation)):
        raise NotFound("campaign", number)
    return row


async def campaign(db: AsyncSession, scope: Scope, number: int) -> Campaign:
    """Return a campaign and how far it is.

    Raises:
        NotFound: There is none in scope.
    """
    return (await _with_progress(db, [await _row(db, scope, number)]))[0]


async def campaigns(
    db: AsyncSession, scope: Scope, *, after: int | None = None, limit: int = 30
) -> list[Campaign]:
    """Return campaigns, the newest first; `after` is the id that the page before ends by."""
    query = select(CampaignRow)
    if scope.organisations is not None:
        query = query.where(CampaignRow.organisation.in_(scope.organisations))
    if after is not None:
        query = query.where(CampaignRow.id < after)
    found = await db.scalars(query.order_by(CampaignRow.id.desc()).limit(limit))
    return await _with_progress(db, list(found))


async def _with_progress(db: AsyncSession, rows: list[CampaignRow]) -> list[Campaign]:
    counts: dict[int, dict[str, int]] = {row.id: {} for row in rows}
    refused: dict[int, dict[str, int]] = {row.id: {} for row in rows}
    waiting: dict[int, int] = {}
    total: dict[int, int] = {}
    found = await db.execute(
        select(
            CampaignItemRow.campaign_id,
            CampaignItemRow.asked_at.is_(None).label("waits"),
            CampaignItemRow.refusal,
            CommandRow.state,
            func.count().label("count"),
        )
        .outerjoin(CommandRow, CommandRow.id == CampaignItemRow.command_id)
        .where(CampaignItemRow.campaign_id.in_(list(counts)))
        .group_by(CampaignItemRow.campaign_id, "waits", CampaignItemRow.refusal, CommandRow.state)
    )
    for number, waits, refusal, state, count in found:
        total[number] = total.get(number, 0) + count
        if waits:
            waiting[number] = waiting.get(number, 0) + count
        elif refusal is not None:
            refused[number][refusal] = refused[number].get(refusal, 0) + count
        elif state is not None:
            counts[number][state] = counts[number].get(state, 0) + count
    return [
        Campaign(
            id=row.id,
            title=row.title,
            per_minute=row.per_minute,
            organisation=OrganisationKey(row.organisation),
            asked_at=row.asked_at,
            asked_by=row.asked_by,
            asked_by_name=row.asked_by_name,
            change_order=row.change_order,
            stations=total.get(row.id, 0),
            waiting=waiting.get(row.id, 0),
            counts=counts[row.id],
            refused=refused[row.id],
            stopped_at=row.stopped_at,
            stopped_by_name=row.stopped_by_name,
            is_asking=row.next_at is not None,
        )
        for row in rows
    ]


async def items(
    db: AsyncSession, scope: Scope, number: int, *, after: int | None = None, limit: int = 50
) -> list[Item]:
    """Return the stations of a campaign in their order, from behind a position on.

    Raises:
        NotFound: There is no such campaign in scope.
    """
    await _row(db, scope, number)
    query = (
        select(CampaignItemRow, CommandRow.state)
        .outerjoin(CommandRow, CommandRow.id == CampaignItemRow.command_id)
        .where(CampaignItemRow.campaign_id == number)
    )
    if after is not None:
        query = query.where(CampaignItemRow.position > after)
    found = await db.execute(query.order_by(CampaignItemRow.position).limit(limit))
    return [
        Item(
            row.position,
            StationId(row.station),
            row.asked_at,
            None if row.command_id is None else str(row.command_id),
            state,
            row.refusal,
        )
        for row, state in found
    ]
