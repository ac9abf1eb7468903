"""Signing in: the right password opens a login, wrong ones make the next try wait.

Waits grow with every wrong try and are kept in the database, so they hold over restarts and
processes. Three counts stand side by side:

- an account from one address waits after five tries, at most five minutes;
- an address, whatever the account, waits after twenty, at most five minutes;
- an account, from wherever, waits after twenty, at most one minute, but not at an address from
  which its owner signed in before.

One wrong try is forgiven every ten minutes, so a large office does not add up its typing errors.

Whoever has a second factor gets a login that opens nothing until a code is given; after ten wrong
codes each further try waits, and the person is told by mail.

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

from accounts import letters, passwords, second_factor, store
from accounts.directory import Person, Principal, organisation, person_of
from accounts.licences import licensed
from accounts.permissions import WEIGHTY
from accounts.tables import LoginAttemptRow, LoginRow, PersonRow
from foundation.database import Database
from foundation.errors import ExpectedError, NotFound, NotPermitted
from foundation.mail import Mails
from foundation.sealing import Sealer

LOGIN_LASTS = timedelta(days=30)
"""A login ends this long after it began, however much it is used."""

CODE_WITHIN = timedelta(minutes=10)
"""How long after the password the second factor may be given."""

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


class CodeRefused(NotPermitted):
    """The code is wrong; the password was right."""

    code = "code_refused"

    def __init__(self) -> None:
        super().__init__("The code is wrong or was used.")


class SignInOver(NotPermitted):
    """It took too long, or the login that awaits a code is not this browser's."""

    code = "sign_in_over"

    def __init__(self) -> None:
        super().__init__("That took too long. Sign in again.")


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
_CODE = _Patience(free=10, longest_wait_s=300)
_OWN_PASSWORD = _Patience(free=5, longest_wait_s=300)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh login; `secret` goes into the cookie and is kept nowhere."""

    person: Person
    secret: str
    expires_at: datetime
    awaits_code: bool = False
    """The login opens nothing until `give_code` was right."""


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
        awaits_code = await second_factor.is_on(db, row.id)
        await store.forget_logins(db, expired_before=now)
        opened = await _opened(db, row.id, user_agent, address, now, awaits_code=awaits_code)
        return SignedIn(await person_of(db, current), *opened, awaits_code)


async def _opened(
    db: AsyncSession,
    person_id: int,
    user_agent: str,
    address: str,
    now: datetime,
    *,
    awaits_code: bool,
) -> tuple[str, datetime]:
    """Write a login; return its secret and its end."""
    secret = secrets.token_urlsafe(32)
    expires_at = now + (CODE_WITHIN if awaits_code else LOGIN_LASTS)
    await store.add_login(
        db,
        {
            "id_hash": _hashed(secret),
            "person_id": person_id,
            "created_at": now,
            "last_seen_at": now,
            "expires_at": expires_at,
            "user_agent": user_agent.replace("\x00", "")[:200],
            "address": address[:60],
            "awaits_second_factor": awaits_code,
        },
    )
    return secret, expires_at


async def give_code(
    database: Database,
    sealer: Sealer,
    *,
    secret: str,
    code: str,
    address: str,
    now: datetime,
    mails: Mails | None,
) -> SignedIn:
    """Finish signing in by the second factor; the login gets a fresh secret.

    Args:
        database: As for `sign_in`: a try counts even if the rest fails.
        sealer: What the second factor's secret is sealed with.
        secret: Of the login that awaits the code.
        code: One-time or recovery code, as typed.
        address: The IP address the try comes from.
        now: The moment of the try.
        mails: Tells the person of ten wrong codes; None where no mails are written.

    Raises:
        SignInOver: If there is no such login any more.
        TooManyAttempts: If the wait after earlier tries is not over.
        CodeRefused: If the code is wrong.
    """
    async with database.unit_of_work() as db:
        login, row = await _awaiting(db, secret, now)
        failures = await _count(db, f"code/{row.id}", _CODE, now)
    async with database.unit_of_work() as db:
        login, row = await _awaiting(db, secret, now)
        person = await person_of(db, row)
        if _is_text(code) and await second_factor.is_right(db, sealer, row.id, code, now=now):
            await _forgive(db, f"code/{row.id}", now)
            await store.end_login(db, login.id_hash)
            opened = await _opened(db, row.id, login.user_agent, address, now, awaits_code=False)
            return SignedIn(person, *opened)
        if failures >= _CODE.free and mails is not None:
            await letters.warn_of_wrong_codes(
                db, mails, person, times=failures, address=address, now=now
            )
    raise CodeRefused


async def _awaiting(db: AsyncSession, secret: str, now: datetime) -> tuple[LoginRow, PersonRow]:
    found = await store.login(db, _hashed(secret))
    if found is None:
        raise SignInOver
    login, row = found
    is_awaiting = login.awaits_second_factor and login.revoked_at is None
    if not is_awaiting or now >= login.expires_at or not row.active:
        raise SignInOver
    return login, row


async def check_own_password(
    database: Database, person_id: int, password: str, *, now: datetime
) -> None:
    """Let somebody who is signed in prove that it is really he.

    Raises:
        TooManyAttempts: If the wait after earlier tries is not over.
        SignInRefused: If the password is wrong.
    """
    subject = f"own password/{person_id}"
    async with database.unit_of_work() as db:
        await _count(db, subject, _OWN_PASSWORD, now)
        row = await store.person(db, person_id)
    verification = await passwords.verify(None if row is None else row.password_hash, password)
    if not verification.is_right:
        raise SignInRefused
    async with database.unit_of_work() as db:
        await _forgive(db, subject, now)


async def check_own_code(
    database: Database, sealer: Sealer, person_id: int, code: str, *, now: datetime
) -> None:
    """Let somebody who is signed in prove that he has his second factor; the code is used up.

    Raises:
        TooManyAttempts: If the wait after earlier tries is not over.
        CodeRefused: If the code is wrong.
    """
    async with database.unit_of_work() as db:
        await _count(db, f"code/{person_id}", _CODE, now)
    async with database.unit_of_work() as db:
        is_right = _is_text(code) and await second_factor.is_right(
            db, sealer, person_id, code, now=now
        )
        if is_right:
            await _forgive(db, f"code/{person_id}", now)
    if not is_right:
        raise CodeRefused


# ---------------------------------------------------------------------------- logins


@dataclass(frozen=True, slots=True)
class Login:
    """A browser that somebody is signed in with; `address` as it signed in."""

    number: int
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str
    user_agent: str


async def logins_of(db: AsyncSession, person_id: int, *, now: datetime) -> list[Login]:
    """Return where a person is signed in, the latest used first."""
    return [
        Login(
            number=row.number,
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            expires_at=row.expires_at,
            address=row.address,
            user_agent=row.user_agent,
        )
        for row in await store.logins_of(db, person_id)
        if row.revoked_at is None and row.expires_at > now and not row.awaits_second_factor
    ]


async def revoke_login(db: AsyncSession, person_id: int, number: int, *, now: datetime) -> None:
    """Sign a browser out from elsewhere.

    Raises:
        NotFound: If the person has no such login.
    """
    if not await store.revoke_login(db, person_id, number, now):
        raise NotFound("login", number)


async def sign_out(db: AsyncSession, secret: str) -> None:
    """End the login of this secret; of an unknown one, nothing."""
    await store.end_login(db, _hashed(secret))


async def principal_of(
    db: AsyncSession, secret: str, *, now: datetime, idle_ends: timedelta
) -> Principal | None:
    """Return who a login's secret speaks for; None if it is unknown, over or idle for so long."""
    return await principal_of_trace(db, trace_of(secret), now=now, idle_ends=idle_ends)


