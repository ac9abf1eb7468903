"""Agreements as dated facts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from billing.terms import Basis
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey
from roaming.agreements import (
    DEFAULT,
    Agreement,
    AgreementsOverlap,
    AgreementTerms,
    InternalScope,
    check_period,
    overlapping,
    valid_at,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
BAKERY = OrganisationKey("bakery")


def agreed(begins: datetime = START, ends: datetime | None = None, number: int = 1) -> Agreement:
    return Agreement(number, BAKERY, DEFAULT, begins, ends)


def test_by_default_own_tokens_pay_all_and_others_ninety_percent_of_net() -> None:
    assert AgreementTerms(10_000, 9_000, Basis.NET, InternalScope.OWNER) == DEFAULT


@pytest.mark.parametrize("share", [-1, 10_001])
def test_a_share_is_between_nothing_and_all(share: int) -> None:
    with pytest.raises(InvalidInput) as internal:
        replace(DEFAULT, internal_bps=share)
    with pytest.raises(InvalidInput) as external:
        replace(DEFAULT, external_bps=share)
    assert (internal.value.field, external.value.field) == ("internal_bps", "external_bps")
    replace(DEFAULT, internal_bps=0, external_bps=10_000)


def test_an_agreement_holds_from_its_first_moment_to_before_its_end() -> None:
    agreement = agreed(START, START + DAY)
    assert not agreement.is_valid_at(START - timedelta(microseconds=1))
    assert agreement.is_valid_at(START)
    assert not agreement.is_valid_at(START + DAY)
    assert agreed(START).is_valid_at(START + 1000 * DAY)


def test_where_none_is_valid_the_default_holds() -> None:
    assert valid_at([agreed(START, START + DAY)], START + DAY) is None
    assert valid_at([agreed(START)], START) == agreed(START)


@pytest.mark.parametrize(
    ("begins", "ends", "overlaps"),
    [
        (START - DAY, START, False),
        (START - DAY, START + timedelta(microseconds=1), True),
        (START + DAY, None, True),
        (START + 2 * DAY, None, False),
        (START - DAY, None, True),
    ],
)
def test_two_that_share_a_moment_overlap(
    begins: datetime, ends: datetime | None, overlaps: bool
) -> None:
    found = overlapping([agreed(START, START + 2 * DAY)], begins, ends)
    assert (found is not None) is overlaps


def test_one_that_ended_before_it_began_is_in_nobodys_way() -> None:
    assert overlapping([agreed(START, START)], START - DAY, None) is None


def test_the_refusal_names_the_other_agreement() -> None:
    open_ = str(AgreementsOverlap(agreed(number=7)))
    bounded = str(AgreementsOverlap(agreed(START, START + DAY, number=8)))
    assert "agreement 7" in open_
    assert "without end" in open_
    assert "to 2026-01-02" in bounded


def test_a_period_holds_at_least_a_moment_and_its_ends_have_a_zone() -> None:
    check_period(START, START + DAY)
    with pytest.raises(InvalidInput):
        check_period(START, START)
    with pytest.raises(InvalidInput):
        check_period(START, (START + DAY).replace(tzinfo=None))
