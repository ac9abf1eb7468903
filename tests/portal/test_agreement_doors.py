"""The doors of agreements: a number in a path is one of ours, and in scope, or nothing."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Principal, Scope
from accounts.permissions import Permission, Reach
from foundation.errors import NotFound, NotPermitted
from foundation.identifiers import OrganisationKey
from portal import agreement_doors
from portal.guard import Caller
from roaming import administration
from tests.billing.story import BAKERY, LONG_AGO, NOVEMBER, settle_in


def caller(scope: Scope, *rights: Permission) -> Caller:
    return Caller(
        Principal("person/9", "Otto", "", frozenset(rights), Reach.OWN, BAKERY, "en"), scope
    )


async def test_who_may_only_read_changes_nothing_and_nobody_sees_others(db: AsyncSession) -> None:
    await settle_in(db)
    made = await administration.create_agreement(db, BAKERY, {}, valid_from=LONG_AGO, now=LONG_AGO)
    reader = caller(Scope(frozenset({BAKERY})), Permission.AGREEMENTS_READ)
    found = await agreement_doors.found(db, reader, str(made.agreement_id))
    assert found == made
    with pytest.raises(NotPermitted):
        await agreement_doors.end(db, reader, found, valid_to=NOVEMBER, now=NOVEMBER)
    with pytest.raises(NotPermitted):
        await agreement_doors.change(db, reader, found, {}, valid_from=NOVEMBER, now=NOVEMBER)
    other = caller(Scope(frozenset({OrganisationKey("hotel")})), *Permission)
    for odd in (str(made.agreement_id), "x", "", "1" * 19, "٣"):
        with pytest.raises(NotFound):
            await agreement_doors.found(db, other, odd)
    with pytest.raises(NotPermitted):
        await agreement_doors.create(
            db, other, BAKERY, {}, valid_from=NOVEMBER, valid_to=None, now=NOVEMBER
        )
    writer = caller(WHOLE, *Permission)
    ended = await agreement_doors.end(db, writer, found, valid_to=NOVEMBER, now=NOVEMBER)
    assert ended.valid_to == NOVEMBER
