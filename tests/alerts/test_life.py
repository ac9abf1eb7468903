"""The life of faults and alerts, without a database."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import life
from alerts.detections import Detection, Severity
from alerts.life import (
    GROUPING,
    LONGEST_CALM,
    REPEAT_EVERY,
    STORM,
    STORM_ALERTS,
    Alert,
    AlertOver,
    AlertState,
    AlreadyAcknowledged,
    AlreadyEscalated,
    Change,
    Fault,
    Group,
)
from foundation.errors import InvalidInput
from foundation.identifiers import StationId
from tests.alerts.watch import HOUR, MINUTE, NORTH, T0, finding


def fault(station: str = "CS-1", location: str | None = None, **other: object) -> Fault:
    made = life.begun(finding(station), location=location, flaps=0)
    return replace(made, **other)  # type: ignore[arg-type]


def raised(*faults: Fault, known: tuple[Alert, ...] = ()) -> list[Alert]:
    _, told = life.raise_alerts(faults, known, raised_lately={}, now=T0)
    return [each.alert for each in told]


def an_alert(**other: object) -> Alert:
    [made] = raised(fault())
    return replace(made, id=7, **other)  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------- one fault


def test_a_fault_is_over_only_after_it_stayed_away() -> None:
    gone = life.gone(fault(), finding(at=T0 + MINUTE, is_present=False))
    assert gone.calm_until == T0 + 16 * MINUTE
    assert life.settled(gone, T0 + 15 * MINUTE).over_at is None
    assert life.settled(gone, T0 + 16 * MINUTE).over_at == T0 + 16 * MINUTE
    assert life.settled(fault(), T0 + 99 * HOUR).over_at is None


def test_the_oftener_it_comes_back_the_longer_it_must_stay_away() -> None:
    needed = [life.calm_needed(Detection.OFFLINE, flaps) for flaps in range(6)]
    assert needed == [each * MINUTE for each in (15, 30, 60, 120, 120, 120)]
    assert life.calm_needed(Detection.JOB, 9) == timedelta(0)
    assert life.calm_needed(Detection.FAULT, 10**6) == LONGEST_CALM


def test_being_gone_twice_is_being_gone_since_the_first_time() -> None:
    gone = life.gone(fault(), finding(at=T0 + MINUTE, is_present=False))
    assert life.gone(gone, finding(at=T0 + HOUR, is_present=False)) == gone


def test_what_is_older_than_what_is_known_changes_nothing() -> None:
    known = fault(last_seen_at=T0 + HOUR)
    assert life.gone(known, finding(at=T0, is_present=False)) == known
    gone = life.gone(known, finding(at=T0 + 2 * HOUR, is_present=False))
    assert life.seen_again(gone, finding(at=T0 + HOUR)) == gone
    back = life.seen_again(gone, finding(at=T0 + 2 * HOUR))
    assert (back.is_present, back.flaps, back.seen) == (True, 1, 2)


def test_a_fault_keeps_the_worst_it_was_and_the_newest_evidence() -> None:
    worse = life.seen_again(fault(), finding(severity=Severity.CRITICAL, evidence={"a": "1"}))
    again = life.seen_again(worse, finding(severity=Severity.INFO, evidence={"a": "2"}))
    assert (again.severity, again.evidence) == (Severity.CRITICAL, {"a": "2"})


# ------------------------------------------------------------------------------ which alert


def test_a_fault_is_where_the_finding_says_or_else_where_the_station_stands() -> None:
    assert life.begun(finding(), location="yard", flaps=0).location == "yard"
    assert life.begun(finding(location="roof"), location="yard", flaps=0).location == "roof"


def test_faults_at_one_site_are_one_alert_and_those_without_a_site_one_per_station() -> None:
    found = raised(
        fault("CS-1", "yard"),
        fault("CS-2", "yard", severity=Severity.CRITICAL),
        fault("CS-3", evse_id=1),
        fault("CS-3", evse_id=2),
        fault("CS-4"),
    )
    assert [(each.location, each.station) for each in found] == [
        ("yard", None),
        (None, "CS-3"),
        (None, "CS-4"),
    ]
    assert found[0].severity is Severity.CRITICAL


def test_an_alert_grows_for_an_hour_after_its_last_growth() -> None:
    grown_at = T0 - GROUPING
    known = an_alert(station=None, location="yard", grown_at=grown_at)
    [(home)] = raised(fault("CS-2", "yard"), known=(known,))
    assert (home.id, home.grown_at) == (7, T0)
    stale = replace(known, grown_at=grown_at - timedelta(seconds=1))
    [other] = raised(fault("CS-2", "yard"), known=(stale,))
    assert other.id < 0


def test_of_two_open_alerts_of_a_group_the_younger_one_grows() -> None:
    known = [
        an_alert(location="yard", station=None, grown_at=T0 - minutes * MINUTE)
        for minutes in (5, 50)
    ]
    known[0] = replace(known[0], id=8)
    assert [each.id for each in raised(fault("CS-2", "yard"), known=tuple(known))] == [8]


def test_twenty_alerts_of_one_watch_in_ten_minutes_make_the_next_a_storm() -> None:
    faults = [fault(f"CS-{number}") for number in range(3)]
    lately = {(NORTH, Detection.OFFLINE): STORM_ALERTS - 1}
    placed, told = life.raise_alerts(faults, [], raised_lately=lately, now=T0)
    assert [(each.alert.cause, each.change) for each in told] == [
        ("silence", Change.RAISED),
        (STORM, Change.RAISED),
    ]
    assert placed[1].alert == placed[2].alert == told[1].alert.id
    assert Group.of(told[1].alert) == Group.of(faults[0]).storm


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["CS-1", "CS-2", "CS-3"]),
            st.sampled_from([None, "yard", "roof"]),
            st.sampled_from(list(Detection)),
            st.sampled_from(["a", "b"]),
        ),
        max_size=60,
    )
)
def test_every_fault_gets_exactly_one_alert_and_each_alert_is_told_once(
    wanted: list[tuple[str, str | None, Detection, str]],
) -> None:
    faults = [
        life.begun(
            finding(station, detection=watch, cause=cause, evse_id=number),
            location=location,
            flaps=0,
        )
        for number, (station, location, watch, cause) in enumerate(wanted)
    ]
    placed, told = life.raise_alerts(faults, [], raised_lately={}, now=T0)
    assert [each.key for each in placed] == [each.key for each in faults]
    numbers = [each.alert.id for each in told]
    assert len(numbers) == len(set(numbers))
    assert {each.alert for each in placed} == set(numbers)
    # Two watches never share an alert.
    watches = {(each.alert, each.detection) for each in placed}
    assert len(watches) == len(numbers)


def test_repeats_are_counted_and_told_when_the_last_time_is_long_enough_ago() -> None:
    known = an_alert()
    soon, nothing = life.repeated(known, Severity.FAULT, 3, T0 + MINUTE)
    assert (soon.repeats, soon.repeated_at, nothing) == (3, T0, None)
    later, told = life.repeated(soon, Severity.FAULT, 1, T0 + REPEAT_EVERY)
    assert (later.repeats, later.repeated_at, told) == (4, T0 + REPEAT_EVERY, Change.REPEATED)
    worse, told = life.repeated(soon, Severity.CRITICAL, 1, T0 + 2 * MINUTE)
    assert (worse.severity, told) == (Severity.CRITICAL, Change.GROWN)


# ---------------------------------------------------------------------------------- by people


def test_somebody_takes_an_alert_on_and_nobody_does_so_twice() -> None:
    taken = life.acknowledged(an_alert(), by="person/1", by_name="Lea", now=T0)
    assert (taken.acknowledged_by_name, taken.state) == ("Lea", AlertState.OPEN)
    with pytest.raises(AlreadyAcknowledged, match="Lea takes care"):
        life.acknowledged(taken, by="person/2", by_name="Kim", now=T0)


def test_escalated_does_not_mean_solved() -> None:
    marked = life.escalated(an_alert(), by="person/1", by_name="Lea", now=T0)
    assert marked.state is AlertState.OPEN
    with pytest.raises(AlreadyEscalated):
        life.escalated(marked, by="person/1", by_name="Lea", now=T0)
    # It may still be taken on, as one that was taken on may be escalated.
    life.acknowledged(marked, by="person/1", by_name="Lea", now=T0)


def test_what_is_still_there_is_closed_only_with_a_reason() -> None:
    def close(note: str | None, *, is_present: bool) -> Alert:
        return life.closed(
            an_alert(), by="person/1", by_name="Lea", note=note, is_present=is_present, now=T0
        )

    with pytest.raises(InvalidInput, match="still there"):
        close(None, is_present=True)
    assert close("Scrapped.", is_present=True).state is AlertState.CLOSED
    assert close(None, is_present=False).closed_by_name == "Lea"


def test_nothing_is_done_to_an_alert_that_is_over() -> None:
    over = life.recovered(an_alert(), T0)
    who = {"by": "person/1", "by_name": "Lea", "now": T0}
    with pytest.raises(AlertOver):
        life.acknowledged(over, **who)  # type: ignore[arg-type]
    with pytest.raises(AlertOver):
        life.escalated(over, **who)  # type: ignore[arg-type]
    with pytest.raises(AlertOver):
        life.closed(over, note="x", is_present=False, **who)  # type: ignore[arg-type]


def test_a_note_is_stripped_and_bounded() -> None:
    assert life.checked_note(None) is life.checked_note("  ") is None
    assert life.checked_note(" a ") == "a"
    assert life.checked_note("x" * 1000) == "x" * 1000
    with pytest.raises(InvalidInput):
        life.checked_note("x" * 1001)


def test_a_group_without_a_place_is_the_stations() -> None:
    assert Group.of(fault("CS-1")).station == StationId("CS-1")
    assert Group.of(fault("CS-1", "yard")).station is None
