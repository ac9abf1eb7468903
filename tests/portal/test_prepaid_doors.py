"""Prepaid cards' door; `tests.portal.pages.test_prepaid_cards` drives it by the page."""

from accounts.permissions import SHIPPED, WEIGHTY, WHOLE_INSTALLATION, Permission, Role
from portal import prepaid_doors
from portal.deeds import DEEDS


def test_cards_are_for_those_who_see_the_whole_installation() -> None:
    assert prepaid_doors.READ in WHOLE_INSTALLATION


def test_both_deeds_have_words() -> None:
    assert {prepaid_doors.BLOCKED, prepaid_doors.UNBLOCKED} <= DEEDS.keys()


def test_who_books_money_sees_the_whole_installation_and_is_of_finance() -> None:
    right = Permission.PREPAID_BOOK
    assert right in WHOLE_INSTALLATION & WEIGHTY
    holders = {role for role, rights in SHIPPED.items() if right in rights}
    assert holders == {Role.SUPER_ADMIN, Role.ADMINISTRATOR, Role.FINANCE}
