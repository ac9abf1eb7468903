"""The rows of remote commands: asked, claimed, changed, judged; set-based.

A change names the state that it starts from: of two that want to change one command, on whatever
nodes, one finds it and the other finds nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from csms import billing_decisions
from csms.equipment_answers import keep_answer, keep_read_back
from csms.queue import (
    FINAL,
    NEVER_AFTER_AN_OUTAGE,
    STARTS,
    STOPS,
    TRIGGERS,
    Command,
    CommandState,
    Failure,
    Transition,
)
from csms.reports import OcppVersion
from csms.settlement import Change
from csms.tables import CommandRow, CommandTransitionRow
from foundation import metrics, outbox
from foundation.events import CommandChanged
from foundation.identifiers import OrganisationKey, StationId, TransactionId
from foundation.statements import Asked, Rows, Tuples, ask, rows, together, tuples, write

CHANNEL: Final = "commands"
"""NOTIFYs of stations that something waits for."""
CHANGES: Final = "command_changes"
"""NOTIFYs of commands (their ids) that came into another state."""

_json = msgspec.json.Encoder(decimal_format="number").encode


# --------------------------------------------------------------------------------------- asking


@dataclass(frozen=True, slots=True)
class Target:
    """The station that somebody asks, as it is now, and a number for the command."""

    number: int
    owner: OrganisationKey
    version: OcppVersion | None
    vendor: str | None
    model: str | None
    firmware: str | None
    epoch: int | None
    is_connected: bool
    node: str | None
    """The one that holds its connection."""


_TARGET = """
select nextval('command_number'), o.organisation,
       coalesce(c.version, s.ocpp_version), s.vendor, s.model, s.firmware, c.epoch,
       c.closed_at is null and n.node is not null, n.node
