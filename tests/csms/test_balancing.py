"""Load balancing: what is allowed, how it is shared out, and what is told when."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import ceil
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.balancing import (
    LASTS,
    PHASES,
    TURN,
    Draw,
    Held,
    Limit,
    LimitReason,
    Order,
    Place,
    Settings,
    Share,
    Signal,
    Strategy,
    Why,
    Window,
    amperes_of,
    check,
    limit_at,
    occupied,
    orders,
    phases_of,
    shared,
)
from foundation.errors import InvalidInput
from foundation.identifiers import StationId

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def place(number: int) -> Place:
    return Place(StationId(f"CS-{number:02}"), 1)


def draw(number: int, **changes: object) -> Draw:
    values: dict[str, object] = {
        "place": place(number),
        "phases": PHASES,
        "most_a": 32,
        "priority": 0,
        "energy_wh": Decimal(0),
        "started_at": NOW - timedelta(minutes=60 - number),
    }
    return Draw(**{**values, **changes})  # type: ignore[arg-type]


def held(number: int, limit_a: int, **changes: object) -> Held:
    values: dict[str, object] = {
        "place": place(number),
        "phases": PHASES,
        "limit_a": limit_a,
        "until": NOW + LASTS,
        "changed_at": NOW - timedelta(hours=1),
    }
    return Held(**{**values, **changes})  # type: ignore[arg-type]


def limit(per_phase_a: int, total_w: int | None = None) -> Limit:
    total = None if total_w is None else Decimal(total_w)
    return Limit(Decimal(per_phase_a), total, LimitReason.CONNECTION)


def amounts(shares: list[Share]) -> list[int]:
    return [each.limit_a for each in shares]


def share_out(per_phase_a: int, *draws: Draw, **changes: object) -> list[Share]:
    settings = Settings(limit_a=per_phase_a, **changes)  # type: ignore[arg-type]
    return shared(settings, limit(per_phase_a), draws, [], NOW)


# ----------------------------------------------------------------------------- what is allowed


def test_the_limit_is_the_connections_unless_something_is_lower() -> None:
    evening = Window(frozenset({1, 2, 3, 4, 5}), 17 * 60, 20 * 60, 32)
    settings = Settings(limit_a=63, windows=[evening])
    assert limit_at(settings, [], NOW, BERLIN) == limit(63)
    friday_evening = NOW.replace(hour=16, minute=30)  # 17:30 in Berlin
    found = limit_at(settings, [], friday_evening, BERLIN)
    assert found == Limit(Decimal(32), None, LimitReason.TIME_TABLE)
    assert limit_at(settings, [], friday_evening + timedelta(days=1), BERLIN).per_phase_a == 63
    assert limit_at(settings, [], NOW.replace(hour=19), BERLIN).per_phase_a == 63  # 20:00


def test_the_time_table_goes_by_local_time_across_a_change_of_the_clocks() -> None:
    """On 29 March 2026 it is 2 o'clock never, on 25 October twice."""
    morning = Settings(limit_a=63, windows=[Window(frozenset({7, 1}), 6 * 60, 8 * 60, 20)])
    for at_6, offset in (
        (datetime(2026, 3, 23, 5, 0, tzinfo=UTC), 1),
        (datetime(2026, 3, 29, 4, 0, tzinfo=UTC), 2),
        (datetime(2026, 10, 19, 4, 0, tzinfo=UTC), 2),
        (datetime(2026, 10, 25, 5, 0, tzinfo=UTC), 1),
    ):
        assert at_6.astimezone(BERLIN).utcoffset() == timedelta(hours=offset)
        assert limit_at(morning, [], at_6, BERLIN).per_phase_a == 20
        assert limit_at(morning, [], at_6 - timedelta(seconds=1), BERLIN).per_phase_a == 63


def test_a_window_past_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    night = Settings(limit_a=63, windows=[Window(frozenset({5}), 22 * 60, 6 * 60, 100)])
    low = Settings(limit_a=63, windows=[Window(frozenset({7}), 22 * 60, 6 * 60, 10)])
    saturday_3 = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
    assert limit_at(night, [], saturday_3, BERLIN).per_phase_a == 63  # a window never allows more
    monday_3 = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    assert limit_at(low, [], monday_3, BERLIN).per_phase_a == 10
    assert limit_at(low, [], monday_3 - timedelta(days=1), BERLIN).per_phase_a == 63


