"""Each row of the rules about sessions, plausibility and signed values, named after it.

Rows of 1.5 (sessions and plausibility), 7.3 (invalid sessions), 7.9 (limits that only flag) and
the ideas 10, 11 and 19 of section 8.
"""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE
from billing import validity
from billing.booking import charge
from billing.books import BillingState
from billing.closing import AlreadySettled
from billing.plausibility import (
    DEFAULT_LIMITS,
    Check,
    Elsewhere,
    HoldReason,
    Limits,
    findings,
    holds,
    is_ghost,
)
from billing.rating import LineKind
from billing.tariff_json import parse_tariff
from billing.validity import NotTheIssuer
from csms.ghosts import Ghost, stop_of
from csms.reports import OcppVersion
from csms.signed_values import Claimed, During, SignedStatus, check, signed_transaction
from foundation.events import Doubt, EndBasis, TransactionEnded
from foundation.identifiers import OrganisationKey, StationId
from tests.billing.builders import START
from tests.billing.builders import ended as told
from tests.billing.story import BAKERY, NOVEMBER, NOW, closing, ended, happen, settle_in, tariff
from tests.billing.test_monitor import Known, Other, states
from tests.billing.test_validity import decide
from tests.csms.meters import EXAMPLES, Meter

EVERY = Limits(checks=frozenset(Check), max_duration_min=600, max_energy_wh=Decimal(90_000))
NONE = replace(EVERY, checks=frozenset())


def reasons(event: TransactionEnded, limits: Limits, **known: Any) -> set[str]:
    return {
        each.value for each in holds(event, has_tariff=True, has_payer=True, limits=limits, **known)
    }


# ---------------------------------------------------------------- 1.5 sessions and plausibility


async def test_1_5_plausibility_monitor_is_always_active_and_bills_nothing_that_is_flagged(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2, kwh="30"))
    assert await states(db, 1, 2) == [
        (BillingState.RATED, None),
        (BillingState.HELD, "impossible_energy"),
    ]
    [statement] = await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)
    assert [line.transaction_id for line in statement.lines] == [1]
    assert [(each.transaction_id, each.reason) for each in statement.unpaid] == [
        (2, "impossible_energy")
    ]
    await decide(db, "valid", 2)
    assert await states(db, 2) == [(BillingState.RATED, None)]


SIGNED = Known("verified")
LONG = timedelta(minutes=601)


@pytest.mark.parametrize(
    ("check_", "flagged", "near", "known", "reason"),
    [
        (
            Check.TIMES,
            {"ended_at": START - timedelta(seconds=1), "energy_wh": Decimal(0)},
            {"ended_at": START + timedelta(seconds=1), "energy_wh": Decimal(0)},
            SIGNED,
            "end_before_start",
        ),
        (Check.TIMES, {"doubts": (Doubt.CLOCK_WRONG,)}, {}, SIGNED, "clock_wrong"),
        (Check.METER, {"doubts": (Doubt.NEGATIVE_ENERGY,)}, {}, SIGNED, "negative_energy"),
        (
            Check.METER,
            {"energy_wh": Decimal(1_000_001), "max_power_w": Decimal(10**7)},
            {"energy_wh": Decimal(1_000_000), "max_power_w": Decimal(10**7)},
            SIGNED,
            "impossible_meter",
        ),
        (
            Check.DURATION,
            {"ended_at": START + LONG},
            {"ended_at": START + LONG - timedelta(minutes=1)},
            SIGNED,
            "too_long",
        ),
        (
            Check.ENERGY,
            {"energy_wh": Decimal(90_001), "max_power_w": Decimal(10**6)},
            {"energy_wh": Decimal(90_000), "max_power_w": Decimal(10**6)},
            SIGNED,
            "too_much_energy",
        ),
        (
            Check.POWER,
            {"energy_wh": Decimal(12_201)},
            {"energy_wh": Decimal(12_200)},
            SIGNED,
            "impossible_energy",
        ),
    ],
)
def test_1_5_checks_each_can_be_switched(
    check_: Check,
    flagged: dict[str, Any],
    near: dict[str, Any],
    known: Known,
    reason: str,
) -> None:
    only = replace(EVERY, checks=frozenset({check_}))
    assert reasons(told(**flagged), only, testimony=known) == {reason}
    assert reasons(told(**near), only, testimony=known) == set()
    others = replace(EVERY, checks=frozenset(Check) - {check_})
    assert reason not in reasons(told(**flagged), others, testimony=known)
    assert reasons(told(**flagged), NONE, testimony=known) == set()


