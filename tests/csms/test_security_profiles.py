"""What a connection must show, and by which commands a station goes higher."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.ocpp import outgoing
from csms.reports import OcppVersion
from csms.security_profiles import (
    PLAIN,
    Line,
    Shown,
    names_it,
    objection,
    steps,
    why_not,
    with_slot_first,
)

LINES = [PLAIN, Line(is_tls=True), *(Line(is_tls=True, certificate=each) for each in Shown)]


def test_what_was_good_enough_for_a_profile_is_so_for_every_lower_one() -> None:
    for line in LINES:
        good = [profile for profile in range(4) if objection(profile, line) is None]
        assert good == list(range(len(good)))


def test_a_fitting_certificate_is_good_enough_for_all_and_nothing_for_none_but_plain_ones() -> None:
    assert objection(3, Line(is_tls=True, certificate=Shown.FITS)) is None
    assert objection(1, PLAIN) is None
    assert objection(2, PLAIN) is not None
    assert objection(3, Line(is_tls=True)) is not None


@pytest.mark.parametrize(
    ("common_name", "fits"),
    [("CS-1", True), ("cs-1", True), ("SERIAL", True), ("CS-2", False), ("", False), (None, False)],
)
def test_a_certificate_names_the_station_by_identity_alias_or_serial_number(
    common_name: str | None, fits: bool
) -> None:
    assert names_it(common_name, ["CS-1", "SERIAL", ""]) is fits


@pytest.mark.parametrize(
    ("present", "wanted", "has_password", "may"),
    [
        (0, 1, True, True),
        (1, 2, True, True),
        (1, 3, False, True),
        (0, 2, False, False),
        (2, 2, True, False),
        (3, 1, True, False),
        (3, 4, True, False),
    ],
)
def test_only_a_higher_profile_can_be_asked_for_and_one_with_a_password_needs_one(
    present: int, wanted: int, has_password: bool, may: bool
) -> None:
    found = why_not("ocpp1.6", present, wanted, has_password=has_password)
    assert (found is None) is may


@pytest.mark.parametrize("version", list(OcppVersion))
def test_the_commands_of_an_upgrade_are_valid_in_their_version_and_end_with_a_restart(
    version: OcppVersion,
) -> None:
    made = steps(version, 2, slot=1, url="wss://csms/ocpp", order="0")
    for _, asked in made:
        outgoing.encode(version, asked.action, asked.payload, raw=False)
    assert made[-1][1].action == "Reset"
    assert made[0][0] == "set"


def test_1_6_is_told_by_its_key() -> None:
    told: Any = steps("ocpp1.6", 3, slot=1, url=None, order=None)[0][1].payload
    assert told == {"key": "SecurityProfile", "value": "3"}


@given(st.lists(st.integers(0, 9), unique=True), st.integers(0, 9))
def test_the_new_slot_comes_first_and_no_other_is_lost(order: list[int], slot: int) -> None:
    made = with_slot_first(",".join(map(str, order)), slot).split(",")
    assert made[0] == str(slot)
    assert [int(each) for each in made[1:]] == [each for each in order if each != slot]
