"""A session explained: what is told of it, in which language, and to whom."""

from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from billing import chain
from csms.charging import Transaction
from foundation.identifiers import OrganisationKey, StationId, TransactionId
from portal.chains import Chain, chain_json, sums, told
from portal.words import words
from tests.billing.story import BAKERY, EXTERNAL, NOVEMBER, NOW, closing, ended, happen, settle_in


def transaction() -> Transaction:
    event = ended(1)
    return Transaction(
        transaction_id=TransactionId(1),
        station=StationId("S1"),
        evse_id=event.evse_id,
        connector_id=1,
        ref="1",
        ocpp_version="1.6",
        state="ended",
        basis="reported",
        revision=1,
        owner=BAKERY,
        location=None,
        time_zone="Europe/Berlin",
        id_token="04A2",
        id_token_type="ISO14443",
        token_organisation=None,
        token_provider="DE*EMP",
        authorization_status=None,
        started_at=NOW,
        start_reported_at=NOW,
        start_received_at=NOW,
        ended_at=event.ended_at,
        end_reported_at=event.ended_at,
        end_received_at=event.ended_at,
        offline=False,
        meter_start_wh=Decimal(1000),
        meter_stop_wh=Decimal(11_000),
        energy_wh=Decimal(10_000),
        energy_basis="registers",
        charging_state=None,
        stop_reason=None,
        doubts=(),
        conflicting_ends=0,
    )


async def explained(db: AsyncSession, sees: Scope = WHOLE) -> Chain:
    return Chain(transaction(), (), (), await chain.chain(db, TransactionId(1)), sees)


async def closed(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, ended(1, **EXTERNAL))
    await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)


async def test_the_chain_is_told_link_by_link_in_both_languages(db: AsyncSession) -> None:
    await closed(db)
    found = await explained(db)

    links = told(found, words("en"))

    assert [each.key for each in links] == [
        "transaction",
        "terms",
        "record",
        "postings",
        "statement",
        "payout",
    ]
    text = "\n".join(f"{row.name}: {row.value}" for link in links for row in link.rows)
    for part in ("Owner's share: 90% of the net revenue", "€4.00", "€3.60", "kept by the operator"):
        assert part in text
    german = told(found, words("de"))
    assert {each.title for each in german}.isdisjoint({each.title for each in links})
    shown = sums(found, words("de"))
    assert shown
    assert all(each.holds for each in shown)


async def test_an_owner_sees_his_own_accounts_alone(db: AsyncSession) -> None:
    await closed(db)
    own = await explained(db, Scope(frozenset({BAKERY})))
    shown = chain_json(own)
    accounts = {
        posting["account"]
        for entry in [*shown["entries"], *shown["lines"][0]["entries"]]
        for posting in entry["postings"]
    }
    assert accounts == {"unsettled/bakery", "payable/bakery"}
    whole = chain_json(await explained(db))
    assert {"receivable/DE*EMP", "fees"} <= {
        posting["account"]
        for entry in [*whole["entries"], *whole["lines"][0]["entries"]]
        for posting in entry["postings"]
    }
    nobodys = chain_json(await explained(db, Scope(frozenset({OrganisationKey("hotel")}))))
    assert nobodys["entries"][0]["postings"] == []


async def test_json_tells_exact_and_rounded_amounts(db: AsyncSession) -> None:
    await settle_in(db)
    await happen(db, *(ended(n, kwh="0.125", **EXTERNAL) for n in range(1, 6)))
    await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)
    shown = chain_json(await explained(db))
    [line] = shown["lines"]
    assert (line["exact"], line["payout"]["amount"]) == ("0.045", "0.05")
    assert line["group"]["payout"] == {"amount": "0.23", "currency": "EUR"}
    assert shown["holds"] is True
