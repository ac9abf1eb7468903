"""Face: what stations were asked to show a driver at the end of his transaction.

OCPP 2.x has a sentence for the driver in the answer to the last message of a transaction; 1.6 has
none, and a transaction whose end nobody reported has no answer.

Source: OCPP 2.0.1 part 2, I06 (updatedPersonalMessage of TransactionEventResponse).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from csms.display_tables import DisplayMessageRow
from csms.reports import DisplayMessage
from foundation.identifiers import TransactionId


@dataclass(frozen=True, slots=True)
class Shown:
    """A sentence that went to a station's display; whether anybody read it nobody knows."""

    language: str
    content: str
    answered_at: datetime


async def note(
    db: AsyncSession, messages: Mapping[TransactionId, DisplayMessage], *, now: datetime
) -> None:
    """Note what goes to displays with the answers of this unit of work, once for each."""
    if not messages:
        return
    await db.execute(
        insert(DisplayMessageRow)
        .values(
            [
                {
                    "transaction_id": number,
                    "language": each.language,
                    "content": each.content,
                    "answered_at": now,
                }
                for number, each in sorted(messages.items())
            ]
        )
        .on_conflict_do_nothing(index_elements=["transaction_id"])
    )


async def shown(db: AsyncSession, transaction_id: int) -> Shown | None:
    """Return what went to the display at a transaction's end; the caller checked the scope."""
    row = await db.get(DisplayMessageRow, transaction_id)
    return None if row is None else Shown(row.language, row.content, row.answered_at)
