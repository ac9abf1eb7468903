"""Statements in their forms, and the close of a month."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field
from starlette.responses import JSONResponse, Response

from accounts import directory
from accounts.permissions import Permission
from billing import books
from billing.books import StatementHead
from billing.months import Month
from billing.statement_document import statement_xml
from billing.statement_forms import statement_csv, statement_json, statement_json_text
from billing.statement_pdf import statement_pdf
from billing.statements import Statement, StatementState
from foundation.identifiers import OrganisationKey
from portal import paging
from portal.api.locations import seen_organisation
from portal.api.models import Answer, Body, Moment, MoneyModel
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, Now

router = APIRouter(tags=["statements"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATEMENTS_READ))]
Closer = Annotated[Caller, Depends(require(Permission.STATEMENTS_CLOSE))]

# Drawing a paper keeps a core busy: one at a time, beside the loop.
_drawing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="paper")


class StatementHeadModel(Answer):
    """A statement in a list."""

    statement_id: str
    payee: OrganisationKey
    month: str
    currency: str
    issued_at: Moment
    due_on: date
    state: StatementState
    payout_net: MoneyModel
    payout_gross: MoneyModel


class CloseBody(Body):
    """Whose month, and whether only to look."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"payee": "stadtwerke-nord", "dry_run": True}}
    )

    payee: str | None = Field(default=None, description="Every organisation, if it is left out.")
    dry_run: bool = Field(default=False, description="The same figures, and nothing is booked.")


class CloseModel(Answer):
    """The statements that a close makes, in the shape of `GET /statements/{id}.json`."""

    month: str
    dry_run: bool
    statements: list[dict[str, Any]]


@router.get("/statements", summary="List statements")
async def list_statements(
    db: Db,
    caller: Reader,
    payee: Annotated[str | None, Query(max_length=100)] = None,
    month: Annotated[str | None, Query(description="As in 2026-10.")] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[StatementHeadModel]:
    """The newest month first."""
    after = paging.decoded(cursor, str)
    found = await books.statements(
        db,
        caller.scope,
        payee=None if payee is None else OrganisationKey(payee),
        month=None if month is None else str(Month.parse(month)),
        after=after[0] if after else None,
        limit=limit + 1,
    )
    return paging.page(found, limit, shown=_head, key=lambda each: (each.statement_id,))


@router.get("/statements/{statement_id:segment}.json", summary="Get a statement as JSON")
async def get_statement_json(db: Db, caller: Reader, statement_id: str) -> Response:
    """The contract's form: amounts as decimal strings in the statement's currency."""
    statement = await books.statement(db, statement_id, caller.scope)
    return _file(statement, statement_json_text(statement).encode(), "application/json", "json")


@router.get("/statements/{statement_id:segment}.csv", summary="Get a statement as CSV")
async def get_statement_csv(db: Db, caller: Reader, statement_id: str) -> Response:
    """The lines of the statement, one for each transaction."""
    statement = await books.statement(db, statement_id, caller.scope)
    content = statement_csv(statement).encode()
    return _file(statement, content, "text/csv; charset=utf-8", "csv")


@router.get("/statements/{statement_id:segment}.pdf", summary="Get a statement as PDF")
async def get_statement_pdf(db: Db, caller: Reader, statement_id: str) -> Response:
    """The paper, in the payee's language; it shows personal data, and cannot be masked."""
    statement = await books.statement(db, statement_id, caller.scope)
    caller.must_have(Permission.CRM_READ)
    loop = asyncio.get_running_loop()
    content = await loop.run_in_executor(_drawing, statement_pdf, statement)
    return _file(statement, content, "application/pdf", "pdf")


@router.get("/statements/{statement_id:segment}.xml", summary="Get a statement as XML")
async def get_statement_xml(db: Db, caller: Reader, statement_id: str) -> Response:
    """The self-billed invoice (389) of EN 16931, as it is inside the PDF too (Factur-X). It
    shows personal data, and cannot be masked."""
    statement = await books.statement(db, statement_id, caller.scope)
    caller.must_have(Permission.CRM_READ)
    return _file(statement, statement_xml(statement), "application/xml", "xml")


@router.get("/statements/{statement_id:segment}", summary="Get a statement")
async def get_statement(db: Db, caller: Reader, statement_id: str) -> Response:
    """The same as `.json`."""
    return JSONResponse(statement_json(await books.statement(db, statement_id, caller.scope)))


@router.post("/months/{month}/close", summary="Close a month")
async def close_month(
    db: Db, now: Now, context: Context, caller: Closer, month: str, body: CloseBody
) -> CloseModel:
    """Done once for each payee and month: closing again answers what was closed. Refused while
    the month is not over in the payee's zone, or while something of it is still on its way."""
    Month.parse(month)
    if body.payee is None:
        payees = [each.key for each in await directory.organisations(db, caller.scope)]
    else:
        payees = [(await seen_organisation(db, caller, body.payee, field="payee")).key]
    closed: list[Statement] = []
    for payee in payees:
        if body.dry_run:
            made = await context.closing.close(db, payee, month, now=now, dry_run=True)
        else:
            made = await context.months.close(db, payee, month, by=caller.principal.id, now=now)
        closed += made
        if not body.dry_run and any(each.issued_at == now for each in made):
            await caller.note(
                db,
                "month.close",
                f"month/{month}",
                organisation=payee,
                after={"statements": [each.statement_id for each in made]},
                now=now,
            )
    return CloseModel(
        month=month,
        dry_run=body.dry_run,
        statements=[statement_json(statement) for statement in closed],
    )


def _file(statement: Statement, content: bytes, kind: str, ending: str) -> Response:
    name = quote(f"{statement.statement_id}.{ending}", safe="-_.")
    return Response(
        content,
        headers={"content-type": kind, "content-disposition": f'inline; filename="{name}"'},
    )


def _head(head: StatementHead) -> StatementHeadModel:
    return StatementHeadModel(
        statement_id=head.statement_id,
        payee=head.payee,
        month=head.month,
        currency=head.currency,
        issued_at=head.issued_at,
        due_on=head.due_on,
        state=head.state,
        payout_net=MoneyModel.of(head.payout_net),
        payout_gross=MoneyModel.of(head.payout_gross),
    )
