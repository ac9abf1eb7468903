"""What a station fetches and brings: firmware, diagnostics and logs, by HTTP and its statuses.

The version of fetched firmware stands in the file (`version=2.0.0` on a line of its own); a file
that does not say gives the version after the one that runs.
"""

import asyncio
import base64
import re
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from simulators.book import moment_text
from simulators.deeds import Answer, Deed, Handler, Payload
from simulators.link import is_loopback

if TYPE_CHECKING:
    from simulators.station import Station

_TIMEOUT_S = 10.0
_LARGEST_FILE = 64 * 2**20
_VERSION = re.compile(rb"^(?:firmware-)?version\s*[=:]\s*(\S+)\s*$", re.MULTILINE)


class NoTransfer(Exception):
    """A file could not be fetched or brought."""


def fetch(url: str) -> bytes:
    """Return what lies at a place.

    Raises:
        NoTransfer: If it cannot be reached by HTTP, or nothing is there.
    """
    with _open(urllib.request.Request(_checked(url))) as answer:  # noqa: S310 - checked
        return bytes(answer.read(_LARGEST_FILE))


def bring(url: str, name: str, content: bytes) -> None:
    """Put a file at a place; a place that ends with a slash is a folder.

    User and password that stand in the address are said as Basic authentication.

    Raises:
        NoTransfer: If neither PUT nor POST is taken there.
    """
    url, authorization = _without_user(_checked(url))
    if url.endswith("/"):
        url += name
    headers = {"Content-Type": "application/octet-stream"} | authorization
    for method in ("PUT", "POST"):
        request = urllib.request.Request(  # noqa: S310 - checked
            url, data=content, method=method, headers=headers
        )
        try:
            with _open(request):
                return
        except NoTransfer:
            if method == "POST":
                raise


def _checked(url: str) -> str:
    if urlsplit(url).scheme not in {"http", "https"}:
        raise NoTransfer(f"{urlsplit(url).scheme} is not spoken here")
    return url


def _without_user(url: str) -> tuple[str, dict[str, str]]:
    """Return an address without its user information, and the header that says it."""
    parts = urlsplit(url)
    if parts.username is None:
        return url, {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    said = base64.b64encode(pair.encode()).decode("ascii")
    plain = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    return urlunsplit(plain), {"Authorization": f"Basic {said}"}


def _open(request: urllib.request.Request) -> Any:
    handlers = [urllib.request.ProxyHandler({})] if is_loopback(request.full_url) else []
    try:
        return urllib.request.build_opener(*handlers).open(request, timeout=_TIMEOUT_S)
    except (OSError, ValueError) as error:
        raise NoTransfer(str(error)) from error


def version_of(content: bytes, running: str) -> str:
    """Return the version that a firmware file brings."""
    said = _VERSION.search(content[:4096])
    if said is not None:
        return said[1].decode("ascii", "replace")[:50]
    stem, dot, last = running.rpartition(".")
    return f"{stem}{dot}{int(last) + 1}" if last.isdecimal() else f"{running}.1"


class Files:
    """The files of one station."""

    def __init__(self, station: "Station") -> None:
        self._station = station
        self.table: dict[str, Handler] = {
            "GetDiagnostics": self._get_diagnostics,
            "GetLog": self._get_log,
            "SignedUpdateFirmware": self._signed_update,
            "UpdateFirmware": self._update,
        }

    # ------------------------------------------------------------------- logs

    def _get_diagnostics(self, payload: Payload, deed: Deed) -> Answer:
        name = self._log_name()
        self._bring(payload["location"], name, "DiagnosticsStatusNotification", {}, deed)
        return {"file_name": name}

    def _get_log(self, payload: Payload, deed: Deed) -> Answer:
        name = self._log_name()
        about = {"requestId": payload["request_id"]}
        place = payload["log"]["remote_location"]
        self._bring(place, name, "LogStatusNotification", about, deed)
        return {"status": "Accepted", "filename": name}

    def _log_name(self) -> str:
        return f"{re.sub(r'[^A-Za-z0-9._-]', '_', self._station.identity)}.log"

    def _bring(self, place: str, name: str, action: str, about: dict[str, Any], deed: Deed) -> None:
        station = self._station

        async def send() -> None:
            await station.tell(action, {"status": "Uploading", **about})
            try:
                await asyncio.to_thread(bring, place, name, self._log())
            except NoTransfer as error:
                station.book.note("upload_failed", station=station.identity, reason=str(error))
                failed = "UploadFailed" if action.startswith("Diag") else "UploadFailure"
                await station.tell(action, {"status": failed, **about})
            else:
                await station.tell(action, {"status": "Uploaded", **about})

        deed.later("brought its log", send)

    def _log(self) -> bytes:
        station = self._station
        lines = [
            f"{station.identity}, OCPP {station.spec.version}",
            f"firmware {station.nameplate.firmware}",
            f"written at {moment_text(station.own_time())}, {station.boots} boots",
        ]
        for evse_id, evse in station.evses.items():
            lines.append(f"EVSE {evse_id}: {evse.status}, {evse.meter.shown_wh()} Wh")
        return ("\n".join(lines) + "\n").encode()

    # ------------------------------------------------------------------- firmware

    def _update(self, payload: Payload, deed: Deed) -> Answer:
        if self._station.spec.version == "1.6":
            self._renew(payload["location"], "FirmwareStatusNotification", {}, deed)
            return {}
        about = {"requestId": payload["request_id"]}
        self._renew(payload["firmware"]["location"], "FirmwareStatusNotification", about, deed)
        return {"status": "Accepted"}

    def _signed_update(self, payload: Payload, deed: Deed) -> Answer:
        about = {"requestId": payload["request_id"]}
        place = payload["firmware"]["location"]
        self._renew(place, "SignedFirmwareStatusNotification", about, deed)
        return {"status": "Accepted"}

    def _renew(self, place: str, action: str, about: dict[str, Any], deed: Deed) -> None:
        station = self._station

        async def tell(status: str) -> None:
            await station.tell(action, {"status": status, **about})

        async def install(version: str) -> None:
            await tell("Installing")
            await station.deliver_all()
            station.after_boot(lambda: tell("Installed"))
            await station.restart("FirmwareUpdate", firmware=version)

        async def download() -> None:
            await tell("Downloading")
            try:
                content = await asyncio.to_thread(fetch, place)
            except NoTransfer as error:
                station.book.note("download_failed", station=station.identity, reason=str(error))
                await tell("DownloadFailed")
                return
            await tell("Downloaded")
            version = version_of(content, station.nameplate.firmware)
            # Nobody's charging is cut off for it.
            station.when_idle(lambda: install(version))

        deed.later("renewed its firmware", download)
