"""The month close, end to end from events to statements; and what people decide."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import ledger_store
from billing.cdr import ChargeClass, Payer
from billing.closing import (
    AlreadySettled,
    DeliveriesPending,
    MonthNotOver,
    NotOnHold,
    NotPayable,
)
from billing.handlers import subscription
from billing.ledger import FEES, VAT, clearing, payable, receivable, unsettled
from billing.pricing import NewAssignment, create_tariff, place_from
from billing.statements import GapExplanation, Statement
from foundation import outbox
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import InvalidInput, NotFound
from foundation.events import Doubt, TransactionEnded, UsagePoint
from foundation.identifiers import EvseId, OrganisationKey, StationId, TransactionId
from foundation.money import Money
from roaming import administration
from roaming.handlers import Reimbursement
from tests.billing.story import (
    BAKERY,
    DECEMBER,
    EMP,
    EXTERNAL,
    HOTEL,
    INFERRED,
    LONG_AGO,
    NOVEMBER,
    NOW,
    STAFF,
    UNKNOWN,
    Span,
    closing,
    ended,
    happen,
    settle_in,
    started,
    tariff,
)

ONE = TransactionId(1)


async def october(db: AsyncSession, *, at: datetime = NOVEMBER, **options: Any) -> Statement:
    [statement] = await closing().close(db, BAKERY, "2026-10", now=at, **options)
    return statement


async def november(db: AsyncSession) -> list[Statement]:
    return await closing().close(db, BAKERY, "2026-11", now=DECEMBER)


def euro(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


async def the_ledger_balances(db: AsyncSession) -> None:
    sums: dict[str, Money] = {}
    for by_currency in (await ledger_store.balances(db)).values():
        for currency, money in by_currency.items():
            sums[currency] = sums.get(currency, Money.zero(currency)) + money
    assert not any(money.amount for money in sums.values())


# ---------------------------------------------------------------------------------- figures


async def test_own_tokens_pay_all_and_others_ninety_percent(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, kwh="10"), ended(2, kwh="10", **EXTERNAL))

    statement = await october(db)

    assert statement.statement_id == "bakery-2026-10-EUR"
    assert [
        (line.charge_class, line.net, line.share_bps, line.payout) for line in statement.lines
    ] == [
        (ChargeClass.INTERNAL, euro("4.00"), 10_000, euro("4.00")),
        (ChargeClass.EXTERNAL, euro("4.00"), 9_000, euro("3.60")),
    ]
    assert statement.payout_net == euro("7.60")
    assert statement.vat[0].rate == 19
    assert statement.payout_gross == euro("9.04")
    assert str(statement.due_on) == "2026-11-16"


async def test_the_close_books_the_payout_once_per_group(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, kwh="10"), ended(2, kwh="10", **EXTERNAL))
    before = await ledger_store.balances(db)
    assert before[unsettled(BAKERY)]["EUR"] == euro("-8.00")

    await october(db)

    after = await ledger_store.balances(db)
    assert after[unsettled(BAKERY)]["EUR"] == euro("0")
    assert after[payable(BAKERY)]["EUR"] == euro("-9.04")
    assert after[FEES]["EUR"] == euro("-0.40")
    assert after[clearing(STAFF)]["EUR"] == euro("4.76")
    assert after[receivable(EMP)]["EUR"] == euro("4.76")
    assert after[VAT]["EUR"] == euro("-0.08")  # 1.52 collected, 1.44 on the payout
    await the_ledger_balances(db)


async def test_a_group_is_rounded_half_up_and_its_lines_add_up(db: AsyncSession) -> None:
    await settle_in(db)
    # 0.05 net each; 90 % of five is 0.225, so 0.23: three lines of 0.05 and two of 0.04.
    await happen(db, *(ended(n, kwh="0.125", **EXTERNAL) for n in range(1, 6)))

    statement = await october(db)

    assert statement.payout_net == euro("0.23")
    payouts = {line.transaction_id: line.payout for line in statement.lines}
    assert [payouts[TransactionId(n)].amount for n in range(1, 6)] == [
        Decimal("0.05"),
        Decimal("0.05"),
        Decimal("0.05"),
        Decimal("0.04"),
        Decimal("0.04"),
    ]


async def test_a_dry_run_gives_the_same_figures_and_books_nothing(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(
        db, ended(1), ended(2, **EXTERNAL), ended(3, **UNKNOWN), ended(4, NOW - timedelta(days=60))
    )
    before = await ledger_store.balances(db)

    dry = await october(db, dry_run=True)
    assert await ledger_store.balances(db) == before
    real = await october(db, at=NOVEMBER + timedelta(hours=1))

    assert dry.lines
    assert dry.unpaid
    assert replace(dry, issued_at=real.issued_at, statement_id=real.statement_id) == real


async def test_closing_again_gives_the_same_statement(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2, **UNKNOWN))
    first = await october(db)
    await happen(db, ended(3))

    again = await october(db, at=DECEMBER)
    dry = await october(db, at=DECEMBER, dry_run=True)

    assert again == first
    assert dry == first
    await the_ledger_balances(db)


async def test_each_currency_has_a_statement_of_its_own(db: AsyncSession) -> None:
    await settle_in(db)
    await create_tariff(
        db,
        tariff("CHF", currency="CHF"),
        [NewAssignment(place_from("station", "S2"), LONG_AGO)],
        organisation=None,
        now=LONG_AGO,
    )
    await happen(db, ended(1), ended(2, station=StationId("S2")))

    statements = await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)

    assert [each.currency for each in statements] == ["CHF", "EUR"]
    assert [len(each.lines) for each in statements] == [1, 1]


@pytest.mark.parametrize("status", ["small_business", "reverse_charge", "private"])
async def test_only_a_standard_payee_gets_vat(db: AsyncSession, status: str) -> None:
    await settle_in(db)
    await directory.change_organisation(db, BAKERY, {"tax_status": status})
    await happen(db, ended(1))

    statement = await october(db)

    assert statement.payout_gross == statement.payout_net == euro("4.00")


# ----------------------------------------------------------------------------------- months


async def test_a_month_that_is_not_over_in_the_payees_zone_is_refused(db: AsyncSession) -> None:
    await settle_in(db)
    over = datetime(2026, 10, 31, 23, tzinfo=UTC)  # midnight in Berlin

    with pytest.raises(MonthNotOver) as refusal:
        await closing().close(db, BAKERY, "2026-10", now=over - timedelta(seconds=1))
    assert refusal.value.ends_at == over
    assert await closing().close(db, BAKERY, "2026-10", now=over) == []


async def test_a_session_belongs_to_the_month_in_which_it_ended_in_the_payees_zone(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    midnight = datetime(2026, 10, 31, 23, tzinfo=UTC)
    await happen(
        db,
        ended(1, midnight - timedelta(hours=1, seconds=1)),
        ended(2, midnight - timedelta(hours=1)),
    )

    assert [line.transaction_id for line in (await october(db)).lines] == [1]
    [later] = await november(db)
    assert [(line.transaction_id, line.late_from_month) for line in later.lines] == [(2, None)]


async def test_a_late_session_comes_with_the_next_statement_and_names_its_month(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    await october(db)
    await happen(db, ended(2), ended(3, NOVEMBER))

    [statement] = await november(db)

    assert [(line.transaction_id, line.late_from_month) for line in statement.lines] == [
        (3, None),
        (2, "2026-10"),
    ]
    assert statement.totals[ChargeClass.INTERNAL].sessions == 2


async def test_a_payee_without_anything_gets_no_statement_and_its_month_is_closed(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    assert await closing().close(db, HOTEL, "2026-10", now=NOVEMBER) == []
    await happen(db, ended(1, owner=HOTEL))

    assert await closing().close(db, HOTEL, "2026-10", now=NOVEMBER) == []
    [later] = await closing().close(db, HOTEL, "2026-11", now=DECEMBER)
    assert later.lines[0].late_from_month == "2026-10"


@pytest.mark.parametrize("month", ["2026-13", "october", "2026-1", "0000-01"])
async def test_what_is_no_month_is_refused(db: AsyncSession, month: str) -> None:
    await settle_in(db)
    with pytest.raises(InvalidInput):
        await closing().close(db, BAKERY, month, now=NOVEMBER)


async def test_an_unknown_payee_is_refused(db: AsyncSession) -> None:
    await settle_in(db)
    with pytest.raises(NotFound):
        await closing().close(db, OrganisationKey("nobody"), "2026-10", now=NOVEMBER)


async def test_the_close_waits_for_events_of_the_month(database_url: str) -> None:
    billing = subscription(Reimbursement(), SetClock(NOW))
    database = Database(database_url, routes=outbox.routes([billing]))
    async with database.unit_of_work() as db:
        await settle_in(db)
        await outbox.append(db, [started(1), ended(1), started(2, NOVEMBER)], recorded_at=NOVEMBER)

    async with database.unit_of_work() as db:
        with pytest.raises(DeliveriesPending) as refusal:
            await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)
        assert refusal.value.count == 2
    await outbox.deliver(database, billing, SetClock(NOVEMBER))

    async with database.unit_of_work() as db:
        assert len((await october(db)).lines) == 1
    await database.close()


async def test_two_who_close_at_once_get_the_same_statement(database: Database) -> None:
    async with database.unit_of_work() as db:
        await settle_in(db)
        await happen(db, *(ended(number) for number in range(1, 30)))

    async def close() -> Statement:
        async with database.unit_of_work() as db:
            return await october(db)

    first, second = await asyncio.gather(close(), close())

    assert first == second
    async with database.unit_of_work() as db:
        assert (await ledger_store.balances(db))[unsettled(BAKERY)]["EUR"] == euro("0")


async def test_a_revision_during_the_close_is_paid_or_corrected(database: Database) -> None:
    async with database.unit_of_work() as db:
        await settle_in(db)
        await happen(db, *(ended(number, kwh="10") for number in range(1, 30)))

    async def close() -> None:
        async with database.unit_of_work() as db:
            await october(db)

    async def revise() -> None:
        async with database.unit_of_work() as db:
            await happen(db, *(ended(n, kwh="5", revision=2) for n in range(1, 30)))

    await asyncio.gather(close(), revise())

    async with database.unit_of_work() as db:
        later = await november(db)
        first = await closing().close(db, BAKERY, "2026-10", now=DECEMBER)
        paid = [line.net.amount for each in [*first, *later] for line in each.lines]
        assert sum(paid) == Decimal(2) * 29
        await the_ledger_balances(db)


# ----------------------------------------------------------------------------------- unpaid


async def test_held_transactions_are_listed_with_their_reason_once(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2, **UNKNOWN), ended(3, **INFERRED))

    statement = await october(db)

    assert [(each.transaction_id, each.reason) for each in statement.unpaid] == [
        (2, "no_payer"),
        (3, "inferred_end"),
    ]
    assert await november(db) == []


async def test_a_released_transaction_is_paid_with_the_next_statement(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2, **INFERRED))
    await october(db)

    await closing().release(db, TransactionId(2), reason="meter read", by="person/1", now=DECEMBER)

    [statement] = await november(db)
    assert [(line.transaction_id, line.late_from_month) for line in statement.lines] == [
        (2, "2026-10")
    ]
    assert statement.unpaid == ()
    await the_ledger_balances(db)


async def test_a_voided_transaction_is_listed_as_void(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2, **INFERRED))
    await october(db)

    await closing().void(db, TransactionId(2), reason="test drive", by="person/1", now=DECEMBER)

    [statement] = await november(db)
    assert statement.lines == ()
    assert [(each.transaction_id, each.reason) for each in statement.unpaid] == [(2, "void")]


async def test_a_rated_transaction_can_be_voided_until_a_statement_has_paid_it(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, ended(1), ended(2))

    await closing().void(db, ONE, reason="test", by="person/1", now=NOW)

    assert (await ledger_store.balances(db))[unsettled(BAKERY)]["EUR"] == euro("-4.00")
    statement = await october(db)
    assert [line.transaction_id for line in statement.lines] == [2]
    assert [each.reason for each in statement.unpaid] == ["void"]
    with pytest.raises(AlreadySettled):
        await closing().void(db, TransactionId(2), reason="late", by="person/1", now=NOVEMBER)
    await the_ledger_balances(db)


async def test_what_was_voided_can_be_released_again(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    await closing().void(db, ONE, reason="test", by="person/1", now=NOW)
    with pytest.raises(NotOnHold):
        await closing().void(db, ONE, reason="again", by="person/1", now=NOW)

    await closing().release(db, ONE, reason="no test", by="person/1", now=NOW)

    assert [line.net for line in (await october(db)).lines] == [euro("4.00")]
    await the_ledger_balances(db)


async def test_what_is_held_by_hand_is_not_paid_until_released(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    await closing().hold(db, ONE, reason="odd", by="person/1", now=NOW)
    assert [each.reason for each in (await october(db)).unpaid] == ["by_hand"]

    await closing().release(db, ONE, reason="fine", by="person/1", now=NOVEMBER)
    with pytest.raises(NotOnHold):
        await closing().release(db, ONE, reason="fine", by="person/1", now=NOVEMBER)
    assert len((await november(db))[0].lines) == 1


async def test_without_a_tariff_a_release_is_refused_until_one_was_valid_at_the_start(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    elsewhere = OrganisationKey("elsewhere")
    await db.execute(text("delete from tariff_assignments"))
    await directory.create_organisation(db, elsewhere, {"name": "Elsewhere"}, now=LONG_AGO)
    await happen(db, ended(1, owner=elsewhere, token_organisation=elsewhere))
    with pytest.raises(NotPayable, match="no tariff"):
        await closing().release(db, ONE, reason="please", by="person/1", now=NOW)

    await create_tariff(
        db,
        tariff("T2"),
        [NewAssignment(place_from("station", "S1"), NOW)],
        organisation=None,
        now=NOVEMBER,
    )
    await closing().release(db, ONE, reason="entered", by="person/1", now=NOVEMBER)

    [statement] = await closing().close(db, elsewhere, "2026-10", now=NOVEMBER)
    assert [line.net for line in statement.lines] == [euro("4.00")]


async def test_without_a_payer_a_release_says_who_pays(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, **UNKNOWN))
    with pytest.raises(NotPayable, match="nobody answers"):
        await closing().release(db, ONE, reason="please", by="person/1", now=NOW)

    await closing().release(
        db, ONE, reason="phoned", by="person/1", now=NOW, payer=Payer(organisation=HOTEL)
    )

    assert (await ledger_store.balances(db))[clearing(HOTEL)]["EUR"] == euro("4.76")


async def test_a_transaction_that_billing_never_saw_cannot_be_released(db: AsyncSession) -> None:
    await settle_in(db)
    with pytest.raises(NotFound):
        await closing().release(db, TransactionId(99), reason="?", by="person/1", now=NOW)


# -------------------------------------------------------------------------------- revisions


async def test_a_real_end_replaces_an_inferred_one_before_the_close(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, kwh="5", **INFERRED))
    await happen(db, ended(1, kwh="10", revision=2))

    statement = await october(db)

    assert [line.net for line in statement.lines] == [euro("4.00")]
    assert statement.unpaid == ()


async def test_a_later_revision_before_the_close_takes_the_first_back(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, kwh="5"))
    await happen(db, ended(1, kwh="10", revision=2))

    entries = await ledger_store.entries_of_transactions(db, [1])
    assert [entry.kind for entry in entries.values()] == ["cdr", "cdr_reversed", "cdr"]
    assert [line.net for line in (await october(db)).lines] == [euro("4.00")]
    await the_ledger_balances(db)


async def test_a_revision_after_the_close_is_corrected_with_the_next_statement(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, ended(1, kwh="10", **EXTERNAL), ended(2, NOVEMBER, kwh="10", **EXTERNAL))
    await october(db)
    await happen(db, ended(1, kwh="5", revision=2, **EXTERNAL))

    [statement] = await november(db)

    assert [(line.transaction_id, line.net, line.late_from_month) for line in statement.lines] == [
        (2, euro("4.00"), None),
        (1, euro("-4.00"), "2026-10"),
        (1, euro("2.00"), "2026-10"),
    ]
    assert statement.payout_net == euro("1.80")  # 90 % of 2.00
    assert statement.totals[ChargeClass.EXTERNAL].energy_wh == Decimal(5000)
    await the_ledger_balances(db)


async def test_a_negative_statement_is_carried_forward_on_the_payees_account(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, ended(1, kwh="10"))
    await october(db)
    await happen(db, ended(1, kwh="0", revision=2))

    [statement] = await november(db)

    assert statement.payout_net == euro("-4.00")
    assert (await ledger_store.balances(db))[payable(BAKERY)]["EUR"] == euro("0")
    await the_ledger_balances(db)


async def test_doubt_after_the_close_takes_back_what_was_paid(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    await october(db)
    await happen(db, ended(1, revision=2, doubts=(Doubt.NEGATIVE_ENERGY,)))

    [statement] = await november(db)

    assert [line.net for line in statement.lines] == [euro("-4.00")]
    assert [each.reason for each in statement.unpaid] == ["negative_energy"]


async def test_what_was_voided_waits_for_a_person_when_a_revision_comes(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1))
    await closing().void(db, ONE, reason="test", by="person/1", now=NOW)
    await happen(db, ended(1, kwh="12", revision=2))

    statement = await october(db)

    assert statement.lines == ()
    assert [each.reason for each in statement.unpaid] == ["by_hand"]
    await closing().release(db, ONE, reason="real", by="person/1", now=NOVEMBER)
    assert [line.net for line in (await november(db))[0].lines] == [euro("4.80")]


# ------------------------------------------------------------------------------------ proof


async def test_the_proof_compares_sessions_with_registers(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(
        db,
        ended(1, kwh="10"),
        ended(2, kwh="5", evse_id=EvseId(2)),
        ended(3, kwh="3", evse_id=EvseId(2), **UNKNOWN),
        ended(4, kwh="1", evse_id=EvseId(3)),
    )
    spans = [
        Span(StationId("S1"), EvseId(1), Decimal(1000), Decimal(11_000)),
        Span(StationId("S1"), EvseId(2), Decimal(0), Decimal(8_000)),
        Span(StationId("S1"), EvseId(3), Decimal(0), Decimal(1_000), lifetime=False),
        Span(StationId("S9"), EvseId(1), Decimal(0), Decimal(70)),
    ]

    [statement] = await closing(*spans).close(db, BAKERY, "2026-10", now=NOVEMBER)

    assert [
        (str(row.station), int(row.evse_id), row.sessions_wh, row.gap_wh, row.explanation)
        for row in statement.proof
    ] == [
        ("S1", 1, Decimal(10_000), Decimal(0), GapExplanation.NONE),
        ("S1", 2, Decimal(5_000), Decimal(3_000), GapExplanation.HELD),
        ("S1", 3, Decimal(1_000), None, GapExplanation.NO_LIFETIME_REGISTER),
        ("S9", 1, Decimal(0), Decimal(70), GapExplanation.BETWEEN_SESSIONS),
    ]


async def test_sessions_across_the_borders_of_the_month_explain_the_gap(db: AsyncSession) -> None:
    await settle_in(db)
    first = datetime(2026, 9, 30, 22, tzinfo=UTC)  # midnight in Berlin
    last = datetime(2026, 10, 31, 23, tzinfo=UTC)
    await happen(db, ended(1, kwh="10"), across(2, first, "4", "6"), across(3, last, "3", "5"))
    # Read at the borders: 4 kWh of the first are before the month, 3 kWh of the last are in it.
    span = Span(StationId("S1"), EvseId(1), Decimal(4_000), Decimal(19_000))

    [statement] = await closing(span).close(db, BAKERY, "2026-10", now=NOVEMBER)

    [row] = statement.proof
    assert (row.sessions_wh, row.gap_wh) == (Decimal(16_000), Decimal(-1_000))
    assert row.explanation is GapExplanation.LATE


def across(number: int, border: datetime, before: str, total: str) -> TransactionEnded:
    """A transaction that is read ten minutes before a border, and ends an hour after it."""
    hour = timedelta(hours=1)
    event = ended(number, border - hour, kwh=total, hours=2)
    middle = UsagePoint(border - timedelta(minutes=10), Decimal(before) * 1000, charging=True)
    return structs.replace(event, usage=(event.usage[0], middle, event.usage[-1]))


async def test_with_a_late_session_the_register_goes_on_where_the_last_paper_ended(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, ended(1, kwh="10"))
    first = Span(StationId("S1"), EvseId(1), Decimal(1_000), Decimal(11_000))
    await closing(first).close(db, BAKERY, "2026-10", now=NOVEMBER)
    await happen(db, ended(2, NOW + timedelta(days=1), kwh="7"))
    second = Span(StationId("S1"), EvseId(1), Decimal(18_000), Decimal(18_000))

    [statement] = await closing(second).close(db, BAKERY, "2026-11", now=DECEMBER)

    [row] = statement.proof
    assert (row.register_start_wh, row.gap_wh) == (Decimal(11_000), Decimal(7_000))
    assert row.explanation is GapExplanation.LATE


async def test_late_sessions_are_not_part_of_the_proof(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, kwh="10"), ended(2, NOW - timedelta(days=60), kwh="7"))

    statement = await october(db)

    assert [row.sessions_wh for row in statement.proof] == [10_000]


# ---------------------------------------------------------------------------------- sharing


async def test_the_share_is_that_of_the_agreement_at_the_start(db: AsyncSession) -> None:
    await settle_in(db)
    await administration.create_agreement(
        db, BAKERY, {"external_bps": 8000}, valid_from=NOW + timedelta(minutes=30), now=NOW
    )
    await happen(db, ended(1, **EXTERNAL), ended(2, NOW + timedelta(minutes=30), **EXTERNAL))

    statement = await october(db)

    assert [line.share_bps for line in statement.lines] == [9000, 8000]
    assert [group.payout for group in statement.groups] == [euro("3.60"), euro("3.20")]


@pytest.mark.parametrize(
    ("status", "net", "gross"), [("standard", "3.60", "4.28"), ("private", "4.28", "4.28")]
)
async def test_a_share_of_the_gross_revenue_includes_the_payees_tax(
    db: AsyncSession, status: str, net: str, gross: str
) -> None:
    """4.76 was charged, and 90 % of that is 4.284."""
    await settle_in(db)
    await directory.change_organisation(db, BAKERY, {"tax_status": status})
    await administration.create_agreement(
        db, BAKERY, {"basis": "gross"}, valid_from=LONG_AGO, now=NOW
    )
    await happen(db, ended(1, **EXTERNAL))

    statement = await october(db)

    assert statement.lines[0].net == euro("4.00")
    assert statement.payout_net == euro(net)
    assert statement.payout_gross == euro(gross)
    await the_ledger_balances(db)
