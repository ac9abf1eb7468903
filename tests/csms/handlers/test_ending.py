"""Which transaction an end belongs to, and what it ends; more in `tests/csms/test_no_loss.py`."""

from csms.handlers.ending import transactions_ended
from csms.handlers.transactions import (
    transactions_started,
)
from csms.reports import (
    TransactionEndAnswer,
)
from foundation.events import EndBasis, TransactionEnded
from tests.csms.central import wh
from tests.csms.handlers.test_transactions import begun, over, stored
from tests.csms.handlers.work import Work


async def test_the_same_end_twice_in_one_batch_is_one_end(work: Work) -> None:
    [answer] = await transactions_started(work.db, work.context, [begun(work)])
    ends = [over(work, answer.transaction_id)] * 2
    assert await transactions_ended(work.db, work.context, ends) == [TransactionEndAnswer()] * 2
    assert len(await work.told(TransactionEnded)) == 1
    [transaction] = await stored(work)
    assert (transaction.revision, transaction.conflicting_ends) == (1, 0)


async def test_ends_known_unknown_and_repeated_in_one_batch_do_not_mix(work: Work) -> None:
    [one] = await transactions_started(work.db, work.context, [begun(work)])
    reports = [over(work, 999_999), over(work, one.transaction_id), over(work, 999_999)]
    await transactions_ended(work.db, work.context, reports)
    known, orphan = await stored(work)
    assert (known.energy_wh, known.basis) == (wh(8000), EndBasis.REPORTED)
    assert orphan.basis == EndBasis.ADOPTED
    assert len(await work.told(TransactionEnded)) == 2
