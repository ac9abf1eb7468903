"""What was said of transactions: raw messages with their readings, set-based, in one statement.

Identity comes from natural keys with unique constraints, never from message ids: a repeated
message or reading changes nothing. Rows are sorted by key before they are locked.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import Struct, structs
from sqlalchemy.ext.asyncio import AsyncSession

from csms.assembly import RegisterReading
from csms.reports import Reading, Sample
from csms.transactions import TransactionFacts, may_hold_signed_values
from foundation.statements import Asked, ask

LateReading = tuple[int, RegisterReading]
"""A transaction that is over, and a register of it that came after its end."""


class Said(Struct, frozen=True, gc=False):
    """A raw message on its way into `reports`, with its readings.

    `number` is that of the transaction as we gave it: one that its station does not have counts
    as none. `evse_id` is the message's own; a transaction's comes before it. Each reading has its
    corrected moment beside it.
    """

    station: str
    number: int | None
    evse_id: int
    kind: str
    seq_no: int | None
    version: str
    epoch: int
    reported_at: datetime | None
    received_at: datetime
    skew_s: int
    digest: bytes
    raw: str
    repairs: tuple[str, ...]
    readings: Sequence[tuple[datetime, Reading]]


class Kept(Struct, frozen=True):
    """New registers of transactions that are over; and which messages were not said before.

    `are_new` follows the messages as they were given; `signed` are transactions that are over and
    of which something that may be signed is new. Both are empty where nobody asked.
    """

    late: list[LateReading]
    are_new: list[bool]
    signed: list[int]


_encode = msgspec.json.Encoder().encode


def _as_json(reading: Reading) -> bytes:
    data = _encode(reading.samples)
    if b"\\u0000" not in data:
        return data
    # jsonb takes no NUL, which signed data may have; its bytes stay whole in the raw report.
    return _encode([_without_nul(each) for each in reading.samples])


def _without_nul(sample: Sample) -> dict[str, Any]:
    return {
        name: value.replace("\0", "") if isinstance(value, str) else value
        for name, value in structs.asdict(sample).items()
    }


def keeping(
    said: Sequence[Said], *, tell_new: bool = False, tell_signed: bool = False
) -> Asked[Kept]:
    """Ask that messages be kept with their readings; locks the transactions that they name.

    A repeated message or reading changes nothing. A reading without a transaction is linked to the
    one that its EVSE had at that time; EVSE 0 is the whole station's meter and is never linked.
    Of a repeated message only readings without a time of their own are taken: their moment is
    that of the message, which a clock that is wrong says anew each time.

    Args:
        said: Messages; of one station in their order.
        tell_new: Also tell which messages were not said before of their transaction.
        tell_signed: Also tell of which transactions that are over something signed is new.
    """
    may_be_signed = tell_signed and any(may_hold_signed_values(each.raw) for each in said)
    ordered = sorted(said, key=attrgetter("station", "digest")) if len(said) > 1 else said
    places: list[int] = []
    moments: list[datetime] = []
    readings: list[Reading] = []
    for place, each in enumerate(ordered, start=1):
        for at, reading in each.readings:
            places.append(place)
            moments.append(at)
            readings.append(reading)

    def read(found: Iterable[tuple[Any, ...]]) -> Kept:
        late: list[LateReading] = []
        new: set[int] = set()
        signed: set[int] = set()
        for place, number, at, context, register in found:
            if place is None:
                late.append((number, RegisterReading(at, context, register)))
                continue
            new.add(id(ordered[place - 1]))
            if number is not None and may_hold_signed_values(ordered[place - 1].raw):
                signed.add(number)
        are_new = [id(each) in new for each in said] if tell_new else []
        return Kept(late, are_new, sorted(signed))

    query = _KEEP_AND_TELL if tell_new else _KEEP
    return Asked(
        _KEEP_AND_TELL_OVER if may_be_signed else query,
        [
            [each.station for each in ordered],
            [each.number for each in ordered],
            [each.evse_id for each in ordered],
            [each.kind for each in ordered],
            [each.seq_no for each in ordered],
            [each.version for each in ordered],
            [each.epoch for each in ordered],
            [each.reported_at for each in ordered],
            [each.received_at for each in ordered],
            [each.skew_s for each in ordered],
            [each.digest for each in ordered],
            [each.raw for each in ordered],
            [" ".join(each.repairs) for each in ordered],
            places,
            moments,
            [each.context for each in readings],
            [each.energy_register_wh for each in readings],
            [_as_json(each) for each in readings],
            [each.measured_at is None for each in readings],
        ],
        read,
    )


# A number that is not its station's own transaction finds none. The state is that of the locked
# row: somebody else may have ended the transaction while this statement waited for it.
_KEEP = """
with given as (
    select * from unnest(%b::text[], %b::bigint[], %b::int[], %b::text[], %b::bigint[], %b::text[],
            %b::bigint[], %b::timestamptz[], %b::timestamptz[], %b::int[], %b::bytea[],
            %b::text[], %b::text[])
        with ordinality as g (station, number, evse_id, kind, seq_no, version, epoch, reported_at,
            received_at, skew_s, digest, raw, repairs, place)
), known as (
    select t.id, t.station, t.evse_id, t.state
    from given g join transactions t on t.id = g.number and t.station = g.station
    order by t.id for update of t
), said as (
    select g.*, k.id as transaction_id, coalesce(k.evse_id, g.evse_id) as its_evse
    from given g left join (select distinct id, station, evse_id from known) k
        on k.id = g.number and k.station = g.station
), kept as (
    insert into reports (station, transaction_id, evse_id, kind, seq_no, version, epoch,
        reported_at, received_at, skew_s, digest, raw, repairs)
    select station, transaction_id, its_evse, kind, seq_no, version, epoch, reported_at,
        received_at, skew_s, digest, raw,
        case when repairs = '' then '{}' else string_to_array(repairs, ' ') end
    from said order by place
    on conflict do nothing returning station, digest, transaction_id
), new as (
    select min(s.place) as place
    from said s join kept r on r.station = s.station and r.digest = s.digest
        and r.transaction_id is not distinct from s.transaction_id
    group by r.station, r.digest, r.transaction_id
), added as (
    insert into readings (station, evse_id, transaction_id, measured_at, context,
                          energy_register_wh, values, received_at)
    select s.station, s.its_evse, coalesce(s.transaction_id, t.id), r.measured_at, r.context,
        r.register, r.samples, s.received_at
    from unnest(%b::bigint[], %b::timestamptz[], %b::text[], %b::numeric[],
                %b::jsonb[], %b::bool[])
        as r (place, measured_at, context, register, samples, is_undated)
    join said s on s.place = r.place
    left join lateral (
        select x.id from transactions x
        where s.transaction_id is null and s.its_evse > 0
          and x.station = s.station and x.evse_id = s.its_evse
          and x.started_at <= r.measured_at
          and (x.ended_at is null or x.ended_at >= r.measured_at)
        order by x.started_at desc limit 1) t on true
    where r.is_undated or r.place in (select place from new)
    on conflict do nothing
    returning transaction_id, measured_at, context, energy_register_wh
)
select null::bigint as place, a.transaction_id, a.measured_at, a.context, a.energy_register_wh
from added a join transactions t on t.id = a.transaction_id
left join (select distinct id, state from known) k on k.id = a.transaction_id
where coalesce(k.state, t.state) in ('ended', 'inferred_end') and a.energy_register_wh is not null
"""
_KEEP_AND_TELL = f"{_KEEP} union all select place, null, null, null, null from new"  # noqa: S608
_KEEP_AND_TELL_OVER = f"""{_KEEP}
union all
select n.place, k.id, null, null, null
from new n join said s on s.place = n.place
left join (select distinct id, state from known) k
    on k.id = s.transaction_id and k.state in ('ended', 'inferred_end')
