"""What stations hold, and what they told once."""

from typing import Any

from csms import records
from csms.records import Held, Told
from foundation.identifiers import StationId
from tests.csms.central import moment
from tests.csms.handlers.work import Work

STATION = StationId("CS-1")


def control(name: str, *, is_default: bool) -> dict[str, Any]:
    return {"controlId": name, "controlType": "Gradients", "isDefault": is_default}


async def keys(work: Work, kind: Held) -> list[str]:
    return [each.key for each in await records.held(work.db, STATION, kind)]


async def test_the_same_words_again_are_one_telling_and_others_are_another(work: Work) -> None:
    for soc in (12, 12, 13):
        said = {"requestId": 7, "soC": soc}
        await records.tell(work.db, STATION, Told.BATTERY_SWAP, "7", said, at=moment(soc))
    found = await records.tellings(work.db, STATION, Told.BATTERY_SWAP)
    assert [each.content["soC"] for each in found] == [13, 12]
    assert len(await records.tellings(work.db, STATION, Told.BATTERY_SWAP, most=1)) == 1
    assert await records.tellings(work.db, STATION, Told.DER_ALARM) == []


async def test_controls_are_cleared_by_name_or_by_what_they_are(work: Work) -> None:
    for name, is_default in (("one", False), ("two", True), ("three", True)):
        asked = control(name, is_default=is_default)
        yes = {"status": "Accepted"}
        await records.answered(work.db, STATION, "SetDERControl", asked, yes, moment(0))
    named = {"controlId": "two", "isDefault": True}
    no = {"status": "NotFound"}
    await records.answered(work.db, STATION, "ClearDERControl", named, no, moment(1))
    assert await keys(work, Held.DER_CONTROL) == ["one", "three", "two"]
    yes = {"status": "Accepted"}
    await records.answered(work.db, STATION, "ClearDERControl", named, yes, moment(1))
    assert await keys(work, Held.DER_CONTROL) == ["one", "three"]
    other = {"controlType": "FreqDroop", "isDefault": True}
    await records.answered(work.db, STATION, "ClearDERControl", other, yes, moment(1))
    assert await keys(work, Held.DER_CONTROL) == ["one", "three"]
    await records.answered(work.db, STATION, "ClearDERControl", {"isDefault": True}, yes, moment(1))
    assert await keys(work, Held.DER_CONTROL) == ["one"]


async def test_what_was_told_long_ago_is_forgotten(work: Work) -> None:
    for minute in (0, 10):
        said = {"requestId": minute}
        await records.tell(
            work.db, STATION, Told.BATTERY_SWAP, str(minute), said, at=moment(minute)
        )
    assert await records.forget_tellings(work.db, moment(10)) == 1
    assert await records.forget_tellings(work.db, moment(10)) == 0
    [left] = await records.tellings(work.db, STATION, Told.BATTERY_SWAP)
    assert left.ref == "10"


async def test_a_report_of_very_many_is_kept_whole_and_by_the_newest_words(work: Work) -> None:
    for state in ("Old", "New"):
        found = {str(number): ({"id": number}, state) for number in range(11_000)}
        await records.keep_all(work.db, STATION, Held.MONITOR, found, at=moment(0))
    kept = await records.held(work.db, STATION, Held.MONITOR)
    assert len(kept) == 11_000
    assert {each.state for each in kept} == {"New"}
