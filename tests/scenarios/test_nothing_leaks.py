"""Every route and every topic, with every shipped role, without login, and with others' ids.

The routes are those of the application itself: a new one is walked by itself, and one that nobody
guards is found. Whoever asks belongs to one owner; the other owner's names, stations, papers and
people must never show, and what is asked for by another's id is answered like what is not there.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import api_keys, approvals, directory, groups, licensing, passwords
from accounts.applications import NewAccount, Renewal
from accounts.audit import Actor
from accounts.licences import Licence
from accounts.permissions import SHIPPED_REACH, Permission, Reach, Role
from alerts import monitoring as alerts_monitoring
from alerts import purse, recipients
from alerts.monitoring import Technician
from alerts.notices import Channel
from alerts.recipients import Rules, Wish
from billing import contacts, contracts, invoicing, paying, self_billing
from billing.contacts import ContactFacts
from billing.paying import By
from billing.sms_purse import SmsPurse
from csms.metering_points import StationPoints
from foundation import migrate, outbox
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import StationBooted
from foundation.identifiers import StationId
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.money import Money
from foundation.postgres import EmbeddedPostgres
from foundation.sealing import Sealer
from foundation.settings import Settings
from portal.api.events import written_event
from portal.api.routes import ROUTERS
from portal.application import create_application
from portal.context import PortalContext
from portal.feed import Feed
from portal.pages.routes import error_page, router
from portal.webhooks import Webhooks
from support import calls, change_orders, tickets, visits
from support.interventions import Cover, DispatchPackage
from support.orders import Item, ItemKind
from support.visits import TechnicianOnWay, VisitKind
from tests.brokers import RunningBroker
from tests.portal.pages import world
from tests.portal.pages.world import PARKING, PASSWORD, WORKS
from tests.subscribers import Subscriber

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
_ROLES = [each for each in Role if SHIPPED_REACH[each] is not Reach.INSTALLATION]
"""Those who do not see the whole installation, whatever organisation they are of."""

ANYBODYS = {
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/v1/openapi.json",
    "/api/docs",
    "/api/docs.css",
    "/static/{name}",
    "/sign-in",
    "/sign-in/code",
    "/sign-out",
    "/forgot-password",
    "/choose-password",
    "/preferences",
    # What the QR code on a sticker leads to: state, price and hotline, for whoever stands there.
    "/at/{evse_id:segment}",
    # Drivers without a contract: they pay, and read how it stands by an address nobody guesses.
    "/pay/{identity:segment}/{evse:segment}",
    "/pay/{identity:segment}/{evse:segment}/{code:segment}/{version:segment}",
    "/paid/{key:segment}",
    "/receipts/{name:segment}",
    # A technician's one-time link, whose secret is the permission, and what his device opens by it.
    "/visit/{secret:segment}",
    "/visit/{secret:segment}/open",
    "/visit",
    "/visit/arrive",
    "/visit/part",
    "/visit/photo",
    "/visit/photos/{photo:segment}",
    "/visit/exchange",
    "/visit/document",
    "/files/up/{name:segment}",
    "/files/up/{name:segment}/{file_name:path}",
    "/files/down/{name:segment}",
    "/files/down/{name:segment}/{file_name:path}",
}
"""What needs no login: a new route belongs here only with a reason that anybody would accept."""

MADE_UP = {"/api/v1/openapi.json", "/api/docs"}
"""The API's document, whose examples look like anybody's."""

OF_A_MONTH = {"/api/v1/months/{month}/close", "/api/v1/owner-months/{month}"}
"""What a month names is nobody's: one's own is answered."""

ENDLESS = {"/api/v1/events/stream", "/live"}
"""Streams; who may read which events is tried in tests/portal/test_journal.py."""

_SECRETS = (
    "Stadtwerke Heilbronn",
    "rechnung@stadtwerke.example",
    "DE89370400440532013000",
    "Weipertstra",
    "Heilbronn ZOB",
    "Hauptbahnhof Tiefgarage",
    "Taxistand",
    "TIEFGARAGE",
    "Otto",
    *(f"DE-HN-{number:03}" for number in range(1, 14)),
    *(f"DE*ABC*E{number:03}" for number in range(1, 14)),
    *(f"SN-{71_000 + number}" for number in range(1, 14)),
)
"""Names and ids of what belongs to the other owner."""


@dataclass(frozen=True)
class Route:
    """A path of the application with one of its methods."""

    method: str
    path: str

    @property
    def names(self) -> list[str]:
        return re.findall(r"{(\w+)(?::\w+)?}", self.path)

    def with_ids(self, ids: dict[str, str]) -> str:
        return re.sub(
            r"{(\w+)(?::\w+)?}", lambda found: quote(ids[found.group(1)], safe=""), self.path
        )


def routes_of(app: FastAPI) -> list[Route]:
    """Return every route of the application, whoever included it."""
    found = {
        Route(method, each.path)
        for each in _flat(app.routes)
        for method in each.methods or ()
        if method not in {"HEAD", "OPTIONS"}
    }
    return sorted(found, key=lambda each: (each.path, each.method))


def _flat(routes: Iterable[Any]) -> Iterator[Any]:
    for each in routes:
        if hasattr(each, "effective_candidates"):
            yield from _flat(each.effective_candidates())
        else:
            yield each


@dataclass
class Installation:
    """The lively world, its application, and the ids of what is the other owner's."""

    app: FastAPI
    database: Database
    theirs: dict[str, list[str]]

    def foreign(self, route: Route) -> list[dict[str, str]]:
        """Return the sets of others' ids that a route is tried with."""
        if not route.names:
            return [{}]
        lists = [self.theirs.get(name, ["1", "2", "3"]) for name in route.names]
        return [
            {name: each[turn % len(each)] for name, each in zip(route.names, lists, strict=True)}
            for turn in range(max(len(each) for each in lists))
        ]

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://portal.test") as made:
            yield made


