"""Statements: the list, one as it will be sent, the dry run, and the close of a month."""

from collections.abc import Sequence
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.permissions import Permission
from billing import books, late
from billing.closing import DeliveriesPending, MonthNotOver
from billing.statement_changes import changes
from billing.statements import Statement
from foundation.errors import ExpectedError, InvalidInput
from portal import formats, masking
from portal.context import context_of
from portal.guard import Caller, require
from portal.pages import choosing
from portal.pages.choosing import NotChosen
from portal.pages.surroundings import frame_of, page, went
from portal.pages.views import StatementSummary
from portal.rendering import FormErrors, Frame, Turn, link
from portal.routes import Db, Now, PageRoute

router = APIRouter(route_class=PageRoute)

PER_PAGE = 50
LINES_PER_PAGE = 60

Reader = Annotated[Caller, Depends(require(Permission.STATEMENTS_READ))]
Closer = Annotated[Caller, Depends(require(Permission.STATEMENTS_CLOSE))]
Short = Annotated[str, Query(max_length=100)]


@router.get("/statements")
async def statements(
    request: Request,
    db: Db,
    caller: Reader,
    payee: Short = "",
    month: Short = "",
    after: Short = "",
) -> Response:
    """List statements, the newest month first."""
    return await _list(request, db, caller, payee=payee, month=month, after=after)


async def _list(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    *,
    payee: str = "",
    month: str = "",
    after: str = "",
    wanted: str = "",
    errors: FormErrors | None = None,
    status: int = 200,
) -> Response:
    frame = await frame_of(request, db, caller, live="statements")
    organisations = await directory.organisations(db, caller.scope)
    names = {each.key: each.name for each in organisations}
    of, wrong = (None, FormErrors())
    if not errors:
        of, wrong = choosing.wanted(organisations, payee, "of-payee", frame.words)
    found = await books.statements(
        db,
        caller.scope,
        payee=of,
        month=month if month and not errors else None,
        after=after or None,
        limit=PER_PAGE + 1,
    )
    kept = found[:PER_PAGE]
    query = {"payee": "" if errors else payee, "month": "" if errors else month}
    more = (
        link("/statements", {**query, "after": kept[-1].statement_id})
        if len(found) > PER_PAGE
        else None
    )
    rows = tuple(
        StatementSummary(
            statement_id=each.statement_id,
            payee=each.payee,
            payee_name=names.get(each.payee, each.payee),
            month=each.month,
            payout=each.payout_gross,
            state=each.state.value,
            issued_at=each.issued_at,
            due_on=each.due_on,
        )
        for each in kept
    )
    values = {
        "statements": rows,
        "turn": Turn(1, len(rows), None, link("/statements", query) if after else None, more),
        "payees": choosing.listed(organisations),
        "show_payee": len(organisations) > 1,
        "query": query,
        "chosen": {"payee": payee, "month": wanted or month},
        "errors": errors or wrong,
        "late": await late.count(db, caller.scope),
    }
    return page(frame, "statements.html", values, status=status)


@router.get("/statements/dry-run")
async def dry_run(
    request: Request,
    db: Db,
    now: Now,
    caller: Closer,
    payee: Short = "",
    month: Short = "",
    currency: Short = "",
    first: Annotated[int, Query(ge=1)] = 1,
) -> Response:
    """Show what a close would book, without booking it."""
    try:
        key = await choosing.chosen(db, caller.scope, payee, "payee")
        drafts = await context_of(request).closing.close(db, key, month, now=now, dry_run=True)
    except (InvalidInput, MonthNotOver, DeliveriesPending) as error:
        return await _refused(request, db, caller, payee, month, error)
    if not drafts:
        frame = await frame_of(request, db, caller)
        nothing = frame.words.gettext("Nothing happened in this month that a statement would tell.")
        errors = FormErrors({"month": nothing})
        return await _list(request, db, caller, payee=payee, wanted=month, errors=errors)
    chosen = next((each for each in drafts if each.currency == currency), drafts[0])
    return await _show(request, db, caller, chosen, drafts, first=first, is_dry_run=True)


