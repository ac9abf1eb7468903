"""What stations are set to, how far they are, and their files, by the REST API."""

from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import text

from csms import administration, equipment_store, file_places
from csms.administration import StationSettings
from csms.equipment_answers import keep_answer
from csms.equipment_store import Ending, NewReservation, Part, Progress, Told
from csms.reports import ReportedVariable
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey, StationId
from tests.portal.conftest import Keys

STATION = StationId("a/b")
PATH = "/api/v1/stations/a%2Fb"


@pytest.fixture
async def station(database: Database, clock: SetClock, keys: Keys) -> None:
    """North's station, which has told something of everything."""
    file_places.join(
        database,
        public_url="http://localhost",
        upload_lasts=timedelta(hours=1),
        download_lasts=timedelta(hours=1),
    )
    now = clock.now()
    async with database.unit_of_work() as db:
        await administration.create_station(
            db,
            STATION,
            OrganisationKey("north"),
            StationSettings(),
            password=None,
            time_zone="UTC",
            now=now,
        )
        for value in ("900", "300"):
            keys_told = [
                {"key": "Interval", "readonly": False, "value": value},
                {"key": "Count", "readonly": True, "value": "2"},
            ]
            answer = {"configurationKey": keys_told, "unknownKey": ["Colour"]}
            await keep_answer(db, STATION, "GetConfiguration", answer, now)
        told = [
            ReportedVariable("Clock", "Zone", "CET", values_list="CET,UTC", mutability="ReadWrite"),
            ReportedVariable("EVSE", "Power", "22000", evse_id=1, unit="W"),
        ]
        await equipment_store.save_variables(db, [Told(STATION, now, each) for each in told])
        await equipment_store.save_report_parts(db, [Part(STATION, 3, 0, True, 2, now)])
        progress = [
            Progress(STATION, "firmware", 1, word, None, now)
            for word in ("Downloading", "Installed")
        ]
        await equipment_store.save_progress(db, progress)
        new = NewReservation(STATION, 5, 1, None, "04A2", None, now, now + timedelta(hours=1))
        await equipment_store.save_reservation(db, new)
        await equipment_store.end_reservations(db, [Ending(STATION, 6, "Expired", now)])


async def test_everything_told_is_read_with_its_history_by_pages(
    station: None, north: httpx.AsyncClient
) -> None:
    first = (await north.get(f"{PATH}/configuration?limit=2")).json()
    rest = (await north.get(f"{PATH}/configuration?limit=2&cursor={first['next']}")).json()
    found = {each["key"]: each for each in (*first["items"], *rest["items"])}
    assert (len(first["items"]), rest["next"]) == (2, None)
    assert (found["Count"]["value"], found["Count"]["read_only"]) == ("2", True)
    assert (found["Colour"]["is_known"], found["Colour"]["read_only"]) == (False, None)
    assert [each["value"] for each in found["Interval"]["history"]] == ["300", "900"]
    [one] = (await north.get(f"{PATH}/configuration?key=interval")).json()["items"]
    assert one["value"] == "300"

    variables = (await north.get(f"{PATH}/variables")).json()["items"]
    assert {each["component"] for each in variables} == {"Clock", "EVSE"}
    [zone] = (await north.get(f"{PATH}/variables?component=clock")).json()["items"]
    assert (zone["values"], zone["mutability"]) == (["CET", "UTC"], "ReadWrite")
    [report] = (await north.get(f"{PATH}/variable-reports")).json()["items"]
    assert (report["request_id"], report["is_whole"], report["variables"]) == (3, True, 2)

    [progress] = (await north.get(f"{PATH}/progress")).json()["items"]
    assert progress["status"] == "Installed"
    assert [each["status"] for each in progress["steps"]] == ["Downloading", "Installed"]
    assert (await north.get(f"{PATH}/progress?kind=log")).json()["items"] == []
    reservations = (await north.get(f"{PATH}/reservations")).json()["items"]
    assert {(each["reservation_id"], each["state"]) for each in reservations} == {
        (5, "open"),
        (6, "over"),
    }


async def test_a_strangers_station_is_not_there(
    station: None, south: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    for part in ("configuration", "variables", "variable-reports", "progress", "reservations"):
        assert (await south.get(f"{PATH}/{part}")).status_code == 404
        assert (await client.get(f"{PATH}/{part}")).status_code == 401
    assert (await south.get(f"{PATH}/configuration?cursor=xx")).status_code == 422


async def test_a_log_that_a_station_sent_is_support_s_to_read(
    station: None,
    client: httpx.AsyncClient,
    support: httpx.AsyncClient,
    south: httpx.AsyncClient,
    database: Database,
) -> None:
    place = await support.post(f"{PATH}/files")
    assert place.status_code == 201
    url = urlsplit(place.json()["url"])
    path = url.path
    assert (await client.put(f"{path}diag.log", content=b"a stranger's")).status_code == 401
    assert url.username is not None
    assert url.password is not None
    auth = (url.username, url.password)
    sent = await client.put(f"{path}diag.log", content=b"it works", auth=auth)
    assert sent.status_code == 201

    [file] = (await support.get(f"{PATH}/files")).json()["items"]
    assert (file["kind"], file["file_name"], file["reference"]) == ("log", "diag.log", None)
    assert (await support.get(f"/api/v1/files/{file['id']}")).json() == file
    content = await support.get(f"/api/v1/files/{file['id']}/content")
    assert content.content == b"it works"
    assert content.headers["content-disposition"].startswith("attachment")
    for stranger in (south, client):
        answer = await stranger.get(f"/api/v1/files/{file['id']}/content")
        assert answer.status_code in (401, 404)
    async with database.unit_of_work() as db:
        deeds = (await db.scalars(text("select deed from audit_entries order by id"))).all()
    assert [each for each in deeds if each.startswith("station_file")] == [
        "station_file.open_place",
        "station_file.send",
        "station_file.download",
    ]


async def test_firmware_is_put_here_by_who_may_change_stations(
    administrator: httpx.AsyncClient, north: httpx.AsyncClient
) -> None:
    refused = await north.post("/api/v1/files?name=x.bin", content=b"image")
    assert refused.status_code == 403
    added = await administrator.post("/api/v1/files?name=x.bin", content=b"image")
    assert added.status_code == 201
    file = added.json()
    assert (file["kind"], file["station"]) == ("firmware", None)
    assert file["reference"] == f"leitstand:file/{file['id']}"
    [listed] = (await administrator.get("/api/v1/files")).json()["items"]
    assert listed == file
    assert (await north.get("/api/v1/files")).json()["items"] == []
    assert (await north.get(f"/api/v1/files/{file['id']}")).status_code == 404

    for wrong in ("?name=x.bin", "?name=%2F..", ""):
        answer = await administrator.post(f"/api/v1/files{wrong}", content=b"")
        assert answer.status_code == 422
    assert len((await administrator.get("/api/v1/files")).json()["items"]) == 1
