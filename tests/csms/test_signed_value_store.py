"""Signed values are kept byte by byte, also such as no column of text would take."""

from csms import signed_value_store as store
from csms.signed_value_store import CheckedValue, Stay
from csms.signed_values import Checked, Claimed, SignedStatus, SignedTransaction, Trouble
from foundation.statements import ask, write
from tests.csms.central import moment
from tests.csms.handlers.work import Work

ODD = "AP;\x00\x7fé\ud83d"


async def test_an_original_is_kept_byte_by_byte_and_checked_again_in_place(work: Work) -> None:
    claimed = Claimed("Transaction.End\0", ODD, "ALFEN", "key\0")
    for status, key_id in ((SignedStatus.PENDING, None), (SignedStatus.FAILED, 7)):
        checked = Checked(claimed, status, Trouble.OTHER_FORMAT, None)
        value = CheckedValue(1, 1, checked, key_id)
        whole = SignedTransaction(status, None, None, None)
        stay = Stay(1, "CS-1", 1, moment(0), moment(60))
        await write(
            work.db,
            store.putting_values([value], now=moment(60)),
            store.putting_transactions([(stay, whole)], now=moment(60)),
        )
    [row] = await store.values_of(work.db, 1)
    assert row.original == ODD.encode("utf-8", "surrogatepass")
    assert (row.status, row.key_id, row.context) == ("failed", 7, "Transaction.End")
    assert await store.pending(work.db, "CS-1") == [1]
    assert await store.pending(work.db, "CS-2") == []


async def test_only_messages_that_may_hold_signed_values_are_read(work: Work) -> None:
    for number, raw in ((1, "[plain]"), (1, "[SignedData]"), (2, "[x OCMF|y]"), (3, "[OCMF|z]")):
        await work.rows(
            "insert into reports (station, transaction_id, kind, version, epoch, received_at,"
            " skew_s, digest, raw, repairs) values ('CS-1', :n, 'meter', 'ocpp1.6', 1, :at, 0,"
            " :d, :raw, '{}') returning id",
            n=number,
            at=moment(0),
            d=raw.encode(),
            raw=raw,
        )
    found = await ask(work.db, store.messages([1, 2]))
    assert found == {1: ["[SignedData]"], 2: ["[x OCMF|y]"]}
