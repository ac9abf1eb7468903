"""Who may charge: exactly one of six answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from csms import administration, store
from csms.administration import TokenSettings
from csms.handlers.authorization import authorize, id_token_info, needs_no_token, token_status
from csms.handlers.context import Presented
from csms.handlers.transactions import transactions_started
from csms.reports import (
    AuthorizationStatus,
    AuthorizeReport,
    IdTokenInfo,
    OcppVersion,
    TransactionStartReport,
)
from csms.store import Opened
from csms.token_store import TokenFacts
from foundation.events import TokenStatus
from foundation.identifiers import IdToken, StationId
from foundation.statements import Asked
from tests.csms.central import start
from tests.csms.handlers.work import BLOCKED, EXPIRED, GOOD, INVALID, NO_CREDIT, OWNER, Work

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)


async def asked(work: Work, token: str, *, station: str = "CS-1") -> IdTokenInfo:
    report = work.report(
        OcppVersion.V16, "Authorize", {"idTag": token}, AuthorizeReport, station=station
    )
    [answer] = await authorize(work.db, work.context, [report])
    return answer.id_token_info


@pytest.mark.parametrize(
    ("token", "status"),
    [
        (GOOD, AuthorizationStatus.ACCEPTED),
        (BLOCKED, AuthorizationStatus.BLOCKED),
        (EXPIRED, AuthorizationStatus.EXPIRED),
        (NO_CREDIT, AuthorizationStatus.NO_CREDIT),
        (INVALID, AuthorizationStatus.INVALID),
        ("NOBODY-KNOWS", AuthorizationStatus.INVALID),
        ("", AuthorizationStatus.INVALID),
        ("g:o:o:d", AuthorizationStatus.ACCEPTED),
    ],
)
async def test_a_token_is_answered_by_what_is_known_of_it(
    work: Work, token: str, status: AuthorizationStatus
) -> None:
    assert (await asked(work, token)).status is status


async def test_an_accepted_token_is_answered_with_its_group(work: Work) -> None:
    info = await asked(work, GOOD)
    assert (info.group, info.valid_until) == (IdToken("FAMILY"), None)
    assert (await asked(work, BLOCKED)).group is None, "only who may charge learns of it"


async def test_many_tokens_are_answered_in_the_order_asked(work: Work) -> None:
    reports = [
        work.report(OcppVersion.V16, "Authorize", {"idTag": token}, AuthorizeReport)
        for token in (GOOD, "NOBODY", BLOCKED, GOOD)
    ]
    answers = await authorize(work.db, work.context, reports)
    assert [answer.id_token_info.status for answer in answers] == [
        AuthorizationStatus.ACCEPTED,
        AuthorizationStatus.INVALID,
        AuthorizationStatus.BLOCKED,
        AuthorizationStatus.ACCEPTED,
    ]


async def charging_at(work: Work, station: str) -> None:
    opened = Opened(StationId(station), "node", OcppVersion.V16, "", work.clock.now())
    await store.open_connections(work.db, [opened])
    report = work.report(
        OcppVersion.V16,
        "StartTransaction",
        start(0, tag=GOOD),
        TransactionStartReport,
        station=station,
    )
    await transactions_started(work.db, work.context, [report])


async def test_a_token_that_charges_elsewhere_is_answered_concurrent(work: Work) -> None:
    await charging_at(work, "CS-2")
    assert (await asked(work, GOOD)).status is AuthorizationStatus.CONCURRENT_TX


async def test_at_its_own_station_a_token_ends_its_transaction(work: Work) -> None:
    await charging_at(work, "CS-1")
    assert (await asked(work, GOOD)).status is AuthorizationStatus.ACCEPTED


async def test_where_any_number_is_allowed_nothing_is_concurrent(work: Work) -> None:
    work.token_concurrency = 0
    await charging_at(work, "CS-2")
    assert (await asked(work, GOOD)).status is AuthorizationStatus.ACCEPTED


async def test_an_open_transaction_at_a_station_out_of_reach_blocks_no_card(work: Work) -> None:
    await charging_at(work, "CS-2")
    gone = store.Closed(StationId("CS-2"), 1, "lost", work.clock.now())
    await store.close_connections(work.db, [gone])
    assert (await asked(work, GOOD)).status is AuthorizationStatus.ACCEPTED


async def test_a_station_that_charges_without_authorization_needs_no_token(work: Work) -> None:
    payload = {"idToken": {"idToken": "", "type": "NoAuthorization"}}
    report = work.report(OcppVersion.V201, "Authorize", payload, AuthorizeReport)
    assert report.id_token == IdToken("", "NoAuthorization")
    [answer] = await authorize(work.db, work.context, [report])
    assert answer.id_token_info.status is AuthorizationStatus.ACCEPTED


def facts(**changes: object) -> TokenFacts:
    known: dict[str, object] = {
        "key": "X",
        "status": "accepted",
        "group_id": None,
        "valid_until": None,
        "organisation": "owner",
        "provider": None,
        "active": 0,
    }
    return TokenFacts(**(known | changes))  # type: ignore[arg-type]


def test_a_token_is_valid_until_its_last_moment_and_not_in_it() -> None:
    token = facts(valid_until=NOW)
    assert token_status(token, NOW - timedelta(microseconds=1)) is TokenStatus.ACCEPTED
    assert token_status(token, NOW) is TokenStatus.EXPIRED


def test_a_token_that_nobody_answers_for_is_unknown() -> None:
    assert token_status(facts(organisation=None), NOW) is None
    assert token_status(facts(organisation=None, provider="DE*ABC"), NOW) is TokenStatus.ACCEPTED
    assert token_status(None, NOW) is None


def test_as_many_transactions_as_allowed_are_not_too_many() -> None:
    assert id_token_info(facts(active=1), NOW, 2).status is AuthorizationStatus.ACCEPTED
    assert id_token_info(facts(active=2), NOW, 2).status is AuthorizationStatus.CONCURRENT_TX
    blocked = facts(active=2, status="blocked")
    assert id_token_info(blocked, NOW, 2).status is AuthorizationStatus.BLOCKED


def test_only_the_type_says_that_no_token_is_needed() -> None:
    assert needs_no_token(IdToken("X", "NoAuthorization"))
    assert not needs_no_token(IdToken("NoAuthorization"))
    assert not needs_no_token(None)


@dataclass(frozen=True)
class Door:
    """Rules that keep one station's tokens out; without one, nobody is asked about."""

    closed: str | None
    seen: list[Presented] = field(default_factory=list)

    def rules(self) -> Asked[str | None]:
        return Asked("select 1", [], lambda _: self.closed)

    async def refused(
        self, db: AsyncSession, rules: object, presented: Sequence[Presented]
    ) -> list[bool]:
        self.seen.extend(presented)
        return [each.station == rules for each in presented]


