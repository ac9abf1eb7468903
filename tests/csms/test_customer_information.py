"""What stations tell of customers: put together in its order, kept by command, forgotten first."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from csms import customer_information
from csms.customer_information import Part, part_of, report_of
from tests.csms.handlers.work import Work

AT = datetime(2026, 10, 15, 12, tzinfo=UTC)


def part(seq_no: int, data: str, *, last: bool = False, minutes: float = 0) -> Part:
    return Part("CS-1", 7, seq_no, data, last, AT + timedelta(minutes=minutes))


def test_without_a_word_of_more_a_part_is_the_last() -> None:
    said: dict[str, Any] = {"requestId": 7, "seqNo": 0, "data": "a", "generatedAt": "x"}
    assert part_of("CS-1", said, AT) == part(0, "a", last=True)
    assert part_of("CS-1", said | {"tbc": True}, AT) == part(0, "a")


def test_nothing_is_no_report() -> None:
    assert report_of([]) is None


def test_a_part_that_is_missing_is_seen() -> None:
    found = report_of([part(0, "a"), part(2, "c", last=True, minutes=3)])
    assert found is not None
    assert (found.data, found.parts, found.is_whole) == ("ac", 2, False)
    assert found.received_at == AT + timedelta(minutes=3)
    unfinished = report_of([part(0, "a"), part(1, "b")])
    assert unfinished is not None
    assert not unfinished.is_whole


def test_what_an_older_report_left_behind_the_last_part_is_left_out() -> None:
    found = report_of([part(0, "a", last=True), part(1, "old")])
    assert found is not None
    assert (found.data, found.is_whole) == ("a", True)


@given(st.lists(st.text(max_size=5), min_size=1, max_size=8), st.randoms())
def test_parts_are_put_together_in_whatever_order_they_came(texts: list[str], order: Any) -> None:
    parts = [part(place, each, last=place == len(texts) - 1) for place, each in enumerate(texts)]
    order.shuffle(parts)
    found = report_of(parts)
    assert found is not None
    assert (found.data, found.is_whole) == ("".join(texts), True)


async def test_a_part_told_again_takes_the_place_of_the_former_and_old_ones_are_forgotten(
    work: Work,
) -> None:
    now = work.clock.now()
    old = now - timedelta(days=31)
    await customer_information.keep(
        work.db,
        [
            Part("CS-1", 7, 0, "first", is_last=False, at=now),
            Part("CS-1", 7, 0, "second", is_last=True, at=now),
            Part("CS-1", 6, 0, "old", is_last=True, at=old),
        ],
    )
    await customer_information.keep(work.db, [Part("CS-1", 7, 0, "third", is_last=True, at=now)])
    kept = "select request_id, data from customer_information order by request_id"
    assert [tuple(each) for each in await work.db.execute(text(kept))] == [(6, "old"), (7, "third")]
    before = now - timedelta(days=30)
    assert [await customer_information.forget(work.db, before) for _ in range(2)] == [1, 0]
    assert [tuple(each) for each in await work.db.execute(text(kept))] == [(7, "third")]
