"""What services will cost an organisation, for any day; what was waived; what was released."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field
from starlette.responses import Response

from accounts import cost_releases, directory
from accounts.cost_releases import CostRelease, ReleaseState
from accounts.permissions import Permission
from billing import service_costs
from billing.charges import BookedCharge, ChargeKind
from billing.months import Month
from billing.service_costs import CostLine, MonthCosts
from billing.services import Outlook, Rule, Subscription
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey, PartyId
from foundation.money import Money
from portal import cost_limits, paging, subscriptions
from portal.api.models import Answer, Body, Moment, MoneyModel, Number
from portal.api.service_prices import Amount, ServicePriceModel, shown_price
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now
from portal.subscriptions import Debtor, SubscribedNow
from roaming import administration

router = APIRouter(tags=["services"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.SERVICES_READ))]
OrganisationSwitcher = Annotated[Caller, Depends(require(Permission.ORGANISATIONS_WRITE))]
ProviderSwitcher = Annotated[Caller, Depends(require(Permission.PROVIDERS_WRITE))]
OrganisationEnder = Annotated[
    Caller, Depends(require(Permission.ORGANISATIONS_WRITE, ends_costs=True))
]
ShortMonth = Annotated[
    str | None, Query(max_length=7, description="As in 2026-10; the one that runs, if left out.")
]


class ServiceLineModel(Answer):
    """A service in a month: what it comes to, by which rule, and what can still become of it."""

    kind: ChargeKind
    subject: str | None = Field(description="What it is for, such as `station/DE-HN-014`.")
    rule: Rule
    outlook: Outlook
    net: MoneyModel | None = Field(description="Null: no price was agreed.")
    charged: MoneyModel | None = Field(description="What is to be paid; null: nothing.")
    quantity: int
    first_day: date
    last_day: date
    waived_if_off_by: date | None


class BookedChargeModel(Answer):
    """What was booked in the month besides: licences, credits, jobs, corrections."""

    key: str
    kind: ChargeKind
    net: MoneyModel
    first_day: date
    last_day: date
    document: str | None = Field(description="The invoice that it stands on.")


class DayModel(Answer):
    """What services would come to by the end of a day."""

    day: date
    net: MoneyModel


class MonthCostsModel(Answer):
    """What an organisation will pay for a month, as it is known on a day."""

    organisation: OrganisationKey
    month: str
    time_zone: str
    day: date
    lines: list[ServiceLineModel]
    booked: list[BookedChargeModel]
    totals: list[MoneyModel]
    days: list[DayModel]


class WaivedModel(Answer):
    """A month that was not charged, because monitoring was switched off in it."""

    station: str
    month: str
    ended_on: date
    net: MoneyModel | None = Field(description="What it would have cost.")


class SubscriptionModel(Answer):
    """Whether a service is had, and what it costs."""

    service: Subscription
    state: str = Field(description="`active`, `inactive` or `waiting_for_second_person`.")
    since: Moment | None
    changed: bool
    price: ServicePriceModel | None = Field(description="By the month; null: none was agreed.")
    fee: ServicePriceModel | None = Field(description="For each CDR, of roaming.")
    per_month: MoneyModel
    per_year: MoneyModel
    release: int | None


class CostReleaseModel(Answer):
    """A click that costs something: who released what, and what he was told it costs."""

    id: int
    at: Moment
    organisation: OrganisationKey
    deed: str
    subject: str
    released_by: str | None
    this_month: MoneyModel
    per_year: MoneyModel
    state: ReleaseState
    confirmed_at: Moment | None
    confirmed_by: str | None


class CostLimitBody(Body):
    """Above which yearly cost two people have to release; null: one is enough."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"per_year": "1000.00", "currency": "EUR"}}
    )

    per_year: Amount | None
    currency: Annotated[str, Field(min_length=3, max_length=3)] | None = Field(
        default=None, description="The organisation's, if it is left out."
    )


