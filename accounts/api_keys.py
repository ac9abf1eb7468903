"""Keys for programs: `lst_PREFIX_SECRET`, of which only the prefix and a hash are kept.

The secret has 256 random bits, so a plain SHA-256 guards it; slow hashing would protect nothing
and cost every call.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import checks, store
from accounts.directory import WHOLE, Language, Principal, Scope, organisation, root
from accounts.permissions import Role
from accounts.tables import ApiKeyRow
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey

_NOTED_EVERY = timedelta(minutes=1)
"""How exact `last_used_at` is: not every call is worth a write."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What may be known of a key."""

    id: int
    prefix: str
    name: str
    role: Role
    organisation: OrganisationKey
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, row: ApiKeyRow) -> Self:
        """Return what the row says, without the hash."""
        return cls(
            id=row.id,
            prefix=row.prefix,
            name=row.name,
            role=Role(row.role),
            organisation=OrganisationKey(row.organisation),
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            revoked_at=row.revoked_at,
        )


async def create_api_key(
    db: AsyncSession,
    *,
    role: str,
    name: str,
    now: datetime,
    organisation_key: OrganisationKey | None = None,
) -> tuple[ApiKey, str]:
    """Create a key; the second value is the key itself, which is never shown again.

    Raises:
        InvalidInput: If the role is unknown or the name empty.
        NotFound: If there is no such organisation (the root's, if none is named).
    """
    if role not in set(Role):
        raise InvalidInput(f"role must be one of {', '.join(Role)}.", field="role")
    owner = await (root(db) if organisation_key is None else organisation(db, organisation_key))
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    row = await store.add_api_key(
        db,
        {
            "prefix": prefix,
            "secret_hash": hashlib.sha256(secret.encode()).digest(),
            "name": checks.text(name, "name"),
            "role": role,
            "organisation": owner.key,
            "created_at": now,
        },
    )
    return ApiKey.of(row), f"lst_{prefix}_{secret}"


async def api_keys(db: AsyncSession, scope: Scope = WHOLE) -> list[ApiKey]:
    """Return the keys of a scope, oldest first, revoked ones included."""
    keys = None if scope.organisations is None else frozenset[str](scope.organisations)
    return [ApiKey.of(row) for row in await store.api_keys(db, keys)]


async def revoke_api_key(
    db: AsyncSession, key_id: int, *, now: datetime, scope: Scope = WHOLE
) -> None:
    """End a key's use; doing it again changes nothing.

    Raises:
        NotFound: If there is no such key in the scope.
    """
    keys = None if scope.organisations is None else frozenset[str](scope.organisations)
    if not await store.revoke_api_key(db, key_id, keys, now):
        raise NotFound("API key", key_id)


async def principal_of(db: AsyncSession, api_key: str, *, now: datetime) -> Principal | None:
    """Return who a key speaks for; None if it is wrong or revoked."""
    kind, _, rest = api_key.partition("_")
    prefix, _, secret = rest.partition("_")
    if kind != "lst" or not api_key.isascii() or "\x00" in api_key:
        return None
    row = await store.api_key(db, prefix)
    if row is None or row.revoked_at is not None:
        return None
    if not hmac.compare_digest(hashlib.sha256(secret.encode()).digest(), row.secret_hash):
        return None
    if row.last_used_at is None or now - row.last_used_at >= _NOTED_EVERY:
        await store.note_use_of_api_key(db, row.id, now)
    owner = await organisation(db, OrganisationKey(row.organisation))
    language: Language = owner.language
    return Principal(
        id=f"api_key/{row.id}",
        name=row.name,
        roles=frozenset({Role(row.role)}),
        organisation=owner.key,
        language=language,
    )
