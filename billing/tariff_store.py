"""The statements about tariffs: their versions, where they are assigned, and places' hours."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import msgspec
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from billing.assignments import PLAIN, Assignment, Lane, Place, TariffScope
from billing.conditions import Conditions, Side, conditions_json, parse_conditions
from billing.hours import Hours, HoursKind, PlaceHours, hours_json, parse_hours
from billing.tables import TariffAssignmentRow, TariffVersionRow
from billing.tariff_rule_tables import PlaceHoursRow
from foundation.statements import Asked, Tuples, ask, tuples

# ---------------------------------------------------------------------------------- versions


async def lock_tariff(db: AsyncSession, tariff_id: str) -> None:
    """Let nobody else change the tariff until this unit of work ends."""
    await db.execute(
        text("select pg_advisory_xact_lock(hashtext('tariff'), hashtext(:id))"), {"id": tariff_id}
    )


async def add_version(
    db: AsyncSession,
    *,
    tariff_id: str,
    version: int,
    valid_from: datetime,
    organisation: str | None,
    currency: str,
    document: dict[str, Any],
    now: datetime,
) -> TariffVersionRow:
    """Write a further version of a tariff."""
    row = TariffVersionRow(
        tariff_id=tariff_id,
        version=version,
        valid_from=valid_from,
        organisation=organisation,
        currency=currency,
        document=document,
        created_at=now,
    )
    db.add(row)
    await db.flush()
    return row


async def versions(db: AsyncSession, tariff_ids: Collection[str] | None) -> list[TariffVersionRow]:
    """Return all versions of some tariffs, or of all, by tariff, oldest first."""
    query = select(TariffVersionRow).order_by(TariffVersionRow.tariff_id, TariffVersionRow.version)
    if tariff_ids is not None:
        query = query.where(TariffVersionRow.tariff_id.in_(tariff_ids))
    return list((await db.execute(query)).scalars())


async def latest_versions(
    db: AsyncSession,
    organisations: Collection[str] | None,
    *,
    after: str | None,
    limit: int | None,
) -> list[TariffVersionRow]:
    """Return the newest version of each tariff of some organisations, or of all, by id."""
    newest = select(func.max(TariffVersionRow.number)).group_by(TariffVersionRow.tariff_id)
    query = (
        select(TariffVersionRow)
        .where(TariffVersionRow.number.in_(newest))
        .order_by(TariffVersionRow.tariff_id)
        .limit(limit)
    )
    if organisations is not None:
        query = query.where(TariffVersionRow.organisation.in_(organisations))
    if after is not None:
        query = query.where(TariffVersionRow.tariff_id > after)
    return list((await db.execute(query)).scalars())


# ------------------------------------------------------------------------------- assignments


async def lock_place(db: AsyncSession, place: Place) -> None:
    """Let nobody else assign a tariff to the place until this unit of work ends."""
    await db.execute(
        text("select pg_advisory_xact_lock(hashtext('tariff place'), hashtext(:place))"),
        {"place": str(place)},
    )


async def assignments_on(
    db: AsyncSession, places: Iterable[Place]
) -> dict[Place, list[Assignment]]:
    """Return the assignments of some places, oldest first; places without one are missing."""
    return await ask(db, asking_assignments(list(places))[0])


_HELD: Final = """
select id, scope, scope_id, tariff_id, valid_from, valid_to, side, priority, conditions::text
from tariff_assignments join unnest(%b::text[], %b::text[]) as place (scope, scope_id)
  using (scope, scope_id)
order by valid_from
"""
_HELD_VERSIONS = """
select number, tariff_id, version, valid_from, organisation, document::text, created_at
from tariff_versions where tariff_id in (
  select tariff_id
  from tariff_assignments join unnest(%b::text[], %b::text[]) as place (scope, scope_id)
    using (scope, scope_id))
order by tariff_id, version
"""


_HELD_HOURS: Final = """
select scope, scope_id, kind, hours::text, transition_minutes, stops, valid_from
from place_hours join unnest(%b::text[], %b::text[]) as place (scope, scope_id)
  using (scope, scope_id)
