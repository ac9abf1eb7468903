"""Face: a person corrects times or energy of a transaction, with a reason.

The transaction gets a further revision; whoever reads its events takes the new one in the place of
the old one, as with everything that turns up late. What it was before is kept, and so is all that
its station ever said.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from csms import charging, reading_store, transaction_store
from csms.corrections import Correction, as_text
from csms.handlers.beginning import look_up_again
from csms.handlers.finishing import whole_of, written
from csms.signed_value_tables import TransactionCorrectionRow
from csms.transactions import TransactionFacts, ended_event
from foundation import outbox
from foundation.errors import InvalidInput
from foundation.events import EndBasis, TransactionEnded
from foundation.identifiers import TransactionId

_MOST_WH: Final = Decimal(10_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """What shall count instead; None: what counts now."""

    started_at: datetime | None = None
    ended_at: datetime | None = None
    energy_wh: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """A transaction as it is told now, and as it would be told; `before` is None while it runs."""

    before: TransactionEnded | None
    after: TransactionEnded


async def preview(
    db: AsyncSession,
    scope: Scope,
    number: TransactionId,
    wanted: Corrected,
    *,
    by: str,
    now: datetime,
) -> Preview:
    """Return what a correction would make of a transaction; nothing is written.

    Raises:
        NotFound: There is no such transaction in scope.
        InvalidInput: It cannot have been so; `field` says what is wrong.
    """
    _, shown = await _made(db, scope, number, wanted, by=by, now=now)
    return shown


async def correct(
    db: AsyncSession,
    scope: Scope,
    number: TransactionId,
    wanted: Corrected,
    *,
    by: str,
    reason: str,
    now: datetime,
) -> Preview:
    """Correct a transaction, and tell its further revision.

    Raises:
        NotFound: There is no such transaction in scope.
        InvalidInput: It cannot have been so, or there is no reason; `field` says what is wrong.
    """
    if not reason.strip():
        raise InvalidInput("Say why.", field="reason")
    facts, made = await _made(db, scope, number, wanted, by=by, now=now)
    await transaction_store.change(db, [facts])
    db.add(
        TransactionCorrectionRow(
            transaction_id=number,
            revision=facts.revision,
            before=_told(made.before),
            after=_told(made.after),
            reason=reason.strip(),
            made_at=now,
            made_by=by,
        )
    )
    await db.flush()
    await outbox.append(db, [made.after], recorded_at=now)
    return made


async def _made(
    db: AsyncSession,
    scope: Scope,
    number: TransactionId,
    wanted: Corrected,
    *,
    by: str,
    now: datetime,
) -> tuple[TransactionFacts, Preview]:
    """Return the transaction with the correction laid over it, in its further revision.

    What is dated holds as of its corrected start: whose station and whose card it was.
    """
    await charging.transaction(db, scope, number)
    facts = (await transaction_store.by_id(db, [number]))[number]
    readings = (await reading_store.registers_of(db, [number])).get(number, [])
    before = None
    if facts.ended_at is not None:
        before = ended_event(facts, whole_of(facts, readings))
    _check(facts, wanted, now)
    earlier = facts.correction
    facts.correction = as_text(_joined(earlier, wanted, by))
    facts.revision += 1
    if facts.ended_at is None:
        facts.basis = EndBasis.INFERRED
        facts.state = "inferred_end"
        facts.available_since = None
    elif facts.state == "ended_waiting_for_queue":
        facts.state = "ended"
    began_at = facts.started_at
    whole = whole_of(facts, readings)
    written(facts, whole)
    if facts.started_at != began_at:
        await look_up_again(db, facts)
    return facts, Preview(before, ended_event(facts, whole))


def _check(facts: TransactionFacts, wanted: Corrected, now: datetime) -> None:
    if wanted == Corrected():
        raise InvalidInput("Nothing is to be corrected.", field="energy_wh")
    started_at = wanted.started_at or facts.started_at
    ended_at = wanted.ended_at or facts.ended_at
    if ended_at is None:
        raise InvalidInput("It still runs: say when it ended.", field="ended_at")
    if ended_at <= started_at:
        raise InvalidInput("The end must lie behind the start.", field="ended_at")
    if wanted.ended_at is not None and wanted.ended_at > now:
        raise InvalidInput("The end must not lie in the future.", field="ended_at")
    energy_wh = wanted.energy_wh
    if energy_wh is not None and not (energy_wh.is_finite() and 0 <= energy_wh <= _MOST_WH):
        raise InvalidInput("The energy must be 0 to 10,000 kWh.", field="energy_wh")


def _joined(earlier: str | None, wanted: Corrected, by: str) -> Correction:
    """Return an earlier correction with what is corrected now."""
    known: Correction | None = None
    if earlier is not None:
        known = msgspec.json.decode(earlier, type=Correction)
    return Correction(
        by=by,
        started_at=wanted.started_at or (known.started_at if known else None),
        ended_at=wanted.ended_at or (known.ended_at if known else None),
        energy_wh=wanted.energy_wh
        if wanted.energy_wh is not None
        else (known.energy_wh if known else None),
    )


def _told(event: TransactionEnded | None) -> dict[str, Any]:
    if event is None:
        return {}
    return {
        "started_at": event.started_at.isoformat(),
        "ended_at": event.ended_at.isoformat(),
        "energy_wh": str(event.energy_wh),
        "doubts": [str(each) for each in event.doubts],
    }


@dataclass(frozen=True, slots=True)
class PastCorrection:
    """A correction that was made; `before` and `after` are JSON values, empty where it ran."""

    revision: int
    before: dict[str, Any]
    after: dict[str, Any]
    reason: str
    made_at: datetime
    made_by: str


async def corrections_of(db: AsyncSession, number: int) -> Sequence[PastCorrection]:
    """Return the corrections of a transaction, oldest first; the caller checked the scope."""
    rows = await db.scalars(
        select(TransactionCorrectionRow)
        .where(TransactionCorrectionRow.transaction_id == number)
        .order_by(TransactionCorrectionRow.id)
    )
    return [
        PastCorrection(row.revision, row.before, row.after, row.reason, row.made_at, row.made_by)
        for row in rows
    ]
