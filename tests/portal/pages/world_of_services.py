"""What services there are in the lively installation: monitoring, a package, and their prices."""

from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import cost_releases
from accounts.audit import Actor
from accounts.cost_releases import Cost
from alerts import store
from alerts.activation import Ending
from billing import service_packages, service_prices, service_store
from billing.packages import Maintenance, Package
from billing.services import Service, Switch
from foundation.identifiers import OrganisationKey, StationId
from foundation.money import Money
from foundation.working_hours import SHIPPED_LEVEL, BusinessHours

ADMIN = Actor("person/1", "Ada Admin", "portal", None)
CLICKS = (
    ("DE-HN-001", "stadtwerke", datetime(2026, 9, 10, 9, tzinfo=UTC), True),
    ("DE-HN-003", "stadtwerke", datetime(2026, 9, 20, 9, tzinfo=UTC), True),
    ("DE-HN-014", "parkhaus", datetime(2026, 9, 24, 9, tzinfo=UTC), True),
    ("DE-HN-002", "stadtwerke", datetime(2026, 10, 3, 9, tzinfo=UTC), True),
    ("DE-HN-003", "stadtwerke", datetime(2026, 10, 9, 9, tzinfo=UTC), False),
)


async def services(db: AsyncSession) -> None:
    """Prices for everybody, a package, and who switched monitoring on and off."""
    begin = datetime(2026, 8, 1, tzinfo=UTC)
    await service_prices.create(db, "standard", "Standard", "EUR", by=ADMIN.id, now=begin)
    for kind, price in (
        (Service.MONITORING, "9.90"),
        (Service.AUTOMATED_INVOICING, "19"),
        (Service.ROAMING_BASE, "5"),
        (Service.ROAMING_CDRS, "0.025"),
        (Service.MAINTENANCE, "149"),
    ):
        await service_prices.add_price(
            db, "standard", kind, Decimal(price), valid_from=None, by=ADMIN.id, now=begin
        )
    await service_prices.assign(
        db, "organisation/root", "standard", valid_from=None, by=ADMIN.id, now=begin
    )
    comfort = Package(
        key="comfort",
        name="Comfort",
        first_aid=True,
        hotline=True,
        dispatch=True,
        maintenance=Maintenance.FREE,
        level=SHIPPED_LEVEL,
        hours=BusinessHours("Europe/Berlin"),
        valid_from=begin,
    )
    await service_packages.define(db, comfort, by=ADMIN.id, now=begin)
    switches = []
    for number, (station, owner, at, is_on) in enumerate(CLICKS, 1):
        switches.append(Switch(StationId(station), OrganisationKey(owner), at, is_on, -number))
        if is_on:
            await store.add_activation(db, station, owner, by=ADMIN.id, by_name=ADMIN.name, now=at)
            cost = Cost(Money(Decimal("9.90"), "EUR"), Money(Decimal("118.80"), "EUR"))
            await cost_releases.release(
                db,
                OrganisationKey(owner),
                "monitoring.activate",
                f"station/{station}",
                cost,
                by=ADMIN,
                now=at,
            )
        else:
            await store.end_activation(
                db, station, by=ADMIN.id, by_name=ADMIN.name, because=Ending.ASKED, now=at
            )
    await service_store.add_switches(db, switches)
