"""Builds the stations' side and joins the rooms; `app/house.py` builds the rest. Decides nothing.

One process does it all by default. With `LEITSTAND_WORKERS=N` a parent has the database, the
portal, the deliveries and the jobs, and N children have the stations' sockets.
"""

import asyncio
import os
import socket
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import uuid4

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from alerts import (
    conditions,
    detecting,
    failing_rounds,
    forgetting,
    open_tickets,
    purse,
    raising,
    ruling,
)
from app.routes import ROUTES
from billing import prepaid, service_facts
from billing.access import Doorkeeper
from billing.estimate import Estimator
from billing.payment_desk import PaymentDesk
from billing.sms_purse import SmsPurse
from csms import certificate_store, local_list_store, remote
from csms.authorities_by_http import HttpContracts, HttpResponder
from csms.charge_points import ChargePoints
from csms.charging_health import ChargingHealth
from csms.clocks import Clocks
from csms.command_store import CHANNEL
from csms.commanding import Commanding
from csms.connection import Surroundings
from csms.connections import Connections, station_notifications
from csms.dispatch import Dispatch
from csms.frames import FrameLog
from csms.handlers.context import CostPace, HandlerContext
from csms.job_facts import Charging
from csms.measured import Meters
from csms.payments import Credits
from csms.plug_and_charge import Others, PlugAndCharge
from csms.station_certificates import StationCertificates
from csms.vat_numbers import VatNumbers
from csms.websocket import Listener
from csms.whereabouts import Registered
from foundation.clock import Clock
from foundation.database import Database, DatabaseAway
from foundation.networks import networks
from foundation.notifications import listen
from foundation.outgoing_http import Outgoing
from foundation.settings import Settings
from foundation.tasks import OnEnd, Tasks
from support.alert_references import AlertReferences
from support.maintenance_locks import Workshop
from support.maintenance_store import Windows
from support.ticket_rounds import ServiceTickets

log = structlog.get_logger(__name__)

_WAITING_STATIONS_MAX = 1000
_NOTE_HEARD_EVERY_S = 5.0
_MEND_EVERY_S = 30.0
_WATCH_CLOCKS_EVERY_S = 60.0
_WATCH_KEYS_EVERY_S = 10.0


def open_database(settings: Settings, url: str) -> Database:
    """Return the way to the database, with the events' addresses and who counts what."""
    database = Database(url, routes=ROUTES, pool_size=settings.database_pool_size)
    join_rooms(database)
    return database


def join_rooms(database: Database) -> None:
    """Say for a database who answers what one room asks of another."""
    service_facts.join(database, ChargePoints())
    raising.join_sites(database, Registered())
    detecting.join(database, Charging())
    failing_rounds.join(database, ChargingHealth())
    ruling.join(database, Meters())
    open_tickets.join_tickets(database, ServiceTickets())
    forgetting.join(database, AlertReferences())
    raising.join_silences(database, Windows())
    conditions.join_clocks(database, Clocks())
    conditions.join_certificates(database, StationCertificates())
    purse.join(database, SmsPurse())
    prepaid.join(database, Credits())
    local_list_store.join(database, Doorkeeper())


def node_name() -> str:
    """Return a name that no other process has, now or later."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"


async def prepare_root(database: Database, settings: Settings, clock: Clock) -> None:
    """Make the root organisation, if there is none."""
    async with database.unit_of_work() as db:
        await _ensure_root(db, settings, clock)


async def prepare(database: Database, settings: Settings, clock: Clock) -> str | None:
    """Make what every installation has; return the first administrator's fresh password, if any."""
    async with database.unit_of_work() as db:
        await _ensure_root(db, settings, clock)
        given = settings.admin_password
        return await directory.ensure_first_administrator(
            db,
            email=settings.admin_email,
            password=given.get_secret_value() if given else None,
            now=clock.now(),
        )


async def _ensure_root(db: AsyncSession, settings: Settings, clock: Clock) -> None:
    await directory.ensure_root(
        db,
        key=settings.organisation,
        name=settings.organisation_name,
        time_zone=settings.organisation_time_zone,
        currency=settings.organisation_currency,
        country=settings.organisation_country,
        language=settings.organisation_language,
        now=clock.now(),
    )


@dataclass(frozen=True, slots=True)
class CentralSystem:
    """The stations' side of a process."""

    dispatch: Dispatch
    frames: FrameLog
    connections: Connections
    listener: Listener
    commanding: Commanding
    node: str


