"""Firmware is fetched and installed, logs are brought, and every step is told."""

from typing import Any

import pytest

from simulators.files import NoTransfer, bring, fetch, version_of
from tests.simulators.asking import At
from tests.simulators.csms import TinyCsms, until
from tests.simulators.places import a_place

ALL = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])


def _update(version: str, url: str) -> dict[str, Any]:
    if version == "1.6":
        return {"location": url, "retrieveDate": "2026-10-15T12:00:00Z"}
    firmware = {"location": url, "retrieveDateTime": "2026-10-15T12:00:00Z"}
    return {"requestId": 6, "firmware": firmware}


def _statuses(csms: TinyCsms, action: str) -> list[str]:
    return [payload["status"] for payload in csms.calls(action)]


@ALL
async def test_firmware_is_fetched_installed_and_booted(csms: TinyCsms, version: str) -> None:
    with a_place() as place:
        place.files["/new.bin"] = b"image\nversion=2.0.0\n"
        async with At(csms, version) as at:
            await at.ask("UpdateFirmware", _update(version, f"{place.url}/new.bin"))
            steps = ["Downloading", "Downloaded", "Installing", "Installed"]
            await until(lambda: _statuses(csms, "FirmwareStatusNotification") == steps)
            boots = csms.calls("BootNotification")
            if version == "1.6":
                assert [boot["firmwareVersion"] for boot in boots] == ["1.4.2", "2.0.0"]
            else:
                assert boots[1]["chargingStation"]["firmwareVersion"] == "2.0.0"
                assert boots[1]["reason"] == "FirmwareUpdate"
                assert csms.calls("FirmwareStatusNotification")[0]["requestId"] == 6
            assert at.done == ["renewed its firmware"]


async def test_firmware_waits_for_the_end_of_charging(csms: TinyCsms) -> None:
    with a_place() as place:
        place.files["/new.bin"] = b"image"
        async with At(csms, "1.6") as at:
            at.charge(1)
            await at.ask("UpdateFirmware", _update("1.6", f"{place.url}/new.bin"))
            await until(lambda: "Downloaded" in _statuses(csms, "FirmwareStatusNotification"))
            assert at.station.boots == 1
            at.station.finish(1)
            await until(lambda: "Installed" in _statuses(csms, "FirmwareStatusNotification"))
            assert csms.calls("BootNotification")[1]["firmwareVersion"] == "1.4.3"


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/new.bin", "{place}/absent.bin"])
async def test_firmware_that_cannot_be_fetched_is_told_to_be_so(csms: TinyCsms, url: str) -> None:
    with a_place() as place:
        async with At(csms, "1.6") as at:
            await at.ask("UpdateFirmware", _update("1.6", url.format(place=place.url)))
            steps = ["Downloading", "DownloadFailed"]
            await until(lambda: _statuses(csms, "FirmwareStatusNotification") == steps)
            assert at.station.boots == 1


async def test_16_brings_its_diagnostics(csms: TinyCsms) -> None:
    with a_place() as place:
        async with At(csms, "1.6") as at:
            answer = await at.ask("GetDiagnostics", {"location": f"{place.url}/once/"})
            assert answer == {"fileName": "CS-1.log"}
            action = "DiagnosticsStatusNotification"
            await until(lambda: _statuses(csms, action) == ["Uploading", "Uploaded"])
            assert b"firmware 1.4.2" in place.brought["/once/CS-1.log"]
            await at.ask("GetDiagnostics", {"location": "sftp://127.0.0.1/x"})
            await until(lambda: _statuses(csms, action)[2:] == ["Uploading", "UploadFailed"])


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_2x_brings_its_log(csms: TinyCsms, version: str) -> None:
    with a_place("POST") as place:
        async with At(csms, version) as at:
            for url, last in ((f"{place.url}/x.log", "Uploaded"), ("ftp://x/", "UploadFailure")):
                wish = {"logType": "DiagnosticsLog", "requestId": 3, "log": {"remoteLocation": url}}
                assert (await at.ask("GetLog", wish))["status"] == "Accepted"
                await until(
                    lambda last=last: (  # type: ignore[misc]
                        _statuses(csms, "LogStatusNotification")[-2:] == ["Uploading", last]
                    )
                )
            assert place.brought["/x.log"].startswith(b"CS-1")


def test_what_is_brought_can_be_put_or_posted() -> None:
    for methods in (("PUT",), ("POST",)):
        with a_place(*methods) as place:
            bring(f"{place.url}/there/", "a.log", b"text")
            assert place.brought == {"/there/a.log": b"text"}
    with a_place("PATCH") as place, pytest.raises(NoTransfer):
        bring(f"{place.url}/there", "a.log", b"text")


def test_user_and_password_of_an_address_are_said_and_leave_it() -> None:
    with a_place() as place:
        bring(f"{place.url}/there/", "a.log", b"text")
        bring(place.url.replace("://", "://me:a%40b@") + "/there/", "b.log", b"text")
        assert place.said == [None, "Basic bWU6YUBi"]
        assert place.brought["/there/b.log"] == b"text"


def test_only_what_lies_somewhere_reachable_can_be_fetched() -> None:
    with a_place() as place:
        place.files["/a"] = b"x"
        assert fetch(f"{place.url}/a") == b"x"
        for url in (f"{place.url}/b", "file:///etc/hostname", "http://127.0.0.1:1/"):
            with pytest.raises(NoTransfer):
                fetch(url)


@pytest.mark.parametrize(
    ("content", "version"),
    [
        (b"version=2.0.0\nmore", "2.0.0"),
        (b"\x00\nfirmware-version: 9\n", "9"),
        (b"", "1.4.3"),
    ],
)
def test_a_firmware_file_says_its_version_or_counts_on(content: bytes, version: str) -> None:
    assert version_of(content, "1.4.2") == version
    assert version_of(b"", "beta") == "beta.1"
