"""Who may write playbooks: those who see to alerts and may send commands, for their own side."""

from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.audit import Actor
from accounts.directory import Scope
from accounts.permissions import Permission
from foundation.clock import SetClock
from foundation.errors import InvalidInput, NotFound, NotPermitted
from portal import first_aid_deeds as deeds
from portal.guard import Caller
from support import first_aid_store
from support.first_aid import Playbook
from tests.portal.test_maintenance_deeds import caller_with
from tests.support.conftest import NORTH, SOUTH, fill
from tests.support.test_first_aid_store import BOOK


def replaced(book: Playbook, number: int) -> Playbook:
    return replace(book, id=number, organisation=SOUTH)


BOTH = {Permission.ALERTS_WRITE, Permission.COMMANDS_SEND}


async def test_a_playbook_needs_both_rights_and_the_own_side(
    db: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    await fill(db, now)
    for right in BOTH:
        with pytest.raises(NotPermitted):
            await deeds.put(db, caller_with({right}), BOOK, now=now)
    caller = caller_with(BOTH)
    made = await deeds.put(db, caller, BOOK, now=now)
    assert made.organisation == NORTH
    with pytest.raises(NotFound):
        await deeds.put(db, caller, replaced(BOOK, 0), now=now)
    with pytest.raises(NotFound):
        await deeds.retire(db, caller, made.id + 1, now=now)
    await deeds.retire(db, caller, made.id, now=now)


async def test_a_playbook_stays_its_organisations(db: AsyncSession, clock: SetClock) -> None:
    now = clock.now()
    await fill(db, now)
    helen = Actor("person/2", "Helen", "portal", None)
    made = await first_aid_store.put(db, BOOK, by=helen, now=now)
    whole = Caller(caller_with(BOTH).principal, Scope(None))
    with pytest.raises(InvalidInput):
        await deeds.put(db, whole, replaced(BOOK, made.id), now=now)
