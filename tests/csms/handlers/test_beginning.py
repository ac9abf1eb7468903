"""What is frozen at a start: the token, the place, the owner, as of the start."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from accounts import directory
from csms import administration, correcting
from csms.administration import ConnectorSettings, EvseSettings, StationSettings, TokenSettings
from csms.billing_decisions import decide
from csms.correcting import Corrected
from csms.handlers.beginning import _OF_START, _OF_TOKEN, completed
from csms.handlers.ending import transactions_ended
from csms.handlers.transactions import (
    transactions_started,
    transactions_updated,
)
from csms.reports import (
    AuthorizationStatus,
    IdTokenInfo,
    OcppVersion,
)
from csms.transactions import TransactionFacts
from foundation.events import TokenStatus, TransactionEnded, TransactionStarted
from foundation.identifiers import IdToken, OrganisationKey
from tests.csms.central import moment
from tests.csms.handlers.test_authorization import Door
from tests.csms.handlers.test_transactions import begun, over, said, stored
from tests.csms.handlers.work import BLOCKED, EXPIRED, GOOD, NO_CREDIT, OWNER, Work
from tests.csms.test_transactions import facts

V16, V201 = OcppVersion.V16, OcppVersion.V201

# ------------------------------------------------------------------------------------- tokens


@pytest.mark.parametrize(
    ("tag", "answered", "frozen"),
    [
        (GOOD, AuthorizationStatus.ACCEPTED, TokenStatus.ACCEPTED),
        (BLOCKED, AuthorizationStatus.BLOCKED, TokenStatus.BLOCKED),
        (NO_CREDIT, AuthorizationStatus.NO_CREDIT, TokenStatus.NO_CREDIT),
        ("NOBODY", AuthorizationStatus.INVALID, None),
    ],
)
async def test_a_refused_token_is_answered_so_and_its_transaction_is_kept(
    work: Work, tag: str, answered: AuthorizationStatus, frozen: TokenStatus | None
) -> None:
    [answer] = await transactions_started(work.db, work.context, [begun(work, idTag=tag)])
    assert answer.id_token_info is not None
    assert answer.id_token_info.status is answered
    [told] = await work.told(TransactionStarted)
    assert (told.token_status, told.id_token) == (frozen, IdToken(tag))


async def test_a_token_is_judged_as_of_the_start_not_of_its_delivery(work: Work) -> None:
    """It expired an hour ago by now, and was good when the car was plugged in."""
    early = await transactions_started(work.db, work.context, [begun(work, 0, idTag=EXPIRED)])
    late = await transactions_started(work.db, work.context, [begun(work, 480, idTag=EXPIRED)])
    assert early[0].id_token_info is not None
    assert early[0].id_token_info.status is AuthorizationStatus.ACCEPTED
    assert late[0].id_token_info == IdTokenInfo(AuthorizationStatus.EXPIRED)


async def test_a_token_that_charges_elsewhere_is_answered_concurrent_also_at_a_start(
    work: Work,
) -> None:
    await work.db.execute(_connected("CS-2"))
    await transactions_started(work.db, work.context, [begun(work, station="CS-2")])
    [answer] = await transactions_started(work.db, work.context, [begun(work, 5)])
    assert answer.id_token_info == IdTokenInfo(AuthorizationStatus.CONCURRENT_TX)


async def test_a_second_start_at_the_same_station_is_concurrent(work: Work) -> None:
    """The limit is the token's, wherever it charges; its next start at the same EVSE is none."""
    await work.db.execute(_connected("CS-1"))
    second = begun(work, 5, connectorId=2)
    answers = []
    for report in (begun(work), second, second, begun(work, 9), begun(work, -9, connectorId=2)):
        [answer] = await transactions_started(work.db, work.context, [report])
        answers.append(answer.id_token_info.status if answer.id_token_info else None)
    accepted, refused = AuthorizationStatus.ACCEPTED, AuthorizationStatus.CONCURRENT_TX
    assert answers[:3] == [accepted, refused, refused], "what is said again is answered the same"
    assert answers[3:] == [refused, accepted], (
        "refused while EVSE 2 charges; the late one was first"
    )


