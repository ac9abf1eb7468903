"""An end is given to a session by who may decide, once, and to none that it cannot belong to."""

from dataclasses import replace
from decimal import Decimal

import pytest

from accounts.directory import WHOLE, Principal
from accounts.permissions import Permission, Reach
from billing import validity
from billing.validity import NotTheIssuer
from csms import charging
from csms.matching import Sign
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import InvalidInput, NotPermitted
from portal import loose_ends
from portal.context import PortalContext
from portal.guard import Caller
from portal.loose_ends import NotSuggested
from tests.portal.api.conftest import filled_database, world_template  # noqa: F401
from tests.portal.pages.world import ROOT, WORKS
from tests.portal.some_loose_ends import LOOSE, SESSION, add_loose_end

BOSS = Caller(
    Principal("person/1", "Ada", "", frozenset(Permission), Reach.INSTALLATION, ROOT, "en"), WHOLE
)


def test_every_sign_has_its_words() -> None:
    assert {*loose_ends.SIGNS} == {*Sign}


async def test_the_session_ends_as_the_end_says_and_the_energy_is_billed_once(
    context: PortalContext,
    filled_database: Database,  # noqa: F811
    clock: SetClock,
) -> None:
    now = clock.now()
    async with filled_database.unit_of_work() as db:
        await add_loose_end(db, now)
        found = await charging.transaction(db, WHOLE, LOOSE)

        async def accept(caller: Caller, session: int = SESSION, reason: str = "Same card") -> None:
            await loose_ends.accept(db, context, caller, found, session, reason=reason, now=now)

        with pytest.raises(InvalidInput):
            await accept(BOSS, reason=" ")
        with pytest.raises(NotSuggested):
            await accept(BOSS, session=5001)
        owner = replace(BOSS.principal, organisation=WORKS)
        with pytest.raises(NotTheIssuer):
            await accept(replace(BOSS, principal=owner))
        reader = replace(BOSS.principal, rights=frozenset({Permission.TRANSACTIONS_READ}))
        with pytest.raises(NotPermitted):
            await accept(replace(BOSS, principal=reader))

        await accept(BOSS)

        session = await charging.transaction(db, WHOLE, SESSION)
        assert (session.ended_at, session.energy_wh) == (found.ended_at, Decimal(4000))
        [invalid] = await validity.suspects(db, WHOLE, invalid=True)
        assert invalid.transaction_id == LOOSE
        with pytest.raises(NotSuggested):
            await accept(BOSS)
