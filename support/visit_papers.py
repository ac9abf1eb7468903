"""What belongs to a visit: the parts that were put in, the photos, the exchanged meters."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.errors import Conflict, InvalidInput, NotFound
from support.visit_tables import VisitExchangeRow, VisitPartRow, VisitPhotoRow

PHOTOS_AT_MOST: Final = 20
PHOTO_MOST_BYTES: Final = 7 * 1024 * 1024
_SHORT: Final = 200
_MAGIC: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
)
_RIFF, _WEBP = b"RIFF", b"WEBP"


@dataclass(frozen=True, slots=True)
class Part:
    """A part that was put in, and how many of it."""

    id: int
    name: str
    pieces: int
    serial_number: str | None


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture, without its bytes."""

    id: int
    media_type: str
    size_bytes: int
    sha256: str
    caption: str | None
    added_at: datetime


class Exchanged(StrEnum):
    """What was exchanged."""

    METER = "meter"
    STATION = "station"


@dataclass(frozen=True, slots=True)
class Exchange:
    """An EVSE's old meter ended at `last_wh`, its new one began at `first_wh`, in Wh."""

    id: int
    what: Exchanged
    evse_id: int
    exchanged_at: datetime
    last_wh: Decimal
    first_wh: Decimal
    serial_number: str | None


class TooManyPhotos(Conflict):
    """A visit has enough pictures."""

    code = "too_many_photos"

    def __init__(self) -> None:
        super().__init__(f"A visit has {PHOTOS_AT_MOST} photos at most.")


class ExchangeKnown(Conflict):
    """The readings of this EVSE's exchange are entered already."""

    code = "exchange_known"

    def __init__(self, evse_id: int) -> None:
        super().__init__(f"The exchange at EVSE {evse_id} is entered already.")


async def add_part(
    db: AsyncSession,
    visit_id: int,
    name: str,
    pieces: int,
    serial_number: str | None,
    *,
    by_name: str,
    now: datetime,
) -> None:
    """Note a part that was put in.

    Raises:
        InvalidInput: If it has no name, or its number of pieces is none.
    """
    written = name.strip()
    if not 1 <= len(written) <= _SHORT:
        raise InvalidInput("Name the part, in 200 characters at most.", field="part")
    if not 1 <= pieces <= 10_000:
        raise InvalidInput("Pieces are counted from 1.", field="pieces")
    db.add(
        VisitPartRow(
            visit_id=visit_id,
            name=written,
            pieces=pieces,
            serial_number=(serial_number or "").strip()[:_SHORT] or None,
            added_at=now,
            added_by_name=by_name,
        )
    )
    await db.flush()


def media_type_of(content: bytes) -> str | None:
    """Return what kind of picture the bytes are, whatever somebody says; None: none we show."""
    for magic, kind in _MAGIC:
        if content.startswith(magic):
            return kind
    return "image/webp" if content[:4] == _RIFF and content[8:12] == _WEBP else None


async def add_photo(
    db: AsyncSession,
    visit_id: int,
    content: bytes,
    caption: str,
    *,
    by_name: str,
    now: datetime,
) -> bool:
    """Keep a picture; the same one again is nothing.

    Returns:
        Whether it is new.

    Raises:
        InvalidInput: If it is no JPEG, PNG or WebP, or too large.
        TooManyPhotos: If there are enough.
    """
    kind = media_type_of(content)
    if kind is None:
        raise InvalidInput("A photo is a JPEG, PNG or WebP.", field="photo")
    if len(content) > PHOTO_MOST_BYTES:
        raise InvalidInput("A photo has 7 MB at most.", field="photo")
    known = await db.scalar(
        select(func.count()).select_from(VisitPhotoRow).where(VisitPhotoRow.visit_id == visit_id)
    )
    if (known or 0) >= PHOTOS_AT_MOST:
        raise TooManyPhotos
    made = await db.execute(
        insert(VisitPhotoRow)
        .values(
            visit_id=visit_id,
            media_type=kind,
            sha256=hashlib.sha256(content).digest(),
            size_bytes=len(content),
            content=content,
            caption=caption.strip()[:_SHORT] or None,
            added_at=now,
            added_by_name=by_name,
        )
        .on_conflict_do_nothing(index_elements=["visit_id", "sha256"])
        .returning(VisitPhotoRow.id)
    )
    return made.scalar() is not None


async def photo(db: AsyncSession, visit_id: int, number: int) -> tuple[str, bytes]:
    """Return a picture's media type and bytes.

    Raises:
        NotFound: If the visit has none of this number.
    """
    row = await db.get(VisitPhotoRow, number)
    if row is None or row.visit_id != visit_id:
        raise NotFound("photo", number)
    return row.media_type, row.content


async def add_exchange(
    db: AsyncSession,
    visit_id: int,
    what: Exchanged,
    evse_id: int,
    *,
    last_wh: Decimal,
    first_wh: Decimal,
    serial_number: str | None,
    by_name: str,
    now: datetime,
) -> None:
    """Note an exchanged meter, or that of an exchanged station, with its two readings in Wh.

    Raises:
        InvalidInput: If the EVSE or a reading is none.
        ExchangeKnown: If that of this EVSE is entered already.
    """
    if evse_id < 1:
        raise InvalidInput("EVSEs are counted from 1.", field="exchange_evse")
    for name, reading in (("last_kwh", last_wh), ("first_kwh", first_wh)):
        if not reading.is_finite() or reading < 0:
            raise InvalidInput("A reading is 0 or more.", field=name)
    made = await db.execute(
        insert(VisitExchangeRow)
        .values(
            visit_id=visit_id,
            what=what,
            evse_id=evse_id,
            exchanged_at=now,
            last_wh=last_wh,
            first_wh=first_wh,
            serial_number=(serial_number or "").strip()[:_SHORT] or None,
            added_by_name=by_name,
        )
        .on_conflict_do_nothing(index_elements=["visit_id", "evse_id"])
        .returning(VisitExchangeRow.id)
    )
    if made.scalar() is None:
        raise ExchangeKnown(evse_id)


async def parts_of(db: AsyncSession, visit_id: int) -> tuple[Part, ...]:
    """Return the parts of a visit, as they were entered."""
    rows = await db.scalars(
        select(VisitPartRow).where(VisitPartRow.visit_id == visit_id).order_by(VisitPartRow.id)
    )
    return tuple(Part(each.id, each.name, each.pieces, each.serial_number) for each in rows)


async def photos_of(db: AsyncSession, visit_id: int) -> tuple[Photo, ...]:
    """Return the pictures of a visit, without their bytes."""
    row = VisitPhotoRow
    found = await db.execute(
        select(row.id, row.media_type, row.size_bytes, row.sha256, row.caption, row.added_at)
        .where(row.visit_id == visit_id)
        .order_by(row.id)
    )
    return tuple(
        Photo(number, kind, size, sha256.hex(), caption, at)
        for number, kind, size, sha256, caption, at in found
    )


async def exchanges_of(db: AsyncSession, visit_id: int) -> tuple[Exchange, ...]:
    """Return the exchanged meters of a visit, by EVSE."""
    rows = await db.scalars(
        select(VisitExchangeRow)
        .where(VisitExchangeRow.visit_id == visit_id)
        .order_by(VisitExchangeRow.evse_id)
    )
    return tuple(
        Exchange(
            each.id,
            Exchanged(each.what),
            each.evse_id,
            each.exchanged_at,
            each.last_wh,
            each.first_wh,
            each.serial_number,
        )
        for each in rows
    )