async def compose_central_system(
    settings: Settings, database: Database, clock: Clock, tasks: Tasks
) -> CentralSystem:
    """Build the stations' side; nothing runs yet."""
    async with database.unit_of_work() as db:
        root = await directory.root(db)
    node = node_name()
    context = HandlerContext(
        clock=clock,
        node=node,
        heartbeat_interval_s=settings.heartbeat_interval_s,
        pending_interval_s=settings.boot_wait_s,
        default_organisation=root.key,
        admit_unknown=settings.onboarding,
        waiting_stations_max=_WAITING_STATIONS_MAX,
        token_concurrency=settings.token_concurrency,
        cost_pace=CostPace(timedelta(seconds=settings.running_cost_every_s)),
        costs=Estimator(),
        access=Workshop(Doorkeeper()),
        payments=PaymentDesk(),
        asks=remote.ask,
        receipts_url=f"{settings.reached_at}/receipts",
        signs_elsewhere=settings.certificate_authority_url is not None,
    )
    dispatch = Dispatch(
        database,
        context,
        lanes=settings.lanes,
        batch=settings.lane_batch,
        most=settings.lane_queue_max,
        others=PlugAndCharge(database, clock, tasks, _others(settings)),
        vat_numbers=VatNumbers(tasks),
    )
    frames = FrameLog(database, batch=settings.frames_batch, most=settings.frames_queue_max)
    connections = Connections(
        database, context, tasks, infer_end_after=timedelta(seconds=settings.infer_end_after_s)
    )
    surroundings = Surroundings(
        dispatch, frames, clock, settings.call_timeout_s, settings.incoming_queue_max
    )
    listener = Listener(
        settings,
        surroundings,
        connections,
        clock,
        tasks,
        node=node,
        authorities=partial(certificate_store.trusted_by_listener, database),
    )
    commanding = Commanding(
        database,
        clock,
        connections,
        tasks,
        node=node,
        call_timeout_s=settings.call_timeout_s,
        effect_timeout_s=settings.effect_timeout_s,
    )
    return CentralSystem(dispatch, frames, connections, listener, commanding, node)


def _others(settings: Settings) -> Others:
    """Return who is asked about certificates: responders on the internet, and who installs them."""
    allowed = networks(settings.webhook_networks)
    timeout_s = settings.call_timeout_s
    # What responders say is signed, and hardly any of them speaks https (RFC 6960, appendix A).
    responder = HttpResponder(Outgoing(allowed=allowed, timeout_s=timeout_s, takes_http=True))
    url = settings.contract_certificates_url
    provider = None
    if url is not None:
        outgoing = Outgoing(allowed=allowed, timeout_s=timeout_s)
        provider = HttpContracts(outgoing, url.get_secret_value())
    return Others(responder, provider, timeout_s)


def start_central_system(central: CentralSystem, database: Database, tasks: Tasks) -> None:
    """Start what runs behind the sockets; the listener itself is started by the caller."""
    for number, lane in enumerate(central.dispatch.lanes.lanes):
        tasks.start(f"lane {number}", lane.run)
    connections = central.connections
    tasks.start("OCPP log", central.frames.run, on_end=OnEnd.RESTART)
    tasks.start("lease", connections.renew_lease, on_end=OnEnd.RESTART)
    tasks.start(
        "last heard", lambda: connections.note_heard(_NOTE_HEARD_EVERY_S), on_end=OnEnd.RESTART
    )
    tasks.start(
        "clocks", lambda: connections.watch_clocks(_WATCH_CLOCKS_EVERY_S), on_end=OnEnd.RESTART
    )
    tasks.start("boots", connections.ask_for_boots, on_end=OnEnd.RESTART)
    tasks.start(
        "transactions", lambda: connections.mend_transactions(_MEND_EVERY_S), on_end=OnEnd.RESTART
    )
    tasks.start("pings", central.listener.ping, on_end=OnEnd.RESTART)
    tasks.start(
        "TLS keys",
        lambda: central.listener.doors.watch_keys(_WATCH_KEYS_EVERY_S),
        on_end=OnEnd.RESTART,
    )
    commanding = central.commanding
    tasks.start("commands", commanding.send, on_end=OnEnd.RESTART)
    tasks.start("commands' outcomes", commanding.settle, on_end=OnEnd.RESTART)
    channels = station_notifications(connections, central.node)
    channels[CHANNEL] = commanding.wake
    tasks.start(
        "stations' notifications",
        lambda: listen(database, channels, lost=commanding.missed),
        on_end=OnEnd.RESTART,
    )


async def stop_central_system(central: CentralSystem, *, timeout_s: float) -> None:
    """Stop accepting, answer what is in hand, write what is said, give the lease back."""
    await central.listener.stop()
    try:
        async with asyncio.timeout(timeout_s):
            await central.dispatch.lanes.drained()
            await central.frames.flush()
            await central.connections.leave()
    except (DatabaseAway, TimeoutError):
        # Others notice by the lease; what was not stored was not answered.
        log.warning("stop.database_away")
