"""Where stations send files and fetch them: no login, the unguessable name is the permission.

To send, a station says the user and the password of the place besides (Basic authentication, RFC
7617). A station sends by PUT or POST, the file itself or a form with it, to the address that it was
given or to one below it, since some take the address for a folder. It fetches by GET, from any
byte on. What was used or is over is 410 Gone, what never was 404; neither is ever listed.

Source: RFC 9110, sections 9.3, 11, 14 and 15; RFC 7578 (form data).
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import unquote

import structlog
from fastapi import APIRouter
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from accounts import audit
from accounts.audit import Actor
from csms import files
from csms.files import FileTooLarge, NotAuthenticated, PlaceOver, Receiving, StationFile
from foundation.errors import InvalidInput, NotFound
from portal.context import PortalContext, context_of
from portal.routes import Context as Context  # its paths know what a segment is

log = structlog.get_logger(__name__)

router = APIRouter(include_in_schema=False)

_LONGEST_FIELD = 200
"""Bytes kept of each field of a form before its file; no more of them than of these."""
_ARRIVING_MOST = 50
"""How many files may be on their way to this process at once."""
_CHALLENGE = {"www-authenticate": 'Basic realm="files", charset="UTF-8"'}
_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})", re.ASCII)

_arriving: set[int] = set()


class FormWithoutFile(InvalidInput):
    """A form came that has no file in it, or that is no form."""

    code = "form_without_file"

    def __init__(self) -> None:
        super().__init__("The form holds no file.")


# --------------------------------------------------------------------------------- receiving


@router.put(f"{files.UPLOADS}{{name:segment}}")
@router.post(f"{files.UPLOADS}{{name:segment}}")
@router.put(f"{files.UPLOADS}{{name:segment}}/{{file_name:path}}")
@router.post(f"{files.UPLOADS}{{name:segment}}/{{file_name:path}}")
async def receive(request: Request, name: str, file_name: str = "") -> Response:
    """Take a file of a station."""
    context = context_of(request)
    if len(_arriving) >= _ARRIVING_MOST:
        return _refusal(503, "Too many files are on their way.", {"retry-after": "60"})
    try:
        async with context.database.unit_of_work() as db:
            receiving = await files.receive_at(
                db,
                name,
                context.clock.now(),
                authorization=request.headers.get("authorization"),
            )
    except NotFound:
        return _refusal(404, "There is no such place.")
    except NotAuthenticated as refused:
        return _refusal(401, str(refused), _CHALLENGE)
    except PlaceOver as over:
        return _refusal(410, str(over))
    _arriving.add(receiving.file_id)
    try:
        file = await _taken(request, context, receiving, unquote(file_name))
    except FileTooLarge as refused:
        return _refusal(413, str(refused))
    except FormWithoutFile as refused:
        return _refusal(400, str(refused))
    except PlaceOver as over:
        return _refusal(410, str(over))
    except TimeoutError:
        return _refusal(408, "It took too long.")
    except ClientDisconnect:
        log.info("file.broken_off", station_id=receiving.station)
        return _refusal(400, "The file broke off.")
    finally:
        _arriving.discard(receiving.file_id)
        async with context.database.unit_of_work() as db:
            await files.give_up(db, receiving)  # nothing, if it is whole
    log.info("file.received", station_id=file.station, file_id=file.id, bytes=file.size_bytes)
    return Response(status_code=201)


async def _taken(
    request: Request, context: PortalContext, receiving: Receiving, file_name: str
) -> StationFile:
    """Write a station's file as it comes, and let it be there when it is whole."""
    settings = context.settings
    given = _file_name_of(request.headers) or file_name
    form = ArrivingForm.of(request.headers.get("content-type", ""))
    body = request.stream() if form is None else form.file_in(request.stream())
    async with asyncio.timeout(settings.file_transfer_timeout_s):
        received = await files.write_parts(
            context.database, receiving, body, most_bytes=settings.station_file_max_bytes
        )
    now = context.clock.now()
    address = None if request.client is None else request.client.host
    async with context.database.unit_of_work() as db:
        file = await files.finish(
            db,
            receiving,
            received,
            file_name=(form.file_name if form is not None else "") or given,
            media_type=_media_type(request.headers if form is None else form.headers),
            stored_by=None,
            stored_from=address,
            now=now,
        )
        await audit.record(
            db,
            Actor(f"station/{file.station}", str(file.station), "system", address),
            "station_file.send",
            f"station/{file.station}",
            organisation=file.organisation,
            after=told(file),
            now=now,
        )
    return file


def told(file: StationFile) -> dict[str, Any]:
    """Return what the audit keeps of a file."""
    return {
        "file": file.id,
        "file_name": file.file_name,
        "size_bytes": file.size_bytes,
        "sha256": file.sha256,
    }


