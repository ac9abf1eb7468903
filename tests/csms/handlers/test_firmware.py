"""How far updates and publications are: every change once."""

from typing import Any

from csms.handlers.firmware import firmware_statuses_reported, publications_reported
from csms.reports import (
    Acknowledged,
    FirmwareStatusReport,
    OcppVersion,
    PublicationStatusReport,
)
from foundation.events import FirmwareStatusChanged
from tests.csms.handlers.work import Work


def status(work: Work, word: str, request: int | None = 1, **more: Any) -> FirmwareStatusReport:
    payload = {"status": word} | ({} if request is None else {"requestId": request})
    return work.report(
        OcppVersion.V201, "FirmwareStatusNotification", payload, FirmwareStatusReport, **more
    )


async def steps(work: Work) -> list[tuple[str, int | None, str]]:
    found = await work.rows(
        "select p.station, p.request_id, s.status from station_progress p"
        " join station_progress_steps s on s.progress_id = p.id order by s.id"
    )
    return [(row["station"], row["request_id"], row["status"]) for row in found]


async def test_an_update_is_followed_step_by_step(work: Work) -> None:
    words = ("Downloading", "Downloaded", "Installing", "InstallRebooting", "Installed")
    for word in words:
        answers = await firmware_statuses_reported(work.db, work.context, [status(work, word)])
        assert answers == [Acknowledged()]

    assert await steps(work) == [("CS-1", 1, word) for word in words]
    told = await work.told(FirmwareStatusChanged)
    assert [(each.station, each.request_id, each.status) for each in told] == [
        ("CS-1", 1, word) for word in words
    ]


async def test_the_same_status_again_is_answered_and_changes_nothing(work: Work) -> None:
    for request in (1, None):
        for _ in range(2):
            reports = [status(work, "Downloading", request)] * 2
            answers = await firmware_statuses_reported(work.db, work.context, reports)
            assert answers == [Acknowledged()] * 2

    assert await steps(work) == [("CS-1", 1, "Downloading"), ("CS-1", None, "Downloading")]
    assert len(await work.told(FirmwareStatusChanged)) == 2


async def test_a_status_that_comes_back_is_a_change(work: Work) -> None:
    reports = [status(work, word) for word in ("Downloading", "DownloadFailed", "Downloading")]
    await firmware_statuses_reported(work.db, work.context, reports)

    assert [word for _, _, word in await steps(work)] == [
        "Downloading",
        "DownloadFailed",
        "Downloading",
    ]


async def test_requests_and_stations_are_kept_apart(work: Work) -> None:
    reports = [
        status(work, "AcceptedCanceled", 1),
        status(work, "Downloading", 2),
        status(work, "Downloading", 2, station="CS-2"),
    ]
    await firmware_statuses_reported(work.db, work.context, reports)

    assert len(await steps(work)) == 3


async def test_a_publication_is_kept_with_its_places(work: Work) -> None:
    payload = {"status": "Published", "location": ["http://here/f"], "requestId": 4}
    report = work.report(
        OcppVersion.V201, "PublishFirmwareStatusNotification", payload, PublicationStatusReport
    )
    assert await publications_reported(work.db, work.context, [report]) == [Acknowledged()]

    [row] = await work.rows("select kind, status, note from station_progress")
    assert (row["kind"], row["status"], row["note"]) == (
        "publication",
        "Published",
        "http://here/f",
    )