async def test_a_2x_token_shown_at_a_second_evse_is_concurrent(work: Work) -> None:
    await work.db.execute(_connected("CS-1"))
    card = {"idToken": GOOD, "type": "ISO14443"}
    nobody = {"idToken": "", "type": "Central"}
    plugged = [
        said(work, "Started", 0, minute, ref=f"tx-{evse}", evse={"id": evse}, idToken=nobody)
        for evse, minute in ((1, 0), (2, 1))
    ]
    await transactions_started(work.db, work.context, plugged)

    async def shown(evse: int, minute: int) -> AuthorizationStatus | None:
        said_now = said(
            work, "Updated", minute, minute, ref=f"tx-{evse}", evse={"id": evse}, idToken=card
        )
        [answer] = await transactions_updated(work.db, work.context, [said_now])
        return answer.id_token_info.status if answer.id_token_info else None

    accepted, refused = AuthorizationStatus.ACCEPTED, AuthorizationStatus.CONCURRENT_TX
    assert [await shown(2, 2), await shown(1, 3), await shown(1, 4)] == [accepted, refused, refused]
    frozen = {each.ref: each.authorization_status for each in await stored(work)}
    assert frozen == {"tx-1": "ConcurrentTx", "tx-2": "Accepted"}
    ends = said(work, "Ended", 5, 5, ref="tx-2", idToken=card, triggerReason="StopAuthorized")
    [end] = await transactions_ended(work.db, work.context, [ends])
    assert end.id_token_info is not None
    assert end.id_token_info.status is accepted, "it ends what it began"
    assert await shown(1, 6) is accepted, "nothing is in its way any more"
    assert {each.authorization_status for each in await stored(work)} == {"Accepted"}


async def test_a_good_token_is_blocked_at_a_start_where_it_may_not_charge(work: Work) -> None:
    """Its station let it by its list or its cache, and asked nobody."""
    door = Door("CS-1")
    context = replace(work.context, access=door, token_concurrency=0)
    reports = [
        begun(work),
        begun(work),
        begun(work, 5, station="CS-2"),
        begun(work, 6, station="CS-2", idTag=NO_CREDIT),
    ]
    answers = await transactions_started(work.db, context, reports)
    [later] = await transactions_started(work.db, context, reports[:1])
    assert [
        each.id_token_info.status.value for each in [*answers, later] if each.id_token_info
    ] == [
        "Blocked",
        "Blocked",
        "Accepted",
        "NoCredit",
        "Blocked",
    ]
    assert [(each.station, each.at, each.token_group, each.owner) for each in door.seen] == [
        ("CS-1", moment(0), "FAMILY", "root"),
        ("CS-2", moment(5), "FAMILY", "root"),
    ], "who is refused anyway is not asked about, nor who was asked about"
    one, *_ = await stored(work)
    assert (one.authorization_status, one.token_organisation) == ("Blocked", OWNER)
    told = await work.told(TransactionStarted)
    assert len(told) == 3, "also what was blocked is kept: the energy may have flowed"
    assert told[0].token_status is TokenStatus.ACCEPTED


async def test_a_2x_token_shown_later_is_blocked_while_it_may_not_charge(work: Work) -> None:
    """Shown again when it may, it is accepted; ending is never refused."""
    closed = replace(work.context, access=Door("CS-1"))
    nobody, card = ({"idToken": each, "type": "ISO14443"} for each in ("", GOOD))
    nobody["type"] = "Central"
    await transactions_started(work.db, closed, [said(work, "Started", 0, 0, idToken=nobody)])
    answers = []
    for minute, context in ((1, closed), (2, closed), (3, work.context), (4, closed)):
        report = said(work, "Updated", minute, minute, idToken=card)
        [answer] = await transactions_updated(work.db, context, [report])
        answers.append(answer.id_token_info.status.value if answer.id_token_info else None)
    assert answers == ["Blocked", "Blocked", "Accepted", "Accepted"]
    [transaction] = await stored(work)
    assert (transaction.id_token, transaction.authorization_status) == (GOOD, "Accepted")


def _connected(station: str) -> Any:
    return text(
        "insert into station_connections (station, node, epoch, version, connected_at,"
        " last_heard_at, silence) values (:s, 'n', 1, 'ocpp1.6', now(), now(), 'online')"
    ).bindparams(s=station)


async def test_where_charging_is_free_every_token_is_accepted(work: Work) -> None:
    await administration.change_station(
        work.db, "CS-1", StationSettings(free_vend=True), now=work.clock.now()
    )
    reports = [begun(work, idTag="NOBODY"), begun(work, 1, idTag="")]
    answers = await transactions_started(work.db, work.context, reports)
    assert [answer.id_token_info for answer in answers] == [
        IdTokenInfo(AuthorizationStatus.ACCEPTED)
    ] * 2
    assert [each.free_vend for each in await work.told(TransactionStarted)] == [True, True]


