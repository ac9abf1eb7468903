"""Prices are those that OCPI's own figures have, and obey the laws that a price has to obey."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.rating import LineKind, Rating, Unit, rate
from billing.tariff_json import parse_tariff
from billing.tariffs import Tariff
from billing.usage import Reservation, UnratableUsage, Usage
from foundation.events import UsagePoint
from foundation.money import Money

SPEC = Path(__file__).parents[1] / "spec" / "ocpi"
LIMITS = {LineKind.MIN_PRICE, LineKind.MAX_PRICE}
BERLIN = "Europe/Berlin"
NOON = datetime(2026, 10, 15, 10, 0, tzinfo=UTC)  # 12:00 in Berlin, a Thursday


def spec_cases() -> list[Any]:
    return [
        pytest.param(example["tariff"], case, id=f"{path.stem}: {case['name']}")
        for path in sorted(SPEC.glob("*.json"))
        for example in [json.loads(path.read_text(), parse_float=Decimal)]
        for case in example["cases"]
    ]


def usage_of(started_at: datetime, *spans: tuple[object, object, bool]) -> Usage:
    """Return the usage of spans (minutes, kWh, charging) one after another."""
    points = []
    at, energy_wh = started_at, Decimal(0)
    for minutes, kwh, charging in spans:
        points.append(UsagePoint(at, energy_wh, charging))
        at += timedelta(seconds=round(float(str(minutes)) * 60))
        energy_wh += Decimal(str(kwh)) * 1000
    return Usage((*points, UsagePoint(at, energy_wh, charging=False)))


def energy_at(*prices: dict[str, Any], step_size: int = 1, **tariff: Any) -> Tariff:
    """Return a tariff with energy prices, each a `price` and restrictions."""
    return parse_tariff(
        {
            "id": "T",
            "currency": "EUR",
            "elements": [
                {
                    "price_components": [
                        {"type": "ENERGY", "price": price.pop("price"), "step_size": step_size}
                    ],
                    "restrictions": price,
                }
                for price in map(dict, prices)
            ],
            **tariff,
        }
    )


def one_price(type_: str, price: object, **component: Any) -> Tariff:
    return parse_tariff(
        {
            "id": "T",
            "currency": "EUR",
            "elements": [
                {"price_components": [{"type": type_, "price": price, "step_size": 1} | component]}
            ],
        }
    )


def exact_net(rating: Rating) -> Decimal:
    return sum((line.exact.amount for line in rating.lines), Decimal(0))


def amounts(rating: Rating) -> list[tuple[str, str, str]]:
    return [
        (line.kind.value, f"{line.quantity.normalize():f}", line.net.text) for line in rating.lines
    ]


@pytest.mark.parametrize(("tariff", "case"), spec_cases())
def test_the_worked_examples_of_the_standard_come_out(
    tariff: dict[str, Any], case: dict[str, Any]
) -> None:
    started_at = datetime.fromisoformat(case["started_at"])
    spans = [(span["minutes"], span["kwh"], span["charging"]) for span in case["spans"]]
    points = usage_of(started_at, *spans).points if spans else ()
    reservation = None
    if "reservation" in case:
        reserved = timedelta(minutes=case["reservation"]["minutes"])
        reservation = Reservation(
            reserved_at=started_at - reserved,
            ended_at=started_at,
            expired=case["reservation"]["expired"],
        )

    rating = rate(Usage(points, reservation), parse_tariff(tariff), case["time_zone"])

    excl_vat, incl_vat = Decimal(case["excl_vat"]), Decimal(case["incl_vat"])
    billed = case.get("billed_incl_vat") or Money(incl_vat, "EUR").rounded().text
    assert rating.gross.text == billed
    if not LIMITS & {line.kind for line in rating.lines}:
        exact_vat = sum(line.exact.amount * (line.vat_rate or 0) / 100 for line in rating.lines)
        assert round(exact_net(rating) - excl_vat, 20) == 0
        assert round(exact_net(rating) + exact_vat - incl_vat, 20) == 0
    else:
        assert (rating.net.amount, rating.gross.amount) == (excl_vat, incl_vat)
    if "lines" in case:
        assert [(kind, Decimal(quantity), net) for kind, quantity, net in amounts(rating)] == [
            (kind, Decimal(quantity), net) for kind, quantity, net in case["lines"]
        ]


# ------------------------------------------------------------------------------- when it holds

DAY_AND_NIGHT = (
    {"price": Decimal("0.40"), "start_time": "06:00", "end_time": "22:00"},
    {"price": Decimal("0.20"), "start_time": "22:00", "end_time": "06:00"},
)


def test_a_price_changes_at_the_clock_time_of_the_stations_zone() -> None:
    usage = usage_of(datetime(2026, 10, 15, 19, 0, tzinfo=UTC), (120, 20, True))  # 21:00 to 23:00
    rating = rate(usage, energy_at(*DAY_AND_NIGHT), BERLIN)
    assert amounts(rating) == [("energy", "10", "4.00"), ("energy", "10", "2.00")]
    assert [line.to_at for line in rating.lines] == [
        datetime(2026, 10, 15, 20, 0, tzinfo=UTC),
        datetime(2026, 10, 15, 21, 0, tzinfo=UTC),
    ]
    assert amounts(rate(usage, energy_at(*DAY_AND_NIGHT), "UTC")) == [("energy", "20", "8.00")]


def test_a_station_in_no_time_zone_is_not_rated_but_a_tariff_without_a_clock_does_not_ask() -> None:
    usage = usage_of(NOON, (60, 10, True))
    with pytest.raises(UnratableUsage, match="Europe/Atlantis"):
        rate(usage, energy_at(*DAY_AND_NIGHT), "Europe/Atlantis")
    assert rate(usage, energy_at({"price": 1}), "Europe/Atlantis").net.text == "10.00"


@pytest.mark.parametrize(
    ("started_at", "in_the_window_min"),
    [
        # Clocks go forward at 01:00 UTC, from 02:00 to 03:00: the window 02:30 to 03:30 is short.
        (datetime(2026, 3, 29, 0, 0, tzinfo=UTC), 30),
        # Clocks go back at 01:00 UTC, from 03:00 to 02:00: 02:30 to 03:00 comes twice.
        (datetime(2026, 10, 25, 0, 0, tzinfo=UTC), 90),
        (datetime(2026, 3, 28, 0, 0, tzinfo=UTC), 60),
    ],
)
def test_a_window_of_the_clock_is_as_long_as_the_clock_shows_it(
    started_at: datetime, in_the_window_min: int
) -> None:
    tariff = energy_at({"price": 1, "start_time": "02:30", "end_time": "03:30"})
    usage = usage_of(started_at, (240, 240, True))  # 1 kWh in a minute
    [line] = rate(usage, tariff, BERLIN).lines
    assert line.quantity == in_the_window_min


def test_dates_and_weekdays_are_local_with_the_start_included_and_the_end_not() -> None:
    tariff = energy_at(
        {"price": 3, "start_date": "2026-10-17", "end_date": "2026-10-18"},
        {"price": 2, "day_of_week": ["FRIDAY"]},
        {"price": 1},
    )
    # From Thursday 23:00 to Sunday 01:00 in Berlin: 1 kWh in an hour.
    usage = usage_of(datetime(2026, 10, 15, 21, 0, tzinfo=UTC), (50 * 60, 50, True))
    assert amounts(rate(usage, tariff, BERLIN)) == [
        ("energy", "2", "2.00"),
        ("energy", "24", "48.00"),
        ("energy", "24", "72.00"),
    ]


def test_energy_thresholds_are_reached_between_readings() -> None:
    tariff = parse_tariff(
        {
            "id": "T",
            "currency": "EUR",
            "elements": [
                {
                    "price_components": [
                        {"type": "ENERGY", "price": 0, "step_size": 1},
                        {"type": "TIME", "price": 6, "step_size": 1},
                    ],
                    "restrictions": {"max_kwh": 5},
                },
                {
                    "price_components": [{"type": "ENERGY", "price": 1, "step_size": 1}],
                    "restrictions": {"min_kwh": 5},
                },
            ],
        }
    )
    rating = rate(usage_of(NOON, (60, 20, True)), tariff, BERLIN)
    assert amounts(rating) == [
        ("energy", "5", "0.00"),
        ("energy", "15", "15.00"),
        ("time", "0.25", "1.50"),
    ]
    assert rating.lines[0].to_at == NOON + timedelta(minutes=15)


def test_exactly_reaching_a_threshold_does_not_pass_it() -> None:
    tariff = energy_at({"price": 1, "max_kwh": 5}, {"price": 9})
    assert amounts(rate(usage_of(NOON, (60, 5, True)), tariff, BERLIN)) == [("energy", "5", "5.00")]
    beyond = rate(usage_of(NOON, (60, Decimal("5.001"), True)), tariff, BERLIN)
    assert amounts(beyond) == [("energy", "5", "5.00"), ("energy", "0.001", "0.01")]


def test_power_is_that_between_two_readings() -> None:
    tariff = energy_at({"price": 1, "min_power": 11}, {"price": 2, "max_power": 11})
    usage = usage_of(NOON, (60, 11, True), (60, Decimal("10.999"), True))
    assert amounts(rate(usage, tariff, BERLIN)) == [
        ("energy", "11", "11.00"),
        ("energy", "10.999", "22.00"),
    ]


def test_a_dimension_that_no_element_prices_costs_nothing() -> None:
    tariff = energy_at({"price": 1, "min_duration": 3600})
    rating = rate(usage_of(NOON, (60, 10, True), (60, 0, False)), tariff, BERLIN)
    assert rating == Rating((), Money.zero("EUR"), Money.zero("EUR"), Money.zero("EUR"))


def test_a_flat_fee_is_charged_once_when_its_element_first_holds() -> None:
    tariff = parse_tariff(
        {
            "id": "T",
            "currency": "EUR",
            "elements": [
                {
                    "price_components": [{"type": "FLAT", "price": 9, "step_size": 1}],
                    "restrictions": {"min_duration": 3600, "max_duration": 7200},
                }
            ],
        }
    )
    assert amounts(rate(usage_of(NOON, (60, 10, True)), tariff, BERLIN)) == []
    longer = rate(usage_of(NOON, (59, 10, True), (90, 0, False)), tariff, BERLIN)
    assert amounts(longer) == [("flat", "1", "9.00")]
    assert longer.lines[0].from_at == NOON + timedelta(hours=1)


def test_energy_at_one_moment_is_billed_although_it_took_no_time() -> None:
    point = UsagePoint(NOON, Decimal(0), charging=True)
    jump = UsagePoint(NOON, Decimal(10_000), charging=True)
    for tariff in (energy_at({"price": 1}), energy_at({"price": 1, "max_kwh": 20})):
        assert amounts(rate(Usage((point, jump)), tariff, BERLIN)) == [("energy", "10", "10.00")]
        assert amounts(rate(Usage((jump,)), tariff, BERLIN)) == [("energy", "10", "10.00")]
        assert amounts(rate(Usage((point,)), tariff, BERLIN)) == []


def test_a_moment_without_usage_still_costs_the_start_fee() -> None:
    point = UsagePoint(NOON, Decimal(0), charging=True)
    assert amounts(rate(Usage((point,)), one_price("FLAT", 1), BERLIN)) == [("flat", "1", "1.00")]
    restricted = parse_tariff(
        {
            "id": "T",
            "currency": "EUR",
            "elements": [
                {
                    "price_components": [{"type": "FLAT", "price": 1, "step_size": 1}],
                    "restrictions": {"max_kwh": 5},
                }
            ],
        }
    )
    assert amounts(rate(Usage((point, point)), restricted, BERLIN)) == [("flat", "1", "1.00")]


# ------------------------------------------------------------------------------- what is refused


def test_usage_that_runs_backwards_is_not_rated() -> None:
    forwards = usage_of(NOON, (60, 10, True), (60, 10, True)).points
    assert rate(Usage(forwards), one_price("ENERGY", 1), BERLIN).net.text == "20.00"
    backwards = (*forwards, UsagePoint(forwards[-1].at, Decimal(19_999), charging=True))
    with pytest.raises(UnratableUsage, match="energy falls"):
        rate(Usage(backwards), one_price("ENERGY", 1), BERLIN)
    with pytest.raises(UnratableUsage, match="time runs backwards"):
        rate(Usage(tuple(reversed(forwards))), one_price("ENERGY", 1), BERLIN)
    negative = (UsagePoint(NOON, Decimal(-1), charging=True),)
    with pytest.raises(UnratableUsage, match="negative"):
        rate(Usage(negative), one_price("ENERGY", 1), BERLIN)
    reservation = Reservation(reserved_at=NOON, ended_at=NOON - timedelta(minutes=1), expired=False)
    with pytest.raises(UnratableUsage, match="reservation"):
        rate(Usage(forwards, reservation), one_price("ENERGY", 1), BERLIN)


# ------------------------------------------------------------------------------- limits and VAT


def limited(**limits: Any) -> Tariff:
    return energy_at({"price": 1}, **limits)


def test_a_minimum_without_vat_changes_the_vat_in_proportion() -> None:
    tariff = parse_tariff(
        {
            "id": "T",
            "currency": "EUR",
            "min_price": {"excl_vat": 10},
            "elements": [
                {"price_components": [{"type": "ENERGY", "price": 1, "vat": 19, "step_size": 1}]}
            ],
        }
    )
    rating = rate(usage_of(NOON, (60, 4, True)), tariff, BERLIN)
    assert (rating.net.text, rating.vat.text, rating.gross.text) == ("10.00", "1.90", "11.90")
    unused = rate(usage_of(NOON, (60, 0, True)), tariff, BERLIN)
    assert (unused.net.text, unused.vat.text) == ("10.00", "1.90")
    [line] = unused.lines
    assert line.kind is LineKind.MIN_PRICE
    assert line.explanation.limit == Money(Decimal(10), "EUR")


def test_a_maximum_caps_what_is_billed() -> None:
    usage = usage_of(NOON, (60, 20, True))
    rating = rate(usage, limited(max_price={"excl_vat": 15}), BERLIN)
    assert amounts(rating) == [("energy", "20", "20.00"), ("max_price", "1", "-5.00")]
    assert rate(usage, limited(max_price={"excl_vat": 20}), BERLIN).net.text == "20.00"
    incl_only = rate(usage, limited(max_price={"excl_vat": 20, "incl_vat": 20}), BERLIN)
    assert len(incl_only.lines) == 1


def test_nothing_used_and_nothing_reserved_has_no_minimum() -> None:
    tariff = limited(min_price={"excl_vat": 1}, max_price={"excl_vat": 2})
    assert rate(Usage(()), tariff, BERLIN).lines == ()


def test_vat_that_does_not_apply_is_not_a_rate_of_zero() -> None:
    usage = usage_of(NOON, (60, 10, True))
    [without] = rate(usage, one_price("ENERGY", 1), BERLIN).lines
    [zero] = rate(usage, one_price("ENERGY", 1, vat=0), BERLIN).lines
    assert without.vat_rate is None
    assert zero.vat_rate == 0
    assert without.vat == zero.vat == Money.zero("EUR")


def test_a_line_explains_itself() -> None:
    tariff = energy_at({"price": Decimal("0.4"), "max_kwh": 50}, step_size=100)
    [line] = rate(usage_of(NOON, (60, Decimal("20.45"), True)), tariff, BERLIN).lines
    assert (line.quantity, line.unit, line.step_size) == (Decimal("20.5"), Unit.KWH, 100)
    assert line.unit_price == Money(Decimal("0.4"), "EUR")
    assert line.explanation.measured == Decimal("20.45")
    assert line.explanation.element == 0
    assert line.explanation.restrictions == tariff.elements[0].restrictions


def test_a_step_of_zero_bills_exactly_what_was_used() -> None:
    usage = usage_of(NOON, (60, Decimal("1.0005"), True))
    [line] = rate(usage, one_price("ENERGY", 1, step_size=0), BERLIN).lines
    assert (line.quantity, line.step_size) == (Decimal("1.0005"), None)


# ------------------------------------------------------------------------------- laws

SPANS = st.lists(
    st.tuples(st.integers(0, 600), st.decimals(0, 40, places=4), st.booleans()),
    min_size=1,
    max_size=6,
)
PRICE = st.decimals(0, 3, places=4)
STARTS = st.integers(0, 360 * 24 * 60).map(  # the whole year: both changes of the clocks
    lambda minute: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
)


@st.composite
def components(draw: st.DrawFn) -> list[dict[str, Any]]:
    types = draw(
        st.lists(
            st.sampled_from(["FLAT", "ENERGY", "TIME", "PARKING_TIME"]),
            min_size=1,
            max_size=4,
            unique=True,
        )
    )
    return [
        {
            "type": type_,
            "price": draw(PRICE),
            "vat": draw(st.sampled_from([None, 0, 7, 19])),
            "step_size": draw(st.sampled_from([0, 1, 60, 500, 900])),
        }
        for type_ in types
    ]


@st.composite
def restrictions(draw: st.DrawFn) -> dict[str, Any]:
    pick = draw(st.integers(0, 63))
    result: dict[str, Any] = {}
    hour = st.integers(0, 23).map(lambda value: f"{value:02}:30")
    if pick & 1:
        result |= {"start_time": draw(hour), "end_time": draw(hour)}
    if pick & 2:
        result["max_kwh"] = draw(st.integers(1, 40))
    if pick & 4:
        result["min_duration"] = draw(st.integers(0, 20_000))
    if pick & 8:
        result["max_power"] = draw(st.integers(1, 100))
    if pick & 16:
        result["day_of_week"] = draw(st.lists(st.sampled_from(["MONDAY", "SUNDAY"]), max_size=2))
    if pick & 32:
        result |= {"start_date": "2026-03-29", "end_date": "2026-10-26"}
    return result


@st.composite
def tariffs(draw: st.DrawFn, *, plain: bool = False) -> Tariff:
    limit = st.none() | st.fixed_dictionaries({"excl_vat": st.integers(0, 5)})
    elements = [
        {
            "price_components": draw(components()),
            "restrictions": {} if plain else draw(restrictions()),
        }
        for _ in range(draw(st.integers(1, 4)))
    ]
    maximum = draw(st.none() | st.fixed_dictionaries({"excl_vat": st.integers(6, 60)}))
    return parse_tariff(
        {
            "id": "T",
            "currency": draw(st.sampled_from(["EUR", "JPY"])),
            "elements": elements,
            "min_price": draw(limit),
            "max_price": maximum,
        }
    )


@given(started_at=STARTS, spans=SPANS, tariff=tariffs())
def test_the_total_is_the_sum_of_the_rounded_lines(
    started_at: datetime, spans: list[tuple[int, Decimal, bool]], tariff: Tariff
) -> None:
    rating = rate(usage_of(started_at, *spans), tariff, BERLIN)
    net = sum((line.net.amount for line in rating.lines), Decimal(0))
    vat = sum((line.vat.amount for line in rating.lines), Decimal(0))
    assert (rating.net.amount, rating.vat.amount, rating.gross.amount) == (net, vat, net + vat)
    order = list(LineKind)
    assert [line.kind for line in rating.lines] == sorted(
        (line.kind for line in rating.lines), key=order.index
    )
    for line in rating.lines:
        assert line.net == line.exact.rounded()
        assert line.from_at <= line.to_at
    if tariff.min_price is not None:
        assert rating.net.amount >= tariff.min_price.excl_vat
    if tariff.max_price is not None:
        assert rating.net.amount <= tariff.max_price.excl_vat
    assert rate(usage_of(started_at, *spans), tariff, BERLIN) == rating


@given(started_at=STARTS, spans=SPANS, tariff=tariffs(plain=True))
def test_the_short_way_for_plain_tariffs_gives_what_the_long_way_gives(
    started_at: datetime, spans: list[tuple[int, Decimal, bool]], tariff: Tariff
) -> None:
    usage = usage_of(started_at, *spans)
    # A restriction that always holds forces the long way.
    always = parse_tariff(
        {
            "id": "T",
            "currency": tariff.currency,
            "elements": [
                {
                    "price_components": [
                        {
                            "type": component.type.value,
                            "price": component.price,
                            "vat": component.vat,
                            "step_size": component.step_size,
                        }
                        for component in element.price_components
                    ],
                    "restrictions": {"min_kwh": 0, "min_duration": 0, "start_date": "2000-01-01"},
                }
                for element in tariff.elements
            ],
            "min_price": tariff.min_price and {"excl_vat": tariff.min_price.excl_vat},
            "max_price": tariff.max_price and {"excl_vat": tariff.max_price.excl_vat},
        }
    )
    assert tariff.of_charging.is_plain
    assert not always.of_charging.is_plain
    short = rate(usage, tariff, BERLIN)
    long = rate(usage, always, BERLIN)
    assert (short.net, short.vat, short.gross) == (long.net, long.vat, long.gross)
    for one, other in zip(short.lines, long.lines, strict=True):
        assert (one.kind, one.quantity, one.exact, one.vat) == (
            other.kind,
            other.quantity,
            other.exact,
            other.vat,
        )
        assert (one.from_at, one.to_at) == (other.from_at, other.to_at)
        assert one.explanation.measured == other.explanation.measured
        assert one.explanation.element == other.explanation.element


@given(
    less=st.decimals(0, 100, places=3),
    more=st.decimals(0, 100, places=3),
    prices=st.lists(PRICE, min_size=3, max_size=3).map(sorted),
    step_size=st.sampled_from([1, 300, 1000]),
)
def test_more_energy_never_costs_less(
    less: Decimal, more: Decimal, prices: list[Decimal], step_size: int
) -> None:
    less, more = sorted([less, more])
    tariff = energy_at(
        {"price": prices[0], "max_kwh": 10},
        {"price": prices[1], "max_kwh": 30},
        {"price": prices[2]},
        step_size=step_size,
    )
    cheap = rate(usage_of(NOON, (60, less, True)), tariff, BERLIN)
    dear = rate(usage_of(NOON, (60, more, True)), tariff, BERLIN)
    assert cheap.net <= dear.net


@given(started_at=STARTS, spans=SPANS, tariff=tariffs(plain=True), cut=st.integers(0, 3600))
def test_a_usage_cut_in_two_never_costs_less_than_the_whole(
    started_at: datetime,
    spans: list[tuple[int, Decimal, bool]],
    tariff: Tariff,
    cut: int,
) -> None:
    whole = usage_of(started_at, *spans)
    at = min(started_at + timedelta(minutes=cut), whole.points[-1].at)
    before = [point for point in whole.points if point.at < at]
    after = [point for point in whole.points if point.at >= at]
    last, following = (before or whole.points)[-1 if before else 0], after[0]
    energy_wh = (last.energy_wh + following.energy_wh) / 2
    first = Usage((*before, UsagePoint(at, energy_wh, charging=last.charging)))
    second = Usage(
        (
            UsagePoint(at, Decimal(0), charging=last.charging),
            *(UsagePoint(point.at, point.energy_wh - energy_wh, point.charging) for point in after),
        )
    )
    parts = exact_net(rate(first, tariff, BERLIN)) + exact_net(rate(second, tariff, BERLIN))
    # Minimum and maximum are brought about on rounded sums: a unit per line at most.
    unit = Decimal(1) if tariff.currency == "JPY" else Decimal("0.01")
    assert parts + 4 * unit >= exact_net(rate(whole, tariff, BERLIN))


@given(started_at=STARTS, spans=SPANS, tariff=tariffs(), at=st.integers(0, 5))
def test_a_reading_in_between_changes_nothing_but_power(
    started_at: datetime, spans: list[tuple[int, Decimal, bool]], tariff: Tariff, at: int
) -> None:
    whole = usage_of(started_at, *spans)
    index = min(at, len(whole.points) - 2)
    earlier, later = whole.points[index], whole.points[index + 1]
    middle = UsagePoint(
        earlier.at + (later.at - earlier.at) / 2,
        (earlier.energy_wh + later.energy_wh) / 2,
        earlier.charging,
    )
    refined = Usage((*whole.points[: index + 1], middle, *whole.points[index + 1 :]))
    assert amounts(rate(refined, tariff, BERLIN)) == amounts(rate(whole, tariff, BERLIN))


@settings(max_examples=30)
@given(spans=SPANS)
def test_an_expired_reservation_has_no_minimum(spans: list[tuple[int, Decimal, bool]]) -> None:
    tariff = parse_tariff(
        {
            "id": "T",
            "currency": "EUR",
            "min_price": {"excl_vat": 5},
            "max_price": {"excl_vat": 6},
            "elements": [
                {
                    "price_components": [{"type": "TIME", "price": 4, "step_size": 1}],
                    "restrictions": {"reservation": "RESERVATION"},
                }
            ],
        }
    )
    expired = Reservation(reserved_at=NOON, ended_at=NOON + timedelta(hours=1), expired=True)
    assert rate(Usage((), expired), tariff, BERLIN).net.text == "4.00"
    usage = usage_of(NOON, *spans)
    assert rate(Usage(usage.points, expired), tariff, BERLIN).net.text == "5.00"
    longer = Reservation(reserved_at=NOON, ended_at=NOON + timedelta(hours=2), expired=False)
    assert rate(Usage((), longer), tariff, BERLIN).net.text == "6.00"
