"""Where an amount comes from, and whether everything agrees, by command."""

import psycopg
import pytest
import uvloop

from tests.app.cli.story import MONTH, charge, settle
from tests.app.conftest import Cli

_TRANSACTION = """
insert into stations (identity, time_zone, admission, boot_policy, security_profile, aliases,
  items_per_message, free_vend, created_at)
values ('S-bakery', 'UTC', 'accepted', 'accept', 0, '{}', '{}', false, now())
on conflict do nothing;
insert into transactions (id, station, ref, generation, version, evse_id, connector_id, state,
  revision, owner, time_zone, free_vend, station_waiting, start_seen, offline, started_at,
  start_reported_at, start_received_at, meter_start_wh, meter_stop_wh, energy_wh, clock_wrong,
  ended_at, doubts, conflicting_ends)
select n, 'S-bakery', '1|' || n, 0, 'ocpp1.6', 1, 1, 'ended', 1, 'bakery', 'UTC', false, false,
  true, false, t.at, t.at, t.at, 1000, 1000 + n * 10000, n * 10000, false,
  t.at + interval '1 hour', '{}', 0
from generate_series(1, 2) as n,
  lateral (select timestamptz '2024-03-15 12:00+00' + n * interval '2 hours' as at) as t;
insert into reports (station, transaction_id, evse_id, kind, version, epoch, received_at, skew_s,
  digest, raw, repairs)
values ('S-bakery', 2, 1, 'end', 'ocpp1.6', 1, now(), 0, 'x', '[2,"9","StopTransaction",{}]', '{}')
"""


@pytest.fixture
def closed(cli: Cli, database_url: str) -> Cli:
    """Two sessions of the bakery, as csms and billing know them, in a month that is closed."""
    settle(cli)
    uvloop.run(charge(database_url))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_TRANSACTION)
    assert cli("close-month", MONTH).status == 0
    return cli


def test_a_line_is_explained_from_the_frame_to_the_cent(closed: Cli) -> None:
    told = closed("explain", "2")
    assert told.status == 0
    text = told.out
    for part in ("StopTransaction", "20.000 kWh", "€8.00", "Statement line bakery-2024-03-EUR/2"):
        assert part in text
    by_line = closed("explain", "bakery-2024-03-EUR/2", "--json").json
    assert by_line == closed("explain", "2", "--json").json
    assert by_line["holds"] is True
    assert by_line["messages"][0]["raw"].startswith("[2,")
    [line] = by_line["lines"]
    assert line["payout"] == {"amount": "8.00", "currency": "EUR"}
    assert sum(float(each["amount"]["amount"]) for each in line["entries"][0]["postings"]) == 0


def test_a_line_that_does_not_exist_is_refused(closed: Cli) -> None:
    for wrong in ("77", "bakery-2024-03-EUR/3", "seven"):
        refused = closed("explain", wrong)
        assert refused.status == 1
        assert wrong in refused.err


def test_a_cent_that_was_moved_breaks_the_chain_and_the_reconciliation(
    closed: Cli, database_url: str
) -> None:
    agreed = closed("reconcile", MONTH, "--json")
    assert (agreed.status, agreed.json["unexplained"]) == (0, 0)
    assert (agreed.json["sessions"], agreed.json["records"]) == (2, 2)

    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("alter table statement_lines disable trigger all")
        connection.execute("update statement_lines set payout_minor = 801 where position = 2")

    broken = closed("explain", "2")
    assert broken.status == 1
    assert "! The payout is the share" in broken.out
    found = closed("reconcile", MONTH, "--payee", "bakery", "--json")
    assert found.status == 1
    assert [each["kind"] for each in found.json["differences"] if not each["explanation"]] == [
        "other_lines"
    ]


def test_examples_of_time_are_tried_on_the_zones_of_the_installation(cli: Cli) -> None:
    tried = cli("check-time", "--year", "2026", "--json")
    assert tried.status == 0
    assert {each["holds"] for each in tried.json} == {True}
    two = cli("check-time", "--zone", "Europe/Berlin", "--zone", "Europe/Lisbon", "--json").json
    assert "two_zones" in {each["example"] for each in two}
    refused = cli("check-time", "--zone", "Europe/Atlantis")
    assert (refused.status, "is no time zone" in refused.err) == (1, True)