def _refusal(status: int, words: str, headers: Mapping[str, str] | None = None) -> Response:
    # The rest of the body is not read: the connection cannot be used again.
    return PlainTextResponse(words, status, headers={"connection": "close", **(headers or {})})


def _file_name_of(headers: Mapping[str, str]) -> str:
    _, options = parse_options_header(headers.get("content-disposition", ""))
    return options.get(b"filename", b"").decode("utf-8", "replace")


def _media_type(headers: Mapping[str, str]) -> str:
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    is_one = re.fullmatch(r"[\w.+-]+/[\w.+-]+", given, re.ASCII) is not None
    return given if is_one else "application/octet-stream"


class ArrivingForm:
    """A form on its way: what the first part with a file name holds.

    `fields` are the short texts that stand before it.
    """

    def __init__(self, boundary: bytes) -> None:
        self.file_name = ""
        self.headers: dict[str, str] = {}
        self.fields: dict[str, bytes] = {}
        self._name = ""
        self._found: list[bytes] = []
        self._field = self._value = b""
        self._current: dict[str, str] = {}
        self._is_file = self._is_over = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_began,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_ended,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._part_ended,
            },
        )

    @classmethod
    def of(cls, content_type: str) -> "ArrivingForm | None":
        """Return the form that a body of this type is; None if it is none."""
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        return None if kind != b"multipart/form-data" or not boundary else cls(boundary)

    async def file_in(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the bytes of the first file.

        Raises:
            FormWithoutFile: There is none, or it does not end.
        """
        async for piece in body:
            try:
                self._parser.write(piece)
            except FormParserError:
                raise FormWithoutFile from None
            for each in self._found:
                yield each
            self._found.clear()
        if not self._is_over:
            raise FormWithoutFile

    def _part_began(self) -> None:
        self._current = {}
        self._field = self._value = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ended(self) -> None:
        self._current[self._field.decode("latin-1").lower()] = self._value.decode(
            "utf-8", "replace"
        )
        self._field = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._current.get("content-disposition", ""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if not self._is_over and b"filename" in options:
            self._is_file = True
            self.file_name = options[b"filename"].decode("utf-8", "replace")
            self.headers = self._current

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._found.append(data[start:end])
        elif not self._is_over and len(self.fields) < _LONGEST_FIELD:
            known = self.fields.get(self._name, b"")
            self.fields[self._name] = (known + data[start:end])[:_LONGEST_FIELD]

    def _part_ended(self) -> None:
        if self._is_file:
            self._is_file, self._is_over = False, True


# ----------------------------------------------------------------------------------- fetching


@router.get(f"{files.DOWNLOADS}{{name:segment}}")
@router.head(f"{files.DOWNLOADS}{{name:segment}}")
@router.get(f"{files.DOWNLOADS}{{name:segment}}/{{file_name:path}}")
@router.head(f"{files.DOWNLOADS}{{name:segment}}/{{file_name:path}}")
async def fetch(request: Request, name: str) -> Response:
    """Give a station the file that it was told to fetch, or the rest of it."""
    context = context_of(request)
    is_head = request.method == "HEAD"
    try:
        async with context.database.unit_of_work() as db:
            file = await files.fetched(db, name, context.clock.now(), is_counted=not is_head)
    except NotFound:
        return _refusal(404, "There is no such place.")
    except PlaceOver as over:
        return _refusal(410, str(over))
    return sent(context, file, request.headers.get("range", ""), is_head=is_head)


def sent(
    context: PortalContext, file: StationFile, wanted: str = "", *, is_head: bool = False
) -> Response:
    """Return a file, or the bytes of it that are wanted, as an answer that never opens by itself.

    A range that is none, or several, are answered with the whole.
    """
    size = file.size_bytes
    start, end = 0, size
    status = 200
    headers = {
        "accept-ranges": "bytes",
        "content-disposition": f'attachment; filename="{_ascii(file.file_name)}"',
        "etag": f'"{file.sha256}"',
    }
    found = _RANGE.fullmatch(wanted)
    if found is not None:
        start = int(found[1])
        end = min(size, int(found[2]) + 1) if found[2] else size
        if start >= end:
            return Response(status_code=416, headers={"content-range": f"bytes */{size}"})
        status = 206
        headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    headers["content-length"] = str(end - start)
    kind = "application/octet-stream"
    if is_head:
        return Response(status_code=status, headers=headers, media_type=kind)
    body = files.content(context.database, file, start=start, end=end)
    return StreamingResponse(body, status, headers=headers, media_type=kind)


def _ascii(name: str) -> str:
    return "".join(each if each.isascii() else "_" for each in name)
