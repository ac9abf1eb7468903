"""The one door to prepaid cards: who sees them, who blocks them, and the note of it.

Cards belong to a provider of their own, so whoever sees providers sees what is on them; a token is
personal, and told only to who may see personal data.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.permissions import Permission
from billing import prepaid
from billing.prepaid import Card
from csms import prepaid_tokens
from foundation.events import TokenStatus
from foundation.money import Money
from portal.guard import Caller

READ: Final = Permission.PROVIDERS_READ
BLOCK: Final = Permission.TOKENS_WRITE

BLOCKED: Final = "prepaid_card.block"
UNBLOCKED: Final = "prepaid_card.unblock"


@dataclass(frozen=True, slots=True)
class ShownCard:
    """A card as the caller may see it; `token` is **** for who may not see personal data."""

    key: str
    token: str
    status: TokenStatus
    balance: Money


def may_block(caller: Caller) -> bool:
    """Tell whether somebody may block cards: he has to see their tokens, too."""
    return all(caller.may(each) for each in (READ, BLOCK, Permission.CRM_READ))


async def cards(
    db: AsyncSession, caller: Caller, *, after: str | None = None, limit: int
) -> list[ShownCard]:
    """Return cards by their tokens' keys, with what is on them.

    Raises:
        PermissionMissing: The caller does not see providers.
    """
    caller.must_have(READ)
    found = await prepaid.cards(db, after=after, limit=limit)
    tokens = await prepaid_tokens.tokens(db, [each.token_key for each in found])
    return [_shown(caller, each, tokens.get(each.token_key)) for each in found]


def _shown(caller: Caller, card: Card, token: prepaid_tokens.CardToken | None) -> ShownCard:
    return ShownCard(
        card.token_key,
        caller.personal(card.token_key if token is None else token.value) or "",
        TokenStatus.INVALID if token is None else token.status,
        card.balance,
    )


async def block(
    db: AsyncSession, caller: Caller, token: str, *, is_blocked: bool, now: datetime
) -> None:
    """Let a card charge no more, or again, and note who did; again changes and notes nothing.

    Raises:
        PermissionMissing: The caller may not.
        NotFound: There is no such card.
    """
    for right in (READ, BLOCK, Permission.CRM_READ):
        caller.must_have(right)
    card = await prepaid.card(db, token)
    if not await prepaid.block(db, card.token_key, is_blocked=is_blocked, now=now):
        return
    await caller.note(
        db,
        BLOCKED if is_blocked else UNBLOCKED,
        f"id_token/{card.token_key}",
        organisation=caller.principal.organisation,
        now=now,
    )
