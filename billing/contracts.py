"""Contracts with end customers: by which tokens a contact charges, and what it pays each month.

Contracts and their tokens are dated and never edited: they end, and others begin. A session belongs
to the contract that its token was on when it started. What stands on a document already is not
moved to another contract by a date that lies before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import checks, directory
from accounts.directory import WHOLE, Scope
from billing import charges, contacts
from billing.charges import Charge, ChargeKind
from billing.document_tables import ContactRow, ContractRow, ContractTokenRow
from billing.months import Month
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, normalised_token
from foundation.money import Money

MONTH_UNIT = "MON"


class ClosedPeriod(Conflict):
    """What is to be changed stands on a document already; a later date can be given."""

    code = "closed_period"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} stands on a document already. Give a later date.")


class TokenOnContract(Conflict):
    """The token is on a contract in that time; it ends there first."""

    code = "token_on_contract"

    def __init__(self, token: str, contract_id: int) -> None:
        self.contract_id = contract_id
        super().__init__(f"Token {token} is on contract {contract_id} in that time.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractToken:
    """A token on a contract, in [valid_from, valid_to)."""

    id: int
    contract_id: int
    label: str
    valid_from: datetime
    valid_to: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What a contact charges by, on the days [valid_from, valid_to).

    Attributes:
        base_fee: Net, for each month in which it holds on one day at least.
        tokens_of: An organisation whose tokens it covers, as far as no contract names them.
    """

    id: int
    contact_id: int
    contact_name: str
    managing: OrganisationKey
    name: str
    base_fee: Money
    tokens_of: OrganisationKey | None
    valid_from: date
    valid_to: date | None


async def contracts(
    db: AsyncSession,
    scope: Scope = WHOLE,
    *,
    contact_id: int | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[Contract]:
    """Return the contracts of the contacts in scope, in the order in which they were made."""
    statement = (
        select(ContractRow, ContactRow.name, ContactRow.managing)
        .join(ContactRow, ContactRow.id == ContractRow.contact_id)
        .where(ContractRow.id > after)
        .order_by(ContractRow.id)
    )
    if scope.organisations is not None:
        statement = statement.where(ContactRow.managing.in_(scope.organisations))
    if contact_id is not None:
        statement = statement.where(ContractRow.contact_id == contact_id)
    if limit is not None:
        statement = statement.limit(limit)
    return [_contract(*row) for row in await db.execute(statement)]


async def contract(db: AsyncSession, contract_id: int, scope: Scope = WHOLE) -> Contract:
    """Return one contract.

    Raises:
        NotFound: If there is none with this id in scope.
    """
    found = await contracts(db, scope, after=contract_id - 1, limit=1)
    if not found or found[0].id != contract_id:
        raise NotFound("contract", contract_id)
    return found[0]


async def tokens(db: AsyncSession, contract_ids: Sequence[int]) -> dict[int, list[ContractToken]]:
    """Return the tokens of contracts with the time in which each is on it, the newest first."""
    rows = await db.execute(
        select(ContractTokenRow)
        .where(ContractTokenRow.contract_id.in_(list(contract_ids)))
        .order_by(ContractTokenRow.valid_from.desc(), ContractTokenRow.id)
    )
    found: dict[int, list[ContractToken]] = {}
    for row in rows.scalars():
        found.setdefault(row.contract_id, []).append(_token(row))
    return found


async def add(
    db: AsyncSession,
    *,
    contact_id: int,
    name: str,
    base_fee: Money,
    valid_from: date,
    tokens_of: OrganisationKey | None = None,
    now: datetime,
) -> Contract:
    """Make a contract with a contact.

    Raises:
        NotFound: If there is no such contact.
        InvalidInput: If the name is empty, the fee negative, or there is no such organisation.
    """
    await contacts.contact(db, contact_id)
    if base_fee.amount < 0 or not base_fee.is_rounded:
        raise InvalidInput("base_fee must be a sum of zero or more.", field="base_fee")
    if tokens_of is not None:
        try:
            await directory.organisation(db, tokens_of)
        except NotFound as error:
            raise InvalidInput(str(error), field="tokens_of") from error
    row = ContractRow(
        contact_id=contact_id,
        name=checks.text(name, "name"),
        base_fee_minor=base_fee.minor,
        currency=base_fee.currency,
        tokens_of=tokens_of,
        valid_from=valid_from,
        valid_to=None,
        created_at=now,
    )
    db.add(row)
    await db.flush()
    return await contract(db, row.id)


async def end(db: AsyncSession, contract_id: int, *, valid_to: date, zone: ZoneInfo) -> Contract:
    """Let a contract hold no longer from a day on; its tokens end with it.

    Args:
        valid_to: The first day without it.
        zone: The issuer's, in which that day begins.

    Raises:
        NotFound: If there is no such contract.
        InvalidInput: If it had not begun by then.
        ClosedPeriod: If it ended earlier already, or its fee of a later month was invoiced.
    """
    row = await db.get(ContractRow, contract_id, with_for_update=True)
    if row is None:
        raise NotFound("contract", contract_id)
    if valid_to <= row.valid_from:
        raise InvalidInput("A contract ends after the day on which it begins.", field="valid_to")
    if row.valid_to is not None and row.valid_to < valid_to:
        raise ClosedPeriod("The end of the contract")
    month = Month(valid_to.year, valid_to.month)
    later = month if valid_to.day == 1 else month.next
    fee = await charges.charge_of(db, _fee_key(contract_id, later))
    if fee is not None and fee.document is not None:
        raise ClosedPeriod(f"The base fee of {later}")
    row.valid_to = valid_to
    ends_at = datetime.combine(valid_to, time.min, zone)
    await db.execute(
        update(ContractTokenRow)
        .where(
            ContractTokenRow.contract_id == contract_id,
            ContractTokenRow.valid_from < ends_at,
            ContractTokenRow.valid_to.is_(None) | (ContractTokenRow.valid_to > ends_at),
        )
        .values(valid_to=ends_at)
    )
    await db.flush()
    return await contract(db, contract_id)


async def put_token(
    db: AsyncSession,
    contract_id: int,
    token: str,
    *,
    valid_from: datetime,
    valid_to: datetime | None = None,
) -> ContractToken:
    """Put a token on a contract from a moment on.

    Raises:
        NotFound: If there is no such contract.
        InvalidInput: If the token is empty, or the time ends before it begins.
        TokenOnContract: If it is on a contract in that time.
        ClosedPeriod: If sessions of the token that started since stand on documents.
    """
    await contract(db, contract_id)
    key = normalised_token(token)
    if not key or len(token) > 255:
        raise InvalidInput("token must be what a driver presents.", field="token")
    if valid_to is not None and valid_to <= valid_from:
        raise InvalidInput("valid_to must come after valid_from.", field="valid_to")
    await db.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:key, 7))"), {"key": f"token/{key}"}
    )
    other = await db.scalar(
        select(ContractTokenRow.contract_id)
        .where(
            ContractTokenRow.token == key,
            ContractTokenRow.valid_to.is_(None) | (ContractTokenRow.valid_to > valid_from),
            *(() if valid_to is None else (ContractTokenRow.valid_from < valid_to,)),
        )
        .limit(1)
    )
    if other is not None:
        raise TokenOnContract(token, other)
    if await _is_invoiced(db, key, valid_from, valid_to):
        raise ClosedPeriod(f"A session of token {token} since then")
    row = ContractTokenRow(
        contract_id=contract_id,
        token=key,
        label=token.strip(),
        valid_from=valid_from,
        valid_to=valid_to,
    )
    db.add(row)
    await db.flush()
    return _token(row)


