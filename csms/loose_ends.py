"""Face: ends without a start, and the sessions that they may belong to."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from csms import charging, reading_store
from csms.charging import Transaction
from csms.matching import LONGEST, LooseEnd, Suggestion, Unended, suggestions
from csms.tables import TransactionRow
from foundation.errors import Conflict
from foundation.events import EndBasis
from foundation.identifiers import IdToken

_UNENDED = ("active", "inferred_end")


class NoLooseEnd(Conflict):
    """The transaction has a start, or no end of its own: it belongs to no other one."""

    code = "no_loose_end"

    def __init__(self, number: int) -> None:
        super().__init__(f"Transaction {number} is no end without a start.")


def is_loose(found: Transaction) -> bool:
    """Tell whether a transaction is an end whose start was never seen."""
    return found.basis == EndBasis.ADOPTED and found.ended_at is not None


async def suggested(
    db: AsyncSession, scope: Scope, number: int
) -> list[tuple[Suggestion, Transaction]]:
    """Return the sessions in scope that an end without a start may belong to, the likeliest first.

    Raises:
        NotFound: If there is no such transaction in scope.
        NoLooseEnd: If it is no end without a start.
    """
    found = await charging.transaction(db, scope, number)
    if not is_loose(found):
        raise NoLooseEnd(number)
    assert found.ended_at is not None
    end = LooseEnd(
        # A StopTransaction of 1.6 names no EVSE.
        evse_id=0 if found.ocpp_version == "1.6" else int(found.evse_id),
        token_key=_token_key(found),
        ended_at=found.ended_at,
        stop_wh=found.meter_stop_wh,
    )
    return [
        (each, await charging.transaction(db, scope, each.transaction_id))
        for each in suggestions(end, await _unended(db, found))
    ]


def _token_key(found: Transaction) -> str | None:
    if found.id_token is None:
        return None
    return IdToken(found.id_token, found.id_token_type or "ISO14443").key


async def _unended(db: AsyncSession, found: Transaction) -> Sequence[Unended]:
    """Return the sessions of its station and owner whose end was never reported."""
    assert found.ended_at is not None
    row = TransactionRow
    rows = list(
        await db.scalars(
            select(row)
            .where(row.station == found.station, row.owner == found.owner)
            # What somebody corrected has its end from him.
            .where(row.state.in_(_UNENDED), row.correction.is_(None))
            .where(row.id != found.transaction_id)
            .where(row.started_at >= found.ended_at - LONGEST - timedelta(days=1))
            .order_by(row.id.desc())
            .limit(100)
        )
    )
    readings = await reading_store.registers_of(db, [each.id for each in rows])
    sessions = []
    for each in rows:
        read = readings.get(each.id, [])
        registers = [one.register_wh for one in read]
        if each.meter_start_wh is not None:
            registers.append(each.meter_start_wh)
        sessions.append(
            Unended(
                transaction_id=each.id,
                evse_id=each.evse_id,
                token_key=each.token_key,
                started_at=each.started_at,
                start_wh=each.meter_start_wh,
                reached_wh=max(registers, default=None),
                read_at=max((one.at for one in read), default=None),
            )
        )
    return sessions
