"""Face: reconciliation of a payee's month, fed from everything that billing keeps.

The sessions and registers come from the central system, by the Protocol that the close uses.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import invoicing, month_store, statement_store
from billing.closing import Closing, MonthNotBegun
from billing.handlers import READER
from billing.ledger import payable, unsettled
from billing.months import Month
from billing.reconciliation import (
    Balance,
    Booked,
    Difference,
    Facts,
    Issued,
    Session,
    reconcile,
)
from billing.services import Subscription
from billing.statements import ProofRow
from foundation import outbox
from foundation.database import driver
from foundation.identifiers import OrganisationKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A payee's month, checked from the meter to the bank.

    Attributes:
        is_closed: Whether its statements are written.
        sessions: How many transactions ended in it.
        records: How many charge detail records were checked.
        statements: How many statements were checked.
        differences: All that does not agree.
    """

    payee: OrganisationKey
    month: str
    is_closed: bool
    sessions: int
    records: int
    statements: int
    differences: tuple[Difference, ...]

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        """Those that a person must look into."""
        return tuple(each for each in self.differences if not each.is_explained)


async def reconciled(
    db: AsyncSession, closing: Closing, payee: OrganisationKey, month: str, *, now: datetime
) -> Report:
    """Compare registers, sessions, records, ledger, statements, documents and payouts of a month.

    Args:
        db: A unit of work; nothing is written in it.
        closing: Whose registers are asked, and which draws the month if it is not closed.
        payee: An organisation.
        month: As in `2026-10`; it need not be over.
        now: The moment.

    Raises:
        NotFound: If there is no such organisation.
        InvalidInput: If the month is none.
        MonthNotBegun: In the payee's zone.
    """
    wanted = Month.parse(month)
    organisation = await directory.organisation(db, payee)
    zone = ZoneInfo(organisation.time_zone)
    start, end = wanted.start(zone), wanted.end(zone)
    if now < start:
        raise MonthNotBegun(payee, wanted, start)
    is_closed = await statement_store.is_closed(db, payee, month)
    ended = await closing.registers.ended_transactions(db, payee, start, end)
    facts = Facts(
        is_closed=is_closed,
        pending=await outbox.pending(db, READER, end),
        makes_documents=await _makes_documents(db, payee, month),
        proof=await _proof(db, closing, payee, month, is_closed=is_closed, now=now),
        sessions=[Session(each.transaction_id, each.revision, each.energy_wh) for each in ended],
        records=await _records(db, payee, start, end),
        statements=await _statements(db, payee, month),
        balances=await _balances(db, payee),
    )
    return Report(
        payee=payee,
        month=month,
        is_closed=is_closed,
        sessions=len(facts.sessions),
        records=len(facts.records),
        statements=len(facts.statements),
        differences=tuple(reconcile(facts)),
    )


async def _proof(
    db: AsyncSession,
    closing: Closing,
    payee: OrganisationKey,
    month: str,
    *,
    is_closed: bool,
    now: datetime,
) -> Sequence[ProofRow]:
    """Return the proof as it was printed, or as it stands now."""
    if is_closed:
        rows = await statement_store.statements(db, [payee], month=month)
        printed = [statement_store.head_of(row).proof for row in rows]
    else:
        shadow = await closing.shadow(db, payee, month, now=now)
        printed = [each.proof for each in shadow.statements]
    # The statements of several currencies carry the same proof.
    return printed[0] if printed else ()


async def _rows(
    db: AsyncSession, query: LiteralString, values: dict[str, Any]
) -> list[tuple[Any, ...]]:
    connection = await driver(db)
    cursor = await connection.execute(query, values)
    return await cursor.fetchall()


_RECORDS = """
with current as (
  select distinct on (c.transaction_id) c.* from cdrs c
  where c.transaction_id in (
    select transaction_id from cdrs
    where payee = %(payee)s and ended_at >= %(start)s and ended_at < %(end)s)
  order by c.transaction_id, c.id desc
)
select c.transaction_id, c.revision, c.energy_wh, c.currency,
  coalesce(c.purchase_net_minor, c.net_minor),
  coalesce(b.booked, 0)::bigint, case when h.decision is null then h.reason end,
  coalesce(h.decision = 'voided', false),
  exists (select 1 from unsettled_lines u where u.cdr_id = c.id and u.sign = 1),
  exists (select 1 from statement_lines l where l.cdr_id = c.id and l.sign = 1)
from current c
left join holds h on h.transaction_id = c.transaction_id
left join (
  select e.transaction_id, -sum(p.amount_minor) as booked
  from ledger_entries e join ledger_postings p on p.entry_id = e.id
  where e.kind in ('cdr', 'cdr_reversed') and p.account = %(account)s
    and e.transaction_id in (select transaction_id from current)
  group by e.transaction_id
) b on b.transaction_id = c.transaction_id
where c.payee = %(payee)s and c.ended_at >= %(start)s and c.ended_at < %(end)s
order by c.transaction_id
"""


async def _records(
    db: AsyncSession, payee: OrganisationKey, start: datetime, end: datetime
) -> list[Booked]:
    values = {"payee": payee, "start": start, "end": end, "account": unsettled(payee).name}
    return [
        Booked(
            transaction_id=row[0],
            revision=row[1],
            energy_wh=row[2],
            currency=row[3],
            net_minor=row[4],
            booked_minor=row[5],
            hold=row[6],
            is_voided=row[7],
            is_waiting=row[8],
            is_settled=row[9],
        )
        for row in await _rows(db, _RECORDS, values)
    ]


