"""What people write on a station's data sheet: additional information, components, documents,
history. Only the owner's side reads and writes them."""

import base64
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field
from starlette.responses import Response

from accounts.permissions import Permission
from csms import equipment, sheets
from csms.sheets import LONGEST_NAME, LONGEST_TEXT, StationDocument, StationPart
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey, StationId
from portal.api.models import Answer, Body, Moment, Number
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now

router = APIRouter(prefix="/stations/{identity:segment}", tags=["stations"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.STATIONS_WRITE))]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]


async def _owner(db: Db, caller: Caller, identity: str) -> tuple[StationId, OrganisationKey]:
    owner = await equipment.owner_seen(db, caller.scope, identity)
    caller.must_see(owner, "station", identity)
    return StationId(identity), owner


async def _note(
    db: Db,
    caller: Caller,
    place: tuple[StationId, OrganisationKey],
    deed: str,
    now: Now,
    *,
    before: object = None,
    after: object = None,
) -> None:
    station, owner = place
    await caller.note(
        db, deed, f"station/{station}", organisation=owner, before=before, after=after, now=now
    )


# -------------------------------------------------------------------- additional information


class FactBody(Body):
    """A description and its value."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "Key", "value": "at the office"}}
    )

    name: Name
    value: Text


class FactModel(Answer):
    """A free pair of description and value."""

    id: int
    name: str
    value: str
    changed_at: Moment


@router.get("/facts", summary="List a station's additional information")
async def list_facts(db: Db, caller: Reader, identity: str) -> Page[FactModel]:
    """Free pairs of description and value, by description."""
    station, _ = await _owner(db, caller, identity)
    found = await sheets.facts(db, caller.scope, station)
    return Page(
        items=[
            FactModel(id=each.id, name=each.name, value=each.value, changed_at=each.changed_at)
            for each in found
        ]
    )


@router.put("/facts", status_code=204, summary="Set a piece of additional information")
async def put_fact(db: Db, now: Now, caller: Writer, identity: str, body: FactBody) -> None:
    """In place of the one with the same description."""
    place = await _owner(db, caller, identity)
    await sheets.put_fact(db, *place, body.name, body.value, by=caller.actor, now=now)
    after = {"name": body.name.strip(), "value": body.value.strip()}
    await _note(db, caller, place, "station_fact.put", now, after=after)


@router.delete("/facts/{fact}", status_code=204, summary="Remove additional information")
async def remove_fact(db: Db, now: Now, caller: Writer, identity: str, fact: Number) -> None:
    """One pair."""
    place = await _owner(db, caller, identity)
    name = await sheets.remove_fact(db, caller.scope, place[0], fact)
    await _note(db, caller, place, "station_fact.remove", now, before={"name": name})


# -------------------------------------------------------------------------------- components


class ComponentBody(Body):
    """A component, built in or beside the station."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"name": "Router", "is_external": True, "model": "RUT241", "version": "7.1"}
        }
    )

    name: Name
    is_external: bool = True
    model: Name | None = None
    serial_number: Name | None = None
    version: Name | None = None


class ComponentModel(Answer):
    """A component that somebody entered."""

    id: int
    name: str
    is_external: bool
    model: str | None
    serial_number: str | None
    version: str | None
    updated_at: Moment | None


@router.get("/components", summary="List a station's components")
async def list_components(db: Db, caller: Reader, identity: str) -> Page[ComponentModel]:
    """Those that people entered; what the station tells of itself is the station's own."""
    station, _ = await _owner(db, caller, identity)
    found = await sheets.parts(db, caller.scope, station)
    return Page(items=[_component(each) for each in found])


def _component(part: StationPart) -> ComponentModel:
    return ComponentModel(
        id=part.id,
        name=part.name,
        is_external=part.is_external,
        model=part.model,
        serial_number=part.serial_number,
        version=part.version,
        updated_at=part.updated_at,
    )


@router.post("/components", status_code=201, summary="Add a component")
async def add_component(
    db: Db, now: Now, caller: Writer, identity: str, body: ComponentBody
) -> ComponentModel:
    """The moment of its last update is now."""
    place = await _owner(db, caller, identity)
    number = await sheets.add_part(db, *place, _part(body), by=caller.actor, now=now)
    return await _put(db, now, caller, place, body, number)


@router.put("/components/{component}", summary="Change a component")
async def change_component(
    db: Db, now: Now, caller: Writer, identity: str, component: Number, body: ComponentBody
) -> ComponentModel:
    """The whole of it; the moment of its last update is now."""
    place = await _owner(db, caller, identity)
    part = _part(body, component)
    await sheets.change_part(db, caller.scope, place[0], part, by=caller.actor, now=now)
    return await _put(db, now, caller, place, body, component)


async def _put(
    db: Db,
    now: Now,
    caller: Caller,
    place: tuple[StationId, OrganisationKey],
    body: ComponentBody,
    number: int,
) -> ComponentModel:
    await _note(db, caller, place, "station_part.put", now, after=body.model_dump())
    db.expire_all()
    found = await sheets.parts(db, caller.scope, place[0])
    return next(_component(each) for each in found if each.id == number)


