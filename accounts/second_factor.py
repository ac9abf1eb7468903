"""The second factor of people: set up, confirmed by a first code, asked for at every sign-in.

Ten recovery codes, shown once and kept as hashes, stand in for a lost phone, each of them once.
"""

import base64
import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import totp
from accounts.tables import RecoveryCodeRow, SecondFactorRow
from foundation.errors import Conflict, InvalidInput
from foundation.sealing import Sealer

RECOVERY_CODES = 10


class WrongCode(InvalidInput):
    """The code is not the one that the person's program shows now."""

    code = "wrong_code"

    def __init__(self) -> None:
        super().__init__("The code is wrong or over. Type the one that is shown now.", field="code")


class HasSecondFactor(Conflict):
    """There is a confirmed one already; it is taken away first."""

    code = "has_second_factor"

    def __init__(self) -> None:
        super().__init__("There is a second factor already.")


@dataclass(frozen=True, slots=True)
class State:
    """What somebody may know of his second factor."""

    confirmed_at: datetime | None
    codes_left: int


async def state(db: AsyncSession, person_id: int) -> State:
    """Return whether a person has a second factor, and how many recovery codes are left."""
    row = await db.get(SecondFactorRow, person_id)
    left = await db.scalar(
        select(func.count())
        .select_from(RecoveryCodeRow)
        .where(RecoveryCodeRow.person_id == person_id, RecoveryCodeRow.used_at.is_(None))
    )
    return State(None if row is None else row.confirmed_at, left or 0)


async def is_on(db: AsyncSession, person_id: int) -> bool:
    """Tell whether a person has a confirmed second factor."""
    found = await db.scalar(
        select(SecondFactorRow.confirmed_at).where(SecondFactorRow.person_id == person_id)
    )
    return found is not None


async def are_on(db: AsyncSession, people: Collection[int]) -> frozenset[int]:
    """Return which of the people have a confirmed second factor."""
    found = await db.scalars(
        select(SecondFactorRow.person_id).where(
            SecondFactorRow.person_id.in_(people), SecondFactorRow.confirmed_at.is_not(None)
        )
    )
    return frozenset(found)


async def begin(db: AsyncSession, sealer: Sealer, person_id: int, *, now: datetime) -> bytes:
    """Return the secret to set up, which counts for nothing until it is confirmed.

    Asking again before that returns the same one: a page that is loaded again shows one QR code.

    Raises:
        HasSecondFactor: If a confirmed one is there.
    """
    fresh = secrets.token_bytes(totp.SECRET_BYTES)
    await db.execute(
        insert(SecondFactorRow)
        .values(
            person_id=person_id,
            secret_sealed=sealer.seal(fresh, _purpose(person_id)),
            created_at=now,
            last_step=0,
        )
        .on_conflict_do_nothing()
    )
    row = await _locked(db, person_id)
    assert row is not None
    if row.confirmed_at is not None:
        raise HasSecondFactor
    return sealer.unseal(row.secret_sealed, _purpose(person_id))


async def confirm(
    db: AsyncSession, sealer: Sealer, person_id: int, code: str, *, now: datetime
) -> list[str]:
    """Switch the second factor on; return the recovery codes, which are never shown again.

    Raises:
        WrongCode: If the code is wrong, or nothing was set up.
        HasSecondFactor: If it is on already.
    """
    row = await _locked(db, person_id)
    if row is None:
        raise WrongCode
    if row.confirmed_at is not None:
        raise HasSecondFactor
    secret = sealer.unseal(row.secret_sealed, _purpose(person_id))
    step = totp.accepted_step(secret, code, now, last_step=row.last_step)
    if step is None:
        raise WrongCode
    row.confirmed_at, row.last_step = now, step
    await db.flush()
    return await fresh_recovery_codes(db, person_id)


async def fresh_recovery_codes(db: AsyncSession, person_id: int) -> list[str]:
    """Return new recovery codes; the earlier ones are void."""
    await db.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.person_id == person_id))
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    await db.execute(
        insert(RecoveryCodeRow),
        [{"person_id": person_id, "code_hash": _hashed(person_id, each)} for each in codes],
    )
    return codes


async def is_right(
    db: AsyncSession, sealer: Sealer, person_id: int, code: str, *, now: datetime
) -> bool:
    """Tell whether a code is right, and use it up; recovery codes are taken as well."""
    row = await _locked(db, person_id)
    if row is None or row.confirmed_at is None:
        return False
    secret = sealer.unseal(row.secret_sealed, _purpose(person_id))
    step = totp.accepted_step(secret, code, now, last_step=row.last_step)
    if step is not None:
        row.last_step = step
        await db.flush()
        return True
    used = await db.scalar(
        update(RecoveryCodeRow)
        .where(
            RecoveryCodeRow.person_id == person_id,
            RecoveryCodeRow.code_hash == _hashed(person_id, code),
            RecoveryCodeRow.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCodeRow.person_id)
    )
    return used is not None


async def remove(db: AsyncSession, person_id: int) -> bool:
    """Take the second factor away with its recovery codes; False if there was none."""
    await db.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.person_id == person_id))
    removed = await db.execute(
        delete(SecondFactorRow)
        .where(SecondFactorRow.person_id == person_id)
        .returning(SecondFactorRow.person_id)
    )
    return removed.scalar_one_or_none() is not None


async def _locked(db: AsyncSession, person_id: int) -> SecondFactorRow | None:
    """Return the row, locked: of two tries with one code at once only one is right."""
    return await db.get(SecondFactorRow, person_id, with_for_update=True, populate_existing=True)


def _purpose(person_id: int) -> str:
    return f"second factor of person/{person_id}"


def _recovery_code() -> str:
    """Return 80 random bits as four groups: beyond guessing, so a plain hash guards them."""
    text = base64.b32encode(secrets.token_bytes(10)).decode().lower()
    return "-".join(text[place : place + 4] for place in range(0, len(text), 4))


def _hashed(person_id: int, code: str) -> bytes:
    plain = code.strip().lower().replace("-", "").replace(" ", "")
    return hashlib.sha256(f"{person_id}/{plain}".encode("utf-8", "replace")).digest()
