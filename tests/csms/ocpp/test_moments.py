"""Date-times as stations write them."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.ocpp import moments
from csms.ocpp.moments import ParsedMoment

NOON = datetime(2026, 10, 15, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-15T12:00:00Z",
        "2026-10-15T12:00:00.000Z",
        "2026-10-15T12:00:00,000Z",
        "2026-10-15t12:00:00z",
        "2026-10-15 12:00:00Z",
        "2026-10-15T12:00Z",
        "2026-10-15T14:00:00+02:00",
        "2026-10-15T14:00:00+02",
        "2026-10-15T14:00:00+0200",
        "2026-10-15T08:30:00-03:30",
        "2026-10-15T12:00:00 UTC",
        " 2026-10-15T12:00:00Z\n",
        "2026-10-15T11:59:60Z",
    ],
)
def test_every_usual_way_of_writing_a_moment_is_read(text: str) -> None:
    assert moments.parse(text, zone=BERLIN) == ParsedMoment(NOON, zone_assumed=False)


@pytest.mark.parametrize(
    ("text", "zone", "at"),
    [
        ("2026-10-15T12:00:00", UTC, NOON),
        ("2026-10-15 12:00:00.5", UTC, NOON + timedelta(seconds=0.5)),
        ("2026-10-15T14:00:00", BERLIN, NOON),
        ("2026-10-25T02:30:00", BERLIN, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # the earlier
    ],
)
def test_a_moment_without_a_zone_is_in_the_assumed_zone(
    text: str, zone: tzinfo, at: datetime
) -> None:
    assert moments.parse(text, zone=zone) == ParsedMoment(at, zone_assumed=True)


def test_midnight_may_be_the_end_of_a_day() -> None:
    parsed = moments.parse("2026-10-15T24:00:00Z")
    assert parsed is not None
    assert parsed.at == datetime(2026, 10, 16, tzinfo=UTC)


def test_a_fraction_is_cut_after_microseconds() -> None:
    parsed = moments.parse("2026-10-15T12:00:00.1234569Z")
    assert parsed is not None
    assert parsed.at.microsecond == 123456


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "2026-10-15",
        "0000-00-00T00:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-10-15T25:00:00Z",
        "2026-10-15T24:00:01Z",
        "2026-10-15T12:00:00+25:00",
        "2026-10-15T12:00:00+02:75",
        "0001-01-01T00:00:00+02:00",
        "9999-12-31T23:59:59-02:00",
        "1760529600",
        "٢٠٢٦-10-15T12:00:00Z",
        "2026-10-15T12:00:00Z" + " " * 60,
    ],
)
def test_what_names_no_moment_is_refused(text: str) -> None:
    assert moments.parse(text) is None


@given(st.text(max_size=80))
def test_no_text_makes_the_parser_fail(text: str) -> None:
    moments.parse(text)


@given(
    st.datetimes(
        min_value=datetime(1900, 1, 1),  # noqa: DTZ001
        max_value=datetime(2200, 1, 1),  # noqa: DTZ001
        timezones=st.builds(
            timezone,
            st.timedeltas(-timedelta(hours=14), timedelta(hours=14)).map(
                lambda offset: timedelta(minutes=offset // timedelta(minutes=1))
            ),
        ),
    )
)
def test_a_written_moment_is_read_again(moment: datetime) -> None:
    assert moments.parse(moment.isoformat()) == ParsedMoment(moment, zone_assumed=False)


def test_we_write_whole_seconds_in_utc() -> None:
    local = datetime(2026, 10, 15, 14, 0, 59, 999_999, tzinfo=BERLIN)
    assert moments.text(local) == "2026-10-15T12:00:59Z"
    assert moments.whole_seconds(local) == datetime(2026, 10, 15, 12, 0, 59, tzinfo=UTC)
    assert moments.text(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00Z"


def test_a_moment_is_brought_to_utc() -> None:
    assert moments.in_utc(NOON) is NOON
    assert moments.in_utc(NOON.astimezone(BERLIN)).tzinfo is UTC
    assert moments.in_utc(datetime(2026, 10, 15, 14), zone=BERLIN) == NOON  # noqa: DTZ001
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert moments.in_utc(first) == datetime(1, 1, 1, tzinfo=UTC)
