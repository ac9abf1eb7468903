"""Face: the inbox of late sessions: what ended in a month that is closed, and came afterwards.

A session that reported late, one that a person released, and the correction of one that was paid
stand on the payee's next statement. Until that is closed they are shown here, with what they
change on it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import Organisation, Scope
from billing import month_store
from billing.cdr import ChargeClass
from billing.closing import Closing
from billing.months import Month
from billing.statements import Statement
from foundation.database import driver
from foundation.identifiers import EvseId, OrganisationKey, StationId, TransactionId
from foundation.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class LateSession:
    """Something of a closed month that is on no statement yet.

    Attributes:
        month: The closed month in which it ended, in the payee's zone.
        arrived_at: When billing last made a record of it.
        net: Its revenue; negative where what a statement paid is taken back.
        payout: What the statement pays for it; None while it is held.
        hold_reason: Why it is held, if it is.
        statement_id: The statement that it will stand on.
    """

    transaction_id: TransactionId
    payee: OrganisationKey
    station: StationId
    evse_id: EvseId
    charge_class: ChargeClass | None
    ended_at: datetime
    arrived_at: datetime
    month: str
    energy_wh: Decimal
    net: Money | None
    payout: Money | None
    hold_reason: str | None
    statement_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What the late sessions change on a statement that is still to come, as of now."""

    payee: OrganisationKey
    statement_id: str
    month: str
    sessions: int
    held: int
    payout_without: Money
    payout_with: Money

    @property
    def difference(self) -> Money:
        return self.payout_with - self.payout_without


@dataclass(frozen=True, slots=True)
class Inbox:
    """All late sessions, the latest arrival first, and what they change."""

    sessions: tuple[LateSession, ...]
    effects: tuple[Effect, ...]


async def inbox(
    db: AsyncSession,
    closing: Closing,
    scope: Scope,
    *,
    now: datetime,
    payee: OrganisationKey | None = None,
) -> Inbox:
    """Return what came late for the payees in scope.

    Args:
        db: A unit of work; nothing is written in it.
        closing: Which draws the statements to come.
        scope: Whose.
        now: The moment.
        payee: Only this one's.
    """
    organisations = [
        each
        for each in await directory.organisations(db, scope)
        if payee is None or each.key == payee
    ]
    closed = await month_store.last_closed(db, [each.key for each in organisations])
    with_late = await _with_late(db, _borders(organisations, closed))
    sessions: list[LateSession] = []
    effects: list[Effect] = []
    for each in organisations:
        if each.key in with_late:
            found = await _of_payee(db, closing, each, closed[each.key], now=now)
            sessions += found.sessions
            effects += found.effects
    sessions.sort(key=lambda one: (one.arrived_at, one.transaction_id), reverse=True)
    return Inbox(tuple(sessions), tuple(effects))


async def count(db: AsyncSession, scope: Scope) -> int:
    """Return how many late sessions there are for the payees in scope."""
    organisations = await directory.organisations(db, scope)
    closed = await month_store.last_closed(db, [each.key for each in organisations])
    return sum((await _with_late(db, _borders(organisations, closed))).values())


def _borders(
    organisations: Iterable[Organisation], closed: Mapping[str, str]
) -> dict[OrganisationKey, datetime]:
    """Return the end of each payee's last closed month: what ended before it is late."""
    return {
        each.key: Month.parse(closed[each.key]).end(ZoneInfo(each.time_zone))
        for each in organisations
        if each.key in closed
    }


_LATE = """
select payee, sum(number)::int from (
  select e.payee, count(distinct u.transaction_id) as number
  from unnest(%b::text[], %b::timestamptz[]) as e (payee, border)
  join unsettled_lines u on u.payee = e.payee and u.ended_at < e.border
  group by e.payee
  union all
  select e.payee, count(*)
  from unnest(%b::text[], %b::timestamptz[]) as e (payee, border)
  join holds h on h.payee = e.payee and h.ended_at < e.border
  where h.decision is null and h.shown_in is null
  group by e.payee
) as late group by payee
"""


async def _with_late(
    db: AsyncSession, borders: Mapping[OrganisationKey, datetime]
) -> dict[str, int]:
    """Return the payees for whom something ended before their border and is on no statement."""
    payees, ends = list(borders), list(borders.values())
    connection = await driver(db)
    cursor = await connection.execute(_LATE, (payees, ends, payees, ends))
    return dict(await cursor.fetchall())


async def _of_payee(
    db: AsyncSession, closing: Closing, payee: Organisation, last_closed: str, *, now: datetime
) -> Inbox:
    zone = ZoneInfo(payee.time_zone)
    wanted = Month.parse(last_closed).next
    border = wanted.start(zone)
    drawn = (await closing.shadow(db, payee.key, str(wanted), now=now)).statements
    without = await closing.shadow(db, payee.key, str(wanted), now=now, ended_from=border)
    payouts = {each.currency: each.payout_net for each in without.statements}
    sessions: list[LateSession] = []
    effects: list[Effect] = []
    for statement in drawn:
        found = _late_of(statement, border, zone)
        if not found:
            continue
        sessions += found
        effects.append(
            Effect(
                payee=payee.key,
                statement_id=statement.statement_id,
                month=str(wanted),
                sessions=len({each.transaction_id for each in found}),
                held=sum(each.hold_reason is not None for each in found),
                payout_without=payouts.get(statement.currency, Money.zero(statement.currency)),
                payout_with=statement.payout_net,
            )
        )
    arrived = await _arrivals(db, {each.transaction_id for each in sessions})
    return Inbox(
        tuple(replace(each, arrived_at=arrived[each.transaction_id]) for each in sessions),
        tuple(effects),
    )


def _late_of(statement: Statement, border: datetime, zone: ZoneInfo) -> list[LateSession]:
    """Return what of a statement to come ended before its month; when it arrived comes later."""
    payee = statement.payee.key
    paid = [
        LateSession(
            transaction_id=line.transaction_id,
            payee=payee,
            station=line.station,
            evse_id=line.evse_id,
            charge_class=line.charge_class,
            ended_at=line.ended_at,
            arrived_at=line.ended_at,
            month=line.late_from_month or statement.month,
            energy_wh=line.energy_wh,
            net=line.net,
            payout=line.payout,
            hold_reason=None,
            statement_id=statement.statement_id,
        )
        for line in statement.lines
        if line.ended_at < border
    ]
    held = [
        LateSession(
            transaction_id=each.transaction_id,
            payee=payee,
            station=each.station,
            evse_id=each.evse_id,
            charge_class=None,
            ended_at=each.ended_at,
            arrived_at=each.ended_at,
            month=str(Month.of(each.ended_at, zone)),
            energy_wh=each.energy_wh,
            net=None,
            payout=None,
            hold_reason=each.reason,
            statement_id=statement.statement_id,
        )
        for each in statement.unpaid
        if each.ended_at < border and each.reason != "void"
    ]
    return paid + held


async def _arrivals(
    db: AsyncSession, transaction_ids: Collection[int]
) -> dict[TransactionId, datetime]:
    connection = await driver(db)
    cursor = await connection.execute(
        "select transaction_id, max(issued_at) from cdrs"
        " where transaction_id = any(%b::bigint[]) group by transaction_id",
        (sorted(transaction_ids),),
    )
    return dict(await cursor.fetchall())
