"""Commands about files get their places; what somebody named himself stays."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from csms import file_places, files
from csms.file_places import reference, with_places, without_places
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey, StationId
from tests.csms.handlers.work import OWNER
from tests.csms.test_files import begun, complete
from tests.csms.test_files import place as place

STATION = StationId("CS-1")
HERE = "https://here"


@pytest.fixture
async def joined(database: Database, place: files.Place) -> Database:
    file_places.join(
        database,
        public_url=f"{HERE}/",
        upload_lasts=timedelta(hours=1),
        download_lasts=timedelta(days=1),
    )
    return database


async def placed(
    database: Database,
    clock: SetClock,
    action: str,
    payload: dict[str, Any],
    asker: str = OWNER,
) -> dict[str, Any]:
    async with database.unit_of_work() as db:
        return await with_places(
            db,
            STATION,
            action,
            payload,
            asker=OrganisationKey(asker),
            made_by="person/1",
            now=clock.now(),
        )


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("GetDiagnostics", {}),
        ("GetDiagnostics", {"location": ""}),
        ("GetLog", {"logType": "SecurityLog", "requestId": 1}),
        ("GetLog", {"log": {"remoteLocation": ""}, "requestId": 1}),
    ],
)
async def test_a_log_gets_a_place_to_be_sent_to(
    joined: Database, clock: SetClock, action: str, payload: dict[str, Any]
) -> None:
    made = await placed(joined, clock, action, payload)

    url = made["location"] if action == "GetDiagnostics" else made["log"]["remoteLocation"]
    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.hostname}{parts.path}".startswith(f"{HERE}/files/up/")
    assert len(url) < 512
    async with joined.unit_of_work() as db:
        receiving = await begun(db, files.Place(url, clock.now()), clock.now())
    assert receiving.station == STATION
    assert without_places(action, made, payload) == payload
    assert made["location" if action == "GetDiagnostics" else "requestId"] != ""


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("GetDiagnostics", {"location": "ftp://mine/"}),
        ("GetLog", {"log": {"remoteLocation": "ftp://mine/"}, "requestId": 1}),
        ("UpdateFirmware", {"location": "http://mine/x.bin"}),
        ("UpdateFirmware", {}),
        ("Reset", {"type": "Soft"}),
    ],
)
async def test_everything_else_stays_as_it_was_asked(
    joined: Database, clock: SetClock, action: str, payload: dict[str, Any]
) -> None:
    made = await placed(joined, clock, action, payload)

    assert made == payload
    assert without_places(action, made, payload) == payload


async def firmware(database: Database, clock: SetClock, owner: str) -> int:
    async with database.unit_of_work() as db:
        receiving = await files.receive_firmware(db, OrganisationKey(owner), clock.now())
    return (await complete(database, receiving, clock.now(), b"image", file_name="x.bin")).id


@pytest.mark.parametrize("owner", [OWNER, "north"])
@pytest.mark.parametrize("asker", [OWNER, "north"])
async def test_a_file_that_is_named_gets_a_place_to_be_fetched_from(
    joined: Database, clock: SetClock, owner: str, asker: str
) -> None:
    named = reference(await firmware(joined, clock, owner))
    for action, payload in (
        ("UpdateFirmware", {"location": named, "retrieveDate": "2026-10-15T12:00:00Z"}),
        ("UpdateFirmware", {"firmware": {"location": named}, "requestId": 1}),
        ("SignedUpdateFirmware", {"firmware": {"location": named}, "requestId": 1}),
        ("PublishFirmware", {"location": named, "checksum": "x", "requestId": 1}),
    ):
        made = await placed(joined, clock, action, payload, asker)
        url = made.get("firmware", made)["location"]
        assert url.startswith(f"{HERE}/files/down/")
        assert url.endswith("/x.bin")
        assert without_places(action, made, payload) == payload


async def test_only_firmware_of_ones_own_house_can_be_named(
    joined: Database, clock: SetClock, place: files.Place
) -> None:
    number = await firmware(joined, clock, "north")
    async with joined.unit_of_work() as db:
        log = await begun(db, place, clock.now())
    await complete(joined, log, clock.now(), b"log")

    for wrong, asker in ((number, "elsewhere"), (log.file_id, OWNER), (10**17, OWNER)):
        with pytest.raises(InvalidInput) as refused:
            await placed(joined, clock, "UpdateFirmware", {"location": reference(wrong)}, asker)
        assert refused.value.field == "$.location"


async def test_without_an_address_of_ours_nothing_is_written(
    database: Database, clock: SetClock, place: files.Place
) -> None:
    assert await placed(database, clock, "GetDiagnostics", {}) == {}
