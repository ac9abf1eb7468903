"""What staff decided about paying for a transaction: as they started it, or while it ran.

The decision stands on the transaction and is told with its end. Where the end was told before the
start was found to be staff's, it is told again as a further revision.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from csms import charging, reading_store, transaction_store
from csms.handlers.finishing import ANNOUNCED, whole_of
from csms.transactions import ended_event
from foundation import outbox
from foundation.errors import Conflict
from foundation.events import Event
from foundation.identifiers import OrganisationKey, TransactionId

FREE = "free"
UNTIL = "until:"
"""What the decision begins with that stops the billing; the moment follows."""


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
        if facts.billing_decision == decision or _is_more_generous(facts.billing_decision):
            continue
        facts.billing_decision = decision
        changed.append(facts)
        if facts.state in ANNOUNCED:
            readings = await reading_store.registers_of(db, [number])
            facts.revision += 1
            events.append(ended_event(facts, whole_of(facts, readings.get(number, []))))
    await transaction_store.change(db, changed)
    if events:
        await outbox.append(db, events, recorded_at=now)


def billed_until(decision: str | None) -> datetime | None:
    """Return from when on nothing is charged, if the decision says so."""
    if decision is None or not decision.startswith(UNTIL):
        return None
    return datetime.fromisoformat(decision.removeprefix(UNTIL))


def _is_more_generous(before: str | None) -> bool:
    """Tell whether what was decided already leaves no room: what was given is not taken back."""
    return before is not None and (before == FREE or before.startswith(UNTIL))


class BillingOver(Conflict):
    """The transaction has ended, so that there is nothing left to stop."""

    code = "transaction_ended"

    def __init__(self, number: TransactionId) -> None:
        super().__init__(f"Transaction {number} has ended.")


async def stop_billing(
    db: AsyncSession, scope: Scope, number: TransactionId, *, now: datetime
) -> OrganisationKey:
    """Let nothing be charged of a running transaction from now on; repeats change nothing.

    Returns:
        Whose transaction it is.

    Raises:
        NotFound: There is no such transaction in scope.
        BillingOver: It has ended.
    """
    found = await charging.transaction(db, scope, number)
    if found.state != "active":
        raise BillingOver(number)
    await decide(db, {number: f"{UNTIL}{now.astimezone(UTC).isoformat()}"}, now=now)
    return found.owner
