"""Files that come and go by places whose names nobody can guess."""

import base64
import hashlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import WHOLE, Scope
from csms import administration, files
from csms.administration import StationSettings
from csms.files import (
    PART_BYTES,
    FileTooLarge,
    NotAuthenticated,
    Place,
    PlaceOver,
    Receiving,
    StationFile,
)
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey, StationId
from tests.csms.handlers.work import OWNER

STATION = StationId("CS-1")
DAY = timedelta(days=1)


@pytest.fixture
async def place(database: Database, clock: SetClock) -> Place:
    """A place for one file of a station."""
    async with database.unit_of_work() as db:
        await directory.ensure_root(
            db,
            key=OWNER,
            name="Operator",
            time_zone="UTC",
            currency="EUR",
            country="DE",
            language="en",
            now=clock.now(),
        )
        await directory.create_organisation(
            db, OrganisationKey("north"), {"name": "North"}, now=clock.now()
        )
        await administration.create_station(
            db,
            STATION,
            OWNER,
            StationSettings(),
            password=None,
            time_zone="UTC",
            now=clock.now(),
        )
        return await files.open_upload(
            db,
            STATION,
            made_by="person/1",
            public_url="http://here",
            lasts=DAY,
            now=clock.now(),
        )


def name_of(place: Place) -> str:
    return place.url.split("/")[5]


def said(url: str) -> str | None:
    """What a station says of itself that takes user and password from an address; None: nothing."""
    parts = urlsplit(url)
    if parts.username is None:
        return None
    pair = f"{parts.username}:{parts.password}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


async def begun(db: AsyncSession, place: Place, now: datetime) -> Receiving:
    return await files.receive_at(db, name_of(place), now, authorization=said(place.url))


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    for each in given:
        yield each


async def receive(
    database: Database, place: Place, now: datetime, *given: bytes, file_name: str = "log.zip"
) -> StationFile:
    async with database.unit_of_work() as db:
        receiving = await begun(db, place, now)
    return await complete(database, receiving, now, *given, file_name=file_name)


async def complete(
    database: Database, receiving: Receiving, now: datetime, *given: bytes, file_name: str = "f"
) -> StationFile:
    received = await files.write_parts(
        database, receiving, pieces(*given), most_bytes=4 * PART_BYTES
    )
    async with database.unit_of_work() as db:
        return await files.finish(
            db,
            receiving,
            received,
            file_name=file_name,
            media_type="application/zip",
            stored_by=None,
            stored_from="10.0.0.1",
            now=now,
        )


async def read(database: Database, file: StationFile, **span: int) -> bytes:
    return b"".join([each async for each in files.content(database, file, **span)])


