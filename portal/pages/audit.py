"""The audit: searched, read as differences, exported."""

import csv
import io
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from accounts import audit, directory
from accounts.audit import Entry
from accounts.permissions import Permission
from portal import deeds, masking
from portal.context import PortalContext, context_of
from portal.guard import Caller, require
from portal.pages.surroundings import frame_of, page
from portal.rendering import Turn, link
from portal.routes import Db, Now, PageRoute, StreamRoute
from portal.words import Words, marked

router = APIRouter(route_class=PageRoute)
_exports = APIRouter(route_class=StreamRoute)

PER_PAGE = 50
_EXPORT_PAGE = 500
Reader = Annotated[Caller, Depends(require(Permission.AUDIT_READ))]
Text = Annotated[str, Query(max_length=100)]

_DOORS = {
    "portal": marked("Portal"),
    "api": marked("API"),
    "mqtt": marked("MQTT"),
    "cli": marked("Command line"),
    "system": marked("By itself"),
}
_COLUMNS = (
    "organisation",
    "number",
    "at",
    "actor",
    "actor_name",
    "door",
    "address",
    "deed",
    "subject",
    "change_order",
    "before",
    "after",
    "hash",
)


def _wanted(
    caller: Caller,
    who: str,
    what: str,
    door: str,
    first: date | None,
    last: date | None,
    zone: ZoneInfo,
) -> dict[str, Any]:
    """Return what to search for; `what` is a subject, a deed, or any part of an entry."""
    sees = caller.may(Permission.CRM_READ)
    wanted: dict[str, Any] = {"who": who.strip() or None, "by_name": sees}
    wanted["door"] = door if door in _DOORS else None
    wanted["text"] = what.strip() or None
    wanted["since"] = None if first is None else datetime.combine(first, time(), zone)
    wanted["until"] = (
        None if last is None else datetime.combine(last + timedelta(days=1), time(), zone)
    )
    return wanted


