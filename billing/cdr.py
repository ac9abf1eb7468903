"""The charge detail record: what a transaction came to, final and immutable.

A later revision of the transaction makes a new record that names the one it replaces.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from billing.plausibility import HoldReason
from billing.rating import PricedLine
from foundation.events import EnergyBasis
from foundation.identifiers import (
    ConnectorId,
    EvseId,
    IdToken,
    OrganisationKey,
    PartyId,
    StationId,
    TransactionId,
)
from foundation.money import Money


class ChargeClass(StrEnum):
    """Whose token charged; the share that the owner gets depends on it."""

    INTERNAL = "internal"
    EXTERNAL = "external"


class Payer(msgspec.Struct, frozen=True, gc=False):
    """Who pays for a transaction: an organisation for its own token, or a provider (EMP)."""

    organisation: OrganisationKey | None = None
    provider: PartyId | None = None

    def __post_init__(self) -> None:
        assert (self.organisation is None) != (self.provider is None), "exactly one pays"


class Purchase(msgspec.Struct, frozen=True, gc=False):
    """What the session is bought for of the owner; the sum of the lines, without VAT."""

    tariff_id: int
    lines: tuple[PricedLine, ...]
    net: Money


class Cdr(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Everything that a paper about one transaction needs.

    Attributes:
        payee: The station's owner at the transaction's start.
        payer: None if nobody pays: a free-vend transaction, or a held one without a payer.
        tariff_id: Our number of the tariff as it was at the start; None if there was none.
        lines: Empty if there was no tariff.
        net: What is paid without VAT; the sum of the lines.
        share_bps: The payee's share of `credited` by the agreement at the start.
        hold_reason: None if nothing speaks against paying it.
        replaces: The record of the transaction's earlier revision.
        purchase: What the share is taken of, where a purchase price exists; else None.
    """

    cdr_id: int
    transaction_id: TransactionId
    revision: int
    payee: OrganisationKey
    station: StationId
    evse_id: EvseId
    connector_id: ConnectorId
    location: str | None
    time_zone: str
    id_token: IdToken | None
    charge_class: ChargeClass
    payer: Payer | None
    started_at: datetime
    ended_at: datetime
    meter_start_wh: Decimal | None
    meter_stop_wh: Decimal | None
    energy_wh: Decimal
    energy_basis: EnergyBasis
    tariff_id: int | None
    lines: tuple[PricedLine, ...]
    net: Money
    vat: Money
    gross: Money
    share_bps: int
    hold_reason: HoldReason | None = None
    replaces: int | None = None
    purchase: Purchase | None = None

    @property
    def credited(self) -> Money:
        """What the payee's share is taken of: the purchase price, or else the sale's."""
        return self.net if self.purchase is None else self.purchase.net

    def __post_init__(self) -> None:
        assert 0 <= self.share_bps <= 10_000, f"a share of {self.share_bps} bps"
        assert self.net + self.vat == self.gross, "net and VAT do not add up to gross"
        net = vat = Decimal(0)
        for line in self.lines:
            assert line.net.currency == self.net.currency == line.vat.currency, "two currencies"
            net += line.net.amount
            vat += line.vat.amount
        assert net == self.net.amount, "the lines do not add up to the record's net"
        assert vat == self.vat.amount, "the lines do not add up to the record's VAT"
        if self.purchase is not None:
            bought = sum((line.net.amount for line in self.purchase.lines), Decimal(0))
            assert bought == self.purchase.net.amount, "the purchase lines do not add up"
            assert self.purchase.net.currency == self.net.currency, "bought in another currency"
