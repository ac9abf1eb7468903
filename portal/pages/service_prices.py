"""Price lists of services, and service packages: to read and, for the operator, to set."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.permissions import Permission
from billing import charges, service_packages, service_prices
from billing.packages import Maintenance, Package
from billing.services import PACKAGE, Per, Policy, Service, ServicePrice
from foundation.errors import ExpectedError, InvalidInput
from foundation.identifiers import OrganisationKey
from foundation.working_hours import BusinessHours, ServiceLevel
from portal import decimals
from portal.guard import Caller, require
from portal.pages import choosing
from portal.pages.choosing import NotChosen
from portal.pages.refusals import form_errors
from portal.pages.service_costs import service_tabs
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors
from portal.routes import Db, Now, PageRoute
from portal.service_words import POLICIES, UNITS, kind_in_words
from portal.words import marked

router = APIRouter(route_class=PageRoute, prefix="/service-costs")

Reader = Annotated[Caller, Depends(require(Permission.SERVICES_READ))]
Writer = Annotated[Caller, Depends(require(Permission.SERVICES_WRITE))]
Text = Annotated[str, Form(max_length=100)]

_WEEKDAYS = (
    marked("Mon"),
    marked("Tue"),
    marked("Wed"),
    marked("Thu"),
    marked("Fri"),
    marked("Sat"),
    marked("Sun"),
)

PRICES = "/service-costs/prices"
PACKAGES = "/service-costs/packages"

_NO_PRICE = {
    "key": "",
    "name": "",
    "currency": "EUR",
    "price_list": "",
    "kind": "monitoring",
    "price": "",
    "per": "",
    "policy": "literal",
    "valid_from": "",
    "organisation": "",
}
_NO_PACKAGE = {
    "key": "",
    "name": "",
    "first_aid": "yes",
    "hotline": "yes",
    "dispatch": "yes",
    "maintenance": "chargeable",
    "remote_h": 4,
    "answer_days": 1,
    "on_site_days": 5,
    "holidays": "",
}
"""What the forms hold before somebody fills them in."""


@router.get("/prices")
async def prices(request: Request, db: Db, now: Now, caller: Writer) -> Response:
    """Show all price lists, what holds, what is to come, and who pays by which."""
    return await _prices(request, db, now, caller)


async def _prices(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    errors: FormErrors | None = None,
    given: dict[str, str] | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    said = frame.words
    organisations = await directory.organisations(db, caller.scope)
    names = {each.key: each.name for each in organisations}
    lists: list[dict[str, Any]] = []
    for each in await service_prices.price_lists(db):
        rows = [
            {
                "kind": kind_in_words(price.kind, said),
                "price": price.price,
                "per": said.gettext(UNITS[price.per]),
                "policy": "–"
                if price.per in (Per.CDR, Per.JOB)
                else said.gettext(POLICIES[price.policy]),
                "valid_from": price.valid_from,
                "state": _state(price.valid_from, later, now),
            }
            for price, later in _with_next(each.prices)
        ]
        debtors = [(_debtor(debtor, names), begins) for debtor, begins in each.debtors]
        lists.append({"list": each, "rows": rows, "debtors": debtors})
    packages = await service_packages.packages(db, at=now)
    kinds = [*Service, *(PACKAGE + each.key for each in packages)]
    values = {
        "tabs": service_tabs(caller, said),
        "lists": lists,
        "list_choices": [(each["list"].key, each["list"].name) for each in lists],
        "kinds": [(str(each), kind_in_words(each, said)) for each in kinds],
        "units": [("", said.gettext("the usual unit"))]
        + [(each.value, said.gettext(UNITS[each])) for each in (Per.STATION, Per.CHARGE_POINT)],
        "policies": [(each.value, said.gettext(text)) for each, text in POLICIES.items()],
        "organisations": choosing.listed(organisations),
        "errors": errors or FormErrors({}),
        "given": {**_NO_PRICE, **(given or {})},
    }
    return page(frame, "service_prices.html", values, status=422 if errors else 200)


def _with_next(
    held: Sequence[ServicePrice],
) -> list[tuple[ServicePrice, datetime | None]]:
    """Return each price with the moment from which the next one of its kind holds."""
    found = []
    for index, price in enumerate(held):
        following = held[index + 1] if index + 1 < len(held) else None
        ends = None
        if following is not None and following.kind == price.kind:
            ends = following.valid_from
        found.append((price, ends))
    return found


def _state(begins: datetime, ends: datetime | None, now: datetime) -> str:
    if begins > now:
        return "coming"
    return "over" if ends is not None and ends <= now else "valid"


def _debtor(debtor: str, names: dict[OrganisationKey, str]) -> str:
    key = debtor.partition("/")[2]
    return names.get(OrganisationKey(key), key)


@router.post("/prices/lists")
async def create_list(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    key: Text = "",
    name: Text = "",
    currency: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Create an empty price list."""

    async def deed() -> None:
        await service_prices.create(
            db, key.strip(), name, currency.strip().upper(), by=caller.actor.id, now=now
        )

    told = {"key": key, "name": name, "currency": currency}
    return await _done(request, db, now, caller, deed, "service_price_list.create", key, told)


