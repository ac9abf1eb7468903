"""The usage of a transaction is cut where prices can change; what it adds up to never changes."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from billing.tariff_json import parse_tariff
from billing.tariffs import Dimension
from billing.usage import Reservation, Usage, _used, used_by, used_by_reservation
from foundation.events import UsagePoint
from tests.billing.builders import ended

START = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)


def test_the_usage_of_a_transaction_is_what_it_brought() -> None:
    transaction = ended()
    assert Usage.of(transaction) == Usage(transaction.usage)


def test_energy_beyond_the_last_point_is_taken_as_used_there() -> None:
    point = UsagePoint(START, Decimal(0), charging=True)
    transaction = ended(usage=(point,), energy_wh=Decimal(500), ended_at=START)
    assert Usage.of(transaction).points == (
        point,
        UsagePoint(START, Decimal(500), charging=True),
    )


CUT = parse_tariff(
    {
        "id": "T",
        "currency": "EUR",
        "elements": [
            {
                "price_components": [
                    {"type": type_, "price": 1, "step_size": 1}
                    for type_ in ("ENERGY", "TIME", "PARKING_TIME")
                ],
                "restrictions": restrictions,
            }
            for restrictions in (
                {"start_time": "22:15", "end_time": "02:30", "max_kwh": 7},
                {"min_kwh": 3.3333, "max_kwh": 11, "day_of_week": ["SUNDAY"]},
                {"min_duration": 1234, "max_duration": 9999},
                {},
            )
        ],
    }
)


@given(
    spans=st.lists(
        st.tuples(st.integers(0, 10**10), st.decimals(0, 20_000, places=3), st.booleans()),
        min_size=1,
        max_size=5,
    )
)
def test_cutting_loses_no_energy_and_no_time(
    spans: list[tuple[int, Decimal, bool]],
) -> None:
    points = [UsagePoint(START, Decimal(0), charging=True)]
    for micros, energy_wh, charging in spans:
        last = points[-1]
        points.append(
            UsagePoint(
                last.at + timedelta(microseconds=micros), last.energy_wh + energy_wh, charging
            )
        )
    used = used_by(Usage(tuple(points)), CUT, "Europe/Berlin")

    def sum_of(*dimensions: Dimension) -> Decimal:
        return sum(
            (
                amount.measured
                for (dimension, _), amount in used.amounts.items()
                if dimension in dimensions
            ),
            Decimal(0),
        )

    assert sum_of(Dimension.ENERGY) == points[-1].energy_wh
    assert sum_of(Dimension.TIME, Dimension.PARKING_TIME) == (
        points[-1].at - points[0].at
    ) / timedelta(microseconds=1)


RESTRICTIONS: list[dict[str, object]] = [
    {},
    {"start_time": "22:15", "end_time": "02:30"},
    {"start_time": "22:00", "end_time": "22:00"},
    {"day_of_week": ["SUNDAY"]},
    {"start_date": "2026-10-25", "end_date": "2026-10-26"},
    {"min_kwh": 0, "max_kwh": 2},
    {"min_kwh": 1},
    {"min_duration": 600},
    {"min_duration": 0, "max_duration": 3600},
    {"max_power": 11},
]


@given(
    start=st.sampled_from([START, START + timedelta(hours=2), START + timedelta(hours=5)]),
    spans=st.lists(
        st.tuples(
            # No span so short that cutting leaves less in it than a nano-Wh, which is nothing.
            st.sampled_from([0, 1_000, 600_000_000, 900_000_000, 3_600_000_000]),
            st.sampled_from([Decimal(0), Decimal("0.1"), Decimal(500), Decimal(1000)]),
            st.booleans(),
        ),
        max_size=5,
    ),
    restrictions=st.lists(
        st.tuples(st.sampled_from(RESTRICTIONS), st.sets(st.sampled_from(Dimension), min_size=1)),
        min_size=1,
        max_size=3,
    ),
    free_minutes=st.sampled_from([0, 1, 10, 20, 60]),
)
def test_the_short_way_gives_what_cutting_gives(
    start: datetime,
    spans: list[tuple[int, Decimal, bool]],
    restrictions: list[tuple[dict[str, object], set[Dimension]]],
    free_minutes: int,
) -> None:
    points = [UsagePoint(start, Decimal(0), charging=True)]
    for micros, energy_wh, charging in spans:
        last = points[-1]
        at = last.at + timedelta(microseconds=micros)
        points.append(UsagePoint(at, last.energy_wh + energy_wh, charging))
    tariff = parse_tariff(
        {
            "id": "T",
            "currency": "EUR",
            "elements": [
                {
                    "price_components": [
                        {"type": str(each), "price": 1, "step_size": 1} for each in dimensions
                    ],
                    "restrictions": restriction,
                }
                for restriction, dimensions in restrictions
            ],
            "leitstand": {"free_minutes": free_minutes} if free_minutes else {},
        }
    )
    timed_from = start + timedelta(minutes=free_minutes)

    short = used_by(Usage(tuple(points)), tariff, "Europe/Berlin")
    long = _used(points, tariff.of_charging, ZoneInfo("Europe/Berlin"), timed_from)

    assert short.amounts == long.amounts
    assert (short.last_energy, short.last_time) == (long.last_energy, long.last_time)


def test_only_a_reservation_has_the_prices_of_reservations() -> None:
    tariff = parse_tariff(
        {
            "id": "T",
            "currency": "EUR",
            "elements": [
                {
                    "price_components": [{"type": "FLAT", "price": 1, "step_size": 1}],
                    "restrictions": {"reservation": "RESERVATION"},
                }
            ],
        }
    )
    points = (UsagePoint(START, Decimal(0), charging=True),)
    assert not used_by(Usage(points), tariff, "UTC").amounts
    assert not used_by_reservation(Usage(points), tariff, "UTC").amounts
    reserved = Reservation(reserved_at=START, ended_at=START, expired=False)
    assert used_by_reservation(Usage(points, reserved), tariff, "UTC").amounts