def test_a_signal_holds_from_its_start_until_its_end() -> None:
    signal = Signal(starts_at=NOW, ends_at=NOW + timedelta(hours=1), limit_a=Decimal(20))
    settings = Settings(limit_a=63)
    assert limit_at(settings, [signal], NOW - timedelta(seconds=1), BERLIN) == limit(63)
    found = limit_at(settings, [signal], NOW, BERLIN)
    assert found == Limit(Decimal(20), None, LimitReason.SIGNAL)
    assert limit_at(settings, [signal], NOW + timedelta(hours=1), BERLIN) == limit(63)


def test_what_the_building_takes_is_taken_off_the_connection_alone() -> None:
    building = Signal(starts_at=NOW, ends_at=NOW + TURN, used_a=Decimal("23.5"))
    operator = Signal(starts_at=NOW, ends_at=NOW + TURN, limit_a=Decimal(30))
    settings = Settings(limit_a=63)
    assert limit_at(settings, [building], NOW, BERLIN).per_phase_a == Decimal("39.5")
    assert limit_at(settings, [building, operator], NOW, BERLIN).per_phase_a == 30
    full = Signal(starts_at=NOW, ends_at=NOW + TURN, used_a=Decimal(80))
    assert limit_at(settings, [full], NOW, BERLIN).per_phase_a == 0


def test_watts_are_over_all_phases_together() -> None:
    """4.2 kW, the least that a controllable consumer keeps: one vehicle of one phase has 18 A."""
    signal = Signal(starts_at=NOW, ends_at=NOW + TURN, limit_w=Decimal(4200))
    found = limit_at(Settings(limit_a=63), [signal], NOW, BERLIN)
    assert found == Limit(Decimal(63), Decimal(4200), LimitReason.SIGNAL)
    settings = Settings(limit_a=63)
    assert amounts(shared(settings, found, [draw(1, phases=frozenset({2}))], [], NOW)) == [18]
    assert amounts(shared(settings, found, [draw(1)], [], NOW)) == [6]
    assert amounts(shared(settings, found, [draw(1), draw(2)], [], NOW)) == [6, 0]


# ------------------------------------------------------------------------------- who gets what


def test_all_have_alike_and_nobody_more_than_he_can_take() -> None:
    assert amounts(share_out(63, draw(1), draw(2), draw(3))) == [21, 21, 21]
    assert amounts(share_out(63, draw(1, most_a=10), draw(2), draw(3))) == [10, 27, 26]
    assert amounts(share_out(100, draw(1), draw(2))) == [32, 32]


def test_of_one_phase_each_three_do_not_take_from_each_other() -> None:
    single = [draw(number, phases=frozenset({number})) for number in (1, 2, 3)]
    assert amounts(share_out(32, *single)) == [32, 32, 32]
    assert amounts(share_out(32, draw(1), draw(2, phases=frozenset({1})))) == [16, 16]


def test_who_cannot_have_the_least_waits_until_it_is_his_turn() -> None:
    got = {1: Decimal(5000), 2: Decimal(1000), 3: Decimal(3000)}
    three = [draw(number, energy_wh=energy) for number, energy in got.items()]
    shares = share_out(13, *three)
    assert amounts(shares) == [0, 7, 6]
    assert [each.why for each in shares] == [Why.WAITS, Why.SHARED, Why.SHARED]
    fresh = draw(1, energy_wh=Decimal(5000), is_charging=True, told_since=NOW - TURN / 2)
    assert amounts(share_out(13, fresh, *three[1:])) == [7, 6, 0]
    over = draw(1, energy_wh=Decimal(5000), is_charging=True, told_since=NOW - TURN)
    assert amounts(share_out(13, over, *three[1:])) == [0, 7, 6]


def test_priority_has_all_it_can_take_and_others_keep_the_least() -> None:
    three = draw(1), draw(2, priority=5), draw(3)
    assert amounts(share_out(48, *three, strategy=Strategy.PRIORITY)) == [8, 32, 8]
    assert amounts(share_out(40, *three, strategy=Strategy.PRIORITY)) == [6, 28, 6]
    assert amounts(share_out(12, *three, strategy=Strategy.PRIORITY)) == [6, 6, 0]
    assert amounts(share_out(48, *three)) == [16, 16, 16]


def test_what_a_vehicle_does_not_take_others_have_but_it_may_rise() -> None:
    small = draw(1, takes_a=Decimal("9.3"), is_charging=True)
    shares = share_out(40, small, draw(2))
    assert amounts(shares) == [12, 28]
    assert [each.why for each in shares] == [Why.TAKES_LESS, Why.SHARED]