from stations s
join station_owners o on o.station = s.identity and o.valid_to is null
left join station_connections c on c.station = s.identity
left join nodes n on n.node = c.node and n.lease_until > clock_timestamp()
where s.identity = %b::text
"""


def _read_target(found: Tuples) -> Target | None:
    if not found:
        return None
    number, owner, version, vendor, model, firmware, epoch, is_connected, node = found[0]
    return Target(
        number,
        OrganisationKey(owner),
        OcppVersion(version) if version else None,
        vendor,
        model,
        firmware,
        epoch,
        is_connected,
        node,
    )


async def target(
    db: AsyncSession, station: str, *, asked_by: str | None = None
) -> tuple[Target | None, int]:
    """Return a station that may be asked, and how many commands of somebody have no answer.

    Others of his wait for our commit. None stands for a station that is not there; nobody has 0.
    """
    asking = Asked(_TARGET, [station], _read_target)
    if asked_by is None:
        return await ask(db, asking), 0
    # The count is a statement of its own: it sees what was committed while it waited for the lock.
    _, count, found = await together(
        db,
        Asked(
            "select pg_advisory_xact_lock(hashtext('commands in flight'), hashtext(%b::text))",
            [asked_by],
            len,
        ),
        Asked(
            "select count(*) from commands where asked_by = %b::text"
            " and state in ('queued', 'sent')",
            [asked_by],
            lambda counted: int(counted[0][0]),
        ),
        asking,
    )
    return found, count


_INSERT = """
with made as (
    insert into commands (id, station, owner, version, vendor, model, firmware, action, payload,
        concealed, raw, asked_at, asked_by, asked_by_name, door, asker_organisation, reason,
        reference, priority, expires_at, when_offline, change_order, billing_decision,
        idempotency_key, until_ended, set_back_at, remote_start_id, epoch, state, due_at, attempts)
    values (%b::bigint, %b::text, %b::text, %b::text, %b::text, %b::text, %b::text, %b::text,
        (%b::text)::jsonb, (%b::text)::jsonb, %b::bool, %b::timestamptz, %b::text, %b::text,
        %b::text, %b::text, %b::text, %b::text, %b::int, %b::timestamptz, %b::text, %b::text,
        %b::text, %b::text, %b::bool, %b::timestamptz, %b::bigint, %b::bigint, 'queued',
        %b::timestamptz, 0)
    on conflict (asked_by, idempotency_key) do nothing
    returning id, station, asked_at
), noted as (
    insert into command_transitions (command_id, state, at) select id, 'queued', asked_at from made
)
select made.id, case when %b::bool then pg_notify('commands', made.station)::text end from made
"""


async def add(
    db: AsyncSession,
    command: Command,
    to: Target,
    *,
    concealed: dict[str, Any] | None,
    tells_nodes: bool = True,
) -> bool:
    """Write a new command, tell the nodes; False if its idempotency key came first elsewhere."""
    values = [
        int(command.id),
        command.station,
        command.owner,
        to.version,
        to.vendor,
        to.model,
        to.firmware,
        command.action,
        _json(command.payload).decode(),
        None if concealed is None else _json(concealed).decode(),
        command.raw,
        command.asked_at,
        command.asked_by,
        command.asked_by_name,
        command.door,
        command.asker_organisation,
        command.reason,
        command.reference,
        command.priority,
        command.expires_at,
        command.when_offline,
        command.change_order,
        command.billing_decision,
        command.idempotency_key,
        command.until_ended,
        command.set_back_at,
        command.remote_start_id,
        to.epoch,
        command.expires_at,
        tells_nodes,
    ]
    inserting = Asked(_INSERT, values, len)
    telling = outbox.appending(
        db,
        [_event(command, None)],
        recorded_at=command.asked_at,
        is_delivered=command.change_order is not None,
    )
    if command.idempotency_key is None:
        await write(db, inserting, telling)
        return True
    if not await ask(db, inserting):
        return False
    await write(db, telling)
    return True


def _event(command: Command, note: str | None) -> CommandChanged:
    return CommandChanged(
        happened_at=command.asked_at,
        command_id=command.id,
        station=command.station,
        owner=command.owner,
        action=command.action,
        state=command.state,
        failure=command.failure,
        asked_by=command.asked_by,
        asked_by_name=command.asked_by_name,
        reason=command.reason,
        note=note,
        transaction_id=command.transaction_id,
    )


# -------------------------------------------------------------------------------------- claiming


@dataclass(frozen=True, slots=True)
class Ready:
    """A station whose lane is kept for its next command; the message's id is drawn beforehand."""

    station: StationId
    epoch: int
    has_booted: bool
    message_id: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A command that is on its way; `payload` is JSON, `shown` the same without its secrets."""

    id: int
    station: StationId
    epoch: int
    action: str
    payload: bytes
    shown: bytes | None
    version: OcppVersion
    message_id: str
    sent_at: datetime


# What shall hold of a dynamic profile now is never told after something newer (2.1, K28): a push
# that was lost, and would be asked again, then stays behind.
_CLAIM = """
with ready as (
    select * from unnest(%b::text[], %b::bigint[], %b::bool[], %b::text[])
        as r (station, epoch, has_booted, message_id)
), my as (
    select %b::text as node, %b::timestamptz as now, %b::timestamptz as due_at
), pick as (
    select q.id, r.epoch, r.message_id
    from my cross join ready r
    join station_connections c on c.station = r.station and c.epoch = r.epoch
        and c.node = my.node and c.closed_at is null
    join stations s on s.identity = r.station
    cross join lateral (
        select w.id from commands w
        where w.station = r.station and w.due_at is not null and w.state = 'queued'
          and w.expires_at > my.now and w.version = c.version
          and (w.earliest_at is null or w.earliest_at <= my.now)
          and (w.epoch = r.epoch or w.until_ended or w.action <> all (%b::text[]))
          and (w.action <> 'UpdateDynamicSchedule' or not exists (
               select 1 from commands n where n.station = w.station and n.id > w.id
               and n.action = w.action and n.sent_at is not null
               and n.payload ->> 'chargingProfileId' = w.payload ->> 'chargingProfileId'))
          and (w.action = any (%b::text[])
               or ((r.has_booted or s.booted_at is not null)
                   and s.admission <> 'refused' and s.boot_policy <> 'reject'
                   and ((s.admission <> 'waiting' and s.boot_policy <> 'pending')
                        or w.action <> all (%b::text[]))))
        order by w.priority desc, w.id limit 1
        for update skip locked
    ) q
), sent as (
    update commands c set state = 'sent', node = my.node, epoch = p.epoch,
        message_id = p.message_id, sent_at = my.now, attempts = c.attempts + 1,
        due_at = my.due_at, unknown_since = null, earliest_at = null
    from pick p, my where c.id = p.id
    returning c.*
), noted as (
    insert into command_transitions (command_id, state, at) select id, 'sent', sent_at from sent
)
select id, station, epoch, action, coalesce(concealed, payload)::text as payload,
    case when concealed is not null then payload::text end as shown, version, message_id, sent_at,
    owner, asked_by, asked_by_name, reason, transaction_id, change_order
