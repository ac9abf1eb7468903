"""The price for an EVSE, a token and a moment; and which tariff holds when at an EVSE."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from accounts.permissions import Permission
from billing import price_preview
from billing.hours import HoursKind
from billing.price_preview import Price, Verdict, sample
from billing.tariff_calendar import CheckKind
from portal import priced_places
from portal.api.models import Answer, Moment, MoneyModel
from portal.api.stations import limits
from portal.api.tariffs import AssignmentModel, assignment_shown
from portal.api.transactions import PriceLineModel, line_model
from portal.decimals import Bounded
from portal.guard import Caller, require
from portal.price_words import price_line
from portal.routes import ApiRoute, Context, Db, Now
from portal.words import words

router = APIRouter(prefix="/prices", tags=["tariffs"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.TARIFFS_READ))]
Station = Annotated[str, Query(min_length=1, max_length=48, description="Its identity.")]
Number = Annotated[int, Query(ge=1, le=10_000)]
Kwh = Annotated[Bounded, Query(ge=0, le=price_preview.MOST_KWH)]
Minutes = Annotated[int, Query(ge=0, le=price_preview.MOST_MINUTES)]


class PriceModel(Answer):
    """What the sample session comes to by a tariff, each line with its words."""

    tariff: str
    version: int
    net: MoneyModel
    vat: MoneyModel
    gross: MoneyModel
    lines: list[PriceLineModel]


class ConsideredModel(Answer):
    """A tariff that is assigned to one of the places, and why it holds or not."""

    tariff: str
    assignment: AssignmentModel
    verdict: Verdict


class PreviewModel(Answer):
    """The price of a session that starts at a moment; decided as the bill is."""

    station: str
    evse_id: int
    starts_at: Moment
    is_free: bool = Field(description="The station gives its energy away.")
    sale: PriceModel | None = Field(
        description="What is paid; null where no tariff is assigned: such a session is held."
    )
    purchase: PriceModel | None = Field(
        description="What the owner's credit is computed on; null: what is paid, or not for you."
    )
    stop_at: Moment | None = Field(description="When the session would be stopped.")
    is_open: bool | None = Field(description="By the opening hours; null where there are none.")
    is_operating: bool
    considered: list[ConsideredModel]


@router.get("", summary="Preview a price")
async def preview_price(
    db: Db,
    now: Now,
    context: Context,
    caller: Reader,
    station: Station,
    evse_id: Number = 1,
    connector_id: Number = 1,
    id_token: Annotated[str, Query(max_length=255)] = "",
    at: Moment | None = None,
    kwh: Kwh = Decimal(20),
    minutes: Minutes = 60,
    idle_minutes: Minutes = 0,
) -> PreviewModel:
    """For an EVSE, a token (without: an ad-hoc driver) and a moment (without: now)."""
    start = await priced_places.start_at(
        db,
        caller,
        station=station,
        evse_id=evse_id,
        connector_id=connector_id,
        id_token=id_token,
        at=at or now,
        now=now,
        limits=limits(context),
    )
    usage = sample(start.started_at, kwh, minutes, idle_minutes)
    found = await price_preview.preview(db, start, usage)
    return PreviewModel(
        station=start.station,
        evse_id=start.evse_id,
        starts_at=start.started_at,
        is_free=found.is_free,
        sale=_price(found.sale),
        purchase=_price(found.purchase) if caller.may(Permission.AGREEMENTS_READ) else None,
        stop_at=found.stop_at,
        is_open=None if found.opening is None else found.opening.is_open,
        is_operating=found.operating.is_open,
        considered=[
            ConsideredModel(
                tariff=each.assignment.tariff_id,
                assignment=assignment_shown(each.assignment),
                verdict=each.verdict,
            )
            for each in await priced_places.seen(db, caller, found.considered)
        ],
    )


def _price(price: Price | None) -> PriceModel | None:
    if price is None:
        return None
    said = words("en")
    return PriceModel(
        tariff=price.version.tariff_id,
        version=price.version.version,
        net=MoneyModel.of(price.rating.net),
        vat=MoneyModel.of(price.rating.vat),
        gross=MoneyModel.of(price.rating.gross),
        lines=[line_model(each, price_line(each, said)) for each in price.rating.lines],
    )


class SpanModel(Answer):
    """A time in which one tariff holds; null: none does, and sessions are held."""

    from_at: Moment
    to_at: Moment
    tariff: str | None
    assignment: AssignmentModel | None


class CheckModel(Answer):
    """Something for a person to look at."""

    kind: CheckKind
    from_at: Moment | None = None
    to_at: Moment | None = None
    tariff: str | None = None
    element: int | None = Field(default=None, description="Counted from 0, as in the tariff.")


class SingleDayModel(Answer):
    """A day of the station's clock that has other hours than its weekday."""

    kind: HoursKind
    day: date
    periods: list[str] = Field(
        description="As `08:00-13:00`; none: closed. An end of 00:00 ends the day."
    )


class CalendarModel(Answer):
    """Which tariff holds when at an EVSE for an ad-hoc driver, and what is wrong with it."""

    station: str
    evse_id: int
    spans: list[SpanModel]
    checks: list[CheckModel]
    single_days: list[SingleDayModel]


@router.get("/calendar", summary="Show the tariff calendar of an EVSE")
async def tariff_calendar(
    db: Db,
    now: Now,
    context: Context,
    caller: Reader,
    station: Station,
    evse_id: Number = 1,
    connector_id: Number = 1,
    first_day: Annotated[date | None, Query(alias="from")] = None,
    days: Annotated[int, Query(ge=1, le=price_preview.LONGEST_CALENDAR_DAYS)] = 31,
) -> CalendarModel:
    """From a day (in the station's zone; without: today) on, with gaps and what never applies."""
    start = await priced_places.start_at(
        db,
        caller,
        station=station,
        evse_id=evse_id,
        connector_id=connector_id,
        id_token="",
        at=now,
        now=now,
        limits=limits(context),
    )
    begins, ends = priced_places.days_from(start.time_zone, first_day, days, now)
    found = await price_preview.calendar(db, start, start=begins, end=ends)
    return CalendarModel(
        station=start.station,
        evse_id=start.evse_id,
        spans=[
            SpanModel(
                from_at=each.from_at,
                to_at=each.to_at,
                tariff=None if each.assignment is None else each.assignment.tariff_id,
                assignment=None if each.assignment is None else assignment_shown(each.assignment),
            )
            for each in found.spans
        ],
        checks=[
            CheckModel(
                kind=each.kind,
                from_at=each.from_at,
                to_at=each.to_at,
                tariff=each.tariff_id if each.assignment is None else each.assignment.tariff_id,
                element=each.element,
            )
            for each in await priced_places.seen_checks(db, caller, found.checks)
        ],
        single_days=[
            SingleDayModel(
                kind=each.kind,
                day=each.day.on,
                periods=[f"{begin:%H:%M}-{end:%H:%M}" for begin, end in each.day.periods],
            )
            for each in found.days
        ],
    )