"""  # noqa: S608


def registers(ids: Sequence[int]) -> Asked[dict[int, list[RegisterReading]]]:
    """Ask for the register readings of transactions, oldest first."""
    return Asked(_REGISTERS, [sorted(set(ids))], _by_transaction)


_REGISTERS = """
select transaction_id, measured_at, context, energy_register_wh from readings
where transaction_id = any(%b::bigint[]) and energy_register_wh is not null
order by transaction_id, measured_at, context
"""


def _by_transaction(found: Iterable[tuple[Any, ...]]) -> dict[int, list[RegisterReading]]:
    readings: dict[int, list[RegisterReading]] = {}
    for number, *reading in found:
        readings.setdefault(number, []).append(RegisterReading(*reading))
    return readings


async def registers_of(db: AsyncSession, ids: Sequence[int]) -> dict[int, list[RegisterReading]]:
    """Return the register readings of transactions, oldest first."""
    return await ask(db, registers(ids))


def linking(transactions: Sequence[TransactionFacts]) -> Asked[Any]:
    """Ask that readings which came before their transaction be given to it, by EVSE and time."""
    ordered = sorted(transactions, key=lambda each: each.id)
    return Asked(
        _LINK,
        [
            [each.id for each in ordered],
            [each.station for each in ordered],
            [each.evse_id for each in ordered],
            [each.started_at for each in ordered],
            [each.ended_at for each in ordered],
        ],
        len,
    )


_LINK = """
update readings r set transaction_id = t.id
from unnest(%b::bigint[], %b::text[], %b::int[], %b::timestamptz[], %b::timestamptz[])
     as t (id, station, evse_id, started_at, ended_at)
where r.transaction_id is null and r.station = t.station and r.evse_id = t.evse_id
  and r.measured_at >= t.started_at
  and (t.ended_at is null or r.measured_at <= t.ended_at)
  and not exists (
    select 1 from readings o where o.station = r.station and o.evse_id = r.evse_id
      and o.transaction_id = t.id and o.measured_at = r.measured_at
      and o.context = r.context)
"""


def gaps(transactions: Sequence[TransactionFacts]) -> Asked[set[int]]:
    """Ask which 2.x transactions have gaps in their event numbers up to their end."""
    ended = sorted(
        (each for each in transactions if each.end_seq_no is not None), key=lambda each: each.id
    )
    return Asked(
        _GAPS,
        [
            [each.id for each in ended],
            [each.first_seq_no or 0 for each in ended],
            [each.end_seq_no for each in ended],
        ],
        lambda found: {number for (number,) in found},
    )


_GAPS = """
select t.id from unnest(%b::bigint[], %b::bigint[], %b::bigint[]) as t (id, first, last)
join reports r on r.transaction_id = t.id
where r.seq_no is not null
group by t.id, t.first, t.last
having count(distinct r.seq_no) filter (where r.seq_no between t.first and t.last)
       < t.last - t.first + 1
"""
