"""Face: files that stations send (logs) and fetch (firmware), and the places to do it by HTTP.

A place is a name that nobody can guess, for one station and a limited time: below it the station
may send one file, or fetch one. Who sends must say user and password besides (Basic
authentication); they stand in the address that the station is given, as in FTP, since OCPP has no
other place for them. Of name and password only digests are kept. The content lies in the database
in parts, since all that several nodes share is the database; each part is a unit of work of its
own, so that a slow sender holds no connection.
"""

import hashlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from csms import passwords
from csms.admission import credentials_of
from csms.equipment import owner_seen
from csms.equipment_tables import FilePlaceRow, StationFilePartRow, StationFileRow
from csms.tables import StationOwnerRow
from foundation import outbox
from foundation.database import Database
from foundation.errors import Conflict, ExpectedError, InvalidInput, NotFound
from foundation.events import StationFileReceived
from foundation.identifiers import OrganisationKey, StationId

PART_BYTES: Final = 256 * 1024
"""The size of all parts but the last."""

_NAME_BYTES = 24
_PASSWORD_BYTES = 16
_LONGEST_FILE_NAME = 120
_GIVEN_UP_AFTER = timedelta(days=1)
_PLACES_KEPT = timedelta(days=30)

UPLOADS: Final = "/files/up/"
DOWNLOADS: Final = "/files/down/"
"""What the paths of places begin with."""

USER: Final = "station"
"""Whom a station says that it is when it sends; who it is, the place knows."""


class PlaceOver(Conflict):
    """The place was used, or its time is over; a new one is made with the next request."""

    code = "file_place_over"

    def __init__(self) -> None:
        super().__init__("This place was used or its time is over.")


class NotAuthenticated(ExpectedError):
    """Who sends a file does not say the user and password of the place."""

    code = "not_authenticated"

    def __init__(self) -> None:
        super().__init__("Send with the user and the password of the address that was given.")


