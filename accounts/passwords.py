"""Passwords of people: hashed with argon2, checked in a thread, at the same cost for everybody.

Source: RFC 9106, section 4 (the low-memory recommendation, which argon2-cffi has as default).
"""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from foundation.errors import InvalidInput

SHORTEST = 8
"""Characters of a password that a person chooses."""
LONGEST = 200
"""Longer ones only cost time; they are refused, and never match."""

_hasher = PasswordHasher()

# One hash takes 64 MiB and most of a core: more threads would not be faster, only larger.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="password")


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a password was right; `needs_rehash` if the kept hash is weaker than today's."""

    is_right: bool
    needs_rehash: bool


async def hashed(password: str) -> str:
    """Return the argon2 hash to keep.

    Raises:
        InvalidInput: If the password is shorter than `SHORTEST` or longer than `LONGEST`.
    """
    if len(password) < SHORTEST:
        raise InvalidInput(
            f"The password must have at least {SHORTEST} characters.", field="password"
        )
    return await hashed_as_given(password)


async def hashed_as_given(password: str) -> str:
    """Return the hash of a password that the machine's operator set, however short.

    Raises:
        InvalidInput: If the password is empty or longer than `LONGEST`.
    """
    if not password or len(password) > LONGEST:
        raise InvalidInput(f"The password must have 1 to {LONGEST} characters.", field="password")
    return await asyncio.get_running_loop().run_in_executor(
        _threads, _hasher.hash, password.encode("utf-8", "replace")
    )


async def verify(password_hash: str | None, password: str) -> Verification:
    """Compare a password with its hash.

    Without a hash (nobody has this name, or he has no password) the same work is done, so that
    the time taken tells nothing.
    """
    return await asyncio.get_running_loop().run_in_executor(
        _threads, _verify, password_hash, password
    )


def _verify(password_hash: str | None, password: str) -> Verification:
    is_known = password_hash is not None
    password_hash = password_hash if password_hash is not None else _nobodys_hash()
    try:
        _hasher.verify(password_hash, password[: LONGEST + 1].encode("utf-8", "replace"))
    except (VerificationError, InvalidHashError):
        return Verification(is_right=False, needs_rehash=False)
    return Verification(
        is_right=is_known, needs_rehash=is_known and _hasher.check_needs_rehash(password_hash)
    )


@cache
def _nobodys_hash() -> str:
    return _hasher.hash(secrets.token_urlsafe(32))


def generated() -> str:
    """Return a fresh password for a person to type once: 20 characters, about 100 bits."""
    alphabet = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4))
