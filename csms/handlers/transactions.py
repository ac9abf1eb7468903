"""Transactions: a station reports that charging began, or went on.

A report can be hours late, because a station queues it while offline, and it can come twice,
because a station resends until it is answered, under a new message id. So every handler here
takes old moments as they are, knows reports by what they say, and gives the same answer to the
same report. Nothing is refused: a refusal makes a station send again and then drop it.

Ends are in `csms.handlers.ending`.

Source: OCPP 1.6 edition 2, sections 3.7, 4.7 and 4.8; OCPP 2.0.1 part 2, block E.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from csms import reading_store, transaction_store
from csms.corrections import from_text
from csms.handlers import finishing
from csms.handlers.beginning import (
    Key,
    access_rules,
    begun,
    completed,
    keep_out,
    look_up_again,
    of_refs,
    places_at,
    take_tokens,
    tokens_at,
)
from csms.handlers.context import HandlerContext
from csms.reading_store import Said, keeping
from csms.reports import (
    AuthorizationStatus,
    IdTokenInfo,
    MeterReport,
    TransactionReport,
    TransactionStartAnswer,
    TransactionStartReport,
    TransactionUpdateAnswer,
    TransactionUpdateReport,
)
from csms.skew import CorrectedMoment
from csms.token_store import TokenFacts
from csms.transaction_store import Progress
from csms.transactions import (
    TransactionFacts,
    digest,
    is_repeated_start,
    measured_at,
    moment_of,
    start_ref,
    started_event,
)
from foundation import outbox
from foundation.events import Event
from foundation.identifiers import IdToken, TransactionId
from foundation.statements import ask, together, write


async def transactions_started(
    db: AsyncSession, context: HandlerContext, reports: Sequence[TransactionStartReport]
) -> list[TransactionStartAnswer]:
    """Record the starts of transactions, freeze what holds at the start, announce each once.

    Also a start with a refused token becomes a transaction: the energy may have flowed.
    """
    keys = [(str(report.origin.station), start_ref(report)) for report in reports]
    moments = [moment_of(report) for report in reports]
    known, tokens, places, open_ones, numbers, rules = await together(
        db,
        transaction_store.of_refs(keys),
        tokens_at(reports, moments),
        places_at(reports, moments),
        transaction_store.open_at([station for station, _ in keys]),
        transaction_store.numbers(len(reports)),
        access_rules(context),
    )
    first: dict[Key, int] = {}
    for place, (key, report) in enumerate(zip(keys, reports, strict=True)):
        facts = known.get(key)
        if facts is None or not facts.start_seen or not is_repeated_start(facts, report):
            first.setdefault(key, place)
    if first:
        made = {
            key: begun(
                numbers[place],
                reports[place],
                key[1],
                moments[place],
                places[place],
                tokens[place],
                context.token_concurrency,
            )
            for key, place in first.items()
        }
        await keep_out(db, context, rules, [(each, each.started_at) for each in made.values()])
        starts = {key: reports[place] for key, place in first.items()}
        known |= await _record_starts(db, context, starts, made, known, open_ones)
    tokens = await _tokens_of_repeats(db, known, keys, reports, moments, tokens)
    return [
        _start_answer(known[key], report, token)
        for key, report, token in zip(keys, reports, tokens, strict=True)
    ]


async def _tokens_of_repeats(
    db: AsyncSession,
    known: dict[Key, TransactionFacts],
    keys: Sequence[Key],
    reports: Sequence[TransactionStartReport],
    moments: Sequence[CorrectedMoment],
    tokens: Sequence[TokenFacts | None],
) -> list[TokenFacts | None]:
    """Return what holds of the tokens at the starts that we hold true: a repeat has no other."""
    found = list(tokens)
    started = [known[key].started_at for key in keys]
    asked = [
        place
        for place, (at, moment) in enumerate(zip(started, moments, strict=True))
        if at != moment.at
    ]
    if asked:
        again = await ask(
            db,
            tokens_at(
                [reports[place] for place in asked],
                [CorrectedMoment(started[place], doubtful=False) for place in asked],
            ),
        )
        for place, token in zip(asked, again, strict=True):
            found[place] = token
    return found


async def _record_starts(
    db: AsyncSession,
    context: HandlerContext,
    starts: dict[Key, TransactionStartReport],
    made: dict[Key, TransactionFacts],
    known: dict[Key, TransactionFacts],
    open_ones: dict[str, list[TransactionFacts]],
) -> dict[Key, TransactionFacts]:
    """Insert new transactions, and complete those whose start comes after other reports."""
    fresh: dict[Key, TransactionFacts] = {}
    added, late = [], []
    for key, facts in made.items():
        before = known.get(key)
        if before is not None and not before.start_seen:
            fresh[key] = completed(before, facts)
            late.append(fresh[key])
            await _keep_corrected(db, fresh[key])
            continue
        if before is not None:
            facts.generation = before.generation + 1
        fresh[key] = facts
        added.append(facts)
    if added:
        await write(db, transaction_store.adding(added))
    if late:
        await write(db, transaction_store.changing(late))
    await write(
        db,
        keeping(
            [
                said("start", report, fresh[key].id, fresh[key].evse_id)
                for key, report in starts.items()
            ]
        ),
    )
    await write(db, reading_store.linking([*late, *added]))
    events: list[Event] = [started_event(facts) for facts in (*late, *added)]
    events += await finishing.end_predecessors(db, added, open_ones)
    ended = [facts for facts in late if facts.state != "active"]
    events += await finishing.finish(db, ended)
    await outbox.append(db, events, recorded_at=context.clock.now())
    return fresh


async def _keep_corrected(db: AsyncSession, facts: TransactionFacts) -> None:
    """Let a transaction that a person said the start of begin then, whatever its start says."""
    if facts.correction is None:
        return
    started_at = from_text(facts.correction).started_at
    if started_at is not None:
        facts.started_at = started_at
        await look_up_again(db, facts)


def _start_answer(
    facts: TransactionFacts, report: TransactionStartReport, token: TokenFacts | None
) -> TransactionStartAnswer:
    info = None
    if facts.authorization_status is not None:
        status = AuthorizationStatus(facts.authorization_status)
        said = () if token is None else token.languages
        info = IdTokenInfo(status, languages=said)
        if status is AuthorizationStatus.ACCEPTED and token is not None:
            group = IdToken(token.group_id) if token.group_id else None
            info = IdTokenInfo(status, group, token.valid_until, said)
    if report.ref is not None and report.id_token is None:
        info = None
    return TransactionStartAnswer(TransactionId(facts.id), info)


# ---------------------------------------------------------------------------------- going on


async def transactions_updated(
    db: AsyncSession, context: HandlerContext, reports: Sequence[TransactionUpdateReport]
) -> list[TransactionUpdateAnswer]:
    """Record what happened in transactions; one whose start is missing is kept from here on."""
    keys = [(str(report.origin.station), f"2|{report.ref}") for report in reports]
    known = await ask(db, transaction_store.progress_of(keys))
    plain: list[tuple[int, Progress, TransactionUpdateReport]] = []
    others: list[tuple[int, TransactionUpdateReport]] = []
    for place, (key, report) in enumerate(zip(keys, reports, strict=True)):
        progress = known.get(key)
        if (
            progress is not None
            and progress.state == "active"
            and progress.start_seen
            and report.id_token is None
            and report.remote_start_id is None
        ):
            plain.append((place, progress, report))
        else:
            others.append((place, report))
    answers = [_NOTHING_TO_TELL] * len(reports)
    if plain:
        its = await _gone_on(db, context, [each[1:] for each in plain])
        for (place, _, _), answer in zip(plain, its, strict=True):
            answers[place] = answer
    if others:
        its = await _updated(db, context, [report for _, report in others])
        for (place, _), answer in zip(others, its, strict=True):
            answers[place] = answer
    return answers


_NOTHING_TO_TELL = TransactionUpdateAnswer()


async def _gone_on(
    db: AsyncSession,
    context: HandlerContext,
    said_of: Sequence[tuple[Progress, TransactionUpdateReport]],
) -> list[TransactionUpdateAnswer]:
    """Keep what was said of running transactions that began before our eyes."""
    kept = keeping(
        [said("update", report, progress.id, progress.evse_id) for progress, report in said_of]
    )
    now = context.clock.now()
    due = {
        progress.id: place
        for place, (progress, _) in enumerate(said_of)
        if context.costs is not None and context.cost_pace.is_due(progress.id, now)
    }
    states = [
        (progress.id, str(report.charging_state))
        for progress, report in said_of
        if report.charging_state is not None
        and (
            progress.charging_state != report.charging_state or progress.available_since is not None
        )
    ]
    if states:
        await write(db, transaction_store.noting_charging_states(states))
    await write(db, kept)  # nothing is late in a transaction that goes on
    answers = [_NOTHING_TO_TELL] * len(said_of)
    if due:
        costs = await finishing.costs_so_far(db, context, list(due))
        for number, place in due.items():
            answers[place] = TransactionUpdateAnswer(total_cost=costs.get(number))
    return answers


async def _updated(
    db: AsyncSession, context: HandlerContext, reports: Sequence[TransactionUpdateReport]
) -> list[TransactionUpdateAnswer]:
    """Keep what was said of any transaction: ended, without its start, with a token presented."""
    known = await of_refs(db, context, reports)
    transactions = [known[str(report.origin.station), f"2|{report.ref}"] for report in reports]
    infos, paid = await take_tokens(db, context, transactions, reports)
    kept = await ask(
        db,
        keeping(
            [
                said("update", report, facts.id, facts.evse_id)
                for facts, report in zip(transactions, reports, strict=True)
            ],
            tell_signed=True,
        ),
    )
    changed = move_starts(transactions, reports) | started_from_afar(transactions, reports)
    await transaction_store.change(db, list(changed.values()))
    states = [
        (facts.id, str(report.charging_state))
        for facts, report in zip(transactions, reports, strict=True)
        if report.charging_state is not None
        and (facts.charging_state != report.charging_state or facts.available_since is not None)
    ]
    if states:
        await write(db, transaction_store.noting_charging_states(states))
    # Who pays was not known when these were told: what billing froze is found again.
    again = [each.id for each in paid if each.state in finishing.ANNOUNCED]
    events: list[Event] = [
        started_event(each) for each in paid if each.state == "active" and each.start_seen
    ]
    events += await finishing.close_complete(db, transactions)
    events += await finishing.revise(db, kept.late, [*again, *kept.signed])
    await outbox.append(db, events, recorded_at=context.clock.now())
    costs = await finishing.running_costs(db, context, transactions)
    return [TransactionUpdateAnswer(info, cost) for info, cost in zip(infos, costs, strict=True)]


def started_from_afar(
    transactions: Sequence[TransactionFacts], reports: Sequence[TransactionUpdateReport]
) -> dict[int, TransactionFacts]:
    """Note which command released a transaction that had begun before (2.0.1, F01): the first."""
    noted = {}
    for facts, report in zip(transactions, reports, strict=True):
        if report.remote_start_id is not None and facts.remote_start_id is None:
            facts.remote_start_id = report.remote_start_id
            noted[facts.id] = facts
    return noted


def move_starts(
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


# ---------------------------------------------------------------------------------- readings


async def meter_values_reported(
    db: AsyncSession, context: HandlerContext, reports: Sequence[MeterReport]
) -> None:
    """Keep every reading, linked by number, or by EVSE and time; some are linked later."""
    kept = await ask(
        db,
        keeping(
            [said("meter", each, each.number, each.evse_id) for each in reports], tell_signed=True
        ),
    )
    events = await finishing.revise(db, kept.late, kept.signed)
    if events:
        await outbox.append(db, events, recorded_at=context.clock.now())


def said(
    kind: str, report: TransactionReport | MeterReport, number: int | None, evse_id: int
) -> Said:
    """Return a message as it is kept, with its readings at their corrected moments.

    Args:
        kind: start, update, end or meter.
        report: What was said.
        number: The transaction's, or the one that the station named for it; one that cannot be
            ours counts as none, since a station's own may be that of all its transactions.
        evse_id: Where the readings were taken; a 1.6 end names no connector.
    """
    origin = report.origin
    seq_no = reported_at = None
    if isinstance(report, TransactionReport):
        seq_no, reported_at = report.seq_no, report.at
    return Said(
        origin.station,
        number if number is not None and 0 < number < _NUMBERS_END else None,
        evse_id,
        kind,
        seq_no,
        origin.version,
        origin.epoch,
        reported_at,
        origin.received_at,
        origin.skew_s,
        digest(origin),
        origin.raw,
        origin.repairs,
        [(measured_at(reading, report), reading) for reading in report.readings],
    )


_NUMBERS_END = 2**31
