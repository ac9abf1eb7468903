"""Sessions and their documents: what waits for one, what stands on one, what is taken back.

What waits is found for all recipients at once: a temporary table of the unit of work holds the
sessions with the debtor of each, and sums are taken from it, so a month costs a handful of
statements whatever its size.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from billing.invoice_drafts import Draft, SessionSum
from billing.ledger import LedgerAccount
from foundation.database import driver
from foundation.money import Money

_CREATE_WAITING: Final = """
create temp table waiting_sessions on commit drop as
with fresh as (
  select c.*, 1::smallint as sign, null::text as of_document
  from cdrs c
  where c.ended_at >= %(since)s and c.ended_at < %(until)s
    and c.payer is not null and c.hold_reasons = '{}'
    and not exists (
      select from cdrs n where n.transaction_id = c.transaction_id and n.id > c.id)
    and not exists (
      select from holds h
      where h.transaction_id = c.transaction_id and h.decision is distinct from 'released')
    and not exists (
      select from document_sessions d
      where d.cdr_id = c.id and d.sign = 1 and not d.is_released)
    and not exists (
      select from document_sessions d join document_states t on t.number = d.document
      where d.transaction_id = c.transaction_id and d.sign = 1 and not d.is_released
        and t.cancelled_at is not null)
), taken_back as (
  select c.*, (-1)::smallint as sign, d.document as of_document
  from document_sessions d join cdrs c on c.id = d.cdr_id
  join document_states t on t.number = d.document
  where d.sign = 1 and not d.is_released and t.cancelled_at is null
    and not exists (
      select from document_sessions e
      where e.cdr_id = d.cdr_id and e.sign = -1 and not e.is_released)
    and (
      exists (select from cdrs n where n.transaction_id = c.transaction_id and n.id > c.id)
      or exists (
        select from holds h
        where h.transaction_id = c.transaction_id and h.decision is distinct from 'released'))
), found as (
  select * from fresh union all select * from taken_back
)
select f.id as cdr_id, f.sign, f.transaction_id, f.started_at, f.ended_at, f.currency,
  f.payer, upper(translate(f.id_token, E' \\t:-.', '')) as token, f.energy_wh * f.sign as energy_wh,
  f.net_minor * f.sign as net_minor, f.vat_minor * f.sign as vat_minor,
  coalesce(own.rate, (
    select r.rate from unnest(%(days)s::date[], %(rates)s::numeric[]) as r (since, rate)
    where r.since <= (f.ended_at at time zone %(zone)s)::date order by r.since desc limit 1
  )) as vat_rate,
  coalesce(
    d.recipient,
    case when f.payer like 'receivable/%%' then 'provider/' || substr(f.payer, 12) end,
    by_token.debtor,
    by_organisation.debtor
  ) as debtor
