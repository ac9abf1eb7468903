"""Keys for programs: `lst_PREFIX_SECRET`, of which only the prefix and a hash are kept.

The secret has 256 random bits, so a plain SHA-256 guards it; slow hashing would protect nothing
and cost every call.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NotRequired, Self, TypedDict, cast

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import checks, store
from accounts.directory import WHOLE, Language, Principal, Scope, organisation, root
from accounts.licences import Licence, licensed
from accounts.licensing import entitlement_of
from accounts.permissions import RIGHTS, SHIPPED, SHIPPED_REACH, Permission, Reach, Role
from accounts.store import KeyInUse
from accounts.tables import ApiKeyRow
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey

_HIGHEST_RATE = 1_000_000
_NOTED_EVERY = timedelta(minutes=1)
"""How exact `last_used_at` is: not every call is worth a write."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What may be known of a key; `role` is None where its rights were chosen one by one."""

    id: int
    prefix: str
    name: str
    role: Role | None
    rights: frozenset[Permission]
    reach: Reach
    organisation: OrganisationKey
    rate_per_minute: int | None
    created_at: datetime
    created_by: str | None
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    is_commercial: bool = False
    """Declared to be in commercial use, which needs a Professional account."""

    @classmethod
    def of(cls, row: ApiKeyRow) -> Self:
        """Return what the row says, without the hash."""
        return cls(
            id=row.id,
            prefix=row.prefix,
            name=row.name,
            role=None if row.role is None else Role(row.role),
            rights=_rights(row),
            reach=Reach(row.reach),
            organisation=OrganisationKey(row.organisation),
            rate_per_minute=row.rate_per_minute,
            created_at=row.created_at,
            created_by=row.created_by,
            expires_at=row.expires_at,
            last_used_at=row.last_used_at,
            revoked_at=row.revoked_at,
            is_commercial=row.commercial,
        )


def _rights(row: ApiKeyRow | KeyInUse) -> frozenset[Permission]:
    if row.role is not None:
        return SHIPPED[Role(row.role)]
    known = {each.value for each in Permission}
    return frozenset(Permission(each) for each in row.rights or () if each in known)


async def create_api_key(
    db: AsyncSession,
    *,
    name: str,
    now: datetime,
    role: str | None = None,
    rights: Iterable[str] | None = None,
    reach: str | None = None,
    organisation_key: OrganisationKey | None = None,
    rate_per_minute: int | None = None,
    expires_at: datetime | None = None,
    created_by: str | None = None,
    commercial: bool = False,
) -> tuple[ApiKey, str]:
    """Create a key; the second value is the key itself, which is never shown again.

    Whoever calls checks that the maker has these rights himself.

    Args:
        db: The unit of work.
        name: What it is for.
        now: The moment of creation.
        role: A shipped group, whose rights it gets: now, and as they grow with the program.
        rights: Its rights one by one, instead of a role.
        reach: How much it shows; that of the role, or else what belongs to its organisation.
        organisation_key: Whose it is; the root's, if none is named.
        rate_per_minute: How many calls a minute it may make; None: as many as any.
        expires_at: When it ends by itself; None: never.
        created_by: Who made it, as `Principal.id` has it.
        commercial: Whether it is declared to be in commercial use.

    Raises:
        TierTooLow: If it is for commercial use, and the organisation's account is below the tier
            Professional.
        InvalidInput: If not just one of role and rights is given, one is unknown, the name is
            empty, the rate is below 1, or it would have ended already.
        NotFound: If there is no such organisation (the root's, if none is named).
    """
    if (role is None) == (rights is None):
        raise InvalidInput("Give either role or rights.", field="role")
    if role is not None and role not in set(Role):
        raise InvalidInput(f"role must be one of {', '.join(Role)}.", field="role")
    wanted = None if rights is None else sorted(set(rights))
    unknown = [each for each in wanted or () if each not in {known.value for known in RIGHTS}]
    if unknown:
        raise InvalidInput(f"There is no right {unknown[0]!r}.", field="rights")
    if reach is None:
        reach = Reach.OWN if role is None else SHIPPED_REACH[Role(role)]
    if reach not in set(Reach):
        raise InvalidInput(f"reach must be one of {', '.join(Reach)}.", field="reach")
    owner = await (root(db) if organisation_key is None else organisation(db, organisation_key))
    if commercial:
        granted = await entitlement_of(db, owner.key, now=now)
        refusal = None if granted is None else granted.refusal_of_function("commercial")
        if refusal is not None:
            raise refusal
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    row = await store.add_api_key(
        db,
        {
            "prefix": prefix,
            "secret_hash": hashlib.sha256(secret.encode()).digest(),
            "name": checks.text(name, "name"),
            "role": None if role is None else str(role),
            "rights": wanted,
            "reach": str(reach),
            "rate_per_minute": _checked_rate(rate_per_minute),
            "organisation": owner.key,
            "created_at": now,
            "created_by": created_by,
            "commercial": commercial,
            "expires_at": _checked_end(expires_at, now),
        },
    )
    return ApiKey.of(row), f"lst_{prefix}_{secret}"