class CostLimitModel(Answer):
    """Above which yearly cost two people have to release; null: one is enough."""

    organisation: OrganisationKey
    per_year: MoneyModel | None
    release: int | None = Field(
        default=None, description="The click that waits for a second person to loosen it."
    )


@router.get("/organisations/{key:segment}/service-costs", summary="What services will cost")
async def get_costs(
    db: Db,
    now: Now,
    caller: Reader,
    key: str,
    month: ShortMonth = None,
    day: Annotated[
        date | None, Query(description="As it was known at the end of this day of the month.")
    ] = None,
) -> MonthCostsModel:
    """For any month, past, running or to come, and any day of it. Nothing is booked by it."""
    owner = await seen(db, caller, key)
    wanted = await chosen_month(db, owner.key, month, now, day=day)
    found = await service_costs.month_costs(
        db, owner.key, wanted, day=day, currency=owner.currency, now=now
    )
    return _costs(owner.key, found)


_A_MONTH = ["2026-10"]


@router.get("/organisations/{key:segment}/waived-months", summary="List waived months")
async def list_waived(
    db: Db,
    now: Now,
    caller: Reader,
    key: str,
    first: Annotated[str | None, Query(alias="from", max_length=7, examples=_A_MONTH)] = None,
    last: Annotated[str | None, Query(alias="to", max_length=7, examples=_A_MONTH)] = None,
) -> Page[WaivedModel]:
    """By station and month, of the last twelve months if no others are named."""
    owner = await seen(db, caller, key)
    begin, end = await waived_span(db, owner.key, first, last, now)
    return Page(
        items=[
            WaivedModel(
                station=each.station,
                month=str(each.month),
                ended_on=each.ended_on,
                net=MoneyModel.of_optional(each.net),
            )
            for each in await service_costs.waived_months(db, owner.key, begin, end)
        ]
    )


async def seen(db: Db, caller: Caller, key: str) -> directory.Organisation:
    """Return an organisation of the caller's.

    Raises:
        NotFound: If there is none with this key in his scope.
    """
    caller.must_see(OrganisationKey(key), "organisation", key)
    return await directory.organisation(db, OrganisationKey(key))


async def chosen_month(
    db: Db, organisation: OrganisationKey, month: str | None, now: Now, *, day: date | None = None
) -> Month:
    """Return the month that was asked for, or that of the day, or the one that runs.

    Raises:
        InvalidInput: If it is none, or the day lies in another.
    """
    if month is None and day is None:
        return (await service_costs.current_bounds(db, organisation, now)).month
    of_day = None if day is None else Month(day.year, day.month)
    wanted = of_day if month is None else Month.parse(month)
    assert wanted is not None
    if of_day is not None and of_day != wanted:
        raise InvalidInput("The day lies in another month.", field="day")
    if not 2000 <= wanted.year <= 2200:
        raise InvalidInput("The month lies outside of the years 2000 to 2200.", field="month")
    return wanted


async def waived_span(
    db: Db, organisation: OrganisationKey, first: str | None, last: str | None, now: Now
) -> tuple[Month, Month]:
    """Return from which month to which a report is wanted.

    Raises:
        InvalidInput: If it spans none, or too many.
    """
    end = await chosen_month(db, organisation, last, now)
    begin = Month(end.year - (end.number < 12), end.number % 12 + 1)
    if first is not None:
        begin = Month.parse(first)
    count = (end.year - begin.year) * 12 + end.number - begin.number + 1
    if not 1 <= count <= service_costs.MONTHS_AT_MOST:
        raise InvalidInput(
            f"A report spans 1 to {service_costs.MONTHS_AT_MOST} months.", field="from"
        )
    return begin, end


