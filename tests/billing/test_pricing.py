"""Tariffs, their versions and assignments, as the portal works with them."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from billing import pricing
from billing.assignments import AssignmentsOverlap, Place, TariffScope
from billing.pricing import (
    ALWAYS,
    NewAssignment,
    TariffChangedSince,
    TariffExists,
    place_from,
    preview,
    version_at,
)
from billing.tariff_json import InvalidTariff
from billing.usage import Usage
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import EvseId
from tests.billing.story import BAKERY, LONG_AGO, NOW, ended, settle_in, started, tariff

DAY = timedelta(days=1)


async def number_at(db: AsyncSession, *events: object) -> list[int | None]:
    parents = await pricing.parents_of_all(db)
    found = await pricing.tariffs_at(db, events, parents)  # type: ignore[arg-type]
    return [None if each is None else each.number for each in found]


async def test_a_tariff_is_created_with_its_assignments(db: AsyncSession) -> None:
    await settle_in(db)
    made = await pricing.create_tariff(
        db,
        tariff("T2"),
        [
            NewAssignment(place_from("evse", "S1/1"), NOW),
            NewAssignment(place_from("location", "x")),
        ],
        organisation=BAKERY,
        now=NOW,
    )
    assert (made.version, made.valid_from) == (1, ALWAYS)
    assert [str(each.place) for each in await pricing.assignments(db, ["T2"])] == [
        "evse S1/1",
        "location x",
    ]


async def test_an_id_is_given_once(db: AsyncSession) -> None:
    await settle_in(db)
    with pytest.raises(TariffExists):
        await pricing.create_tariff(db, tariff("T1"), organisation=None, now=NOW)


async def test_a_tariff_that_ocpi_would_not_allow_is_refused(db: AsyncSession) -> None:
    await settle_in(db)
    with pytest.raises(InvalidTariff):
        await pricing.create_tariff(db, {"id": "T2"}, organisation=None, now=NOW)
    with pytest.raises(InvalidTariff):
        await pricing.change_tariff(db, "T1", {"currency": "EUR", "elements": []}, now=NOW)


async def test_a_change_is_a_further_version_from_a_moment_on(db: AsyncSession) -> None:
    await settle_in(db)
    changed = await pricing.change_tariff(db, "T1", tariff(per_kwh=0.5), now=NOW)

    first, second = await pricing.tariff_versions(db, "T1")

    assert second == changed
    assert await number_at(db, started(1, NOW - DAY), started(2, NOW)) == [
        first.number,
        second.number,
    ]
    [newest] = await pricing.tariffs(db)
    assert newest == second


async def test_the_version_that_holds_already_is_not_written_again(db: AsyncSession) -> None:
    await settle_in(db)
    same = await pricing.change_tariff(db, "T1", tariff(), now=NOW)
    assert same.version == 1


async def test_history_is_not_rewritten(db: AsyncSession) -> None:
    await settle_in(db)
    await pricing.change_tariff(db, "T1", tariff(per_kwh=0.5), valid_from=NOW + DAY, now=NOW)
    with pytest.raises(TariffChangedSince):
        await pricing.change_tariff(db, "T1", tariff(per_kwh=0.6), now=NOW)
    with pytest.raises(InvalidInput, match="T9"):
        await pricing.change_tariff(db, "T1", tariff("T9"), now=NOW)
    with pytest.raises(InvalidInput, match="zone"):
        await pricing.change_tariff(
            db, "T1", tariff(), valid_from=NOW.replace(tzinfo=None), now=NOW
        )
    with pytest.raises(NotFound):
        await pricing.change_tariff(db, "T9", tariff("T9"), now=NOW)


async def test_the_most_specific_assignment_at_the_start_wins(db: AsyncSession) -> None:
    await settle_in(db)
    await pricing.create_tariff(
        db,
        tariff("EVSE"),
        [NewAssignment(place_from("evse", "S1/1"), NOW, NOW + DAY)],
        organisation=None,
        now=NOW,
    )
    parents = await pricing.parents_of_all(db)
    found = await pricing.tariffs_at(
        db,
        [started(1, NOW), started(2, NOW, evse_id=EvseId(2)), started(3, NOW + DAY)],
        parents,
    )
    assert [each.tariff_id for each in found if each] == ["EVSE", "T1", "T1"]
    assert await number_at(db, started(4, LONG_AGO - DAY)) == [None]


async def test_two_tariffs_at_once_on_a_place_are_refused_with_the_other_one(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await pricing.create_tariff(db, tariff("T2"), organisation=None, now=NOW)
    new = NewAssignment(place_from("organisation", "operator"), LONG_AGO)
    with pytest.raises(AssignmentsOverlap, match="T1"):
        await pricing.assign(db, "T2", new, now=NOW)
    later = NewAssignment(place_from("organisation", "operator"), LONG_AGO + DAY)
    assert (await pricing.assign(db, "T2", later, now=NOW)).tariff_id == "T2"


async def test_the_same_assignment_twice_is_one(db: AsyncSession) -> None:
    await settle_in(db)
    new = NewAssignment(place_from("organisation", "operator"), LONG_AGO)
    await pricing.assign(db, "T1", new, now=NOW)
    assert len(await pricing.assignments(db, ["T1"])) == 1


async def test_an_assignment_needs_a_tariff_and_an_organisation_that_exist(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    with pytest.raises(NotFound):
        await pricing.assign(db, "T9", NewAssignment(place_from("station", "S1")), now=NOW)
    with pytest.raises(InvalidInput, match="nobody"):
        await pricing.assign(db, "T1", NewAssignment(place_from("organisation", "nobody")), now=NOW)
    with pytest.raises(NotFound):
        await pricing.tariff_versions(db, "T9")


async def test_an_owner_sees_the_tariffs_of_his_own(db: AsyncSession) -> None:
    await settle_in(db)
    await pricing.create_tariff(db, tariff("T2"), organisation=BAKERY, now=NOW)
    seen = await pricing.tariffs(db, Scope(frozenset({BAKERY})))
    assert [each.tariff_id for each in seen] == ["T2"]
    everything = await pricing.tariffs(db)
    assert [each.tariff_id for each in everything] == ["T1", "T2"]
    assert [each.tariff_id for each in await pricing.tariffs(db, after="T1", limit=1)] == ["T2"]


async def test_versions_are_found_by_their_numbers(db: AsyncSession) -> None:
    await settle_in(db)
    [version] = await pricing.tariff_versions(db, "T1")
    found = await pricing.tariffs_by_number(db, [version.number])
    assert found == {version.number: version.tariff}
    assert await pricing.tariffs_by_number(db, []) == {}
    assert version_at([version], ALWAYS - DAY) == version


async def test_a_preview_is_what_the_usage_would_cost(db: AsyncSession) -> None:
    await settle_in(db)
    [version] = await pricing.tariff_versions(db, "T1")
    assert preview(version.tariff, Usage.of(ended(1)), "UTC").net.text == "4.00"


@pytest.mark.parametrize(
    ("scope", "id_", "place"),
    [
        ("evse", "a/b/2", Place(TariffScope.EVSE, "a/b/2")),
        ("evse", "S1/02", Place(TariffScope.EVSE, "S1/2")),
        ("station", "S/1", Place(TariffScope.STATION, "S/1")),
    ],
)
def test_a_place_is_read_as_written(scope: str, id_: str, place: Place) -> None:
    assert place_from(scope, id_) == place


@pytest.mark.parametrize(
    ("scope", "id_", "field"),
    [("evse", "S1", "id"), ("evse", "/1", "id"), ("station", "", "id"), ("site", "S1", "scope")],
)
def test_what_is_no_place_is_refused(scope: str, id_: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        place_from(scope, id_)
    assert refusal.value.field == field