async def take_token(
    db: AsyncSession, contract_id: int, token_id: int, *, valid_to: datetime
) -> ContractToken:
    """Take a token off its contract from a moment on.

    Raises:
        NotFound: If it is not on this contract.
        InvalidInput: If it was not on it before that moment.
        ClosedPeriod: If it ended earlier, or sessions that started since stand on documents.
    """
    row = await db.get(ContractTokenRow, token_id, with_for_update=True)
    if row is None or row.contract_id != contract_id:
        raise NotFound("token", token_id)
    if valid_to <= row.valid_from:
        raise InvalidInput("A token ends after the moment at which it begins.", field="valid_to")
    if row.valid_to is not None and row.valid_to < valid_to:
        raise ClosedPeriod("The end of the token")
    if await _is_invoiced(db, row.token, valid_to, row.valid_to):
        raise ClosedPeriod("A session of the token since then")
    row.valid_to = valid_to
    await db.flush()
    return _token(row)


async def book_base_fees(db: AsyncSession, month: str, *, now: datetime) -> int:
    """Book the base fee of each contract for a month as a charge, once; return how many.

    A month is whole: a contract that holds on one of its days owes the fee of all of it.
    """
    wanted = Month.parse(month)
    first, after = wanted.first_day, wanted.next.first_day
    rows = await db.execute(
        select(ContractRow, ContactRow)
        .join(ContactRow, ContactRow.id == ContractRow.contact_id)
        .where(
            ContractRow.base_fee_minor > 0,
            ContractRow.valid_from < after,
            ContractRow.valid_to.is_(None) | (ContractRow.valid_to > first),
        )
        .order_by(ContractRow.id)
    )
    fees = [
        Charge(
            key=_fee_key(each.id, wanted),
            kind=ChargeKind.BASE_FEE,
            debtor=of.represents or charges.contact(of.id),
            quantity=Decimal(1),
            unit=MONTH_UNIT,
            net=Money.from_minor(each.base_fee_minor, each.currency),
            first_day=first,
            last_day=date.fromordinal(after.toordinal() - 1),
            about=f"contract/{each.id}",
            details={"name": each.name},
        )
        for each, of in rows
    ]
    return len(await charges.book(db, fees, now=now))


def _fee_key(contract_id: int, month: Month) -> str:
    return f"base_fee/{contract_id}/{month}"


_INVOICED = text("""
select exists (
  select from document_sessions d join cdrs c on c.id = d.cdr_id
  where not d.is_released and c.started_at >= :since
    and (cast(:until as timestamptz) is null or c.started_at < :until)
    and upper(translate(c.id_token, E' \\t:-.', '')) = :token
)
""")


async def _is_invoiced(
    db: AsyncSession, token: str, since: datetime, until: datetime | None
) -> bool:
    values = {"token": token, "since": since, "until": until}
    return bool(await db.scalar(_INVOICED, values))


def _contract(row: ContractRow, contact_name: str, managing: str) -> Contract:
    return Contract(
        id=row.id,
        contact_id=row.contact_id,
        contact_name=contact_name,
        managing=OrganisationKey(managing),
        name=row.name,
        base_fee=Money.from_minor(row.base_fee_minor, row.currency),
        tokens_of=None if row.tokens_of is None else OrganisationKey(row.tokens_of),
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )


def _token(row: ContractTokenRow) -> ContractToken:
    return ContractToken(
        id=row.id,
        contract_id=row.contract_id,
        label=row.label,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )
