"""Visits to a station, decided purely."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import InvalidInput
from support.interventions import (
    SHIPPED_LEVEL,
    BusinessHours,
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
    deadlines,
    decide_cover,
    is_maintenance_free,
    maintenance_due_on,
)

WARRANTY = CoverDecision(Cover.WARRANTY, "three months old", "person/1")
PACKAGE = DispatchPackage(Decimal("49.14"), Decimal("9.22"), "contactor sticks", "Mr Frey")
DONE = Documentation(
    [MainOutcome.PARTS_REPLACED], by_technician="cable replaced", by_agent="tested with him"
)
BERLIN = ZoneInfo("Europe/Berlin")


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


def test_maintenance_is_due_twelve_months_later() -> None:
    assert maintenance_due_on(date(2026, 5, 31)) == date(2027, 5, 31)
    assert maintenance_due_on(date(2028, 2, 29)) == date(2029, 2, 28)
    assert is_maintenance_free(True)
    assert not is_maintenance_free(False)


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)))
def test_maintenance_never_drifts_by_more_than_a_day(last_on: date) -> None:
    assert timedelta(364) <= maintenance_due_on(last_on) - last_on <= timedelta(366)


HOURS = BusinessHours("Europe/Berlin", holidays=frozenset({date(2026, 10, 19)}))


@pytest.mark.parametrize(
    ("reported", "answer", "on_site"),
    [
        # Thursday noon; Monday the 19th is a holiday
        (datetime(2026, 10, 15, 12, tzinfo=BERLIN), date(2026, 10, 16), date(2026, 10, 23)),
        # Friday after closing time counts as the next working day's: Tuesday
        (datetime(2026, 10, 16, 18, tzinfo=BERLIN), date(2026, 10, 21), date(2026, 10, 27)),
        (datetime(2026, 10, 16, 17, 59, tzinfo=BERLIN), date(2026, 10, 20), date(2026, 10, 26)),
        (datetime(2026, 10, 17, 9, tzinfo=BERLIN), date(2026, 10, 21), date(2026, 10, 27)),
    ],
)
def test_reaction_times_count_working_days(reported: datetime, answer: date, on_site: date) -> None:
    found = deadlines(SHIPPED_LEVEL, HOURS, reported.astimezone(UTC))
    assert found.remote_at == reported + timedelta(hours=4)
    assert found.answer_at == datetime.combine(answer, time(18), BERLIN)
    assert found.on_site_at == datetime.combine(on_site, time(18), BERLIN)


def test_somebody_works_on_some_day() -> None:
    never = BusinessHours("Europe/Berlin", weekdays=frozenset())
    with pytest.raises(InvalidInput):
        deadlines(SHIPPED_LEVEL, never, datetime(2026, 10, 15, tzinfo=UTC))
