"""Months: their runs with progress, shadows, late sessions, reconciliation, explanations."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field

from accounts import directory
from accounts.permissions import Permission
from billing import late, month_end, shadows
from billing.comparison import Change, ChangeKind, Comparison
from billing.late import Effect, LateSession
from billing.month_end import MonthRun, StepProgress, StepState
from billing.months import Month
from billing.reconciliation import Check, Difference, Kind
from billing.reconciling import Report, reconciled
from billing.shadows import ComparedShadow
from csms import charging
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey
from foundation.money import Money
from portal import masking, paging
from portal.api.locations import seen_organisation
from portal.api.models import Answer, Body, Moment, MoneyModel, Quantity
from portal.chains import chain_json, chain_of
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, Now

router = APIRouter(tags=["months"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATEMENTS_READ))]
Closer = Annotated[Caller, Depends(require(Permission.STATEMENTS_CLOSE))]

Payee = Annotated[str, Query(max_length=100, description="An organisation.")]


class StepModel(Answer):
    """One step of a payee's month end."""

    payee: OrganisationKey
    step: str
    state: StepState
    tries: int
    tried_at: Moment | None
    code: str | None = Field(description="Why it could not be done at the last try.")
    detail: str | None
    made: list[str] = Field(description="What it made: statements, documents, charges.")


class MonthRunModel(Answer):
    """How far the run of a month is."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "example": {
                "month": "2026-10",
                "asked_by": "schedule",
                "asked_at": "2026-10-31T23:10:00Z",
                "begun_at": "2026-10-31T23:10:00Z",
                "finished_at": None,
                "payees": 200,
                "steps": 600,
                "done": 312,
                "waiting": 287,
                "refused": 1,
            }
        },
    )

    month: str
    asked_by: str
    asked_at: Moment
    begun_at: Moment
    finished_at: Moment | None
    payees: int
    steps: int
    done: int
    waiting: int
    refused: int


class MonthRunDetailModel(MonthRunModel):
    """The same with the steps of a page of payees."""

    of_payees: list[StepModel]
    next: str | None = Field(
        default=None, description="Send it as `cursor` to get the payees behind these."
    )


class RunBody(Body):
    """Whose month is run."""

    model_config = ConfigDict(json_schema_extra={"example": {"payee": "stadtwerke-nord"}})

    payee: str | None = Field(default=None, description="Every organisation, if it is left out.")


class AskedModel(Answer):
    """A run that was asked for."""

    month: str
    payees: int


class ChangeModel(Answer):
    """A transaction that is paid otherwise than the shadow said."""

    transaction_id: str
    kind: ChangeKind
    before: MoneyModel
    after: MoneyModel
    difference: MoneyModel
    reason: str | None


class ComparisonModel(Answer):
    """What differs between a shadow and its statement; the changes add up to the difference."""

    statement_id: str | None
    payout_before: MoneyModel
    payout_after: MoneyModel
    difference: MoneyModel
    changes: list[ChangeModel]


class ShadowModel(Answer):
    """What a month would have come to at a moment."""

    shadow_id: int
    payee: OrganisationKey
    month: str
    currency: str
    drawn_at: Moment
    drawn_by: str
    pending: int = Field(description="Events that had not reached billing then.")
    sessions: int
    unpaid: dict[str, str] = Field(description="The reason by transaction.")
    payout_net: MoneyModel
    payout_gross: MoneyModel
    compared: ComparisonModel | None = Field(description="Null while the month is not closed.")


class ShadowBody(Body):
    """Whose month is drawn."""

    model_config = ConfigDict(json_schema_extra={"example": {"payee": "stadtwerke-nord"}})

    payee: str = Field(max_length=100)


class LateSessionModel(Answer):
    """A session of a closed month that is on no statement yet."""

    transaction_id: str
    payee: OrganisationKey
    station: str
    evse_id: int
    ended_at: Moment
    arrived_at: Moment
    month: str
    energy_wh: Quantity
    net_amount: MoneyModel | None
    payout_amount: MoneyModel | None = Field(description="Null while it is held.")
    hold_reason: str | None
    statement_id: str = Field(description="The statement that it will stand on.")


class EffectModel(Answer):
    """What late sessions change on a statement that is still to come."""

    payee: OrganisationKey
    statement_id: str
    month: str
    sessions: int
    held: int
    payout_without: MoneyModel
    payout_with: MoneyModel
    difference: MoneyModel


class InboxModel(Answer):
    """A page of the late sessions, the latest arrival first; and what all of them change."""

    sessions: list[LateSessionModel]
    effects: list[EffectModel]
    next: str | None = Field(description="Send it as `cursor` to get the next page of sessions.")


class DifferenceModel(Answer):
    """Two things that do not agree."""

    check: Check
    kind: Kind
    about: str
    expected: str | None
    found: str | None
    amount: MoneyModel | None
    energy_wh: Quantity | None
    explanation: str | None = Field(description="Null where a person must look.")


class ReconciliationModel(Answer):
    """A payee's month, checked from the meter to the bank."""

    payee: OrganisationKey
    month: str
    is_closed: bool
    sessions: int
    records: int
    statements: int
    unexplained: int
    differences: list[DifferenceModel] = Field(description="A page of all that does not agree.")
    next: str | None = Field(description="Send it as `cursor` to get the next page of differences.")


