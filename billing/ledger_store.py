"""The ledger's statements to the database: entries with their postings, balances.

Entries are only ever added; the database refuses to change them.
"""

from collections.abc import Sequence
from typing import Any, LiteralString

from sqlalchemy.ext.asyncio import AsyncSession

from billing.ledger import EntryKind, JournalEntry, LedgerAccount, Posting
from foundation.database import driver
from foundation.money import Money
from foundation.statements import Asked, all_of

_ADD_ENTRIES = """
with given as materialized (
  select nextval('ledger_entries_id_seq') as id, e.*
  from unnest(%b::text[], %b::timestamptz[], %b::text[], %b::bigint[], %b::text[], %b::bigint[])
    with ordinality as e (kind, booked_at, narration, transaction_id, statement_id, corrects, place)
  order by e.place
), entry as (
  insert into ledger_entries
    (id, kind, booked_at, narration, transaction_id, statement_id, corrects)
  select id, kind, booked_at, narration, transaction_id, statement_id, corrects
  from given order by place
), posting as (
  insert into ledger_postings (entry_id, account, amount_minor, currency)
  select given.id, p.account, p.amount_minor, p.currency
  from unnest(%b::bigint[], %b::text[], %b::bigint[], %b::text[])
    with ordinality as p (entry, account, amount_minor, currency, place)
  join given on given.place = p.entry order by p.place
)
select id from given order by place
"""


async def add_entries(db: AsyncSession, entries: Sequence[JournalEntry]) -> list[int]:
    """Write entries with their postings; entries of nothing are left out.

    The database refuses postings that do not balance per entry and currency.

    Returns:
        The numbers of the entries that were written, in their order.
    """
    [written] = await all_of(db, adding_entries(entries)) or [[]]
    return list(written)


def adding_entries(entries: Sequence[JournalEntry]) -> list[Asked[Any]]:
    """Ask for what `add_entries` does."""
    written = [entry for entry in entries if entry.postings]
    if not written:
        return []
    heads = [
        (
            entry.kind,
            entry.booked_at,
            entry.narration,
            entry.transaction_id,
            entry.statement_id,
            entry.corrects,
        )
        for entry in written
    ]
    postings = [
        (place, posting.account.name, posting.amount.minor, posting.amount.currency)
        for place, entry in enumerate(written, start=1)
        for posting in entry.postings
    ]
    values = [*zip(*heads, strict=True), *zip(*postings, strict=True)]
    return [Asked(_ADD_ENTRIES, values, lambda found: [row[0] for row in found])]


_ENTRIES = """
select e.id, e.kind, e.booked_at, e.narration, e.transaction_id, e.statement_id, e.corrects,
  p.account, p.amount_minor, p.currency
from ledger_entries e join ledger_postings p on p.entry_id = e.id
"""


async def open_cdr_entries(
    db: AsyncSession, transaction_ids: Sequence[int]
) -> dict[int, JournalEntry]:
    """Return the CDR entries of transactions that no counter-entry took back, by number."""
    return await _entries(
        db,
        " where e.kind = 'cdr' and e.transaction_id = any(%b::bigint[]) and not exists ("
        " select 1 from ledger_entries r"
        " where r.transaction_id = e.transaction_id and r.corrects = e.id)",
        (list(transaction_ids),),
    )


async def entries_of_transactions(
    db: AsyncSession, transaction_ids: Sequence[int]
) -> dict[int, JournalEntry]:
    """Return all entries about some transactions, by number, oldest first."""
    return await _entries(
        db, " where e.transaction_id = any(%b::bigint[])", (list(transaction_ids),)
    )


async def entries_by_number(db: AsyncSession, numbers: Sequence[int]) -> dict[int, JournalEntry]:
    """Return some entries, by number, oldest first."""
    return await _entries(db, " where e.id = any(%b::bigint[])", (list(numbers),))


async def entries_of_statement(db: AsyncSession, statement_id: str) -> dict[int, JournalEntry]:
    """Return all entries of a statement, by number, oldest first."""
    return await _entries(db, " where e.statement_id = %b", (statement_id,))


async def entries_of_account(
    db: AsyncSession, account: LedgerAccount, *, after: int, limit: int
) -> dict[int, JournalEntry]:
    """Return an account's entries with all their postings, by number, from behind `after`."""
    return await _entries(
        db,
        " where e.id in (select distinct entry_id from ledger_postings"
        " where account = %b and entry_id > %b::bigint order by entry_id limit %b::bigint)",
        (account.name, after, limit),
    )


async def _entries(
    db: AsyncSession, where: LiteralString, values: tuple[Any, ...]
) -> dict[int, JournalEntry]:
    connection = await driver(db)
    cursor = await connection.execute(_ENTRIES + where + " order by e.id, p.id", values)
    heads: dict[int, tuple[Any, ...]] = {}
    postings: dict[int, list[Posting]] = {}
    for row in await cursor.fetchall():
        heads[row[0]] = row
        postings.setdefault(row[0], []).append(
            Posting(LedgerAccount.from_name(row[7]), Money.from_minor(row[8], row[9]))
        )
    return {
        number: JournalEntry(
            kind=EntryKind(head[1]),
            booked_at=head[2],
            narration=head[3],
            transaction_id=head[4],
            statement_id=head[5],
            corrects=head[6],
            postings=tuple(postings[number]),
        )
        for number, head in heads.items()
    }


async def balances(
    db: AsyncSession, accounts: Sequence[LedgerAccount] | None = None
) -> dict[LedgerAccount, dict[str, Money]]:
    """Return the balances of some accounts, or of all, by currency; debits are positive."""
    connection = await driver(db)
    cursor = await connection.execute(
        "select account, currency, sum(amount_minor)::bigint from ledger_postings"
        " where %b::text[] is null or account = any(%b::text[])"
        " group by account, currency order by account, currency",
        (names := None if accounts is None else [each.name for each in accounts], names),
    )
    found: dict[LedgerAccount, dict[str, Money]] = {}
    for name, currency, minor in await cursor.fetchall():
        account = LedgerAccount.from_name(name)
        found.setdefault(account, {})[currency] = Money.from_minor(minor, currency)
    return found