_STATEMENTS = """
select s.statement_id, s.currency,
  (select coalesce(sum((t.value ->> 'sessions')::int), 0)::int
   from jsonb_each(s.document -> 'totals') as t),
  s.payout_net_minor, s.payout_gross_minor, l.lines, l.net, l.payout,
  e.net, e.payable, d.number, (d.gross_minor + d.taken_off)::bigint, e.paid,
  exists (
    select 1 from payout_statements p join payout_runs r on r.id = p.run_id
    where p.statement_id = s.statement_id and not p.is_over),
  s.state = 'paid'
from statements s
cross join lateral (
  select count(*)::int as lines, coalesce(sum(net_minor), 0)::bigint as net,
    coalesce(sum(payout_minor), 0)::bigint as payout
  from statement_lines where statement_id = s.statement_id) l
cross join lateral (
  select
    coalesce(sum(p.amount_minor) filter (
      where e.kind = 'close' and p.account = %(unsettled)s), 0)::bigint as net,
    coalesce(-sum(p.amount_minor) filter (
      where e.kind = 'close' and p.account = %(payable)s), 0)::bigint as payable,
    coalesce(sum(p.amount_minor) filter (
      where e.kind = 'payment' and p.account = %(payable)s), 0)::bigint as paid
  from ledger_entries e join ledger_postings p on p.entry_id = e.id
  where e.statement_id = s.statement_id) e
left join lateral (
  select d.number, d.gross_minor, coalesce((
      select sum(p.amount_minor) from document_entries o
      join ledger_entries e on e.id = o.entry_id and e.kind = 'credit_note'
      join ledger_postings p on p.entry_id = e.id and p.account = %(payable)s
      where o.document = d.number and p.amount_minor > 0), 0) as taken_off
  from documents d join document_states t on t.number = d.number
  where d.statement_id = s.statement_id and d.kind = 'credit_note' and t.cancelled_at is null
  order by d.issued_at desc, d.number desc limit 1) d on true
where s.payee = %(payee)s and s.month = %(month)s
order by s.currency
"""


async def _statements(db: AsyncSession, payee: OrganisationKey, month: str) -> list[Issued]:
    values = {
        "payee": payee,
        "month": month,
        "unsettled": unsettled(payee).name,
        "payable": payable(payee).name,
    }
    return [
        Issued(
            statement_id=row[0],
            currency=row[1],
            sessions=row[2],
            payout_net=row[3],
            payout_gross=row[4],
            lines=row[5],
            lines_net=row[6],
            lines_payout=row[7],
            entries_net=row[8],
            entries_payable=row[9],
            document=row[10],
            document_gross=row[11],
            paid=row[12],
            in_run=row[13],
            is_paid=row[14],
        )
        for row in await _rows(db, _STATEMENTS, values)
    ]


_BALANCES = """
with balance as (
  select p.currency, p.account, sum(p.amount_minor)::bigint as amount from ledger_postings p
  where p.account in (%(unsettled)s, %(payable)s) group by p.currency, p.account
), waiting as (
  select u.currency,
    -sum(coalesce(c.purchase_net_minor, c.net_minor) * u.sign)::bigint as amount
  from unsettled_lines u join cdrs c on c.id = u.cdr_id
  where u.payee = %(payee)s group by u.currency
), owed as (
  select currency, sum(amount)::bigint as amount from (
    select currency, -sum(payout_gross_minor) as amount from statements
    where payee = %(payee)s group by currency
    union all
    select p.currency, sum(p.amount_minor)
    from ledger_postings p join ledger_entries e on e.id = p.entry_id
    where p.account = %(payable)s and e.kind in ('payment', 'credit_note', 'cancellation')
    group by p.currency) as parts
  group by currency
)
select %(unsettled)s, currency, coalesce(b.amount, 0)::bigint, coalesce(w.amount, 0)::bigint
from (select * from balance where account = %(unsettled)s) b full join waiting w using (currency)
union all
select %(payable)s, currency, coalesce(b.amount, 0)::bigint, coalesce(o.amount, 0)::bigint
from (select * from balance where account = %(payable)s) b full join owed o using (currency)
order by 1, 2
"""


async def _balances(db: AsyncSession, payee: OrganisationKey) -> list[Balance]:
    values = {
        "payee": payee,
        "unsettled": unsettled(payee).name,
        "payable": payable(payee).name,
    }
    return [Balance(*row) for row in await _rows(db, _BALANCES, values)]


_ACCEPTED = "select exists (select 1 from self_billing_acceptances where payee = %(payee)s)"


async def _makes_documents(db: AsyncSession, payee: OrganisationKey, month: str) -> bool:
    """Tell whether credit notes are written to the payee: we do so, and he has accepted it."""
    [(is_so,)] = await _rows(db, _ACCEPTED, {"payee": payee})
    return bool(is_so) and await invoicing.makes(
        db, await invoicing.issuer_of(db), month, Subscription.CREDIT_NOTES
    )


async def last_closed_months(db: AsyncSession) -> dict[OrganisationKey, str]:
    """Return the newest closed month of each payee that has one."""
    closed = await month_store.last_closed(db, None)
    return {OrganisationKey(payee): month for payee, month in closed.items()}


def by_explanation(differences: Sequence[Difference]) -> dict[str, int]:
    """Return how many differences each explanation accounts for; `` for none."""
    return dict(Counter(each.explanation or "" for each in differences))
