"""What stations report of our requests, and what they are set to: set-based statements.

Every statement takes a batch and may be repeated: what is known already changes nothing, and what
is returned is only what really changed.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from csms.pieces import Most
from csms.reports import ReportedVariable
from foundation.identifiers import StationId
from foundation.statements import Asked, rows, write

T = TypeVar("T")


def rounds(items: Iterable[tuple[Hashable, T]]) -> Iterator[list[T]]:
    """Yield the items so that each list has every key once at most, in their order.

    A statement can change a row only once; a station's second message needs a second statement.
    """
    waiting = list(items)
    while waiting:
        now: dict[Hashable, T] = {}
        later: list[tuple[Hashable, T]] = []
        for key, item in waiting:
            if key in now:
                later.append((key, item))
            else:
                now[key] = item
        yield list(now.values())
        waiting = later


# ---------------------------------------------------------------------------------- progress


@dataclass(frozen=True, slots=True)
class Progress:
    """A status of a kind of work (firmware, log, publication), reported at a moment."""

    station: str
    kind: str
    request_id: int | None
    status: str
    note: str | None
    at: datetime


async def save_progress(db: AsyncSession, reported: Sequence[Progress]) -> list[Progress]:
    """Write statuses; return those that differ from what was known of the same request."""
    changed: list[Progress] = []
    for batch in rounds(((each.station, each.kind, each.request_id), each) for each in reported):
        # A request without a number comes first, as in the index.
        ordered = sorted(
            batch, key=lambda each: (each.station, each.kind, each.request_id or -(2**63))
        )
        found = await rows(
            db,
            _PROGRESS,
            [
                [each.station for each in ordered],
                [each.kind for each in ordered],
                [each.request_id for each in ordered],
                [each.status for each in ordered],
                [each.note for each in ordered],
                [each.at for each in ordered],
            ],
        )
        changed += [Progress(**row) for row in found]
    return changed


_PROGRESS = """
with told as (
    select * from unnest(%b::text[], %b::text[], %b::bigint[], %b::text[], %b::text[],
        %b::timestamptz[]) with ordinality as t (station, kind, request_id, status, note, at, place)
), saved as (
    insert into station_progress as p (station, kind, request_id, status, note, changed_at)
    select station, kind, request_id, status, note, at from told order by place
    on conflict (station, kind, request_id) do update
        set status = excluded.status, note = excluded.note, changed_at = excluded.changed_at
        where p.status <> excluded.status
    returning id, station, kind, request_id, status, note, changed_at
), stepped as (
    insert into station_progress_steps (progress_id, status, note, at)
    select id, status, note, changed_at from saved
)
select station, kind, request_id, status, note, changed_at as at from saved
"""


# ------------------------------------------------------------------------------ reservations


@dataclass(frozen=True, slots=True)
class NewReservation:
    """A reservation that a station accepted; `evse_id` None: any of its EVSEs."""

    station: str
    reservation_id: int
    evse_id: int | None
    connector_type: str | None
    id_token: str | None
    group_id: str | None
    made_at: datetime
    expires_at: datetime | None


async def save_reservation(db: AsyncSession, new: NewReservation) -> None:
    """Write a reservation; one with the same number that is open still is replaced by it.

    Source: OCPP 1.6 edition 2, section 5.13; OCPP 2.0.1, H01.FR.02.
    """
    await rows(
        db,
        """
        insert into reservations (station, reservation_id, evse_id, connector_type, id_token,
            group_id, made_at, expires_at)
        values (%b, %b, %b, %b, %b, %b, %b, %b)
        on conflict (station, reservation_id) where ended_at is null do update
            set evse_id = excluded.evse_id, connector_type = excluded.connector_type,
                id_token = excluded.id_token, group_id = excluded.group_id,
                made_at = excluded.made_at, expires_at = excluded.expires_at
        """,
        [
            new.station,
            new.reservation_id,
            new.evse_id,
            new.connector_type,
            new.id_token,
            new.group_id,
            new.made_at,
            new.expires_at,
        ],
    )


@dataclass(frozen=True, slots=True)
class Ending:
    """A reservation ended, by the station's word or because it was cancelled."""

    station: str
    reservation_id: int
    ending: str
    at: datetime


