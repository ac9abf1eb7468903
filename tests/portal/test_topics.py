"""Tests of how topics are written and read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import topics

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=48)


@pytest.mark.parametrize(
    ("topic", "written"),
    [
        (topics.state("nord", "CS-1"), "leitstand/v1/nord/stations/CS-1/state"),
        (topics.evse_status("nord", "CS-1", 2), "leitstand/v1/nord/stations/CS-1/evses/2/status"),
        (topics.transaction("nord", "CS-1", 7), "leitstand/v1/nord/stations/CS-1/transactions/7"),
        (topics.readings("nord", "CS-1", 1), "leitstand/v1/nord/stations/CS-1/readings/1"),
        (
            topics.event("nord", "CS-1", "station_booted"),
            "leitstand/v1/nord/stations/CS-1/events/station_booted",
        ),
        (
            topics.event("nord", None, "statement_issued"),
            "leitstand/v1/nord/events/statement_issued",
        ),
        (topics.command("nord", "CS-1", "c9"), "leitstand/v1/nord/stations/CS-1/commands/c9"),
        (topics.state("nord", "a/b+c#d%e"), "leitstand/v1/nord/stations/a%2Fb%2Bc%23d%25e/state"),
    ],
)
def test_topics_are_those_of_the_contract(topic: str, written: str) -> None:
    assert topic == written


@given(organisation=NAMES, identity=NAMES)
def test_no_name_makes_a_level_or_a_wildcard_and_every_request_is_read_back(
    organisation: str, identity: str
) -> None:
    topic = f"{topics.station(organisation, identity)}/commands/request"

    assert topic.count("/") == topics.REQUESTS.count("/")
    assert not set("+#\x00") & set(topic)
    assert topics.of_request(topic) == (organisation, identity)


@pytest.mark.parametrize(
    "topic",
    [
        "leitstand/v1/nord/stations/CS-1/commands/c9",
        "leitstand/v2/nord/stations/CS-1/commands/request",
        "leitstand/v1/nord/stations/CS-1/x/commands/request",
        "leitstand/v1//stations/CS-1/commands/request",
        "leitstand/v1/nord/stations//commands/request",
        "leitstand/v1/nord/stations/%00/commands/request",
    ],
)
def test_what_is_no_request_is_none(topic: str) -> None:
    assert topics.of_request(topic) is None
