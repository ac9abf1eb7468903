"""Files by HTTP: sent once, fetched as often as needed, refused afterwards."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from accounts.directory import WHOLE
from csms import administration, files
from csms.administration import StationSettings
from csms.files import PART_BYTES, Place, StationFile
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey, StationId
from foundation.settings import Settings
from portal.files import ArrivingForm, FormWithoutFile
from tests.portal.conftest import Keys

STATION = StationId("CS-1")
NORTH = OrganisationKey("north")
HERE = "http://portal.test"
MOST = 3 * PART_BYTES


@pytest.fixture
def settings() -> Settings:
    return Settings(station_file_max_bytes=MOST, http_body_max_bytes=1000)


@pytest.fixture
async def place(database: Database, clock: SetClock, keys: Keys) -> Place:
    """A place to which north's station may send a file within an hour."""
    async with database.unit_of_work() as db:
        await administration.create_station(
            db,
            STATION,
            NORTH,
            StationSettings(),
            password=None,
            time_zone="UTC",
            now=clock.now(),
        )
        return await files.open_upload(
            db,
            STATION,
            made_by="person/1",
            public_url=HERE,
            lasts=timedelta(hours=1),
            now=clock.now(),
        )


async def stored(database: Database) -> list[tuple[StationFile, bytes]]:
    async with database.unit_of_work() as db:
        found = await files.files_of(db, WHOLE, STATION)
    return [
        (file, b"".join([piece async for piece in files.content(database, file)])) for file in found
    ]


DATA = bytes(range(256)) * 3000


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_station_sends_its_file_once(
    client: httpx.AsyncClient, database: Database, place: Place, method: str
) -> None:
    sent = await client.request(method, place.url, content=DATA)
    assert (sent.status_code, sent.content) == (201, b"")
    again = await client.request(method, place.url, content=b"again")
    assert again.status_code == 410

    [(file, data)] = await stored(database)
    assert data == DATA
    assert (file.organisation, file.stored_by) == (NORTH, None)
    assert file.sha256 == hashlib.sha256(DATA).hexdigest()
    assert (await client.get(place.url)).status_code == 405


@pytest.mark.parametrize(
    ("path", "headers", "name"),
    [
        ("/diag.zip", {}, "diag.zip"),
        ("/a/b%20c.zip", {}, "b c.zip"),
        ("/", {"content-disposition": 'attachment; filename="x.log"'}, "x.log"),
        ("", {"content-type": "application/gzip"}, "log-20261015-120000"),
    ],
)
async def test_a_station_may_take_the_place_for_a_folder(
    client: httpx.AsyncClient,
    database: Database,
    clock: SetClock,
    place: Place,
    path: str,
    headers: dict[str, str],
    name: str,
) -> None:
    sent = await client.put(f"{place.url.rstrip('/')}{path}", content=b"x", headers=headers)
    assert sent.status_code == 201
    [(file, _)] = await stored(database)
    assert file.file_name == name


async def test_without_the_user_and_password_of_the_place_nothing_is_taken(
    client: httpx.AsyncClient, database: Database, place: Place
) -> None:
    path = httpx.URL(place.url).path
    for auth in (None, ("station", "wrong"), ("admin", httpx.URL(place.url).password)):
        for method in ("PUT", "POST"):
            refused = await client.request(method, path, content=b"x", auth=auth)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("Basic realm=")
    async with database.unit_of_work() as db:
        assert await db.scalar(text("select count(*) from station_files")) == 0
    assert (await client.put(place.url, content=b"x")).status_code == 201


async def test_a_file_may_come_in_a_form(
    client: httpx.AsyncClient, database: Database, place: Place
) -> None:
    sent = await client.post(
        place.url,
        data={"note": "hello"},
        files={"log": ("my.log", DATA, "text/plain"), "other": ("b", b"y")},
    )
    assert sent.status_code == 201
    [(file, data)] = await stored(database)
    assert (file.file_name, file.media_type, data) == ("my.log", "text/plain", DATA)