async def end_reservations(db: AsyncSession, endings: Sequence[Ending]) -> list[Ending]:
    """End reservations, and return those that were not over; one nobody knew is kept as ended."""
    once = {(each.station, each.reservation_id): each for each in reversed(endings)}
    ordered = [once[key] for key in sorted(once)]
    found = await rows(
        db,
        """
        with told as (
            select * from unnest(%b::text[], %b::bigint[], %b::text[], %b::timestamptz[])
                as t (station, reservation_id, ending, at)
        ), closed as (
            update reservations r set ended_at = t.at, ending = t.ending from told t
            where r.station = t.station and r.reservation_id = t.reservation_id
              and r.ended_at is null
            returning r.station, r.reservation_id, r.ending, r.ended_at as at
        ), unknown as (
            insert into reservations (station, reservation_id, made_at, ended_at, ending)
            select t.station, t.reservation_id, t.at, t.at, t.ending from told t
            where not exists (
                select 1 from reservations r
                where r.station = t.station and r.reservation_id = t.reservation_id)
            returning station, reservation_id, ending, ended_at as at
        )
        select * from closed union all select * from unknown
        """,
        [
            [each.station for each in ordered],
            [each.reservation_id for each in ordered],
            [each.ending for each in ordered],
            [each.at for each in ordered],
        ],
    )
    return [Ending(**row) for row in found]


# --------------------------------------------------------------------------------- variables

Place = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What a station told of a variable at a moment."""

    station: str
    at: datetime
    variable: ReportedVariable

    @property
    def place(self) -> Place:
        """The variable's own key."""
        its = self.variable
        return (
            self.station,
            its.component,
            its.component_instance,
            its.evse_id,
            its.connector_id,
            its.variable,
            its.variable_instance,
            its.attribute,
        )


async def save_variables(db: AsyncSession, told: Sequence[Told]) -> None:
    """Write what stations told of their variables; each value that is new goes into the history.

    Characteristics that are not told again stay as they were.
    """
    latest = {each.place: each for each in told}  # a later word on the same variable wins
    ordered = sorted(
        latest.values(),
        key=lambda each: [(part is not None, part) for part in each.place],
    )
    if not ordered:
        return
    its = [each.variable for each in ordered]
    values = [
        [each.station for each in ordered],
        [each.component for each in its],
        [each.component_instance for each in its],
        [each.evse_id for each in its],
        [each.connector_id for each in its],
        [each.variable for each in its],
        [each.variable_instance for each in its],
        [each.attribute for each in its],
        [each.value for each in its],
        [each.is_known for each in its],
        [each.mutability for each in its],
        [each.data_type for each in its],
        [each.unit for each in its],
        [each.min_limit for each in its],
        [each.max_limit for each in its],
        [each.values_list for each in its],
        [each.at for each in ordered],
    ]
    await write(db, Asked(_VARIABLES, values, len))


