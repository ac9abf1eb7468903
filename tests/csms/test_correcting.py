"""A person corrects a transaction: a further revision is told, and what was said stays."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import directory
from accounts.directory import WHOLE, Scope
from csms import administration, charging, correcting
from csms.administration import StationSettings, TokenSettings
from csms.correcting import Corrected
from csms.handlers.transactions import transactions_started, transactions_updated
from foundation.errors import InvalidInput, NotFound
from foundation.events import EndBasis, TokenStatus, TransactionEnded, TransactionStarted
from foundation.identifiers import IdToken, OrganisationKey, TransactionId
from tests.csms.central import moment
from tests.csms.handlers.test_transactions import said
from tests.csms.handlers.work import GOOD, OWNER, Work
from tests.csms.test_billing_decisions import begin, end

BY = "person/7"


async def correct(work: Work, number: TransactionId, **wanted: object) -> None:
    await correcting.correct(
        work.db,
        WHOLE,
        number,
        Corrected(**wanted),  # type: ignore[arg-type]
        by=BY,
        reason="Seen on the meter",
        now=work.clock.now(),
    )


async def last(work: Work) -> TransactionEnded:
    return (await work.told(TransactionEnded))[-1]


async def test_a_correction_is_told_as_a_further_revision_and_the_claims_stay(work: Work) -> None:
    number = await begin(work)
    await end(work, number)
    seen = await correcting.preview(
        work.db, WHOLE, number, Corrected(energy_wh=Decimal(5000)), by=BY, now=work.clock.now()
    )
    assert seen.before is not None
    assert (seen.before.energy_wh, seen.after.energy_wh) == (Decimal(8000), Decimal(5000))
    assert (await last(work)).revision == 1, "a preview writes nothing"

    await correct(work, number, energy_wh=Decimal(5000))

    told = await last(work)
    assert (told.revision, told.energy_wh, told.corrected_by) == (2, Decimal(5000), BY)
    [row] = await work.rows("select reported_stop_wh, energy_wh from transactions")
    assert (row["reported_stop_wh"], row["energy_wh"]) == (9000, 5000)
    [kept] = await correcting.corrections_of(work.db, number)
    assert (kept.before["energy_wh"], kept.after["energy_wh"]) == ("8000", "5000")
    assert (kept.reason, kept.made_by, kept.revision) == ("Seen on the meter", BY, 2)


async def test_a_transaction_that_never_ends_is_ended_by_hand_and_a_late_end_changes_nothing(
    work: Work,
) -> None:
    number = await begin(work)
    started_at = work.clock.now()
    work.clock.advance(timedelta(hours=2))
    with pytest.raises(InvalidInput) as refused:
        await correct(work, number, energy_wh=Decimal(3000))
    assert refused.value.field == "ended_at"
    ended_at = started_at + timedelta(minutes=30)
    await correct(work, number, ended_at=ended_at, energy_wh=Decimal(3000))
    told = await last(work)
    assert (told.ended_at, told.energy_wh, told.doubts) == (ended_at, Decimal(3000), ())
    assert told.basis is EndBasis.INFERRED

    await end(work, number)

    told = await last(work)
    assert (told.revision, told.ended_at, told.energy_wh) == (2, ended_at, Decimal(3000))
    assert told.corrected_by == BY
    shown = await charging.transaction(work.db, WHOLE, number)
    assert (shown.state, shown.ended_at) == ("ended", ended_at)


async def test_a_second_correction_keeps_what_the_first_one_said(work: Work) -> None:
    number = await begin(work)
    start = work.clock.now()
    await end(work, number)
    await correct(work, number, energy_wh=Decimal(5000))
    await correct(work, number, started_at=start + timedelta(minutes=10))
    told = await last(work)
    assert (told.revision, told.energy_wh) == (3, Decimal(5000))
    assert told.started_at == start + timedelta(minutes=10)
    assert told.usage[0].at == told.started_at


async def test_a_corrected_start_finds_owner_and_holder_of_then(work: Work) -> None:
    """Station and card changed hands after it began, and the card was blocked later still."""
    now = work.clock.now()
    heir = OrganisationKey("heir")
    await directory.create_organisation(work.db, heir, {"name": "Heir"}, now=now)
    handed_over = now - timedelta(hours=1)
    await administration.change_station(
        work.db, "CS-1", StationSettings(organisation=heir), now=handed_over
    )
    await administration.set_id_tokens(
        work.db, [TokenSettings(id_token=GOOD, organisation=heir)], now=handed_over
    )
    number = await begin(work)
    await end(work, number)
    told = await last(work)
    assert (told.owner, told.token_organisation, told.token_group) == (heir, heir, None)
    blocked = TokenSettings(id_token=GOOD, organisation=heir, status="blocked")
    await administration.set_id_tokens(work.db, [blocked], now=work.clock.now())

    await correct(work, number, started_at=handed_over - timedelta(minutes=1))

    told = await last(work)
    assert (told.owner, told.token_organisation, told.token_status) == (
        OWNER,
        OWNER,
        TokenStatus.ACCEPTED,
    )
    assert (await charging.transaction(work.db, WHOLE, number)).owner == OWNER
    await correct(work, number, energy_wh=Decimal(5000))
    assert (await last(work)).owner == OWNER


async def test_a_start_that_comes_after_its_correction_finds_owner_and_holder_of_then(
    work: Work,
) -> None:
    heir = OrganisationKey("heir")
    await directory.create_organisation(work.db, heir, {"name": "Heir"}, now=work.clock.now())
    await transactions_updated(work.db, work.context, [said(work, "Updated", 1, 110)])
    number = (await charging.transactions(work.db, WHOLE))[0].transaction_id
    await correct(work, number, started_at=moment(90), ended_at=moment(150))
    await administration.change_station(
        work.db, "CS-1", StationSettings(organisation=heir), now=moment(100)
    )

    await transactions_started(work.db, work.context, [said(work, "Started", 0, 105)])

    [start] = await work.told(TransactionStarted)
    told = await last(work)
    assert {(each.owner, each.started_at) for each in (start, told)} == {(OWNER, moment(90))}
    assert (told.id_token, told.token_organisation) == (IdToken(GOOD), OWNER)


async def test_what_cannot_have_been_is_refused(work: Work) -> None:
    number = await begin(work)
    start = work.clock.now()
    await end(work, number)
    now = work.clock.now()
    for field, wanted in [
        ("energy_wh", Corrected()),
        ("energy_wh", Corrected(energy_wh=Decimal(-1))),
        ("energy_wh", Corrected(energy_wh=Decimal("NaN"))),
        ("energy_wh", Corrected(energy_wh=Decimal(10_000_001))),
        ("ended_at", Corrected(ended_at=start)),
        ("ended_at", Corrected(ended_at=now + timedelta(seconds=1))),
    ]:
        with pytest.raises(InvalidInput) as refused:
            await correcting.preview(work.db, WHOLE, number, wanted, by=BY, now=now)
        assert refused.value.field == field
    with pytest.raises(InvalidInput):
        await correcting.correct(
            work.db, WHOLE, number, Corrected(energy_wh=Decimal(1)), by=BY, reason=" ", now=now
        )
    strangers = Scope(frozenset({OrganisationKey("stranger")}))
    with pytest.raises(NotFound):
        await correcting.preview(
            work.db, strangers, number, Corrected(energy_wh=Decimal(1)), by=BY, now=now
        )
    assert (await last(work)).revision == 1
