"""Authorization: may this driver charge here?

Exactly one of Accepted, Blocked, Expired, Invalid, ConcurrentTx or NoCredit. A token that nobody
answers for, neither an organisation nor a provider, is Invalid; one that is good but not here, or
not now, is Blocked.

Source: OCPP 1.6 edition 2, section 3.1 and 4.1; OCPP 2.0.1 part 2, block C.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from csms import token_store, transaction_store
from csms.handlers.context import AccessControl, HandlerContext, Presented
from csms.reports import AuthorizationStatus, AuthorizeAnswer, AuthorizeReport, IdTokenInfo
from csms.token_store import Shown, TokenFacts
from foundation.events import TokenStatus
from foundation.identifiers import IdToken, OrganisationKey
from foundation.statements import ask, together

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


def is_of_its_kind(token: TokenFacts, presented: IdToken | None) -> bool:
    """Tell whether a token may be presented in this way.

    A vehicle's MAC address can be imitated by anybody who has heard it once. It counts only where
    somebody registered it as one: it is never taken for a card of the same digits.
    """
    return presented is None or presented.type != "MacAddress" or token.type == "MacAddress"


def id_token_info(
    token: TokenFacts | None,
    at: datetime,
    concurrency: int,
    *,
    presented: IdToken | None = None,
    is_start: bool = False,
) -> IdTokenInfo:
    """Return how a token is answered.

    A token of the master-pass group stops any transaction of the station, and starts none: asked
    about it is accepted with its group, by which the station knows it (C16).

    Args:
        token: What is known of it; None for an unknown token.
        at: The moment that its validity is looked up at.
        concurrency: How many transactions a token may have at once; 0 for any number.
        presented: As the station named it; None where that does not matter.
        is_start: Whether charging begins by it.
    """
    status = token_status(token, at)
    if token is None or status is None or not is_of_its_kind(token, presented):
        return IdTokenInfo(AuthorizationStatus.INVALID)
    said = token.languages
    if status in _REFUSALS:
        return IdTokenInfo(_REFUSALS[status], languages=said)
    if is_start and token.is_master_pass:
        return IdTokenInfo(AuthorizationStatus.BLOCKED, languages=said)
    # Asked about at its own station, it may be presented to end what it charges there.
    active = token.active + (token.active_here if is_start else 0)
    if concurrency and active >= concurrency:
        return IdTokenInfo(AuthorizationStatus.CONCURRENT_TX, languages=said)
    group = IdToken(token.group_id) if token.group_id else None
    return IdTokenInfo(AuthorizationStatus.ACCEPTED, group, token.valid_until, said)


def needs_no_token(token: IdToken | None) -> bool:
    """Tell whether a station says that it charges without authorization (C01, C02)."""
    return token is not None and token.type == "NoAuthorization"


async def authorize(
    db: AsyncSession, context: HandlerContext, reports: Sequence[AuthorizeReport]
) -> list[AuthorizeAnswer]:
    """Answer whether the drivers may charge, from what is known of their tokens now.

    A token that charges at *another* station already is answered ConcurrentTx; at its own station
    it is presented to end the transaction, or is answered so when a second one begins.
    """
    asked = [
        Shown(
            report.origin.station,
            report.id_token.key if report.id_token else "",
            report.origin.received_at,
        )
        for report in reports
    ]
    rules = None
    if context.access is None:
        tokens = await token_store.tokens_of(db, asked)
    else:
        tokens, rules = await together(db, token_store.tokens(asked), context.access.rules())
    answers = [
        AuthorizeAnswer(
            IdTokenInfo(AuthorizationStatus.ACCEPTED)
            if needs_no_token(report.id_token)
            else id_token_info(
                token,
                report.origin.received_at,
                context.token_concurrency,
                presented=report.id_token,
            )
        )
        for report, token in zip(reports, tokens, strict=True)
    ]
    if context.access is not None and rules is not None:
        answers = await _with_access(db, context.access, rules, reports, tokens, answers)
    return await _with_free_vend(db, reports, answers)


async def _with_free_vend(
    db: AsyncSession, reports: Sequence[AuthorizeReport], answers: list[AuthorizeAnswer]
) -> list[AuthorizeAnswer]:
    """Accept whatever is presented at a free-vend station: there everybody charges for nothing.

    Its start is accepted as well (`csms.handlers.beginning.give_token`). Such stations present a
    token of their own, which nobody knows.
    """
    refused = [
        index
        for index, each in enumerate(answers)
        if each.id_token_info.status is not AuthorizationStatus.ACCEPTED
    ]
    if not refused:
        return answers
    asked = [reports[index].origin for index in refused]
    places = await ask(
        db,
        transaction_store.surroundings([(each.station, 1, 0, each.received_at) for each in asked]),
    )
    for index, place in zip(refused, places, strict=True):
        if place.free_vend:
            answers[index] = AuthorizeAnswer(IdTokenInfo(AuthorizationStatus.ACCEPTED))
    return answers


async def _with_access(
    db: AsyncSession,
    access: AccessControl,
    rules: object,
    reports: Sequence[AuthorizeReport],
    tokens: Sequence[TokenFacts | None],
    answers: list[AuthorizeAnswer],
) -> list[AuthorizeAnswer]:
    """Refuse the good tokens that may not charge where they are presented, or not now.

    Whoever charges there may end it at any time: no rule keeps out a token that is presented at
    the station where it, or another of its group, has a running transaction.
    """
    good = [
        (index, report, token)
        for index, (report, token) in enumerate(zip(reports, tokens, strict=True))
        if token is not None
        and not token.is_master_pass  # it charges nowhere
        and answers[index].id_token_info.status is AuthorizationStatus.ACCEPTED
    ]
    presented = await _presented(db, [(report, token) for _, report, token in good])
    refused = [
        (index, each)
        for (index, _, _), each, is_refused in zip(
            good, presented, await access.refused(db, rules, presented), strict=True
        )
        if is_refused
    ]
    if not refused:
        return answers
    charging = await ask(
        db,
        transaction_store.charging_there(
            [(each.station, each.token_key, each.token_group) for _, each in refused]
        ),
    )
    for (index, _), is_charging in zip(refused, charging, strict=True):
        if not is_charging:
            said = answers[index].id_token_info.languages
            answers[index] = AuthorizeAnswer(
                IdTokenInfo(AuthorizationStatus.BLOCKED, languages=said)
            )
    return answers


async def _presented(
    db: AsyncSession, known: Sequence[tuple[AuthorizeReport, TokenFacts]]
) -> list[Presented]:
    """Return what is known of tokens and of where they are presented."""
    places = await ask(
        db,
        transaction_store.surroundings(
            [(each.origin.station, 1, 0, each.origin.received_at) for each, _ in known]
        ),
    )
    return [
        Presented(
            station=report.origin.station,
            location=place.location,
            owner=OrganisationKey(place.owner),
            time_zone=place.time_zone,
            at=report.origin.received_at,
            token_key=token.key,
            token_organisation=OrganisationKey(token.organisation) if token.organisation else None,
            token_provider=token.provider,
            token_group=token.group_id,
        )
        for (report, token), place in zip(known, places, strict=True)
    ]


async def presented_at(db: AsyncSession, reports: Sequence[AuthorizeReport]) -> list[Presented]:
    """Return what is known of tokens that were accepted, and of where they are presented."""
    asked = [
        Shown(
            report.origin.station,
            report.id_token.key if report.id_token else "",
            report.origin.received_at,
        )
        for report in reports
    ]
    tokens = await token_store.tokens_of(db, asked)
    known = []
    for report, token in zip(reports, tokens, strict=True):
        assert token is not None, "it was accepted"
        known.append((report, token))
    return await _presented(db, known)
