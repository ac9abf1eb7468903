"""The one door to prepaid cards: who sees them, who blocks them, and the note of it.

Cards belong to a provider of their own, so whoever sees providers sees what is on them; a token is
personal, and told only to who may see personal data.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.permissions import Permission
from billing import prepaid
from billing.prepaid import Booking, Card
from csms import prepaid_tokens
from foundation.events import TokenStatus
from foundation.money import Money
from portal.guard import Caller

READ: Final = Permission.PROVIDERS_READ
BLOCK: Final = Permission.TOKENS_WRITE

BLOCKED: Final = "prepaid_card.block"
UNBLOCKED: Final = "prepaid_card.unblock"
ISSUED: Final = "prepaid_card.issue"
TOPPED_UP: Final = "prepaid_card.top_up"
PAID_OUT: Final = "prepaid_card.pay_out"


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


async def card(db: AsyncSession, caller: Caller, token: str) -> ShownCard:
    """Return one card.

    Raises:
        NotFound: There is none with this token.
    """
    found = await prepaid.card(db, token)
    tokens = await prepaid_tokens.tokens(db, [found.token_key])
    return _shown(caller, found, tokens.get(found.token_key))


async def bookings(db: AsyncSession, caller: Caller, token: str, *, limit: int) -> list[Booking]:
    """Return what came onto a card and went off it, the newest first.

    Raises:
        PermissionMissing: The caller may not see personal data: what he asks for names a token.
        NotFound: There is no such card.
    """
    caller.must_have(Permission.CRM_READ)
    return await prepaid.bookings(db, token, limit=limit)


async def issue(
    db: AsyncSession, caller: Caller, token: str, currency: str, *, now: datetime
) -> ShownCard:
    """Issue a card with its token, and note who did.

    Raises:
        CardExists, TokenTaken: There is such a card or token.
        InvalidInput: It cannot be a token, or there is no such currency.
    """
    caller.must_have(Permission.CRM_READ)
    made = await prepaid.issue(db, token, currency, by=caller.principal.id, now=now)
    await _note(db, caller, ISSUED, made.token_key, {"currency": currency}, now)
    return await card(db, caller, made.token_key)


async def top_up(
    db: AsyncSession, caller: Caller, token: str, amount: Decimal, receipt: str, *, now: datetime
) -> ShownCard:
    """Put money on a card once by the receipt's number, and note who did.

    Raises:
        NotFound: There is no such card.
        InvalidInput: The amount cannot be put there.
        OtherTopUp: The receipt's number stands for other money.
    """
    caller.must_have(Permission.CRM_READ)
    before = await prepaid.card(db, token)
    money = Money(amount, before.balance.currency)
    after = await prepaid.top_up(db, token, money, key=receipt, by=caller.principal.id, now=now)
    said = {"amount": money.text, "currency": money.currency, "receipt": receipt}
    if after.balance != before.balance:  # the same receipt again did nothing
        await _note(db, caller, TOPPED_UP, after.token_key, said, now)
    return await card(db, caller, token)


async def pay_out(
    db: AsyncSession, caller: Caller, token: str, receipt: str, *, now: datetime
) -> Booking:
    """Pay out what is left on a card, and note who did.

    Raises:
        NotFound: There is no such card.
        StillCharges, NothingLeft, OtherTopUp: It cannot be paid out, as these say.
    """
    caller.must_have(Permission.CRM_READ)
    its = await prepaid.card(db, token)
    paid = await prepaid.pay_out(db, token, key=receipt, by=caller.principal.id, now=now)
    said = {"amount": paid.amount.text, "currency": paid.amount.currency, "receipt": receipt}
    if paid.booked_at == now:  # the same receipt again did nothing
        await _note(db, caller, PAID_OUT, its.token_key, said, now)
    return paid


async def _note(
    db: AsyncSession, caller: Caller, deed: str, key: str, after: object, now: datetime
) -> None:
    home = caller.principal.organisation
    await caller.note(db, deed, f"id_token/{key}", organisation=home, after=after, now=now)
