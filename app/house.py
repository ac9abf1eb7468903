"""Everything but the stations' sockets: deliveries, jobs, mails, the portal.

Apart from `app/compose.py`, so that a process which only has sockets loads nothing of it.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory, mail_domains, renewals
from accounts.directory import Scope
from alerts import (
    conditions,
    detecting,
    failing_rounds,
    forgetting,
    noticing,
    raising,
    ruling,
)
from alerts.channels.gateway import Gateway
from alerts.channels.post import Post
from alerts.channels.services import Chat, SmsService, scheme_of
from alerts.channels.way import Way
from alerts.notices import Channel
from alerts.noticing import Notices
from alerts.rule_telling import RuleTelling
from app.readers import subscriptions
from app.station_files import forget_files, join_files
from app.tariff_stops import CRON as STOPS_CRON
from app.tariff_stops import stop_due
from billing import credit_orders, direct_payments, prepaid, remote_access
from billing.closing import Closing
from billing.credit_mails import Letters
from billing.month_end import CRON, MonthEnd
from csms import (
    customer_information,
    equipment,
    load_rounds,
    outcomes,
    probes_kept,
    profile_upgrades,
    records,
    remote,
)
from csms.authorities_by_http import HttpSigner
from csms.campaigns import keep_going
from csms.connectivity import SilenceLimits
from csms.ghosts import CRON as GHOSTS_CRON
from csms.ghosts import stop_ghosts
from csms.metering_points import StationPoints
from csms.partitions import keep_partitions
from csms.registers import Registers
from csms.signing import CHANNEL as REQUESTS
from csms.signing import Signing, waking
from csms.silence import CRON as SILENCE_CRON
from csms.silence import watching
from foundation.clock import Clock, SharedClock
from foundation.database import Database
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.networks import networks
from foundation.notifications import listen
from foundation.outbox import CHANNEL, DeliveryLoop
from foundation.outgoing_http import Outgoing
from foundation.sealing import Sealer, sealer_of
from foundation.settings import Settings
from foundation.tasks import OnEnd, Tasks
from portal.api.events import written_event
from portal.api.routes import ROUTERS
from portal.application import create_application
from portal.context import PortalContext
from portal.feed import Feed
from portal.limits import Limits
from portal.pages import routes as pages
from portal.webhooks import Webhooks
from roaming.handlers import Reimbursement
from support import (
    first_aiding,
    maintenance_reminders,
    owner_reporting,
    ticket_rounds,
    yearly_maintenance,
)
from support.change_orders import OrderGate
from support.correspondence import Correspondence
from support.handlers import EXPIRY_CRON, expire_orders
from support.maintenance_locks import CRON as MAINTENANCE_CRON
from support.maintenance_locks import looking_after

_JOBS_FINISH: Final = 0.4
"""The share of the time for stopping in which jobs may finish. All tasks are ended once more after
half of it: those that were aborted have to be over by then, or they outlive their database."""


def run_due(month_end: MonthEnd) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return the run at month end as a job."""

    async def run() -> None:
        await month_end.due()

    return run


async def still_sees(db: AsyncSession, account: OrganisationKey, station: str) -> bool:
    """Tell whether a station is still on the side of who pays for remote access to it."""
    side = Scope(await directory.below(db, account))
    try:
        return side.covers(await equipment.owner_seen(db, side, station))
    except NotFound:
        return False


