"""What a transaction is billed by, found as of its start and frozen then."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from billing.cdr import ChargeClass, Payer
from foundation.events import TransactionEvent
from foundation.identifiers import OrganisationKey, TransactionId


class Basis(StrEnum):
    """What a payee's share is taken of."""

    NET = "net"
    """Revenue without tax; the tax on the payout comes on top, by the payee's status."""
    GROSS = "gross"
    """Revenue with tax; the share includes whatever tax the payee has to charge."""


class Sharing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Whose token charged, who pays for it, and the share of the station's owner.

    Attributes:
        payer: None if nobody answers for the token.
        share_bps: Basis points of the revenue, 0 to 10000.
        agreement_id: The agreement that says so; None where the default terms hold.
    """

    charge_class: ChargeClass
    payer: Payer | None
    share_bps: int
    basis: Basis
    agreement_id: int | None


class Terms(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """All that was found to hold at a transaction's start.

    Attributes:
        tariff_number: The version of the tariff; None if none was assigned.
        purchase_number: That of the tariff that the owner's share is taken by; None: the same.
        stop_at: When the session is to be stopped by its tariff or the place's hours.
        facts: What the terms were found by, as JSON values: if a later revision of the
            transaction says otherwise, they are looked up again.
    """

    transaction_id: TransactionId
    payee: OrganisationKey
    sharing: Sharing
    tariff_number: int | None
    facts: dict[str, Any]
    frozen_at: datetime
    purchase_number: int | None = None
    stop_at: datetime | None = None

    @property
    def tariff_numbers(self) -> set[int]:
        """The versions of all tariffs that the transaction is billed by."""
        return {each for each in (self.tariff_number, self.purchase_number) if each is not None}

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing that somebody may enter later with an earlier date."""
        return self.tariff_number is not None and self.sharing.payer is not None


def facts_of(event: TransactionEvent) -> dict[str, Any]:
    """Return what terms depend on, as JSON values."""
    return {
        "started_at": event.started_at.isoformat(),
        "station": event.station,
        "evse_id": event.evse_id,
        "location": event.location,
        "owner": event.owner,
        "id_token": None if event.id_token is None else event.id_token.key,
        "token_status": event.token_status,
        "token_organisation": event.token_organisation,
        "token_provider": event.token_provider,
        "token_group": event.token_group,
        "connector_id": event.connector_id,
        "free_vend": event.free_vend,
    }
