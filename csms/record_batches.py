"""What a batch of reports changes of stations' records, by as few statements as there are kinds.

Changes of one station and kind happen in their order; those that have nothing to do with each other
share a statement, however many stations told them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import case, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from csms.record_tables import StationRecordRow, StationTellingRow
from csms.records import Held, Told, all_told, digest_of

_AT_ONCE: Final = 4000
"""A statement has 65535 parameters at most."""


@dataclass(frozen=True, slots=True)
class Keep:
    """A station holds this; what it held by the same key is gone."""

    station: str
    kind: Held
    key: str
    content: Mapping[str, Any]
    state: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Forget:
    """A station holds this no longer."""

    station: str
    kind: Held
    key: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A station does something else with what it holds."""

    station: str
    kind: Held
    key: str
    state: str
    at: datetime


@dataclass(frozen=True, slots=True)
class AllTold:
    """The last part of a report came: of a whole one, what it left out is gone."""

    station: str
    kind: Held
    request_id: int


@dataclass(frozen=True, slots=True)
class Tell:
    """A station told this, once."""

    station: str
    kind: Told
    ref: str
    content: Mapping[str, Any]
    at: datetime


Change = Keep | Forget | Mark | AllTold | Tell


def rounds(changes: Iterable[Change]) -> list[dict[type, list[Change]]]:
    """Return what may happen at once: by kind of change, those that do not touch each other.

    A change comes a round after one of another kind to the same records. Of several of one kind to
    the same record the last holds.
    """
    found: list[dict[type, dict[object, Change]]] = []
    latest: dict[tuple[str, str, bool], tuple[int, type]] = {}
    for each in changes:
        kind = type(each)
        records = (each.station, each.kind.value, kind is Tell)
        place, before = latest.get(records, (0, kind))
        if before is not kind:
            place += 1
        latest[records] = (place, kind)
        if place == len(found):
            found.append({})
        named: object = each if isinstance(each, AllTold) else (*records, len(found[place]))
        if isinstance(each, Keep | Forget | Mark):
            named = (*records, each.key)
        elif isinstance(each, Tell):
            named = (*records, each.ref, digest_of(each.content))
        of_kind = found[place].setdefault(kind, {})
        of_kind.pop(named, None)
        of_kind[named] = each
    return [{kind: list(some.values()) for kind, some in each.items()} for each in found]


async def apply(db: AsyncSession, changes: Iterable[Change]) -> None:
    """Make the changes; a batch of one kind is one statement."""
    for each in rounds(changes):
        for kind, some in each.items():
            for place in range(0, len(some), _AT_ONCE):
                await _HOW[kind](db, some[place : place + _AT_ONCE])


async def _keep(db: AsyncSession, some: Sequence[Any]) -> None:
    ordered = sorted(some, key=lambda each: (each.station, each.kind.value, each.key))
    written = insert(StationRecordRow).values(
        [
            {
                "station": each.station,
                "kind": each.kind.value,
                "key": each.key,
                "content": dict(each.content),
                "state": each.state,
                "told_at": each.at,
            }
            for each in ordered  # locked in one order, whoever else writes
        ]
    )
    told = written.excluded
    await db.execute(
        written.on_conflict_do_update(
            index_elements=["station", "kind", "key"],
            set_={
                "content": told.content,
                # 2.0.1 does not say whose a monitor is: what we know of it stays.
                "state": case(
                    (told.kind == Held.MONITOR.value, func.coalesce(told.state, _STATE)),
                    else_=told.state,
                ),
                "told_at": told.told_at,
            },
        )
    )


_STATE: Final = StationRecordRow.state
_NAMED: Final = (
    """unnest(cast(:stations as text[]), cast(:kinds as text[]), cast(:keys as text[])"""
)
_FORGOTTEN: Final = text(f"""
delete from station_records r using {_NAMED}) as n (station, kind, key)
where r.station = n.station and r.kind = n.kind and r.key = n.key
""")  # noqa: S608 - a condition of ours
_MARKED: Final = text(f"""
update station_records r set state = n.state, told_at = n.told_at
from {_NAMED}, cast(:states as text[]), cast(:moments as timestamptz[]))
    as n (station, kind, key, state, told_at)
where r.station = n.station and r.kind = n.kind and r.key = n.key
""")  # noqa: S608 - a condition of ours


def _names(some: Sequence[Any]) -> dict[str, Any]:
    return {
        "stations": [each.station for each in some],
        "kinds": [each.kind.value for each in some],
        "keys": [each.key for each in some],
    }


async def _forget(db: AsyncSession, some: Sequence[Any]) -> None:
    await db.execute(_FORGOTTEN, _names(some))


async def _mark(db: AsyncSession, some: Sequence[Any]) -> None:
    more = {"states": [each.state for each in some], "moments": [each.at for each in some]}
    await db.execute(_MARKED, _names(some) | more)


async def _all_told(db: AsyncSession, some: Sequence[Any]) -> None:
    # A report's last part comes once for a question of ours: not worth a statement of its own.
    for each in some:
        await all_told(db, each.station, each.kind, each.request_id)


async def _tell(db: AsyncSession, some: Sequence[Any]) -> None:
    written = insert(StationTellingRow).values(
        [
            {
                "station": each.station,
                "kind": each.kind.value,
                "ref": each.ref,
                "digest": digest_of(each.content),
                "content": dict(each.content),
                "told_at": each.at,
            }
            for each in some
        ]
    )
    await db.execute(written.on_conflict_do_nothing())


_HOW: Final[Mapping[type, Any]] = {
    Keep: _keep,
    Forget: _forget,
    Mark: _mark,
    AllTold: _all_told,
    Tell: _tell,
}
