"""Billing's statements to the database: terms, charge detail records, holds.

Set-based: a batch of events costs a handful of statements, whatever its size. Tariffs,
statements and the ledger have stores of their own (`tariff_store`, `statement_store`,
`ledger_store`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from billing.cdr import Cdr, ChargeClass, Payer, Purchase
from billing.ledger import LedgerAccount, clearing, receivable
from billing.plausibility import Finding, HoldReason
from billing.rating import PricedLine
from billing.tables import CdrRow, HoldRow
from billing.terms import Basis, Sharing, Terms
from foundation.database import driver
from foundation.events import EnergyBasis
from foundation.identifiers import (
    ConnectorId,
    EvseId,
    IdToken,
    OrganisationKey,
    PartyId,
    StationId,
    TransactionId,
)
from foundation.money import Money
from foundation.statements import Asked, Tuples, all_of, ask

# ------------------------------------------------------------------------------------ payers


def account_of(payer: Payer) -> LedgerAccount:
    """Return the account on which a payer owes."""
    if payer.provider is not None:
        return receivable(payer.provider)
    assert payer.organisation is not None
    return clearing(payer.organisation)


def payer_name(payer: Payer | None) -> str | None:
    """Return how a payer is stored: as the name of its account."""
    return None if payer is None else account_of(payer).name


def payer_from(name: str | None) -> Payer | None:
    """Return the payer that was stored."""
    if name is None:
        return None
    kind, _, party = name.partition("/")
    if kind == "receivable":
        return Payer(provider=PartyId(party))
    return Payer(organisation=OrganisationKey(party))


# ------------------------------------------------------------------------------------- terms

_TERMS = """
select transaction_id, payee, charge_class, payer, share_bps, basis, agreement_id, tariff_number,
  facts::text, frozen_at, purchase_number, stop_at
from transaction_terms where transaction_id = any(%b::bigint[])
order by transaction_id for update
"""


async def locked_terms(
    db: AsyncSession, transaction_ids: Sequence[int]
) -> dict[TransactionId, Terms]:
    """Return the terms that are frozen already, and let nobody else bill these transactions."""
    return await ask(db, locking_terms(transaction_ids))


def locking_terms(transaction_ids: Sequence[int]) -> Asked[dict[TransactionId, Terms]]:
    """Ask for what `locked_terms` returns."""
    return Asked(_TERMS, [transaction_ids], _terms_found)


def _terms_found(found: Tuples) -> dict[TransactionId, Terms]:
    return {
        row[0]: Terms(
            transaction_id=row[0],
            payee=row[1],
            sharing=_sharing(*row[2:7]),
            tariff_number=row[7],
            facts=msgspec.json.decode(row[8]),
            frozen_at=row[9],
            purchase_number=row[10],
            stop_at=row[11],
        )
        for row in found
    }


@lru_cache(maxsize=10_000)  # many transactions share theirs
def _sharing(
    charge_class: str, payer: str | None, share_bps: int, basis: str, agreement_id: int | None
) -> Sharing:
    return Sharing(
        charge_class=ChargeClass(charge_class),
        payer=payer_from(payer),
        share_bps=share_bps,
        basis=Basis(basis),
        agreement_id=agreement_id,
    )


_PUT_TERMS = """
insert into transaction_terms (transaction_id, payee, charge_class, payer, share_bps, basis,
  agreement_id, tariff_number, facts, frozen_at, purchase_number, stop_at)
select * from unnest(%b::bigint[], %b::text[], %b::text[], %b::text[], %b::int[], %b::text[],
  %b::bigint[], %b::bigint[], %b::text[]::jsonb[], %b::timestamptz[], %b::bigint[],
  %b::timestamptz[])
on conflict (transaction_id) do update set (payee, charge_class, payer, share_bps, basis,
  agreement_id, tariff_number, facts, frozen_at, purchase_number, stop_at) = (excluded.payee,
  excluded.charge_class, excluded.payer, excluded.share_bps, excluded.basis,
  excluded.agreement_id, excluded.tariff_number, excluded.facts, excluded.frozen_at,
  excluded.purchase_number, excluded.stop_at)
