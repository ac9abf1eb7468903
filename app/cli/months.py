"""`close-month`: settle what a month brought, or see what it would come to."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from accounts import directory
from app.cli.frame import (
    Json,
    Opened,
    named_organisation,
    note,
    progress,
    run,
    say,
    show,
    show_json,
)
from billing import handlers as billing_handlers
from billing.closing import Closing
from billing.months import Month
from billing.statement_forms import statement_json
from billing.statements import Statement
from csms.registers import Registers
from foundation import outbox
from foundation.errors import Conflict, ExpectedError
from foundation.identifiers import OrganisationKey
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
        with progress(f"Closing {month}", len(payees)) as step:
            for key in payees:
                try:
                    async with opened.unit_of_work() as (db, now):
                        made = await closing.close(db, key, month, now=now, dry_run=dry_run)
                        outcome.statements.extend(made)
                        if not dry_run and any(each.issued_at == now for each in made):
                            await note(
                                db,
                                "month.close",
                                f"month/{month}",
                                organisation=key,
                                after={"statements": [each.statement_id for each in made]},
                                now=now,
                            )
                except ExpectedError as error:
                    if payee != _ALL:
                        raise
                    outcome.problems.append((key, error))
                step()
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
