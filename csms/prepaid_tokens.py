"""Tokens of prepaid cards: made with their card, blocked, and how they stand.

What is on a card is billing's; here stands whether its token may charge.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from csms import administration
from csms.administration import TokenSettings
from csms.tables import IdTokenRow, TransactionRow
from foundation.events import TokenStatus
from foundation.identifiers import PartyId, normalised_token


@dataclass(frozen=True, slots=True)
class CardToken:
    """A card's token as it was entered, and its status."""

    value: str
    status: TokenStatus


async def issue(db: AsyncSession, token: str, provider: PartyId, now: datetime) -> bool:
    """Make a token of the provider's, without credit; False: there is such a token.

    Raises:
        InvalidInput: It cannot be a token.
    """
    if await db.get(IdTokenRow, normalised_token(token)) is not None:
        return False
    made = TokenSettings(id_token=token, status=TokenStatus.NO_CREDIT, provider=provider)
    await administration.set_id_tokens(db, [made], now=now)
    return True


async def set_blocked(
    db: AsyncSession, token_key: str, *, is_blocked: bool, has_credit: bool, now: datetime
) -> bool:
    """Block a card's token, or let it charge as far as there is money; tell whether it changed."""
    row = await db.get(IdTokenRow, token_key, with_for_update=True, populate_existing=True)
    if row is None or (row.status == TokenStatus.BLOCKED) == is_blocked:
        return False
    with_money = TokenStatus.ACCEPTED if has_credit else TokenStatus.NO_CREDIT
    row.status, row.changed_at = TokenStatus.BLOCKED if is_blocked else with_money, now
    await db.flush()
    return True


async def sessions(db: AsyncSession, token_key: str) -> dict[int, int | None]:
    """Return a token's transactions with their revision; None: the end is not known for sure."""
    rows = await db.execute(
        select(TransactionRow.id, TransactionRow.state, TransactionRow.revision).where(
            TransactionRow.token_key == token_key
        )
    )
    return {number: revision if state == "ended" else None for number, state, revision in rows}


async def tokens(db: AsyncSession, token_keys: Sequence[str]) -> dict[str, CardToken]:
    """Return how the tokens of cards stand, by their keys."""
    rows = await db.scalars(
        select(IdTokenRow)
        .where(IdTokenRow.key.in_(token_keys))
        .execution_options(populate_existing=True)
    )
    return {row.key: CardToken(row.value, TokenStatus(row.status)) for row in rows}
