"""Who hears of an alert, by which way, and when."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.detections import Detection, Severity
from alerts.life import Change
from alerts.notices import (
    BUNDLED_WITHIN,
    About,
    Channel,
    ContradictingTimes,
    Notice,
    NoticeState,
    Recipient,
    Shift,
    check_times,
    decide,
    due_at,
    expected,
    next_reminder,
    wants,
)
from foundation.identifiers import OrganisationKey, StationId
from tests.alerts.watch import HOUR, MINUTE, NORTH, SOUTH, T0

EVERY_DAY = frozenset(range(7))
ABOUT = About(
    alert=1,
    organisation=NORTH,
    detection=Detection.FAULT,
    cause="GroundFailure",
    severity=Severity.FAULT,
    stations=(StationId("CS-1"), StationId("CS-2")),
    location="yard",
    monitored=False,
)


def entry(number: int = 1, **facts: Any) -> Recipient:
    """Somebody's number, by default told of everything at once."""
    given: dict[str, Any] = {
        "organisation": NORTH,
        "account": NORTH,
        "person": number,
        "entered_by": f"person/{number}",
        "entered_by_name": "Lea",
        "entered_at": T0,
        "channel": Channel.SMS,
        "target": f"+4917012345{number}",
        "language": "en",
        "zone": "Europe/Berlin",
    }
    return Recipient(id=number, **(given | facts))


def notice(recipient: int = 1, occasion: Change = Change.RAISED, **facts: Any) -> Notice:
    given: dict[str, Any] = {"id": 7, "due_at": T0, "state": NoticeState.SENT}
    return Notice(alert=1, recipient=recipient, occasion=occasion, **(given | facts))


def told(change: Change, recipients: list[Recipient], *known: Notice) -> list[tuple[int, datetime]]:
    found = decide(ABOUT, change, recipients, known, T0).told
    return [(each.recipient, each.due_at) for each in found]


# ------------------------------------------------------------------------------------ whom


@pytest.mark.parametrize(
    ("facts", "is_wanted"),
    [
        ({}, True),
        ({"organisation": SOUTH}, False),
        ({"detections": frozenset({Detection.FAULT})}, True),
        ({"detections": frozenset({Detection.OFFLINE})}, False),
        ({"stations": frozenset({"CS-2"})}, True),
        ({"stations": frozenset({"CS-3"})}, False),
        ({"locations": frozenset({"yard"})}, True),
        ({"locations": frozenset({"harbour"})}, False),
        ({"least": Severity.FAULT}, True),
        ({"least": Severity.CRITICAL}, False),
        ({"monitored_only": True}, False),
    ],
)
def test_somebody_hears_of_what_he_asked_for(facts: dict[str, Any], is_wanted: bool) -> None:
    assert wants(entry(**facts), ABOUT) is is_wanted


def test_somebody_hears_once_that_an_alert_was_raised_whatever_repeats_or_grows() -> None:
    assert told(Change.RAISED, [entry()]) == [(1, T0)]
    for change in (Change.RAISED, Change.REPEATED, Change.GROWN):
        assert told(change, [entry()], notice()) == []


def test_who_wanted_only_worse_hears_when_it_grows_worse() -> None:
    chief = entry(2, least=Severity.CRITICAL)
    assert told(Change.RAISED, [chief]) == []
    worse = replace(ABOUT, severity=Severity.CRITICAL)
    [found] = decide(worse, Change.GROWN, [entry(), chief], [notice()], T0).told
    assert found.recipient == 2


def test_the_same_number_twice_is_told_once_by_whoever_is_due_first_else_the_earlier() -> None:
    one, two = entry(1, target="+49170"), entry(2, target="+49170")
    assert told(Change.RAISED, [two, one]) == [(1, T0)]
    assert told(Change.RAISED, [replace(one, after=HOUR), two]) == [(2, T0)]
    assert told(Change.GROWN, [one, two], notice(1)) == []
    gone = notice(1, state=NoticeState.DROPPED)
    assert told(Change.RAISED, [two], gone) == [(2, T0)]
    rooms = [replace(each, channel=Channel.CHAT) for each in (one, two)]
    assert len(told(Change.RAISED, rooms)) == 2, "what is secret is never alike"


def test_a_chain_goes_on_until_somebody_takes_the_alert_on() -> None:
    first, second = entry(1), entry(2, after=30 * MINUTE)
    assert told(Change.RAISED, [first, second]) == [(1, T0), (2, T0 + 30 * MINUTE)]
    waiting = notice(2, id=8, state=NoticeState.WAITING)
    taken = decide(ABOUT, Change.ACKNOWLEDGED, [first, second], [notice(), waiting], T0)
    assert (list(taken.told), set(taken.dropped)) == ([], {8})
    after = replace(ABOUT, is_taken=True)
    assert list(decide(after, Change.GROWN, [entry(3)], [], T0).told) == []


def test_escalating_tells_mail_addresses_and_ends_what_waits() -> None:
    mail = entry(2, channel=Channel.MAIL, target="lea@example.org")
    waiting = notice(1, id=9, state=NoticeState.WAITING)
    found = decide(ABOUT, Change.ESCALATED, [entry(), mail], [waiting], T0)
    assert [(each.recipient, each.occasion) for each in found.told] == [(2, Change.ESCALATED)]
    assert set(found.dropped) == {9}