@pytest.fixture(scope="module")
async def installation(postgres: EmbeddedPostgres) -> AsyncIterator[Installation]:
    name = "leaks"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    url = postgres.url_of(name)
    migrate.upgrade(url)
    clock = SetClock(NOON)
    database = Database(url, pool_size=5)
    purse.join(database, SmsPurse())
    async with database.unit_of_work() as db:
        await world.organisations(db, clock.now())
        await world.fill(db, clock)
    settings = Settings(api_calls_per_minute=1_000_000)
    jobs = Jobs(url)
    mails = Mails(database=database, jobs=jobs, clock=clock, settings=settings)
    hooks = Webhooks(
        database=database,
        jobs=jobs,
        clock=clock,
        sealer=Sealer(bytes(32)),
        mails=mails,
        written=written_event,
    )
    context = PortalContext(
        database=database,
        clock=clock,
        settings=settings,
        closing=world.closing(),
        sealer=Sealer(bytes(32)),
        mails=mails,
        webhooks=hooks,
    )
    app = create_application(context, api=ROUTERS, pages=(router,), error_page=error_page)
    made = Installation(app, database, {})
    await _hired(database, clock)
    await _their_things(made, clock)
    await _their_account(made, clock)
    made.theirs = await _their_ids(database)
    yield made
    await database.close()
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


async def _hired(database: Database, clock: SetClock) -> None:
    """Somebody of each role at the owner who asks."""
    hashed = await passwords.hashed(PASSWORD)
    async with database.unit_of_work() as db:
        for role in _ROLES:
            await directory.create_person(
                db,
                f"asks-{role}",
                {"roles": [role], "organisation": PARKING, "name": "Asker"},
                password_hash=hashed,
                now=clock.now(),
            )


async def _their_account(made: Installation, clock: SetClock) -> None:
    """An account of the other owner, and an application that waits."""
    wanted = NewAccount(
        "Stadtwerke Heilbronn", "Stadtwerke Heilbronn", Licence.BUSINESS, datapoints=500
    )
    async with made.database.unit_of_work() as db:
        points, now = StationPoints(), clock.now()
        asked = Actor("person/9", "Otto", "portal", None)
        decides = Actor("person/8", "Carla", "portal", None)
        first = await licensing.apply(db, points, WORKS, wanted, by=asked, now=now)
        await approvals.approve(db, points, first.id, by=decides, now=now)
        await licensing.apply(db, points, WORKS, Renewal(), by=asked, now=now)