@router.post("/statements/close")
async def close(
    request: Request,
    db: Db,
    now: Now,
    caller: Closer,
    payee: Annotated[str, Form(max_length=100)] = "",
    month: Annotated[str, Form(max_length=7)] = "",
) -> Response:
    """Close a payee's month and go to its statement."""
    try:
        key = await choosing.chosen(db, caller.scope, payee, "payee")
        made = await context_of(request).months.close(
            db, key, month, by=caller.principal.id, now=now
        )
    except (InvalidInput, MonthNotOver, DeliveriesPending) as error:
        return await _refused(request, db, caller, payee, month, error)
    if any(each.issued_at == now for each in made):
        await caller.note(
            db,
            "month.close",
            f"month/{month}",
            organisation=key,
            after={"statements": [each.statement_id for each in made]},
            now=now,
        )
    if not made:
        return went("/statements", payee=key, done="closed")
    return went(f"/statements/{made[0].statement_id}", done="closed")


@router.get("/statements/{statement_id:segment}")
async def statement(
    request: Request,
    db: Db,
    caller: Reader,
    statement_id: str,
    first: Annotated[int, Query(ge=1)] = 1,
) -> Response:
    """Show a statement as it was printed, with its numbers beside it."""
    found = await books.statement(db, statement_id, caller.scope)
    return await _show(request, db, caller, found, [found], first=first, is_dry_run=False)


async def _show(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    shown: Statement,
    drafts: Sequence[Statement],
    *,
    first: int,
    is_dry_run: bool,
) -> Response:
    frame = await frame_of(request, db, caller)
    lines = shown.lines[first - 1 : first - 1 + LINES_PER_PAGE]
    values = {
        "statement": masking.statement(caller, shown),
        "forms": ("pdf", "csv", "json", "xml")
        if caller.may(Permission.CRM_READ)
        else ("csv", "json"),
        "is_dry_run": is_dry_run,
        "lines": lines,
        "late": [each for each in shown.lines if each.late_from_month],
        "changes": changes(shown),
        "awaiting": None if is_dry_run else await books.awaiting_receipt(db, shown),
        "zone": ZoneInfo(shown.time_zone),
        "turn": _turn(frame, shown, first, len(lines)),
        "currencies": [
            (each.currency, _here(frame, first=None, currency=each.currency)) for each in drafts
        ],
    }
    return page(frame, "statement.html", values)


def _turn(frame: Frame, shown: Statement, first: int, count: int) -> Turn:
    back = _here(frame, first=max(1, first - LINES_PER_PAGE)) if first > 1 else None
    last = first - 1 + count
    on = _here(frame, first=last + 1) if last < len(shown.lines) else None
    return Turn(first, last, len(shown.lines), back, on)


def _here(frame: Frame, **changed: object) -> str:
    """The address of this page with other values in its query."""
    path, _, query = frame.path.partition("?")
    kept = dict(part.split("=", 1) for part in query.split("&") if "=" in part)
    return link(path, {**kept, **changed})


async def _refused(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    payee: str,
    month: str,
    error: ExpectedError,
) -> Response:
    """Show the form again with what is wrong, in the reader's words."""
    frame = await frame_of(request, db, caller)
    said = frame.words
    if isinstance(error, MonthNotOver):
        ends = formats.moment(error.ends_at, frame.zone, said.locale)
        text = said.gettext("The month is not over for this payee: it ends on %(moment)s.") % {
            "moment": ends
        }
    elif isinstance(error, DeliveriesPending):
        text = said.ngettext(
            "%(num)s event of the month is still on its way. Try again in a moment.",
            "%(num)s events of the month are still on their way. Try again in a moment.",
            error.count,
        ) % {"num": error.count}
    elif isinstance(error, NotChosen):
        text = choosing.in_words(error, said)
    else:
        text = said.gettext("Write the month as year and month, as in 2026-10.")
    field = "payee" if isinstance(error, NotChosen) else "month"
    return await _list(
        request,
        db,
        caller,
        payee=payee,
        wanted=month,
        errors=FormErrors({field: text}),
        status=422,
    )