async def test_where_charging_is_free_a_2x_token_that_comes_later_is_accepted(work: Work) -> None:
    await administration.change_station(
        work.db, "CS-1", StationSettings(free_vend=True), now=work.clock.now()
    )
    nobody = {"idToken": "", "type": "Central"}
    await transactions_started(work.db, work.context, [said(work, "Started", 0, 0, idToken=nobody)])
    shown = said(work, "Updated", 1, 1, idToken={"idToken": "NOBODY", "type": "ISO14443"})
    [update] = await transactions_updated(work.db, work.context, [shown])
    assert update.id_token_info == IdTokenInfo(AuthorizationStatus.ACCEPTED)


async def test_a_2x_token_that_comes_later_is_the_payer_and_is_answered(work: Work) -> None:
    plugged = said(work, "Started", 0, 0, idToken={"idToken": "", "type": "Central"})
    [answer] = await transactions_started(work.db, work.context, [plugged])
    assert answer.id_token_info is None
    shown = said(work, "Updated", 1, 1, idToken={"idToken": GOOD, "type": "ISO14443"})
    [update] = await transactions_updated(work.db, work.context, [shown])
    assert update.id_token_info is not None
    assert update.id_token_info.status is AuthorizationStatus.ACCEPTED
    other = said(work, "Ended", 2, 60, idToken={"idToken": BLOCKED, "type": "ISO14443"})
    [end] = await transactions_ended(work.db, work.context, [other])
    assert end.id_token_info is not None
    assert end.id_token_info.status is AuthorizationStatus.BLOCKED
    [transaction] = await stored(work)
    assert (transaction.id_token, transaction.authorization_status) == (GOOD, "Accepted")


async def test_a_2x_transaction_without_authorization_is_accepted(work: Work) -> None:
    report = said(work, "Started", 0, 0, idToken={"idToken": "", "type": "NoAuthorization"})
    [answer] = await transactions_started(work.db, work.context, [report])
    assert answer.id_token_info == IdTokenInfo(AuthorizationStatus.ACCEPTED)


# ------------------------------------------------------------------------------- dated facts


async def test_what_holds_at_the_start_is_frozen_as_of_the_start(work: Work) -> None:
    """Station and token changed hands before a late start arrived."""
    now = work.clock.now()
    heir = OrganisationKey("heir")
    await directory.create_organisation(work.db, heir, {"name": "Heir"}, now=now)
    handed_over = moment(100)
    await administration.change_station(
        work.db, "CS-1", StationSettings(organisation=heir), now=handed_over
    )
    await administration.set_id_tokens(
        work.db, [TokenSettings(id_token=GOOD, organisation=heir)], now=handed_over
    )
    await transactions_started(
        work.db, work.context, [begun(work, 99), begun(work, 100), begun(work, 101)]
    )
    told = await work.told(TransactionStarted)
    assert [(each.owner, each.token_organisation) for each in told] == [
        (OWNER, OWNER),
        (heir, heir),
        (heir, heir),
    ]


async def test_place_zone_and_power_are_frozen_too(work: Work) -> None:
    await administration.set_location(
        work.db,
        administration.LocationSettings(
            key="garage", organisation=OWNER, name="Garage", time_zone="Europe/Lisbon"
        ),
        create=True,
    )
    plug = ConnectorSettings(connector_id=1, max_power_w=Decimal(11_000))
    await administration.change_station(
        work.db,
        "CS-1",
        StationSettings(location="garage", evses=[EvseSettings(evse_id=1, connectors=[plug])]),
        now=work.clock.now(),
    )
    [answer] = await transactions_started(work.db, work.context, [begun(work)])
    await transactions_ended(work.db, work.context, [over(work, answer.transaction_id)])
    [ended] = await work.told(TransactionEnded)
    assert (ended.location, ended.time_zone) == ("garage", "Europe/Lisbon")
    assert ended.max_power_w == 11_000


async def test_a_transaction_without_its_start_is_judged_by_what_is_known(work: Work) -> None:
    report = said(work, "Updated", 4, 30, idToken={"idToken": GOOD, "type": "ISO14443"})
    await transactions_updated(work.db, work.context, [report])
    [transaction] = await stored(work)
    assert (transaction.state, transaction.id_token) == ("active", GOOD)
    assert transaction.started_at == moment(30)
    assert await work.told(TransactionStarted) == []
    # An earlier event comes later: it began before.
    await transactions_updated(work.db, work.context, [said(work, "Updated", 2, 10)])
    assert (await stored(work))[0].started_at == moment(10)
    # And its start after all.
    await transactions_started(work.db, work.context, [said(work, "Started", 0, 0)])
    [transaction] = await stored(work)
    assert (transaction.started_at, transaction.state) == (moment(0), "active")
    assert len(await work.told(TransactionStarted)) == 1


