"""Ends of transactions: to which transaction an end belongs, and what it ends.

A station may name a number that nobody gave it, or one for everything; an end may come twice, in
other words, or without a start. Nothing is refused: a refusal makes a station send again and then
drop it.

Source: OCPP 1.6 edition 2, section 4.10; OCPP 2.0.1 part 2, E06 to E08.
"""

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from csms import reading_store, transaction_store
from csms.handlers import finishing
from csms.handlers.beginning import adopted, judged, of_refs, presented_in
from csms.handlers.context import HandlerContext
from csms.handlers.transactions import move_starts, said
from csms.reports import TransactionEndAnswer, TransactionEndReport, TransactionUpdateReport
from csms.skew import is_implausible
from csms.transactions import TransactionFacts, is_own_number, moment_of, unknown_end_ref
from foundation import outbox
from foundation.events import EndBasis
from foundation.identifiers import TransactionId
from foundation.statements import together


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
    presented = presented_in(transactions, reports)
    move_starts(transactions, reports)
    ended: dict[int, TransactionFacts] = {}
    again: list[tuple[TransactionFacts, TransactionEndReport, int]] = []
    for place, (facts, report) in enumerate(zip(transactions, reports, strict=True)):
        if facts.end_reported_at is None:
            _end(facts, report)
            ended[facts.id] = facts
        else:
            again.append((facts, report, place))
    over = list(ended.values())
    kept, _, readings, waiting, tokens = await together(
        db,
        reading_store.keeping(
            [
                said("end", report, facts.id, facts.evse_id)
                for facts, report in zip(transactions, reports, strict=True)
            ],
            tell_new=True,
            tell_signed=True,
        ),
        reading_store.linking(over),
        reading_store.registers(list(ended)),
        reading_store.gaps(over),
        presented,
    )
    infos, paid = judged(transactions, reports, tokens, context.token_concurrency)
    conflicting: dict[int, TransactionFacts] = {}
    for facts, report, place in again:
        if kept.are_new[place] and _differs(facts, report):
            facts.conflicting_ends += 1
            conflicting[facts.id] = facts
    events = finishing.assembled(over, readings, waiting)
    changed = {facts.id: facts for facts in (*paid, *conflicting.values(), *over)}
    await transaction_store.change(db, list(changed.values()))
    again_told = {*(each.id for each in paid), *kept.signed} - ended.keys()
    events += await finishing.revise(
        db, [each for each in kept.late if each[0] not in ended], again_told
    )
    await outbox.append(db, events, recorded_at=context.clock.now())
    costs = await finishing.final_costs(db, context, transactions, events)
    by_number = {
        TransactionId(facts.id): cost for facts, cost in zip(transactions, costs, strict=True)
    }
    messages = await finishing.final_messages(db, context, by_number, events)
    return [
        TransactionEndAnswer(info, cost, messages.get(TransactionId(facts.id)))
        for facts, info, cost in zip(transactions, infos, costs, strict=True)
    ]


def _differs(facts: TransactionFacts, report: TransactionEndReport) -> bool:
    """Tell whether an end contradicts the one that is on record."""
    return (facts.end_reported_at, facts.reported_stop_wh) != (report.at, report.meter_stop_wh)


def _end_key(report: TransactionEndReport) -> tuple[str, str]:
    return str(report.origin.station), unknown_end_ref(report)


async def _of_ends(
    db: AsyncSession, context: HandlerContext, reports: Sequence[TransactionEndReport]
) -> dict[tuple[str, str], TransactionFacts]:
    """Return the transaction that each end belongs to, adopted where nobody knows it."""
    known: dict[tuple[str, str], TransactionFacts] = {}
    named = [report for report in reports if report.ref is not None]
    if named:
        known |= await of_refs(db, context, named)
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
        known |= await adopted(db, context, missing)
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
    readings = await reading_store.registers_of(db, [each.id for each in fitting])
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
