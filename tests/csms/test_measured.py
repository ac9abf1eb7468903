"""What charge points measured lately: of who charges now, else what belongs to nobody."""

from decimal import Decimal
from typing import Any

from csms.measured import Meters
from csms.reports import Sample
from foundation.identifiers import OrganisationKey
from tests.csms.central import moment
from tests.csms.handlers.work import Work
from tests.csms.test_job_facts import CS_1, two_points
from tests.csms.test_reading_store import kept, reading
from tests.csms.test_transaction_store import added, new


async def test_the_newest_readings_of_each_charge_point(work: Work) -> None:
    await two_points(work)
    [running] = await added(work, [new(ref="1|a", started_at=moment(0))])
    hot = (Sample("Temperature", Decimal(71), "Celsius"),)
    await kept(
        work,
        [
            *[reading(n, number=running.id, values=hot) for n in (5, 10, 15)],
            reading(12, evse_id=2, values=hot),
            reading(-90, evse_id=2, values=hot),
        ],
    )
    first, second = await Meters().newest(
        work.db, [OrganisationKey("root")], since=moment(0), most=2
    )
    assert (first.station, first.evse_id) == (CS_1, 1)
    assert [each for each, _ in first.readings] == [moment(15), moment(10)]
    assert [each for each, _ in second.readings] == [moment(12)]
    [sample] = second.readings[0][1]
    assert sample["measurand"] == "Temperature"
    assert Decimal(str(sample["value"])) == 71
    elsewhere = [OrganisationKey("south")]
    assert await Meters().newest(work.db, elsewhere, since=moment(0), most=2) == []


async def test_what_some_measured_over_days_and_how_many_there_are(work: Work) -> None:
    await two_points(work)
    [running] = await added(work, [new(ref="1|a", started_at=moment(0))])
    hot = (Sample("Temperature", Decimal(71), "Celsius"),)
    await kept(
        work,
        [
            *[reading(n, number=running.id, values=hot) for n in (5, 10, 15)],
            reading(-90, values=hot),
            reading(12, evse_id=2, values=hot),
        ],
    )
    asked: dict[str, Any] = {
        "location": None,
        "points": None,
        "since": moment(-100),
        "until": moment(15),
        "most_points": 1,
        "most": 2,
    }
    total, [first] = await Meters().over(work.db, [OrganisationKey("root")], **asked)
    assert (total, first.evse_id) == (2, 1)
    assert [each for each, _ in first.readings] == [moment(10), moment(5)]
    both = asked | {"most_points": 9, "most": 9}
    _, [first, second] = await Meters().over(work.db, [OrganisationKey("root")], **both)
    assert [each for each, _ in first.readings] == [moment(10), moment(5), moment(-90)]
    assert [each for each, _ in second.readings] == [moment(12)]
    for points, found in (([(CS_1, 0)], 2), ([(CS_1, 2)], 1), ([], 0)):
        chosen = await Meters().over(
            work.db, [OrganisationKey("root")], **both | {"points": points}
        )
        assert (chosen[0], len(chosen[1])) == (found, found)
    nowhere = both | {"location": "nowhere"}
    assert await Meters().over(work.db, [OrganisationKey("root")], **nowhere) == (0, [])
