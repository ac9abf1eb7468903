"""Prepaid cards' door; `tests.portal.pages.test_prepaid_cards` drives it by the page."""

from accounts.permissions import WHOLE_INSTALLATION
from portal import prepaid_doors
from portal.deeds import DEEDS


def test_cards_are_for_those_who_see_the_whole_installation() -> None:
    assert prepaid_doors.READ in WHOLE_INSTALLATION


def test_both_deeds_have_words() -> None:
    assert {prepaid_doors.BLOCKED, prepaid_doors.UNBLOCKED} <= DEEDS.keys()
