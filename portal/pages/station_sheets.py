"""One station's data sheet: what is on it, and which tabs somebody sees."""

from datetime import datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from accounts.directory import Scope
from accounts.permissions import Permission
from csms import charging, registry
from csms.billing_decisions import billed_until
from csms.charging import Transaction
from csms.registry import Station
from foundation.identifiers import OrganisationKey
from portal import formats
from portal.context import context_of
from portal.guard import Caller
from portal.pages.counts import silence_limits
from portal.pages.states import connector_state, shown_station_state
from portal.pages.views import ConnectorCard, Running, StationSheet
from portal.rendering import segment
from portal.words import Words, marked

_NAMES_AT_MOST = 2000


async def places_of(db: AsyncSession, scope: Scope) -> dict[str, str]:
    """Return the names of locations by their keys."""
    found = await registry.locations(db, scope, limit=_NAMES_AT_MOST)
    return {each.key: each.name for each in found}


async def found_station(
    request: Request, db: AsyncSession, scope: Scope, identity: str, now: datetime
) -> Station:
    """Return a station.

    Raises:
        NotFound: There is none in scope.
    """
    limits = silence_limits(context_of(request).settings)
    return await registry.station(db, scope, identity, now, limits=limits)


async def runs_of(
    db: AsyncSession, caller: Caller, station: Station, now: datetime
) -> dict[int, Running]:
    """Return what is running at a station, by its EVSE."""
    running = await charging.transactions(
        db, caller.scope, station=station.identity, states=["active"], limit=50
    )
    return {int(each.evse_id): await running_of(db, each, now) for each in reversed(running)}


async def running_of(db: AsyncSession, transaction: Transaction, now: datetime) -> Running:
    """Return a running session with its newest readings."""
    readings = await charging.readings(db, transaction.transaction_id)
    energy: Decimal | None = None
    power: Decimal | None = None
    for each in readings:
        if each.energy_register_wh is not None and transaction.meter_start_wh is not None:
            energy = max(Decimal(0), each.energy_register_wh - transaction.meter_start_wh)
        power = each.power_w if each.power_w is not None else power
    return Running(
        transaction_id=str(transaction.transaction_id),
        started_at=transaction.started_at,
        lasted=now - transaction.started_at,
        energy_wh=energy,
        power_w=power,
        billed_until=billed_until(transaction.billing_decision),
    )


def tabs_of(found: Station, caller: Caller, said: Words) -> list[tuple[str, str, str, int | None]]:
    """Return the tabs of a station that somebody may open: key, title, path, count.

    A tab is seen by right, and by licence: `Caller.may` knows both. What is the owner's own is
    not seen by those with whom the station is only shared.
    """
    path = f"/stations/{segment(found.identity)}"
    is_own = caller.scope.covers(found.organisation)
    return [
        (key, said.gettext(title), f"{path}/{place}" if place else path, None)
        for key, title, place, right, is_shared in _TABS
        if caller.may(right) and (is_own or is_shared)
    ]


