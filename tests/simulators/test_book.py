"""The book survives a kill, and says what is true beside what was said."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from simulators.book import Book, Record, moment_text, number, read_book

NOON = datetime(2026, 10, 15, 12, 0, 0, 123_456, tzinfo=UTC)


def a_record(key: str = "CS-1/1/1") -> Record:
    return Record(
        key=key,
        station="CS-1",
        version="1.6",
        evse_id=1,
        connector_id=1,
        ref=None,
        id_token="04A1",
        id_token_type="ISO14443",
        started_at=moment_text(NOON),
        said_started_at=moment_text(NOON),
        meter_start_wh=1_000,
        said_start_wh=1,
        started_offline=False,
        quirks=["kwh_as_wh"],
    )


def write(book: Book) -> None:
    """Write one whole session and one that was given up."""
    book.run(simulator="test", seed=1)
    book.open_record(a_record())
    book.sent("CS-1/1/1", "start")
    book.acknowledged("CS-1/1/1", "start", answer="Accepted", transaction_number=7)
    book.close_record(
        "CS-1/1/1",
        ended_at=NOON,
        said_ended_at=NOON,
        meter_stop_wh=Decimal("3500.5"),
        said_stop_wh=Decimal("3.5"),
        stop_reason="Local",
        readings=3,
    )
    book.sent("CS-1/1/1", "end")
    book.sent("CS-1/1/1", "end")
    book.acknowledged("CS-1/1/1", "end", answer=None, transaction_number=7)
    book.open_record(a_record("CS-1/1/2"))
    book.sent("CS-1/1/2", "start")
    book.dropped("CS-1/1/2", "start", "refused")
    book.note("outage", station="CS-1")
    book.command(station="CS-1", action="Reset", message_id="m-1", at=NOON, did="restarted (Soft)")


def test_every_line_is_in_the_file_before_the_next_thing_happens(tmp_path: Path) -> None:
    path = tmp_path / "book"
    book = Book(path)
    book.open_record(a_record())
    assert json.loads(path.read_text())["kind"] == "start"
    book.sent("CS-1/1/1", "start")
    assert len(path.read_text().splitlines()) == 2
    book.close()
    book.close()


def test_what_is_read_back_is_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "book"
    book = Book(path)
    write(book)
    book.close()
    again = read_book(path.read_text().splitlines(keepends=True))
    assert again.as_json() == book.as_json()
    whole, given_up = again.records.values()
    assert (whole.energy_wh, whole.said_energy_wh) == (2500.5, 2.5)
    assert (whole.start_sent, whole.end_sent) == (1, 2)
    assert whole.transaction_number == 7
    assert given_up.dropped == ["start"]
    assert again.unfinished() == [given_up]
    assert again.runs == [{"simulator": "test", "seed": 1}]


def test_a_line_cut_off_by_a_kill_is_left_out_and_a_bad_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "book"
    book = Book(path)
    write(book)
    book.close()
    lines = path.read_text().splitlines(keepends=True)
    assert len(read_book([*lines, '{"kind":"st']).records) == 2
    assert read_book([]).records == {}
    with pytest.raises(ValueError, match="kind 'poem'"):
        read_book([*lines, '{"kind":"poem"}\n'])
    with pytest.raises(ValueError, match="Expecting"):
        read_book(["{\n", *lines])


def test_moments_have_milliseconds_and_numbers_are_whole_where_they_can_be() -> None:
    assert moment_text(NOON) == "2026-10-15T12:00:00.123Z"
    assert repr(number(Decimal("5.000"))) == "5"
    assert repr(number(Decimal("5.125"))) == "5.125"
