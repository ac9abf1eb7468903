"""A register that falls, and one that is reset."""

from simulators.scenarios import meter_backwards
from tests.simulators.csms import TinyCsms
from tests.simulators.scenarios.stories import VERSIONS, play


@VERSIONS
async def test_the_book_knows_the_energy_that_the_registers_hide(
    csms: TinyCsms, version: str
) -> None:
    backwards, reset = await play(csms, version, meter_backwards.run)
    assert (backwards.energy_wh, backwards.said_energy_wh) == (11_000, -11_000)
    assert reset.energy_wh == 11_000
    assert reset.said_stop_wh == 5_500
