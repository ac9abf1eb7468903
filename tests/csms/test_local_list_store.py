"""What a station holds by our books, what it said that it takes, and whose tokens it gets."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import directory
from csms import administration, local_list_store
from csms.administration import TokenSettings
from csms.equipment_store import Told, save_variables
from csms.local_lists import UNSUPPORTED, Entry, Held, Limits
from csms.reports import ReportedVariable
from foundation.identifiers import OrganisationKey, StationId
from tests.csms.handlers.work import EXPIRED, GOOD, OWNER, Work

STATION = StationId("CS-1")
CHILD = OrganisationKey("child")


async def values(work: Work, owner: OrganisationKey) -> list[str]:
    found = await local_list_store.known_tokens(work.db, STATION, owner, work.clock.now())
    return [each.id_token for each in found]


async def test_a_list_gets_accepted_tokens_of_the_owner_and_of_those_below(work: Work) -> None:
    now = work.clock.now()
    await directory.create_organisation(work.db, CHILD, {"name": "Child"}, now=now)
    theirs = TokenSettings(id_token="CHILDS", organisation=CHILD)
    await administration.set_id_tokens(work.db, [theirs], now=now)
    assert await values(work, OWNER) == ["CHILDS", EXPIRED, GOOD], "others are asked for"
    assert await values(work, CHILD) == ["CHILDS"]


async def test_who_gave_a_token_away_has_it_no_longer_on_his_lists(work: Work) -> None:
    work.clock.advance(timedelta(minutes=1))
    now = work.clock.now()
    await administration.set_id_tokens(
        work.db, [TokenSettings(id_token=GOOD, provider="DE*ABC")], now=now
    )
    assert GOOD not in await values(work, OWNER)


async def test_what_is_kept_of_a_list_is_read_as_it_was(work: Work) -> None:
    assert await local_list_store.held(work.db, STATION) == Held()
    until = work.clock.now() + timedelta(days=1)
    entries = {"A": Entry("a", None), "B": Entry("B", "Central", "Blocked", "G", until)}
    kept = Held(4, entries, is_known=True, last_version=9)
    await local_list_store.keep(work.db, STATION, kept, work.clock.now())
    assert await local_list_store.held(work.db, STATION) == kept


@pytest.mark.parametrize(
    ("status", "version", "is_known"),
    [
        ("Accepted", 5, True),
        ("Failed", 4, False),
        ("VersionMismatch", 4, False),
        ("NotSupported", UNSUPPORTED, True),
        ("SomethingElse", 4, True),
    ],
)
async def test_an_answer_tells_what_became_of_a_list(
    work: Work, status: str, version: int, is_known: bool
) -> None:
    kept = Held(4, {"A": Entry("A", None)}, is_known=True, last_version=4)
    await local_list_store.keep(work.db, STATION, kept, work.clock.now())
    sent = {"listVersion": 5, "updateType": "Differential"}
    await local_list_store.keep_sent(work.db, STATION, sent, status, work.clock.now())
    found = await local_list_store.held(work.db, STATION)
    assert (found.version, found.is_known) == (version, is_known)


async def test_a_version_that_is_on_its_way_is_not_used_again(work: Work) -> None:
    await local_list_store.note_version(work.db, STATION, 7, work.clock.now())
    await local_list_store.note_version(work.db, STATION, 3, work.clock.now())
    found = await local_list_store.held(work.db, STATION)
    assert (found.version, found.last_version) == (None, 7)


@pytest.mark.parametrize(
    ("said", "limits"),
    [
        ([], Limits()),
        (
            [
                ReportedVariable("", "LocalAuthListMaxLength", "500"),
                ReportedVariable("", "SendLocalListMaxLength", "20"),
            ],
            Limits(500, 20),
        ),
        (
            [
                ReportedVariable("LocalAuthListCtrlr", "Entries", "7", max_limit=Decimal(250)),
                ReportedVariable("LocalAuthListCtrlr", "ItemsPerMessage", "25"),
                ReportedVariable("LocalAuthListCtrlr", "BytesPerMessage", "4000"),
            ],
            Limits(250, 25, 4000),
        ),
        ([ReportedVariable("", "SendLocalListMaxLength", "many")], Limits()),
        ([ReportedVariable("OtherCtrlr", "ItemsPerMessage", "5")], Limits()),
    ],
)
async def test_what_a_station_said_that_it_takes(
    work: Work, said: list[ReportedVariable], limits: Limits
) -> None:
    now = work.clock.now()
    await save_variables(work.db, [Told(STATION, now, each) for each in said])
    assert await local_list_store.limits_of(work.db, STATION) == limits