def _costs(organisation: OrganisationKey, found: MonthCosts) -> MonthCostsModel:
    return MonthCostsModel(
        organisation=organisation,
        month=str(found.bounds.month),
        time_zone=found.bounds.zone.key,
        day=found.day,
        lines=[_line(each) for each in found.lines],
        booked=[_booked(each) for each in found.booked],
        totals=[MoneyModel.of(each) for each in found.totals],
        days=[DayModel(day=day, net=MoneyModel.of(net)) for day, net in found.days],
    )


def _line(each: CostLine) -> ServiceLineModel:
    month = each.line.month
    return ServiceLineModel(
        kind=each.line.kind,
        subject=each.line.subject,
        rule=month.rule,
        outlook=each.outlook,
        net=MoneyModel.of_optional(month.net),
        charged=MoneyModel.of_optional(month.charged),
        quantity=month.quantity,
        first_day=month.first_day,
        last_day=month.last_day,
        waived_if_off_by=each.until,
    )


def _booked(each: BookedCharge) -> BookedChargeModel:
    return BookedChargeModel(
        key=each.charge.key,
        kind=each.charge.kind,
        net=MoneyModel.of(each.charge.net),
        first_day=each.charge.first_day,
        last_day=each.charge.last_day,
        document=each.document,
    )


# ------------------------------------------------------------------------------ subscriptions


@router.get("/organisations/{key:segment}/services", summary="List an organisation's services")
async def list_services(db: Db, now: Now, caller: Reader, key: str) -> Page[SubscriptionModel]:
    """All off until switched on: roaming; of who issues papers also invoicing and credit notes."""
    owner = await seen(db, caller, key)
    debtor = await Debtor.of_organisation(db, owner.key)
    return Page(
        items=[_subscribed(each) for each in await subscriptions.offered(db, debtor, now=now)]
    )


@router.put(
    "/organisations/{key:segment}/services/{service}", summary="Switch an organisation's service on"
)
async def switch_service_on(
    db: Db,
    now: Now,
    caller: OrganisationSwitcher,
    key: str,
    service: Subscription,
    response: Response,
) -> SubscriptionModel:
    """Costs money, as the answer says: needs the right to release costs, too."""
    caller.must_have(Permission.COST_RELEASE)
    owner = await seen(db, caller, key)
    debtor = await Debtor.of_organisation(db, owner.key)
    done = await subscriptions.switch_on(db, debtor, service, by=caller.actor, now=now)
    response.status_code = 202 if done.waits else 200
    return _subscribed(done)


@router.delete(
    "/organisations/{key:segment}/services/{service}",
    summary="Switch an organisation's service off",
)
async def switch_service_off(
    db: Db, now: Now, caller: OrganisationEnder, key: str, service: Subscription
) -> SubscriptionModel:
    """At once; the month in which it ends is not charged."""
    owner = await seen(db, caller, key)
    debtor = await Debtor.of_organisation(db, owner.key)
    done = await subscriptions.switch_off(db, debtor, service, by=caller.actor, now=now)
    return _subscribed(done)


@router.put("/providers/{party_id:segment}/roaming-fees", summary="Agree on a provider's fees")
async def switch_provider_on(
    db: Db, now: Now, caller: ProviderSwitcher, party_id: str, response: Response
) -> SubscriptionModel:
    """From now on a monthly base and a fee per CDR are charged, by the provider's price list."""
    caller.must_have(Permission.COST_RELEASE)
    party = await administration.provider(db, PartyId(party_id))
    debtor = await Debtor.of_provider(db, party.party_id)
    done = await subscriptions.switch_on(db, debtor, Subscription.ROAMING, by=caller.actor, now=now)
    response.status_code = 202 if done.waits else 200
    return _subscribed(done)


@router.delete("/providers/{party_id:segment}/roaming-fees", summary="End a provider's fees")
async def switch_provider_off(
    db: Db, now: Now, caller: ProviderSwitcher, party_id: str
) -> SubscriptionModel:
    """From now on nothing is charged for its CDRs."""
    party = await administration.provider(db, PartyId(party_id))
    debtor = await Debtor.of_provider(db, party.party_id)
    done = await subscriptions.switch_off(
        db, debtor, Subscription.ROAMING, by=caller.actor, now=now
    )
    return _subscribed(done)


