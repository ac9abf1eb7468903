"""The rules of the business, 7.3: 90 % and 100 %, row by row."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import books, ledger_store, pricing
from billing.cdr import ChargeClass
from billing.closing import MonthNotOver
from billing.invoicing_settings import change_settings
from billing.ledger import FEES, payable, receivable
from billing.pricing import NewAssignment, place_from
from billing.statements import Statement, StatementLine
from foundation.errors import InvalidInput
from foundation.events import TokenStatus
from foundation.identifiers import IdToken, OrganisationKey, StationId, TransactionId
from foundation.money import Money
from roaming import administration
from tests.billing.story import (
    BAKERY,
    DECEMBER,
    EMP,
    EXTERNAL,
    HOTEL,
    LONG_AGO,
    NOVEMBER,
    NOW,
    STAFF,
    UNKNOWN,
    closing,
    ended,
    happen,
    settle_in,
    started,
    tariff,
)

JANUARY = datetime(2027, 1, 2, 8, tzinfo=UTC)
QR: dict[str, Any] = {
    "id_token": IdToken("QR-1", "DirectPayment"),
    "token_organisation": None,
    "token_provider": EMP,
}


def euro(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


async def october(db: AsyncSession, at: datetime = NOVEMBER) -> Statement:
    [statement] = await closing().close(db, BAKERY, "2026-10", now=at)
    return statement


async def lines(db: AsyncSession) -> dict[int, StatementLine]:
    return {line.transaction_id: line for line in (await october(db)).lines}


async def agree(db: AsyncSession, since: datetime = LONG_AGO, **facts: Any) -> None:
    await administration.create_agreement(db, BAKERY, facts, valid_from=since, now=LONG_AGO)  # type: ignore[arg-type]


async def test_7_3_who_is_known_the_owners_entity_and_those_below_at_the_start(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    # While the cars charge the staff is no longer the bakery's, and the hotel is: what held at the
    # start counts.
    await happen(db, started(1), started(2, token_organisation=HOTEL))
    await directory.change_organisation(db, STAFF, {"parent": "operator"})
    await directory.change_organisation(db, HOTEL, {"parent": BAKERY})
    await happen(
        db,
        ended(1),
        ended(2, token_organisation=HOTEL),
        ended(3, token_organisation=BAKERY),
        ended(4, **EXTERNAL),
    )
    classes = {number: line.charge_class for number, line in (await lines(db)).items()}
    assert classes == {
        1: ChargeClass.INTERNAL,
        2: ChargeClass.EXTERNAL,  # another tenant's card is in the system, and foreign
        3: ChargeClass.INTERNAL,
        4: ChargeClass.EXTERNAL,
    }


async def test_2_external_session_90_percent_and_internal_session_100_percent_of_its_revenue(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, ended(1, kwh="10"), ended(2, kwh="10", **EXTERNAL))
    found = await lines(db)
    assert {number: (line.net.text, line.payout.text) for number, line in found.items()} == {
        1: ("4.00", "4.00"),
        2: ("4.00", "3.60"),
    }


async def test_7_3_app_start_goes_by_the_contract_and_a_qr_code_is_external(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    app = IdToken("app-user-7", "Central")
    await happen(db, ended(1, id_token=app), ended(2, **QR))
    found = await lines(db)
    assert found[1].charge_class is ChargeClass.INTERNAL
    assert found[2].charge_class is ChargeClass.EXTERNAL


async def test_7_3_nobody_pays_held_but_free_vend_is_a_line_of_nothing(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(
        db,
        ended(1, **UNKNOWN),
        ended(2, id_token=None, token_organisation=None, token_status=None),
        ended(3, free_vend=True, id_token=None, token_organisation=None, token_status=None),
        ended(4, billing_decision="free"),
        ended(5, billing_decision="token", **EXTERNAL),
        ended(6, token_status=TokenStatus.BLOCKED),  # it started offline with a refused token
    )
    statement = await october(db)
    assert [(each.transaction_id, each.reason) for each in statement.unpaid] == [
        (1, "no_payer"),
        (2, "no_payer"),
        (6, "no_payer"),
    ]
    paid = {line.transaction_id: line for line in statement.lines}
    assert paid[TransactionId(3)].net == euro("0")
    # A start by staff: the class follows its billing decision.
    assert (paid[TransactionId(4)].charge_class, paid[TransactionId(4)].net) == (
        ChargeClass.INTERNAL,
        euro("0"),
    )
    assert paid[TransactionId(5)].payout == euro("3.60")


async def test_7_3_who_pays_an_external_session_the_provider_by_postings_of_the_same_cdr(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, ended(1, **EXTERNAL))
    [entry] = (await books.entries_of(db, TransactionId(1))).values()
    assert {each.account.name: each.amount.text for each in entry.postings} == {
        "receivable/DE*EMP": "4.76",
        "unsettled/bakery": "-4.00",
        "vat": "-0.76",
    }
    await happen(db, ended(2, token_status=TokenStatus.INVALID, **EXTERNAL))
    assert await books.entries_of(db, TransactionId(2)) == {}  # a refused token: nobody answers


async def test_7_3_deductions_before_the_share_there_are_none(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, **EXTERNAL))
    await october(db)
    found = await ledger_store.balances(db)
    assert found[FEES]["EUR"] == euro("-0.40")  # what is left of 4.00 after 90 %, and nothing else
    assert found[receivable(EMP)]["EUR"] == euro("4.76")
    assert found[payable(BAKERY)]["EUR"] == euro("-4.28")  # 3.60 and the tax on it


@pytest.mark.parametrize(
    ("scope", "classes"),
    [
        (None, "internal external external"),
        ("owner", "internal external external"),
        ("operator", "internal internal external"),
        ("installation", "internal internal external"),
    ],
)
async def test_7_3_whose_tokens_are_internal_the_agreement_says(
    db: AsyncSession, scope: str | None, classes: str
) -> None:
    await settle_in(db)
    if scope is not None:
        await agree(db, internal_scope=scope)
    await happen(db, ended(1), ended(2, token_organisation=HOTEL), ended(3, **EXTERNAL))
    found = await lines(db)
    assert " ".join(found[number].charge_class for number in (1, 2, 3)) == classes


async def test_7_3_90_percent_of_net_with_vat_on_the_payout_by_the_payees_status(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, ended(1, **EXTERNAL))
    statement = await october(db)
    assert (statement.lines[0].net, statement.payout_net) == (euro("4.00"), euro("3.60"))
    assert statement.vat[0].rate == 19
    assert statement.payout_gross == euro("4.28")


async def test_7_3_90_percent_of_gross_where_the_contract_says_so(db: AsyncSession) -> None:
    await settle_in(db)
    await agree(db, basis="gross")
    await directory.change_organisation(db, BAKERY, {"tax_status": "small_business"})
    await happen(db, ended(1, **EXTERNAL))
    assert (await october(db)).payout_gross == euro("4.28")  # 90 % of 4.76


async def test_7_3_share_fixed_no_basis_points_with_a_date_and_the_start_decides(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await agree(db, NOW, internal_bps=9550, external_bps=8000)
    before = NOW - timedelta(minutes=30)
    await happen(
        db,
        ended(1, before),  # it ends after the agreement begins
        ended(2),
        ended(3, before, **EXTERNAL),
        ended(4, **EXTERNAL),
    )
    found = await lines(db)
    assert {number: line.share_bps for number, line in found.items()} == {
        1: 10_000,
        2: 9_550,
        3: 9_000,
        4: 8_000,
    }
    with pytest.raises(InvalidInput):
        await administration.create_agreement(
            db, HOTEL, {"internal_bps": 10_001}, valid_from=LONG_AGO, now=LONG_AGO
        )


async def test_7_3_rounding_once_per_group_and_lines_by_largest_remainder(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    # 0.05 each: 90 % of the three is 0.135, half up 0.14; each alone would be 0.05, together 0.15.
    await happen(db, *(ended(number, kwh="0.125", **EXTERNAL) for number in (1, 2, 3)))
    statement = await october(db)
    assert statement.payout_net == euro("0.14")
    assert [line.payout.text for line in statement.lines] == ["0.05", "0.05", "0.04"]
    await happen(db, ended(4, kwh="0.225", owner=HOTEL, **EXTERNAL))
    [other] = await closing().close(db, HOTEL, "2026-10", now=NOVEMBER)
    assert other.payout_net == euro("0.08")  # 90 % of 0.09 is 0.081


async def test_7_3_which_month_that_of_the_end_in_the_payees_zone(db: AsyncSession) -> None:
    await settle_in(db)
    midnight = datetime(2026, 10, 31, 23, tzinfo=UTC)
    await happen(
        db,
        ended(1, midnight - timedelta(minutes=61)),
        ended(2, midnight - timedelta(minutes=30)),
    )
    assert list(await lines(db)) == [1]
    await happen(db, ended(3))
    [november] = await closing().close(db, BAKERY, "2026-11", now=DECEMBER)
    assert [(line.transaction_id, line.late_from_month) for line in november.lines] == [
        (2, None),
        (3, "2026-10"),
    ]


async def test_7_3_invalid_sessions_are_not_paid_and_listed_with_the_reason(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2))
    await closing().void(db, TransactionId(2), reason="A test.", by="person/7", now=NOW)
    statement = await october(db)
    assert [line.transaction_id for line in statement.lines] == [1]
    assert [(each.transaction_id, each.reason) for each in statement.unpaid] == [(2, "void")]


async def test_7_3_negative_corrections_are_lines_and_a_negative_balance_is_carried_forward(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    first = await october(db)
    await books.mark_paid(db, first.statement_id, now=NOVEMBER)
    await happen(db, ended(1, kwh="5", revision=2))
    [second] = await closing().close(db, BAKERY, "2026-11", now=DECEMBER)
    assert [line.payout.text for line in second.lines] == ["-4.00", "2.00"]
    assert second.payout_gross == euro("-2.38")
    assert await books.mark_paid(db, second.statement_id, now=DECEMBER) == euro("0")

    await happen(db, ended(2, DECEMBER))
    [third] = await closing().close(db, BAKERY, "2026-12", now=JANUARY)
    assert await books.mark_paid(db, third.statement_id, now=JANUARY) == euro("2.38")


async def test_7_3_zero_statement_none_by_default_and_by_a_setting(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    await october(db)
    await change_settings(db, OrganisationKey("operator"), {"due_days": 20}, now=NOVEMBER)
    assert await closing().close(db, BAKERY, "2026-11", now=DECEMBER) == []

    await change_settings(db, OrganisationKey("operator"), {"zero_invoices": True}, now=DECEMBER)
    [nothing] = await closing().close(db, BAKERY, "2026-12", now=JANUARY)
    assert (nothing.lines, nothing.payout_gross) == ((), euro("0"))
    # Whoever never had a station that anything was paid for gets none all the same.
    assert await closing().close(db, STAFF, "2026-12", now=JANUARY) == []


async def test_7_3_month_end_run_after_midnight_in_the_zone_dated_that_day_and_once(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    midnight = datetime(2026, 10, 31, 23, tzinfo=UTC)
    with pytest.raises(MonthNotOver):
        await october(db, midnight - timedelta(microseconds=1))
    # A session that ends in the last minute of the month is in it.
    await happen(db, ended(1, midnight - timedelta(hours=1, seconds=30)))
    statement = await october(db, midnight + timedelta(minutes=10))
    assert statement.issued_at == midnight + timedelta(minutes=10)
    assert str(statement.due_on) == "2026-11-15"  # a fortnight after 1 November in Berlin
    assert await october(db, DECEMBER) == statement


async def test_7_3_a_price_of_nothing_is_a_line_as_any_other(db: AsyncSession) -> None:
    await settle_in(db)
    await pricing.create_tariff(
        db,
        tariff("FREE", per_kwh=0.0),
        [NewAssignment(place_from("station", "S2"), LONG_AGO)],
        organisation=None,
        now=LONG_AGO,
    )
    await happen(db, ended(1, station=StationId("S2")))
    found = await lines(db)
    assert found[1].payout == euro("0")
