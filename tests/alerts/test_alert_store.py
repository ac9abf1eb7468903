"""What the tables of alerts themselves refuse; the rest is tried through `alerts.raising`."""

from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from alerts import alert_store, life
from tests.alerts.watch import NORTH, T0, Watch, finding, watch

__all__ = ["watch"]  # a fixture, taken by its name


async def test_a_fault_is_open_only_once(watch: Watch) -> None:
    fault = life.begun(finding(), location=None, flaps=0)
    async with watch.database.unit_of_work() as db:
        await alert_store.save_faults(db, [replace(fault, over_at=T0), fault])
        assert await alert_store.flaps_of(db, [fault.key], T0) == {fault.key: 0}
        with pytest.raises(IntegrityError):
            async with db.begin_nested():
                await alert_store.save_faults(db, [fault])
        known = await alert_store.open_faults(db, [fault.key])
        again = replace(fault, flaps=3)
        await alert_store.save_faults(db, [again, replace(known[fault.key], over_at=T0)])
        assert (await alert_store.open_faults(db, [fault.key]))[fault.key].flaps == 3


async def test_nothing_is_asked_of_the_database_for_nothing(watch: Watch) -> None:
    async with watch.database.unit_of_work() as db:
        assert await alert_store.open_faults(db, []) == {}
        assert await alert_store.flaps_of(db, [], T0) == {}
        assert await alert_store.faults_of(db, []) == {}
        assert await alert_store.monitored(db, []) == set()
        assert await alert_store.watched(db, []) == set()
        assert await alert_store.add_alerts(db, []) == {}
        await alert_store.save_alerts(db, [])
        assert await alert_store.raised_lately(db, [NORTH], T0) == {}
