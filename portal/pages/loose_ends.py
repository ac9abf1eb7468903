"""The session that an end without a start belongs to: suggested, and chosen by a person."""

from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from billing import validity
from billing.validity import NotTheIssuer
from csms import charging
from csms.charging import Transaction
from csms.matching import AGAINST
from foundation.database import savepoint
from foundation.errors import Conflict, InvalidInput, NotFound
from portal import loose_ends
from portal.context import context_of
from portal.guard import Caller, require
from portal.pages.counts import forget_counts
from portal.pages.refusals import form_errors
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors
from portal.routes import Db, Now, PageRoute
from portal.validity_doors import number_of
from portal.words import marked

router = APIRouter(route_class=PageRoute)

Reader = Annotated[Caller, Depends(require(Permission.TRANSACTIONS_READ))]
Decider = Annotated[Caller, Depends(require(Permission.TRANSACTIONS_DECIDE))]

_REFUSED = marked(
    "This cannot be done: one of the two is billed already, or something else was decided"
    " meanwhile."
)


@router.get("/sessions/{number:segment}/match")
async def suggestions(request: Request, db: Db, caller: Reader, number: str) -> Response:
    """Show the sessions that an end may belong to, with what speaks for and against each."""
    found = await charging.transaction(db, caller.scope, number_of(number))
    return await _show(request, db, caller, found)


@router.post("/sessions/{number:segment}/match")
async def accept(
    request: Request,
    db: Db,
    now: Now,
    caller: Decider,
    number: str,
    session: Annotated[str, Form(max_length=18)] = "",
    reason: Annotated[str, Form(max_length=450)] = "",
) -> Response:
    """Give the end to a session."""
    found = await charging.transaction(db, caller.scope, number_of(number))
    try:
        async with await savepoint(db):
            its = await loose_ends.accept(
                db,
                context_of(request),
                caller,
                found,
                number_of(session),
                reason=reason,
                now=now,
            )
    except (InvalidInput, Conflict, NotTheIssuer, NotFound) as error:
        said = (await frame_of(request, db, caller)).words
        if isinstance(error, InvalidInput):
            errors = form_errors(error, said, otherwise="reason")
        else:
            errors = FormErrors({"reason": said.gettext(_REFUSED)})
        status = 422 if isinstance(error, InvalidInput) else 409
        return await _show(request, db, caller, found, errors, reason, status)
    forget_counts(request)
    return went(f"/sessions/{its.transaction_id}", done="matched")


async def _show(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    found: Transaction,
    errors: FormErrors | None = None,
    reason: str = "",
    status: int = 200,
) -> Response:
    frame = await frame_of(request, db, caller)
    said = frame.words
    rows = []
    for suggestion, its in await loose_ends.suggested(db, caller, found):
        signs = {each: said.gettext(loose_ends.SIGNS[each]) for each in suggestion.signs}
        rows.append(
            {
                "id": its.transaction_id,
                "evse_id": its.evse_id,
                "started_at": its.started_at,
                "card": caller.personal(its.id_token) if its.id_token else "",
                "for": [text for each, text in signs.items() if each not in AGAINST],
                "against": [text for each, text in signs.items() if each in AGAINST],
                "energy_wh": suggestion.energy_wh,
                "is_likely": suggestion.is_likely,
            }
        )
    values = {
        "found": found,
        "card": caller.personal(found.id_token) if found.id_token else "",
        "zone": ZoneInfo(found.time_zone),
        "rows": rows,
        "may_decide": await _may_decide(db, caller),
        "reason": reason,
        "errors": errors or FormErrors(),
    }
    return page(frame, "match.html", values, status=status)


async def _may_decide(db: AsyncSession, caller: Caller) -> bool:
    if not caller.may(Permission.TRANSACTIONS_DECIDE):
        return False
    try:
        await validity.must_be_issuer(db, caller.principal.organisation)
    except NotTheIssuer:
        return False
    return True