"""


async def put_terms(db: AsyncSession, terms: Iterable[Terms]) -> None:
    """Freeze terms, at most one set per transaction."""
    await all_of(db, putting_terms(terms))


def putting_terms(terms: Iterable[Terms]) -> list[Asked[Any]]:
    """Ask for what `put_terms` does."""
    return _unnested(
        _PUT_TERMS,
        [
            (
                each.transaction_id,
                each.payee,
                each.sharing.charge_class,
                payer_name(each.sharing.payer),
                each.sharing.share_bps,
                each.sharing.basis,
                each.sharing.agreement_id,
                each.tariff_number,
                msgspec.json.encode(each.facts).decode(),
                each.frozen_at,
                each.purchase_number,
                each.stop_at,
            )
            for each in sorted(terms, key=attrgetter("transaction_id"))
        ],
    )


# -------------------------------------------------------------------------------------- CDRs


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A CDR as it is kept.

    Attributes:
        attempt: Above 0 where the same revision was rated again after a hold.
        hold_reasons: All that speaks against it; the CDR shows the first.
        energy_before_wh: What of its energy was read before the month in which it ended, in the
            payee's zone: the registers of that month do not have it.
    """

    cdr: Cdr
    attempt: int
    issued_at: datetime
    basis: Basis
    hold_reasons: tuple[HoldReason, ...]
    energy_before_wh: Decimal


async def next_cdr_ids(db: AsyncSession, count: int) -> list[int]:
    """Return numbers for so many new CDRs."""
    return await ask(db, cdr_ids(count))


def cdr_ids(count: int) -> Asked[list[int]]:
    """Ask for what `next_cdr_ids` returns."""
    return Asked(
        "select nextval('cdrs_id_seq') from generate_series(1, %b::int)", [count], _numbers
    )


_ADD_CDRS = """
insert into cdrs (id, transaction_id, revision, attempt, replaces, issued_at, payee, charge_class,
  payer, share_bps, basis, tariff_number, station, evse_id, connector_id, location, time_zone,
  id_token, id_token_type, started_at, ended_at, meter_start_wh, meter_stop_wh, energy_wh,
  energy_before_wh, energy_basis, currency, net_minor, vat_minor, lines, hold_reasons,
  purchase_number, purchase_net_minor, purchase_lines)
select c.id, c.transaction_id, c.revision, c.attempt, c.replaces, c.issued_at, c.payee,
  c.charge_class, c.payer, c.share_bps, c.basis, c.tariff_number, c.station, c.evse_id,
  c.connector_id, c.location, c.time_zone, c.id_token, c.id_token_type, c.started_at, c.ended_at,
  c.meter_start_wh, c.meter_stop_wh, c.energy_wh, c.energy_before_wh, c.energy_basis, c.currency,
  c.net_minor, c.vat_minor, c.lines::jsonb, string_to_array(c.hold_reasons, ','),
  c.purchase_number, c.purchase_net_minor, c.purchase_lines::jsonb
from unnest(%b::bigint[], %b::bigint[], %b::int[], %b::int[], %b::bigint[], %b::timestamptz[],
  %b::text[], %b::text[], %b::text[], %b::int[], %b::text[], %b::bigint[], %b::text[], %b::int[],
  %b::int[], %b::text[], %b::text[], %b::text[], %b::text[], %b::timestamptz[], %b::timestamptz[],
  %b::numeric[], %b::numeric[], %b::numeric[], %b::numeric[], %b::text[], %b::text[],
  %b::bigint[], %b::bigint[], %b::text[], %b::text[], %b::bigint[], %b::bigint[], %b::text[])
as c (id, transaction_id, revision, attempt, replaces, issued_at, payee, charge_class, payer,
  share_bps, basis, tariff_number, station, evse_id, connector_id, location, time_zone, id_token,
  id_token_type, started_at, ended_at, meter_start_wh, meter_stop_wh, energy_wh, energy_before_wh,
  energy_basis, currency, net_minor, vat_minor, lines, hold_reasons, purchase_number,
  purchase_net_minor, purchase_lines)
"""


def adding_cdrs(records: Sequence[Record]) -> list[Asked[Any]]:
    """Ask that CDRs be written under the numbers they were given."""
    return _unnested(
        _ADD_CDRS,
        [
            (
                cdr.cdr_id,
                cdr.transaction_id,
                cdr.revision,
                each.attempt,
                cdr.replaces,
                each.issued_at,
                cdr.payee,
                cdr.charge_class,
                payer_name(cdr.payer),
                cdr.share_bps,
                each.basis,
                cdr.tariff_id,
                cdr.station,
                cdr.evse_id,
                cdr.connector_id,
                cdr.location,
                cdr.time_zone,
                None if cdr.id_token is None else cdr.id_token.value,
                None if cdr.id_token is None else cdr.id_token.type,
                cdr.started_at,
                cdr.ended_at,
                cdr.meter_start_wh,
                cdr.meter_stop_wh,
                cdr.energy_wh,
                each.energy_before_wh,
                cdr.energy_basis,
                cdr.net.currency,
                cdr.net.minor,
                cdr.vat.minor,
                msgspec.json.encode(cdr.lines).decode(),
                ",".join(each.hold_reasons),
                None if bought is None else bought.tariff_id,
                None if bought is None else bought.net.minor,
                None if bought is None else msgspec.json.encode(bought.lines).decode(),
            )
            for each in records
            for cdr in (each.cdr,)
            for bought in (cdr.purchase,)
        ],
    )


