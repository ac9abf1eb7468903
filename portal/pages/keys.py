"""API keys: listed, made and shown once, ended."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import api_keys, directory
from accounts.permissions import Permission, Reach, Role
from foundation.database import savepoint
from foundation.errors import Conflict, InvalidInput, NotFound, NotPermitted
from portal import people, rights
from portal.guard import Caller, require
from portal.pages.refusals import form_errors
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, Turn, link
from portal.routes import Db, Now, PageRoute

router = APIRouter(prefix="/api-keys", route_class=PageRoute)

PER_PAGE = 50
Reader = Annotated[Caller, Depends(require(Permission.API_KEYS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.API_KEYS_WRITE))]
Text = Annotated[str, Form(max_length=200)]


@router.get("")
async def list_keys(
    request: Request,
    db: Db,
    caller: Reader,
    after: Annotated[int, Query(ge=0, lt=2**62)] = 0,
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """List the keys of the caller's scope, the oldest first."""
    frame = await frame_of(request, db, caller)
    said = frame.words
    found = await api_keys.api_keys(db, caller.scope, after=after, limit=PER_PAGE + 1)
    kept = found[:PER_PAGE]
    names = {each.key: each.name for each in await directory.organisations(db, caller.scope)}
    values = {
        "keys": [
            {
                "id": each.id,
                "name": each.name,
                "state": _state(each, frame.now),
                "rights": said.gettext(rights.GROUPS[each.role.value])
                if each.role
                else said.ngettext("%(num)s right", "%(num)s rights", len(each.rights))
                % {"num": len(each.rights)},
                "all_rights": ", ".join(rights.label(right, said) for right in sorted(each.rights)),
                "reach": said.gettext(rights.REACHES[each.reach]),
                "organisation": names.get(each.organisation, each.organisation),
                "rate": each.rate_per_minute,
                "expires_at": each.expires_at,
                "last_used_at": each.last_used_at,
                "is_open": each.revoked_at is None,
            }
            for each in kept
        ],
        "turn": Turn(
            n,
            n + len(kept) - 1,
            None,
            "/api-keys" if after else None,
            link("/api-keys", {"after": kept[-1].id, "n": n + len(kept)})
            if len(found) > PER_PAGE
            else None,
        ),
    }
    return page(frame, "api_keys.html", values)


def _state(key: api_keys.ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "over" if key.expires_at is not None and key.expires_at <= now else "valid"


@router.get("/new")
async def new_key(request: Request, db: Db, caller: Writer) -> Response:
    """Ask for a new key's facts."""
    return await _form(request, db, caller, {"reach": Reach.OWN_AND_BELOW.value, "days": "365"})


@router.post("/new")
async def create_key(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    name: Text = "",
    role: Text = "",
    right: Annotated[list[str], Form(max_length=200)] = [],  # noqa: B006 - FastAPI copies it
    reach: Text = "",
    organisation: Text = "",
    days: Annotated[str, Form(max_length=10)] = "",
    rate: Annotated[str, Form(max_length=10)] = "",
    commercial: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Make a key, and show it once."""
    given = {
        "name": name,
        "role": role,
        "reach": reach,
        "organisation": organisation,
        "days": days,
        "rate": rate,
        "commercial": commercial,
    }
    try:
        async with await savepoint(db):
            made, secret = await people.create_api_key(
                db,
                caller,
                name=name,
                role=role or None,
                rights=None if role else right,
                reach=reach or None,
                organisation=organisation or None,
                rate_per_minute=_whole(rate, "rate"),
                expires_at=_end(days, now),
                commercial=commercial == "yes",
                now=now,
            )
    except (InvalidInput, Conflict, NotPermitted) as error:
        frame = await frame_of(request, db, caller)
        errors = form_errors(error, frame.words, otherwise="name")
        return await _form(request, db, caller, given, right, errors, 422)
    frame = await frame_of(request, db, caller)
    response = page(frame, "api_key.html", {"key": made, "secret": secret})
    response.headers["cache-control"] = "no-store"
    return response


@router.post("/{key_id}/revoke")
async def revoke(db: Db, now: Now, caller: Writer, key_id: int) -> Response:
    """End a key for good."""
    if not 0 < key_id < 2**62:
        raise NotFound("API key", key_id)
    await people.revoke_api_key(db, caller, key_id, now=now)
    return went("/api-keys", done="key-revoked")


def _whole(text: str, field: str) -> int | None:
    if not text.strip():
        return None
    if not text.strip().isascii() or not text.strip().isdecimal():
        raise InvalidInput(f"{field} must be a whole number.", field=field)
    return int(text)


def _end(days: str, now: datetime) -> datetime | None:
    number = _whole(days, "days")
    if number is None:
        return None
    if not 1 <= number <= 36500:
        raise InvalidInput("days must be a whole number.", field="days")
    return now + timedelta(days=number)


async def _form(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    given: dict[str, str],
    chosen: list[str] | None = None,
    errors: FormErrors | None = None,
    status: int = 200,
) -> Response:
    frame = await frame_of(request, db, caller)
    said = frame.words
    known = {each.value: each for each in Permission}
    picked = frozenset(known[each] for each in chosen or () if each in known)
    values = {
        "given": {
            "name": "",
            "role": "",
            "rate": "",
            "commercial": "",
            "organisation": caller.principal.organisation,
            **given,
        },
        "roles": [
            ("", said.gettext("The rights chosen below")),
            *(
                (role.value, said.gettext(rights.GROUPS[role.value]))
                for role in people.grantable_roles(caller)
                if role is not Role.SUPER_ADMIN
            ),
        ],
        "areas": rights.switches(picked, people.grantable_rights(caller), said),
        "reaches": [
            (each.value, said.gettext(rights.REACHES[each]))
            for each in people.grantable_reaches(caller)
        ],
        "organisations": [
            (each.key, each.name) for each in await directory.organisations(db, caller.scope)
        ],
        "errors": errors or FormErrors(),
    }
    return page(frame, "api_key_new.html", values, status=status)
