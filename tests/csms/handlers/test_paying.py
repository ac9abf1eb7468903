"""Money with transactions; `tests.conformance` shows each case at a real station."""

from typing import Any

from csms.handlers.paying import settlements_reported
from csms.reports import OcppVersion, SettlementReport
from foundation.events import SettlementReported
from tests.csms.handlers.work import Work

SAID = {
    "pspRef": "psp-1",
    "status": "Failed",
    "statusInfo": "card refused",
    "settlementAmount": 12.5,
    "settlementTime": "2026-10-15T12:00:00Z",
}


def settled(work: Work, **changes: Any) -> SettlementReport:
    return work.report(OcppVersion.V21, "NotifySettlement", SAID | changes, SettlementReport)


async def test_a_settlement_told_twice_is_one_claim_told_of_once(work: Work) -> None:
    first = await settlements_reported(work.db, work.context, [settled(work)])
    again = await settlements_reported(work.db, work.context, [settled(work)])
    assert again == first
    [kept] = await work.rows("select psp_ref, amount, currency, claim from settlements")
    assert kept | {"psp_ref": "psp-1", "currency": "EUR", "claim": "open"} == kept
    [event] = await work.told(SettlementReported)
    assert (event.status, event.amount_minor) == ("Failed", 1250)


async def test_what_was_settled_claims_nothing(work: Work) -> None:
    await settlements_reported(work.db, work.context, [settled(work, status="Settled")])
    [kept] = await work.rows("select status, claim from settlements")
    assert kept == {"status": "Settled", "claim": "none"}
