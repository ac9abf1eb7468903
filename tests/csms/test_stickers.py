"""What the number on a sticker leads to."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from csms import stickers
from csms.stickers import normalised_evse_id
from foundation.clock import SetClock
from foundation.identifiers import StationId
from tests.support.conftest import N1, N2, NORTH, S1, SOUTH, fill


@pytest.mark.parametrize(
    "said",
    [
        "DE*ABC*E1001",
        "de*abc*e1001",
        "deabce1001",
        " DE-ABC-E10.01 ",
        "de abc e 1001",
        "https://charge.example/qr/DE*ABC*E1001?x=1#top",
        "+DE_ABC_E1001/",
    ],
)
def test_an_id_is_one_however_it_is_spelled(said: str) -> None:
    assert normalised_evse_id(said) == "DEABCE1001"


@pytest.mark.parametrize("said", ["DE*ABC*E1001", "deabce1001", "de abc e1001"])
async def test_any_spelling_leads_to_the_evse(db: AsyncSession, clock: SetClock, said: str) -> None:
    await fill(db, clock.now())
    [found] = await stickers.by_evse_id(db, WHOLE, said)
    assert (found.station, found.evse_id, found.organisation) == (N1, 1, NORTH)


async def test_a_part_leads_to_all_that_have_it(db: AsyncSession, clock: SetClock) -> None:
    await fill(db, clock.now())
    found = await stickers.by_evse_id(db, WHOLE, "c*e10")
    assert [each.station for each in found] == [N1, N2]
    for nothing in ("10", "", "*", "%%%", "E77"):
        assert await stickers.by_evse_id(db, WHOLE, nothing) == []


async def test_only_what_is_in_scope_or_shared_is_found(db: AsyncSession, clock: SetClock) -> None:
    await fill(db, clock.now())
    south = Scope(frozenset({SOUTH}))
    assert await stickers.by_evse_id(db, south, "DEABCE1001") == []
    assert len(await stickers.by_evse_id(db, south, "DEXYZE91")) == 1
    shared = Scope(frozenset({SOUTH}), {N1: "read"})
    assert [each.station for each in await stickers.by_evse_id(db, shared, "DEABCE1001")] == [N1]


async def test_owners_are_those_of_now(db: AsyncSession, clock: SetClock) -> None:
    await fill(db, clock.now())
    found = await stickers.owners(db, [N1, S1, StationId("nowhere")])
    assert found == {N1: NORTH, S1: SOUTH}
