"""Face: the register of meters' public keys, what meters signed, and its export.

A key is a dated fact: valid in [valid_from, valid_to), ended and followed by another one, never
edited. Whoever enters one says that it is the meter's: it comes from the type plate or the type
approval, not from the wire.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from csms import signed_value_store as store
from csms import witness
from csms.meter_signatures import InvalidMeterKey, key_from_text
from csms.signed_value_store import RegisteredKey as RegisteredKey
from csms.signed_value_tables import MeterKeyRow, SignedValueRow
from csms.signed_values import SignedStatus as SignedStatus
from csms.signed_values import Trouble as Trouble
from csms.transparency import Exported, document
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import StationId


class KeysOverlap(Conflict):
    """A meter would have two keys at once; the one before has to be ended first."""

    code = "meter_keys_overlap"

    def __init__(self, existing: RegisteredKey) -> None:
        until = "" if existing.valid_to is None else f" until {existing.valid_to.isoformat()}"
        super().__init__(
            f"Key {existing.id} holds from {existing.valid_from.isoformat()}{until}; end it first."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key to be registered.

    `evse_id` 0 is for all meters of the station; `curve` is needed for a bare point only.
    `valid_from` is when the meter was put in: values of transactions that began then or later
    are checked with it, those already there as well.
    """

    evse_id: int
    public_key: str
    valid_from: datetime
    curve: str | None = None
    meter_serial: str | None = None


async def keys(db: AsyncSession, station: StationId) -> list[RegisteredKey]:
    """Return the keys of a station, ended ones included; the caller checked the scope."""
    return await store.keys_of(db, station)


async def register_key(
    db: AsyncSession, station: StationId, new: NewKey, *, by: str, now: datetime
) -> tuple[RegisteredKey, list[int]]:
    """Register a meter's key, and check again what waited for it.

    Returns:
        The key, and the numbers of the transactions that were looked at again.

    Raises:
        InvalidMeterKey: It is no key of a curve of OCMF.
        InvalidInput: The EVSE's number is negative.
        KeysOverlap: The same meter has a key at that time.
    """
    if new.evse_id < 0:
        raise InvalidInput("The number of the EVSE must be 0 or more.", field="evse_id")
    key = key_from_text(new.public_key, new.curve)
    serial = (new.meter_serial or "").strip() or None
    for each in await store.keys_of(db, station):
        is_same = each.evse_id == new.evse_id and each.meter_serial == serial
        if is_same and (each.valid_to is None or each.valid_to > new.valid_from):
            raise KeysOverlap(each)
        if each.evse_id == new.evse_id and each.valid_from == new.valid_from:
            raise KeysOverlap(each)
    row = MeterKeyRow(
        station=station,
        evse_id=new.evse_id,
        public_key=key.text,
        curve=key.curve,
        meter_serial=serial,
        valid_from=new.valid_from,
        valid_to=None,
        entered_at=now,
        entered_by=by,
    )
    db.add(row)
    await db.flush()
    return _registered(row), await _again(db, station, now=now)


async def end_key(
    db: AsyncSession, station: StationId, key_id: int, *, at: datetime, now: datetime
) -> RegisteredKey:
    """End a key: the meter was taken out, or the key was wrong (then at its beginning).

    Raises:
        NotFound: The station has no such key that is not ended.
    """
    row = await store.key_row(db, key_id)
    if row is None or row.station != station or row.valid_to is not None:
        raise NotFound("meter key", str(key_id))
    if at <= row.valid_from:
        ended = _registered(row)
        await db.delete(row)
        await db.flush()
    else:
        row.valid_to = at
        await db.flush()
        ended = _registered(row)
    await _again(db, station, now=now)
    return ended


async def _again(db: AsyncSession, station: str, *, now: datetime) -> list[int]:
    waiting = await store.pending(db, station)
    await witness.look_again(db, waiting, now=now)
    return waiting


def _registered(row: MeterKeyRow) -> RegisteredKey:
    return RegisteredKey(
        row.id,
        row.station,
        row.evse_id,
        row.public_key,
        row.curve,
        row.meter_serial,
        row.valid_from,
        row.valid_to,
    )


# -------------------------------------------------------------------------- what meters signed


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedValue:
    """A signed value of a transaction.

    `document` is what it says, None where it is in a format that is not read here. `public_key` is
    the registered key that it was checked with, `offered_key` what the station sent beside it, as
    hexadecimal digits where it can be read.
    """

    position: int
    context: str
    format: str
    original: bytes
    status: SignedStatus
    trouble: Trouble | None
    public_key: str | None
    offered_key: str | None
    document: dict[str, Any] | None
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class Signed:
    """All that the meter signed of a transaction, and what it comes to as a whole."""

    status: SignedStatus
    trouble: Trouble | None
    begin_wh: Decimal | None
    end_wh: Decimal | None
    values: Sequence[SignedValue]


async def signed(db: AsyncSession, number: int) -> Signed | None:
    """Return what was signed of a transaction that is over; the caller checked the scope.

    None where its meter signed nothing, or where it still runs.
    """
    whole = await store.transaction_row(db, number)
    if whole is None:
        return None
    registered = {each.id: each for each in await store.keys_of(db, whole.station)}
    return Signed(
        SignedStatus(whole.status),
        None if whole.reason is None else Trouble(whole.reason),
        whole.begin_wh,
        whole.end_wh,
        [_value(each, registered) for each in await store.values_of(db, number)],
    )


def _value(row: SignedValueRow, registered: dict[int, RegisteredKey]) -> SignedValue:
    key = None if row.key_id is None else registered.get(row.key_id)
    return SignedValue(
        position=row.position,
        context=row.context,
        format=row.format,
        original=row.original,
        status=SignedStatus(row.status),
        trouble=None if row.reason is None else Trouble(row.reason),
        public_key=None if key is None else key.public_key,
        offered_key=None if row.offered_key is None else _readable(row.offered_key),
        document=row.document,
        checked_at=row.checked_at,
    )


def _readable(offered: str) -> str | None:
    try:
        return key_from_text(offered).text
    except InvalidMeterKey:
        return None


def transparency_file(number: int, signed: Signed) -> str:
    """Return the file for the transparency software; it names the key that counts here."""
    return document(
        number,
        [
            Exported(each.context, each.format, each.original, each.public_key or each.offered_key)
            for each in signed.values
        ],
    )
