"""What follows from an end: energy, revisions, ends that are inferred, and costs.

Every change of what we hold true of an ended transaction raises its revision and is announced
once; the assembly itself is pure (`csms.assembly`).
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from csms import displays, reading_store, transaction_store
from csms.assembly import Assembled, Claims, RegisterReading, assemble
from csms.corrections import from_text, laid_over
from csms.handlers.context import HandlerContext
from csms.reading_store import LateReading
from csms.reports import DisplayMessage, OcppVersion
from csms.transactions import TransactionFacts, ended_event
from foundation.events import EndBasis, Event, TransactionEnded
from foundation.identifiers import TransactionId
from foundation.statements import ask, together, write

Registers = Mapping[int, Sequence[RegisterReading]]
"""Register readings by transaction, oldest first."""

ANNOUNCED: Final = frozenset({"ended", "inferred_end"})
"""The states of transactions whose end was told."""


def claims_of(facts: TransactionFacts, readings: Sequence[RegisterReading]) -> Claims:
    """Return what was reported of a transaction, as the assembly takes it."""
    return Claims(
        started_at=facts.started_at,
        ended_at=facts.ended_at,
        start_wh=facts.reported_start_wh,
        stop_wh=facts.reported_stop_wh,
        start_seen=facts.start_seen,
        inferred=facts.basis == EndBasis.INFERRED,
        clock_wrong=facts.clock_wrong,
        station_waiting=facts.station_waiting,
        readings=readings,
    )


def whole_of(facts: TransactionFacts, readings: Sequence[RegisterReading]) -> Assembled:
    """Return what a transaction came to, with what a person corrected laid over it."""
    if facts.correction is None:
        return assemble(claims_of(facts, readings))
    correction = from_text(facts.correction)
    facts.started_at = correction.started_at or facts.started_at
    facts.ended_at = correction.ended_at or facts.ended_at
    return laid_over(assemble(claims_of(facts, readings)), correction)


def written(facts: TransactionFacts, assembled: Assembled) -> None:
    """Write on a transaction what it came to."""
    facts.meter_start_wh = assembled.meter_start_wh
    facts.meter_stop_wh = assembled.meter_stop_wh
    facts.energy_wh = assembled.energy_wh
    facts.energy_basis = assembled.energy_basis
    facts.doubts = [str(doubt) for doubt in assembled.doubts]


async def finish(db: AsyncSession, ended: Sequence[TransactionFacts]) -> list[Event]:
    """Assemble transactions that are over, write them, and return their events."""
    if not ended:
        return []
    readings, waiting = await together(
        db,
        reading_store.registers([facts.id for facts in ended]),
        reading_store.gaps(ended),
    )
    events = assembled(ended, readings, waiting)
    await write(db, transaction_store.changing(ended))
    return events


def assembled(
    ended: Sequence[TransactionFacts], readings: Registers, waiting: set[int]
) -> list[Event]:
    """Write on transactions that are over what they came to; return their events.

    A 2.x transaction with gaps in its event numbers waits for the rest of its station's queue and
    is announced when that is there.
    """
    events: list[Event] = []
    for facts in ended:
        whole = whole_of(facts, readings.get(facts.id, []))
        written(facts, whole)
        if facts.id in waiting:
            facts.state = "ended_waiting_for_queue"
        else:
            if facts.state == "ended_waiting_for_queue":
                facts.state = "ended"
            facts.revision += 1
            events.append(ended_event(facts, whole))
    return events


async def close_complete(db: AsyncSession, transactions: Sequence[TransactionFacts]) -> list[Event]:
    """Announce the transactions that waited for their queue and have all their events now."""
    waiting = {
        facts.id: facts for facts in transactions if facts.state == "ended_waiting_for_queue"
    }
    if not waiting:
        return []
    still = await ask(db, reading_store.gaps(list(waiting.values())))
    complete = [facts for number, facts in waiting.items() if number not in still]
    return await _close(db, complete)


async def _close(db: AsyncSession, complete: Sequence[TransactionFacts]) -> list[Event]:
    readings = await reading_store.registers_of(db, [facts.id for facts in complete])
    events: list[Event] = []
    for facts in complete:
        facts.state = "ended"
        facts.revision += 1
        assembled = whole_of(facts, readings.get(facts.id, []))
        written(facts, assembled)
        events.append(ended_event(facts, assembled))
    await transaction_store.change(db, complete)
    return events


async def close_without_queue(db: AsyncSession, numbers: Sequence[int]) -> list[Event]:
    """Announce transactions whose station says that nothing of them is queued any more."""
    known = await transaction_store.by_id(db, numbers)
    return await _close(
        db, [each for each in known.values() if each.state == "ended_waiting_for_queue"]
    )


async def revise(
    db: AsyncSession, late: Sequence[LateReading], again: Collection[int] = ()
) -> list[Event]:
    """Take late readings of ended transactions in, and announce what they really changed.

    Args:
        db: A unit of work.
        late: Registers that came after the ends.
        again: Transactions that something else has changed; of these, those that were announced
            are announced anew, whatever their readings say.
    """
    if not late and not again:
        return []
    known = await transaction_store.by_id(db, [*(number for number, _ in late), *again])
    readings = await reading_store.registers_of(db, list(known))
    events: list[Event] = []
    changed = []
    for facts in known.values():
        if facts.state not in ANNOUNCED:
            continue
        new = {reading for number, reading in late if number == facts.id}
        everything = readings.get(facts.id, [])
        before = whole_of(facts, [each for each in everything if each not in new])
        after = whole_of(facts, everything)
        if before == after and facts.id not in again:
            continue
        facts.revision += 1
        written(facts, after)
        changed.append(facts)
        events.append(ended_event(facts, after))
    await transaction_store.change(db, changed)
    return events


async def end_predecessors(
    db: AsyncSession,
    new: Sequence[TransactionFacts],
    open_ones: Mapping[str, Sequence[TransactionFacts]],
) -> list[Event]:
    """Infer the end of what was still open on an EVSE where something newer has begun.

    The energy is what the readings show, nothing is invented; a late real end overrides it.

    Args:
        db: A unit of work.
        new: Transactions that have just begun.
        open_ones: By station, what was open before, and is locked.
    """
    inferred: list[tuple[TransactionFacts, datetime]] = []
    for facts in new:
        inferred += [
            (each, facts.started_at)
            for each in open_ones.get(facts.station, [])
            if each.state == "active"
            and each.id != facts.id
            and each.evse_id == facts.evse_id
            and each.started_at < facts.started_at
        ]
    return await infer_ends(db, inferred)


async def infer_ends(
    db: AsyncSession, inferred: Sequence[tuple[TransactionFacts, datetime]]
) -> list[Event]:
    """End transactions by conclusion: at their last reading, at the latest at the given moment."""
    if not inferred:
        return []
    readings = await reading_store.registers_of(db, [facts.id for facts, _ in inferred])
    for facts, latest in inferred:
        within = [each.at for each in readings.get(facts.id, []) if each.at <= latest]
        facts.ended_at = max([facts.started_at, *within]) if within else latest
        facts.basis = EndBasis.INFERRED
        facts.state = "inferred_end"
        facts.revision += 1
        facts.available_since = None
    events: list[Event] = []
    for facts, _ in inferred:
        assembled = whole_of(facts, readings.get(facts.id, []))
        written(facts, assembled)
        events.append(ended_event(facts, assembled))
    await transaction_store.change(db, [facts for facts, _ in inferred])
    return events


async def infer_lost_ends(
    db: AsyncSession, context: HandlerContext, free_for: timedelta
) -> list[Event]:
    """Infer the ends of transactions whose EVSE has been free for so long without an end."""
    suspected = await transaction_store.suspected(db, context.clock.now() - free_for)
    return await infer_ends(
        db,
        [
            (facts, facts.available_since)
            for facts in suspected
            if facts.available_since is not None
        ],
    )


# ------------------------------------------------------------------------------------- costs


async def final_costs(
    db: AsyncSession,
    context: HandlerContext,
    transactions: Sequence[TransactionFacts],
    events: Sequence[Event],
) -> list[Decimal | None]:
    """Return the total cost for each ended transaction whose station can show it (2.x)."""
    ended = {event.transaction_id: event for event in events if isinstance(event, TransactionEnded)}
    asked = [
        event
        for facts in transactions
        if facts.version != OcppVersion.V16 and (event := ended.get(facts.id)) is not None  # type: ignore[call-overload]
    ]
    if context.costs is None or not asked:
        return [None] * len(transactions)
    costs = dict(
        zip(
            (each.transaction_id for each in asked),
            await context.costs.costs(db, asked),
            strict=True,
        )
    )
    return [costs.get(TransactionId(facts.id)) for facts in transactions]


async def final_messages(
    db: AsyncSession,
    context: HandlerContext,
    costs: Mapping[TransactionId, Decimal | None],
    events: Sequence[Event],
) -> dict[TransactionId, DisplayMessage]:
    """Return what drivers are to read on the displays of stations, by transaction, and note it.

    Only what costs nothing may need a word; `costs` are those that a station is told.
    """
    free = [
        event
        for event in events
        if isinstance(event, TransactionEnded) and costs.get(event.transaction_id) == 0
    ]
    if context.costs is None or not free:
        return {}
    keys = [None if each.id_token is None else each.id_token.key for each in free]
    named = await displays.languages_of(db, [key for key in keys if key is not None])
    languages = [named.get(key or "", ()) for key in keys]
    messages = await context.costs.messages(db, free, languages)
    found = {
        event.transaction_id: DisplayMessage(*message)
        for event, message in zip(free, messages, strict=True)
        if message is not None
    }
    await displays.note(db, found, now=context.clock.now())
    return found


async def running_costs(
    db: AsyncSession, context: HandlerContext, transactions: Sequence[TransactionFacts]
) -> list[Decimal | None]:
    """Return the cost so far of running transactions, as often as the context allows."""
    now = context.clock.now()
    due = [
        facts
        for facts in transactions
        if facts.state == "active"
        and context.costs is not None
        and context.cost_pace.is_due(facts.id, now)
    ]
    if not due or context.costs is None:
        return [None] * len(transactions)
    costs = await costs_so_far(db, context, [facts.id for facts in due])
    return [costs.get(facts.id) for facts in transactions]


async def costs_so_far(
    db: AsyncSession, context: HandlerContext, numbers: Sequence[int]
) -> dict[int, Decimal | None]:
    """Return the cost so far of transactions by our number."""
    assert context.costs is not None, "nobody knows the costs"
    known, readings = await together(
        db, transaction_store.of_numbers(numbers), reading_store.registers(numbers)
    )
    asked = [
        ended_event(facts, whole_of(facts, readings.get(number, [])))
        for number, facts in known.items()
    ]
    return dict(zip(known, await context.costs.costs(db, asked), strict=True))
