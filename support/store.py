"""Support's statements to the database that concern change orders."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.identifiers import OrganisationKey, StationId
from support.orders import Item, ItemKind, UseState, WrittenOrder, canonical
from support.tables import (
    ChangeOrderFileRow,
    ChangeOrderItemRow,
    ChangeOrderRow,
    ChangeOrderStationRow,
    ChangeOrderUseRow,
    StandingOrderRow,
)


@dataclass(frozen=True, slots=True)
class MailOnFile:
    """What is known of the mail of an order without reading it."""

    name: str
    media_type: str
    sha256: str
    size: int
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Parts:
    """What belongs to change orders, by their ids."""

    stations: dict[int, list[StationId]]
    items: dict[int, list[Item]]
    uses: dict[int, list[ChangeOrderUseRow]]
    mails: dict[int, MailOnFile]


# ------------------------------------------------------------------------------- writing


async def add_order(
    db: AsyncSession,
    values: Mapping[str, Any],
    stations: Collection[StationId],
    items: Sequence[Item],
) -> int:
    """Write a draft with its parts and return its id."""
    row = ChangeOrderRow(**values)
    db.add(row)
    await db.flush()
    await db.execute(
        insert(ChangeOrderStationRow),
        [{"order_id": row.id, "station": each} for each in sorted(set(stations))],
    )
    await db.execute(
        insert(ChangeOrderItemRow),
        [
            {
                "order_id": row.id,
                "place": place,
                "kind": each.kind,
                "action": each.action,
                "payload": None if each.payload is None else dict(each.payload),
                "canonical": None if each.payload is None else canonical(each.payload),
                "text": each.text,
            }
            for place, each in enumerate(items)
        ],
    )
    return row.id


async def put_on_file(
    db: AsyncSession, order_id: int, mail: WrittenOrder, *, by: str, now: datetime
) -> None:
    """Keep the mail of an order; the mail on file is never replaced."""
    await db.execute(
        insert(ChangeOrderFileRow)
        .values(
            order_id=order_id,
            name=mail.name,
            media_type=mail.media_type,
            sha256=hashlib.sha256(mail.content).digest(),
            content=mail.content,
            added_at=now,
            added_by=by,
        )
        .on_conflict_do_nothing()
    )


async def next_number(db: AsyncSession) -> str:
    """Return a fresh number of an order, as in `CO-000123`."""
    found = await db.execute(text("select nextval('change_order_number')"))
    return f"CO-{found.scalar_one():06d}"


async def add_use(
    db: AsyncSession,
    order_id: int,
    place: int,
    station: StationId,
    *,
    turn: int,
    state: UseState,
    now: datetime,
    result: str | None = None,
) -> None:
    """Write that an item is carried out on a station; the order's row is locked."""
    db.add(
        ChangeOrderUseRow(
            order_id=order_id,
            place=place,
            station=station,
            turn=turn,
            permitted_at=now,
            command_id=None,
            state=state,
            result=result,
            ended_at=None if state is UseState.OPEN else now,
        )
    )
    await db.flush()


async def forget_secrets(
    db: AsyncSession, order_id: int, masked: Callable[[str, Mapping[str, Any]], dict[str, Any]]
) -> None:
    """Keep the payloads of an order that is over only as they may be shown."""
    items = await db.scalars(
        select(ChangeOrderItemRow).where(
            ChangeOrderItemRow.order_id == order_id, ChangeOrderItemRow.action.is_not(None)
        )
    )
    for item in items:
        assert item.action is not None
        shown = masked(item.action, item.payload or {})
        if shown != item.payload:
            item.payload, item.canonical = shown, canonical(shown)


# ------------------------------------------------------------------------------- reading


async def order_row(
    db: AsyncSession, key: str | int, *, lock: bool = False
) -> ChangeOrderRow | None:
    """Return the row of an order by its number or id, or None."""
    query = select(ChangeOrderRow)
    if isinstance(key, int) or _is_id(key):
        query = query.where(ChangeOrderRow.id == int(key))
    else:
        query = query.where(ChangeOrderRow.number == key)
    if lock:
        query = query.with_for_update()
    return await db.scalar(query.execution_options(populate_existing=True))


def _is_id(key: str) -> bool:
    return key.isascii() and key.isdecimal() and len(key) < 19


def order_query(
    organisations: Collection[OrganisationKey] | None,
    *,
    station: str | None = None,
    states: Collection[str] = (),
    before: int | None = None,
) -> Select[ChangeOrderRow]:
    """Select orders of some organisations, the newest first."""
    query = select(ChangeOrderRow).order_by(ChangeOrderRow.id.desc())
    if organisations is not None:
        query = query.where(ChangeOrderRow.organisation.in_(organisations))
    if station is not None:
        query = query.where(
            exists().where(
                ChangeOrderStationRow.order_id == ChangeOrderRow.id,
                ChangeOrderStationRow.station == station,
            )
        )
    if states:
        query = query.where(ChangeOrderRow.state.in_(states))
    if before is not None:
        query = query.where(ChangeOrderRow.id < before)
    return query


