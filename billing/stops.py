"""Sessions that are to be stopped because their tariff or the hours of their place say so.

The moment is frozen with the terms. When it has come the stop is asked for once; the central
system asks a station that is away again until the session has ended. The plausibility monitor only
flags; this stops.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from foundation.identifiers import TransactionId
from foundation.statements import tuples

AT_MOST: Final = 500


@dataclass(frozen=True, slots=True)
class DueStop:
    """A transaction that was to be stopped at `stop_at`, and is not known to have ended."""

    transaction_id: TransactionId
    stop_at: datetime


_DUE: Final = """
update transaction_terms t set stop_asked_at = %b::timestamptz
from (select transaction_id from transaction_terms
      where stop_at <= %b::timestamptz and stop_asked_at is null
      order by stop_at limit %b::int for update skip locked) as due
where t.transaction_id = due.transaction_id
returning t.transaction_id, t.stop_at,
  exists (select from cdrs c where c.transaction_id = t.transaction_id)
"""


async def take_due(db: AsyncSession, *, now: datetime) -> list[DueStop]:
    """Return what is to be stopped now, each once; whoever takes it asks in this unit of work."""
    found = await tuples(db, _DUE, [now, now, AT_MOST])
    return [
        DueStop(TransactionId(number), stop_at)
        for number, stop_at, has_ended in sorted(found)
        if not has_ended
    ]
