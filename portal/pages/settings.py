"""Simple lists of how the installation is set up: organisations and tariffs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.permissions import Permission
from billing import pricing
from billing.assignments import Assignment
from billing.tariffs import Dimension, Tariff, TariffElement
from foundation.money import Money
from portal import formats
from portal.guard import Caller, require
from portal.pages.surroundings import frame_of, page
from portal.pages.views import SimpleTable
from portal.price_words import restrictions_in_words
from portal.routes import Db, PageRoute
from portal.words import Words, marked

router = APIRouter(route_class=PageRoute)

PER_PAGE = 50

_TAX = {
    "standard": marked("Standard VAT"),
    "small_business": marked("Small business"),
    "reverse_charge": marked("Reverse charge"),
    "private": marked("Private"),
}
_DIMENSIONS: dict[Dimension, tuple[str, str]] = {
    Dimension.ENERGY: (marked("Energy"), "/kWh"),
    Dimension.TIME: (marked("Charging time"), "/h"),
    Dimension.PARKING_TIME: (marked("Parking without charging"), "/h"),
    Dimension.FLAT: (marked("Start fee"), ""),
}
_PLACES = {
    "connector": marked("Connector %(name)s"),
    "evse": marked("EVSE %(name)s"),
    "station": marked("Station %(name)s"),
    "location": marked("Location %(name)s"),
    "organisation": marked("Organisation %(name)s"),
}


@router.get("/organisations")
async def organisations(
    request: Request,
    db: Db,
    caller: Annotated[Caller, Depends(require(Permission.ORGANISATIONS_READ))],
    q: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """List organisations in scope."""
    frame = await frame_of(request, db, caller)
    said = frame.words
    found = await directory.organisations(db, caller.scope)
    names = {each.key: each.name for each in found}
    wanted = q.strip().casefold()
    mails = {each.key: caller.personal(each.email) or "" for each in found}
    rows = tuple(
        (
            each.name,
            each.key,
            "" if each.parent is None else names.get(each.parent, ""),
            each.time_zone,
            each.currency,
            said.gettext(_TAX[each.tax_status]),
            mails[each.key],
        )
        for each in found
        if not wanted or wanted in f"{each.name} {each.key} {mails[each.key]}".casefold()
    )
    heads = (
        said.gettext("Name"),
        said.gettext("Key"),
        said.gettext("Belongs to"),
        said.gettext("Time zone"),
        said.gettext("Currency"),
        said.gettext("Tax"),
        said.gettext("Mail"),
    )
    return page(
        frame,
        "simple.html",
        {
            "title": said.gettext("Organisations"),
            "lead": said.gettext("Who owns stations, issues tokens or is paid."),
            "searchable": said.gettext("Name, key or mail"),
            "q": q,
            "table": SimpleTable(heads, rows, lesser=frozenset({1, 3, 5})),
            "turn": None,
            "empty_title": said.gettext("No organisation matches"),
            "empty_text": said.gettext("Check the spelling, or clear the search."),
        },
    )


@router.get("/tariffs")
async def tariffs(
    request: Request,
    db: Db,
    caller: Annotated[Caller, Depends(require(Permission.TARIFFS_READ))],
    q: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """List the newest version of each tariff with its prices and where it is assigned."""
    frame = await frame_of(request, db, caller)
    said = frame.words
    wanted = q.strip().casefold()
    found = [
        each
        for each in await pricing.tariffs(db, caller.scope)
        if not wanted or wanted in each.tariff_id.casefold()
    ][:200]
    places: dict[str, list[Assignment]] = {}
    for each in await pricing.assignments(db, [each.tariff_id for each in found]):
        places.setdefault(each.tariff_id, []).append(each)
    rows = tuple(
        (
            version.tariff_id,
            "; ".join(_prices(version.tariff, said)),
            ", ".join(
                said.gettext(_PLACES[each.place.scope]) % {"name": each.place.id}
                for each in places.get(version.tariff_id, [])
                if each.valid_to is None or each.valid_to > frame.now
            ),
            formats.number(version.version, said.locale),
        )
        for version in found
    )
    heads = (
        said.gettext("Tariff"),
        said.gettext("Prices, net"),
        said.gettext("Assigned to"),
        said.gettext("Version"),
    )
    return page(
        frame,
        "simple.html",
        {
            "title": said.gettext("Tariffs"),
            "actions": [
                (said.gettext("Price preview"), "/tariffs/preview"),
                (said.gettext("Tariff calendar"), "/tariffs/calendar"),
                (said.gettext("Hours of a place"), "/tariffs/hours"),
                (said.gettext("Who may charge where"), "/tariffs/access"),
                *(
                    [(said.gettext("New tariff"), "/tariffs/new")]
                    if caller.may(Permission.TARIFFS_WRITE)
                    else []
                ),
            ],
            "lead": said.gettext("Which price holds when. A session keeps the price of its start."),
            "searchable": said.gettext("Tariff"),
            "q": q,
            "table": SimpleTable(heads, rows, numbers=frozenset({3}), lesser=frozenset({3})),
            "turn": None,
            "empty_title": said.gettext("No tariffs yet"),
            "empty_text": said.gettext(
                "Sessions without a tariff are held. Add one by the API or the command line."
            ),
        },
    )


def _prices(tariff: Tariff, said: Words) -> list[str]:
    return [text for element in tariff.elements for text in _element(element, tariff, said)]


def _element(element: TariffElement, tariff: Tariff, said: Words) -> list[str]:
    held = [] if element.restrictions is None else restrictions_in_words(element.restrictions, said)
    when = f" ({', '.join(held)})" if held else ""
    told = []
    for each in element.price_components:
        name, unit = _DIMENSIONS[each.type]
        price = formats.unit_price(Money(each.price, tariff.currency), said.locale)
        told.append(f"{said.gettext(name)} {price}{unit}{when}")
    return told
