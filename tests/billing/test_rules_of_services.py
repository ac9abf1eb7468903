"""The rules of monitoring's charge (7.1), each row by its name, as `docs/rules.md` lists them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from billing.months import Month
from billing.services import (
    Bounds,
    MonthOf,
    Outlook,
    Per,
    Policy,
    PriceBook,
    Rule,
    Service,
    ServicePrice,
    Switch,
    ZoneChange,
    month_of,
    outlook,
    spans,
    zone_of_month,
)
from foundation.identifiers import OrganisationKey, StationId
from foundation.money import Money

VIENNA = ZoneInfo("Europe/Vienna")
NORTH, SOUTH = OrganisationKey("north"), OrganisationKey("south")
STATION = StationId("CS-1")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
EURO_9_90 = Money(Decimal("9.90"), "EUR")


def price(
    amount: str = "9.90",
    *,
    valid_from: datetime = LONG_AGO,
    policy: Policy = Policy.LITERAL,
    per: Per = Per.STATION,
) -> ServicePrice:
    return ServicePrice(
        Service.MONITORING, per, Money(Decimal(amount), "EUR"), policy, "standard", valid_from
    )


def book(*prices: ServicePrice) -> PriceBook:
    held = prices or (price(),)
    return PriceBook([[(LONG_AGO, "standard")]], {("standard", Service.MONITORING): held})


def local(day: int, hour: int = 12, minute: int = 0, *, month: int = 3) -> datetime:
    """A moment of 2026 on Vienna's clocks, in UTC."""
    return datetime(2026, month, day, hour, minute, tzinfo=VIENNA).astimezone(UTC)


def clicks(*at: datetime, owner: OrganisationKey = NORTH) -> list[Switch]:
    """Switching on and off in turn."""
    return [
        Switch(STATION, owner, each, number % 2 == 1, number) for number, each in enumerate(at, 1)
    ]


def month(
    number: int,
    switches: Sequence[Switch],
    prices: PriceBook | None = None,
    *,
    owner: OrganisationKey = NORTH,
    charge_points: int = 0,
) -> MonthOf | None:
    return month_of(
        owner,
        spans(switches)[STATION],
        Bounds.of(Month(2026, number), VIENNA),
        prices or book(),
        charge_points=charge_points,
    )


def charged(
    number: int,
    switches: Sequence[Switch],
    prices: PriceBook | None = None,
    *,
    owner: OrganisationKey = NORTH,
) -> Money | None:
    line = month(number, switches, prices, owner=owner)
    return None if line is None else line.charged


# ---------------------------------------------------------------------- the two rows of 1.1


@pytest.mark.parametrize("day", [1, 17, 31])
def test_1_1_billing_start_is_the_day_of_activation_and_always_a_whole_month(day: int) -> None:
    line = month(3, clicks(local(day)))
    assert line is not None
    assert (line.first_day, line.charged) == (date(2026, 3, day), EURO_9_90)


@pytest.mark.parametrize("day", [1, 17, 30])
def test_1_1_billing_stop_is_at_once_and_the_month_of_deactivation_is_not_charged(
    day: int,
) -> None:
    switches = clicks(local(3), local(day, month=4))
    [span] = spans(switches)[STATION]
    assert span.end == switches[1].at
    assert charged(4, switches) is None
    assert [charged(each, switches) for each in (3, 5)] == [EURO_9_90, None]


# ------------------------------------------------------------------------------ the table


def test_7_1_active_since_earlier_still_active_at_month_end() -> None:
    line = month(3, clicks(local(17, month=1)))
    assert line is not None
    assert (line.charged, line.rule) == (EURO_9_90, Rule.ACTIVE_AT_END)
    assert (line.first_day, line.last_day) == (date(2026, 3, 1), date(2026, 3, 31))


@pytest.mark.parametrize("day", [1, 31])
def test_7_1_activated_on_the_1st_or_on_the_31st_still_active_at_month_end(day: int) -> None:
    assert charged(3, clicks(local(day))) == EURO_9_90


@pytest.mark.parametrize("day", [1, 15, 30])
def test_7_1_deactivated_in_a_later_month_on_any_day(day: int) -> None:
    on_and_off = clicks(local(17), local(day, month=4))
    assert charged(3, on_and_off) == EURO_9_90
    assert charged(4, on_and_off) is None