def trace_of(secret: str) -> bytes:
    """Return what is kept of a login's secret: it names the login, and nobody signs in by it."""
    return _hashed(secret)


async def principal_of_trace(
    db: AsyncSession,
    trace: bytes,
    *,
    now: datetime,
    idle_ends: timedelta,
    notes_use: bool = True,
) -> Principal | None:
    """Return who a login speaks for, by what is kept of its secret; None as above.

    Args:
        db: The unit of work.
        trace: As `trace_of` gives it.
        now: The moment.
        idle_ends: After how long without a click a login is over.
        notes_use: Whether this is a click.
    """
    found = await store.login(db, trace)
    if found is None:
        return None
    login, row = found
    if now >= login.expires_at or now - login.last_seen_at >= idle_ends or not row.active:
        return None
    if login.awaits_second_factor or login.revoked_at is not None:
        return None
    if notes_use and now - login.last_seen_at >= _NOTED_EVERY:
        await store.note_use_of_login(db, login.id_hash, now)
    person = await person_of(db, row)
    home = await organisation(db, person.organisation)
    return Principal(
        id=f"person/{person.id}",
        name=person.name,
        group=person.group.key,
        rights=licensed(person.group.rights, home.licence),
        reach=person.group.reach,
        login_number=login.number,
        owes_second_factor=bool(person.group.rights & WEIGHTY)
        and await _is_demanded(db, person)
        and not await second_factor.is_on(db, person.id),
        organisation=person.organisation,
        language=person.language,
        person_id=person.id,
    )


async def _is_demanded(db: AsyncSession, person: Person) -> bool:
    """Tell whether the person's organisation, or one above it, demands a second factor."""
    return await store.second_factor_is_demanded(db, str(person.organisation))


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
        _add_failure(rows[subject], patience, now)


async def _count(db: AsyncSession, subject: str, patience: _Patience, now: datetime) -> int:
    """Count a try as wrong before it is looked at; return how many there are.

    Raises:
        TooManyAttempts: If a wait is not over; the try is then not counted.
    """
    row = (await store.lock_attempts(db, [subject], now))[subject]
    wait_s = (row.blocked_until - now).total_seconds()
    if wait_s > 0:
        raise TooManyAttempts(math.ceil(wait_s))
    _add_failure(row, patience, now)
    return row.failures


async def _forgive(db: AsyncSession, subject: str, now: datetime) -> None:
    row = (await store.lock_attempts(db, [subject], now))[subject]
    row.failures, row.blocked_until = 0, now
    await db.flush()


def _add_failure(row: LoginAttemptRow, patience: _Patience, now: datetime) -> None:
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