async def test_a_good_token_is_blocked_where_it_may_not_charge(work: Work) -> None:
    """Whoever is refused anyway is not asked about; without rules nobody is."""
    door = Door("CS-1")
    context = replace(work.context, access=door)
    reports = [
        work.report(
            OcppVersion.V16, "Authorize", {"idTag": token}, AuthorizeReport, station=station
        )
        for token, station in ((GOOD, "CS-1"), (GOOD, "CS-2"), (EXPIRED, "CS-2"), ("X", "CS-1"))
    ]
    answers = await authorize(work.db, context, reports)

    assert [each.id_token_info.status.value for each in answers] == [
        "Blocked",
        "Accepted",
        "Expired",
        "Invalid",
    ]
    assert [(each.station, each.token_group, each.owner) for each in door.seen] == [
        ("CS-1", "FAMILY", "root"),
        ("CS-2", "FAMILY", "root"),
    ]
    opened = Door(None)
    [answer] = await authorize(work.db, replace(work.context, access=opened), reports[:1])
    assert answer.id_token_info.status is AuthorizationStatus.ACCEPTED
    assert opened.seen == []


async def test_a_card_ends_what_it_charges_also_where_it_may_not_charge_any_more(
    work: Work,
) -> None:
    """Its hours are over, say: it, and each of its group, is let to the station that it uses."""
    companion = TokenSettings(id_token="KIN", organisation=OWNER, group_id="FAMILY")
    stranger = TokenSettings(id_token="OTHER", organisation=OWNER)
    await administration.set_id_tokens(work.db, [companion, stranger], now=work.clock.now())
    await charging_at(work, "CS-1")
    context = replace(work.context, access=Door("CS-1"))
    reports = [
        work.report(OcppVersion.V16, "Authorize", {"idTag": token}, AuthorizeReport)
        for token in (GOOD, "KIN", "OTHER")
    ]
    answers = await authorize(work.db, context, reports)
    assert [each.id_token_info.status.value for each in answers] == [
        "Accepted",
        "Accepted",
        "Blocked",
    ]
    [elsewhere] = await authorize(
        work.db,
        replace(work.context, access=Door("CS-2"), token_concurrency=0),
        [
            work.report(
                OcppVersion.V16, "Authorize", {"idTag": GOOD}, AuthorizeReport, station="CS-2"
            )
        ],
    )
    assert elsewhere.id_token_info.status is AuthorizationStatus.BLOCKED


