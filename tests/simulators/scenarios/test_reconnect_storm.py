"""All stations come back at once."""

import pytest

from simulators.fleet import RemoteTarget
from simulators.scenarios import reconnect_storm
from tests.simulators.csms import TinyCsms
from tests.simulators.scenarios.stories import a_target


async def test_a_storm_brings_everybody_back_and_loses_nothing(csms: TinyCsms) -> None:
    book = await reconnect_storm.run(a_target(csms, "1.6", stations=20, identity="STORM"))
    assert book.unfinished() == []
    assert len(csms.connections) == 20
    assert all(count >= 4 for count in csms.connections.values())
    assert len(book.records) == len(csms.transactions)


async def test_a_storm_is_not_let_loose_on_somebody_else(csms: TinyCsms) -> None:
    csms.port = 1
    target = a_target(csms, "1.6")
    elsewhere = type(target)(url="ws://csms.example", clock=target.clock)
    with pytest.raises(RemoteTarget):
        await reconnect_storm.run(elsewhere)