class FileTooLarge(InvalidInput):
    """The file has more bytes than are kept of one."""

    code = "file_too_large"

    def __init__(self, most_bytes: int) -> None:
        super().__init__(f"A file has at most {most_bytes} bytes here.")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a station may send a file or fetch one; the URL is the permission.

    Of a place to send to it holds user and password: it is a secret, and shown to nobody but who
    asked for it and the station.
    """

    url: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class StationFile:
    """A file that is there as a whole.

    `station` is who sent it; None for what was put here for stations. `stored_by` is the id of
    who put it here; None: the station.
    """

    id: int
    kind: str
    station: StationId | None
    organisation: OrganisationKey
    file_name: str
    media_type: str
    size_bytes: int
    sha256: str
    stored_at: datetime
    stored_by: str | None


# ------------------------------------------------------------------------------------ places


async def open_upload(
    db: AsyncSession,
    station: StationId,
    *,
    made_by: str,
    public_url: str,
    lasts: timedelta,
    now: datetime,
) -> Place:
    """Make a place to which a station may send one file, with a user and a password.

    It looks like a folder, as 1.6 has it: some stations send to it, some to a name in it.
    """
    password = secrets.token_hex(_PASSWORD_BYTES)
    scheme, _, rest = public_url.partition("://")
    made = await _open(
        db,
        "up",
        station,
        None,
        made_by=made_by,
        begin=f"{scheme}://{USER}:{password}@{rest}{UPLOADS}",
        lasts=lasts,
        now=now,
        password=password,
    )
    return Place(f"{made.url}/", made.expires_at)


async def open_download(
    db: AsyncSession,
    station: StationId,
    file: StationFile,
    *,
    made_by: str,
    public_url: str,
    lasts: timedelta,
    now: datetime,
) -> Place:
    """Make a place from which a station may fetch a file, as often as it must, until it is over."""
    begin = public_url + DOWNLOADS
    made = await _open(
        db, "down", station, file.id, made_by=made_by, begin=begin, lasts=lasts, now=now
    )
    # Stations tell the kind of a file by the end of its address.
    return Place(f"{made.url}/{quote(file.file_name, safe='')}", made.expires_at)


async def _open(
    db: AsyncSession,
    direction: str,
    station: StationId,
    file_id: int | None,
    *,
    made_by: str,
    begin: str,
    lasts: timedelta,
    now: datetime,
    password: str | None = None,
) -> Place:
    name = secrets.token_urlsafe(_NAME_BYTES)
    db.add(
        FilePlaceRow(
            digest=_digest(name),
            password=None if password is None else passwords.password_record(password.encode()),
            direction=direction,
            station=station,
            file_id=file_id,
            made_at=now,
            made_by=made_by,
            expires_at=now + lasts,
            used_at=None,
            uses=0,
        )
    )
    await db.flush()
    return Place(f"{begin}{name}", now + lasts)


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "replace")).digest()


async def _place(
    db: AsyncSession, direction: str, name: str, now: datetime, authorization: str | None = None
) -> FilePlaceRow:
    row = await db.scalar(
        select(FilePlaceRow).where(
            FilePlaceRow.digest == _digest(name), FilePlaceRow.direction == direction
        )
    )
    if row is None:
        raise NotFound("place", "of this name")
    if row.password is not None and not _is_right(row.password, authorization):
        raise NotAuthenticated
    if row.expires_at <= now or (direction == "up" and row.used_at is not None):
        raise PlaceOver
    return row


def _is_right(record: bytes, authorization: str | None) -> bool:
    said = credentials_of(authorization)
    return isinstance(said, tuple) and said[0] == USER and passwords.matches(record, said[1])


# --------------------------------------------------------------------------------- receiving


@dataclass(frozen=True, slots=True)
class Receiving:
    """A file on its way; `place` None: a person sends it."""

    file_id: int
    station: StationId | None
    place: int | None


async def receive_at(
    db: AsyncSession, name: str, now: datetime, *, authorization: str | None
) -> Receiving:
    """Begin to take a file at a place.

    Args:
        db: The unit of work.
        name: The place's.
        now: The moment of the request.
        authorization: The header of that name; None if there is none. Places of a time when none
            was demanded need none.

    Raises:
        NotFound: There is no such place.
        NotAuthenticated: It is not the place's user and password.
        PlaceOver: It was used, or its time is over.
    """
    place = await _place(db, "up", name, now, authorization)
    owner = await db.scalar(
        select(StationOwnerRow.organisation).where(
            StationOwnerRow.station == place.station, StationOwnerRow.valid_to.is_(None)
        )
    )
    assert owner is not None, "every station has an owner"
    row = _begun("log", StationId(place.station), OrganisationKey(owner), now)
    db.add(row)
    await db.flush()
    return Receiving(row.id, StationId(place.station), place.id)


async def receive_firmware(
    db: AsyncSession, organisation: OrganisationKey, now: datetime
) -> Receiving:
    """Begin to take a file that stations shall fetch."""
    row = _begun("firmware", None, organisation, now)
    db.add(row)
    await db.flush()
    return Receiving(row.id, None, None)


def _begun(
    kind: str, station: StationId | None, organisation: OrganisationKey, now: datetime
) -> StationFileRow:
    return StationFileRow(
        kind=kind,
        station=station,
        organisation=organisation,
        file_name="",
        media_type="",
        size_bytes=0,
        sha256=None,
        begun_at=now,
        stored_at=None,
        stored_by=None,
        stored_from=None,
    )


@dataclass(frozen=True, slots=True)
class Received:
    """What came: the number of bytes and their SHA-256."""

    size_bytes: int
    sha256: bytes


async def write_parts(
    database: Database, receiving: Receiving, body: AsyncIterator[bytes], *, most_bytes: int
) -> Received:
    """Write what comes, part by part.

    Raises:
        FileTooLarge: More came than `most_bytes`; what was written is for `give_up`.
    """
    sum_ = hashlib.sha256()
    size = number = 0
    waiting = bytearray()
    async for piece in body:
        size += len(piece)
        if size > most_bytes:
            raise FileTooLarge(most_bytes)
        sum_.update(piece)
        waiting += piece
        while len(waiting) >= PART_BYTES:
            await _write_part(database, receiving.file_id, number, bytes(waiting[:PART_BYTES]))
            del waiting[:PART_BYTES]
            number += 1
    if waiting:
        await _write_part(database, receiving.file_id, number, bytes(waiting))
    return Received(size, sum_.digest())


async def _write_part(database: Database, file_id: int, number: int, content: bytes) -> None:
    async with database.unit_of_work() as db:
        db.add(StationFilePartRow(file_id=file_id, number=number, content=content))


async def finish(
    db: AsyncSession,
    receiving: Receiving,
    received: Received,
    *,
    file_name: str,
    media_type: str,
    stored_by: str | None,
    stored_from: str | None,
    now: datetime,
) -> StationFile:
    """Let a file be there as a whole; its place is used from now on.

    Raises:
        PlaceOver: Another file came to the place meanwhile, or its time ran out.
    """
    if receiving.place is not None:
        used = await db.execute(
            update(FilePlaceRow)
            .where(
                FilePlaceRow.id == receiving.place,
                FilePlaceRow.used_at.is_(None),
                FilePlaceRow.expires_at > now,
            )
            .values(used_at=now, uses=1, file_id=receiving.file_id)
            .returning(FilePlaceRow.id)
        )
        if used.first() is None:
            raise PlaceOver
    row = await db.get_one(StationFileRow, receiving.file_id)
    row.file_name = safe_name(file_name) or f"{row.kind}-{now:%Y%m%d-%H%M%S}"
    row.media_type = media_type[:_LONGEST_FILE_NAME]
    row.size_bytes = received.size_bytes
    row.sha256 = received.sha256
    row.stored_at = now
    row.stored_by = stored_by
    row.stored_from = stored_from
    await db.flush()
    if row.station is not None:
        event = StationFileReceived(
            happened_at=now,
            station=StationId(row.station),
            file_id=row.id,
            file_name=row.file_name,
            size_bytes=row.size_bytes,
        )
        await outbox.append(db, [event], recorded_at=now)
    return _file(row)


async def give_up(db: AsyncSession, receiving: Receiving) -> None:
    """Take back what came of a file that never became whole; its place may be used again."""
    await db.execute(
        delete(StationFileRow).where(
            StationFileRow.id == receiving.file_id, StationFileRow.stored_at.is_(None)
        )
    )


def safe_name(name: str) -> str:
    """Return the last part of a path as a name that harms nobody; empty if nothing is left."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    kept = "".join(each if each.isalnum() or each in "._-+() " else "_" for each in last)
    return kept.strip(" .")[-_LONGEST_FILE_NAME:]


