"""What the stations' side asks about money: who pays in advance, and by which tariff.

Fulfils `csms.PaymentDesk` from prepaid cards, direct payments and tariffs.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from billing import direct_payments, prepaid, pricing
from billing.pricing import TariffVersion
from billing.station_tariffs import Translated, translated
from foundation.charging_limits import ChargingLimits
from foundation.events import TokenStatus, TransactionStarted
from foundation.identifiers import (
    ConnectorId,
    EvseId,
    IdToken,
    OrganisationKey,
    PartyId,
    StationId,
    TransactionId,
)


class Presented(Protocol):
    """A token held to a station."""

    @property
    def station(self) -> str: ...
    @property
    def location(self) -> str | None: ...
    @property
    def owner(self) -> OrganisationKey: ...
    @property
    def time_zone(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def token_key(self) -> str: ...
    @property
    def token_organisation(self) -> OrganisationKey | None: ...
    @property
    def token_provider(self) -> str | None: ...
    @property
    def token_group(self) -> str | None: ...


def name_at_station(version: TariffVersion) -> str:
    """Return how a version of a tariff is called at stations."""
    return f"{version.tariff_id}/{version.version}"


def for_station(version: TariffVersion) -> Translated:
    """Return a version of a tariff in OCPP's words, or why that cannot be."""
    return translated(version.tariff, name_at_station(version))


class PaymentDesk:
    """Knows what is paid in advance."""

    async def limits(
        self, db: AsyncSession, token_keys: Sequence[str]
    ) -> Mapping[str, ChargingLimits]:
        """Return by token what its running transaction may come to; missing: no limit."""
        if not token_keys:
            return {}
        found: dict[str, ChargingLimits] = {
            key: ChargingLimits(max_cost=max(balance.amount, Decimal(0)))
            for key, balance in (await prepaid.balances(db, token_keys)).items()
        }
        for key, payment in (await direct_payments.running(db, token_keys)).items():
            found[key] = ChargingLimits(
                max_cost=payment.authorised.amount,
                max_energy_wh=payment.max_energy_wh,
                max_time_s=payment.max_time_s,
            )
        return found

    async def tariffs(
        self, db: AsyncSession, presented: Sequence[Presented]
    ) -> list[Mapping[str, Any] | None]:
        """Return the tariff of each driver in 2.1's words, None where there is none to say."""
        events = [_begins(each) for each in presented]
        parents = await pricing.parents_of_all(db)
        found = await pricing.found_at(db, events, parents)
        return [None if each.sale is None else for_station(each.sale).tariff for each in found]


def _begins(each: Presented) -> TransactionStarted:
    """Return the transaction that would begin now."""
    return TransactionStarted(
        happened_at=each.at,
        transaction_id=TransactionId(0),
        station=StationId(each.station),
        evse_id=EvseId(1),
        connector_id=ConnectorId(1),
        location=each.location,
        owner=each.owner,
        time_zone=each.time_zone,
        id_token=IdToken(each.token_key),
        token_status=TokenStatus.ACCEPTED,
        token_organisation=each.token_organisation,
        token_provider=None if each.token_provider is None else PartyId(each.token_provider),
        token_group=each.token_group,
        free_vend=False,
        started_at=each.at,
        meter_start_wh=None,
    )