from sent order by id
"""


async def claim(
    db: AsyncSession, node: str, ready: Sequence[Ready], *, now: datetime, due_at: datetime
) -> list[Claimed]:
    """Take the next command of each station, and write that it is sent.

    Only for connections that this node still holds by the database. What must wait for the boot's
    acceptance stays, as `csms.queue.is_held` has it.
    """
    ordered = sorted(ready, key=lambda each: each.station)
    found = await rows(
        db,
        _CLAIM,
        [
            [each.station for each in ordered],
            [each.epoch for each in ordered],
            [each.has_booted for each in ordered],
            [each.message_id for each in ordered],
            node,
            now,
            due_at,
            sorted(NEVER_AFTER_AN_OUTAGE),
            sorted(TRIGGERS),
            sorted(STARTS | STOPS),
        ],
    )
    await write(db, *_telling(db, [(row, CommandState.SENT, None, None) for row in found], now))
    return [
        Claimed(
            row["id"],
            StationId(row["station"]),
            row["epoch"],
            row["action"],
            row["payload"].encode(),
            None if row["shown"] is None else row["shown"].encode(),
            OcppVersion(row["version"]),
            row["message_id"],
            row["sent_at"],
        )
        for row in found
    ]


# -------------------------------------------------------------------------------------- changing


_CHANGE = """
with e as (
    select * from unnest(%b::bigint[], %b::text[], %b::text[], %b::timestamptz[],
        %b::timestamptz[], %b::timestamptz[], %b::text[], %b::timestamptz[],
        %b::text[], %b::timestamptz[], %b::bigint[], %b::timestamptz[])
        as e (id, after, failure, due_at, earliest_at, unknown_since, answer, answered_at,
              read_back, read_back_at, transaction_id, finished_at)
)
update commands c set state = e.after, failure = e.failure, due_at = e.due_at,
    earliest_at = e.earliest_at, unknown_since = e.unknown_since,
    answer = coalesce(e.answer::jsonb, c.answer),
    answered_at = coalesce(e.answered_at, c.answered_at),
    read_back = coalesce(e.read_back::jsonb, c.read_back),
    read_back_at = coalesce(e.read_back_at, c.read_back_at),
    transaction_id = coalesce(e.transaction_id, c.transaction_id),
    finished_at = case when e.after = any (%b::text[]) then coalesce(c.finished_at, e.finished_at)
                  end,
    concealed = case when e.after = any (%b::text[]) then null else c.concealed end
from e where c.id = e.id
"""

_HELD = """
    c.id, c.station, c.owner, c.action, c.asked_by, c.asked_by_name, c.reason,
    c.transaction_id, c.billing_decision, c.payload, c.state, c.message_id, c.change_order
"""
_HELD_NAMES = [each.strip().removeprefix("c.") for each in _HELD.split(",")]
_HOLD = f"select {_HELD} from commands c where c.id = any (%b::bigint[]) order by c.id for update"  # noqa: S608


def holding(message_ids: Sequence[str]) -> Asked[Rows]:
    """Ask for what `apply` must know of the commands last sent under these message ids."""
    return Asked(
        f"select {_HELD} from commands c where c.message_id = any (%b::text[])"  # noqa: S608
        " order by c.id for update",
        [sorted(message_ids)],
        lambda found: [dict(zip(_HELD_NAMES, row, strict=True)) for row in found],
    )


_NOTE = """
insert into command_transitions (command_id, state, failure, at, note)
select s.id, s.state, s.failure, %b::timestamptz, s.note
from unnest(%b::bigint[], %b::text[], %b::text[], %b::text[])
    with ordinality as s (id, state, failure, note, place)