def _subscribed(read: SubscribedNow) -> SubscriptionModel:
    state = "inactive" if read.since is None else "active"
    return SubscriptionModel(
        service=read.service,
        state="waiting_for_second_person" if read.waits else state,
        since=read.since,
        changed=read.changed,
        price=None if read.price is None else shown_price(read.price),
        fee=None if read.fee is None else shown_price(read.fee),
        per_month=MoneyModel.of(read.cost.this_month),
        per_year=MoneyModel.of(read.cost.per_year),
        release=None if read.release is None else read.release.id,
    )


# ------------------------------------------------------------------------------ releases


@router.get("/cost-releases", summary="List released costs")
async def list_releases(
    db: Db, caller: Reader, limit: paging.Limit = paging.DEFAULT_LIMIT, cursor: paging.Cursor = None
) -> Page[CostReleaseModel]:
    """Every click that costs something, the newest first."""
    place = paging.decoded(cursor, int)
    found = await cost_releases.releases(
        db, caller.scope, before=place[0] if place else None, limit=limit + 1
    )
    return paging.page(
        found, limit, shown=lambda each: _release(caller, each), key=lambda each: (each.id,)
    )


@router.delete("/cost-releases/{number}", summary="Withdraw a release that waits")
async def withdraw_release(db: Db, now: Now, caller: Reader, number: Number) -> CostReleaseModel:
    """Only while it waits for a second person."""
    caller.must_have(Permission.COST_RELEASE)
    found = await cost_releases.cost_release(db, number)
    caller.must_see(found.organisation, "cost release", number)
    await cost_releases.withdraw(db, number)
    await caller.note(
        db,
        "cost_release.withdraw",
        f"cost_release/{number}",
        organisation=found.organisation,
        now=now,
    )
    db.expire_all()
    return _release(caller, await cost_releases.cost_release(db, number))


@router.get("/organisations/{key:segment}/cost-limit", summary="Read the limit of one person")
async def get_limit(db: Db, caller: Reader, key: str) -> CostLimitModel:
    """Above which yearly cost a second person has to release it, too."""
    owner = await seen(db, caller, key)
    limit = await cost_releases.limit_of(db, owner.key)
    return CostLimitModel(organisation=owner.key, per_year=MoneyModel.of_optional(limit))


@router.put("/organisations/{key:segment}/cost-limit", summary="Set the limit of one person")
async def set_limit(
    db: Db,
    now: Now,
    caller: OrganisationSwitcher,
    key: str,
    body: CostLimitBody,
    response: Response,
) -> CostLimitModel:
    """What costs more than this a year waits for a second person; a program's key is none.

    A higher limit, or none, waits for a second person, too (202), and needs the right to release
    costs.
    """
    owner = await seen(db, caller, key)
    wanted = None
    if body.per_year is not None:
        wanted = Money(body.per_year, body.currency or owner.currency)
    made = await cost_limits.set_limit(db, caller, owner.key, wanted, now=now)
    waits = made is not None and made.state is ReleaseState.WAITING
    response.status_code = 202 if waits else 200
    return CostLimitModel(
        organisation=owner.key,
        per_year=MoneyModel.of_optional(await cost_releases.limit_of(db, owner.key)),
        release=made.id if made is not None and waits else None,
    )


def _release(caller: Caller, each: CostRelease) -> CostReleaseModel:
    return CostReleaseModel(
        id=each.id,
        at=each.at,
        organisation=each.organisation,
        deed=each.deed,
        subject=each.subject,
        released_by=caller.personal(each.released_by_name),
        this_month=MoneyModel.of(each.cost.this_month),
        per_year=MoneyModel.of(each.cost.per_year),
        state=each.state,
        confirmed_at=each.confirmed_at,
        confirmed_by=caller.personal(each.confirmed_by_name),
    )
