"""Any OCPP action of a station's version, by a form made from its JSON Schema, or as raw JSON.

Everything is one form that comes back filled: adding to a list, taking out of it and changing to
JSON are steps of it, and only the last step sends.
"""

import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from accounts.permissions import Permission
from csms import remote
from csms.registry import Station
from csms.reports import OcppVersion
from foundation.errors import ExpectedError, InvalidInput, NotFound
from portal import asking, buttons, command_words, schema_forms
from portal.guard import Caller, require
from portal.pages.commands import sent_fields
from portal.pages.station_sheets import found_station, sheet_of, tabs_of
from portal.pages.surroundings import frame_of, page
from portal.rendering import FormErrors, segment
from portal.routes import Db, Now, PageRoute
from portal.words import Words

router = APIRouter(route_class=PageRoute)

Expert = Annotated[Caller, Depends(require(Permission.COMMANDS_EXPERT))]


@router.get("/stations/{identity:segment}/expert")
async def expert(
    request: Request,
    db: Db,
    now: Now,
    caller: Expert,
    identity: str,
    action: Annotated[str, Query(max_length=100)] = "",
    mode: Annotated[str, Query(max_length=10)] = "form",
) -> Response:
    """Show the form of an action, or the list of actions to choose from."""
    station = await found_station(request, db, caller.scope, identity, now)
    return await _page(request, db, caller, station, {"action": action, "mode": mode})


@router.post("/stations/{identity:segment}/expert")
async def send(request: Request, db: Db, now: Now, caller: Expert, identity: str) -> Response:
    """Take a step of the form; the last one asks the station."""
    station = await found_station(request, db, caller.scope, identity, now)
    sent = await sent_fields(request)
    step = sent.pop("step", "")
    version = _version(station)
    if version is None:
        raise InvalidInput("The station has never connected.", field="action")
    schema = remote.schema(version, sent.get("action", ""))
    if step == "json" and sent.get("mode") != "json":
        payload = schema_forms.read(schema, sent).payload
        return await _page(request, db, caller, station, _as_json(sent, payload))
    if step != "send":
        return await _page(request, db, caller, station, schema_forms.changed(sent, step))
    raw = sent.get("raw") == "1"
    if raw:
        caller.must_have(Permission.COMMANDS_RAW)
    is_json = sent.get("mode") == "json"
    read = (
        schema_forms.read_json(sent.get("json", "")) if is_json else schema_forms.read(schema, sent)
    )
    if read.errors:
        return await _page(request, db, caller, station, sent, read.errors)
    return await _ask(request, db, caller, station, sent, read.payload, raw=raw, now=now)


async def _ask(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    station: Station,
    sent: Mapping[str, str],
    payload: dict[str, object],
    *,
    raw: bool,
    now: datetime,
) -> Response:
    try:
        command = await asking.ask(
            db,
            caller,
            station,
            sent["action"],
            payload,
            now=now,
            once=sent.get("once") or None,
            change_order=sent.get("change_order", "").strip() or None,
            raw=raw,
        )
    except NotFound:
        raise
    except InvalidInput as error:
        path = schema_forms.path_of(error.field or "")
        where = path if sent.get("mode") != "json" else "json"
        return await _page(request, db, caller, station, sent, {where: str(error)})
    except ExpectedError as error:
        return await _page(request, db, caller, station, sent, refused=error)
    return RedirectResponse(f"/commands/{command.id}", status_code=303)


def _version(station: Station) -> OcppVersion | None:
    return None if station.ocpp_version is None else OcppVersion(f"ocpp{station.ocpp_version}")


def _as_json(sent: Mapping[str, str], payload: object) -> dict[str, str]:
    kept = {name: sent[name] for name in ("action", "change_order") if name in sent}
    text = json.dumps(payload, indent=2, ensure_ascii=False)
    return {**kept, "mode": "json", "json": text}


async def _page(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    station: Station,
    sent: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    refused: ExpectedError | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    said = frame.words
    version = _version(station)
    action = sent.get("action", "")
    known = remote.actions(version) if version else frozenset()
    errors = {path: said.gettext(each) for path, each in (errors or {}).items()}
    form = None
    if version and action in known:
        form = schema_forms.form(remote.schema(version, action), sent, errors)
        if "json" not in sent and sent.get("mode") == "json":
            sent = {**sent, "json": "{\n}"}
    values = {
        "view": sheet_of(station, {}, {}, {}, said),
        "tabs": tabs_of(station, caller, said),
        "identity": station.identity,
        "path": f"/stations/{segment(station.identity)}/expert",
        "actions": _named(known, said),
        "action": action if form else "",
        "title": said.gettext(buttons.action_title(action)),
        "form": form,
        "mode": "json" if sent.get("mode") == "json" else "form",
        "sent": sent,
        "errors": FormErrors(_by_id(form, errors) if form else {}),
        "refused": refused,
        "refusal": None
        if refused is None
        else command_words.REFUSALS.get(refused.code, command_words.REFUSALS["conflict"]),
        "needs_order": bool(form)
        and asking.order_is_needed(caller, station, action, {}, has_end=True),
        "may_raw": caller.may(Permission.COMMANDS_RAW),
        "once": secrets.token_urlsafe(12),
        "connected": station.connected,
    }
    status = 200 if not errors and refused is None else 422 if refused is None else 409
    return page(frame, "expert.html", values, status=status)


def _named(known: frozenset[str], said: Words) -> list[tuple[str, str]]:
    """Return the actions with their plain names, by name."""
    found = [(each, said.gettext(buttons.action_title(each))) for each in known]
    return sorted(found, key=lambda each: each[1].casefold())


def _by_id(form: schema_forms.Part, errors: Mapping[str, str]) -> dict[str, str]:
    """Return the errors by the id that each field has on the page, in the order of the form."""
    found: dict[str, str] = {}
    titles: dict[str, tuple[str, str]] = {}

    def walk(part: schema_forms.Part) -> None:
        titles[part.path] = (part.id, part.title)
        for each in part.parts:
            walk(each)

    walk(form)
    for path, text in errors.items():
        if path == "json":
            found["json"] = text
        else:
            # What names no field of the form stands at the nearest one above it.
            near = path
            while near and near not in titles:
                near = near.rpartition(".")[0]
            field_id, title = titles[near]
            found[field_id] = f"{title}: {text}" if near else text
    return found
