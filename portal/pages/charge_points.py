"""Charge points: a station's EVSEs with their IDs in three fields, and their connectors."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from alerts import monitoring
from csms import administration
from csms.administration import ConnectorSettings, EvseSettings, StationSettings
from csms.evse_ids import EvseIdParts, composed, parts_of
from csms.registry import Evse, Station
from foundation.database import savepoint
from foundation.errors import Conflict, InvalidInput, NotFound
from portal import decimals
from portal.guard import Caller, require
from portal.pages.refusals import in_words
from portal.pages.states import connector_state, shown_station_state
from portal.pages.station_sheets import found_station, tabs_of
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, segment
from portal.routes import Db, Now, PageRoute
from portal.words import marked

router = APIRouter(route_class=PageRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.STATIONS_WRITE))]
Part = Annotated[str, Form(max_length=60)]

_KW: Final = Decimal(1000)
_MOST_KW: Final = 9999
_NO_POWER: Final = marked("Write the power as a number, in kW.")


@router.get("/stations/{identity:segment}/charge-points")
async def charge_points(
    request: Request, db: Db, now: Now, caller: Reader, identity: str
) -> Response:
    """Show a station's charge points."""
    station = await found_station(request, db, caller.scope, identity, now)
    return await _show(request, db, caller, station)


@router.post("/stations/{identity:segment}/charge-points/{number:segment}")
async def change(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    identity: str,
    number: str,
    country: Part = "",
    operator: Part = "",
    point: Part = "",
    kind: Annotated[str, Form(max_length=50)] = "",
    power: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Set a charge point's EVSE ID, and of its only connector the type and the power."""
    station = await found_station(request, db, caller.scope, identity, now)
    caller.must_see(station.organisation, "station", identity)
    evse = next(
        (each for each in station.evses if each.evse_id and str(each.evse_id) == number), None
    )
    if evse is None:
        raise NotFound("charge point", number)
    given = {
        "country": country,
        "operator": operator,
        "number": point,
        "kind": kind,
        "power": power,
    }
    try:
        parts = composed(country, operator, point)
        async with await savepoint(db):
            await _set(db, station, evse, parts, kind.strip(), power, now)
    except (InvalidInput, Conflict) as error:
        said = (await frame_of(request, db, caller)).words
        field = error.field if isinstance(error, InvalidInput) and error.field else "number"
        sentence = (
            said.gettext("Another charge point has the EVSE ID %(id)s already.")
            % {"id": parts.written}
            if isinstance(error, Conflict)
            else in_words(error, said)
        )
        errors = FormErrors({f"{field}-{evse.evse_id}": sentence})
        return await _show(request, db, caller, station, errors, (evse.evse_id, given))
    await monitoring.evse_ids_changed(
        db,
        station.identity,
        {evse.evse_id: evse.emi3_id},
        {evse.evse_id: parts.written},
        now=now,
    )
    await caller.note(
        db,
        "station.change",
        f"station/{station.identity}",
        organisation=station.organisation,
        before={"evse_id": evse.evse_id, "emi3_id": evse.emi3_id},
        after={"evse_id": evse.evse_id, "emi3_id": parts.written},
        now=now,
    )
    return went(f"/stations/{segment(station.identity)}/charge-points", done="saved")


async def _set(
    db: AsyncSession,
    station: Station,
    evse: Evse,
    parts: EvseIdParts,
    kind: str,
    power: str,
    now: datetime,
) -> None:
    connectors = []
    if len(evse.connectors) == 1 and (kind or power.strip()):
        watts = (
            decimals.written(power, "power", least=0, most=_MOST_KW, otherwise=_NO_POWER) * _KW
            if power.strip()
            else None
        )
        connectors = [
            ConnectorSettings(
                connector_id=evse.connectors[0].connector_id, type=kind or None, max_power_w=watts
            )
        ]
    wanted = EvseSettings(evse_id=evse.evse_id, emi3_id=parts.written, connectors=connectors)
    await administration.change_station(
        db, station.identity, StationSettings(evses=[wanted]), now=now
    )


async def _show(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    station: Station,
    errors: FormErrors | None = None,
    sent: tuple[int, dict[str, str]] | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    values = {
        "station": station,
        "state": shown_station_state(station),
        "tabs": tabs_of(station, caller, frame.words),
        "tab": "charge-points",
        "points": [_point(each, sent) for each in station.evses if each.evse_id],
        "may_write": caller.may(Permission.STATIONS_WRITE)
        and caller.scope.covers(station.organisation),
        "errors": errors or FormErrors(),
    }
    return page(frame, "charge_points.html", values, status=422 if errors else 200)


def _point(evse: Evse, sent: tuple[int, dict[str, str]] | None) -> dict[str, object]:
    parts = parts_of(evse.emi3_id)
    only = evse.connectors[0] if len(evse.connectors) == 1 else None
    watts = None if only is None else only.max_power_w
    given = {
        "country": parts.country if parts else "",
        "operator": parts.operator if parts else "",
        "number": parts.number if parts else "",
        "kind": (only.type or "") if only else "",
        "power": "" if watts is None else f"{(watts / _KW).normalize():f}",
    }
    if sent is not None and sent[0] == evse.evse_id:
        given = sent[1]
    return {
        "number": evse.evse_id,
        "evse_id": evse.emi3_id,
        "given": given,
        "has_one": only is not None,
        "connectors": [(each, connector_state(each)) for each in evse.connectors],
    }
