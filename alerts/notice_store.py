"""Reading and writing who hears of alerts, and what they were told."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from alerts.alert_tables import AlertRow, FaultRow
from alerts.detections import Detection, Severity
from alerts.life import Change
from alerts.notice_tables import AlertNoticeRow, AlertRecipientRow, UnpaidLetterRow
from alerts.notices import About, Channel, Notice, NoticeState, Recipient, Shift
from foundation.identifiers import OrganisationKey, StationId

# ------------------------------------------------------------------------------- recipients


async def recipients(
    db: AsyncSession,
    organisations: Collection[str] | None,
    *,
    after: int = 0,
    limit: int | None = None,
) -> list[Recipient]:
    """Return the entries that are in use, the earlier first; None: of all organisations."""
    query = (
        select(AlertRecipientRow)
        .where(AlertRecipientRow.ended_at.is_(None), AlertRecipientRow.id > after)
        .order_by(AlertRecipientRow.id)
        .limit(limit)
    )
    if organisations is not None:
        query = query.where(AlertRecipientRow.organisation.in_(organisations))
    return [recipient_of(row) for row in await db.scalars(query)]


async def recipient(db: AsyncSession, number: int) -> Recipient | None:
    """Return an entry that is in use; None: there is none of this number."""
    row = await db.get(AlertRecipientRow, number, populate_existing=True)
    return None if row is None or row.ended_at is not None else recipient_of(row)


async def sealed_target(db: AsyncSession, number: int) -> bytes | None:
    """Return the sealed URL of an entry, if it has one."""
    found: bytes | None = await db.scalar(
        select(AlertRecipientRow.sealed).where(AlertRecipientRow.id == number)
    )
    return found


async def paid_by(db: AsyncSession, account: OrganisationKey) -> list[Recipient]:
    """Return the numbers in use that an account pays for."""
    rows = await db.scalars(
        select(AlertRecipientRow)
        .where(
            AlertRecipientRow.account == account,
            AlertRecipientRow.channel == Channel.SMS,
            AlertRecipientRow.ended_at.is_(None),
        )
        .order_by(AlertRecipientRow.id)
    )
    return [recipient_of(row) for row in rows]


async def add_recipient(db: AsyncSession, made: Recipient, sealed: bytes | None) -> Recipient:
    """Write a new entry and return it with its number."""
    row = AlertRecipientRow(**_values(made), sealed=sealed)
    db.add(row)
    await db.flush()
    return recipient_of(row)


async def save_recipient(db: AsyncSession, changed: Recipient, sealed: bytes | None) -> None:
    """Write an entry as it is now; `sealed` None: its secret stays."""
    values = _values(changed)
    if sealed is not None:
        values["sealed"] = sealed
    await db.execute(
        update(AlertRecipientRow).where(AlertRecipientRow.id == changed.id).values(values)
    )


async def end_recipient(db: AsyncSession, number: int, because: str, now: datetime) -> bool:
    """End an entry; what waits for it becomes needless. False: it was over before."""
    found = await db.execute(
        update(AlertRecipientRow)
        .where(AlertRecipientRow.id == number, AlertRecipientRow.ended_at.is_(None))
        .values(ended_at=now, ended_because=because)
        .returning(AlertRecipientRow.id)
    )
    if found.scalar() is None:
        return False
    await db.execute(
        update(AlertNoticeRow)
        .where(
            AlertNoticeRow.recipient == number,
            AlertNoticeRow.state == NoticeState.WAITING,
        )
        .values(state=NoticeState.DROPPED, settled_at=now)
    )
    return True


def recipient_of(row: AlertRecipientRow) -> Recipient:
    """Return what the row says."""
    return Recipient(
        id=row.id,
        organisation=OrganisationKey(row.organisation),
        account=OrganisationKey(row.account),
        person=row.person,
        entered_by=row.entered_by,
        entered_by_name=row.entered_by_name,
        entered_at=row.entered_at,
        channel=Channel(row.channel),
        target=row.target,
        label=row.label,
        language=row.language,
        zone=row.zone,
        detections=frozenset(map(Detection, row.detections)),
        stations=frozenset(map(StationId, row.stations)),
        locations=frozenset(row.locations),
        least=Severity(row.least),
        monitored_only=row.monitored_only,
        after=timedelta(seconds=row.after_s),
        repeat=None if row.repeat_s is None else timedelta(seconds=row.repeat_s),
        tells_end=row.tells_end,
        quiet=None
        if row.quiet_from is None or row.quiet_until is None
        else (time.fromisoformat(row.quiet_from), time.fromisoformat(row.quiet_until)),
        breaks_quiet=None if row.breaks_quiet is None else Severity(row.breaks_quiet),
        shifts=tuple(
            Shift(
                frozenset(each["weekdays"]),
                time.fromisoformat(each["begins"]),
                time.fromisoformat(each["until"]),
            )
            for each in row.shifts
        ),
        bundles=row.bundles,
    )


def _values(made: Recipient) -> dict[str, Any]:
    quiet = made.quiet
    return {
        "organisation": made.organisation,
        "account": made.account,
        "person": made.person,
        "entered_by": made.entered_by,
        "entered_by_name": made.entered_by_name,
        "entered_at": made.entered_at,
        "channel": made.channel,
        "target": made.target,
        "label": made.label,
        "language": made.language,
        "zone": made.zone,
        "detections": sorted(made.detections),
        "stations": sorted(made.stations),
        "locations": sorted(made.locations),
        "least": made.least,
        "monitored_only": made.monitored_only,
        "after_s": round(made.after.total_seconds()),
        "repeat_s": None if made.repeat is None else round(made.repeat.total_seconds()),
        "tells_end": made.tells_end,
        "quiet_from": None if quiet is None else f"{quiet[0]:%H:%M}",
        "quiet_until": None if quiet is None else f"{quiet[1]:%H:%M}",
        "breaks_quiet": made.breaks_quiet,
        "shifts": [
            {
                "weekdays": sorted(each.weekdays),
                "begins": f"{each.begins:%H:%M}",
                "until": f"{each.until:%H:%M}",
            }
            for each in made.shifts
        ],
        "bundles": made.bundles,
    }


# ---------------------------------------------------------------------------------- notices


async def lock(db: AsyncSession, alert: int) -> None:
    """Let nobody else decide about an alert's notices, or send one, until the work ends."""
    await db.execute(
        text("select pg_advisory_xact_lock(hashtextextended('notices/' || :alert, 0))"),
        {"alert": str(alert)},
    )