def _part(body: ComponentBody, number: int = 0) -> StationPart:
    return StationPart(id=number, **body.model_dump())


@router.delete("/components/{component}", status_code=204, summary="Remove a component")
async def remove_component(
    db: Db, now: Now, caller: Writer, identity: str, component: Number
) -> None:
    """It is no longer there."""
    place = await _owner(db, caller, identity)
    await sheets.remove_part(db, caller.scope, place[0], component, by=caller.actor, now=now)
    await _note(db, caller, place, "station_part.remove", now, before={"id": component})


# --------------------------------------------------------------------------------- documents


class DocumentBody(Body):
    """A file."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "file_name": "acceptance.pdf",
                "media_type": "application/pdf",
                "content": "JVBERi0xLjcK",
                "about": "Acceptance report",
            }
        }
    )

    file_name: Name
    media_type: Annotated[str, Field(max_length=100)] = "application/octet-stream"
    content: str = Field(description="Base64.", max_length=8 * 2**20)
    about: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""


class StationDocumentModel(Answer):
    """A file that somebody put to the station."""

    id: int
    file_name: str
    media_type: str
    size_bytes: int
    sha256: str
    about: str | None
    stored_at: Moment
    stored_by: str | None


@router.get("/documents", summary="List a station's documents")
async def list_station_documents(
    db: Db, caller: Reader, identity: str
) -> Page[StationDocumentModel]:
    """The newest first."""
    station, _ = await _owner(db, caller, identity)
    found = await sheets.documents(db, caller.scope, station)
    return Page(items=[_document(caller, each) for each in found])


def _document(caller: Caller, found: StationDocument) -> StationDocumentModel:
    return StationDocumentModel(
        id=found.id,
        file_name=found.file_name,
        media_type=found.media_type,
        size_bytes=found.size_bytes,
        sha256=found.sha256,
        about=found.about,
        stored_at=found.stored_at,
        stored_by=caller.personal(found.stored_by_name),
    )


@router.post("/documents", status_code=201, summary="Put a document to a station")
async def add_station_document(
    db: Db, now: Now, caller: Writer, identity: str, body: DocumentBody
) -> StationDocumentModel:
    """It is kept as it was sent."""
    place = await _owner(db, caller, identity)
    try:
        content = base64.b64decode(body.content, validate=True)
    except ValueError:
        raise InvalidInput("content is not Base64.", field="content") from None
    made = await sheets.add_document(
        db,
        *place,
        content,
        file_name=body.file_name,
        media_type=body.media_type,
        about=body.about,
        by=caller.actor,
        now=now,
    )
    after = {"file_name": made.file_name, "sha256": made.sha256}
    await _note(db, caller, place, "station_document.add", now, after=after)
    return _document(caller, made)


@router.get("/documents/{document}/content", summary="Get a document of a station")
async def get_station_document(db: Db, caller: Reader, identity: str, document: Number) -> Response:
    """Byte by byte as it was put here."""
    station, _ = await _owner(db, caller, identity)
    _, content = await sheets.document(db, caller.scope, station, document)
    return Response(
        content,
        media_type="application/octet-stream",
        headers={"content-disposition": "attachment"},
    )


@router.delete("/documents/{document}", status_code=204, summary="Remove a document")
async def remove_station_document(
    db: Db, now: Now, caller: Writer, identity: str, document: Number
) -> None:
    """Its content is deleted; its name stays in the audit."""
    place = await _owner(db, caller, identity)
    name = await sheets.remove_document(
        db, caller.scope, place[0], document, by=caller.actor, now=now
    )
    await _note(db, caller, place, "station_document.remove", now, before={"file_name": name})


# ----------------------------------------------------------------------------------- history


class EntryBody(Body):
    """What happened."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"text": "Cable changed.", "kind": None}}
    )

    text: Text
    kind: Name | None = None


class EntryModel(Answer):
    """Something that happened at the station; never edited."""

    id: int
    kind: str | None
    text: str
    at: Moment
    by: str | None


@router.get("/history", summary="List a station's history")
async def list_history(db: Db, caller: Reader, identity: str) -> Page[EntryModel]:
    """The newest fifty entries."""
    station, _ = await _owner(db, caller, identity)
    return Page(
        items=[
            EntryModel(
                id=each.id,
                kind=each.kind,
                text=each.text,
                at=each.at,
                by=caller.personal(each.by_name),
            )
            for each in await sheets.entries(db, caller.scope, station)
        ]
    )


@router.post("/history", status_code=204, summary="Write into a station's history")
async def write_history(db: Db, now: Now, caller: Writer, identity: str, body: EntryBody) -> None:
    """It is never edited."""
    place = await _owner(db, caller, identity)
    await sheets.write_entry(db, *place, body.text, kind=body.kind, by=caller.actor, now=now)
    await _note(db, caller, place, "station_entry.write", now, after={"kind": body.kind})
