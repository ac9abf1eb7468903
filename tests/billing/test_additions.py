"""Free minutes, caps, blocked time, the end by a limit; and what holds of every price."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.additions import billed, blocked, is_aborted, up_to
from billing.price_preview import sample
from billing.rating import LineKind, Rating, rate
from billing.tariff_json import parse_tariff
from billing.tariffs import Additions, BlockingFee, Tariff
from billing.usage import UnratableUsage, Usage
from foundation.events import UsagePoint

START = datetime(2026, 10, 15, 10, tzinfo=UTC)
FEE = BlockingFee(price=Decimal(6), vat=None, step_size=0)


def usage(*points: tuple[int, int, bool]) -> Usage:
    """Points as minutes, Wh and whether energy flows from then on."""
    return Usage(
        tuple(
            UsagePoint(START + timedelta(minutes=minutes), Decimal(wh), charging)
            for minutes, wh, charging in points
        )
    )


def tariff(ours: dict[str, Any], *components: dict[str, Any]) -> Tariff:
    return parse_tariff(
        {
            "id": "T",
            "currency": "EUR",
            "elements": [{"price_components": list(components or (ENERGY,))}],
            "leitstand": ours,
        }
    )


ENERGY: dict[str, Any] = {"type": "ENERGY", "price": 0.5, "vat": 19, "step_size": 1}
TIME: dict[str, Any] = {"type": "TIME", "price": 6, "vat": 19, "step_size": 1}
PARKING: dict[str, Any] = {"type": "PARKING_TIME", "price": 3, "vat": 19, "step_size": 1}


def lines(rating: Rating) -> dict[LineKind, Decimal]:
    return {line.kind: line.net.amount for line in rating.lines}


def test_a_session_within_the_free_minutes_is_aborted() -> None:
    two = Additions(free_minutes=2)
    assert is_aborted(usage((0, 0, True), (2, 100, False)), two)
    assert not is_aborted(usage((0, 0, True), (3, 100, False)), two)
    assert not is_aborted(usage((0, 0, True), (2, 100, False)), Additions())
    assert not is_aborted(Usage(()), two)


def test_an_aborted_start_owes_no_minimum() -> None:
    with_minimum = parse_tariff(
        {
            "id": "T",
            "currency": "EUR",
            "min_price": {"excl_vat": 5},
            "elements": [{"price_components": [ENERGY]}],
            "leitstand": {"free_minutes": 2},
        }
    )
    aborted = rate(usage((0, 0, True), (1, 100, False)), with_minimum, "UTC")
    assert lines(aborted) == {LineKind.FREE_MINUTES: 0}
    assert rate(usage((0, 0, True), (3, 100, False)), with_minimum, "UTC").net.amount == 5


def test_only_time_begins_after_the_free_minutes() -> None:
    rating = rate(
        usage((0, 0, True), (60, 10_000, False)), tariff({"free_minutes": 10}, ENERGY, TIME), "UTC"
    )
    assert lines(rating) == {
        LineKind.ENERGY: Decimal("5.00"),
        LineKind.TIME: Decimal("5.00"),
        LineKind.FREE_MINUTES: 0,
    }


@pytest.mark.parametrize(
    ("points", "grace", "minutes"),
    [
        ([(0, 0, True), (60, 9, False), (90, 9, False)], 0, 30),
        ([(0, 0, True), (60, 9, False), (90, 9, False)], 20, 10),
        ([(0, 0, True), (60, 9, False), (90, 9, False)], 30, None),
        ([(0, 0, True), (20, 5, False), (40, 5, True), (60, 9, False)], 0, None),  # a pause
        ([(0, 0, False), (60, 0, False)], 0, 60),  # never charged
        ([(0, 0, False), (60, 9, False), (90, 9, False)], 0, 30),  # energy came all the same
        ([(0, 0, True)], 0, None),
    ],
)
def test_blocked_is_what_follows_the_last_charging(
    points: list[tuple[int, int, bool]], grace: int, minutes: int | None
) -> None:
    fee = BlockingFee(price=Decimal(6), vat=None, step_size=0, grace_minutes=grace)
    found = blocked(usage(*points), fee, "UTC")
    assert (None if found is None else found.micros / 60_000_000) == minutes


def test_a_reservation_that_expired_blocks_nobody() -> None:
    assert blocked(Usage(()), FEE, "UTC") is None


def test_a_fee_that_spares_the_night_needs_a_zone() -> None:

    by_day = BlockingFee(
        price=Decimal(6), vat=None, step_size=0, exempt_from=time(22), exempt_to=time(6)
    )
    stood = usage((0, 0, True), (60, 9, False), (90, 9, False))
    assert blocked(stood, by_day, "UTC") is not None
    with pytest.raises(UnratableUsage):
        blocked(stood, by_day, "Nowhere/Else")
    night = sample(START.replace(hour=23), Decimal(0), 0, 30)
    assert blocked(night, by_day, "UTC") is None


def test_a_usage_ends_where_it_is_cut() -> None:
    whole = usage((0, 0, True), (60, 10_000, False), (90, 10_000, False))
    half = START + timedelta(minutes=30)
    assert up_to(whole, half).points[-1] == UsagePoint(half, Decimal(5000), charging=True)
    assert up_to(whole, START + timedelta(minutes=75)).points[-1].energy_wh == 10_000
    assert up_to(whole, START + timedelta(minutes=90)) is whole
    assert up_to(whole, START).points == whole.points[:1]
    assert up_to(whole, START - timedelta(1)).points == whole.points[:1]
    assert up_to(Usage(()), START) == Usage(())


def test_only_a_tariff_that_says_so_gives_the_excess_away() -> None:
    whole = usage((0, 0, True), (60, 10_000, False))
    half = START + timedelta(minutes=30)
    assert billed(whole, tariff({"excess": "free"}), half).points[-1].at == half
    assert billed(whole, tariff({"excess": "free"}), None) is whole
    assert billed(whole, tariff({"excess": "charged"}), half) is whole
    assert billed(whole, tariff({}), half) is whole


# ----------------------------------------------------------------------- what always holds

OURS: list[dict[str, Any]] = [
    {},
    {"free_minutes": 2},
    {"caps": [{"type": "TIME", "amount": 4}, {"type": "ENERGY", "amount": 7.5}]},
    {"blocking_fee": {"price": 6, "vat": 19, "step_size": 60, "grace_minutes": 5}},
    {
        "free_minutes": 10,
        "caps": [{"type": "TIME", "amount": 1}],
        "blocking_fee": {
            "price": 60,
            "step_size": 1,
            "exempt_from": "12:30",
            "exempt_to": "12:45",
            "max_price": 3,
        },
    },
]
COMPONENTS = [[ENERGY], [ENERGY, TIME], [TIME], [{**ENERGY, "step_size": 300}, TIME]]
priced = st.builds(
    lambda ours, components: tariff(ours, *components),
    st.sampled_from(OURS),
    st.sampled_from(COMPONENTS),
)
kwhs = st.decimals(0, 200, places=3)
minutes = st.integers(1, 600)


@given(tariff=priced, kwh=kwhs, charged=minutes, idle=st.integers(0, 600))
def test_a_price_is_never_negative_and_keeps_its_caps(
    tariff: Tariff, kwh: Decimal, charged: int, idle: int
) -> None:
    rating = rate(sample(START, kwh, charged, idle), tariff, "Europe/Berlin")
    assert rating.net.amount >= 0
    assert rating.vat.amount >= 0
    sums = lines(rating)
    for cap in tariff.additions.caps:
        kind = LineKind(cap.type.lower())
        assert sums.get(kind, 0) + sums.get(LineKind(f"{kind}_cap"), 0) <= cap.amount
    fee = tariff.additions.blocking_fee
    if fee is not None and fee.max_price is not None:
        blocking = sums.get(LineKind.BLOCKING, 0) + sums.get(LineKind.BLOCKING_CAP, 0)
        assert blocking <= fee.max_price


@given(tariff=priced, less=kwhs, more=kwhs, charged=minutes, idle=st.integers(0, 60))
def test_more_energy_in_the_same_time_never_costs_less(
    tariff: Tariff, less: Decimal, more: Decimal, charged: int, idle: int
) -> None:
    less, more = sorted([less, more])
    cheaper, dearer = (
        rate(sample(START, kwh, charged, idle), tariff, "Europe/Berlin").gross
        for kwh in (less, more)
    )
    assert cheaper.amount <= dearer.amount


@given(tariff=priced, kwh=kwhs, charged=minutes, idle=st.integers(0, 600), stop=st.integers(0, 900))
def test_giving_the_excess_away_never_costs_more(
    tariff: Tariff, kwh: Decimal, charged: int, idle: int, stop: int
) -> None:
    whole = sample(START, kwh, charged, idle)
    cut = up_to(whole, START + timedelta(minutes=stop))
    energy_only = {line.kind for line in rate(whole, tariff, "UTC").lines} == {LineKind.ENERGY}
    if energy_only:
        assert rate(cut, tariff, "UTC").net.amount <= rate(whole, tariff, "UTC").net.amount
    assert cut.points[-1].energy_wh <= whole.points[-1].energy_wh