def record_of(row: CdrRow) -> Record:
    """Return the record that a row tells of."""
    net = Money.from_minor(row.net_minor, row.currency)
    vat = Money.from_minor(row.vat_minor, row.currency)
    reasons = tuple(HoldReason(reason) for reason in row.hold_reasons)
    assert (row.id_token is None) == (row.id_token_type is None)
    return Record(
        cdr=Cdr(
            cdr_id=row.id,
            transaction_id=TransactionId(row.transaction_id),
            revision=row.revision,
            payee=OrganisationKey(row.payee),
            station=StationId(row.station),
            evse_id=EvseId(row.evse_id),
            connector_id=ConnectorId(row.connector_id),
            location=row.location,
            time_zone=row.time_zone,
            id_token=None
            if row.id_token is None or row.id_token_type is None
            else IdToken(row.id_token, row.id_token_type),
            charge_class=ChargeClass(row.charge_class),
            payer=payer_from(row.payer),
            started_at=row.started_at,
            ended_at=row.ended_at,
            meter_start_wh=row.meter_start_wh,
            meter_stop_wh=row.meter_stop_wh,
            energy_wh=row.energy_wh,
            energy_basis=EnergyBasis(row.energy_basis),
            tariff_id=row.tariff_number,
            lines=msgspec.convert(row.lines, tuple[PricedLine, ...], strict=False),
            net=net,
            vat=vat,
            gross=net + vat,
            share_bps=row.share_bps,
            hold_reason=reasons[0] if reasons else None,
            replaces=row.replaces,
            purchase=_purchase(row),
        ),
        attempt=row.attempt,
        issued_at=row.issued_at,
        basis=Basis(row.basis),
        hold_reasons=reasons,
        energy_before_wh=row.energy_before_wh,
    )


def _purchase(row: CdrRow) -> Purchase | None:
    if row.purchase_number is None or row.purchase_net_minor is None:
        return None
    return Purchase(
        row.purchase_number,
        msgspec.convert(row.purchase_lines, tuple[PricedLine, ...], strict=False),
        Money.from_minor(row.purchase_net_minor, row.currency),
    )


async def current_records(
    db: AsyncSession, transaction_ids: Iterable[int]
) -> dict[TransactionId, Record]:
    """Return each transaction's latest CDR; those without one are missing."""
    rows = await db.execute(
        select(CdrRow)
        .ext(distinct_on(CdrRow.transaction_id))
        .where(CdrRow.transaction_id.in_(list(transaction_ids)))
        .order_by(CdrRow.transaction_id, CdrRow.id.desc())
    )
    return {TransactionId(row.transaction_id): record_of(row) for row in rows.scalars()}


async def cdr(db: AsyncSession, cdr_id: int) -> Cdr | None:
    """Return one CDR."""
    row = await db.get(CdrRow, cdr_id)
    return None if row is None else record_of(row).cdr


_REVISIONS = """
select transaction_id, max(revision) from cdrs
where transaction_id = any(%b::bigint[]) group by transaction_id
"""


async def current_revisions(
    db: AsyncSession, transaction_ids: Sequence[int]
) -> dict[TransactionId, int]:
    """Return the latest rated revision of each transaction; those without a CDR are missing."""
    return await ask(db, rated_revisions(transaction_ids))


def rated_revisions(transaction_ids: Sequence[int]) -> Asked[dict[TransactionId, int]]:
    """Ask for what `current_revisions` returns."""
    return Asked(_REVISIONS, [transaction_ids], dict)


# ------------------------------------------------------------------- lines waiting for a close

_ADD_UNSETTLED = """
insert into unsettled_lines (cdr_id, sign, transaction_id, payee, currency, ended_at)
select * from unnest(%b::bigint[], %b::int[], %b::bigint[], %b::text[], %b::text[],
  %b::timestamptz[])
"""


