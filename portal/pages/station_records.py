"""What people write on a station's data sheet: additional information, components, documents,
history: four tabs, for the owner's side alone."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, File, Form, Query, UploadFile
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.permissions import Permission
from csms import meters, sheets
from csms.registry import Station
from csms.sheets import StationPart
from foundation.database import savepoint
from foundation.errors import Conflict, ExpectedError, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from portal.guard import Caller, require
from portal.pages.refusals import form_errors
from portal.pages.station_views import own_station, tab_of
from portal.pages.surroundings import frame_of, went
from portal.rendering import FormErrors, Turn, link, segment
from portal.routes import Db, Now, PageRoute
from portal.words import Words

router = APIRouter(route_class=PageRoute, prefix="/stations/{identity:segment}")

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.STATIONS_WRITE))]
KindWriter = Annotated[Caller, Depends(require(Permission.CRM_WRITE))]
Name = Annotated[str, Form(max_length=400)]
Text = Annotated[str, Form(max_length=9000)]
Number = Annotated[str, Form(max_length=20)]

PER_PAGE: Final = 50


def _went(station: Station, tab: str, done: str = "saved") -> Response:
    return went(f"/stations/{segment(station.identity)}/{tab}", done=done)


async def _said(request: Request, db: AsyncSession, caller: Caller) -> Words:
    return (await frame_of(request, db, caller)).words


async def _note(
    db: AsyncSession,
    caller: Caller,
    station: Station,
    deed: str,
    now: datetime,
    *,
    before: object = None,
    after: object = None,
) -> None:
    await caller.note(
        db,
        deed,
        f"station/{station.identity}",
        organisation=station.organisation,
        before=before,
        after=after,
        now=now,
    )


def _number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise NotFound(what, text)
    return int(text)


# -------------------------------------------------------------------- additional information


@router.get("/additional")
async def additional(request: Request, db: Db, now: Now, caller: Reader, identity: str) -> Response:
    """Show the free pairs of description and value."""
    station = await own_station(request, db, now, caller, identity)
    return await _additional(request, db, caller, station)


async def _additional(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    station: Station,
    errors: FormErrors | None = None,
    given: dict[str, str] | None = None,
) -> Response:
    found = await sheets.facts(db, caller.scope, station.identity)
    more = {"facts": found, "given": given or {"name": "", "value": ""}}
    return await tab_of(request, db, caller, station, "additional", more, errors)


@router.post("/additional")
async def put_fact(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    identity: str,
    name: Name = "",
    value: Text = "",
) -> Response:
    """Write a pair, in place of the one with the same description."""
    station = await own_station(request, db, now, caller, identity)
    try:
        await sheets.put_fact(
            db, station.identity, station.organisation, name, value, by=caller.actor, now=now
        )
    except InvalidInput as error:
        errors = form_errors(error, await _said(request, db, caller), otherwise="name")
        given = {"name": name, "value": value}
        return await _additional(request, db, caller, station, errors, given)
    after = {"name": name.strip(), "value": value.strip()}
    await _note(db, caller, station, "station_fact.put", now, after=after)
    return _went(station, "additional")


@router.post("/additional/remove")
async def remove_fact(
    request: Request, db: Db, now: Now, caller: Writer, identity: str, number: Number = ""
) -> Response:
    """Take a pair away."""
    station = await own_station(request, db, now, caller, identity)
    name = await sheets.remove_fact(db, caller.scope, station.identity, _number(number, "fact"))
    await _note(db, caller, station, "station_fact.remove", now, before={"name": name})
    return _went(station, "additional", "removed")


# -------------------------------------------------------------------------------- components


@router.get("/components")
async def components(request: Request, db: Db, now: Now, caller: Reader, identity: str) -> Response:
    """Show what is built in, as the station tells it, and what people entered."""
    station = await own_station(request, db, now, caller, identity)
    return await _components(request, db, caller, station)


async def _components(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    station: Station,
    errors: FormErrors | None = None,
    sent: StationPart | None = None,
) -> Response:
    said = await _said(request, db, caller)
    more = {
        "told": await _told(db, station, said),
        "parts": await sheets.parts(db, caller.scope, station.identity),
        "sent": sent,
    }
    return await tab_of(request, db, caller, station, "components", more, errors)


async def _told(db: AsyncSession, station: Station, said: Words) -> list[dict[str, Any]]:
    """Return the components that the station told of itself, and its meters."""
    found = [
        {
            "name": said.gettext("Charging station"),
            "model": " ".join(each for each in (station.vendor, station.model) if each),
            "serial": station.serial_number,
            "version": station.firmware,
            "at": station.booted_at,
        }
    ]
    if station.iccid or station.imsi:
        found.append(
            {
                "name": said.gettext("Modem"),
                "model": "",
                "serial": station.iccid or station.imsi,
                "version": "",
                "at": station.booted_at,
            }
        )
    found += [
        {
            "name": said.gettext("Meter of EVSE %(number)s") % {"number": each.evse_id}
            if each.evse_id
            else said.gettext("Meter"),
            "model": each.curve,
            "serial": each.meter_serial,
            "version": "",
            "at": each.valid_from,
        }
        for each in await meters.keys(db, station.identity)
        if each.valid_to is None
    ]
    return found


@router.post("/components")
async def put_part(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    identity: str,
    number: Number = "",
    name: Name = "",
    place: Annotated[str, Form(max_length=10)] = "external",
    model: Name = "",
    serial_number: Name = "",
    version: Name = "",
    do: Annotated[str, Form(max_length=10)] = "save",
) -> Response:
    """Write a component, change it, or note that it is gone."""
    station = await own_station(request, db, now, caller, identity)
    wanted = StationPart(
        id=_number(number, "component") if number else 0,
        name=name,
        is_external=place != "internal",
        model=model,
        serial_number=serial_number,
        version=version,
    )
    after = {"name": name.strip(), "model": model.strip(), "version": version.strip()}
    try:
        if do == "remove":
            await sheets.remove_part(
                db, caller.scope, station.identity, wanted.id, by=caller.actor, now=now
            )
            await _note(db, caller, station, "station_part.remove", now, before=after)
            return _went(station, "components", "removed")
        if wanted.id:
            await sheets.change_part(
                db, caller.scope, station.identity, wanted, by=caller.actor, now=now
            )
        else:
            await sheets.add_part(
                db, station.identity, station.organisation, wanted, by=caller.actor, now=now
            )
    except InvalidInput as error:
        said = await _said(request, db, caller)
        found = form_errors(error, said, otherwise="name").messages
        errors = FormErrors({f"{field}-{wanted.id}": text for field, text in found.items()})
        return await _components(request, db, caller, station, errors, wanted)
    await _note(db, caller, station, "station_part.put", now, after=after)
    return _went(station, "components")


# --------------------------------------------------------------------------------- documents


@router.get("/documents")
async def documents(request: Request, db: Db, now: Now, caller: Reader, identity: str) -> Response:
    """Show the files that people put to the station."""
    station = await own_station(request, db, now, caller, identity)
    return await _documents(request, db, caller, station)


async def _documents(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    station: Station,
    errors: FormErrors | None = None,
    about: str = "",
) -> Response:
    found = await sheets.documents(db, caller.scope, station.identity)
    more = {
        "documents": [(each, caller.personal(each.stored_by_name)) for each in found],
        "about": about,
    }
    return await tab_of(request, db, caller, station, "documents", more, errors)


@router.post("/documents")
async def add_document(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    identity: str,
    file: Annotated[UploadFile | None, File()] = None,
    about: Text = "",
) -> Response:
    """Keep a file."""
    station = await own_station(request, db, now, caller, identity)
    try:
        if file is None or not file.filename:
            raise InvalidInput("Choose a file.", field="file")
        made = await sheets.add_document(
            db,
            station.identity,
            station.organisation,
            await file.read(),
            file_name=file.filename,
            media_type=file.content_type or "",
            about=about,
            by=caller.actor,
            now=now,
        )
    except InvalidInput as error:
        errors = form_errors(error, await _said(request, db, caller), otherwise="file")
        return await _documents(request, db, caller, station, errors, about)
    after = {"file_name": made.file_name, "sha256": made.sha256}
    await _note(db, caller, station, "station_document.add", now, after=after)
    return _went(station, "documents")


@router.get("/documents/{number:segment}")
async def document(
    request: Request, db: Db, now: Now, caller: Reader, identity: str, number: str
) -> Response:
    """Give a file as it was put here; a browser keeps it and does not show it."""
    station = await own_station(request, db, now, caller, identity)
    found, content = await sheets.document(
        db, caller.scope, station.identity, _number(number, "document")
    )
    plain = "".join(
        each if each.isascii() and each.isprintable() and each not in '"\\' else "_"
        for each in found.file_name
    )
    return Response(
        content,
        media_type=found.media_type,
        headers={"content-disposition": f'attachment; filename="{plain}"'},
    )


@router.post("/documents/{number:segment}/remove")
async def remove_document(
    request: Request, db: Db, now: Now, caller: Writer, identity: str, number: str
) -> Response:
    """Take a file away; its name stays in the audit."""
    station = await own_station(request, db, now, caller, identity)
    name = await sheets.remove_document(
        db,
        caller.scope,
        station.identity,
        _number(number, "document"),
        by=caller.actor,
        now=now,
    )
    before = {"file_name": name}
    await _note(db, caller, station, "station_document.remove", now, before=before)
    return _went(station, "documents", "removed")


# ----------------------------------------------------------------------------------- history


@router.get("/history")
async def history(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    identity: str,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """Show what people wrote of the station, the newest first."""
    station = await own_station(request, db, now, caller, identity)
    return await _history(request, db, caller, station, before=before, n=n)


async def _history(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    station: Station,
    errors: FormErrors | None = None,
    given: dict[str, str] | None = None,
    *,
    before: int | None = None,
    n: int = 1,
) -> Response:
    found = await sheets.entries(
        db, caller.scope, station.identity, before=before, limit=PER_PAGE + 1
    )
    kept = found[:PER_PAGE]
    path = f"/stations/{segment(station.identity)}/history"
    on = None
    if len(found) > PER_PAGE:
        on = link(path, {"before": kept[-1].id, "n": n + PER_PAGE})
    own = caller.principal.organisation
    said = await _said(request, db, caller)
    kinds = await _kinds(db, caller, station)
    more = {
        "entries": [(each, caller.personal(each.by_name)) for each in kept],
        "kinds": [("", said.gettext("none")), *((each, each) for each in kinds)] if kinds else [],
        "own_kinds": await sheets.entry_kinds(db, [own])
        if caller.may(Permission.CRM_WRITE)
        else None,
        "given": {"text": "", "kind": "", "kind_name": "", **(given or {})},
        "turn": Turn(n, n + len(kept) - 1, None, path if before else None, on),
    }
    return await tab_of(request, db, caller, station, "history", more, errors)


async def _kinds(db: AsyncSession, caller: Caller, station: Station) -> list[str]:
    """Return the kinds to choose from: the operator's, the owner's, and one's own."""
    root = await directory.root(db)
    sides: set[OrganisationKey] = {
        root.key,
        station.organisation,
        caller.principal.organisation,
    }
    return await sheets.entry_kinds(db, sorted(sides))