def credits_round(
    database: Database, clock: Clock, letters: Letters
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return the periodic work about credits as a job."""

    async def run() -> None:
        await credit_orders.book_paid(database, clock, letters)
        await remote_access.look_after(database, clock, letters, still_theirs=still_sees)

    return run


def silence_round(
    settings: Settings, database: Database, clock: Clock
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return the watch over silent stations as a job."""
    return watching(
        database,
        clock,
        SilenceLimits(
            timedelta(seconds=settings.pending_after_s), timedelta(seconds=settings.offline_after_s)
        ),
        ping_for=timedelta(seconds=settings.ping_interval_s + settings.pong_timeout_s),
    )


@dataclass(frozen=True, slots=True)
class House:
    """Everything but the sockets: deliveries, jobs, mails, the portal."""

    jobs: Jobs
    mails: Mails
    deliveries: DeliveryLoop
    closing: Closing
    portal: FastAPI
    webhooks: Webhooks
    feed: Feed | None
    clock: Clock
    certificates: tuple[Path, ...]
    """Our own, whose end is watched."""
    signing: Signing


def compose_house(
    settings: Settings,
    database: Database,
    clock: Clock,
    *,
    is_listening: Callable[[], bool] = lambda: True,
) -> House:
    """Build the money's side and the people's; nothing runs yet."""
    sharing = Reimbursement()
    jobs = Jobs(database.url, stop_timeout_s=settings.shutdown_timeout_s * _JOBS_FINISH)
    mails = Mails(
        database=database, jobs=jobs, clock=clock, settings=settings, domains=mail_domains.domain_of
    )
    jobs.every("partitions", lambda: keep_partitions(database, settings, clock), cron="17 * * * *")
    jobs.every("tariff stops", stop_due(database, clock), cron=STOPS_CRON)
    jobs.every("ghost guard", lambda: stop_ghosts(database, clock), cron=GHOSTS_CRON)
    jobs.every("silence", silence_round(settings, database, clock), cron=SILENCE_CRON)
    jobs.every("tickets", ticket_rounds.watching(database, clock), cron=ticket_rounds.CRON)
    jobs.every(
        "yearly maintenance",
        yearly_maintenance.maintaining(database, clock),
        cron=yearly_maintenance.CRON,
    )
    jobs.every(
        "maintenance reminders",
        maintenance_reminders.reminding(
            database, clock, mails, link=f"{settings.reached_at}/support/maintenances"
        ),
        cron=maintenance_reminders.CRON,
    )
    jobs.every("alerts", raising.settling(database, clock), cron=raising.CRON)
    jobs.every("detection jobs", detecting.rounds(database, clock), cron=detecting.CRON)
    jobs.every("failing", failing_rounds.rounds(database, clock), cron=failing_rounds.CRON)
    jobs.every("rules", ruling.rounds(database, clock), cron=ruling.CRON)
    jobs.every("maintenance", looking_after(database, clock), cron=MAINTENANCE_CRON)
    jobs.every("first aid", first_aiding.looking_after(database, clock), cron=first_aiding.CRON)
    jobs.every(
        "alerts kept",
        forgetting.forgetting(database, clock, kept=timedelta(days=settings.alerts_kept_days)),
        cron=forgetting.CRON,
    )
    jobs.every(
        "probes kept",
        probes_kept.forgetting(database, clock, kept=timedelta(days=settings.probes_kept_days)),
        cron=probes_kept.CRON,
    )
    jobs.every(
        "customer data",
        customer_information.forgetting(
            database, clock, kept=timedelta(days=settings.customer_data_kept_days)
        ),
        cron=customer_information.CRON,
    )
    jobs.every("payments", settle_payments(database, clock), cron="* * * * *")
    jobs.every("station files", forget_files(settings, database, clock), cron="41 3 * * *")
    jobs.every(
        "tellings",
        records.forgetting(database, clock, timedelta(days=settings.readings_kept_days)),
        cron="29 3 * * *",
    )
    jobs.every("load", load_rounds.forgetting(database, clock), cron="23 3 * * *")
    metering = StationPoints()
    jobs.every(
        "accounts",
        lambda: renewals.look_after(
            database, mails, metering, clock, public_url=settings.reached_at
        ),
        cron=renewals.CRON,
    )
    join_files(settings, database)
    remote.join(database, orders=OrderGate(), in_flight_max=settings.commands_in_flight_max)
    correspondence = Correspondence(mails)
    jobs.every(
        "change orders", lambda: expire_orders(database, correspondence, clock), cron=EXPIRY_CRON
    )
    jobs.every(
        "credits",
        credits_round(database, clock, Letters(mails, settings.reached_at)),
        cron=remote_access.CRON,
    )
    jobs.every(
        "owners' months",
        owner_reporting.reporting(
            database, clock, mails, link=f"{settings.reached_at}/my-month?month="
        ),
        cron=owner_reporting.CRON,
    )
    closing = Closing(Registers(), sharing)
    limits = Limits(settings.api_calls_per_minute)
    feed = None if settings.mqtt_url is None else Feed(database, clock, settings, limits=limits)
    sealer = sealer_of(
        settings.data_dir,
        settings.secret_key.get_secret_value() if settings.secret_key else None,
    )
    webhooks = compose_webhooks(settings, database, clock, jobs, mails, sealer)
    jobs.every("webhooks", webhooks.forget, cron="47 3 * * *")
    notices = compose_notices(settings, database, clock, jobs, mails, sealer)
    rules = compose_rules(settings, database, jobs, clock, mails, sealer)
    jobs.every("notices", notices.look_after, cron=noticing.CRON)
    jobs.every("recipients", notices.look_at_access, cron=noticing.ACCESS_CRON)
    month_end = MonthEnd(database, closing, clock, jobs=jobs)
    month_end.register()
    if settings.close_automatically:
        jobs.every("month end", run_due(month_end), cron=CRON)
    portal = create_application(
        PortalContext(
            database=database,
            clock=clock,
            settings=settings,
            closing=closing,
            month_end=month_end,
            sealer=sealer,
            mails=mails,
            webhooks=webhooks,
            limits=limits,
            metering=metering,
            is_listening=is_listening,
        ),
        api=ROUTERS,
        pages=(pages.router,),
        error_page=pages.error_page,
    )
    deliveries = DeliveryLoop(database, subscriptions(sharing, clock, mails, notices, rules), clock)
    files = (settings.ocpp_tls_cert, settings.ocpp_tls_second_cert)
    certificates = tuple(each for each in files if each is not None)
    signing = compose_signing(settings, database, clock, sealer)
    return House(
        jobs, mails, deliveries, closing, portal, webhooks, feed, clock, certificates, signing
    )


def compose_signing(
    settings: Settings, database: Database, clock: Clock, sealer: Sealer
) -> Signing:
    """Build what signs stations' certificates, and say how stations reach us by TLS."""
    if settings.ocpp_public_url is not None:
        profile_upgrades.join(database, settings.ocpp_public_url)
    elif settings.ocpp_tls_port:
        host = f"{settings.ocpp_host}:{settings.ocpp_tls_port}"
        profile_upgrades.join(database, f"wss://{host}/ocpp")
    signer = None
    if settings.certificate_authority_url is not None:
        token = settings.certificate_authority_token
        allowed = networks(settings.webhook_networks)
        signer = HttpSigner(
            Outgoing(allowed=allowed, timeout_s=settings.webhook_timeout_s),
            settings.certificate_authority_url.get_secret_value(),
            None if token is None else token.get_secret_value(),
        )
    return Signing(database, clock, sealer, days=settings.station_certificate_days, signer=signer)


def compose_webhooks(
    settings: Settings,
    database: Database,
    clock: Clock,
    jobs: Jobs,
    mails: Mails,
    sealer: Sealer,
) -> Webhooks:
    """Build what tells other programs of events."""
    allowed = networks(settings.webhook_networks)
    return Webhooks(
        database=database,
        jobs=jobs,
        clock=clock,
        sealer=sealer,
        mails=mails,
        written=written_event,
        allowed=allowed,
        outgoing=Outgoing(allowed=allowed, timeout_s=settings.webhook_timeout_s),
        failures_max=settings.webhook_failures_max,
        failing_for=timedelta(hours=settings.webhook_failing_hours),
    )


def compose_notices(
    settings: Settings,
    database: Database,
    clock: Clock,
    jobs: Jobs,
    mails: Mails,
    sealer: Sealer,
) -> Notices:
    """Build what tells people of alerts."""
    outgoing = Outgoing(
        allowed=networks(settings.webhook_networks), timeout_s=settings.webhook_timeout_s
    )
    ways: dict[Channel, Way] = {
        Channel.CHAT: Chat(Post(outgoing, has_facts=False)),
        Channel.WEBHOOK: Post(outgoing, has_facts=True),
    }
    if settings.sms_url is not None:
        url = settings.sms_url.get_secret_value()
        ways[Channel.SMS] = (
            Gateway(
                url,
                token=settings.sms_token.get_secret_value() if settings.sms_token else None,
                timeout_s=settings.sms_timeout_s,
            )
            if scheme_of(url) in ("https", "http")
            else SmsService(url)
        )
    return Notices(
        database=database,
        jobs=jobs,
        clock=clock,
        mails=mails,
        sealer=sealer,
        ways=ways,
        public_url=settings.reached_at,
    )


def compose_rules(
    settings: Settings,
    database: Database,
    jobs: Jobs,
    clock: Clock,
    mails: Mails,
    sealer: Sealer,
) -> RuleTelling:
    """Build what tells of if/then rules."""
    outgoing = Outgoing(
        allowed=networks(settings.webhook_networks), timeout_s=settings.webhook_timeout_s
    )
    return RuleTelling(
        database=database,
        jobs=jobs,
        clock=clock,
        mails=mails,
        sealer=sealer,
        way=Post(outgoing, has_facts=True),
        public_url=settings.reached_at,
    )


def start_house(house: House, database: Database, tasks: Tasks) -> None:
    """Start deliveries and jobs; the portal itself is started by the caller."""
    tasks.start("deliveries", house.deliveries.run, on_end=OnEnd.RESTART)
    changes = outcomes.changes_of(database)
    channels: dict[str, Callable[[str], None]] = {
        CHANNEL: lambda _: house.deliveries.wake(),
        outcomes.CHANGES: changes.told,
        REQUESTS: waking(house.signing),
    }

    def lost() -> None:
        house.deliveries.wake()
        changes.lost()

    tasks.start(
        "outbox's notifications",
        lambda: listen(database, channels, lost=lost),
        on_end=OnEnd.RESTART,
    )
    tasks.start("jobs", house.jobs.run, on_end=OnEnd.RESTART)
    tasks.start("webhooks", house.webhooks.run, on_end=OnEnd.RESTART)
    if not isinstance(house.clock, SharedClock):  # by one that runs fast everything is late
        tasks.start(
            "conditions",
            lambda: conditions.keep_looking(database, house.clock, house.certificates),
            on_end=OnEnd.RESTART,
        )
    tasks.start("certificates", house.signing.run, on_end=OnEnd.RESTART)
    tasks.start(
        "load balancing",
        lambda: load_rounds.keep_balanced(database, house.clock),
        on_end=OnEnd.RESTART,
    )
    tasks.start("campaigns", lambda: keep_going(database, house.clock), on_end=OnEnd.RESTART)
    if house.feed is not None:
        tasks.start("feed", house.feed.run, on_end=OnEnd.RESTART)


def settle_payments(database: Database, clock: Clock) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return what takes off cards what they charged, and captures what drivers owe."""

    async def settle() -> None:
        async with database.unit_of_work() as db:
            await prepaid.take_off(db, now=clock.now())
        await direct_payments.settle(database, clock)

    return settle
