"""The tab of further reports: what a station holds and told, in the standard's words."""

from datetime import timedelta

import pytest

from csms import records
from csms.records import Held, Told
from foundation.clock import SetClock
from foundation.database import Database
from portal.pages.reported import MOST, pairs_of
from tests.portal.pages.conftest import SignIn

pytestmark = pytest.mark.usefixtures("lively")

STATION = "DE-HN-002"
PATH = f"/stations/{STATION}/reported"


def test_fields_within_others_are_told_by_their_path() -> None:
    said = {
        "requestedEnergyTransfer": "DC",
        "dcChargingParameters": {"stateOfCharge": 20, "customData": {"vendorId": "x"}},
        "data": [{"t": 0, "v": "a"}, {"t": 5, "v": "b"}],
        "components": [{"name": "EVSE"}],
        "activated": False,
        "nothing": None,
    }
    assert list(pairs_of(said)) == [
        ("requestedEnergyTransfer", "DC"),
        ("dcChargingParameters.stateOfCharge", "20"),
        ("data 1.t", "0"),
        ("data 1.v", "a"),
        ("data 2.t", "5"),
        ("data 2.v", "b"),
        ("components.name", "EVSE"),
        ("activated", "false"),
    ]


async def test_each_kind_has_its_section_and_an_empty_page_says_so(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    browser = await sign_in("otto")
    empty = (await browser.get(PATH)).text
    assert "No further reports" in empty
    now = clock.now()
    async with database.unit_of_work() as db:
        control = {"controlType": "FreqDroop", "priority": 3, "isDefault": True}
        await records.keep(
            db, STATION, Held.DER_CONTROL, "C-7", control, state="Superseded", at=now
        )
        swapped = {"eventType": "BatteryIn", "batteryData": [{"serialNumber": "<B-1>", "soC": 11}]}
        await records.tell(db, STATION, Told.BATTERY_SWAP, "42", swapped, at=now)
    html = (await browser.get(PATH)).text
    assert "No further reports" not in html
    for said in (
        "Controls of distributed energy",
        "C-7",
        "Superseded by another",
        "FreqDroop",
        "isDefault",
    ):
        assert said in html
    for said in ("Exchanged batteries", "batteryData.serialNumber", "&lt;B-1&gt;"):
        assert said in html
    assert "Event streams" not in html, "what there is nothing of has no section"
    german = (await browser.get(PATH, headers={"accept-language": "de"})).text
    assert "Ausgetauschte Batterien" in german
    assert "Von einem anderen abgelöst" in german


async def test_where_there_is_more_than_is_shown_the_page_says_so(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    browser = await sign_in("otto")
    async with database.unit_of_work() as db:
        for number in range(MOST + 1):
            said = {"requestId": number, "eventType": "BatteryIn", "batteryData": []}
            at = clock.now() + timedelta(seconds=number)
            await records.tell(db, STATION, Told.BATTERY_SWAP, str(number), said, at=at)
        first = {"transactionId": "tx-1", "activated": False}
        await records.keep(
            db, STATION, Held.CHARGES_FIRST, "tx-1", first, state="Off", at=clock.now()
        )
    html = (await browser.get(PATH)).text
    assert html.count("Only the newest 30 are shown") == 1, "of the batteries alone"
    assert html.count("<article") == MOST + 1
    assert "Charges first no longer" in html


async def test_another_owner_does_not_see_it(sign_in: SignIn) -> None:
    assert (await (await sign_in("petra")).get(PATH)).status_code == 404
