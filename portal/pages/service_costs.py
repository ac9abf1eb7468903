"""What services cost: the month day by day, waived months, switches, and released costs."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import cost_releases, directory
from accounts.cost_releases import ReleaseState
from accounts.directory import Organisation
from accounts.permissions import Permission
from billing import service_costs
from billing.months import Month
from billing.service_costs import MonthCosts
from billing.services import Subscription
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey
from foundation.money import Money
from portal import cost_limits, decimals, deeds, subscriptions
from portal.guard import Caller, require
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import Turn, link
from portal.routes import Db, Now, PageRoute
from portal.service_words import KINDS, SUBSCRIPTIONS, sentence
from portal.subscriptions import Debtor
from portal.words import Words

router = APIRouter(route_class=PageRoute, prefix="/service-costs")

Reader = Annotated[Caller, Depends(require(Permission.SERVICES_READ))]
Switcher = Annotated[Caller, Depends(require(Permission.ORGANISATIONS_WRITE))]
Ender = Annotated[Caller, Depends(require(Permission.ORGANISATIONS_WRITE, ends_costs=True))]
"""Of what may end costs; what does not asks again."""
Short = Annotated[str, Query(max_length=100)]

LINES_PER_PAGE = 60


def service_tabs(caller: Caller, said: Words) -> list[tuple[str, str, str, int | None]]:
    """Return the tabs of what services cost: key, title, path, count."""
    tabs: list[tuple[str, str, str, int | None]] = [
        ("costs", said.gettext("Current month"), "/service-costs", None),
        ("waived", said.gettext("Waived months"), "/service-costs/waived", None),
        ("switches", said.gettext("Services"), "/service-costs/services", None),
        ("releases", said.gettext("Released costs"), "/service-costs/releases", None),
        ("packages", said.gettext("Packages"), "/service-costs/packages", None),
    ]
    if caller.may(Permission.SERVICES_WRITE):
        tabs.append(("prices", said.gettext("Price lists"), "/service-costs/prices", None))
    return tabs


async def chosen_organisation(
    db: AsyncSession, caller: Caller, key: str
) -> tuple[Organisation, list[tuple[str, str]]]:
    """Return the organisation that was chosen, or one's own, and those to choose from.

    Raises:
        NotFound: If it is not the caller's to see.
    """
    wanted = OrganisationKey(key) if key else caller.principal.organisation
    caller.must_see(wanted, "organisation", wanted)
    found = await directory.organisations(db, caller.scope)
    return await directory.organisation(db, wanted), [(each.key, each.name) for each in found]


@router.get("")
async def costs(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    organisation: Short = "",
    month: Annotated[str, Query(max_length=7)] = "",
    first: Annotated[int, Query(ge=1, le=10**6)] = 1,
) -> Response:
    """Show what an organisation will pay for a month, and how it came about day by day."""
    owner, choices = await chosen_organisation(db, caller, organisation)
    present = (await service_costs.current_bounds(db, owner.key, now)).month
    wanted = _month_or(month, present)
    found = await service_costs.month_costs(db, owner.key, wanted, currency=owner.currency, now=now)
    frame = await frame_of(request, db, caller)
    said = frame.words
    path = {"organisation": organisation}
    shown = found.lines[first - 1 : first - 1 + LINES_PER_PAGE]
    here = {**path, "month": str(wanted)}
    values = {
        "tabs": service_tabs(caller, said),
        "owner": owner,
        "choices": choices,
        "month": str(wanted),
        "is_over": found.bounds.end <= now,
        "is_to_come": found.bounds.start > now,
        "totals": found.totals or (Money.zero(owner.currency),),
        "last_day": found.bounds.last_day,
        "lines": [
            {
                "kind": said.gettext(KINDS[each.line.kind]),
                "subject": (each.line.subject or "").partition("/")[2],
                "station": (each.line.subject or "").startswith("station/"),
                "first_day": each.line.month.first_day,
                "last_day": each.line.month.last_day,
                "why": sentence(each, said),
                "amount": each.line.month.charged or Money.zero(owner.currency),
            }
            for each in shown
        ],
        "booked": [
            {
                "kind": said.gettext(KINDS[each.charge.kind]),
                "about": (each.charge.about or "").partition("/")[2],
                "first_day": each.charge.first_day,
                "last_day": each.charge.last_day,
                "document": each.document,
                "amount": each.charge.net,
            }
            for each in found.booked
        ],
        "days": _changes(found),
        "back": link("/service-costs", {**path, "month": str(wanted.previous)}),
        "on": link("/service-costs", {**path, "month": str(wanted.next)}),
        "turn": _turn(len(found.lines), first, len(shown), here),
    }
    return page(frame, "service_costs.html", values)


def _month_or(written: str, otherwise: Month) -> Month:
    try:
        wanted = Month.parse(written)
    except InvalidInput:
        return otherwise
    return wanted if 2000 <= wanted.year <= 2200 else otherwise


def _changes(found: MonthCosts) -> list[dict[str, Any]]:
    """Return each day with what the month stood at, and by how much it had changed."""
    rows, before = [], Money.zero(found.currency)
    for day, net in found.days:
        rows.append({"day": day, "net": net, "change": net - before})
        before = net
    return rows


def _turn(total: int, first: int, count: int, here: dict[str, str]) -> Turn:
    last = first - 1 + count
    on = link("/service-costs", {**here, "first": last + 1}) if last < total else None
    back = link("/service-costs", here) if first > 1 else None
    return Turn(first, last, total if total > LINES_PER_PAGE else None, back, on)


@router.get("/waived")
async def waived(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    organisation: Short = "",
    until: Annotated[str, Query(max_length=7)] = "",
) -> Response:
    """Show the months of a year that were waived by deactivation, by station."""
    owner, choices = await chosen_organisation(db, caller, organisation)
    present = (await service_costs.current_bounds(db, owner.key, now)).month
    last = _month_or(until, present)
    begin = Month(last.year - (last.number < 12), last.number % 12 + 1)
    found = await service_costs.waived_months(db, owner.key, begin, last)
    counted: dict[str, int] = {}
    for each in found:
        counted[each.station] = counted.get(each.station, 0) + 1
    frame = await frame_of(request, db, caller)
    values = {
        "tabs": service_tabs(caller, frame.words),
        "owner": owner,
        "choices": choices,
        "until": str(last),
        "begin": str(begin),
        "rows": [
            {
                "station": each.station,
                "count": counted[each.station],
                "month": str(each.month),
                "ended_on": each.ended_on,
                "net": each.net,
            }
            for each in found[:500]
        ],
        "more": max(0, len(found) - 500),
        "stations": len(counted),
        "months": len(found),
    }
    return page(frame, "service_waived.html", values)


@router.get("/services")
async def services(
    request: Request, db: Db, now: Now, caller: Reader, organisation: Short = ""
) -> Response:
    """Show which services an organisation has, what each costs, and the way to switch it."""
    owner, choices = await chosen_organisation(db, caller, organisation)
    debtor = await Debtor.of_organisation(db, owner.key)
    frame = await frame_of(request, db, caller)
    said = frame.words
    rows = []
    for read in await subscriptions.offered(db, debtor, now=now):
        name, text = SUBSCRIPTIONS[read.service]
        rows.append(
            {
                "key": read.service.value,
                "name": said.gettext(name),
                "text": said.gettext(text),
                "since": read.since,
                "price": None if read.price is None else read.price.price,
                "fee": None if read.fee is None else read.fee.price,
                "per_month": read.cost.this_month,
                "per_year": read.cost.per_year,
            }
        )
    values = {
        "tabs": service_tabs(caller, said),
        "owner": owner,
        "choices": choices,
        "rows": rows,
        "may_switch": caller.may(Permission.ORGANISATIONS_WRITE, ends_costs=True),
        "may_set_limit": caller.may(Permission.ORGANISATIONS_WRITE),
        "may_release": caller.may(Permission.COST_RELEASE),
        "limit": await cost_releases.limit_of(db, owner.key),
    }
    return page(frame, "service_switches.html", values)


@router.post("/services")
async def switch(
    db: Db,
    now: Now,
    caller: Ender,
    organisation: Annotated[str, Form(max_length=100)] = "",
    service: Annotated[str, Form(max_length=40)] = "",
    state: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Switch a service on, which costs what the page said, or off."""
    wanted = OrganisationKey(organisation)
    caller.must_see(wanted, "organisation", wanted)
    if service not in set(Subscription) or state not in ("on", "off"):
        raise InvalidInput("Say which service, and on or off.", field="service")
    debtor = await Debtor.of_organisation(db, wanted)
    chosen = Subscription(service)
    if state == "on":
        caller.must_have(Permission.ORGANISATIONS_WRITE)
        caller.must_have(Permission.COST_RELEASE)
        done = await subscriptions.switch_on(db, debtor, chosen, by=caller.actor, now=now)
        said = "asked-second" if done.waits else "saved"
    else:
        await subscriptions.switch_off(db, debtor, chosen, by=caller.actor, now=now)
        said = "saved"
    return went("/service-costs/services", organisation=organisation, done=said)


