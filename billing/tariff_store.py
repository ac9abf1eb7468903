"""The statements about tariffs: their versions, and where they are assigned."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from billing.assignments import Assignment, Place, TariffScope
from billing.tables import TariffAssignmentRow, TariffVersionRow
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
    return await ask(db, asking_assignments(set(places))[0])


_HELD = """
select id, scope, scope_id, tariff_id, valid_from, valid_to
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


def asking_assignments(
    places: Iterable[Place],
) -> tuple[Asked[dict[Place, list[Assignment]]], Asked[Tuples]]:
    """Ask for what `assignments_on` returns, and for all versions of their tariffs."""
    keys = list(places)
    values = [[place.scope for place in keys], [place.id for place in keys]]
    return Asked(_HELD, values, _by_place), Asked(_HELD_VERSIONS, values, list)


def _by_place(found: Tuples) -> dict[Place, list[Assignment]]:
    by_place: dict[Place, list[Assignment]] = {}
    for number, scope, id_, tariff_id, valid_from, valid_to in found:
        place = Place(TariffScope(scope), id_)
        by_place.setdefault(place, []).append(
            Assignment(number, place, tariff_id, valid_from, valid_to)
        )
    return by_place


_DOCUMENTS = "select number, document::text from tariff_versions where number = any(%b::bigint[])"


async def documents(db: AsyncSession, numbers: Collection[int]) -> Tuples:
    """Return some versions' numbers and documents, these as JSON text."""
    return await tuples(db, _DOCUMENTS, [sorted(numbers)])


_FROZEN_DOCUMENTS = """
select number, document::text from tariff_versions where number in (
  select tariff_number from transaction_terms where transaction_id = any(%b::bigint[]))
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


_COUNTS = """
select (select count(*) from tariff_versions), (select count(*) from tariff_assignments)
"""


async def counts(db: AsyncSession) -> tuple[int, int]:
    """Return how many versions and assignments there are; both are only ever added to."""
    [(versions, assignments)] = await tuples(db, _COUNTS, [])
    return versions, assignments


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
    *,
    valid_from: datetime,
    valid_to: datetime | None,
    now: datetime,
) -> Assignment:
    """Write an assignment."""
    row = TariffAssignmentRow(
        scope=place.scope,
        scope_id=place.id,
        tariff_id=tariff_id,
        side="sale",
        priority=0,
        conditions={},
        conditions_key="",
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
    )
