"""What a transaction begins with: its place, its token, its owner, frozen as of its start.

Also transactions whose start was never seen: they begin with the first thing that is heard of
them, under the key that they would have had.

Source: OCPP 1.6 edition 2, section 4.8; OCPP 2.0.1 part 2, E01 and E02.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from csms import token_store, transaction_store
from csms.handlers.authorization import id_token_info, needs_no_token, token_status
from csms.handlers.context import HandlerContext, Presented
from csms.reports import (
    AuthorizationStatus,
    IdTokenInfo,
    OcppVersion,
    TransactionEndReport,
    TransactionReport,
    TransactionStartReport,
    TransactionUpdateReport,
)
from csms.skew import CorrectedMoment
from csms.token_store import Shown, TokenFacts
from csms.transaction_store import Surroundings
from csms.transactions import TransactionFacts, moment_of
from foundation.events import EndBasis, TokenStatus
from foundation.identifiers import IdToken, OrganisationKey
from foundation.statements import Asked, together, write

Key = tuple[str, str]
"""A transaction's station and natural key."""


def tokens_at(
    reports: Sequence[TransactionReport], moments: Sequence[CorrectedMoment]
) -> Asked[list[TokenFacts | None]]:
    """Ask what is known of the reports' tokens at these moments."""
    return token_store.tokens(
        [
            Shown(
                report.origin.station,
                report.id_token.key if report.id_token else "",
                moment.at,
                _evse(report),
            )
            for report, moment in zip(reports, moments, strict=True)
        ]
    )


def places_at(
    reports: Sequence[TransactionReport], moments: Sequence[CorrectedMoment]
) -> Asked[list[Surroundings]]:
    """Ask what holds at the reports' places at these moments."""
    return transaction_store.surroundings(
        [
            (report.origin.station, _evse(report), report.connector_id or 0, moment.at)
            for report, moment in zip(reports, moments, strict=True)
        ]
    )


def begun(
    number: int,
    report: TransactionReport,
    ref: str,
    moment: CorrectedMoment,
    place: Surroundings,
    token: TokenFacts | None,
    concurrency: int,
) -> TransactionFacts:
    """Return a new transaction with everything that holds at its corrected start."""
    started = isinstance(report, TransactionStartReport)
    start_wh = report.meter_start_wh if isinstance(report, TransactionStartReport) else None
    facts = TransactionFacts(
        id=number,
        station=report.origin.station,
        ref=ref,
        generation=0,
        station_number=None,
        version=report.origin.version,
        evse_id=_evse(report),
        connector_id=report.connector_id or 0,
        state="active",
        revision=0,
        basis=None,
        owner=place.owner,
        location=place.location,
        time_zone=place.time_zone,
        free_vend=place.free_vend,
        station_waiting=place.waiting,
        max_power_w=place.max_power_w,
        id_token=None,
        id_token_type=None,
        token_key=None,
        token_status=None,
        token_organisation=None,
        token_provider=None,
        authorization_status=None,
        start_seen=started,
        offline=report.offline,
        started_at=moment.at,
        start_reported_at=report.at,
        start_received_at=report.origin.received_at,
        reported_start_wh=start_wh,
        meter_start_wh=None if start_wh is None or start_wh < 0 else start_wh,
        remote_start_id=(
            report.remote_start_id if isinstance(report, TransactionStartReport) else None
        ),
        reservation_id=report.reservation_id
        if isinstance(report, TransactionStartReport)
        else None,
        first_seq_no=report.seq_no if started else None,
        clock_wrong=moment.doubtful,
        charging_state=report.charging_state,
        available_since=None,
        queue_asked_at=None,
        ended_at=None,
        end_reported_at=None,
        end_received_at=None,
        end_seq_no=None,
        reported_stop_wh=None,
        meter_stop_wh=None,
        stop_reason=None,
        energy_wh=None,
        energy_basis=None,
        doubts=[],
        conflicting_ends=0,
    )
    is_stop = token is not None and token.is_master_pass and not releases(report)
    give_token(facts, None if is_stop else report.id_token, token, concurrency)
    return facts


def releases(report: TransactionReport) -> bool:
    """Tell whether a token in a report is presented to charge, and not to stop."""
    is_end = isinstance(report, TransactionEndReport)
    return not is_end and report.trigger != "StopAuthorized"


def give_token(
    facts: TransactionFacts, presented: IdToken | None, token: TokenFacts | None, concurrency: int
) -> None:
    """Freeze on a transaction whose token started it, as of the start."""
    if presented is None:
        if facts.free_vend:
            facts.authorization_status = AuthorizationStatus.ACCEPTED
        elif facts.start_seen and facts.version == OcppVersion.V16:
            facts.authorization_status = AuthorizationStatus.INVALID
        return
    facts.id_token = presented.value
    facts.id_token_type = presented.type
    facts.token_key = presented.key
    if needs_no_token(presented) or facts.free_vend:
        facts.authorization_status = AuthorizationStatus.ACCEPTED
    else:
        facts.authorization_status = id_token_info(
            token, facts.started_at, concurrency, presented=presented, is_start=True
        ).status
    facts.token_status = token_status(token, facts.started_at)
    if token is not None:
        facts.token_organisation = token.organisation
        facts.token_provider = token.provider
        facts.token_group = token.group_id


