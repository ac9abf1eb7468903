"""Id tokens: what drivers present, and who answers for it. One by one, or a file of many."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.exceptions import RequestValidationError
from pydantic import ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from accounts.permissions import Permission
from csms import registry
from csms.registry import StoredToken
from foundation.errors import InvalidInput
from foundation.events import TokenStatus
from foundation.identifiers import (
    ID_TOKEN_TYPES,
    OrganisationKey,
    PartyId,
)
from portal import masking, paging, token_doors
from portal.api.models import Answer, Body, Moment, json_object
from portal.api.organisations import facts_from
from portal.guard import Caller, require
from portal.paging import Page
from portal.problems import FieldError, ManyProblems, UnsupportedMediaType
from portal.routes import ApiRoute, Context, Db, Now
from portal.token_doors import Line

router = APIRouter(prefix="/id-tokens", tags=["id-tokens"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.TOKENS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.TOKENS_WRITE))]

TokenType = Annotated[str, Field(json_schema_extra={"enum": list(ID_TOKEN_TYPES)})]


Language = Annotated[
    str,
    Field(
        max_length=8,
        description="ISO 639-1, with a country where it matters. Stations of OCPP 2.x are told it.",
        examples=["de", "de-CH"],
    ),
]


class IdTokenModel(Answer):
    """An id token with whoever answers for it now."""

    id_token: str = Field(description="As it was entered; compared without separators and case.")
    type: TokenType
    status: TokenStatus
    group_id: str | None
    organisation: OrganisationKey | None
    provider: PartyId | None = Field(description="The EMP that answers for it: external.")
    valid_until: Moment | None
    language1: str | None = Field(description="In which the driver wants to be spoken to.")
    language2: str | None = Field(description="Where a station does not speak the first.")
    changed_at: Moment


class IdTokenChange(Body):
    """What of an id token may change; a new holder counts from now on."""

    type: TokenType | None = None
    status: TokenStatus | None = None
    group_id: Annotated[str, Field(max_length=255)] | None = None
    organisation: str | None = None
    provider: str | None = None
    valid_until: Moment | None = None
    language1: Language | None = None
    language2: Language | None = None


class NewIdToken(IdTokenChange):
    """An id token; posting it again changes it."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id_token": "04A2B3C4D5E680",
                "type": "ISO14443",
                "status": "accepted",
                "group_id": None,
                "organisation": "stadtwerke-nord",
                "provider": None,
                "valid_until": None,
                "language1": "de",
                "language2": "en",
            }
        }
    )

    id_token: Annotated[str, Field(min_length=1, max_length=255)]


class ImportModel(Answer):
    """What a file brought."""

    imported: int


_CLEARABLE = frozenset(
    {"group_id", "language1", "language2", "organisation", "provider", "valid_until"}
)
_COLUMNS = tuple(NewIdToken.model_fields)
_MOST_ROWS = 100_000


def _json_schema() -> dict[str, Any]:
    """Return the schema of the JSON form, which the route reads itself."""
    schema = NewIdToken.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)  # they stand among the components, since answers have them too
    return schema


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _json_schema()},
            "text/csv": {
                "schema": {
                    "type": "string",
                    "description": "A head and one token per row; the columns are the JSON names, "
                    "comma or semicolon between them, UTF-8.",
                },
                "example": "id_token,type,status,organisation,provider\r\n"
                "04A2B3C4D5E680,ISO14443,accepted,stadtwerke-nord,\r\n"
                "DEXYZC12345678,eMAID,accepted,,DE*XYZ\r\n",
            },
        },
    }
}


