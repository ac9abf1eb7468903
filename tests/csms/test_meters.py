"""The register of meters' keys: dated, never two at once; and the file for the driver."""

from xml.etree import ElementTree

import pytest

from csms import meters
from csms.meter_signatures import InvalidMeterKey
from csms.meters import KeysOverlap, NewKey
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
