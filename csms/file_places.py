"""Puts places for files into commands: where a log is to be sent, where firmware is to be fetched.

Whoever asks a station for its log need not know a place for it: one is made with the command and
written into the payload. Whoever updates firmware names a file that is kept here, as in
`leitstand:file/7`; the station is given a place of its own from which to fetch it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope, below
from csms import files
from foundation.database import Database, Joint
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId

SCHEME: Final = "leitstand:file/"
"""What a reference to a file that is kept here begins with; its id follows."""

_UPLOADS: dict[str, tuple[str, ...]] = {
    "GetDiagnostics": ("location",),
    "GetLog": ("log", "remoteLocation"),
}
"""By action: where in the payload the station is told where to send a file."""

_DOWNLOADS: dict[str, tuple[tuple[str, ...], ...]] = {
    "UpdateFirmware": (("location",), ("firmware", "location")),
    "SignedUpdateFirmware": (("firmware", "location"),),
    "PublishFirmware": (("location",),),
}
"""By action: where in the payload it may be told where to fetch one."""

_REFERENCE = re.compile(rf"{re.escape(SCHEME)}(\d{{1,18}})", re.ASCII)
_JOINED: Final[Joint["_Joined"]] = Joint("csms.file_places")


@dataclass(frozen=True, slots=True)
class _Joined:
    public_url: str
    upload_lasts: timedelta
    download_lasts: timedelta


def join(
    database: Database, *, public_url: str, upload_lasts: timedelta, download_lasts: timedelta
) -> None:
    """Say for a database by which address its stations reach us, and how long places last.

    Where nobody does, payloads stay as they are.
    """
    _JOINED.join(database, _Joined(public_url.rstrip("/"), upload_lasts, download_lasts))


def reference(file_id: int) -> str:
    """Return what stands for a file in a payload."""
    return f"{SCHEME}{file_id}"


async def upload_place(
    db: AsyncSession, station: StationId, *, made_by: str, now: datetime
) -> files.Place:
    """Make a place to which a station may send a file.

    Raises:
        AssertionError: The program joined no address.
    """
    joined = _JOINED.of(db)
    assert joined is not None, "the program says by which address it is reached"
    return await files.open_upload(
        db,
        station,
        made_by=made_by,
        public_url=joined.public_url,
        lasts=joined.upload_lasts,
        now=now,
    )


async def with_places(
    db: AsyncSession,
    station: StationId,
    action: str,
    payload: Mapping[str, Any],
    *,
    asker: OrganisationKey,
    made_by: str,
    now: datetime,
) -> dict[str, Any]:
    """Return the payload with places where they are missing or a file is named.

    Args:
        db: The unit of work that asks the station.
        station: Who is asked.
        action: OCPP's word for what.
        payload: OCPP's own; it stays as it is.
        asker: The organisation of whoever asks: its files, and those of the ones below it, and
            what a station sent or fetches is looked for among them.
        made_by: His id.
        now: When places begin.

    Raises:
        InvalidInput: There is no such file; `field` is its place in the payload.
    """
    joined = _JOINED.of(db)
    if joined is None:
        return dict(payload)
    where = _UPLOADS.get(action)
    if where is not None and _at(payload, where) in (None, ""):
        place = await upload_place(db, station, made_by=made_by, now=now)
        return _put(payload, where, place.url)
    for each in _DOWNLOADS.get(action, ()):
        named = _REFERENCE.fullmatch(str(_at(payload, each)))
        if named is not None:
            place = await files.open_download(
                db,
                station,
                await _firmware(db, int(named[1]), asker, field="$." + ".".join(each)),
                made_by=made_by,
                public_url=joined.public_url,
                lasts=joined.download_lasts,
                now=now,
            )
            return _put(payload, each, place.url)
    return dict(payload)


def without_places(
    action: str, payload: Mapping[str, Any], wished: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what `with_places` made of a wish, with the wish's own words again where it wrote."""
    for where in (*_DOWNLOADS.get(action, ()), _UPLOADS.get(action, ())):
        before = _at(wished, where) if where else None
        if where and (before in (None, "") or _REFERENCE.fullmatch(str(before))):
            payload = _put(payload, where, before)
    return _without_nothing(payload, wished)


def _without_nothing(payload: Mapping[str, Any], wished: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what holds nothing and stood not in the wish."""
    kept: dict[str, Any] = {}
    for name, value in payload.items():
        before = wished.get(name)
        if isinstance(value, Mapping):
            value = _without_nothing(value, before if isinstance(before, Mapping) else {})
        if name in wished or (value is not None and value != {}):
            kept[name] = value
    return kept


async def _firmware(
    db: AsyncSession, file_id: int, asker: OrganisationKey, *, field: str
) -> files.StationFile:
    """Return a file of the asker's organisation, of one below it, or of one above it."""
    try:
        found = await files.stored_file(db, Scope(None), file_id)
    except NotFound:
        found = None
    if found is not None and found.kind == "firmware":
        if found.organisation in await below(db, asker):
            return found
        if asker in await below(db, found.organisation):
            return found
    raise InvalidInput(f"There is no firmware file {file_id}.", field=field)


def _at(payload: Mapping[str, Any], where: tuple[str, ...]) -> Any:
    value: Any = payload
    for name in where:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def _put(payload: Mapping[str, Any], where: tuple[str, ...], value: str | None) -> dict[str, Any]:
    name, *rest = where
    if not rest:
        return {**payload, name: value}
    inner = payload.get(name, {})
    if not isinstance(inner, Mapping):
        return dict(payload)  # wrong in itself: the schema says so
    return {**payload, name: _put(inner, tuple(rest), value)}
