"""Local lists brought up to date at real stations of both kinds, message by message."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing import access
from billing.access import Doorkeeper
from billing.assignments import Place, TariffScope
from billing.conditions import Conditions
from csms import list_updates, local_list_store, remote
from csms.equipment_store import Told, save_variables
from csms.list_updates import Asker, LocalList, State, UpdateUnderWay
from csms.local_lists import Held
from csms.queue import CommandState
from csms.reports import OcppVersion, ReportedVariable
from foundation.identifiers import OrganisationKey, StationId
from tests.csms.asking import ask, becomes, request
from tests.csms.central import OWNER, Central, eventually
from tests.csms.list_keeper import ListKeeper, keeper

BOTH = pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1"])
BY = Asker("person-1", "Anna", OrganisationKey(OWNER), "page", is_authorised=True)


@pytest.fixture(autouse=True)
async def no_tokens(central: Central) -> None:
    """Each test has the tokens that it makes, and no others."""
    before = await central.rows(
        """
        select t.value from id_tokens t join id_token_holders h on h.token = t.key
        where t.status = 'accepted' and h.organisation = :owner and h.valid_to is null
        """,
        owner=OWNER,
    )
    for each in before:
        await central.token(each["value"], status="blocked")


async def update(central: Central, station: ListKeeper, by: Asker = BY) -> None:
    """Have its list brought up to date; one commit, or the answer comes before the beginning."""
    central.clock.at += timedelta(seconds=1)
    now, asked = central.clock.now(), request(station.identity, "GetLocalListVersion", {})
    async with central.database.unit_of_work() as db:
        await list_updates.must_be_free(db, StationId(station.identity), now)
        command = await remote.ask(db, asked, now=now)
        await list_updates.begin(db, StationId(station.identity), command, by=by, now=now)


async def shown(central: Central, station: ListKeeper) -> LocalList:
    async with central.database.unit_of_work() as db:
        return await list_updates.local_list(
            db,
            StationId(station.identity),
            OrganisationKey(OWNER),
            OcppVersion(station.version),
            central.clock.now(),
        )


async def ended(central: Central, station: ListKeeper) -> LocalList:
    """Wait until its update is over."""

    async def there() -> bool:
        return (await shown(central, station)).updates[0].state is not State.UNDER_WAY

    await eventually(there)
    return await shown(central, station)  # all of it from after the end


async def says(central: Central, station: ListKeeper, *said: ReportedVariable) -> None:
    now = central.clock.now()
    async with central.database.unit_of_work() as db:
        await save_variables(db, [Told(StationId(station.identity), now, each) for each in said])


@BOTH
async def test_a_list_is_sent_whole_then_only_what_changed(central: Central, version: str) -> None:
    station = await keeper(central, version)
    for each in "ABCDE":
        await central.token(f"LIST{each}", group_id="CREW")
    await central.token("LISTX", status="blocked")
    await central.token("FOREIGN", provider="emp")
    await update(central, station)
    first = await ended(central, station)
    assert station.sent == [(1, "Full", 5)]
    assert set(station.tokens) == {f"LIST{each}" for each in "ABCDE"}
    assert {each["status"] for each in station.tokens.values()} == {"Accepted"}
    assert (first.updates[0].state, first.updates[0].messages) == (State.DONE, 1)
    assert first.is_up_to_date

    await central.token("LISTA", status="blocked")
    await central.token("LISTF")
    before = await shown(central, station)
    assert before.differs is not None
    assert (before.differs.added, before.differs.removed) == (["LISTF"], ["LISTA"])
    await update(central, station)
    second = await ended(central, station)
    assert station.sent[1:] == [(2, "Differential", 2)]
    assert set(station.tokens) == {f"LIST{each}" for each in "BCDEF"}
    assert second.is_up_to_date

    await update(central, station)
    again = await ended(central, station)
    assert len(station.sent) == 2, "who holds what he should is sent nothing"
    assert (again.updates[0].state, again.updates[0].messages) == (State.DONE, 0)


@BOTH
async def test_a_long_list_is_sent_in_pieces_and_within_its_length(
    central: Central, version: str
) -> None:
    station = await keeper(central, version)
    station.length = 5
    if version == "ocpp1.6":
        limits = [
            ReportedVariable("", "SendLocalListMaxLength", "2"),
            ReportedVariable("", "LocalAuthListMaxLength", "5"),
        ]
    else:
        limits = [
            ReportedVariable("LocalAuthListCtrlr", "ItemsPerMessage", "2"),
            ReportedVariable("LocalAuthListCtrlr", "Entries", "0", max_limit=Decimal(5)),
        ]
    await says(central, station, *limits)
    for each in "ABCDEFG":
        await central.token(f"LONG{each}")
    await update(central, station)
    found = await ended(central, station)
    assert station.sent == [(1, "Full", 2), (2, "Differential", 2), (3, "Differential", 1)]
    assert set(station.tokens) == {f"LONG{each}" for each in "ABCDE"}
    assert (found.updates[0].state, found.wanted.too_many) == (State.DONE, 2)


@BOTH
@pytest.mark.parametrize("word", ["Failed", "VersionMismatch"])
async def test_a_station_that_refuses_a_part_gets_the_whole(
    central: Central, version: str, word: str
) -> None:
    station = await keeper(central, version)
    for each in "ABCD":
        await central.token(f"PART{each}")
    await update(central, station)
    await ended(central, station)
    await central.token("PARTE")
    station.refuses = [word]
    await update(central, station)
    found = await ended(central, station)
    assert station.sent[1:] == [(2, "Differential", 1), (3, "Full", 5)]
    assert found.updates[0].state is State.DONE
    assert len(station.tokens) == 5


async def test_a_station_that_refuses_the_whole_is_left_alone(central: Central) -> None:
    station = await keeper(central, "ocpp2.0.1")
    await central.token("WHOLE")
    station.refuses = ["Failed", "Failed", "Failed"]
    await update(central, station)
    found = await ended(central, station)
    assert station.sent == [(1, "Full", 1)]
    assert (found.updates[0].state, found.updates[0].outcome) == (State.REFUSED, "Failed")
    assert found.differs is None, "nobody knows what it holds"


@BOTH
async def test_a_station_that_lost_its_list_gets_the_whole(central: Central, version: str) -> None:
    station = await keeper(central, version)
    for each in "ABC":
        await central.token(f"LOST{each}")
    await update(central, station)
    await ended(central, station)
    station.tokens, station.list_version = {}, 0
    await central.token("LOSTD")
    await update(central, station)
    await ended(central, station)
    assert station.sent[1:] == [(2, "Full", 4)], "a version is never used again"
    assert len(station.tokens) == 4


async def test_a_list_that_somebody_else_sent_is_overwritten(central: Central) -> None:
    station = await keeper(central, "ocpp2.0.1")
    station.tokens, station.list_version = {"STRANGE": {"status": "Accepted"}}, 41
    await central.token("OURS")
    await update(central, station)
    await ended(central, station)
    assert (station.sent, set(station.tokens)) == ([(42, "Full", 1)], {"OURS"})


async def test_who_is_kept_out_of_a_station_is_on_the_lists_of_the_others(
    central: Central,
) -> None:
    """A rule that is made later takes its tokens off with the next update."""
    station, other = await keeper(central, "ocpp2.0.1"), await keeper(central, "ocpp1.6")
    await central.token("VAN", group_id="FLEET")
    await central.token("CAR")
    local_list_store.join(central.database, Doorkeeper())
    for each in (station, other):
        await update(central, each)
        await ended(central, each)
    assert set(station.tokens) == set(other.tokens) == {"VAN", "CAR"}
    async with central.database.unit_of_work() as db:
        await access.put(
            db,
            "fleet",
            organisation=None,
            conditions=Conditions(token_groups=("FLEET",)),
            allowed=[Place(TariffScope.STATION, other.identity)],
            is_on=True,
            now=central.clock.now(),
        )
    for each in (station, other):
        await update(central, each)
        await ended(central, each)
    assert (set(station.tokens), set(other.tokens)) == ({"CAR"}, {"VAN", "CAR"})


async def test_a_list_without_entries_has_no_version(central: Central) -> None:
    """An emptied list has version 0 at stations that take the standard at its word."""
    station = await keeper(central, "ocpp2.0.1")
    station.is_zero_when_empty = True
    await central.token("LAST")
    await update(central, station)
    await ended(central, station)
    await central.token("LAST", status="blocked")
    await update(central, station)
    found = await ended(central, station)
    assert (found.updates[0].state, station.tokens) == (State.DONE, {})
    assert found.held.version == 0


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ({"GetLocalListVersion": {"list_version": -1}}, "NotSupported"),
        ({"SendLocalList": {"status": "NotSupported"}}, "NotSupported"),
        ({"GetLocalListVersion": None}, "NotImplemented"),
    ],
)
async def test_a_station_without_lists_says_so(
    central: Central, answers: dict[str, Any], outcome: str
) -> None:
    station = await keeper(central, "ocpp1.6")
    await central.token("NOWHERE")
    station.answers |= answers
    await update(central, station)
    found = await ended(central, station)
    assert (found.updates[0].state, found.updates[0].outcome) == (State.UNSUPPORTED, outcome)


async def test_two_updates_do_not_run_at_once(central: Central) -> None:
    station = await keeper(central, "ocpp2.0.1")
    station.answers["GetBaseReport"] = {"status": "Accepted"}  # and the report never comes
    command = await ask(central, station.identity, "GetBaseReport", REPORT)
    async with central.database.unit_of_work() as db:
        await list_updates.begin(
            db, StationId(station.identity), command, by=BY, now=central.clock.now()
        )
        with pytest.raises(UpdateUnderWay):
            await list_updates.must_be_free(db, StationId(station.identity), central.clock.now())


async def test_what_an_expert_sends_by_hand_is_in_the_books(central: Central) -> None:
    station = await keeper(central, "ocpp1.6")
    payload = {
        "listVersion": 5,
        "updateType": "Full",
        "localAuthorizationList": [{"idTag": "HAND", "idTagInfo": {"status": "Accepted"}}],
    }
    await becomes(
        central,
        await ask(central, station.identity, "SendLocalList", payload),
        CommandState.EFFECTIVE,
    )
    found = (await shown(central, station)).held
    assert (found.version, set(found.entries), found.is_known) == (5, {"HAND"}, True)


async def test_a_part_whose_order_is_missing_ends_the_update(central: Central) -> None:
    station = await keeper(central, "ocpp2.0.1")
    await central.token("ORDERLESS")
    stranger = Asker("person-2", "Bert", OrganisationKey("other"), "page", is_authorised=False)
    await update(central, station, by=stranger)
    found = await ended(central, station)
    assert (found.updates[0].state, station.sent) == (State.FAILED, [])
    assert "order" in str(found.updates[0].outcome)


async def test_what_a_station_never_said_is_unknown(central: Central) -> None:
    station = await keeper(central, "ocpp2.0.1")
    found = await shown(central, station)
    assert (found.held, found.differs, found.is_up_to_date) == (Held(), None, False)


REPORT = {"requestId": 1, "reportBase": "FullInventory"}