def test_7_1_activated_and_deactivated_in_the_same_month() -> None:
    assert charged(3, clicks(local(3), local(20))) is None
    assert charged(3, clicks(local(3))) == EURO_9_90


def test_7_1_deactivated_then_activated_again_in_the_same_month_active_at_month_end() -> None:
    line = month(3, clicks(local(3, month=1), local(10), local(10, 12, 1)))
    assert line is not None
    assert (line.charged, line.quantity) == (EURO_9_90, 1)
    assert line.first_day == date(2026, 3, 10)


def test_7_1_activated_deactivated_activated_deactivated_in_one_month() -> None:
    assert charged(3, clicks(local(1), local(5), local(7), local(9))) is None


def test_7_1_deactivated_in_march_activated_in_april() -> None:
    off_and_on = clicks(local(3, month=1), local(20), local(2, month=4))
    assert charged(3, off_and_on) is None
    assert charged(4, off_and_on) == EURO_9_90


def test_7_1_deactivated_at_00_00_00_on_the_1st() -> None:
    at_midnight = clicks(local(3), local(1, 0, month=4))
    assert charged(3, at_midnight) == EURO_9_90
    assert month(4, at_midnight) is None


def test_7_1_deactivated_at_23_59_59_on_the_last_day() -> None:
    second_before = clicks(local(3), local(1, 0, month=4) - timedelta(seconds=1))
    assert charged(3, second_before) is None
    assert charged(3, clicks(local(3), local(1, 0, month=4))) == EURO_9_90


def test_7_1_station_moved_to_another_billing_entity_in_the_month() -> None:
    moved = [*clicks(local(3, month=1), local(20)), Switch(STATION, SOUTH, local(25), True, 9)]
    assert charged(3, moved[:2], owner=SOUTH) is None  # it needs its own activation
    assert charged(3, moved) is None
    assert charged(3, moved, owner=SOUTH) == EURO_9_90
    # also where nobody said that it had ended for the old one
    untold = [moved[0], moved[2]]
    assert charged(3, untold) is None
    assert charged(2, untold) == EURO_9_90


def test_7_1_activated_a_second_time_while_active() -> None:
    once = clicks(local(3))
    twice = [*once, Switch(STATION, NORTH, local(9), True, 2)]
    assert spans(twice) == spans(once)
    assert month(3, twice) == month(3, once)


# ------------------------------------------------------------------------------ the notes


def test_7_1_misuse_off_on_the_last_day_and_on_on_the_1st_is_free_by_the_letter() -> None:
    every_month = clicks(local(1, month=3), local(31), local(1, month=4), local(30, month=4))
    assert [charged(each, every_month) for each in (3, 4)] == [None, None]
    counted = [month(each, every_month) for each in (3, 4)]
    assert [each and each.rule for each in counted] == [Rule.WAIVED, Rule.WAIVED]
    assert [each and each.net for each in counted] == [EURO_9_90, EURO_9_90]


def test_7_1_policy_first_month_always_charged() -> None:
    policy = book(price(policy=Policy.FIRST_MONTH))
    every_month = clicks(local(1, month=3), local(31), local(1, month=4), local(30, month=4))
    assert [charged(each, every_month, policy) for each in (3, 4)] == [EURO_9_90, EURO_9_90]
    # a month that began with the service active is waived as ever
    assert charged(4, clicks(local(3), local(20, month=4)), policy) is None
    twice = month(3, clicks(local(1), local(5), local(7), local(9)), policy)
    assert twice is not None
    assert (twice.charged, twice.quantity, twice.last_day) == (EURO_9_90, 1, date(2026, 3, 9))
    # two entities in one month: the station has one line, the later entity's
    moved = [
        *clicks(local(3), local(10)),
        Switch(STATION, SOUTH, local(12), True, 8),
        Switch(STATION, SOUTH, local(14), False, 9),
    ]
    assert charged(3, moved, policy) is None
    assert charged(3, moved, policy, owner=SOUTH) == EURO_9_90


def test_7_1_billing_starts_with_the_day_of_activation_at_the_full_price() -> None:
    line = month(3, clicks(local(17)))
    assert line is not None
    assert (line.first_day, line.last_day) == (date(2026, 3, 17), date(2026, 3, 31))
    assert line.charged == EURO_9_90