"""


def asking_assignments(
    places: Collection[Place],
) -> tuple[
    Asked[dict[Place, list[Assignment]]], Asked[Tuples], Asked[dict[Place, list[PlaceHours]]]
]:
    """Ask for what `assignments_on` returns, all versions of their tariffs, and the hours there."""
    values = [[place.scope for place in places], [place.id for place in places]]
    return (
        Asked(_HELD, values, _by_place),
        Asked(_HELD_VERSIONS, values, list),
        Asked(_HELD_HOURS, values, _hours_by_place),
    )


def _by_place(found: Tuples) -> dict[Place, list[Assignment]]:
    by_place: dict[Place, list[Assignment]] = {}
    for number, scope, id_, tariff_id, valid_from, valid_to, side, priority, conditions in found:
        place = Place(TariffScope(scope), id_)
        by_place.setdefault(place, []).append(
            Assignment(
                number,
                place,
                tariff_id,
                valid_from,
                valid_to,
                Side(side),
                priority,
                _conditions(conditions),
            )
        )
    return by_place


@lru_cache(maxsize=10_000)  # thousands of transactions share theirs
def _conditions(document: str) -> Conditions:
    return parse_conditions(msgspec.json.decode(document))


def _hours_by_place(found: Tuples) -> dict[Place, list[PlaceHours]]:
    by_place: dict[Place, list[PlaceHours]] = {}
    for scope, id_, kind, hours, transition_minutes, stops, valid_from in found:
        place = Place(TariffScope(scope), id_)
        by_place.setdefault(place, []).append(
            PlaceHours(
                place=place,
                kind=HoursKind(kind),
                hours=None if hours is None else _hours(hours),
                transition=timedelta(minutes=transition_minutes),
                stops=stops,
                valid_from=valid_from,
            )
        )
    return by_place


@lru_cache(maxsize=10_000)
def _hours(document: str) -> Hours:
    return parse_hours(msgspec.json.decode(document))


_DOCUMENTS = "select number, document::text from tariff_versions where number = any(%b::bigint[])"


async def documents(db: AsyncSession, numbers: Collection[int]) -> Tuples:
    """Return some versions' numbers and documents, these as JSON text."""
    return await tuples(db, _DOCUMENTS, [sorted(numbers)])


_FROZEN_DOCUMENTS = """
select number, document::text from tariff_versions where number in (
  select unnest(array[tariff_number, purchase_number])
  from transaction_terms where transaction_id = any(%b::bigint[]))
"""


def frozen_documents(transaction_ids: Sequence[int]) -> Asked[Tuples]:
    """Ask for the documents of the tariffs that transactions are billed by, with their numbers."""
    return Asked(_FROZEN_DOCUMENTS, [transaction_ids], list)


async def all_assignments(db: AsyncSession) -> dict[Place, list[Assignment]]:
    """Return every assignment by its place, oldest first."""
    rows = await db.execute(select(TariffAssignmentRow).order_by(TariffAssignmentRow.valid_from))
    found: dict[Place, list[Assignment]] = {}
    for row in rows.scalars():
        assignment = _assignment(row)
        found.setdefault(assignment.place, []).append(assignment)
    return found


_COUNTS: Final = """
select (select count(*) from tariff_versions), (select count(*) from tariff_assignments),
  (select count(*) from place_hours)
"""

Counts = tuple[int, int, int]


async def counts(db: AsyncSession) -> Counts:
    """Return how many versions, assignments and hours there are; all are only ever added to."""
    return await ask(db, asking_counts())


def asking_counts() -> Asked[Counts]:
    """Ask for what `counts` returns."""
    return Asked(_COUNTS, [], lambda found: (found[0][0], found[0][1], found[0][2]))


