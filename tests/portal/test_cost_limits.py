"""The limit of one person as every door sets it; tests of API and pages tell the rest."""

from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import cost_releases
from accounts.directory import WHOLE, Principal
from accounts.permissions import Permission, Reach
from foundation.clock import SetClock
from foundation.errors import NotPermitted
from foundation.money import Money
from portal import cost_limits
from portal.guard import Caller
from tests.accounts.test_cost_releases import ROOT, root

__all__ = ["root"]


def person(number: int, *rights: Permission) -> Caller:
    held = frozenset({Permission.ORGANISATIONS_WRITE, *rights})
    name = f"person/{number}"
    return Caller(Principal(name, name, "x", held, Reach.INSTALLATION, ROOT, "en"), WHOLE)


def euro(amount: int) -> Money:
    return Money(Decimal(amount), "EUR")


@pytest.mark.usefixtures("root")
async def test_whoever_may_release_no_costs_tightens_the_limit_and_loosens_it_not(
    db: AsyncSession, clock: SetClock
) -> None:
    now, releases = clock.now(), Permission.COST_RELEASE
    assert await cost_limits.set_limit(db, person(1), ROOT, euro(9), now=now) is None
    for looser in (euro(10), None):
        with pytest.raises(NotPermitted):
            await cost_limits.set_limit(db, person(1), ROOT, looser, now=now)
        first = await cost_limits.set_limit(db, person(2, releases), ROOT, looser, now=now)
        assert (first is not None and first.state.value) == "waiting"
    assert await cost_releases.limit_of(db, ROOT) == euro(9)
    await cost_limits.set_limit(db, person(3, releases), ROOT, None, now=now)
    assert await cost_releases.limit_of(db, ROOT) is None
