"""Valid things of billing, with whatever a test wants changed."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import structs

from billing.cdr import ChargeClass
from billing.statements import (
    Party,
    PayableCdr,
    Statement,
    StatementState,
    TaxStatus,
    compute,
)
from foundation.events import EndBasis, EnergyBasis, TransactionEnded, UsagePoint
from foundation.identifiers import (
    ConnectorId,
    EvseId,
    IdToken,
    OrganisationKey,
    StationId,
    TransactionId,
)
from foundation.money import Money

START = datetime(2026, 10, 15, 10, 0, tzinfo=UTC)


def ended(**changes: Any) -> TransactionEnded:
    """Return an hour of charging 10 kWh with 11 kW, beyond doubt."""
    end = START + timedelta(hours=1)
    result = TransactionEnded(
        happened_at=end,
        transaction_id=TransactionId(1),
        station=StationId("CS-1"),
        evse_id=EvseId(1),
        connector_id=ConnectorId(1),
        location="town-hall",
        owner=OrganisationKey("town"),
        time_zone="Europe/Berlin",
        id_token=IdToken("04A2"),
        token_status=None,
        token_organisation=OrganisationKey("town"),
        token_provider=None,
        free_vend=False,
        started_at=START,
        revision=1,
        basis=EndBasis.REPORTED,
        ended_at=end,
        meter_start_wh=Decimal(1000),
        meter_stop_wh=Decimal(11_000),
        energy_wh=Decimal(10_000),
        energy_basis=EnergyBasis.REGISTERS,
        max_power_w=Decimal(11_000),
        usage=(
            UsagePoint(START, Decimal(0), charging=True),
            UsagePoint(end, Decimal(10_000), charging=False),
        ),
    )
    return structs.replace(result, **changes)


def payable(number: int, net: str, **changes: Any) -> PayableCdr:
    """Return an internal session of October at 100 %."""
    end = START + timedelta(hours=number % 300)
    result = PayableCdr(
        transaction_id=TransactionId(number),
        station=StationId("CS-1"),
        evse_id=EvseId(1),
        charge_class=ChargeClass.INTERNAL,
        started_at=end - timedelta(hours=1),
        ended_at=end,
        energy_wh=Decimal(10_000),
        net=Money(Decimal(net), "EUR"),
        share_bps=10_000,
        month="2026-10",
    )
    return structs.replace(result, **changes)


def external(number: int, net: str, **changes: Any) -> PayableCdr:
    """Return an external session of October at 90 %."""
    values: dict[str, Any] = {"charge_class": ChargeClass.EXTERNAL, "share_bps": 9000}
    return payable(number, net, **(values | changes))


def statement(**changes: Any) -> Statement:
    """Return the statement of October for a town, in English."""
    values: dict[str, Any] = {
        "statement_id": "2026-10-town-EUR",
        "payee": Party(
            key=OrganisationKey("town"),
            name="Stadt Böblingen",
            address=("Marktplatz 16", "71032 Böblingen"),
            vat_id="DE123456789",
            iban="DE89370400440532013000",
            country="DE",
        ),
        "issuer": Party(
            key=OrganisationKey("root"), name="Ladewerk GmbH", address=("Ulm",), country="DE"
        ),
        "month": "2026-10",
        "time_zone": "Europe/Berlin",
        "language": "en",
        "currency": "EUR",
        "issued_at": datetime(2026, 11, 1, 0, 5, tzinfo=UTC),
        "due_on": date(2026, 11, 30),
        "state": StatementState.OPEN,
        "tax_status": TaxStatus.STANDARD,
        "standard_vat_rate": Decimal(19),
        "cdrs": (),
    }
    return compute(**(values | changes))