async def notices(db: AsyncSession, alert: int) -> list[Notice]:
    """Return the notices of an alert, which is locked."""
    rows = await db.scalars(
        select(AlertNoticeRow)
        .where(AlertNoticeRow.alert == alert)
        .order_by(AlertNoticeRow.id)
        .execution_options(populate_existing=True)
    )
    return [notice_of(row) for row in rows]


async def add_notices(
    db: AsyncSession, made: Sequence[Notice], now: datetime
) -> list[tuple[int, Notice]]:
    """Write notices that were not decided before; return those with their numbers."""
    if not made:
        return []
    found = await db.execute(
        upsert(AlertNoticeRow)
        .values(
            [
                {
                    "alert": each.alert,
                    "recipient": each.recipient,
                    "occasion": each.occasion,
                    "number": each.number,
                    "due_at": each.due_at,
                    "state": each.state,
                    "decided_at": now,
                }
                for each in made
            ]
        )
        .on_conflict_do_nothing()
        .returning(
            AlertNoticeRow.id,
            AlertNoticeRow.alert,
            AlertNoticeRow.recipient,
            AlertNoticeRow.occasion,
            AlertNoticeRow.number,
        )
    )
    numbers = {tuple(rest): number for number, *rest in found}
    keyed = [(numbers.get((n.alert, n.recipient, str(n.occasion), n.number)), n) for n in made]
    return [(number, each) for number, each in keyed if number is not None]


