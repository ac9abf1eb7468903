"""Face: what people write down on a station's data sheet: facts, components, documents, history.

Each row belongs to the organisation that owned the station when it was written; a listing shows
what its scope covers, so that the next owner does not read what the former one wrote.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.audit import Actor
from accounts.directory import Scope
from csms.sheet_tables import (
    StationDocumentRow,
    StationEntryKindRow,
    StationEntryRow,
    StationFactRow,
    StationPartRow,
)
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId

LONGEST_NAME: Final = 200
LONGEST_TEXT: Final = 8000
_MOST_ROWS: Final = 500
_PLAIN: Final = "application/octet-stream"


def _text(text: str, field: str, most: int, *, may_be_empty: bool = False) -> str:
    written = text.strip()
    if (not written and not may_be_empty) or "\x00" in written:  # no text can hold NUL
        raise InvalidInput("Say what it is.", field=field)
    if len(written) > most:
        raise InvalidInput("This is too long. Shorten it.", field=field)
    return written


def _seen(scope: Scope, organisation: ColumnElement[str]) -> list[ColumnElement[bool]]:
    return [] if scope.organisations is None else [organisation.in_(scope.organisations)]


# ------------------------------------------------------------------------------------- facts


@dataclass(frozen=True, slots=True)
class StationFact:
    """A free pair of description and value."""

    id: int
    name: str
    value: str
    changed_at: datetime


async def facts(db: AsyncSession, scope: Scope, station: StationId) -> list[StationFact]:
    """Return the pairs of a station, by description."""
    row = StationFactRow
    rows = await db.scalars(
        select(row)
        .where(row.station == station, *_seen(scope, row.organisation.expression))
        .order_by(row.name, row.id)
        .limit(_MOST_ROWS)
    )
    return [StationFact(each.id, each.name, each.value, each.changed_at) for each in rows]


async def put_fact(
    db: AsyncSession,
    station: StationId,
    organisation: OrganisationKey,
    name: str,
    value: str,
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Write a pair, in place of the one with the same description.

    Raises:
        InvalidInput: If one of both is missing or too long.
    """
    values = {
        "value": _text(value, "value", LONGEST_TEXT),
        "changed_at": now,
        "changed_by": by.id,
    }
    await db.execute(
        insert(StationFactRow)
        .values(
            station=station,
            organisation=organisation,
            name=_text(name, "name", LONGEST_NAME),
            **values,
        )
        .on_conflict_do_update(index_elements=["station", "organisation", "name"], set_=values)
    )


async def remove_fact(db: AsyncSession, scope: Scope, station: StationId, number: int) -> str:
    """Take a pair away, and return its description.

    Raises:
        NotFound: If the station has none with this number in scope.
    """
    row = StationFactRow
    name = await db.scalar(
        delete(row)
        .where(row.id == number, row.station == station, *_seen(scope, row.organisation.expression))
        .returning(row.name)
    )
    if name is None:
        raise NotFound("fact", number)
    return str(name)


# -------------------------------------------------------------------------------- components


@dataclass(frozen=True, slots=True, kw_only=True)
class StationPart:
    """A component that somebody entered; `is_external`: it stands beside the station."""

    id: int = 0
    name: str
    is_external: bool
    model: str | None = None
    serial_number: str | None = None
    version: str | None = None
    updated_at: datetime | None = None


async def parts(db: AsyncSession, scope: Scope, station: StationId) -> list[StationPart]:
    """Return the components that are there, the oldest first."""
    row = StationPartRow
    rows = await db.scalars(
        select(row)
        .where(
            row.station == station,
            row.removed_at.is_(None),
            *_seen(scope, row.organisation.expression),
        )
        .order_by(row.id)
        .limit(_MOST_ROWS)
    )
    return [
        StationPart(
            id=each.id,
            name=each.name,
            is_external=each.is_external,
            model=each.model,
            serial_number=each.serial_number,
            version=each.version,
            updated_at=each.updated_at,
        )
        for each in rows
    ]


async def add_part(
    db: AsyncSession,
    station: StationId,
    organisation: OrganisationKey,
    part: StationPart,
    *,
    by: Actor,
    now: datetime,
) -> int:
    """Write a component, and return its number.

    Raises:
        InvalidInput: If it has no name, or something is too long.
    """
    row = StationPartRow(
        station=station,
        organisation=organisation,
        is_external=part.is_external,
        updated_at=now,
        updated_by=by.id,
        **_part(part),
    )
    db.add(row)
    await db.flush()
    return row.id


