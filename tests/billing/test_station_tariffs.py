"""Tariffs in OCPP 2.1's words: the same price by both for the same session, or a reason why not."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rating import LineKind, rate
from billing.station_tariffs import Unsayable, elements, translated
from billing.tariffs import (
    Additions,
    BlockingFee,
    Cap,
    DayOfWeek,
    Dimension,
    DisplayText,
    PriceComponent,
    PriceLimit,
    ReservationRestriction,
    Restrictions,
    Tariff,
    TariffElement,
)
from billing.usage import Usage
from foundation.events import UsagePoint

BERLIN = "Europe/Berlin"
START = datetime(2026, 10, 14, 15, 30, tzinfo=UTC)
VAT = Decimal(19)


def component(dimension: Dimension, price: str, step: int = 1, vat: Decimal | None = VAT) -> Any:
    return PriceComponent(type=dimension, price=Decimal(price), vat=vat, step_size=step)


def tariff(*parts: TariffElement, **more: Any) -> Tariff:
    return Tariff(id="T", currency="EUR", elements=parts, **more)


def element(*components: PriceComponent, **held: Any) -> TariffElement:
    restrictions = Restrictions(**held) if held else None
    return TariffElement(price_components=components, restrictions=restrictions)


# --------------------------------------------------------------------- a station that counts


def counted(said: Mapping[str, Any], points: Sequence[UsagePoint]) -> Decimal:
    """Count a session minute by minute as OCPP 2.1 says, without tax: a reading of its own."""
    zone = ZoneInfo(BERLIN)
    start, total = points[0].at, Decimal(0)
    fixed = said.get("fixedFee")
    if fixed:
        total += fixed["prices"][0]["priceFixed"]
    for earlier, later in pairwise(points):
        minutes = int((later.at - earlier.at) / timedelta(minutes=1))
        gain = (later.energy_wh - earlier.energy_wh) / minutes
        for minute in range(minutes):
            at = earlier.at + timedelta(minutes=minute)
            before = earlier.energy_wh + gain * minute
            part = "chargingTime" if earlier.charging else "idleTime"
            for name, key, amount in (
                ("energy", "priceKwh", gain / 1000),
                (part, "priceMinute", Decimal(1)),
            ):
                price = first(said.get(name), at.astimezone(zone), at - start, before)
                total += Decimal(0) if price is None else price[key] * amount
    low, high = said.get("minCost"), said.get("maxCost")
    total = total if low is None else max(total, low["exclTax"])
    return total if high is None else min(total, high["exclTax"])


def first(part: Any, local: datetime, since: timedelta, wh: Decimal) -> Any:
    for price in [] if part is None else part["prices"]:
        if holds(price.get("conditions", {}), local, since, wh):
            return price
    return None


def holds(said: Mapping[str, Any], local: datetime, since: timedelta, wh: Decimal) -> bool:
    clock, day = local.strftime("%H:%M"), local.date().isoformat()
    start, end = said.get("startTimeOfDay", "00:00"), said.get("endTimeOfDay", "00:00")
    in_day = start <= clock < end if start < end else clock >= start or clock < end
    seconds = since.total_seconds()
    return (
        in_day
        and said.get("validFromDate", "") <= day < said.get("validToDate", "9")
        and local.strftime("%A") in said.get("dayOfWeek", [local.strftime("%A")])
        and said.get("minEnergy", 0) <= wh < said.get("maxEnergy", Decimal("Infinity"))
        and said.get("minTime", 0) <= seconds < said.get("maxTime", float("inf"))
    )


TIMES = st.sampled_from([time(0), time(8), time(17), time(18, 30), time(22)])
HELD = st.builds(
    Restrictions,
    start_time=st.none() | TIMES,
    end_time=st.none() | TIMES,
    start_date=st.none() | st.sampled_from([date(2026, 10, 14), date(2026, 10, 15)]),
    end_date=st.none() | st.sampled_from([date(2026, 10, 15), date(2026, 10, 16)]),
    min_kwh=st.none() | st.sampled_from([Decimal(0), Decimal("1.2"), Decimal(6)]),
    max_kwh=st.none() | st.sampled_from([Decimal("1.2"), Decimal(6), Decimal(90)]),
    min_duration=st.none() | st.sampled_from([0, 600, 3600]),
    max_duration=st.none() | st.sampled_from([600, 3600]),
    day_of_week=st.sampled_from([(), (DayOfWeek.WEDNESDAY,), (DayOfWeek.THURSDAY,)]),
)
TIMED = [Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME]
PRICES = st.sampled_from(["0", "0.06", "0.3", "1.2", "6"])
ELEMENTS = st.builds(
    lambda kinds, price, held: TariffElement(
        price_components=tuple(component(kind, price) for kind in kinds), restrictions=held
    ),
    st.lists(st.sampled_from(TIMED), min_size=1, unique=True),
    PRICES,
    st.none() | HELD,
)
LIMIT = st.none() | st.sampled_from([PriceLimit(Decimal(1), None), PriceLimit(Decimal(4), None)])


@st.composite
def sessions(draw: st.DrawFn) -> Usage:
    """Readings every so many minutes, of energy that flows evenly: 60 Wh or more a minute."""
    at, wh = START + timedelta(minutes=draw(st.integers(0, 720))), Decimal(0)
    points = []
    for _ in range(draw(st.integers(1, 4))):
        charging = draw(st.booleans())
        points.append(UsagePoint(at, wh, charging))
        minutes = draw(st.sampled_from([10, 30, 60, 200]))
        at += timedelta(minutes=minutes)
        wh += minutes * draw(st.sampled_from([60, 120])) if charging else 0
    return Usage((*points, UsagePoint(at, wh, charging=False)))


@given(st.lists(ELEMENTS, min_size=1, max_size=4), st.booleans(), LIMIT, LIMIT, sessions())
def test_both_come_to_the_same_price(
    parts: list[TariffElement],
    has_fee: bool,
    low: PriceLimit | None,
    high: PriceLimit | None,
    usage: Usage,
) -> None:
    fee = [element(component(Dimension.FLAT, "0.5"))] if has_fee else []
    if low is not None and high is not None and low.excl_vat > high.excl_vat:
        low, high = high, low
    ours = tariff(*parts, *fee, min_price=low, max_price=high)
    said = translated(ours, "T-1").tariff
    assert said is not None
    rating = rate(usage, ours, BERLIN)
    limits = (LineKind.MIN_PRICE, LineKind.MAX_PRICE)
    exact = sum((line.exact.amount for line in rating.lines if line.kind not in limits), Decimal(0))
    exact = exact if low is None else max(exact, low.excl_vat)
    exact = exact if high is None else min(exact, high.excl_vat)
    assert abs(counted(said, usage.points) - exact) < Decimal("1e-9")


def test_what_a_tariff_says_in_ocpp_s_words() -> None:
    night = element(
        component(Dimension.ENERGY, "0.29"), start_time=time(22), day_of_week=(DayOfWeek.MONDAY,)
    )
    always = element(
        component(Dimension.ENERGY, "0.40"),
        component(Dimension.PARKING_TIME, "6"),
        component(Dimension.FLAT, "0.5", vat=None),
    )
    ours = tariff(
        night,
        always,
        max_price=PriceLimit(Decimal(20), Decimal("23.80")),
        tariff_alt_text=(DisplayText("de", "Strom"),),
    )
    found = translated(ours, "T-1")
    assert found.reasons == ()
    tax = {"taxRates": [{"type": "VAT", "tax": VAT}]}
    assert found.tariff == {
        "tariffId": "T-1",
        "currency": "EUR",
        "energy": {
            "prices": [
                {
                    "priceKwh": Decimal("0.29"),
                    "conditions": {
                        "startTimeOfDay": "22:00",
                        "endTimeOfDay": "00:00",
                        "dayOfWeek": ["Monday"],
                    },
                },
                {"priceKwh": Decimal("0.40")},
            ]
        }
        | tax,
        "idleTime": {"prices": [{"priceMinute": Decimal("0.1")}]} | tax,
        "fixedFee": {"prices": [{"priceFixed": Decimal("0.5")}]},
        "maxCost": {"exclTax": Decimal(20), "inclTax": Decimal("23.80")},
        "description": [{"format": "UTF8", "language": "de", "content": "Strom"}],
    }
    assert elements(found.tariff) == 4


ENERGY = element(component(Dimension.ENERGY, "0.40"))
FEE = BlockingFee(price=Decimal(6), vat=VAT, step_size=0)


@pytest.mark.parametrize(
    ("ours", "reason"),
    [
        (tariff(element(component(Dimension.ENERGY, "0.40", step=500))), Unsayable.STEPS),
        (tariff(element(component(Dimension.TIME, "0.50"))), Unsayable.PRICE_PER_MINUTE),
        (
            tariff(
                element(component(Dimension.ENERGY, "0.3", vat=Decimal(7)), min_kwh=Decimal(1)),
                ENERGY,
            ),
            Unsayable.MIXED_VAT,
        ),
        (
            tariff(ENERGY, element(component(Dimension.FLAT, "1"), min_duration=60)),
            Unsayable.FIXED_WITH_CONDITIONS,
        ),
        (
            tariff(
                ENERGY,
                element(
                    component(Dimension.TIME, "6"), reservation=ReservationRestriction.RESERVATION
                ),
            ),
            Unsayable.RESERVATION,
        ),
        (tariff(ENERGY, additions=Additions(free_minutes=5)), Unsayable.FREE_MINUTES),
        (
            tariff(ENERGY, additions=Additions(caps=(Cap(Dimension.ENERGY, Decimal(5)),))),
            Unsayable.CAPS,
        ),
        (tariff(ENERGY, additions=Additions(blocking_fee=FEE)), Unsayable.BLOCKING_FEE),
        (tariff(ENERGY, additions=Additions(session_limit_minutes=60)), Unsayable.SESSION_LIMIT),
        (
            tariff(element(component(Dimension.ENERGY, "0.4"), start_time=time(8, 0, 30))),
            Unsayable.SECONDS_OF_DAY,
        ),
        (tariff(TariffElement(price_components=())), Unsayable.NOTHING),
    ],
)
def test_what_cannot_be_said_is_refused_and_named(ours: Tariff, reason: Unsayable) -> None:
    assert translated(ours, "T-1").reasons == (reason,)


def test_all_reasons_are_named_at_once() -> None:
    both = tariff(
        element(component(Dimension.TIME, "0.50", step=60)), additions=Additions(free_minutes=5)
    )
    assert translated(both, "x" * 61).reasons == (
        Unsayable.STEPS,
        Unsayable.PRICE_PER_MINUTE,
        Unsayable.FREE_MINUTES,
        Unsayable.LONG_ID,
    )


def test_what_stands_behind_a_price_that_always_holds_does_not_matter() -> None:
    behind = element(component(Dimension.ENERGY, "9", step=500), start_time=time(1, 2, 3))
    found = translated(tariff(ENERGY, behind), "T-1")
    assert found.tariff is not None
    assert found.tariff["energy"]["prices"] == [{"priceKwh": Decimal("0.40")}]
    assert translated(tariff(replace(ENERGY, restrictions=Restrictions()), behind), "T-1") == found
