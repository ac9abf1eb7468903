"""The page that shows every component with its states: for those who build and judge the portal."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from foundation.money import Money
from portal.charts import Chart
from portal.guard import Caller, require
from portal.pages import samples
from portal.pages.surroundings import frame_of, page
from portal.rendering import FormErrors, Turn
from portal.routes import Db, PageRoute

router = APIRouter(route_class=PageRoute)


@dataclass(frozen=True, slots=True)
class Sample:
    """The made-up values of the page."""

    money: Money
    price: Money
    at: datetime
    columns: Chart
    curve: Chart
    bar: Chart
    turn: Turn
    errors: FormErrors


@router.get("/design")
async def design(
    request: Request, db: Db, caller: Annotated[Caller, Depends(require(Permission.DESIGN_READ))]
) -> Response:
    """Show every component with its states."""
    frame = await frame_of(request, db, caller)
    said = frame.words
    sample = Sample(
        money=Money(Decimal("1284.57"), "EUR"),
        price=Money(Decimal("0.4537"), "EUR"),
        at=frame.now - timedelta(minutes=12),
        columns=samples.columns(said),
        curve=samples.curve(said, frame.zone),
        bar=samples.bar(said),
        turn=Turn(51, 100, 426, "#tables", "#tables"),
        errors=FormErrors({"reason": said.gettext("Say why, in a few words.")}),
    )
    return page(frame, "design.html", {"sample": sample})