def access_rules(context: HandlerContext) -> Asked[object | None]:
    """Ask for what may keep tokens out somewhere; None if nothing does."""
    if context.access is None:
        return Asked("select 1", [], lambda _: None)
    return context.access.rules()


async def keep_out(
    db: AsyncSession,
    context: HandlerContext,
    rules: object | None,
    beginning: Sequence[tuple[TransactionFacts, datetime]],
) -> set[int]:
    """Block good tokens by which charging began where or when they may not; return by whose.

    A station that decides by its list, its cache or by itself asks nobody before (1.6, 4.8: a start
    is checked anyway).

    Args:
        db: A unit of work.
        context: Who decides.
        rules: As `access_rules` found them.
        beginning: Transactions with the moment at which their token was presented.

    Returns:
        The numbers of the transactions that were blocked.
    """
    if context.access is None or rules is None:
        return set()
    good = [
        (facts, at)
        for facts, at in beginning
        if facts.authorization_status == AuthorizationStatus.ACCEPTED
        and facts.token_status is not None
        and not facts.free_vend
    ]
    refused = await context.access.refused(db, rules, [_presented(*each) for each in good])
    blocked = [facts for (facts, _), is_refused in zip(good, refused, strict=True) if is_refused]
    for facts in blocked:
        facts.authorization_status = AuthorizationStatus.BLOCKED
    return {facts.id for facts in blocked}


def _presented(facts: TransactionFacts, at: datetime) -> Presented:
    assert facts.token_key is not None, "it has a status"
    return Presented(
        station=facts.station,
        location=facts.location,
        owner=OrganisationKey(facts.owner),
        time_zone=facts.time_zone,
        at=at,
        token_key=facts.token_key,
        token_organisation=(
            OrganisationKey(facts.token_organisation) if facts.token_organisation else None
        ),
        token_provider=facts.token_provider,
        token_group=facts.token_group,
    )


_OF_START = (
    "version",
    "evse_id",
    "connector_id",
    "owner",
    "location",
    "time_zone",
    "free_vend",
    "station_waiting",
    "max_power_w",
    "start_seen",
    "offline",
    "started_at",
    "start_reported_at",
    "start_received_at",
    "reported_start_wh",
    "meter_start_wh",
    "remote_start_id",
    "reservation_id",
    "first_seq_no",
)
"""What a start says, and what is frozen by it; the token beside."""

_OF_TOKEN = (
    "id_token",
    "id_token_type",
    "token_key",
    "token_status",
    "token_organisation",
    "token_provider",
    "token_group",
    "authorization_status",
)


def completed(before: TransactionFacts, start: TransactionFacts) -> TransactionFacts:
    """Return a transaction known from later reports, now with its start and what it froze.

    All else stays as it is: what later reports said, and what people decided and corrected since.
    """
    whole = copy(before)
    for name in (*_OF_START, *(_OF_TOKEN if start.id_token is not None else ())):
        setattr(whole, name, getattr(start, name))
    whole.authorization_status = whole.authorization_status or start.authorization_status
    if whole.basis == EndBasis.ADOPTED:
        whole.basis = EndBasis.REPORTED
    whole.clock_wrong = start.clock_wrong or before.clock_wrong
    whole.charging_state = before.charging_state or start.charging_state
    whole.available_since = None
    return whole


async def look_up_again(db: AsyncSession, facts: TransactionFacts) -> None:
    """Look up anew what is dated of a transaction whose start was corrected: owner and holder.

    What is not dated stays as it was frozen: a card that was blocked since was good then.
    """
    moment = facts.started_at
    [token], [place] = await together(
        db,
        token_store.tokens([Shown(facts.station, facts.token_key or "", moment)]),
        transaction_store.surroundings(
            [(facts.station, facts.evse_id, facts.connector_id, moment)]
        ),
    )
    facts.owner = place.owner
    if token is None:
        return
    facts.token_organisation = token.organisation
    facts.token_provider = token.provider
    status = token_status(token, moment)
    if status is None or facts.token_status is None or {status, facts.token_status} <= _BY_DATE:
        facts.token_status = status


_BY_DATE = frozenset({TokenStatus.ACCEPTED, TokenStatus.EXPIRED})


