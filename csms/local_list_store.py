"""Stations' local lists as they are stored: what each holds and takes, and whose tokens it gets."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from csms import transaction_store
from csms.equipment_tables import StationVariableRow
from csms.handlers.context import Presented
from csms.local_list_tables import LocalListRow
from csms.local_lists import UNSUPPORTED, Entry, Held, Known, Limits, doubted, taken, told
from csms.tables import IdTokenHolderRow, IdTokenRow
from foundation.database import Database, Joint
from foundation.events import TokenStatus
from foundation.identifiers import OrganisationKey, StationId
from foundation.statements import ask

_REFUSED: Final = frozenset({"Failed", "VersionMismatch"})
_CONTROLLER: Final = "localauthlistctrlr"


async def held(db: AsyncSession, station: str, *, lock: bool = False) -> Held:
    """Return what a station holds by our books; with `lock` nobody else changes it meanwhile."""
    query = select(LocalListRow).where(LocalListRow.station == station)
    row = await db.scalar(
        (query.with_for_update() if lock else query).execution_options(populate_existing=True)
    )
    if row is None:
        return Held()
    entries = [_entry(each) for each in row.entries]
    by_key = {each.key: each for each in entries}
    return Held(row.version, by_key, is_known=row.is_known, last_version=row.last_version)


async def keep(db: AsyncSession, station: str, now_held: Held, at: datetime) -> None:
    """Write what a station holds since a moment."""
    values = {
        "version": now_held.version,
        "is_known": now_held.is_known,
        "entries": [_stored(each) for _, each in sorted(now_held.entries.items())],
        "last_version": now_held.last_version,
        "changed_at": at,
    }
    await db.execute(
        insert(LocalListRow)
        .values(station=station, **values)
        .on_conflict_do_update(index_elements=["station"], set_=values)
    )


async def changed_at(db: AsyncSession, station: str) -> datetime | None:
    """Return when the books on a station's list last changed; None: nobody knows any list."""
    found: datetime | None = await db.scalar(
        select(LocalListRow.changed_at).where(LocalListRow.station == station)
    )
    return found


async def keep_sent(
    db: AsyncSession, station: StationId, payload: Mapping[str, Any], status: str, at: datetime
) -> None:
    """Keep what an answer to a SendLocalList tells of the station's list, whoever sent it.

    Args:
        db: A unit of work.
        station: Who answered.
        payload: What was sent.
        status: Its word.
        at: When it answered.
    """
    before = await held(db, station, lock=True)
    if status == "Accepted":
        after = taken(before, payload)
    elif status in _REFUSED:
        after = doubted(before)
    elif status == "NotSupported":
        after = told(before, UNSUPPORTED)
    else:
        return
    await keep(db, station, after, at)


async def keep_version(db: AsyncSession, station: StationId, version: int, at: datetime) -> None:
    """Keep which version a station says that its list has."""
    before = await held(db, station, lock=True)
    after = told(before, version)
    if after != before:
        await keep(db, station, after, at)


async def note_version(db: AsyncSession, station: str, version: int, at: datetime) -> None:
    """Note that a version is on its way, so that it is never used again."""
    before = await held(db, station, lock=True)
    await keep(db, station, replace(before, last_version=max(before.last_version, version)), at)


def _stored(entry: Entry) -> dict[str, Any]:
    until = None if entry.expires_at is None else entry.expires_at.isoformat()
    return {
        "id_token": entry.id_token,
        "type": entry.type,
        "status": entry.status,
        "group_id": entry.group_id,
        "expires_at": until,
    }


def _entry(stored: Mapping[str, Any]) -> Entry:
    until = stored["expires_at"]
    return Entry(
        stored["id_token"],
        stored["type"],
        stored["status"],
        stored["group_id"],
        None if until is None else datetime.fromisoformat(until).astimezone(UTC),
    )


# ------------------------------------------------------------------------- what it should hold


class ListRules(Protocol):
    """Which tokens may charge where at all; fulfilled by billing, joined in app/compose."""

    async def kept_out(self, db: AsyncSession, presented: Sequence[Any]) -> Sequence[bool]:
        """Return which of the tokens (`Presented`) may charge at their station at no hour."""
        ...


_RULES: Final[Joint[ListRules]] = Joint("csms.local_list_store")


def join(database: Database, rules: ListRules) -> None:
    """Say for a database who keeps tokens out of stations; where nobody does, all are let in."""
    _RULES.join(database, rules)


async def known_tokens(
    db: AsyncSession, station: StationId, owner: OrganisationKey, now: datetime
) -> list[Known]:
    """Return the accepted tokens that belong on the list of an owner's station.

    They are those that he, or an organisation below him, answers for, and that no access rule
    keeps from the station: whom it may let charge without asking. Others' tokens are asked for
    each time. A list says nothing of hours of operation.
    """
    organisations = sorted(await directory.below(db, owner))
    holder = IdTokenHolderRow
    found = await db.execute(
        select(
            IdTokenRow.value,
            IdTokenRow.type,
            IdTokenRow.group_id,
            IdTokenRow.valid_until,
            IdTokenRow.key,
            holder.organisation,
        )
        .join(holder, holder.token == IdTokenRow.key)
        .where(
            IdTokenRow.status == TokenStatus.ACCEPTED,
            holder.organisation.in_(organisations),
            holder.valid_from <= now,
            or_(holder.valid_to.is_(None), holder.valid_to > now),
        )
        .order_by(IdTokenRow.key)
    )
    rows = found.all()
    rules = _RULES.of(db)
    if rules is None or not rows:
        return [Known(*row[:4]) for row in rows]
    [place] = await ask(db, transaction_store.surroundings([(station, 1, 0, now)]))
    presented = [
        Presented(
            station=station,
            location=place.location,
            owner=OrganisationKey(place.owner),
            time_zone=place.time_zone,
            at=now,
            token_key=row.key,
            token_organisation=OrganisationKey(row.organisation),
            token_provider=None,
            token_group=row.group_id,
        )
        for row in rows
    ]
    kept_out = await rules.kept_out(db, presented)
    return [Known(*row[:4]) for row, is_out in zip(rows, kept_out, strict=True) if not is_out]


async def limits_of(db: AsyncSession, station: str) -> Limits:
    """Return what a station said that it takes; what is no number counts as not said."""
    row = StationVariableRow
    found = await db.execute(
        select(func.lower(row.component), func.lower(row.variable), row.value, row.max_limit).where(
            row.station == station,
            row.attribute == "Actual",
            func.lower(row.component).in_(("", _CONTROLLER)),
            func.lower(row.variable).in_(
                (
                    "localauthlistmaxlength",
                    "sendlocallistmaxlength",
                    "entries",
                    "itemspermessage",
                    "bytespermessage",
                )
            ),
        )
    )
    said = {(component, name): (value, most) for component, name, value, most in found}

    def number(*keys: tuple[str, str]) -> int | None:
        for key in keys:
            value = said.get(key, (None, None))[0]
            if value is not None and value.isascii() and value.isdigit():
                return int(value)
        return None

    most = said.get((_CONTROLLER, "entries"), (None, None))[1]
    return Limits(
        int(most) if most is not None else number(("", "localauthlistmaxlength")),
        number(("", "sendlocallistmaxlength"), (_CONTROLLER, "itemspermessage")),
        number((_CONTROLLER, "bytespermessage")),
    )