async def drop(db: AsyncSession, numbers: Collection[int], now: datetime) -> None:
    """Note that notices became needless; what is on its way already is sent."""
    if numbers:
        await db.execute(
            update(AlertNoticeRow)
            .where(AlertNoticeRow.id.in_(numbers), AlertNoticeRow.state == NoticeState.WAITING)
            .values(state=NoticeState.DROPPED, settled_at=now)
        )


async def settle(
    db: AsyncSession,
    numbers: Collection[int],
    state: NoticeState,
    now: datetime,
    *,
    error: str | None = None,
) -> None:
    """Note what became of notices."""
    await db.execute(
        update(AlertNoticeRow)
        .where(AlertNoticeRow.id.in_(numbers))
        .values(state=state, settled_at=now, error=error)
    )


async def take_along(db: AsyncSession, numbers: Collection[int], carried_by: int) -> None:
    """Note that notices go along in the message of another."""
    await db.execute(
        update(AlertNoticeRow)
        .where(AlertNoticeRow.id.in_(numbers))
        .values(state=NoticeState.HANDED, carried_by=carried_by)
    )


async def let_go(db: AsyncSession, carried_by: int) -> None:
    """Let what would have gone along in a message wait for one of its own."""
    await db.execute(
        update(AlertNoticeRow)
        .where(AlertNoticeRow.carried_by == carried_by, AlertNoticeRow.state == NoticeState.HANDED)
        .values(state=NoticeState.WAITING, carried_by=None)
    )


async def set_handed(db: AsyncSession, number: int) -> None:
    """Note that a notice is being handed over."""
    await db.execute(
        update(AlertNoticeRow).where(AlertNoticeRow.id == number).values(state=NoticeState.HANDED)
    )


async def held(db: AsyncSession, number: int) -> Notice | None:
    """Return a notice; nobody else touches those of its alert until the unit of work ends."""
    alert = await db.scalar(select(AlertNoticeRow.alert).where(AlertNoticeRow.id == number))
    if alert is None:
        return None
    await lock(db, alert)
    # The row, too: whoever takes it along in another's message holds that, and not the alert.
    row = await db.get(AlertNoticeRow, number, populate_existing=True, with_for_update=True)
    return None if row is None else notice_of(row)


async def due(db: AsyncSession, now: datetime, *, limit: int = 500) -> list[Notice]:
    """Return notices that wait and are due, those that were due first."""
    rows = await db.scalars(
        select(AlertNoticeRow)
        .where(AlertNoticeRow.state == NoticeState.WAITING, AlertNoticeRow.due_at <= now)
        .order_by(AlertNoticeRow.due_at, AlertNoticeRow.id)
        .limit(limit)
    )
    return [notice_of(row) for row in rows]


async def stuck(db: AsyncSession, before: datetime, *, limit: int = 100) -> list[int]:
    """Return what was due before a moment, and of which nobody knows whether it was handed over."""
    found = await db.scalars(
        select(AlertNoticeRow.id)
        .where(
            AlertNoticeRow.state == NoticeState.HANDED,
            AlertNoticeRow.carried_by.is_(None),
            AlertNoticeRow.due_at < before,
        )
        .order_by(AlertNoticeRow.id)
        .limit(limit)
    )
    return list(found)


