"""The payments of all stations that somebody may see: at terminals and by code, as one list.

Two rooms keep them: csms what terminals tell, billing what drivers pay by code. Both are asked for
a page, and the newest of both make the page; its cursor holds no name that lets anybody in.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from billing import direct_payment_list
from billing.direct_payment_list import Marked
from billing.direct_payments import PaymentState
from csms import settlement_list
from csms.charging import Transaction
from csms.payments import Settlement
from foundation.money import Money
from portal.paging import WrongCursor, decoded, encoded

TERMINAL: Final = "terminal"
CODE: Final = "code"
SESSION: Final = "session"
"""No payment: a session at a terminal that told of none."""

OWED: Final = "owed"
STATES: Final[Mapping[str, tuple[Collection[str], Collection[PaymentState]]]] = {
    "paid": (("Settled",), (PaymentState.PAID,)),
    "under_way": ((), (PaymentState.BEGUN, PaymentState.AUTHORISED, PaymentState.STARTING)),
    "nothing": (("Canceled",), (PaymentState.RELEASED,)),
    "failed": (("Rejected", "Failed"), (PaymentState.FAILED,)),
}
"""What terminals' words and payments' states are here."""

LOOKED_BACK: Final = timedelta(days=31)
"""How long a payment without a session, or a session without one, stands out."""
SETTLED_WITHIN: Final = timedelta(hours=24)
"""So long a terminal may take to tell what became of a payment."""

_MANY: Final = 200
_OF_TERMINALS = {word: state for state, (words, _) in STATES.items() for word in words}
_OF_CODES = {each: state for state, (_, found) in STATES.items() for each in found}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which payments are asked for; `until` is not included any more."""

    station: str = ""
    state: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A payment as a line; `why` says what is to be looked into, empty for nothing.

    `why` is claim, short (`missing` could not be taken), no_session or no_settlement.
    """

    at: datetime
    source: str
    key: str
    station: str
    state: str
    amount: Money | None
    transaction_id: int | None
    note: str = ""
    why: str = ""
    missing: Money | None = None

    @property
    def place(self) -> tuple[datetime, str, str]:
        """By what the list is ordered, and where its next page begins."""
        # Numbers of terminals' payments are ordered as numbers.
        return (self.at, self.source, self.key.rjust(20) if self.source == TERMINAL else self.key)


def of_terminal(found: Settlement) -> Shown:
    """Return what a terminal told as a line."""
    why = "claim" if found.claim == "open" else ""
    if not why and found.status == "Settled" and found.amount > 0 and found.transaction_id is None:
        why = "no_session"
    return Shown(
        found.settled_at,
        TERMINAL,
        str(found.settlement_id),
        found.station,
        _OF_TERMINALS.get(found.status, found.status),
        Money(found.amount, found.currency),
        found.transaction_id,
        found.closing_note or found.note or "",
        why,
    )


def of_code(found: Marked) -> Shown:
    """Return a payment by code as a line."""
    its = found.payment
    why = "" if its.missing is None else "short"
    if not why and its.state is PaymentState.PAID and its.transaction_id is None:
        why = "no_session"
    is_over = its.state in (PaymentState.PAID, PaymentState.RELEASED)
    return Shown(
        its.begun_at,
        CODE,
        found.mark,
        its.station,
        _OF_CODES[its.state],
        its.captured if is_over else its.wanted,
        its.transaction_id,
        why=why,
        missing=its.missing,
    )


def of_session(found: Transaction) -> Shown:
    """Return a session that nobody is known to have paid as a line."""
    return Shown(
        found.ended_at or found.started_at,
        SESSION,
        str(found.transaction_id),
        found.station,
        OWED,
        None,
        found.transaction_id,
        why="no_settlement",
    )


def newest(found: Iterable[Shown], limit: int) -> list[Shown]:
    """Return the newest lines of several lists; each of them is ordered the same way."""
    return sorted(found, key=lambda each: each.place, reverse=True)[:limit]


def cursor_behind(last: Shown) -> str:
    """Return the cursor of the page behind a line."""
    return encoded(last.at.isoformat(), last.source, last.key)


def place_of(cursor: str) -> tuple[datetime, str, str] | None:
    """Return where a page begins, from its cursor; None for the first.

    Raises:
        WrongCursor: The list never gave it out.
    """
    key = decoded(cursor or None, str, str, str)
    if key is None:
        return None
    moment, source, name = key
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        raise WrongCursor from None
    is_number = name.isascii() and name.isdigit() and len(name) < 19
    if at.tzinfo is None or (source != CODE and not (source == TERMINAL and is_number)):
        raise WrongCursor
    return at, source, name


async def listed(
    db: AsyncSession,
    scope: Scope,
    wanted: Wanted,
    *,
    now: datetime,
    before: tuple[datetime, str, str] | None = None,
    limit: int,
) -> list[Shown]:
    """Return payments, the newest first.

    Args:
        db: A unit of work.
        scope: Whose stations.
        wanted: Which of them; a state of `STATES` or OWED, else any.
        now: The moment, from which is looked back for what is owed.
        before: Only those behind this place.
        limit: How many at most.
    """
    stations = await _stations(db, scope, wanted.station)
    statuses, states = STATES.get(wanted.state, (None, None))
    at_terminals: tuple[datetime, int | None] | None = None
    by_code: tuple[datetime, str | None] | None = None
    if before is not None:
        # Of one moment, terminals stand before codes.
        at, source, key = before
        at_terminals = (at, int(key) if source == TERMINAL else None)
        by_code = (at, key if source == CODE else None)
    told = await settlement_list.settlements(
        db,
        stations,
        statuses=None if statuses is None else tuple(statuses),
        owed_since=now - LOOKED_BACK if wanted.state == OWED else None,
        settled_from=wanted.since,
        settled_to=wanted.until,
        before=at_terminals,
        limit=limit,
    )
    coded = await direct_payment_list.payments(
        db,
        stations,
        states=None if states is None else tuple(states),
        only_owed=wanted.state == OWED,
        begun_from=wanted.since,
        begun_to=wanted.until,
        before=by_code,
        limit=limit,
    )
    return newest([*map(of_terminal, told), *map(of_code, coded)], limit)


async def unpaid_sessions(
    db: AsyncSession, scope: Scope, wanted: Wanted, *, now: datetime, limit: int
) -> list[Shown]:
    """Return the sessions at terminals that told of no payment, though a day went by."""
    since, until = now - LOOKED_BACK, now - SETTLED_WITHIN
    found = await settlement_list.unsettled_sessions(
        db,
        await _stations(db, scope, wanted.station),
        since=since if wanted.since is None else max(since, wanted.since),
        until=until if wanted.until is None else min(until, wanted.until),
        limit=_MANY,
    )
    numbers = [each.transaction_id for each in found]
    paid = await direct_payment_list.paid_by_code(db, numbers)
    return [of_session(each) for each in found if each.transaction_id not in paid][:limit]


async def owed(
    db: AsyncSession, scope: Scope, wanted: Wanted, *, now: datetime, limit: int
) -> list[Shown]:
    """Return what is to be looked into: claims, payments without a session, and the other way."""
    wanted = replace(wanted, state=OWED)
    payments = await listed(db, scope, wanted, now=now, limit=limit)
    sessions = await unpaid_sessions(db, scope, wanted, now=now, limit=limit)
    return newest([*payments, *sessions], limit)


async def _stations(db: AsyncSession, scope: Scope, station: str) -> Collection[str] | None:
    seen = await settlement_list.stations_of(db, scope)
    if not station:
        return seen
    return [station] if seen is None or station in seen else []
