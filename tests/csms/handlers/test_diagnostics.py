"""How far uploads of logs are: every change once, 1.6's diagnostics among them."""

from csms.handlers.diagnostics import log_statuses_reported
from csms.reports import Acknowledged, LogStatusReport, OcppVersion
from foundation.events import LogStatusChanged
from tests.csms.handlers.work import Work


async def test_an_upload_is_followed_and_a_repeat_changes_nothing(work: Work) -> None:
    for word in ("Uploading", "Uploading", "UploadFailed"):
        report = work.report(
            OcppVersion.V16, "DiagnosticsStatusNotification", {"status": word}, LogStatusReport
        )
        assert await log_statuses_reported(work.db, work.context, [report]) == [Acknowledged()]

    told = await work.told(LogStatusChanged)
    assert [(each.status, each.request_id) for each in told] == [
        ("Uploading", None),
        ("UploadFailure", None),
    ]
    [row] = await work.rows("select kind, status from station_progress")
    assert (row["kind"], row["status"]) == ("log", "UploadFailure")


async def test_two_requests_are_two_uploads(work: Work) -> None:
    reports = [
        work.report(
            OcppVersion.V201,
            "LogStatusNotification",
            {"status": word, "requestId": number},
            LogStatusReport,
        )
        for number, word in ((1, "AcceptedCanceled"), (2, "Uploading"))
    ]
    await log_statuses_reported(work.db, work.context, reports)

    assert len(await work.rows("select 1 from station_progress")) == 2
