"""A day without trouble."""

from simulators.scenarios import normal_day
from tests.simulators.csms import TinyCsms
from tests.simulators.scenarios.stories import VERSIONS, a_target, play, stored_as


@VERSIONS
async def test_three_cars_charge_and_one_of_them_stays_parked(csms: TinyCsms, version: str) -> None:
    first, second, parked = await play(csms, version, normal_day.run)
    assert (first.energy_wh, second.energy_wh) == (22_000, 11_000)
    assert parked.remark == "parked"
    assert parked.readings == 16
    if version != "1.6":
        states = [
            event["transactionInfo"]["chargingState"]
            for event in stored_as(csms, parked).events.values()
        ]
        assert "SuspendedEV" in states


async def test_somebody_who_may_not_charge_drives_on(csms: TinyCsms) -> None:
    csms.bad_tokens = {"SIM00001": "Blocked"}
    book = await normal_day.run(a_target(csms, "1.6"))
    assert [record.id_token for record in book.records.values()] == ["SIM00002"]
    assert [note["status"] for note in book.notes] == ["Blocked", "Accepted", "Blocked"]
