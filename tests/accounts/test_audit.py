"""Tests of the audit: append-only, chained, and quiet about secrets."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from accounts import audit
from accounts.audit import SYSTEM, Actor
from foundation.database import Database
from foundation.identifiers import OrganisationKey

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)
NORTH, SOUTH = OrganisationKey("north"), OrganisationKey("south")
ERIKA = Actor("person/7", "Erika", "portal", "192.0.2.7")


async def written(database: Database, number: int, organisation: OrganisationKey | None) -> None:
    for each in range(1, number + 1):
        async with database.unit_of_work() as db:
            await audit.record(
                db,
                ERIKA,
                "station.change",
                f"station/CS-{each}",
                organisation=organisation,
                before={"name": "old", "model": "M"},
                after={"name": "new", "model": "M"},
                now=NOW + timedelta(seconds=each),
            )


@pytest.fixture
async def chained(database: Database) -> Database:
    """Three entries of the north, two of the south, one of nobody."""
    await written(database, 3, NORTH)
    await written(database, 2, SOUTH)
    await written(database, 1, None)
    return database


async def tampered(database: Database, statement: str) -> None:
    """Change an entry as somebody could who owns the database."""
    async with database.unit_of_work() as db:
        await db.execute(text("alter table audit_entries disable trigger all"))
        await db.execute(text(statement))
        await db.execute(text("alter table audit_entries enable trigger all"))


async def test_an_entry_tells_who_did_what_and_only_what_changed(chained: Database) -> None:
    async with chained.unit_of_work() as db:
        newest, *_ = await audit.entries(db, frozenset({NORTH}))

    assert (newest.number, newest.chain, newest.organisation) == (3, "north", NORTH)
    assert newest.actor == ERIKA
    assert (newest.deed, newest.subject) == ("station.change", "station/CS-3")
    assert (newest.before, newest.after) == ({"name": "old"}, {"name": "new"})


async def test_each_organisation_has_a_chain_and_all_are_whole(chained: Database) -> None:
    async with chained.unit_of_work() as db:
        assert await audit.chains(db) == ["*", "north", "south"]
        assert [await audit.verify(db, each) for each in (NORTH, SOUTH, None)] == [None] * 3
        assert await audit.verify(db, OrganisationKey("nobody")) is None
        north = await audit.head(db, "north")
    assert north is not None
    assert north[0] == 3


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("update audit_entries set content = replace(content, 'old', 'odd') where number = 2", 2),
        ("update audit_entries set actor_name = 'Max' where number = 2", 2),
        ("update audit_entries set at = at + interval '1 day' where number = 3", 3),
        ("delete from audit_entries where number = 2", 2),
        ("delete from audit_entries where number = 3", 3),
        ("update audit_entries set number = 9 where number = 1 and chain = 'north'", 1),
        (
            """
            update audit_entries set
                hash = sha256(previous
                    || convert_to('2' || chr(10) || replace(content, 'old', 'odd'), 'UTF8')),
                content = replace(content, 'old', 'odd')
            where number = 2
            """,
            3,
        ),
    ],
)
async def test_whatever_is_changed_is_found_with_its_number(
    chained: Database, statement: str, number: int
) -> None:
    await tampered(chained, statement)

    async with chained.unit_of_work() as db:
        broken = await audit.verify(db, NORTH)
    assert broken is not None
    assert broken.number == number


async def test_an_entry_written_past_the_chain_is_found(chained: Database) -> None:
    await tampered(
        chained,
        "insert into audit_entries (chain, at, actor, actor_name, door, deed, subject, content)"
        " select chain, at, actor, actor_name, door, deed, subject, content"
        " from audit_entries where chain = 'north' and number = 1",
    )

    async with chained.unit_of_work() as db:
        broken = await audit.verify(db, NORTH)
        assert await audit.verify(db, SOUTH) is None
    assert broken is not None
    assert broken.number == 4


@pytest.mark.parametrize(
    "statement",
    [
        "update audit_entries set actor_name = 'Max'",
        "delete from audit_entries",
        "truncate audit_entries",
    ],
)
async def test_the_database_refuses_every_change(chained: Database, statement: str) -> None:
    with pytest.raises(DBAPIError, match="never changed or removed"):
        async with chained.unit_of_work() as db:
            await db.execute(text(statement))


async def test_what_is_rolled_back_was_never_done(database: Database) -> None:
    async def broken_off() -> None:
        async with database.unit_of_work() as db:
            await audit.record(db, SYSTEM, "month.close", "month/1", organisation=NORTH, now=NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await broken_off()
    await written(database, 1, NORTH)

    async with database.unit_of_work() as db:
        [entry] = await audit.entries(db, None)
        assert entry.number == 1
        assert await audit.verify(db, NORTH) is None


async def test_many_at_once_make_one_chain(database: Database, database_url: str) -> None:
    """Two units of work write turn by turn; the chain is in the order of their commits."""
    async with database.unit_of_work() as one:
        await audit.record(one, ERIKA, "a.b", "x/1", organisation=NORTH, now=NOW)
        async with database.unit_of_work() as other:
            await audit.record(other, ERIKA, "a.b", "x/2", organisation=NORTH, now=NOW)
        await audit.record(one, ERIKA, "a.b", "x/3", organisation=NORTH, now=NOW)

    async with database.unit_of_work() as db:
        found = await audit.entries(db, frozenset({NORTH}))
        assert {each.subject: each.number for each in found} == {"x/2": 1, "x/1": 2, "x/3": 3}
        assert await audit.verify(db, NORTH) is None
    with psycopg.connect(database_url) as connection:
        row = connection.execute("select count(*) from audit_entries where hash is null").fetchone()
    assert row == (0,)


async def test_entries_are_found_by_who_what_when_and_door(chained: Database) -> None:
    async with chained.unit_of_work() as db:

        async def found(**wanted: object) -> list[str]:
            everything = await audit.entries(db, frozenset({NORTH}), **wanted)  # type: ignore[arg-type]
            return [each.subject for each in everything]

        assert len(await found()) == 3
        assert await found(who="rik", by_name=True, limit=1) == ["station/CS-3"]
        assert await found(who="rik", limit=1) == []
        assert await found(who="person/7", subject="station/CS-2") == ["station/CS-2"]
        assert await found(who="person/8") == []
        assert len(await found(deed="station")) == 3
        assert await found(deed="stat") == []
        assert await found(door="api") == []
        assert await found(since=NOW + timedelta(seconds=3)) == ["station/CS-3"]
        assert await found(until=NOW + timedelta(seconds=2)) == ["station/CS-1"]
        assert len(await found(text="old")) == 3
        assert await found(text="100%") == []
        last = (await audit.entries(db, frozenset({NORTH}), limit=2))[-1]
        assert await found(before=last.id) == ["station/CS-1"]
        assert await audit.entries(db, frozenset()) == []


@dataclass(frozen=True)
class Thing:
    name: str
    price: Decimal
    api_key: str | None
    at: datetime


def test_secrets_are_masked_wherever_they_stand() -> None:
    before = Thing("a", Decimal("0.10"), "k1", NOW)
    after = Thing("a", Decimal("0.20"), "k2", NOW)

    was, is_now = audit.differences(before, after)
    assert was == {"price": "0.10", "api_key": "********"}
    assert is_now == {"price": "0.20", "api_key": "********"}
    _, payload = audit.differences(
        None,
        {
            "configurationKey": [{"key": "AuthorizationKey", "value": "abc"}],
            "nested": {"newPassword": "x", "secret_hash": None, "has_password": True},
        },
    )
    assert payload == {
        "configurationKey": [{"key": "AuthorizationKey", "value": "********"}],
        "nested": {"newPassword": "********", "secret_hash": None, "has_password": True},
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(before=JSON, after=JSON)
def test_what_was_and_is_now_can_always_be_kept(before: object, after: object) -> None:
    was, is_now = audit.differences({"value": before}, {"value": after})

    assert "\x00" not in str((was, is_now))
    if was == is_now:
        assert (was, is_now) == ({}, {})
