"""The door of id tokens: nobody takes what others answer for, and who may not write does not."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Principal, Scope
from accounts.permissions import Permission, Reach
from csms import registry
from foundation.errors import NotFound, NotPermitted
from foundation.events import TokenStatus
from foundation.identifiers import OrganisationKey
from portal import token_doors
from portal.guard import Caller
from portal.problems import ManyProblems
from portal.token_doors import Line, TokenTaken
from tests.billing.story import BAKERY, NOVEMBER, settle_in

HOTEL = OrganisationKey("hotel")


def caller(scope: Scope, *rights: Permission, home: OrganisationKey = BAKERY) -> Caller:
    return Caller(
        Principal("person/9", "Otto", "", frozenset(rights), Reach.OWN, home, "en"), scope
    )


async def test_a_token_is_its_holders_and_nobody_else_takes_it(db: AsyncSession) -> None:
    await settle_in(db)
    ours = caller(Scope(frozenset({BAKERY})), *Permission)
    wanted = token_doors.settings(ours, id_token="04-AA-07")
    assert (wanted.organisation, wanted.status, wanted.type) == (BAKERY, "accepted", "ISO14443")
    made, is_new = await token_doors.keep(db, ours, wanted, NOVEMBER)
    assert (made.key, is_new) == ("04AA07", True)
    blocked = token_doors.settings(ours, id_token="04aa07", status=TokenStatus.BLOCKED)
    made, is_new = await token_doors.keep(db, ours, blocked, NOVEMBER)
    assert (made.status, is_new) == ("blocked", False)

    theirs = caller(Scope(frozenset({HOTEL})), *Permission, home=HOTEL)
    with pytest.raises(NotFound):
        await token_doors.seen(db, theirs, "04AA07")
    taken = token_doors.settings(theirs, id_token="04AA07")
    with pytest.raises(TokenTaken):
        await token_doors.keep(db, theirs, taken, NOVEMBER)
    with pytest.raises(ManyProblems, match="no organisation"):
        await token_doors.store(db, theirs, [Line(3, blocked)], NOVEMBER)
    [kept] = await registry.id_tokens(db, WHOLE, key="04AA07")
    assert (kept.organisation, kept.status) == (BAKERY, "blocked")


async def test_who_may_only_read_stores_nothing(db: AsyncSession) -> None:
    await settle_in(db)
    reader = caller(WHOLE, Permission.TOKENS_READ, Permission.CRM_READ)
    assert not token_doors.may_change(reader)
    with pytest.raises(NotPermitted):
        await token_doors.store(
            db, reader, [Line(None, token_doors.settings(reader, id_token="X1"))], NOVEMBER
        )
    assert not token_doors.may_change(caller(WHOLE, Permission.TOKENS_WRITE))
    assert token_doors.may_change(caller(WHOLE, Permission.TOKENS_WRITE, Permission.CRM_READ))
