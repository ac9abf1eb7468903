"""A fleet over a month, and over a year: each true fault is told once and in time, and paid once.

What goes wrong is planned (`fleet.py`) and put before the program (`fleet_watch.py`), which is
killed again and again between finding something, telling it, and having it sent.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import pytest

from billing import credit_store
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import AlertChanged
from foundation.outbox import event_from
from tests.scenarios.fleet import HOUR, MINUTE, Fleet, Incident, Kind, planned
from tests.scenarios.fleet_watch import Watched, watching

RECOVERED_WITHIN: Final = 4 * HOUR
"""After the end: until it is heard again for a while, and stayed so, after many turns."""
_ROUTERS: Final = (Kind.ROUTER, Kind.ROUTER_FLAPPING)


@dataclass
class Found:
    """One alert as it was told."""

    number: int
    detection: str
    cause: str
    changes: list[str] = field(default_factory=list)
    told: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    """By station: when it was told that the alert is about it too."""
    over_at: datetime | None = None


@dataclass
class Account:
    """What came of a plan: which alert each incident became, and what nobody planned."""

    alerts: dict[int, Found]
    became: list[tuple[Incident, set[int]]]
    false: list[Found]


async def account_of(watched: Watched) -> Account:
    """Compare what was told with what was planned."""
    alerts: dict[int, Found] = {}
    for (payload,) in await watched.rows(
        "select payload from journal where kind = 'alert_changed' order by id"
    ):
        event = event_from(AlertChanged.kind, payload)
        assert isinstance(event, AlertChanged)
        found = alerts.setdefault(
            event.alert_id, Found(event.alert_id, event.detection, event.cause)
        )
        found.changes.append(event.change)
        if event.change in ("raised", "grown"):
            for each in event.stations:
                found.told[each].append(event.happened_at)
        if event.change in ("recovered", "closed"):
            found.over_at = event.happened_at
    became = []
    explained = set[int]()
    for incident in watched.fleet.incidents:
        its = {
            number
            for number, each in alerts.items()
            if (each.detection, each.cause) == (incident.watch, incident.cause)
            and any(
                _belongs(incident, at)
                for station in incident.stations
                for at in each.told.get(station, ())
            )
        }
        explained |= its
        became.append((incident, its))
    return Account(alerts, became, [alerts[each] for each in alerts.keys() - explained])


def _belongs(incident: Incident, at: datetime) -> bool:
    ends = incident.due if incident.ends is None else incident.ends
    return incident.begins <= at <= max(ends, incident.due) + RECOVERED_WITHIN


def every_true_fault_was_told_once_and_in_time(account: Account) -> None:
    wrong = []
    for incident, its in account.became:
        if not incident.is_true:
            continue
        if len(its) != 1:
            wrong.append((incident, f"{len(its)} alerts"))
            continue
        alert = account.alerts[next(iter(its))]
        for station in incident.stations:
            first = min(
                (at for at in alert.told.get(station, ()) if _belongs(incident, at)), default=None
            )
            if first is None or first > incident.due:
                wrong.append((incident, f"{station} told at {first}, due {incident.due}"))
    assert not wrong, "\n".join(map(str, wrong))


def each_alert_has_one_beginning_and_one_end(account: Account) -> None:
    wrong = []
    for each in account.alerts.values():
        counted = Counter(each.changes)
        if counted["raised"] != 1 or counted["recovered"] + counted["closed"] != 1:
            wrong.append(each)
    assert not wrong, "\n".join(map(str, wrong))
    late = []
    for incident, its in account.became:
        for number in its:
            over_at = account.alerts[number].over_at
            if incident.ends is None or over_at is None:
                continue
            flaps = incident.kind in (Kind.FLAPPING, Kind.ROUTER_FLAPPING)
            if over_at > incident.ends + RECOVERED_WITHIN or (
                over_at < incident.ends and not flaps
            ):
                late.append((incident, over_at))
    assert not late, "\n".join(map(str, late))


def fewer_than_one_false_alarm_in_a_thousand_station_days(account: Account, fleet: Fleet) -> None:
    station_days = len(fleet.stations) * fleet.days
    assert len(account.false) * 1000 < station_days, account.false


def ten_stations_behind_one_router_were_one_alert_and_one_sms(
    account: Account, watched: Watched
) -> None:
    routers = [(each, its) for each, its in account.became if each.kind in _ROUTERS]
    assert {each.kind for each, _ in routers} == set(_ROUTERS)
    came = Counter(
        (message.facts["alert"], str(message.facts["change"]))
        for message, _ in watched.telephones.came.values()
    )
    for incident, its in routers:
        assert len(incident.stations) == 10
        [number] = its
        assert set(account.alerts[number].told) == set(incident.stations)
        assert Counter(account.alerts[number].changes)["recovered"] == 1
        assert came[number, "raised"] <= 1
    raised = {number for number, change in came if change == "raised"}
    assert any(its <= raised for _, its in routers)


async def nothing_was_lost_on_the_way_to_people(account: Account, watched: Watched) -> None:
    """Each alert was told by SMS (or, without credits, listed in a letter) and by mail, once."""
    rows = await watched.rows(
        "select n.alert, n.occasion, n.state, r.channel, n.letter_at is not null, n.due_at,"
        " n.settled_at, n.carried_by from alert_notices n join alert_recipients r"
        " on r.id = n.recipient order by n.id"
    )
    told = Counter(
        (alert, channel) for alert, occasion, _, channel, *_ in rows if occasion == "raised"
    )
    assert {(number, channel) for number in account.alerts for channel in ("mail", "sms")} == set(
        told
    )
    assert set(told.values()) == {1}
    assert {state for _, _, state, *_ in rows} <= {"sent", "unpaid", "dropped"}
    assert all(is_listed for *_, state, _, is_listed, _, _, _ in rows if state == "unpaid")
    assert not [row for row in rows if row[2] == "dropped" and row[1] == "raised"]
    late = [row for row in rows if row[6] is None or row[6] > row[5] + MINUTE]
    assert not late
    assert await watched.rows("select 1 from deliveries") == []


async def what_was_spent_is_what_was_sent(watched: Watched) -> None:
    """The wallets' bookings, the messages that came, and the notices agree, owner by owner."""
    sent = dict(
        await watched.rows(
            "select r.account, count(*) from alert_notices n"
            " join alert_recipients r on r.id = n.recipient"
            " where r.channel = 'sms' and n.state = 'sent' and n.carried_by is null"
            " group by r.account"
        )
    )
    booked = dict(
        await watched.rows(
            "select account, -sum(quantity) from credit_bookings where service = 'sms'"
            " group by account"
        )
    )
    assert sent == booked
    assert sum(sent.values()) == len(watched.telephones.came)
    numbers = await watched.rows(
        "select r.account, r.target from alert_recipients r where r.channel = 'sms'"
    )
    came = Counter(message.target for message, _ in watched.telephones.came.values())
    for owner, target in set(map(tuple, numbers)):
        assert came[target] == sent.get(owner, 0)
    async with Database.unit_of_work(watched.database) as db:
        for owner in watched.owners:
            wallet = await credit_store.wallet(db, owner)
            assert wallet.reserved == 0
            assert wallet.balance == watched.bought[owner] - sent.get(owner, 0)


