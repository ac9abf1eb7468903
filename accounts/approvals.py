"""What an approval does: it takes effect at once, and an event tells what it costs.

An edition and its datapoints are charged for the whole term at the price list of the day; more of
them, or a dearer edition, for the months that are left, the running one included. Fewer give
nothing back. Multi-year licences are charged for their term, monthly ones month by month.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import metering
from accounts.account_tables import AccountRow, AccountTermRow, PointLicenceRow
from accounts.applications import (
    Application,
    NewAccount,
    OtherDatapoints,
    OtherLicence,
    PointLicences,
    Renewal,
    State,
)
from accounts.audit import Actor
from accounts.directory import Organisation, organisation
from accounts.licence_costs import (
    LicenceLine,
    LineItem,
    PriceList,
    datapoint_item,
    edition_item,
    licence_line,
    point_item,
)
from accounts.licence_prices import price_list
from accounts.licences import Licence
from accounts.licensing import application_of, checked, decidable, decide
from accounts.metering import MeteringPoints, locked_account, metered
from accounts.periods import Term, begins_at, first_term, months_later, months_left, renewed, today
from accounts.tables import OrganisationRow
from accounts.tiers import LicenceKind, LicenceModel, Tier
from foundation import outbox
from foundation.errors import InvalidInput
from foundation.events import AccountApproved, LicenceCharge, LicenceMonthBegan
from foundation.identifiers import OrganisationKey

_ONE_DAY = timedelta(days=1)


async def approve(
    db: AsyncSession, source: MeteringPoints, number: int, *, by: Actor, now: datetime
) -> Application:
    """Approve an application: it takes effect at once, and an event tells what it costs.

    What was applied for is checked again: more may be in use by now.

    Raises:
        NotFound, ApplicationDecided, OwnApplication: If he cannot decide about it.
        InvalidInput, Conflict: If it cannot be had any more.
        NoLicencePrice: If the price list lacks a price.
    """
    row, asked = await decidable(db, number, by)
    home = await organisation(db, asked.organisation)
    wanted = await checked(db, source, home, asked.wanted, now)
    on = today(now, home.time_zone)
    prices = await price_list(db, home.currency, on)
    decide(row, State.APPROVED, by, now)
    await db.flush()
    match wanted:
        case NewAccount():
            lines = await _open(db, home, wanted, number, prices, on, now)
        case Renewal():
            lines = await _renew(db, home, wanted, number, prices, on)
        case OtherDatapoints():
            lines = await _change_datapoints(db, home, wanted, prices, on)
        case OtherLicence():
            lines = await _change_licence(db, home, wanted, prices, on)
        case PointLicences():
            lines = await _add_licences(db, home, wanted, number, prices, on)
    await db.flush()
    account_row = await locked_account(db, home.key)
    metering.note_count(account_row, await metered(db, source, home.key, on=on), now)
    await db.flush()
    await outbox.append(
        db,
        [
            AccountApproved(
                happened_at=now,
                organisation=home.key,
                application_id=number,
                what=asked.kind.value,
                charges=_charges(lines),
            )
        ],
        recorded_at=now,
    )
    return application_of(row)


def _charges(lines: Iterable[LicenceLine]) -> tuple[LicenceCharge, ...]:
    return tuple(
        LicenceCharge(
            item=each.item.value,
            about=each.about,
            count=each.count,
            months=each.months,
            unit_price=each.unit_price,
            net=each.net.amount,
            currency=each.net.currency,
            first_day=each.first_day,
            last_day=each.last_day,
        )
        for each in lines
    )


def term_lines(
    licence: Licence, datapoints: int, term: Term, months: int, prices: PriceList
) -> list[LicenceLine]:
    """Return what an edition and its datapoints cost for the newest term of so many months."""
    first, last = term.starts_on, term.ends_on - _ONE_DAY
    return [
        licence_line(
            item,
            count=count,
            months=months,
            unit_price=prices.price(price),
            currency=prices.currency,
            first_day=first,
            last_day=last,
            about=licence.value,
        )
        for item, count, price in (
            (LineItem.ACCOUNT, 1, edition_item(licence)),
            (LineItem.DATAPOINTS, datapoints, datapoint_item(licence)),
        )
    ]


async def _open(
    db: AsyncSession,
    home: Organisation,
    wanted: NewAccount,
    number: int,
    prices: PriceList,
    on: date,
    now: datetime,
) -> list[LicenceLine]:
    term = first_term(on, wanted.months)
    old = await db.get(AccountRow, home.key)
    if old is not None:  # an archived one: its terms and applications stay on record
        await db.delete(old)
        await db.flush()
    db.add(
        AccountRow(
            organisation=home.key,
            name=wanted.name,
            customer=wanted.customer,
            licence=wanted.licence.value,
            datapoints=wanted.datapoints,
            sector=wanted.sector.value,
            rtc_lines=wanted.rtc_lines,
            mail_domain=wanted.mail_domain,
            comment=wanted.comment,
            anchor_on=term.anchor_on,
            months=term.months,
            starts_on=term.starts_on,
            ends_on=term.ends_on,
            datapoints_used=0,
            tier=Tier.BASIC.value,
            counted_at=now,
            created_at=now,
        )
    )
    await db.flush()
    await _set_edition(db, home.key, wanted.licence)
    _keep_term(db, home.key, number, term, wanted.months, wanted.licence, wanted.datapoints)
    return term_lines(wanted.licence, wanted.datapoints, term, wanted.months, prices)


async def _renew(
    db: AsyncSession,
    home: Organisation,
    wanted: Renewal,
    number: int,
    prices: PriceList,
    on: date,
) -> list[LicenceLine]:
    row = await locked_account(db, home.key)
    was_over = row.ends_on <= on
    term = renewed(Term(row.anchor_on, row.months, row.starts_on, row.ends_on), wanted.months, on)
    row.anchor_on, row.months = term.anchor_on, term.months
    row.starts_on, row.ends_on = term.starts_on, term.ends_on
    if was_over:  # the months in between were not to be had, so they are not charged
        await db.execute(
            update(PointLicenceRow)
            .where(PointLicenceRow.organisation == home.key)
            .where(PointLicenceRow.next_month_on < on)
            .values(starts_on=on, next_month_on=on)
        )
    licence = Licence(row.licence)
    _keep_term(db, home.key, number, term, wanted.months, licence, row.datapoints)
    return term_lines(licence, row.datapoints, term, wanted.months, prices)


def _keep_term(
    db: AsyncSession,
    key: OrganisationKey,
    number: int,
    term: Term,
    months: int,
    licence: Licence,
    datapoints: int,
) -> None:
    db.add(
        AccountTermRow(
            application=number,
            organisation=key,
            starts_on=term.starts_on,
            ends_on=term.ends_on,
            months=months,
            licence=licence.value,
            datapoints=datapoints,
        )
    )


async def _change_datapoints(
    db: AsyncSession, home: Organisation, wanted: OtherDatapoints, prices: PriceList, on: date
) -> list[LicenceLine]:
    """Change how many there are; more are charged from the running month on, fewer give nothing."""
    row = await locked_account(db, home.key)
    more = wanted.datapoints - row.datapoints
    row.datapoints = wanted.datapoints
    if more <= 0:
        return []
    licence = Licence(row.licence)
    return [
        licence_line(
            LineItem.DATAPOINTS,
            count=more,
            months=months_left(row.anchor_on, row.months, on),
            unit_price=prices.price(datapoint_item(licence)),
            currency=prices.currency,
            first_day=on,
            last_day=row.ends_on - _ONE_DAY,
            about=licence.value,
        )
    ]


async def _change_licence(
    db: AsyncSession, home: Organisation, wanted: OtherLicence, prices: PriceList, on: date
) -> list[LicenceLine]:
    """Change the edition; the dearer one's difference is charged from the running month on."""
    row = await locked_account(db, home.key)
    before = Licence(row.licence)
    if before is wanted.licence:
        raise InvalidInput("The account has this licence already.", field="licence")
    row.licence = wanted.licence.value
    await _set_edition(db, home.key, wanted.licence)
    months = months_left(row.anchor_on, row.months, on)
    lines = []
    for item, count, price in (
        (LineItem.ACCOUNT, 1, edition_item),
        (LineItem.DATAPOINTS, row.datapoints, datapoint_item),
    ):
        dearer = prices.price(price(wanted.licence)) - prices.price(price(before))
        if dearer > 0:
            lines.append(
                licence_line(
                    item,
                    count=count,
                    months=months,
                    unit_price=dearer,
                    currency=prices.currency,
                    first_day=on,
                    last_day=row.ends_on - _ONE_DAY,
                    about=wanted.licence.value,
                )
            )
    return lines