@pytest.mark.parametrize(
    ("signature", "reason"),
    [("failed", "signature_failed"), ("pending", "signature_pending"), (None, "signature_missing")],
)
def test_1_5_checks_invalid_or_missing_signed_meter_values(
    signature: str | None, reason: str
) -> None:
    only = replace(EVERY, checks=frozenset({Check.SIGNATURE}))
    assert reasons(told(), only, testimony=Known(signature)) == {reason}
    assert reasons(told(), only, testimony=Known("verified")) == set()
    assert reasons(told(), DEFAULT_LIMITS, testimony=Known(signature)) == set()


def test_1_5_checks_maximum_duration_flags_only_and_the_session_is_not_ended() -> None:
    """Nothing in the monitor asks a station for anything: it looks at what has ended."""
    running_for_days = told(ended_at=START + timedelta(days=4))
    assert "too_long" in reasons(running_for_days, EVERY, testimony=SIGNED)
    assert running_for_days.ended_at == START + timedelta(days=4)
    assert not any(name.startswith(("stop", "end_")) for name in dir(validity))


async def test_1_5_manual_valid_or_invalid_is_the_issuers_before_billing_only(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2, NOW + timedelta(hours=2)))
    with pytest.raises(NotTheIssuer):
        await decide(db, "invalid", organisation=OrganisationKey("bakery"))
    await decide(db, "invalid")
    [in_the_monitor] = await validity.suspects(db, WHOLE, invalid=True)
    assert (in_the_monitor.transaction_id, in_the_monitor.decided_by) == (1, "person/7")
    [statement] = await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)
    assert [line.transaction_id for line in statement.lines] == [2]
    with pytest.raises(AlreadySettled):
        await decide(db, "invalid", 2)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each["name"])
def test_1_5_signed_meter_values_verified_pending_or_failed_per_value(
    example: dict[str, str],
) -> None:
    from csms.meter_signatures import key_from_text

    key = key_from_text(example["public_key"])
    value = Claimed("Transaction.End", example["record"], "OCMF")
    changed = Claimed("Transaction.End", example["record"].replace('"RV":', '"RV":1', 1), "OCMF")
    assert check(value, key).status is SignedStatus.VERIFIED
    assert check(value, None).status is SignedStatus.PENDING
    assert check(changed, key).status is SignedStatus.FAILED


def test_1_5_signed_meter_values_of_the_whole_count_only_if_the_check_is_on() -> None:
    meter = Meter()
    value = check(
        Claimed("Transaction.End", meter.record(("B", "0"), ("E", "9000")), "OCMF"), meter.key
    )
    during = During(told().started_at, told().ended_at)
    whole = signed_transaction([value], told().energy_wh, during)
    assert whole is not None
    assert (value.status, whole.status) == (SignedStatus.VERIFIED, SignedStatus.FAILED)
    known = Known(whole.status.value, "other_energy")
    assert reasons(told(), DEFAULT_LIMITS, testimony=known) == set()
    strict = replace(DEFAULT_LIMITS, checks=DEFAULT_LIMITS.checks | {Check.SIGNATURE})
    assert reasons(told(), strict, testimony=known) == {"signature_failed"}


def test_1_5_session_never_ends_is_edited_by_hand_then_recalculated() -> None:
    """Its end is no doubt any more once a person said it; what was not said stays one."""
    by_hand = told(basis=EndBasis.INFERRED, corrected_by="person/7")
    assert reasons(by_hand, DEFAULT_LIMITS) == set()
    assert reasons(told(basis=EndBasis.INFERRED), DEFAULT_LIMITS) == {"inferred_end"}
    impossible = told(corrected_by="person/7", energy_wh=Decimal(30_000))
    assert reasons(impossible, DEFAULT_LIMITS) == {"impossible_energy"}


async def test_1_5_cannot_stop_a_session_is_corrected_and_booked_as_a_later_revision(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, ended(1, kwh="20", hours=2))
    corrected = ended(1, kwh="5", revision=2, corrected_by="person/7")
    await happen(db, corrected)
    assert await states(db, 1) == [(BillingState.RATED, None)]
    [statement] = await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)
    assert [line.energy_wh for line in statement.lines] == [5000]


