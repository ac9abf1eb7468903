"""The statements to the database about the plausibility monitor: its settings, cards elsewhere."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import msgspec
from sqlalchemy import delete, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.plausibility import Elsewhere, Finding, HoldReason, Limits
from billing.tables import CdrRow, HoldRow
from billing.validity_tables import PlausibilitySettingsRow
from foundation.events import TransactionEnded
from foundation.identifiers import EvseId, OrganisationKey, StationId, TransactionId
from foundation.money import Money
from foundation.statements import Asked, Tuples, ask

LOOKS_BACK: Final = timedelta(days=3)
"""How long before a transaction another one of its card may have begun to be compared with it."""


# ---------------------------------------------------------------------------------- settings


def all_settings() -> Asked[dict[str, Limits]]:
    """Ask for the settings of every organisation that has its own; few have."""
    return Asked("select organisation, settings::text from plausibility_settings", [], _settings)


def _settings(found: Tuples) -> dict[str, Limits]:
    return {organisation: _limits(text) for organisation, text in found}


@lru_cache(maxsize=10_000)
def _limits(text: str) -> Limits:
    return msgspec.json.decode(text, type=Limits, strict=False)


def as_json(limits: Limits) -> dict[str, Any]:
    """Return settings as JSON values."""
    plain: dict[str, Any] = msgspec.to_builtins(limits)
    return plain | {"checks": sorted(plain["checks"])}


async def put_settings(
    db: AsyncSession, organisation: str, limits: Limits | None, *, by: str, now: datetime
) -> None:
    """Write an organisation's own settings; None takes them back."""
    if limits is None:
        await db.execute(
            delete(PlausibilitySettingsRow).where(
                PlausibilitySettingsRow.organisation == organisation
            )
        )
        return
    values = {"settings": as_json(limits), "changed_at": now, "changed_by": by}
    await db.execute(
        insert(PlausibilitySettingsRow)
        .values(organisation=organisation, **values)
        .on_conflict_do_update(index_elements=["organisation"], set_=values)
    )


# --------------------------------------------------------------------------------- elsewhere

_ELSEWHERE = """
select k.place, c.transaction_id, c.station, c.location, c.started_at, c.ended_at
from unnest(%b::bigint[], %b::text[], %b::text[], %b::timestamptz[], %b::timestamptz[],
            %b::timestamptz[])
     with ordinality as k (id, id_token, location, since, started_at, ended_at, place)
join lateral (
    select * from cdrs c
    where c.id_token = k.id_token and c.started_at > k.since and c.started_at < k.ended_at
      and c.ended_at > k.started_at and c.transaction_id <> k.id
      and c.location is not null and c.location <> k.location
      and not exists (
        select 1 from cdrs later where later.transaction_id = c.transaction_id and later.id > c.id)
    order by c.started_at desc limit 1) c on true
"""


def elsewhere(ended: Sequence[TransactionEnded]) -> Asked[dict[int, list[Elsewhere]]]:
    """Ask where else the cards of transactions charged at the same time, by transaction.

    Where a location or a card is not known nothing can be said.
    """
    asked = [
        each
        for each in ended
        if each.id_token is not None and each.location is not None and not each.free_vend
    ]

    def read(found: Tuples) -> dict[int, list[Elsewhere]]:
        by_transaction: dict[int, list[Elsewhere]] = {}
        for place, number, station, location, started_at, ended_at in found:
            by_transaction.setdefault(asked[place - 1].transaction_id, []).append(
                Elsewhere(
                    transaction_id=number,
                    station=station,
                    location=location,
                    started_at=started_at,
                    ended_at=ended_at,
                )
            )
        return by_transaction

    return Asked(
        _ELSEWHERE,
        [
            [each.transaction_id for each in asked],
            ["" if each.id_token is None else each.id_token.value for each in asked],
            [each.location for each in asked],
            [each.started_at - LOOKS_BACK for each in asked],
            [each.started_at for each in asked],
            [each.ended_at for each in asked],
        ],
        read,
    )


# ------------------------------------------------------------------------------------- holds


async def decided(db: AsyncSession, transaction_ids: Sequence[int]) -> set[int]:
    """Return which of the transactions are held, or were and have been decided."""
    return await ask(
        db,
        Asked(
            "select transaction_id from holds where transaction_id = any(%b::bigint[])",
            [transaction_ids],
            lambda found: {row[0] for row in found},
        ),
    )