# ----------------------------------------------------------------------------------- reading


def _file(row: StationFileRow) -> StationFile:
    assert row.stored_at is not None, "only what is whole is shown"
    assert row.sha256 is not None, "only what is whole is shown"
    return StationFile(
        id=row.id,
        kind=row.kind,
        station=None if row.station is None else StationId(row.station),
        organisation=OrganisationKey(row.organisation),
        file_name=row.file_name,
        media_type=row.media_type,
        size_bytes=row.size_bytes,
        sha256=row.sha256.hex(),
        stored_at=row.stored_at,
        stored_by=row.stored_by,
    )


async def files_of(
    db: AsyncSession, scope: Scope, station: StationId, *, after: int | None = None, limit: int = 50
) -> list[StationFile]:
    """Return what a station sent, the newest first; `after` is the id that the page before ends by.

    Whoever has the station now does not see what it sent to its former owner.

    Raises:
        NotFound: If there is no such station in scope.
    """
    owner = await owner_seen(db, scope, station)
    query = select(StationFileRow).where(
        StationFileRow.station == station, StationFileRow.stored_at.is_not(None)
    )
    if not scope.covers(owner):
        query = query.where(StationFileRow.organisation == owner)
        since = scope.shared_since.get(station)
        if since is not None:
            query = query.where(StationFileRow.stored_at >= since)
    elif scope.organisations is not None:
        query = query.where(StationFileRow.organisation.in_(scope.organisations))
    if after is not None:
        query = query.where(StationFileRow.id < after)
    found = await db.scalars(query.order_by(StationFileRow.id.desc()).limit(limit))
    return [_file(row) for row in found]