@router.post("/history")
async def write_entry(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    identity: str,
    text: Text = "",
    kind: Name = "",
) -> Response:
    """Write what happened; it is never edited."""
    station = await own_station(request, db, now, caller, identity)
    try:
        if kind and kind not in await _kinds(db, caller, station):
            raise InvalidInput("There is no such kind.", field="kind")
        await sheets.write_entry(
            db,
            station.identity,
            station.organisation,
            text,
            kind=kind or None,
            by=caller.actor,
            now=now,
        )
    except InvalidInput as error:
        errors = form_errors(error, await _said(request, db, caller), otherwise="text")
        return await _history(request, db, caller, station, errors, {"text": text, "kind": kind})
    await _note(db, caller, station, "station_entry.write", now, after={"kind": kind or None})
    return _went(station, "history")


@router.post("/history/kinds")
async def entry_kinds(
    request: Request,
    db: Db,
    now: Now,
    caller: KindWriter,
    identity: str,
    kind_name: Name = "",
    do: Annotated[str, Form(max_length=10)] = "add",
) -> Response:
    """Offer a kind of entries, or offer it no longer: of one's own organisation."""
    station = await own_station(request, db, now, caller, identity)
    own = caller.principal.organisation
    try:
        async with await savepoint(db):
            if do == "remove":
                await sheets.remove_entry_kind(db, own, kind_name)
            else:
                await sheets.add_entry_kind(db, own, kind_name, by=caller.actor, now=now)
    except (InvalidInput, Conflict) as error:
        wrong: ExpectedError = error
        errors = form_errors(wrong, await _said(request, db, caller), otherwise="kind-name")
        return await _history(request, db, caller, station, errors, {"kind_name": kind_name})
    await caller.note(
        db,
        "station_entry_kind.set",
        f"organisation/{own}",
        organisation=own,
        after={"name": kind_name.strip(), "offered": do != "remove"},
        now=now,
    )
    return _went(station, "history")
