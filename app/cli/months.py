"""`close-month` and `shadow-month`: settle what a month brought, or see what it would come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from app.cli.frame import (
    Json,
    Opened,
    named_organisation,
    note,
    operator,
    progress,
    run,
    say,
    show,
    show_json,
)
from billing import handlers as billing_handlers
from billing import shadows
from billing.closing import Closing, MonthClosed
from billing.month_end import MonthEnd
from billing.month_steps import STATEMENTS
from billing.months import Month
from billing.shadows import ComparedShadow
from billing.statement_forms import statement_json
from billing.statements import Statement
from csms.registers import Registers
from foundation import outbox
from foundation.errors import Conflict, ExpectedError
from foundation.identifiers import OrganisationKey
from foundation.money import Money
from roaming.handlers import Reimbursement

_ALL = "all"
_COLUMNS = ("statement_id", "payee", "sessions", "energy_kwh", "payout_net", "payout_gross")


class NotAllClosed(Conflict):
    """Some payees' months could not be closed; those of the others are."""

    code = "not_all_closed"

    def __init__(self, problems: list[tuple[OrganisationKey, ExpectedError]]) -> None:
        lines = "".join(f"\n  {payee}: {error}" for payee, error in problems)
        super().__init__(f"The month is not closed for everybody:{lines}")


@dataclass(frozen=True, slots=True)
class _Outcome:
    statements: list[Statement]
    problems: list[tuple[OrganisationKey, ExpectedError]]


def close_month(
    month: Annotated[str, typer.Argument(metavar="YYYY-MM", help="The month to close.")],
    payee: Annotated[
        str, typer.Option(metavar="KEY|all", help="Whose month, or everybody's.")
    ] = _ALL,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the same figures, and write nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Close a month: write the statements and book what is owed. Doing it again changes nothing."""
    Month.parse(month)

    async def note_it(
        db: AsyncSession, key: OrganisationKey, made: Sequence[str], now: datetime
    ) -> None:
        after = {"made": list(made)}
        await note(db, "month.close", f"month/{month}", organisation=key, after=after, now=now)

    async def work(opened: Opened) -> _Outcome:
        sharing = Reimbursement()
        # What waits for billing is served here, too: the server may not be running.
        billing = billing_handlers.subscription(sharing, opened.clock)
        await outbox.deliver(opened.database, billing, opened.clock)
        closing = Closing(Registers(), sharing)
        async with opened.unit_of_work() as (db, _):
            payees = (
                [each.key for each in await directory.organisations(db)]
                if payee == _ALL
                else [(await named_organisation(db, payee)).key]
            )
        outcome = _Outcome([], [])
        if not dry_run:
            month_end = MonthEnd(opened.database, closing, opened.clock)
            steps = len(payees) * len(month_end.step_names)
            with progress(f"Closing {month}", steps) as step:
                ran = await month_end.run(
                    month, payees, by=operator().id, told=lambda _, __: step(), noted=note_it
                )
            outcome.problems.extend((each.payee, each.error) for each in ran.refused)
            refused = {each.payee for each in ran.refused if each.step == STATEMENTS}
            payees = [key for key in payees if key not in refused]
        with progress(f"Reading {month}", len(payees)) as step:
            for key in payees:
                try:
                    async with opened.unit_of_work() as (db, now):
                        made = await closing.close(db, key, month, now=now, dry_run=dry_run)
                        outcome.statements.extend(made)
                except ExpectedError as error:
                    outcome.problems.append((key, error))
                step()
        if payee != _ALL:
            for _, problem in outcome.problems:
                raise problem
        return outcome

    outcome = run(work)
    if json:
        show_json(
            {
                "month": month,
                "dry_run": dry_run,
                "statements": [statement_json(each) for each in outcome.statements],
                "problems": [
                    {"payee": key, "code": error.code, "detail": str(error)}
                    for key, error in outcome.problems
                ],
            }
        )
    else:
        show([_row(each) for each in outcome.statements], _COLUMNS, json=False)
        if dry_run:
            say("Nothing was written: this was a dry run.")
    if outcome.problems:
        raise NotAllClosed(outcome.problems)


def _row(statement: Statement) -> dict[str, Any]:
    totals = statement.totals.values()
    return {
        "statement_id": statement.statement_id,
        "payee": statement.payee.key,
        "sessions": sum(each.sessions for each in totals),
        "energy_kwh": sum(each.energy_wh for each in totals) / 1000,
        "payout_net": statement.payout_net,
        "payout_gross": statement.payout_gross,
    }


_SHADOW_COLUMNS = (
    "payee",
    "drawn_at",
    "sessions",
    "payout_net",
    "statement_id",
    "difference",
    "changes",
)


def shadow_month(
    month: Annotated[str, typer.Argument(metavar="YYYY-MM", help="The month to draw.")],
    payee: Annotated[
        str, typer.Option(metavar="KEY|all", help="Whose month, or everybody's.")
    ] = _ALL,
    compare: Annotated[
        bool, typer.Option("--compare", help="Draw nothing; show what was drawn before.")
    ] = False,
    json: Json = False,
) -> None:
    """Draw what a month would come to now, without booking it, to be compared with its close."""
    Month.parse(month)

    async def work(opened: Opened) -> list[ComparedShadow]:
        sharing = Reimbursement()
        billing = billing_handlers.subscription(sharing, opened.clock)
        await outbox.deliver(opened.database, billing, opened.clock)
        closing = Closing(Registers(), sharing)
        async with opened.unit_of_work() as (db, _):
            payees = (
                [each.key for each in await directory.organisations(db)]
                if payee == _ALL
                else [(await named_organisation(db, payee)).key]
            )
        found: list[ComparedShadow] = []
        with progress(f"Drawing {month}", len(payees)) as step:
            for key in payees:
                async with opened.unit_of_work() as (db, now):
                    if compare:
                        found += await shadows.shadows(db, key, month)
                    else:
                        found += await _drawn(db, closing, key, month, now, alone=payee != _ALL)
                step()
        return found

    show([_shadow_row(each) for each in run(work)], _SHADOW_COLUMNS, json=json)


async def _drawn(
    db: AsyncSession,
    closing: Closing,
    payee: OrganisationKey,
    month: str,
    now: datetime,
    *,
    alone: bool,
) -> list[ComparedShadow]:
    try:
        _, kept = await shadows.draw(db, closing, payee, month, by=operator().id, now=now)
    except MonthClosed:
        if alone:
            raise
        return []
    return [ComparedShadow(each, None, None) for each in kept]


def _shadow_row(each: ComparedShadow) -> dict[str, Any]:
    shadow, compared = each.shadow, each.comparison
    changes = () if compared is None else compared.changes
    return {
        "payee": shadow.payee,
        "drawn_at": shadow.drawn_at,
        "drawn_by": shadow.drawn_by,
        "currency": shadow.currency,
        "sessions": shadow.figures.sessions,
        "pending": shadow.pending,
        "payout_net": Money.from_minor(shadow.figures.payout_net_minor, shadow.currency),
        "statement_id": each.statement_id,
        "difference": None if compared is None else compared.difference,
        "changes": [
            f"{change.transaction_id} {change.kind} {change.difference.text}" for change in changes
        ],
    }
