"""A lively installation to look at: two owners, twenty stations, six weeks of sessions."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from msgspec.structs import replace
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory, passwords
from billing import pricing
from billing.closing import Closing
from billing.handlers import TransactionReader
from billing.plausibility import DEFAULT_CHECKS, Check, Limits
from billing.pricing import NewAssignment, place_from
from csms import administration, campaigns
from csms.administration import (
    ConnectorSettings,
    EvseSettings,
    LocationSettings,
    StationSettings,
    TokenSettings,
)
from csms.campaigns import NewCampaign, Wish
from csms.equipment_tables import (
    StationFileRow,
    StationVariableRow,
    StationVariableValueRow,
)
from csms.registers import Registers
from csms.tables import (
    CommandRow,
    CommandTransitionRow,
    ConnectionRow,
    ConnectorRow,
    FrameRow,
    ReadingRow,
    ReportRow,
    StationRow,
    TransactionRow,
)
from foundation.clock import SetClock
from foundation.events import (
    Doubt,
    EndBasis,
    EnergyBasis,
    TokenStatus,
    TransactionEnded,
    UsagePoint,
)
from foundation.identifiers import (
    ConnectorId,
    EvseId,
    IdToken,
    OrganisationKey,
    StationId,
    TransactionId,
)
from foundation.outbox import Delivery
from foundation.tables import MailRow
from roaming import administration as roaming
from roaming.handlers import Reimbursement
from tests.portal.pages.world_of_services import services

PASSWORD = "correct horse battery"
ROOT, WORKS, PARKING = (OrganisationKey(key) for key in ("root", "stadtwerke", "parkhaus"))
SHARING = Reimbursement()

VENDORS = (
    ("Bender", "CC613"),
    ("KEBA", "KeContact P30 x"),
    ("ABB", "Terra 54"),
    ("Mennekes", "AMTRON"),
)


def closing() -> Closing:
    return Closing(Registers(), SHARING)


async def organisations(db: AsyncSession, now: datetime) -> None:
    """The operator, two owners, and somebody of each role, all with the same password."""
    await directory.ensure_root(
        db,
        key=ROOT,
        name="Ladenetz Betrieb GmbH",
        time_zone="Europe/Berlin",
        currency="EUR",
        country="DE",
        language="en",
        now=now,
    )
    await directory.create_organisation(
        db,
        WORKS,
        {
            "name": "Stadtwerke Heilbronn",
            "email": "rechnung@stadtwerke.example",
            "iban": "DE89370400440532013000",
            "vat_id": "DE136695976",
            "address": "Weipertstraße 41, 74076 Heilbronn",
        },
        now=now,
    )
    await directory.create_organisation(
        db, PARKING, {"name": "Parkhaus Nord GmbH", "tax_status": "small_business"}, now=now
    )
    hashed = await passwords.hashed(PASSWORD)
    for name, role, home in (
        ("admin", "administrator", ROOT),
        ("helen", "support", ROOT),
        ("otto", "owner", WORKS),
        ("petra", "owner", PARKING),
    ):
        await directory.create_person(
            db,
            name,
            {"roles": [role], "organisation": home, "name": name.capitalize()},
            password_hash=hashed,
            now=now,
        )


def tariff() -> dict[str, object]:
    """Cheaper by night, with a start fee and a fee for blocking the place."""
    energy = {"type": "ENERGY", "vat": 19, "step_size": 1}
    return {
        "id": "DAY-NIGHT",
        "currency": "EUR",
        "elements": [
            {
                "price_components": [{**energy, "price": 0.49}],
                "restrictions": {"start_time": "06:00", "end_time": "22:00"},
            },
            {"price_components": [{**energy, "price": 0.39}]},
            {"price_components": [{"type": "FLAT", "price": 0.5, "vat": 19, "step_size": 1}]},
            {
                "price_components": [
                    {"type": "PARKING_TIME", "price": 6, "vat": 19, "step_size": 300}
                ],
                "restrictions": {"min_duration": 3600},
            },
        ],
    }


async def stations(db: AsyncSession, now: datetime) -> None:
    """Stations in every state, with connectors in many."""
    for key, owner, name, city in (
        ("zob", WORKS, "Heilbronn ZOB", "Heilbronn"),
        ("bahnhof", WORKS, "Hauptbahnhof Tiefgarage", "Heilbronn"),
        ("nord", PARKING, "Parkhaus Nord", "Neckarsulm"),
    ):
        await administration.set_location(
            db,
            LocationSettings(
                key=key, organisation=owner, name=name, city=city, time_zone="Europe/Berlin"
            ),
            create=True,
        )
    for number in range(1, 21):
        identity = station_of(number)
        vendor, model = VENDORS[number % len(VENDORS)]
        owner = WORKS if number <= 13 else PARKING
        power = Decimal(50_000 if vendor == "ABB" else 22_000)
        plug = ConnectorSettings(connector_id=1, type="cType2", max_power_w=power)
        await administration.create_station(
            db,
            identity,
            owner,
            StationSettings(
                name="Säule am Taxistand" if number == 2 else None,
                location="nord" if number > 13 else "zob" if number < 8 else "bahnhof",
                evses=[
                    EvseSettings(
                        evse_id=evse, emi3_id=f"DE*ABC*E{number:03}{evse}", connectors=[plug]
                    )
                    for evse in (1, 2)
                ],
            ),
            password=None if number == 3 else "a long enough one",
            time_zone="Europe/Berlin",
            now=now - timedelta(days=90),
        )
        row = await db.get(StationRow, identity)
        assert row is not None
        row.vendor, row.model, row.firmware = vendor, model, "4.33.4-14506"
        row.serial_number = f"SN-{71_000 + number}"
        row.ocpp_version = "ocpp2.0.1" if number % 3 else "ocpp1.6"
        row.booted_at = now - timedelta(days=3, hours=number)
        await _wire(db, number, now)
    await _newcomers(db, now)


def station_of(number: int) -> str:
    return "DE-STUTTGART-HBF-TIEFGARAGE-EBENE-3-0007" if number == 7 else f"DE-HN-{number:03}"


async def _wire(db: AsyncSession, number: int, now: datetime) -> None:
    identity = station_of(number)
    silent = {4: timedelta(minutes=41), 9: timedelta(hours=7), 17: timedelta(days=2)}
    heard_at = now - silent.get(number, timedelta(seconds=20 + 17 * number))
    if number != 12:
        db.add(
            ConnectionRow(
                station=identity,
                node="node-1",
                epoch=number,
                version="ocpp2.0.1" if number % 3 else "ocpp1.6",
                remote="192.0.2.7",
                connected_at=now - timedelta(days=3, hours=number),
                closed_at=heard_at if number in silent else None,
                close_reason=None,
                last_heard_at=heard_at,
                silence="online",
            )
        )
    for evse in (1, 2):
        plug = await db.get(ConnectorRow, (identity, evse, 1))
        assert plug is not None
        plug.status, plug.status_at = "Available", now - timedelta(hours=number, minutes=3)
        if (number, evse) in {(1, 1), (2, 1), (6, 2), (15, 1)}:
            plug.status, plug.charging_state = "Occupied", "Charging"
        if (number, evse) == (2, 2):
            plug.status, plug.charging_state = "Occupied", "SuspendedEV"
        if (number, evse) in {(5, 2), (14, 1)}:
            plug.status, plug.error_code = (
                "Faulted",
                "GroundFailure" if evse == 2 else "ReaderFailure",
            )
        if (number, evse) == (8, 1):
            plug.status = "Unavailable"


async def _newcomers(db: AsyncSession, now: datetime) -> None:
    """Two stations that connected and that nobody knows."""
    for identity, password in (("ALFEN-0042", b"hashed"), ("CP_UNKNOWN_1", None)):
        await administration.create_station(
            db, identity, ROOT, StationSettings(), password=None, time_zone="Europe/Berlin", now=now
        )
        row = await db.get(StationRow, identity)
        assert row is not None
        row.admission, row.password = "waiting", password
        row.vendor, row.model, row.ocpp_version = "Alfen BV", "NG910", "ocpp1.6"
        row.created_at = now - timedelta(minutes=26)


async def tokens_and_prices(db: AsyncSession, now: datetime) -> None:
    """A provider, tokens of both classes, a tariff for all, agreements with the owners."""
    long_ago = now - timedelta(days=400)
    await roaming.create_provider(
        db,
        "DE*EMP",
        {"name": "Fahrstrom Service AG", "email": "billing@fahrstrom.example"},
        now=long_ago,
    )
    tokens = [
        TokenSettings(id_token=f"04A2B3C4D5{index:02}", organisation=WORKS) for index in range(8)
    ]
    tokens += [
        TokenSettings(id_token=f"DE-EMP-C0000{index:04}-X", type="eMAID", provider="DE*EMP")
        for index in range(8)
    ]
    tokens.append(TokenSettings(id_token="04DEADBEEF", status="blocked", organisation=WORKS))
    await administration.set_id_tokens(db, tokens, now=long_ago)
    await pricing.create_tariff(
        db,
        tariff(),
        [NewAssignment(place_from("organisation", ROOT), long_ago)],
        organisation=None,
        now=long_ago,
    )
    for payee in (WORKS, PARKING):
        await roaming.create_agreement(db, payee, {}, valid_from=long_ago, now=long_ago)


def ended(number: int, random: Random, now: datetime) -> TransactionEnded:
    """The end of a session of the last six weeks; some are doubtful."""
    station = station_of(1 + number % 18 if number % 18 != 11 else 1)
    is_works = 1 + number % 18 <= 13 or number % 18 == 11
    started_at = now - timedelta(
        days=number % 42, hours=1 + random.randrange(9), minutes=random.randrange(60), seconds=11
    )
    minutes = 24 + random.randrange(80)
    energy = Decimal(minutes * random.randrange(120, 340))
    external = number % 3 == 0
    token = (
        IdToken(f"DE-EMP-C0000{number % 8:04}-X", "eMAID")
        if external
        else IdToken(f"04A2B3C4D5{number % 8:02}")
    )
    meter = Decimal(1_200_000 + number * 31_000)
    span = timedelta(minutes=minutes)
    usage = [
        UsagePoint(started_at + span * part / 12, energy * part / 12, charging=part < 11)
        for part in range(13)
    ]
    doubts: tuple[Doubt, ...] = ()
    if number in {37, 80}:
        doubts = (Doubt.IMPOSSIBLE_ENERGY,)
    if number == 61:
        doubts = (Doubt.CLOCK_WRONG, Doubt.MISSING_START)
    return TransactionEnded(
        happened_at=started_at + span,
        transaction_id=TransactionId(1000 + number),
        station=StationId(station),
        evse_id=EvseId(1 + number % 2),
        connector_id=ConnectorId(1),
        location="zob" if is_works else "nord",
        owner=WORKS if is_works else PARKING,
        time_zone="Europe/Berlin",
        id_token=token,
        token_status=TokenStatus.ACCEPTED,
        token_organisation=None if external else WORKS,
        token_provider=None if not external else "DE*EMP",  # type: ignore[arg-type]
        free_vend=False,
        started_at=started_at,
        revision=1,
        basis=EndBasis.REPORTED,
        ended_at=started_at + span,
        meter_start_wh=meter,
        meter_stop_wh=meter + energy,
        energy_wh=energy,
        energy_basis=EnergyBasis.REGISTERS,
        max_power_w=Decimal(22_000),
        usage=tuple(usage),
        doubts=doubts,
        stop_reason="EVDisconnected",
    )


def row_of(event: TransactionEnded, *, late: timedelta) -> TransactionRow:
    """The stored transaction of an end."""
    assert event.id_token is not None
    return TransactionRow(
        id=event.transaction_id,
        station=event.station,
        ref=f"{event.station}|{event.transaction_id}",
        generation=0,
        version="ocpp2.0.1",
        evse_id=event.evse_id,
        connector_id=1,
        state="ended",
        revision=1,
        basis="reported",
        owner=event.owner,
        location=event.location,
        time_zone=event.time_zone,
        free_vend=False,
        station_waiting=False,
        max_power_w=event.max_power_w,
        id_token=event.id_token.value,
        id_token_type=event.id_token.type,
        token_key=event.id_token.key,
        token_status="accepted",
        token_organisation=event.token_organisation,
        token_provider=event.token_provider,
        authorization_status="Accepted",
        start_seen=True,
        offline=bool(late),
        started_at=event.started_at,
        start_reported_at=event.started_at,
        start_received_at=event.started_at + late,
        meter_start_wh=event.meter_start_wh,
        clock_wrong=False,
        ended_at=event.ended_at,
        end_reported_at=event.ended_at,
        end_received_at=event.ended_at + late,
        reported_stop_wh=event.meter_stop_wh,
        meter_stop_wh=event.meter_stop_wh,
        stop_reason=event.stop_reason,
        energy_wh=event.energy_wh,
        energy_basis="registers",
        doubts=[each.value for each in event.doubts],
        conflicting_ends=0,
    )


def readings_of(event: TransactionEnded, count: int = 40) -> list[ReadingRow]:
    """Readings that charge fast first, then less and less."""
    rows = []
    span = event.ended_at - event.started_at
    assert event.meter_start_wh is not None
    for index in range(1, count):
        part = Decimal(index) / count
        risen = event.energy_wh * (1 - (1 - part) ** 2)
        power = event.energy_wh * 2 * (1 - part) / Decimal(span.total_seconds()) * 3600
        rows.append(
            ReadingRow(
                station=event.station,
                evse_id=event.evse_id,
                transaction_id=event.transaction_id,
                measured_at=event.started_at + span * index / count,
                context="Sample.Periodic",
                energy_register_wh=event.meter_start_wh + risen.quantize(Decimal(1)),
                values=[
                    {
                        "measurand": "Power.Active.Import",
                        "phase": None,
                        "value": str(power.quantize(Decimal(1))),
                    }
                ],
                received_at=event.started_at + span * index / count,
            )
        )
    return rows


async def sessions(db: AsyncSession, now: datetime, count: int = 220) -> None:
    """Sessions that ended, one that was reported late, and some that go on."""
    random = Random(7)
    events = [ended(number, random, now) for number in range(count)]
    for event in events:
        late = timedelta(hours=9, minutes=12) if event.transaction_id == 1024 else timedelta()
        db.add(row_of(event, late=late))
        if event.transaction_id % 10 == 4:
            db.add_all(readings_of(event))
    await db.flush()
    deliveries = [Delivery(index, event, now) for index, event in enumerate(events)]
    # Eight cards for all these sessions: whether one is in two places at once is not looked at.
    lax = Limits(checks=DEFAULT_CHECKS - {Check.TWO_PLACES})
    await TransactionReader(SHARING, SetClock(now), lax)(db, deliveries)
    for place, (number, evse) in enumerate(((1, 1), (2, 1), (6, 2), (15, 1))):
        event = replace(
            events[place],
            transaction_id=TransactionId(5000 + place),
            station=StationId(station_of(number)),
            evse_id=EvseId(evse),
            started_at=now - timedelta(minutes=12 + 11 * place),
            ended_at=now,
            owner=WORKS if number <= 13 else PARKING,
        )
        row = row_of(event, late=timedelta())
        row.state, row.ended_at, row.energy_wh, row.meter_stop_wh = "active", None, None, None
        row.end_received_at = row.end_reported_at = row.stop_reason = None
        db.add(row)
        db.add_all(readings_of(event, 20))
    await db.flush()


async def messages(db: AsyncSession, now: datetime) -> None:
    """A log, and the raw messages behind one session."""
    raw = [
        [2, "a1", "Heartbeat", {}],
        [3, "a1", {"currentTime": "2026-10-15T11:58:00Z"}],
        [2, "a2", "StatusNotification", {"connectorId": 1, "connectorStatus": "Occupied"}],
        [3, "a2", {}],
        [2, "b7", "TriggerMessage", {"requestedMessage": "MeterValues"}],
        [4, "b7", "NotSupported", "This station cannot", {}],
    ]
    for index in range(90):
        text = json.dumps(raw[index % len(raw)])
        db.add(
            FrameRow(
                station=station_of(2),
                at=now - timedelta(seconds=31 * index),
                direction="in" if index % 6 in {0, 2, 5} else "out",
                epoch=2,
                raw=text,
                note="repaired: unit was missing" if index == 8 else None,
            )
        )
    for index, action in enumerate(("TransactionEvent", "MeterValues", "TransactionEvent")):
        db.add(
            ReportRow(
                station=station_of(7),
                transaction_id=1024,
                evse_id=1,
                kind="update",
                seq_no=index,
                version="ocpp2.0.1",
                epoch=2,
                reported_at=now,
                received_at=now - timedelta(hours=3, minutes=index),
                skew_s=0 if index else -88,
                digest=bytes([index]),
                raw=json.dumps([2, f"m{index}", action, {"eventType": "Started", "seqNo": index}]),
                repairs=[],
            )
        )
    db.add(
        MailRow(
            key="statement/1",
            created_at=now - timedelta(days=12),
            recipient="rechnung@stadtwerke.example",
            subject="Statement September 2026",
            body_text="Dear owner,\n\nattached is your statement for September 2026.\n",
            language="en",
            state="kept",
            attempts=0,
        )
    )


async def commands(db: AsyncSession, now: datetime) -> None:
    """What one station was asked for in the last minutes, with every kind of ending."""
    asked: tuple[tuple[int, str, dict[str, object], tuple[str, ...], str | None], ...] = (
        (20, "Reset", {"type": "OnIdle"}, ("queued", "sent", "accepted"), None),
        (
            70,
            "UnlockConnector",
            {"evseId": 2, "connectorId": 1},
            ("queued", "sent", "rejected"),
            "UnlockFailed",
        ),
        (95, "ClearCache", {}, ("queued", "sent", "effective"), "Accepted"),
        (
            300,
            "GetLog",
            {"logType": "DiagnosticsLog", "requestId": 4, "log": {}},
            ("queued", "sent", "failed"),
            None,
        ),
        (900, "Reset", {"type": "Immediate"}, ("queued", "expired"), None),
    )
    for seconds, action, payload, states, word in reversed(asked):
        at = now - timedelta(seconds=seconds)
        row = CommandRow(
            id=await db.scalar(text("select nextval('command_number')")),
            station=station_of(2),
            owner=WORKS,
            version="2.0.1",
            vendor="ABB",
            model="Terra 54",
            firmware="4.33.4-14506",
            action=action,
            payload=payload,
            raw=False,
            asked_at=at,
            asked_by="person/2",
            asked_by_name="Helen",
            door="portal",
            asker_organisation=ROOT,
            reason="page",
            priority=0,
            expires_at=at + timedelta(minutes=5),
            when_offline="refuse",
            until_ended=False,
            state=states[-1],
            failure="no_answer" if states[-1] == "failed" else None,
            attempts=1,
            answer=None if word is None else {"status": word},
        )
        db.add(row)
        await db.flush()
        for place, state in enumerate(states):
            db.add(
                CommandTransitionRow(
                    command_id=row.id, state=state, at=at + timedelta(seconds=place), note=None
                )
            )


async def equipment(db: AsyncSession, now: datetime) -> None:
    """Some settings of one station, one of which was changed, and a log that it sent."""
    for place, (component, variable, values, mutability) in enumerate(
        (
            ("OCPPCommCtrlr", "HeartbeatInterval", ("900", "300"), "ReadWrite"),
            ("SampledDataCtrlr", "TxUpdatedInterval", ("60",), "ReadWrite"),
            ("ChargingStation", "SupplyPhases", ("3",), "ReadOnly"),
        )
    ):
        row = StationVariableRow(
            station=station_of(2),
            component=component,
            variable=variable,
            attribute="Actual",
            value=values[-1],
            is_known=True,
            mutability=mutability,
            data_type="integer",
            unit="s" if place < 2 else None,
            changed_at=now - timedelta(days=2),
            read_at=now - timedelta(hours=1),
        )
        db.add(row)
        await db.flush()
        for number, value in enumerate(values):
            at = now - timedelta(days=9 - 7 * number)
            db.add(StationVariableValueRow(variable_id=row.id, value=value, is_known=True, at=at))
    db.add(
        StationFileRow(
            kind="log",
            station=station_of(2),
            organisation=WORKS,
            file_name="DE-HN-002.log",
            media_type="text/plain",
            size_bytes=48_211,
            sha256=bytes(32),
            begun_at=now - timedelta(hours=2),
            stored_at=now - timedelta(hours=2),
        )
    )


async def campaign(db: AsyncSession, now: datetime) -> None:
    """A restart of all stations that has just begun."""
    await campaigns.start(
        db,
        NewCampaign(
            title="restart_soft",
            wishes=[
                Wish(StationId(station_of(number)), "Reset", {"type": "Soft"})
                for number in range(1, 21)
            ],
            per_minute=10,
            organisation=ROOT,
            asked_by="person/2",
            asked_by_name="Helen",
            door="portal",
            is_authorised=False,
        ),
        now=now,
    )


async def fill(db: AsyncSession, clock: SetClock) -> None:
    """Everything but the people, and September closed for the public works."""
    now = clock.now()
    await tokens_and_prices(db, now)
    await stations(db, now)
    await sessions(db, now)
    await messages(db, now)
    await commands(db, now)
    await campaign(db, now)
    await equipment(db, now)
    await services(db)
    await db.flush()
    await closing().close(db, WORKS, "2026-09", now=now - timedelta(days=12))