async def _their_things(made: Installation, clock: SetClock) -> None:
    """What the lively world lacks of the other owner's."""
    async with made.database.unit_of_work() as db:
        _, key = await api_keys.create_api_key(
            db, role="administrator", name="Otto's key", organisation_key=WORKS, now=clock.now()
        )
        await directory.change_organisation(db, world.ROOT, {"iban": "DE02120300000000202051"})
        await self_billing.accept(
            db, WORKS, language="en", by="person/9", by_name="Otto", of=WORKS, now=clock.now()
        )
        await paying.prepare(
            db, execute_on=clock.now().date(), by=By("person/9", "Otto"), now=clock.now()
        )
        await _their_papers(db, clock)
    things: list[tuple[str, dict[str, Any]]] = [
        ("webhooks", {"name": "Otto's hook", "url": "https://stadtwerke.example/hook"}),
        (
            "groups",
            {
                "key": "ottos",
                "name": "Otto's group",
                "rights": ["stations.read"],
                "reach": "own",
            },
        ),
        ("api-keys", {"name": "Otto's other key", "rights": ["stations.read"]}),
        ("credits/orders", {"quantity": 100}),
        (
            "watch-rules",
            {
                "name": "Otto's rule",
                "conditions": [{"metric": "temperature_c", "comparison": "above", "limit": 70}],
                "mails": ["rechnung@stadtwerke.example"],
            },
        ),
        (
            "playbooks",
            {
                "organisation": "stadtwerke",
                "name": "Otto's locks",
                "detection": "fault",
                "steps": ["unlock"],
                "per_day": 3,
            },
        ),
    ]
    async with made.browser() as client:
        for path, body in things:
            answered = await client.post(
                f"/api/v1/{path}", json=body, headers={"authorization": f"Bearer {key}"}
            )
            assert answered.status_code == 201, answered.text


async def _their_papers(db: AsyncSession, clock: SetClock) -> None:
    """A contact of the other owner, its contract with a token, and an invoice to it."""
    place: ContactFacts = {
        "kind": "company",
        "street": "Ring 5",
        "postcode": "74072",
        "city": "Heilbronn",
        "country": "DE",
    }
    issuer: ContactFacts = {
        **place,
        "managing": world.ROOT,
        "name": "Ladenetz Rechnungsstelle",
        "vat_id": "DE136695976",
        "represents": "organisation/root",
    }
    await contacts.add(db, issuer, now=clock.now())
    theirs = await contacts.add(
        db, {**place, "managing": WORKS, "name": "Ottos Fuhrpark"}, now=clock.now()
    )
    contract = await contracts.add(
        db,
        contact_id=theirs.id,
        name="Ottos Vertrag",
        base_fee=Money(Decimal("4.90"), "EUR"),
        valid_from=date(2026, 9, 1),
        now=clock.now(),
    )
    await contracts.put_token(db, contract.id, "04A2B3C4D500", valid_from=clock.now())
    assert (await invoicing.run(db, "2026-09", now=clock.now(), by_hand=True)).numbers


async def _their_ids(database: Database) -> dict[str, list[str]]:
    queries = {
        "identity": "select station from station_owners where organisation = 'stadtwerke'",
        "transaction_id": "select id from transactions where owner = 'stadtwerke'",
        "statement_id": "select statement_id from statements where payee = 'stadtwerke'",
        "command_id": "select id from commands where owner = 'stadtwerke'",
        "person_id": "select id from people where organisation = 'stadtwerke'",
        "contact_id": "select id from contacts where managing = 'stadtwerke'",
        "contract_id": "select id from contracts where name = 'Ottos Vertrag'",
        "token_id": "select id from contract_tokens",
        "number": "select number from documents where managing = 'stadtwerke'",
        "webhook_id": "select id from webhooks where organisation = 'stadtwerke'",
        "group_id": "select id from groups where organisation = 'stadtwerke'",
        "order_number": "select number from credit_orders where account = 'stadtwerke'",
        "key_id": "select id from api_keys where organisation = 'stadtwerke'",
        "run_id": "select run_id from payout_payments where payee = 'stadtwerke'",
    }
    found: dict[str, list[str]] = {}
    async with database.unit_of_work() as db:
        for name, query in queries.items():
            rows = await db.execute(text(f"{query} order by 1 limit 2"))
            found[name] = [str(each) for each in rows.scalars()]
            assert found[name], name
    found["user_id"] = found["person_id"]
    found["key"] = ["zob", "stadtwerke"]
    found["organisation"] = found["payee"] = ["stadtwerke"]
    found["step"] = ["release", "discard"]
    found["id_token"] = ["04DEADBEEF"]
    found["number"] = [*found["number"][:1], *found["transaction_id"][:1], "1", "2", "3"]
    found["month"] = ["2026-09"]
    found["secret"], found["photo"] = ["a-secret-that-nobody-has"], ["1"]
    return found


