"""Tests of who hears of which events: the one place that decides it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import WHOLE, Scope
from accounts.permissions import Permission
from csms import administration
from csms.administration import StationSettings
from foundation import outbox
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import (
    EVENTS,
    CdrIssued,
    ConnectorStatusChanged,
    Event,
    StatementIssued,
    StationBooted,
)
from foundation.identifiers import (
    ConnectorId,
    EvseId,
    OrganisationKey,
    StationId,
    TransactionId,
)
from foundation.outbox import Cursor
from portal import journal
from portal.journal import Audience, Told


def told(organisation: str | None, kind: str = "station_booted") -> Told:
    return Told(
        cursor=Cursor(1, 1),
        kind=kind,
        subject="station/S",
        station=StationId("S"),
        organisation=None if organisation is None else OrganisationKey(organisation),
        happened_at=NOON,
        recorded_at=NOON,
        payload={},
    )


NOON = datetime.fromisoformat("2026-10-15T12:00:00Z")
EVERYTHING = frozenset(EVENTS)


@pytest.mark.parametrize(
    ("scope", "kinds", "organisation", "hears"),
    [
        (WHOLE, EVERYTHING, "north", True),
        (WHOLE, EVERYTHING, None, True),
        (WHOLE, frozenset({"fault_reported"}), "north", False),
        (Scope(frozenset({OrganisationKey("north")})), EVERYTHING, "north", True),
        (Scope(frozenset({OrganisationKey("north")})), EVERYTHING, "south", False),
        (Scope(frozenset({OrganisationKey("north")})), EVERYTHING, None, False),
        (Scope(frozenset()), EVERYTHING, None, False),
    ],
)
def test_only_what_one_sees_and_may_hear_of_is_heard(
    scope: Scope, kinds: frozenset[str], organisation: str | None, hears: bool
) -> None:
    assert Audience(scope, kinds).hears(told(organisation)) is hears


@pytest.mark.parametrize(
    ("permissions", "kinds"),
    [
        ({Permission.EVENTS_READ}, set()),
        ({Permission.STATIONS_READ}, set()),
        ({Permission.EVENTS_READ, Permission.STATEMENTS_READ}, {"statement_issued"}),
        (
            {Permission.EVENTS_READ, Permission.TRANSACTIONS_READ},
            {"transaction_started", "transaction_ended", "cdr_issued"},
        ),
        (set(Permission), EVERYTHING),
    ],
)
def test_a_kind_of_event_needs_the_permission_for_what_it_tells_of(
    permissions: set[Permission], kinds: set[str]
) -> None:
    assert kinds <= journal.permitted_kinds(permissions.__contains__)
    assert (
        journal.permitted_kinds(permissions.__contains__) - kinds <= EVERYTHING - KNOWN_TO_NEED_MORE
    )


KNOWN_TO_NEED_MORE = frozenset(
    {"station_booted", "transaction_ended", "cdr_issued", "statement_issued", "fault_reported"}
)


async def test_events_say_whose_they_are(database: Database, clock: SetClock) -> None:
    now = clock.now()
    async with database.unit_of_work() as db:
        await set_up(db, now, {"S1": "north"})
        await outbox.append(
            db,
            [
                booted("S1", now),
                booted("unknown", now),
                ConnectorStatusChanged(
                    happened_at=now,
                    station=StationId("S1"),
                    evse_id=EvseId(1),
                    connector_id=ConnectorId(1),
                    status="Available",
                    charging_state=None,
                ),
                StatementIssued(
                    happened_at=now,
                    statement_id="1",
                    payee=OrganisationKey("south"),
                    month="2026-09",
                ),
                CdrIssued(
                    happened_at=now,
                    cdr_id=1,
                    transaction_id=TransactionId(7),
                    revision=1,
                    payee=OrganisationKey("south"),
                    hold_reason=None,
                    replaces=None,
                ),
            ],
            recorded_at=now,
        )
    async with database.unit_of_work() as db:
        found = await journal.read(db, None)
        first = await journal.one(db, found[0].cursor.event_id)
        none = await journal.one(db, 10**9)

    assert [(each.station, each.organisation) for each in found] == [
        ("S1", "north"),
        ("unknown", None),
        ("S1", "north"),
        (None, "south"),
        (None, "south"),
    ]
    assert first == found[0]
    assert none is None


async def test_much_of_others_is_looked_through_in_bounded_steps(
    database: Database, clock: SetClock
) -> None:
    now = clock.now()
    async with database.unit_of_work() as db:
        await set_up(db, now, {"S1": "north", "S2": "south"})
        others = [booted("S2", now)] * 1200
        await outbox.append(db, [*others, booted("S1", now)], recorded_at=now)
    north = Audience(Scope(frozenset({OrganisationKey("north")})), EVERYTHING)
    async with database.unit_of_work() as db:
        nothing, place = await journal.read_for(db, north, None, most=700)
        found, last = await journal.read_for(db, north, place, most=700)
        end, behind = await journal.read_for(db, north, last)
        deaf, unmoved = await journal.read_for(db, Audience(WHOLE, frozenset()), None)

    assert (nothing, [each.station for each in found], end, deaf) == ([], ["S1"], [], [])
    assert place is not None
    assert last is not None
    assert (last > place, behind, unmoved) == (True, last, None)


def booted(identity: str, at: datetime) -> Event:
    return StationBooted(
        happened_at=at,
        station=StationId(identity),
        vendor="V",
        model="M",
        firmware=None,
        reason=None,
    )


async def set_up(db: AsyncSession, now: datetime, owners: Mapping[str, str]) -> None:
    root: dict[str, Any] = {
        "time_zone": "UTC",
        "currency": "EUR",
        "country": "DE",
        "language": "en",
    }
    await directory.ensure_root(db, key="root", name="Root", now=now, **root)
    for each in sorted(set(owners.values())):
        await directory.create_organisation(db, each, {"name": each}, now=now)
    for identity, owner in owners.items():
        await administration.create_station(
            db,
            identity,
            OrganisationKey(owner),
            StationSettings(),
            password=None,
            time_zone="UTC",
            now=now,
        )
