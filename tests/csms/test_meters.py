"""The register of meters' keys: dated, never two at once; and the file for the driver."""

import base64
import json
from xml.etree import ElementTree

import pytest

from csms import meters
from csms.key_comparison import fingerprint
from csms.meter_signatures import InvalidMeterKey
from csms.meters import KeyDiffers, KeysOverlap, NewKey
from csms.reports import OcppVersion
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import StationId
from tests.csms.central import moment
from tests.csms.handlers.work import Work
from tests.csms.meters import Meter
from tests.csms.test_witness import known, over, say

CS_1, CS_2 = StationId("CS-1"), StationId("CS-2")


def key(meter: Meter, minutes: float = 0, evse_id: int = 1, serial: str | None = None) -> NewKey:
    return NewKey(
        evse_id=evse_id,
        public_key=meter.key.text,
        valid_from=moment(minutes),
        meter_serial=serial,
    )


async def test_a_meter_has_one_key_at_a_time(work: Work) -> None:
    meter = Meter("brainpool256r1")

    async def register(new: NewKey, station: StationId = CS_1) -> meters.RegisteredKey:
        return (await meters.register_key(work.db, station, new, by="person/1", now=moment(0)))[0]

    first = await register(key(meter))
    assert (first.curve, first.public_key) == ("brainpool256r1", meter.key.text)
    with pytest.raises(KeysOverlap):
        await register(key(meter, 10))
    await register(key(meter, 0, evse_id=2))
    await register(key(meter), CS_2)
    ended = await meters.end_key(work.db, CS_1, first.id, at=moment(10), now=moment(20))
    assert ended.valid_to == moment(10)
    await register(key(meter, 10))
    assert len(await meters.keys(work.db, CS_1)) == 3
    with pytest.raises(NotFound):
        await meters.end_key(work.db, CS_1, first.id, at=moment(11), now=moment(20))
    with pytest.raises(NotFound):
        await meters.end_key(work.db, CS_2, first.id, at=moment(11), now=moment(20))


async def test_a_key_that_was_wrong_from_its_beginning_is_gone(work: Work) -> None:
    wrong, _ = await meters.register_key(work.db, CS_1, key(Meter()), by="person/1", now=moment(0))
    await meters.end_key(work.db, CS_1, wrong.id, at=moment(0), now=moment(20))
    assert await meters.keys(work.db, CS_1) == []


async def test_what_is_no_key_is_refused_with_its_field(work: Work) -> None:
    for new, error in [
        (NewKey(evse_id=1, public_key="00", valid_from=moment(0)), InvalidMeterKey),
        (key(Meter(), evse_id=-1), InvalidInput),
    ]:
        with pytest.raises(error):
            await meters.register_key(work.db, CS_1, new, by="person/1", now=moment(0))
    assert await meters.keys(work.db, CS_1) == []


async def test_the_transparency_file_has_the_originals_and_the_registered_key(work: Work) -> None:
    meter = Meter()
    ended = await over(work)
    assert await meters.signed(work.db, ended.transaction_id) is None
    record = meter.record(("B", "1000"), ("E", "9000"))
    await say(work, ended, record)
    await known(work, ended)
    await meters.register_key(work.db, CS_1, key(meter, -1), by="person/1", now=moment(99))
    signed = await meters.signed(work.db, ended.transaction_id)
    assert signed is not None
    text = meters.transparency_file(ended.transaction_id, signed)
    [value] = ElementTree.fromstring(text)
    assert value.findtext("signedData") == record
    assert value.findtext("publicKey") == meter.key.text


# --------------------------------------------------------------------- keys that were reported