async def _set_edition(db: AsyncSession, key: OrganisationKey, licence: Licence) -> None:
    """Give the edition's rights to everybody the account is for."""
    keys = [*map(str, await metering.covered(db, key))]
    await db.execute(
        update(OrganisationRow).where(OrganisationRow.key.in_(keys)).values(licence=licence.value)
    )


async def _add_licences(
    db: AsyncSession,
    home: Organisation,
    wanted: PointLicences,
    number: int,
    prices: PriceList,
    on: date,
) -> list[LicenceLine]:
    price = prices.price(point_item(wanted.kind, wanted.model))
    is_monthly = wanted.model is LicenceModel.MONTHLY
    months = 1 if wanted.months is None else wanted.months
    end = months_later(on, months)
    db.add(
        PointLicenceRow(
            organisation=home.key,
            application=number,
            kind=wanted.kind.value,
            model=wanted.model.value,
            quantity=wanted.quantity,
            starts_on=on,
            ends_on=None if is_monthly else end,
            unit_price=None if is_monthly else price,
            next_month_on=end if is_monthly else None,
        )
    )
    return [
        licence_line(
            LineItem.METERING_POINTS,
            count=wanted.quantity,
            months=months,
            unit_price=price,
            currency=prices.currency,
            first_day=on,
            last_day=end - _ONE_DAY,
            about=f"{wanted.kind.value}/{wanted.model.value}",
        )
    ]