@pytest.mark.parametrize("change", [Change.RECOVERED, Change.CLOSED])
def test_the_end_is_told_to_those_who_heard_of_it_and_want_to_know(change: Change) -> None:
    waiting = notice(2, id=8, state=NoticeState.WAITING)
    entries = [entry(1), entry(2), entry(3, tells_end=False)]
    found = decide(ABOUT, change, entries, [notice(1), waiting, notice(3)], T0)
    assert [(each.recipient, each.occasion) for each in found.told] == [(1, change)]
    assert set(found.dropped) == {8}


def test_each_run_of_a_job_reminds_unless_an_interval_is_set() -> None:
    job = replace(ABOUT, detection=Detection.JOB)
    entries = [entry(1), entry(2, repeat=HOUR), entry(3)]
    known = [notice(1), notice(2), notice(1, Change.REPEATED, number=1), notice(3, state="waiting")]
    [found] = decide(job, Change.REPEATED, entries, known, T0).told
    assert (found.recipient, found.occasion, found.number) == (1, Change.REPEATED, 2)
    assert list(decide(ABOUT, Change.REPEATED, entries, known, T0).told) == []


def test_a_reminder_is_planned_when_the_last_was_told() -> None:
    reminded = entry(1, repeat=2 * HOUR)
    first = next_reminder(reminded, Severity.FAULT, [notice()], T0)
    assert first is not None
    assert (first.number, first.due_at) == (1, T0 + 2 * HOUR)
    assert next_reminder(entry(), Severity.FAULT, [notice()], T0) is None
    assert next_reminder(reminded, Severity.FAULT, [notice(), first], T0) is None, "it waits"


def test_an_entry_that_bundles_waits_for_more() -> None:
    assert told(Change.RAISED, [entry(bundles=True)]) == [(1, T0 + BUNDLED_WITHIN)]


# ------------------------------------------------------------------------------------ when


def test_quiet_hours_hold_a_message_back_until_their_end() -> None:
    quiet = entry(quiet=(time(22), time(6)))
    evening = datetime(2026, 11, 2, 21, 30, tzinfo=UTC)  # 22:30 in Berlin
    assert due_at(quiet, Severity.FAULT, evening) == datetime(2026, 11, 3, 5, tzinfo=UTC)
    assert due_at(quiet, Severity.FAULT, T0) == T0
    loud = replace(quiet, breaks_quiet=Severity.CRITICAL)
    assert due_at(loud, Severity.CRITICAL, evening) == evening
    assert due_at(loud, Severity.FAULT, evening) > evening


def test_who_is_not_on_call_hears_when_his_shift_begins() -> None:
    weekdays = Shift(frozenset(range(5)), time(8), time(17))
    weekend = Shift(frozenset({5, 6}), time(0), time(0))
    friday = datetime(2026, 11, 6, 18, tzinfo=UTC)
    assert due_at(entry(shifts=(weekdays,)), Severity.FAULT, friday) == datetime(
        2026, 11, 9, 7, tzinfo=UTC
    )
    assert due_at(entry(shifts=(weekdays, weekend)), Severity.FAULT, friday) == datetime(
        2026, 11, 6, 23, tzinfo=UTC
    )
    nights = Shift(EVERY_DAY, time(22), time(6))
    at_three = datetime(2026, 11, 6, 2, tzinfo=UTC)
    assert due_at(entry(shifts=(nights,)), Severity.FAULT, at_three) == at_three


def test_at_the_change_to_summer_time_a_missing_hour_is_an_hour_later() -> None:
    quiet = entry(quiet=(time(23), time(2, 30)))
    night = datetime(2027, 3, 28, 0, tzinfo=UTC)  # 01:00 in Berlin; 02:30 does not exist
    assert due_at(quiet, Severity.FAULT, night) == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    autumn = datetime(2026, 10, 25, 0, tzinfo=UTC)  # 02:30 comes twice: the first one counts
    assert due_at(quiet, Severity.FAULT, autumn) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_contradicting_times_are_refused() -> None:
    nights = Shift(EVERY_DAY, time(23), time(5))
    with pytest.raises(ContradictingTimes):
        check_times(entry(shifts=(nights,), quiet=(time(22), time(6))))
    check_times(entry(shifts=(nights,), quiet=(time(22), time(4))))
    never_in_time = Shift(EVERY_DAY, time(22), time(6))
    with pytest.raises(ContradictingTimes):
        check_times(entry(shifts=(never_in_time,), quiet=(time(22), time(6))))


_times = st.times().map(lambda each: each.replace(second=0, microsecond=0))


@given(
    minutes=st.integers(-500_000, 500_000),
    begins=_times,
    until=_times,
    zone=st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "UTC"]),
)
def test_what_is_due_is_never_earlier_and_is_due_at_that_very_moment(
    minutes: int, begins: time, until: time, zone: str
) -> None:
    moment = T0 + minutes * MINUTE
    for facts in (
        dict[str, Any](shifts=(Shift(EVERY_DAY, begins, until),)),
        dict[str, Any](quiet=(begins, until) if begins != until else None),
    ):
        somebody = entry(zone=zone, **facts)
        due = due_at(somebody, Severity.FAULT, moment)
        assert moment <= due <= moment + timedelta(hours=25)
        assert due_at(somebody, Severity.FAULT, due) == due


# -------------------------------------------------------------------------------- forecast


def test_the_forecast_counts_each_number_once_per_alert() -> None:
    numbers = [
        entry(1, target="+49170"),
        entry(2, target="+49170"),
        entry(3, least=Severity.CRITICAL),
        entry(4, channel=Channel.MAIL),
    ]
    other = replace(ABOUT, severity=Severity.CRITICAL)
    elsewhere = replace(ABOUT, organisation=OrganisationKey("south"))
    assert expected(numbers, [ABOUT, other, elsewhere]) == 3
