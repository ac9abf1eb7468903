"""Tiers of metering points: the lowest counts, and narrow licences go first."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import tiers
from accounts.permissions import Permission
from accounts.tiers import (
    DEFAULT_TIERS,
    FUNCTIONS,
    Energy,
    LicenceKind,
    Licences,
    MeteringPoint,
    PointKind,
    Tier,
    VirtualMeterRefused,
    account_tier,
    assign,
    needed,
)

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)


def point(
    key: str,
    kind: PointKind = PointKind.OCPP_POINT,
    energy: Energy = Energy.ELECTRICITY,
    *,
    active: bool = True,
) -> MeteringPoint:
    return MeteringPoint(key, kind, energy, is_active=active)


points = st.lists(
    st.tuples(st.sampled_from(PointKind), st.sampled_from(Energy), st.booleans()), max_size=12
).map(
    lambda found: [
        point(str(number), kind, energy, active=active)
        for number, (kind, energy, active) in enumerate(found)
    ]
)
licences = st.builds(Licences, st.integers(0, 8), st.integers(0, 8))


@given(points, licences)
def test_the_tier_of_an_account_is_the_minimum_of_its_points(
    found: list[MeteringPoint], held: Licences
) -> None:
    given_out = assign(found, held).licensed
    own = [
        Tier.PROFESSIONAL if each.key in given_out else DEFAULT_TIERS[each.kind]
        for each in found
        if each.is_active and DEFAULT_TIERS[each.kind] is not None
    ]

    assert account_tier(found, held) is tiers.lowest(each for each in own if each is not None)


@given(points, licences, licences)
def test_more_licences_never_lower_the_tier(
    found: list[MeteringPoint], held: Licences, more: Licences
) -> None:
    assert account_tier(found, held + more).rank >= account_tier(found, held).rank


@given(points, licences)
def test_no_licence_is_lost_or_given_twice(found: list[MeteringPoint], held: Licences) -> None:
    result = assign(found, held)
    narrow = [key for key, kind in result.licensed.items() if kind is LicenceKind.HEAT_WATER_GAS]
    by_key = {each.key: each for each in found}

    assert len(result.licensed) + result.free.total == held.total
    assert all(by_key[key].energy is not Energy.ELECTRICITY for key in narrow)
    assert not (result.unlicensed and result.free.all), "a licence for all is never left over"
    assert len(result.licensed) + len(result.unlicensed) == len(tiers.counted(found))


@given(points)
def test_what_is_needed_makes_everything_professional(found: list[MeteringPoint]) -> None:
    tier = account_tier(found, needed(found))

    assert tier is (Tier.PROFESSIONAL if tiers.counted(found) else Tier.BASIC)


def test_a_virtual_meter_is_had_by_a_professional_account_with_a_free_licence() -> None:
    real = [point("a"), point("b")]
    tiers.check_virtual_meter(["a", "b"], real, Licences(all=3))
    for formula, held in (
        (["a"], Licences(all=1)),
        (["a"], Licences(all=2)),
        (["c"], Licences(all=3)),
    ):
        with pytest.raises(VirtualMeterRefused):
            tiers.check_virtual_meter(formula, real, held)


def test_a_right_belongs_to_one_function_at_most() -> None:
    rights = [right for each in FUNCTIONS for right in each.rights]

    assert len(rights) == len(set(rights))
    function = tiers.function_of(Permission.WEBHOOKS_WRITE)
    assert function is not None
    assert function.key == "auto_export"
    assert tiers.function_of(Permission.STATIONS_READ) is None


def test_no_tier_takes_a_right_to_read() -> None:
    assert not [right for each in FUNCTIONS for right in each.rights if right.endswith(".read")]


@pytest.mark.parametrize(
    ("tier", "later_s", "wait"),
    [
        (Tier.BASIC, 0, 900),
        (Tier.BASIC, 899.5, 1),
        (Tier.BASIC, 900, 0),
        (Tier.LIMITED, 59, 1),
        (Tier.LIMITED, 60, 0),
        (Tier.PROFESSIONAL, 0.2, 1),
        (Tier.PROFESSIONAL, 1, 0),
    ],
)
def test_a_value_may_be_read_again_after_the_tiers_interval(
    tier: Tier, later_s: float, wait: int
) -> None:
    assert tiers.wait_s(NOON, NOON + timedelta(seconds=later_s), tier) == wait
    assert tiers.wait_s(None, NOON, tier) == 0


@given(st.lists(st.integers(0, 7200), max_size=40), st.sampled_from(Tier))
def test_of_what_is_pushed_the_last_of_each_window_is_kept(seconds: list[int], tier: Tier) -> None:
    pushed = [NOON + timedelta(seconds=each) for each in sorted(seconds)]
    kept = tiers.kept_of_pushes(pushed, tier, begin=NOON)
    windows = [(each - NOON) // tiers.INTERVALS[tier] for each in kept]

    assert windows == sorted({(each - NOON) // tiers.INTERVALS[tier] for each in pushed})
    assert not pushed or kept[-1] == pushed[-1]
