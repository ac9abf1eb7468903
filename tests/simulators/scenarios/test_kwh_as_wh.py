"""A meter that says kWh and labels them Wh."""

from simulators.scenarios import kwh_as_wh
from tests.simulators.csms import TinyCsms
from tests.simulators.scenarios.stories import VERSIONS, play


@VERSIONS
async def test_a_thousandth_is_said(csms: TinyCsms, version: str) -> None:
    first, second = await play(csms, version, kwh_as_wh.run)
    assert (first.energy_wh, first.said_energy_wh) == (22_000, 22)
    assert (second.energy_wh, second.said_energy_wh) == (33_000, 33)
