"""Months: how far their runs are, one payee's month with its proof and shadows, late sessions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.permissions import Permission
from billing import late, month_end, shadows
from billing.closing import MonthClosed, MonthNotBegun
from billing.month_end import MonthRun, StepProgress, StepState
from billing.months import Month
from billing.reconciling import Report, reconciled
from csms import charging
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from foundation.money import Money
from portal import chains, masking
from portal.context import context_of
from portal.guard import Caller, require
from portal.pages import choosing
from portal.pages.choosing import NotChosen
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, Turn
from portal.routes import Db, Now, PageRoute

router = APIRouter(route_class=PageRoute)

RUNS_SHOWN = 36
PAYEES_PER_PAGE = 50
LATE_SHOWN = 200
CHANGES_SHOWN = 60

Reader = Annotated[Caller, Depends(require(Permission.STATEMENTS_READ))]
Closer = Annotated[Caller, Depends(require(Permission.STATEMENTS_CLOSE))]
Short = Annotated[str, Query(max_length=100)]


@dataclass(frozen=True, slots=True)
class PayeeMonth:
    """A payee's month in the list of a run: the state of each step, in their order."""

    payee: str
    name: str
    states: tuple[str, ...]
    why: str
    statements: tuple[str, ...]

    @property
    def rank(self) -> int:
        """What needs a person comes first, then what is left to do."""
        if StepState.REFUSED in self.states:
            return 0
        return 1 if StepState.WAITING in self.states else 2


@router.get("/months")
async def months(request: Request, db: Db, caller: Reader) -> Response:
    """List the runs of months, the newest first."""
    return await _list(request, db, caller)


async def _list(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    *,
    chosen: Mapping[str, str] | None = None,
    errors: FormErrors | None = None,
    status: int = 200,
) -> Response:
    frame = await frame_of(request, db, caller, live="statements")
    organisations = await directory.organisations(db, caller.scope)
    now = Month.of(frame.now, frame.zone)
    values = {
        "runs": await month_end.runs(db, caller.scope, limit=RUNS_SHOWN),
        "payees": choosing.listed(organisations),
        "chosen": chosen or {"payee": "", "month": str(now), "run": str(now.previous)},
        "errors": errors or FormErrors(),
        "late": await late.count(db, caller.scope),
    }
    return page(frame, "months.html", values, status=status)


@router.post("/months/run")
async def run(
    request: Request,
    db: Db,
    now: Now,
    caller: Closer,
    month: Annotated[str, Form(max_length=7)] = "",
) -> Response:
    """Have a month run for everybody; it goes on while the page shows how far it is."""
    try:
        wanted = str(Month.parse(month))
    except InvalidInput:
        return await _refused(request, db, caller, "", month, "run")
    payees = [each.key for each in await directory.organisations(db, caller.scope)]
    await context_of(request).months.ask(db, wanted, payees, by=caller.principal.id, now=now)
    await caller.note(
        db,
        "month.run",
        f"month/{wanted}",
        organisation=caller.principal.organisation,
        after={"payees": len(payees)},
        now=now,
    )
    return went("/months", done="month-asked")


@router.post("/months/shadow")
async def shadow(
    request: Request,
    db: Db,
    now: Now,
    caller: Closer,
    payee: Annotated[str, Form(max_length=100)] = "",
    month: Annotated[str, Form(max_length=7)] = "",
) -> Response:
    """Draw what a payee's month would come to now."""
    try:
        wanted = str(Month.parse(month))
        key = await choosing.chosen(db, caller.scope, payee, "payee")
        _, kept = await shadows.draw(
            db,
            context_of(request).closing,
            key,
            wanted,
            by=caller.principal.id,
            now=now,
        )
    except NotChosen as error:
        said_of = choosing.in_words(error, (await frame_of(request, db, caller)).words)
        chosen = {"payee": payee, "month": month, "run": month}
        errors = FormErrors({"payee": said_of})
        return await _list(request, db, caller, chosen=chosen, errors=errors, status=422)
    except InvalidInput:
        return await _refused(request, db, caller, payee, month, "month")
    except (MonthNotBegun, MonthClosed, NotFound) as error:
        frame = await frame_of(request, db, caller)
        said = {
            "month_not_begun": frame.words.gettext("This month has not begun for this payee."),
            "month_closed": frame.words.gettext(
                "This month is closed for this payee: look at its statement."
            ),
        }.get(error.code, frame.words.gettext("Choose a payee from the list."))
        chosen = {"payee": payee, "month": month, "run": month}
        errors = FormErrors({"month": said})
        return await _list(request, db, caller, chosen=chosen, errors=errors, status=422)
    await caller.note(
        db,
        "month.shadow",
        f"month/{wanted}",
        organisation=key,
        after={"shadows": [each.shadow_id for each in kept]},
        now=now,
    )
    return went(f"/months/{wanted}/{key}", done="shadow-drawn")


async def _refused(
    request: Request, db: AsyncSession, caller: Caller, payee: str, month: str, field: str
) -> Response:
    frame = await frame_of(request, db, caller)
    text = frame.words.gettext("Write the month as year and month, as in 2026-10.")
    return await _list(
        request,
        db,
        caller,
        chosen={"payee": payee, "month": month, "run": month},
        errors=FormErrors({field: text}),
        status=422,
    )


