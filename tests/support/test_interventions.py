"""Visits to a station, decided purely."""

from dataclasses import replace
from decimal import Decimal

import pytest

from foundation.errors import InvalidInput
from support.interventions import (
    Cover,
    CoverDecision,
    CoverUndecided,
    DispatchPackage,
    Documentation,
    MainOutcome,
    NotDocumented,
    SecondPersonNeeded,
    check_closing,
    check_dispatch,
    decide_cover,
)

WARRANTY = CoverDecision(Cover.WARRANTY, "three months old", "person/1")
PACKAGE = DispatchPackage(Decimal("49.14"), Decimal("9.22"), "contactor sticks", "Mr Frey")
DONE = Documentation(
    [MainOutcome.PARTS_REPLACED], by_technician="cable replaced", by_agent="tested with him"
)


def test_who_pays_is_decided_with_a_reason() -> None:
    assert decide_cover(WARRANTY, is_dispatched=False, before=None) == WARRANTY
    with pytest.raises(InvalidInput):
        decide_cover(replace(WARRANTY, reason=" "), is_dispatched=False, before=None)


def test_before_the_dispatch_one_person_may_change_it() -> None:
    other = CoverDecision(Cover.CHARGEABLE, "vandalism", "person/1", second="person/2")
    assert decide_cover(other, is_dispatched=False, before=WARRANTY) == replace(other, second=None)


@pytest.mark.parametrize("second", [None, "person/1"])
def test_after_the_dispatch_a_second_person_is_needed(second: str | None) -> None:
    other = CoverDecision(Cover.CHARGEABLE, "vandalism", "person/1", second="person/2")
    assert decide_cover(other, is_dispatched=True, before=WARRANTY) == other
    with pytest.raises(SecondPersonNeeded):
        decide_cover(replace(other, second=second), is_dispatched=True, before=WARRANTY)
    same = replace(WARRANTY, reason="says the maker, too")
    assert decide_cover(same, is_dispatched=True, before=WARRANTY) == same


@pytest.mark.parametrize(
    ("package", "field"),
    [
        (replace(PACKAGE, latitude=None), "latitude"),
        (replace(PACKAGE, latitude=Decimal(91)), "latitude"),
        (replace(PACKAGE, longitude=None), "longitude"),
        (replace(PACKAGE, longitude=Decimal(-181)), "longitude"),
        (replace(PACKAGE, fault_analysis=""), "fault_analysis"),
        (replace(PACKAGE, contact=" "), "contact"),
    ],
)
def test_a_technician_is_handed_everything(package: DispatchPackage, field: str) -> None:
    check_dispatch(PACKAGE, WARRANTY)
    with pytest.raises(InvalidInput) as caught:
        check_dispatch(package, WARRANTY)
    assert caught.value.field == field
    with pytest.raises(CoverUndecided):
        check_dispatch(PACKAGE, None)


@pytest.mark.parametrize("outcomes", [[], [MainOutcome.PARTS_REPLACED, MainOutcome.RECONFIGURED]])
def test_a_visit_has_exactly_one_main_outcome(outcomes: list[MainOutcome]) -> None:
    assert check_closing(DONE) is MainOutcome.PARTS_REPLACED
    with pytest.raises(InvalidInput):
        check_closing(replace(DONE, main_outcomes=outcomes))


def test_a_foreign_source_is_removed_only_with_consent() -> None:
    removed = replace(DONE, main_outcomes=[MainOutcome.FOREIGN_SOURCE_REMOVED])
    with pytest.raises(InvalidInput):
        check_closing(removed)
    assert check_closing(replace(removed, consent="mail of 3 May"))


def test_both_document_before_it_is_closed() -> None:
    for missing in ({"by_technician": None}, {"by_agent": " "}):
        with pytest.raises(NotDocumented):
            check_closing(replace(DONE, **missing))
