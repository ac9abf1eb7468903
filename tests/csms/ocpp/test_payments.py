"""What 2.1's stations say about money, read and answered by their own words."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from csms.ocpp import answers, codec
from csms.ocpp.errors import MessageError
from csms.ocpp.v21 import translate
from csms.reports import (
    AuthorizationStatus,
    AuthorizeAnswer,
    Company,
    IdTokenInfo,
    OcppVersion,
    Origin,
    Report,
    SettlementAnswer,
    SettlementReport,
    TransactionStartAnswer,
    TransactionUpdateAnswer,
    TransactionUpdateReport,
    VatNumberAnswer,
    VatNumberReport,
)
from foundation.charging_limits import ChargingLimits
from foundation.identifiers import StationId, TransactionId

V21 = OcppVersion.V21
AT = datetime(2026, 10, 15, 12, tzinfo=UTC)


def said(action: str, payload: dict[str, Any]) -> Report:
    raw = json.dumps(payload)
    origin = Origin(StationId("S1"), V21, 1, AT, "m", action, raw)
    return translate.to_report(codec.decode_request(V21, action, raw), origin)


def event(info: dict[str, Any], **more: Any) -> TransactionUpdateReport:
    payload = {
        "eventType": "Updated",
        "timestamp": "2026-10-15T12:00:00Z",
        "triggerReason": "RunningCost",
        "seqNo": 3,
        "transactionInfo": {"transactionId": "T1"} | info,
    }
    found = said("TransactionEvent", payload | more)
    assert isinstance(found, TransactionUpdateReport)
    return found


COST = {
    "totalCost": {
        "currency": "EUR",
        "typeOfCost": "NormalCost",
        "total": {"exclTax": 1.1, "inclTax": 1.309},
    },
    "totalUsage": {"energy": 2750, "chargingTime": 600, "idleTime": 0},
}


def test_limits_are_exact_and_a_negative_one_is_none() -> None:
    limit = {"maxCost": 12.35, "maxEnergy": 9000, "maxTime": 3600, "maxSoC": 80}
    found = event({"transactionLimit": limit}).payment
    assert found is not None
    assert found.limits == ChargingLimits(Decimal("12.35"), Decimal(9000), 3600, 80)
    negative = event({"transactionLimit": {"maxCost": -1, "maxTime": -5}}).payment
    assert negative is not None
    assert negative.limits == ChargingLimits()


def test_what_says_nothing_of_money_has_no_words_about_it() -> None:
    assert event({}).payment is None


def test_a_counted_cost_is_kept_whole_and_its_total_read() -> None:
    found = event({"tariffId": "T-1"}, costDetails=COST).payment
    assert found is not None
    assert found.cost is not None
    cost = found.cost
    assert (cost.currency, cost.excl_tax, cost.incl_tax) == (
        "EUR",
        Decimal("1.1"),
        Decimal("1.309"),
    )
    assert (cost.energy_wh, cost.failure, found.tariff_id) == (Decimal(2750), None, "T-1")
    assert json.loads(cost.details)["totalCost"] == COST["totalCost"]


def test_a_cost_that_could_not_be_counted_says_why() -> None:
    failed = COST | {"failureToCalculate": True, "failureReason": "no meter"}
    found = event({}, costDetails=failed).payment
    assert found is not None
    assert found.cost is not None
    assert found.cost.failure == "no meter"


def test_a_settlement_is_read() -> None:
    found = said(
        "NotifySettlement",
        {
            "transactionId": "T1",
            "pspRef": "psp-1",
            "status": "Settled",
            "settlementAmount": 4.76,
            "settlementTime": "2026-10-15T12:00:00Z",
            "vatCompany": {"name": "Bakery", "address1": "A", "city": "B", "country": "DE"},
        },
    )
    assert isinstance(found, SettlementReport)
    assert (found.ref, found.psp_ref, found.amount) == ("T1", "psp-1", Decimal("4.76"))
    assert (found.settled_at, found.vat_company, found.receipt_id) == (AT, "Bakery", None)


@pytest.mark.parametrize("amount", ["1E12", "-1E12", "0", "1E-30"])
def test_an_amount_of_money_is_settled(amount: str) -> None:
    found = settled(amount)
    assert isinstance(found, SettlementReport)
    assert found.amount == Decimal(amount)


@pytest.mark.parametrize("amount", ["1000000000000.01", "-1E13", "1E40"])
def test_an_amount_that_nobody_pays_is_refused_with_its_place(amount: str) -> None:
    with pytest.raises(MessageError, match=r"property_violation: \$\.settlementAmount"):
        settled(amount)


def settled(amount: str) -> Report:
    raw = (
        '{"pspRef": "psp-1", "status": "Settled", "settlementTime": "2026-10-15T12:00:00Z",'
        f' "settlementAmount": {amount}}}'
    )
    origin = Origin(StationId("S1"), V21, 1, AT, "m", "NotifySettlement", raw)
    return translate.to_report(codec.decode_request(V21, "NotifySettlement", raw), origin)


def test_a_vat_number_is_read() -> None:
    found = said("VatNumberValidation", {"vatNumber": "DE136695976", "evseId": 2})
    assert isinstance(found, VatNumberReport)
    assert (found.vat_number, found.evse_id) == ("DE136695976", 2)


def written(action: str, answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answers.payload_of(V21, action, answer))
    return found


def test_limits_are_told_with_starts_and_updates_and_not_to_2_0_1() -> None:
    limits = ChargingLimits(max_cost=Decimal("9.90"), max_energy_wh=Decimal(5000), max_time_s=60)
    wanted = {"maxCost": 9.90, "maxEnergy": 5000, "maxTime": 60}
    update = TransactionUpdateAnswer(limits=limits)
    assert written("TransactionEvent", update)["transactionLimit"] == wanted
    start = TransactionStartAnswer(TransactionId(1), None, None, limits)
    assert written("TransactionEvent", start)["transactionLimit"] == wanted
    older = json.loads(answers.payload_of(OcppVersion.V201, "TransactionEvent", update))
    assert older == {}


def test_a_settlement_is_answered_with_its_receipt_or_nothing() -> None:
    answer = SettlementAnswer("R-1", "https://example.org/r/1")
    assert written("NotifySettlement", answer) == {
        "receiptId": "R-1",
        "receiptUrl": "https://example.org/r/1",
    }
    assert written("NotifySettlement", SettlementAnswer()) == {}


def test_a_vat_number_is_answered_with_what_is_known() -> None:
    offline = VatNumberAnswer("DE136695976", None, True, None, "NotVerified: not asked online")
    assert written("VatNumberValidation", offline) == {
        "vatNumber": "DE136695976",
        "status": "Accepted",
        "statusInfo": {"reasonCode": "NotVerified", "additionalInfo": "not asked online"},
    }
    company = Company("Bakery", "Street 1", "Berlin", "DE", "10115")
    online = written("VatNumberValidation", VatNumberAnswer("DE136695976", 1, True, company))
    assert online["company"] == {
        "name": "Bakery",
        "address1": "Street 1",
        "city": "Berlin",
        "postalCode": "10115",
        "country": "DE",
    }
    assert online["evseId"] == 1


def test_the_drivers_tariff_goes_with_his_authorisation() -> None:
    tariff = {
        "tariffId": "D-1",
        "currency": "EUR",
        "energy": {"prices": [{"priceKwh": Decimal("0.45")}]},
    }
    info = IdTokenInfo(AuthorizationStatus.ACCEPTED)
    found = written("Authorize", AuthorizeAnswer(info, tariff=tariff))
    assert found["tariff"]["energy"] == {"prices": [{"priceKwh": 0.45}]}


def test_a_number_that_is_too_long_to_be_one_is_said_back_as_far_as_it_fits() -> None:
    refused = VatNumberAnswer("1" * 41, None, False, None, "Malformed: no VAT number")
    assert written("VatNumberValidation", refused)["vatNumber"] == "1" * 20
