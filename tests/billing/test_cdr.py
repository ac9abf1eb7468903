"""A charge detail record adds up, or it is none."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from billing.cdr import Cdr, ChargeClass, Payer
from billing.rating import rate
from billing.tariff_json import parse_tariff
from billing.usage import Usage
from foundation.identifiers import OrganisationKey, PartyId
from foundation.money import Money
from tests.billing.builders import ended

TARIFF = parse_tariff(
    {
        "id": "T",
        "currency": "EUR",
        "elements": [
            {"price_components": [{"type": "ENERGY", "price": 0.45, "vat": 19, "step_size": 1}]}
        ],
    }
)


def cdr() -> Cdr:
    transaction = ended()
    rating = rate(Usage.of(transaction), TARIFF, transaction.time_zone)
    return Cdr(
        cdr_id=1,
        transaction_id=transaction.transaction_id,
        revision=1,
        payee=transaction.owner,
        station=transaction.station,
        evse_id=transaction.evse_id,
        connector_id=transaction.connector_id,
        location=transaction.location,
        time_zone=transaction.time_zone,
        id_token=transaction.id_token,
        charge_class=ChargeClass.INTERNAL,
        payer=Payer(organisation=OrganisationKey("town")),
        started_at=transaction.started_at,
        ended_at=transaction.ended_at,
        meter_start_wh=transaction.meter_start_wh,
        meter_stop_wh=transaction.meter_stop_wh,
        energy_wh=transaction.energy_wh,
        energy_basis=transaction.energy_basis,
        tariff_id=7,
        lines=rating.lines,
        net=rating.net,
        vat=rating.vat,
        gross=rating.gross,
        share_bps=10_000,
    )


def test_a_record_of_a_rated_transaction_adds_up() -> None:
    record = cdr()
    assert (record.net.text, record.vat.text, record.gross.text) == ("4.50", "0.86", "5.36")


def test_a_record_that_does_not_add_up_is_our_mistake() -> None:
    cent = Money(Decimal("0.01"), "EUR")
    with pytest.raises(AssertionError, match="gross"):
        replace(cdr(), gross=cdr().gross + cent)
    with pytest.raises(AssertionError, match="lines"):
        replace(cdr(), net=cdr().net + cent, gross=cdr().gross + cent)
    with pytest.raises(AssertionError, match="share"):
        replace(cdr(), share_bps=10_001)


def test_exactly_one_party_pays() -> None:
    assert Payer(provider=PartyId("DE*XYZ")).organisation is None
    with pytest.raises(AssertionError):
        Payer()
    with pytest.raises(AssertionError):
        Payer(organisation=OrganisationKey("town"), provider=PartyId("DE*XYZ"))
