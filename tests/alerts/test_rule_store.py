"""Rules are read as they were written."""

from dataclasses import replace

from accounts.directory import Scope
from alerts import rule_store
from tests.alerts.test_watch_rules import NOW, RULE, WEAK
from tests.alerts.watch import NORTH, SOUTH, Watch, watch

__all__ = ["watch"]  # a fixture, taken by its name


async def test_rules_are_read_as_they_were_written(watch: Watch) -> None:
    wanted = replace(RULE, id=0, conditions=(*RULE.conditions, WEAK), consecutive=3)
    async with watch.database.unit_of_work() as db:
        number = await rule_store.save(db, wanted, by="person/1", now=NOW)
        assert await rule_store.rules(db, Scope(frozenset({NORTH}))) == [replace(wanted, id=number)]
        assert await rule_store.rules(db, Scope(frozenset({SOUTH}))) == []
        changed = replace(wanted, id=number, name="Warm", is_active=False)
        await rule_store.save(db, changed, by="person/1", now=NOW)
        assert await rule_store.rules(db) == [changed]
        await rule_store.remove(db, number, by="person/1", now=NOW)
        assert await rule_store.rules(db) == []
