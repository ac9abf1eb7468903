"""Which session an end without a start may belong to: what speaks for it, and what is none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.matching import AGAINST, LONGEST, LooseEnd, Sign, Suggestion, Unended, suggestions

NOON = datetime(2026, 10, 14, 12, tzinfo=UTC)
END = LooseEnd(evse_id=0, token_key="04AA", ended_at=NOON, stop_wh=Decimal(9000))
SESSION = Unended(
    transaction_id=1,
    evse_id=2,
    token_key="04AA",
    started_at=NOON - timedelta(hours=2),
    start_wh=Decimal(1000),
    reached_wh=Decimal(5000),
    read_at=NOON - timedelta(hours=1),
)


def test_token_register_and_time_speak_for_a_session_and_its_energy_is_told() -> None:
    [found] = suggestions(END, [SESSION])
    assert found.signs == (
        Sign.SAME_TOKEN,
        Sign.REGISTER_CONTINUES,
        Sign.SAME_DAY,
        Sign.ONLY_ONE,
    )
    assert (found.is_likely, found.energy_wh) == (True, Decimal(8000))


@pytest.mark.parametrize(
    ("change", "sign"),
    [
        ({"token_key": "04BB"}, Sign.OTHER_TOKEN),
        ({"reached_wh": Decimal(9001)}, Sign.REGISTER_BELOW),
        ({"started_at": NOON - timedelta(hours=25)}, Sign.LONG_BEFORE),
        ({"read_at": NOON + timedelta(minutes=1)}, Sign.READ_AFTERWARDS),
    ],
)
def test_what_speaks_against_it_is_told_and_it_is_not_likely(
    change: dict[str, object], sign: Sign
) -> None:
    [found] = suggestions(END, [replace(SESSION, **change)])  # type: ignore[arg-type]
    assert {*found.signs} & AGAINST == {sign}
    assert not found.is_likely


@pytest.mark.parametrize(
    ("begins", "fits"),
    [
        (NOON, False),
        (NOON - timedelta(seconds=1), True),
        (NOON - LONGEST, True),
        (NOON - LONGEST - timedelta(seconds=1), False),
    ],
)
def test_what_began_after_it_or_long_before_is_none(begins: datetime, fits: bool) -> None:
    assert bool(suggestions(END, [replace(SESSION, started_at=begins)])) is fits


def test_an_end_that_names_its_evse_is_of_no_other_one() -> None:
    named = replace(END, evse_id=2)
    other = replace(SESSION, transaction_id=2, evse_id=1)
    [found] = suggestions(named, [other, SESSION])
    assert found.transaction_id == 1
    assert Sign.SAME_EVSE in found.signs
    assert len(suggestions(END, [other, SESSION])) == 2, "one that names none may be of both"


def test_the_likeliest_comes_first_and_of_equal_ones_the_newest() -> None:
    other = replace(SESSION, transaction_id=2, token_key="04BB", started_at=NOON - LONGEST / 14)
    newer = replace(SESSION, transaction_id=3, started_at=NOON - timedelta(hours=1))
    found = suggestions(END, [other, SESSION, newer])
    assert [each.transaction_id for each in found] == [3, 1, 2]


@pytest.mark.parametrize(
    ("end", "session"),
    [
        (replace(END, stop_wh=None), SESSION),
        (END, replace(SESSION, start_wh=None)),
        (END, replace(SESSION, start_wh=Decimal(9001))),
    ],
)
def test_without_registers_that_rise_the_energy_is_not_known(
    end: LooseEnd, session: Unended
) -> None:
    [found] = suggestions(end, [session])
    assert found.energy_wh is None


def test_time_alone_is_not_likely() -> None:
    assert not Suggestion(1, (Sign.SAME_DAY, Sign.ONLY_ONE), None).is_likely


@given(
    st.lists(
        st.builds(
            Unended,
            transaction_id=st.integers(1, 99),
            evse_id=st.integers(0, 2),
            token_key=st.sampled_from([None, "04AA", "04BB"]),
            started_at=st.integers(0, 400).map(lambda hours: NOON - timedelta(hours=200 - hours)),
            start_wh=st.none() | st.integers(0, 20_000).map(Decimal),
            reached_wh=st.none() | st.integers(0, 20_000).map(Decimal),
            read_at=st.none(),
        ),
        max_size=6,
        unique_by=lambda each: each.transaction_id,
    )
)
def test_no_energy_is_negative_and_no_suggestion_begins_after_the_end(
    sessions: list[Unended],
) -> None:
    by_number = {each.transaction_id: each for each in sessions}
    for each in suggestions(END, sessions):
        assert each.energy_wh is None or each.energy_wh >= 0
        assert by_number[each.transaction_id].started_at < END.ended_at
