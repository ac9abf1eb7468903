"""Signing in: the right password opens a login, wrong ones make the next try wait.

Waits grow with every wrong try and are kept in the database, so they hold over restarts and
processes. Three counts stand side by side:

- an account from one address waits after five tries, at most five minutes;
- an address, whatever the account, waits after twenty, at most five minutes;
- an account, from wherever, waits after twenty, at most one minute, but not at an address from
  which its owner signed in before.

One wrong try is forgiven every ten minutes, so a large office does not add up its typing errors.

So a thousand wrong passwords take days, and whoever sends them can neither shut the right owner
out of his usual place, nor keep him waiting for more than minutes anywhere else.
"""

import hashlib
import ipaddress
import math
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import passwords, store
from accounts.directory import Person, Principal, person_of
from accounts.tables import LoginAttemptRow
from foundation.database import Database
from foundation.errors import ExpectedError, NotPermitted

LOGIN_LASTS = timedelta(days=30)
"""A login ends this long after it began, however much it is used."""

_FORGIVEN_EVERY = timedelta(minutes=10)
_FORGOTTEN_AFTER = timedelta(days=1)
"""Wrong tries no longer count after this long without one."""
_PLACE_REMEMBERED = timedelta(days=90)
"""How long an address counts as the owner's after he signed in there."""
_NOTED_EVERY = timedelta(minutes=1)


class SignInRefused(NotPermitted):
    """The name or the password is wrong; which of them is not said."""

    code = "sign_in_refused"

    def __init__(self) -> None:
        super().__init__("The user name or the password is wrong.")


class TooManyAttempts(ExpectedError):
    """Too many wrong tries; this one was not even looked at. `wait_s` is how long to wait."""

    code = "too_many_attempts"

    def __init__(self, wait_s: int) -> None:
        self.wait_s = wait_s
        super().__init__(f"Too many wrong tries. Try again in {wait_s} seconds.")


@dataclass(frozen=True, slots=True)
class _Patience:
    """How many tries are free, and how long the wait may become, in seconds."""

    free: int
    longest_wait_s: int

    def wait_s(self, failures: int) -> int:
        """Return the wait after so many wrong tries: 1 s, then twice the last one."""
        if failures < self.free:
            return 0
        return min(self.longest_wait_s, 1 << min(failures - self.free, 20))


_PAIR = _Patience(free=5, longest_wait_s=300)
_ADDRESS = _Patience(free=20, longest_wait_s=300)
_ACCOUNT = _Patience(free=20, longest_wait_s=60)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh login; `secret` goes into the cookie and is kept nowhere."""

    person: Person
    secret: str
    expires_at: datetime


async def sign_in(
    database: Database,
    *,
    name: str,
    password: str,
    address: str,
    user_agent: str,
    now: datetime,
    replaces: str | None = None,
) -> SignedIn:
    """Open a login for whoever has this name and password.

    Args:
        database: Every step has a unit of work of its own, since a try must count even if the
            rest fails, and none may stay open while a hash is computed.
        name: The user name or the mail address, in any case.
        password: As typed.
        address: The IP address the try comes from.
        user_agent: The browser's own words, kept short.
        now: The moment of the try.
        replaces: The secret of the browser's earlier login, which ends.

    Raises:
        TooManyAttempts: If the wait after earlier tries is not over.
        SignInRefused: If there is nobody with this name and password, or he is deactivated.
    """
    name = name.strip().lower()
    subjects = _subjects(name, address)
    async with database.unit_of_work() as db:
        await _count_try(db, subjects, now)
        row = await store.person_called(db, name) if _is_text(name + password) else None
    verification = await passwords.verify(None if row is None else row.password_hash, password)
    if row is None or not verification.is_right or not row.active:
        raise SignInRefused
    new_hash = await passwords.hashed_as_given(password) if verification.needs_rehash else None

    async with database.unit_of_work() as db:
        await _uncount_try(db, subjects, now)
        current = await store.person(db, row.id, locked=True)
        if current is None or not current.active or current.password_hash != row.password_hash:
            raise SignInRefused  # deactivated, or another password, within these milliseconds
        if new_hash is not None:
            current.password_hash = new_hash
        if replaces is not None:
            await store.end_login(db, _hashed(replaces))
        secret = secrets.token_urlsafe(32)
        expires_at = now + LOGIN_LASTS
        await store.add_login(
            db,
            {
                "id_hash": _hashed(secret),
                "person_id": row.id,
                "created_at": now,
                "last_seen_at": now,
                "expires_at": expires_at,
                "user_agent": user_agent.replace("\x00", "")[:200],
                "address": address[:60],
            },
        )
        await store.forget_logins(db, expired_before=now)
        return SignedIn(await person_of(db, current), secret, expires_at)


async def sign_out(db: AsyncSession, secret: str) -> None:
    """End the login of this secret; of an unknown one, nothing."""
    await store.end_login(db, _hashed(secret))


async def principal_of(
    db: AsyncSession, secret: str, *, now: datetime, idle_ends: timedelta
) -> Principal | None:
    """Return who a login's secret speaks for; None if it is unknown, over or idle for so long."""
    found = await store.login(db, _hashed(secret))
    if found is None:
        return None
    login, row = found
    if now >= login.expires_at or now - login.last_seen_at >= idle_ends or not row.active:
        return None
    if login.awaits_second_factor or login.revoked_at is not None:
        return None
    if now - login.last_seen_at >= _NOTED_EVERY:
        await store.note_use_of_login(db, login.id_hash, now)
    person = await person_of(db, row)
    return Principal(
        id=f"person/{person.id}",
        name=person.name,
        group=person.group.key,
        rights=person.group.rights,
        reach=person.group.reach,
        login_number=login.number,
        organisation=person.organisation,
        language=person.language,
        person_id=person.id,
    )