def leaks(answer: httpx.Response, asked: str) -> list[str]:
    """Return what shows of the other owner, but for what the question itself said."""
    if asked in MADE_UP:
        return []
    said = answer.text
    return [each for each in _SECRETS if each in said and each not in asked]


def is_refused(answer: httpx.Response) -> bool:
    """Tell whether somebody was turned away, or told to ask otherwise."""
    if answer.status_code in {302, 303}:
        return answer.headers["location"].startswith("/sign-in")
    return 400 <= answer.status_code < 500


async def asked_of(client: httpx.AsyncClient, route: Route, path: str, csrf: str) -> httpx.Response:
    if route.method == "GET":
        return await client.get(path)
    if path.startswith("/api/"):
        return await client.request(route.method, path, json={})
    return await client.request(route.method, path, data={"csrf": csrf})


async def test_without_a_login_there_is_nothing(installation: Installation) -> None:
    unguarded: list[str] = []
    async with installation.browser() as client:
        for route in routes_of(installation.app):
            if route.path in ENDLESS:
                answer = await client.get(route.path, params={"about": "overview"})
                assert answer.status_code in {401, 303}, route
                continue
            for ids in installation.foreign(route)[:1]:
                path = route.with_ids(ids)
                answer = await asked_of(client, route, path, "")
                assert not leaks(answer, path), f"{route} tells {leaks(answer, path)}"
                assert answer.status_code < 500, f"{route} {answer.status_code} {answer.text[:200]}"
                if route.path not in ANYBODYS and not is_refused(answer):
                    unguarded.append(f"{route.method} {route.path}: {answer.status_code}")
                elif route.path not in ANYBODYS and answer.status_code == 422:
                    unguarded.append(f"{route.method} {route.path}: looked at the form first")

    assert not unguarded


@pytest.mark.parametrize("role", _ROLES)
async def test_no_call_of_the_api_shows_or_touches_what_is_anothers(
    installation: Installation, role: Role
) -> None:
    async with installation.database.unit_of_work() as db:
        _, key = await api_keys.create_api_key(
            db, role=role, name="asker", organisation_key=PARKING, now=NOON
        )
    async with installation.browser() as client:
        client.headers["authorization"] = f"Bearer {key}"
        for route in routes_of(installation.app):
            if not route.path.startswith("/api/v1/") or route.path in ENDLESS:
                continue
            await _walked(installation, client, route, "")


@pytest.mark.parametrize("role", _ROLES)
async def test_no_page_shows_or_touches_what_is_anothers(
    installation: Installation, role: Role
) -> None:
    async with installation.browser() as client:
        form = await client.get("/sign-in")
        said = {"name": f"asks-{role}", "password": PASSWORD, "csrf": _csrf(form)}
        assert (await client.post("/sign-in", data=said)).status_code == 303
        csrf = _csrf(await client.get("/account"))
        assert csrf
        for route in routes_of(installation.app):
            is_ending = route.path in {"/sign-out", "/preferences"} or "password" in route.path
            if route.path.startswith("/api/") or route.path in ENDLESS or is_ending:
                continue
            await _walked(installation, client, route, csrf)


def _csrf(answer: httpx.Response) -> str:
    return answer.text.partition('name="csrf" value="')[2].partition('"')[0]


