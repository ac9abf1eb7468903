"""Authorization: may this driver charge here?

Exactly one of Accepted, Blocked, Expired, Invalid, ConcurrentTx or NoCredit. A token that nobody
answers for, neither an organisation nor a provider, is Invalid.

Source: OCPP 1.6 edition 2, section 3.1 and 4.1; OCPP 2.0.1 part 2, block C.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from csms import store
from csms.handlers.context import HandlerContext
from csms.reports import AuthorizationStatus, AuthorizeAnswer, AuthorizeReport, IdTokenInfo
from csms.store import TokenFacts
from foundation.events import TokenStatus
from foundation.identifiers import IdToken

_REFUSALS = {
    TokenStatus.BLOCKED: AuthorizationStatus.BLOCKED,
    TokenStatus.EXPIRED: AuthorizationStatus.EXPIRED,
    TokenStatus.INVALID: AuthorizationStatus.INVALID,
    TokenStatus.NO_CREDIT: AuthorizationStatus.NO_CREDIT,
}


def token_status(token: TokenFacts | None, at: datetime) -> TokenStatus | None:
    """Return a token's status at a moment; None if nobody answers for it."""
    if token is None or (token.organisation is None and token.provider is None):
        return None
    status = TokenStatus(token.status)
    if status is TokenStatus.ACCEPTED and token.valid_until and token.valid_until <= at:
        return TokenStatus.EXPIRED
    return status


def id_token_info(token: TokenFacts | None, at: datetime, concurrency: int) -> IdTokenInfo:
    """Return how a token is answered.

    Args:
        token: What is known of it; None for an unknown token.
        at: The moment that its validity is looked up at.
        concurrency: How many transactions a token may have at once; 0 for any number.
    """
    status = token_status(token, at)
    if token is None or status is None:
        return IdTokenInfo(AuthorizationStatus.INVALID)
    if status in _REFUSALS:
        return IdTokenInfo(_REFUSALS[status])
    if concurrency and token.active >= concurrency:
        return IdTokenInfo(AuthorizationStatus.CONCURRENT_TX)
    group = IdToken(token.group_id) if token.group_id else None
    return IdTokenInfo(AuthorizationStatus.ACCEPTED, group, token.valid_until)


def needs_no_token(token: IdToken | None) -> bool:
    """Tell whether a station says that it charges without authorization (C01, C02)."""
    return token is not None and token.type == "NoAuthorization"


async def authorize(
    db: AsyncSession, context: HandlerContext, reports: Sequence[AuthorizeReport]
) -> list[AuthorizeAnswer]:
    """Answer whether the drivers may charge, from what is known of their tokens now.

    A token that charges at *another* station already is answered ConcurrentTx; at its own station
    it is presented to end the transaction.
    """
    asked = [
        (
            report.origin.station,
            report.id_token.key if report.id_token else "",
            report.origin.received_at,
        )
        for report in reports
    ]
    tokens = await store.tokens_of(db, asked)
    return [
        AuthorizeAnswer(
            IdTokenInfo(AuthorizationStatus.ACCEPTED)
            if needs_no_token(report.id_token)
            else id_token_info(token, report.origin.received_at, context.token_concurrency)
        )
        for report, token in zip(reports, tokens, strict=True)
    ]