from found f
cross join lateral (
  -- The one rate of what costs something (a limit over several lines has none of its own); where
  -- nothing costs anything, the one rate that is named.
  select case
    when count(distinct l.rate) filter (where l.net <> 0) = 1
      and not bool_or(l.net <> 0 and l.rate is null and l.vat = 0)
      then max(l.rate) filter (where l.net <> 0)
    when not bool_or(l.net <> 0) and count(distinct l.rate) = 1 then max(l.rate)
  end as rate
  from jsonb_array_elements(f.lines) as e (line)
  cross join lateral (
    select (e.line ->> 'vat_rate')::numeric as rate, (e.line #>> '{net,amount}')::numeric as net,
      (e.line #>> '{vat,amount}')::numeric as vat
  ) l
) own
left join documents d on d.number = f.of_document
left join lateral (
  select coalesce(o.represents, 'contact/' || o.id) as debtor
  from contract_tokens t
  join contracts k on k.id = t.contract_id join contacts o on o.id = k.contact_id
  where f.payer like 'clearing/%%'
    and t.token = upper(translate(f.id_token, E' \\t:-.', ''))
    and t.valid_from <= f.started_at and (t.valid_to is null or t.valid_to > f.started_at)
  order by t.valid_from desc limit 1
) by_token on true
left join lateral (
  select coalesce(o.represents, 'contact/' || o.id) as debtor
  from contracts k join contacts o on o.id = k.contact_id
  where f.payer = 'clearing/' || k.tokens_of
    and k.valid_from <= (f.started_at at time zone %(zone)s)::date
    and (k.valid_to is null or k.valid_to > (f.started_at at time zone %(zone)s)::date)
  order by k.id limit 1
) by_organisation on true
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a document to one debtor, in one currency."""

    sums: tuple[SessionSum, ...]
    booked: Mapping[LedgerAccount, Money]
    booked_tax: Money


@dataclass(frozen=True, slots=True)
class Unassigned:
    """Sessions that somebody owes and no contract says whose they are."""

    payer: str
    currency: str
    sessions: int
    net: Money


async def find_waiting(
    db: AsyncSession,
    *,
    since: datetime,
    until: datetime,
    time_zone: str,
    rates: Sequence[tuple[date, Decimal]],
) -> tuple[dict[tuple[str, str], Waiting], list[Unassigned]]:
    """Find the sessions that ended in [since, until) and stand on no document.

    With them comes what documents have and is no longer booked: it is taken back from the same
    recipient. What was credited in whole and not released is borne by us: neither it nor a later
    revision of it waits. They are kept in a temporary table until the unit of work ends.

    Args:
        db: A unit of work.
        since: From this end on.
        until: Before this end.
        time_zone: In which days are told.
        rates: The percentage of sessions without one of their own, by the day from which it holds.

    Returns:
        By debtor and currency what waits; and what nobody's contract covers.
    """
    connection = await driver(db)
    await connection.execute("drop table if exists waiting_sessions")
    values = {
        "since": since,
        "until": until,
        "zone": time_zone,
        "days": [day for day, _ in rates],
        "rates": [rate for _, rate in rates],
    }
    await connection.execute(_CREATE_WAITING, values)
    cursor = await connection.execute(
        "select debtor, currency, payer, token, vat_rate, sum(sign)::bigint, sum(energy_wh),"
        " sum(net_minor)::bigint, sum(vat_minor)::bigint, min(started_at), max(ended_at)"
        " from waiting_sessions group by 1, 2, 3, 4, 5 order by 1, 2, 4, 5, 3"
    )
    sums: dict[tuple[str, str], dict[tuple[str | None, Decimal | None], SessionSum]] = {}
    booked: dict[tuple[str, str], dict[LedgerAccount, Money]] = {}
    taxes: dict[tuple[str, str], Money] = {}
    unassigned: dict[tuple[str, str], Unassigned] = {}
    for (
        debtor,
        currency,
        payer,
        token,
        rate,
        count,
        wh,
        net,
        tax,
        first,
        last,
    ) in await cursor.fetchall():
        amount = Money.from_minor(net, currency)
        if debtor is None:
            before = unassigned.get((payer, currency))
            unassigned[payer, currency] = Unassigned(
                payer,
                currency,
                count + (before.sessions if before else 0),
                amount + (before.net if before else Money.zero(currency)),
            )
            continue
        key = debtor, currency
        account = LedgerAccount.from_name(payer)
        accounts = booked.setdefault(key, {})
        gross = amount + Money.from_minor(tax, currency)
        accounts[account] = accounts.get(account, Money.zero(currency)) + gross
        taxes[key] = taxes.get(key, Money.zero(currency)) + Money.from_minor(tax, currency)
        of = sums.setdefault(key, {})
        known = of.get((token, rate))
        of[token, rate] = SessionSum(
            token=token,
            vat_rate=rate,
            sessions=count + (known.sessions if known else 0),
            energy_wh=wh + (known.energy_wh if known else 0),
            net=amount + (known.net if known else Money.zero(currency)),
            first_at=min(first, known.first_at) if known else first,
            last_at=max(last, known.last_at) if known else last,
        )
    waiting = {
        key: Waiting(tuple(of.values()), booked[key], taxes[key]) for key, of in sums.items()
    }
    return waiting, list(unassigned.values())


_PUT_SESSIONS: Final = """
insert into document_sessions
  (document, position, line, cdr_id, sign, transaction_id, net_minor, vat_rate)
select g.document, row_number() over (partition by g.document order by w.ended_at, w.cdr_id),
  g.line, w.cdr_id, w.sign, w.transaction_id, w.net_minor, g.rate
from waiting_sessions w
join unnest(
  %b::text[], %b::text[], %b::text[], %b::numeric[], %b::text[], %b::int[], %b::numeric[]
) as g (debtor, currency, token, vat_rate, document, line, rate)
  on g.debtor = w.debtor and g.currency = w.currency
  and g.token is not distinct from w.token and g.vat_rate is not distinct from w.vat_rate
"""


async def put_sessions(db: AsyncSession, issued: Iterable[tuple[Draft, str]]) -> None:
    """Note the sessions that stand on documents: of `find_waiting` of this unit of work.

    A contact's sessions may wait under its own name or that of whom it stands for.

    Args:
        db: The unit of work in which they were found.
        issued: Drafts with their numbers.
    """
    rows = [
        (
            debtor,
            draft.document.currency,
            token,
            rate,
            number,
            line,
            draft.document.lines[line - 1].vat_rate,
        )
        for draft, number in issued
        for debtor in sorted({draft.document.recipient.key, f"contact/{draft.contact_id}"})
        for (token, rate), line in draft.lines_of.items()
    ]
    if not rows:
        return
    connection = await driver(db)
    await connection.execute(_PUT_SESSIONS, [list(each) for each in zip(*rows, strict=True)])


async def taken_back_on(db: AsyncSession, number: str) -> list[str]:
    """Return the documents that stand and take sessions of a document back."""
    found = await db.execute(
        text("""
        select distinct e.document
        from document_sessions d
        join document_sessions e on e.cdr_id = d.cdr_id and e.sign = -1 and not e.is_released
        join document_states t on t.number = e.document and t.cancelled_at is null
        where d.document = :number and d.sign = 1 and not d.is_released
        order by e.document
        """),
        {"number": number},
    )
    return list(found.scalars())


async def release_sessions(db: AsyncSession, number: str) -> None:
    """Let the sessions of a document wait for another one."""
    await db.execute(
        text("update document_sessions set is_released = true where document = :number"),
        {"number": number},
    )
