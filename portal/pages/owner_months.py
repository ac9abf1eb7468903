"""An owner's month: what happened to his stations, what was done, what it cost and earned."""

from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.directory import Scope
from accounts.permissions import Permission
from billing.months import Month
from foundation.identifiers import OrganisationKey
from portal.guard import Caller, require
from portal.pages.overview import amounts_by_day, energy_and_revenue
from portal.pages.station_statistics import percent
from portal.pages.surroundings import frame_of, page
from portal.rendering import link
from portal.routes import Db, Now, PageRoute
from portal.vocabulary import DETECTIONS
from support.owner_month import owner_month

router = APIRouter(route_class=PageRoute)

PATH = "/my-month"

Reader = Annotated[Caller, Depends(require(Permission.STATEMENTS_READ))]


@router.get(PATH)
async def month_of_owner(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    month: Annotated[str, Query(max_length=10)] = "",
    organisation: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Show the month of one's own stations, or of an organisation that one sees; else this one."""
    caller.must_have(Permission.TRANSACTIONS_READ)
    key = OrganisationKey(organisation) if organisation else caller.principal.organisation
    caller.must_see(key, "organisation", key)
    owner = await directory.organisation(db, key)
    zone = ZoneInfo(owner.time_zone)
    present = Month.of(now, zone)
    wanted = Month.parse(month) if month else present
    frame = await frame_of(request, db, caller)
    report = await owner_month(db, owner, wanted, now=now)

    last = wanted.next.first_day - timedelta(days=1)
    days = [wanted.first_day + timedelta(days=number) for number in range(last.day)]
    daily = await amounts_by_day(db, Scope(frozenset({key})), zone, days[0], last)
    title = frame.words.gettext("Energy and revenue, day by day")
    today = now.astimezone(zone).date()

    def to(other: Month) -> str:
        named = {"month": str(other)} | ({"organisation": organisation} if organisation else {})
        return link(PATH, named)

    values = {
        "report": report,
        "days": energy_and_revenue(daily, days, title, frame.words, today) if daily else None,
        "organisations": [
            (each.key, each.name) for each in await directory.organisations(db, caller.scope)
        ],
        "uptime": percent(report.together.uptime.basis_points, frame.words),
        "worked": percent(report.together.worked_basis_points, frame.words),
        "stations": [
            (each, percent(each.did.uptime.basis_points, frame.words)) for each in report.stations
        ],
        "alerts": [
            (frame.words.gettext(DETECTIONS.get(kind, kind)), number)
            for kind, number in sorted(report.alerts.items())
        ],
        "before": to(wanted.previous),
        "after": to(wanted.next) if wanted.start(zone) < present.start(zone) else None,
    }
    return page(frame, "owner_month.html", values)
