"""Tests of keys for programs."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import api_keys, directory
from accounts.directory import Organisation, Scope
from accounts.permissions import SHIPPED, Role
from accounts.tables import ApiKeyRow
from foundation.clock import SetClock
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey


async def test_a_key_speaks_for_its_role_and_organisation(
    db: AsyncSession, root: Organisation, clock: SetClock
) -> None:
    made, secret = await api_keys.create_api_key(
        db, role="support", name="Hotline", now=clock.now()
    )

    principal = await api_keys.principal_of(db, secret, now=clock.now())

    assert principal is not None
    assert principal.id == f"api_key/{made.id}"
    assert principal.group == "support"
    assert principal.rights == SHIPPED[Role.SUPPORT]
    assert principal.organisation == root.key


async def test_only_a_hash_of_the_secret_is_kept(
    db: AsyncSession, root: Organisation, clock: SetClock
) -> None:
    made, key = await api_keys.create_api_key(db, role="owner", name="X", now=clock.now())
    row = await db.get(ApiKeyRow, made.id)

    assert row is not None
    assert key.startswith(f"lst_{made.prefix}_")
    secret = key.removeprefix(f"lst_{made.prefix}_")
    assert secret not in str(vars(row))


@pytest.mark.parametrize("change", ["x", "", "\x00", "é"])
async def test_a_key_that_is_not_quite_right_is_wrong(
    db: AsyncSession, root: Organisation, clock: SetClock, change: str
) -> None:
    _, key = await api_keys.create_api_key(db, role="owner", name="X", now=clock.now())

    assert await api_keys.principal_of(db, key[:-1] + change, now=clock.now()) is None
    assert await api_keys.principal_of(db, change + key[1:], now=clock.now()) is None
    assert await api_keys.principal_of(db, key, now=clock.now()) is not None


async def test_a_revoked_key_is_wrong_for_ever(
    db: AsyncSession, root: Organisation, clock: SetClock
) -> None:
    made, key = await api_keys.create_api_key(db, role="owner", name="X", now=clock.now())

    await api_keys.revoke_api_key(db, made.id, now=clock.now())
    clock.advance(timedelta(days=1))
    await api_keys.revoke_api_key(db, made.id, now=clock.now())

    assert await api_keys.principal_of(db, key, now=clock.now()) is None
    [listed] = await api_keys.api_keys(db)
    assert listed.revoked_at == clock.now() - timedelta(days=1)


async def test_a_foreign_key_cannot_be_revoked(
    db: AsyncSession, root: Organisation, clock: SetClock
) -> None:
    made, _ = await api_keys.create_api_key(db, role="owner", name="X", now=clock.now())

    with pytest.raises(NotFound):
        await api_keys.revoke_api_key(
            db, made.id, now=clock.now(), scope=Scope(frozenset({OrganisationKey("north")}))
        )


async def test_its_last_use_is_noted_now_and_then(
    db: AsyncSession, root: Organisation, clock: SetClock
) -> None:
    _, key = await api_keys.create_api_key(db, role="owner", name="X", now=clock.now())
    noted = []
    for _ in range(3):
        await api_keys.principal_of(db, key, now=clock.now())
        db.expire_all()
        [listed] = await api_keys.api_keys(db)
        noted.append(listed.last_used_at)
        clock.advance(timedelta(seconds=40))

    assert noted[0] == noted[1] != noted[2]


async def test_an_unknown_role_and_organisation_are_refused(
    db: AsyncSession, root: Organisation, clock: SetClock
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await api_keys.create_api_key(db, role="king", name="X", now=clock.now())
    assert refused.value.field == "role"
    with pytest.raises(NotFound):
        await api_keys.create_api_key(
            db,
            role="owner",
            name="X",
            organisation_key=OrganisationKey("nowhere"),
            now=clock.now(),
        )
    await directory.create_organisation(db, "north", {"name": "N"}, now=clock.now())
    made, _ = await api_keys.create_api_key(
        db, role="owner", name="X", organisation_key=OrganisationKey("north"), now=clock.now()
    )
    assert made.organisation == "north"
