"""What 2.1's stations say about money, to reports; and our answers.

Source: OCPP 2.1 part 2, C17 to C25, E16, I07 to I12.
"""

from collections.abc import Callable, Mapping
from datetime import UTC
from decimal import Decimal
from typing import Any, Final

import msgspec

from csms.ocpp.errors import ErrorCode, MessageError
from csms.ocpp.fields import Message
from csms.ocpp.translation import evse_number, integer, text
from csms.reports import (
    Origin,
    PaymentWords,
    Report,
    SettlementAnswer,
    SettlementReport,
    StationCost,
    VatNumberAnswer,
    VatNumberReport,
)
from foundation.charging_limits import ChargingLimits

_REASON_LONGEST: Final = 20
_WORDS_LONGEST: Final = 1024
_COMPANY_LONGEST: Final = 50
_VAT_NUMBER_LONGEST: Final = 20
_LARGEST_AMOUNT: Final = 10**12
"""Beyond it no amount is one of money, in any currency; and none is rounded or booked."""
_write: Final = msgspec.json.Encoder(decimal_format="number").encode


def payment_words(message: Any) -> PaymentWords | None:
    """Return what a TransactionEvent says of money; None where it says nothing (2.0.1: never)."""
    info = message.transaction_info
    limit = getattr(info, "transaction_limit", None) or None
    cost = getattr(message, "cost_details", None) or None
    tariff_id = text(getattr(info, "tariff_id", None) or "")
    if limit is None and cost is None and tariff_id is None:
        return None
    return PaymentWords(
        None if limit is None else _limits(limit),
        tariff_id,
        None if cost is None else _cost(cost),
    )


def _limits(told: Any) -> ChargingLimits:
    """A limit below zero is none: nothing could keep to it."""
    return ChargingLimits(
        max_cost=_amount(told.max_cost),
        max_energy_wh=_amount(told.max_energy),
        max_time_s=_seconds(told.max_time),
        max_soc=integer(told.max_so_c),
    )


def _amount(value: Any) -> Decimal | None:
    return Decimal(value) if isinstance(value, int | Decimal) and value >= 0 else None


def _number(value: Any) -> Decimal | None:
    return Decimal(value) if isinstance(value, int | Decimal) else None


def _seconds(value: Any) -> int | None:
    found = integer(value)
    return found if found is not None and found >= 0 else None


def _cost(told: Any) -> StationCost:
    total = told.total_cost
    failed = told.failure_to_calculate is True
    return StationCost(
        currency=text(total.currency) or "",
        excl_tax=_number(total.total.excl_tax),
        incl_tax=_number(total.total.incl_tax),
        energy_wh=_number(told.total_usage.energy) or Decimal(0),
        details=_write(told).decode(),
        failure=(text(told.failure_reason) or "failed") if failed else None,
    )


def settlement(message: Any, origin: Origin) -> Report:
    """Read NotifySettlement.

    Raises:
        MessageError: The amount is beyond what anybody pays.
    """
    amount = Decimal(message.settlement_amount)
    if abs(amount) > _LARGEST_AMOUNT:
        raise MessageError(
            ErrorCode.PROPERTY_VIOLATION,
            "$.settlementAmount",
            f"an amount is {_LARGEST_AMOUNT} at most",
        )
    company = message.vat_company or None
    at = message.settlement_time
    return SettlementReport(
        origin,
        ref=text(message.transaction_id),
        psp_ref=message.psp_ref.replace("\0", ""),
        status=message.status,
        note=text(message.status_info),
        amount=amount,
        settled_at=at if at.tzinfo is not None else at.replace(tzinfo=UTC),
        receipt_id=text(message.receipt_id),
        receipt_url=text(message.receipt_url),
        vat_number=text(message.vat_number),
        vat_company=None if company is None else text(company.name),
    )


def vat_number(message: Any, origin: Origin) -> Report:
    """Read VatNumberValidation."""
    return VatNumberReport(origin, message.vat_number, evse_number(message.evse_id))


HANDLED_PAYMENTS: Final[dict[str, Callable[[Any, Origin], Report]]] = {
    "NotifySettlement": settlement,
    "VatNumberValidation": vat_number,
}


def limit_fields(limits: ChargingLimits) -> dict[str, Any]:
    """Return a transaction's limits by the names that TransactionLimitType has here."""
    fields = {
        "max_cost": limits.max_cost,
        "max_energy": limits.max_energy_wh,
        "max_time": limits.max_time_s,
        "max_so_c": limits.max_soc,
    }
    return {name: value for name, value in fields.items() if value is not None}


def settlement_fields(answer: SettlementAnswer) -> dict[str, Any]:
    """Return the fields of an answer to NotifySettlement."""
    fields = {"receipt_id": answer.receipt_id, "receipt_url": answer.receipt_url}
    return {name: value for name, value in fields.items() if value is not None}


def vat_fields(
    answer: VatNumberAnswer,
    make_reason: Callable[..., Message],
    make_address: Callable[..., Message],
) -> dict[str, Any]:
    """Return the fields of an answer to VatNumberValidation."""
    more: dict[str, Any] = {}
    if answer.evse_id is not None:
        more["evse_id"] = answer.evse_id
    if answer.note is not None:
        code, _, words = answer.note.partition(": ")
        more["status_info"] = make_reason(
            reason_code=code[:_REASON_LONGEST], additional_info=(words or code)[:_WORDS_LONGEST]
        )
    company = answer.company
    if company is not None:
        place = {} if company.postal_code is None else {"postal_code": company.postal_code[:20]}
        more["company"] = make_address(
            name=company.name[:_COMPANY_LONGEST],
            address1=company.address[:100],
            city=company.city[:100],
            country=company.country[:_COMPANY_LONGEST],
            **place,
        )
    status = "Accepted" if answer.is_accepted else "Rejected"
    return {"vat_number": answer.vat_number[:_VAT_NUMBER_LONGEST], "status": status, **more}


def tariff_of(told: Mapping[str, Any], kind: Any) -> Any:
    """Return a tariff in OCPP's own words as the version's struct."""
    return msgspec.convert(told, kind, strict=False)
