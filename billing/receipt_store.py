"""The statements to the database about shares that are due on receipt of a provider's money.

What waits is looked at, never noted: the invoice over a session is paid or it is not.
"""

from collections.abc import Collection
from decimal import Decimal
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from billing.receipts import waiting_gross
from foundation.database import driver
from foundation.money import Money

# An invoice of which nothing is left to pay: its money came, with this invoice or before it (then
# less is noted as paid on it than it asks for), or was given up by us.
_RECEIVED: Final = """exists (
  select from document_sessions d
  join documents x on x.number = d.document join document_states t on t.number = d.document
  where d.cdr_id = a.cdr_id and d.sign = 1 and not d.is_released
    and (t.paid_at is not null or x.gross_minor <= t.paid_minor + t.credited_minor))"""

_DUE_ON_RECEIPT: Final = f"""
select a.cdr_id from (
  select c.id as cdr_id from cdrs c join transaction_terms m on m.transaction_id = c.transaction_id
  where c.id = any(%b::bigint[]) and c.charge_class = 'external' and c.payer like 'receivable/%%'
    and m.agreement_id = any(%b::bigint[])) a
where not {_RECEIVED}
"""  # noqa: S608 (a constant of this file)


async def due_on_receipt(
    db: AsyncSession, cdr_ids: Collection[int], agreements: Collection[int]
) -> frozenset[int]:
    """Return the CDRs of external sessions whose provider has not paid yet.

    Args:
        db: A unit of work.
        cdr_ids: Of whom.
        agreements: Which say that the share is due on receipt.
    """
    if not cdr_ids or not agreements:
        return frozenset()
    connection = await driver(db)
    cursor = await connection.execute(_DUE_ON_RECEIPT, (sorted(cdr_ids), sorted(agreements)))
    return frozenset(row[0] for row in await cursor.fetchall())


async def add(db: AsyncSession, statement_id: str, waiting: Collection[tuple[int, Money]]) -> None:
    """Note the lines of a statement that are due on receipt: CDR and payout without tax."""
    if not waiting:
        return
    connection = await driver(db)
    await connection.execute(
        "insert into awaited_receipts (cdr_id, statement_id, net_minor)"
        " select c, %b, n from unnest(%b::bigint[], %b::bigint[]) as g (c, n)",
        (statement_id, [each for each, _ in waiting], [net.minor for _, net in waiting]),
    )


# A line that a later statement took back waits no more: the two come to nothing.
_WAITING: Final = f"""
select s.statement_id, s.payee, s.currency, s.payout_net_minor, s.payout_gross_minor,
  (s.document #>> '{{vat,0,rate}}')::numeric, sum(a.net_minor)::bigint
from awaited_receipts a join statements s on s.statement_id = a.statement_id
where s.payee = any(%b::text[]) and s.currency = %b and s.state <> 'paid'
  and not exists (select from statement_lines l where l.cdr_id = a.cdr_id and l.sign = -1)
  and not {_RECEIVED}
group by s.statement_id
"""  # noqa: S608 (a constant of this file)


async def waiting(db: AsyncSession, payees: Collection[str], currency: str) -> dict[str, Money]:
    """Return what of payees' open statements waits, with tax, by statement; only where it does."""
    connection = await driver(db)
    cursor = await connection.execute(_WAITING, (sorted(payees), currency))
    return {
        statement_id: waiting_gross(
            Money.from_minor(net, currency),
            Money.from_minor(gross, currency),
            Decimal(rate),
            Money.from_minor(waits, currency),
        )
        for statement_id, _, _, net, gross, rate, waits in await cursor.fetchall()
    }


async def paid_before(db: AsyncSession, statement_ids: Collection[str]) -> dict[str, int]:
    """Return what runs that are over paid of statements that they did not settle, in cents."""
    connection = await driver(db)
    cursor = await connection.execute(
        "select statement_id, sum(paid_minor)::bigint from payout_statements"
        " where is_over and statement_id = any(%b::text[]) group by 1",
        (sorted(statement_ids),),
    )
    return dict(await cursor.fetchall())