async def test_a_form_without_a_file_is_refused_and_leaves_the_place_free(
    client: httpx.AsyncClient, database: Database, place: Place
) -> None:
    kind = {"content-type": "multipart/form-data; boundary=b"}
    for body in (b"", b"nonsense", b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\nx'):
        refused = await client.post(place.url, content=body, headers=kind)
        assert refused.status_code == 400
    assert await stored(database) == []
    assert (await client.post(place.url, content=b"x")).status_code == 201


async def test_too_large_is_too_large_with_and_without_a_length(
    client: httpx.AsyncClient, database: Database, place: Place
) -> None:
    async def body(size: int) -> AsyncIterator[bytes]:
        for start in range(0, size, 65_536):
            yield b"x" * min(65_536, size - start)

    whole = await client.put(place.url, content=b"x" * (MOST + 1))
    assert whole.status_code == 413
    far = await client.put(place.url, content=b"x" * (MOST + 100_000))
    assert far.status_code == 413
    streamed = await client.put(place.url, content=body(MOST + 1))
    assert streamed.status_code == 413
    assert await stored(database) == []
    exact = await client.put(place.url, content=body(MOST))
    assert exact.status_code == 201


async def test_what_is_no_place_is_not_found_and_what_is_over_is_gone(
    client: httpx.AsyncClient, clock: SetClock, place: Place
) -> None:
    for method in ("PUT", "POST", "GET", "HEAD"):
        way = "up" if method in ("PUT", "POST") else "down"
        assert (await client.request(method, f"/files/{way}/guessed")).status_code == 404
    name = place.url.split("/")[5]
    assert (await client.get(f"/files/down/{name}")).status_code == 404
    clock.advance(timedelta(hours=1))
    assert (await client.put(place.url, content=b"x")).status_code == 410
    assert (await client.get("/files/up/")).status_code in (404, 405)


async def test_the_audit_knows_what_came_from_where(
    client: httpx.AsyncClient, database: Database, place: Place
) -> None:
    await client.put(place.url, content=b"x")
    async with database.unit_of_work() as db:
        rows = (await db.execute(text("select * from audit_entries order by id"))).mappings().all()
    entry = rows[-1]
    assert entry["deed"] == "station_file.send"
    assert entry["subject"] == "station/CS-1"
    assert place.url.split("/")[5] not in str(dict(entry))


# ----------------------------------------------------------------------------------- fetching


@pytest.fixture
async def firmware(
    administrator: httpx.AsyncClient, database: Database, clock: SetClock, place: Place
) -> Place:
    """Firmware, and where the station may fetch it."""
    sent = await administrator.post("/api/v1/files?name=box.bin", content=DATA)
    assert sent.status_code == 201, sent.text
    async with database.unit_of_work() as db:
        file = await files.stored_file(db, WHOLE, sent.json()["id"])
        return await files.open_download(
            db,
            STATION,
            file,
            made_by="person/1",
            public_url=HERE,
            lasts=timedelta(hours=1),
            now=clock.now(),
        )


async def test_a_station_fetches_its_firmware(client: httpx.AsyncClient, firmware: Place) -> None:
    for _ in range(2):
        got = await client.get(firmware.url)
        assert (got.status_code, got.content) == (200, DATA)
    assert got.headers["content-disposition"] == 'attachment; filename="box.bin"'
    short = await client.get(firmware.url.rpartition("/")[0])
    assert short.content == DATA
    head = await client.head(firmware.url)
    assert (head.headers["content-length"], head.content) == (str(len(DATA)), b"")


@pytest.mark.parametrize(
    ("wanted", "status", "span"),
    [
        ("bytes=0-9", 206, (0, 10)),
        (f"bytes={PART_BYTES - 1}-{PART_BYTES}", 206, (PART_BYTES - 1, PART_BYTES + 1)),
        ("bytes=767000-", 206, (767_000, 768_000)),
        ("bytes=767999-999999999", 206, (767_999, 768_000)),
        ("bytes=768000-", 416, (0, 0)),
        ("bytes=5-4", 416, (0, 0)),
        ("bytes=-5", 200, (0, 768_000)),
        ("lines=1-2", 200, (0, 768_000)),
    ],
)
async def test_a_broken_fetch_goes_on_where_it_broke_off(
    client: httpx.AsyncClient, firmware: Place, wanted: str, status: int, span: tuple[int, int]
) -> None:
    got = await client.get(firmware.url, headers={"range": wanted})

    assert (got.status_code, got.content) == (status, DATA[slice(*span)])
    if status == 206:
        assert got.headers["content-range"] == f"bytes {span[0]}-{span[1] - 1}/{len(DATA)}"


# --------------------------------------------------------------------------------------- forms


def _cut(data: bytes, places: list[int]) -> Iterator[bytes]:
    start = 0
    for place in sorted({each % (len(data) + 1) for each in places}):
        yield data[start:place]
        start = place
    yield data[start:]


@given(data=st.binary(max_size=200), places=st.lists(st.integers(0, 1000)))
async def test_a_form_may_come_in_any_pieces(data: bytes, places: list[int]) -> None:
    if b"--b" in data:
        return
    head = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\n'
    whole = head + data + b"\r\n--b--\r\n"

    async def body() -> AsyncIterator[bytes]:
        for piece in _cut(whole, places):
            yield piece

    form = ArrivingForm.of("multipart/form-data; boundary=b")
    assert form is not None
    assert b"".join([piece async for piece in form.file_in(body())]) == data
    assert form.file_name == "a.txt"


async def test_a_form_that_does_not_end_is_none() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nhalf'

    form = ArrivingForm.of('multipart/form-data; boundary="b"')
    assert form is not None
    with pytest.raises(FormWithoutFile):
        [piece async for piece in form.file_in(body())]
    assert ArrivingForm.of("text/plain") is None
    assert ArrivingForm.of("multipart/form-data") is None