def test_what_somebody_takes_above_what_he_was_told_is_kept_from_the_others() -> None:
    unruly = draw(1, takes_more=True, takes_a=Decimal("20.5"), is_charging=True)
    shares = share_out(40, unruly, draw(2))
    assert amounts(shares) == [6, 19]
    assert shares[0].why is Why.IGNORES


def test_what_stations_without_a_connection_may_draw_is_kept_for_them() -> None:
    settings = Settings(limit_a=32, fallback_a=6)
    away = held(9, 16, is_connected=False)
    assert amounts(shared(settings, limit(32), [draw(1)], [away], NOW)) == [16]
    lapsed = held(9, 16, is_connected=False, until=NOW)
    assert amounts(shared(settings, limit(32), [draw(1)], [lapsed], NOW)) == [26]


draws = st.lists(
    st.builds(
        lambda phases, most_a, priority, energy, takes: (phases, most_a, priority, energy, takes),
        st.sampled_from([PHASES, frozenset({1}), frozenset({2}), frozenset({3, 1})]),
        st.integers(1, 63),
        st.integers(0, 2),
        st.integers(0, 5000),
        st.one_of(st.none(), st.decimals(0, 40, places=1)),
    ),
    max_size=8,
)


@given(
    per_phase_a=st.integers(0, 100),
    total_w=st.one_of(st.none(), st.integers(0, 60_000)),
    wanted=draws,
    strategy=st.sampled_from(Strategy),
)
def test_no_phase_carries_more_than_it_may_and_nothing_of_use_is_left(
    per_phase_a: int,
    total_w: int | None,
    wanted: list[tuple[frozenset[int], int, int, int, Decimal | None]],
    strategy: Strategy,
) -> None:
    all_draws = [
        draw(
            number,
            phases=phases,
            most_a=most_a,
            priority=priority,
            energy_wh=Decimal(energy),
            takes_a=takes,
        )
        for number, (phases, most_a, priority, energy, takes) in enumerate(wanted)
    ]
    settings = Settings(limit_a=100, strategy=strategy)
    allowed = limit(per_phase_a, total_w)
    shares = shared(settings, allowed, all_draws, [], NOW)
    by_place = {each.place: each for each in all_draws}

    def fits(found: list[Share]) -> bool:
        loads = {
            phase: sum(each.limit_a for each in found if phase in by_place[each.place].phases)
            for phase in PHASES
        }
        whole = sum(each.limit_a * len(by_place[each.place].phases) for each in found) * 230
        return max(loads.values()) <= per_phase_a and (total_w is None or whole <= total_w)

    assert [each.place for each in shares] == [each.place for each in all_draws]
    assert fits(shares)
    for number, each in enumerate(shares):
        own = by_place[each.place]
        assert each.limit_a == 0 or 6 <= each.limit_a <= own.most_a
        more = [*shares]
        more[number] = Share(each.place, each.limit_a + (1 if each.limit_a else 6), each.why)
        useful = own.most_a if own.takes_a is None else min(own.most_a, ceil(own.takes_a) + 2)
        if more[number].limit_a <= useful:
            assert not fits(more)


# -------------------------------------------------------------------------------- what is told


def told(
    per_phase_a: int, shares: list[Share], present: list[Held], **changes: object
) -> list[tuple[str, int]]:
    settings = Settings(limit_a=per_phase_a, **changes)  # type: ignore[arg-type]
    found = orders(
        settings,
        limit(per_phase_a),
        shares,
        {each.place: each for each in present},
        [],
        NOW,
    )
    assert all(each.until == NOW + LASTS for each in found)
    return [(each.place.station, each.limit_a) for each in found]


def share(number: int, limit_a: int) -> Share:
    return Share(place(number), limit_a, Why.SHARED)


def test_less_is_told_first_and_more_once_it_is_confirmed() -> None:
    wanted = [share(1, 16), share(2, 16)]
    assert told(32, wanted, [held(1, 32), held(2, 0)]) == [("CS-01", 16)]
    waits = held(1, 32, pending_a=16)
    assert told(32, wanted, [waits, held(2, 0)]) == []
    assert told(32, wanted, [held(1, 16, changed_at=NOW), held(2, 0)]) == [("CS-02", 16)]


def test_changes_are_no_closer_than_set_but_too_much_is_taken_back_at_once() -> None:
    now = {"changed_at": NOW - timedelta(seconds=30)}
    assert told(32, [share(1, 10)], [held(1, 20, **now)]) == []
    assert told(32, [share(1, 20)], [held(1, 10, **now)]) == []
    assert told(32, [share(1, 20)], [held(1, 10, changed_at=NOW - timedelta(minutes=1))]) == [
        ("CS-01", 20)
    ]
    assert told(15, [share(1, 10)], [held(1, 20, **now)]) == [("CS-01", 10)]