async def firmware_files(
    db: AsyncSession, scope: Scope, *, after: int | None = None, limit: int = 50
) -> list[StationFile]:
    """Return the files that stations may be told to fetch, the newest first."""
    query = select(StationFileRow).where(
        StationFileRow.kind == "firmware", StationFileRow.stored_at.is_not(None)
    )
    if scope.organisations is not None:
        query = query.where(StationFileRow.organisation.in_(scope.organisations))
    if after is not None:
        query = query.where(StationFileRow.id < after)
    found = await db.scalars(query.order_by(StationFileRow.id.desc()).limit(limit))
    return [_file(row) for row in found]


async def stored_file(db: AsyncSession, scope: Scope, file_id: int) -> StationFile:
    """Return one file.

    Raises:
        NotFound: If there is none with this id in scope, or it is not whole.
    """
    row = await db.get(StationFileRow, file_id)
    if row is None or row.stored_at is None:
        raise NotFound("file", file_id)
    if not scope.covers(OrganisationKey(row.organisation)):
        if row.station is None:
            raise NotFound("file", file_id)
        station = StationId(row.station)
        since = scope.shared_since.get(station)
        is_shared = station in scope.shared and (since is None or row.stored_at >= since)
        if not is_shared or row.organisation != await owner_seen(db, scope, station):
            raise NotFound("file", file_id)
    return _file(row)


async def fetched(
    db: AsyncSession, name: str, now: datetime, *, is_counted: bool = True
) -> StationFile:
    """Return the file of a place, as a station fetches it.

    Raises:
        NotFound: There is no such place.
        PlaceOver: Its time is over.
    """
    place = await _place(db, "down", name, now)
    assert place.file_id is not None, "a place to fetch from has a file"
    if is_counted:
        place.used_at = now
        place.uses += 1
        await db.flush()
    return _file(await db.get_one(StationFileRow, place.file_id))


async def content(
    database: Database, file: StationFile, *, start: int = 0, end: int | None = None
) -> AsyncIterator[bytes]:
    """Yield the bytes of a file from `start` to before `end`, part by part."""
    end = file.size_bytes if end is None else min(end, file.size_bytes)
    while start < end:
        number, offset = divmod(start, PART_BYTES)
        length = min(PART_BYTES - offset, end - start)
        async with database.unit_of_work() as db:
            piece = await db.scalar(
                select(func.substring(StationFilePartRow.content, offset + 1, length)).where(
                    StationFilePartRow.file_id == file.id, StationFilePartRow.number == number
                )
            )
        assert piece is not None, "a file that is whole has all its parts"
        yield bytes(piece)
        start += length


# -------------------------------------------------------------------------------- forgetting


async def forget(db: AsyncSession, *, kept: timedelta, now: datetime) -> None:
    """Delete logs that were kept long enough, what never became whole, and places long over."""
    old_logs = (
        select(StationFileRow.id)
        .where(
            or_(
                StationFileRow.stored_at.is_(None)
                & (StationFileRow.begun_at < now - _GIVEN_UP_AFTER),
                (StationFileRow.kind == "log") & (StationFileRow.stored_at < now - kept),
            )
        )
        .scalar_subquery()
    )
    await db.execute(
        delete(FilePlaceRow).where(
            or_(
                FilePlaceRow.expires_at < now - _PLACES_KEPT,
                FilePlaceRow.file_id.in_(old_logs),
            )
        )
    )
    await db.execute(delete(StationFileRow).where(StationFileRow.id.in_(old_logs)))