async def charge_months(db: AsyncSession, row: PointLicenceRow, *, now: datetime) -> int:
    """Tell of the months of a monthly licence that have begun; return how many.

    Each is charged at the price list of its own first day, while the account runs.
    """
    home = await organisation(db, OrganisationKey(row.organisation))
    on = today(now, home.time_zone)
    owner = await db.get(AccountRow, row.organisation)
    told = 0
    while (
        row.next_month_on is not None
        and row.next_month_on <= on
        and owner is not None
        and row.next_month_on < owner.ends_on
    ):
        first = row.next_month_on
        months = _months_between(row.starts_on, first)
        following = months_later(row.starts_on, months + 1)
        prices = await price_list(db, home.currency, first)
        line = licence_line(
            LineItem.METERING_POINTS,
            count=row.quantity,
            months=1,
            unit_price=prices.price(point_item(LicenceKind(row.kind), LicenceModel.MONTHLY)),
            currency=prices.currency,
            first_day=first,
            last_day=following - _ONE_DAY,
            about=f"{row.kind}/{row.model}",
        )
        row.next_month_on = following
        await outbox.append(
            db,
            [
                LicenceMonthBegan(
                    happened_at=begins_at(first, home.time_zone).astimezone(UTC),
                    organisation=home.key,
                    licence_id=row.id,
                    charges=_charges([line]),
                )
            ],
            recorded_at=now,
        )
        told += 1
    await db.flush()
    return told


def _months_between(start: date, day: date) -> int:
    """Return how many months after the start a month of it begins."""
    return (day.year - start.year) * 12 + day.month - start.month