async def to_go_along(
    db: AsyncSession, first: Notice, entry: Recipient, until: datetime
) -> list[tuple[Notice, Recipient]]:
    """Return what else waits for the same person at the same place, and lock it.

    Of his entries for that number or address those count that bundle and are paid by the same
    account; a reminder goes along with what is new.

    Args:
        db: The unit of work.
        first: In whose message it would go along.
        entry: Of the first.
        until: Only what is due until then.
    """
    rows = await db.execute(
        select(AlertNoticeRow, AlertRecipientRow)
        .join(AlertRecipientRow, AlertRecipientRow.id == AlertNoticeRow.recipient)
        .where(
            AlertRecipientRow.channel == entry.channel,
            AlertRecipientRow.entered_by == entry.entered_by,
            AlertRecipientRow.account == entry.account,
            AlertRecipientRow.language == entry.language,
            AlertRecipientRow.bundles,
            AlertRecipientRow.ended_at.is_(None),
            AlertNoticeRow.id != first.id,
            AlertNoticeRow.state == NoticeState.WAITING,
            AlertNoticeRow.occasion.in_((Change.RAISED, Change.REPEATED)),
            AlertNoticeRow.due_at <= until,
        )
        .order_by(AlertNoticeRow.id)
        .with_for_update(skip_locked=True, of=AlertNoticeRow)
        .execution_options(populate_existing=True)
    )
    found = [(notice_of(notice), recipient_of(other)) for notice, other in rows]
    return [each for each in found if each[1].place == entry.place]


async def carried(db: AsyncSession, number: int) -> list[tuple[Notice, Recipient]]:
    """Return what goes along in the message of a notice, each with its entry."""
    rows = await db.execute(
        select(AlertNoticeRow, AlertRecipientRow)
        .join(AlertRecipientRow, AlertRecipientRow.id == AlertNoticeRow.recipient)
        .where(AlertNoticeRow.carried_by == number)
        .order_by(AlertNoticeRow.id)
    )
    return [(notice_of(notice), recipient_of(other)) for notice, other in rows]