order by s.place
"""


async def apply(
    db: AsyncSession, changes: Iterable[Change], *, now: datetime, held: Rows | None = None
) -> set[int]:
    """Make changes, with their history, events and notifications; return which commands changed.

    A command that is not in the state that its change starts from is left alone. `held` is what
    `holding` found in this unit of work, if it was asked.
    """
    wanted = {each.id: each for each in changes}
    if not wanted:
        return set()
    if held is None:
        held = await rows(db, _HOLD, [sorted(wanted)])
    made = [
        (change, row)
        for row in held
        if row["id"] in wanted
        for change in [wanted[row["id"]]]
        if row["state"] == change.before and change.message_id in (None, row["message_id"])
    ]
    if not made:
        return set()
    steps = [
        (
            {**row, "transaction_id": change.transaction_id or row["transaction_id"]},
            step.state,
            step.failure,
            step.note,
        )
        for change, row in made
        for step in change.steps
    ]
    noting = Asked(
        _NOTE,
        [
            now,
            [row["id"] for row, _, _, _ in steps],
            [state for _, state, _, _ in steps],
            [failure for _, _, failure, _ in steps],
            [note for _, _, _, note in steps],
        ],
        len,
    )
    changing = _changing([change for change, _ in made], now)
    await write(db, changing, noting, *_telling(db, steps, now))
    await _keep(db, made, now)
    for change, _ in made:
        if change.steps and change.after in FINAL:
            metrics.commands.labels(change.after).inc()
    return {change.id for change, _ in made}


def _changing(changes: Sequence[Change], now: datetime) -> Asked[int]:
    final = sorted(FINAL)
    return Asked(
        _CHANGE,
        [
            [each.id for each in changes],
            [each.after for each in changes],
            [each.failure for each in changes],
            [each.due_at for each in changes],
            [each.earliest_at for each in changes],
            [each.unknown_since for each in changes],
            [_text(each.answer) for each in changes],
            [each.answered_at for each in changes],
            [_text(each.read_back) for each in changes],
            [each.read_back_at for each in changes],
            [each.transaction_id for each in changes],
            [now] * len(changes),
            final,
            final,
        ],
        len,
    )


async def _keep(
    db: AsyncSession, changed: Sequence[tuple[Change, dict[str, Any]]], now: datetime
) -> None:
    """Keep what answers tell of stations, and what staff decided on the transactions found."""
    decisions: dict[TransactionId, str] = {}
    for change, row in changed:
        station = StationId(row["station"])
        if change.answer is not None:
            at = change.answered_at or now
            await keep_answer(db, station, row["action"], change.answer, at, payload=row["payload"])
        if change.read_back is not None:
            await keep_read_back(db, station, change.read_back, change.read_back_at or now)
        number, decision = change.transaction_id, row["billing_decision"]
        if number is not None and decision is not None and row["action"] in STARTS:
            decisions[TransactionId(number)] = decision
    if decisions:
        await billing_decisions.decide(db, decisions, now=now)


async def tell_nodes(db: AsyncSession, station: str) -> None:
    """Tell the nodes that something waits for a station."""
    await tuples(db, "select pg_notify('commands', %b::text)::text", [station])


def _text(value: dict[str, Any] | None) -> str | None:
    return None if value is None else _json(value).decode()


def _telling(
    db: AsyncSession,
    steps: Sequence[tuple[dict[str, Any], CommandState, Failure | None, str | None]],
    now: datetime,
) -> list[Asked[Any]]:
    """Ask that the events of steps be written, and those woken who wait for them.

    Only what rests on a written order concerns a reader of the house.
    """
    events: dict[bool, list[CommandChanged]] = {}
    for row, state, failure, note in steps:
        event = CommandChanged(
            happened_at=now,
            command_id=str(row["id"]),
            station=StationId(row["station"]),
            owner=OrganisationKey(row["owner"]),
            action=row["action"],
            state=state,
            failure=failure,
            asked_by=row["asked_by"],
            asked_by_name=row["asked_by_name"],
            reason=row["reason"],
            note=note,
            transaction_id=row["transaction_id"],
        )
        events.setdefault(row["change_order"] is not None, []).append(event)
    asked = [
        outbox.appending(db, each, recorded_at=now, is_delivered=is_ordered)
        for is_ordered, each in events.items()
    ]
    ids = sorted({str(row["id"]) for row, _, _, _ in steps})
    for start in range(0, len(ids), 300):  # a notification holds 8000 bytes
        told = " ".join(ids[start : start + 300])
        query = "select pg_notify('command_changes', %b::text)::text"
        asked.append(Asked(query, [told], len))
    return asked


# -------------------------------------------------------------------------------------- reading


def as_command(row: CommandRow, history: Sequence[CommandTransitionRow]) -> Command:
    """Return a row as a value."""
    return Command(
        id=str(row.id),
        station=StationId(row.station),
        owner=OrganisationKey(row.owner),
        action=row.action,
        payload=row.payload,
        state=CommandState(row.state),
        failure=None if row.failure is None else Failure(row.failure),
        asked_at=row.asked_at,
        asked_by=row.asked_by,
        asked_by_name=row.asked_by_name,
        door=row.door,
        asker_organisation=OrganisationKey(row.asker_organisation),
        reason=row.reason,
        reference=row.reference,
        priority=row.priority,
        expires_at=row.expires_at,
        when_offline=row.when_offline,
        raw=row.raw,
        change_order=row.change_order,
        billing_decision=row.billing_decision,
        idempotency_key=row.idempotency_key,
        until_ended=row.until_ended,
        set_back_at=row.set_back_at,
        version=row.version.removeprefix("ocpp"),
        attempts=row.attempts,
        sent_at=row.sent_at,
        answered_at=row.answered_at,
        answer=row.answer,
        transaction_id=None if row.transaction_id is None else TransactionId(row.transaction_id),
        remote_start_id=row.remote_start_id,
        transitions=tuple(
            Transition(CommandState(each.state), each.at, each.note) for each in history
        ),
    )