_VARIABLES = """
with told as (
    select * from unnest(%b::text[], %b::text[], %b::text[], %b::int[], %b::int[], %b::text[],
        %b::text[], %b::text[], %b::text[], %b::bool[], %b::text[], %b::text[], %b::text[],
        %b::numeric[], %b::numeric[], %b::text[], %b::timestamptz[])
        with ordinality as t (station, component, component_instance, evse_id, connector_id,
            variable, variable_instance, attribute, value, is_known, mutability, data_type, unit,
            min_limit, max_limit, values_list, at, place)
), saved as (
    insert into station_variables as v (station, component, component_instance, evse_id,
        connector_id, variable, variable_instance, attribute, value, is_known, mutability,
        data_type, unit, min_limit, max_limit, values_list, changed_at, read_at)
    select station, component, component_instance, evse_id, connector_id, variable,
        variable_instance, attribute, value, is_known, mutability, data_type, unit,
        min_limit, max_limit, values_list, at, at
    from told order by place
    on conflict (station, component, component_instance, evse_id, connector_id, variable,
                 variable_instance, attribute) do update set
        value = excluded.value,
        is_known = excluded.is_known,
        mutability = coalesce(excluded.mutability, v.mutability),
        data_type = coalesce(excluded.data_type, v.data_type),
        unit = coalesce(excluded.unit, v.unit),
        min_limit = coalesce(excluded.min_limit, v.min_limit),
        max_limit = coalesce(excluded.max_limit, v.max_limit),
        values_list = coalesce(excluded.values_list, v.values_list),
        changed_at = case when (v.value, v.is_known)
                is distinct from (excluded.value, excluded.is_known)
            then excluded.changed_at else v.changed_at end,
        read_at = excluded.read_at
    returning id, value, is_known, changed_at
)
insert into station_variable_values (variable_id, value, is_known, at)
select saved.id, saved.value, saved.is_known, saved.changed_at
from saved left join lateral (
    select h.value, h.is_known from station_variable_values h
    where h.variable_id = saved.id order by h.id desc limit 1) last on true
where last.is_known is null
   or (last.value, last.is_known) is distinct from (saved.value, saved.is_known)
"""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a report on variables."""

    station: str
    request_id: int
    seq_no: int
    is_last: bool
    variables: int
    at: datetime


async def save_report_parts(
    db: AsyncSession, parts: Sequence[Part]
) -> list[tuple[str, int, int, datetime]]:
    """Note the parts of reports; return (station, request, parts, moment) of those now whole.

    A report is whole when its last part and all before it are there. One that was whole before
    is not returned again.
    """
    once = {(each.station, each.request_id, each.seq_no): each for each in reversed(parts)}
    ordered = [once[key] for key in sorted(once)]
    new = await rows(
        db,
        """
        insert into variable_report_parts
            (station, request_id, seq_no, is_last, variables, received_at)
        select * from unnest(%b::text[], %b::bigint[], %b::bigint[], %b::bool[], %b::int[],
            %b::timestamptz[])
        on conflict do nothing returning station, request_id
        """,
        [
            [each.station for each in ordered],
            [each.request_id for each in ordered],
            [each.seq_no for each in ordered],
            [each.is_last for each in ordered],
            [each.variables for each in ordered],
            [each.at for each in ordered],
        ],
    )
    if not new:
        return []
    touched = sorted({(row["station"], row["request_id"]) for row in new})
    found = await rows(
        db,
        """
        select p.station, p.request_id, count(*) as parts, max(p.received_at) as at
        from variable_report_parts p
        join unnest(%b::text[], %b::bigint[]) as k (station, request_id)
            using (station, request_id)
        group by p.station, p.request_id
        having bool_or(p.is_last) and count(*) = max(p.seq_no) + 1
        order by p.station, p.request_id
        """,
        [[station for station, _ in touched], [number for _, number in touched]],
    )
    return [(row["station"], row["request_id"], row["parts"], row["at"]) for row in found]


# ------------------------------------------------------------------------ what a station takes


async def most_taken(db: AsyncSession, asked: Sequence[tuple[StationId, str]]) -> list[Most]:
    """Return what stations said that they take in one message of an action, in the order given."""
    found = await rows(
        db,
        """
        select a.place, lower(v.variable) as variable, v.value
        from unnest(%b::text[], %b::text[]) with ordinality as a (station, action, place)
        join station_variables v on v.station = a.station and v.attribute = 'Actual'
          and v.value is not null and case when a.action = 'GetConfiguration'
            then v.component = '' and lower(v.variable) = 'getconfigurationmaxkeys'
            else lower(v.component) in ('devicedatactrlr', 'monitoringctrlr')
              and lower(v.variable) in ('itemspermessage', 'bytespermessage')
              and v.variable_instance = a.action end
        """,
        [[station for station, _ in asked], [action for _, action in asked]],
    )
    most = [Most() for _ in asked]
    for row in found:
        if not row["value"].isascii() or not row["value"].isdigit():
            continue
        place, number = row["place"] - 1, int(row["value"])
        if row["variable"] == "bytespermessage":
            most[place] = replace(most[place], octets=number)
        else:
            most[place] = replace(most[place], items=number)
    return most
