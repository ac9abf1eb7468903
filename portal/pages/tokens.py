"""Id tokens by pages: what drivers present, who answers for it, and whether it may charge."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.permissions import Permission
from csms import registry
from csms.registry import StoredToken
from foundation.errors import InvalidInput, NotFound
from foundation.events import TokenStatus
from foundation.identifiers import ID_TOKEN_TYPES, OrganisationKey
from portal import masking, token_doors, vocabulary
from portal.context import context_of
from portal.guard import Caller, require
from portal.pages import choosing
from portal.pages.choosing import NotChosen
from portal.pages.refusals import in_words
from portal.pages.surroundings import frame_of, page, went
from portal.problems import ManyProblems
from portal.rendering import FormErrors, Turn, link, segment
from portal.routes import Db, Now, PageRoute
from portal.token_doors import TokenTaken
from portal.words import Words, marked
from roaming import administration as roaming

router = APIRouter(route_class=PageRoute, prefix="/tokens")

PER_PAGE: Final = 50

Reader = Annotated[Caller, Depends(require(Permission.TOKENS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.TOKENS_WRITE))]
Text = Annotated[str, Form(max_length=255)]

_TAKEN = marked("Somebody else answers for this token.")
_HOLDER = marked("Name either the organisation or the provider that answers for it.")
_DAY = marked("Write day and time.")
_LANGUAGE = marked(
    "A language is two letters of ISO 639-1, as in de, or with a country, as in de-CH;"
    " the second needs a first."
)
_WRONG: Mapping[str, str] = {
    "id_token": marked("A token has 1 to 255 characters, not only separators."),
    "type": marked("Choose one of the list."),
    "status": marked("Choose one of the list."),
    "organisation": _HOLDER,
    "provider": marked("There is no such provider."),
    "language1": _LANGUAGE,
    "language2": _LANGUAGE,
}
"""What is wrong with a field, whatever it is in detail."""


@router.get("")
async def tokens(
    request: Request,
    db: Db,
    caller: Reader,
    q: Annotated[str, Query(max_length=100)] = "",
    after: Annotated[str, Query(max_length=700)] = "",
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """List id tokens with whoever holds them now."""
    frame = await frame_of(request, db, caller)
    sealer = context_of(request).sealer
    found = await registry.id_tokens(
        db,
        caller.scope,
        q=(q.strip() or None) if caller.may(Permission.CRM_READ) else None,
        after=masking.key_in_cursor(caller, sealer, after) if after else None,
        limit=PER_PAGE + 1,
    )
    kept = found[:PER_PAGE]
    names = {each.key: each.name for each in await directory.organisations(db, caller.scope)}
    on = None
    if len(found) > PER_PAGE:
        behind = masking.cursor_of(caller, sealer, kept[-1].key)
        on = link("/tokens", {"q": q, "after": behind, "n": n + len(kept)})
    values = {
        "tokens": [_line(each, caller, names) for each in kept],
        "q": q,
        "turn": Turn(n, n + len(kept) - 1, None, link("/tokens", {"q": q}) if after else None, on),
        "may_change": token_doors.may_change(caller),
    }
    return page(frame, "tokens.html", values)


@router.get("/new")
async def new(request: Request, db: Db, caller: Writer) -> Response:
    """Show the form of a new token."""
    given = {"type": "ISO14443", "status": "accepted", "organisation": _own(caller)}
    return await _form(request, db, caller, given)


def typed(
    type_: Annotated[str, Form(alias="type", max_length=30)] = "",
    status: Annotated[str, Form(max_length=30)] = "",
    organisation: Text = "",
    provider: Text = "",
    group_id: Text = "",
    valid_until: Annotated[str, Form(max_length=30)] = "",
    language1: Annotated[str, Form(max_length=20)] = "",
    language2: Annotated[str, Form(max_length=20)] = "",
) -> dict[str, str]:
    """Return what was typed into the form of a token, by its fields."""
    return {
        "type": type_,
        "status": status,
        "organisation": organisation,
        "provider": provider,
        "group_id": group_id,
        "valid_until": valid_until,
        "language1": language1,
        "language2": language2,
    }


Given = Annotated[dict[str, str], Depends(typed)]


@router.post("")
async def create(
    request: Request, db: Db, now: Now, caller: Writer, given: Given, id_token: Text = ""
) -> Response:
    """Take up a token that nobody answers for yet."""
    given = {"id_token": id_token, **given}
    try:
        known = await token_doors.seen(db, caller, id_token)
    except NotFound:
        return await _keep(request, db, now, caller, given, None)
    said = (await frame_of(request, db, caller)).words
    text = said.gettext(marked("This token is on the list already."))
    return await _form(
        request, db, caller, given, FormErrors({"id_token": text}), is_known=known.id_token
    )


@router.get("/{id_token:segment}")
async def token(request: Request, db: Db, caller: Writer, id_token: str) -> Response:
    """Show a token with the form that changes it."""
    caller.must_have(Permission.CRM_READ)
    frame = await frame_of(request, db, caller)
    found = await token_doors.seen(db, caller, id_token)
    return await _form(request, db, caller, _given(found, frame.zone), found=found)


@router.post("/{id_token:segment}")
async def change(
    request: Request, db: Db, now: Now, caller: Writer, given: Given, id_token: str
) -> Response:
    """Change a token; a new holder counts from now on."""
    caller.must_have(Permission.CRM_READ)
    found = await token_doors.seen(db, caller, id_token)
    given = {"id_token": found.id_token, **given}
    return await _keep(request, db, now, caller, given, found)


# ---------------------------------------------------------------------------------- keeping


async def _keep(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    given: dict[str, str],
    found: StoredToken | None,
) -> Response:
    caller.must_have(Permission.CRM_READ)
    frame = await frame_of(request, db, caller)
    try:
        text, provider = given["organisation"].strip(), given["provider"].strip()
        if bool(text) == bool(provider):
            raise InvalidInput(_HOLDER, field="organisation")
        if given["status"] not in set(TokenStatus):
            raise InvalidInput(_WRONG["status"], field="status")
        wanted = token_doors.settings(
            caller,
            id_token=given["id_token"].strip(),
            type_=given["type"],
            status=TokenStatus(given["status"]),
            group_id=given["group_id"].strip() or None,
            organisation=await choosing.chosen(db, caller.scope, text) if text else None,
            provider=provider or None,
            valid_until=_moment(given["valid_until"], frame.zone, found),
            language1=given["language1"].strip() or None,
            language2=given["language2"].strip() or None,
        )
        await token_doors.keep(db, caller, wanted, now)
    except (InvalidInput, TokenTaken) as error:
        errors = _errors(error, frame.words)
        return await _form(request, db, caller, given, errors, found=found)
    return went("/tokens", q=wanted.id_token, done="saved")


def _moment(text: str, zone: ZoneInfo, found: StoredToken | None) -> datetime | None:
    """Return what was typed; what the form showed stays as it is, to the second."""
    if not text.strip():
        return None
    before = None if found is None else found.valid_until
    if before is not None and text.strip() == _typed(before, zone):
        return before
    try:
        at = datetime.fromisoformat(text.strip()).replace(tzinfo=zone)
    except ValueError:
        raise InvalidInput(_DAY, field="valid_until") from None
    if not 1971 <= at.year <= 9000:
        raise InvalidInput(_DAY, field="valid_until")
    return at


def _typed(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%dT%H:%M")


def _errors(error: InvalidInput | TokenTaken, said: Words) -> FormErrors:
    if isinstance(error, TokenTaken):
        return FormErrors({"id_token": said.gettext(_TAKEN)})
    if isinstance(error, NotChosen):
        return FormErrors({"organisation": choosing.in_words(error, said)})
    if isinstance(error, ManyProblems):
        fields = dict.fromkeys(each.field for each in error.errors)
        return FormErrors({each: said.gettext(_WRONG[each]) for each in fields})
    return FormErrors({error.field or "id_token": in_words(error, said)})


# ---------------------------------------------------------------------------------- showing


def _own(caller: Caller) -> str:
    return str(caller.principal.organisation)


def _given(found: StoredToken, zone: ZoneInfo) -> dict[str, str]:
    return {
        "id_token": found.id_token,
        "type": found.type,
        "status": found.status,
        "organisation": found.organisation or "",
        "provider": found.provider or "",
        "group_id": found.group_id or "",
        "valid_until": "" if found.valid_until is None else _typed(found.valid_until, zone),
        "language1": found.language1 or "",
        "language2": found.language2 or "",
    }


def _line(
    found: StoredToken, caller: Caller, names: Mapping[OrganisationKey, str]
) -> dict[str, Any]:
    who = found.provider or ""
    if found.organisation:
        who = names.get(OrganisationKey(found.organisation), found.organisation)
    return {
        "token": caller.personal(found.id_token) or "",
        "path": f"/tokens/{segment(found.id_token)}",
        "state": found.status,
        "who": who,
        "is_external": bool(found.provider),
        "type": found.type,
        "group": caller.personal(found.group_id) or "",
        "valid_until": found.valid_until,
        "languages": ", ".join(each for each in (found.language1, found.language2) if each),
    }


async def _form(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    given: Mapping[str, str],
    errors: FormErrors | None = None,
    *,
    found: StoredToken | None = None,
    is_known: str | None = None,
) -> Response:
    caller.must_have(Permission.CRM_READ)
    frame = await frame_of(request, db, caller)
    providers = await roaming.providers(db) if caller.scope.is_whole else []
    values = {
        "given": {"id_token": "", "provider": "", "group_id": "", "valid_until": ""}
        | {"language1": "", "language2": ""}
        | dict(given),
        "found": found,
        "known": f"/tokens/{segment(is_known)}" if is_known else None,
        "types": [(each, each) for each in ID_TOKEN_TYPES],
        "states": [
            (each, frame.words.gettext(mark.word)) for each, mark in vocabulary.TOKEN_STATES.items()
        ],
        "organisations": await choosing.offered(db, caller.scope),
        "providers": [("", "–"), *((each.party_id, each.name) for each in providers)],
        "errors": errors or FormErrors(),
    }
    return page(frame, "token.html", values, status=422 if errors else 200)