# ----------------------------------------------------------------------- 7.3, 7.9 and section 8


async def test_7_3_invalid_sessions_are_in_the_monitor_not_paid_and_listed_with_reason(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2, doubts=(Doubt.CLOCK_WRONG,)))
    [suspect] = await validity.suspects(db, WHOLE)
    assert suspect.findings[0].reason is HoldReason.CLOCK_WRONG
    [statement] = await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)
    assert [each.reason for each in statement.unpaid] == ["clock_wrong"]


def test_7_9_plausibility_limit_only_flags_and_only_the_ghost_guard_ends_a_session() -> None:
    ghost = Ghost(7, StationId("S1"), OcppVersion.V16, "x", OrganisationKey("root"), 15)
    assert stop_of(ghost).action == "RemoteStopTransaction"
    assert stop_of(ghost).until_ended


def test_8_10_impossible_sessions_are_found_by_default_with_their_evidence() -> None:
    hour = told()
    other = Other(9, START + timedelta(minutes=30), START + timedelta(hours=2))
    elsewhere = Elsewhere(
        transaction_id=8,
        station="CS-9",
        location="harbour",
        started_at=START,
        ended_at=START + timedelta(minutes=10),
    )
    found = findings(
        hour,
        has_tariff=True,
        has_payer=True,
        testimony=Known(overlapping=[other]),
        elsewhere=[elsewhere],
    )
    assert {each.reason: each.facts["overlap_s"] for each in found} == {
        HoldReason.OVERLAP: "1800",
        HoldReason.CARD_IN_TWO_PLACES: "600",
    }
    assert [each.counterpart for each in found] == [9, 8]
    # Two minutes are a matter of clocks.
    near = Other(9, START + timedelta(minutes=58), START + timedelta(hours=2))
    assert reasons(hour, DEFAULT_LIMITS, testimony=Known(overlapping=[near])) == set()


GHOST = {"ended_at": START + timedelta(days=4), "energy_wh": Decimal(3)}


def test_8_11_ghost_session_without_energy_costs_nothing() -> None:
    """The broken plug of the forum: four days, 0.003 kWh, and a bill."""
    document = tariff()
    document["elements"][0]["price_components"].append(
        {"type": "TIME", "price": 3, "vat": 19, "step_size": 60}
    )
    parsed = parse_tariff(document)
    from billing.cdr import ChargeClass, Payer
    from billing.terms import Basis, Sharing

    sharing = Sharing(
        charge_class=ChargeClass.INTERNAL,
        payer=Payer(organisation=OrganisationKey("town")),
        share_bps=10_000,
        basis=Basis.NET,
        agreement_id=None,
    )
    ghost = told(**GHOST, usage=(told().usage[0], replace_end(told(**GHOST))))
    charged = charge(ghost, sharing, parsed, currency="EUR")
    assert (charged.rating.gross.text, charged.hold_reasons) == ("0.00", ())
    assert [line.kind for line in charged.rating.lines] == [LineKind.GHOST]
    without = replace(DEFAULT_LIMITS, ghost_min=None)
    assert charge(ghost, sharing, parsed, currency="EUR", limits=without).rating.gross.amount > 300


def replace_end(event: TransactionEnded) -> Any:
    last = event.usage[-1]
    return type(last)(event.ended_at, event.energy_wh, charging=False)


@pytest.mark.parametrize(
    "changed",
    [
        {"energy_wh": Decimal("10.1")},
        {"ended_at": START + timedelta(minutes=15)},
        {"doubts": (Doubt.NEGATIVE_ENERGY,)},
    ],
)
def test_8_11_ghost_session_is_only_what_took_nothing_for_long(changed: dict[str, Any]) -> None:
    assert is_ghost(told(**GHOST), DEFAULT_LIMITS)
    assert not is_ghost(told(**(GHOST | changed)), DEFAULT_LIMITS)


async def test_8_19_what_fits_no_session_is_kept_and_waits_in_the_monitor(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, ended(1, basis=EndBasis.ADOPTED), ended(2, doubts=(Doubt.MISSING_START,)))
    suspects = await validity.suspects(db, WHOLE, reason=HoldReason.MISSING_START)
    assert [each.transaction_id for each in suspects] == [1, 2]