def adding_unsettled(cdrs: Iterable[Cdr], *, sign: int) -> list[Asked[Any]]:
    """Ask to put CDRs (1), or taking back settled ones (-1), on the payee's next statement."""
    return _unnested(
        _ADD_UNSETTLED,
        [
            (each.cdr_id, sign, each.transaction_id, each.payee, each.net.currency, each.ended_at)
            for each in cdrs
        ],
    )


async def remove_unsettled(db: AsyncSession, cdr_ids: Sequence[int]) -> set[int]:
    """Take booked CDRs off the next statement; return which of them were still on it."""
    connection = await driver(db)
    cursor = await connection.execute(
        "delete from unsettled_lines where cdr_id = any(%b::bigint[]) and sign = 1"
        " returning cdr_id",
        (list(cdr_ids),),
    )
    return {row[0] for row in await cursor.fetchall()}


async def settled(db: AsyncSession, cdr_ids: Sequence[int]) -> set[int]:
    """Return which of the CDRs a statement has paid."""
    connection = await driver(db)
    cursor = await connection.execute(
        "select cdr_id from statement_lines where cdr_id = any(%b::bigint[]) and sign = 1",
        (list(cdr_ids),),
    )
    return {row[0] for row in await cursor.fetchall()}


# ------------------------------------------------------------------------------------- holds


class NewHold(msgspec.Struct, frozen=True, gc=False):
    """A CDR that is not booked; `evidence` is its event as JSON, for rating it again.

    Without evidence the CDR says all there is: a person held what was rated without a doubt.
    """

    cdr: Cdr
    reason: HoldReason
    evidence: str | None
    findings: tuple[Finding, ...] = ()


_PUT_HOLDS = """
insert into holds (transaction_id, cdr_id, reason, payee, ended_at, held_at, evidence, findings)
select h.transaction_id, h.cdr_id, h.reason, h.payee, h.ended_at, h.held_at, h.evidence::jsonb,
  h.findings::jsonb
from unnest(%b::bigint[], %b::bigint[], %b::text[], %b::text[], %b::timestamptz[],
  %b::timestamptz[], %b::text[], %b::text[])
as h (transaction_id, cdr_id, reason, payee, ended_at, held_at, evidence, findings)
on conflict (transaction_id) do update set (cdr_id, reason, payee, ended_at, held_at, evidence,
  findings, decision, decided_at, decided_by, decided_why, shown_in) = (excluded.cdr_id,
  excluded.reason, excluded.payee, excluded.ended_at, excluded.held_at, excluded.evidence,
  excluded.findings, null, null, null, null, null)
"""


async def put_holds(db: AsyncSession, holds: Sequence[NewHold], *, now: datetime) -> None:
    """Hold transactions; an earlier hold and what was decided about it are replaced."""
    await all_of(db, putting_holds(holds, now=now))


def putting_holds(holds: Sequence[NewHold], *, now: datetime) -> list[Asked[Any]]:
    """Ask for what `put_holds` does."""
    return _unnested(
        _PUT_HOLDS,
        [
            (
                each.cdr.transaction_id,
                each.cdr.cdr_id,
                each.reason,
                each.cdr.payee,
                each.cdr.ended_at,
                now,
                each.evidence,
                msgspec.json.encode(each.findings).decode(),
            )
            for each in holds
        ],
    )


async def remove_holds(db: AsyncSession, transaction_ids: Sequence[int]) -> None:
    """Forget the holds of transactions that a later revision put right."""
    await db.execute(delete(HoldRow).where(HoldRow.transaction_id.in_(transaction_ids)))


async def hold(db: AsyncSession, transaction_id: int) -> HoldRow | None:
    """Return a transaction's hold, locked."""
    return await db.get(HoldRow, transaction_id, with_for_update=True, populate_existing=True)


async def voided(db: AsyncSession, transaction_ids: Sequence[int]) -> set[int]:
    """Return which of the transactions a person voided."""
    rows = await db.execute(
        select(HoldRow.transaction_id)
        .where(HoldRow.transaction_id.in_(transaction_ids))
        .where(HoldRow.decision == "voided")
    )
    return set(rows.scalars())


# ------------------------------------------------------------------------------------- parts


def _numbers(found: Tuples) -> list[int]:
    return [row[0] for row in found]


def _unnested(statement: str, rows: Sequence[tuple[Any, ...]]) -> list[Asked[Any]]:
    """Ask for a statement once with each column of the rows as one array; for none, nothing."""
    return [Asked(statement, list(zip(*rows, strict=True)), len)] if rows else []
