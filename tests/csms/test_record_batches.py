"""Changes of stations' records: what may happen at once does, what must not keeps its order."""

from csms import records
from csms.record_batches import AllTold, Change, Forget, Keep, Mark, Tell, apply, rounds
from csms.records import Held, Told, digest_of
from foundation.identifiers import StationId
from tests.csms.central import moment
from tests.csms.handlers.work import Work

LIMIT, STREAM = Held.CHARGING_LIMIT, Held.EVENT_STREAM


def keep(station: str = "CS-1", key: str = "EMS/1", value: int = 1, kind: Held = LIMIT) -> Keep:
    return Keep(station, kind, key, {"value": value}, None, moment(0))


def shape(*changes: Change) -> list[dict[str, int]]:
    found = rounds(changes)
    return [{kind.__name__: len(some) for kind, some in each.items()} for each in found]


def test_what_many_stations_tell_alike_happens_at_once() -> None:
    stations = [keep(f"CS-{number}") for number in range(50)]
    gone = [Forget(f"CS-{number}", STREAM, "4") for number in range(50)]
    assert shape(*stations, *gone) == [{"Keep": 50, "Forget": 50}]


def test_what_touches_the_same_records_happens_one_after_the_other() -> None:
    gone = Forget("CS-1", LIMIT, "EMS/1")
    assert shape(keep(), gone, keep()) == [{"Keep": 1}, {"Forget": 1}, {"Keep": 1}]
    assert shape(keep(), gone, keep("CS-2")) == [{"Keep": 2}, {"Forget": 1}]
    told = AllTold("CS-1", LIMIT, 7)
    assert shape(keep(), keep(key="EMS/2"), told) == [{"Keep": 2}, {"AllTold": 1}]


def test_of_the_same_record_the_last_word_holds() -> None:
    [[kept]] = [each[Keep] for each in rounds([keep(value=1), keep(value=2)])]
    assert kept == keep(value=2)


async def test_records_are_as_they_would_be_one_by_one(work: Work) -> None:
    alarm = Tell("CS-1", Told.DER_ALARM, "Gradients", {"gridEventFault": "x"}, moment(2))
    await apply(
        work.db,
        [
            keep(value=1),
            keep("CS-2", value=2),
            keep(key="4", kind=STREAM),
            Forget("CS-1", LIMIT, "EMS/1"),
            Mark("CS-1", STREAM, "4", "Closed", moment(1)),
            keep(value=3),
            alarm,
            alarm,
        ],
    )
    for station, value in (("CS-1", 3), ("CS-2", 2)):
        [limit] = await records.held(work.db, StationId(station), LIMIT)
        assert limit.content == {"value": value}
    [stream] = await records.held(work.db, StationId("CS-1"), STREAM)
    assert (stream.state, stream.told_at) == ("Closed", moment(1))
    [told] = await records.tellings(work.db, StationId("CS-1"), Told.DER_ALARM)
    assert told.content == alarm.content
    await records.tell(work.db, "CS-1", alarm.kind, alarm.ref, alarm.content, at=moment(3))
    assert len(await records.tellings(work.db, StationId("CS-1"), Told.DER_ALARM)) == 1


def test_the_same_words_in_another_order_are_the_same() -> None:
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1}) != digest_of({"a": 1})
