"""What billing does when transactions start and end, on the real database."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import ledger_store, store
from billing.books import BillingState, state_of
from billing.cdr import ChargeClass, Payer
from billing.handlers import READER, rounds, subscription
from billing.pricing import NewAssignment, assign, change_tariff, create_tariff, place_from
from foundation import outbox
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import Doubt, Event, TransactionEnded, TransactionEvent
from foundation.identifiers import StationId, TransactionId
from foundation.money import Money
from foundation.outbox import Delivery
from foundation.tables import JournalRow
from roaming import administration
from roaming.handlers import Reimbursement
from tests.billing.story import (
    BAKERY,
    EMP,
    EXTERNAL,
    HOTEL,
    INFERRED,
    LONG_AGO,
    NOVEMBER,
    NOW,
    STAFF,
    UNKNOWN,
    ended,
    happen,
    settle_in,
    started,
    tariff,
)

ONE = TransactionId(1)


async def record(db: AsyncSession, number: int = 1) -> store.Record:
    return (await store.current_records(db, [number]))[TransactionId(number)]


def euro(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


async def test_a_transaction_is_rated_recorded_and_booked(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, started(1), ended(1, kwh="10"))

    found = await record(db)

    assert (found.cdr.net, found.cdr.vat) == (euro("4.00"), euro("0.76"))
    assert found.cdr.charge_class is ChargeClass.INTERNAL
    assert found.cdr.payer == Payer(organisation=STAFF)
    assert found.cdr.hold_reason is None
    [line] = found.cdr.lines
    assert line.explanation.measured == Decimal(10)
    assert await state_of(db, [ONE]) == {ONE: BillingState.RATED}
    [entry] = (await ledger_store.entries_of_transactions(db, [1])).values()
    assert sum(posting.amount.amount for posting in entry.postings) == 0


async def test_the_same_event_twice_changes_nothing(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, started(1), ended(1))
    before = await ledger_store.balances(db)

    await happen(db, started(1), ended(1))
    await happen(db, ended(1), ended(1))

    assert await ledger_store.balances(db) == before
    assert (await record(db)).cdr.replaces is None


async def test_an_earlier_revision_that_comes_late_changes_nothing(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, kwh="10", revision=2))
    await happen(db, ended(1, kwh="5", revision=1))
    assert (await record(db)).cdr.revision == 2


async def test_revisions_in_one_batch_leave_the_same_as_one_by_one(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, started(1), ended(1, kwh="5", **INFERRED), ended(1, kwh="10", revision=2))
    for event in (started(2), ended(2, kwh="5", **INFERRED), ended(2, kwh="10", revision=2)):
        await happen(db, event)

    batch, single = await record(db, 1), await record(db, 2)

    assert batch.cdr.net == single.cdr.net == euro("4.00")
    assert batch.cdr.replaces is not None
    assert single.cdr.replaces is not None
    rows = await db.execute(text("select transaction_id, count(*) from cdrs group by 1"))
    assert {row[0]: row[1] for row in rows} == {1: 2, 2: 2}


async def test_everything_changed_before_a_late_start_arrives_is_priced_as_of_then(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await administration.create_agreement(
        db, BAKERY, {"external_bps": 8500}, valid_from=LONG_AGO, now=LONG_AGO
    )
    later = NOW + timedelta(days=2)
    [agreement] = await administration.agreements(db)
    await administration.change_agreement(
        db, agreement.agreement_id, {"external_bps": 5000}, valid_from=later, now=later
    )
    await change_tariff(db, "T1", tariff(per_kwh=0.99), now=later)
    await create_tariff(db, tariff("T2", per_kwh=2), organisation=None, now=later)
    await assign(db, "T2", NewAssignment(place_from("station", "S1"), later), now=later)

    await happen(
        db,
        ended(1, NOW, **EXTERNAL),
        ended(2, later, **EXTERNAL),
        ended(3, later, station=StationId("S2"), **EXTERNAL),
        clock=SetClock(NOVEMBER),
    )

    early, late, elsewhere = await record(db, 1), await record(db, 2), await record(db, 3)
    assert (early.cdr.net, early.cdr.share_bps) == (euro("4.00"), 8500)
    assert (late.cdr.net, late.cdr.share_bps) == (euro("20.00"), 5000)
    assert elsewhere.cdr.net == euro("9.90")


async def test_terms_that_are_frozen_are_kept(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, started(1))
    # An assignment with an earlier date comes after the start was seen.
    await create_tariff(
        db,
        tariff("T2", per_kwh=2),
        [NewAssignment(place_from("station", "S1"), LONG_AGO)],
        organisation=None,
        now=NOW,
    )
    await happen(db, ended(1), ended(2))

    assert (await record(db, 1)).cdr.net == euro("4.00")
    assert (await record(db, 2)).cdr.net == euro("20.00")


async def test_what_was_missing_at_the_start_is_looked_for_again_at_the_end(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await db.execute(text("delete from tariff_assignments"))
    await happen(db, started(1))
    await assign(db, "T1", NewAssignment(place_from("station", "S1"), LONG_AGO), now=NOW)
    await happen(db, ended(1))
    assert (await record(db)).cdr.net == euro("4.00")


async def test_other_facts_in_a_later_revision_are_looked_up_again(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, doubts=(Doubt.MISSING_START,), **UNKNOWN))
    assert (await record(db)).cdr.payer is None

    await happen(db, ended(1, NOW - timedelta(hours=1), revision=2, **EXTERNAL))

    found = (await record(db)).cdr
    assert found.payer == Payer(provider=EMP)
    assert found.hold_reason is None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (UNKNOWN, "no_payer"),
        ({"id_token": None, "token_organisation": None, "token_status": None}, "no_payer"),
        ({"token_status": "blocked"}, "no_payer"),
        (INFERRED, "inferred_end"),
        ({"doubts": (Doubt.NEGATIVE_ENERGY,)}, "negative_energy"),
        ({"max_power_w": Decimal(1000)}, "impossible_energy"),
        ({"doubts": (Doubt.STATION_WAITING,)}, "station_waiting"),
    ],
)
async def test_what_needs_a_person_is_recorded_and_not_booked(
    db: AsyncSession, changed: dict[str, Any], reason: str
) -> None:
    await settle_in(db)
    await happen(db, ended(1, **changed))

    assert (await record(db)).cdr.hold_reason == reason
    assert await ledger_store.balances(db) == {}
    assert await state_of(db, [ONE]) == {ONE: BillingState.HELD}


async def test_without_a_tariff_it_is_stored_and_held(db: AsyncSession) -> None:
    await settle_in(db)
    await db.execute(text("delete from tariff_assignments"))
    await happen(db, ended(1))

    found = (await record(db)).cdr

    assert (found.hold_reason, found.lines, found.net) == ("no_tariff", (), euro("0"))


async def test_free_vend_costs_nothing_and_needs_no_payer(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, free_vend=True, **UNKNOWN))

    found = (await record(db)).cdr

    assert found.hold_reason is None
    assert found.net == euro("0")
    assert await state_of(db, [ONE]) == {ONE: BillingState.RATED}
    assert await ledger_store.balances(db) == {}


async def test_anothers_token_is_external_and_its_organisation_pays(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, token_organisation=HOTEL))
    found = (await record(db)).cdr
    assert (found.charge_class, found.share_bps) == (ChargeClass.EXTERNAL, 9000)
    assert found.payer == Payer(organisation=HOTEL)


async def test_a_tariff_of_an_organisation_holds_for_those_below_it(db: AsyncSession) -> None:
    await settle_in(db)
    await create_tariff(
        db,
        tariff("T2", per_kwh=1),
        [NewAssignment(place_from("organisation", BAKERY), LONG_AGO)],
        organisation=BAKERY,
        now=LONG_AGO,
    )
    await happen(db, ended(1, owner=STAFF), ended(2, owner=HOTEL, token_organisation=HOTEL))
    assert (await record(db, 1)).cdr.net == euro("10.00")
    assert (await record(db, 2)).cdr.net == euro("4.00")


async def test_each_cdr_is_announced(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, kwh="5", **INFERRED))
    await happen(db, ended(1, kwh="10", revision=2))

    rows = await db.execute(select(JournalRow.payload).order_by(JournalRow.id))
    first, second = rows.scalars()

    assert (first["hold_reason"], first["replaces"]) == ("inferred_end", None)
    assert (second["hold_reason"], second["replaces"]) == (None, first["cdr_id"])
    assert second["cdr_id"] == (await record(db)).cdr.cdr_id


# ----------------------------------------------------------------------- through the outbox


@pytest.fixture
async def routed(database_url: str) -> AsyncIterator[Database]:
    made = Database(database_url, routes=outbox.routes([subscription(Reimbursement(), CLOCK)]))
    yield made
    await made.close()


CLOCK = SetClock(NOW)


async def test_events_reach_billing_through_the_outbox_once(routed: Database) -> None:
    async with routed.unit_of_work() as db:
        await settle_in(db)
        await outbox.append(db, [started(1), ended(1)], recorded_at=NOW)
        assert await outbox.pending(db, READER, NOVEMBER) == 2

    assert await outbox.deliver(routed, subscription(Reimbursement(), CLOCK), CLOCK) == 2
    assert await outbox.deliver(routed, subscription(Reimbursement(), CLOCK), CLOCK) == 0

    async with routed.unit_of_work() as db:
        assert (await record(db)).cdr.net == euro("4.00")
        assert await outbox.pending(db, READER, NOVEMBER) == 0


async def test_an_owner_that_is_not_known_is_parked_and_seen(routed: Database) -> None:
    async with routed.unit_of_work() as db:
        await directory.ensure_root(
            db,
            key="operator",
            name="Operator",
            time_zone="Europe/Berlin",
            currency="EUR",
            country="DE",
            language="de",
            now=LONG_AGO,
        )
        await outbox.append(db, [ended(1)], recorded_at=NOW)
    await outbox.deliver(routed, subscription(Reimbursement(), CLOCK), CLOCK)
    async with routed.unit_of_work() as db:
        assert len(await outbox.parked(db)) == 1


# --------------------------------------------------------------------------------- rounds


@given(numbers=st.lists(st.integers(1, 4), max_size=12))
def test_rounds_keep_the_order_of_each_transaction(numbers: list[int]) -> None:
    seen: dict[int, int] = {}
    events: list[Event] = []
    for number in numbers:
        seen[number] = seen.get(number, 0) + 1
        events.append(ended(number, revision=seen[number]))

    made = list(rounds([Delivery(n, event, NOW) for n, event in enumerate(events)]))

    for each in made:
        ids = [event.transaction_id for event in each]
        assert len(ids) == len(set(ids))
    flat: list[TransactionEvent] = [event for each in made for event in each]
    assert len(flat) == len(events)
    for number in set(numbers):
        revisions = [
            event.revision
            for event in flat
            if isinstance(event, TransactionEnded) and event.transaction_id == number
        ]
        assert revisions == sorted(revisions)


def test_a_start_whose_end_is_there_needs_no_round_of_its_own() -> None:
    events = [started(1), started(2), ended(1), started(3), ended(1, revision=2)]
    made = list(rounds([Delivery(n, event, NOW) for n, event in enumerate(events)]))
    assert made == [[events[2], events[1], events[3]], [events[4]]]


async def test_start_and_end_in_one_batch_leave_what_one_after_the_other_does(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await happen(db, started(1), ended(1))
    await happen(db, started(2))
    await happen(db, ended(2))
    terms = await store.locked_terms(db, [1, 2])
    records = await store.current_records(db, [1, 2])
    [one, two] = terms.values()
    assert structs.replace(one, transaction_id=two.transaction_id) == two
    [first, second] = records.values()
    assert (first.cdr.net, first.cdr.payer, first.cdr.share_bps, first.hold_reasons) == (
        second.cdr.net,
        second.cdr.payer,
        second.cdr.share_bps,
        second.hold_reasons,
    )
