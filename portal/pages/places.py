"""What drivers see without a login: the page that the QR code on a station's sticker leads to.

State, price, how to start and whom to call, of the charge point and of all at the same location.
Whoever holds the EVSE ID may see it; nobody can list them. Nothing of sessions, tokens or owners is
told: a charge point is free or in use.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.directory import WHOLE
from alerts import monitoring
from billing import pricing
from csms import registry, stickers
from csms.connectivity import StationState
from csms.registry import Connector, Evse, Station
from csms.stickers import normalised_evse_id
from foundation.errors import NotFound
from foundation.events import TransactionStarted
from foundation.identifiers import ConnectorId, EvseId, TransactionId
from portal.context import context_of
from portal.pages.counts import silence_limits
from portal.pages.states import connector_state
from portal.pages.surroundings import bare_frame, count_visit, page
from portal.public_prices import PublicPrice, public_prices
from portal.routes import PublicRoute
from portal.stickers import STATUS_PATH
from portal.words import Words

router = APIRouter(route_class=PublicRoute)

_FREE: Final = frozenset({"available"})
_RESERVED: Final = frozenset({"reserved"})
_BROKEN: Final = frozenset({"faulted", "unavailable"})
_BEST_FIRST: Final = ("free", "reserved", "in_use", "unknown", "out_of_order")
MOST_PLACES: Final = 60
PLUGS: Final = {
    "cCCS1": "CCS 1",
    "cCCS2": "CCS",
    "cChaoJi": "ChaoJi",
    "cG105": "CHAdeMO",
    "cTesla": "NACS",
    "cType1": "Type 1",
    "cType2": "Type 2",
    "sType2": "Type 2",
    "sType3": "Type 3",
    "sCEE_7_7": "Schuko",
}
"""Connectors as drivers know them. Source: OCPP 2.0.1 part 2, ConnectorEnumType."""


@dataclass(frozen=True, slots=True)
class Place:
    """A charge point as drivers see it; power in W, its state a key of PLACE_STATES."""

    evse_id: str
    state: str
    plugs: tuple[tuple[str, str], ...]
    """Of each connector: its type, and its power in kW as a number, empty where unknown."""
    path: str


def place_state(station: Station, evse: Evse) -> str:
    """Return the state of a charge point as drivers need it: the best of its connectors'."""
    if station.state in (StationState.OFFLINE, StationState.NEVER_CONNECTED):
        return "unknown"
    found = {_connector(each) for each in evse.connectors} or {"unknown"}
    if "in_use" in found:
        return "in_use"  # One vehicle at a time, whatever else is free.
    return next(each for each in _BEST_FIRST if each in found)


def _connector(connector: Connector) -> str:
    state = connector_state(connector)
    if state in _FREE:
        return "free"
    if state in _RESERVED:
        return "reserved"
    if state in _BROKEN:
        return "out_of_order"
    return "unknown" if state == "unknown" else "in_use"


@router.get(f"{STATUS_PATH}{{evse_id:segment}}")
async def place(request: Request, evse_id: str) -> Response:
    """Show a charge point and its location to anybody who holds its EVSE ID."""
    context = context_of(request)
    count_visit(request)
    frame = bare_frame(request)
    async with context.database.unit_of_work() as db:
        values = await _values(request, db, frame.words, evse_id, frame.now)
    answer = page(frame, "place.html", values)
    answer.headers["cache-control"] = "no-store"
    answer.headers["x-robots-tag"] = "noindex"
    return answer


async def _values(
    request: Request, db: AsyncSession, said: Words, evse_id: str, now: datetime
) -> dict[str, object]:
    wanted = normalised_evse_id(evse_id)
    found = [
        each
        for each in await stickers.by_evse_id(db, WHOLE, evse_id)
        if normalised_evse_id(each.emi3_id) == wanted
    ]
    if not found:
        raise NotFound("charge point", evse_id)
    limits = silence_limits(context_of(request).settings)
    here = await registry.station(db, WHOLE, found[0].station, now, limits=limits)
    evse = next((each for each in here.evses if each.evse_id == found[0].evse_id), None)
    if evse is None or here.admission != "accepted":
        raise NotFound("charge point", evse_id)
    beside = [here]
    location = None
    if here.location is not None:
        [location] = await registry.locations(db, WHOLE, key=here.location, limit=1)
        identities = await stickers.stations_at(db, here.location)
        beside = await registry.stations(
            db,
            WHOLE,
            now,
            limits=limits,
            admission="accepted",
            identities=identities,
            limit=MOST_PLACES,
        )
    settings = context_of(request).settings
    has_hotline = here.identity in await monitoring.active(db, [here.identity])
    operator = await directory.root(db)
    return {
        "place": _place(here, evse),
        "others": [
            _place(station, each)
            for station in beside
            for each in station.evses
            if each.evse_id != 0 and each.emi3_id and each.emi3_id != evse.emi3_id
        ][:MOST_PLACES],
        "location": location,
        "prices": await _prices(db, here, evse, said, now),
        "is_free": here.free_vend,
        "steps": _steps(evse.emi3_id or "", said, needs_card=not here.free_vend),
        "operator": operator.name,
        "hotline": settings.hotline_number if has_hotline else None,
        "hours": settings.hotline_hours,
        "zone": ZoneInfo(here.time_zone),
    }


def _place(station: Station, evse: Evse) -> Place:
    return Place(
        evse_id=evse.emi3_id or "",
        state=place_state(station, evse),
        plugs=tuple(
            (
                PLUGS.get(each.type or "", each.type or ""),
                f"{each.max_power_w / 1000:.0f}" if each.max_power_w else "",
            )
            for each in evse.connectors
        ),
        path=f"{STATUS_PATH}{evse.emi3_id or ''}",
    )


def _steps(evse_id: str, said: Words, *, needs_card: bool) -> list[str]:
    """Return how somebody charges here."""
    card = said.gettext(
        "Hold your card to the reader, or choose %(evse)s in your provider's app."
    ) % {"evse": evse_id}
    return [
        said.gettext("Plug the cable into your vehicle and the charge point."),
        *([card] if needs_card else ()),
        said.gettext("Wait until the vehicle shows that it charges."),
        said.gettext("To end, use the same card or app, or unlock the vehicle; then unplug."),
    ]


async def _prices(
    db: AsyncSession, station: Station, evse: Evse, said: Words, now: datetime
) -> list[PublicPrice] | None:
    """Return what somebody pays who is nobody's customer; None where no tariff is set."""
    start = TransactionStarted(
        happened_at=now,
        transaction_id=TransactionId(0),
        station=station.identity,
        evse_id=EvseId(evse.evse_id),
        connector_id=ConnectorId(evse.connectors[0].connector_id if evse.connectors else 1),
        location=station.location,
        owner=station.organisation,
        time_zone=station.time_zone,
        id_token=None,
        token_status=None,
        token_organisation=None,
        token_provider=None,
        token_group=None,
        free_vend=station.free_vend,
        started_at=now,
        meter_start_wh=None,
    )
    [tariff] = await pricing.tariffs_at(db, [start], await pricing.parents_of_all(db))
    return None if tariff is None else public_prices(tariff.tariff, said)