async def watch_over(
    fleet: Fleet, url: str, clock: SetClock, *, seed: int, credits_: int, deaths: float
) -> None:
    """Let a fleet live, and judge."""
    async with watching(fleet, url, clock, seed=seed, deaths=deaths) as watched:
        for owner in watched.owners[:-1]:
            await watched.buy(owner, 100_000)
        await watched.buy(watched.owners[-1], credits_)  # too little: some is told by mail alone
        await watched.live()
        watched.fate.chance = 0
        account = await account_of(watched)
        every_true_fault_was_told_once_and_in_time(account)
        each_alert_has_one_beginning_and_one_end(account)
        fewer_than_one_false_alarm_in_a_thousand_station_days(account, fleet)
        ten_stations_behind_one_router_were_one_alert_and_one_sms(account, watched)
        await nothing_was_lost_on_the_way_to_people(account, watched)
        await what_was_spent_is_what_was_sent(watched)
        assert await watched.rows("select 1 from alert_notices where state = 'unpaid'")
        assert len(watched.fate.deaths) == 4, "killed at each kind of place"


@pytest.mark.slow
async def test_a_fleet_of_fifty_over_thirty_days(database_url: str, clock: SetClock) -> None:
    fleet = planned(1, stations=50, days=30, owners=2, every_days=10)
    assert {each.kind for each in fleet.incidents} == set(Kind)
    await watch_over(fleet, database_url, clock, seed=1, credits_=20, deaths=0.02)


@pytest.mark.soak
@pytest.mark.timeout(7200)
async def test_a_fleet_of_five_hundred_over_a_year(database_url: str, clock: SetClock) -> None:
    fleet = planned(2, stations=500, days=365, owners=5, every_days=150)
    assert {each.kind for each in fleet.incidents} == set(Kind)
    await watch_over(fleet, database_url, clock, seed=2, credits_=200, deaths=0.01)