async def assignments_of(db: AsyncSession, tariff_ids: Collection[str]) -> list[Assignment]:
    """Return where some tariffs are assigned, by place, oldest first."""
    rows = await db.execute(
        select(TariffAssignmentRow)
        .where(TariffAssignmentRow.tariff_id.in_(tariff_ids))
        .order_by(
            TariffAssignmentRow.tariff_id,
            TariffAssignmentRow.scope,
            TariffAssignmentRow.scope_id,
            TariffAssignmentRow.valid_from,
        )
    )
    return [_assignment(row) for row in rows.scalars()]


async def add_assignment(
    db: AsyncSession,
    tariff_id: str,
    place: Place,
    lane: Lane = PLAIN,
    *,
    valid_from: datetime,
    valid_to: datetime | None,
    now: datetime,
) -> Assignment:
    """Write an assignment."""
    side, priority, conditions = lane
    row = TariffAssignmentRow(
        scope=place.scope,
        scope_id=place.id,
        tariff_id=tariff_id,
        side=side,
        priority=priority,
        conditions=conditions_json(conditions),
        conditions_key=conditions.key,
        valid_from=valid_from,
        valid_to=valid_to,
        created_at=now,
    )
    db.add(row)
    await db.flush()
    return _assignment(row)


def _assignment(row: TariffAssignmentRow) -> Assignment:
    return Assignment(
        assignment_id=row.id,
        place=Place(TariffScope(row.scope), row.scope_id),
        tariff_id=row.tariff_id,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        side=Side(row.side),
        priority=row.priority,
        conditions=parse_conditions(row.conditions),
    )


# ------------------------------------------------------------------------------------- hours


async def add_hours(db: AsyncSession, hours: PlaceHours, *, now: datetime) -> None:
    """Write the hours of a place from a moment on."""
    db.add(
        PlaceHoursRow(
            scope=hours.place.scope,
            scope_id=hours.place.id,
            kind=hours.kind,
            hours=None if hours.hours is None else hours_json(hours.hours),
            transition_minutes=int(hours.transition.total_seconds()) // 60,
            stops=hours.stops,
            valid_from=hours.valid_from,
            created_at=now,
        )
    )
    await db.flush()


async def hours_on(
    db: AsyncSession, places: Collection[Place] | None
) -> dict[Place, list[PlaceHours]]:
    """Return the hours of some places, or of all, oldest first; places without are missing."""
    query = select(PlaceHoursRow).order_by(PlaceHoursRow.valid_from, PlaceHoursRow.id)
    found: dict[Place, list[PlaceHours]] = {}
    for row in (await db.execute(query)).scalars():
        place = Place(TariffScope(row.scope), row.scope_id)
        if places is None or place in places:
            found.setdefault(place, []).append(
                PlaceHours(
                    place=place,
                    kind=HoursKind(row.kind),
                    hours=None if row.hours is None else parse_hours(row.hours),
                    transition=timedelta(minutes=row.transition_minutes),
                    stops=row.stops,
                    valid_from=row.valid_from,
                )
            )
    return found


# ---------------------------------------------------------------------------------- contacts

_CONTACTS: Final = """
select k.place, coalesce(named.contact_id, general.contact_id)::text
from unnest(%b::text[], %b::text[], %b::timestamptz[])
  with ordinality as k (token, organisation, at, place)
left join lateral (
  select c.contact_id from contract_tokens t join contracts c on c.id = t.contract_id
  where t.token = k.token and t.valid_from <= k.at
    and (t.valid_to is null or t.valid_to > k.at)
  order by t.valid_from desc limit 1) named on true
left join lateral (
  select c.contact_id from contracts c
  where c.tokens_of = k.organisation and c.valid_from <= (k.at at time zone 'UTC')::date
    and (c.valid_to is null or c.valid_to > (k.at at time zone 'UTC')::date)
  order by c.valid_from desc limit 1) general on true
"""


async def contacts_of(
    db: AsyncSession, asked: Sequence[tuple[str | None, str | None, datetime]]
) -> list[str | None]:
    """Return the contact whose contract covers each (token key, organisation, moment), in order."""
    found = await tuples(db, _CONTACTS, [[each[index] for each in asked] for index in range(3)])
    return [contact for _, contact in sorted(found)]