async def test_a_file_comes_once_and_is_the_same_afterwards(
    database: Database, clock: SetClock, place: Place
) -> None:
    data = bytes(range(256)) * 2500  # two whole parts and a bit
    given = [data[:100], data[100 : PART_BYTES + 5], data[PART_BYTES + 5 :]]
    file = await receive(database, place, clock.now(), *given)

    assert await read(database, file) == data
    assert (file.size_bytes, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert (file.station, file.kind, file.file_name) == (STATION, "log", "log.zip")
    for start, end in ((0, 1), (PART_BYTES - 1, PART_BYTES + 1), (639_999, 10**9), (5, 5)):
        assert await read(database, file, start=start, end=end) == data[start:end]
    with pytest.raises(PlaceOver):
        await receive(database, place, clock.now(), b"again")
    async with database.unit_of_work() as db:
        told = (await db.execute(text("select kind, payload from journal"))).all()
    [(_kind, payload)] = [each for each in told if each[0] == "station_file_received"]
    assert payload["size_bytes"] == len(data)


async def test_a_place_is_over_with_its_time_and_unknown_otherwise(
    database: Database, clock: SetClock, place: Place
) -> None:
    with pytest.raises(NotFound):
        await receive(
            database, Place("http://here/files/up/guessed/", clock.now()), clock.now(), b"x"
        )
    async with database.unit_of_work() as db:
        with pytest.raises(NotFound):
            await files.fetched(db, name_of(place), clock.now())
    with pytest.raises(PlaceOver):
        await receive(database, place, clock.now() + DAY, b"x")
    await receive(database, place, clock.now() + DAY - timedelta(seconds=1), b"x")


async def test_to_send_a_station_says_user_and_password_of_its_own_place(
    database: Database, clock: SetClock, place: Place
) -> None:
    async with database.unit_of_work() as db:
        other = await files.open_upload(
            db,
            STATION,
            made_by="person/1",
            public_url="http://here",
            lasts=DAY,
            now=clock.now(),
        )
        password = str(urlsplit(place.url).password)
        for wrong in (
            place.url.replace(f"{files.USER}:{password}@", ""),
            place.url.replace(password, "x" + password[1:]),
            place.url.replace(password, ""),
            place.url.replace(f"{files.USER}:", "admin:"),
            other.url,
        ):
            for authorization in (said(wrong), f"Bearer {password}", "Basic nonsense"):
                with pytest.raises(NotAuthenticated):
                    await files.receive_at(
                        db, name_of(place), clock.now(), authorization=authorization
                    )
        assert (await begun(db, place, clock.now())).station == STATION
        kept = str((await db.execute(text("select * from file_places"))).all())
    assert password not in kept
    assert name_of(place) not in kept


async def test_of_two_files_at_one_place_the_first_that_is_whole_counts(
    database: Database, clock: SetClock, place: Place
) -> None:
    async with database.unit_of_work() as db:
        both = [await begun(db, place, clock.now()) for _ in range(2)]
    await complete(database, both[1], clock.now(), b"second")
    with pytest.raises(PlaceOver):
        await complete(database, both[0], clock.now(), b"first")

    async with database.unit_of_work() as db:
        [file] = await files.files_of(db, WHOLE, STATION)
    assert await read(database, file) == b"second"


async def test_a_file_that_is_too_large_leaves_its_place_free(
    database: Database, clock: SetClock, place: Place
) -> None:
    async with database.unit_of_work() as db:
        receiving = await begun(db, place, clock.now())
    with pytest.raises(FileTooLarge):
        await files.write_parts(
            database, receiving, pieces(b"x" * PART_BYTES, b"y"), most_bytes=PART_BYTES
        )
    async with database.unit_of_work() as db:
        await files.give_up(db, receiving)
        left = await db.scalar(text("select count(*) from station_file_parts"))
        assert left == 0
        assert await files.files_of(db, WHOLE, STATION) == []
        with pytest.raises(NotFound):
            await files.stored_file(db, WHOLE, receiving.file_id)
    exact = await receive(database, place, clock.now(), b"x" * PART_BYTES)
    assert exact.size_bytes == PART_BYTES


async def test_a_station_fetches_firmware_as_often_as_it_must(
    database: Database, clock: SetClock, place: Place
) -> None:
    async with database.unit_of_work() as db:
        receiving = await files.receive_firmware(db, OrganisationKey("north"), clock.now())
    file = await complete(
        database, receiving, clock.now(), b"image", file_name="../dir/box 1.2?.bin"
    )
    assert file.file_name == "box 1.2_.bin"
    async with database.unit_of_work() as db:
        given = await files.open_download(
            db,
            STATION,
            file,
            made_by="person/1",
            public_url="http://here",
            lasts=DAY,
            now=clock.now(),
        )
        assert given.url.endswith("/box%201.2_.bin")
        for _ in range(3):
            assert await files.fetched(db, name_of(given), clock.now()) == file
        with pytest.raises(PlaceOver):
            await files.fetched(db, name_of(given), clock.now() + DAY)
        with pytest.raises(NotFound):
            await begun(db, given, clock.now())
        uses = await db.scalar(text("select uses from file_places where direction = 'down'"))
    assert uses == 3


async def test_files_are_seen_by_whom_they_belong_to(
    database: Database, clock: SetClock, place: Place
) -> None:
    file = await receive(database, place, clock.now(), b"x")
    north = OrganisationKey("north")
    async with database.unit_of_work() as db:
        firmware = await files.receive_firmware(db, north, clock.now())
    own = await complete(database, firmware, clock.now(), b"image")
    later = clock.now() + timedelta(hours=1)
    async with database.unit_of_work() as db:
        seen = {
            "owner": Scope(frozenset({OrganisationKey(OWNER)})),
            "shared": Scope(frozenset(), shared={STATION: "read"}),
            "shared since": Scope(
                frozenset(), shared={STATION: "read"}, shared_since={STATION: clock.now()}
            ),
        }
        for scope in seen.values():
            assert await files.files_of(db, scope, STATION) == [file]
            assert await files.stored_file(db, scope, file.id) == file
            assert await files.firmware_files(db, scope) == []
            with pytest.raises(NotFound):
                await files.stored_file(db, scope, own.id)
        too_late = Scope(frozenset(), shared={STATION: "read"}, shared_since={STATION: later})
        assert await files.files_of(db, too_late, STATION) == []
        with pytest.raises(NotFound):
            await files.stored_file(db, too_late, file.id)
        assert await files.firmware_files(db, Scope(frozenset({north}))) == [own]
        with pytest.raises(NotFound):
            await files.files_of(db, Scope(frozenset({north})), STATION)

        clock.advance(timedelta(hours=1))
        await administration.change_station(
            db, STATION, StationSettings(organisation=north), now=clock.now()
        )
        clock.advance(timedelta(hours=1))
        assert await files.files_of(db, Scope(frozenset({north})), STATION) == []
        with pytest.raises(NotFound):
            await files.stored_file(db, Scope(frozenset({north})), file.id)


async def test_old_logs_go_and_firmware_stays(
    database: Database, clock: SetClock, place: Place
) -> None:
    log = await receive(database, place, clock.now(), b"x")
    async with database.unit_of_work() as db:
        firmware = await files.receive_firmware(db, OWNER, clock.now())
        broken_off = await files.receive_firmware(db, OWNER, clock.now())
    image = await complete(database, firmware, clock.now(), b"image")
    for days, left in ((1, [log]), (11, [])):
        async with database.unit_of_work() as db:
            await files.forget(
                db, kept=timedelta(days=10), now=clock.now() + timedelta(days=days, hours=1)
            )
            assert await files.files_of(db, WHOLE, STATION) == left
            assert await files.firmware_files(db, WHOLE) == [image]
            gone = await db.scalar(
                text("select count(*) from station_files where id = :id"),
                {"id": broken_off.file_id},
            )
            assert gone == 0


@given(st.text())
def test_a_files_name_harms_nobody(name: str) -> None:
    safe = files.safe_name(name)

    assert not set(safe) & set('/\\"\r\n\0;:*?<>|')
    assert not safe.startswith(".")
    assert len(safe) <= 120
    assert files.safe_name(safe) == safe