async def test_the_charging_state_is_the_newest_also_when_the_start_comes_late(work: Work) -> None:
    report = said(work, "Updated", 1, 10, chargingState="SuspendedEV")
    await transactions_updated(work.db, work.context, [report])
    await transactions_started(
        work.db, work.context, [said(work, "Started", 0, 0, chargingState="EVConnected")]
    )
    assert (await stored(work))[0].charging_state == "SuspendedEV"


async def test_a_start_that_comes_late_takes_back_no_decision_and_no_correction(
    work: Work,
) -> None:
    await transactions_updated(work.db, work.context, [said(work, "Updated", 1, 10)])
    [transaction] = await stored(work)
    number = transaction.transaction_id
    await decide(work.db, {number: "free"}, now=work.clock.now())
    await correcting.correct(
        work.db,
        directory.WHOLE,
        number,
        Corrected(ended_at=moment(60), energy_wh=Decimal(3000)),
        by="person/7",
        reason="Seen on the meter",
        now=work.clock.now(),
    )

    await transactions_started(work.db, work.context, [said(work, "Started", 0, 0)])

    ended = (await work.told(TransactionEnded))[-1]
    assert (ended.revision, ended.started_at, ended.ended_at) == (2, moment(0), moment(60))
    assert (ended.energy_wh, ended.corrected_by) == (Decimal(3000), "person/7")
    assert ended.billing_decision == "free"


def test_a_late_start_brings_what_a_start_says_and_keeps_all_else() -> None:
    """Whatever a transaction is to remember in future: a start that comes late leaves it alone."""
    start = facts(ref="2|a", evse_id=2, owner="heir", started_at=moment(-9), first_seq_no=3)
    before = facts(ref="2|a", start_seen=False)
    of_start = {*_OF_START, *_OF_TOKEN, "authorization_status", "charging_state"}
    for name in set(TransactionFacts.__struct_fields__) - of_start:
        setattr(before, name, f"before {name}")
    whole = completed(before, start)
    changed = {"clock_wrong", "available_since"}
    assert {
        name
        for name in TransactionFacts.__struct_fields__
        if getattr(whole, name) != getattr(before, name)
    } <= {*_OF_START, *_OF_TOKEN, *changed}
    assert (whole.evse_id, whole.owner, whole.started_at) == (2, "heir", moment(-9))


async def test_a_2x_token_that_comes_later_is_told_with_the_start_again(work: Work) -> None:
    """Terms and stops were frozen without it: whoever froze them hears whose card it is."""
    plugged = said(work, "Started", 0, 0, idToken={"idToken": "", "type": "Central"})
    await transactions_started(work.db, work.context, [plugged])
    shown = said(work, "Updated", 1, 1, idToken={"idToken": GOOD, "type": "ISO14443"})
    await transactions_updated(work.db, work.context, [shown])
    told = await work.told(TransactionStarted)
    assert [(each.id_token, each.token_organisation) for each in told] == [
        (None, None),
        (IdToken(GOOD), OWNER),
    ]
    assert told[1].started_at == moment(0)
    # Said again, and with another card, it is nothing new.
    other = said(work, "Updated", 2, 2, idToken={"idToken": BLOCKED, "type": "ISO14443"})
    await transactions_updated(work.db, work.context, [shown])
    await transactions_updated(work.db, work.context, [other])
    assert len(await work.told(TransactionStarted)) == 2


async def test_a_2x_token_that_comes_after_the_end_is_told_as_a_further_revision(
    work: Work,
) -> None:
    plugged = said(work, "Started", 0, 0, idToken=None)
    await transactions_started(work.db, work.context, [plugged])
    await transactions_ended(work.db, work.context, [said(work, "Ended", 1, 60)])
    shown = said(work, "Updated", 2, 1, idToken={"idToken": GOOD, "type": "ISO14443"})
    await transactions_updated(work.db, work.context, [shown])
    first, second = await work.told(TransactionEnded)
    assert (first.id_token, second.id_token) == (None, IdToken(GOOD))
    assert (second.revision, second.energy_wh) == (2, first.energy_wh)
    assert len(await work.told(TransactionStarted)) == 1