async def offer(work: Work, meter: Meter, *, as_: str, value: str | None = None) -> int:
    """Let a 2.x station send a signed record with its meter's key; return the transaction."""
    ended = await over(work)
    record = meter.record(("B", "1000"), ("E", "9000"))
    signed = {"signedMeterData": record, "encodingMethod": "OCMF", "publicKey": value or as_}
    payload = {"meterValue": [{"sampledValue": [{"value": 1, "signedMeterValue": signed}]}]}
    await work.rows(
        "insert into reports (station, transaction_id, evse_id, kind, version, epoch, received_at,"
        " skew_s, digest, raw, repairs)"
        " values ('CS-1', :n, 1, 'end', :v, 1, :at, 0, :d, :raw, '{}') returning id",
        n=ended.transaction_id,
        v=OcppVersion.V201,
        at=moment(60),
        d=b"offered",
        raw=json.dumps([2, "m", "TransactionEvent", payload]),
    )
    await known(work, ended)
    return ended.transaction_id


async def test_a_reported_key_is_taken_over_only_if_the_type_plate_has_it(work: Work) -> None:
    meter = Meter()
    wrapped = base64.b64encode(f"oca:base16:asn1:{meter.key.text}".encode()).decode()
    number = await offer(work, meter, as_=wrapped)
    [reported] = await meters.reported_keys(work.db, CS_1)
    assert (reported.key, reported.values, reported.first_at) == (meter.key, 1, moment(0))
    assert not reported.is_registered
    assert await meters.reported_keys(work.db, CS_2) == []

    async def take(typed: str, evse_id: int = 1) -> meters.ComparedBy:
        _, how, looked_at = await meters.take_over_key(
            work.db,
            CS_1,
            evse_id=evse_id,
            reported=reported.fingerprint,
            typed=typed,
            by="person/1",
            now=moment(99),
        )
        assert looked_at == [number]
        return how

    with pytest.raises(KeyDiffers):
        await take(Meter().key.text)
    with pytest.raises(NotFound):
        await take(reported.fingerprint, evse_id=2)
    waiting = await meters.signed(work.db, number)
    assert waiting is not None
    assert waiting.status is meters.SignedStatus.PENDING
    assert await meters.keys(work.db, CS_1) == []

    assert await take(meters.grouped(reported.fingerprint)) is meters.ComparedBy.FINGERPRINT

    verified = await meters.signed(work.db, number)
    assert verified is not None
    assert verified.status is meters.SignedStatus.VERIFIED
    assert (await meters.reported_keys(work.db, CS_1))[0].is_registered
    [key_] = await meters.keys(work.db, CS_1)
    assert (key_.evse_id, key_.valid_from) == (1, moment(0))
    with pytest.raises(KeysOverlap):
        await take(reported.fingerprint)


async def test_a_taken_over_key_begins_where_the_one_before_ended(work: Work) -> None:
    before, after = Meter(), Meter()
    old, _ = await meters.register_key(
        work.db, CS_1, key(before, -60), by="person/1", now=moment(0)
    )
    await meters.end_key(work.db, CS_1, old.id, at=moment(30), now=moment(31))
    await offer(work, after, as_=after.key.text)
    taken, how, _ = await meters.take_over_key(
        work.db,
        CS_1,
        evse_id=1,
        reported=fingerprint(after.key),
        typed=after.key.text,
        by="person/1",
        now=moment(99),
    )
    assert (taken.valid_from, how) == (moment(30), meters.ComparedBy.KEY)


async def test_a_1_6_station_reports_its_keys_as_settings_and_rubbish_is_left_out(
    work: Work,
) -> None:
    meter = Meter()
    for name, value in (
        ("MeterPublicKey[2]", meter.key.text),
        ("meterpublickey", meter.key.text),
        ("MeterPublicKey[1]", "not yet known"),
        ("MeterPublicKeyFormat", meter.key.text),
    ):
        await work.rows(
            "insert into station_variables (station, component, variable, attribute, value,"
            " is_known, changed_at, read_at) values ('CS-1', '', :n, 'Actual', :v, true, :a, :b)"
            " returning id",
            n=name,
            v=value,
            a=moment(1),
            b=moment(2),
        )
    assert [
        (each.evse_id, each.values, each.first_at, each.last_at)
        for each in await meters.reported_keys(work.db, CS_1)
    ] == [(0, 0, moment(1), moment(2)), (2, 0, moment(1), moment(2))]