async def _walked(
    installation: Installation, client: httpx.AsyncClient, route: Route, csrf: str
) -> None:
    for ids in installation.foreign(route):
        path = route.with_ids(ids)
        answer = await asked_of(client, route, path, csrf)
        where = f"{route.method} {path}: {answer.status_code}"
        assert answer.status_code < 500, f"{where} {answer.text[:300]}"
        assert not leaks(answer, path), f"{where} tells {leaks(answer, path)}"
        exact = [name for name in route.names if name in installation.theirs and name != "number"]
        if exact and exact == route.names and route.path not in OF_A_MONTH:
            assert is_refused(answer), f"{where} {answer.text[:300]}"
        if exact == route.names == ["identity"] and route.method == "GET":
            nowhere = await client.get(route.with_ids({"identity": "nowhere"}))
            assert nowhere.status_code == answer.status_code, where
            assert _without(nowhere.text, "nowhere") == _without(answer.text, ids["identity"]), (
                where
            )


def _without(said: str, identity: str) -> str:
    said = said.replace(identity, "X")
    return re.sub(r'(name="csrf" (?:value|content)=")[^"]*|nonce="[^"]*', r"\1", said)


async def test_no_answer_shows_personal_data_to_who_may_not_see_it(
    installation: Installation,
) -> None:
    rights = frozenset(Permission) - {Permission.CRM_READ}
    hashed = await passwords.hashed(PASSWORD)
    async with installation.database.unit_of_work() as db:
        await _somebody_called(db)
        blind = await groups.create_group(
            db,
            "blind",
            name="Blind",
            rights=rights,
            reach=Reach.INSTALLATION,
            organisation=world.ROOT,
            now=NOON,
        )
        await directory.create_person(
            db,
            "blind",
            {"group_id": blind.id, "organisation": world.ROOT, "name": "Blind"},
            password_hash=hashed,
            now=NOON,
        )
        _, key = await api_keys.create_api_key(
            db, name="Blind", rights=rights, reach=Reach.INSTALLATION, now=NOON
        )
        personal = await _personal(db)
    assert len(personal) > 30

    told: list[str] = []
    async with installation.browser() as browser, installation.browser() as program:
        program.headers["authorization"] = f"Bearer {key}"
        form = await browser.get("/sign-in")
        said = {"name": "blind", "password": PASSWORD, "csrf": _csrf(form)}
        assert (await browser.post("/sign-in", data=said)).status_code == 303
        for route in routes_of(installation.app):
            if route.method != "GET" or route.path in ENDLESS | MADE_UP:
                continue
            client = program if route.path.startswith("/api/") else browser
            for ids in installation.foreign(route):
                path = route.with_ids(ids)
                answer = await client.get(path)
                if answer.status_code == 200:
                    asked = unquote(path)
                    shown = [
                        each for each in personal if each not in asked and _says(answer.text, each)
                    ]
                    told += [f"{path}: {each}" for each in shown]

    assert not told, "\n".join(told)


async def _somebody_called(db: AsyncSession) -> None:
    """What people say on the telephone and who is sent, beside what the world has."""
    station = StationId(world.station_of(1))
    asked = Actor("person/9", "Otto", "portal", None)
    call = await calls.open_call(
        db,
        directory.WHOLE,
        station=station,
        organisation=WORKS,
        caller="Frida Fernruf, +49 7131 555123",
        by=asked,
        now=NOON,
    )
    await calls.note(db, call.id, calls.NoteKind.NOTE, "Rings again.", by=asked, now=NOON)
    await alerts_monitoring.set_technician(
        db,
        station,
        WORKS,
        Technician("Tilo Werkbank", "+49 7131 555124", "t@werkbank.example"),
        by=asked,
        now=NOON,
    )
    held = await tickets.open_ticket(
        db, directory.WHOLE, title="Cable", station=station, organisation=WORKS, by=asked, now=NOON
    )
    otto = await db.scalar(text("select id from people where user_name = 'otto'"))
    await tickets.assign(db, held.id, otto, by=asked, now=NOON)
    visit = await visits.plan(db, held, VisitKind.REPAIR, by=asked, now=NOON)
    await visits.decide(db, visit.id, Cover.WARRANTY, "It is new.", by=asked, now=NOON)
    await alerts_monitoring.switch_on(db, station, WORKS, by=asked, per_month=None, now=NOON)
    await visits.dispatch(
        db,
        visit.id,
        DispatchPackage(Decimal("49.14"), Decimal("9.21"), "Torn.", "Hausmeister Hubertus"),
        TechnicianOnWay("Tilda Zange", "+49 7131 555127", "t@zange.example"),
        by=asked,
        now=NOON,
    )
    await recipients.add(
        db,
        WORKS,
        Wish(channel=Channel.SMS, target="+49 7131 555126", label="Ottilie Nachtwache"),
        by=asked,
        account=WORKS,
        person=otto,
        language="de",
        rules=Rules(Sealer(bytes(32)), (), has_gateway=True),
        now=NOON,
    )
    await change_orders.draft(
        db,
        directory.WHOLE,
        [station],
        [Item(ItemKind.TARIFF, text="Charge less by night.")],
        title="Night",
        by=asked,
        now=NOON,
    )
    await db.execute(
        text("update commands set payload = cast(:payload as jsonb)"),
        {"payload": '{"connectorId": 1, "idTag": "04FEEDC0FFEE"}'},
    )
    await db.execute(
        text(
            "insert into station_file_parts (file_id, number, content)"
            " select id, 0, convert_to(repeat('.', size_bytes::int), 'UTF8') from station_files"
        )
    )


