"""Face: money at stations: limits of transactions, costs that stations counted, settlements.

A station may limit a transaction and count its cost itself, and it tells what became of a payment
at its own terminal. What it says is kept and shown; what is billed is decided elsewhere.

Source: OCPP 2.1 part 2, C17 to C25, E16, I07 to I12.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from csms import prepaid_tokens
from csms.administration import BEGINNING
from csms.payment_tables import (
    PaymentPointRow,
    SettlementRow,
    StationCostRow,
    StationTariffRow,
    TransactionLimitsRow,
)
from csms.reports import PaymentWords, SettlementReport
from csms.tables import IdTokenHolderRow, IdTokenRow, StationOwnerRow, TransactionRow
from foundation.charging_limits import ChargingLimits, lower
from foundation.errors import Conflict, NotFound
from foundation.identifiers import IdToken, OrganisationKey, PartyId, StationId

AD_HOC: Final = "AD*HOC"
"""The provider that answers for tokens of type DirectPayment: their charging is paid at once."""

_CLAIMS: Final = frozenset({"Failed", "Rejected"})
"""What became of a payment whose amount is still owed."""

SHOWS: Final = ("none", "static", "dynamic")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a transaction may come to, and when each side said so."""

    stations: ChargingLimits
    ours: ChargingLimits
    station_at: datetime | None
    our_at: datetime | None

    @property
    def holding(self) -> ChargingLimits:
        """The lower of both."""
        return lower(self.stations, self.ours)


@dataclass(frozen=True, slots=True)
class Counted:
    """What a station came to that counts the cost itself; amounts None where it could not."""

    is_final: bool
    tariff_id: str | None
    currency: str
    excl_tax: Decimal | None
    incl_tax: Decimal | None
    energy_wh: Decimal
    details: dict[str, Any]
    failure: str | None
    told_at: datetime


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a payment at a station's terminal; a claim is none, open or closed."""

    settlement_id: int
    station: StationId
    transaction_id: int | None
    psp_ref: str
    status: str
    note: str | None
    amount: Decimal
    currency: str
    settled_at: datetime
    receipt_id: str | None
    receipt_url: str | None
    vat_number: str | None
    vat_company: str | None
    claim: str
    closed_at: datetime | None
    closed_by: str | None
    closing_note: str | None


@dataclass(frozen=True, slots=True)
class PaymentPoint:
    """How drivers pay at a station without a contract; `shows_code` is none, static or dynamic."""

    takes_cards: bool
    shows_code: str
    secret: str | None
    code_length: int
    code_lasts_s: int


NO_POINT: Final = PaymentPoint(False, "none", None, 8, 60)


class ClaimIsClosed(Conflict):
    """The claim was closed before, or there never was one."""

    code = "claim_is_closed"

    def __init__(self, settlement: int) -> None:
        super().__init__(f"Settlement {settlement} is no open claim.")


# ------------------------------------------------------------------------------ what was said


async def note_words(
    db: AsyncSession,
    transaction: int,
    words: PaymentWords,
    *,
    seq_no: int,
    final: bool,
    at: datetime,
) -> None:
    """Keep what a station said of money with a transaction; an older word changes nothing."""
    if words.limits is not None:
        values = {
            "station_max_cost": words.limits.max_cost,
            "station_max_energy_wh": words.limits.max_energy_wh,
            "station_max_time_s": words.limits.max_time_s,
            "station_max_soc": words.limits.max_soc,
            "station_at": at,
        }
        await db.execute(
            insert(TransactionLimitsRow)
            .values(transaction_id=transaction, **values)
            .on_conflict_do_update(
                index_elements=["transaction_id"],
                set_=values,
                where=func.coalesce(TransactionLimitsRow.station_at, at) <= at,
            )
        )
    if words.cost is None:
        return
    cost = words.cost
    told: dict[str, Any] = {
        "is_final": final,
        "seq_no": seq_no,
        "tariff_id": words.tariff_id,
        "currency": cost.currency,
        "excl_tax": cost.excl_tax,
        "incl_tax": cost.incl_tax,
        "energy_wh": cost.energy_wh,
        "details": json.loads(cost.details),
        "failure": cost.failure,
        "told_at": at,
    }
    await db.execute(
        insert(StationCostRow)
        .values(transaction_id=transaction, **told)
        .on_conflict_do_update(
            index_elements=["transaction_id"],
            set_=told,
            where=StationCostRow.seq_no <= seq_no,
        )
    )


