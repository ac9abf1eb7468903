"""The search of the top bar: stations, sessions and tokens by whatever somebody has at hand."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from csms import charging, registry
from foundation.errors import NotFound
from portal import formats, vocabulary
from portal.context import context_of
from portal.guard import Caller, signed_in
from portal.pages.counts import silence_limits
from portal.pages.states import shown_station_state
from portal.pages.surroundings import frame_of, page, went
from portal.pages.views import Hit
from portal.rendering import link, segment
from portal.routes import Db, Now, PageRoute

router = APIRouter(route_class=PageRoute)

AT_MOST = 20


@router.get("/search")
async def search(
    request: Request,
    db: Db,
    now: Now,
    caller: Annotated[Caller, Depends(signed_in)],
    q: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Show what was found by kind; what fits exactly is opened at once."""
    wanted = q.strip()
    frame = await frame_of(request, db, caller)
    said = frame.words
    groups: list[tuple[str, list[Hit]]] = []
    if wanted and caller.may(Permission.STATIONS_READ):
        limits = silence_limits(context_of(request).settings)
        stations = await registry.stations(
            db, caller.scope, now, limits=limits, q=wanted, limit=AT_MOST
        )
        for each in stations:
            if each.identity == wanted:
                return went(f"/stations/{segment(each.identity)}")
        hits = [
            Hit(
                each.identity,
                " · ".join(
                    part
                    for part in (
                        said.gettext(vocabulary.STATION_STATES[shown_station_state(each)].word),
                        each.name,
                        each.vendor,
                    )
                    if part
                ),
                f"/stations/{segment(each.identity)}",
            )
            for each in stations
        ]
        groups.append((said.gettext("Stations"), hits))
    if wanted and caller.may(Permission.TRANSACTIONS_READ):
        if wanted.isascii() and wanted.isdigit() and len(wanted) < 19:
            try:
                found = await charging.transaction(db, caller.scope, int(wanted))
            except NotFound:
                pass
            else:
                return went(f"/sessions/{found.transaction_id}")
        sessions = await charging.transactions(
            db, caller.scope, q=wanted, by_token=caller.may(Permission.CRM_READ), limit=AT_MOST
        )
        hits = [
            Hit(
                said.gettext("Session %(number)s") % {"number": each.transaction_id},
                f"{each.station} · {formats.moment(each.started_at, frame.zone, said.locale)}",
                f"/sessions/{each.transaction_id}",
            )
            for each in sessions
        ]
        groups.append((said.gettext("Sessions"), hits))
    # A token that is found by a part of it would be told by that.
    if wanted and caller.may(Permission.TOKENS_READ) and caller.may(Permission.CRM_READ):
        tokens = await registry.id_tokens(db, caller.scope, q=wanted, limit=AT_MOST)
        hits = [
            Hit(
                each.id_token,
                " · ".join(
                    part
                    for part in (
                        said.gettext(
                            vocabulary.TOKEN_STATES.get(each.status, vocabulary.UNKNOWN).word
                        ),
                        each.provider or each.organisation,
                    )
                    if part
                ),
                link("/tokens", {"q": each.id_token}),
            )
            for each in tokens
        ]
        groups.append((said.gettext("Tokens"), hits))
    values = {"q": wanted, "groups": [(title, hits) for title, hits in groups if hits]}
    return page(frame, "search.html", values)
