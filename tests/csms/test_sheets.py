"""What people write on a data sheet: whose it is, what is refused, what is kept."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.audit import Actor
from accounts.directory import WHOLE, OrganisationFacts, Scope
from csms import sheets
from csms.sheets import StationPart
from foundation.clock import SetClock
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId

NORTH, SOUTH = OrganisationKey("north"), OrganisationKey("south")
STATION = StationId("CS-1")
LEA = Actor("person/1", "Lea", "portal", None)
THEIRS = Scope(frozenset({SOUTH}))


@pytest.fixture(autouse=True)
async def world(db: AsyncSession, clock: SetClock) -> None:
    await directory.ensure_root(
        db,
        key="root",
        name="Operator",
        time_zone="Europe/Berlin",
        currency="EUR",
        country="DE",
        language="en",
        now=clock.now(),
    )
    for key in (NORTH, SOUTH):
        facts: OrganisationFacts = {"name": key, "parent": "root"}
        await directory.create_organisation(db, key, facts, now=clock.now())
    await db.execute(
        text(
            "insert into stations (identity, time_zone, admission, boot_policy, security_profile,"
            " aliases, items_per_message, free_vend, created_at)"
            " values ('CS-1', 'UTC', 'accepted', 'accept', 0, '{}', '{}', false, :at)"
        ),
        {"at": clock.now()},
    )


async def test_a_fact_is_replaced_by_its_description_and_seen_by_its_own_side(
    db: AsyncSession, clock: SetClock
) -> None:
    for value in ("Anna", "Ben"):
        await sheets.put_fact(db, STATION, NORTH, " Key ", value, by=LEA, now=clock.now())
    await sheets.put_fact(db, STATION, SOUTH, "Key", "Carla", by=LEA, now=clock.now())
    assert [each.value for each in await sheets.facts(db, Scope(frozenset({NORTH})), STATION)] == [
        "Ben"
    ]
    [theirs] = await sheets.facts(db, THEIRS, STATION)
    assert theirs.value == "Carla"
    for name, value in (("", "x"), ("x", " "), ("x" * 201, "x"), ("x", "\x00")):
        with pytest.raises(InvalidInput):
            await sheets.put_fact(db, STATION, NORTH, name, value, by=LEA, now=clock.now())
    with pytest.raises(NotFound):
        await sheets.remove_fact(db, Scope(frozenset({NORTH})), STATION, theirs.id)
    assert await sheets.remove_fact(db, THEIRS, STATION, theirs.id) == "Key"


async def test_a_component_is_changed_and_gone_and_tells_its_last_update(
    db: AsyncSession, clock: SetClock
) -> None:
    router = StationPart(name="Router", is_external=True, version="1")
    number = await sheets.add_part(db, STATION, NORTH, router, by=LEA, now=clock.now())
    clock.advance(timedelta(hours=1))
    later = StationPart(id=number, name="Router", is_external=True, version="2")
    await sheets.change_part(db, WHOLE, STATION, later, by=LEA, now=clock.now())
    [found] = await sheets.parts(db, WHOLE, STATION)
    assert (found.version, found.updated_at) == ("2", clock.now())
    assert await sheets.parts(db, THEIRS, STATION) == []
    with pytest.raises(NotFound):
        await sheets.change_part(db, THEIRS, STATION, later, by=LEA, now=clock.now())
    nameless = StationPart(name=" ", is_external=False)
    with pytest.raises(InvalidInput):
        await sheets.add_part(db, STATION, NORTH, nameless, by=LEA, now=clock.now())
    await sheets.remove_part(db, WHOLE, STATION, number, by=LEA, now=clock.now())
    assert await sheets.parts(db, WHOLE, STATION) == []


async def test_a_document_comes_back_as_it_was_and_is_removed_with_its_content(
    db: AsyncSession, clock: SetClock
) -> None:
    with pytest.raises(InvalidInput, match="empty"):
        await added(db, clock, b"", "a.pdf")
    made = await added(db, clock, b"%PDF", "C:\\papers\\a.pdf")
    assert (made.file_name, made.size_bytes) == ("a.pdf", 4)
    found, content = await sheets.document(db, WHOLE, STATION, made.id)
    assert (found, content) == (made, b"%PDF")
    for scope in (THEIRS,):
        with pytest.raises(NotFound):
            await sheets.document(db, scope, STATION, made.id)
    await sheets.remove_document(db, WHOLE, STATION, made.id, by=LEA, now=clock.now())
    assert await sheets.documents(db, WHOLE, STATION) == []
    assert (await db.scalars(text("select content from station_documents"))).one() is None


async def added(
    db: AsyncSession, clock: SetClock, content: bytes, name: str
) -> sheets.StationDocument:
    return await sheets.add_document(
        db,
        STATION,
        NORTH,
        content,
        file_name=name,
        media_type="application/pdf",
        about="",
        by=LEA,
        now=clock.now(),
    )


async def test_history_is_the_newest_first_and_keeps_the_name_of_its_kind(
    db: AsyncSession, clock: SetClock
) -> None:
    await sheets.add_entry_kind(db, NORTH, "Visit", by=LEA, now=clock.now())
    with pytest.raises(Conflict):
        await sheets.add_entry_kind(db, NORTH, "Visit", by=LEA, now=clock.now())
    for written in ("Cable changed", "Cleaned"):
        await sheets.write_entry(db, STATION, NORTH, written, kind="Visit", by=LEA, now=clock.now())
    await sheets.remove_entry_kind(db, NORTH, "Visit")
    assert await sheets.entry_kinds(db, [NORTH]) == []
    found = await sheets.entries(db, WHOLE, STATION)
    assert [(each.text, each.kind) for each in found] == [
        ("Cleaned", "Visit"),
        ("Cable changed", "Visit"),
    ]
    [older] = await sheets.entries(db, WHOLE, STATION, before=found[0].id)
    assert older.text == "Cable changed"
    assert await sheets.entries(db, THEIRS, STATION) == []
    with pytest.raises(InvalidInput):
        await sheets.write_entry(db, STATION, NORTH, " ", kind=None, by=LEA, now=clock.now())
