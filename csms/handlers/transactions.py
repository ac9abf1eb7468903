"""Transactions: a station reports that charging began, went on, or ended.

A report can be hours late, because a station queues it while offline, and it can come twice,
because a station resends until it is answered, under a new message id. So every handler here
takes old moments as they are, knows reports by what they say, and gives the same answer to the
same report. Nothing is refused: a refusal makes a station send again and then drop it.

Source: OCPP 1.6 edition 2, sections 3.7, 4.7, 4.8 and 4.10; OCPP 2.0.1 part 2, block E.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from csms import store, transaction_store
from csms.handlers import finishing
from csms.handlers.authorization import id_token_info, needs_no_token, token_status
from csms.handlers.context import HandlerContext
from csms.reports import (
    AuthorizationStatus,
    IdTokenInfo,
    MeterReport,
    OcppVersion,
    TransactionEndAnswer,
    TransactionEndReport,
    TransactionReport,
    TransactionStartAnswer,
    TransactionStartReport,
    TransactionUpdateAnswer,
    TransactionUpdateReport,
)
from csms.skew import CorrectedMoment, is_implausible
from csms.store import TokenFacts
from csms.transaction_store import Known, NewReading, NewReport, Surroundings
from csms.transactions import (
    TransactionFacts,
    digest,
    is_own_number,
    is_repeated_start,
    measured_at,
    moment_of,
    start_ref,
    started_event,
    unknown_end_ref,
)
from foundation import outbox
from foundation.events import EndBasis, Event
from foundation.identifiers import IdToken, TransactionId
from foundation.statements import ask, together

Asked = TypeVar("Asked", bound=TransactionReport)


async def transactions_started(
    db: AsyncSession, context: HandlerContext, reports: Sequence[TransactionStartReport]
) -> list[TransactionStartAnswer]:
    """Record the starts of transactions, freeze what holds at the start, announce each once.

    Also a start with a refused token becomes a transaction: the energy may have flowed.
    """
    keys = [(report.origin.station, start_ref(report)) for report in reports]
    known: dict[tuple[str, str], TransactionFacts] = {
        **await transaction_store.by_ref(db, [(str(station), ref) for station, ref in keys])
    }
    first: dict[tuple[str, str], TransactionStartReport] = {}
    for key, report in zip(keys, reports, strict=True):
        facts = known.get(key)
        if facts is None or not facts.start_seen or not is_repeated_start(facts, report):
            first.setdefault(key, report)
    if first:
        known.update(await _record_starts(db, context, first, known))
    tokens = await ask(
        db,
        store.tokens(
            [
                (
                    report.origin.station,
                    report.id_token.key if report.id_token else "",
                    known[key].started_at,
                )
                for key, report in zip(keys, reports, strict=True)
            ]
        ),
    )
    return [
        _start_answer(known[key], report, token)
        for key, report, token in zip(keys, reports, tokens, strict=True)
    ]


async def _record_starts(
    db: AsyncSession,
    context: HandlerContext,
    starts: dict[tuple[str, str], TransactionStartReport],
    known: dict[tuple[str, str], TransactionFacts],
) -> dict[tuple[str, str], TransactionFacts]:
    """Insert new transactions, and complete those whose start comes after other reports."""
    reports = list(starts.values())
    made = await _frozen(db, context, reports)
    new, late = [], []
    for key, facts in zip(starts, made, strict=True):
        before = known.get(key)
        if before is None:
            new.append(facts)
        elif before.start_seen:
            facts.generation = before.generation + 1
            new.append(facts)
        else:
            late.append(_completed(before, facts))
    added = await transaction_store.add(db, new) if new else []
    await transaction_store.change(db, late)
    fresh = {(each.station, each.ref): each for each in (*late, *added)}
    raced = [key for key in starts if key not in fresh]
    if raced:  # somebody else inserted it at this very moment: the answer is theirs
        fresh |= await transaction_store.by_ref(db, raced)

    await _keep(db, [(fresh[key], "start", report) for key, report in starts.items()])
    if late or added:
        await ask(db, transaction_store.linking([*late, *added]))
    events: list[Event] = [started_event(facts) for facts in (*late, *added)]
    events += await finishing.end_predecessors(db, added)
    ended = [facts for facts in late if facts.state != "active"]
    events += await finishing.finish(db, ended)
    await outbox.append(db, events, recorded_at=context.clock.now())
    return fresh


async def _frozen(
    db: AsyncSession, context: HandlerContext, reports: Sequence[TransactionStartReport]
) -> list[TransactionFacts]:
    """Return new transactions with everything that holds at their corrected start."""
    moments = [moment_of(report) for report in reports]
    tokens, places = await _circumstances(db, reports, moments)
    return [
        _transaction(report, start_ref(report), moment, place, token, context.token_concurrency)
        for report, moment, place, token in zip(reports, moments, places, tokens, strict=True)
    ]


async def _circumstances(
    db: AsyncSession, reports: Sequence[TransactionReport], moments: Sequence[CorrectedMoment]
) -> tuple[list[TokenFacts | None], list[Surroundings]]:
    """Return what is known of the tokens and the places of reports at these moments."""
    return await together(
        db,
        store.tokens(
            [
                (report.origin.station, report.id_token.key if report.id_token else "", moment.at)
                for report, moment in zip(reports, moments, strict=True)
            ]
        ),
        transaction_store.surroundings(
            [
                (report.origin.station, _evse(report), report.connector_id or 0, moment.at)
                for report, moment in zip(reports, moments, strict=True)
            ]
        ),
    )


def _transaction(
    report: TransactionReport,
    ref: str,
    moment: CorrectedMoment,
    place: Surroundings,
    token: TokenFacts | None,
    concurrency: int,
) -> TransactionFacts:
    started = isinstance(report, TransactionStartReport)
    start_wh = report.meter_start_wh if isinstance(report, TransactionStartReport) else None
    facts = TransactionFacts(
        id=0,
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
    _give_token(facts, report.id_token, token, concurrency)
    return facts


def _give_token(
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
        facts.authorization_status = id_token_info(token, facts.started_at, concurrency).status
    facts.token_status = token_status(token, facts.started_at)
    if token is not None:
        facts.token_organisation = token.organisation
        facts.token_provider = token.provider


def _completed(before: TransactionFacts, start: TransactionFacts) -> TransactionFacts:
    """Return a transaction known from later reports, now with its start and what it froze."""
    start.id = before.id
    start.generation = before.generation
    for name in (
        "station_number",
        "state",
        "revision",
        "ended_at",
        "end_reported_at",
        "end_received_at",
        "end_seq_no",
        "reported_stop_wh",
        "stop_reason",
        "conflicting_ends",
        "queue_asked_at",
    ):
        setattr(start, name, getattr(before, name))
    start.basis = EndBasis.REPORTED if before.basis == EndBasis.ADOPTED else before.basis
    start.clock_wrong = start.clock_wrong or before.clock_wrong
    start.charging_state = before.charging_state or start.charging_state
    if start.id_token is None:
        for name in ("id_token", "id_token_type", "token_key", "token_status", "token_provider"):
            setattr(start, name, getattr(before, name))
        start.token_organisation = before.token_organisation
        start.authorization_status = before.authorization_status
    return start


def _start_answer(
    facts: TransactionFacts, report: TransactionStartReport, token: TokenFacts | None
) -> TransactionStartAnswer:
    info = None
    if facts.authorization_status is not None:
        status = AuthorizationStatus(facts.authorization_status)
        info = IdTokenInfo(status)
        if status is AuthorizationStatus.ACCEPTED and token is not None:
            group = IdToken(token.group_id) if token.group_id else None
            info = IdTokenInfo(status, group, token.valid_until)
    if report.ref is not None and report.id_token is None:
        info = None
    return TransactionStartAnswer(TransactionId(facts.id), info)


# ---------------------------------------------------------------------------------- going on


async def transactions_updated(
    db: AsyncSession, context: HandlerContext, reports: Sequence[TransactionUpdateReport]
) -> list[TransactionUpdateAnswer]:
    """Record what happened in transactions; one whose start is missing is kept from here on."""
    known = await _of_refs(db, context, reports)
    transactions = [known[report.origin.station, f"2|{report.ref}"] for report in reports]
    infos = await _take_tokens(db, context, transactions, reports)
    late, _ = await _keep(
        db,
        [(facts, "update", report) for facts, report in zip(transactions, reports, strict=True)],
    )
    begun_before = _move_starts(transactions, reports)
    await transaction_store.change(db, list(begun_before.values()))
    states = [
        (facts.id, str(report.charging_state))
        for facts, report in zip(transactions, reports, strict=True)
        if report.charging_state is not None
        and (facts.charging_state != report.charging_state or facts.available_since is not None)
    ]
    if states:
        await transaction_store.note_charging_states(db, states)
    events = await finishing.close_complete(db, transactions)
    events += await finishing.revise(db, late)
    await outbox.append(db, events, recorded_at=context.clock.now())
    costs = await finishing.running_costs(db, context, transactions)
    return [TransactionUpdateAnswer(info, cost) for info, cost in zip(infos, costs, strict=True)]


async def _of_refs(
    db: AsyncSession,
    context: HandlerContext,
    reports: Sequence[TransactionUpdateReport | TransactionEndReport],
) -> dict[tuple[str, str], TransactionFacts]:
    """Return the transactions of 2.x reports, made from the report where the start is missing."""
    keyed = {(str(each.origin.station), f"2|{each.ref}"): each for each in reports}
    known = await transaction_store.by_ref(db, list(keyed))
    missing = {key: report for key, report in keyed.items() if key not in known}
    if missing:
        known |= await _adopt(db, context, missing)
    return known


async def _adopt(
    db: AsyncSession,
    context: HandlerContext,
    missing: dict[tuple[str, str], TransactionUpdateReport | TransactionEndReport],
) -> dict[tuple[str, str], TransactionFacts]:
    """Make transactions from reports whose start was never seen, by natural key."""
    reports = list(missing.values())
    moments = [moment_of(report) for report in reports]
    tokens, places = await _circumstances(db, reports, moments)
    made = [
        _transaction(report, key[1], moment, place, token, context.token_concurrency)
        for key, report, moment, place, token in zip(
            missing, reports, moments, places, tokens, strict=True
        )
    ]
    added = {(each.station, each.ref): each for each in await transaction_store.add(db, made)}
    raced = [key for key in missing if key not in added]
    if raced:
        added |= await transaction_store.by_ref(db, raced)
    return added


async def _take_tokens(
    db: AsyncSession,
    context: HandlerContext,
    transactions: Sequence[TransactionFacts],
    reports: Sequence[TransactionUpdateReport | TransactionEndReport],
) -> list[IdTokenInfo | None]:
    """Answer tokens presented in mid-transaction; the first one a transaction gets is its payer."""
    infos: list[IdTokenInfo | None] = [None] * len(reports)
    places = [place for place, report in enumerate(reports) if report.id_token is not None]
    if not places:
        return infos
    asked = [
        (reports[place].origin.station, token.key, transactions[place].started_at)
        for place in places
        if (token := reports[place].id_token) is not None
    ]
    tokens = await store.tokens_of(db, asked)
    changed = []
    for place, known in zip(places, tokens, strict=True):
        facts, presented = transactions[place], reports[place].id_token
        infos[place] = (
            IdTokenInfo(AuthorizationStatus.ACCEPTED)
            if needs_no_token(presented)
            else id_token_info(known, reports[place].origin.received_at, 0)
        )
        if facts.id_token is None:
            _give_token(facts, presented, known, 0)
            changed.append(facts)
    await transaction_store.change(db, changed)
    return infos


# ------------------------------------------------------------------------------------ ending


async def transactions_ended(
    db: AsyncSession, context: HandlerContext, reports: Sequence[TransactionEndReport]
) -> list[TransactionEndAnswer]:
    """Record the ends of transactions, and announce each once.

    Never refuses: a refusal only makes the station send the same report again, and drop it after
    a few tries. An end whose start we never saw is kept, held, for people to look at. A second,
    identical end changes nothing; a different one is counted as a conflict and kept raw.
    """
    known = await _of_ends(db, context, reports)
    transactions = [known[_end_key(report)] for report in reports]
    infos = await _take_tokens(db, context, transactions, reports)
    late, are_new = await _keep(
        db,
        [(facts, "end", report) for facts, report in zip(transactions, reports, strict=True)],
    )
    ended: dict[int, TransactionFacts] = {}
    conflicting: dict[int, TransactionFacts] = {}
    _move_starts(transactions, reports)
    for facts, report, is_new in zip(transactions, reports, are_new, strict=True):
        if facts.end_reported_at is None:
            _end(facts, report)
            ended[facts.id] = facts
        elif is_new and _differs(facts, report):
            facts.conflicting_ends += 1
            conflicting[facts.id] = facts
    await transaction_store.change(
        db, [facts for number, facts in conflicting.items() if number not in ended]
    )
    if ended:
        await ask(db, transaction_store.linking(list(ended.values())))
    events = await finishing.finish(db, list(ended.values()))
    events += await finishing.revise(db, [each for each in late if each[0] not in ended])
    await outbox.append(db, events, recorded_at=context.clock.now())
    costs = await finishing.final_costs(db, context, transactions, events)
    return [TransactionEndAnswer(info, cost) for info, cost in zip(infos, costs, strict=True)]


def _differs(facts: TransactionFacts, report: TransactionEndReport) -> bool:
    """Tell whether an end contradicts the one that is on record."""
    return (facts.end_reported_at, facts.reported_stop_wh) != (report.at, report.meter_stop_wh)


def _move_starts(
    transactions: Sequence[TransactionFacts], reports: Sequence[TransactionReport]
) -> dict[int, TransactionFacts]:
    """Let transactions without their start begin with the earliest of what is known of them."""
    moved = {}
    for facts, report in zip(transactions, reports, strict=True):
        moment = moment_of(report)
        if not facts.start_seen and moment.at < facts.started_at:
            facts.started_at = moment.at
            facts.start_reported_at = report.at
            moved[facts.id] = facts
    return moved


def _end_key(report: TransactionEndReport) -> tuple[str, str]:
    return str(report.origin.station), unknown_end_ref(report)


async def _of_ends(
    db: AsyncSession, context: HandlerContext, reports: Sequence[TransactionEndReport]
) -> dict[tuple[str, str], TransactionFacts]:
    """Return the transaction that each end belongs to, adopted where nobody knows it."""
    known: dict[tuple[str, str], TransactionFacts] = {}
    named = [report for report in reports if report.ref is not None]
    if named:
        known |= await _of_refs(db, context, named)
    numbered = [report for report in reports if report.ref is None]
    if not numbered:
        return known
    ours = await transaction_store.of_station_by_number(
        db,
        [(str(each.origin.station), each.number) for each in numbered if each.number is not None],
    )
    unknown: dict[tuple[str, str], TransactionEndReport] = {}
    for report in numbered:
        facts = ours.get((str(report.origin.station), report.number or 0))
        if facts is not None:
            known[_end_key(report)] = facts
        else:
            unknown[_end_key(report)] = report
    if unknown:
        known |= await _of_unknown_numbers(db, context, unknown)
    return known


async def _of_unknown_numbers(
    db: AsyncSession,
    context: HandlerContext,
    ends: dict[tuple[str, str], TransactionEndReport],
) -> dict[tuple[str, str], TransactionFacts]:
    """Return the transactions of ends whose numbers we never gave: repeats, matches, orphans.

    A station may use one number for everything, so that a number alone proves nothing. Words that
    were said before are a repeat, unless they come from a station without a clock while something
    is open that they can end.
    """
    said_before = {
        **await transaction_store.by_ref(db, list(ends)),
        **await transaction_store.repeated_ends(
            db,
            {
                key: (key[0], end.number, end.at, end.meter_stop_wh)
                for key, end in ends.items()
                if end.number is not None
            },
        ),
    }
    doubtful = {
        key: end
        for key, end in ends.items()
        if key not in said_before or is_implausible(end.at, end.origin.received_at)
    }
    open_ones = await transaction_store.open_of(db, [station for station, _ in doubtful])
    known: dict[tuple[str, str], TransactionFacts] = {}
    missing: dict[tuple[str, str], TransactionUpdateReport | TransactionEndReport] = {}
    for key, end in ends.items():
        match = None
        if key in doubtful:
            fitting = _fitting(open_ones.get(key[0], []), end)
            match = (
                await _nearest(db, fitting, end) if len(fitting) > 1 else next(iter(fitting), None)
            )
        if match is not None:
            match.station_number = Decimal(end.number) if end.number is not None else None
            known[key] = match
        elif key in said_before:
            known[key] = said_before[key]
        else:
            missing[key] = end
    if missing:
        known |= await _adopt(db, context, missing)
    return known


def _fitting(
    candidates: Sequence[TransactionFacts], report: TransactionEndReport
) -> list[TransactionFacts]:
    """Return the open transactions that an end with an unknown number may belong to.

    The end must not lie before the start, nor its register below; the token must agree where both
    name one, and must be named where the number looks like one that a central system gave.
    """
    at = moment_of(report).at
    needs_token = not is_own_number(report.number)
    fitting = []
    for each in candidates:
        is_later = each.started_at <= at
        rises = (
            each.meter_start_wh is None
            or report.meter_stop_wh is None
            or report.meter_stop_wh < 0
            or report.meter_stop_wh >= each.meter_start_wh
        )
        if report.id_token is None or each.token_key is None:
            agrees = not needs_token
        else:
            agrees = report.id_token.key == each.token_key
        if is_later and rises and agrees:
            fitting.append(each)
    return fitting


async def _nearest(
    db: AsyncSession, fitting: Sequence[TransactionFacts], report: TransactionEndReport
) -> TransactionFacts | None:
    """Return, of several open transactions, the one whose register the end continues.

    Two connectors charge, and each has a register of its own: the end belongs to the highest one
    that does not lie above it. Of equal ones the newest is it.
    """
    stop = report.meter_stop_wh
    if stop is None:
        return max(fitting, key=lambda each: each.started_at)
    readings = await transaction_store.registers_of(db, [each.id for each in fitting])
    reached = {
        each.id: max(
            (each.meter_start_wh or Decimal(0)),
            *(reading.register_wh for reading in readings.get(each.id, [])),
            Decimal(0),
        )
        for each in fitting
    }
    below = [each for each in fitting if reached[each.id] <= stop]
    return max(below or fitting, key=lambda each: (reached[each.id], each.started_at))


def _end(facts: TransactionFacts, report: TransactionEndReport) -> None:
    """Write a reported end on a transaction; it overrides one that was only inferred."""
    moment = moment_of(report)
    facts.ended_at = moment.at
    facts.end_reported_at = report.at
    facts.end_received_at = report.origin.received_at
    facts.end_seq_no = report.seq_no
    facts.reported_stop_wh = report.meter_stop_wh
    facts.stop_reason = report.reason
    facts.charging_state = None
    facts.available_since = None
    facts.clock_wrong = facts.clock_wrong or moment.doubtful
    facts.basis = EndBasis.REPORTED if facts.start_seen else EndBasis.ADOPTED
    facts.state = "ended"


# ---------------------------------------------------------------------------------- readings


async def meter_values_reported(
    db: AsyncSession, context: HandlerContext, reports: Sequence[MeterReport]
) -> None:
    """Keep every reading, linked by number, or by EVSE and time; some are linked later."""
    # A number of the station's own may be that of every transaction it ever had.
    by_number = await transaction_store.known_by_number(
        db,
        [(str(each.origin.station), each.number) for each in reports if each.number is not None],
    )
    late, _ = await _keep(
        db,
        [
            (by_number.get((str(each.origin.station), each.number or 0)), "meter", each)
            for each in reports
        ],
    )
    events = await finishing.revise(db, late)
    await outbox.append(db, events, recorded_at=context.clock.now())


async def _keep(
    db: AsyncSession,
    said: Sequence[tuple[TransactionFacts | Known | None, str, TransactionReport | MeterReport]],
) -> tuple[list[finishing.LateReading], list[bool]]:
    """Keep the raw messages and their readings.

    Returns:
        New readings of ended transactions, and for each message whether it is new.
    """
    new_reports = []
    for facts, kind, report in said:
        origin = report.origin
        transaction = report if isinstance(report, TransactionReport) else None
        new_reports.append(
            NewReport(
                station=origin.station,
                transaction_id=facts.id if facts else None,
                # A 1.6 end names no connector: its readings are those of the transaction's EVSE.
                evse_id=facts.evse_id if facts else report.evse_id or 0,
                kind=kind,
                seq_no=transaction.seq_no if transaction else None,
                version=origin.version,
                epoch=origin.epoch,
                reported_at=transaction.at if transaction else None,
                received_at=origin.received_at,
                skew_s=origin.skew_s,
                digest=digest(origin),
                raw=origin.raw,
                repairs=origin.repairs,
            )
        )
    are_new = await ask(db, transaction_store.reporting(new_reports))
    new_readings = [
        NewReading(
            station=kept.station,
            evse_id=kept.evse_id or 0,
            transaction_id=kept.transaction_id,
            measured_at=measured_at(reading, report),
            reading=reading,
            received_at=kept.received_at,
        )
        for kept, is_new, (_, _, report) in zip(new_reports, are_new, said, strict=True)
        for reading in report.readings
        # Where the clock is wrong, the moment of a repeated reading would be that of its repeat.
        if is_new or reading.measured_at is None
    ]
    return await transaction_store.add_readings(db, new_readings), are_new


def _evse(report: TransactionReport) -> int:
    """The EVSE a report is about; stations with one place often leave it out, or say 0."""
    return report.evse_id or 1