@router.get("/months/{month}")
async def one_month(
    request: Request,
    db: Db,
    caller: Reader,
    month: str,
    first: Annotated[int, Query(ge=1)] = 1,
) -> Response:
    """Show how far the run of a month is, payee by payee."""
    wanted = _month(month)
    frame = await frame_of(request, db, caller, live="statements")
    found = await month_end.runs(db, caller.scope, month=wanted)
    if not found:
        raise NotFound("run of the month", month)
    steps = await month_end.progress(db, caller.scope, wanted)
    organisations = await directory.organisations(db, caller.scope)
    names = {each.key: each.name for each in organisations}
    order = list(context_of(request).months.step_names)
    rows = _by_payee(steps, order, names)
    shown = rows[first - 1 : first - 1 + PAYEES_PER_PAGE]
    path = f"/months/{wanted}"
    last = first - 1 + len(shown)
    values = {
        "run": found[0],
        "steps": order,
        "rows": shown,
        "turn": Turn(
            first,
            last,
            len(rows),
            path if first > 1 else None,
            f"{path}?first={last + 1}" if last < len(rows) else None,
        ),
        "is_asked": _is_running(found[0]),
    }
    return page(frame, "month.html", values)


def _is_running(run: MonthRun) -> bool:
    return run.finished_at is None


def _by_payee(
    steps: Sequence[StepProgress], order: Sequence[str], names: Mapping[OrganisationKey, str]
) -> list[PayeeMonth]:
    by_payee: dict[OrganisationKey, dict[str, StepProgress]] = {}
    for each in steps:
        by_payee.setdefault(each.payee, {})[each.step] = each
    rows = []
    for payee, own in by_payee.items():
        known = [own[name] for name in order if name in own]
        rows.append(
            PayeeMonth(
                payee=payee,
                name=names.get(payee, payee),
                states=tuple(own[name].state if name in own else "" for name in order),
                why="; ".join(each.detail for each in known if each.detail),
                statements=own["statements"].made if "statements" in own else (),
            )
        )
    return sorted(rows, key=lambda each: (each.rank, each.name.casefold()))


@router.get("/months/{month}/{payee:segment}")
async def of_payee(
    request: Request, db: Db, now: Now, caller: Reader, month: str, payee: str
) -> Response:
    """Show one payee's month: its reconciliation and its shadows."""
    wanted = _month(month)
    caller.must_see(OrganisationKey(payee), "organisation", payee)
    organisation = await directory.organisation(db, OrganisationKey(payee))
    frame = await frame_of(request, db, caller)
    try:
        report = await reconciled(
            db, context_of(request).closing, organisation.key, wanted, now=now
        )
    except MonthNotBegun:
        raise NotFound("month", month) from None
    drawn = await shadows.shadows(db, organisation.key, wanted)
    values = {
        "month": wanted,
        "payee": organisation,
        "zone": ZoneInfo(organisation.time_zone),
        "report": report,
        "state": _state(report),
        "shadows": [
            (
                each,
                Money.from_minor(each.shadow.figures.payout_net_minor, each.shadow.currency),
                () if each.comparison is None else each.comparison.changes[:CHANGES_SHOWN],
            )
            for each in drawn
        ],
    }
    return page(frame, "month_of_payee.html", values)


def _state(report: Report) -> str:
    if report.unexplained:
        return "unexplained"
    return "explained" if report.differences else "agrees"


@router.get("/late-sessions")
async def late_sessions(
    request: Request, db: Db, now: Now, caller: Reader, payee: Short = ""
) -> Response:
    """Show what came after its month was closed, and what it changes on which statement."""
    frame = await frame_of(request, db, caller, live="sessions")
    organisations = await directory.organisations(db, caller.scope)
    wanted, errors = choosing.wanted(organisations, payee, "payee", frame.words)
    found = await late.inbox(db, context_of(request).closing, caller.scope, now=now, payee=wanted)
    values = {
        "sessions": found.sessions[:LATE_SHOWN],
        "more": max(0, len(found.sessions) - LATE_SHOWN),
        "effects": found.effects,
        "names": {each.key: each.name for each in organisations},
        "payees": choosing.listed(organisations),
        "is_one": len(organisations) == 1,
        "payee": payee,
        "errors": errors,
    }
    return page(frame, "late_sessions.html", values)


@router.get("/sessions/{number:segment}/explained")
async def explained(request: Request, db: Db, caller: Reader, number: str) -> Response:
    """Show where a session's amounts come from, from the frame to the payout."""
    caller.must_have(Permission.TRANSACTIONS_READ)
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise NotFound("transaction", number)
    found = await charging.transaction(db, caller.scope, int(number))
    caller.must_see(found.owner, "transaction", number)
    frame = await frame_of(request, db, caller)
    chain = await chains.chain_of(
        db, found, sees=caller.scope, with_frames=caller.may(Permission.FRAMES_READ)
    )
    links = [
        chains.Link(
            each.key,
            each.title,
            tuple(chains.Row(row.name, masking.frame(caller, row.value)) for row in each.rows),
        )
        if each.key == "messages"
        else each
        for each in chains.told(chain, frame.words)
    ]
    values = {
        "number": number,
        "links": links,
        "sums": chains.sums(chain, frame.words),
        "holds": chain.billing.holds,
    }
    return page(frame, "explained.html", values)


def _month(written: str) -> str:
    try:
        return str(Month.parse(written))
    except InvalidInput:
        raise NotFound("month", written) from None