def test_7_1_price_is_the_one_valid_on_the_later_of_month_start_and_activation() -> None:
    raised = book(price(), price("12.00", valid_from=local(15)))
    assert charged(3, clicks(local(3, month=1)), raised) == EURO_9_90  # the month had begun
    assert charged(3, clicks(local(14)), raised) == EURO_9_90
    assert charged(3, clicks(local(16)), raised) == Money(Decimal("12.00"), "EUR")
    assert charged(4, clicks(local(3, month=1)), raised) == Money(Decimal("12.00"), "EUR")


def test_7_1_time_zone_is_the_billing_entitys() -> None:
    late = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)  # half past one in April in Vienna
    assert charged(3, clicks(local(3), late)) == EURO_9_90
    line = month_of(
        NORTH,
        spans(clicks(local(3), late))[STATION],
        Bounds.of(Month(2026, 3), ZoneInfo("UTC")),
        book(),
    )
    assert line is not None
    assert line.charged is None


def test_7_1_a_change_of_zone_takes_effect_from_the_next_month() -> None:
    auckland = "Pacific/Auckland"
    changes = [ZoneChange(local(15), "Europe/Vienna", auckland)]
    zones = [zone_of_month(Month(2026, each), auckland, changes).key for each in (2, 3, 4)]
    assert zones == ["Europe/Vienna", "Europe/Vienna", auckland]
    # in the last hour of March in Vienna, which is April in Auckland: still from April on
    last = [ZoneChange(local(31, 23), "Europe/Vienna", auckland)]
    assert zone_of_month(Month(2026, 4), auckland, last).key == auckland
    first = [ZoneChange(local(1, 0, month=4), "Europe/Vienna", auckland)]
    assert zone_of_month(Month(2026, 4), auckland, first).key == "Europe/Vienna"
    back = [*changes, ZoneChange(local(20), auckland, "Europe/Vienna")]
    assert zone_of_month(Month(2026, 4), "Europe/Vienna", back).key == "Europe/Vienna"
    assert zone_of_month(Month(2026, 3), auckland, ()).key == auckland


@pytest.mark.parametrize(("number", "hours"), [(3, 743), (10, 745)])
def test_7_1_months_of_743_and_745_hours(number: int, hours: int) -> None:
    bounds = Bounds.of(Month(2026, number), VIENNA)
    assert bounds.end - bounds.start == timedelta(hours=hours)
    almost = bounds.end - timedelta(seconds=1)
    assert charged(number, clicks(bounds.start, almost)) is None
    assert charged(number, clicks(almost)) == EURO_9_90


def test_7_1_preview_says_charged_if_still_active_on_the_last_day() -> None:
    line = month(3, clicks(local(3)))
    assert line is not None
    assert outlook(line, is_over=False) is Outlook.IF_STILL_ACTIVE
    assert outlook(line, is_over=True) is Outlook.CERTAIN
    bound = month(3, clicks(local(3)), book(price(policy=Policy.FIRST_MONTH)))
    assert bound is not None
    assert outlook(bound, is_over=False) is Outlook.IN_ANY_CASE
    longer = month(4, clicks(local(3)), book(price(policy=Policy.FIRST_MONTH)))
    assert longer is not None
    assert outlook(longer, is_over=False) is Outlook.IF_STILL_ACTIVE


def test_7_1_preview_of_switching_on_again_shows_this_month_is_charged_again() -> None:
    off = clicks(local(3, month=1), local(10))
    line = month(3, off)
    assert line is not None
    assert outlook(line, is_over=False) is Outlook.WAIVED
    again = month(3, [*off, Switch(STATION, NORTH, local(12), True, 3)])
    assert again is not None
    assert again.charged == line.net == EURO_9_90


def test_7_1_unit_is_the_station_or_the_charge_point_counted_at_month_end() -> None:
    by_point = book(price("4.50", per=Per.CHARGE_POINT))
    line = month(3, clicks(local(3)), by_point, charge_points=4)
    assert line is not None
    assert (line.quantity, line.charged) == (4, Money(Decimal("18.00"), "EUR"))
    by_station = month(3, clicks(local(3)), charge_points=4)
    assert by_station is not None
    assert (by_station.quantity, by_station.charged) == (1, EURO_9_90)
