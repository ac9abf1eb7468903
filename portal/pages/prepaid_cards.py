"""Prepaid cards: what is on each, whether it may charge, and the switch for that."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from portal import masking, prepaid_doors
from portal.context import context_of
from portal.guard import Caller, require
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import Turn, link
from portal.routes import Db, Now, PageRoute

router = APIRouter(prefix="/prepaid-cards", route_class=PageRoute)

PER_PAGE: Final = 50
_PATH: Final = "/prepaid-cards"

Reader = Annotated[Caller, Depends(require(prepaid_doors.READ))]
Blocker = Annotated[Caller, Depends(require(prepaid_doors.BLOCK))]


@router.get("")
async def prepaid_cards(
    request: Request,
    db: Db,
    caller: Reader,
    after: Annotated[str, Query(max_length=700)] = "",
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """List prepaid cards by their tokens."""
    frame = await frame_of(request, db, caller)
    sealer = context_of(request).sealer
    found = await prepaid_doors.cards(
        db,
        caller,
        after=masking.key_in_cursor(caller, sealer, after) if after else None,
        limit=PER_PAGE + 1,
    )
    kept = found[:PER_PAGE]
    on = None
    if len(found) > PER_PAGE:
        behind = masking.cursor_of(caller, sealer, kept[-1].key)
        on = link(_PATH, {"after": behind, "n": n + PER_PAGE})
    values = {
        "cards": kept,
        "turn": Turn(n, n + len(kept) - 1, None, _PATH if n > 1 else None, on),
        "may_block": prepaid_doors.may_block(caller),
    }
    return page(frame, "prepaid_cards.html", values)


@router.post("/{deed}")
async def switch(
    db: Db,
    now: Now,
    caller: Blocker,
    deed: Literal["block", "unblock"],
    token: Annotated[str, Form(max_length=255)],
) -> Response:
    """Let a card charge no more, or again."""
    await prepaid_doors.block(db, caller, token, is_blocked=deed == "block", now=now)
    return went(_PATH, done="card-blocked" if deed == "block" else "card-unblocked")
