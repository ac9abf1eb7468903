"""How often commands do what was asked: by action, and by kind of station where it matters."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from csms import outcomes
from csms.outcomes import Rate
from portal import buttons
from portal.charts import Chart, ChartWords, Part, states_bar
from portal.guard import Caller, require
from portal.pages.surroundings import frame_of, page
from portal.rendering import link
from portal.routes import Db, Now, PageRoute
from portal.words import Words, marked

router = APIRouter(route_class=PageRoute)

Reader = Annotated[Caller, Depends(require(Permission.COMMANDS_READ))]

By = Literal["action", "vendor", "model", "firmware"]

_DAYS: Final = (1, 7, 30, 90)
_COLUMNS: Final[dict[By, tuple[Literal["vendor", "model", "firmware"], ...]]] = {
    "action": (),
    "vendor": ("vendor",),
    "model": ("vendor", "model"),
    "firmware": ("vendor", "model", "firmware"),
}
_BY: Final[dict[By, str]] = {
    "action": marked("Command only"),
    "vendor": marked("Vendor"),
    "model": marked("Model"),
    "firmware": marked("Firmware"),
}
_MOST: Final = 200
"""Lines shown; the API has all."""


@dataclass(frozen=True, slots=True)
class RateLine:
    """One line of the list; `basis_points` is None where none of them was sent."""

    title: str
    kind: str
    sent: int
    not_sent: int
    basis_points: int | None
    failures: tuple[tuple[str, int], ...]


@router.get("/commands/rates")
async def rates(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    days: Annotated[int, Query(ge=1, le=366)] = 30,
    by: By = "model",
) -> Response:
    """Show how commands ended, the worst first."""
    found = await outcomes.rates(
        db, caller.scope, since=now - timedelta(days=days), until=now, by=_COLUMNS[by]
    )
    frame = await frame_of(request, db, caller)
    said = frame.words
    lines = sorted(
        (_line(each, said) for each in found),
        key=lambda each: (10_001 if each.basis_points is None else each.basis_points, -each.sent),
    )
    values = {
        "chart": _chart(found, said) if any(each.asked for each in found) else None,
        "lines": lines[:_MOST],
        "more": max(0, len(lines) - _MOST),
        "periods": [
            (
                said.ngettext("%(num)s day", "%(num)s days", each) % {"num": each},
                link("/commands/rates", {"days": each, "by": by}),
                each == days,
            )
            for each in _DAYS
        ],
        "groupings": [
            (said.gettext(title), link("/commands/rates", {"days": days, "by": key}), key == by)
            for key, title in _BY.items()
        ],
    }
    return page(frame, "command_rates.html", values)


_FAILURES: Final = (
    ("rejected", marked("rejected by the station")),
    ("no_effect", marked("accepted without effect")),
    ("no_answer", marked("no answer")),
    ("call_error", marked("answered with an error")),
    ("outcome_unknown", marked("outcome unknown")),
)


def _line(rate: Rate, said: Words) -> RateLine:
    success = rate.success
    return RateLine(
        title=said.gettext(buttons.action_title(rate.action)),
        kind=" ".join(part for part in (rate.vendor, rate.model, rate.firmware) if part),
        sent=rate.asked - rate.not_sent,
        not_sent=rate.not_sent,
        basis_points=None if success is None else round(success * 100) * 100,
        failures=tuple(
            (said.gettext(words), count)
            for name, words in _FAILURES
            if (count := getattr(rate, name))
        ),
    )


def _chart(found: list[Rate], said: Words) -> Chart:
    effective = sum(each.effective for each in found)
    rejected = sum(each.rejected for each in found)
    not_sent = sum(each.not_sent for each in found)
    failed = sum(each.asked for each in found) - effective - rejected - not_sent
    parts = [
        Part(said.gettext("done"), effective, "ok"),
        Part(said.gettext("rejected by the station"), rejected, "warning"),
        Part(said.gettext("failed"), failed, "fault"),
        Part(said.gettext("never sent"), not_sent, "off"),
    ]
    words = ChartWords(
        title=said.gettext("How commands ended"),
        description=said.gettext("How many commands did what was asked."),
        first=said.gettext("Commands"),
        second=said.gettext("Part"),
        moment=said.gettext("Outcome"),
    )
    return states_bar("outcomes", parts, words, said.locale)
