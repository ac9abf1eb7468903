"""Face: the register of meters' public keys, what meters signed, and its export.

A key is a dated fact: valid in [valid_from, valid_to), ended and followed by another one, never
edited. Whoever enters one says that it is the meter's: it comes from the type plate or the type
approval, not from the wire. What the wire brought can be taken over once a person has compared it
with the type plate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from csms import signed_value_store as store
from csms import witness
from csms.key_comparison import ComparedBy as ComparedBy
from csms.key_comparison import KeyDiffers as KeyDiffers
from csms.key_comparison import compared, fingerprint
from csms.key_comparison import grouped as grouped
from csms.meter_signatures import InvalidMeterKey, MeterKey, key_from_text
from csms.signed_value_store import RegisteredKey as RegisteredKey
from csms.signed_value_tables import MeterKeyRow, SignedValueRow
from csms.signed_values import SignedStatus as SignedStatus
from csms.signed_values import Trouble as Trouble
from csms.transparency import Exported, document
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import StationId
from foundation.statements import ask


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedKey:
    """A key that a station reported for an EVSE, in whatever forms; nothing is verified with it.

    Attributes:
        fingerprint: SHA-256 of its SubjectPublicKeyInfo, as hexadecimal digits; it names the key.
        values: How many signed values it came with.
        first_at: The start of the first transaction that it came with, or when the station told
            it first as a setting.
        last_at: The latest of these.
        is_registered: Whether a key of the EVSE that is not ended is this one.
    """

    evse_id: int
    key: MeterKey
    fingerprint: str
    values: int
    first_at: datetime
    last_at: datetime
    is_registered: bool


async def reported_keys(db: AsyncSession, station: StationId) -> list[ReportedKey]:
    """Return the keys that a station reported, by EVSE, the newest first.

    What cannot be read as a key is left out: it could not be compared either.
    """
    registered = {
        (each.evse_id, each.public_key)
        for each in await store.keys_of(db, station)
        if each.valid_to is None
    }
    found: dict[tuple[int, str], ReportedKey] = {}
    for each in await ask(db, store.offered_keys(station)):
        try:
            key = key_from_text(each.text)
        except InvalidMeterKey:
            continue
        known = found.get((each.evse_id, key.text))
        found[each.evse_id, key.text] = ReportedKey(
            evse_id=each.evse_id,
            key=key,
            fingerprint=fingerprint(key),
            values=each.values + (known.values if known else 0),
            first_at=min(each.first_at, known.first_at if known else each.first_at),
            last_at=max(each.last_at, known.last_at if known else each.last_at),
            is_registered=any((evse, key.text) in registered for evse in (0, each.evse_id)),
        )
    return list(found.values())


async def take_over_key(
    db: AsyncSession,
    station: StationId,
    *,
    evse_id: int,
    reported: str,
    typed: str,
    by: str,
    now: datetime,
) -> tuple[RegisteredKey, ComparedBy, list[int]]:
    """Register a key that a station reported, if it is the one on the type plate.

    It holds from the first transaction that it came with, or from the end of the key before.

    Args:
        db: A unit of work.
        station: Whose.
        evse_id: At which EVSE it was reported.
        reported: The fingerprint of the reported key.
        typed: The fingerprint or the key from the type plate or the manufacturer's paper.
        by: Who compared, as in `person/7`.
        now: When.

    Returns:
        The key, by what it was compared, and the transactions that were looked at again.

    Raises:
        NotFound: The station reported no such key there.
        KeyDiffers: The type plate has another one.
        InvalidMeterKey: What was typed is neither a fingerprint nor a key.
        KeysOverlap: The meter has a key that is not ended.
    """
    found = next(
        (
            each
            for each in await reported_keys(db, station)
            if (each.evse_id, each.fingerprint) == (evse_id, reported)
        ),
        None,
    )
    if found is None:
        raise NotFound("reported key", reported)
    how = compared(typed, found.key)
    ended = [
        each.valid_to
        for each in await store.keys_of(db, station)
        if each.evse_id == evse_id and each.valid_to is not None
    ]
    new = NewKey(
        evse_id=evse_id,
        public_key=found.key.text,
        valid_from=max([found.first_at, *ended]),
    )
    key, waiting = await register_key(db, station, new, by=by, now=now)
    return key, how, waiting


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