def test_what_is_told_lapses_and_is_told_again_before() -> None:
    half = NOW + LASTS / 2
    assert told(32, [share(1, 16)], [held(1, 16, until=half)]) == [("CS-01", 16)]
    later = half + timedelta(seconds=1)
    assert told(32, [share(1, 16)], [held(1, 16, until=later)]) == []
    assert told(32, [share(1, 16)], [held(1, 16, until=None)]) == []
    assert told(32, [share(1, 16)], [held(1, 6, until=None)]) == [("CS-01", 16)]
    crowded = [share(1, 16), share(2, 20)]
    assert told(32, crowded, [held(1, 8, until=half), held(2, 24)]) == [("CS-02", 20), ("CS-01", 8)]


def test_who_refused_is_left_alone_for_a_while() -> None:
    assert told(15, [share(1, 10)], [held(1, 20, may_be_told=False)]) == []
    assert told(15, [share(1, 10)], [held(1, 20)]) == [("CS-01", 10)]


def test_who_takes_more_than_he_was_told_is_reckoned_with_what_he_takes() -> None:
    unruly = held(1, 6, measured_a=Decimal("15.5"))
    assert occupied(unruly, NOW, 0) == Decimal("15.5")
    assert told(32, [share(2, 20)], [unruly, held(2, 10)]) == []
    assert told(32, [share(2, 16)], [unruly, held(2, 10)]) == [("CS-02", 16)]


@given(
    per_phase_a=st.integers(0, 80),
    present=st.lists(st.integers(0, 32), min_size=1, max_size=6),
    seen=st.lists(st.integers(0, 3600), min_size=6, max_size=6),
)
def test_while_anything_may_get_lost_no_phase_is_ever_filled_above_its_limit(
    per_phase_a: int, present: list[int], seen: list[int]
) -> None:
    """Whatever subset of what was told arrives: nothing raised adds to what is over already."""
    everybody = [
        held(number, limit_a, changed_at=NOW - timedelta(seconds=seen[number]))
        for number, limit_a in enumerate(present)
    ]
    settings = Settings(limit_a=80)
    shares = shared(settings, limit(per_phase_a), [draw(n) for n in range(len(present))], [], NOW)
    found = orders(
        settings, limit(per_phase_a), shares, {each.place: each for each in everybody}, [], NOW
    )
    before = {each.place: each.limit_a for each in everybody}
    worst = {**before}
    for order in found:
        worst[order.place] = max(worst[order.place], order.limit_a)
    assert sum(worst.values()) <= max(per_phase_a, sum(before.values()))
    assert len({order.place for order in found}) == len(found)
    assert all(isinstance(order, Order) for order in found)


# ------------------------------------------------------------------------------------ refusals


def test_settings_that_cannot_hold_are_refused_naming_the_field() -> None:
    check(Settings(limit_a=63, fallback_a=6), points=10)
    for settings, field in [
        (Settings(limit_a=5), "limit_a"),
        (Settings(limit_a=63, minimum_a=5), "minimum_a"),
        (Settings(limit_a=63, fallback_a=3), "fallback_a"),
        (Settings(limit_a=63, fallback_a=7), "fallback_a"),
        (Settings(limit_a=63, change_every=timedelta(seconds=9)), "change_every_s"),
        (Settings(limit_a=63, windows=[Window(frozenset(), 0, 60, 10)]), "windows.0.days"),
        (Settings(limit_a=63, windows=[Window(frozenset({8}), 0, 60, 10)]), "windows.0.days"),
        (Settings(limit_a=63, windows=[Window(frozenset({1}), 60, 60, 10)]), "windows.0.to"),
        (Settings(limit_a=63, windows=[Window(frozenset({1}), 0, 1441, 10)]), "windows.0.to"),
        (
            Settings(
                limit_a=63,
                windows=[
                    Window(frozenset({1}), 22 * 60, 120, 10),
                    Window(frozenset({2}), 60, 180, 20),
                ],
            ),
            "windows",
        ),
    ]:
        with pytest.raises(InvalidInput) as refused:
            check(settings, points=10)
        assert refused.value.field == field


def test_points_turned_on_the_connection_use_other_phases_of_it() -> None:
    assert phases_of(1, "RST") == {1}
    assert phases_of(1, "STR") == {2}
    assert phases_of(2, "TRS") == {3, 1}
    assert phases_of(None, "RST") == PHASES
    assert [amperes_of(Decimal(each)) for each in (22_000, 11_000, 3_700)] == [32, 16, 5]
