"""The rules of the business about accounts, a test for each row: docs/rules.md lists them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import api_keys, approvals, directory, licensing, metering, renewals
from accounts.applications import (
    DEFAULT_MONTHS,
    LEAST_DATAPOINTS,
    AlreadyApplied,
    ApplicationDecided,
    Kind,
    OtherDatapoints,
    OtherLicence,
    OwnApplication,
    ReasonMissing,
    Renewal,
    RtcLinesOnlyInSpain,
    Sector,
    State,
    TooFewDatapoints,
)
from accounts.audit import Actor
from accounts.entitlements import KEPT_WHEN_EXPIRED, AccountExpired, AccountState
from accounts.licences import Licence
from accounts.metering import DatapointsFull
from accounts.permissions import SHIPPED, Permission, Role
from accounts.tiers import Licences, MeteringPoint, PointKind
from billing import charges, licence_charges
from foundation import mail, outbox
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import NotFound
from foundation.events import AccountApproved
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.money import Money
from foundation.settings import Settings
from tests.accounts.licensed import (
    APPLICANT,
    DECIDER,
    NORTH,
    Points,
    connectors,
    granted,
    made_north,
    new_account,
)

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)


@pytest.fixture
async def north(db: AsyncSession, clock: SetClock) -> AsyncSession:
    """A unit of work with the organisation `north`."""
    await made_north(db, clock.now())
    return db


@pytest.fixture
async def mails(database: Database, clock: SetClock) -> Mails:
    return Mails(database=database, jobs=Jobs(database.url), clock=clock, settings=Settings())


async def charged(db: AsyncSession) -> dict[str, Money]:
    """What billing booked for all that was told so far, by the beginning of its key."""
    entries = await db.execute(
        text("select payload from journal where kind = 'account_approved' order by id")
    )
    for (payload,) in entries:
        event = outbox.event_from(AccountApproved.kind, payload)
        assert isinstance(event, AccountApproved)
        await charges.book(db, licence_charges.charges_of(event), now=NOON)
    return {
        each.charge.key.split("/", 2)[2].rsplit("/", 1)[0] + f"/{each.charge.first_day}": (
            each.charge.net
        )
        for each in await charges.open_charges(db)
    }


# ---------------------------------------------------------------------------- 4 Accounts


def test_4_access_is_the_right_of_a_super_admin() -> None:
    """That the menu and the icon show it to nobody else: tests/portal/pages/test_accounts.py."""
    assert Permission.ACCOUNTS_WRITE in SHIPPED[Role.SUPER_ADMIN]
    assert Permission.ACCOUNTS_DECIDE in SHIPPED[Role.CUSTOMER_SUCCESS]
    for role in (Role.SUPPORT, Role.FINANCE, Role.TECHNICIAN, Role.OWNER):
        assert not {Permission.ACCOUNTS_READ, Permission.ACCOUNTS_WRITE} & SHIPPED[role]


async def test_4_three_zones_are_active_expired_and_applications(north: AsyncSession) -> None:
    await granted(north, new_account(months=1, datapoints=30), NOON, points=connectors(7))
    await licensing.apply(north, Points(), NORTH, Renewal(), by=APPLICANT, now=NOON)
    [account] = await licensing.accounts(north)
    [waiting] = await licensing.applications(north, state=State.PENDING)

    assert (account.datapoints_used, account.datapoints_left) == (7, 23)
    assert account.state(NOON) is AccountState.ACTIVE
    assert account.state(NOON + timedelta(days=31)) is AccountState.EXPIRED
    assert waiting.kind is Kind.RENEWAL


async def test_4_the_create_form_makes_an_application_and_no_account(
    north: AsyncSession,
) -> None:
    wanted = new_account(
        datapoints=40,
        months=24,
        sector=Sector.HOUSING,
        mail_domain="@North.Example",
        comment="As agreed.",
    )
    made = await licensing.apply(north, Points(), NORTH, wanted, by=APPLICANT, now=NOON)

    assert made.state is State.PENDING
    assert await licensing.accounts(north) == []
    await approvals.approve(north, Points(), made.id, by=DECIDER, now=NOON)
    [account] = await licensing.accounts(north)
    assert (account.name, account.customer) == ("North", "North GmbH")
    assert (account.licence, account.datapoints) == (Licence.BUSINESS, 40)
    assert (account.sector, account.rtc_lines) == (Sector.HOUSING, 0)
    assert (account.mail_domain, account.comment) == ("north.example", "As agreed.")
    assert account.term.ends_on == date(2028, 10, 15)


async def test_4_rtc_lines_exist_in_spain_only(db: AsyncSession) -> None:
    await made_north(db, NOON, country="ES")
    spanish = await licensing.apply(
        db, Points(), NORTH, new_account(rtc_lines=3), by=APPLICANT, now=NOON
    )
    assert spanish.kind is Kind.NEW
    await licensing.withdraw(db, spanish.id, by=APPLICANT, now=NOON)
    await directory.change_organisation(db, NORTH, {"country": "DE"})
    with pytest.raises(RtcLinesOnlyInSpain):
        await licensing.apply(db, Points(), NORTH, new_account(rtc_lines=3), by=APPLICANT, now=NOON)


async def test_4_datapoints_licence_and_renewal_are_changed_by_application(
    north: AsyncSession,
) -> None:
    await granted(north, new_account(), NOON)
    await granted(north, OtherDatapoints(50), NOON)
    await granted(north, OtherLicence(Licence.BUSINESS_PREMIUM), NOON)
    await granted(north, Renewal(6), NOON)
    account = await licensing.account(north, NORTH)

    assert (account.datapoints, account.licence) == (50, Licence.BUSINESS_PREMIUM)
    assert account.term.ends_on == date(2028, 4, 15)
    assert (await directory.organisation(north, NORTH)).licence is Licence.BUSINESS_PREMIUM


async def test_4_term_an_account_is_active_for_one_year(north: AsyncSession) -> None:
    await granted(north, new_account(), NOON)
    account = await licensing.account(north, NORTH)

    assert account.term.ends_on == date(2027, 10, 15)
    assert account.state(datetime(2027, 10, 14, 21, 59, tzinfo=UTC)) is AccountState.ACTIVE
    assert account.state(datetime(2027, 10, 14, 22, 0, tzinfo=UTC)) is AccountState.EXPIRED


async def test_4_reminders_a_month_and_a_week_before_and_on_the_day(
    north: AsyncSession, mails: Mails
) -> None:
    await granted(north, new_account(), NOON)
    sent: list[tuple[datetime, str]] = []
    eight = datetime(2027, 9, 10, 6, tzinfo=UTC)
    for day in range(45):
        for at in (eight + timedelta(days=day, seconds=-1), eight + timedelta(days=day)):
            await renewals.look_after_one(
                north, mails, Points(), NORTH, public_url="https://x.example", now=at
            )
            found = await mail.outbox(north, limit=10)
            if len(found) > len(sent):
                sent.append((at, found[0].subject))

    assert sent == [
        (datetime(2027, 9, 15, 6, tzinfo=UTC), "Your account expires in one month, on 2027-10-15"),
        (datetime(2027, 10, 8, 6, tzinfo=UTC), "Your account expires in one week, on 2027-10-15"),
        (datetime(2027, 10, 15, 6, tzinfo=UTC), "Your account expires today, on 2027-10-15"),
    ]


# ---------------------------------------------------------------------------- 7.6 decisions


async def test_7_6_the_period_is_as_applied_for_and_12_months_by_default(
    north: AsyncSession,
) -> None:
    assert (DEFAULT_MONTHS, LEAST_DATAPOINTS) == (12, 20)
    await granted(north, new_account(months=7), NOON)

    assert (await licensing.account(north, NORTH)).term.ends_on == date(2027, 5, 15)


async def test_7_6_the_end_is_clamped_and_counted_from_the_original_day(
    north: AsyncSession,
) -> None:
    start = datetime(2027, 1, 31, 12, tzinfo=UTC)
    await granted(north, new_account(months=1), start)
    first = (await licensing.account(north, NORTH)).term
    await granted(north, Renewal(1), start)
    second = (await licensing.account(north, NORTH)).term

    assert first.ends_on == date(2027, 2, 28)
    assert (second.starts_on, second.ends_on) == (date(2027, 2, 28), date(2027, 3, 31))


async def test_7_6_reminders_are_sent_once_and_a_missed_run_sends_the_latest_only(
    north: AsyncSession, mails: Mails
) -> None:
    await granted(north, new_account(), NOON)
    for _ in range(2):
        await renewals.look_after_one(
            north,
            mails,
            Points(),
            NORTH,
            public_url="https://x.example",
            now=datetime(2027, 10, 9, 6, tzinfo=UTC),
        )

    assert [each.subject for each in await mail.outbox(north)] == [
        "Your account expires in one week, on 2027-10-15"
    ]


async def test_7_6_an_approved_renewal_cancels_the_other_reminders(
    north: AsyncSession, mails: Mails
) -> None:
    await granted(north, new_account(), NOON)
    before = datetime(2027, 9, 20, tzinfo=UTC)
    await renewals.look_after_one(
        north, mails, Points(), NORTH, public_url="https://x.example", now=before
    )
    await granted(north, Renewal(), before)
    for day in range(40):
        await renewals.look_after_one(
            north,
            mails,
            Points(),
            NORTH,
            public_url="https://x.example",
            now=before + timedelta(days=day),
        )

    assert [each.subject[:34] for each in await mail.outbox(north)] == [
        "Your account expires in one month,"
    ]


async def test_7_6_reminders_before_the_start_are_skipped(
    north: AsyncSession, mails: Mails
) -> None:
    """A month from the 31st on: a month before its end lies before its start."""
    start = datetime(2027, 1, 31, 15, tzinfo=UTC)
    await granted(north, new_account(months=1), start)
    term = (await licensing.account(north, NORTH)).term
    assert (term.starts_on, term.ends_on) == (date(2027, 1, 31), date(2027, 2, 28))

    async def told(at: datetime) -> list[str]:
        await renewals.look_after_one(
            north, mails, Points(), NORTH, public_url="https://x.example", now=at
        )
        return [each.subject for each in await mail.outbox(north)]

    assert await told(start) == []
    assert await told(datetime(2027, 2, 20, 15, tzinfo=UTC)) == []
    assert await told(datetime(2027, 2, 21, 15, tzinfo=UTC)) == [
        "Your account expires in one week, on 2027-02-28"
    ]


async def test_7_6_renewed_early_the_new_term_starts_at_the_old_end(north: AsyncSession) -> None:
    await granted(north, new_account(), NOON)
    await granted(north, Renewal(3), NOON + timedelta(days=200))
    term = (await licensing.account(north, NORTH)).term

    assert (term.starts_on, term.ends_on) == (date(2027, 10, 15), date(2028, 1, 15))


async def test_7_6_renewed_after_the_end_the_new_term_starts_at_the_approval(
    north: AsyncSession,
) -> None:
    await granted(north, new_account(), NOON)
    await granted(north, Renewal(3), datetime(2027, 12, 30, 12, tzinfo=UTC))
    term = (await licensing.account(north, NORTH)).term

    assert (term.starts_on, term.ends_on) == (date(2027, 12, 30), date(2028, 3, 30))


async def test_7_6_approval_and_renewal_post_the_account_and_its_datapoints(
    north: AsyncSession,
) -> None:
    await granted(north, new_account(datapoints=40), NOON)
    await granted(north, OtherDatapoints(50), datetime(2027, 4, 20, tzinfo=UTC))
    await granted(north, Renewal(6), datetime(2027, 9, 1, tzinfo=UTC))
    once = await charged(north)
    twice = await charged(north)

    assert (
        once
        == twice
        == {
            "account/2026-10-15": Money(Decimal(79 * 12), "EUR"),
            "datapoints/2026-10-15": Money(Decimal("0.35"), "EUR") * (40 * 12),
            "datapoints/2027-04-20": Money(Decimal("0.35"), "EUR") * (10 * 6),
            "account/2027-10-15": Money(Decimal(79 * 6), "EUR"),
            "datapoints/2027-10-15": Money(Decimal("0.35"), "EUR") * (50 * 6),
        }
    )


async def test_7_6_who_approves_is_never_the_applicant(north: AsyncSession) -> None:
    made = await licensing.apply(north, Points(), NORTH, new_account(), by=APPLICANT, now=NOON)
    key, _ = await api_keys.create_api_key(
        north, name="his", role="administrator", created_by=APPLICANT.id, now=NOON
    )
    his_key = Actor(f"api_key/{key.id}", "his", "api", None)
    for himself in (APPLICANT, his_key):
        with pytest.raises(OwnApplication):
            await approvals.approve(north, Points(), made.id, by=himself, now=NOON)
        with pytest.raises(OwnApplication):
            await licensing.reject(north, made.id, "no", by=himself, now=NOON)
    approved = await approvals.approve(north, Points(), made.id, by=DECIDER, now=NOON)

    assert (approved.state, approved.decided_by) == (State.APPROVED, DECIDER.id)


async def test_7_6_applications_are_pending_approved_rejected_with_a_reason_or_withdrawn(
    north: AsyncSession,
) -> None:
    assert {*State} == {"pending", "approved", "rejected", "withdrawn"}
    first = await licensing.apply(north, Points(), NORTH, new_account(), by=APPLICANT, now=NOON)
    with pytest.raises(ReasonMissing):
        await licensing.reject(north, first.id, " ", by=DECIDER, now=NOON)
    rejected = await licensing.reject(north, first.id, "no contract", by=DECIDER, now=NOON)
    second = await licensing.apply(north, Points(), NORTH, new_account(), by=APPLICANT, now=NOON)
    withdrawn = await licensing.withdraw(north, second.id, by=APPLICANT, now=NOON)

    assert (rejected.state, rejected.reason) == (State.REJECTED, "no contract")
    assert withdrawn.state is State.WITHDRAWN
    for over in (rejected, withdrawn):
        with pytest.raises(ApplicationDecided):
            await approvals.approve(north, Points(), over.id, by=DECIDER, now=NOON)
    assert await licensing.accounts(north) == []


async def test_7_6_a_second_application_of_the_same_kind_is_refused_while_one_is_pending(
    north: AsyncSession,
) -> None:
    await granted(north, new_account(), NOON)
    first = await licensing.apply(
        north, Points(), NORTH, OtherDatapoints(30), by=APPLICANT, now=NOON
    )
    with pytest.raises(AlreadyApplied):
        await licensing.apply(north, Points(), NORTH, OtherDatapoints(40), by=DECIDER, now=NOON)
    await licensing.apply(north, Points(), NORTH, Renewal(), by=APPLICANT, now=NOON)
    await licensing.withdraw(north, first.id, by=APPLICANT, now=NOON)
    await licensing.apply(north, Points(), NORTH, OtherDatapoints(40), by=DECIDER, now=NOON)


async def test_7_6_fewer_datapoints_than_in_use_or_20_are_refused_with_both_numbers(
    north: AsyncSession,
) -> None:
    used = connectors(31)
    await granted(north, new_account(datapoints=40), NOON, points=used)
    with pytest.raises(TooFewDatapoints, match=r"30 .*20 .*31") as refused:
        await licensing.apply(north, used, NORTH, OtherDatapoints(30), by=APPLICANT, now=NOON)
    assert (refused.value.wanted, refused.value.used) == (30, 31)
    with pytest.raises(TooFewDatapoints, match=r"19 .*20 .*0"):
        await licensing.apply(north, Points(), NORTH, OtherDatapoints(19), by=APPLICANT, now=NOON)
    fewest = await licensing.apply(north, used, NORTH, OtherDatapoints(31), by=APPLICANT, now=NOON)

    more = connectors(32)
    with pytest.raises(TooFewDatapoints):
        await approvals.approve(north, more, fewest.id, by=DECIDER, now=NOON)
    await approvals.approve(north, used, fewest.id, by=DECIDER, now=NOON)


async def test_7_6_at_the_limit_a_new_datapoint_is_refused_and_existing_ones_keep_working(
    north: AsyncSession,
) -> None:
    await granted(north, new_account(datapoints=20), NOON, points=connectors(19))
    await metering.points_changed(north, connectors(20), NORTH, agrees=False, now=NOON)
    with pytest.raises(DatapointsFull, match=r"20 .*21"):
        await metering.points_changed(north, connectors(21), NORTH, agrees=False, now=NOON)
    await metering.points_changed(north, connectors(20), NORTH, agrees=False, now=NOON)
    assert (await licensing.account(north, NORTH)).datapoints_used == 20

    # A station has brought more by itself: those stay, and one may have fewer, but no more.
    brought = metering.Metered(tuple(connectors(23).found), Licences())
    metering.note_count(await metering.locked_account(north, NORTH), brought, NOON)
    await north.flush()
    for count in (23, 22):
        await metering.points_changed(north, connectors(count), NORTH, agrees=False, now=NOON)
    with pytest.raises(DatapointsFull, match=r"20 .*23"):
        await metering.points_changed(north, connectors(23), NORTH, agrees=False, now=NOON)


def test_7_6_a_datapoint_is_a_stored_series_of_a_connector_and_measurand() -> None:
    """How they are counted in what stations stored: tests/csms/test_metering_points.py."""
    metered = metering.Metered(
        (
            MeteringPoint("CS-1/1/1", PointKind.OCPP_POINT, datapoints=3),
            MeteringPoint("CS-1/2/1", PointKind.OCPP_POINT, datapoints=1),
        ),
        Licences(),
    )

    assert metered.datapoints == 4


async def test_7_6_expired_reading_stays_changes_and_exports_stop_charging_never(
    north: AsyncSession,
) -> None:
    await granted(north, new_account(), NOON)
    later = datetime(2027, 10, 16, tzinfo=UTC)
    before = await licensing.entitlement_of(north, NORTH, now=NOON)
    after = await licensing.entitlement_of(north, NORTH, now=later)
    assert before is not None
    assert after is not None

    assert before.refusal(Permission.STATIONS_WRITE) is None
    assert before.refusal_of_exports() is None
    assert isinstance(after.refusal(Permission.STATIONS_WRITE), AccountExpired)
    assert isinstance(after.refusal_of_exports(), AccountExpired)
    for permission in Permission:
        if permission.value.endswith(".read"):
            assert permission in KEPT_WHEN_EXPIRED
            assert after.refusal(permission) is None
    for door in (Permission.COMMANDS_SEND, Permission.FEED_COMMANDS):
        assert after.refusal(door) is None, "starting and stopping goes on"
    assert after.refusal(Permission.ACCOUNTS_WRITE) is None, "so that it can be renewed"
    assert after.refusal(Permission.MONITORING) is None, "so that it can be ended"
    assert isinstance(after.refusal(Permission.COST_RELEASE), AccountExpired)


async def test_7_6_after_the_grace_time_an_account_is_archived_on_a_decision(
    north: AsyncSession,
) -> None:
    await granted(north, new_account(), NOON)
    assert Settings().account_grace_days == 90
    with pytest.raises(licensing.GraceRuns):
        await licensing.archive(
            north, NORTH, grace_days=90, now=datetime(2028, 1, 12, 12, tzinfo=UTC)
        )
    archived = await licensing.archive(
        north, NORTH, grace_days=90, now=datetime(2028, 1, 13, 12, tzinfo=UTC)
    )

    assert archived.state(NOON) is AccountState.ARCHIVED
    with pytest.raises(NotFound):
        await licensing.apply(north, Points(), NORTH, Renewal(), by=APPLICANT, now=NOON)
    await granted(north, new_account(), datetime(2028, 2, 1, tzinfo=UTC))
    assert (await licensing.account(north, NORTH)).archived_at is None


async def test_7_6_rtc_lines_are_a_number_and_0_outside_spain(db: AsyncSession) -> None:
    await made_north(db, NOON, country="ES")
    await granted(db, new_account(rtc_lines=4), NOON)

    assert (await licensing.account(db, NORTH)).rtc_lines == 4
    assert new_account().rtc_lines == 0


async def test_without_an_account_nothing_is_limited(north: AsyncSession) -> None:
    assert await licensing.entitlement_of(north, NORTH, now=NOON) is None
    await metering.points_changed(north, connectors(5000), NORTH, agrees=False, now=NOON)
