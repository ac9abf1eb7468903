"""What belongs to a visit: parts, photos, exchanged meters."""

from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.clock import SetClock
from foundation.errors import InvalidInput, NotFound
from support import visit_papers
from support.visit_papers import (
    PHOTO_MOST_BYTES,
    PHOTOS_AT_MOST,
    Exchanged,
    ExchangeKnown,
    TooManyPhotos,
    media_type_of,
)
from tests.support.visiting import planned

JPEG = b"\xff\xd8\xff\xe0" + bytes(20)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (JPEG, "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n" + bytes(9), "image/png"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", None),
        (b"", None),
    ],
)
def test_a_photo_is_what_its_bytes_are(content: bytes, kind: str | None) -> None:
    assert media_type_of(content) == kind


async def test_parts_photos_and_exchanges_stand_with_their_visit(
    world: AsyncSession, clock: SetClock
) -> None:
    visit, now = (await planned(world, clock.now())).id, clock.now()
    await visit_papers.add_part(world, visit, " Fuse ", 2, " ", by_name="Tom", now=now)
    for name, pieces in (("", 1), ("Fuse", 0)):
        with pytest.raises(InvalidInput):
            await visit_papers.add_part(world, visit, name, pieces, None, by_name="T", now=now)
    [part] = await visit_papers.parts_of(world, visit)
    assert (part.name, part.pieces, part.serial_number) == ("Fuse", 2, None)

    assert await visit_papers.add_photo(world, visit, JPEG, "lid", by_name="Tom", now=now)
    assert not await visit_papers.add_photo(world, visit, JPEG, "lid", by_name="Tom", now=now)
    for wrong in (b"text", JPEG + bytes(PHOTO_MOST_BYTES)):
        with pytest.raises(InvalidInput):
            await visit_papers.add_photo(world, visit, wrong, "", by_name="Tom", now=now)
    [photo] = await visit_papers.photos_of(world, visit)
    assert await visit_papers.photo(world, visit, photo.id) == ("image/jpeg", JPEG)
    with pytest.raises(NotFound):
        await visit_papers.photo(world, visit + 1, photo.id)
    for number in range(1, PHOTOS_AT_MOST):
        more = JPEG + bytes([number])
        await visit_papers.add_photo(world, visit, more, "", by_name="Tom", now=now)
    with pytest.raises(TooManyPhotos):
        await visit_papers.add_photo(world, visit, JPEG + b"!", "", by_name="Tom", now=now)

    async def exchanged(evse: int, last: str, first: str = "0") -> None:
        await visit_papers.add_exchange(
            world,
            visit,
            Exchanged.METER,
            evse,
            last_wh=Decimal(last),
            first_wh=Decimal(first),
            serial_number="Z-9",
            by_name="Tom",
            now=now,
        )

    await exchanged(1, "1200500", "10")
    with pytest.raises(ExchangeKnown):
        await exchanged(1, "7")
    for evse, last in ((0, "1"), (2, "-1"), (2, "NaN")):
        with pytest.raises(InvalidInput):
            await exchanged(evse, last)
    [exchange] = await visit_papers.exchanges_of(world, visit)
    assert (exchange.last_wh, exchange.first_wh) == (Decimal(1200500), Decimal(10))
