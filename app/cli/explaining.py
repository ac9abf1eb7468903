"""`explain`, `reconcile`, `check-time`: where an amount comes from, and whether all agrees."""

from typing import Annotated, Any
from zoneinfo import available_timezones

import typer

from accounts import directory
from accounts.directory import WHOLE
from app.cli.frame import Json, Opened, named_organisation, progress, run, say, show, show_json
from billing import chain
from billing.closing import Closing
from billing.months import Month
from billing.reconciliation import Difference
from billing.reconciling import Report, reconciled
from billing.time_kit import examples
from csms import charging
from csms.registers import Registers
from foundation.errors import Conflict, InvalidInput
from portal.chains import Chain, chain_json, chain_of, sums, told
from portal.words import words
from roaming.handlers import Reimbursement

_ALL = "all"
_LANGUAGE = "en"
_LONGEST = 60
_COLUMNS = ("payee", "check", "kind", "about", "expected", "found", "explanation")


class ChainBroken(Conflict):
    """A sum of the chain does not come out: the ledger or a paper was changed from outside."""

    code = "chain_broken"

    def __init__(self, line: str) -> None:
        super().__init__(f"A sum behind {line} does not come out; see the lines marked with !.")


class Unexplained(Conflict):
    """Something does not agree, and nothing known accounts for it."""

    code = "unexplained_differences"

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} differences have no explanation; they need a person.")


def explain(
    line: Annotated[
        str,
        typer.Argument(
            metavar="LINE", help="A transaction, or a line of a statement: bakery-2026-10-EUR/17."
        ),
    ],
    json: Json = False,
) -> None:
    """Print where an amount comes from, from the station's messages to the payout, to the cent."""

    async def work(opened: Opened) -> Chain:
        async with opened.unit_of_work() as (db, _):
            number = await chain.transaction_named(db, line)
            return await chain_of(db, await charging.transaction(db, WHOLE, number))

    found = run(work)
    if json:
        show_json(chain_json(found))
    else:
        _show(found)
    if not found.billing.holds:
        raise ChainBroken(line)


def _show(found: Chain) -> None:
    said = words(_LANGUAGE)
    print(f"Session {found.transaction.transaction_id}")
    for link in told(found, said):
        print(f"\n{link.title}")
        for row in link.rows:
            name, value = _plain(row.name), _plain(row.value)
            if len(name) + len(value) > _LONGEST * 2:
                print(f"  {name}\n    {value}")
            else:
                print(f"  {name:<{_LONGEST}}  {value}")
    print("\nComputed again")
    for each in sums(found, said):
        mark = " " if each.holds else "!"
        print(f"{mark} {each.sentence:<{_LONGEST}}  {_plain(each.expected)} = {_plain(each.found)}")


def _plain(text: str) -> str:
    """Return a text on one line, without spaces that some terminals show as something else."""
    return " ".join(text.replace("\u00a0", " ").replace("\u202f", " ").split())


def reconcile(
    month: Annotated[str, typer.Argument(metavar="YYYY-MM", help="The month to check.")],
    payee: Annotated[
        str, typer.Option(metavar="KEY|all", help="Whose month, or everybody's.")
    ] = _ALL,
    json: Json = False,
) -> None:
    """Compare registers, sessions, ledger, statements, documents and payouts of a month.

    The exit status is 1 if something differs without an explanation.
    """
    Month.parse(month)

    async def work(opened: Opened) -> list[Report]:
        closing = Closing(Registers(), Reimbursement())
        async with opened.unit_of_work() as (db, _):
            payees = (
                [each.key for each in await directory.organisations(db)]
                if payee == _ALL
                else [(await named_organisation(db, payee)).key]
            )
        reports = []
        with progress(f"Checking {month}", len(payees)) as step:
            for key in payees:
                async with opened.unit_of_work() as (db, now):
                    reports.append(await reconciled(db, closing, key, month, now=now))
                step()
        return reports

    reports = run(work)
    rows = [_row(report, each) for report in reports for each in report.differences]
    unexplained = sum(len(report.unexplained) for report in reports)
    if json:
        show_json(
            {
                "month": month,
                "payees": len(reports),
                "sessions": sum(each.sessions for each in reports),
                "records": sum(each.records for each in reports),
                "statements": sum(each.statements for each in reports),
                "unexplained": unexplained,
                "differences": rows,
            }
        )
    elif rows:
        show(rows, _COLUMNS, json=False)
    else:
        say(f"Everything agrees: {sum(each.sessions for each in reports)} sessions.")
    if unexplained:
        raise Unexplained(unexplained)


def _row(report: Report, difference: Difference) -> dict[str, Any]:
    return {
        "payee": report.payee,
        "check": difference.check.value,
        "kind": difference.kind.value,
        "about": difference.about,
        "expected": difference.expected,
        "found": difference.found,
        "amount": difference.amount,
        "energy_wh": difference.energy_wh,
        "explanation": difference.explanation,
    }


_EXAMPLE_COLUMNS = ("example", "zone", "about", "expected", "found", "holds")


class TimeIsWrong(Conflict):
    """An example of time comes out otherwise than the calendar says: look at the zone data."""

    code = "time_is_wrong"

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} examples do not hold: the time zone data here is not sound.")


def check_time(
    zone: Annotated[
        list[str] | None,
        typer.Option(help="A time zone (IANA). [default: those of all organisations]"),
    ] = None,
    year: Annotated[
        int | None, typer.Option(min=1970, max=2200, help="[default: this year]")
    ] = None,
    json: Json = False,
) -> None:
    """Try examples of time on this installation's zones: 31 January, the leap day, the clocks."""
    for each in zone or ():
        if each not in available_timezones():
            raise InvalidInput(
                f"{each!r} is no time zone; write it as Europe/Berlin.", field="zone"
            )

    async def work(opened: Opened) -> tuple[list[str], int]:
        async with opened.unit_of_work() as (db, now):
            known = [each.time_zone for each in await directory.organisations(db)]
            return known, now.year

    known, this_year = run(work)
    found = examples(zone or known, year or this_year)
    rows = [
        {
            "example": each.key,
            "zone": each.zone,
            "about": each.about,
            "expected": each.expected,
            "found": each.found,
            "holds": each.holds,
        }
        for each in found
    ]
    show(rows, _EXAMPLE_COLUMNS, json=json)
    wrong = sum(not each.holds for each in found)
    if wrong:
        raise TimeIsWrong(wrong)