@router.get("", summary="List id tokens")
async def list_id_tokens(
    db: Db,
    context: Context,
    caller: Reader,
    q: Annotated[str | None, Query(max_length=100, description="A part of the token.")] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[IdTokenModel]:
    """Who may not see personal data sees `****`, and cannot search."""
    after = paging.decoded(cursor, str)
    found = await registry.id_tokens(
        db,
        caller.scope,
        q=q if caller.may(Permission.CRM_READ) else None,
        after=masking.key_in_cursor(caller, context.sealer, after[0]) if after else None,
        limit=limit + 1,
    )
    return paging.page(
        found,
        limit,
        shown=lambda each: _shown(caller, each),
        key=lambda each: (masking.cursor_of(caller, context.sealer, each.key),),
    )


@router.post(
    "",
    summary="Create or change id tokens",
    response_model=IdTokenModel | ImportModel,
    responses={201: {"model": IdTokenModel | ImportModel, "description": "Created"}},
    openapi_extra=_BODY,
)
async def set_id_tokens(db: Db, now: Now, caller: Writer, request: Request) -> Response:
    """One token as JSON, or many as CSV. Of a file either all rows are taken or none; then every
    problem is listed in `errors` with its line and field. Whoever answers is the caller's own
    organisation unless an organisation or a provider is named."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/csv":
        entries = _read_csv(await request.body())
        await token_doors.store(db, caller, [_line(caller, each) for each in entries], now)
        await caller.note(
            db,
            "id_token.import",
            "id_tokens",
            organisation=caller.principal.organisation,
            after={"imported": len(entries), "id_token": [each.body.id_token for each in entries]},
            now=now,
        )
        return JSONResponse({"imported": len(entries)}, 201)
    if kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMediaType("application/json", "text/csv")
    try:
        body = NewIdToken.model_validate(await json_object(request))
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None
    stored, is_new = await token_doors.keep(
        db, caller, _line(caller, Entry(None, body)).settings, now
    )
    shown = _shown(caller, stored)
    return JSONResponse(shown.model_dump(mode="json"), 201 if is_new else 200)


@router.get("/{id_token:segment}", summary="Get an id token")
async def get_id_token(db: Db, caller: Reader, id_token: str) -> IdTokenModel:
    """With whoever holds it now."""
    return _shown(caller, await token_doors.seen(db, caller, id_token))


@router.patch("/{id_token:segment}", summary="Change an id token")
async def change_id_token(
    db: Db, now: Now, caller: Writer, id_token: str, body: IdTokenChange
) -> IdTokenModel:
    """Only what is sent changes; a new holder counts from now on."""
    present = await token_doors.seen(db, caller, id_token)
    facts = {
        "id_token": present.id_token,
        "type": present.type,
        "status": present.status,
        "group_id": present.group_id,
        "valid_until": present.valid_until,
        "language1": present.language1,
        "language2": present.language2,
    }
    changes = facts_from(body, clearable=_CLEARABLE)
    if not changes.keys() & {"organisation", "provider"}:
        facts |= {"organisation": present.organisation, "provider": present.provider}
    entry = Entry(None, NewIdToken(**(facts | changes)))
    stored, _ = await token_doors.keep(db, caller, _line(caller, entry).settings, now)
    return _shown(caller, stored)


# ---------------------------------------------------------------------------- many at once


@dataclass(frozen=True, slots=True)
class Entry:
    """A token that is to be stored, and the line of the file it stands in."""

    line: int | None
    body: NewIdToken


def _read_csv(content: bytes) -> list[Entry]:
    """Return the tokens of a file.

    Raises:
        ManyProblems: If anything is wrong with it, with every line and field.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ManyProblems([FieldError("", "The file is not UTF-8.", line)]) from None
    head = text.partition("\n")[0]
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=";" if head.count(";") > head.count(",") else ","
    )
    errors: list[FieldError] = []
    entries: list[Entry] = []
    try:
        columns = [name.strip() for name in next(reader, [])]
        errors += _head_problems(columns)
        if errors:
            raise ManyProblems(errors)
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(entries) + len(errors) >= _MOST_ROWS:
                raise ManyProblems(
                    [FieldError("", f"More than {_MOST_ROWS} rows.", reader.line_num)]
                )
            try:
                entries.append(_entry(columns, row, reader.line_num))
            except ValidationError as error:
                errors += _row_problems(error, reader.line_num)
            except InvalidInput as error:
                errors.append(FieldError("", str(error), reader.line_num))
    except csv.Error as error:
        errors.append(FieldError("", f"The file is no CSV: {error}.", reader.line_num))
    if not entries and not errors:
        errors.append(FieldError("", "The file has no rows.", 1))
    if errors:
        raise ManyProblems(errors)
    return entries


def _head_problems(columns: Sequence[str]) -> Iterator[FieldError]:
    if "id_token" not in columns:
        yield FieldError("id_token", "The head lacks the column id_token.", 1)
    for name in columns:
        if name not in _COLUMNS:
            yield FieldError(name, f"There is no column {name!r}.", 1)
        elif columns.count(name) > 1:
            yield FieldError(name, f"The column {name!r} stands twice.", 1)


def _entry(columns: Sequence[str], row: Sequence[str], line: int) -> Entry:
    if len(row) != len(columns):
        raise InvalidInput(f"{len(row)} cells, where the head has {len(columns)}.")
    cells = {name: cell.strip() for name, cell in zip(columns, row, strict=True) if cell.strip()}
    return Entry(line, NewIdToken.model_validate(cells))


def _row_problems(error: ValidationError, line: int) -> Iterator[FieldError]:
    for each in error.errors():
        field = ".".join(str(part) for part in each["loc"])
        yield FieldError(field, str(each["msg"]).removeprefix("Value error, "), line)


def _line(caller: Caller, entry: Entry) -> Line:
    body = entry.body
    return Line(
        entry.line,
        token_doors.settings(
            caller,
            id_token=body.id_token,
            type_=body.type,
            status=body.status,
            group_id=body.group_id,
            organisation=body.organisation,
            provider=body.provider,
            valid_until=body.valid_until,
            language1=body.language1,
            language2=body.language2,
        ),
    )


def _shown(caller: Caller, token: StoredToken) -> IdTokenModel:
    return IdTokenModel(
        id_token=caller.personal(token.id_token) or "",
        type=token.type,
        status=TokenStatus(token.status),
        group_id=caller.personal(token.group_id),
        organisation=None if token.organisation is None else OrganisationKey(token.organisation),
        provider=None if token.provider is None else PartyId(token.provider),
        valid_until=token.valid_until,
        language1=token.language1,
        language2=token.language2,
        changed_at=token.changed_at,
    )