# ------------------------------------------------------------------- master pass, MAC, free vend


def test_a_master_pass_is_accepted_when_asked_about_and_starts_nothing() -> None:
    token = facts(group_id="MASTER", is_master_pass=True)
    info = id_token_info(token, NOW, 1)
    assert (info.status, info.group) == (AuthorizationStatus.ACCEPTED, IdToken("MASTER"))
    assert id_token_info(token, NOW, 1, is_start=True).status is AuthorizationStatus.BLOCKED
    assert (
        id_token_info(facts(group_id="MASTER"), NOW, 1, is_start=True).status
        is AuthorizationStatus.ACCEPTED
    )


@pytest.mark.parametrize(
    ("registered", "presented", "status"),
    [
        ("MacAddress", "MacAddress", AuthorizationStatus.ACCEPTED),
        ("ISO14443", "MacAddress", AuthorizationStatus.INVALID),
        ("MacAddress", "ISO14443", AuthorizationStatus.ACCEPTED),  # 1.6 names no types
        ("Central", "ISO14443", AuthorizationStatus.ACCEPTED),
    ],
)
def test_a_mac_address_counts_only_where_it_is_registered_as_one(
    registered: str, presented: str, status: AuthorizationStatus
) -> None:
    token = facts(type=registered)
    info = id_token_info(token, NOW, 1, presented=IdToken("A1B2C3D4E5F6", presented))
    assert info.status is status


async def test_a_vehicle_is_known_by_its_mac_address_however_it_is_written(work: Work) -> None:
    settings = TokenSettings(id_token="A1:B2:C3:D4:E5:F6", type="MacAddress", organisation=OWNER)
    await administration.set_id_tokens(work.db, [settings], now=work.clock.now())
    payload = {"idToken": {"idToken": "a1b2c3d4e5f6", "type": "MacAddress"}}
    report = work.report(OcppVersion.V201, "Authorize", payload, AuthorizeReport)
    [answer] = await authorize(work.db, work.context, [report])
    assert answer.id_token_info.status is AuthorizationStatus.ACCEPTED


async def test_at_a_free_vend_station_whatever_is_presented_may_charge(work: Work) -> None:
    await work.db.execute(text("update stations set free_vend = true where identity = 'CS-1'"))
    reports = [
        work.report(OcppVersion.V16, "Authorize", {"idTag": "DUMMY"}, AuthorizeReport, station=each)
        for each in ("CS-1", "CS-2")
    ]
    answers = await authorize(work.db, work.context, reports)
    assert [each.id_token_info.status for each in answers] == [
        AuthorizationStatus.ACCEPTED,
        AuthorizationStatus.INVALID,
    ]