async def note_told(
    db: AsyncSession, transaction: int, limits: ChargingLimits, *, at: datetime
) -> None:
    """Keep the limits that a station is told with the answer of this unit of work."""
    values = {
        "our_max_cost": limits.max_cost,
        "our_max_energy_wh": limits.max_energy_wh,
        "our_max_time_s": limits.max_time_s,
        "our_max_soc": limits.max_soc,
        "our_at": at,
    }
    await db.execute(
        insert(TransactionLimitsRow)
        .values(transaction_id=transaction, **values)
        .on_conflict_do_update(index_elements=["transaction_id"], set_=values)
    )


async def limits(db: AsyncSession, transaction: int) -> Limits | None:
    """Return the limits of a transaction; None for none. The caller checked the scope."""
    row = await db.get(TransactionLimitsRow, transaction, populate_existing=True)
    if row is None:
        return None
    return Limits(
        ChargingLimits(
            row.station_max_cost,
            row.station_max_energy_wh,
            row.station_max_time_s,
            row.station_max_soc,
        ),
        ChargingLimits(
            row.our_max_cost, row.our_max_energy_wh, row.our_max_time_s, row.our_max_soc
        ),
        row.station_at,
        row.our_at,
    )


async def counted(db: AsyncSession, transaction: int) -> Counted | None:
    """Return what the station itself came to; None where it does not count. Scope as above."""
    row = await db.get(StationCostRow, transaction, populate_existing=True)
    if row is None:
        return None
    return Counted(
        row.is_final,
        row.tariff_id,
        row.currency,
        row.excl_tax,
        row.incl_tax,
        row.energy_wh,
        row.details,
        row.failure,
        row.told_at,
    )


# -------------------------------------------------------------------------------- settlements


async def keep_settlement(
    db: AsyncSession, report: SettlementReport, *, currency: str, receipts: str
) -> tuple[SettlementRow, bool]:
    """Keep a settlement once; return it, and whether it is new.

    Args:
        db: A unit of work.
        report: What the station said; one that failed or was rejected is an open claim.
        currency: That of the station's owner.
        receipts: Where receipts of ours are read; each has its number behind it.
    """
    station = str(report.origin.station)
    number = None
    if report.ref is not None:
        number = await db.scalar(
            select(TransactionRow.id)
            .where(TransactionRow.station == station, TransactionRow.ref == f"2|{report.ref}")
            .order_by(TransactionRow.generation.desc())
            .limit(1)
        )
    made = await db.scalar(
        insert(SettlementRow)
        .values(
            station=station,
            transaction_ref=report.ref,
            transaction_id=number,
            psp_ref=report.psp_ref,
            status=report.status,
            note=report.note,
            amount=report.amount,
            currency=currency,
            settled_at=report.settled_at,
            receipt_id=report.receipt_id,
            receipt_url=report.receipt_url,
            vat_number=report.vat_number,
            vat_company=report.vat_company,
            received_at=report.origin.received_at,
            claim="open" if report.status in _CLAIMS and report.amount > 0 else "none",
        )
        .on_conflict_do_nothing()
        .returning(SettlementRow.id)
    )
    row = await db.scalar(
        select(SettlementRow)
        .where(
            SettlementRow.station == station,
            SettlementRow.psp_ref == report.psp_ref,
            SettlementRow.status == report.status,
            SettlementRow.amount == report.amount,
            SettlementRow.settled_at == report.settled_at,
        )
        .execution_options(populate_existing=True)
    )
    assert row is not None, "it was just kept"
    if row.status == "Settled" and row.receipt_url is None and row.transaction_id is not None:
        row.receipt_id = row.receipt_id or f"R-{row.id}"
        row.receipt_url = f"{receipts}/{row.id}-{_mark(row)}"
        await db.flush()
    if made is not None and row.status == "Settled":
        await _settle_claims(db, row)
    return row, made is not None


def _mark(row: SettlementRow) -> str:
    """What nobody can guess of a receipt's address: the provider's own reference, digested."""
    said = f"{row.station}/{row.psp_ref}/{row.settled_at.isoformat()}"
    return blake2b(said.encode(), digest_size=10).hexdigest()


