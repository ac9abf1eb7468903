"""Roaming's statements to the database."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, Select, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.terms import Basis
from foundation.identifiers import OrganisationKey
from foundation.statements import Asked, Tuples
from roaming.agreements import Agreement, AgreementTerms, ExternalDue, InternalScope
from roaming.tables import AgreementEndRow, AgreementRow, ProviderRow

# ------------------------------------------------------------------------------ agreements


def _agreements() -> Select[AgreementRow, datetime | None]:
    """Select agreements with the earliest end that was recorded for them."""
    ended = (
        select(AgreementEndRow.agreement_id, func.min(AgreementEndRow.ended_at).label("ended_at"))
        .group_by(AgreementEndRow.agreement_id)
        .subquery()
    )
    return (
        select(AgreementRow, ended.c.ended_at)
        .outerjoin(ended, ended.c.agreement_id == AgreementRow.id)
        .order_by(AgreementRow.payee, AgreementRow.valid_from, AgreementRow.id)
    )


def _agreement(found: Row[AgreementRow, datetime | None]) -> Agreement:
    row, ended_at = found
    ends = [moment for moment in (row.valid_to, ended_at) if moment is not None]
    return Agreement(
        agreement_id=row.id,
        payee=OrganisationKey(row.payee),
        terms=_terms(
            row.internal_bps, row.external_bps, row.basis, row.internal_scope, row.external_due
        ),
        valid_from=row.valid_from,
        valid_to=min(ends, default=None),
    )


async def agreements_of(
    db: AsyncSession, payees: Iterable[str] | None
) -> dict[OrganisationKey, list[Agreement]]:
    """Return the agreements of some payees, or of all, by payee, oldest first."""
    query = _agreements()
    if payees is not None:
        query = query.where(AgreementRow.payee.in_(list(payees)))
    found: dict[OrganisationKey, list[Agreement]] = {}
    for row in await db.execute(query):
        agreement = _agreement(row)
        found.setdefault(agreement.payee, []).append(agreement)
    return found


_AGREEMENTS = """
select a.id, a.payee, a.internal_bps, a.external_bps, a.basis, a.internal_scope,
  a.external_due, a.valid_from,
  least(a.valid_to, (select min(e.ended_at) from agreement_ends e where e.agreement_id = a.id))
from agreements a where a.payee = any(%b::text[]) order by a.payee, a.valid_from, a.id
"""


def asking_agreements(
    payees: Collection[str],
) -> Asked[dict[OrganisationKey, list[Agreement]]]:
    """Ask what `agreements_of` returns, for many transactions at once."""
    return Asked(_AGREEMENTS, [sorted(payees)], _agreements_found)


def _agreements_found(found: Tuples) -> dict[OrganisationKey, list[Agreement]]:
    by_payee: dict[OrganisationKey, list[Agreement]] = {}
    for number, payee, internal_bps, external_bps, basis, scope, due, valid_from, valid_to in found:
        terms = _terms(internal_bps, external_bps, basis, scope, due)
        by_payee.setdefault(payee, []).append(Agreement(number, payee, terms, valid_from, valid_to))
    return by_payee


@lru_cache(maxsize=1000)  # few kinds of terms are agreed on, with many payees
def _terms(
    internal_bps: int, external_bps: int, basis: str, scope: str, due: str
) -> AgreementTerms:
    return AgreementTerms(
        internal_bps=internal_bps,
        external_bps=external_bps,
        basis=Basis(basis),
        internal_scope=InternalScope(scope),
        external_due=ExternalDue(due),
    )


async def due_on_receipt(db: AsyncSession, payee: str) -> list[int]:
    """Return the payee's agreements by which the external share is due on receipt."""
    found = await db.scalars(
        select(AgreementRow.id)
        .where(AgreementRow.payee == payee, AgreementRow.external_due == ExternalDue.RECEIPT)
        .order_by(AgreementRow.id)
    )
    return list(found)


async def agreement(db: AsyncSession, agreement_id: int) -> Agreement | None:
    """Return one agreement."""
    found = (await db.execute(_agreements().where(AgreementRow.id == agreement_id))).one_or_none()
    return None if found is None else _agreement(found)


async def lock_agreements(db: AsyncSession, payee: str) -> None:
    """Let nobody else change the payee's agreements until this unit of work ends."""
    await db.execute(
        text("select pg_advisory_xact_lock(hashtext('agreements'), hashtext(:payee))"),
        {"payee": payee},
    )


async def add_agreement(
    db: AsyncSession,
    payee: str,
    terms: AgreementTerms,
    *,
    valid_from: datetime,
    valid_to: datetime | None,
    now: datetime,
) -> int:
    """Write an agreement and return its number."""
    row = AgreementRow(
        payee=payee,
        internal_bps=terms.internal_bps,
        external_bps=terms.external_bps,
        basis=terms.basis,
        internal_scope=terms.internal_scope,
        external_due=terms.external_due,
        valid_from=valid_from,
        valid_to=valid_to,
        created_at=now,
    )
    db.add(row)
    await db.flush()
    return row.id


async def add_agreement_end(
    db: AsyncSession, agreement_id: int, ended_at: datetime, *, now: datetime
) -> None:
    """Record that an agreement ends at a moment."""
    await db.execute(
        insert(AgreementEndRow)
        .values(agreement_id=agreement_id, ended_at=ended_at, created_at=now)
        .on_conflict_do_nothing()
    )


# ------------------------------------------------------------------------------- providers


async def providers(db: AsyncSession, *, after: str | None, limit: int | None) -> list[ProviderRow]:
    """Return the providers by party id, from behind `after`."""
    query = select(ProviderRow).order_by(ProviderRow.party_id).limit(limit)
    if after is not None:
        query = query.where(ProviderRow.party_id > after)
    return list((await db.execute(query)).scalars())


async def provider(db: AsyncSession, party_id: str) -> ProviderRow | None:
    """Return one provider's row, locked."""
    return await db.get(ProviderRow, party_id, with_for_update=True)


async def add_provider(db: AsyncSession, values: Mapping[str, Any]) -> bool:
    """Write a provider; tell whether it is new."""
    found = await db.execute(
        insert(ProviderRow)
        .values(**values)
        .on_conflict_do_nothing(index_elements=["party_id"])
        .returning(ProviderRow.party_id)
    )
    return found.scalar_one_or_none() is not None