async def api_keys(
    db: AsyncSession, scope: Scope = WHOLE, *, after: int = 0, limit: int | None = None
) -> list[ApiKey]:
    """Return the keys of a scope, oldest first, revoked ones included."""
    keys = None if scope.organisations is None else frozenset[str](scope.organisations)
    rows = await store.api_keys(db, keys, after=after, limit=limit)
    return [ApiKey.of(row) for row in rows]


class KeyFacts(TypedDict):
    """What of a key may change; its rights never do: make another one."""

    name: NotRequired[str]
    rate_per_minute: NotRequired[int | None]
    expires_at: NotRequired[datetime | None]


async def api_key(db: AsyncSession, key_id: int) -> ApiKey:
    """Return one key.

    Raises:
        NotFound: If there is none with this number.
    """
    row = await db.get(ApiKeyRow, key_id, populate_existing=True)
    if row is None:
        raise NotFound("API key", key_id)
    return ApiKey.of(row)


async def change_api_key(
    db: AsyncSession, key_id: int, facts: KeyFacts, *, now: datetime
) -> ApiKey:
    """Change what is named; who is over already stays over.

    Raises:
        NotFound: If there is no such key.
        Conflict: If it was revoked.
        InvalidInput: If a fact is malformed.
    """
    row = await db.get(ApiKeyRow, key_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("API key", key_id)
    if row.revoked_at is not None:
        raise Conflict("The key is revoked.")
    if "name" in facts:
        row.name = checks.text(facts["name"], "name")
    if "rate_per_minute" in facts:
        row.rate_per_minute = _checked_rate(facts["rate_per_minute"])
    if "expires_at" in facts:
        row.expires_at = _checked_end(facts["expires_at"], now)
    await db.flush()
    return ApiKey.of(row)


def _checked_rate(rate_per_minute: int | None) -> int | None:
    if rate_per_minute is not None and not 1 <= rate_per_minute <= _HIGHEST_RATE:
        raise InvalidInput(
            f"rate_per_minute must be 1 to {_HIGHEST_RATE}.", field="rate_per_minute"
        )
    return rate_per_minute


def _checked_end(expires_at: datetime | None, now: datetime) -> datetime | None:
    if expires_at is not None and expires_at <= now:
        raise InvalidInput("The end must lie in the future.", field="expires_at")
    return expires_at


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
    """Return who a key speaks for; None if it is wrong, revoked or over."""
    kind, _, rest = api_key.partition("_")
    prefix, _, secret = rest.partition("_")
    if kind != "lst" or not api_key.isascii() or "\x00" in api_key:
        return None
    row = await store.api_key(db, prefix)
    if row is None or row.revoked_at is not None:
        return None
    if row.expires_at is not None and row.expires_at <= now:
        return None
    if not hmac.compare_digest(hashlib.sha256(secret.encode()).digest(), row.secret_hash):
        return None
    return await _principal(db, row, now)


async def principal_of_signed(
    db: AsyncSession, prefix: str, message: bytes, signature: str, *, now: datetime
) -> Principal | None:
    """Return who signed a message with his key; None if the signature is wrong, or the key over.

    So the key itself goes through no third party's hands. The signature is the HMAC-SHA256 of the
    message in hexadecimal, keyed with the SHA-256 of the key's secret part, which is what we keep.
    """
    if not prefix.isascii() or not prefix.isalnum() or not signature.isascii():
        return None
    row = await store.api_key(db, prefix)
    if row is None or row.revoked_at is not None:
        return None
    if row.expires_at is not None and row.expires_at <= now:
        return None
    expected = hmac.new(row.secret_hash, message, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, signature.lower()):
        return None
    return await _principal(db, row, now)


async def _principal(db: AsyncSession, key: KeyInUse, now: datetime) -> Principal:
    if key.last_used_at is None or now - key.last_used_at >= _NOTED_EVERY:
        await store.note_use_of_api_key(db, key.id, now)
    return Principal(
        id=f"api_key/{key.id}",
        name=key.name,
        group=key.role or "",
        rights=licensed(_rights(key), Licence(key.licence)),
        reach=Reach(key.reach),
        organisation=OrganisationKey(key.organisation),
        language=cast("Language", key.language),
        rate_per_minute=key.rate_per_minute,
        is_commercial=key.commercial,
    )
