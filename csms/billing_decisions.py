"""What staff decided about paying for a transaction that they started for a driver.

The decision stands on the transaction and is told with its end. Where the end was told before the
start was found to be staff's, it is told again as a further revision.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from csms import transaction_store
from csms.assembly import assemble
from csms.handlers.finishing import claims_of
from csms.transactions import ended_event
from foundation import outbox
from foundation.events import Event
from foundation.identifiers import TransactionId

_ANNOUNCED = frozenset({"ended", "inferred_end"})


async def decide(
    db: AsyncSession, decisions: Mapping[TransactionId, str], *, now: datetime
) -> None:
    """Write the billing decisions of starts whose transactions were found; repeats change nothing.

    Args:
        db: The unit of work that finds out which transaction a start led to.
        decisions: `token` or `free`, by transaction; unknown transactions are left out.
        now: When it was found out.
    """
    known = await transaction_store.by_id(db, list(decisions))
    changed = []
    events: list[Event] = []
    for number, facts in known.items():
        decision = decisions[TransactionId(number)]
        if facts.billing_decision == decision:
            continue
        facts.billing_decision = decision
        changed.append(facts)
        if facts.state in _ANNOUNCED:
            readings = await transaction_store.registers_of(db, [number])
            facts.revision += 1
            events.append(ended_event(facts, assemble(claims_of(facts, readings.get(number, [])))))
    await transaction_store.change(db, changed)
    if events:
        await outbox.append(db, events, recorded_at=now)
