"""What is testified of a transaction: its meter's signatures, and what went on beside it."""

import json
from decimal import Decimal
from typing import Any

from csms import meters, signed_value_store, witness
from csms.assembly import assemble
from csms.handlers.finishing import claims_of
from csms.meters import NewKey, SignedStatus, Trouble
from csms.reports import OcppVersion
from csms.signed_value_store import Overlap
from csms.transactions import ended_event
from csms.witness import Known, Witness
from foundation.events import TransactionEnded
from foundation.identifiers import StationId
from tests.csms.central import moment
from tests.csms.handlers.work import Work
from tests.csms.meters import Meter
from tests.csms.test_transaction_store import added
from tests.csms.test_transactions import facts

CS_1 = StationId("CS-1")


async def over(work: Work, ref: str = "1|a", **changes: Any) -> TransactionEnded:
    """Store a transaction of an hour and 8 kWh; return what is told of its end."""
    given: dict[str, Any] = {
        "ref": ref,
        "owner": "root",
        "location": None,
        "state": "ended",
        "ended_at": moment(60),
        "reported_stop_wh": Decimal(9000),
        "energy_wh": Decimal(8000),
    }
    [stored] = await added(work, [facts(**(given | changes))])
    return ended_event(stored, assemble(claims_of(stored, [])))


async def say(work: Work, ended: TransactionEnded, *records: str) -> None:
    """Keep a message with signed values, as a 1.6 station sends it at the end."""
    sampled = [
        {"value": each, "format": "SignedData", "context": "Transaction.End"} for each in records
    ]
    payload = {"transactionData": [{"timestamp": "x", "sampledValue": sampled}]}
    raw = json.dumps([2, "m", "StopTransaction", payload])
    await work.rows(
        "insert into reports (station, transaction_id, evse_id, kind, version, epoch, received_at,"
        " skew_s, digest, raw, repairs)"
        " values ('CS-1', :n, 1, 'end', :v, 1, :at, 0, :d, :raw, '{}') returning id",
        n=ended.transaction_id,
        v=OcppVersion.V16,
        at=moment(60),
        d=str(hash(raw)).encode(),
        raw=raw,
    )


async def known(work: Work, ended: TransactionEnded) -> Known:
    said = await Witness().testimonies(work.db, [ended], now=moment(61))
    return said[ended.transaction_id]


async def test_without_signed_values_only_overlaps_are_told(work: Work) -> None:
    first = await over(work)
    assert await known(work, first) == Known()
    second = await over(work, "1|b", started_at=moment(30), ended_at=moment(90))
    other_evse = await over(work, "1|c", evse_id=2)
    assert await known(work, first) == Known(
        overlapping=[Overlap(second.transaction_id, moment(30), moment(90))]
    )
    assert await known(work, second) == Known(
        overlapping=[Overlap(first.transaction_id, moment(0), moment(60))]
    )
    assert await known(work, other_evse) == Known()


async def test_signed_values_wait_for_the_key_and_are_verified_when_it_is_registered(
    work: Work,
) -> None:
    meter = Meter()
    ended = await over(work)
    begin, end = meter.record(("B", "1000")), meter.record(("E", "9000"))
    await say(work, ended, begin, end, end)

    said = await known(work, ended)

    assert (said.signature, said.trouble) == ("pending", "no_key")
    assert (said.signed_begin_wh, said.signed_end_wh) == (Decimal(1000), Decimal(9000))
    new = NewKey(evse_id=1, public_key=meter.key.text, valid_from=moment(-60))
    key, looked_at = await meters.register_key(work.db, CS_1, new, by="person/1", now=moment(120))
    assert looked_at == [ended.transaction_id]
    signed = await meters.signed(work.db, ended.transaction_id)
    assert signed is not None
    assert (signed.status, signed.trouble) == (SignedStatus.VERIFIED, None)
    # Each value stands once, byte by byte, with the key that it was checked with.
    assert [each.original for each in signed.values] == [begin.encode(), end.encode()]
    assert {each.public_key for each in signed.values} == {key.public_key}
    assert {each.status for each in signed.values} == {SignedStatus.VERIFIED}


