"""Face: what stations were asked to show a driver at the end of his transaction; in his language.

OCPP 2.x has a sentence for the driver in the answer to the last message of a transaction; 1.6 has
none, and a transaction whose end nobody reported has no answer. The languages of the driver's token
go before those of his contract: whoever lends his card says so.

Source: OCPP 2.0.1 part 2, I06 (updatedPersonalMessage of TransactionEventResponse),
IdTokenInfoType.language1 and language2.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from csms.display_tables import DisplayMessageRow
from csms.reports import DisplayMessage
from csms.tables import IdTokenRow
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


async def languages_of(db: AsyncSession, keys: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the languages that tokens name, by their keys; those that name none are left out."""
    if not keys:
        return {}
    found = await db.execute(
        select(IdTokenRow.key, IdTokenRow.language1, IdTokenRow.language2).where(
            IdTokenRow.key.in_(sorted(set(keys))),
            or_(IdTokenRow.language1.is_not(None), IdTokenRow.language2.is_not(None)),
        )
    )
    return {key: tuple(each for each in said if each) for key, *said in found}


async def shown(db: AsyncSession, transaction_id: int) -> Shown | None:
    """Return what went to the display at a transaction's end; the caller checked the scope."""
    row = await db.get(DisplayMessageRow, transaction_id)
    return None if row is None else Shown(row.language, row.content, row.answered_at)
