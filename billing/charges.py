"""Charges: what services cost somebody, each once, waiting for the paper that it stands on.

Monitoring, credits, licences, fees and maintenance book their amounts here; documents take what is
open and put it on an invoice. A correction is a further charge with a negative amount: what stands
on a paper is never changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.charge_tables import ChargeRow
from foundation.errors import Conflict
from foundation.identifiers import OrganisationKey, PartyId
from foundation.money import Money


class ChargeKind(StrEnum):
    """What a charge is for; the papers have its words."""

    MONITORING = "monitoring"
    AUTOMATED_INVOICING = "automated_invoicing"
    CREDIT_NOTES = "credit_notes"
    ROAMING_BASE = "roaming_base"
    ROAMING_CDRS = "roaming_cdrs"
    MAINTENANCE = "maintenance"
    INTERVENTION = "intervention"
    SERVICE_PACKAGE = "service_package"
    CREDITS = "credits"
    LICENCE = "licence"
    DATAPOINTS = "datapoints"
    METERING_POINTS = "metering_points"
    BASE_FEE = "base_fee"
    CORRECTION = "correction"


class AlreadyInvoiced(Conflict):
    """Some of the charges stand on a document already."""

    code = "already_invoiced"

    def __init__(self) -> None:
        super().__init__("Some of these charges stand on a document already. Read them again.")


def organisation(key: OrganisationKey) -> str:
    """Return how an organisation is named as a debtor."""
    return f"organisation/{key}"


def provider(party: PartyId) -> str:
    """Return how a provider (EMP) is named as a debtor."""
    return f"provider/{party}"


def contact(contact_id: int) -> str:
    """Return how a contact is named as a debtor."""
    return f"contact/{contact_id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Charge:
    """An amount for a service.

    Args:
        key: Natural and unique, such as `monitoring/CS-1/2026-10`: the same one is booked once.
        debtor: Who owes it: see `organisation`, `provider` and `contact`.
        quantity: How much of it; the unit is of UN/ECE recommendation 20 (`MON`, `C62`, `KWH`).
        net: Rounded, without tax; negative in a correction.
        first_day: The first day of the service, in the debtor's zone.
        last_day: The last one, included.
        about: What it is about, such as `station/CS-1`.
        details: What the words of the line need besides.
    """

    key: str
    kind: ChargeKind
    debtor: str
    quantity: Decimal
    unit: str
    net: Money
    first_day: date
    last_day: date
    about: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.net.is_rounded, f"{self.net} is not rounded"


@dataclass(frozen=True, kw_only=True, slots=True)
class BookedCharge:
    """A charge as it is stored, with the number of its document once it stands on one."""

    id: int
    charge: Charge
    booked_at: datetime
    document: str | None


async def book(db: AsyncSession, charges: Sequence[Charge], *, now: datetime) -> list[int]:
    """Book charges, each key once; return the ids of those that were not booked before."""
    if not charges:
        return []
    rows = [
        {
            "key": each.key,
            "kind": each.kind.value,
            "debtor": each.debtor,
            "quantity": each.quantity,
            "unit": each.unit,
            "net_minor": each.net.minor,
            "currency": each.net.currency,
            "period_start": each.first_day,
            "period_end": each.last_day,
            "about": each.about,
            "details": dict(each.details),
            "booked_at": now,
        }
        for each in charges
    ]
    booked: list[int] = []
    for start in range(0, len(rows), 1000):
        statement = insert(ChargeRow).values(rows[start : start + 1000])
        found = await db.execute(
            statement.on_conflict_do_nothing(index_elements=["key"]).returning(ChargeRow.id)
        )
        booked += found.scalars()
    return booked


async def open_charges(
    db: AsyncSession, *, debtor: str | None = None, until: date | None = None
) -> list[BookedCharge]:
    """Return the charges that stand on no document yet, oldest first.

    Args:
        debtor: Only this one's.
        until: Only those whose period ends on that day or before.
    """
    statement = select(ChargeRow).where(ChargeRow.document.is_(None)).order_by(ChargeRow.id)
    if debtor is not None:
        statement = statement.where(ChargeRow.debtor == debtor)
    if until is not None:
        statement = statement.where(ChargeRow.period_end <= until)
    return [_booked(each) for each in (await db.execute(statement)).scalars()]


async def of_period(db: AsyncSession, debtor: str, first: date, last: date) -> list[BookedCharge]:
    """Return somebody's charges whose period begins in [first, last], both days included."""
    statement = (
        select(ChargeRow)
        .where(ChargeRow.debtor == debtor)
        .where(ChargeRow.period_start >= first, ChargeRow.period_start <= last)
        .order_by(ChargeRow.id)
    )
    return [_booked(each) for each in (await db.execute(statement)).scalars()]


_PUT_ON_DOCUMENTS: Final = text("""
update charges c set document = g.document
from unnest(cast(:ids as bigint[]), cast(:numbers as text[])) as g (id, document)
where c.id = g.id and c.document is null
returning c.id
""")


async def put_on_documents(db: AsyncSession, documents: Mapping[int, str]) -> None:
    """Say on which document charges stand, all of them by one statement.

    Args:
        db: A unit of work.
        documents: For the id of a charge the number of its document.

    Raises:
        AlreadyInvoiced: If one of them stands on a document already.
    """
    if not documents:
        return
    values = {"ids": list(documents), "numbers": list(documents.values())}
    found = await db.execute(_PUT_ON_DOCUMENTS, values)
    if len(list(found.scalars())) != len(documents):
        raise AlreadyInvoiced


async def charge_of(db: AsyncSession, key: str) -> BookedCharge | None:
    """Return the charge that was booked under a key."""
    wanted = select(ChargeRow).where(ChargeRow.key == key)
    found = await db.execute(wanted.execution_options(populate_existing=True))
    row = found.scalar_one_or_none()
    return None if row is None else _booked(row)


async def keys_on(db: AsyncSession, number: str) -> list[str]:
    """Return the keys of the charges that stand on a document."""
    found = await db.execute(select(ChargeRow.key).where(ChargeRow.document == number))
    return list(found.scalars())


async def taken_off(db: AsyncSession, keys: Sequence[str], nothing: Money) -> Money:
    """Return what corrections and counter-charges take off some charges: 0 or below, net.

    Args:
        db: A unit of work.
        keys: Those of the charges.
        nothing: No money of their currency.
    """
    names = [ChargeRow.details[word].astext.in_(keys) for word in ("corrects", "cancels")]
    found = await db.scalar(select(func.sum(ChargeRow.net_minor)).where(or_(*names)))
    return nothing if found is None else Money.from_minor(int(found), nothing.currency)


def _booked(row: ChargeRow) -> BookedCharge:
    return BookedCharge(
        id=row.id,
        charge=Charge(
            key=row.key,
            kind=ChargeKind(row.kind),
            debtor=row.debtor,
            quantity=row.quantity,
            unit=row.unit,
            net=Money.from_minor(row.net_minor, row.currency),
            first_day=row.period_start,
            last_day=row.period_end,
            about=row.about,
            details=row.details,
        ),
        booked_at=row.booked_at,
        document=row.document,
    )