@router.post("/prices/add")
async def add_price(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    price_list: Text = "",
    kind: Text = "",
    price: Annotated[str, Form(max_length=20)] = "",
    per: Annotated[str, Form(max_length=20)] = "",
    policy: Annotated[str, Form(max_length=40)] = "",
    valid_from: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Set a price from a day on, or from now on."""

    async def deed() -> None:
        zone = ZoneInfo((await directory.root(db)).time_zone)
        await service_prices.add_price(
            db,
            price_list,
            kind,
            amount_of(price),
            per=Per(per) if per in set(Per) else None,
            policy=Policy(policy) if policy in set(Policy) else Policy.LITERAL,
            valid_from=_midnight(valid_from, zone),
            by=caller.actor.id,
            now=now,
        )

    told = {"kind": kind, "price": price, "per": per, "policy": policy, "valid_from": valid_from}
    given = {**told, "price_list": price_list}
    return await _done(request, db, now, caller, deed, "service_price.add", price_list, given)


@router.post("/prices/assign")
async def assign_list(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    price_list: Text = "",
    organisation: Text = "",
    valid_from: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Say by which list an organisation, and those below it, pays."""

    async def deed() -> None:
        key = await choosing.chosen(db, caller.scope, organisation)
        owner = await directory.organisation(db, key)
        await service_prices.assign(
            db,
            charges.organisation(owner.key),
            price_list,
            valid_from=_midnight(valid_from, ZoneInfo(owner.time_zone)),
            by=caller.actor.id,
            now=now,
        )

    given = {"price_list": price_list, "organisation": organisation, "valid_from": valid_from}
    return await _done(
        request, db, now, caller, deed, "service_price_list.assign", price_list, given
    )


async def _done(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    deed: Callable[[], Coroutine[Any, Any, None]],
    name: str,
    key: str,
    given: dict[str, str],
) -> Response:
    try:
        async with db.begin_nested():
            await deed()
    except ExpectedError as error:
        said = (await frame_of(request, db, caller)).words
        if isinstance(error, NotChosen):
            errors = FormErrors({"organisation": choosing.in_words(error, said)})
        else:
            errors = form_errors(error, said, otherwise="key")
        return await _prices(request, db, now, caller, errors, given)
    await caller.note(
        db,
        name,
        f"service_price_list/{key}",
        organisation=caller.principal.organisation,
        after=given,
        now=now,
    )
    return went(PRICES, done="saved")


def amount_of(written: str) -> Decimal:
    """Read an amount as people write it, with a point or a comma.

    Raises:
        InvalidInput: If it is none.
    """
    return decimals.written(written, "price", most=10**9, otherwise="Write an amount, as in 9.90.")


def _midnight(written: str, zone: ZoneInfo) -> datetime | None:
    if not written:
        return None
    try:
        return datetime.combine(date.fromisoformat(written), time(), zone)
    except (ValueError, OverflowError):
        raise InvalidInput("This is no day.", field="valid_from") from None


# ------------------------------------------------------------------------------ packages


@router.get("/packages")
async def packages(request: Request, db: Db, now: Now, caller: Reader) -> Response:
    """Show what each service package includes, and within which times something happens."""
    return await _packages(request, db, now, caller)


async def _packages(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    errors: FormErrors | None = None,
    given: dict[str, Any] | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    zone = (await directory.root(db)).time_zone
    values = {
        "tabs": service_tabs(caller, frame.words),
        "packages": [
            {
                "package": each,
                "remote_h": each.level.remote_within // timedelta(hours=1),
                "opens": each.hours.opens.isoformat("minutes"),
                "closes": each.hours.closes.isoformat("minutes"),
                "weekdays": [
                    frame.words.gettext(_WEEKDAYS[day]) for day in sorted(each.hours.weekdays)
                ],
            }
            for each in await service_packages.packages(db, at=now)
        ],
        "may_define": caller.may(Permission.SERVICES_WRITE),
        "zone": zone,
        "errors": errors or FormErrors({}),
        "given": {**_NO_PACKAGE, **(given or {})},
    }
    return page(frame, "service_packages.html", values, status=422 if errors else 200)


@router.post("/packages")
async def define_package(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    key: Text = "",
    name: Text = "",
    first_aid: Annotated[str, Form(max_length=3)] = "",
    hotline: Annotated[str, Form(max_length=3)] = "",
    dispatch: Annotated[str, Form(max_length=3)] = "",
    maintenance: Annotated[str, Form(max_length=20)] = "",
    remote_h: Annotated[int, Form(ge=0, le=10_000)] = 4,
    answer_days: Annotated[int, Form(ge=0, le=365)] = 1,
    on_site_days: Annotated[int, Form(ge=0, le=365)] = 5,
    holidays: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Define a package, or redefine it from now on; hours are the usual ones, 8 to 18."""
    given = {
        "key": key,
        "name": name,
        "first_aid": first_aid,
        "hotline": hotline,
        "dispatch": dispatch,
        "maintenance": maintenance,
        "remote_h": remote_h,
        "answer_days": answer_days,
        "on_site_days": on_site_days,
        "holidays": holidays,
    }
    try:
        async with db.begin_nested():
            made = Package(
                key=key.strip(),
                name=name.strip(),
                first_aid=first_aid == "yes",
                hotline=hotline == "yes",
                dispatch=dispatch == "yes",
                maintenance=Maintenance(maintenance)
                if maintenance in set(Maintenance)
                else Maintenance.NONE,
                level=ServiceLevel(timedelta(hours=remote_h), answer_days, on_site_days),
                hours=BusinessHours(
                    (await directory.root(db)).time_zone, holidays=_days_of(holidays)
                ),
                valid_from=now,
            )
            await service_packages.define(db, made, by=caller.actor.id, now=now)
    except ExpectedError as error:
        said = (await frame_of(request, db, caller)).words
        errors = form_errors(error, said, otherwise="key")
        return await _packages(request, db, now, caller, errors, given)
    await caller.note(
        db,
        "service_package.define",
        f"service_package/{made.key}",
        organisation=caller.principal.organisation,
        after=given,
        now=now,
    )
    return went(PACKAGES, done="saved")


def _days_of(written: str) -> frozenset[date]:
    try:
        return frozenset(date.fromisoformat(each) for each in written.replace(",", " ").split())
    except ValueError:
        raise InvalidInput("Write days as in 2026-12-25.", field="holidays") from None