async def of_refs(
    db: AsyncSession,
    context: HandlerContext,
    reports: Sequence[TransactionUpdateReport | TransactionEndReport],
) -> dict[Key, TransactionFacts]:
    """Return the transactions of 2.x reports, made from the report where the start is missing."""
    keyed = {(str(each.origin.station), f"2|{each.ref}"): each for each in reports}
    known = await transaction_store.by_ref(db, list(keyed))
    missing = {key: report for key, report in keyed.items() if key not in known}
    if missing:
        known |= await adopted(db, context, missing)
    return known


async def adopted(
    db: AsyncSession,
    context: HandlerContext,
    missing: Mapping[Key, TransactionUpdateReport | TransactionEndReport],
) -> dict[Key, TransactionFacts]:
    """Make transactions from reports whose start was never seen, by natural key."""
    reports = list(missing.values())
    moments = [moment_of(report) for report in reports]
    numbers, tokens, places = await together(
        db,
        transaction_store.numbers(len(reports)),
        tokens_at(reports, moments),
        places_at(reports, moments),
    )
    made = {
        key: begun(number, report, key[1], moment, place, token, context.token_concurrency)
        for number, (key, report), moment, place, token in zip(
            numbers, missing.items(), moments, places, tokens, strict=True
        )
    }
    await write(db, transaction_store.adding(list(made.values())))
    return made


async def take_tokens(
    db: AsyncSession,
    context: HandlerContext,
    transactions: Sequence[TransactionFacts],
    reports: Sequence[TransactionUpdateReport | TransactionEndReport],
) -> tuple[list[IdTokenInfo | None], list[TransactionFacts]]:
    """Answer tokens presented in mid-transaction; the first one a transaction gets is its payer.

    Returns:
        The answers, and the transactions that got their payer by them.
    """
    if all(report.id_token is None for report in reports):
        return [None] * len(reports), []
    tokens, rules = await together(db, presented_in(transactions, reports), access_rules(context))
    infos, changed = judged(transactions, reports, tokens, context.token_concurrency)
    paid = {facts.id for facts in changed}
    shown = {
        facts.id: (facts, moment_of(report).at)
        for facts, report in zip(transactions, reports, strict=True)
        if facts.id in paid and report.id_token is not None and releases(report)
    }
    blocked = await keep_out(db, context, rules, list(shown.values()))
    for place, (facts, info) in enumerate(zip(transactions, infos, strict=True)):
        if facts.id in blocked and info is not None:
            infos[place] = IdTokenInfo(AuthorizationStatus.BLOCKED, languages=info.languages)
    await transaction_store.change(db, changed)
    return infos, changed


def presented_in(
    transactions: Sequence[TransactionFacts],
    reports: Sequence[TransactionUpdateReport | TransactionEndReport],
) -> Asked[list[TokenFacts | None]]:
    """Ask what is known of the tokens in reports, as of the transactions' starts."""
    return token_store.tokens(
        [
            Shown(
                report.origin.station,
                report.id_token.key,
                facts.started_at,
                facts.evse_id,
                moment_of(report).at,
            )
            for facts, report in zip(transactions, reports, strict=True)
            if report.id_token is not None
        ]
    )


def judged(
    transactions: Sequence[TransactionFacts],
    reports: Sequence[TransactionUpdateReport | TransactionEndReport],
    tokens: Sequence[TokenFacts | None],
    concurrency: int,
) -> tuple[list[IdTokenInfo | None], list[TransactionFacts]]:
    """Return how the tokens of `presented_in` are answered, and who got a payer by them.

    A token by which charging begins is held against `concurrency`, the number of transactions
    that it may have at once. One that was refused is judged anew when it is shown again.
    """
    infos: list[IdTokenInfo | None] = []
    changed = []
    known = iter(tokens)
    for facts, report in zip(transactions, reports, strict=True):
        presented = report.id_token
        if presented is None:
            infos.append(None)
            continue
        token = next(known)
        is_new = facts.id_token is None
        is_start = releases(report) and (is_new or _was_refused(facts, presented))
        allowed = concurrency if is_start else 0
        infos.append(
            IdTokenInfo(AuthorizationStatus.ACCEPTED)
            if needs_no_token(presented) or facts.free_vend
            else id_token_info(
                token,
                report.origin.received_at,
                allowed,
                presented=presented,
                is_start=is_start,
            )
        )
        # Who stops somebody's charging by the master pass does not pay for it (C16).
        is_stop = token is not None and token.is_master_pass and not releases(report)
        if (is_new or is_start) and not is_stop:
            give_token(facts, presented, token, allowed)
            changed.append(facts)
    return infos, changed


def _was_refused(facts: TransactionFacts, presented: IdToken) -> bool:
    """Tell whether this token is this transaction's, and was not accepted."""
    is_its_own = facts.token_key == presented.key
    return is_its_own and facts.authorization_status != AuthorizationStatus.ACCEPTED


def _evse(report: TransactionReport) -> int:
    """The EVSE a report is about; stations with one place often leave it out, or say 0."""
    return report.evse_id or 1