_PERSONAL_COLUMNS = """
select table_name, column_name from information_schema.columns
 where table_schema = 'public' and data_type = 'text' and (
    column_name in ('email', 'phone', 'iban', 'vat_id', 'tax_number', 'street', 'id_token',
        'caller', 'customer', 'debtor_iban', 'group_id')
    or column_name ~ '_name$'
       and column_name !~ '^(user|file|table|column|debtor|display|metric|node|variable|component)_'
    or (table_name, column_name) in (('people', 'name'), ('contacts', 'name'),
        ('technicians', 'name'), ('organisations', 'address'), ('mails', 'recipient'),
        ('visits', 'contact'), ('visits', 'technician'), ('visits', 'technician_phone'),
        ('visits', 'technician_email'),
        ('alert_recipients', 'target'), ('alert_recipients', 'label')))
"""
"""The columns that hold what is personal, by their names: a new table is looked at by itself."""


async def _personal(db: AsyncSession) -> list[str]:
    """Return everything personal that the database holds, but for names that anybody has."""
    found: set[str] = set()
    for table, column in (await db.execute(text(_PERSONAL_COLUMNS))).all():
        rows = await db.scalars(text(f'select distinct "{column}" from "{table}"'))
        found |= {each for each in rows if each is not None}
    named = "select name from organisations union select name from api_keys"
    known = {*await db.scalars(text(named)), "Blind", "Leitstand"}
    return [*sorted(each for each in found - known if len(each) > 3), "04FEEDC0FFEE"]


def _says(said: str, personal: str) -> bool:
    return personal in said and bool(
        re.search(rf"(?<!\w){re.escape(personal)}(?!\w|&#39;|')", said)
    )


async def test_no_topic_of_one_owner_tells_of_another(
    installation: Installation, tmp_path: Path
) -> None:
    broker = RunningBroker("rumqttd", tmp_path)
    await broker.start()
    try:
        await _topics_walked(installation, broker)
    finally:
        await broker.stop()


async def _topics_walked(installation: Installation, broker: RunningBroker) -> None:
    settings = Settings(mqtt_url=SecretStr(broker.url))
    clock = SetClock(NOON)
    feed = Feed(installation.database, clock, settings, poll_s=0.01)
    own = Subscriber(broker, filters=(f"leitstand/v1/{PARKING}/#",))
    async with own.listening(), asyncio.TaskGroup() as group:
        running = group.create_task(feed.run())
        await own.until(lambda: len(own.picture) > 10)
        async with installation.database.unit_of_work() as db:
            told = [
                StationBooted(
                    happened_at=NOON,
                    station=StationId(world.station_of(number)),
                    vendor="V",
                    model="M",
                    firmware=None,
                    reason=None,
                )
                for number in range(1, 21)
            ]
            await outbox.append(db, told, recorded_at=NOON)
        await own.until(lambda: len(own.events) == 7)
        feed.leave()
        await running

    for topic, content in own.said:
        shown = f"{topic} {content}"
        assert topic.startswith(f"leitstand/v1/{PARKING}/")
        assert not [each for each in _SECRETS if each in shown], shown
