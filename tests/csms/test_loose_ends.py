"""Ends without a start: from what the station said to the sessions that they may belong to."""

import pytest

from accounts.directory import WHOLE, Scope
from csms import loose_ends
from csms.handlers.ending import transactions_ended
from csms.handlers.transactions import transactions_started
from csms.loose_ends import NoLooseEnd
from csms.matching import Sign
from foundation.errors import NotFound
from foundation.events import EndBasis
from foundation.identifiers import OrganisationKey
from tests.csms.central import wh
from tests.csms.handlers.test_transactions import begun, over, stored
from tests.csms.handlers.work import GOOD, Work


async def test_an_end_of_another_card_is_kept_and_the_session_without_an_end_offered(
    work: Work,
) -> None:
    [open_one] = await transactions_started(work.db, work.context, [begun(work)])
    await transactions_ended(work.db, work.context, [over(work, 999_999, idTag="OTHER")])
    session, loose = await stored(work)
    assert loose.basis == EndBasis.ADOPTED
    assert (loose_ends.is_loose(loose), loose_ends.is_loose(session)) == (True, False)

    [(found, its)] = await loose_ends.suggested(work.db, WHOLE, loose.transaction_id)

    assert its.transaction_id == open_one.transaction_id
    assert found.energy_wh == wh(8000)
    assert {*found.signs} == {
        Sign.OTHER_TOKEN,
        Sign.REGISTER_CONTINUES,
        Sign.SAME_DAY,
        Sign.ONLY_ONE,
    }
    with pytest.raises(NoLooseEnd):
        await loose_ends.suggested(work.db, WHOLE, session.transaction_id)
    nobody = Scope(frozenset({OrganisationKey("nobody")}))
    with pytest.raises(NotFound):
        await loose_ends.suggested(work.db, nobody, loose.transaction_id)


async def test_a_session_that_has_its_end_is_not_offered(work: Work) -> None:
    [one] = await transactions_started(work.db, work.context, [begun(work)])
    for end in (over(work, one.transaction_id), over(work, 999_999, 90, idTag=GOOD)):
        await transactions_ended(work.db, work.context, [end])
    _, loose = await stored(work)
    assert await loose_ends.suggested(work.db, WHOLE, loose.transaction_id) == []