async def change_part(
    db: AsyncSession,
    scope: Scope,
    station: StationId,
    part: StationPart,
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Write what a component is now; the moment is that of its last update.

    Raises:
        InvalidInput: If it has no name, or something is too long.
        NotFound: If the station has none with this number in scope.
    """
    values = {**_part(part), "is_external": part.is_external}
    await _change_part(db, scope, station, part.id, values, by, now)


async def remove_part(
    db: AsyncSession, scope: Scope, station: StationId, number: int, *, by: Actor, now: datetime
) -> None:
    """Note that a component is no longer there.

    Raises:
        NotFound: If the station has none with this number in scope.
    """
    await _change_part(db, scope, station, number, {"removed_at": now}, by, now)


async def _change_part(
    db: AsyncSession,
    scope: Scope,
    station: StationId,
    number: int,
    values: Mapping[str, object],
    by: Actor,
    now: datetime,
) -> None:
    row = StationPartRow
    found = await db.scalar(
        update(row)
        .where(
            row.id == number,
            row.station == station,
            row.removed_at.is_(None),
            *_seen(scope, row.organisation.expression),
        )
        .values(**values, updated_at=now, updated_by=by.id)
        .returning(row.id)
        .execution_options(synchronize_session=False)
    )
    if found is None:
        raise NotFound("component", number)


def _part(part: StationPart) -> dict[str, str | None]:
    return {
        "name": _text(part.name, "name", LONGEST_NAME),
        **{
            field: _text(getattr(part, field) or "", field, LONGEST_NAME, may_be_empty=True) or None
            for field in ("model", "serial_number", "version")
        },
    }


# --------------------------------------------------------------------------------- documents


@dataclass(frozen=True, slots=True)
class StationDocument:
    """A file that somebody put to a station."""

    id: int
    organisation: OrganisationKey
    file_name: str
    media_type: str
    size_bytes: int
    sha256: str
    about: str | None
    stored_at: datetime
    stored_by_name: str


async def documents(db: AsyncSession, scope: Scope, station: StationId) -> list[StationDocument]:
    """Return the documents of a station without their content, the newest first."""
    row = StationDocumentRow
    rows = await db.execute(
        select(*_DOCUMENT)
        .where(
            row.station == station,
            row.removed_at.is_(None),
            *_seen(scope, row.organisation.expression),
        )
        .order_by(row.id.desc())
        .limit(_MOST_ROWS)
    )
    return [_document(each) for each in rows]


_DOCUMENT: Final = (
    StationDocumentRow.id,
    StationDocumentRow.organisation,
    StationDocumentRow.file_name,
    StationDocumentRow.media_type,
    StationDocumentRow.size_bytes,
    StationDocumentRow.sha256,
    StationDocumentRow.about,
    StationDocumentRow.stored_at,
    StationDocumentRow.stored_by_name,
)


def _document(row: Sequence[object]) -> StationDocument:
    number, organisation, name, media_type, size, digest, about, at, by = row
    assert isinstance(number, int)
    assert isinstance(size, int)
    assert isinstance(digest, bytes)
    assert isinstance(at, datetime)
    return StationDocument(
        number,
        OrganisationKey(str(organisation)),
        str(name),
        str(media_type),
        size,
        digest.hex(),
        None if about is None else str(about),
        at,
        str(by),
    )


async def document(
    db: AsyncSession, scope: Scope, station: StationId, number: int
) -> tuple[StationDocument, bytes]:
    """Return a document with its content.

    Raises:
        NotFound: If the station has none with this number in scope.
    """
    row = StationDocumentRow
    found = (
        await db.execute(
            select(*_DOCUMENT, row.content).where(
                row.id == number,
                row.station == station,
                row.removed_at.is_(None),
                *_seen(scope, row.organisation.expression),
            )
        )
    ).first()
    if found is None:
        raise NotFound("document", number)
    *head, content = found
    assert content is not None
    return _document(head), content


async def add_document(
    db: AsyncSession,
    station: StationId,
    organisation: OrganisationKey,
    content: bytes,
    *,
    file_name: str,
    media_type: str,
    about: str,
    by: Actor,
    now: datetime,
) -> StationDocument:
    """Keep a file; of its name only the last part counts.

    Raises:
        InvalidInput: If it is empty or has no name.
    """
    name = file_name.replace("\\", "/").rpartition("/")[2]
    if not content:
        raise InvalidInput("The file is empty.", field="file")
    row = StationDocumentRow(
        station=station,
        organisation=organisation,
        file_name=_text(name, "file", LONGEST_NAME),
        media_type=media_type if media_type.isascii() and "/" in media_type else _PLAIN,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).digest(),
        content=content,
        about=_text(about, "about", LONGEST_TEXT, may_be_empty=True) or None,
        stored_at=now,
        stored_by=by.id,
        stored_by_name=by.name,
    )
    db.add(row)
    await db.flush()
    return _document([getattr(row, each.key) for each in _DOCUMENT])


async def remove_document(
    db: AsyncSession, scope: Scope, station: StationId, number: int, *, by: Actor, now: datetime
) -> str:
    """Take a document's content away, and return its name, which is kept.

    Raises:
        NotFound: If the station has none with this number in scope.
    """
    row = StationDocumentRow
    name = await db.scalar(
        update(row)
        .where(
            row.id == number,
            row.station == station,
            row.removed_at.is_(None),
            *_seen(scope, row.organisation.expression),
        )
        .values(removed_at=now, removed_by=by.id, content=None)
        .returning(row.file_name)
        .execution_options(synchronize_session=False)
    )
    if name is None:
        raise NotFound("document", number)
    return str(name)


# ----------------------------------------------------------------------------------- history


@dataclass(frozen=True, slots=True)
class StationEntry:
    """Something that happened at a station, as somebody wrote it down."""

    id: int
    kind: str | None
    text: str
    at: datetime
    by_name: str


async def entries(
    db: AsyncSession,
    scope: Scope,
    station: StationId,
    *,
    before: int | None = None,
    limit: int = 50,
) -> list[StationEntry]:
    """Return what was written of a station, the newest first; those below a number, if given."""
    row = StationEntryRow
    query = (
        select(row)
        .where(row.station == station, *_seen(scope, row.organisation.expression))
        .order_by(row.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(row.id < before)
    return [
        StationEntry(each.id, each.kind, each.text, each.at, each.by_name)
        for each in await db.scalars(query)
    ]


async def write_entry(
    db: AsyncSession,
    station: StationId,
    organisation: OrganisationKey,
    text: str,
    *,
    kind: str | None,
    by: Actor,
    now: datetime,
) -> None:
    """Write what happened; it is never edited.

    Raises:
        InvalidInput: If there is no text, or too much of it.
    """
    row = StationEntryRow(
        station=station,
        organisation=organisation,
        kind=kind,
        text=_text(text, "text", LONGEST_TEXT),
        at=now,
        by=by.id,
        by_name=by.name,
    )
    db.add(row)
    await db.flush()


async def entry_kinds(db: AsyncSession, organisations: Sequence[str]) -> list[str]:
    """Return the kinds of entries that these organisations offer, by name."""
    row = StationEntryKindRow
    found = await db.scalars(
        select(row.name).where(row.organisation.in_(organisations)).order_by(row.name).distinct()
    )
    return list(found)


async def add_entry_kind(
    db: AsyncSession, organisation: OrganisationKey, name: str, *, by: Actor, now: datetime
) -> str:
    """Offer a kind of entries, and return its name.

    Raises:
        InvalidInput: If it has no name, or too long a one.
        Conflict: If the organisation offers it already.
    """
    written = _text(name, "kind-name", LONGEST_NAME)
    made = await db.scalar(
        insert(StationEntryKindRow)
        .values(organisation=organisation, name=written, made_at=now, made_by=by.id)
        .on_conflict_do_nothing()
        .returning(StationEntryKindRow.name)
    )
    if made is None:
        raise Conflict("This kind exists already.")
    return written


async def remove_entry_kind(db: AsyncSession, organisation: OrganisationKey, name: str) -> None:
    """Offer a kind no longer; what was written under it keeps its name.

    Raises:
        NotFound: If the organisation does not offer it.
    """
    row = StationEntryKindRow
    found = await db.scalar(
        delete(row).where(row.organisation == organisation, row.name == name).returning(row.name)
    )
    if found is None:
        raise NotFound("kind", name)