async def findings_of(db: AsyncSession, transaction_id: int) -> list[Mapping[str, Any]]:
    """Return what the monitor found about a transaction, as JSON values."""
    row = await db.get(HoldRow, transaction_id)
    return [] if row is None or row.findings is None else list(row.findings)


async def open_findings(db: AsyncSession, transaction_id: int) -> list[Finding] | None:
    """Return why a transaction is held; None where nothing holds it, or a person decided."""
    row = await db.get(HoldRow, transaction_id, populate_existing=True)
    if row is None or row.decision is not None:
        return None
    return msgspec.convert(row.findings or [], list[Finding], strict=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A transaction in the monitor, with all its reasons and their evidence.

    `decided_why` and `decided_by` are set where somebody set it invalid.
    """

    transaction_id: TransactionId
    payee: OrganisationKey
    station: StationId
    evse_id: EvseId
    started_at: datetime
    ended_at: datetime
    energy_wh: Decimal
    net: Money
    held_at: datetime
    findings: tuple[Finding, ...]
    decided_by: str | None
    decided_why: str | None


async def suspects(
    db: AsyncSession,
    payees: Collection[str] | None,
    *,
    reason: HoldReason | None,
    invalid: bool,
    after: int,
    limit: int,
) -> list[Suspect]:
    """Return what stands in the monitor, by number."""
    query = (
        select(HoldRow, CdrRow)
        .join(CdrRow, CdrRow.id == HoldRow.cdr_id)
        .where(HoldRow.decision == "voided" if invalid else HoldRow.decision.is_(None))
        .where(HoldRow.transaction_id > after)
        .order_by(HoldRow.transaction_id)
        .limit(limit)
    )
    if payees is not None:
        query = query.where(HoldRow.payee.in_(payees))
    if reason is not None:
        query = query.where(
            or_(
                HoldRow.reason == reason.value,
                HoldRow.findings.contains([{"reason": reason.value}]),
            )
        )
    return [_suspect(hold, cdr) for hold, cdr in await db.execute(query)]


def _suspect(hold: HoldRow, cdr: CdrRow) -> Suspect:
    found = msgspec.convert(hold.findings or [], tuple[Finding, ...], strict=False)
    return Suspect(
        transaction_id=TransactionId(hold.transaction_id),
        payee=OrganisationKey(hold.payee),
        station=StationId(cdr.station),
        evse_id=EvseId(cdr.evse_id),
        started_at=cdr.started_at,
        ended_at=cdr.ended_at,
        energy_wh=cdr.energy_wh,
        net=Money.from_minor(cdr.net_minor, cdr.currency),
        held_at=hold.held_at,
        findings=found or (Finding(HoldReason(hold.reason), {}),),
        decided_by=hold.decided_by,
        decided_why=hold.decided_why,
    )


async def reason_counts(db: AsyncSession, payees: Collection[str] | None) -> dict[HoldReason, int]:
    """Return how many wait for a person by each of their reasons."""
    query = select(HoldRow.reason, HoldRow.findings).where(HoldRow.decision.is_(None))
    if payees is not None:
        query = query.where(HoldRow.payee.in_(payees))
    counts: Counter[HoldReason] = Counter()
    for first, findings in await db.execute(query):
        counts.update({HoldReason(each["reason"]) for each in findings or []} | {HoldReason(first)})
    return dict(counts)


_INVOICED = """
select cdr_id from document_sessions
where cdr_id = any(%b::bigint[]) and sign = 1 and not is_released
"""


async def invoiced(db: AsyncSession, cdr_ids: Sequence[int]) -> set[int]:
    """Return which of the CDRs stand on an invoice."""
    return await ask(db, Asked(_INVOICED, [cdr_ids], lambda found: {row[0] for row in found}))


_SIGNATURES: Final = tuple(each.value for each in HoldReason if each.value.startswith("signature_"))


async def waiting_for_signatures(
    db: AsyncSession, transaction_ids: Sequence[int]
) -> list[TransactionEnded]:
    """Return those that are held for nothing but their signed values, as they were told."""
    rows = await db.scalars(
        select(HoldRow)
        .where(HoldRow.transaction_id.in_(transaction_ids))
        .where(HoldRow.decision.is_(None), HoldRow.evidence.is_not(None))
        .order_by(HoldRow.transaction_id)
        .with_for_update()
    )
    return [
        msgspec.convert(row.evidence, TransactionEnded, strict=False)
        for row in rows
        if row.findings and {each["reason"] for each in row.findings} <= {*_SIGNATURES}
    ]
