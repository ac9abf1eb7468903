"""One identity, two sockets."""

from simulators.scenarios import two_sockets
from tests.simulators.csms import TinyCsms
from tests.simulators.scenarios.stories import VERSIONS, play


@VERSIONS
async def test_one_transaction_runs_across_two_sockets(csms: TinyCsms, version: str) -> None:
    [record] = await play(csms, version, two_sockets.run)
    assert record.energy_wh == 11_000
    assert csms.connections["SIM-STORY"] == 2
