"""Testifies to transactions that ended: what their meters signed, and what overlaps with them.

Fulfils `billing.monitor.Witness`. Whatever a transaction is, it costs its share of two statements;
only where a meter signed something is there more to do: its signatures are checked here, once per
revision, far from the hot way of messages.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from csms import signed_value_store as store
from csms.meter_signatures import key_from_text
from csms.signed_value_store import CheckedValue, Overlap, RegisteredKey, Stay
from csms.signed_values import (
    Checked,
    Claimed,
    During,
    NotOcmf,
    SignedTransaction,
    check,
    claims_in,
    parse,
    signed_transaction,
)
from foundation.events import TransactionEnded
from foundation.statements import Asked, ask, together, write


class Known(Struct, frozen=True):
    """What is known of a transaction; `signature` is None where the meter signed nothing."""

    signature: str | None = None
    trouble: str | None = None
    signed_begin_wh: Decimal | None = None
    signed_end_wh: Decimal | None = None
    overlapping: Sequence[Overlap] = ()


class Witness:
    """Testifies to transactions that ended."""

    async def testimonies(
        self, db: AsyncSession, ended: Sequence[TransactionEnded], *, now: datetime
    ) -> Mapping[int, Known]:
        """Return what is known of each transaction, by its number."""
        stays = [
            Stay(
                each.transaction_id,
                each.station,
                each.evse_id,
                each.started_at,
                each.ended_at,
                is_sure=not any(doubt in store.TIME_DOUBTS for doubt in each.doubts),
            )
            for each in ended
        ]
        messages, overlapping = await together(
            db,
            store.messages([each.transaction_id for each in stays]),
            store.overlaps(stays),
        )
        signed = {
            stay.transaction_id: (stay, each.energy_wh)
            for stay, each in zip(stays, ended, strict=True)
            if stay.transaction_id in messages
        }
        wholes = await _checked(db, signed, messages, now=now)
        return {
            stay.transaction_id: _known(
                wholes.get(stay.transaction_id), overlapping.get(stay.transaction_id, ())
            )
            for stay in stays
        }


async def look_again(db: AsyncSession, numbers: Sequence[int], *, now: datetime) -> None:
    """Check the signed values of transactions that are over again, by the keys as they are now."""
    stays = await store.energies(db, list(numbers))
    messages = await ask(db, store.messages(list(stays)))
    await _checked(db, {each: stays[each] for each in messages}, messages, now=now)


def _known(whole: SignedTransaction | None, overlapping: Sequence[Overlap]) -> Known:
    if whole is None:
        return Known(overlapping=overlapping)
    return Known(
        whole.status.value,
        None if whole.trouble is None else whole.trouble.value,
        whole.begin_wh,
        whole.end_wh,
        overlapping,
    )


async def _checked(
    db: AsyncSession,
    signed: Mapping[int, tuple[Stay, Decimal]],
    messages: Mapping[int, Sequence[str]],
    *,
    now: datetime,
) -> dict[int, SignedTransaction]:
    """Check what meters signed, keep it, and return what it comes to by transaction."""
    claims = {number: found for number in signed if (found := _claims(messages[number]))}
    if not claims:
        return {}
    keys = await ask(db, store.keys({signed[number][0].station for number in claims}))
    values: list[CheckedValue] = []
    wholes: dict[int, SignedTransaction] = {}
    for number, found in claims.items():
        stay, energy_wh = signed[number]
        candidates = [each for each in keys.get(stay.station, ()) if _applies(each, stay)]
        its = [
            CheckedValue(number, position, *_with_key(claimed, candidates))
            for position, claimed in enumerate(found, start=1)
        ]
        values += its
        during = During(stay.started_at, stay.ended_at, stay.is_sure)
        whole = signed_transaction([each.checked for each in its], energy_wh, during)
        assert whole is not None, "there are values"
        wholes[number] = whole
    writing: list[Asked[Any]] = [
        store.putting_values(values, now=now),
        store.putting_transactions(
            [(signed[number][0], whole) for number, whole in wholes.items()], now=now
        ),
    ]
    await write(db, *writing)
    return wholes


def _claims(messages: Sequence[str]) -> list[Claimed]:
    """Return the signed values of messages in their order, each once."""
    found = {each.digest: each for raw in reversed(messages) for each in reversed(claims_in(raw))}
    return list(reversed(found.values()))


def _applies(key: RegisteredKey, stay: Stay) -> bool:
    """Tell whether a key was registered for the EVSE at the transaction's start."""
    return (
        key.evse_id in (0, stay.evse_id)
        and key.valid_from <= stay.started_at
        and (key.valid_to is None or key.valid_to > stay.started_at)
    )


def _with_key(claimed: Claimed, candidates: Sequence[RegisteredKey]) -> tuple[Checked, int | None]:
    """Check a value by the key of its meter: the one with its serial number, else one without."""
    serial = None
    if any(each.meter_serial is not None for each in candidates):
        try:
            serial = parse(claimed.original).meter_serial
        except NotOcmf:
            serial = None
    fitting = [each for each in candidates if each.meter_serial in (None, serial)]
    fitting.sort(key=lambda each: each.meter_serial is None)
    if not fitting:
        return check(claimed, None), None
    return check(claimed, key_from_text(fitting[0].public_key)), fitting[0].id