async def _settle_claims(db: AsyncSession, row: SettlementRow) -> None:
    """Close the claims of a payment that went through after all."""
    claims = await db.scalars(
        select(SettlementRow).where(
            SettlementRow.station == row.station,
            SettlementRow.psp_ref == row.psp_ref,
            SettlementRow.claim == "open",
        )
    )
    for claim in claims:
        claim.claim, claim.closed_at = "closed", row.received_at
        claim.closing_note = f"settled by {row.id}"
    await db.flush()


async def receipt(db: AsyncSession, name: str) -> Settlement:
    """Return the settlement whose receipt has this name in its address.

    Raises:
        NotFound: There is none.
    """
    number, _, mark = name.partition("-")
    row = None
    if number.isascii() and number.isdigit() and len(number) < 16:
        row = await db.get(SettlementRow, int(number))
    if row is None or row.status != "Settled" or _mark(row) != mark:
        raise NotFound("receipt", name)
    return settlement_of(row)


async def settlements(
    db: AsyncSession,
    *,
    station: str | None = None,
    transaction: int | None = None,
    scope: Scope | None = None,
    only_claims: bool = False,
    after: int | None = None,
    limit: int = 50,
) -> list[Settlement]:
    """Return settlements, newest first, those behind the one numbered `after`.

    Without a scope the caller checked what may be seen.
    """
    wanted: list[ColumnElement[bool]] = []
    if station is not None:
        wanted.append(SettlementRow.station == station)
    if transaction is not None:
        wanted.append(SettlementRow.transaction_id == transaction)
    if after is not None:
        wanted.append(SettlementRow.id < after)
    if only_claims:
        wanted.append(SettlementRow.claim == "open")
    if scope is not None and scope.organisations is not None:
        wanted.append(
            SettlementRow.station.in_(
                select(StationOwnerRow.station).where(
                    StationOwnerRow.valid_to.is_(None),
                    StationOwnerRow.organisation.in_(scope.organisations),
                )
            )
        )
    rows = await db.scalars(
        select(SettlementRow).where(*wanted).order_by(SettlementRow.id.desc()).limit(limit)
    )
    return [settlement_of(row) for row in rows]


async def settlement(db: AsyncSession, settlement_id: int) -> Settlement:
    """Return one settlement; the caller checks whether its station may be seen.

    Raises:
        NotFound: There is none.
    """
    row = await db.get(SettlementRow, settlement_id)
    if row is None:
        raise NotFound("settlement", str(settlement_id))
    return settlement_of(row)


async def close_claim(
    db: AsyncSession, settlement_id: int, *, note: str, by: str, now: datetime
) -> Settlement:
    """Close a claim: it was paid in another way, or is given up; the note says which.

    Raises:
        NotFound: There is no such settlement.
        ClaimIsClosed: It is no open claim.
    """
    row = await db.get(SettlementRow, settlement_id, with_for_update=True)
    if row is None:
        raise NotFound("settlement", str(settlement_id))
    if row.claim != "open":
        raise ClaimIsClosed(settlement_id)
    row.claim, row.closed_at, row.closed_by, row.closing_note = "closed", now, by, note
    await db.flush()
    return settlement_of(row)


def settlement_of(row: SettlementRow) -> Settlement:
    """Return a stored settlement as a value."""
    return Settlement(
        row.id,
        StationId(row.station),
        row.transaction_id,
        row.psp_ref,
        row.status,
        row.note,
        row.amount,
        row.currency,
        row.settled_at,
        row.receipt_id,
        row.receipt_url,
        row.vat_number,
        row.vat_company,
        row.claim,
        row.closed_at,
        row.closed_by,
        row.closing_note,
    )


# ------------------------------------------------------------------------------ payment points


async def payment_point(db: AsyncSession, station: str) -> PaymentPoint:
    """Return how drivers pay at a station without a contract; the caller checked the scope."""
    row = await db.get(PaymentPointRow, station, populate_existing=True)
    if row is None:
        return NO_POINT
    return PaymentPoint(
        row.takes_cards, row.shows_code, row.secret, row.code_length, row.code_lasts_s
    )