_TABS: Final = (
    ("information", marked("Information"), "", Permission.STATIONS_READ, True),
    ("additional", marked("Additional information"), "additional", Permission.STATIONS_READ, False),
    ("charge-points", marked("Charge points"), "charge-points", Permission.STATIONS_READ, True),
    ("components", marked("Components"), "components", Permission.STATIONS_READ, False),
    ("errors", marked("Errors"), "errors", Permission.STATIONS_READ, False),
    ("sessions", marked("Sessions"), "sessions", Permission.TRANSACTIONS_READ, True),
    ("payments", marked("Payments"), "payments", Permission.TRANSACTIONS_READ, False),
    ("documents", marked("Documents"), "documents", Permission.STATIONS_READ, False),
    ("geolocation", marked("Geolocation"), "geolocation", Permission.STATIONS_READ, False),
    ("reservations", marked("Reservations"), "reservations", Permission.STATIONS_READ, False),
    ("local-list", marked("Local list"), "local-list", Permission.STATIONS_READ, False),
    ("display", marked("Display"), "display", Permission.STATIONS_READ, False),
    ("reported", marked("Further reports"), "reported", Permission.STATIONS_READ, False),
    ("messages", marked("Log"), "messages", Permission.FRAMES_READ, False),
    ("log", marked("OCPP log"), "log", Permission.FRAMES_READ, False),
    ("history", marked("History"), "history", Permission.STATIONS_READ, False),
    ("tickets", marked("Tickets"), "tickets", Permission.TICKETS_READ, False),
    (
        "maintenance-windows",
        marked("Maintenance windows"),
        "maintenance-windows",
        Permission.STATIONS_READ,
        False,
    ),
    ("statistics", marked("Statistics"), "statistics", Permission.TRANSACTIONS_READ, False),
    ("operations", marked("Operational management"), "operations", Permission.MONITORING, False),
    ("commands", marked("Commands"), "commands", Permission.COMMANDS_READ, True),
    ("settings", marked("Configuration"), "settings", Permission.STATIONS_READ, True),
    (
        "charging-profiles",
        marked("Charging profiles"),
        "charging-profiles",
        Permission.STATIONS_READ,
        False,
    ),
    ("files", marked("Firmware and logs"), "files", Permission.FRAMES_READ, True),
    ("meters", marked("Meters"), "meters", Permission.STATIONS_WRITE, False),
    ("certificates", marked("Certificates"), "certificates", Permission.STATIONS_READ, False),
    (
        "reachability",
        marked("Reachability"),
        "reachability",
        Permission.STATIONS_READ,
        False,
    ),
    ("remote", marked("Remote access"), "remote", Permission.CREDITS_READ, False),
    ("sharing", marked("Sharing"), "sharing", Permission.STATIONS_SHARE, False),
)
"""Every tab in its order: key, title, path below the station's, right, seen where shared."""


def sheet_of(
    found: Station,
    runs: dict[int, Running],
    owners: dict[OrganisationKey, str],
    places: dict[str, str],
    said: Words,
) -> StationSheet:
    """Return what a station's page shows of it."""
    zone = ZoneInfo(found.time_zone)

    def at(moment: datetime | None) -> str:
        return "" if moment is None else formats.exact_moment(moment, zone, said.locale)

    password = said.gettext("set") if found.has_password else said.gettext("none")
    facts = (
        (said.gettext("Vendor"), found.vendor or ""),
        (said.gettext("Model"), found.model or ""),
        (said.gettext("Serial number"), found.serial_number or ""),
        (said.gettext("Firmware"), found.firmware or ""),
        ("OCPP", found.ocpp_version or ""),
        (said.gettext("Owner"), owners.get(found.organisation, found.organisation)),
        (said.gettext("Location"), places.get(found.location or "", found.location or "")),
        (said.gettext("Time zone"), found.time_zone),
        (
            said.gettext("Connected"),
            at(found.connected_at) if found.connected else said.gettext("no"),
        ),
        (said.gettext("Last boot"), at(found.booted_at)),
        (said.gettext("Security profile"), str(found.security_profile)),
        (said.gettext("Password"), password),
        (said.gettext("Other identities"), ", ".join(found.aliases)),
        (said.gettext("Known since"), at(found.created_at)),
    )
    return StationSheet(
        identity=found.identity,
        name=found.name or "",
        state=shown_station_state(found),
        admission=found.admission,
        last_heard_at=found.last_heard_at,
        facts=facts,
        zone=zone,
        connectors=_cards(found, runs),
        security_profile=found.security_profile,
    )


def _cards(found: Station, runs: dict[int, Running]) -> tuple[ConnectorCard, ...]:
    cards = []
    for evse in found.evses:
        for place, connector in enumerate(evse.connectors):
            if evse.evse_id == 0:
                continue
            fault = connector.error_code if connector.status == "Faulted" else None
            cards.append(
                ConnectorCard(
                    evse_id=evse.evse_id,
                    connector_id=connector.connector_id,
                    emi3_id=evse.emi3_id or "",
                    type=connector.type or "",
                    max_power_w=connector.max_power_w,
                    state=connector_state(connector),
                    state_at=connector.status_at,
                    fault=fault or "",
                    fault_info=connector.info or connector.vendor_error_code or "",
                    running=runs.get(evse.evse_id) if place == 0 else None,
                )
            )
    return tuple(cards)