def _is_text(text: str) -> bool:
    """Tell whether a name or password may be kept at all: no NUL, no half of a pair."""
    return "\x00" not in text and text.encode("utf-8", "replace").decode() == text


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


# ---------------------------------------------------------------------------- waiting


@dataclass(frozen=True, slots=True)
class _Subjects:
    """What a try counts for; names are hashed, since a password may be typed into that field."""

    pair: str
    address: str
    account: str

    def all(self) -> dict[str, _Patience]:
        return {self.pair: _PAIR, self.address: _ADDRESS, self.account: _ACCOUNT}


def _subjects(name: str, address: str) -> _Subjects:
    account = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    place = _place(address)
    return _Subjects(f"pair/{account}/{place}", f"address/{place}", f"account/{account}")


def _place(address: str) -> str:
    """Return the address; of IPv6 its /64 network, within which everybody has many."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


async def _count_try(db: AsyncSession, subjects: _Subjects, now: datetime) -> None:
    """Count a try as wrong before it is looked at, so that many at once cannot slip through.

    Raises:
        TooManyAttempts: If a wait is not over; the try is then not counted.
    """
    rows = await store.lock_attempts(db, list(subjects.all()), now)
    applying = [rows[subjects.pair], rows[subjects.address]]
    if not _is_known_place(rows[subjects.pair], now):
        applying.append(rows[subjects.account])
    wait_s = max((row.blocked_until - now).total_seconds() for row in applying)
    if wait_s > 0:
        raise TooManyAttempts(math.ceil(wait_s))
    for subject, patience in subjects.all().items():
        row = rows[subject]
        forgiven = max(0, (now - row.counted_at) // _FORGIVEN_EVERY)
        row.failures = max(0, row.failures - forgiven)
        row.counted_at = row.counted_at + forgiven * _FORGIVEN_EVERY if row.failures else now
        row.failures += 1
        row.blocked_until = now + timedelta(seconds=patience.wait_s(row.failures))


async def _uncount_try(db: AsyncSession, subjects: _Subjects, now: datetime) -> None:
    """Take back the count of a try that was right; the wrong ones of others stay."""
    rows = await store.lock_attempts(db, list(subjects.all()), now)
    for row in rows.values():
        row.failures = max(0, row.failures - 1)
        row.blocked_until = now
    rows[subjects.pair].failures = 0
    rows[subjects.pair].succeeded_at = now
    await db.flush()
    # Last, and skipping what is locked: it must never wait while it holds the rows above.
    await store.forget_attempts(
        db, counted_before=now - _FORGOTTEN_AFTER, succeeded_before=now - _PLACE_REMEMBERED
    )


def _is_known_place(pair: LoginAttemptRow, now: datetime) -> bool:
    return pair.succeeded_at is not None and now - pair.succeeded_at < _PLACE_REMEMBERED
