"""Reading what was charged: scopes, filters, pages, order."""

from decimal import Decimal
from typing import Any

import pytest

from accounts import directory
from accounts.directory import WHOLE, Scope
from csms import charging
from csms.charging import StoredReading
from csms.reports import Sample
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey
from tests.csms.central import moment
from tests.csms.handlers.work import Work
from tests.csms.test_reading_store import kept, reading
from tests.csms.test_transaction_store import added
from tests.csms.test_transactions import facts

HEIR = OrganisationKey("heir")
HEIRS = Scope(frozenset({HEIR}))


@pytest.fixture
async def fleet(work: Work) -> Work:
    """Beside the owner of the stations there is an heir."""
    await directory.create_organisation(work.db, HEIR, {"name": "Heir"}, now=work.clock.now())
    return work


async def charged(work: Work, ref: str, minutes: float, **more: Any) -> int:
    """Store an ended transaction of an hour; return its number."""
    given: dict[str, Any] = {
        "ref": f"1|{ref}",
        "owner": "root",
        "location": None,
        "token_organisation": None,
        "state": "ended",
        "started_at": moment(minutes),
        "ended_at": moment(minutes + 60),
        "energy_wh": Decimal(8000),
        "meter_start_wh": Decimal(1000),
        "meter_stop_wh": Decimal(9000),
    }
    [stored] = await added(work, [facts(**(given | more))])
    return int(stored.id)


async def numbers(work: Work, scope: Scope = WHOLE, **how: Any) -> list[int]:
    return [int(each.transaction_id) for each in await charging.transactions(work.db, scope, **how)]


async def test_transactions_are_seen_by_the_owner_that_was_frozen_on_them(fleet: Work) -> None:
    mine = await charged(fleet, "a", 0)
    theirs = await charged(fleet, "b", 100, owner="heir")
    assert await numbers(fleet) == [theirs, mine]
    assert await numbers(fleet, HEIRS) == [theirs]
    assert (await charging.transaction(fleet.db, HEIRS, theirs)).owner == HEIR
    with pytest.raises(NotFound):
        await charging.transaction(fleet.db, HEIRS, mine)
    with pytest.raises(NotFound):
        await charging.transaction(fleet.db, WHOLE, 999_999)


async def test_transactions_are_found_by_station_time_state_number_and_words(fleet: Work) -> None:
    one = await charged(fleet, "a", 0)
    two = await charged(fleet, "b", 100, station="CS-2", id_token="04FF", state="active")
    assert await numbers(fleet, station="CS-2") == [two]
    assert await numbers(fleet, states=["ended", "held"]) == [one]
    assert await numbers(fleet, ids=[one, 999]) == [one]
    assert await numbers(fleet, q="04ff") == [two]
    assert await numbers(fleet, q="cs-1") == [one]
    assert await numbers(fleet, started_from=moment(0), started_to=moment(100)) == [one]
    assert await numbers(fleet, started_from=moment(100)) == [two]


async def test_transactions_come_in_pages_also_where_many_began_at_once(fleet: Work) -> None:
    made = [await charged(fleet, str(place), 0) for place in range(5)]
    seen: list[int] = []
    before = None
    while page := await charging.transactions(fleet.db, WHOLE, before=before, limit=2):
        seen += [int(each.transaction_id) for each in page]
        before = (page[-1].started_at, int(page[-1].transaction_id))
    assert seen == made[::-1]


async def test_a_transaction_is_told_without_the_inner_form_of_its_key(fleet: Work) -> None:
    number = await charged(fleet, "a|b", 0)
    found = await charging.transaction(fleet.db, WHOLE, number)
    assert (found.ref, found.ocpp_version) == ("a|b", "1.6")


async def test_readings_come_in_the_order_of_their_moments(fleet: Work) -> None:
    number = await charged(fleet, "a", 0)
    power = Sample("Power.Active.Import", Decimal(7400), "W")
    by_phase = Sample("Power.Active.Import", Decimal(2500), "W", phase="L1")
    given = [
        reading(minutes, 5000, number=number, values=(by_phase, power)) for minutes in (20, 10)
    ]
    await kept(fleet, given)
    readings = await charging.readings(fleet.db, number)
    assert [each.measured_at for each in readings] == [moment(10), moment(20)]
    assert [each.power_w for each in readings] == [7400, 7400]
    alone = StoredReading(moment(0), "x", None, [{"measurand": "Voltage", "value": "1"}], moment(0))
    assert alone.power_w is None


async def test_energy_is_counted_by_the_day_of_the_end_in_a_zone(fleet: Work) -> None:
    await charged(fleet, "a", 0)
    await charged(fleet, "b", 60 * 10)  # ends at 23:00 UTC: the next day in Berlin
    await charged(fleet, "c", 0, owner="heir")
    await charged(fleet, "d", 0, state="active")
    start, end = moment(-60 * 12), moment(60 * 36)
    in_utc = await charging.energy_by_day(fleet.db, WHOLE, start, end, "UTC")
    assert [(each.day.day, each.energy_wh, each.transactions) for each in in_utc] == [
        (15, Decimal(24_000), 3)
    ]
    berlin = await charging.energy_by_day(fleet.db, WHOLE, start, end, "Europe/Berlin")
    assert [(each.day.day, each.transactions) for each in berlin] == [(15, 2), (16, 1)]
    theirs = await charging.energy_by_day(fleet.db, HEIRS, start, end, "UTC")
    assert [each.transactions for each in theirs] == [1]
