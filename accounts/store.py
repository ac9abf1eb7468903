"""Reading and writing the tables of accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.tables import (
    AnsweredRequestRow,
    ApiKeyRow,
    LoginAttemptRow,
    LoginRow,
    OrganisationRow,
    PersonRow,
)
from foundation.statements import tuples

_IS_ROOT: Final = "is the root organisation"

# ---------------------------------------------------------------------------- organisations


async def organisation(
    db: AsyncSession, key: str, *, locked: bool = False
) -> OrganisationRow | None:
    """Return an organisation; `locked` keeps others from changing it meanwhile.

    One that this unit of work has read already is not asked for again.
    """
    if not locked:
        return await db.get(OrganisationRow, key)
    query = select(OrganisationRow).where(OrganisationRow.key == key).with_for_update()
    found = await db.execute(query)
    return found.scalar_one_or_none()


async def root_organisation(db: AsyncSession, *, locked: bool = False) -> OrganisationRow | None:
    """Return the one organisation without a parent."""
    query = select(OrganisationRow).where(OrganisationRow.parent.is_(None))
    found = await db.execute(query.with_for_update() if locked else query)
    return found.scalar_one_or_none()


async def organisations(
    db: AsyncSession,
    keys: frozenset[str] | None,
    *,
    after: str | None = None,
    limit: int | None = None,
) -> list[OrganisationRow]:
    """Return organisations in the order of their keys; None for `keys` means all."""
    query = select(OrganisationRow).order_by(OrganisationRow.key).limit(limit)
    if keys is not None:
        query = query.where(OrganisationRow.key.in_(keys))
    if after is not None:
        query = query.where(OrganisationRow.key > after)
    return list((await db.execute(query)).scalars())


async def add_organisation(db: AsyncSession, values: dict[str, Any]) -> bool:
    """Insert an organisation; False if its key (or the root's place) is taken."""
    added = await db.execute(
        insert(OrganisationRow)
        .values(**values)
        .on_conflict_do_nothing()
        .returning(OrganisationRow.key)
    )
    return added.scalar_one_or_none() is not None


async def keys_below(db: AsyncSession, key: str) -> frozenset[str]:
    """Return the organisation's key and those of all below it; empty if there is none."""
    found = await db.execute(
        text(
            "with recursive tree as ("
            " select key from organisations where key = :key"
            " union select o.key from organisations o join tree on o.parent = tree.key"
            ") select key from tree"
        ),
        {"key": key},
    )
    return frozenset(found.scalars())


# ---------------------------------------------------------------------------- people


async def person(db: AsyncSession, person_id: int, *, locked: bool = False) -> PersonRow | None:
    """Return a person by number."""
    query = select(PersonRow).where(PersonRow.id == person_id)
    found = await db.execute(query.with_for_update() if locked else query)
    return found.scalar_one_or_none()


async def person_named(db: AsyncSession, user_name: str) -> PersonRow | None:
    """Return who has exactly this user name."""
    found = await db.execute(select(PersonRow).where(PersonRow.user_name == user_name))
    return found.scalar_one_or_none()


async def person_called(db: AsyncSession, user_name_or_email: str) -> PersonRow | None:
    """Return who has this user name or mail address, both in lower case as they are kept."""
    found = await db.execute(
        select(PersonRow).where(
            or_(
                PersonRow.user_name == user_name_or_email,
                PersonRow.email == user_name_or_email,
            )
        )
    )
    return found.scalar_one_or_none()


async def people(
    db: AsyncSession, keys: frozenset[str] | None, *, after: int = 0, limit: int | None = None
) -> list[PersonRow]:
    """Return people in the order of their numbers; None for `keys` means of all organisations."""
    query = select(PersonRow).where(PersonRow.id > after).order_by(PersonRow.id).limit(limit)
    if keys is not None:
        query = query.where(PersonRow.organisation.in_(keys))
    return list((await db.execute(query)).scalars())


async def has_people(db: AsyncSession) -> bool:
    """Tell whether anybody is known at all."""
    return (await db.execute(select(PersonRow.id).limit(1))).scalar_one_or_none() is not None


async def add_person(db: AsyncSession, values: dict[str, Any]) -> PersonRow | None:
    """Insert a person; None if the user name or mail address is taken."""
    added = await db.execute(
        insert(PersonRow).values(**values).on_conflict_do_nothing().returning(PersonRow)
    )
    return added.scalar_one_or_none()


async def is_taken(db: AsyncSession, *, email: str, except_person: int) -> bool:
    """Tell whether somebody else has the mail address."""
    found = await db.execute(
        select(PersonRow.id).where(PersonRow.email == email, PersonRow.id != except_person)
    )
    return found.scalar_one_or_none() is not None


# ---------------------------------------------------------------------------- API keys


@dataclass(frozen=True, slots=True)
class KeyInUse:
    """What a call of the API needs of its key, and of the organisation that the key is of."""

    id: int
    secret_hash: bytes
    name: str
    role: str | None
    rights: Sequence[str] | None
    reach: str
    rate_per_minute: int | None
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    organisation: str
    language: str
    licence: str
    is_of_root: bool
    commercial: bool


async def api_key(db: AsyncSession, prefix: str) -> KeyInUse | None:
    """Return an API key by the part of it that is no secret."""
    found = await tuples(
        db,
        """
        select k.id, k.secret_hash, k.name, k.role, k.rights, k.reach, k.rate_per_minute,
               k.expires_at, k.last_used_at, k.revoked_at, o.key, o.language, o.licence,
               o.parent is null, k.commercial
        from api_keys k join organisations o on o.key = k.organisation
        where k.prefix = %b::text
        """,
        [prefix],
    )
    if not found:
        return None
    key = KeyInUse(*found[0])
    db.info[_IS_ROOT, key.organisation] = key.is_of_root
    return key


async def is_root(db: AsyncSession, key: str) -> bool:
    """Tell whether an organisation is the root of the tree.

    What this unit of work learned with an API key is not asked for again.
    """
    known: bool | None = db.info.get((_IS_ROOT, key))
    if known is not None:
        return known
    query = "select 1 from organisations where key = %b::text and parent is null"
    return bool(await tuples(db, query, [key]))


async def api_keys(
    db: AsyncSession, keys: frozenset[str] | None, *, after: int = 0, limit: int | None = None
) -> list[ApiKeyRow]:
    """Return API keys of these organisations (None: all), oldest first."""
    query = select(ApiKeyRow).where(ApiKeyRow.id > after).order_by(ApiKeyRow.id).limit(limit)
    if keys is not None:
        query = query.where(ApiKeyRow.organisation.in_(keys))
    return list((await db.execute(query)).scalars())


async def add_api_key(db: AsyncSession, values: dict[str, Any]) -> ApiKeyRow:
    """Insert an API key."""
    row = ApiKeyRow(**values)
    db.add(row)
    await db.flush()
    return row


async def note_use_of_api_key(db: AsyncSession, key_id: int, now: datetime) -> None:
    """Note that a key was used; gives up if another request is noting the same."""
    # Skipping a locked row: a long request must not make all others with its key wait.
    await tuples(
        db,
        "update api_keys set last_used_at = %b::timestamptz where id ="
        " (select id from api_keys where id = %b::bigint for update skip locked)",
        [now, key_id],
    )


async def revoke_api_key(
    db: AsyncSession, key_id: int, keys: frozenset[str] | None, now: datetime
) -> bool:
    """End a key's use for good; False if there is none such in these organisations."""
    query = (
        update(ApiKeyRow)
        .where(ApiKeyRow.id == key_id)
        .values(revoked_at=func.coalesce(ApiKeyRow.revoked_at, now))
        .returning(ApiKeyRow.id)
    )
    if keys is not None:
        query = query.where(ApiKeyRow.organisation.in_(keys))
    return (await db.execute(query)).scalar_one_or_none() is not None


# ---------------------------------------------------------------------------- logins


async def add_login(db: AsyncSession, values: dict[str, Any]) -> None:
    """Insert a login."""
    await db.execute(insert(LoginRow).values(**values))


async def login(db: AsyncSession, id_hash: bytes) -> tuple[LoginRow, PersonRow] | None:
    """Return a login with its person."""
    found = await db.execute(
        select(LoginRow, PersonRow)
        .join(PersonRow, PersonRow.id == LoginRow.person_id)
        .where(LoginRow.id_hash == id_hash)
    )
    row = found.one_or_none()
    return None if row is None else (row[0], row[1])


async def note_use_of_login(db: AsyncSession, id_hash: bytes, now: datetime) -> None:
    """Note that a login is in use; gives up if another request is noting the same."""
    await db.execute(
        text(
            "update logins set last_seen_at = :now where id_hash ="
            " (select id_hash from logins where id_hash = :id for update skip locked)"
        ),
        {"now": now, "id": id_hash},
    )


async def logins_of(db: AsyncSession, person_id: int) -> list[LoginRow]:
    """Return all logins of a person, the latest used first."""
    found = await db.scalars(
        select(LoginRow)
        .where(LoginRow.person_id == person_id)
        .order_by(LoginRow.last_seen_at.desc(), LoginRow.number.desc())
    )
    return list(found)


async def revoke_login(db: AsyncSession, person_id: int, number: int, now: datetime) -> bool:
    """End one login from elsewhere; False if the person has no such."""
    ended = await db.scalar(
        update(LoginRow)
        .where(LoginRow.person_id == person_id, LoginRow.number == number)
        .where(LoginRow.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(LoginRow.number)
    )
    return ended is not None


async def second_factor_is_demanded(db: AsyncSession, organisation: str) -> bool:
    """Tell whether an organisation, or one above it, demands a second factor."""
    found = await db.scalar(
        text(
            "with recursive up as ("
            " select key, parent, demands_second_factor from organisations where key = :key"
            " union select o.key, o.parent, o.demands_second_factor"
            " from organisations o join up on o.key = up.parent"
            ") select coalesce(bool_or(demands_second_factor), false) from up"
        ),
        {"key": organisation},
    )
    return bool(found)


async def end_login(db: AsyncSession, id_hash: bytes) -> None:
    """Remove one login."""
    await db.execute(delete(LoginRow).where(LoginRow.id_hash == id_hash))


async def end_logins_of(db: AsyncSession, person_id: int, *, keep: int | None = None) -> None:
    """Remove all logins of a person, but for the one with the number to keep."""
    query = delete(LoginRow).where(LoginRow.person_id == person_id)
    if keep is not None:
        query = query.where(LoginRow.number != keep)
    await db.execute(query)


async def forget_logins(db: AsyncSession, *, expired_before: datetime) -> None:
    """Remove logins that ended by themselves."""
    await db.execute(delete(LoginRow).where(LoginRow.expires_at < expired_before))


# ---------------------------------------------------------------------------- tries to sign in


async def lock_attempts(
    db: AsyncSession, subjects: Sequence[str], now: datetime
) -> dict[str, LoginAttemptRow]:
    """Return what is known of the subjects, locked until the unit of work ends."""
    new = insert(LoginAttemptRow).values(
        [
            {"subject": each, "failures": 0, "counted_at": now, "blocked_until": now}
            for each in sorted(subjects)  # two tries must not wait for each other in a circle
        ]
    )
    # The update changes nothing; it locks a row that is there, in the same step.
    found = await db.execute(
        new.on_conflict_do_update(
            index_elements=[LoginAttemptRow.subject], set_={"subject": new.excluded.subject}
        )
        .returning(LoginAttemptRow)
        .execution_options(populate_existing=True)
    )
    return {row.subject: row for row in found.scalars()}


async def forget_attempts(
    db: AsyncSession, *, counted_before: datetime, succeeded_before: datetime
) -> None:
    """Remove old tries, a few at a time; a success is remembered longer."""
    await db.execute(
        text(
            "delete from login_attempts where subject in ("
            " select subject from login_attempts where counted_at < :counted_before"
            " and coalesce(succeeded_at < :succeeded_before, true)"
            " limit 100 for update skip locked)"
        ),
        {"counted_before": counted_before, "succeeded_before": succeeded_before},
    )


# ---------------------------------------------------------------------------- answered requests


async def lock_request(db: AsyncSession, principal: str, key: str) -> bool:
    """Lock a repeatable call until the unit of work ends; False if it is being answered now."""
    found = await db.execute(
        text(
            "select pg_try_advisory_xact_lock("
            "hashtextextended(jsonb_build_array('request', cast(:principal as text),"
            " cast(:key as text))::text, 0))"
        ),
        {"principal": principal, "key": key},
    )
    return bool(found.scalar_one())


async def answered_request(db: AsyncSession, principal: str, key: str) -> AnsweredRequestRow | None:
    """Return the kept answer."""
    found = await db.execute(
        select(AnsweredRequestRow).where(
            AnsweredRequestRow.principal == principal, AnsweredRequestRow.key == key
        )
    )
    return found.scalar_one_or_none()


async def keep_answer(db: AsyncSession, values: dict[str, Any]) -> None:
    """Keep an answer."""
    await db.execute(insert(AnsweredRequestRow).values(**values))


async def forget_answers(db: AsyncSession, *, answered_before: datetime) -> None:
    """Remove old answers, a few at a time."""
    await db.execute(
        text(
            "delete from answered_requests where (principal, key) in ("
            " select principal, key from answered_requests where answered_at < :before"
            " limit 100 for update skip locked)"
        ),
        {"before": answered_before},
    )