def notice_of(row: AlertNoticeRow) -> Notice:
    """Return what the row says."""
    return Notice(
        id=row.id,
        alert=row.alert,
        recipient=row.recipient,
        occasion=Change(row.occasion),
        number=row.number,
        due_at=row.due_at,
        state=NoticeState(row.state),
        carried_by=row.carried_by,
    )


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody was told of an alert, as its page shows it."""

    id: int
    recipient: int
    channel: Channel
    target: str
    label: str | None
    entered_by_name: str
    occasion: Change
    due_at: datetime
    settled_at: datetime | None
    state: NoticeState
    error: str | None


async def told(db: AsyncSession, alert: int) -> list[Told]:
    """Return who was, is or will be told of an alert, the oldest first."""
    rows = await db.execute(
        select(AlertNoticeRow, AlertRecipientRow)
        .join(AlertRecipientRow, AlertRecipientRow.id == AlertNoticeRow.recipient)
        .where(AlertNoticeRow.alert == alert)
        .order_by(AlertNoticeRow.id)
    )
    return [
        Told(
            notice.id,
            entry.id,
            Channel(entry.channel),
            entry.target,
            entry.label,
            entry.entered_by_name,
            Change(notice.occasion),
            notice.due_at,
            notice.settled_at,
            NoticeState(notice.state),
            notice.error,
        )
        for notice, entry in rows
    ]


# --------------------------------------------------------------------------------- unpaid


async def unpaid_accounts(db: AsyncSession, before: datetime) -> list[OrganisationKey]:
    """Return the accounts that are to be written to about what they had no credits for.

    Args:
        db: The unit of work.
        before: Those that were written to after this wait.
    """
    found = await db.scalars(
        select(AlertRecipientRow.account)
        .join(AlertNoticeRow, AlertNoticeRow.recipient == AlertRecipientRow.id)
        .outerjoin(UnpaidLetterRow, UnpaidLetterRow.account == AlertRecipientRow.account)
        .where(
            AlertNoticeRow.state == NoticeState.UNPAID,
            AlertNoticeRow.letter_at.is_(None),
            func.coalesce(UnpaidLetterRow.written_at <= before, True),
        )
        .group_by(AlertRecipientRow.account)
        .order_by(AlertRecipientRow.account)
    )
    return [OrganisationKey(each) for each in found]


async def last_letter(db: AsyncSession, account: OrganisationKey) -> datetime | None:
    """Return when an account was last written to; its row is locked until the work ends."""
    await db.execute(
        upsert(UnpaidLetterRow)
        .values(account=account, written_at=None)
        .on_conflict_do_nothing(index_elements=["account"])
    )
    found: datetime | None = await db.scalar(
        select(UnpaidLetterRow.written_at)
        .where(UnpaidLetterRow.account == account)
        .with_for_update()
    )
    return found


async def unpaid(db: AsyncSession, account: OrganisationKey) -> list[tuple[Notice, Recipient]]:
    """Return what no mail told of yet, the oldest first."""
    rows = await db.execute(
        select(AlertNoticeRow, AlertRecipientRow)
        .join(AlertRecipientRow, AlertRecipientRow.id == AlertNoticeRow.recipient)
        .where(
            AlertRecipientRow.account == account,
            AlertNoticeRow.state == NoticeState.UNPAID,
            AlertNoticeRow.letter_at.is_(None),
        )
        .order_by(AlertNoticeRow.id)
    )
    return [(notice_of(notice), recipient_of(entry)) for notice, entry in rows]


async def note_letter(
    db: AsyncSession, account: OrganisationKey, numbers: Iterable[int], now: datetime
) -> None:
    """Note that an account was written to about these."""
    await db.execute(
        update(UnpaidLetterRow).where(UnpaidLetterRow.account == account).values(written_at=now)
    )
    await db.execute(
        update(AlertNoticeRow).where(AlertNoticeRow.id.in_(list(numbers))).values(letter_at=now)
    )


# ----------------------------------------------------------------------------------- alerts


async def abouts(db: AsyncSession, alerts: Collection[int]) -> Mapping[int, About]:
    """Return alerts as they are now, with the stations that they are about."""
    if not alerts:
        return {}
    stations: dict[int, list[StationId]] = {}
    is_open: dict[int, list[StationId]] = {}
    faults = await db.execute(
        select(FaultRow.alert, FaultRow.station, FaultRow.over_at)
        .where(FaultRow.alert.in_(alerts), FaultRow.station.is_not(None))
        .order_by(FaultRow.id)
    )
    for number, station, over_at in faults:
        assert number is not None
        assert station is not None
        stations.setdefault(number, []).append(StationId(station))
        if over_at is None:
            is_open.setdefault(number, []).append(StationId(station))
    rows = await db.scalars(
        select(AlertRow).where(AlertRow.id.in_(alerts)).execution_options(populate_existing=True)
    )
    return {
        row.id: About(
            alert=row.id,
            organisation=OrganisationKey(row.organisation),
            detection=Detection(row.detection),
            cause=row.cause,
            severity=Severity(row.severity),
            stations=tuple(sorted(set(is_open.get(row.id) or stations.get(row.id, [])))),
            location=row.location,
            monitored=False,
            is_taken=row.acknowledged_at is not None or row.escalated_at is not None,
        )
        for row in rows
    }


async def raised_since(
    db: AsyncSession, organisations: Collection[str], since: datetime
) -> list[int]:
    """Return the alerts of organisations that were raised since."""
    found = await db.scalars(
        select(AlertRow.id).where(
            AlertRow.organisation.in_(organisations), AlertRow.raised_at >= since
        )
    )
    return list(found)


async def sent_since(db: AsyncSession, account: OrganisationKey, since: datetime) -> int:
    """Return how many messages an account paid for since."""
    found = await db.scalar(
        select(func.count())
        .select_from(AlertNoticeRow)
        .join(AlertRecipientRow, AlertRecipientRow.id == AlertNoticeRow.recipient)
        .where(
            AlertRecipientRow.account == account,
            AlertRecipientRow.channel == Channel.SMS,
            AlertNoticeRow.state == NoticeState.SENT,
            AlertNoticeRow.carried_by.is_(None),
            AlertNoticeRow.settled_at >= since,
        )
    )
    return found or 0
