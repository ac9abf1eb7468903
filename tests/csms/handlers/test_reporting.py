"""Reports in parts: kept in any order, announced when none is missing."""

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from csms.equipment_store import rounds
from csms.handlers.reporting import variables_reported
from csms.reports import Acknowledged, OcppVersion, VariablesReport
from foundation.events import VariablesReported
from tests.csms.central import at
from tests.csms.handlers.work import Work


def part(
    work: Work, number: int, *, of: int, request: int = 7, values: dict[str, str] | None = None
) -> VariablesReport:
    payload: dict[str, Any] = {
        "requestId": request,
        "generatedAt": at(0),
        "seqNo": number,
        "tbc": number < of - 1,
    }
    if values:
        payload["reportData"] = [
            {
                "component": {"name": "Clock"},
                "variable": {"name": name},
                "variableAttribute": [{"value": value, "mutability": "ReadOnly"}],
            }
            for name, value in values.items()
        ]
    return work.report(OcppVersion.V201, "NotifyReport", payload, VariablesReport)


async def values(work: Work) -> dict[str, str]:
    found = await work.rows("select variable, value from station_variables")
    return {row["variable"]: row["value"] for row in found}


async def test_a_report_is_whole_with_its_last_missing_part(work: Work) -> None:
    parts = [part(work, number, of=3, values={f"V{number}": "1"}) for number in range(3)]
    random.Random(1).shuffle(parts)
    for index, each in enumerate(parts):
        assert await work.told(VariablesReported) == []
        assert await variables_reported(work.db, work.context, [each]) == [Acknowledged()]
        assert len(await values(work)) == index + 1

    [event] = await work.told(VariablesReported)
    assert (event.station, event.request_id, event.parts) == ("CS-1", 7, 3)


async def test_a_part_sent_again_announces_nothing_again(work: Work) -> None:
    for _ in range(2):
        reports = [
            part(work, 0, of=1, values={"Zone": "CET"}),
            part(work, 0, of=1, values={"Zone": "CET"}),
        ]
        assert await variables_reported(work.db, work.context, reports) == [Acknowledged()] * 2

    assert len(await work.told(VariablesReported)) == 1
    assert len(await work.rows("select 1 from station_variable_values")) == 1


async def test_only_a_value_that_is_new_goes_into_the_history(work: Work) -> None:
    for request, value in enumerate(("CET", "CET", "UTC", "CET")):
        report = part(work, 0, of=1, request=request, values={"Zone": value})
        await variables_reported(work.db, work.context, [report])

    found = await work.rows("select value from station_variable_values order by id")
    assert [row["value"] for row in found] == ["CET", "UTC", "CET"]
    assert await values(work) == {"Zone": "CET"}


async def test_characteristics_that_are_not_told_again_stay(work: Work) -> None:
    full = part(work, 0, of=1, values={"Zone": "CET"})
    await variables_reported(work.db, work.context, [full])
    bare = {
        "requestId": 8,
        "generatedAt": at(1),
        "seqNo": 0,
        "reportData": [
            {
                "component": {"name": "Clock"},
                "variable": {"name": "Zone"},
                "variableAttribute": [{"value": "UTC"}],
            }
        ],
    }
    report = work.report(OcppVersion.V201, "NotifyReport", bare, VariablesReport)
    await variables_reported(work.db, work.context, [report])

    [row] = await work.rows("select value, mutability from station_variables")
    assert (row["value"], row["mutability"]) == ("UTC", "ReadOnly")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers())))
def test_rounds_keep_everything_in_order_and_no_key_twice(items: list[tuple[int, int]]) -> None:
    made = list(rounds((key, (key, value)) for key, value in items))

    assert sorted(each for batch in made for each in batch) == sorted(items)
    for batch in made:
        assert len({key for key, _ in batch}) == len(batch)
    for key in range(4):
        assert [each for batch in made for each in batch if each[0] == key] == [
            each for each in items if each[0] == key
        ]