@router.post("/services/limit")
async def set_limit(
    db: Db,
    now: Now,
    caller: Switcher,
    organisation: Annotated[str, Form(max_length=100)] = "",
    per_year: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Set above which yearly cost two people release; empty: one is enough."""
    wanted = OrganisationKey(organisation)
    caller.must_see(wanted, "organisation", wanted)
    owner = await directory.organisation(db, wanted)
    limit = None
    if per_year.strip():
        amount = decimals.written(per_year, "per_year", least=0, most=10**9)
        limit = Money(amount, owner.currency)
    made = await cost_limits.set_limit(db, caller, wanted, limit, now=now)
    waits = made is not None and made.state is ReleaseState.WAITING
    return went(
        "/service-costs/services",
        organisation=organisation,
        done="asked-second" if waits else "saved",
    )


@router.get("/releases")
async def releases(
    request: Request,
    db: Db,
    caller: Reader,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """Show every click that costs something, the newest first."""
    found = await cost_releases.releases(db, caller.scope, before=before, limit=LINES_PER_PAGE + 1)
    kept = found[:LINES_PER_PAGE]
    frame = await frame_of(request, db, caller)
    on = None
    if len(found) > len(kept):
        on = link("/service-costs/releases", {"before": kept[-1].id, "n": n + len(kept)})
    back = "/service-costs/releases" if before else None
    names = {each.key: each.name for each in await directory.organisations(db, caller.scope)}
    values = {
        "tabs": service_tabs(caller, frame.words),
        "rows": [_release(caller, each, names, frame.words) for each in kept],
        "turn": Turn(n, n - 1 + len(kept), None, back, on),
    }
    return page(frame, "service_releases.html", values)


def _release(
    caller: Caller,
    each: cost_releases.CostRelease,
    names: dict[OrganisationKey, str],
    said: Words,
) -> dict[str, Any]:
    people: Sequence[str | None] = (each.released_by_name, each.confirmed_by_name)
    return {
        "at": each.at,
        "deed": deeds.in_words(each.deed, said),
        "subject": each.subject.partition("/")[2],
        "organisation": names.get(each.organisation, each.organisation),
        "by": ", ".join(str(caller.personal(name)) for name in people if name),
        "this_month": each.cost.this_month,
        "per_year": each.cost.per_year,
        "state": each.state.value,
    }
