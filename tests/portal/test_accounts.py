"""What is done to accounts through the doors: seen by scope, and audited."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import audit, directory
from accounts.applications import Renewal
from accounts.directory import Principal, Scope
from accounts.permissions import Permission, Reach
from foundation.clock import SetClock
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from portal import accounts
from portal.context import PortalContext
from portal.guard import Caller
from tests.accounts.licensed import NORTH, made_north, new_account


def caller(person: int, scope: Scope = directory.WHOLE) -> Caller:
    return Caller(
        Principal(
            f"person/{person}",
            "Anna",
            "",
            frozenset(Permission),
            Reach.INSTALLATION,
            OrganisationKey("root"),
            "en",
        ),
        scope,
    )


async def test_what_one_does_not_see_is_not_there(
    db: AsyncSession, context: PortalContext, clock: SetClock
) -> None:
    await made_north(db, clock.now())
    now = clock.now()
    elsewhere = caller(3, Scope(frozenset({OrganisationKey("south")})))
    made = await accounts.apply(db, context, caller(1), "north", new_account(), now=now)
    with pytest.raises(NotFound):
        await accounts.approve(db, context, elsewhere, made.id, now=now)
    with pytest.raises(InvalidInput):
        await accounts.apply(db, context, elsewhere, "north", Renewal(), now=now)
    await accounts.approve(db, context, caller(2), made.id, now=now)
    with pytest.raises(NotFound):
        await accounts.seen_account(db, context, elsewhere, "north", now=now)
    seen = await accounts.seen_account(db, context, caller(1), "north", now=now)

    assert seen.account.organisation == NORTH
    assert seen.metered.points == ()


async def test_a_rejection_is_audited_with_its_reason(
    db: AsyncSession, context: PortalContext, clock: SetClock
) -> None:
    await made_north(db, clock.now())
    now = clock.now()
    made = await accounts.apply(db, context, caller(1), "north", new_account(), now=now)
    rejected = await accounts.reject(db, caller(2), made.id, "no contract", now=now)
    with pytest.raises(InvalidInput):
        await accounts.apply(db, context, caller(1), "nobody", new_account(), now=now)

    assert rejected.reason == "no contract"
    assert audit.SYSTEM.id == "system"