async def parts_of(db: AsyncSession, ids: Collection[int]) -> Parts:
    """Return what belongs to some orders, in their own order."""
    found = Parts({}, {}, {}, {})
    if not ids:
        return found
    stations = await db.execute(
        select(ChangeOrderStationRow.order_id, ChangeOrderStationRow.station)
        .where(ChangeOrderStationRow.order_id.in_(ids))
        .order_by(ChangeOrderStationRow.order_id, ChangeOrderStationRow.station)
    )
    for order_id, station in stations:
        found.stations.setdefault(order_id, []).append(StationId(station))
    items = await db.scalars(
        select(ChangeOrderItemRow)
        .where(ChangeOrderItemRow.order_id.in_(ids))
        .order_by(ChangeOrderItemRow.order_id, ChangeOrderItemRow.place)
    )
    for item in items:
        found.items.setdefault(item.order_id, []).append(
            Item(ItemKind(item.kind), item.action, item.payload, item.text)
        )
    uses = await db.scalars(
        select(ChangeOrderUseRow)
        .where(ChangeOrderUseRow.order_id.in_(ids))
        .order_by(ChangeOrderUseRow.id)
        .execution_options(populate_existing=True)
    )
    for use in uses:
        found.uses.setdefault(use.order_id, []).append(use)
    files = await db.execute(
        select(
            ChangeOrderFileRow.order_id,
            ChangeOrderFileRow.name,
            ChangeOrderFileRow.media_type,
            ChangeOrderFileRow.sha256,
            func.octet_length(ChangeOrderFileRow.content),
            ChangeOrderFileRow.added_at,
        ).where(ChangeOrderFileRow.order_id.in_(ids))
    )
    for order_id, name, media_type, sha256, size, added_at in files:
        found.mails[order_id] = MailOnFile(name, media_type, sha256.hex(), size, added_at)
    return found


async def file_of(db: AsyncSession, order_id: int) -> ChangeOrderFileRow | None:
    """Return the mail of an order."""
    return await db.get(ChangeOrderFileRow, order_id)


async def use_of(db: AsyncSession, command_id: str) -> ChangeOrderUseRow | None:
    """Return the use that a command is, locked."""
    return await db.scalar(
        select(ChangeOrderUseRow)
        .where(ChangeOrderUseRow.command_id == command_id)
        .with_for_update()
    )


async def open_use(
    db: AsyncSession, order_id: int, place: int, station: str
) -> ChangeOrderUseRow | None:
    """Return the oldest use that was permitted and whose command is not known yet."""
    return await db.scalar(
        select(ChangeOrderUseRow)
        .where(
            ChangeOrderUseRow.order_id == order_id,
            ChangeOrderUseRow.place == place,
            ChangeOrderUseRow.station == station,
            ChangeOrderUseRow.command_id.is_(None),
            ChangeOrderUseRow.state == UseState.OPEN,
        )
        .order_by(ChangeOrderUseRow.id)
        .limit(1)
        .with_for_update()
    )


async def overdue(db: AsyncSession, now: datetime, *, limit: int) -> list[int]:
    """Return orders and drafts whose validity is over and of which nothing is under way."""
    under_way = exists().where(
        ChangeOrderUseRow.order_id == ChangeOrderRow.id,
        ChangeOrderUseRow.state == UseState.OPEN,
    )
    rows = await db.scalars(
        select(ChangeOrderRow.id)
        .where(ChangeOrderRow.ended_at.is_(None), ChangeOrderRow.valid_to <= now, ~under_way)
        .order_by(ChangeOrderRow.id)
        .limit(limit)
    )
    return list(rows)


# ------------------------------------------------------------------------ standing orders


async def add_standing_order(db: AsyncSession, values: Mapping[str, Any]) -> StandingOrderRow:
    """Write a standing order under a fresh number, as in `SO-000007`."""
    found = await db.execute(text("select nextval('change_order_number')"))
    row = StandingOrderRow(**values, number=f"SO-{found.scalar_one():06d}")
    db.add(row)
    await db.flush()
    return row


async def standing_order(
    db: AsyncSession, number: str, *, lock: bool = False
) -> StandingOrderRow | None:
    """Return a standing order by its number."""
    query = select(StandingOrderRow).where(StandingOrderRow.number == number)
    return await db.scalar(query.with_for_update() if lock else query)


async def standing_orders(
    db: AsyncSession,
    organisations: Collection[OrganisationKey] | None,
    *,
    valid_at: datetime | None = None,
) -> list[StandingOrderRow]:
    """Return standing orders of some organisations, by number; only those valid at a moment."""
    query = select(StandingOrderRow).order_by(StandingOrderRow.number)
    if organisations is not None:
        query = query.where(StandingOrderRow.organisation.in_(organisations))
    if valid_at is not None:
        query = query.where(
            StandingOrderRow.valid_from <= valid_at,
            or_(StandingOrderRow.valid_to.is_(None), StandingOrderRow.valid_to > valid_at),
            StandingOrderRow.revoked_at.is_(None),
        )
    return list(await db.scalars(query))