async def set_payment_point(
    db: AsyncSession, station: str, point: PaymentPoint, *, by: str, now: datetime
) -> None:
    """Say how drivers pay at a station without a contract."""
    assert point.shows_code in SHOWS, point.shows_code
    values = {
        "takes_cards": point.takes_cards,
        "shows_code": point.shows_code,
        "secret": point.secret,
        "code_length": point.code_length,
        "code_lasts_s": point.code_lasts_s,
        "changed_at": now,
        "changed_by": by,
    }
    await db.execute(
        insert(PaymentPointRow)
        .values(station=station, **values)
        .on_conflict_do_update(index_elements=["station"], set_=values)
    )


async def know_payers(
    db: AsyncSession, presented: Sequence[tuple[str, IdToken]], *, now: datetime
) -> None:
    """Take down the tokens of drivers who paid at a terminal, where the station has one.

    A token that is known stays what it is, so that nobody takes another's by paying.
    """
    points = await db.scalars(
        select(PaymentPointRow.station).where(
            PaymentPointRow.station.in_([station for station, _ in presented]),
            PaymentPointRow.takes_cards,
        )
    )
    with_terminal = set(points)
    for station, token in presented:
        if station in with_terminal:
            await know_payer(db, token, now=now)


async def know_payer(db: AsyncSession, token: IdToken, *, now: datetime) -> bool:
    """Take down the token of a driver who pays directly; return whether it is new."""
    made = await db.scalar(
        insert(IdTokenRow)
        .values(
            key=token.key,
            value=token.value,
            type="DirectPayment",
            status="accepted",
            changed_at=now,
        )
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(IdTokenRow.key)
    )
    if made is None:
        return False
    db.add(IdTokenHolderRow(token=token.key, provider=AD_HOC, valid_from=BEGINNING))
    await db.flush()
    return True


async def set_credit(db: AsyncSession, token_key: str, *, has_credit: bool, now: datetime) -> None:
    """Let a prepaid card charge, or answer NoCredit for it; one that is blocked stays so."""
    row = await db.get(IdTokenRow, token_key, with_for_update=True)
    wanted, present = ("accepted", "no_credit") if has_credit else ("no_credit", "accepted")
    if row is not None and row.status == present:
        row.status, row.changed_at = wanted, now
        await db.flush()


async def tokens_of(db: AsyncSession, transactions: Sequence[int]) -> dict[int, str]:
    """Return the tokens' keys of transactions that have one."""
    rows = await db.execute(
        select(TransactionRow.id, TransactionRow.token_key).where(
            TransactionRow.id.in_(transactions), TransactionRow.token_key.is_not(None)
        )
    )
    return {number: str(key) for number, key in rows}


async def owner_of(db: AsyncSession, station: str) -> OrganisationKey:
    """Return whose station it is now."""
    owner = await db.scalar(
        select(StationOwnerRow.organisation).where(
            StationOwnerRow.station == station, StationOwnerRow.valid_to.is_(None)
        )
    )
    assert owner is not None, "every station has an owner"
    return OrganisationKey(owner)


async def counting(db: AsyncSession, stations: Sequence[str]) -> set[str]:
    """Return which of the stations count costs by a tariff that they hold."""
    rows = await db.scalars(
        select(StationTariffRow.station)
        .where(
            StationTariffRow.station.in_(stations),
            StationTariffRow.state == "held",
            StationTariffRow.transaction_ref.is_(None),
        )
        .distinct()
    )
    return set(rows)


class Credits:
    """Fulfils `billing.prepaid.Credit`."""

    async def set_credit(
        self, db: AsyncSession, token_key: str, *, has_credit: bool, now: datetime
    ) -> None:
        """Let a prepaid card charge, or answer NoCredit for it."""
        await set_credit(db, token_key, has_credit=has_credit, now=now)

    async def issue(self, db: AsyncSession, token: str, provider: PartyId, now: datetime) -> bool:
        """Make a token of the provider's that cannot charge yet; False: there is such a token."""
        return await prepaid_tokens.issue(db, token, provider, now)

    async def set_blocked(
        self, db: AsyncSession, token_key: str, *, is_blocked: bool, has_credit: bool, now: datetime
    ) -> bool:
        """Let a card charge no more, or again as far as there is money; tell whether it changed."""
        return await prepaid_tokens.set_blocked(
            db, token_key, is_blocked=is_blocked, has_credit=has_credit, now=now
        )

    async def sessions(self, db: AsyncSession, token_key: str) -> Mapping[int, int | None]:
        """Return a card's transactions with their revision; None: the end is not known yet."""
        return await prepaid_tokens.sessions(db, token_key)
