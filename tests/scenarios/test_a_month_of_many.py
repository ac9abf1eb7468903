"""A hundred thousand transactions of two hundred owners: closed, on paper, reconciled, bounded."""

import psutil
from sqlalchemy import text

from billing import books, reconciling
from billing.closing import Closing
from billing.ledger import payable, unsettled
from billing.month_end import MonthEnd
from csms.registers import Registers
from foundation.clock import SetClock
from foundation.database import Database
from roaming.handlers import Reimbursement
from tests.billing import many
from tests.billing.many import CLOSED_AT, MONTH

COUNT, OWNERS = 100_000, 200
MEMORY_MAX = 160 * 1024**2
"""How much the run may grow the process; all the lines at once would be twice as much."""


async def test_a_hundred_thousand_transactions_of_two_hundred_owners(database: Database) -> None:
    closing = Closing(Registers(), Reimbursement())
    async with database.unit_of_work() as db:
        await many.fill(db, COUNT, OWNERS)
        await many.write_papers(db)
    month_end = MonthEnd(database, closing, SetClock(CLOSED_AT))
    owners = [many.owner(number) for number in range(OWNERS)]
    process = psutil.Process()
    before = process.memory_info().rss
    grown: list[int] = []

    outcome = await month_end.run(
        MONTH,
        [*owners, many.ROOT],
        told=lambda _, __: grown.append(process.memory_info().rss - before),
    )

    assert outcome.refused == []
    assert len(grown) == 3 * (OWNERS + 1)
    assert max(grown) < MEMORY_MAX
    async with database.unit_of_work() as db:
        lines, waiting, numbers = (
            await db.execute(
                text(
                    "select (select count(*) from statement_lines),"
                    " (select count(*) from unsettled_lines),"
                    " (select count(*) from documents)"
                )
            )
        ).one()
        assert (lines, waiting) == (COUNT, 0)
        assert numbers == OWNERS + 1  # a credit note each, and the provider's invoice
        balances = await books.balances(db)
        assert sum(money["EUR"].minor for money in balances.values()) == 0
        owed = {each.payee: each.payout_gross for each in await books.statements(db)}
        for owner in (owners[0], owners[77], owners[-1]):
            assert -balances[payable(owner)]["EUR"] == owed[owner]
            assert balances[unsettled(owner)]["EUR"].amount == 0
        report = await reconciling.reconciled(db, closing, owners[7], MONTH, now=CLOSED_AT)
    assert report.records == COUNT // OWNERS
    # The central system of this test knows none of them; all else agrees.
    assert {each.kind for each in report.unexplained} == {"without_session"}
    assert (await month_end.run(MONTH, owners)).made == {}