@router.get("/months", summary="List the runs of months")
async def list_months(
    db: Db,
    caller: Reader,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[MonthRunModel]:
    """The newest month first, with how far its run is for the payees that you see."""
    place = paging.decoded(cursor, str)
    runs = await month_end.runs(db, caller.scope)
    if place is not None:
        runs = [each for each in runs if each.month < place[0]]
    return paging.page(runs[: limit + 1], limit, shown=_run, key=lambda each: (each.month,))


@router.get("/months/{month}", summary="Get the run of a month")
async def get_month(
    db: Db,
    caller: Reader,
    month: str,
    limit: paging.Limit = paging.LARGEST_LIMIT,
    cursor: paging.Cursor = None,
) -> MonthRunDetailModel:
    """With the steps of the payees that you see, by page, in the order of their keys; `limit`
    counts payees. Not found before it begins."""
    place = paging.decoded(cursor, str)
    Month.parse(month)
    found = await month_end.runs(db, caller.scope, month=month)
    if not found:
        raise NotFound("run of the month", month)
    steps = await month_end.progress(db, caller.scope, month)
    payees = sorted({each.payee for each in steps if place is None or each.payee > place[0]})
    wanted = set(payees[:limit])
    return MonthRunDetailModel(
        **_run(found[0]).model_dump(),
        of_payees=[_step(each) for each in steps if each.payee in wanted],
        next=paging.encoded(payees[limit - 1]) if len(payees) > limit else None,
    )


@router.post("/months/{month}/run", status_code=202, summary="Run a month")
async def run_month(
    db: Db, now: Now, context: Context, caller: Closer, month: str, body: RunBody
) -> AskedModel:
    """Does what is left to do, beside this call: services, statements, documents. Look at its
    progress by `GET /months/{month}`. A month that is not over for a payee is left alone."""
    Month.parse(month)
    if body.payee is None:
        payees = [each.key for each in await directory.organisations(db, caller.scope)]
    else:
        payees = [(await seen_organisation(db, caller, body.payee, field="payee")).key]
    await context.months.ask(db, month, payees, by=caller.principal.id, now=now)
    await caller.note(
        db,
        "month.run",
        f"month/{month}",
        organisation=OrganisationKey(body.payee or caller.principal.organisation),
        after={"payees": len(payees)},
        now=now,
    )
    return AskedModel(month=month, payees=len(payees))


@router.post("/months/{month}/shadow", status_code=201, summary="Draw a shadow of a month")
async def draw_shadow(
    db: Db, now: Now, context: Context, caller: Closer, month: str, body: ShadowBody
) -> list[ShadowModel]:
    """What the month would come to now, whether or not it is over. Nothing is booked; the shadow
    is kept, to be compared with the statement. One for each currency."""
    payee = await seen_organisation(db, caller, body.payee, field="payee")
    _, kept = await shadows.draw(
        db, context.closing, payee.key, month, by=caller.principal.id, now=now
    )
    await caller.note(
        db,
        "month.shadow",
        f"month/{month}",
        organisation=payee.key,
        after={"shadows": [each.shadow_id for each in kept]},
        now=now,
    )
    return [_shadow(ComparedShadow(each, None, None)) for each in kept]


@router.get("/months/{month}/shadows", summary="List the shadows of a month")
async def list_shadows(db: Db, caller: Reader, month: str, payee: Payee) -> list[ShadowModel]:
    """The newest first, each compared with the statement once there is one."""
    owner = await seen_organisation(db, caller, payee, field="payee")
    return [_shadow(each) for each in await shadows.shadows(db, owner.key, month)]


@router.get("/months/{month}/reconciliation", summary="Reconcile a month")
async def reconcile_month(
    db: Db,
    now: Now,
    context: Context,
    caller: Reader,
    month: str,
    payee: Payee,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> ReconciliationModel:
    """Registers, sessions, records, ledger, statements, documents and payouts, side by side: what
    does not agree, and what explains it."""
    owner = await seen_organisation(db, caller, payee, field="payee")
    report = await reconciled(db, context.closing, owner.key, month, now=now)
    place = paging.decoded(cursor, str, str, str, str, str)
    found = sorted(report.differences, key=_place_of_difference)
    if place is not None:
        found = [each for each in found if _place_of_difference(each) > place]
    return _report(
        report,
        paging.page(found[: limit + 1], limit, shown=_difference, key=_place_of_difference),
    )


@router.get("/late-sessions", summary="List late sessions")
async def list_late_sessions(
    db: Db,
    now: Now,
    context: Context,
    caller: Reader,
    payee: Payee | None = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> InboxModel:
    """What ended in a closed month and came afterwards, with its effect on the next statement,
    before that is booked."""
    wanted = None
    if payee is not None:
        wanted = (await seen_organisation(db, caller, payee, field="payee")).key
    place = paging.decoded(cursor, str, int, int)
    found = await late.inbox(db, context.closing, caller.scope, now=now, payee=wanted)
    placed = [(_place_of_late(each, nth), each) for each, nth in _numbered(found.sessions)]
    if place is not None:
        placed = [each for each in placed if each[0] < place]
    shown = paging.page(
        placed[: limit + 1], limit, shown=lambda each: _late(each[1]), key=lambda each: each[0]
    )
    return InboxModel(
        sessions=shown.items, effects=[_effect(each) for each in found.effects], next=shown.next
    )


@router.get("/transactions/{transaction_id}/explanation", summary="Explain a transaction")
async def explain_transaction(db: Db, caller: Reader, transaction_id: str) -> dict[str, Any]:
    """From the station's messages to the payout, to the cent, every sum computed again. Of the
    ledger you see the accounts that are yours."""
    caller.must_have(Permission.TRANSACTIONS_READ)
    if not (transaction_id.isascii() and transaction_id.isdigit() and len(transaction_id) < 19):
        raise NotFound("transaction", transaction_id)
    found = await charging.transaction(db, caller.scope, int(transaction_id))
    caller.must_see(found.owner, "transaction", transaction_id)
    whole = await chain_of(
        db, found, sees=caller.scope, with_frames=caller.may(Permission.FRAMES_READ)
    )
    told = chain_json(whole)
    for message in told["messages"]:
        message["raw"] = masking.frame(caller, message["raw"])
    return told


# ------------------------------------------------------------------------------------- shown


def _run(run: MonthRun) -> MonthRunModel:
    return MonthRunModel(
        month=run.month,
        asked_by=run.asked_by,
        asked_at=run.asked_at,
        begun_at=run.begun_at,
        finished_at=run.finished_at,
        payees=run.payees,
        steps=run.steps,
        done=run.done,
        waiting=run.waiting,
        refused=run.refused,
    )


def _step(step: StepProgress) -> StepModel:
    return StepModel(
        payee=step.payee,
        step=step.step,
        state=step.state,
        tries=step.tries,
        tried_at=step.tried_at,
        code=step.code,
        detail=step.detail,
        made=list(step.made),
    )


def _shadow(each: ComparedShadow) -> ShadowModel:
    kept = each.shadow
    return ShadowModel(
        shadow_id=kept.shadow_id,
        payee=kept.payee,
        month=kept.month,
        currency=kept.currency,
        drawn_at=kept.drawn_at,
        drawn_by=kept.drawn_by,
        pending=kept.pending,
        sessions=kept.figures.sessions,
        unpaid=kept.figures.unpaid,
        payout_net=_minor(kept.figures.payout_net_minor, kept.currency),
        payout_gross=_minor(kept.figures.payout_gross_minor, kept.currency),
        compared=None
        if each.comparison is None
        else _comparison(each.statement_id, each.comparison),
    )


def _comparison(statement_id: str | None, compared: Comparison) -> ComparisonModel:
    return ComparisonModel(
        statement_id=statement_id,
        payout_before=MoneyModel.of(compared.before),
        payout_after=MoneyModel.of(compared.after),
        difference=MoneyModel.of(compared.difference),
        changes=[_change(each) for each in compared.changes],
    )


def _change(change: Change) -> ChangeModel:
    return ChangeModel(
        transaction_id=str(change.transaction_id),
        kind=change.kind,
        before=MoneyModel.of(change.before),
        after=MoneyModel.of(change.after),
        difference=MoneyModel.of(change.difference),
        reason=change.reason,
    )


def _minor(minor: int, currency: str) -> MoneyModel:
    return MoneyModel.of(Money.from_minor(minor, currency))


def _late(session: LateSession) -> LateSessionModel:
    return LateSessionModel(
        transaction_id=str(session.transaction_id),
        payee=session.payee,
        station=session.station,
        evse_id=session.evse_id,
        ended_at=session.ended_at,
        arrived_at=session.arrived_at,
        month=session.month,
        energy_wh=session.energy_wh,
        net_amount=MoneyModel.of_optional(session.net),
        payout_amount=MoneyModel.of_optional(session.payout),
        hold_reason=session.hold_reason,
        statement_id=session.statement_id,
    )


def _effect(effect: Effect) -> EffectModel:
    return EffectModel(
        payee=effect.payee,
        statement_id=effect.statement_id,
        month=effect.month,
        sessions=effect.sessions,
        held=effect.held,
        payout_without=MoneyModel.of(effect.payout_without),
        payout_with=MoneyModel.of(effect.payout_with),
        difference=MoneyModel.of(effect.difference),
    )


def _numbered(sessions: Sequence[LateSession]) -> Iterator[tuple[LateSession, int]]:
    """Yield the lines, each with how many of its session are still to come: one may have two."""
    left = Counter(each.transaction_id for each in sessions)
    for each in sessions:
        left[each.transaction_id] -= 1
        yield each, left[each.transaction_id]


def _place_of_late(session: LateSession, left: int) -> tuple[str, int, int]:
    at = session.arrived_at.astimezone(UTC).isoformat(timespec="microseconds")
    return at, session.transaction_id, left


def _place_of_difference(found: Difference) -> tuple[str, str, str, str, str]:
    expected, other = (found.expected or "")[:50], (found.found or "")[:50]
    return found.check.value, found.kind.value, found.about[:100], expected, other


def _report(report: Report, shown: Page[DifferenceModel]) -> ReconciliationModel:
    return ReconciliationModel(
        payee=report.payee,
        month=report.month,
        is_closed=report.is_closed,
        sessions=report.sessions,
        records=report.records,
        statements=report.statements,
        unexplained=len(report.unexplained),
        differences=shown.items,
        next=shown.next,
    )


def _difference(difference: Difference) -> DifferenceModel:
    return DifferenceModel(
        check=difference.check,
        kind=difference.kind,
        about=difference.about,
        expected=difference.expected,
        found=difference.found,
        amount=MoneyModel.of_optional(difference.amount),
        energy_wh=difference.energy_wh,
        explanation=difference.explanation,
    )