async def test_another_energy_than_the_signed_one_fails_as_a_whole_but_not_each_value(
    work: Work,
) -> None:
    meter = Meter()
    new = NewKey(evse_id=0, public_key=meter.key.text, valid_from=moment(-60))
    await meters.register_key(work.db, CS_1, new, by="person/1", now=moment(0))
    ended = await over(work)
    await say(work, ended, meter.record(("B", "1000"), ("E", "8000")))
    assert (await known(work, ended)).trouble == "other_energy"
    signed = await meters.signed(work.db, ended.transaction_id)
    assert signed is not None
    assert (signed.status, signed.trouble) == (SignedStatus.FAILED, Trouble.OTHER_ENERGY)
    assert [each.status for each in signed.values] == [SignedStatus.VERIFIED]


async def test_the_key_of_the_time_of_the_evse_and_of_the_meter_counts(work: Work) -> None:
    old, new, other = Meter(), Meter(), Meter(serial="M-2")
    at_once = [
        NewKey(evse_id=0, public_key=other.key.text, valid_from=moment(-99)),
        NewKey(evse_id=1, public_key=old.key.text, valid_from=moment(-60), meter_serial="M-1"),
    ]
    for each in at_once:
        await meters.register_key(work.db, CS_1, each, by="person/1", now=moment(0))
    ended = await over(work)
    await say(work, ended, old.record(("B", "1000"), ("E", "9000")))
    assert (await known(work, ended)).signature == "verified"
    # From the next meter on, its own key: what began before is not checked with it.
    [of_evse, _] = await meters.keys(work.db, CS_1)
    await meters.end_key(work.db, CS_1, of_evse.id, at=moment(100), now=moment(100))
    after = NewKey(evse_id=1, public_key=new.key.text, valid_from=moment(100), meter_serial="M-1")
    await meters.register_key(work.db, CS_1, after, by="person/1", now=moment(100))
    later = await over(work, "1|b", started_at=moment(120), ended_at=moment(180))
    await say(work, later, new.record(("B", "1000"), ("E", "9000"), at=moment(120)))
    assert (await known(work, later)).signature == "verified"
    assert (await known(work, ended)).signature == "verified"


async def test_a_value_of_another_day_fails_and_waits_where_the_day_is_not_sure(
    work: Work,
) -> None:
    meter = Meter()
    new = NewKey(evse_id=1, public_key=meter.key.text, valid_from=moment(-60))
    await meters.register_key(work.db, CS_1, new, by="person/1", now=moment(0))
    replayed = meter.record(("B", "1000"), ("E", "9000"), at=moment(-24 * 60))
    sure = await over(work)
    unsure = await over(work, "1|b", evse_id=2, clock_wrong=True, doubts=["clock_wrong"])
    for ended, said in ((sure, ("failed", "other_time")), (unsure, ("pending", "no_key"))):
        await say(work, ended, replayed)
        found = await known(work, ended)
        assert (found.signature, found.trouble) == said
    whole = NewKey(evse_id=0, public_key=meter.key.text, valid_from=moment(-60))
    await meters.register_key(work.db, CS_1, whole, by="person/1", now=moment(0))
    signed = await meters.signed(work.db, unsure.transaction_id)
    assert signed is not None
    assert (signed.status, signed.trouble) == (SignedStatus.PENDING, Trouble.DOUBTFUL_TIME)
    assert (await known(work, unsure)).trouble == "doubtful_time"


async def test_looking_again_leaves_alone_what_still_runs(work: Work) -> None:
    [running] = await added(work, [facts(ref="1|r", owner="root", location=None)])
    await witness.look_again(work.db, [running.id], now=moment(10))
    assert await signed_value_store.transaction_row(work.db, running.id) is None