@router.get("/audit")
async def search(
    request: Request,
    db: Db,
    caller: Reader,
    who: Text = "",
    what: Text = "",
    door: Text = "",
    first: Annotated[str, Query(alias="from", max_length=10)] = "",
    last: Annotated[str, Query(alias="to", max_length=10)] = "",
    before: Annotated[int | None, Query(ge=1, lt=2**62)] = None,
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """Show who did what, the newest first."""
    frame = await frame_of(request, db, caller)
    said = frame.words
    wanted = _wanted(caller, who, _told(caller, what), door, _day(first), _day(last), frame.zone)
    found = await audit.entries(
        db, caller.scope.organisations, **wanted, before=before, limit=PER_PAGE + 1
    )
    kept = found[:PER_PAGE]
    query = {"who": who, "what": what, "door": door, "from": first, "to": last}
    on = (
        link("/audit", {**query, "before": kept[-1].id, "n": n + len(kept)})
        if len(found) > PER_PAGE
        else None
    )
    values = {
        "entries": [_line(caller, each, said) for each in kept],
        "query": query,
        "csv": link("/audit.csv", query),
        "json": link("/audit.json", query),
        "doors": [("", said.gettext("all")), *((key, said.gettext(_DOORS[key])) for key in _DOORS)],
        "turn": Turn(n, n + len(kept) - 1, None, link("/audit", query) if before else None, on),
        "is_filtered": any(query.values()),
    }
    return page(frame, "audit.html", values)


def _told(caller: Caller, what: str) -> str:
    """Return what may be searched for: not what would tell, bit by bit, what the mask hides."""
    return what if caller.may(Permission.CRM_READ) else ""


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _line(caller: Caller, entry: Entry, said: Words) -> dict[str, Any]:
    return {
        "number": entry.number,
        "organisation": entry.organisation or "–",
        "at": entry.at,
        "who": caller.personal(entry.actor.name),
        "actor": entry.actor.id,
        "door": said.gettext(_DOORS[entry.actor.door]),
        "address": entry.actor.address or "",
        "deed": deeds.in_words(entry.deed, said),
        "key": entry.deed,
        "subject": masking.subject(caller, entry.subject),
        "order": entry.order or "",
        "changes": _changes(*masking.changes(caller, entry)),
    }


def _changes(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> list[tuple[str, str, str]]:
    """Return each thing that differs: its name, what it was, what it is."""
    names = [*{**(before or {}), **(after or {})}]
    return [(name, _value(before, name), _value(after, name)) for name in names]


def _value(facts: Mapping[str, Any] | None, name: str) -> str:
    value = (facts or {}).get(name)
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


# ---------------------------------------------------------------------------- exports


@_exports.get("/audit.csv")
async def export_csv(
    request: Request,
    now: Now,
    caller: Reader,
    who: Text = "",
    what: Text = "",
    door: Text = "",
    first: Annotated[str, Query(alias="from", max_length=10)] = "",
    last: Annotated[str, Query(alias="to", max_length=10)] = "",
) -> Response:
    """Hand out everything that was searched for as CSV, with the scope it was made with."""
    caller.must_be_able_to_export()
    context = context_of(request)
    query = {"who": who, "what": _told(caller, what), "door": door, "from": first, "to": last}
    return StreamingResponse(
        _csv(context, caller, query, now),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="audit.csv"'},
    )


@_exports.get("/audit.json")
async def export_json(
    request: Request,
    now: Now,
    caller: Reader,
    who: Text = "",
    what: Text = "",
    door: Text = "",
    first: Annotated[str, Query(alias="from", max_length=10)] = "",
    last: Annotated[str, Query(alias="to", max_length=10)] = "",
) -> Response:
    """Hand out everything that was searched for as JSON, with the scope it was made with."""
    caller.must_be_able_to_export()
    context = context_of(request)
    query = {"who": who, "what": _told(caller, what), "door": door, "from": first, "to": last}
    return StreamingResponse(
        _json(context, caller, query, now),
        media_type="application/json",
        headers={"content-disposition": 'attachment; filename="audit.json"'},
    )


def _made_with(caller: Caller, query: Mapping[str, str], now: datetime) -> dict[str, Any]:
    organisations = caller.scope.organisations
    return {
        "made_at": _iso(now),
        "made_by": caller.principal.id,
        "scope": "installation" if organisations is None else sorted(organisations),
        "search": {name: value for name, value in query.items() if value},
    }


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _told_entry(caller: Caller, entry: Entry) -> dict[str, Any]:
    return {**masking.entry(caller, entry), "at": _iso(entry.at)}


async def _csv(
    context: PortalContext, caller: Caller, query: Mapping[str, str], now: datetime
) -> AsyncIterator[str]:
    made = _made_with(caller, query, now)
    yield f"# {json.dumps(made, ensure_ascii=False)}\r\n"
    yield _row(_COLUMNS)
    async for entry in _entries(context, caller, query):
        told = _told_entry(caller, entry)
        yield _row(
            [
                json.dumps(told[name], ensure_ascii=False)
                if isinstance(told[name], dict)
                else told[name]
                for name in _COLUMNS
            ]
        )


def _row(cells: Any) -> str:
    written = io.StringIO()
    csv.writer(written).writerow([_harmless(each) for each in cells])
    return written.getvalue()


def _harmless(cell: Any) -> Any:
    """Keep a spreadsheet from taking a text for a formula."""
    if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return f"'{cell}"
    return cell


async def _json(
    context: PortalContext, caller: Caller, query: Mapping[str, str], now: datetime
) -> AsyncIterator[str]:
    made = json.dumps(_made_with(caller, query, now), ensure_ascii=False)
    yield f'{made[:-1]}, "entries": ['
    is_first = True
    async for entry in _entries(context, caller, query):
        told = json.dumps(_told_entry(caller, entry), ensure_ascii=False)
        yield ("\n" if is_first else ",\n") + told
        is_first = False
    yield "\n]}\n"


async def _entries(
    context: PortalContext, caller: Caller, query: Mapping[str, str]
) -> AsyncIterator[Entry]:
    """Yield what was searched for, in pages of a unit of work each."""
    before: int | None = None
    while True:
        async with context.database.unit_of_work() as db:
            zone = await _zone(db, caller)
            wanted = _wanted(
                caller,
                query["who"],
                query["what"],
                query["door"],
                _day(query["from"]),
                _day(query["to"]),
                zone,
            )
            found = await audit.entries(
                db, caller.scope.organisations, **wanted, before=before, limit=_EXPORT_PAGE
            )
        for each in found:
            yield each
        if len(found) < _EXPORT_PAGE:
            return
        before = found[-1].id


async def _zone(db: AsyncSession, caller: Caller) -> ZoneInfo:
    return ZoneInfo((await directory.organisation(db, caller.principal.organisation)).time_zone)


router.include_router(_exports)
